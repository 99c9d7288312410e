# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done about a set of volumes: compared by meaning, refused as a whole or planned."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Iterable, Mapping, Sequence, Tuple

from ansible_collections.berthage.swarm.plugins.module_utils._drift import Difference
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.cli import Brick, Member, Volume
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.hosts import Names, member_of
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.options import to_reset, to_set
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.spec import (
    ABSENT,
    STARTED,
    STOPPED,
    BrickSpec,
    Layout,
    VolumeSpec,
    same_host,
    shared_brick,
)
from ansible_collections.berthage.swarm.plugins.module_utils._plan import (
    CREATE,
    KEEP,
    NONE,
    REMOVE,
    UPDATE,
    Step,
    refused,
)
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem, not_supported_yet

BrickKey = Tuple[str, str]  # (the peer's UUID, the path)
# Clients that are GlusterFS's own daemons: their connections come and go with the volume.
_OWN_CLIENTS = frozenset({"glustershd", "snapd", "quotad", "rebalance", "bitd", "scrub", "gfproxyd", "nfs", "tierd"})


@dataclass(frozen=True)
class Observed:
    """The pool and its volumes. `clients` are those of the volumes that are to be stopped: kind and number."""

    members: tuple[Member, ...]
    names: Names
    volumes: Mapping[str, Volume]
    clients: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    marked: frozenset[str] = frozenset()  # directories on this host that carry the mark of a volume

    def member(self, host: str) -> Member | None:
        return member_of(host, self.members, self.names)

    def is_connected(self, uuid: str) -> bool:
        return any(member.uuid == uuid and member.connected for member in self.members)


@dataclass(frozen=True)
class Work:
    """What a step consists of, in the order in which it is carried out."""

    create: tuple[str, ...] = ()  # the layout and the bricks, as `gluster volume create NAME` takes them
    set_options: Mapping[str, str] = field(default_factory=dict)
    reset_options: tuple[str, ...] = ()
    start: bool = False
    restart_bricks: bool = False  # `start force`: brings up what is down, and touches nothing that runs
    quota: Mapping[str, int] | None = None  # what the limits are to be, where they are to change
    stop: bool = False
    delete: bool = False


@dataclass(frozen=True)
class Planned:
    step: Step
    work: Work


def plan(specs: Sequence[VolumeSpec], observed: Observed, allow: Iterable[str] = ()) -> list[Planned]:
    """What is to be done for each declared volume, in their order."""
    allowed = frozenset(allow)
    return [_planned(spec, observed, allowed) for spec in specs]


def would_stop(specs: Iterable[VolumeSpec], volumes: Mapping[str, Volume]) -> tuple[str, ...]:
    """The running volumes that the declaration wants down: those whose clients have to be known."""
    return tuple(
        spec.name
        for spec in specs
        if spec.state in (ABSENT, STOPPED) and spec.name in volumes and volumes[spec.name].started
    )


def local_bricks(spec: VolumeSpec, observed: Observed) -> tuple[BrickSpec, ...]:
    """The declared bricks that lie on this host."""
    members = ((brick, observed.member(brick.host)) for brick in spec.bricks)
    return tuple(brick for brick, member in members if member is not None and member.is_local)


def shown(volume: Volume) -> dict[str, Any]:
    """A volume as the diff shows it."""
    return {
        "layout": str(layout_of(volume)),
        "bricks": [str(brick) for brick in volume.bricks],
        "options": dict(sorted(volume.options.items())),
        "state": _state(volume),
        **({"bricks_offline": [str(brick) for brick in volume.offline]} if volume.offline else {}),
    }


def outcome(volume: Volume) -> dict[str, Any]:
    """What is returned of a volume that exists."""
    return {
        "id": volume.id,
        "type": volume.kind,
        "status": volume.status,
        "options": dict(sorted(volume.options.items())),
        "bricks": [
            {
                "name": str(brick),
                "host": brick.host,
                "path": brick.path,
                "peer": brick.peer,
                "arbiter": brick.arbiter,
                "online": brick.online,
            }
            for brick in volume.bricks
        ],
    }


def layout_of(volume: Volume) -> Layout:
    """The layout of a volume that exists. Gluster calls one copy *replica 1*."""
    return Layout(volume.replica if volume.replica > 1 else 0, volume.arbiter, volume.disperse, volume.redundancy)


def offline_problem(name: str, bricks: Iterable[Brick], members: Iterable[Member], limit: float) -> Problem:
    """Which bricks did not come up in time, and where to look."""
    connected = {member.uuid for member in members if member.connected}
    bricks = tuple(bricks)
    gone = [brick.host for brick in bricks if brick.peer not in connected]
    why = f" ({', '.join(sorted(set(gone)))} not connected)" if gone else ""
    return Problem(
        name,
        "bricks",
        f"offline {limit:g} s after the start: {', '.join(map(str, bricks))}{why}",
        "see /var/log/glusterfs/bricks/ on that host: its file system not mounted, its ports (49152-60999/tcp) closed, "
        "or its directory no longer the brick that it was",
    )


