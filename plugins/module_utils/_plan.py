# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module call is a plan over a set: decided as a whole, then carried out step by step.

The flow of every module of this collection is *spec, observe, compare, plan, apply, verify*. This is the part that they
share: what a plan consists of, what is refused before anything changes, and how far a plan came when a step failed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Callable, Mapping, Sequence

from ansible_collections.berthage.swarm.plugins.module_utils._drift import Difference
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem, Refused

CREATE = "create"
UPDATE = "update"
RECREATE = "recreate"
REMOVE = "remove"
KEEP = "keep"
NONE = "none"  # declared absent, and it is
REFUSED = "refused"

_CHANGING = frozenset({CREATE, UPDATE, RECREATE, REMOVE})


@dataclass(frozen=True)
class Step:
    """What is decided for one item of the set.

    `before` and `after` are how the item looks to the operator (no secrets), `None` where it does not exist; they
    become the diff. `details` is what this kind of item returns besides, such as its backend or its consumers.
    A step with `problems` is refused, and with it the whole call.
    """

    name: str
    action: str
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    drift: tuple[Difference, ...] = ()
    problems: tuple[Problem, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    message: str = ""

    @property
    def changes(self) -> bool:
        return self.action in _CHANGING


def refused(step: Step, *problems: Problem) -> Step:
    """The same item, refused for these reasons."""
    return replace(step, action=REFUSED, problems=problems, message="; ".join(map(str, problems)), after=step.before)


class StepFailed(Exception):
    """Applying stopped at this step. What was done before it stays done, and is reported as such."""

    def __init__(self, step: Step, cause: Exception) -> None:
        self.step = step
        # What is returned besides: the reasons, where the step was refused on its way.
        self.why = {"problems": [each.as_dict() for each in cause.problems]} if isinstance(cause, Refused) else {}
        super().__init__(f"{step.name}: could not {step.action}: {cause}")


class Halfway(Exception):
    """A step was begun and could not be finished: the item is gone, and what was to replace it is not there."""


class Spared(Exception):
    """An item turned out to be one that must stay, which fails nothing."""


class Run:
    """One plan on its way: refuses as a whole, carries out in order, and knows at any moment what is true so far."""

    def __init__(self, steps: Sequence[Step], kind: str, problems: Sequence[Problem] = ()) -> None:
        """`kind` is the key of the returned list: `volumes`, `networks`, `exports`. `problems` are those of the call
        as a whole."""
        self.steps = tuple(steps)
        self.kind = kind
        self._problems = tuple(problems)
        self._done: dict[str, Step] = {}
        self._reports: dict[str, dict[str, Any]] = {}

    def refuse_if_any(self) -> None:
        """Every refusal found by planning, at once, before the first change."""
        problems = [*self._problems, *(problem for step in self.steps for problem in step.problems)]
        if problems:
            raise Refused(problems)

    def apply(
        self,
        carry_out: Callable[[Step], None],
        failures: tuple[type[Exception], ...],
        turn: Callable[[Step], int] = lambda _step: 0,
    ) -> None:
        """Carry the changing steps out, in order, or by `turn` first. Of `failures`, the first one stops the run as
        `StepFailed`. One that may have happened all the same (its answer was lost) counts as done."""
        for step in sorted((step for step in self.steps if step.changes), key=turn):
            try:
                carry_out(step)
            except Spared as reason:
                self.report(step.name, action=KEEP, message=str(reason))
                continue
            except failures as cause:
                self.report(step.name, message=str(cause))
                if isinstance(cause, Halfway):
                    self._done[step.name] = step
                    self.halfway(step.name)
                elif getattr(cause, "may_have_happened", False):
                    self._done[step.name] = step
                raise StepFailed(step, cause) from cause
            self._done[step.name] = step

    def pretend(self) -> None:
        """Check mode: what would be done counts as done."""
        self._done = {step.name: step for step in self.steps if step.changes}

    def undone(self, name: str) -> None:
        """The change of this item was taken back (a volume that failed its verification, say)."""
        self._done.pop(name, None)

    def halfway(self, name: str) -> None:
        """What was there is gone, and what was to replace it is not there (any more)."""
        self._done[name] = replace(self._done[name], after=None)

    def report(self, name: str, **outcome: Any) -> None:
        """Add to what is returned for an item: `verified`, `message`, ..."""
        self._reports.setdefault(name, {}).update(outcome)

    @property
    def changed(self) -> bool:
        return bool(self._done)

    def result(self) -> dict[str, Any]:
        """`changed`, `diff` and one outcome for each item, true to what has happened up to now."""
        return {
            "changed": self.changed,
            "diff": self._diff(),
            self.kind: [self._outcome(step) for step in self.steps],
        }

    def _diff(self) -> dict[str, Any]:
        done: list[Step] = list(self._done.values())
        return {
            "before": {step.name: dict(step.before) for step in done if step.before is not None},
            "after": {step.name: dict(step.after) for step in done if step.after is not None},
        }

    def _outcome(self, step: Step) -> dict[str, Any]:
        return {
            "name": step.name,
            "action": step.action,
            "drift": [difference.as_dict() for difference in step.drift],
            "message": step.message,
            **step.details,
            **self._reports.get(step.name, {}),
        }
