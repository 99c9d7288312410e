# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host of the pool that came back empty under its old name: what it was to the pool, and how it becomes that again.

    python3 - ask '{"hosts": {NAME: ADDRESS}, "me": ADDRESS}'   on a member: what each of them was
    python3 - restore PLAN                                      on the host: its UUID and its peers, then glusterd
    python3 - pend PLAN                                         on a member: its bricks have nothing, and need it all
    python3 - mark PLAN                                         on the host: its empty directories are these bricks
    python3 - start PLAN                                        on a member: start them
    python3 - heals PLAN                                        on a member: how much is still to be healed
    python3 - done PLAN                                         on the host: forget that it was rebuilt

Each prints JSON. PLAN is what `ask` printed of that host. The order matters: a brick that is empty and that nothing
calls pending would be read from as if everything had been deleted, and `heal info` would call that healthy (seen with
10.3, also after `heal full`, whose crawl begins at the empty brick). So the others are told first, while glusterd still
refuses to start a directory without a volume's mark. Until the end a journal on the host says that it is not whole.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from typing import Any, Iterator
from xml.etree import ElementTree

HOME = "/var/lib/glusterd"
JOURNAL = f"{HOME}/berthage-rebuild.json"
VOLUME_ID = "trusted.glusterfs.volume-id"
BEFRIENDED = 3  # glusterd-sm.h, GD_FRIEND_STATE_BEFRIENDED
# glusterfs.h, GF_CLIENT_PID_ADD_REPLICA_MOUNT: one of those from which AFR takes trusted.replace-brick. It is what
# glusterd itself uses to say so of a brick that was added or replaced.
PRIVILEGED = "-12"
LIMIT = 120
MOUNTS = "/run"


class Failed(Exception):
    """What went wrong, and what to do."""


def main(arguments: list[str]) -> None:
    steps = {"restore": restore, "pend": pend, "mark": mark, "start": start, "heals": heals, "done": done}
    request = json.loads(arguments[1])
    try:
        print(json.dumps(ask(**request) if arguments[0] == "ask" else steps[arguments[0]](request)))
    except Failed as failure:
        sys.exit(str(failure))


def ask(hosts: dict[str, str], me: str) -> dict[str, Any]:
    """Of those hosts that the pool knows: their UUIDs, their peers, their bricks. Others are new, and left out."""
    members = _members()
    volumes = list(_gluster("volume", "info", "all").iterfind("volInfo/volumes/volume"))
    found = {}
    for name, address in hosts.items():
        member = next((each for each in members if not each["local"] and _is_one(address, each["names"])), None)
        if member is None:
            continue
        others = [
            {"uuid": each["uuid"], "names": [me] if each["local"] else each["names"]}
            for each in members
            if each is not member
        ]
        bricks = [brick for volume in volumes for brick in _bricks_of(member["uuid"], volume)]
        found[name] = {
            "uuid": member["uuid"],
            "operating_version": _settings(f"{HOME}/glusterd.info").get("operating-version", ""),
            "peers": others,
            "bricks": bricks,
            "refused": [
                f"{name}: the brick {brick['path']} was the only copy of its part of the volume {brick['volume']}; "
                "delete this volume, or take the brick out by hand (`gluster volume remove-brick ... force`), and run "
                "this again"
                for brick in bricks
                if not brick["kind"]
            ],
        }
    return found


