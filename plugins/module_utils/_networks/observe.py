# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an engine knows about networks and who uses them. `observe` asks it; the rest reads its answers."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any, Callable, Collection, Iterable, Iterator, Mapping, Sequence

from ansible_collections.berthage.swarm.plugins.module_utils._engine import Engine
from ansible_collections.berthage.swarm.plugins.module_utils._networks.addresses import (
    Address,
    IPNetwork,
    Subnet,
    in_order,
)
from ansible_collections.berthage.swarm.plugins.module_utils._networks.demand import Demand, able_nodes, demands
from ansible_collections.berthage.swarm.plugins.module_utils._networks.drivers import ENCRYPTED_OPTION, MTU_OPTION
from ansible_collections.berthage.swarm.plugins.module_utils._networks.spec import DECLARED_LABEL, OWNER_LABEL

# A Swarm gives a new network its addresses a moment after it has accepted it.
ALLOCATION_SECONDS = 10.0
# Mostly it is there at the second look.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.2

# Drivers whose networks of the Swarm each node makes for itself (swarmkit, `cnmallocator`).
_NODE_LOCAL = frozenset({"bridge", "host", "ipvlan", "macvlan"})


@dataclass(frozen=True)
class Consumer:
    """Who would lose a connection with the network. `kind` is `container`, `attachment`, `service` or `network`.

    An attachment is a container of another node on a Swarm network; only its id and its node are known here.
    """

    kind: str
    name: str
    id: str
    node: str = ""
    state: str = ""

    def __str__(self) -> str:
        where = f" on {self.node}" if self.node else ""
        what = "container" if self.kind == "attachment" else self.kind
        return f"{what} {self.name}{where}" + (f" ({self.state})" if self.state else "")

    def as_dict(self) -> dict[str, str]:
        return {"kind": self.kind, "name": self.name, "id": self.id, "node": self.node, "state": self.state}


@dataclass(frozen=True)
class ActualNetwork:
    """One network as the engine has it, in the same spelling as a declared one."""

    id: str
    name: str
    driver: str
    swarm: bool
    attachable: bool = False
    encrypted: bool = False
    internal: bool = False
    ingress: bool = False
    mtu: int | None = None
    subnets: tuple[Subnet, ...] = ()
    ipv6: bool = False
    driver_opts: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    ipam_driver: str = "default"
    config_only: bool = False
    config_from: str = ""
    created: str = ""

    @property
    def owner(self) -> str | None:
        return self.labels.get(OWNER_LABEL)

    @property
    def lacks_addresses(self) -> bool:
        """Whether the Swarm has yet to give it a pool. Networks of node-local drivers have theirs on each node."""
        return self.swarm and not self.subnets and not self.config_from and self.driver not in _NODE_LOCAL

    @property
    def recorded(self) -> frozenset[str] | None:
        """The fields that were declared when this collection made the network; `None` where somebody else made it."""
        if DECLARED_LABEL not in self.labels:
            return None
        return frozenset(name for name in self.labels[DECLARED_LABEL].split(",") if name)


@dataclass(frozen=True)
class AddressPool:
    """From which subnets of `size` bits are given to networks that declare none."""

    base: IPNetwork
    size: int

    def __str__(self) -> str:
        return f"{self.base} in blocks of /{self.size}"


@dataclass(frozen=True)
class SwarmState:
    """What this engine is in a Swarm: `state` is inactive, pending, active, error or locked."""

    state: str = "inactive"
    is_manager: bool = False
    managers: tuple[str, ...] = ()
    node_address: str = ""
    node_id: str = ""
    pools: tuple[AddressPool, ...] = ()


@dataclass(frozen=True)
class Observed:
    """One look at the engine."""

    networks: tuple[ActualNetwork, ...] = ()
    consumers: Mapping[str, tuple[Consumer, ...]] = field(default_factory=dict)
    swarm: SwarmState = SwarmState()
    engine_version: str = ""
    host: str = ""
    local_pools: tuple[AddressPool, ...] = ()
    nodes: int = 0  # of the Swarm, that run tasks
    demands: Mapping[str, Demand] = field(default_factory=dict)
    drivers: tuple[str, ...] = ()  # that the engine lists: its own, plugins that it manages, and those in use
    missing_plugins: frozenset[str] = frozenset()
    managed_plugins: frozenset[str] = frozenset()

    @property
    def engine_major(self) -> int:
        digits = self.engine_version.split(".", maxsplit=1)[0]
        return int(digits) if digits.isdigit() else 0

    def named(self, name: str) -> tuple[ActualNetwork, ...]:
        """Docker's names are not unique, so a name is a set of networks."""
        return tuple(network for network in self.networks if network.name == name)

    def consumers_of(self, network: ActualNetwork) -> tuple[Consumer, ...]:
        return self.consumers.get(network.id, ())


