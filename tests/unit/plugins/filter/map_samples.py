# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What network_info and volume_info return on the three nodes of a Swarm, made of answers as engines give them."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, Sequence

from ansible_collections.berthage.swarm.plugins.module_utils._networks import info
from ansible_collections.berthage.swarm.plugins.module_utils._networks.observe import SwarmState, actual_network
from ansible_collections.berthage.swarm.plugins.module_utils._networks.parties import Answers

NODES = ("node1", "node2", "node3")


def network(name: str, driver: str = "overlay", node: str = "", **fields: Any) -> dict[str, Any]:
    number = sum(map(ord, name)) % 200
    return {
        "Name": name,
        "Id": f"n-{name}{node}",
        "Scope": "local" if node else "swarm",
        "Driver": driver,
        "IPAM": {"Config": [{"Subnet": f"10.{20 if node else 90}.{number}.0/24"}]},
        "Labels": {"berthage.swarm.owner": "default", "berthage.swarm.declared": ""},
        **fields,
    }


def container(
    name: str, networks: Iterable[str] = (), state: str = "running", node: str = "", **fields: Any
) -> dict[str, Any]:
    """On networks of the Swarm or, where `node` is given, on local ones of that node."""
    return {
        "Id": f"c-{name}",
        "Names": [f"/{name}"],
        "State": state,
        "HostConfig": {"NetworkMode": "default"},
        "NetworkSettings": {"Networks": {each: {"NetworkID": f"n-{each}{node}"} for each in networks}},
        **fields,
    }


def service(
    name: str, networks: Iterable[str], replicas: int = 1, ports: Iterable[tuple[int, str]] = ()
) -> dict[str, Any]:
    return {
        "ID": f"s-{name}",
        "Spec": {
            "Name": name,
            "Mode": {"Replicated": {"Replicas": replicas}},
            "TaskTemplate": {"Networks": [{"Target": f"n-{each}"} for each in networks]},
        },
        "Endpoint": {
            "Ports": [
                {"Protocol": "tcp", "TargetPort": 8080, "PublishedPort": port, "PublishMode": mode}
                for port, mode in ports
            ]
        },
    }


def tasks(services: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Spread over the nodes, one after the other."""
    running = [each for each in services for _ in range(each["Spec"]["Mode"]["Replicated"]["Replicas"])]
    return [
        {
            "ServiceID": each["ID"],
            "NodeID": f"id-{NODES[number % len(NODES)]}",
            "DesiredState": "running",
            "Status": {"State": "running"},
        }
        for number, each in enumerate(running)
    ]


def host(
    node: str,
    networks: Iterable[Mapping[str, Any]] = (),
    containers: Sequence[Mapping[str, Any]] = (),
    services: Sequence[Mapping[str, Any]] | None = None,
    volumes: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """One host's results. It is a manager where services are given, if only an empty list of them."""
    is_manager = services is not None
    swarm = SwarmState("active", is_manager, () if is_manager else ("10.0.0.11",), f"10.0.0.{11 + NODES.index(node)}")
    seen = info.Look(
        Answers(
            node,
            tuple(map(actual_network, networks)),
            containers,
            services or (),
            tasks(services or ()),
            (),
            [{"ID": f"id-{name}", "Description": {"Hostname": name}} for name in NODES],
        ),
        swarm,
        "26.1.5",
        info.why_unknown(swarm),
    )
    return {
        "host": node,
        "networks": info.result(seen, seen.answers.networks, everything=True),
        "volumes": {"volumes": list(volumes), "services_known": is_manager, "missing": []},
    }


def volume(name: str, backend: str = "local", users: Iterable[str] = (), **fields: Any) -> dict[str, Any]:
    return {
        "name": name,
        "driver": "local",
        "backend": backend,
        "fields": fields,
        "data": "holds" if backend == "local" else "points",
        "owner": "default",
        "consumers": [{"kind": "service", "name": user, "id": f"s-{user}", "node": "", "state": ""} for user in users],
    }