def restore(plan: dict[str, Any]) -> dict[str, Any]:
    """UUID and peers, before glusterd starts; nothing where that was done. Refuses a host that holds anything."""
    if _journal().get("restored"):
        return {"changed": False, "todo": [brick for brick in plan["bricks"] if not _is_marked(brick)]}
    _refuse_what_holds_data(plan)
    _run("systemctl", "stop", "glusterd.service")
    os.makedirs(f"{HOME}/peers", exist_ok=True)
    _write(JOURNAL, json.dumps({"uuid": plan["uuid"]}))
    version = f"operating-version={plan['operating_version']}\n" if plan["operating_version"] else ""
    _write(f"{HOME}/glusterd.info", f"UUID={plan['uuid']}\n{version}")
    for peer in plan["peers"]:
        names = "".join(f"hostname{number}={name}\n" for number, name in enumerate(peer["names"], 1))
        _write(f"{HOME}/peers/{peer['uuid']}", f"uuid={peer['uuid']}\nstate={BEFRIENDED}\n{names}")
    _write(JOURNAL, json.dumps({"uuid": plan["uuid"], "restored": True}))
    _run("systemctl", "start", "glusterd.service")
    return {"changed": True, "todo": plan["bricks"]}


def pend(plan: dict[str, Any]) -> dict[str, Any]:
    """Let the other bricks of each set know that this one has nothing, while it is not running.

    Of a volume that is stopped nobody can be told. Its bricks are left out, and wait for a run that finds it started.
    """
    told = []
    for volume, bricks in _by_volume(plan["bricks"]):
        if not _is_started(volume):
            continue
        with _mounted(volume) as directory:
            try:
                for brick in bricks:
                    if brick["kind"] == "replicate":
                        os.setxattr(directory, "trusted.replace-brick", brick["id"].encode())
                    else:
                        # Erasure coding counts versions: one change that the brick has not seen, and it is out of date.
                        os.rmdir(_made(f"{directory}/.berthage-rebuild-{os.getpid()}"))
            except OSError as error:
                raise Failed(
                    f"{volume}: the other bricks could not be told that {bricks[0]['path']} is empty "
                    f"({error.strerror}): too few of them are online; bring those back first "
                    f"(gluster volume status {volume})"
                ) from error
        told += bricks
    return {"bricks": told}


def mark(plan: dict[str, Any]) -> dict[str, Any]:
    """Make the directories the bricks that they were, once this host has the volumes' definitions."""
    wanted = {brick["volume"] for brick in plan["bricks"]}
    deadline = time.monotonic() + LIMIT
    while not wanted <= {name.text for name in _gluster("volume", "list").iter("volume")}:
        if time.monotonic() >= deadline:
            raise Failed(
                f"the pool's volumes did not arrive here within {LIMIT} s; see /var/log/glusterfs/glusterd.log, and "
                "`gluster volume sync` for a way to fetch them by hand"
            )
        time.sleep(1)
    for brick in plan["bricks"]:
        if _is_marked(brick):
            continue
        _refuse_what_holds_data({**plan, "bricks": [brick]})
        os.makedirs(f"{brick['path']}/.glusterfs", mode=0o700, exist_ok=True)
        os.chmod(f"{brick['path']}/.glusterfs", 0o600)  # as glusterd makes it
        os.setxattr(brick["path"], VOLUME_ID, bytes.fromhex(brick["volume_id"].replace("-", "")))
    return {"changed": True}


def start(plan: dict[str, Any]) -> dict[str, Any]:
    """Start the bricks that do not run, and wait for them."""
    changed = False
    for volume, bricks in _by_volume(plan["bricks"]):
        if not _is_started(volume) or _online(volume, plan["uuid"]) >= {brick["path"] for brick in bricks}:
            continue
        _gluster("volume", "start", volume, "force")
        changed = True
        deadline = time.monotonic() + LIMIT
        while not _online(volume, plan["uuid"]) >= {brick["path"] for brick in bricks}:
            if time.monotonic() >= deadline:
                raise Failed(
                    f"{volume}: its bricks on the rebuilt host do not run after {LIMIT} s; see "
                    "/var/log/glusterfs/bricks/ there"
                )
            time.sleep(1)
    return {"changed": changed}