def _planned(spec: VolumeSpec, observed: Observed, allowed: frozenset[str]) -> Planned:
    volume = observed.volumes.get(spec.name)
    if spec.state == ABSENT:
        return _removed(spec, volume, observed, allowed)
    if volume is None:
        return _created(spec, observed)
    return _converged(spec, volume, observed)


def _removed(spec: VolumeSpec, volume: Volume | None, observed: Observed, allowed: frozenset[str]) -> Planned:
    if volume is None:
        return Planned(Step(spec.name, NONE, details=_nothing()), Work())
    step = Step(spec.name, REMOVE, shown(volume), None, details=outcome(volume))
    problems = _users(spec, observed)
    if "delete" not in allowed:
        problems.append(
            Problem(
                spec.name,
                "state",
                "deleting a volume ends the only way to the data in its bricks",
                "add `allow: [delete]`; the files in the bricks stay",
            )
        )
    return Planned(_unless(problems, step), Work(stop=volume.started, delete=True))


def _created(spec: VolumeSpec, observed: Observed) -> Planned:
    after = {
        "layout": str(spec.layout),
        "bricks": [str(brick) for brick in spec.bricks],
        "options": dict(sorted(spec.options.items())),
        "state": spec.state,
    }
    step = Step(spec.name, CREATE, None, after, details=_nothing())
    problems, bricks = _identified(spec, observed)
    for brick in spec.bricks:
        member = observed.member(brick.host)
        if member is not None and not member.usable:
            problems.append(
                Problem(
                    spec.name,
                    "bricks",
                    f"{brick}: its host is not connected ({member.state})",
                    f"start glusterd on {brick.host}; see `gluster peer status`",
                )
            )
    problems += _elsewhere(spec, bricks, observed)
    problems += _marked(spec, observed)
    work = Work(
        create=(*spec.layout.words, *map(str, spec.bricks)),
        set_options=spec.options,
        start=spec.state == STARTED,
    )
    return Planned(_unless(problems, step), work)


def _converged(spec: VolumeSpec, volume: Volume, observed: Observed) -> Planned:
    problems, bricks = _identified(spec, observed)
    changed = to_set(spec.options, volume.options)
    reset = to_reset(spec.options, volume.options) if spec.reset_options else ()
    repair = spec.state == STARTED and any(observed.is_connected(brick.peer) for brick in volume.offline)
    work = Work(
        set_options=changed,
        reset_options=reset,
        start=spec.state == STARTED and not volume.started,
        restart_bricks=volume.started and repair,
        stop=spec.state == STOPPED and volume.started,
    )
    if not problems:
        problems = _layout_drift(spec, volume, bricks)
    if work.stop:
        problems += _users(spec, observed)
    drift = (
        *(Difference(f"options.{name}", value, volume.options.get(name)) for name, value in changed.items()),
        *(Difference(f"options.{name}", None, volume.options[name]) for name in reset),
        *([Difference("state", spec.state, _state(volume))] if work.start or work.stop else []),
        *([Difference("bricks_offline", [], list(map(str, volume.offline)))] if work.restart_bricks else []),
    )
    before = shown(volume)
    after = {
        **before,
        "options": dict(
            sorted({**{name: value for name, value in volume.options.items() if name not in reset}, **changed}.items())
        ),
        "state": spec.state,
    }
    if work.restart_bricks:
        after.pop("bricks_offline")
    step = Step(
        spec.name,
        UPDATE if drift else KEEP,
        before,
        after,
        drift,
        details=outcome(volume),
        message="" if drift else _offline_elsewhere(volume),
    )
    return Planned(_unless(problems, step), work)


def _identified(spec: VolumeSpec, observed: Observed) -> tuple[list[Problem], list[BrickKey]]:
    """Each declared brick as (UUID, path), in order, or the problems that are in the way of that."""
    problems: list[Problem] = []
    keys: list[BrickKey] = []
    for brick in spec.bricks:
        member = observed.member(brick.host)
        if member is None:
            known = (
                "" if observed.names.addresses.get(brick.host, True) else ", and its name does not resolve on this host"
            )
            problems.append(
                Problem(
                    spec.name,
                    "bricks",
                    f"{brick}: {brick.host} is no member of the pool{known}",
                    f"add it first: berthage.swarm.gluster_pool with {brick.host} among peers",
                )
            )
        else:
            keys.append((member.uuid, brick.path))
    if problems:
        return problems, []
    for key, times in Counter(keys).items():
        if times > 1:
            problems.append(shared_brick(spec.name, _spelled(spec, keys, key), spec.name))
    size = spec.layout.set_size
    for start in range(0, len(keys), size):
        hosts = Counter(uuid for uuid, _path in keys[start : start + size])
        for uuid, times in hosts.items():
            if times > 1 and not problems:
                host = next(brick.host for brick, key in zip(spec.bricks, keys) if key[0] == uuid)
                problems.append(same_host(spec.name, host, spec.bricks[start : start + size]))
    return problems, keys


