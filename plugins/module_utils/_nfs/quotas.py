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
    there can be one."""

    project: int = 0
    marked: bool = False
    unfit: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Projects:
    """/etc/projects and /etc/projid: the number of a directory, and the name of a number."""

    numbers: Mapping[str, int] = field(default_factory=dict)
    names: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class State:
    """`limits` gives what a project of `projects` is limited to, in bytes; 0 is no limit."""

    projects: Projects = Projects()
    directories: Mapping[str, Directory] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """One directory and its project: from one limit to another, in bytes. `joins` and `leaves` say whether the
    directory becomes that project, or stops to be it."""

    path: str
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
    taken = {*state.projects.numbers.values(), *state.projects.names}
    changes: list[Change] = []
    for export in declared.exports:
        if export.quota is None or export.path in problems:
            continue
        number = state.projects.numbers.get(export.path) or _free_number(export.path, taken)
        taken.add(number)
        directory = state.directories.get(export.path, Directory())
        change = Change(
            path=export.path,
            project=number,
            name=_name(declared.name, number),
            before=state.limits.get(export.path, 0),
            after=export.quota,
            joins=directory.project != number or not directory.marked or export.path not in state.projects.numbers,
        )
        if change.joins or change.before != change.after:
            changes.append(change)
    limited = {export.path for export in declared.exports if export.quota is not None}
    for path in ours(declared.name, state.projects):
        if path not in limited:
            number = state.projects.numbers[path]
            name = state.projects.names[number]
            changes.append(Change(path, number, name, state.limits.get(path, 0), 0, leaves=True))
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
        f"{_ended(without[0])}{change.project}:{change.path}\n",
        f"{_ended(without[1])}{change.name}:{change.project}\n",
    )


def without_entry(projects: str, projid: str, change: Change) -> tuple[str, str]:
    return (
        _without(projects, f"{change.project}:{change.path}"),
        _without(projid, f"{change.name}:{change.project}"),
    )


def _problems(export: Export, declared: Declaration, state: State) -> Iterator[Problem]:
    if export.quota is None:
        return
    name = state.projects.names.get(state.projects.numbers.get(export.path, 0), "no name")
    directory = state.directories.get(export.path, Directory())
    number = state.projects.numbers.get(export.path)
    if directory.unfit:
        yield Problem(export.path, "quota", directory.unfit, directory.remedy)
    elif number is not None and name != _name(declared.name, number):
        yield Problem(
            export.path,
            "quota",
            f"/etc/projects has it as project {number} ({name}), which is not ours",
            "keep its quota there, and leave it out here; or remove it there",
        )
    elif directory.project not in (0, number):
        yield Problem(
            export.path,
            "quota",
            f"belongs to project {directory.project} already, perhaps through the directory that it is in, and nothing "
            "can belong to two",
            "keep to one quota, or take it out of that project (`chattr -p 0`)",
        )


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
