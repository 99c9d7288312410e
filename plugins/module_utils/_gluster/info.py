# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a pool and its volumes are, as far as its hosts say: what could not be learned is unknown, never zero."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any, Callable, Collection, Iterable, Mapping, Sequence, Tuple, TypeVar
from xml.etree import ElementTree

from ansible_collections.berthage.swarm.plugins.module_utils._gluster import heal, quota
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.cli import (
    Brick,
    Gluster,
    GlusterdDown,
    GlusterError,
    GlusterMissing,
    GlusterTimeout,
    Member,
    Volume,
    members_in,
    volumes_in,
)
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.layout import layout_of
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.snapshots import Snapshot, known
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem

BRICKS = "bricks"
HEAL = "heal"
QUOTA = "quota"
CLIENTS = "clients"
SNAPSHOTS = "snapshots"
SUBJECTS = (BRICKS, HEAL, QUOTA, CLIENTS, SNAPSHOTS)

ARGUMENTS: dict[str, dict[str, Any]] = {
    "volumes": {"type": "list", "elements": "str"},
    "gather": {"type": "list", "elements": "str", "choices": list(SUBJECTS), "default": list(SUBJECTS)},
    "timeout": {"type": "int", "default": 30},
}

BrickKey = Tuple[str, str]  # (the peer's UUID, the path)
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class BrickStatus:
    """What `volume status NAME detail` says of a brick. The figures are those of its file system."""

    online: bool
    port: int | None = None
    pid: int | None = None
    total: int | None = None
    free: int | None = None
    inodes_total: int | None = None
    inodes_free: int | None = None
    file_system: str | None = None
    device: str | None = None


@dataclass(frozen=True)
class SplitBrain:
    """A file of which the bricks hold copies that contradict each other. The path may be a gfid."""

    path: str
    gfid: str
    bricks: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        return {"path": self.path, "gfid": self.gfid, "bricks": list(self.bricks)}


@dataclass(frozen=True)
class Clients:
    """Who is connected to a volume: how many of each kind, and from where."""

    kinds: Mapping[str, int]
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class Unknown:
    """A question that was not answered, and why not."""

    volume: str
    subject: str
    reason: str

    def as_dict(self) -> dict[str, Any]:
        return {"volume": self.volume, "subject": self.subject, "reason": self.reason}


@dataclass(frozen=True)
class Seen:
    """What was learned. A volume that is missing from one of the mappings was not asked, or did not answer."""

    members: tuple[Member, ...]
    volumes: tuple[Volume, ...]
    status: Mapping[str, Mapping[BrickKey, BrickStatus]] = field(default_factory=dict)
    heals: Mapping[str, Mapping[str, heal.BrickHeal]] = field(default_factory=dict)
    split_brains: Mapping[str, tuple[SplitBrain, ...]] = field(default_factory=dict)
    limits: Mapping[str, tuple[quota.Limit, ...]] = field(default_factory=dict)
    clients: Mapping[str, Clients] = field(default_factory=dict)
    snapshots: Mapping[str, tuple[Snapshot, ...]] = field(default_factory=dict)
    unknown: tuple[Unknown, ...] = ()
    gathered: frozenset[str] = frozenset(SUBJECTS)


class Questions:
    """Asks, and keeps what was not answered. After a question that took too long, no other of its subject is asked, so
    that a host that hangs costs one limit for each subject, however many volumes there are."""

    def __init__(self) -> None:
        self.unknown: list[Unknown] = []
        self._hanging: dict[str, str] = {}

    def ask(self, subject: str, volume: str, question: Callable[[], _Answer]) -> _Answer | None:
        if subject in self._hanging:
            self.unknown.append(Unknown(volume, subject, f"not asked, since {self._hanging[subject]} did not answer"))
            return None
        try:
            return question()
        except (GlusterMissing, GlusterdDown):
            raise
        except GlusterError as error:
            if isinstance(error, GlusterTimeout):
                self._hanging[subject] = volume
            self.unknown.append(Unknown(volume, subject, str(error)))
            return None