def _elsewhere(spec: VolumeSpec, keys: Sequence[BrickKey], observed: Observed) -> list[Problem]:
    """Declared bricks that are, hold or lie inside a brick of a volume that exists, or of each other."""
    taken = [(brick.peer, brick.path, name) for name, volume in observed.volumes.items() for brick in volume.bricks]
    problems = []
    for position, (uuid, path) in enumerate(keys):
        others = [*taken, *((peer, directory, spec.name) for peer, directory in keys[:position])]
        for peer, directory, owner in others:
            if peer == uuid and f"{directory}/".startswith(f"{path}/") | f"{path}/".startswith(f"{directory}/"):
                problems.append(
                    Problem(
                        spec.name,
                        "bricks",
                        f"{spec.bricks[position]} is, holds or lies inside the brick {directory} of {owner}",
                        "give each brick a directory of its own",
                    )
                )
    return problems


def _marked(spec: VolumeSpec, observed: Observed) -> list[Problem]:
    """Declared bricks on this host that belonged to a volume. `force` would make gluster take them over in silence."""
    return [
        Problem(
            spec.name,
            "bricks",
            f"{brick} carries the mark of a volume: it was a brick of a deleted one, or of a creation that failed",
            f"when nothing in it is needed, remove it (rm -r {brick.path}), or choose another directory",
        )
        for brick in local_bricks(spec, observed)
        if brick.path in observed.marked
    ]


def _layout_drift(spec: VolumeSpec, volume: Volume, keys: Sequence[BrickKey]) -> list[Problem]:
    """What cannot be converged: another composition of the sets, or another layout. Order alone is no difference."""
    actual = layout_of(volume)
    declared_keys, actual_keys = frozenset(keys), frozenset(brick.key for brick in volume.bricks)
    if declared_keys == actual_keys:
        if spec.layout != actual:
            return [
                Problem(
                    spec.name,
                    "disperse" if spec.layout.disperse or actual.disperse else "replica",
                    f"the volume is {actual}, and declared is {spec.layout}",
                    "a volume's layout stays; declare what it is, or move the data to a new volume",
                )
            ]
        if _composition(keys, actual) != _composition([brick.key for brick in volume.bricks], actual):
            order = ", ".join(map(str, volume.bricks))
            return [
                Problem(
                    spec.name,
                    "bricks",
                    "the same bricks are grouped into other sets than the volume's, and bricks cannot change sets",
                    f"list them as they are: {order}",
                )
            ]
        return []
    more = [_spelled(spec, keys, key) for key in keys if key not in actual_keys]
    fewer = [str(brick) for brick in volume.bricks if brick.key not in declared_keys]
    if not fewer:
        return [
            not_supported_yet(
                spec.name, "bricks", f"growth by {', '.join(more)}", "list the bricks that the volume has"
            )
        ]
    if not more:
        return [
            not_supported_yet(
                spec.name, "bricks", f"shrinking by {', '.join(fewer)}", "list the bricks that the volume has"
            )
        ]
    return [
        not_supported_yet(
            spec.name,
            "bricks",
            f"replacing {', '.join(fewer)} with {', '.join(more)}",
            "list the bricks that the volume has",
        )
    ]


def _composition(keys: Sequence[BrickKey], layout: Layout) -> frozenset[tuple[frozenset[BrickKey], BrickKey | None]]:
    """The sets of a volume, each with its arbiter, whose place is the last of its set."""
    sets = [tuple(keys[start : start + layout.set_size]) for start in range(0, len(keys), layout.set_size)]
    return frozenset((frozenset(members), members[-1] if layout.arbiter else None) for members in sets)


def _users(spec: VolumeSpec, observed: Observed) -> list[Problem]:
    users = {kind: count for kind, count in observed.clients.get(spec.name, {}).items() if kind not in _OWN_CLIENTS}
    if not users:
        return []
    listed = ", ".join(f"{count} by {kind}" for kind, count in sorted(users.items()))
    return [
        Problem(
            spec.name,
            "state",
            f"the volume is in use ({listed})",
            f"unmount it everywhere; `gluster volume status {spec.name} clients` lists the addresses",
        )
    ]


def _offline_elsewhere(volume: Volume) -> str:
    """Of bricks whose hosts are gone: nothing that could be changed from here, and to be said all the same."""
    return f"offline, since the host is not connected: {', '.join(map(str, volume.offline))}" if volume.offline else ""


def _spelled(spec: VolumeSpec, keys: Sequence[BrickKey], wanted: BrickKey) -> str:
    brick: BrickSpec = next(brick for brick, key in zip(spec.bricks, keys) if key == wanted)
    return str(brick)


def _state(volume: Volume) -> str:
    return STARTED if volume.started else STOPPED


def _nothing() -> dict[str, Any]:
    return {"id": None, "type": None, "status": None, "options": {}, "bricks": []}


def _unless(problems: Sequence[Problem], step: Step) -> Step:
    return refused(step, *problems) if problems else step
