# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in the way of making a network here: other networks, the Swarm, the engine and its plugins."""

from __future__ import annotations

from ipaddress import IPv6Network, ip_address
from typing import Iterator, Sequence

from ansible_collections.berthage.swarm.plugins.module_utils._networks.addresses import IPNetwork, overlap
from ansible_collections.berthage.swarm.plugins.module_utils._networks.observe import (
    ActualNetwork,
    Observed,
    SwarmState,
)
from ansible_collections.berthage.swarm.plugins.module_utils._networks.parents import parent_problems
from ansible_collections.berthage.swarm.plugins.module_utils._networks.plugins import plugin_problems
from ansible_collections.berthage.swarm.plugins.module_utils._networks.spec import Declaration, Network
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem


def obstacles(
    network: Network, declaration: Declaration, observed: Observed, besides: ActualNetwork | None = None
) -> Iterator[Problem]:
    """Why the declared network could not be made. `besides` is the one that it replaces."""
    yield from _overlaps(network, declaration, observed, besides)
    yield from _engine_problems(network, observed)
    yield from _configuration_problems(network, declaration, observed)
    yield from _another_ingress(network, observed, besides)
    yield from parent_problems(network, declaration, observed, besides)
    yield from plugin_problems(network, observed)


def no_manager(names: Sequence[str], swarm: SwarmState) -> Problem | None:
    """Why this node cannot manage these networks of the Swarm: only a manager knows them. One error for all of them."""
    return None if swarm.is_manager or not names else _why_no_manager(", ".join(names), swarm)


def _why_no_manager(names: str, swarm: SwarmState) -> Problem:
    if swarm.state == "inactive":
        return Problem(
            names,
            "driver",
            "this engine is in no Swarm, and an overlay belongs to one",
            "run the role berthage.swarm.docker_swarm (or `docker swarm init`) first, or use `driver: bridge`",
        )
    if swarm.state == "locked":
        return Problem(names, "driver", "this manager is locked", "run `docker swarm unlock` on it first")
    if swarm.state != "active":
        return Problem(
            names,
            "driver",
            f"this engine's membership of the Swarm is `{swarm.state}`",
            "see `docker info` and the engine's journal on it, or run the task on another manager",
        )
    managers = ", ".join(swarm.managers) or "see `docker info` on this node"
    return Problem(
        names,
        "driver",
        "this node is a worker, and only a manager manages the Swarm's networks",
        f"run the task on a manager ({managers})",
    )


def _overlaps(
    network: Network, declaration: Declaration, observed: Observed, besides: ActualNetwork | None
) -> Iterator[Problem]:
    if network.config_only:  # a text, which takes no addresses by itself
        return
    leaving = {other.name for other in declaration.networks if not other.present}
    for subnet in network.subnets:
        for other in observed.networks:
            if other.name in leaving or other.config_only or other is besides:
                continue
            for taken in other.subnets:
                if overlap(subnet.network, taken.network):
                    yield Problem(
                        network.name,
                        "subnets",
                        f"{subnet.network} overlaps {taken.network} of the existing network `{other.name}`",
                        "choose a subnet that is free",
                    )
        if network.driver not in ("overlay", "bridge"):
            continue  # containers there are in the hosts' own network
        for address in sorted({observed.swarm.node_address, *observed.swarm.managers} - {""}):
            if _holds(subnet.network, address):
                yield Problem(
                    network.name,
                    "subnets",
                    f"{subnet.network} contains {address}, where the nodes of the Swarm reach each other",
                    "choose a subnet outside the hosts' own network",
                )


def _holds(network: IPNetwork, address: str) -> bool:
    try:
        return ip_address(address.strip("[]")) in network
    except ValueError:  # a host name
        return False


def _configuration_problems(network: Network, declaration: Declaration, observed: Observed) -> Iterator[Problem]:
    """A Swarm's network finds its configuration on each node; a local one has to find it here."""
    name = network.config_from
    if not name or any(other.name == name and other.present and other.config_only for other in declaration.networks):
        return
    existing = observed.named(name)
    if existing and not any(other.config_only for other in existing):
        yield Problem(
            network.name, "config_from", f"`{name}` is a network, not a configuration", "name one that is config_only"
        )
    elif not existing:
        yield Problem(
            network.name,
            "config_from",
            f"there is no configuration `{name}` on this node",
            f"declare {{name: {name}, config_only: true, ...}} on every node",
        )


def _another_ingress(network: Network, observed: Observed, besides: ActualNetwork | None) -> Iterator[Problem]:
    """A Swarm has one routing mesh. Replaced under its own name, it is put back when the new one cannot be made."""
    for other in observed.networks:
        if network.ingress and other.ingress and other is not besides:
            yield Problem(
                network.name,
                "ingress",
                f"the Swarm's routing mesh is the network `{other.name}`, and it has one only",
                f"call this one `{other.name}` too; for another name remove that one first, by a call of its own",
            )


def _engine_problems(network: Network, observed: Observed) -> Iterator[Problem]:
    """What this engine's version cannot do."""
    has_ipv6_subnet = any(isinstance(subnet.network, IPv6Network) for subnet in network.subnets)
    if network.ipv6 and not has_ipv6_subnet and observed.engine_major < 27:
        yield Problem(
            network.name,
            "subnets",
            f"engine {observed.engine_version} has no IPv6 addresses of its own to give (27 and newer have)",
            "declare an IPv6 subnet, such as fd00:20::/64",
        )
