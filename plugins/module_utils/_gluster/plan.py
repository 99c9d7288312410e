# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done about a set of volumes: compared by meaning, refused as a whole or planned."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Iterable, Mapping, Sequence

from ansible_collections.berthage.swarm.plugins.module_utils._drift import Difference
from ansible_collections.berthage.swarm.plugins.module_utils._gluster import auth_allow, moving, replacing
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.cli import Brick, Member, Volume
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.hosts import Names, member_of
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.layout import (
    BrickKey,
    Change,
    change_of,
    layout_of,
)
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.moving import (
    COMPLETED,
    IN_PROGRESS,
    REBALANCE,
    REMOVE_BRICK,
    owes,
)
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.options import in_full, meaning, to_reset, to_set
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.replacing import set_of
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.snapshots import Change as SnapshotChange
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.spec import (
    ABSENT,
    STARTED,
    STOPPED,
    BrickSpec,
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
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem

_TLS = ("client.ssl", "server.ssl")
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
    unmarked: frozenset[str] = frozenset()  # bricks of this host, down and without their mark

    def member(self, host: str) -> Member | None:
        return member_of(host, self.members, self.names)

    def is_here(self, host: str) -> bool:
        member = self.member(host)
        return member is not None and member.is_local

    def is_own(self, uuid: str) -> bool:
        return any(member.uuid == uuid and member.is_local for member in self.members)

    def is_connected(self, uuid: str) -> bool:
        return any(member.uuid == uuid and member.usable for member in self.members)


@dataclass(frozen=True)
class Work:
    """What a step consists of, in the order in which it is carried out."""

    create: tuple[str, ...] = ()  # the layout and the bricks, as `gluster volume create NAME` takes them
    set_options: Mapping[str, str] = field(default_factory=dict)
    reset_options: tuple[str, ...] = ()
    start: bool = False
    restart_bricks: bool = False  # `start force`: brings up what is down, and touches nothing that runs
    replace: tuple[tuple[str, str], ...] = ()  # old and new, one after the other
    lone_writes: bool = False  # by the options before these, one of the copies was enough to write
    add_copies: tuple[str, ...] = ()  # the layout and the bricks, as `gluster volume add-brick NAME` takes them
    add_sets: tuple[str, ...] = ()
    drain: tuple[str, ...] = ()
    rebalance: bool = False
    forgive_rebalance: bool = False  # it is owed, and there is a single set of bricks
    quota: Mapping[str, int] | None = None  # what the limits are to be, where they are to change
    snapshots: SnapshotChange = field(default_factory=SnapshotChange)  # deleting them comes first of all
    stop: bool = False
    delete: bool = False

    @property
    def new_bricks(self) -> tuple[str, ...]:
        """The bricks that an existing volume gets. (Words of a layout, such as `replica 3`, are among them.)"""
        return (*(new for _old, new in self.replace), *self.add_copies, *self.add_sets)


@dataclass(frozen=True)
class Planned:
    step: Step
    work: Work


def plan(specs: Sequence[VolumeSpec], observed: Observed, allow: Iterable[str] = ()) -> list[Planned]:
    """What is to be done for each declared volume, in their order."""
    allowed = frozenset(allow)
    return [_planned(spec, observed, allowed) for spec in specs]


def to_look_at(specs: Iterable[VolumeSpec], observed: Observed) -> tuple[str, ...]:
    """The directories on this host that are declared to become bricks."""
    local = [(brick, spec) for spec in specs if spec.state != ABSENT for brick in local_bricks(spec, observed)]
    taken = {
        (name, brick.path)
        for name, volume in observed.volumes.items()
        for brick in volume.bricks
        if observed.is_own(brick.peer)
    }
    return tuple(brick.path for brick, spec in local if (spec.name, brick.path) not in taken)


def offline_here(specs: Iterable[VolumeSpec], observed: Observed) -> tuple[str, ...]:
    """The directories on this host of bricks that are down, of the volumes that are declared."""
    volumes = (observed.volumes[spec.name] for spec in specs if spec.name in observed.volumes)
    return tuple(brick.path for volume in volumes for brick in volume.offline if observed.is_own(brick.peer))


def would_stop(specs: Iterable[VolumeSpec], volumes: Mapping[str, Volume]) -> tuple[str, ...]:
    """The running volumes that the declaration wants down: those whose clients have to be known."""
    return tuple(
        spec.name
        for spec in specs
        if spec.state in (ABSENT, STOPPED) and spec.name in volumes and volumes[spec.name].started
    )


def local_bricks(spec: VolumeSpec, observed: Observed) -> tuple[BrickSpec, ...]:
    """The declared bricks that lie on this host."""
    return tuple(brick for brick in spec.bricks if observed.is_here(brick.host))


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


def offline_problem(name: str, bricks: Iterable[Brick], members: Iterable[Member], limit: float) -> Problem:
    """Which bricks did not come up in time, and where to look."""
    connected = {member.uuid for member in members if member.usable}
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
    return _converged(spec, volume, observed, allowed)


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
    problems += _unfit(spec, spec.bricks, dict(zip(spec.bricks, bricks)), observed)
    work = Work(
        create=(*spec.layout.words, *map(str, spec.bricks)),
        set_options=spec.options,
        start=spec.state == STARTED,
    )
    return Planned(_unless(problems, step), work)


def _converged(spec: VolumeSpec, volume: Volume, observed: Observed, allowed: frozenset[str]) -> Planned:
    problems, keys = _identified(spec, observed)
    change = Change()
    if not problems:
        change, problems = change_of(spec.name, spec.layout, spec.bricks, keys, volume)
        problems += _unfit(spec, change.new, dict(zip(spec.bricks, keys)), observed)
        problems += _not_now(spec, volume, change, observed)
        problems += _not_allowed(spec, change, allowed)
    work = _work(spec, volume, change, observed)
    if work.restart_bricks:
        problems += _lost(spec, volume, change, observed)
    if work.stop:
        problems += _users(spec, observed)
    elif volume.started:
        problems += _tls_while_running(spec, work.set_options)
    drift = _drift(spec, volume, work, change)
    step = Step(
        spec.name,
        UPDATE if drift else KEEP,
        shown(volume),
        _after(spec, volume, work, change),
        drift,
        details=outcome(volume),
        message="" if drift else _offline_elsewhere(volume),
    )
    return Planned(_unless(problems, step), work)


def _work(spec: VolumeSpec, volume: Volume, change: Change, observed: Observed) -> Work:
    started = spec.state == STARTED
    leaving = {replacement.old.key for replacement in change.replace}
    sets = (len(volume.bricks) + len(change.add) - len(change.drain)) // layout_of(volume).set_size
    return Work(
        set_options={**_tls_off(spec, volume), **to_set(spec.options, volume.options), **_allowed_alike(spec, volume)},
        reset_options=to_reset(spec.options, volume.options) if spec.reset_options else (),
        start=started and not volume.started,
        # Not for bricks that are to be replaced, most often because they cannot be brought up.
        restart_bricks=started
        and volume.started
        and any(observed.is_connected(brick.peer) for brick in volume.offline if brick.key not in leaving),
        replace=tuple((str(replacement.old), str(replacement.new)) for replacement in change.replace),
        lone_writes=bool(change.replace) and replacing.lone_writes(volume),
        add_copies=(*spec.layout.words, *map(str, change.copies)) if change.copies else (),
        add_sets=tuple(map(str, change.add)),
        drain=tuple(map(str, change.drain)),
        rebalance=started and sets > 1 and (bool(change.add) or owes(volume.options)),
        forgive_rebalance=sets < 2 and owes(volume.options),
        stop=spec.state == STOPPED and volume.started,
    )


def _drift(spec: VolumeSpec, volume: Volume, work: Work, change: Change) -> tuple[Difference, ...]:
    bricks = bool(change.add or change.copies or change.drain or change.replace)
    owed = "owed since bricks were added"
    return (
        *(
            Difference(f"options.{name}", value, volume.options.get(name))
            for name, value in work.set_options.items()
            # What other hosts may have otherwise is set all the same.
            if value != volume.options.get(name)
        ),
        *(Difference(f"options.{name}", None, volume.options[name]) for name in work.reset_options),
        *([Difference("layout", str(spec.layout), str(layout_of(volume)))] if change.copies else []),
        *([Difference("bricks", _bricks_after(volume, change), list(map(str, volume.bricks)))] if bricks else []),
        *([Difference("rebalance", COMPLETED, owed)] if work.rebalance and not change.add else []),
        *([Difference("rebalance", "needless with one set of bricks", owed)] if work.forgive_rebalance else []),
        *([Difference("state", spec.state, _state(volume))] if work.start or work.stop else []),
        *([Difference("bricks_offline", [], list(map(str, volume.offline)))] if work.restart_bricks else []),
    )


def _after(spec: VolumeSpec, volume: Volume, work: Work, change: Change) -> dict[str, Any]:
    options = {name: value for name, value in volume.options.items() if name not in work.reset_options}
    options.update(work.set_options)
    if work.rebalance or work.forgive_rebalance:
        options[moving.MARK] = moving.DONE
    elif work.add_sets:
        options[moving.MARK] = moving.OWED
    if (work.replace or work.add_copies) and auth_allow.OPTION in options:
        options[auth_allow.MARK] = auth_allow.DONE
    after = {
        **shown(volume),
        "layout": str(spec.layout if change.copies else layout_of(volume)),
        "bricks": _bricks_after(volume, change),
        "options": dict(sorted(options.items())),
        "state": spec.state,
    }
    if work.restart_bricks or change.replace:
        after.pop("bricks_offline", None)
    return after


def _bricks_after(volume: Volume, change: Change) -> list[str]:
    """In gluster's order, which puts further copies behind the bricks of their set."""
    new = {replacement.old.key: str(replacement.new) for replacement in change.replace}
    drained = {brick.key for brick in change.drain}
    kept = [new.get(brick.key, str(brick)) for brick in volume.bricks if brick.key not in drained]
    if not change.copies:
        return [*kept, *map(str, change.add)]
    size = layout_of(volume).set_size
    more = len(change.copies) * size // len(kept)
    sets = [kept[start : start + size] for start in range(0, len(kept), size)]
    return [
        name
        for place, members in enumerate(sets)
        for name in (*members, *map(str, change.copies[place * more : place * more + more]))
    ]


def _not_allowed(spec: VolumeSpec, change: Change, allowed: frozenset[str]) -> list[Problem]:
    problems = []
    if change.drain and "shrink" not in allowed:
        problems.append(
            Problem(
                spec.name,
                "bricks",
                f"{', '.join(map(str, change.drain))} would be emptied onto the others and removed",
                "list what the volume has, or add `allow: [shrink]`",
            )
        )
    if change.replace and "replace_brick" not in allowed:
        problems.append(
            Problem(
                spec.name,
                "bricks",
                f"{', '.join(map(str, change.replace))} would be replaced, and filled from the others of its set",
                "list what the volume has, or add `allow: [replace_brick]`",
            )
        )
    return problems


def _not_now(spec: VolumeSpec, volume: Volume, change: Change, observed: Observed) -> list[Problem]:
    """What is in the way of changing the bricks at this moment."""
    problems = _task_in_the_way(spec, volume, change)
    needs_running = change.copies or change.drain or change.replace
    if needs_running and (spec.state != STARTED or (change.replace and not volume.started)):
        problems.append(
            Problem(
                spec.name,
                "state",
                "copies, draining and replacing need the volume's bricks running",
                "start it first (state: started)",
            )
        )
    if (change.copies or change.replace) and _heals_not(spec, volume):
        problems.append(
            Problem(
                spec.name,
                "bricks",
                "the volume's self-heal daemon is off, and nobody would fill the new bricks",
                f"turn it on (gluster volume heal {spec.name} enable)",
            )
        )
    gone = [brick for brick in volume.offline if not observed.is_connected(brick.peer)]
    if (change.add or change.copies or change.drain) and gone:
        problems.append(
            Problem(
                spec.name,
                "bricks",
                f"{', '.join(map(str, gone))} is offline and its host not connected, and data cannot be moved past it",
                "bring it back, or replace it, first",
            )
        )
    problems += _without_witness(spec, volume, change)
    return problems + [problem for problem in _sets_too_weak(spec, volume, change, gone) if problem not in problems]


def _without_witness(spec: VolumeSpec, volume: Volume, change: Change) -> list[Problem]:
    """Dead bricks of which the others would not know that they alone hold something. Refused before an option is set:
    the next run would take the new quorum for the one under which the files were written."""
    dead = [replacement.old for replacement in change.replace if replacement.old.online is False]
    return [
        Problem(
            spec.name,
            "bricks",
            f"{brick} cannot be replaced: {replacing.MAY_BE_LOST}: {replacing.ONE_WAS_ENOUGH}",
            "bring it back, and let it heal; only where you know that nothing was written while the others of its set "
            "were offline, set cluster.quorum-type to auto in a run before this one",
        )
        for brick in dead
        if not brick.arbiter and replacing.lone_writes(volume)
    ]


def _heals_not(spec: VolumeSpec, volume: Volume) -> bool:
    """Whether the self-heal daemon is off, and stays so."""
    option = "cluster.disperse-self-heal-daemon" if volume.disperse else "cluster.self-heal-daemon"
    value = {**volume.options, **to_set(spec.options, volume.options)}.get(option, "on")
    return meaning(option, value) is False


def _sets_too_weak(spec: VolumeSpec, volume: Volume, change: Change, gone: Sequence[Brick]) -> list[Problem]:
    """Sets from which a brick is to be replaced while another one is not there to fill the new one."""
    leaving = {replacement.old.key for replacement in change.replace}
    missing = {brick.key for brick in gone} | {brick.key for brick in volume.offline if brick.key in leaving}
    problems = []
    for replacement in change.replace:
        others = [
            brick
            for brick in set_of(volume, replacement.old)
            if brick.key in missing and brick.key != replacement.old.key
        ]
        if others:
            problems.append(
                Problem(
                    spec.name,
                    "bricks",
                    f"{replacement.old} cannot be replaced while {', '.join(map(str, others))} of its set is offline",
                    "bring that one back first",
                )
            )
    return problems


def _task_in_the_way(spec: VolumeSpec, volume: Volume, change: Change) -> list[Problem]:
    """What gluster does to the volume in the background, unless it is what is declared."""
    drained = frozenset(map(str, change.drain))
    for task in volume.tasks:
        bricks = " ".join(task.bricks)
        if task.kind == REMOVE_BRICK and frozenset(task.bricks) != drained:
            return [
                Problem(
                    spec.name,
                    "bricks",
                    f"{bricks} is being removed ({task.status}), which is not what is declared",
                    f"declare the volume without it, with `allow: [shrink]`, or give it up with "
                    f"`gluster volume remove-brick {spec.name} {bricks} stop`",
                )
            ]
        if task.kind == REBALANCE and task.status == IN_PROGRESS and change != Change():
            return [
                Problem(
                    spec.name,
                    "bricks",
                    "a rebalance is under way, during which bricks stay as they are",
                    f"wait for its end (gluster volume rebalance {spec.name} status)",
                )
            ]
    return []


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


def _unfit(
    spec: VolumeSpec, new: Sequence[BrickSpec], keys: Mapping[BrickSpec, BrickKey], observed: Observed
) -> list[Problem]:
    """Why bricks that the volume is to get cannot be had."""
    problems = []
    for brick in new:
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
    known = {brick: keys[brick] for brick in new if brick in keys}
    return [*problems, *_elsewhere(spec, known, observed), *_marked(spec, new, observed)]


def _elsewhere(spec: VolumeSpec, new: Mapping[BrickSpec, BrickKey], observed: Observed) -> list[Problem]:
    """New bricks that are, hold or lie inside a brick of a volume that exists, or of each other."""
    taken = [(brick.peer, brick.path, name) for name, volume in observed.volumes.items() for brick in volume.bricks]
    problems = []
    for brick, (uuid, path) in new.items():
        for peer, directory, owner in taken:
            if peer == uuid and f"{directory}/".startswith(f"{path}/") | f"{path}/".startswith(f"{directory}/"):
                problems.append(
                    Problem(
                        spec.name,
                        "bricks",
                        f"{brick} is, holds or lies inside the brick {directory} of {owner}",
                        "give each brick a directory of its own",
                    )
                )
        taken.append((uuid, path, spec.name))
    return problems


def _marked(spec: VolumeSpec, new: Sequence[BrickSpec], observed: Observed) -> list[Problem]:
    """New bricks on this host that belonged to a volume. `force` would make gluster take them over in silence."""
    return [
        Problem(
            spec.name,
            "bricks",
            f"{brick} carries the mark of a volume: it was a brick of one, or of a creation that failed",
            f"when nothing in it is needed, remove it (rm -r {brick.path}), or choose another directory",
        )
        for brick in local_bricks(spec, observed)
        if brick in new and brick.path in observed.marked
    ]


def _lost(spec: VolumeSpec, volume: Volume, change: Change, observed: Observed) -> list[Problem]:
    """Bricks on this host that `start force` would mark as the volume's own, empty as they may be."""
    leaving = {replacement.old.key for replacement in change.replace}
    return [
        Problem(
            spec.name,
            "bricks",
            f"{brick} is down, and its directory without the mark of the volume: its disk is not mounted, or is not "
            "the one that it was, and gluster would take the directory for it",
            "mount its disk; where that is lost and an empty one in its place, have it filled from the others: "
            f"`gluster volume reset-brick {spec.name} {brick} start`, and then "
            f"`gluster volume reset-brick {spec.name} {brick} {brick} commit force`",
        )
        for brick in volume.offline
        if observed.is_own(brick.peer) and brick.path in observed.unmarked and brick.key not in leaving
    ]


def _allowed_alike(spec: VolumeSpec, volume: Volume) -> dict[str, str]:
    """What a run that was killed while it changed the bricks has left to be told to all hosts."""
    return auth_allow.to_settle(volume.options, in_full(spec.options, volume.options).get(auth_allow.OPTION))


def _tls_off(spec: VolumeSpec, volume: Volume) -> dict[str, str]:
    """A volume that talks TLS, and is not declared to, is brought back to what is declared."""
    return {
        name: "off" for name in _TLS if name not in spec.options and meaning(name, volume.options.get(name, "")) is True
    }


def _tls_while_running(spec: VolumeSpec, changed: Mapping[str, str]) -> list[Problem]:
    """Bricks and clients that run keep to what they began with: half of them could not talk to the other half."""
    if not any(name in changed for name in _TLS):
        return []
    way = "on" if meaning("server.ssl", changed.get("server.ssl", "off")) is True else "off"
    return [
        Problem(
            spec.name,
            "tls",
            f"turning TLS {way} takes no effect in bricks and mounts that run, which could not talk to each other then",
            "unmount it everywhere, declare `state: stopped`, and then this again with `state: started`",
        )
    ]


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