def look(gluster: Gluster, names: Collection[str] | None, gather: Collection[str]) -> Seen:
    """Ask for everything that is wanted.

    Raises:
        GlusterError: not even the pool and the volumes' definitions could be had.
    """
    members = members_in(gluster.ask("pool", "list"))
    known = volumes_in(gluster.ask("volume", "info", "all"))
    volumes = tuple(known[name] for name in sorted(known) if names is None or name in names)
    started = [volume for volume in volumes if volume.started]
    questions = Questions()
    # Clients first: the questions after it are themselves clients of the volumes for a moment.
    clients = _of_each(started, CLIENTS, gather, questions, lambda volume: _clients(gluster, volume.name))
    status = _status(gluster, started, questions) if BRICKS in gather else {}
    healing = [volume for volume in started if heal.heals(volume)]
    heals = _of_each(healing, HEAL, gather, questions, lambda volume: heal.heal_state(gluster, volume.name))
    torn = [volume for volume in healing if any(state.split_brain for state in heals.get(volume.name, ()))]
    return Seen(
        members=members,
        volumes=volumes,
        status=status,
        heals={name: {state.brick: state for state in states} for name, states in heals.items()},
        split_brains=_of_each(torn, HEAL, gather, questions, lambda volume: _split_brains(gluster, volume.name)),
        limits=_of_each(
            [volume for volume in started if quota.is_on(volume)],
            QUOTA,
            gather,
            questions,
            lambda volume: quota.limits(gluster, volume.name),
        ),
        clients=clients,
        snapshots=_snapshots(gluster, volumes, questions) if SNAPSHOTS in gather else {},
        unknown=tuple(questions.unknown),
        gathered=frozenset(gather),
    )


def status_in(answer: ElementTree.Element) -> dict[str, dict[BrickKey, BrickStatus]]:
    """The bricks in an answer to `volume status ... detail`, by volume. Daemons are no bricks, and left out."""
    return {
        (volume.findtext("volName") or "").strip(): {
            ((node.findtext("peerid") or "").strip(), (node.findtext("path") or "").strip()): _brick_status(node)
            for node in volume.iterfind("node")
            if (node.findtext("path") or "").strip().startswith("/")
        }
        for volume in answer.iterfind("volStatus/volumes/volume")
    }


def split_brains_in(answer: ElementTree.Element) -> tuple[SplitBrain, ...]:
    """The files in an answer to `volume heal NAME info split-brain`, each once, with the bricks that name it."""
    paths: dict[str, str] = {}
    bricks: dict[str, list[str]] = {}
    for brick in answer.iterfind("healInfo/bricks/brick"):
        for element in brick.iterfind("file"):
            path = (element.text or "").strip()
            gfid = (element.get("gfid") or "").strip()
            key = gfid or path
            # One brick may know the path where another one has only the gfid.
            if key not in paths or path.startswith("/"):
                paths[key] = path
            bricks.setdefault(key, []).append((brick.findtext("name") or "").strip())
    return tuple(
        SplitBrain(paths[key], key if key != paths[key] else "", tuple(dict.fromkeys(bricks[key])))
        for key in sorted(bricks, key=lambda key: paths[key])
    )


def client_addresses_in(answer: ElementTree.Element) -> tuple[str, ...]:
    """From where clients are connected, in an answer to `volume status NAME clients`, without their ports."""
    ends = (client.findtext("hostname") or "" for client in answer.iter("client"))
    return tuple(sorted({end.strip().rpartition(":")[0] or end.strip() for end in ends} - {""}))


def described(seen: Seen, names: Collection[str] | None) -> dict[str, Any]:
    """What the module returns."""
    return {
        "pool": [_described_member(member) for member in seen.members],
        "volumes": [_described_volume(seen, volume) for volume in seen.volumes],
        "missing": sorted(set(names or ()) - {volume.name for volume in seen.volumes}),
        "unknown": [each.as_dict() for each in seen.unknown],
        "problems": [problem.as_dict() for problem in problems(seen)],
    }


def problems(seen: Seen) -> list[Problem]:
    """What somebody has to look at: hosts, bricks, pending heals, split brain, and what could not be learned."""
    found = [
        Problem(
            member.name,
            "pool",
            "is not connected" if not member.connected else f"is in the state {member.state!r}",
            "start glusterd there, and see that port 24007/tcp is open between the hosts",
        )
        for member in seen.members
        if not member.usable
    ]
    for volume in seen.volumes:
        found += _problems_of_bricks(seen, volume)
        found += _problems_of_heals(seen, volume)
    found += [
        Problem(each.volume, each.subject, f"unknown: {each.reason}", "ask again, or see /var/log/glusterfs/")
        for each in seen.unknown
    ]
    return found


