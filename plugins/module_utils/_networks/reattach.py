# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is attached to a network and how, so that it can be given back after the network was made anew."""

from __future__ import annotations

import copy
import json
from dataclasses import asdict, dataclass, replace
from ipaddress import ip_address
from typing import Any, Collection, Iterator, Mapping, Sequence

from ansible_collections.berthage.swarm.plugins.module_utils._networks.observe import Consumer
from ansible_collections.berthage.swarm.plugins.module_utils._networks.outcome import in_words as listed
from ansible_collections.berthage.swarm.plugins.module_utils._networks.spec import Network
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem

# Where a service's specification names its networks; the second is how it was done before API 1.25.
_IN_TASK, _IN_SERVICE = "TaskTemplate", "Spec"


@dataclass(frozen=True)
class ContainerAttachment:
    """A container on the network. `endpoint` is what the engine is told to attach it as it was. `node` is the Swarm's
    id of its engine, empty where that is in none, and `host` the engine's name."""

    id: str
    name: str
    node: str
    host: str
    endpoint: Mapping[str, Any]

    @property
    def fixed_addresses(self) -> tuple[str, ...]:
        fixed = self.endpoint.get("IPAMConfig") or {}
        return tuple(fixed[key] for key in ("IPv4Address", "IPv6Address") if fixed.get(key))


@dataclass(frozen=True)
class Place:
    """One entry of a service's list of networks: in which list, at which index, and with what besides the network."""

    where: str
    index: int
    config: Mapping[str, Any]


@dataclass(frozen=True)
class ServiceAttachment:
    """A service on the network. `tasks` are the ids of its tasks at that time, of which `running` ran."""

    id: str
    name: str
    places: tuple[Place, ...]
    tasks: tuple[str, ...] = ()
    running: int = 0
    is_job: bool = False


@dataclass(frozen=True)
class Attached:
    """All that a network's recreation has to give back. `former_id` and `former` are the network before it, as it was
    made (the body of `POST /networks/create`)."""

    network: str
    former_id: str
    former: Mapping[str, Any]
    containers: tuple[ContainerAttachment, ...] = ()
    services: tuple[ServiceAttachment, ...] = ()

    @property
    def anything(self) -> bool:
        return bool(self.containers or self.services)

    def joined(self, other: Attached) -> Attached:
        """This one, and of the other one what it has besides: who came after a journal was written."""
        containers = {container.id for container in self.containers}
        services = {service.id for service in self.services}
        return replace(
            self,
            containers=(*self.containers, *(each for each in other.containers if each.id not in containers)),
            services=(*self.services, *(each for each in other.services if each.id not in services)),
        )

    def elsewhere(self, node: str) -> Attached:
        """What only the engines of other nodes can give back."""
        return replace(
            self, services=(), containers=tuple(each for each in self.containers if each.node not in ("", node))
        )


def nobody(network: str, former_id: str) -> Attached:
    """A network that nobody uses."""
    return Attached(network, former_id, {})


def to_json(attached: Attached) -> str:
    return json.dumps(asdict(attached), separators=(",", ":"), sort_keys=True)


def from_json(text: str) -> Attached:
    """Read what `to_json` wrote.

    Raises:
        ValueError, KeyError, TypeError: it is something else.
    """
    read = json.loads(text)
    return Attached(
        network=read["network"],
        former_id=read["former_id"],
        former=read["former"],
        containers=tuple(ContainerAttachment(**each) for each in read["containers"]),
        services=tuple(
            ServiceAttachment(
                **{
                    **each,
                    "places": tuple(Place(**place) for place in each["places"]),
                    "tasks": tuple(each["tasks"]),
                }
            )
            for each in read["services"]
        ),
    )


# ---- what must not be begun


