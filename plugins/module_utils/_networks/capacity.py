# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether there are addresses enough: in the pools from which engines draw subnets, and in a subnet for its users."""

from __future__ import annotations

from ipaddress import IPv4Network, ip_network
from typing import Iterable, Iterator, Sequence

from ansible_collections.berthage.swarm.plugins.module_utils._networks.addresses import IPNetwork, Subnet
from ansible_collections.berthage.swarm.plugins.module_utils._networks.demand import Demand
from ansible_collections.berthage.swarm.plugins.module_utils._networks.observe import (
    ActualNetwork,
    AddressPool,
    Observed,
)
from ansible_collections.berthage.swarm.plugins.module_utils._networks.spec import Declaration, Network
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem

# The part of a network's addresses up to which Docker's own tool (ip-util-check) calls it safe.
_SAFE_PART = 0.75

# More endpoints behind virtual addresses on one network than Docker's documentation of overlays advises.
_MOST_BEHIND_VIRTUAL = 250

# What engines draw from by themselves (moby, `libnetwork/ipamutils`). Those from 20.10 on tell when they have others.
_LOCAL_POOLS = tuple(
    AddressPool(ip_network(base), size)
    for base, size in (
        ("172.17.0.0/16", 16),
        ("172.18.0.0/16", 16),
        ("172.19.0.0/16", 16),
        ("172.20.0.0/14", 16),
        ("172.24.0.0/14", 16),
        ("172.28.0.0/14", 16),
        ("192.168.0.0/16", 20),
    )
)
_ENGINES_WITH_LOCAL_POOLS = range(20, 29)


# ---- pools


def pool_problems(
    declaration: Declaration, made: Sequence[str], observed: Observed
) -> Iterator[tuple[list[str], Problem]]:
    """Networks that want a subnet of a pool which has fewer left, and the problem of them all.

    `made` are the names of those to be created or recreated, whose former subnets are free again.
    """
    if observed.swarm.is_manager:
        yield from _pool_problem(declaration, made, observed, observed.swarm.pools, swarm=True)
    local = observed.local_pools
    if not local and observed.engine_major in _ENGINES_WITH_LOCAL_POOLS:
        local = _LOCAL_POOLS
    yield from _pool_problem(declaration, made, observed, local, swarm=False)


def _pool_problem(
    declaration: Declaration, made: Sequence[str], observed: Observed, pools: Sequence[AddressPool], swarm: bool
) -> Iterator[tuple[list[str], Problem]]:
    wanting = [
        network.name for network in declaration.networks if network.name in made and _draws_from_pool(network, swarm)
    ]
    if not pools or not wanting:
        return
    going = {*made, *(network.name for network in declaration.networks if not network.present)}
    taken: list[IPNetwork] = [
        subnet.network
        for network in observed.networks
        if network.swarm == swarm and not network.config_only and network.name not in going
        for subnet in network.subnets
    ]
    taken += [
        subnet.network
        for network in declaration.networks
        if network.name in made and network.swarm == swarm and not network.config_only
        for subnet in network.subnets
    ]
    free = sum(free_blocks(pool, taken) for pool in pools)
    if free < len(wanting):
        declared = "it declares" if len(wanting) == 1 else f"{len(wanting)} declare"
        whose = "the Swarm" if swarm else "this engine"
        problem = Problem(
            ", ".join(wanting[:10]) + (f" and {len(wanting) - 10} more" if len(wanting) > 10 else ""),
            "subnets",
            f"{declared} none, and the default address pool of {whose} ({', '.join(map(str, pools))}) has {free} left",
            "declare subnets outside that pool, remove networks that nobody uses, or give "
            + (
                "the Swarm a larger pool (docker swarm init --default-addr-pool, which an existing Swarm cannot change)"
                if swarm
                else "the engine a larger one (default-address-pools in daemon.json)"
            ),
        )
        yield wanting, problem


def _draws_from_pool(network: Network, swarm: bool) -> bool:
    return (
        network.present
        and network.swarm == swarm
        and not network.config_only
        and not network.config_from
        and not any(subnet.network.version == 4 for subnet in network.subnets)
    )


