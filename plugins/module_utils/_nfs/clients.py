# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clients of an export: address, network, host name, wildcard, netgroup, or the world (exports(5))."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Callable, Iterable, Sequence, TypeVar, Union

Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
Item = TypeVar("Item")

WORLD = "*"

# In the order in which the kernel's server looks for a match, whatever the order in the file (exports(5)).
NAME, NETWORK, WILDCARD, NETGROUP, EVERYONE = range(5)

_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?"
_HOST_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?\Z")
_PATTERN = re.compile(r"[A-Za-z0-9_.?*-]*(\[[A-Za-z0-9_!^-]+\][A-Za-z0-9_.?*-]*)*\Z")
_NETGROUP = re.compile(r"@[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")


@dataclass(frozen=True)
class Wrong:
    what: str
    remedy: str


def canonical(host: str) -> str:
    """One spelling for one client: networks with a prefix length, a single address without, names in lower case."""
    network = network_of(host)
    if network is not None:
        return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)
    if host in ("", WORLD):
        return WORLD
    return host if host.startswith("@") else host.lower()


def kind(host: str) -> int:
    """Which of the five kinds of client it is."""
    if host in ("", WORLD):
        return EVERYONE
    if host.startswith("@"):
        return NETGROUP
    if network_of(host) is not None:
        return NETWORK
    return WILDCARD if any(character in host for character in "*?[") else NAME


def network_of(host: str) -> Network | None:
    """The network that an address, ADDRESS/LENGTH or ADDRESS/NETMASK means, or None.

    A host mask (0.0.0.255) is none of these: `ipaddress` would read it as one, exportfs takes it for a netmask. Nor is
    an address with a scope: `ipaddress` takes any text for that (from Python 3.9 on), blanks and braces as well, which
    would go on into the files of a server.
    """
    if "%" in host:
        return None
    address, slash, mask = host.partition("/")
    try:
        if slash and "." in mask:
            return ipaddress.IPv4Network((address, _prefix_length(mask)), strict=False)
        if slash and not re.fullmatch("[0-9]{1,3}", mask):
            return None
        return ipaddress.ip_network(host, strict=False)
    except ValueError:
        return None


def world(hosts: Iterable[str]) -> tuple[str, ...]:
    """Those of the canonical hosts that let everyone in, alone or, as two halves of the address space, together."""
    hosts = tuple(hosts)
    alone = tuple(host for host in hosts if _is_everyone(host))
    if alone:
        return alone
    networks = {host: network for host in hosts for network in [network_of(host)] if network is not None}
    for version in (4, 6):
        of_version = [network for network in networks.values() if network.version == version]
        if any(network.prefixlen == 0 for network in ipaddress.collapse_addresses(of_version)):  # type: ignore[type-var]
            return tuple(host for host, network in networks.items() if network.version == version)
    return ()


def in_order(items: Sequence[Item], host_of: Callable[[Item], str]) -> tuple[Item, ...]:
    """The items in the order in which a server matches them.

    Of one kind, the first match counts, so declared order is meaning where two of them can match the same client.
    Where none can, it is not, and the order is that of the names.
    """
    ordered: list[Item] = []
    for wanted in (NAME, NETWORK, WILDCARD, NETGROUP, EVERYONE):
        of_kind = [item for item in items if kind(host_of(item)) == wanted]
        if not _can_overlap(wanted, [host_of(item) for item in of_kind]):
            of_kind.sort(key=host_of)
        ordered += of_kind
    return tuple(ordered)


def problem(host: str) -> Wrong | None:
    """What is wrong with a client as it was declared, or None."""
    if host in ("", WORLD) or _NETGROUP.match(host):
        return None
    if host.startswith("gss/"):
        return Wrong("is the old form of a security flavor", "name the client, and give the flavor as `sec`")
    if "/" in host or ":" in host or _looks_like_an_address(host):
        return _address_problem(host)
    if any(character in host for character in "*?["):
        return (
            None
            if _PATTERN.match(host)
            else Wrong("is no valid pattern", "use host name characters, `*`, `?`, `[a-z]`")
        )
    if not _HOST_NAME.match(host) or len(host) > 253:
        return Wrong("is no address, network, host name, wildcard or @netgroup", "correct it, or quote it in YAML")
    return None


def _address_problem(host: str) -> Wrong | None:
    if "%" in host:
        return Wrong(
            "names a scope (what follows the `%`), which only the host itself knows, and no server takes",
            "give an address that is valid beyond one link, without a `%`",
        )
    network = network_of(host)
    if network is None:
        return Wrong(
            "is no valid address or network", "write an address, or a network as 10.0.0.0/24 or 10.0.0.0/255.255.255.0"
        )
    if "/" in host and str(network.network_address) != str(ipaddress.ip_address(host.partition("/")[0])):
        return Wrong(
            f"is an address inside of the network {network}, and would open the export to all of that",
            f"write {network}, or the address alone",
        )
    return None


def _is_everyone(host: str) -> bool:
    if host in ("", WORLD):
        return True
    network = network_of(host)
    if network is not None:
        return network.prefixlen == 0
    if host.startswith("@"):
        return False
    # A pattern in which no character is fixed, such as *.* or ?*
    return kind(host) == WILDCARD and not re.sub(r"\[[^]]*\]|[*?.]", "", host)


def _can_overlap(of_kind: int, hosts: Sequence[str]) -> bool:
    if of_kind in (WILDCARD, NETGROUP):
        # Who matches a pattern or belongs to a netgroup, only the resolver knows.
        return len(hosts) > 1
    networks = [network for host in hosts for network in [network_of(host)] if network is not None]
    return any(
        one.overlaps(other)
        for position, one in enumerate(networks)
        for other in networks[position + 1 :]
        if one.version == other.version
    )


def _looks_like_an_address(host: str) -> bool:
    return re.fullmatch(r"[0-9.]+|0[xX][0-9a-fA-F.xX]*", host) is not None


def _prefix_length(netmask: str) -> int:
    bits = format(int(ipaddress.IPv4Address(netmask)), "032b")
    if "01" in bits:
        raise ValueError(f"{netmask} is no contiguous netmask")
    return bits.count("1")
