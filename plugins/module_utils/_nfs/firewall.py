# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a firewall has to let through to an NFS server: declared, compared with what ours is there, planned."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Iterable, Iterator, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils import _plan
from ansible_collections.berthage.swarm.plugins.module_utils._nfs import clients
from ansible_collections.berthage.swarm.plugins.module_utils._plan import Step
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem, refuse_if_any

AUTO = "auto"
NFTABLES = "nftables"
FIREWALLD = "firewalld"
UFW = "ufw"

ARGUMENTS: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "default": "berthage"},
    "sources": {"type": "list", "elements": "str", "required": True},
    "ports": {"type": "list", "elements": "str", "default": ["2049/tcp"]},
    "firewall": {"type": "str", "choices": [AUTO, NFTABLES, FIREWALLD, UFW], "default": AUTO},
}

IPV4_WORLD = "0.0.0.0/0"
IPV6_WORLD = "::/0"

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\Z")
_PORT = re.compile(r"(?P<number>[1-9][0-9]{0,4})/(?P<protocol>tcp|udp)\Z")


@dataclass(frozen=True)
class Opening:
    """One port that is open to one source, an address or a network in canonical spelling."""

    source: str
    port: int
    protocol: str

    def __str__(self) -> str:
        return f"{self.source} to {self.port}/{self.protocol}"

    @property
    def is_ipv6(self) -> bool:
        return ":" in self.source


@dataclass(frozen=True)
class Wanted:
    name: str
    firewall: str
    openings: tuple[Opening, ...]


def wanted(arguments: Mapping[str, Any]) -> Wanted:
    """The declaration, checked as a whole.

    Raises:
        Refused: with all that is wrong.
    """
    refuse_if_any(_problems(arguments))
    networks = _without_overlap(
        canonical
        for source in arguments["sources"]
        for canonical in ([IPV4_WORLD, IPV6_WORLD] if source in ("", clients.WORLD) else [clients.canonical(source)])
    )
    ports = [_PORT.match(port) for port in dict.fromkeys(arguments["ports"])]
    openings = tuple(
        Opening(network, int(port.group("number")), port.group("protocol"))
        for network in networks
        for port in ports
        if port is not None
    )
    return Wanted(arguments["name"], arguments["firewall"], openings)


def mark(name: str) -> str:
    """What tells our rules from those of others, as a comment."""
    return f"berthage.swarm.nfs_firewall {name}"


def steps(declared: Iterable[Opening], there: Iterable[Opening], partly: Iterable[Opening] = ()) -> tuple[Step, ...]:
    """What is to be done for each opening. Those that are there `partly` (not after a restart, say) are completed."""
    present, incomplete = set(there), set(partly)
    wanted_ones = tuple(declared)
    return (
        *(_step(opening, present, incomplete) for opening in wanted_ones),
        *(
            Step(str(opening), _plan.REMOVE, before=_shown(opening))
            for opening in sorted((present | incomplete) - set(wanted_ones), key=str)
        ),
    )


def _step(opening: Opening, present: set[Opening], incomplete: set[Opening]) -> Step:
    if opening in incomplete:
        return Step(str(opening), _plan.UPDATE, after=_shown(opening), message="was not open everywhere, or for good")
    if opening in present:
        return Step(str(opening), _plan.KEEP, before=_shown(opening), after=_shown(opening))
    return Step(str(opening), _plan.CREATE, after=_shown(opening))


def _shown(opening: Opening) -> dict[str, Any]:
    return {"source": opening.source, "port": opening.port, "protocol": opening.protocol}


def _problems(arguments: Mapping[str, Any]) -> Iterator[Problem]:
    if not _NAME.match(arguments["name"]):
        yield Problem(
            repr(arguments["name"]), "name", "cannot be part of a rule's mark", "use letters, digits, `_`, `.` and `-`"
        )
    for source in arguments["sources"]:
        if source in ("", clients.WORLD) or (clients.network_of(source) and clients.problem(source) is None):
            continue
        wrong = clients.problem(source)
        if wrong is not None:
            yield Problem(repr(source), "sources", wrong.what, wrong.remedy)
            continue
        yield Problem(
            repr(source),
            "sources",
            f"is a {_KINDS[clients.kind(source)]}, and a firewall's rule knows addresses and networks only: names are "
            "looked up once and go stale",
            "give the networks of the clients (the role: nfs_server_firewall_sources), or leave the firewall to "
            "somebody else (nfs_server_firewall: none)",
        )
    for port in arguments["ports"]:
        found = _PORT.match(port)
        if found is None or int(found.group("number")) > 65535:
            yield Problem(repr(port), "ports", "is no port with its protocol", "write it as 2049/tcp")


_KINDS = {clients.NAME: "host name", clients.WILDCARD: "pattern of host names", clients.NETGROUP: "netgroup"}


def _without_overlap(sources: Iterable[str]) -> tuple[str, ...]:
    """The networks in order, without those that another one contains: firewalls refuse or merge them."""
    found = [(source, clients.network_of(source)) for source in dict.fromkeys(sources)]
    return tuple(
        source
        for source, network in found
        if not any(
            network is not None
            and other is not None
            and network != other
            and network.version == other.version
            and network.subnet_of(other)  # type: ignore[arg-type]
            for _source, other in found
        )
    )
