# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking containers and services from a network, and giving it back to them."""

from __future__ import annotations

import time
from typing import Any, Callable, Collection, Mapping, Sequence

from ansible_collections.berthage.swarm.plugins.module_utils._engine import Engine, EngineError, EngineRefusal
from ansible_collections.berthage.swarm.plugins.module_utils._networks import making, reattach
from ansible_collections.berthage.swarm.plugins.module_utils._networks.observe import FINISHED
from ansible_collections.berthage.swarm.plugins.module_utils._networks.reattach import (
    ContainerAttachment,
    ServiceAttachment,
)

_PAUSE = 0.2
_LEAST = 60.0  # seconds for the tasks of a service to be replaced, besides what its own update policy asks for
_ATTEMPTS = 10
_LET_GO = 20.0  # seconds for the Swarm to see that no task is on a network any more


class Containers:
    """Containers of this engine, which keep running."""

    def __init__(
        self, engine: Engine, network: str, containers: Sequence[ContainerAttachment], still_at_work: Callable[[], None]
    ) -> None:
        """`still_at_work` is called now and then."""
        self._engine = engine
        self._network = network
        self._containers = containers
        self._still_at_work = still_at_work
        self._attached: list[ContainerAttachment] = []

    def detach(self) -> None:
        self._attached = []
        for container in self._containers:
            self._still_at_work()
            if self._network_id_of(container) is not None:
                self._disconnect(container)

    def attach(self, network_id: str) -> None:
        """Those with fixed addresses first, so that nobody else is given them."""
        for container in sorted(self._containers, key=lambda container: not container.fixed_addresses):
            self._still_at_work()
            now = self._network_id_of(container)
            # A container that never ran has the network's name alone.
            if now is None or now not in ("", network_id):
                if now:
                    self._disconnect(container)
                if not self._connect(container):
                    continue
            self._attached.append(container)

    def outcomes(self) -> list[dict[str, Any]]:
        return [
            {"kind": "container", "name": container.name, "id": container.id, "restarts": 0}
            for container in self._attached
        ]

    def _network_id_of(self, container: ContainerAttachment) -> str | None:
        """`None` where it is not attached, or has gone; empty where it has not been started since."""
        try:
            raw = self._engine.get(f"/containers/{container.id}/json")
        except EngineRefusal as refusal:
            if refusal.status != 404:
                raise
            return None
        endpoint = ((raw.get("NetworkSettings") or {}).get("Networks") or {}).get(self._network)
        return None if endpoint is None else str(endpoint.get("NetworkID") or "")

    def _disconnect(self, container: ContainerAttachment) -> None:
        # By name: that is how a container that does not run knows a network of the Swarm.
        try:
            self._engine.post(f"/networks/{self._network}/disconnect", {"Container": container.id, "Force": False})
        except EngineRefusal as refusal:
            if self._network_id_of(container) is not None:
                raise EngineError(f"container {container.name} could not be detached: {refusal}") from refusal

    def _connect(self, container: ContainerAttachment) -> bool:
        """False where the container has gone."""
        try:
            self._engine.post(
                f"/networks/{self._network}/connect",
                {"Container": container.id, "EndpointConfig": dict(container.endpoint)},
            )
        except EngineRefusal as refusal:
            if not self._is_there(container):
                return False
            raise EngineError(f"container {container.name} could not be attached: {refusal}") from refusal
        return True

    def _is_there(self, container: ContainerAttachment) -> bool:
        try:
            self._engine.get(f"/containers/{container.id}/json")
        except EngineRefusal as refusal:
            return refusal.status != 404
        return True