def heals(plan: dict[str, Any]) -> dict[str, Any]:
    """Entries that are still to be healed, by volume; -1 where a brick does not say."""
    pending = {}
    for volume, _bricks in _by_volume(plan["bricks"]):
        if _is_started(volume):
            numbers = [each.text or "-" for each in _gluster("volume", "heal", volume, "info").iter("numberOfEntries")]
            pending[volume] = sum(map(int, numbers)) if all(number.isdigit() for number in numbers) else -1
            if pending[volume]:
                # What healing a directory finds below it is looked at by the next crawl: in ten minutes, or now.
                # That the daemon which is to crawl is not there yet shows in the numbers.
                _call("gluster", "--mode=script", "volume", "heal", volume)
    return {"pending": pending}


def done(plan: dict[str, Any]) -> dict[str, Any]:
    """The end. Where a volume was stopped, its brick waits for the next run, and so does the journal."""
    if all(_is_marked(brick) for brick in plan["bricks"]):
        os.unlink(JOURNAL)
        return {"changed": True}
    return {"changed": False}


def _journal() -> dict[str, Any]:
    with contextlib.suppress(FileNotFoundError), open(JOURNAL, encoding="utf-8") as file:
        return dict(json.load(file))
    return {}


def _refuse_what_holds_data(plan: dict[str, Any]) -> None:
    """Only directories that are empty, or not there, and above which something is that may hold a brick."""
    wrong = []
    if glob.glob(f"{HOME}/vols/*/info") and not os.path.exists(JOURNAL):
        wrong.append(f"{HOME}/vols holds volumes of its own; see `gluster volume list` there")
    for brick in plan["bricks"]:
        path, above = brick["path"], os.path.dirname(brick["path"])
        if os.path.isdir(path) and (set(os.listdir(path)) - {".glusterfs"} or _xattr(path) or _has_files(path)):
            wrong.append(
                f"{path} is not empty: it may hold what is left of the volume {brick['volume']}; move it away, or "
                f"restore {HOME} from a backup instead"
            )
        elif not os.path.isdir(above):
            wrong.append(f"{above} is not there; add it to glusterfs_bricks, or mount what belongs there")
        elif os.stat(above).st_dev == os.stat("/").st_dev and not plan.get("force"):
            wrong.append(f"{path} would lie on the root file system; mount its own one, or say glusterfs_force: true")
    if wrong:
        raise Failed("this host is not empty, and is left alone: " + "; ".join(wrong))


def _has_files(path: str) -> bool:
    return any(files for _directory, _directories, files in os.walk(path))


def _xattr(path: str) -> bytes:
    try:
        return os.getxattr(path, VOLUME_ID)
    except OSError:
        return b""


def _is_marked(brick: dict[str, Any]) -> bool:
    return _xattr(brick["path"]).hex() == brick["volume_id"].replace("-", "")


def _bricks_of(uuid: str, volume: ElementTree.Element) -> Iterator[dict[str, str]]:
    name = volume.findtext("name") or ""
    kind = "disperse" if volume.findtext("disperseCount") != "0" else ""
    kind = "replicate" if int(volume.findtext("replicaCount") or 0) > 1 else kind
    ids = {}
    for file in glob.glob(f"{HOME}/vols/{glob.escape(name)}/bricks/*"):
        settings = _settings(file)
        ids[settings.get("uuid"), settings.get("path")] = settings.get("brick-id", "")
    for brick in volume.iterfind("bricks/brick"):
        path = "/" + (brick.findtext("name") or "").partition(":/")[2]
        if brick.findtext("hostUuid") == uuid:
            yield {
                "volume": name,
                "volume_id": volume.findtext("id") or "",
                "path": path,
                "id": ids.get((uuid, path), ""),
                "kind": kind,
            }


def _by_volume(bricks: list[dict[str, str]]) -> Iterator[tuple[str, list[dict[str, str]]]]:
    for volume in dict.fromkeys(brick["volume"] for brick in bricks):
        yield volume, [brick for brick in bricks if brick["volume"] == volume]


