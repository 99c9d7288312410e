# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Address pools: their meaning, and what is wrong with a declared one."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Iterable, Iterator, Mapping, Sequence, Union

from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem

Address = Union[IPv4Address, IPv6Address]
IPNetwork = Union[IPv4Network, IPv6Network]


@dataclass(frozen=True)
class Subnet:
    """One address pool of a network. What is `None` or empty is left to the engine."""

    network: IPNetwork
    gateway: Address | None = None
    ip_range: IPNetwork | None = None
    aux_addresses: tuple[tuple[str, Address], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For people and for diffs: only what is set."""
        shown: dict[str, Any] = {"subnet": str(self.network)}
        if self.gateway is not None:
            shown["gateway"] = str(self.gateway)
        if self.ip_range is not None:
            shown["ip_range"] = str(self.ip_range)
        if self.aux_addresses:
            shown["aux_addresses"] = {name: str(address) for name, address in self.aux_addresses}
        return shown


def gateway_field(network: IPNetwork) -> str:
    """The name under which a declared gateway is recorded: engines choose one for each subnet that has none."""
    return f"subnets.{network}.gateway"


def in_order(subnets: Iterable[Subnet]) -> tuple[Subnet, ...]:
    """The order of address pools means nothing; IPv4 first, then by address, is how they are kept and shown."""
    return tuple(sorted(subnets, key=lambda subnet: (subnet.network.version, int(subnet.network.network_address))))


def overlap(one: IPNetwork, other: IPNetwork) -> bool:
    """Whether two networks share an address; networks of two IP versions share none."""
    return (
        one.version == other.version
        and int(one.network_address) <= int(other.broadcast_address)
        and int(other.network_address) <= int(one.broadcast_address)
    )


def subnet_of(entry: Mapping[str, Any]) -> Subnet:
    aux = entry["aux_addresses"]
    return Subnet(
        network=ip_network(entry["subnet"], strict=False),
        gateway=ip_address(entry["gateway"]) if entry["gateway"] else None,
        ip_range=ip_network(entry["ip_range"], strict=False) if entry["ip_range"] else None,
        aux_addresses=tuple(sorted((str(name), ip_address(str(address))) for name, address in aux.items())),
    )


def read_subnets(item: Mapping[str, Any]) -> tuple[list[Subnet], list[Problem]]:
    subnets, problems = [], []
    for entry in item["subnets"]:
        try:
            subnets.append(subnet_of(entry))
        except ValueError as error:
            problems.append(
                Problem(item["name"], "subnets", f"{error}", "write addresses as 10.20.0.1, networks as 10.20.0.0/24")
            )
    return subnets, problems


def pool_problems(item: Mapping[str, Any], subnets: Sequence[Subnet]) -> Iterator[Problem]:
    name, driver = item["name"], "" if item["config_only"] else item["driver"]
    has_ipv6 = any(subnet.network.version == 6 for subnet in subnets)
    if driver == "overlay" and has_ipv6:
        yield Problem(name, "subnets", "the overlay driver ignores IPv6 address pools", "leave out the IPv6 subnets")
    elif has_ipv6 and not item["ipv6"]:
        yield Problem(name, "ipv6", "is false, while a subnet is IPv6", "set `ipv6: true`, or leave that subnet out")
    if driver == "bridge":
        for version in (4, 6):
            if sum(subnet.network.version == version for subnet in subnets) > 1:
                yield Problem(
                    name, "subnets", f"a bridge takes one IPv{version} subnet", "keep one of them, or make two networks"
                )
    for subnet in subnets:
        yield from _subnet_problems(name, subnet)
        if driver == "overlay" and subnet.aux_addresses:
            yield Problem(
                name,
                "subnets",
                "a Swarm drops aux_addresses without a word, and gives those addresses to containers",
                "keep containers off them with `ip_range` instead",
            )
    for index, subnet in enumerate(subnets):
        for other in subnets[index + 1 :]:
            if overlap(subnet.network, other.network):
                yield Problem(
                    name, "subnets", f"{subnet.network} and {other.network} overlap", "choose subnets that do not"
                )


def _subnet_problems(name: str, subnet: Subnet) -> Iterator[Problem]:
    network = subnet.network
    if network.is_loopback or network.is_multicast or network.is_unspecified or network.prefixlen == 0:
        yield Problem(
            name,
            "subnets",
            f"{network} holds no addresses for containers",
            "choose a private one, such as 10.20.0.0/24",
        )
        return
    if subnet.ip_range is not None and not _contains(network, subnet.ip_range):
        yield Problem(name, "subnets", f"the range {subnet.ip_range} is not within {network}", "choose a part of it")
    taken: dict[Address, str] = {}
    fixed = [("gateway", subnet.gateway)] if subnet.gateway is not None else []
    for what, address in [*fixed, *((f"aux_addresses.{key}", value) for key, value in subnet.aux_addresses)]:
        if address not in network:
            yield Problem(name, "subnets", f"{what} {address} is outside {network}", "choose an address in it")
        elif address in _unusable(network):
            yield Problem(
                name, "subnets", f"{what} {address} is the network or broadcast address of {network}", "choose another"
            )
        elif address in taken:
            yield Problem(name, "subnets", f"{what} and {taken[address]} are both {address}", "give each its own")
        else:
            taken[address] = what
    # The gateway and one container at least; the range, where there is one, is what containers draw from.
    usable = network.num_addresses - len(_unusable(network))
    wanted = 2 + len(subnet.aux_addresses)
    if usable < wanted:
        yield Problem(
            name,
            "subnets",
            f"{network} is too small ({usable} usable addresses for gateway, declared ones and a container: {wanted})",
            "choose a larger one",
        )


def overlaps_within_the_call(items: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    pools = [
        (item["name"], subnet.network)
        for item in items
        if item["state"] == "present" and not item["config_only"]
        for subnet in read_subnets(item)[0]
    ]
    for index, (name, network) in enumerate(pools):
        for other_name, other in pools[index + 1 :]:
            if name != other_name and overlap(network, other):
                yield Problem(
                    other_name,
                    "subnets",
                    f"{other} overlaps {network} of `{name}`",
                    "choose subnets that do not overlap",
                )


def _contains(outer: IPNetwork, inner: IPNetwork) -> bool:
    return inner.network_address in outer and inner.broadcast_address in outer


def _unusable(network: IPNetwork) -> tuple[Address, ...]:
    if network.version == 6 or network.prefixlen >= 31:
        return (network.network_address,)
    return (network.network_address, network.broadcast_address)
