# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who can reach whom, told from who is on which network. Nothing is asked or sent here.

What counts, and where it comes from (moby, `daemon/libnetwork`; each was also tried with traffic):

* Two on one network reach each other, on whatever port.
* `ingress` is the exception. All that publish a port through the routing mesh are on it, and the engine lets each only
  answer there (`addRedirectRules` in `service_linux.go`). It is a way out, however, also beside an internal network.
* A bridge with `enable_icc=false` lets its containers reach the outside and not each other.
* A container with `network_mode: container:X` has no network of its own. It is where X is, and localhost to it.
* What runs in the network of the host reaches the bridges of its node, and through `docker_gwbridge` what is on an
  overlay there that is not internal. It is reached through the addresses of its node.
* What has a way out, that is a network that is not internal, reaches what others publish on the nodes' addresses.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Iterable, Mapping, Sequence

# What stands where otherwise the name of a network does.
HOST = "host"
LOCALHOST = "localhost"

_CLOSING_OPTION = "com.docker.network.bridge.enable_icc"
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})  # as Go's strconv.ParseBool reads it

# From the host's own network the packets of these two drivers do not come back to it.
_PAST_THE_HOST = frozenset({"macvlan", "ipvlan"})
_LOOPBACK = ("127.", "::1")


@dataclass(frozen=True)
class Medium:
    """A network as far as reaching goes. `closed` is whether those on it are kept from each other."""

    id: str
    name: str
    driver: str = ""
    internal: bool = False
    closed: bool = False


@dataclass(frozen=True)
class Port:
    """`mode` is `ingress` where every node answers, `host` where only the node of the task or container does."""

    published: int
    target: int
    protocol: str = "tcp"
    mode: str = "host"
    address: str = ""

    @property
    def from_outside(self) -> bool:
        return not self.address.startswith(_LOOPBACK)

    def __str__(self) -> str:
        return f"{self.published}/{self.protocol}"

    def as_dict(self) -> dict[str, object]:
        return {
            "published": self.published,
            "target": self.target,
            "protocol": self.protocol,
            "mode": self.mode,
            "address": self.address,
        }


@dataclass(frozen=True)
class Party:
    """Who sends and answers: a service, a container of no service, or an attached container of another node.

    `networks` are ids. `on_host` is whether it uses the network of its node, `inside` the id of the container whose
    network it uses. `nodes` are the nodes where it is, of a service with the number of its tasks there.
    """

    kind: str
    name: str
    id: str
    state: str = ""
    running: bool = True
    networks: frozenset[str] = frozenset()
    on_host: bool = False
    inside: str = ""
    ports: tuple[Port, ...] = ()
    nodes: Mapping[str, int] = field(default_factory=dict)

    @property
    def title(self) -> str:
        if self.kind == "service":
            return f"service {self.name}"
        return f"container {self.name} on {', '.join(self.nodes) or 'an unknown node'}"


def closed(ingress: bool, driver_opts: Mapping[str, str]) -> bool:
    """Whether a network keeps those on it from each other."""
    return ingress or driver_opts.get(_CLOSING_OPTION, "") in _FALSE


def reachability(parties: Sequence[Party], media: Mapping[str, Medium]) -> dict[str, dict[str, tuple[str, ...]]]:
    """For each party's title those that it reaches once both run, each with the names of the networks by which it does.

    Ports that are published are not in it, see `through_ports`.
    """
    placed = in_place(parties)
    found: dict[str, dict[str, list[str]]] = {party.title: {} for party in placed}

    def add(one: Party, other: Party, by: str) -> None:
        if one.title != other.title and by not in found[one.title].setdefault(other.title, []):
            found[one.title][other.title].append(by)

    for group in _by_namespace(placed).values():
        for one in group:
            for other in group:
                add(one, other, LOCALHOST)
    for medium in sorted((media[key] for key in _used(placed) if key in media), key=lambda each: (each.name, each.id)):
        if medium.closed:
            continue
        members = [party for party in placed if medium.id in party.networks]
        for one in members:
            for other in members:
                add(one, other, medium.name)
    for host in (party for party in placed if party.on_host):
        for other in placed:
            if _host_reaches(host, other, media):
                add(host, other, HOST)
            if _reaches_host(other, host, media):
                add(other, host, HOST)
    return {title: {other: tuple(by) for other, by in reached.items()} for title, reached in found.items()}


def through_ports(sender: Party, receiver: Party, media: Mapping[str, Medium]) -> tuple[Port, ...]:
    """What the sender reaches of the receiver on the addresses of nodes. Both as `in_place` gives them."""
    return outside_ports(receiver) if has_way_out(sender, media) and sender.title != receiver.title else ()


def outside_ports(party: Party) -> tuple[Port, ...]:
    """What is reached from outside."""
    return tuple(port for port in party.ports if port.from_outside)


def has_way_out(party: Party, media: Mapping[str, Medium]) -> bool:
    """Whether it can send to what is beyond its networks: a party as `in_place` gives it."""
    return party.on_host or any(not media[key].internal for key in party.networks if key in media)


def in_place(parties: Iterable[Party]) -> list[Party]:
    """The parties, those without a network of their own with that of the container they share."""
    known = list(parties)
    by_id = {party.id: party for party in known}
    return [_placed(party, by_id) for party in known]


def _placed(party: Party, by_id: Mapping[str, Party]) -> Party:
    owner = _namespace_owner(party, by_id)
    if owner is party:
        return party
    return replace(party, networks=owner.networks, on_host=owner.on_host, inside=owner.id)


def _namespace_owner(party: Party, by_id: Mapping[str, Party]) -> Party:
    seen = set()
    while party.inside in by_id and party.id not in seen:
        seen.add(party.id)
        party = by_id[party.inside]
    return party


def _by_namespace(placed: Iterable[Party]) -> dict[str, list[Party]]:
    groups: dict[str, list[Party]] = {}
    for party in placed:
        if party.kind != "service":
            groups.setdefault(party.inside or party.id, []).append(party)
    return groups


def _used(parties: Iterable[Party]) -> set[str]:
    return {key for party in parties for key in party.networks}


def _share_a_node(one: Party, other: Party) -> bool:
    return bool(set(one.nodes) & set(other.nodes))


def _host_reaches(host: Party, other: Party, media: Mapping[str, Medium]) -> bool:
    if other.on_host:
        return True
    return _share_a_node(host, other) and any(
        medium.driver == "bridge" or (medium.driver == "overlay" and not medium.internal)
        for medium in _media_of(other, media)
    )


def _reaches_host(sender: Party, host: Party, media: Mapping[str, Medium]) -> bool:
    if sender.on_host:
        return True
    elsewhere = bool(set(host.nodes) - set(sender.nodes))
    return any(
        # A bridge is an interface of its host, which answers on it, internal or not.
        (medium.driver == "bridge" and _share_a_node(sender, host))
        or (not medium.internal and (medium.driver not in _PAST_THE_HOST or elsewhere))
        for medium in _media_of(sender, media)
    )


def _media_of(party: Party, media: Mapping[str, Medium]) -> list[Medium]:
    return [media[key] for key in party.networks if key in media]
