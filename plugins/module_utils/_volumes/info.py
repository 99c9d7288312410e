# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of the volumes that are there: which of them are asked for, and how each is described."""

from __future__ import annotations

from typing import Any, Iterable, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils import _asked
from ansible_collections.berthage.swarm.plugins.module_utils._asked import Wanted, wanted
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends import HIDDEN, is_secret, redacted
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.observe import Actual, Consumer
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.spec import OWNER_LABEL

__all__ = ["ARGUMENTS", "describe", "missing", "select", "sizes", "wanted"]

ARGUMENTS: dict[str, dict[str, Any]] = {**_asked.ARGUMENTS, "size": {"type": "bool", "default": False}}


def select(volumes: Mapping[str, Actual], asked: Wanted) -> list[Actual]:
    """The volumes that are asked for, by name."""
    return _asked.select(volumes.values(), asked)


def missing(volumes: Mapping[str, Actual], asked: Wanted) -> list[str]:
    """The names asked for that no volume has, whatever else was asked."""
    return _asked.missing(volumes.values(), asked)


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
