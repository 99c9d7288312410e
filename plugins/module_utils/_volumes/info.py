# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of the volumes that are there: which of them are asked for, and how each is described."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Iterable, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends import HIDDEN, is_secret, redacted
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.observe import Actual, Consumer
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.spec import OWNER_LABEL

ARGUMENTS: dict[str, dict[str, Any]] = {
    "names": {"type": "list", "elements": "str"},
    "labels": {"type": "dict", "default": {}},
    "owner": {"type": "str"},
    "size": {"type": "bool", "default": False},
}


@dataclass(frozen=True)
class Wanted:
    """Which volumes are asked for: those to which everything applies that is given. A label's `None` is any value."""

    names: frozenset[str] | None = None
    labels: Mapping[str, str | None] = field(default_factory=dict)
    owner: str | None = None

    def includes(self, volume: Actual) -> bool:
        return (
            (self.names is None or volume.name in self.names)
            and (self.owner is None or volume.labels.get(OWNER_LABEL) == self.owner)
            and all(
                name in volume.labels and value in (None, volume.labels[name]) for name, value in self.labels.items()
            )
        )


def wanted(parameters: Mapping[str, Any]) -> Wanted:
    """The module's options as a value."""
    names = parameters["names"]
    return Wanted(
        names=None if names is None else frozenset(names),
        labels={str(name): _text(value) for name, value in (parameters["labels"] or {}).items()},
        owner=parameters["owner"],
    )


def select(volumes: Mapping[str, Actual], asked: Wanted) -> list[Actual]:
    """The volumes that are asked for, by name."""
    return [volumes[name] for name in sorted(volumes) if asked.includes(volumes[name])]


def missing(volumes: Mapping[str, Actual], asked: Wanted) -> list[str]:
    """The names asked for that no volume has, whatever else was asked."""
    return sorted((asked.names or frozenset()) - volumes.keys())


def describe(volume: Actual, consumers: Iterable[Consumer], size: int | None) -> dict[str, Any]:
    """A volume as the operator may see it: by what its options mean, and without the values of secrets."""
    meaning = volume.meaning
    return {
        "name": volume.name,
        "driver": volume.driver,
        "backend": meaning.backend,
        "fields": {
            name: HIDDEN if value not in (None, "") and (name in meaning.secrets or is_secret(name)) else value
            for name, value in meaning.fields.items()
        },
        "driver_opts": redacted(volume.options),
        "labels": redacted(volume.labels),
        "owner": volume.labels.get(OWNER_LABEL),
        "data": meaning.data,
        "consumers": [consumer.as_dict() for consumer in consumers],
        "mount_point": volume.mount_point,
        "created_at": volume.created,
        "size": size,
    }


def sizes(disk_usage: Mapping[str, Any]) -> dict[str, int]:
    """Bytes by volume, from the engine's `/system/df`. It says -1, or nothing, of what it does not measure."""
    found = {volume["Name"]: (volume.get("UsageData") or {}).get("Size") for volume in disk_usage.get("Volumes") or ()}
    return {name: size for name, size in found.items() if size is not None and size >= 0}


def _text(value: Any) -> str | None:
    """A label's value as it is stored; YAML's own `true` is written as in a declaration."""
    return str(value).lower() if isinstance(value, bool) else None if value is None else str(value)
