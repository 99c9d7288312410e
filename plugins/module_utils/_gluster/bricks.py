# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directories of bricks on this host, and the mark that glusterd puts on them.

`volume create` marks the directories of its own host first, and leaves the marks when another host then refuses: the
next attempt would fail with *already part of a volume*. What a refused creation left here is taken back; nothing that a
brick process has ever used is touched, since only empty directories can be removed this way.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import Iterable

# glusterd-utils.c, glusterd_is_path_in_use: either one, on the directory or above it, says that it belongs to a volume.
_MARK = "trusted.glusterfs.volume-id"
_ROOT = "trusted.gfid"  # set by the brick process on its first start


@dataclass(frozen=True)
class Directory:
    """A brick's directory on this host, as it was before."""

    path: str
    existed: bool
    marked: bool


def directories(paths: Iterable[str]) -> tuple[Directory, ...]:
    return tuple(Directory(path, os.path.isdir(path), _is_marked(path)) for path in paths)


def not_on_lvm(paths: Iterable[str], sysfs: str = "/sys") -> frozenset[str]:
    """Those on a device that is no logical volume, of which gluster takes no snapshot. Where it cannot be told (a file
    system without a device, such as ZFS, which 11 has snapshots of) a path is not among them."""
    return frozenset(path for path in paths if _is_on_lvm(path, sysfs) is False)


def _is_on_lvm(path: str, sysfs: str) -> bool | None:
    while not os.path.exists(path):
        path = os.path.dirname(path)
    device = os.stat(path).st_dev
    about = os.path.join(sysfs, "dev", "block", f"{os.major(device)}:{os.minor(device)}")
    if not os.path.isdir(about):
        return None
    try:
        with open(os.path.join(about, "dm", "uuid"), encoding="ascii") as file:
            return file.read().startswith("LVM-")
    except FileNotFoundError:
        return False


def take_back(before: Iterable[Directory]) -> None:
    """Remove what a refused creation left in directories that carried no mark before it."""
    for directory in before:
        if directory.marked or not _is_marked(directory.path) or _has(directory.path, _ROOT):
            continue
        with contextlib.suppress(OSError):  # not empty: somebody's files, which stay, and so does the mark that says so
            os.rmdir(os.path.join(directory.path, ".glusterfs"))
            if directory.existed:
                os.removexattr(directory.path, _MARK)
            else:
                os.rmdir(directory.path)


def _is_marked(path: str) -> bool:
    return _has(path, _MARK) or _has(path, _ROOT)


def _has(path: str, name: str) -> bool:
    try:
        os.getxattr(path, name, follow_symlinks=False)
    except OSError:
        return False
    return True