def _problems_of_bricks(seen: Seen, volume: Volume) -> list[Problem]:
    if volume.name not in seen.status:
        return []  # not started, not asked, or among the unknown
    found = []
    for brick in volume.bricks:
        state = seen.status[volume.name].get(brick.key)
        if state is None:
            message, remedy = f"unknown: {brick}: {_why_unknown(seen, brick)}", "start glusterd on that host"
        elif not state.online:
            message = f"offline: {brick}"
            remedy = (
                f"see /var/log/glusterfs/bricks/ there and that its file system is mounted; then `gluster volume start "
                f"{volume.name} force`"
            )
        else:
            continue
        found.append(Problem(volume.name, BRICKS, message, remedy))
    return found


def _problems_of_heals(seen: Seen, volume: Volume) -> list[Problem]:
    states = seen.heals.get(volume.name, {}).values()
    found = []
    down = _not_online(seen, volume)  # which is said already, and is why they say nothing of what waits
    waiting = heal.unhealed(state for state in states if state.pending or (not state.known and state.brick not in down))
    if waiting:
        found.append(
            Problem(
                volume.name,
                HEAL,
                f"not healed: {waiting}",
                "bring up the bricks that are down and wait; reboot or change no other host before it is healed",
            )
        )
    if any(state.split_brain for state in states):
        files = ", ".join(torn.path for torn in seen.split_brains.get(volume.name, ())) or "which files is not known"
        found.append(
            Problem(
                volume.name,
                "split_brain",
                f"copies contradict each other ({files})",
                f"decide which copy is right: `gluster volume heal {volume.name} split-brain latest-mtime FILE`, or "
                "source-brick HOST:/PATH FILE",
            )
        )
    return found


def _not_online(seen: Seen, volume: Volume) -> frozenset[str]:
    states = seen.status.get(volume.name)
    if states is None:
        return frozenset()
    return frozenset(str(brick) for brick in volume.bricks if brick.key not in states or not states[brick.key].online)


def _described_member(member: Member) -> dict[str, Any]:
    return {
        "uuid": member.uuid,
        "name": member.name,
        "hostnames": list(member.hostnames),
        "connected": member.connected,
        "state": member.state,
        "is_local": member.is_local,
    }


def _described_volume(seen: Seen, volume: Volume) -> dict[str, Any]:
    name = volume.name
    clients = seen.clients.get(name)
    limits = seen.limits.get(name)
    snapshots = seen.snapshots.get(name)
    return {
        "name": name,
        "id": volume.id,
        "type": volume.kind,
        "layout": str(layout_of(volume)),
        "status": volume.status,
        "replica": volume.replica,
        "arbiter": volume.arbiter,
        "disperse": volume.disperse,
        "redundancy": volume.redundancy,
        "options": dict(sorted(volume.options.items())),
        "bricks": [_described_brick(seen, volume, brick) for brick in volume.bricks],
        "heals": heal.heals(volume),
        "healed": _healed(seen, volume),
        "split_brain": _described_split_brain(seen, volume),
        "quota_enabled": quota.is_on(volume),
        "quota": None if limits is None else [limit.as_dict() for limit in limits],
        "clients": None if clients is None else dict(clients.kinds),
        "client_addresses": None if clients is None else list(clients.addresses),
        "snapshots": None if snapshots is None else [snapshot.as_dict() for snapshot in snapshots],
    }


def _described_brick(seen: Seen, volume: Volume, brick: Brick) -> dict[str, Any]:
    states = seen.status.get(volume.name)
    state = None if states is None else states.get(brick.key)
    healing = seen.heals.get(volume.name, {}).get(str(brick))
    return {
        "name": str(brick),
        "host": brick.host,
        "path": brick.path,
        "peer": brick.peer,
        "arbiter": brick.arbiter,
        "online": None if state is None else state.online,
        "port": state.port if state else None,
        "pid": state.pid if state else None,
        "total_bytes": state.total if state else None,
        "free_bytes": state.free if state else None,
        "total_inodes": state.inodes_total if state else None,
        "free_inodes": state.inodes_free if state else None,
        "file_system": state.file_system if state else None,
        "device": state.device if state else None,
        "pending_heals": healing.pending if healing else None,
        "split_brain": healing.split_brain if healing else None,
        "message": _why_unknown(seen, brick) if states is not None and state is None else "",
    }


