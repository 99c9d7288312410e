# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What GlusterFS is asked and told: `gluster --xml` in, dataclasses out. No shell, and every call has a limit."""

from __future__ import annotations

import os
import re
import subprocess
import time

# The document is what the local `gluster` command prints, run as root: whoever could forge it owns the host already.
# Hence the standard library's parser, although it expands entities.
from dataclasses import dataclass, replace
from typing import Callable, Mapping, Sequence, TypeVar
from xml.etree import ElementTree

from ansible_collections.berthage.swarm.plugins.module_utils._gluster.words import in_plain_words

# The limit of one command. glusterd itself gives up on a transaction with a peer that went away after 120 s.
CALL_LIMIT = 120.0
# How long another administrator's command, which locks the volume or the pool, is waited for.
BUSY_LIMIT = 60.0
BUSY_PAUSE = 2.0

IN_CLUSTER = "Peer in Cluster"
STARTED = "Started"

_BUSY = re.compile(r"Another transaction (is|could be) in progress|Locking failed on|[Ff]ailed to acquire .*lock")


_Answer = TypeVar("_Answer")


class GlusterError(Exception):
    """GlusterFS did not do what it was asked. The text says what, why, and what to do where that is known."""


class GlusterMissing(GlusterError):
    """The host has no `gluster` command."""


class GlusterdDown(GlusterError):
    """The host's management daemon does not answer."""


class GlusterTimeout(GlusterError):
    """A command took longer than its limit. What it asked for may still happen."""


class GlusterBusy(GlusterError):
    """Another command holds the lock of the volume or the pool."""


@dataclass(frozen=True)
class Member:
    """A host of the trusted storage pool, as this host sees it. Of itself it knows no name but `localhost`."""

    uuid: str
    hostnames: tuple[str, ...]
    connected: bool
    state: str = IN_CLUSTER
    is_local: bool = False

    @property
    def name(self) -> str:
        return self.hostnames[0] if self.hostnames else self.uuid

    @property
    def usable(self) -> bool:
        return self.connected and self.state == IN_CLUSTER