def problems(
    network: Network, consumers: Sequence[Consumer], attached: Attached, engine_major: int
) -> Iterator[Problem]:
    """Why those who use the network could not be attached again to the declared one."""
    elsewhere = [consumer for consumer in consumers if consumer.kind == "attachment"]
    if elsewhere:
        nodes = ", ".join(sorted({consumer.node for consumer in elsewhere}))
        yield Problem(
            network.name,
            "reattach",
            f"containers of other nodes are attached, which cannot be reached from here: {listed(elsewhere)}",
            f"disconnect those on {nodes} first, or stop them",
        )
    made_of_it = [consumer for consumer in consumers if consumer.kind == "network"]
    if made_of_it:
        yield Problem(
            network.name,
            "reattach",
            f"it is the configuration of {listed(made_of_it)}, which would have to be made anew as well",
            "remove those first",
        )
    ours = {each.id for each in attached.containers} | {each.id for each in attached.services}
    unknown = [
        consumer for consumer in consumers if consumer.kind in ("container", "service") and consumer.id not in ours
    ]
    if unknown:
        yield Problem(
            network.name,
            "reattach",
            f"how these are attached is not known: {listed(unknown)}",
            "they came or went while this was looked at; run again",
        )
    jobs = [service.name for service in attached.services if service.is_job]
    if jobs:
        yield Problem(
            network.name,
            "reattach",
            f"service {', '.join(jobs)} is a job, and an update would run it once more",
            "remove the job first",
        )
    if network.swarm and not network.attachable and attached.containers:
        yield Problem(
            network.name,
            "attachable",
            f"is false, and {_names(attached.containers)} cannot be attached again then",
            "set attachable: true, or disconnect those first",
        )
    if attached.services and not network.swarm:
        names = ", ".join(service.name for service in attached.services)
        yield Problem(
            network.name,
            "driver",
            f"service {names} can only be attached to a network of the Swarm",
            "keep it one, or take the network from the service first",
        )
    for container in attached.containers:
        if engine_major >= 25 and container.endpoint.get("MacAddress"):
            yield Problem(
                network.name,
                "reattach",
                f"container {container.name} has the fixed MAC address {container.endpoint['MacAddress']}, which "
                "engines from 25 on ignore when a container is attached again (moby#48192)",
                "remove that container first, and make it again afterwards",
            )
        for address in container.fixed_addresses:
            yield from _address_problems(network, container, address)


def _address_problems(network: Network, container: ContainerAttachment, text: str) -> Iterator[Problem]:
    address = ip_address(text)
    subnets = [subnet for subnet in network.subnets if address in subnet.network]
    if not subnets:
        yield Problem(
            network.name,
            "subnets",
            f"container {container.name} has the fixed address {text}, which no declared subnet holds",
            "declare a subnet that holds it, or disconnect that container first",
        )
    elif any(address == subnet.gateway for subnet in subnets):
        yield Problem(
            network.name,
            "subnets",
            f"container {container.name} has the fixed address {text}, which is the declared gateway's",
            "choose another gateway, or disconnect that container first",
        )


def _names(containers: Sequence[ContainerAttachment]) -> str:
    return "container " + ", ".join(container.name for container in containers)


def in_words(attached: Attached) -> str:
    """Who is to be attached again, the first ten by name."""
    names = [f"service {each.name}" for each in attached.services]
    names += [f"container {each.name}" for each in attached.containers]
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


# ---- the engine's answers, and what it is told


def container_attachment(
    raw: Mapping[str, Any], network: str, node: str, host: str, engine_major: int
) -> ContainerAttachment | None:
    """How a container of `GET /containers/ID/json` on this node is attached to the network of this name; `None` where
    it is not."""
    endpoint = ((raw.get("NetworkSettings") or {}).get("Networks") or {}).get(network)
    if endpoint is None:
        return None
    config = {key: endpoint[key] for key in ("Links", "Aliases", "DriverOpts", "GwPriority") if endpoint.get(key)}
    fixed = {key: value for key, value in (endpoint.get("IPAMConfig") or {}).items() if value}
    if fixed:
        config["IPAMConfig"] = fixed
    mac_address = _fixed_mac_address(raw, endpoint, network, engine_major)
    if mac_address:
        config["MacAddress"] = mac_address
    return ContainerAttachment(raw["Id"], str(raw.get("Name", "")).lstrip("/"), node, host, config)