def observe(engine: Engine, names: Collection[str]) -> Observed:
    """Ask the engine once for everything that a plan for the networks of these `names` needs."""
    info = engine.get("/info")
    swarm = swarm_state(info.get("Swarm") or {})
    networks = settled(engine, names)
    containers = engine.get("/containers/json", all=True)
    services: list[Any] = engine.get("/services") if swarm.is_manager else []
    attachments: list[Any] = attachment_tasks(engine) if swarm.is_manager else []
    nodes: list[Any] = engine.get("/nodes") if swarm.is_manager else []
    able = able_nodes(nodes)
    return Observed(
        networks=networks,
        consumers=consumers_of_networks(networks, str(info.get("Name", "")), containers, services, attachments, nodes),
        swarm=swarm,
        engine_version=str(info.get("ServerVersion", "")),
        host=str(info.get("Name", "")),
        local_pools=tuple(
            AddressPool(ip_network(pool["Base"], strict=False), int(pool["Size"]))
            for pool in info.get("DefaultAddressPools") or []
        ),
        nodes=able,
        demands=demands(
            {network.name: network.id for network in networks},
            [network.id for network in networks if network.ingress],
            services,
            attachments,
            able,
        ),
        drivers=tuple((info.get("Plugins") or {}).get("Network") or ()),
    )


def settled(
    engine: Engine, names: Collection[str], until: Callable[[Sequence[ActualNetwork]], bool] = lambda networks: True
) -> tuple[ActualNetwork, ...]:
    """All networks, once the named ones have their addresses and `until` holds, or after `ALLOCATION_SECONDS`."""
    deadline = time.monotonic() + ALLOCATION_SECONDS
    pause = _FIRST_PAUSE
    while True:
        networks = tuple(actual_network(raw) for raw in engine.get("/networks"))
        allocated = not any(network.lacks_addresses for network in networks if network.name in names)
        if (allocated and until(networks)) or time.monotonic() > deadline:
            return networks
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def actual_network(raw: Mapping[str, Any]) -> ActualNetwork:
    """Read one entry of `GET /networks`."""
    options = {str(key): str(value) for key, value in (raw.get("Options") or {}).items()}
    ipam = raw.get("IPAM") or {}
    mtu = options.get(MTU_OPTION, "")
    return ActualNetwork(
        id=raw["Id"],
        name=raw["Name"],
        driver=raw.get("Driver") or "",
        swarm=raw.get("Scope") == "swarm",
        attachable=bool(raw.get("Attachable")),
        encrypted=ENCRYPTED_OPTION in options,
        internal=bool(raw.get("Internal")),
        ingress=bool(raw.get("Ingress")),
        mtu=int(mtu) if mtu.isdigit() else None,
        subnets=in_order(_subnets(ipam.get("Config") or [])),
        ipv6=bool(raw.get("EnableIPv6")),
        driver_opts={key: value for key, value in options.items() if key not in (ENCRYPTED_OPTION, MTU_OPTION)},
        labels=dict(raw.get("Labels") or {}),
        ipam_driver=ipam.get("Driver") or "default",
        config_only=bool(raw.get("ConfigOnly")),
        config_from=(raw.get("ConfigFrom") or {}).get("Network") or "",
        created=raw.get("Created") or "",
    )


def _subnets(entries: Iterable[Mapping[str, Any]]) -> Iterator[Subnet]:
    for entry in entries:
        if not entry.get("Subnet"):
            continue
        # The key is AuxiliaryAddresses in the API's documentation and in its answers; older ones said AuxAddress.
        aux = entry.get("AuxiliaryAddresses") or entry.get("AuxAddress") or {}
        yield Subnet(
            network=ip_network(entry["Subnet"], strict=False),
            gateway=_address(entry.get("Gateway")),
            ip_range=ip_network(entry["IPRange"], strict=False) if entry.get("IPRange") else None,
            aux_addresses=tuple(sorted((name, ip_address(address.split("/")[0])) for name, address in aux.items())),
        )


def _address(text: str | None) -> Address | None:
    """Engines write a gateway with or without the length of its prefix."""
    return ip_address(text.split("/")[0]) if text else None


def swarm_state(raw: Mapping[str, Any]) -> SwarmState:
    return SwarmState(
        state=raw.get("LocalNodeState") or "inactive",
        is_manager=bool(raw.get("ControlAvailable")),
        managers=tuple(sorted(manager["Addr"].rsplit(":", 1)[0] for manager in raw.get("RemoteManagers") or [])),
        node_address=raw.get("NodeAddr") or "",
        node_id=raw.get("NodeID") or "",
        pools=_swarm_pools(raw.get("Cluster") or {}),
    )


