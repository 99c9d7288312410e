# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done, and what is refused: decided from the declaration and the observation alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Iterator

from ansible_collections.berthage.swarm.plugins.module_utils._drift import Difference, in_words
from ansible_collections.berthage.swarm.plugins.module_utils._plan import (
    CREATE,
    KEEP,
    NONE,
    RECREATE,
    REMOVE,
    UPDATE,
    Step,
    refused,
)
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem
from ansible_collections.berthage.swarm.plugins.module_utils._volumes import removal
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends import BACKENDS
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.compare import compare, compare_labels
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.observe import (
    Actual,
    Directory,
    Mount,
    Observation,
    shown,
)
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.removal import details_of
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.spec import (
    DECLARED_LABEL,
    OWNER_LABEL,
    Declaration,
    Volume,
)

_GLUSTERFS = ("fuse.glusterfs", "glusterfs")

# What can fail without harm goes first: nothing is taken away before everything else is there.
_ORDER = (UPDATE, CREATE, RECREATE, REMOVE)


@dataclass(frozen=True)
class Plan:
    """One step for each declared volume and each purged one, what is refused for the call as a whole, and what the
    operator should hear about without anything failing."""

    steps: tuple[Step, ...]
    warnings: tuple[str, ...]
    problems: tuple[Problem, ...] = ()


def plan(declaration: Declaration, observation: Observation) -> Plan:
    """Decide about the whole set. Refusals are in the steps; nothing is raised."""
    steps: list[Step] = []
    warnings: list[str] = []
    for volume in declaration.volumes:
        actual = observation.volumes.get(volume.name)
        if not volume.present:
            steps.append(_absent(volume, actual, declaration, observation))
        elif actual is None:
            steps.append(_missing(volume, declaration, observation))
        else:
            step, words = _there(volume, actual, declaration, observation)
            steps.append(step)
            warnings += words
    purged, problems = removal.purge(declaration, observation)
    warnings += [f"{step.name}: {step.message}" for step in purged if step.action == KEEP]
    return Plan((*steps, *purged), tuple(warnings), problems)


def turn(step: Step) -> int:
    """When a changing step is carried out."""
    return _ORDER.index(step.action)


def labels_of(volume: Volume, owner: str) -> dict[str, str]:
    """The labels that a new volume gets."""
    return {**volume.labels, OWNER_LABEL: owner, DECLARED_LABEL: ",".join(volume.declared)}


def _absent(volume: Volume, actual: Actual | None, declaration: Declaration, observation: Observation) -> Step:
    if actual is None:
        gone = Step(volume.name, NONE, details=details_of(volume.backend))
        return _refused_by(gone, [*removal.problems_of_unlisted(volume, observation)])
    consumers = removal.consumers_of(volume.name, declaration, observation)
    step = Step(volume.name, REMOVE, before=actual.shown, details=details_of(actual.meaning.backend, consumers))
    return _refused_by(step, [*removal.problems_of_absent(volume, actual, declaration, observation)])


def _missing(volume: Volume, declaration: Declaration, observation: Observation) -> Step:
    step = Step(volume.name, CREATE, after=_as_declared(volume, declaration), details=details_of(_backend(volume)))
    return _refused_by(step, [*_directory_problems(volume, observation)])


def _there(
    volume: Volume, actual: Actual, declaration: Declaration, observation: Observation
) -> tuple[Step, list[str]]:
    """The step for a volume that exists, and what is to be said about it."""
    drift = compare(volume.meaning, actual.meaning)
    details = details_of(_backend(volume))
    step = Step(volume.name, KEEP, before=actual.shown, after=actual.shown, drift=drift, details=details)
    problems = [*_directory_problems(volume, observation)]
    warnings: list[str] = []
    if drift and declaration.on_drift == "recreate":
        step = _recreated(step, volume, declaration, observation)
        problems += removal.problems_of_recreation(volume, actual, declaration, observation)
    elif drift and declaration.on_drift == "fail":
        problems.append(_drifted(volume, drift))
    else:
        if drift:
            warnings.append(f"{volume.name}: kept although it differs from the declaration: {in_words(drift)}")
        step, words = _with_its_labels(step, volume, actual, declaration, observation)
        warnings += words
    step = _with_its_directory(step, volume, observation)
    return (_refused_by(step, problems), [] if problems else warnings)


def _recreated(step: Step, volume: Volume, declaration: Declaration, observation: Observation) -> Step:
    consumers = removal.consumers_of(volume.name, declaration, observation)
    after, details = _as_declared(volume, declaration), details_of(_backend(volume), consumers)
    # A secret looks the same on both sides of the diff. That it differs is no secret.
    secrets = [difference.field for difference in step.drift if difference.declared == difference.actual]
    if secrets:
        after["other_secrets"] = secrets
    return replace(step, action=RECREATE, after=after, details=details)