def _members() -> list[dict[str, Any]]:
    members = []
    for peer in _gluster("pool", "list").iterfind("peerStatus/peer"):
        names = [peer.findtext("hostname") or "", *(each.text or "" for each in peer.iterfind("hostnames/hostname"))]
        names = [name for name in dict.fromkeys(names) if name]
        members.append({"uuid": peer.findtext("uuid") or "", "names": names, "local": names[:1] == ["localhost"]})
    return members


def _is_one(host: str, names: list[str]) -> bool:
    if host.lower() in {name.lower() for name in names}:
        return True
    mine = _addresses(host)
    return any(mine & _addresses(name) for name in names)


def _addresses(host: str) -> set[str]:
    try:
        return {str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        return set()


def _is_started(volume: str) -> bool:
    return _gluster("volume", "info", volume).findtext("volInfo/volumes/volume/statusStr") == "Started"


def _online(volume: str, uuid: str) -> set[str]:
    return {
        node.findtext("path") or ""
        for node in _gluster("volume", "status", volume).iter("node")
        if node.findtext("peerid") == uuid and node.findtext("status") == "1"
    }


@contextlib.contextmanager
def _mounted(volume: str) -> Iterator[str]:
    """A mount of the volume. Its directory is only ever removed empty: what is in it is the volume, as long as
    unmounting fails, or a mount that was given up comes about late."""
    directory = tempfile.mkdtemp(dir=MOUNTS, prefix="berthage-rebuild-")
    try:
        _run("glusterfs", "-s", "localhost", "--volfile-id", volume, f"--client-pid={PRIVILEGED}", directory)
        yield directory
    finally:
        is_unmounted = _succeeds("umount", directory) or _succeeds("umount", "--lazy", directory)
        with contextlib.suppress(OSError):
            os.rmdir(directory)
    if not is_unmounted:
        raise Failed(f"{volume} stays mounted on {directory}, which `umount --lazy` does not take away; do that")


def _made(directory: str) -> str:
    os.mkdir(directory)
    return directory


def _settings(path: str) -> dict[str, str]:
    with open(path, encoding="utf-8") as file:
        return dict(line.strip().split("=", 1) for line in file if "=" in line)


def _write(path: str, text: str) -> None:
    # Not beside it: glusterd reads every file of its peers.
    beside = f"{HOME}/berthage-rebuild.new"
    with open(beside, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)


def _gluster(*words: str) -> ElementTree.Element:
    """An answer of `gluster --xml`; a pool that is busy is asked again for a while."""
    deadline = time.monotonic() + LIMIT
    while True:
        said = _run("gluster", "--mode=script", f"--timeout={LIMIT}", "--xml", *words)
        try:
            root = ElementTree.fromstring(said)  # noqa: S314 - from the host's own gluster
        except ElementTree.ParseError as error:
            raise Failed(f"`gluster {' '.join(words)}` said no XML: {said[:200]}") from error
        if root.findtext("opRet") == "0":
            return root
        why = root.findtext("opErrstr") or "no reason given"
        if not any(word in why for word in ("Another transaction", "Locking failed", "not yet been connected")):
            raise Failed(f"`gluster {' '.join(words)}` was refused: {why}")
        if time.monotonic() >= deadline:
            raise Failed(f"`gluster {' '.join(words)}` was refused for {LIMIT} s: {why}")
        time.sleep(2)


def _succeeds(*command: str) -> bool:
    try:
        _run(*command)
    except Failed:
        return False
    return True


def _run(*command: str) -> str:
    done = _call(*command)
    # Of gluster, the document says how it went.
    if done.returncode and not done.stdout.lstrip().startswith("<"):
        raise Failed(f"`{' '.join(command)}` failed: {' '.join((done.stdout + done.stderr).split())}")
    return done.stdout


def _call(*command: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            env={**os.environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LIMIT * 3,
            check=False,
            text=True,
        )
    except subprocess.TimeoutExpired as error:
        raise Failed(f"`{' '.join(command)}` took longer than {LIMIT * 3} s") from error


if __name__ == "__main__":
    main(sys.argv[1:])