def _swarm_pools(cluster: Mapping[str, Any]) -> tuple[AddressPool, ...]:
    """As a manager tells them; a size of 0 is the Swarm's own default."""
    size = int(cluster.get("SubnetSize") or 24)
    return tuple(AddressPool(ip_network(base, strict=False), size) for base in cluster.get("DefaultAddrPool") or [])


# ---- who uses what


def attachment_tasks(engine: Engine) -> list[Any]:
    """Attached containers, on all nodes: tasks that are listed only when this runtime is asked for."""
    tasks: list[Any] = engine.get("/tasks", filters={"runtime": ["attachment"], "desired-state": ["running"]})
    return tasks


def consumers_of_networks(  # noqa: PLR0913, PLR0917 - one answer of the engine each
    networks: Sequence[ActualNetwork],
    here: str,
    containers: Iterable[Mapping[str, Any]],
    services: Sequence[Mapping[str, Any]],
    attachments: Iterable[Mapping[str, Any]],
    nodes: Iterable[Mapping[str, Any]],
) -> dict[str, tuple[Consumer, ...]]:
    """The consumers of each network, by its id."""
    found: dict[str, list[Consumer]] = {network.id: [] for network in networks}
    ids_by_name = {network.name: network.id for network in networks}

    def add(target: str, consumer: Consumer) -> None:
        # A service names its networks by id or by name, a container that never started only by name.
        key = target if target in found else ids_by_name.get(target, "")
        if key and consumer not in found[key]:
            found[key].append(consumer)

    for service in services:
        spec = service.get("Spec") or {}
        for attached in [*((spec.get("TaskTemplate") or {}).get("Networks") or []), *(spec.get("Networks") or [])]:
            add(attached.get("Target", ""), Consumer("service", spec.get("Name", ""), service["ID"]))

    for target, consumer in (*_of_routing_mesh(networks, services), *_of_configurations(networks)):
        add(target, consumer)

    listed_services = {service["ID"] for service in services}
    in_swarm = {network.id for network in networks if network.swarm}
    local_ids = set()
    for container in containers:
        local_ids.add(container["Id"])
        is_task = (container.get("Labels") or {}).get("com.docker.swarm.service.id") in listed_services
        name = (container.get("Names") or [container["Id"][:12]])[0].lstrip("/")
        consumer = Consumer("container", name, container["Id"], here, container.get("State") or "")
        for network_name, endpoint in ((container.get("NetworkSettings") or {}).get("Networks") or {}).items():
            target = (endpoint or {}).get("NetworkID") or network_name
            if is_task and {target, ids_by_name.get(target)} & in_swarm:
                continue  # its service is in the list; only to a local network somebody attached it by hand
            add(target, consumer)

    hostnames = {node["ID"]: (node.get("Description") or {}).get("Hostname", "") for node in nodes}
    for task in attachments:
        spec = task.get("Spec") or {}
        container_id = (spec.get("NetworkAttachmentSpec") or {}).get("ContainerID", "")
        state = (task.get("Status") or {}).get("State") or ""
        if container_id in local_ids or state in FINISHED:
            continue
        node = hostnames.get(task.get("NodeID", ""), "") or task.get("NodeID", "")
        consumer = Consumer("attachment", container_id[:12], container_id or task["ID"], node, state)
        for attached in task.get("NetworksAttachments") or []:
            add(((attached.get("Network") or {}).get("ID")) or "", consumer)
        for attached in spec.get("Networks") or []:
            add(attached.get("Target", ""), consumer)
    return {key: tuple(consumers) for key, consumers in found.items()}


def _of_routing_mesh(
    networks: Sequence[ActualNetwork], services: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, Consumer]]:
    """Services that publish ports by the mesh are on its network without naming it."""
    publishing = [
        Consumer("service", (service.get("Spec") or {}).get("Name", ""), service["ID"])
        for service in services
        if any(port.get("PublishMode") == "ingress" for port in (service.get("Endpoint") or {}).get("Ports") or [])
    ]
    return ((network.id, consumer) for network in networks if network.ingress for consumer in publishing)


def _of_configurations(networks: Sequence[ActualNetwork]) -> Iterator[tuple[str, Consumer]]:
    """A configuration is used by the networks that take it. Those of the Swarm take the one of their node."""
    return (
        (configuration.id, Consumer("network", network.name, network.id))
        for configuration in networks
        for network in networks
        if configuration.config_only and network.config_from == configuration.name
    )


FINISHED = frozenset({"complete", "shutdown", "failed", "rejected", "remove", "orphaned"})
