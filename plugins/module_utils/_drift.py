# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Field-by-field differences between what is declared and what is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterable, Mapping


@dataclass(frozen=True)
class Difference:
    """One field whose declared meaning is not the actual one. `None` stands for *not set*."""

    field: str
    declared: Any
    actual: Any

    def __str__(self) -> str:
        return f"{self.field}: declared {_shown(self.declared)}, actual {_shown(self.actual)}"

    def as_dict(self) -> dict[str, Any]:
        return {"field": self.field, "declared": self.declared, "actual": self.actual}


def differences(declared: Mapping[str, Any], actual: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Compare two mappings of canonical values in both directions, in the order of the field names.

    Canonical means that equal meaning is equal value: bringing options there (order, spelling, defaults) is the
    caller's, who knows the subject. A field that only one side has differs from `None` on the other.
    """
    return tuple(
        Difference(field, declared.get(field), actual.get(field))
        for field in sorted({*declared, *actual})
        if _differ(declared.get(field), actual.get(field))
    )


def _differ(one: Any, other: Any) -> bool:
    # To Python 1 is true. An option that is set is not one with the value 1.
    return bool(one != other) or isinstance(one, bool) is not isinstance(other, bool)


def in_words(drift: Iterable[Difference]) -> str:
    """The differences as one line of an error message."""
    return "; ".join(str(difference) for difference in drift)


def _shown(value: Any) -> str:
    return "nothing" if value is None else repr(value)
