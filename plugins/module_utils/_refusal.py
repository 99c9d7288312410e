# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a call is refused, in the operator's words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterable


@dataclass(frozen=True)
class Problem:
    """One reason to refuse: which item, which of its fields, what is wrong and why, and what to do about it."""

    item: str
    field: str
    message: str
    remedy: str

    def __str__(self) -> str:
        where = f"{self.item}, {self.field}" if self.field else self.item
        return f"{where}: {self.message}; {self.remedy}"

    def as_dict(self) -> dict[str, Any]:
        return {"item": self.item, "field": self.field, "message": self.message, "remedy": self.remedy}


def not_supported_yet(item: str, field: str, what: str, remedy: str) -> Problem:
    """Part of the contract that this release does not carry out: refused by name, never half done."""
    return Problem(item, field, f"not supported yet: {what}", remedy)


class Refused(Exception):
    """The call asks for something that must not be begun. Nothing was changed."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def refuse_if_any(problems: Iterable[Problem]) -> None:
    """Raise every problem at once, so that an operator mends a declaration in one go."""
    found = tuple(problems)
    if found:
        raise Refused(found)
