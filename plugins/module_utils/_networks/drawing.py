# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is on which network and on which node, as a drawing: a row for each party, a line for each network."""

from __future__ import annotations

from typing import Mapping, Sequence

from ansible_collections.berthage.swarm.plugins.module_utils._markup import Markup, element, joined
from ansible_collections.berthage.swarm.plugins.module_utils._networks.picture import Net, Picture
from ansible_collections.berthage.swarm.plugins.module_utils._networks.reachability import Party

_COLOURS = 12  # as many as the page's style has
_ROW, _PITCH, _LABEL, _NODE = 24, 30, 250, 34
# The headings lean. Each of their letters, which are bold, takes six points of height.
_LETTERS, _RISE, _FOOT = 26, 6, 24


def drawing(seen: Picture) -> Markup:
    networks = [network for network in seen.networks if network.members]
    if not seen.parties:
        return element("p", "Nobody is on any network.", class_="none")
    columns = {network.id: _LABEL + 30 + index * _PITCH for index, network in enumerate(networks)}
    first_node = _LABEL + 30 + len(networks) * _PITCH + 30
    nodes = {node.name: first_node + index * _NODE for index, node in enumerate(seen.nodes)}
    top = _FOOT + _RISE * max(len(short(name, _LETTERS)) for name in (*(net.title for net in networks), *nodes, ""))
    rows, groups, height = _rows(seen.parties, top)
    first_volume = first_node + len(nodes) * _NODE
    # The labels lean to the right, beyond the last line.
    width = first_volume + max([100, *(len(seen.volumes_of(party)) * 7 for party in seen.parties)])
    return element(
        "div",
        element(
            "svg",
            [_node_column(name, x, top, height) for name, x in nodes.items()],
            [_line(network, columns[network.id], index, top, rows) for index, network in enumerate(networks)],
            [element("text", title, x=0, y=y, class_="group") for title, y in groups],
            [_party_row(seen, party, rows[party.title], columns, nodes, first_volume) for party in seen.parties],
            [_network_label(network, columns[network.id], index, top) for index, network in enumerate(networks)],
            viewBox=f"0 0 {width} {height + 10}",
            width=width,
            height=height + 10,
            role="img",
            aria_label="Services and containers, the networks they are on, and the nodes where they run",
        ),
        class_="wide",
    )


def _rows(parties: Sequence[Party], top: int) -> tuple[dict[str, int], list[tuple[str, int]], int]:
    """Where each party's row is, where the headings are, and where it all ends."""
    rows: dict[str, int] = {}
    groups: list[tuple[str, int]] = []
    y, group = top, ""
    for party in parties:
        heading = "Services" if party.kind == "service" else f"Containers on {', '.join(party.nodes)}"
        if heading != group:
            y += _ROW if groups else 0
            groups.append((heading, y))
            group = heading
            y += _ROW
        rows[party.title] = y
        y += _ROW
    return rows, groups, y


def _line(network: Net, x: int, index: int, top: int, rows: Mapping[str, int]) -> Markup:
    last = max(rows[member] for member in network.members)
    how = "apart" if network.closed else "inner" if network.told["fields"]["internal"] else ""
    return element("line", x1=x, x2=x, y1=top - 14, y2=last - 4, class_=f"line {colour(index)} {how}".rstrip())


def _network_label(network: Net, x: int, index: int, top: int) -> Markup:
    return element(
        "text",
        short(network.title, _LETTERS),
        element("title", f"{network.title}: {kind(network)}"),
        transform=f"translate({x + 3} {top - 20}) rotate(-50)",
        class_=f"head {colour(index)}",
    )


def _node_column(name: str, x: int, top: int, height: int) -> Markup:
    return joined(
        element("line", x1=x, x2=x, y1=top - 14, y2=height - 12, class_="node"),
        element(
            "text",
            short(name, _LETTERS),
            element("title", f"node {name}"),
            transform=f"translate({x + 3} {top - 20}) rotate(-50)",
            class_="head",
        ),
    )


def _party_row(  # noqa: PLR0913, PLR0917 - what is drawn, and where
    seen: Picture, party: Party, y: int, columns: Mapping[str, int], nodes: Mapping[str, int], after_nodes: int
) -> Markup:
    order = list(columns)
    on = [key for key in order if key in party.networks]
    middle = y - 4
    marks = [
        element(
            "circle",
            element("title", f"{party.title}: {seen.media[key].name}"),
            cx=columns[key],
            cy=middle,
            r=6,
            class_=colour(order.index(key)),
        )
        for key in on
    ]
    bridge = (
        element("line", x1=columns[on[0]], x2=columns[on[-1]], y1=middle, y2=middle, class_="bridge")
        if len(on) > 1
        else None
    )
    boxes = [
        joined(
            element("rect", x=nodes[name] - 9, y=middle - 9, width=18, height=18, rx=4, class_="box"),
            element("text", count, x=nodes[name], y=middle + 4, class_="count"),
        )
        for name, count in party.nodes.items()
        if party.running
    ]
    label = element("text", short(party.name, 32), element("title", f"{party.title}: {state(party)}"), x=12, y=y)
    badge = _badge(party)
    note = element("text", badge, x=_LABEL + 4, y=y, class_="badge") if badge else None
    return element(
        "g",
        element(
            "rect",
            x=0,
            y=y - 16,
            width=max([_LABEL, *columns.values(), *nodes.values()]) + 14,
            height=_ROW,
            class_="row",
        ),
        label,
        note,
        bridge,
        marks,
        boxes,
        element("text", seen.volumes_of(party), x=after_nodes, y=y, class_="badge"),
        class_=None if party.running else "stopped",
        data_find=find(seen, party),
    )


def _badge(party: Party) -> str:
    return "host" if party.on_host else ""


LEGEND = element(
    "p",
    "Each line is a network: dashed where it is internal, dotted where those on it are kept apart. A dot is somebody "
    "on it. To the right is what runs on each node, counted, and which volumes it uses. What does not run is in "
    "italics.",
    class_="legend",
)


# ---- words, of the lists as well


def find(seen: Picture, party: Party) -> str:
    """By what the page's search finds it."""
    return " ".join((party.title, *seen.names_of(party), *party.nodes, state(party))).lower()


def state(party: Party) -> str:
    shared = ", in the network of another container" if party.inside else ""
    return f"{party.state}{shared}"


def kind(network: Net) -> str:
    told, fields = network.told, network.told["fields"]
    words = [told["driver"] or "configuration"]
    words += [name for name in ("encrypted", "internal", "attachable", "ingress", "ipv6") if fields[name]]
    words += ["configuration only"] if fields["config_only"] else []
    words += ["members kept apart"] if network.closed and not fields["ingress"] else []
    return ", ".join(words)


def colour(index: int) -> str:
    return f"n{index % _COLOURS}"


def short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
