# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of the networks that are there, of who uses them, and of who reaches whom by them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Collection, Iterable, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._engine import Engine, EngineRefusal, EngineTimeout
from ansible_collections.berthage.swarm.plugins.module_utils._networks import observe, outcome
from ansible_collections.berthage.swarm.plugins.module_utils._networks.observe import (
    ActualNetwork,
    Consumer,
    SwarmState,
)
from ansible_collections.berthage.swarm.plugins.module_utils._networks.parties import Answers, Members, members
from ansible_collections.berthage.swarm.plugins.module_utils._networks.reachability import (
    Medium,
    Party,
    has_way_out,
    in_place,
    reachability,
)
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends import redacted


@dataclass(frozen=True)
class Look:
    """One look at an engine. `services_unknown` says why its services could not be listed, and is empty where they
    could."""

    answers: Answers
    swarm: SwarmState
    version: str = ""
    services_unknown: str = ""

    @property
    def consumers(self) -> Mapping[str, tuple[Consumer, ...]]:
        """By the network's id."""
        there = self.answers
        return observe.consumers_of_networks(
            there.networks, there.here, there.containers, there.services, there.attachments, there.nodes
        )


def look(engine: Engine) -> Look:
    """Ask for everything once, by seven requests on a manager and three elsewhere."""
    about = engine.get("/info")
    swarm = observe.swarm_state(about.get("Swarm") or {})
    answers = Answers(
        here=str(about.get("Name") or ""),
        networks=tuple(map(observe.actual_network, engine.get("/networks"))),
        containers=engine.get("/containers/json", all=True),
    )
    unknown = why_unknown(swarm)
    if swarm.is_manager:
        try:
            answers = Answers(
                answers.here,
                answers.networks,
                answers.containers,
                services=engine.get("/services"),
                tasks=engine.get("/tasks", filters={"desired-state": ["running"]}),
                attachments=observe.attachment_tasks(engine),
                nodes=engine.get("/nodes"),
            )
        except (EngineRefusal, EngineTimeout) as error:
            unknown = f"the Swarm does not answer ({error}); see that more than half of its managers run"
    return Look(answers, swarm, str(about.get("ServerVersion") or ""), unknown)


def why_unknown(swarm: SwarmState) -> str:
    """Why this engine does not list services, empty where it does."""
    if swarm.is_manager or swarm.state == "inactive":
        return ""
    if swarm.state != "active":
        return f"this node's state in the Swarm is {swarm.state}"
    managers = f", such as {', '.join(swarm.managers)}" if swarm.managers else ""
    return f"this node is a worker of the Swarm, and only managers list services; ask a manager{managers}"


def describe(network: ActualNetwork, consumers: Iterable[Consumer]) -> dict[str, Any]:
    """A network as the operator may see it: by what its options mean, and without the values of secrets."""
    told = outcome.details(network, network.id, tuple(consumers))
    fields = ("attachable", "encrypted", "internal")
    return {
        "name": network.name,
        **{name: value for name, value in told.items() if name not in fields},
        "fields": {
            **{name: told[name] for name in fields},
            "ingress": network.ingress,
            "ipv6": network.ipv6,
            "mtu": network.mtu,
            "config_only": network.config_only,
            "config_from": network.config_from or None,
            "ipam_driver": network.ipam_driver,
        },
        "driver_opts": redacted(network.driver_opts),
        "labels": redacted(network.labels),
        "owner": network.owner,
        "created_at": network.created,
    }


def describe_reachability(found: Members, only: Collection[str] | None) -> list[dict[str, Any]]:
    """Everybody, with whom they reach; or `only` those who are on one of the networks with these ids."""
    placed = [party for party in in_place(found.parties) if only is None or party.networks & set(only)]
    reached = reachability(placed, found.media)
    return [_describe_party(party, reached[party.title], found.media) for party in placed]


def _describe_party(party: Party, reached: Mapping[str, Iterable[str]], media: Mapping[str, Medium]) -> dict[str, Any]:
    return {
        "title": party.title,
        "kind": party.kind,
        "name": party.name,
        "id": party.id,
        "state": party.state,
        "running": party.running,
        "nodes": dict(party.nodes),
        "networks": sorted(
            ({"name": media[key].name, "id": key} for key in party.networks), key=lambda each: each["name"]
        ),
        "on_host": party.on_host,
        "inside": party.inside or None,
        "way_out": has_way_out(party, media),
        "published": [port.as_dict() for port in party.ports],
        "reaches": [{"title": title, "by": list(by)} for title, by in sorted(reached.items())],
    }


def describe_node(seen: Look) -> dict[str, Any]:
    swarm = seen.swarm
    role = "manager" if swarm.is_manager else "worker" if swarm.state == "active" else swarm.state
    return {"name": seen.answers.here, "role": role, "engine": seen.version, "address": swarm.node_address or None}


def result(seen: Look, selected: Iterable[ActualNetwork], everything: bool) -> dict[str, Any]:
    """What the module returns, but for what it was asked."""
    chosen = list(selected)
    consumers = seen.consumers
    return {
        "networks": [describe(network, consumers.get(network.id, ())) for network in chosen],
        "reachability": describe_reachability(
            members(seen.answers), None if everything else {network.id for network in chosen}
        ),
        "node": describe_node(seen),
        "services_known": not seen.services_unknown,
        "services_unknown_because": seen.services_unknown or None,
    }