@dataclass(frozen=True)
class Brick:
    """One brick. `online` is `None` where it cannot be known, since the volume is not started."""

    host: str
    path: str
    peer: str
    arbiter: bool = False
    online: bool | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What identifies a brick, by whatever name its host is called."""
        return (self.peer, self.path)

    def __str__(self) -> str:
        return f"{self.host}:{self.path}"


@dataclass(frozen=True)
class Task:
    """What gluster does to a volume in the background: `Rebalance`, or `Remove brick` with the bricks it drains."""

    kind: str
    status: str
    bricks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Volume:
    """A volume as `volume info` and `volume status` show it. `options` are those that were ever set."""

    name: str
    id: str
    status: str
    kind: str
    replica: int
    arbiter: int
    disperse: int
    redundancy: int
    bricks: tuple[Brick, ...]
    options: Mapping[str, str]
    tasks: tuple[Task, ...] = ()

    @property
    def started(self) -> bool:
        return self.status == STARTED

    @property
    def offline(self) -> tuple[Brick, ...]:
        return tuple(brick for brick in self.bricks if brick.online is False)


class Gluster:
    """The `gluster` command of this host."""

    def __init__(self, limit: float = CALL_LIMIT, busy_limit: float = BUSY_LIMIT) -> None:
        self._limit = limit
        self._busy_limit = busy_limit
        self.touched = False  # whether a command that changes something has succeeded

    def members(self) -> tuple[Member, ...]:
        return members_in(self._ask("pool", "list"))

    def members_as_seen_by(self, host: str) -> tuple[Member, ...]:
        """The pool as the glusterd of another host sees it, who is the one without a name there. None at all where that
        daemon cannot be asked from here."""
        try:
            return members_in(answer_in(self._run(("pool", "list"), xml=True, host=host)))
        except GlusterError:
            return ()

    def volumes(self) -> dict[str, Volume]:
        """Every volume, with the state of the bricks of those that are started: two commands, if none is locked."""
        volumes = volumes_in(self._ask("volume", "info", "all"))
        if any(volume.started for volume in volumes.values()):
            volumes = with_status(volumes, self._status(volumes))
        return volumes

    def _status(self, volumes: Mapping[str, Volume]) -> ElementTree.Element:
        """The answer to `volume status all`, completed: it leaves out volumes that another command has locked, and does
        not say so. These are asked for by themselves, and waited for."""
        answer = self._ask("volume", "status", "all")
        told = {text_of(volume, "volName") for volume in answer.iterfind("volStatus/volumes/volume")}
        for volume in volumes.values():
            if volume.started and volume.name not in told:
                answer.extend(self._ask("volume", "status", volume.name).iterfind("volStatus"))
        return answer

    def clients(self, volume: str) -> dict[str, int]:
        """How many clients of which kind are connected to a started volume: `fuse`, `gfapi.qemu`, `glustershd`, ...

        Asked without `--xml`, whose answer to this question leaves the clients out (seen with 10.3). Where other hosts
        have all bricks and none of them has a client, the question itself fails on them (seen with 10.3).
        """
        try:
            question = ("volume", "status", volume, "client-list")
            return clients_in(self._patiently(lambda: self._run(question, xml=False)))
        except GlusterError as error:
            if "Commit failed on " not in str(error) or self.volumes()[volume].offline:
                raise
            return {}

    def heal(self, volume: str) -> None:
        """Have the self-heal daemons look now at what a volume is known to have pending.

        Asked without `--xml`, since the answer is none (seen with 10.3)."""
        self._patiently(lambda: self._run(("volume", "heal", volume), xml=False))

    def ask(self, *words: str, limit: float = 0.0) -> ElementTree.Element:
        """The answer to a question that changes nothing, for the subjects that have a file of their own. One that takes
        its time has a longer limit than other commands."""
        return self._ask(*words, limit=limit)

    def change(self, *words: str) -> ElementTree.Element:
        """Carry out a command that changes something, once no other one is in the way."""
        answer = self._ask(*words)
        self.touched = True
        return answer

    def _ask(self, *words: str, limit: float = 0.0) -> ElementTree.Element:
        return self._patiently(lambda: answer_in(self._run(words, xml=True, limit=limit)))

    def _patiently(self, call: Callable[[], _Answer]) -> _Answer:
        """Wait for another command to let go of its lock, for a limited time."""
        deadline = time.monotonic() + self._busy_limit
        while True:
            try:
                return call()
            except GlusterBusy:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(BUSY_PAUSE)

    def _run(self, words: Sequence[str], xml: bool, host: str = "", limit: float = 0.0) -> str:
        limit = max(1, int(self._limit), int(limit))
        options = [*(["--xml"] if xml else []), *([f"--remote-host={host}"] if host else [])]
        command = ["gluster", "--mode=script", f"--timeout={limit}", *options, *words]
        asked = " ".join(words[:3])
        try:
            process = subprocess.run(
                command,
                env={**os.environ, "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=limit + 5,
                check=False,
            )
        except FileNotFoundError as error:
            raise GlusterMissing(
                "there is no `gluster` command on this host; install the package glusterfs-server, "
                "which the role berthage.swarm.glusterfs does"
            ) from error
        except subprocess.TimeoutExpired as error:
            raise GlusterTimeout(_too_slow(asked, limit)) from error
        output = process.stdout.decode(errors="replace")
        if xml and output.lstrip().startswith("<"):
            return output
        said = " ".join((output + process.stderr.decode(errors="replace")).split())
        if "Connection failed" in said:
            raise GlusterdDown(
                "glusterd does not answer on this host; start it (systemctl start glusterd) "
                "and see `journalctl -u glusterd` when it does not stay up"
            )
        if "timed out" in said:
            raise GlusterTimeout(_too_slow(asked, limit))
        if xml or process.returncode:
            raise _refusal(said or f"`gluster {asked}` ended with status {process.returncode} and said nothing")
        return output


def answer_in(document: str) -> ElementTree.Element:
    """The root of an answer whose `opRet` says that it worked.

    Raises:
        GlusterBusy: another command holds a lock.
        GlusterError: the command was refused, or this is not an answer of `gluster --xml`.
    """
    try:
        root = ElementTree.fromstring(document)  # noqa: S314  (see the import)
    except ElementTree.ParseError as error:
        raise GlusterError(
            f"`gluster --xml` printed what is no XML document ({error}); see /var/log/glusterfs/cli.log"
        ) from error
    result = root.findtext("opRet")
    if root.tag != "cliOutput" or result is None:
        raise GlusterError("`gluster --xml` printed a document without a result; see /var/log/glusterfs/cli.log")
    if result.strip() != "0":
        raise _refusal(root.findtext("opErrstr") or root.findtext("output") or f"error {root.findtext('opErrno')}")
    return root


def members_in(answer: ElementTree.Element) -> tuple[Member, ...]:
    """The pool in an answer to `pool list`."""
    return tuple(
        Member(
            uuid=text_of(peer, "uuid"),
            hostnames=_hostnames(peer),
            connected=text_of(peer, "connected") == "1",
            # The host itself has no state: it is what it is.
            state=peer.findtext("stateStr") or IN_CLUSTER,
            is_local=peer.findtext("hostname") == "localhost",
        )
        for peer in answer.iterfind("peerStatus/peer")
    )


def volumes_in(answer: ElementTree.Element) -> dict[str, Volume]:
    """The volumes in an answer to `volume info all`."""
    volumes = [_volume(element) for element in answer.iterfind("volInfo/volumes/volume")]
    return {volume.name: volume for volume in volumes}


def with_status(volumes: Mapping[str, Volume], answer: ElementTree.Element) -> dict[str, Volume]:
    """The same volumes, with what an answer to `volume status all` says of their bricks and tasks.

    A brick of a host that is not connected is missing from that answer: it counts as offline.
    """
    online = {
        (text_of(volume, "volName"), text_of(node, "peerid"), text_of(node, "path"))
        for volume in answer.iterfind("volStatus/volumes/volume")
        for node in volume.iterfind("node")
        if node.findtext("status") == "1"
    }
    tasks = {
        text_of(volume, "volName"): tuple(_task(task) for task in volume.iterfind("tasks/task"))
        for volume in answer.iterfind("volStatus/volumes/volume")
    }
    return {
        name: replace(
            volume,
            tasks=tasks.get(name, ()),
            bricks=tuple(
                replace(brick, online=(name, *brick.key) in online if volume.started else None)
                for brick in volume.bricks
            ),
        )
        for name, volume in volumes.items()
    }


def clients_in(table: str) -> dict[str, int]:
    """The kinds and numbers of clients in the table that `volume status NAME client-list` prints."""
    return {
        match["name"]: int(match["count"])
        for match in re.finditer(r"^(?P<name>[\w.-]*[A-Za-z][\w.-]*)[ \t]+(?P<count>\d+)[ \t]*$", table, re.MULTILINE)
    }


def _volume(element: ElementTree.Element) -> Volume:
    return Volume(
        name=text_of(element, "name"),
        id=text_of(element, "id"),
        status=text_of(element, "statusStr"),
        kind=text_of(element, "typeStr"),
        replica=number_of(element, "replicaCount"),
        arbiter=number_of(element, "arbiterCount"),
        disperse=number_of(element, "disperseCount"),
        redundancy=number_of(element, "redundancyCount"),
        bricks=tuple(_brick(brick) for brick in element.iterfind("bricks/brick")),
        options={
            text_of(option, "name"): option.findtext("value") or "" for option in element.iterfind("options/option")
        },
    )


def _brick(element: ElementTree.Element) -> Brick:
    host, _colon, path = text_of(element, "name").partition(":/")
    return Brick(host, f"/{path}", text_of(element, "hostUuid"), element.findtext("isArbiter") == "1")


def _task(element: ElementTree.Element) -> Task:
    bricks = tuple((brick.text or "").strip() for brick in element.iterfind("params/brick"))
    return Task(text_of(element, "type"), text_of(element, "statusStr"), bricks)


def _hostnames(peer: ElementTree.Element) -> tuple[str, ...]:
    names = [name.text for name in (peer.find("hostname"), *peer.iterfind("hostnames/hostname")) if name is not None]
    return tuple(dict.fromkeys(name for name in names if name))


def text_of(element: ElementTree.Element, name: str) -> str:
    """What an answer says under this name or path, which it has to.

    Raises:
        GlusterError: it says nothing there.
    """
    text = (element.findtext(name) or "").strip()
    if not text:
        raise GlusterError(
            f"`gluster --xml` printed a {element.tag} without {name}; this release of GlusterFS "
            "is not one that the collection knows (10 and 11)"
        )
    return text


def number_of(element: ElementTree.Element, name: str) -> int:
    """The same, where it has to be a count."""
    text = text_of(element, name)
    if not (text.isascii() and text.isdigit()):
        raise GlusterError(f"`gluster --xml` printed {text!r} for {name}, which is no number")
    return int(text)


def _refusal(said: str) -> GlusterError:
    return (GlusterBusy if _BUSY.search(said) else GlusterError)(in_plain_words(said))


def _too_slow(asked: str, limit: int) -> str:
    return (
        f"`gluster {asked}` took longer than {limit} s, and what it asked for may still happen; see "
        "`gluster peer status` for a host that hangs, and /var/log/glusterfs/glusterd.log"
    )
