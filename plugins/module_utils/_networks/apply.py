# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carrying a plan for networks out on an engine, and looking whether it did what it was asked."""

from __future__ import annotations

from typing import Any, Callable, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._drift import in_words
from ansible_collections.berthage.swarm.plugins.module_utils._engine import Engine, EngineError, EngineRefusal
from ansible_collections.berthage.swarm.plugins.module_utils._networks import compare, making
from ansible_collections.berthage.swarm.plugins.module_utils._networks.attachments import Pending
from ansible_collections.berthage.swarm.plugins.module_utils._networks.observe import (
    ALLOCATION_SECONDS,
    ActualNetwork,
    Observed,
    settled,
)
from ansible_collections.berthage.swarm.plugins.module_utils._networks.outcome import details
from ansible_collections.berthage.swarm.plugins.module_utils._networks.plan import NOTHING_PENDING
from ansible_collections.berthage.swarm.plugins.module_utils._networks.recreate import recreate
from ansible_collections.berthage.swarm.plugins.module_utils._networks.spec import Declaration, Network
from ansible_collections.berthage.swarm.plugins.module_utils._plan import (
    CREATE,
    KEEP,
    NONE,
    RECREATE,
    REMOVE,
    Run,
    Spared,
    Step,
    StepFailed,
)


class VerificationFailed(Exception):
    """A network did not become what the engine was asked for."""


def carry_out(  # noqa: PLR0913, PLR0917 - what the plan was made of, and where its outcome goes
    engine: Engine,
    declaration: Declaration,
    observed: Observed,
    pending: Mapping[str, Pending],
    run: Run,
    warn: Callable[[str], None],
) -> None:
    """Apply the plan, then look at the result once more.

    Raises:
        StepFailed: a step failed; what came before it stays.
        VerificationFailed: a removed network is still there, or a created one is not as declared and was removed again.
    """
    work = _Work(engine, declaration, observed, pending, warn)
    try:
        run.apply(work.carry_out, (EngineError, VerificationFailed))
    except StepFailed as failure:
        changing = [step for step in run.steps if step.changes]
        for step in changing[changing.index(failure.step) + 1 :]:
            run.report(step.name, message=f"not reached, since {failure.step.name} failed")
        raise
    finally:
        for name, outcome in work.recreated.items():
            run.report(name, **outcome)
        for name, outcome in work.done_by_others.items():
            run.undone(name)
            run.report(name, **outcome)
    work.verify(run)


class _Work:
    def __init__(
        self,
        engine: Engine,
        declaration: Declaration,
        observed: Observed,
        pending: Mapping[str, Pending],
        warn: Callable[[str], None],
    ) -> None:
        self._engine = engine
        self._declaration = declaration
        self._observed = observed
        self._pending = pending
        self._declared = {network.name: network for network in declaration.networks}
        self._warn = warn
        self._created: dict[str, str] = {}
        self._removed: set[str] = set()
        self.recreated: dict[str, dict[str, Any]] = {}
        self.done_by_others: dict[str, dict[str, Any]] = {}

    def carry_out(self, step: Step) -> None:
        if step.action == REMOVE:
            self._remove(step)
        elif step.action == CREATE:
            self._create(self._declared[step.name])
        elif step.action == RECREATE:
            self._recreate(self._declared[step.name], step)

    def _recreate(self, network: Network, step: Step) -> None:
        pending = self._pending.get(network.name, NOTHING_PENDING)
        done = recreate(self._engine, network, self._declaration, self._observed, pending)
        outcome = {
            **details(done.network, done.network.id, ()),
            "consumers": step.details["consumers"],
            "reattached": list(done.reattached),
        }
        if done.by_another_run:
            self.done_by_others[network.name] = {**outcome, "action": KEEP, "message": done.message}
            return
        if done.message:
            self._warn(f"{network.name}: {done.message}")
            outcome["message"] = "; ".join(filter(None, [step.message, done.message]))
        self.recreated[network.name] = outcome

    def _create(self, network: Network) -> None:
        try:
            answer = self._engine.post("/networks/create", making.creation_request(network, self._declaration.owner))
        except EngineRefusal as refusal:
            if not making.is_name_conflict(refusal) or not self._made_by_somebody_else(network):
                raise
            return
        self._created[network.name] = answer["Id"]

    def _made_by_somebody_else(self, network: Network) -> bool:
        named = [other for other in settled(self._engine, [network.name]) if other.name == network.name]
        if len(named) != 1:
            return False
        drift = compare.drift(network, named[0])
        if drift:
            raise VerificationFailed(f"somebody else made it meanwhile, as another one ({in_words(drift)})")
        self.done_by_others[network.name] = {
            "action": KEEP,
            "message": "somebody else made it meanwhile, as declared",
            **details(named[0], named[0].id, ()),
        }
        return True

    def _remove(self, step: Step) -> None:
        for network in self._observed.networks:
            if network.ingress and network.id == step.details["id"]:
                making.wait_until_left(self._engine, network)
        try:
            was_there = making.remove(self._engine, step.details["id"])
        except EngineRefusal as refusal:
            if step.name in self._declared or not making.is_in_use(refusal):
                raise
            spared = Spared(f"it is not listed, and was not purged: {refusal.reason}")
            self._warn(f"{step.name}: {spared}")
            raise spared from refusal
        self._removed.add(step.details["id"])
        if not was_there:
            self.done_by_others[step.name] = {"action": NONE, "message": "somebody else removed it meanwhile"}

    # ---- afterwards

    def verify(self, run: Run) -> None:
        """Each created network is there once, as declared, with addresses; each removed one is gone."""
        created, removed = self._created, self._removed
        if not created and not removed:
            return
        networks = settled(
            self._engine, created, until=lambda found: not removed.intersection(network.id for network in found)
        )
        failures = [
            f"{network.name}: the engine accepted its removal, and still lists it after {ALLOCATION_SECONDS:g} s"
            for network in networks
            if network.id in removed
        ]
        for name, network_id in created.items():
            named = [network for network in networks if network.name == name]
            if len(named) > 1 and self._is_superfluous(network_id, named):
                self._take_back(name, run)
                run.report(name, action=KEEP, message="somebody else made it at the same time")
                continue
            mine = next((network for network in named if network.id == network_id), None)
            failure = making.failure_of(self._declared[name], mine)
            if failure:
                self._take_back(name, run)
                failures.append(f"{name}: {failure}; it was removed again")
                run.report(name, action=NONE, message=failure)
            elif mine is not None:
                run.report(name, **details(mine, mine.id, ()))
        if failures:
            raise VerificationFailed("\n".join(failures))

    def _is_superfluous(self, network_id: str, named: list[ActualNetwork]) -> bool:
        """Of two made at once the older one stays, which both makers decide alike."""
        return min(named, key=lambda network: (network.created, network.id)).id != network_id

    def _take_back(self, name: str, run: Run) -> None:
        try:
            making.remove(self._engine, self._created[name])
        except EngineError as error:
            raise VerificationFailed(f"{name}: could not be removed again: {error}") from error
        run.undone(name)
