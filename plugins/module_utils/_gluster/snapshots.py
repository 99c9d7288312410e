# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots of volumes: what was taken, how many more may be, and what is declared of them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, Iterable, Iterator, Mapping, Sequence
from xml.etree import ElementTree

from ansible_collections.berthage.swarm.plugins.module_utils._drift import Difference
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.cli import (
    Gluster,
    GlusterError,
    number_of,
    text_of,
)
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem

PRESENT = "present"
ABSENT = "absent"
ACTIVATED = "activated"
DEACTIVATED = "deactivated"

ARGUMENTS: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "activated": {"type": "bool", "default": True},
    "state": {"type": "str", "default": PRESENT, "choices": [PRESENT, ABSENT]},
}

# cli-cmd-parser.c, cli_snap_create_parse. Its commands take a snapshot's name where they take a word of their own:
# `snapshot delete all` is about every snapshot there is.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,254}")
_RESERVED = frozenset({"all", "description", "force", "help", "no-timestamp", "volume"})


@dataclass(frozen=True)
class SnapshotSpec:
    """One declared snapshot."""

    name: str
    activated: bool = True
    absent: bool = False

    @property
    def status(self) -> str | None:
        return None if self.absent else _status(self.activated)


@dataclass(frozen=True)
class Snapshot:
    """A snapshot that was taken. Its name is one in the whole pool, not only in its volume."""

    name: str
    volume: str
    activated: bool
    id: str = ""
    created: str = ""

    @property
    def status(self) -> str:
        return _status(self.activated)

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, "id": self.id, "created": self.created, "activated": self.activated}


@dataclass(frozen=True)
class Room:
    """How many snapshots a volume may have. With `deletes_oldest`, more than `soft` of them remove the oldest one."""

    hard: int
    soft: int
    deletes_oldest: bool = False


@dataclass(frozen=True)
class Taken:
    """The snapshots of the pool by their names, and the room of its volumes. `not_on_lvm` are bricks of this host that
    no snapshot can be taken of; those of others are known to their hosts only."""

    snapshots: Mapping[str, Snapshot]
    rooms: Mapping[str, Room]
    not_on_lvm: frozenset[str] = frozenset()
    has_lvm: bool = True

    def of(self, volume: str) -> tuple[Snapshot, ...]:
        return tuple(snapshot for _name, snapshot in sorted(self.snapshots.items()) if snapshot.volume == volume)


@dataclass(frozen=True)
class Change:
    """What is to be done about a volume's snapshots, by their names."""

    delete: tuple[str, ...] = ()
    create: tuple[str, ...] = ()
    activate: tuple[str, ...] = ()
    deactivate: tuple[str, ...] = ()
    drift: tuple[Difference, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.delete or self.create or self.activate or self.deactivate)


def taken(gluster: Gluster) -> Taken:
    """Every snapshot, and how many more there may be: two questions."""
    listed = _listed(gluster)
    if listed is None:
        return Taken({}, {}, has_lvm=False)
    return Taken(listed, rooms_in(gluster.ask("snapshot", "config")))


def known(gluster: Gluster) -> dict[str, Snapshot]:
    """Every snapshot by its name: one question. A host without LVM knows of none."""
    return _listed(gluster) or {}


def _listed(gluster: Gluster) -> dict[str, Snapshot] | None:
    """Every snapshot by its name; None where the host lacks LVM's commands.

    Gluster does not even tell of snapshots there (seen with 10.3), and none can be taken from there; deleting a volume
    that has some all the same is refused by gluster itself.
    """
    try:
        return snapshots_in(gluster.ask("snapshot", "info"))
    except GlusterError as error:
        if "snapshot functionality is disabled" not in str(error):
            raise
        return None


def snapshots_in(answer: ElementTree.Element) -> dict[str, Snapshot]:
    """The snapshots in an answer to `snapshot info`."""
    found = [_snapshot(element) for element in answer.iterfind("snapInfo/snapshots/snapshot")]
    return {snapshot.name: snapshot for snapshot in found}


def rooms_in(answer: ElementTree.Element) -> dict[str, Room]:
    """The room of each volume in an answer to `snapshot config`."""
    deletes_oldest = text_of(answer, "snapConfig/systemConfig/autoDelete") == "enable"
    return {
        text_of(volume, "name"): Room(
            number_of(volume, "effectiveHardLimit"), number_of(volume, "softLimit"), deletes_oldest
        )
        for volume in answer.iterfind("snapConfig/volumeConfig/volume")
    }


