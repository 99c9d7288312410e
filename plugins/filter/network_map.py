# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of playbooks/map.yml: nodes, networks, services, containers and volumes, and who reaches whom."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, Sequence

from ansible_collections.berthage.swarm.plugins.module_utils._markup import Markup, element, joined
from ansible_collections.berthage.swarm.plugins.module_utils._networks.drawing import (
    LEGEND,
    colour,
    drawing,
    find,
    kind,
    short,
    state,
)
from ansible_collections.berthage.swarm.plugins.module_utils._networks.picture import Picture, picture
from ansible_collections.berthage.swarm.plugins.module_utils._networks.reachability import Party

DOCUMENTATION = r"""
name: network_map
short_description: What several engines told of their networks and volumes, as HTML
version_added: 0.1.0
author: "berthage contributors (@berthage)"
description:
  - Turns what M(berthage.swarm.network_info) and M(berthage.swarm.volume_info) returned on each host into the content
    of the page that the playbook C(berthage.swarm.map) writes.
  - All names and labels are escaped. It refers to nothing outside of itself.
options:
  _input:
    description:
      - One mapping for each host, with its name as C(host), the result of M(berthage.swarm.network_info) as
        C(networks), and that of M(berthage.swarm.volume_info) as C(volumes). Either may be missing.
    type: list
    elements: dict
    required: true
seealso:
  - plugin: berthage.swarm.network_report
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Put the map into a page of your own
  ansible.builtin.copy:
    content: "<!doctype html><title>Map</title>{{ [answer] | berthage.swarm.network_map }}"
    dest: map.html
    mode: "0600"
  vars:
    answer: {host: node1, networks: "{{ networks_of_node1 }}", volumes: "{{ volumes_of_node1 }}"}
"""

RETURN = r"""
_value:
  description: HTML to go into the body of a page.
  type: str
"""

_OURS = "berthage.swarm."
_NONE = "-"


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"network_map": network_map}


def network_map(answers: Sequence[Mapping[str, Any]]) -> str:
    seen = picture(answers)
    return str(
        joined(
            _summary(seen),
            _gaps(seen),
            _section("Who is on which network", "map", drawing(seen), LEGEND),
            _section("Who can reach whom", "matrix", _matrix(seen), _MATRIX_LEGEND),
            _section("Reached from outside", "outside", _outside(seen)),
            _section("Networks", "networks", _networks(seen)),
            _section("Services and containers", "parties", _parties(seen)),
            _section("Volumes", "volumes", _volumes(seen)),
            _section("Nodes", "nodes", _nodes(seen)),
        )
    )


def _summary(seen: Picture) -> Markup:
    services = [party for party in seen.parties if party.kind == "service"]
    counts = (
        ("nodes", len(seen.nodes), "node"),
        ("networks", len(seen.networks), "network"),
        ("parties", len(services), "service"),
        ("parties", len(seen.parties) - len(services), "container"),
        ("volumes", len({volume.name for volume in seen.volumes}), "volume"),
    )
    cards = [
        element("a", element("b", count), " ", noun if count == 1 else f"{noun}s", href=f"#{target}")
        for target, count, noun in counts
    ]
    return element("nav", cards, class_="counts")


def _gaps(seen: Picture) -> Markup | None:
    if not seen.gaps:
        return None
    return element(
        "div",
        element("strong", "Not everything is known."),
        element("ul", [element("li", gap) for gap in seen.gaps]),
        class_="gaps",
        role="note",
    )


def _section(title: str, key: str, *content: Any) -> Markup:
    return element("section", element("h2", title), content, id=key)


def _table(header: Sequence[Any], rows: Iterable[tuple[str, Sequence[Any]]], none: str) -> Markup:
    """`rows` are each what to find the row by, and its cells."""
    written = [element("tr", [element("td", cell) for cell in cells], data_find=find.lower()) for find, cells in rows]
    if not written:
        return element("p", none, class_="none")
    head = element("thead", element("tr", [element("th", cell, scope="col") for cell in header]))
    return element("div", element("table", head, element("tbody", written)), class_="wide")


# ---- the matrix


def _matrix(seen: Picture) -> Markup:
    if len(seen.parties) < 2:
        return element("p", "There are no two that could reach each other.", class_="none")
    head = element(
        "tr",
        element("td", element("small", "from ↓   to →"), class_="corner"),
        [
            element(
                "th", element("div", short(_label(party), 30)), scope="col", class_=_stopped(party), title=party.title
            )
            for party in seen.parties
        ],
    )
    rows = [
        element(
            "tr",
            element("th", short(_label(sender), 36), scope="row", class_=_stopped(sender), title=sender.title),
            [_cell(seen, sender, receiver) for receiver in seen.parties],
            data_find=find(seen, sender),
        )
        for sender in seen.parties
    ]
    return element(
        "div", element("table", element("thead", head), element("tbody", rows), class_="cells"), class_="wide"
    )


def _cell(seen: Picture, sender: Party, receiver: Party) -> Markup:
    if sender.title == receiver.title:
        return element("td", class_="self")
    by = seen.by_networks(sender, receiver)
    way = f"{sender.title} → {receiver.title}"
    if by:
        return element("td", "●", class_="can", title=f"{way}: by {', '.join(by)}")
    ports = seen.by_ports(sender, receiver)
    if ports:
        return element("td", "○", class_="port", title=f"{way}: only published {', '.join(map(str, ports))}")
    return element("td", "·", class_="cannot", title=f"{way}: cannot")


