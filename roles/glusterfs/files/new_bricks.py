# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directories that are to become bricks of this host, or to be started as such: may gluster have each of them?

    python3 - QUESTION     says nothing, or ends with every reason to refuse

QUESTION is JSON: {name, bricks, mounts, elsewhere, force}. `replace-brick` of gluster knows only `commit force`, which
takes every directory on the new brick's host: one on the root file system, because its own is not mounted, and one with
the files and the mark of a volume, which may be read as if they were good. The host that speaks for the pool sees only
its own directories, so each host looks at its own.

`volume start ... force`, the way to bring up a brick that is down, does the like: where the directory is not there the
brick stays down, but one without the volume's mark gets it (glusterd-volume-ops.c, glusterd_op_stage_start_volume). The
empty directory below a disk that is not mounted passes for the brick then. Its process ends for want of .glusterfs;
where there is one it starts, empty, and nothing is to be healed (both seen with 10.3).

`bricks` are directories of this host, which the others call `name`; `mounts`, in check mode, what would be mounted by
then; `elsewhere` are bricks ({host, path}) of hosts that nobody looks at: only gluster can tell that they are old ones.
"""

from __future__ import annotations

import glob
import json
import os
import socket
import sys
from typing import Iterator

HOME = "/var/lib/glusterd"
# glusterd-utils.c, glusterd_is_path_in_use
MARK = "trusted.glusterfs.volume-id"
ROOT = "trusted.gfid"  # set by the brick process on its first start


def main(arguments: list[str]) -> None:
    problems = list(look(**json.loads(arguments[0])))
    if problems:
        sys.exit("\n".join(problems))


def look(
    name: str, bricks: list[str], mounts: list[str], elsewhere: list[dict[str, str]], force: bool
) -> Iterator[str]:
    known = _known()
    own_uuid = _settings(f"{HOME}/glusterd.info").get("UUID", "")
    own = {path for uuid, path in known if uuid == own_uuid}
    for path in map(os.path.normpath, bricks):
        is_known = {path, os.path.realpath(path)} & own
        problems = _lost(path, own_uuid) if is_known else _unfit(path, mounts, force)
        yield from (f"glusterfs_volumes: {name}:{path} {problem}" for problem in problems)
    for brick in elsewhere:
        uuid = _member(brick["host"])
        if uuid and (uuid, os.path.normpath(brick["path"])) not in known:
            yield (
                f"glusterfs_volumes: {brick['host']}:{brick['path']} is to become a brick, and its host is not in this "
                "run by that name: nobody has looked at what is there, and gluster replaces a brick by whatever "
                "directory it is given; run the role on that host, too, and call it by its name in the inventory"
            )


def _unfit(path: str, mounts: list[str], force: bool) -> Iterator[str]:
    """Why gluster may not have a directory that it does not know as a brick."""
    if (_has(path, MARK) or _has(path, ROOT)) and not _is_left_over(path):
        yield (
            "carries the mark of a volume: it was a brick of one; when nothing in it is needed, remove it "
            f"(rm -r {path}), or choose another directory"
        )
    if force:
        return
    if os.path.ismount(path):
        yield (
            "is itself a mount point, below which an empty directory is when its disk is missing; give the brick a "
            "directory of the file system that is mounted there, or say glusterfs_force: true"
        )
    elif _device_of(path) == os.stat("/").st_dev and not any(
        f"{path}/".startswith(f"{each}/") for each in map(os.path.normpath, mounts)
    ):
        yield (
            "would lie on the root file system; mount the one that is meant for it (see `findmnt` and `lsblk` there), "
            "choose another directory, or say glusterfs_force: true"
        )


def _lost(path: str, uuid: str) -> Iterator[str]:
    """Why a brick that gluster knows must not be started. It starts no stopped volume without looking for the mark."""
    if not os.path.isdir(path) or _has(path, MARK):
        return
    for file in glob.glob(f"{HOME}/vols/*/bricks/*"):
        volume = os.path.dirname(os.path.dirname(file))
        settings = _settings(file)
        is_it = settings.get("uuid") == uuid and path in (settings.get("path"), settings.get("real_path"))
        if is_it and _settings(f"{volume}/info").get("status") == "1":
            brick = f"{os.path.basename(volume)} {settings.get('hostname')}:{settings.get('path')}"
            yield (
                "is a brick without the mark of its volume: its disk is not mounted, or is not the one that it was, "
                "and gluster would take the directory for it; mount its disk; where that is lost and an empty "
                f"one in its place, have it filled from the others: `gluster volume reset-brick {brick} start`, and "
                f"then `gluster volume reset-brick {brick} {brick.split()[1]} commit force`"
            )


def _is_left_over(path: str) -> bool:
    """Whether this is what a creation that gluster refused has left: nothing has ever been stored in it. The role takes
    such directories back when gluster refuses them again."""
    if _has(path, ROOT) or set(os.listdir(path)) - {".glusterfs"}:
        return False
    return not os.path.isdir(f"{path}/.glusterfs") or not os.listdir(f"{path}/.glusterfs")


def _device_of(path: str) -> int:
    while not os.path.exists(path):
        path = os.path.dirname(path)
    return os.stat(path).st_dev


def _has(path: str, name: str) -> bool:
    try:
        os.getxattr(path, name)
    except OSError:
        return False
    return True


def _known() -> set[tuple[str, str]]:
    """All bricks that gluster knows, of all hosts, as (UUID of the host, directory)."""
    known = set()
    for file in glob.glob(f"{HOME}/vols/*/bricks/*"):
        settings = _settings(file)
        known |= {(settings.get("uuid", ""), settings.get(key, "")) for key in ("path", "real_path")}
    return known


def _member(host: str) -> str:
    """The UUID of another host of the pool. Empty for this host, and for strangers, whom the pool will not have."""
    for file in glob.glob(f"{HOME}/peers/*"):
        settings = _settings(file)
        names = [value for key, value in settings.items() if key.startswith("hostname")]
        if host.lower() in map(str.lower, names) or any(_addresses(host) & _addresses(name) for name in names):
            return settings.get("uuid", "")
    return ""


def _addresses(host: str) -> set[str]:
    try:
        return {str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        return set()


def _settings(path: str) -> dict[str, str]:
    try:
        with open(path, encoding="utf-8") as file:
            return dict(line.strip().split("=", 1) for line in file if "=" in line)
    except FileNotFoundError:
        return {}


if __name__ == "__main__":
    main(sys.argv[1:])
