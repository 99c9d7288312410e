# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots as part of what is planned for each volume."""

from __future__ import annotations

from dataclasses import replace
from typing import Iterable, Iterator, Mapping, Sequence

from ansible_collections.berthage.swarm.plugins.module_utils._gluster import snapshots
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.cli import Volume
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.plan import Observed, Planned, Work, local_bricks
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.snapshots import Change, Snapshot, Taken
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.spec import ABSENT, STARTED, VolumeSpec
from ansible_collections.berthage.swarm.plugins.module_utils._plan import KEEP, REFUSED, UPDATE, Step, refused
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem


def matters(specs: Iterable[VolumeSpec], volumes: Mapping[str, Volume]) -> bool:
    """Whether the plan has to know of snapshots: one is declared, or a volume is to go, which none must be left of."""
    return any(spec.snapshots or (spec.state == ABSENT and spec.name in volumes) for spec in specs)


def with_snapshots(
    planned: Sequence[Planned],
    specs: Sequence[VolumeSpec],
    observed: Observed,
    taken: Taken,
    allow: Iterable[str] = (),
) -> list[Planned]:
    """The same plan, with what is to be done about the declared snapshots of each volume."""
    allowed = frozenset(allow)
    return [_with_snapshots(item, spec, observed, taken, allowed) for item, spec in zip(planned, specs)]


def _with_snapshots(
    item: Planned, spec: VolumeSpec, observed: Observed, taken: Taken, allowed: frozenset[str]
) -> Planned:
    volume = observed.volumes.get(spec.name)
    if not spec.snapshots and (volume is None or spec.state != ABSENT):
        return item
    actual = {snapshot.name: snapshot for snapshot in taken.of(spec.name)}
    wanted = snapshots.change(spec.snapshots, actual)
    problems = [
        *_of_another_volume(spec, taken),
        *_not_allowed(spec, wanted, allowed),
        *_left_over(spec, volume, wanted, actual),
        *_unfit(spec, wanted, observed, taken),
        *_cannot_be_taken(spec, volume, item.work, wanted, observed),
        *_no_room(spec, wanted, actual, taken),
    ]
    work = replace(item.work, snapshots=wanted) if wanted else item.work
    step = replace(item.step, details={**item.step.details, "snapshots": described(actual.values())})
    if wanted:
        step = _shown(step, wanted, actual)
    if problems:
        known = step.problems if step.action == REFUSED else ()
        step = refused(step, *known, *problems)
    return replace(item, step=step, work=work)


def described(actual: Iterable[Snapshot]) -> list[dict[str, object]]:
    """What is returned of a volume's snapshots."""
    return [snapshot.as_dict() for snapshot in actual]


def _shown(step: Step, wanted: Change, actual: Mapping[str, Snapshot]) -> Step:
    before = {name: snapshot.status for name, snapshot in actual.items()}
    declared = {difference.field.partition(".")[2]: difference.declared for difference in wanted.drift}
    after = {name: status for name, status in {**before, **declared}.items() if status}
    shown_before = None if step.before is None else {**step.before, "snapshots": before}
    shown_after = None if step.after is None else {**step.after, "snapshots": after}
    if step.action == KEEP:
        step = replace(step, action=UPDATE, message="")
    drift = (*step.drift, *wanted.drift) if step.action == UPDATE else step.drift
    return replace(step, before=shown_before, after=shown_after, drift=drift)


def _of_another_volume(spec: VolumeSpec, taken: Taken) -> Iterator[Problem]:
    for each in spec.snapshots:
        owner = taken.snapshots[each.name].volume if each.name in taken.snapshots else spec.name
        if owner != spec.name:
            yield Problem(
                spec.name,
                f"snapshots.{each.name}",
                f"there is a snapshot of that name, of the volume {owner}, and there can be one in the pool",
                "give this one another name" if not each.absent else f"declare it with {owner}",
            )


def _not_allowed(spec: VolumeSpec, wanted: Change, allowed: frozenset[str]) -> Iterator[Problem]:
    if "delete" not in allowed:
        for name in wanted.delete:
            yield Problem(
                spec.name,
                f"snapshots.{name}",
                "deleting a snapshot ends what it holds",
                "add `allow: [delete]`, or leave it out of the list, which leaves it alone",
            )


def _left_over(
    spec: VolumeSpec, volume: Volume | None, wanted: Change, actual: Mapping[str, Snapshot]
) -> Iterator[Problem]:
    left = [name for name in actual if name not in wanted.delete]
    if spec.state == ABSENT and volume is not None and left:
        yield Problem(
            spec.name,
            "state",
            f"the volume has snapshots ({', '.join(left)}), and gluster deletes none that has",
            "list them under `snapshots`, each with `state: absent`, when nothing in them is needed",
        )


def _unfit(spec: VolumeSpec, wanted: Change, observed: Observed, taken: Taken) -> Iterator[Problem]:
    if wanted.create and not taken.has_lvm:
        yield Problem(
            spec.name,
            f"snapshots.{wanted.create[0]}",
            "this host has no commands of LVM, and gluster takes snapshots only where every brick is on a thin logical "
            "volume (LVM) of its own",
            "install lvm2 on the hosts of the pool and give the volume such bricks, or leave its snapshots out",
        )
        return
    unfit = [str(brick) for brick in local_bricks(spec, observed) if brick.path in taken.not_on_lvm]
    if wanted.create and unfit:
        yield Problem(
            spec.name,
            f"snapshots.{wanted.create[0]}",
            f"{', '.join(unfit)} is on no logical volume, and gluster takes snapshots only where every brick is on a "
            "thin logical volume (LVM) of its own",
            "give the volume such bricks (the role glusterfs takes them as a `device`), or leave its snapshots out",
        )


def _cannot_be_taken(
    spec: VolumeSpec, volume: Volume | None, work: Work, wanted: Change, observed: Observed
) -> Iterator[Problem]:
    """Why no snapshot can be taken of the volume as it is, or will be in this run."""
    if not wanted.create:
        return
    field = f"snapshots.{wanted.create[0]}"
    if spec.state != STARTED:
        yield Problem(spec.name, field, "a snapshot is taken of a started volume only", "say `state: started`")
    if work.new_bricks or work.drain or work.rebalance or (volume and volume.tasks):
        yield Problem(
            spec.name,
            field,
            "no snapshot is taken while bricks change or data moves between them",
            "take it in a run of its own, before the bricks change or after that",
        )
    gone = [str(brick) for brick in volume.bricks if not observed.is_connected(brick.peer)] if volume else []
    if gone:
        yield Problem(
            spec.name,
            field,
            f"{', '.join(gone)} is offline and its host not connected, and the snapshot would lack what it holds",
            "bring it back, or replace it, first",
        )


def _no_room(spec: VolumeSpec, wanted: Change, actual: Mapping[str, Snapshot], taken: Taken) -> Iterator[Problem]:
    room = taken.rooms.get(spec.name)
    if not wanted.create or room is None:
        return
    count = len(actual) - len(wanted.delete) + len(wanted.create)
    if count > room.hard:
        yield Problem(
            spec.name,
            "snapshots",
            f"{count} of them are more than the {room.hard} that a volume may have (snap-max-hard-limit)",
            "declare some of the old ones absent, or raise the limit (gluster snapshot config)",
        )
    elif room.deletes_oldest and count > room.soft:
        yield Problem(
            spec.name,
            "snapshots",
            f"the pool deletes the oldest one of more than {room.soft} (auto-delete, snap-max-soft-limit)",
            "declare some of the old ones absent, or switch that off (gluster snapshot config auto-delete disable)",
        )
