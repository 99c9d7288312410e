# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carrying a plan for networks out on an engine, and looking whether it did what it was asked."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._drift import in_words
from ansible_collections.berthage.swarm.plugins.module_utils._engine import Engine, EngineError, EngineRefusal
from ansible_collections.berthage.swarm.plugins.module_utils._networks import compare
from ansible_collections.berthage.swarm.plugins.module_utils._networks.observe import (
    ALLOCATION_SECONDS,
    ActualNetwork,
    settled,
)
from ansible_collections.berthage.swarm.plugins.module_utils._networks.plan import details
from ansible_collections.berthage.swarm.plugins.module_utils._networks.spec import (
    DECLARED_LABEL,
    ENCRYPTED_OPTION,
    MTU_OPTION,
    OWNER_LABEL,
    Declaration,
    Network,
    Subnet,
)
from ansible_collections.berthage.swarm.plugins.module_utils._plan import (
    CREATE,
    KEEP,
    NONE,
    REMOVE,
    Run,
    Step,
    StepFailed,
)


class VerificationFailed(Exception):
    """A network did not become what the engine was asked for."""


def carry_out(engine: Engine, declaration: Declaration, run: Run) -> None:
    """Apply the plan, then look at the result once more.

    Raises:
        StepFailed: a step failed; what came before it stays.
        VerificationFailed: a removed network is still there, or a created one is not as declared and was removed again.
    """
    work = _Work(engine, declaration)
    try:
        run.apply(work.carry_out, (EngineError, VerificationFailed))
    except StepFailed as failure:
        changing = [step for step in run.steps if step.changes]
        for step in changing[changing.index(failure.step) + 1 :]:
            run.report(step.name, message=f"not reached, since {failure.step.name} failed")
        raise
    finally:
        for name, outcome in work.done_by_others.items():
            run.undone(name)
            run.report(name, **outcome)
    work.verify(run)


class _Work:
    def __init__(self, engine: Engine, declaration: Declaration) -> None:
        self._engine = engine
        self._owner = declaration.owner
        self._declared = {network.name: network for network in declaration.networks}
        self._created: dict[str, str] = {}
        self.done_by_others: dict[str, dict[str, Any]] = {}

    def carry_out(self, step: Step) -> None:
        if step.action == REMOVE:
            self._remove(step)
        elif step.action == CREATE:
            self._create(self._declared[step.name])

    def _create(self, network: Network) -> None:
        try:
            answer = self._engine.post("/networks/create", creation_request(network, self._owner))
        except EngineRefusal as refusal:
            if not is_name_conflict(refusal) or not self._made_by_somebody_else(network):
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
        try:
            self._engine.delete(f"/networks/{step.details['id']}")
        except EngineRefusal as refusal:
            if refusal.status != 404:
                raise
            self.done_by_others[step.name] = {"action": NONE, "message": "somebody else removed it meanwhile"}

    # ---- afterwards

    def verify(self, run: Run) -> None:
        """Each created network is there once, as declared, with addresses; each removed one is gone."""
        created, removed = self._created, self._removed(run)
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
            failure = self._failure(name, mine)
            if failure:
                self._take_back(name, run)
                failures.append(f"{name}: {failure}; it was removed again")
                run.report(name, action=NONE, message=failure)
            elif mine is not None:
                run.report(name, **details(mine, mine.id, ()))
        if failures:
            raise VerificationFailed("\n".join(failures))

    @staticmethod
    def _removed(run: Run) -> frozenset[str]:
        return frozenset(step.details["id"] for step in run.steps if step.action == REMOVE)

    def _is_superfluous(self, network_id: str, named: list[ActualNetwork]) -> bool:
        """Of two made at once the older one stays, which both makers decide alike."""
        return min(named, key=lambda network: (network.created, network.id)).id != network_id

    def _failure(self, name: str, mine: ActualNetwork | None) -> str:
        if mine is None:
            return "the engine accepted it, and does not list it"
        if mine.swarm and not mine.subnets:
            return (
                f"the Swarm gave it no addresses within {ALLOCATION_SECONDS:g} s (its address pool is exhausted, or "
                "the subnet is taken); see `docker info` for the default address pool, and the manager's journal"
            )
        drift = compare.drift(self._declared[name], mine)
        return f"the engine made another one than asked for ({in_words(drift)})" if drift else ""

    def _take_back(self, name: str, run: Run) -> None:
        try:
            self._engine.delete(f"/networks/{self._created[name]}")
        except EngineError as error:
            raise VerificationFailed(f"{name}: could not be removed again: {error}") from error
        run.undone(name)


def is_name_conflict(refusal: EngineRefusal) -> bool:
    """Whether somebody made a network of this name since we looked.

    The engine looks first and answers 409. Of two requests that both came that far, the Swarm's store refuses the
    second, and its reason arrives as status 500 (swarmkit, manager/state/store: ErrNameConflict).
    """
    return refusal.status == 409 or "name conflicts with an existing object" in refusal.reason


def creation_request(network: Network, owner: str) -> Mapping[str, Any]:
    """The body of `POST /networks/create`."""
    options = dict(network.driver_opts)
    if network.encrypted:
        options[ENCRYPTED_OPTION] = "true"  # its presence counts, so an unencrypted network never has the key
    if network.mtu is not None:
        options[MTU_OPTION] = str(network.mtu)
    return {
        "Name": network.name,
        "CheckDuplicate": True,
        "Driver": network.driver,
        "Attachable": network.attachable,
        "Internal": network.internal,
        "EnableIPv6": network.ipv6,
        "Options": options,
        "IPAM": {"Driver": "default", "Config": [_ipam(subnet) for subnet in network.subnets]},
        "Labels": {**network.labels, OWNER_LABEL: owner, DECLARED_LABEL: ",".join(network.declared)},
    }


def _ipam(subnet: Subnet) -> dict[str, Any]:
    config: dict[str, Any] = {"Subnet": str(subnet.network)}
    if subnet.gateway is not None:
        config["Gateway"] = str(subnet.gateway)
    if subnet.ip_range is not None:
        config["IPRange"] = str(subnet.ip_range)
    if subnet.aux_addresses:
        config["AuxiliaryAddresses"] = {name: str(address) for name, address in subnet.aux_addresses}
    return config
