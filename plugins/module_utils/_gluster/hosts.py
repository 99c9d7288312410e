# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which host is which: one host of a pool may be called by short name, full name or any of its addresses."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
import time
from dataclasses import dataclass, field
from typing import Iterable, Iterator, Mapping, Union

from ansible_collections.berthage.swarm.plugins.module_utils._gluster.cli import Member

MANAGEMENT_PORT = 24007
CONNECT_LIMIT = 5.0

Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

_HOST_NAME = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?)*"
)


@dataclass(frozen=True)
class Names:
    """What the names of hosts stand for, as the host of this task resolves them.

    `addresses` has an entry for every name that was looked up, empty where it does not resolve; `local` are the names
    that mean this very host.
    """

    addresses: Mapping[str, frozenset[str]] = field(default_factory=dict)
    local: frozenset[str] = frozenset()


def is_host(text: str) -> bool:
    """Whether this is an address, or could be a host's name."""
    if is_address(text):
        return True
    # Four numbers with dots that are no address are a mistyped address, never a name.
    return bool(_HOST_NAME.fullmatch(text)) and not re.fullmatch(r"[0-9.]+", text)


def is_address(text: str) -> bool:
    # `ipaddress` takes any text behind a percent sign for a scope, which has a meaning on one host only.
    if "%" in text:
        return False
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether this name means *the host itself* on whichever host it is used, which makes it useless between hosts."""
    if host.lower() == "localhost" or host.lower().startswith("localhost."):
        return True
    return is_address(host) and ipaddress.ip_address(host).is_loopback


def member_of(host: str, members: Iterable[Member], names: Names) -> Member | None:
    """The member of the pool that goes by this name: by the names that the pool has for it, or by address."""
    members = tuple(members)
    for member in members:
        if not member.is_local and host.lower() in {name.lower() for name in member.hostnames}:
            return member
    if host in names.local:
        return next((member for member in members if member.is_local), None)
    addresses = between_hosts(names.addresses.get(host, frozenset()))
    for member in members:
        known: set[str] = set()
        for name in member.hostnames:
            known |= between_hosts(names.addresses.get(name, frozenset()))
        if not member.is_local and addresses & known:
            return member
    return None


def between_hosts(addresses: Iterable[str]) -> frozenset[str]:
    """The addresses that mean the same host wherever they are used."""
    return frozenset(address for address in addresses if not is_loopback(address))


def look_up(hosts: Iterable[str], members: Iterable[Member]) -> Names:
    """Resolve the declared names and, where that is needed to tell them apart, the names of the pool's members."""
    hosts = tuple(dict.fromkeys(hosts))
    members = tuple(members)
    addresses = {host: _resolve(host) for host in hosts}
    own = own_networks()
    local = frozenset(host for host in hosts if any(is_within(address, own) for address in addresses[host]))
    if any(member_of(host, members, Names(addresses, local)) is None for host in hosts):
        theirs = {name for member in members if not member.is_local for name in member.hostnames}
        addresses.update({name: _resolve(name) for name in theirs if name not in addresses})
    return Names(addresses, local)


def own_networks(proc: str = "/proc/net") -> frozenset[Network]:
    """Everything that the kernel takes for an address of this host, loopback networks among it.

    That an address can be bound says nothing: with `ip_nonlocal_bind` any can, which failover of addresses needs.
    """
    with open(f"{proc}/fib_trie", encoding="ascii") as file:
        networks = set(_local_in_trie(file.read()))
    with contextlib.suppress(FileNotFoundError), open(f"{proc}/if_inet6", encoding="ascii") as file:  # without IPv6
        networks |= {ipaddress.ip_network(bytes.fromhex(line.split()[0])) for line in file}
    return frozenset(networks)


def _local_in_trie(table: str) -> Iterator[Network]:
    """The networks of type LOCAL in all routing tables. Everything there is belongs to nobody: a proxy's way to see the
    traffic of others."""
    address = ""
    for words in map(str.split, table.splitlines()):
        if words[:1] == ["|--"]:
            address = words[1]
        elif words[-1:] == ["LOCAL"] and words[0] != "/0":
            yield ipaddress.ip_network(f"{address}{words[0]}")


def is_within(address: str, networks: Iterable[Network]) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])
    return any(found in network for network in networks)


def why_unreachable(host: str, addresses: Iterable[str], deadline: float) -> str:
    """Why no glusterd answers at a host, or an empty text when one does.

    A daemon that is about to start is waited for until `deadline` (of `time.monotonic`); a name that does not resolve
    is not.
    """
    addresses = sorted(addresses)
    if not addresses:
        return f"the name {host} does not resolve on this host"
    while True:
        reason = ""
        for address in addresses:
            reason = _why_no_connection(address)
            if not reason:
                return ""
        if time.monotonic() >= deadline:
            return reason
        time.sleep(1)


def _why_no_connection(address: str) -> str:
    try:
        socket.create_connection((address, MANAGEMENT_PORT), timeout=CONNECT_LIMIT).close()
    except ConnectionRefusedError:
        return f"glusterd is not running there (port {MANAGEMENT_PORT} of {address} is closed)"
    except socket.timeout:
        return (
            f"no answer from port {MANAGEMENT_PORT} of {address} within {CONNECT_LIMIT:g} s (host down, or a firewall)"
        )
    except OSError as error:
        return f"no connection to port {MANAGEMENT_PORT} of {address} ({error.strerror or error})"
    return ""


def _resolve(host: str) -> frozenset[str]:
    try:
        return frozenset(str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError):
        return frozenset()
