# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many addresses the services and containers of a Swarm take on each network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Collection, Iterable, Iterator, Mapping, Sequence


@dataclass(frozen=True)
class Demand:
    """What one network is asked for: a virtual address for each service, one for each task and attached container."""

    virtual: int = 0
    tasks: int = 0
    attached: int = 0
    behind_virtual: int = 0  # tasks of services that have a virtual address

    def __add__(self, other: Demand) -> Demand:
        return Demand(
            self.virtual + other.virtual,
            self.tasks + other.tasks,
            self.attached + other.attached,
            self.behind_virtual + other.behind_virtual,
        )


def demands(
    ids_by_name: Mapping[str, str],
    routing_meshes: Collection[str],
    services: Iterable[Mapping[str, Any]],
    attachments: Iterable[Mapping[str, Any]],
    nodes: int,
) -> dict[str, Demand]:
    """By network id. `nodes` is how many there are to run tasks, each of which gets one of every global service."""
    found: dict[str, Demand] = {}
    for service in services:
        for target in _networks_of(service, routing_meshes):
            key = ids_by_name.get(target, target)
            found[key] = found.get(key, Demand()) + _of_service(service, nodes)
    for task in attachments:
        for attached in task.get("NetworksAttachments") or []:
            key = (attached.get("Network") or {}).get("ID") or ""
            found[key] = found.get(key, Demand()) + Demand(attached=1)
    return found


def able_nodes(nodes: Sequence[Mapping[str, Any]]) -> int:
    """How many nodes run tasks now."""
    return sum(
        (node.get("Status") or {}).get("State") == "ready" and (node.get("Spec") or {}).get("Availability") != "drain"
        for node in nodes
    )


def _networks_of(service: Mapping[str, Any], routing_meshes: Collection[str]) -> Iterator[str]:
    spec = service.get("Spec") or {}
    for attached in (spec.get("TaskTemplate") or {}).get("Networks") or spec.get("Networks") or []:
        yield attached.get("Target", "")
    ports = (service.get("Endpoint") or {}).get("Ports") or []
    if any(port.get("PublishMode") == "ingress" for port in ports):
        yield from routing_meshes


def _of_service(service: Mapping[str, Any], nodes: int) -> Demand:
    spec = service.get("Spec") or {}
    mode = spec.get("Mode") or {}
    if "Replicated" in mode:
        tasks = int((mode["Replicated"] or {}).get("Replicas") or 0)
    elif "ReplicatedJob" in mode:
        tasks = int((mode["ReplicatedJob"] or {}).get("MaxConcurrent") or 1)
    else:
        tasks = nodes
    if (spec.get("EndpointSpec") or {}).get("Mode") == "dnsrr":
        return Demand(tasks=tasks)
    return Demand(virtual=1, tasks=tasks, behind_virtual=tasks)