class Services:
    """Services of the Swarm, whose tasks are replaced by each change."""

    def __init__(
        self, engine: Engine, services: Sequence[ServiceAttachment], still_at_work: Callable[[], None]
    ) -> None:
        self._engine = engine
        self._services = services
        self._still_at_work = still_at_work
        self._tasks: dict[str, set[str]] = {service.id: set() for service in services}
        self._gone: set[str] = set()

    def detach(self, targets: Collection[str]) -> None:
        """Update them without the network, and wait until none of their tasks is on it any more."""
        for service in self._services:
            self._update(service, lambda spec: reattach.without(spec, targets))
        for service in self._services:
            self._wait(service, "let the network go", lambda tasks: not self._holding(tasks, targets))

    def attach(self, network_id: str) -> None:
        """Update them with the network where it was, and wait until as many tasks run as before."""
        for service in self._services:
            self._update(service, lambda spec, service=service: reattach.again(spec, service, network_id))  # type: ignore[misc]
        for service in self._services:
            self._wait(
                service,
                "run with the network again",
                lambda tasks, service=service: _all_on(tasks, network_id, service.running),  # type: ignore[misc]
                and_its_update=True,
            )

    def remove_network(self, network_id: str) -> None:
        """Remove it once the Swarm has seen the last task go."""
        deadline = time.monotonic() + _LET_GO
        while True:
            try:
                making.patiently(lambda: making.remove(self._engine, network_id))
                return
            except EngineRefusal as refusal:
                if not self._services or not making.is_in_use(refusal) or time.monotonic() > deadline:
                    raise
            time.sleep(_PAUSE)

    def outcomes(self) -> list[dict[str, Any]]:
        """`restarts` is how many tasks were started in place of others."""
        return [
            {
                "kind": "service",
                "name": service.name,
                "id": service.id,
                "restarts": len(self._tasks[service.id] - set(service.tasks)),
            }
            for service in self._services
            if service.id not in self._gone
        ]

    def _update(self, service: ServiceAttachment, change: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            self._still_at_work()
            raw = self._inspected(service)
            if raw is None:
                return
            wanted = change(raw["Spec"])
            if wanted == raw["Spec"]:
                return
            try:
                self._engine.post(f"/services/{service.id}/update", wanted, version=raw["Version"]["Index"])
                return
            except EngineRefusal as refusal:
                again = "out of sequence" in refusal.reason or making.has_no_leader(refusal)
                if not again or attempt == _ATTEMPTS:
                    raise EngineError(f"service {service.name} could not be updated: {refusal}") from refusal
            time.sleep(_PAUSE * attempt)

    def _wait(
        self,
        service: ServiceAttachment,
        what: str,
        until: Callable[[Sequence[Mapping[str, Any]]], bool],
        and_its_update: bool = False,
    ) -> None:
        deadline = 0.0
        while service.id not in self._gone:
            self._still_at_work()
            raw = self._inspected(service)
            if raw is None:
                return
            tasks: list[Any] = making.patiently(lambda: self._engine.get("/tasks", filters={"service": [service.id]}))
            self._tasks[service.id].update(task["ID"] for task in tasks)
            if until(tasks) and not (and_its_update and _may_roll_back(raw)):
                return
            state = (raw.get("UpdateStatus") or {}).get("State", "")
            if and_its_update and state in ("paused", "rollback_started", "rollback_completed", "rollback_paused"):
                raise EngineError(
                    f"service {service.name}: its update was {state.replace('_', ' ')} "
                    f"({(raw.get('UpdateStatus') or {}).get('Message', '')})"
                )
            deadline = deadline or time.monotonic() + _limit(raw["Spec"], len(tasks))
            if time.monotonic() > deadline:
                raise EngineError(f"service {service.name}: its tasks did not {what} in time ({_states(tasks)})")
            time.sleep(_PAUSE)

    def _inspected(self, service: ServiceAttachment) -> Mapping[str, Any] | None:
        """`None` of a service that was removed meanwhile."""
        try:
            raw: Mapping[str, Any] = making.patiently(lambda: self._engine.get(f"/services/{service.id}"))
        except EngineRefusal as refusal:
            if refusal.status != 404:
                raise
            self._gone.add(service.id)
            return None
        return raw

    def _holding(self, tasks: Sequence[Mapping[str, Any]], targets: Collection[str]) -> list[Mapping[str, Any]]:
        """Tasks that are on the network. One whose node is lost never tells that it has ended."""
        holding = [task for task in tasks if reattach.is_on(_networks_of(task), targets) and _may_run(task)]
        ending = [task for task in holding if task.get("DesiredState") != "running"]
        if not ending:
            return holding
        ready = {
            node["ID"] for node in self._engine.get("/nodes") if (node.get("Status") or {}).get("State") == "ready"
        }
        return [task for task in holding if task.get("DesiredState") == "running" or task.get("NodeID") in ready]


def _may_run(task: Mapping[str, Any]) -> bool:
    return (task.get("Status") or {}).get("State") not in FINISHED


def _networks_of(task: Mapping[str, Any]) -> Mapping[str, Any]:
    """A task's specification has the shape of a service's template."""
    return {"TaskTemplate": task.get("Spec") or {}}


def _all_on(tasks: Sequence[Mapping[str, Any]], network_id: str, running: int) -> bool:
    # A task that is to take another one's place is made ready first.
    wanted = [task for task in tasks if task.get("DesiredState") in ("ready", "running")]
    on_it = [task for task in wanted if reattach.is_on(_networks_of(task), (network_id,))]
    return len(on_it) == len(wanted) and sum(map(reattach.is_running, on_it)) >= min(running, len(wanted))


def _may_roll_back(raw: Mapping[str, Any]) -> bool:
    """Whether the service's update is watched, and would be taken back if its tasks failed."""
    policy = ((raw.get("Spec") or {}).get("UpdateConfig") or {}).get("FailureAction")
    return policy == "rollback" and (raw.get("UpdateStatus") or {}).get("State") == "updating"


_SECOND = 10**9  # the engine counts nanoseconds
_GRACE = 10 * _SECOND


def _limit(spec: Mapping[str, Any], tasks: int) -> float:
    """How long replacing the tasks may take by the service's own policy, in seconds."""
    policy = spec.get("UpdateConfig") or {}
    container = (spec.get("TaskTemplate") or {}).get("ContainerSpec") or {}
    parallelism = policy.get("Parallelism", 1) or tasks or 1
    replicas = ((spec.get("Mode") or {}).get("Replicated") or {}).get("Replicas") or tasks
    batches = -(-replicas // parallelism) or 1
    each = (policy.get("Delay") or 0) + (container.get("StopGracePeriod") or _GRACE) + (policy.get("Monitor") or 0)
    return _LEAST + batches * each / _SECOND


def _states(tasks: Sequence[Mapping[str, Any]]) -> str:
    current = [task for task in tasks if task.get("DesiredState") == "running"]
    shown = sorted(
        {
            ": ".join(filter(None, [(task.get("Status") or {}).get("State"), (task.get("Status") or {}).get("Err")]))
            for task in current
        }
    )
    return ", ".join(shown) or "none is to run"