_MATRIX_LEGEND = element(
    "p",
    element("span", "●", class_="can key"),
    " can, on any port   ",
    element("span", "○", class_="port key"),
    " only what is published on the nodes   ",
    element("span", "·", class_="cannot key"),
    " cannot. This is told from memberships; nothing was sent. Of what does not run it holds once it runs.",
    class_="legend",
)


# ---- lists


def _outside(seen: Picture) -> Markup:
    rows = [
        (
            f"{port} {party.title}",
            (
                element("code", port),
                _label(party),
                "every node"
                if port.mode == "ingress"
                else ", ".join(party.nodes) + (f" at {port.address}" if port.address else ""),
                port.target,
            ),
        )
        for party, port in sorted(seen.outside(), key=lambda each: (each[1].published, each[0].title))
    ]
    on_host = [
        (party.title, ("any it opens", _label(party), ", ".join(party.nodes) or _NONE, "the host's own network"))
        for party in seen.parties
        if party.on_host
    ]
    return _table(("port", "answered by", "on", "port behind it"), [*rows, *on_host], "Nothing publishes a port.")


def _networks(seen: Picture) -> Markup:
    drawn = [network.id for network in seen.networks if network.members]
    rows = [
        (
            f"{network.title} {kind(network)} {' '.join(network.members)}",
            (
                joined(_dot(drawn.index(network.id)) if network.members else None, network.title),
                kind(network),
                ", ".join(str(subnet["subnet"]) for subnet in network.told["subnets"]) or _NONE,
                network.told["effective_mtu"],
                network.told["owner"] or _NONE,
                _labels(network.told["labels"]),
                len(network.members) or _NONE,
            ),
        )
        for network in seen.networks
    ]
    return _table(
        ("network", "kind", "subnets", "MTU", "owner", "labels", "users"), rows, "The hosts told of no networks."
    )


def _parties(seen: Picture) -> Markup:
    drawn = {network.id: index for index, network in enumerate(net for net in seen.networks if net.members)}
    rows = [
        (
            find(seen, party),
            (
                element("span", _label(party), class_=_stopped(party)),
                "service" if party.kind == "service" else "container",
                element("span", state(party), class_="keep"),
                _places(party),
                _chips(seen, party, drawn),
                ", ".join(map(str, party.ports)) or _NONE,
            ),
        )
        for party in seen.parties
    ]
    return _table(("name", "kind", "state", "nodes", "networks", "published"), rows, "The hosts told of nobody.")


def _volumes(seen: Picture) -> Markup:
    names = [volume.name for volume in seen.volumes]
    rows = [
        (
            f"{volume.name} {volume.backend} {volume.where} {' '.join(volume.users)} {' '.join(volume.nodes)}",
            (
                volume.name,
                volume.backend,
                joined(
                    element("code", volume.where) if volume.where else _NONE,
                    element("em", " not the same on all nodes", class_="differs")
                    if names.count(volume.name) > 1
                    else None,
                )
                if volume.backend != "local"
                else "on each node by itself",
                ", ".join(volume.nodes),
                volume.owner or _NONE,
                ", ".join(volume.users) or _NONE,
            ),
        )
        for volume in seen.volumes
    ]
    return _table(("volume", "backend", "where", "nodes", "owner", "used by"), rows, "The hosts told of no volumes.")


def _nodes(seen: Picture) -> Markup:
    rows = []
    for node in seen.nodes:
        here = [party for party in seen.parties if node.name in party.nodes and party.running]
        services = [_times(party.name, party.nodes[node.name]) for party in here if party.kind == "service"]
        containers = [party.name for party in here if party.kind != "service"]
        rows.append(
            (
                f"{node.name} {node.host} {' '.join(services)} {' '.join(containers)}",
                (
                    node.name,
                    node.role or "not asked",
                    node.address or _NONE,
                    node.engine or _NONE,
                    ", ".join(services) or _NONE,
                    ", ".join(containers) or _NONE,
                ),
            )
        )
    return _table(("node", "role", "address", "engine", "services", "containers"), rows, "No host answered.")


# ---- words


def _label(party: Party) -> str:
    return party.name if party.kind == "service" else f"{party.name} ({', '.join(party.nodes)})"


def _stopped(party: Party) -> str | None:
    return None if party.running else "stopped"


def _places(party: Party) -> str:
    return ", ".join(_times(name, count) for name, count in party.nodes.items()) or _NONE


def _times(name: str, count: int) -> str:
    return f"{name} x{count}" if count > 1 else name


def _chips(seen: Picture, party: Party, drawn: Mapping[str, int]) -> Any:
    on = sorted((seen.media[key].name, key) for key in party.networks if key in seen.media)
    chips: list[Any] = [
        element("span", _dot(drawn[key]) if key in drawn else None, name, class_="chip") for name, key in on
    ]
    if party.on_host:
        chips.append(element("span", "host", class_="chip"))
    return chips or _NONE


def _labels(labels: Mapping[str, str]) -> Any:
    own = [f"{name}={value}" if value else name for name, value in labels.items() if not name.startswith(_OURS)]
    return [joined(element("code", short(text, 60)), " ") for text in own] or _NONE


def _dot(index: int) -> Markup:
    return element("i", class_=f"dot {colour(index)}")