def specs(declared: Sequence[Mapping[str, Any]]) -> tuple[SnapshotSpec, ...]:
    return tuple(SnapshotSpec(each["name"], each["activated"], each["state"] == ABSENT) for each in declared)


def problems(volume: str, declared: Sequence[Mapping[str, Any]], is_absent: bool) -> Iterator[Problem]:
    """What is wrong with what is declared of a volume's snapshots."""
    for each in declared:
        name = each["name"]
        if not _NAME.fullmatch(name) or name in _RESERVED:
            yield Problem(
                volume,
                "snapshots",
                f"gluster takes no such name for a snapshot ({name!r})",
                "use letters, digits, - and _, not a leading - and none of gluster's own words (all, volume, ...)",
            )
        if is_absent and each["state"] == PRESENT:
            yield Problem(
                volume,
                f"snapshots.{name}",
                "there is no snapshot without its volume, which is declared absent",
                "say `state: absent` with the snapshot as well, or keep the volume",
            )


def taken_twice(declared: Iterable[tuple[str, SnapshotSpec]]) -> Iterator[Problem]:
    """Names that are declared more than once, among all (volume, snapshot)."""
    declared = tuple(declared)
    for name, times in Counter(snapshot.name for _volume, snapshot in declared).items():
        if times > 1:
            volumes = sorted({volume for volume, snapshot in declared if snapshot.name == name})
            yield Problem(
                volumes[0],
                f"snapshots.{name}",
                f"is declared {times} times ({', '.join(volumes)}), and there can be one of that name in the pool",
                "give each snapshot a name of its own",
            )


def change(declared: Sequence[SnapshotSpec], actual: Mapping[str, Snapshot]) -> Change:
    """What makes the snapshots of a volume those that are declared. The others stay as they are."""
    wanted = [each for each in declared if each.status != _status_of(each.name, actual)]
    present = [each for each in wanted if not each.absent]
    return Change(
        delete=tuple(each.name for each in wanted if each.absent),
        create=tuple(each.name for each in present if each.name not in actual),
        activate=tuple(each.name for each in present if each.activated),
        # A new one may come activated: the pool's activate-on-create.
        deactivate=tuple(each.name for each in present if not each.activated and each.name in actual),
        drift=tuple(
            Difference(f"snapshots.{each.name}", each.status, _status_of(each.name, actual)) for each in wanted
        ),
    )


def carry_out(gluster: Gluster, volume: str, wanted: Change) -> None:
    """Take, activate and deactivate. Each command can be the last one of a run that is killed: the next goes on."""
    for name in wanted.create:
        # Without that word, gluster appends the time to the name.
        gluster.change("snapshot", "create", name, volume, "no-timestamp")
    if not (wanted.create or wanted.activate or wanted.deactivate):
        return
    active = {
        snapshot.name for snapshot in snapshots_in(gluster.ask("snapshot", "info")).values() if snapshot.activated
    }
    for name in wanted.activate:
        if name not in active:
            gluster.change("snapshot", "activate", name)
    for name in (*wanted.deactivate, *(name for name in wanted.create if name not in wanted.activate)):
        if name in active:
            gluster.change("snapshot", "deactivate", name)


def delete(gluster: Gluster, names: Iterable[str]) -> None:
    for name in names:
        gluster.change("snapshot", "delete", name)


def _snapshot(element: ElementTree.Element) -> Snapshot:
    volume = element.find("snapVolume")
    if volume is None:
        raise GlusterError(
            "`gluster --xml snapshot info` printed a snapshot of no volume; see /var/log/glusterfs/cli.log"
        )
    return Snapshot(
        name=text_of(element, "name"),
        volume=text_of(volume, "originVolume/name"),
        activated=text_of(volume, "status") == "Started",
        id=text_of(element, "uuid"),
        created=text_of(element, "createTime"),
    )


def _status(activated: bool) -> str:
    return ACTIVATED if activated else DEACTIVATED


def _status_of(name: str, actual: Mapping[str, Snapshot]) -> str | None:
    return actual[name].status if name in actual else None
