# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services and containers with the networks they are on, read from an engine's answers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any, Iterable, Mapping, Sequence

from ansible_collections.berthage.swarm.plugins.module_utils._networks.observe import FINISHED, ActualNetwork
from ansible_collections.berthage.swarm.plugins.module_utils._networks.reachability import Medium, Party, Port, closed

_SERVICE_ID = "com.docker.swarm.service.id"
_SERVICE_NAME = "com.docker.swarm.service.name"
_RUNNING = frozenset({"running", "paused", "restarting"})
_NO_NETWORK = "none"
_HOST = "host"


@dataclass(frozen=True)
class Answers:
    """What the engine `here` answered. The last four are empty where it is no manager."""

    here: str
    networks: Sequence[ActualNetwork] = ()
    containers: Sequence[Mapping[str, Any]] = ()
    services: Sequence[Mapping[str, Any]] = ()
    tasks: Sequence[Mapping[str, Any]] = ()
    attachments: Sequence[Mapping[str, Any]] = ()
    nodes: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Members:
    """Who there is, and the networks that they are on, also such as this engine does not list."""

    parties: tuple[Party, ...] = ()
    media: Mapping[str, Medium] = field(default_factory=dict)


def members(answers: Answers) -> Members:
    """Everybody, by name: services, containers of no service, attached containers of other nodes."""
    reader = _Reader(answers)
    parties = [*reader.services(), *reader.containers(), *reader.attachments()]
    return Members(tuple(sorted(parties, key=lambda party: (party.kind != "service", party.title))), reader.media)


def medium(network: ActualNetwork) -> Medium:
    return Medium(
        network.id,
        network.name,
        network.driver,
        network.internal,
        closed(network.ingress, network.driver_opts),
    )