def free_blocks(pool: AddressPool, taken: Iterable[IPNetwork]) -> int:
    """How many subnets of the pool's size are left, where an overlap with one taken costs the whole block."""
    if pool.size < pool.base.prefixlen:
        return 0
    width = 1 << (pool.base.max_prefixlen - pool.size)
    first, last = int(pool.base.network_address) // width, int(pool.base.broadcast_address) // width
    spans = sorted(
        (max(first, int(network.network_address) // width), min(last, int(network.broadcast_address) // width))
        for network in taken
        if network.version == pool.base.version
    )
    free, following = last - first + 1, first
    for begin, end in spans:
        begin = max(begin, following)  # noqa: PLW2901 - what an earlier one covers is counted
        if begin <= end:
            free -= end - begin + 1
            following = end + 1
    return free


# ---- the users of a subnet


def too_small_for_its_users(network: Network, actual: ActualNetwork, observed: Observed) -> Iterator[Problem]:
    """Nobody is attached again to a network that has no addresses for them all."""
    demand = observed.demands.get(actual.id, Demand())
    room = addresses_for_users(network.subnets)
    if room is not None and network.swarm and needed(demand, observed.nodes) > room:
        yield Problem(
            network.name,
            "subnets",
            f"they hold {room} addresses for those who use it, and {_in_words(demand, observed.nodes)} are needed",
            "declare a larger subnet, or several",
        )


def warnings(declaration: Declaration, observed: Observed) -> Iterator[tuple[str, str]]:
    """Name and text, for each declared overlay whose addresses are, or soon may be, too few."""
    for network in declaration.networks:
        if not network.present or network.driver != "overlay" or not observed.swarm.is_manager:
            continue
        actual = next(iter(observed.named(network.name)), None)
        subnets = network.subnets or (actual.subnets if actual else ())
        demand = observed.demands.get(actual.id, Demand()) if actual else Demand()
        room = addresses_for_users(subnets)
        text = "" if room is None else warning(room, demand, observed.nodes, _widest(subnets))
        if text:
            yield network.name, text


def warning(room: int, demand: Demand, nodes: int, prefix: int) -> str:
    """What is to be said of a network with `room` addresses for its users; `prefix` is its largest subnet's length."""
    need = needed(demand, nodes)
    remedy = (
        "declare a larger subnet, up to a /24"
        if prefix > 24
        else "divide its services among several networks, or save the virtual ones with endpoint_mode: dnsrr"
    )
    if need > room:
        return (
            f"it holds {room} addresses for services and containers, and {_in_words(demand, nodes)} are needed; "
            f"tasks without one wait in the state New or Preparing, with no error; {remedy}"
        )
    if need > room * _SAFE_PART:
        return (
            f"it is nearly full: of {room} addresses for services and containers {_in_words(demand, nodes)} are "
            f"needed, and an update takes more while old and new tasks are there; {remedy}"
        )
    if room < nodes + 2:
        return (
            f"it holds {room} addresses for services and containers, too few for one service on every node: each of "
            f"the {nodes} nodes takes one for itself, the service one and each task one; {remedy}"
        )
    if demand.behind_virtual + demand.virtual > _MOST_BEHIND_VIRTUAL:
        return (
            f"{demand.behind_virtual + demand.virtual} endpoints use virtual addresses on it, and Docker advises at "
            "most about 250 on one network; divide its services among several networks, or use endpoint_mode: dnsrr"
        )
    return ""


def needed(demand: Demand, nodes: int) -> int:
    """With one address for the load balancer of each node that has a task or a container there."""
    return demand.virtual + demand.tasks + demand.attached + _balancers(demand, nodes)


def addresses_for_users(subnets: Sequence[Subnet]) -> int | None:
    """Addresses that are left beside those of networks, broadcasts and gateways; None where nothing is known."""
    subnets = [subnet for subnet in subnets if isinstance(subnet.network, IPv4Network)]
    return sum(map(_usable, subnets)) if subnets else None


def _usable(subnet: Subnet) -> int:
    part = subnet.ip_range or subnet.network
    kept = {subnet.network.network_address, subnet.network.broadcast_address}
    # An engine without a declared gateway takes the first address that is free.
    kept.add(subnet.gateway or (part.network_address if part != subnet.network else subnet.network[1]))
    return part.num_addresses - sum(address in part for address in kept)


def _widest(subnets: Sequence[Subnet]) -> int:
    return min((subnet.network.prefixlen for subnet in subnets if subnet.network.version == 4), default=24)


def _balancers(demand: Demand, nodes: int) -> int:
    return min(nodes, demand.tasks + demand.attached)


def _in_words(demand: Demand, nodes: int) -> str:
    parts = [
        f"{number} for {what}"
        for number, what in (
            (demand.virtual, "virtual addresses"),
            (demand.tasks, "tasks"),
            (demand.attached, "attached containers"),
            (_balancers(demand, nodes), "the nodes' load balancers"),
        )
        if number
    ]
    return f"{needed(demand, nodes)} ({', '.join(parts)})"
