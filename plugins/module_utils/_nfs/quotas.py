# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Quotas of exports: a directory is a project of its file system, whose blocks are counted and limited.

/etc/projects and /etc/projid say which directory is which project, as xfs_quota(8) reads them. A project of ours is
named there after the drop-in, so that its quota can be taken away when it is declared no more.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, field, replace
from typing import Iterable, Iterator, Mapping, Sequence

from ansible_collections.berthage.swarm.plugins.module_utils._drift import Difference
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.links import is_inside
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.spec import Declaration, Export
from ansible_collections.berthage.swarm.plugins.module_utils._plan import KEEP, REMOVE, UPDATE, Step, refused
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem

# Out of the way of numbers that people choose, and positive for tools that take it as signed.
_FIRST_PROJECT = 1 << 24
_LAST_PROJECT = (1 << 31) - 1


@dataclass(frozen=True)
class Directory:
    """A directory on its file system. `project` is 0 where it belongs to none; `marked` says whether what is made in it
    belongs to its project too. `unfit` says why there can be no quota, and `remedy` what to do; both are empty where
    there can be one. `device` tells file systems apart; a limit is kept in whole blocks of `block` bytes."""

    project: int = 0
    marked: bool = False
    unfit: str = ""
    remedy: str = ""
    device: int = 0
    block: int = 1024


@dataclass(frozen=True)
class Projects:
    """/etc/projects and /etc/projid: the number of a directory, and the name of a number."""

    numbers: Mapping[str, int] = field(default_factory=dict)
    names: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class State:
    """`real` gives the directory that a path leads to, which has the project, and by which it is found in
    `directories` and `limits`; the latter are in bytes, 0 is no limit."""

    projects: Projects = Projects()
    directories: Mapping[str, Directory] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)
    real: Mapping[str, str] = field(default_factory=dict)

    def real_path(self, path: str) -> str:
        return self.real.get(path, path)

    def number(self, place: str) -> int | None:
        """The project that a directory is in /etc/projects, by whatever path it has been written there."""
        return next(
            (number for path, number in self.projects.numbers.items() if place in (path, self.real_path(path))), None
        )


@dataclass(frozen=True)
class Change:
    """One directory and its project: from one limit to another, in bytes. `joins` and `leaves` say whether the
    directory becomes that project, or stops to be it. `path` is the export's; `place` is the directory itself, as it is
    in /etc/projects."""

    path: str
    place: str
    project: int
    name: str
    before: int
    after: int
    joins: bool = False
    leaves: bool = False

    @property
    def undone(self) -> Change:
        return replace(self, before=self.after, after=self.before, joins=self.leaves, leaves=self.joins)


@dataclass(frozen=True)
class Plan:
    changes: tuple[Change, ...]
    problems: Mapping[str, Problem]


def plan(declared: Declaration, state: State) -> Plan:
    problems = {export.path: problem for export in declared.exports for problem in _problems(export, declared, state)}
    # A run that was killed may have left a name of ours without a directory.
    named = {number for number, name in state.projects.names.items() if name != _name(declared.name, number)}
    taken = {*state.projects.numbers.values(), *named}
    changes: list[Change] = []
    for export in declared.exports:
        if export.quota is None or export.path in problems:
            continue
        place = state.real_path(export.path)
        registered = state.number(place)
        number = registered or _free_number(place, taken)
        taken.add(number)
        directory = state.directories.get(place, Directory())
        before = state.limits.get(place, 0)
        change = Change(
            path=export.path,
            place=place,
            project=number,
            name=_name(declared.name, number),
            before=before,
            after=export.quota,
            # It gets its limit last, so without one it may not be marked down to the last file yet.
            joins=directory.project != number or not directory.marked or registered is None or not before,
        )
        if change.joins or before != _rounded_up(export.quota, directory.block):
            changes.append(change)
    limited = {state.real_path(export.path) for export in declared.exports if export.quota is not None}
    paths = {state.real_path(path): path for path in (*declared.absent, *(one.path for one in declared.exports))}
    for registered_path in ours(declared.name, state.projects):
        place = state.real_path(registered_path)
        if place not in limited:
            number = state.projects.numbers[registered_path]
            name = state.projects.names[number]
            before = state.limits.get(place, 0)
            path = paths.get(place, registered_path)
            changes.append(Change(path, registered_path, number, name, before, 0, leaves=True))
    return Plan(tuple(changes), problems)


def merged(steps: Sequence[Step], planned: Plan) -> tuple[Step, ...]:
    """The steps of the exports, with what becomes of their quotas."""
    changes = {change.path: change for change in planned.changes}
    known = {step.name for step in steps}
    extra = [
        Step(path, REMOVE, {"quota": spelled(change.before)}, None, message="its quota had been left behind")
        for path, change in changes.items()
        if path not in known
    ]
    return (*(_merged(step, changes.get(step.name), planned.problems.get(step.name)) for step in steps), *extra)


