# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking the engine how containers and services are attached to what may be recreated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._engine import Engine, EngineRefusal
from ansible_collections.berthage.swarm.plugins.module_utils._networks import compare, journal, making, reattach
from ansible_collections.berthage.swarm.plugins.module_utils._networks.journal import Journal
from ansible_collections.berthage.swarm.plugins.module_utils._networks.observe import ActualNetwork, Observed
from ansible_collections.berthage.swarm.plugins.module_utils._networks.reattach import Attached
from ansible_collections.berthage.swarm.plugins.module_utils._networks.spec import Declaration


@dataclass(frozen=True)
class Pending:
    """What has to be attached again to one network. `found` is the journal of a run that did not finish."""

    attached: Attached | None = None
    found: Journal | None = None

    def to_give_back(self) -> Attached | None:
        """Everybody, those of the journal first."""
        if self.found is None or self.attached is None:
            return self.attached if self.found is None else self.found.attached
        return self.found.attached.joined(self.attached)


def pending(engine: Engine, declaration: Declaration, observed: Observed) -> dict[str, Pending]:
    """By name, for each declared network that is to be recreated under its users, and each that a run was killed at."""
    journals = journal.read(engine, observed.networks, observed.swarm.is_manager)
    result = {name: Pending(found=found) for name, found in journals.items()}
    for network in declaration.networks:
        named = observed.named(network.name)
        found = journals.get(network.name)
        attached = None
        if len(named) == 1 and network.present and declaration.on_drift == "recreate":
            actual = named[0]
            wanted = declaration.reattach or found is not None
            if wanted and observed.consumers_of(actual) and compare.drift(network, actual):
                attached = _attached(engine, actual, observed)
        if attached is not None:
            result[network.name] = Pending(attached, found)
    return result


def _attached(engine: Engine, actual: ActualNetwork, observed: Observed) -> Attached:
    consumers = observed.consumers_of(actual)
    service_ids = [consumer.id for consumer in consumers if consumer.kind == "service"]
    tasks: list[Any] = engine.get("/tasks", filters={"service": service_ids}) if service_ids else []
    containers = []
    for consumer in consumers:
        raw = _inspected(engine, f"/containers/{consumer.id}/json") if consumer.kind == "container" else None
        if raw is not None:
            containers.append(
                reattach.container_attachment(
                    raw, actual.name, observed.swarm.node_id, observed.host, observed.engine_major
                )
            )
    services = [
        reattach.service_attachment(
            raw, (actual.id, actual.name), [task for task in tasks if task.get("ServiceID") == raw["ID"]]
        )
        for raw in (engine.get("/services") if service_ids else ())
    ]
    return Attached(
        network=actual.name,
        former_id=actual.id,
        former=making.request_that_made(engine, actual.id),
        containers=tuple(each for each in containers if each is not None),
        services=tuple(each for each in services if each is not None),
    )


def _inspected(engine: Engine, path: str) -> Mapping[str, Any] | None:
    """`None` of what has gone meanwhile."""
    try:
        answer: Mapping[str, Any] = engine.get(path)
    except EngineRefusal as refusal:
        if refusal.status != 404:
            raise
        return None
    return answer