class _Reader:
    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self.media = {network.id: medium(network) for network in answers.networks}
        self._ids_by_name = {network.name: network.id for network in answers.networks}
        self._ingress = [network.id for network in answers.networks if network.ingress]
        self._tasks: dict[str, list[Mapping[str, Any]]] = {}
        for task in answers.tasks:
            if task.get("DesiredState") == "running":
                self._tasks.setdefault(task.get("ServiceID", ""), []).append(task)
        self._hostnames = {
            node["ID"]: (node.get("Description") or {}).get("Hostname") or node["ID"] for node in answers.nodes
        }

    # ---- services

    def services(self) -> list[Party]:
        """Those that are listed and, on a worker, those whose tasks are here."""
        own = self._by_service()
        found = []
        for service in self._answers.services:
            party = self._service(service)
            for container in own.pop(service["ID"], ()):
                if _is_running(container):
                    # Somebody may have attached a task to one network more.
                    networks, on_host = self._attached(container)
                    party = replace(party, networks=party.networks | networks, on_host=party.on_host or on_host)
            found.append(party)
        return found + [self._service_by_its_tasks(containers) for containers in own.values()]

    def _by_service(self) -> dict[str, list[Mapping[str, Any]]]:
        found: dict[str, list[Mapping[str, Any]]] = {}
        for container in self._answers.containers:
            service = (container.get("Labels") or {}).get(_SERVICE_ID)
            if service:
                found.setdefault(service, []).append(container)
        return found

    def _service(self, service: Mapping[str, Any]) -> Party:
        spec = service.get("Spec") or {}
        tasks = self._tasks.get(service["ID"], [])
        running = [task for task in tasks if (task.get("Status") or {}).get("State") == "running"]
        ports = tuple(
            Port(
                port["PublishedPort"], port["TargetPort"], port.get("Protocol") or "tcp", port.get("PublishMode") or ""
            )
            for port in (service.get("Endpoint") or {}).get("Ports") or ()
            if port.get("PublishedPort")
        )
        attached = [*((spec.get("TaskTemplate") or {}).get("Networks") or []), *(spec.get("Networks") or [])]
        predefined = {
            network["ID"]: (network.get("Spec") or {}).get("Name") or ""
            for task in tasks
            for network in (each.get("Network") or {} for each in task.get("NetworksAttachments") or ())
            if network.get("ID")
        }
        names = [entry.get("Target") or "" for entry in attached]
        networks = {self._known(target) for target in names}
        networks.update(self._ingress if any(port.mode == "ingress" for port in ports) else ())
        wanted = ((spec.get("Mode") or {}).get("Replicated") or {}).get("Replicas")
        return Party(
            kind="service",
            name=spec.get("Name") or "",
            id=service["ID"],
            state=_of_tasks(len(running), wanted),
            running=bool(running),
            networks=frozenset(key for key in networks if key),
            on_host=_HOST in {predefined.get(target, target) for target in names},
            ports=ports,
            nodes=_counted(self._hostnames.get(task.get("NodeID", ""), task.get("NodeID", "")) for task in running),
        )

    def _service_by_its_tasks(self, containers: Sequence[Mapping[str, Any]]) -> Party:
        running = [container for container in containers if _is_running(container)]
        attached = [self._attached(container) for container in running or containers]
        labels = containers[0].get("Labels") or {}
        return Party(
            kind="service",
            name=labels.get(_SERVICE_NAME) or labels[_SERVICE_ID],
            id=labels[_SERVICE_ID],
            state=f"{_of_tasks(len(running), None)} here",
            running=bool(running),
            networks=frozenset().union(*(networks for networks, _on_host in attached)),
            on_host=any(on_host for _networks, on_host in attached),
            ports=tuple(dict.fromkeys(port for container in running for port in _ports(container))),
            nodes=_counted([self._answers.here] * len(running)),
        )

    def _known(self, target: str) -> str:
        """A network's id, from its id or its name; empty of one that is no network of this engine."""
        return target if target in self.media else self._ids_by_name.get(target, "")

    # ---- containers

    def containers(self) -> list[Party]:
        own = [each for each in self._answers.containers if not (each.get("Labels") or {}).get(_SERVICE_ID)]
        ids = {key: each["Id"] for each in self._answers.containers for key in (each["Id"], _name(each))}
        return [self._container(container, ids) for container in own]

    def _container(self, container: Mapping[str, Any], ids: Mapping[str, str]) -> Party:
        networks, on_host = self._attached(container)
        mode = str((container.get("HostConfig") or {}).get("NetworkMode") or "")
        shared = mode.partition("container:")[2]
        return Party(
            kind="container",
            name=_name(container),
            id=container["Id"],
            state=container.get("State") or "",
            running=_is_running(container),
            networks=networks,
            on_host=on_host,
            inside=ids.get(shared, shared),
            ports=_ports(container),
            nodes={self._answers.here: 1},
        )

    def _attached(self, container: Mapping[str, Any]) -> tuple[frozenset[str], bool]:
        """The networks of a container, and whether it is on that of the host."""
        found = set()
        mode = (container.get("HostConfig") or {}).get("NetworkMode") or ""
        for name, endpoint in ((container.get("NetworkSettings") or {}).get("Networks") or {}).items():
            if name in (_HOST, _NO_NETWORK):
                continue
            # A container that never started has the name alone.
            key = self._known((endpoint or {}).get("NetworkID") or "") or self._known(name)
            if not key:
                key = (endpoint or {}).get("NetworkID") or name
                self.media[key] = Medium(key, name)
            found.add(key)
        return frozenset(found), mode == _HOST

    # ---- attached containers of other nodes

    def attachments(self) -> list[Party]:
        local = {container["Id"] for container in self._answers.containers}
        found = []
        for task in self._answers.attachments:
            spec = task.get("Spec") or {}
            container = (spec.get("NetworkAttachmentSpec") or {}).get("ContainerID") or ""
            state = (task.get("Status") or {}).get("State") or ""
            if container in local or state in FINISHED:
                continue
            targets = [(each.get("Network") or {}).get("ID") or "" for each in task.get("NetworksAttachments") or ()]
            targets += [each.get("Target") or "" for each in spec.get("Networks") or ()]
            node = self._hostnames.get(task.get("NodeID", ""), task.get("NodeID", ""))
            found.append(
                Party(
                    kind="attachment",
                    name=container[:12] or task["ID"],
                    id=container or task["ID"],
                    state=state,
                    running=state == "running",
                    networks=frozenset(filter(None, map(self._known, targets))),
                    nodes={node: 1},
                )
            )
        return _one_for_each_container(found)


def _one_for_each_container(attached: Iterable[Party]) -> list[Party]:
    """A container has one attachment task for each of its networks."""
    found: dict[str, Party] = {}
    for party in attached:
        before = found.get(party.id, party)
        found[party.id] = replace(before, networks=before.networks | party.networks)
    return list(found.values())


def _name(container: Mapping[str, Any]) -> str:
    return str((container.get("Names") or [container["Id"][:12]])[0]).lstrip("/")


def _is_running(container: Mapping[str, Any]) -> bool:
    return container.get("State") in _RUNNING


def _ports(container: Mapping[str, Any]) -> tuple[Port, ...]:
    """Each port once, though it may be bound to IPv4 and IPv6."""
    found = [
        Port(
            port["PublicPort"], port["PrivatePort"], port.get("Type") or "tcp", "host", _bound_to(port.get("IP") or "")
        )
        for port in container.get("Ports") or ()
        if port.get("PublicPort")
    ]
    return tuple(sorted(dict.fromkeys(found), key=lambda port: (port.published, port.protocol, port.address)))


def _bound_to(address: str) -> str:
    return "" if address in ("0.0.0.0", "::") else address  # noqa: S104 - what the engine calls every address


def _of_tasks(running: int, wanted: int | None) -> str:
    if wanted is not None:
        return f"{running} of {wanted} tasks run"
    return "1 task runs" if running == 1 else f"{running} tasks run"


def _counted(nodes: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(nodes).items()))
