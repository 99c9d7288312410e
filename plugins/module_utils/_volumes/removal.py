# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may go: a volume declared absent, one that is recreated, and one that is purged. One set of rules for all.

A volume in use stays, and so does another owner's, and one that holds data, unless that very volume is declared with
discard_data.
"""

from __future__ import annotations

from typing import Any, Iterator, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._plan import KEEP, REFUSED, REMOVE, Step
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends import HOLDS
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.compare import compare, compare_labels
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.observe import (
    Actual,
    Consumer,
    Observation,
    may_name,
)
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.spec import OWNER_LABEL, Declaration, Volume

_TELL_SERVICES = (
    "give services_in_use, as a manager knows them (the role docker_volumes asks one: docker_volumes_managers)"
)


def to_be_removed(declaration: Declaration, actual: Mapping[str, Actual]) -> tuple[str, ...]:
    """The volumes that may go, whose users must be known before the plan can be made."""
    declared = (
        volume.name
        for volume in declaration.volumes
        if volume.name in actual
        and (not volume.present or may_be_recreated(volume, actual[volume.name], declaration.on_drift))
    )
    return (*declared, *to_be_purged(declaration, actual))


def to_be_proven_empty(declaration: Declaration, actual: Mapping[str, Actual]) -> tuple[str, ...]:
    """The volumes that may go only when there is no data in them."""
    discarded = {volume.name for volume in declaration.volumes if volume.discard_data}
    return tuple(
        name
        for name in to_be_removed(declaration, actual)
        if actual[name].meaning.data == HOLDS and name not in discarded
    )


def to_be_purged(declaration: Declaration, actual: Mapping[str, Actual]) -> tuple[str, ...]:
    """The volumes of this owner that nobody lists any more."""
    if not declaration.purge:
        return ()
    listed = {volume.name for volume in declaration.volumes}
    return tuple(
        name
        for name, found in sorted(actual.items())
        if name not in listed and found.labels.get(OWNER_LABEL) == declaration.owner
    )


def may_be_recreated(volume: Volume, actual: Actual, on_drift: str) -> bool:
    """Whether the declaration asks for it. For labels alone, nothing that holds data is ever recreated."""
    if on_drift != "recreate" or not volume.present:
        return False
    if compare(volume.meaning, actual.meaning):
        return True
    return actual.meaning.data != HOLDS and bool(compare_labels(volume, actual.labels))


def consumers_of(name: str, declaration: Declaration, observation: Observation) -> tuple[Consumer, ...]:
    """Who uses a volume: what the engine tells, and what was told of services."""
    seen = observation.usage.consumers.get(name, ())
    told = any(may_name(source, name) for source in declaration.services_in_use or ())
    is_new = told and not any(user.kind == "service" for user in seen)
    return (*seen, Consumer("service", "of this Swarm")) if is_new else seen


def details_of(backend: str, consumers: tuple[Consumer, ...] = ()) -> dict[str, Any]:
    """What is returned for a volume besides what is done with it."""
    return {"backend": backend, "consumers": [consumer.as_dict() for consumer in consumers], "verified": None}


def problems_of_unlisted(volume: Volume, observation: Observation) -> Iterator[Problem]:
    """Why a volume that is not in the engine's list may be there all the same."""
    if volume.name in observation.unlisted:
        yield Problem(
            volume.name,
            "state",
            f"the engine remembers it and cannot reach it ({observation.unlisted[volume.name]})",
            "enable or start its plugin (`docker plugin ls`), then run again",
        )


def problems_of_absent(
    volume: Volume, actual: Actual, declaration: Declaration, observation: Observation
) -> Iterator[Problem]:
    """Why a volume that is declared absent must stay."""
    yield from _in_the_way("state", volume, actual, declaration, observation)
    if actual.meaning.data == HOLDS:
        yield from _data_in_it(volume, observation.empty)
    elif volume.discard_data:
        yield Problem(
            volume.name,
            "discard_data",
            f"it is a volume of backend {actual.meaning.backend}, which has no data here that could be discarded",
            "leave it out",
        )


def problems_of_recreation(
    volume: Volume, actual: Actual, declaration: Declaration, observation: Observation
) -> Iterator[Problem]:
    """Why a volume that differs from its declaration must stay as it is."""
    yield from _in_the_way("on_drift", volume, actual, declaration, observation)
    if actual.meaning.data == HOLDS:
        yield from _data_in_it(volume, observation.empty)


def purge(declaration: Declaration, observation: Observation) -> tuple[tuple[Step, ...], tuple[Problem, ...]]:
    """A step for each volume of this owner that is not listed, and why none of them may go. What is in use or holds
    data is kept, with the reason as its message."""
    candidates = [observation.volumes[name] for name in to_be_purged(declaration, observation.volumes)]
    unknown = _services_unknown("volumes", "purge", declaration, observation)
    if not candidates or unknown is None:
        return tuple(_purged(found, declaration, observation) for found in candidates), ()
    why = str(unknown)
    steps = (Step(found.name, REFUSED, message=why, details=details_of(found.meaning.backend)) for found in candidates)
    return tuple(steps), (unknown,)


def _purged(actual: Actual, declaration: Declaration, observation: Observation) -> Step:
    consumers = consumers_of(actual.name, declaration, observation)
    details = details_of(actual.meaning.backend, consumers)
    reasons = [f"it is in use by {', '.join(map(str, consumers))}"] if consumers else []
    if actual.meaning.data == HOLDS and not observation.empty.get(actual.name, False):
        reasons.append(_what_is_known_of_data(actual.name, observation.empty))
    if reasons:
        return Step(
            actual.name,
            KEEP,
            before=actual.shown,
            after=actual.shown,
            message=f"it is not listed, and was not purged: {' and '.join(reasons)}",
            details=details,
        )
    return Step(actual.name, REMOVE, before=actual.shown, message="it is not listed any more", details=details)


def _in_the_way(
    field: str, volume: Volume, actual: Actual, declaration: Declaration, observation: Observation
) -> Iterator[Problem]:
    """Who else has a say in it. `field` is what asks for the volume to go."""
    owner = actual.labels.get(OWNER_LABEL)
    if owner is not None and owner != declaration.owner:
        yield Problem(
            volume.name,
            field,
            f"it is owned by {owner!r}, not by {declaration.owner!r} (label {OWNER_LABEL})",
            f"{'remove' if field == 'state' else 'change'} it where it is declared, or set owner: {owner}",
        )
    consumers = consumers_of(volume.name, declaration, observation)
    if consumers:
        yield Problem(volume.name, field, f"it is in use by {', '.join(map(str, consumers))}", "remove those first")
    unknown = _services_unknown(volume.name, field, declaration, observation)
    if unknown is not None:
        yield unknown


def _services_unknown(item: str, field: str, declaration: Declaration, observation: Observation) -> Problem | None:
    if observation.usage.services_known is not False or declaration.services_in_use is not None:
        return None
    what = "the volumes that they use" if field == "purge" else "whether they use it"
    return Problem(
        item,
        field,
        f"{observation.usage.unknown}, so {what} cannot be told",
        _TELL_SERVICES,
    )


def _data_in_it(volume: Volume, empty: Mapping[str, bool]) -> Iterator[Problem]:
    if not volume.discard_data and not empty.get(volume.name, False):
        yield Problem(
            volume.name,
            "discard_data",
            _what_is_known_of_data(volume.name, empty),
            "save what is needed, then set discard_data: true on this volume",
        )


def _what_is_known_of_data(name: str, empty: Mapping[str, bool]) -> str:
    if name in empty:
        return "it holds data"
    return "whether it holds data could not be found out (it could not be mounted)"
