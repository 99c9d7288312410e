# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which volumes or networks an information module is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Iterable, Mapping, Protocol, TypeVar

OWNER_LABEL = "berthage.swarm.owner"

ARGUMENTS: dict[str, dict[str, Any]] = {
    "names": {"type": "list", "elements": "str"},
    "labels": {"type": "dict", "default": {}},
    "owner": {"type": "str"},
}


class Labelled(Protocol):
    """What has a name and labels."""

    @property
    def name(self) -> str: ...

    @property
    def labels(self) -> Mapping[str, str]: ...


_Item = TypeVar("_Item", bound=Labelled)


@dataclass(frozen=True)
class Wanted:
    """Which are asked for: those to which everything applies that is given. A label's `None` is any value."""

    names: frozenset[str] | None = None
    labels: Mapping[str, str | None] = field(default_factory=dict)
    owner: str | None = None

    @property
    def everything(self) -> bool:
        return self.names is None and self.owner is None and not self.labels

    def includes(self, item: Labelled) -> bool:
        return (
            (self.names is None or item.name in self.names)
            and (self.owner is None or item.labels.get(OWNER_LABEL) == self.owner)
            and all(name in item.labels and value in (None, item.labels[name]) for name, value in self.labels.items())
        )


def wanted(parameters: Mapping[str, Any]) -> Wanted:
    """The module's options as a value."""
    names = parameters["names"]
    return Wanted(
        names=None if names is None else frozenset(names),
        labels={str(name): _text(value) for name, value in (parameters["labels"] or {}).items()},
        owner=parameters["owner"],
    )


def select(items: Iterable[_Item], asked: Wanted) -> list[_Item]:
    """Those that are asked for, by name."""
    return sorted((item for item in items if asked.includes(item)), key=lambda item: item.name)


def missing(items: Iterable[Labelled], asked: Wanted) -> list[str]:
    """The names asked for that nothing has, whatever else was asked."""
    return sorted((asked.names or frozenset()) - {item.name for item in items})


def _text(value: Any) -> str | None:
    """A label's value as it is stored; YAML's own `true` is written as in a declaration."""
    return str(value).lower() if isinstance(value, bool) else None if value is None else str(value)