def ours(name: str, projects: Projects) -> tuple[str, ...]:
    """The directories whose project is one of the drop-in of this name."""
    return tuple(path for path, number in projects.numbers.items() if projects.names.get(number) == _name(name, number))


def spelled(size: int) -> str:
    """A size in bytes as it may be declared, with the largest suffix that leaves a whole number."""
    if not size:
        return "none"
    for power, suffix in ((4, "T"), (3, "G"), (2, "M"), (1, "K")):
        if size % 1024**power == 0:
            return f"{size // 1024**power}{suffix}"
    return str(size)


def read(projects: str, projid: str) -> Projects:
    """What the two files say. Lines that are in neither's language are nobody's."""
    found = re.findall(r"^([0-9]+):(/.*?)[ \t]*$", projects, re.MULTILINE)
    named = re.findall(r"^([^#:\s][^:\n]*):([0-9]+)[ \t]*$", projid, re.MULTILINE)
    return Projects({path: int(number) for number, path in found}, {int(number): name for name, number in named})


def with_entry(projects: str, projid: str, change: Change) -> tuple[str, str]:
    """The texts of the two files with the project of a directory, each line once."""
    without = without_entry(projects, projid, change)
    return (
        f"{_ended(without[0])}{change.project}:{change.place}\n",
        f"{_ended(without[1])}{change.name}:{change.project}\n",
    )


def without_entry(projects: str, projid: str, change: Change) -> tuple[str, str]:
    return (
        _without(projects, f"{change.project}:{change.place}"),
        _without(projid, f"{change.name}:{change.project}"),
    )


def _problems(export: Export, declared: Declaration, state: State) -> Iterator[Problem]:
    if export.quota is None:
        return
    place = state.real_path(export.path)
    number = state.number(place)
    name = state.projects.names.get(number or 0, "no name")
    directory = state.directories.get(place, Directory())
    nested = _nested(place, declared, state)
    if directory.unfit:
        yield Problem(export.path, "quota", directory.unfit, directory.remedy)
    elif number is not None and name != _name(declared.name, number):
        yield Problem(
            export.path,
            "quota",
            f"/etc/projects has it as project {number} ({name}), which is not ours",
            "keep its quota there, and leave it out here; or remove it there",
        )
    elif nested:
        yield Problem(
            export.path,
            "quota",
            f"{nested}, which has a quota too, and nothing can belong to two",
            "keep to one of them; where the other one is to go, take it away in a run of its own before",
        )
    elif directory.project not in (0, number):
        yield Problem(
            export.path,
            "quota",
            f"belongs to project {directory.project} already, perhaps through the directory that it is in, and nothing "
            "can belong to two",
            "keep to one quota, or take it out of that project (`chattr -p 0`)",
        )


def _nested(place: str, declared: Declaration, state: State) -> str:
    """How a directory lies to another one on its file system that has a quota, or is to have one."""
    wanted = [export.path for export in declared.exports if export.quota is not None]
    others = {state.real_path(path): path for path in (*state.projects.numbers, *wanted)}
    own = state.directories.get(place, Directory())
    for other, path in others.items():
        if other in state.directories and state.directories[other].device == own.device:
            if is_inside(other, place):
                return f"holds {path}"
            if is_inside(place, other):
                return f"lies in {path}"
    return ""


def _merged(step: Step, change: Change | None, problem: Problem | None) -> Step:
    if problem is not None:
        return refused(step, *step.problems, problem)
    if change is None or step.problems:
        return step
    before, after = spelled(change.before), spelled(change.after)
    drift = (Difference("quota", None if change.leaves else after, None if change.before == 0 else before),)
    if step.action == KEEP:
        said = "" if before != after else "the directory did not belong to its project: counted anew"
        return replace(step, action=UPDATE, before={"quota": before}, after={"quota": after}, drift=drift, message=said)
    return replace(
        step,
        action=REMOVE if step.before is None and step.after is None else step.action,
        before=None if step.before is None and not change.before else {**(step.before or {}), "quota": before},
        after=None if step.after is None else {**step.after, "quota": after},
        drift=(*step.drift, *drift) if step.before is not None and step.after is not None else step.drift,
    )


def _name(drop_in: str, number: int) -> str:
    return f"berthage.{drop_in}.{number}"


def _rounded_up(size: int, block: int) -> int:
    return -(-size // block) * block


def _free_number(path: str, taken: Iterable[int]) -> int:
    """The same directory gets the same number wherever it is free."""
    taken = set(taken)
    span = _LAST_PROJECT - _FIRST_PROJECT
    number = zlib.crc32(path.encode(errors="surrogateescape")) % span + _FIRST_PROJECT
    while number in taken:
        number = (number + 1 - _FIRST_PROJECT) % span + _FIRST_PROJECT
    return number


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"


def _without(text: str, line: str) -> str:
    return "".join(one for one in text.splitlines(keepends=True) if one.strip() != line)