def _with_its_labels(
    step: Step, volume: Volume, actual: Actual, declaration: Declaration, observation: Observation
) -> tuple[Step, list[str]]:
    """A volume that is kept, with labels that may differ: recreated for them where that is asked for and nothing stands
    in the way, which is a warning and never a failure."""
    drift = compare_labels(volume, actual.labels)
    if not drift:
        return step, []
    why = ""
    if removal.may_be_recreated(volume, actual, declaration.on_drift):
        obstacles = [*removal.problems_of_recreation(volume, actual, declaration, observation)]
        if not obstacles:
            recreated = _recreated(step, volume, declaration, observation)
            return replace(recreated, message=f"recreated for its labels ({in_words(drift)})"), []
        reasons = "; ".join(f"{problem.message}; {problem.remedy}" for problem in obstacles)
        why = f", and it is not recreated for them: {reasons}"
    return step, [
        f"{volume.name}: the labels differ from the declaration ({in_words(drift)}); the engine cannot change the "
        f"labels of a volume{why}"
    ]


def _with_its_directory(step: Step, volume: Volume, observation: Observation) -> Step:
    """Of a volume that exists, a directory that is missing and may be made is a change as well."""
    directory = _directory(volume, observation)
    if directory is None or directory.exists or volume.create_path is None:
        return step
    made = f"the directory {volume.directory} is missing, and is made"
    return replace(
        step,
        action=step.action if step.action == RECREATE else UPDATE,
        before={**(step.before or {}), "directory": None},
        after={**(step.after or {}), "directory": volume.directory},
        message=f"{step.message}; {made}" if step.message else made,
    )


def _as_declared(volume: Volume, declaration: Declaration) -> dict[str, Any]:
    return shown(volume.driver, volume.driver_opts, labels_of(volume, declaration.owner))


def _backend(volume: Volume) -> str:
    """The backend by its key, or, where a driver is declared instead, by what its options mean."""
    return volume.backend if volume.backend in BACKENDS else volume.meaning.backend


def _refused_by(step: Step, problems: list[Problem]) -> Step:
    return refused(step, *problems) if problems else step


def _drifted(volume: Volume, drift: tuple[Difference, ...]) -> Problem:
    hint = ""
    if any(difference.field == "version" and difference.actual == "3" for difference in drift):
        hint = " (an NFS volume whose options name no version is mounted as version 3)"
    return Problem(
        volume.name,
        ", ".join(difference.field for difference in drift),
        f"the volume exists and differs: {in_words(drift)}{hint}; the engine cannot change a volume",
        "declare what is there, have it recreated with on_drift: recreate, or keep it with on_drift: warn",
    )


def _directory(volume: Volume, observation: Observation) -> Directory | None:
    return observation.directories.get(volume.directory or "")


def _directory_problems(volume: Volume, observation: Observation) -> Iterator[Problem]:
    directory = _directory(volume, observation)
    if not observation.on_engine_host:
        if volume.create_path is not None:
            yield Problem(
                volume.name,
                "create_path",
                "the engine may be on another host, where no directory can be made from here",
                "run the task on the engine's host, or leave it out",
            )
        return
    problem = mount_problem(volume, observation.mounts)
    if problem is not None:
        yield problem
    elif directory is not None and directory.problem:
        yield Problem(
            volume.name,
            f"{_backend(volume)}.path",
            f"{volume.directory}: {directory.problem}",
            "mend that on the host, then run again",
        )
    elif directory is not None and not directory.exists and volume.create_path is None:
        yield Problem(
            volume.name,
            f"{_backend(volume)}.path",
            f"the directory {volume.directory} does not exist (a container with this volume would not start)",
            "make it, or add create_path: {}",
        )


def mount_problem(volume: Volume, mounts: tuple[Mount, ...]) -> Problem | None:
    """Why the host's mount that a volume stands on is not the one that is meant."""
    if volume.mount is None:
        return None
    wanted, mount_point = volume.mount.volume, volume.mount.mount_point
    there = [mount for mount in mounts if mount.mount_point == mount_point]
    remedy = "mount it, which the role berthage.swarm.docker_volumes does, and see `systemctl status` of its mount unit"
    if not there:
        return Problem(
            volume.name,
            "glusterfs.mount_point",
            f"nothing is mounted on {mount_point} (data would land on the host's own disk)",
            remedy,
        )
    # The one mounted last hides the others.
    mount = there[-1]
    if mount.file_system not in _GLUSTERFS:
        return Problem(
            volume.name,
            "glusterfs.mount_point",
            f"{mount_point} is a mount of type {mount.file_system}, not of GlusterFS",
            remedy,
        )
    mounted = mount.source.rpartition(":")[2].strip("/")
    if mounted != wanted:
        return Problem(
            volume.name,
            "glusterfs.mount_point",
            f"{mount_point} is a mount of the GlusterFS volume {mounted!r}, not of {wanted!r}",
            "name the mount point of that volume, or mend glusterfs.volume",
        )
    return None
