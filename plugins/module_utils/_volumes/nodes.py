# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether volumes of one name are the same volume on several nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterable, Mapping, Tuple

from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends import HIDDEN, Meaning

# Fields in which a difference means other data, not the same data mounted otherwise.
_PLACES = frozenset({"backend", "device", "driver", "monitors", "path", "port", "server", "share"})

Values = Tuple[Tuple[str, Tuple[str, ...]], ...]  # at run time, for Python 3.8


@dataclass(frozen=True)
class Split:
    """A volume that is not the same on all nodes that have it. `fields` has for each field its values, each with the
    nodes where it has that one; secrets are hidden."""

    name: str
    fields: Mapping[str, Values]

    @property
    def elsewhere(self) -> bool:
        """Whether the nodes do not even share the data."""
        return any(field in _PLACES or field.startswith("driver_opts.") for field in self.fields)

    def __str__(self) -> str:
        return "; ".join(f"{field} is {_spread(values)}" for field, values in self.fields.items())


def splits(by_node: Mapping[str, Mapping[str, Meaning]]) -> tuple[Split, ...]:
    """The volumes whose meanings differ, given for each node by their names."""
    names = dict.fromkeys(name for volumes in by_node.values() for name in volumes)
    found = (
        Split(name, _differing({node: volumes[name] for node, volumes in by_node.items() if name in volumes}))
        for name in names
    )
    return tuple(split for split in found if split.fields)


def _differing(meanings: Mapping[str, Meaning]) -> dict[str, Values]:
    if len({meaning.backend for meaning in meanings.values()}) > 1:
        return {"backend": _grouped({node: meaning.backend for node, meaning in meanings.items()}.items())}
    fields = sorted({field for meaning in meanings.values() for field in meaning.fields})
    secrets = frozenset().union(*(meaning.secrets for meaning in meanings.values()))
    values = {field: {node: meaning.fields.get(field) for node, meaning in meanings.items()} for field in fields}
    return {
        field: _grouped((node, HIDDEN if field in secrets else value) for node, value in of_nodes.items())
        for field, of_nodes in values.items()
        if len({repr(value) for value in of_nodes.values()}) > 1
    }


def _grouped(values: Iterable[tuple[str, Any]]) -> Values:
    nodes: dict[str, list[str]] = {}
    for node, value in values:
        nodes.setdefault("not set" if value is None else str(value), []).append(node)
    return tuple((value, tuple(names)) for value, names in nodes.items())


def _spread(values: Values) -> str:
    if len(values) == 1:
        return f"not the same on {', '.join(values[0][1])}"
    return ", ".join(f"{value} on {' and '.join(nodes)}" for value, nodes in values)
