# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What several engines told of their networks and volumes, put together into one picture of the Swarm."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any, Iterable, Mapping, Sequence

from ansible_collections.berthage.swarm.plugins.module_utils._networks.reachability import (
    Medium,
    Party,
    Port,
    closed,
    has_way_out,
    in_place,
    outside_ports,
    reachability,
    through_ports,
)

# Made by the engine itself, and told of only where somebody is on them.
_PREDEFINED = frozenset({"bridge", "docker_gwbridge"})
# The engine names the container of a task SERVICE.SLOT.TASK, or SERVICE.NODE.TASK of a global service.
_TASK = re.compile(r"(.+)\.(?:\d+|[a-z0-9]{25})\.[a-z0-9]{25}")
_NO_NETWORKS = frozenset({"host", "null"})


@dataclass(frozen=True)
class Node:
    """An engine. `host` is its name in the inventory, empty for one that was not asked."""

    name: str
    host: str = ""
    role: str = ""
    engine: str = ""
    address: str = ""


@dataclass(frozen=True)
class Net:
    """A network, as `network_info` told of it, and where: of a local one the node."""

    told: Mapping[str, Any]
    node: str = ""
    members: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return str(self.told["id"])

    @property
    def closed(self) -> bool:
        """Whether those on it are kept from each other."""
        return closed(self.told["fields"]["ingress"], self.told["driver_opts"])

    @property
    def title(self) -> str:
        return f"{self.told['name']} on {self.node}" if self.node else str(self.told["name"])


@dataclass(frozen=True)
class Vol:
    """Volumes of one name that mean the same, with the nodes that have them and who uses them."""

    name: str
    backend: str
    where: str
    data: str
    owner: str | None
    nodes: tuple[str, ...]
    users: tuple[str, ...]


@dataclass(frozen=True)
class Picture:
    """`gaps` says what is not known, and why."""

    nodes: tuple[Node, ...] = ()
    networks: tuple[Net, ...] = ()
    parties: tuple[Party, ...] = ()
    volumes: tuple[Vol, ...] = ()
    reached: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    media: Mapping[str, Medium] = field(default_factory=dict)
    gaps: tuple[str, ...] = ()

    def by_networks(self, sender: Party, receiver: Party) -> tuple[str, ...]:
        return self.reached[sender.title].get(receiver.title, ())

    def by_ports(self, sender: Party, receiver: Party) -> tuple[Port, ...]:
        return through_ports(sender, receiver, self.media)

    def has_way_out(self, party: Party) -> bool:
        return has_way_out(party, self.media)

    def names_of(self, party: Party) -> list[str]:
        """The networks it is on, by name."""
        names = sorted(self.media[key].name for key in party.networks if key in self.media)
        return names + ["the host's"] * party.on_host

    def volumes_of(self, party: Party) -> str:
        """The names of the volumes it uses."""
        return ", ".join(dict.fromkeys(volume.name for volume in self.volumes if party.title in volume.users))

    def outside(self) -> list[tuple[Party, Port]]:
        """What is reached from outside."""
        return [(party, port) for party in self.parties for port in outside_ports(party)]


def picture(answers: Sequence[Mapping[str, Any]]) -> Picture:
    """Put together what the hosts answered: each a mapping of `host`, and the results `networks` and `volumes`. Without
    the latter they were not asked for volumes."""
    told = [(answer, answer.get("networks") or {}) for answer in answers]
    answering = [(answer, result) for answer, result in told if "networks" in result]
    parties = _in_order(in_place(_merged(result for _answer, result in answering)), answering)
    networks = _networks(answering, parties)
    media = _media(answering)
    return Picture(
        nodes=_nodes(answering, parties),
        networks=networks,
        parties=parties,
        volumes=_volumes(answers, answering),
        reached=reachability(parties, media),
        media=media,
        gaps=tuple(_gaps(told)),
    )


# ---- who there is


def _merged(results: Iterable[Mapping[str, Any]]) -> list[Party]:
    found: dict[str, Party] = {}
    known: dict[str, bool] = {}
    for result in sorted(results, key=lambda each: not each["services_known"]):
        for told in result["reachability"]:
            party = _party(told)
            before = found.get(party.id)
            if before is None or before.kind == "attachment":
                found[party.id] = party
                known[party.id] = result["services_known"]
            elif party.kind == "service":
                found[party.id] = _joined(before, party, complete=known[party.id])
    return list(found.values())


def _joined(service: Party, other: Party, complete: bool) -> Party:
    """A service as two engines know it. Which tasks run where, a manager knows; else each engine knows its own."""
    joined = replace(service, networks=service.networks | other.networks, on_host=service.on_host or other.on_host)
    if complete:
        return joined
    nodes = {**service.nodes, **other.nodes}
    return replace(
        joined,
        nodes=nodes,
        running=service.running or other.running,
        state=f"{sum(nodes.values())} tasks run on the hosts that were asked",
        ports=tuple(dict.fromkeys((*service.ports, *other.ports))),
    )


