# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done, and what is refused: decided from the declaration and the observation alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Iterator, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._drift import Difference, differences, in_words
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
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends import (
    BACKENDS,
    HIDDEN,
    HOLDS,
    Meaning,
    is_secret,
    redacted,
)
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.observe import (
    Actual,
    Consumer,
    Directory,
    Mount,
    Observation,
)
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.spec import (
    DECLARED_LABEL,
    OWNER_LABEL,
    Declaration,
    Volume,
)

_GLUSTERFS = ("fuse.glusterfs", "glusterfs")


@dataclass(frozen=True)
class Plan:
    """One step for each declared volume, and what the operator should hear about without anything failing."""

    steps: tuple[Step, ...]
    warnings: tuple[str, ...]


def plan(declaration: Declaration, observation: Observation) -> Plan:
    """Decide about the whole set. Refusals are in the steps; nothing is raised."""
    steps: list[Step] = []
    warnings: list[str] = []
    for volume in declaration.volumes:
        actual = observation.volumes.get(volume.name)
        step = (
            _present(volume, actual, declaration, observation)
            if volume.present
            else _absent(volume, actual, declaration, observation)
        )
        steps.append(step)
        if volume.present and actual is not None:
            warnings += _warnings(volume, actual, step)
    return Plan(tuple(steps), tuple(warnings))


def to_be_removed(declaration: Declaration, actual: Mapping[str, Actual]) -> tuple[str, ...]:
    """The volumes whose users must be known before the plan can be made."""
    return tuple(volume.name for volume in declaration.volumes if not volume.present and volume.name in actual)


def to_be_proven_empty(declaration: Declaration, actual: Mapping[str, Actual]) -> tuple[str, ...]:
    """The volumes that may go only when there is no data in them."""
    return tuple(
        volume.name
        for volume in declaration.volumes
        if not volume.present
        and not volume.discard_data
        and volume.name in actual
        and actual[volume.name].meaning.data == HOLDS
    )


def compare(declared: Meaning, actual: Meaning) -> tuple[Difference, ...]:
    """The differences in meaning, without secrets. Volumes of two backends differ in that one field."""
    if declared.backend != actual.backend:
        return (Difference("backend", declared.backend, actual.backend),)
    secrets = declared.secrets | actual.secrets
    return tuple(
        _hidden(difference) if difference.field in secrets else difference
        for difference in differences(declared.fields, actual.fields)
    )


def labels_of(volume: Volume, owner: str) -> dict[str, str]:
    """The labels that a new volume gets."""
    return {**volume.labels, OWNER_LABEL: owner, DECLARED_LABEL: ",".join(volume.declared)}


def _present(volume: Volume, actual: Actual | None, declaration: Declaration, observation: Observation) -> Step:
    directory = observation.directories.get(volume.directory or "")
    must_make_directory = directory is not None and not directory.exists and volume.create_path is not None
    details: dict[str, Any] = {"backend": _backend(volume), "consumers": [], "verified": None}
    if actual is None:
        shown = _shown(volume.driver, volume.driver_opts, labels_of(volume, declaration.owner))
        step = Step(volume.name, CREATE, before=None, after=shown, details=details)
        return _refused_by(step, [*_directory_problems(volume, observation, directory)])
    before = _shown(actual.driver, actual.options, actual.labels)
    drift = compare(volume.meaning, actual.meaning)
    step = Step(volume.name, KEEP, before=before, after=before, drift=drift, details=details)
    if must_make_directory:
        step = replace(
            step,
            action=UPDATE,
            before={**before, "directory": None},
            after={**before, "directory": volume.directory},
            message=f"the directory {volume.directory} is missing, and is made",
        )
    problems = [*_directory_problems(volume, observation, directory)]
    if drift and declaration.on_drift == "fail":
        problems.append(_drifted(volume, drift))
    return _refused_by(step, problems)


def _absent(volume: Volume, actual: Actual | None, declaration: Declaration, observation: Observation) -> Step:
    if actual is None:
        return Step(volume.name, NONE, details={"backend": volume.backend, "consumers": [], "verified": None})
    consumers = _consumers(volume, declaration, observation)
    step = Step(
        volume.name,
        REMOVE,
        before=_shown(actual.driver, actual.options, actual.labels),
        details={
            "backend": actual.meaning.backend,
            "consumers": [consumer.as_dict() for consumer in consumers],
            "verified": None,
        },
    )
    return _refused_by(step, [*_removal_problems(volume, actual, consumers, declaration, observation)])


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
        "declare what is there, remove it first with state: absent, or keep it with on_drift: warn",
    )


