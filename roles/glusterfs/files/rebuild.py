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
10.3, also after `heal full`, whose crawl begins at the empty brick). So the others are told first, while there is no
directory: `volume start VOLUME force`, which others may say at any time, passes over one that is missing, but gives one
without a mark the volume's own, and, where it holds `.glusterfs`, starts it (seen with 10.3). Until the end a journal
on the host says that it is not whole, and of which of its bricks the others were not told yet.
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
from typing import Any, Callable, Iterable, Iterator
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
    is_restored = _journal().get("restored", False)
    todo = _todo(plan["bricks"]) if is_restored else plan["bricks"]
    _refuse_what_holds_data({**plan, "bricks": todo})
    is_removed = [_removed(brick["path"]) for brick in todo]
    if is_restored:
        return {"changed": any(is_removed), "todo": todo}
    _run("systemctl", "stop", "glusterd.service")
    os.makedirs(f"{HOME}/peers", exist_ok=True)
    _write(JOURNAL, json.dumps({"uuid": plan["uuid"]}))
    version = f"operating-version={plan['operating_version']}\n" if plan["operating_version"] else ""
    _write(f"{HOME}/glusterd.info", f"UUID={plan['uuid']}\n{version}")
    for peer in plan["peers"]:
        names = "".join(f"hostname{number}={name}\n" for number, name in enumerate(peer["names"], 1))
        _write(f"{HOME}/peers/{peer['uuid']}", f"uuid={peer['uuid']}\nstate={BEFRIENDED}\n{names}")
    untold = [_key(brick) for brick in todo]
    _write(JOURNAL, json.dumps({"uuid": plan["uuid"], "restored": True, "untold": untold}))
    _run("systemctl", "start", "glusterd.service")
    return {"changed": True, "todo": todo}


def pend(plan: dict[str, Any]) -> dict[str, Any]:
    """Let the other bricks of each set know that this one has nothing, while it is not running.

    Of a volume that is stopped nobody can be told. One that is declared started is started for that, without these
    bricks. Those of others are left out, and wait for a run that finds it started.
    """
    told = []
    for volume, bricks in _by_volume(plan["bricks"]):
        if not _is_started(_volume(volume)):
            if volume not in plan["started"]:
                continue
            _start_without(volume, plan["uuid"])
        _refuse_what_runs(volume, plan["uuid"], bricks)
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
    return {"changed": bool(told), "bricks": told}


def mark(plan: dict[str, Any]) -> dict[str, Any]:
    """Make the directories the bricks that they were, once this host has the volumes' definitions."""
    wanted = {brick["volume"] for brick in plan["bricks"]}
    if not _comes_true(lambda: wanted <= {name.text for name in _gluster("volume", "list").iter("volume")}):
        raise Failed(
            f"the pool's volumes did not arrive here within {LIMIT} s; see /var/log/glusterfs/glusterd.log, and "
            "`gluster volume sync` for a way to fetch them by hand"
        )
    for brick in plan["bricks"]:
        is_marked = _is_marked(brick)
        if not is_marked:
            _refuse_what_holds_data({**plan, "bricks": [brick]})
        # Before it is there: one that is cut off behind this line is told of again, and none is refused.
        journal = _journal()
        untold = [key for key in journal.get("untold", []) if key != _key(brick)]
        _write(JOURNAL, json.dumps({**journal, "untold": untold}))
        os.makedirs(f"{brick['path']}/.glusterfs", mode=0o700, exist_ok=True)
        os.chmod(f"{brick['path']}/.glusterfs", 0o600)  # as glusterd makes it
        if not is_marked:
            os.setxattr(brick["path"], VOLUME_ID, bytes.fromhex(brick["volume_id"].replace("-", "")))
    return {"changed": bool(plan["bricks"])}


def start(plan: dict[str, Any]) -> dict[str, Any]:
    """Start the bricks that do not run, and wait for them."""
    changed = False
    for volume, bricks in _by_volume(plan["bricks"]):
        own = {(plan["uuid"], brick["path"]) for brick in bricks}
        if not _is_started(_volume(volume)) or _online(volume) >= own:
            continue
        _gluster("volume", "start", volume, "force")
        changed = True
        if not _come_online(volume, own):
            raise Failed(
                f"{volume}: its bricks on the rebuilt host do not run after {LIMIT} s; see "
                "/var/log/glusterfs/bricks/ there"
            )
    return {"changed": changed}