def _party(told: Mapping[str, Any]) -> Party:
    return Party(
        kind=told["kind"],
        name=told["name"],
        id=told["id"],
        state=told["state"],
        running=told["running"],
        networks=frozenset(network["id"] for network in told["networks"]),
        on_host=told["on_host"],
        inside=told["inside"] or "",
        ports=tuple(
            Port(port["published"], port["target"], port["protocol"], port["mode"], port["address"])
            for port in told["published"]
        ),
        nodes=told["nodes"],
    )


def _in_order(parties: Iterable[Party], answering: Sequence[tuple[Any, Mapping[str, Any]]]) -> tuple[Party, ...]:
    """Services first, then the containers of each node; within these, who is on the same networks stands together."""
    names = {key: medium.name for key, medium in _media(answering).items()}
    return tuple(
        sorted(
            parties,
            key=lambda party: (
                party.kind != "service",
                "" if party.kind == "service" else ", ".join(party.nodes),
                sorted(names.get(key, key) for key in party.networks),
                party.title,
            ),
        )
    )


# ---- networks, nodes, volumes


def _media(answering: Sequence[tuple[Any, Mapping[str, Any]]]) -> dict[str, Medium]:
    listed = {
        told["id"]: Medium(
            told["id"],
            told["name"],
            told["driver"],
            told["fields"]["internal"],
            Net(told).closed,
        )
        for _answer, result in answering
        for told in result["networks"]
    }
    named = {
        network["id"]: Medium(network["id"], network["name"])
        for _answer, result in answering
        for party in result["reachability"]
        for network in party["networks"]
    }
    return {**named, **listed}


def _networks(answering: Sequence[tuple[Any, Mapping[str, Any]]], parties: Sequence[Party]) -> tuple[Net, ...]:
    found: dict[str, Net] = {}
    for _answer, result in sorted(answering, key=lambda each: not each[1]["services_known"]):
        for told in result["networks"]:
            node = "" if told["scope"] == "swarm" else result["node"]["name"]
            members = tuple(party.title for party in parties if told["id"] in party.networks)
            shown = told["driver"] not in _NO_NETWORKS and (members or told["name"] not in _PREDEFINED)
            if shown:
                found.setdefault(told["id"], Net(told, node, members))
    return tuple(sorted(found.values(), key=lambda net: (bool(net.node), net.title)))


def _nodes(
    answering: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]], parties: Sequence[Party]
) -> tuple[Node, ...]:
    found = {
        result["node"]["name"]: Node(
            result["node"]["name"],
            answer["host"],
            result["node"]["role"],
            result["node"]["engine"],
            result["node"]["address"] or "",
        )
        for answer, result in answering
    }
    for party in parties:
        for name in party.nodes:
            found.setdefault(name, Node(name))
    return tuple(sorted(found.values(), key=lambda node: node.name))


def _volumes(
    answers: Sequence[Mapping[str, Any]], answering: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]
) -> tuple[Vol, ...]:
    node_names = {answer["host"]: result["node"]["name"] for answer, result in answering}
    found: dict[tuple[str, str, str], Vol] = {}
    for answer in answers:
        node = node_names.get(answer["host"], answer["host"])
        for told in (answer.get("volumes") or {}).get("volumes", ()):
            where = place(told["backend"], told["fields"], told["driver"])
            key = (told["name"], told["backend"], where)
            before = found.get(key, Vol(*key, told["data"], told["owner"], (), ()))
            users = (*before.users, *(_user(consumer) for consumer in told["consumers"]))
            found[key] = replace(before, nodes=(*before.nodes, node), users=tuple(dict.fromkeys(users)))
    return tuple(found[key] for key in sorted(found))


def _user(consumer: Mapping[str, Any]) -> str:
    task = _TASK.fullmatch(consumer["name"])
    if consumer["kind"] == "service" or task:
        return f"service {task.group(1) if task else consumer['name']}"
    return f"container {consumer['name'] or consumer['id'][:12]} on {consumer['node']}"


def place(backend: str, fields: Mapping[str, Any], driver: str) -> str:
    """Where the data of a volume is, made of fields that are never secret."""

    def said(name: str) -> str:
        value = fields.get(name)
        return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value or "")

    if backend == "nfs":
        return f"{said('server')}:{said('path')}"
    if backend == "cifs":
        return f"//{said('server')}/{said('share')}".rstrip("/")
    if backend == "cephfs":
        return f"{said('monitors')}:{said('path')}"
    if backend == "tmpfs":
        return f"{said('size')} bytes of memory" if said("size") else "memory"
    if backend == "plugin":
        return driver
    return said("path") or said("device")


def _gaps(told: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> Iterable[str]:
    results = list(told)
    for answer, result in results:
        if "networks" not in result:
            yield f"{answer['host']}: no answer; what is on it is missing here"
        if "volumes" in answer and "volumes" not in (answer["volumes"] or {}):
            yield f"{answer['host']}: its volumes are not known"
    if not any(result.get("services_known") for _answer, result in results):
        reasons = dict.fromkeys(
            result.get("services_unknown_because") for _answer, result in results if "networks" in result
        )
        yield "services are known only by their tasks on the hosts that were asked" + "".join(
            f": {reason}" for reason in reasons if reason
        )