def _healed(seen: Seen, volume: Volume) -> bool | None:
    """Whether every brick said that it has nothing to heal; not known where one said nothing, and none has any."""
    states = seen.heals.get(volume.name)
    if not states:
        return None
    if any(state.pending or state.split_brain for state in states.values()):
        return False
    return True if all(state.healed for state in states.values()) else None


def _described_split_brain(seen: Seen, volume: Volume) -> list[dict[str, Any]] | None:
    states = seen.heals.get(volume.name)
    if volume.name in seen.split_brains:
        return [torn.as_dict() for torn in seen.split_brains[volume.name]]
    # Asked only where a brick has said that it knows of some.
    return [] if states and all(state.split_brain == 0 for state in states.values()) else None


def _why_unknown(seen: Seen, brick: Brick) -> str:
    connected = {member.uuid for member in seen.members if member.connected}
    if brick.peer not in connected:
        return f"the glusterd of {brick.host} is not connected, so nobody says whether the brick runs"
    return f"the glusterd of {brick.host} did not say whether the brick runs"


def _of_each(
    volumes: Iterable[Volume],
    subject: str,
    gather: Collection[str],
    questions: Questions,
    question: Callable[[Volume], _Answer],
) -> dict[str, _Answer]:
    answers: dict[str, _Answer] = {}
    for volume in volumes if subject in gather else ():
        answer = questions.ask(subject, volume.name, partial(question, volume))
        if answer is not None:
            answers[volume.name] = answer
    return answers


def _status(
    gluster: Gluster, started: Sequence[Volume], questions: Questions
) -> Mapping[str, Mapping[BrickKey, BrickStatus]]:
    """One question for all volumes. It leaves out those that another command has locked: these are asked by
    themselves, and waited for."""
    if not started:
        return {}
    found: dict[str, Mapping[BrickKey, BrickStatus]] = {}
    try:
        found.update(status_in(gluster.ask("volume", "status", "all", "detail")))
    except (GlusterMissing, GlusterdDown, GlusterTimeout) as error:
        if not isinstance(error, GlusterTimeout):
            raise
        questions.unknown += [Unknown(volume.name, BRICKS, str(error)) for volume in started]
        return {}
    except GlusterError:
        found.clear()  # one of them is the reason, and which one is found by asking each
    left_out = [volume for volume in started if volume.name not in found]
    singly = _of_each(
        left_out,
        BRICKS,
        {BRICKS},
        questions,
        lambda volume: status_in(gluster.ask("volume", "status", volume.name, "detail")).get(volume.name, {}),
    )
    return {**found, **singly}


def _split_brains(gluster: Gluster, volume: str) -> tuple[SplitBrain, ...]:
    return split_brains_in(gluster.ask("volume", "heal", volume, "info", "split-brain"))


def _clients(gluster: Gluster, volume: str) -> Clients:
    kinds = gluster.clients(volume)
    # Where nobody is connected to bricks on other hosts, asking for addresses fails.
    addresses = client_addresses_in(gluster.ask("volume", "status", volume, "clients")) if kinds else ()
    return Clients(kinds, addresses)


def _snapshots(gluster: Gluster, volumes: Sequence[Volume], questions: Questions) -> Mapping[str, tuple[Snapshot, ...]]:
    """Those of each volume, none included: one question for all."""
    if not volumes:
        return {}
    try:
        taken = known(gluster).values()
    except (GlusterMissing, GlusterdDown):
        raise
    except GlusterError as error:
        questions.unknown += [Unknown(volume.name, SNAPSHOTS, str(error)) for volume in volumes]
        return {}
    return {volume.name: tuple(each for each in taken if each.volume == volume.name) for volume in volumes}


def _brick_status(node: ElementTree.Element) -> BrickStatus:
    return BrickStatus(
        online=(node.findtext("status") or "").strip() == "1",
        port=_number(node, "port"),
        pid=_number(node, "pid"),
        total=_number(node, "sizeTotal"),
        free=_number(node, "sizeFree"),
        inodes_total=_number(node, "inodesTotal"),
        inodes_free=_number(node, "inodesFree"),
        file_system=(node.findtext("fsName") or "").strip() or None,
        device=(node.findtext("device") or "").strip() or None,
    )


def _number(element: ElementTree.Element, name: str) -> int | None:
    """`N/A`, -1 and what is no number are unknown."""
    text = (element.findtext(name) or "").strip()
    return int(text) if text.isascii() and text.isdigit() else None