def heals(plan: dict[str, Any]) -> dict[str, Any]:
    """Entries that are still to be healed, by volume; -1 where a brick does not say."""
    pending = {}
    connected = _connected()
    for volume, _bricks in _by_volume(plan["bricks"]):
        info = _volume(volume)
        if _is_started(info):
            answer = _gluster("volume", "heal", volume, "info")
            pending[volume] = _unhealed(answer, _to_be_whole(info, plan["uuid"], connected))
            if pending[volume]:
                # What healing a directory finds below it is looked at by the next crawl: in ten minutes, or now.
                # That the daemon which is to crawl is not there yet shows in the numbers.
                _call("gluster", "--mode=script", "volume", "heal", volume)
    return {"pending": pending}


def done(plan: dict[str, Any]) -> dict[str, Any]:
    """The end. Where a volume was stopped, its brick waits for the next run, and so does the journal."""
    if _todo(plan["bricks"]):
        return {"changed": False}
    os.unlink(JOURNAL)
    return {"changed": True}


def _todo(bricks: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    """Those of which the others are to be told. One that came since has its mark from gluster, and is none of them."""
    untold = _journal().get("untold", [])
    return [brick for brick in bricks if _key(brick) in untold or not _is_marked(brick)]


def _key(brick: dict[str, str]) -> list[str]:
    return [brick["volume_id"], brick["path"]]


def _removed(path: str) -> bool:
    """Whether there was an empty directory."""
    if not os.path.isdir(path):
        return False
    try:
        for directory, _directories, _files in os.walk(path, topdown=False):
            os.rmdir(directory)
    except OSError as error:
        raise Failed(f"{error.filename} is to be removed, and was not ({error.strerror}); see what it is") from error
    return True


def _start_without(volume: str, uuid: str) -> None:
    """Start a volume that is stopped, without the bricks of the rebuilt host. Their directories are not there, which
    only `force` passes over."""
    _gluster("volume", "start", volume, "force")
    connected = _connected() - {uuid}
    others = {(_host_of(brick), _path_of(brick)) for brick in _volume(volume).iterfind("bricks/brick")}
    # Where one does not come, telling the rest fails, or they are enough.
    _come_online(volume, {brick for brick in others if brick[0] in connected})


def _refuse_what_runs(volume: str, uuid: str, bricks: list[dict[str, str]]) -> None:
    own = {(uuid, brick["path"]) for brick in bricks}
    # A process whose directory was moved away notices that within a minute, and ends.
    if not _comes_true(lambda: not own & _online(volume)):
        running = ", ".join(sorted(path for _uuid, path in own & _online(volume)))
        raise Failed(
            f"{volume}: {running} runs on the rebuilt host, although the others do not know that it is empty; end its "
            f"process there (see `gluster volume status {volume}`), move the directory away, and run this again"
        )


def _journal() -> dict[str, Any]:
    with contextlib.suppress(FileNotFoundError), open(JOURNAL, encoding="utf-8") as file:
        return dict(json.load(file))
    return {}


def _refuse_what_holds_data(plan: dict[str, Any]) -> None:
    """Only directories that are empty, or not there, and above which something is that may hold a brick."""
    wrong = []
    is_restored = _journal().get("restored", False)
    if glob.glob(f"{HOME}/vols/*/info") and not os.path.exists(JOURNAL):
        wrong.append(f"{HOME}/vols holds volumes of its own; see `gluster volume list` there")
    for brick in plan["bricks"]:
        path, above = brick["path"], os.path.dirname(brick["path"])
        is_forced = is_restored and _is_marked(brick)
        if is_forced and _has_run(path):
            wrong.append(
                f"{path} was empty, and somebody has started it (`gluster volume start {brick['volume']} force`) "
                "before the other bricks knew that: what is read from it looks deleted; move it away at once, which "
                "ends its process within a minute, and run this again"
            )
        elif not is_forced and _holds_something(path):
            wrong.append(
                f"{path} is not empty: it may hold what is left of the volume {brick['volume']}; move it away, or "
                f"restore {HOME} from a backup instead"
            )
        elif os.path.ismount(path):
            wrong.append(
                f"{path} is itself a mount point, which cannot be kept from being started before the other bricks know "
                f"that it is empty; unmount it, mount that file system on {above} instead, and run this again"
            )
        elif not os.path.isdir(above):
            wrong.append(f"{above} is not there; add it to glusterfs_bricks, or mount what belongs there")
        elif os.stat(above).st_dev == os.stat("/").st_dev and not plan.get("force"):
            wrong.append(f"{path} would lie on the root file system; mount its own one, or say glusterfs_force: true")
    if wrong:
        raise Failed("this host is not empty, and is left alone: " + "; ".join(wrong))


def _holds_something(path: str) -> bool:
    return os.path.isdir(path) and bool(set(os.listdir(path)) - {".glusterfs"} or _xattr(path) or _has_files(path))


def _has_files(path: str) -> bool:
    return any(files for _directory, _directories, files in os.walk(path))


def _has_run(path: str) -> bool:
    """Whether a brick process has set up what it needs. Before that, the mark alone says nothing of what is there."""
    return any(set(os.listdir(each)) - {".glusterfs"} for each in (path, f"{path}/.glusterfs") if os.path.isdir(each))


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
        path = _path_of(brick)
        if _host_of(brick) == uuid:
            yield {
                "volume": name,
                "volume_id": volume.findtext("id") or "",
                "path": path,
                "id": ids.get((uuid, path), ""),
                "kind": kind,
            }


def _host_of(brick: ElementTree.Element) -> str:
    return brick.findtext("hostUuid") or ""


def _path_of(brick: ElementTree.Element) -> str:
    return "/" + (brick.findtext("name") or "").partition(":/")[2]


def _to_be_whole(volume: ElementTree.Element, uuid: str, connected: set[str]) -> set[str]:
    """The bricks that have to say that nothing is to be healed: of the sets in which the rebuilt host has one, its own,
    and those of hosts that are there. Others may be waiting to be brought back after it."""
    bricks = volume.findall("bricks/brick")
    size = int(volume.findtext("disperseCount") or 0) or int(volume.findtext("replicaCount") or 1)
    sets = [bricks[first : first + size] for first in range(0, len(bricks), size)]
    return {
        brick.findtext("name") or ""
        for each in sets
        if uuid in map(_host_of, each)
        for brick in each
        if _host_of(brick) in connected | {uuid}
    }


def _unhealed(answer: ElementTree.Element, names: set[str]) -> int:
    told = {brick.findtext("name"): brick.findtext("numberOfEntries") or "" for brick in answer.iter("brick")}
    numbers = [told.get(name, "") for name in names]
    return sum(map(int, numbers)) if all(number.isdigit() for number in numbers) else -1


def _by_volume(bricks: list[dict[str, str]]) -> Iterator[tuple[str, list[dict[str, str]]]]:
    for volume in dict.fromkeys(brick["volume"] for brick in bricks):
        yield volume, [brick for brick in bricks if brick["volume"] == volume]


def _members() -> list[dict[str, Any]]:
    members = []
    for peer in _gluster("pool", "list").iterfind("peerStatus/peer"):
        names = [peer.findtext("hostname") or "", *(each.text or "" for each in peer.iterfind("hostnames/hostname"))]
        names = [name for name in dict.fromkeys(names) if name]
        members.append(
            {
                "uuid": peer.findtext("uuid") or "",
                "names": names,
                "local": names[:1] == ["localhost"],
                "connected": peer.findtext("connected") == "1",
            }
        )
    return members


def _connected() -> set[str]:
    return {member["uuid"] for member in _members() if member["connected"]}


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


def _volume(name: str) -> ElementTree.Element:
    volume = _gluster("volume", "info", name).find("volInfo/volumes/volume")
    if volume is None:
        raise Failed(f"`gluster volume info {name}` told nothing of it; run this again")
    return volume


def _is_started(volume: ElementTree.Element) -> bool:
    return volume.findtext("statusStr") == "Started"


def _online(volume: str) -> set[tuple[str, str]]:
    """The bricks that run, by their host's UUID and their directory."""
    return {
        (node.findtext("peerid") or "", node.findtext("path") or "")
        for node in _gluster("volume", "status", volume).iter("node")
        if node.findtext("status") == "1"
    }


def _come_online(volume: str, bricks: set[tuple[str, str]]) -> bool:
    return _comes_true(lambda: _online(volume) >= bricks)


def _comes_true(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(1)
    return True


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