def _directory_problems(volume: Volume, observation: Observation, directory: Directory | None) -> Iterator[Problem]:
    if not observation.on_engine_host:
        if volume.create_path is not None:
            yield Problem(
                volume.name,
                "create_path",
                "the engine may be on another host, where no directory can be made from here",
                "run the task on the engine's host, or leave it out",
            )
        return
    problem = _mount_problem(volume, observation.mounts)
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


def _mount_problem(volume: Volume, mounts: tuple[Mount, ...]) -> Problem | None:
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


def _consumers(volume: Volume, declaration: Declaration, observation: Observation) -> tuple[Consumer, ...]:
    seen = observation.usage.consumers.get(volume.name, ())
    told = volume.name in (declaration.services_in_use or ()) and not any(user.kind == "service" for user in seen)
    return (*seen, Consumer("service", "of this Swarm")) if told else seen


def _removal_problems(
    volume: Volume,
    actual: Actual,
    consumers: tuple[Consumer, ...],
    declaration: Declaration,
    observation: Observation,
) -> Iterator[Problem]:
    owner = actual.labels.get(OWNER_LABEL)
    if owner is not None and owner != declaration.owner:
        yield Problem(
            volume.name,
            "state",
            f"it is owned by {owner!r}, not by {declaration.owner!r} (label {OWNER_LABEL})",
            f"remove it where it is declared, or set owner: {owner}",
        )
    if consumers:
        yield Problem(
            volume.name,
            "state",
            f"it is in use by {', '.join(map(str, consumers))}",
            "remove those first",
        )
    if observation.usage.services_known is False and declaration.services_in_use is None:
        yield Problem(
            volume.name,
            "state",
            "services that use it cannot be listed here (this node is a worker)",
            "give services_in_use, as a manager knows them (the role docker_volumes asks one: docker_volumes_managers)",
        )
    yield from _data_problems(volume, actual.meaning, observation.empty)


def _data_problems(volume: Volume, meaning: Meaning, empty: Mapping[str, bool]) -> Iterator[Problem]:
    if meaning.data != HOLDS:
        if volume.discard_data:
            yield Problem(
                volume.name,
                "discard_data",
                f"it is a volume of backend {meaning.backend}, which has no data here that could be discarded",
                "leave it out",
            )
    elif not volume.discard_data and not empty.get(volume.name, False):
        known = volume.name in empty
        yield Problem(
            volume.name,
            "discard_data",
            "it holds data" if known else "whether it holds data could not be found out (it could not be mounted)",
            "save what is needed, then set discard_data: true on this volume",
        )


def _warnings(volume: Volume, actual: Actual, step: Step) -> Iterator[str]:
    if step.drift and not step.problems:
        yield f"{volume.name}: kept although it differs from the declaration: {in_words(step.drift)}"
    drift = _label_drift(volume, actual.labels)
    if drift:
        yield (
            f"{volume.name}: the labels differ from the declaration ({in_words(drift)}); the engine cannot change the "
            "labels of a volume"
        )


def _label_drift(volume: Volume, labels: Mapping[str, str]) -> tuple[Difference, ...]:
    """Only what is declared counts, and what was declared when the volume was made and no longer is."""
    once = (field.partition(".") for field in labels.get(DECLARED_LABEL, "").split(","))
    names = {*volume.labels, *(name for kind, _dot, name in once if kind == "labels")}
    drift = differences(volume.labels, {name: value for name, value in labels.items() if name in names})
    return tuple(_hidden(difference) if is_secret(difference.field) else difference for difference in drift)


def _shown(driver: str, options: Mapping[str, str], labels: Mapping[str, str]) -> dict[str, Any]:
    return {"driver": driver, "driver_opts": redacted(options), "labels": redacted(labels)}


def _hidden(difference: Difference) -> Difference:
    return Difference(
        difference.field,
        None if difference.declared is None else HIDDEN,
        None if difference.actual is None else HIDDEN,
    )