def _fixed_mac_address(raw: Mapping[str, Any], endpoint: Mapping[str, Any], network: str, engine_major: int) -> str:
    """The address of the interface where somebody chose it.

    Of a container's first network every engine tells that. Of the others only engines from 25 on can have one, and do
    not tell it from the usual one, which up to 27 is made of the IPv4 address.
    """
    chosen = str((raw.get("Config") or {}).get("MacAddress") or "")
    if chosen and network == (raw.get("HostConfig") or {}).get("NetworkMode"):
        return chosen
    mac_address = str(endpoint.get("MacAddress") or "")
    if not mac_address or not 25 <= engine_major < 28:
        return ""
    parts = [part for part in str(endpoint.get("IPAddress") or "").split(".") if part]
    return "" if mac_address == ":".join(["02", "42", *(f"{int(part):02x}" for part in parts)]) else mac_address


def service_attachment(
    raw: Mapping[str, Any], targets: Collection[str], tasks: Sequence[Mapping[str, Any]]
) -> ServiceAttachment | None:
    """How a service of `GET /services` is attached to the network of one of these ids or names; `None` if not."""
    spec = raw.get("Spec") or {}
    places = tuple(
        Place(where, index, {key: value for key, value in entry.items() if key != "Target"})
        for where in (_IN_TASK, _IN_SERVICE)
        for index, entry in enumerate(_list_of(spec, where))
        if entry.get("Target") in targets
    )
    if not places:
        return None
    mode = spec.get("Mode") or {}
    return ServiceAttachment(
        id=raw["ID"],
        name=str(spec.get("Name", "")),
        places=places,
        tasks=tuple(task["ID"] for task in tasks),
        running=sum(is_running(task) for task in tasks),
        is_job="ReplicatedJob" in mode or "GlobalJob" in mode,
    )


def without(spec: Mapping[str, Any], targets: Collection[str]) -> dict[str, Any]:
    """A service's specification without the network."""
    changed = copy.deepcopy(dict(spec))
    for where in (_IN_TASK, _IN_SERVICE):
        entries = _list_of(changed, where)
        if entries:
            _holder(changed, where)["Networks"] = [entry for entry in entries if entry.get("Target") not in targets]
    return changed


def again(spec: Mapping[str, Any], service: ServiceAttachment, network_id: str) -> dict[str, Any]:
    """A service's specification with the network where it was, under its new id."""
    changed = copy.deepcopy(dict(spec))
    for place in service.places:
        entries = list(_list_of(changed, place.where))
        if any(entry.get("Target") == network_id for entry in entries):
            continue
        entries.insert(place.index, {"Target": network_id, **copy.deepcopy(dict(place.config))})
        _holder(changed, place.where)["Networks"] = entries
    return changed


def is_on(spec: Mapping[str, Any], targets: Collection[str]) -> bool:
    """Whether a service's, or a task's, specification names a network of one of these ids or names."""
    entries = [*_list_of(spec, _IN_TASK), *_list_of(spec, _IN_SERVICE)]
    return any(entry.get("Target") in targets for entry in entries)


def is_running(task: Mapping[str, Any]) -> bool:
    return task.get("DesiredState") == "running" and (task.get("Status") or {}).get("State") == "running"


def _holder(spec: dict[str, Any], where: str) -> dict[str, Any]:
    holder: dict[str, Any] = spec.setdefault(_IN_TASK, {}) if where == _IN_TASK else spec
    return holder


def _list_of(spec: Mapping[str, Any], where: str) -> Sequence[Mapping[str, Any]]:
    holder = (spec.get(_IN_TASK) or {}) if where == _IN_TASK else spec
    return holder.get("Networks") or ()
