# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The summary of playbooks/map.yml: networks, and who reaches whom."""

from __future__ import annotations

from typing import Any, Iterator, Mapping, Sequence

from ansible_collections.berthage.swarm.plugins.module_utils._networks.picture import Picture, picture
from ansible_collections.berthage.swarm.plugins.module_utils._networks.reachability import Party
from ansible_collections.berthage.swarm.plugins.module_utils._report import table, text_of

DOCUMENTATION = r"""
name: network_report
short_description: The networks of several nodes and who reaches whom by them, as aligned lines
version_added: 0.1.0
author: "berthage contributors (@berthage)"
description:
  - Turns what M(berthage.swarm.network_info) returned on each host into a list of networks, and into the matrix of who
    can reach whom, by number.
options:
  _input:
    description:
      - One mapping for each host, with its name as C(host) and the result of M(berthage.swarm.network_info) as
        C(networks), which may be missing. C(volumes) may hold the result of M(berthage.swarm.volume_info).
    type: list
    elements: dict
    required: true
seealso:
  - plugin: berthage.swarm.network_map
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show who reaches whom
  ansible.builtin.debug:
    msg: "{{ [answer] | berthage.swarm.network_report }}"
  vars:
    answer: {host: node1, networks: "{{ networks_of_node1 }}"}
"""

RETURN = r"""
_value:
  description: The text, line by line.
  type: list
  elements: str
"""


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"network_report": network_report}


def network_report(answers: Sequence[Mapping[str, Any]]) -> list[str]:
    seen = picture(answers)
    return text_of(
        (
            ("NETWORKS", table(("network", "driver", "scope", "subnets", "users"), list(_network_rows(seen)))),
            ("WHO REACHES WHOM", list(_matrix(seen))),
            ("REACHED FROM OUTSIDE", [f"{port}: {party.title}" for party, port in seen.outside()]),
            ("NOT KNOWN", list(seen.gaps)),
        )
    )


def _network_rows(seen: Picture) -> Iterator[tuple[str, ...]]:
    for network in seen.networks:
        told = network.told
        subnets = ", ".join(subnet["subnet"] for subnet in told["subnets"]) or "-"
        yield (network.title, told["driver"], told["scope"], subnets, str(len(network.members)))


def _matrix(seen: Picture) -> Iterator[str]:
    """A row for each, numbered, and a column for each by its number: a full matrix is as wide as there are services."""
    if not seen.parties:
        return
    digits = len(str(len(seen.parties)))
    width = max(len(_name(party)) for party in seen.parties)
    numbers = range(1, len(seen.parties) + 1)
    yield f"{'':{digits + width + 2}}" + "".join(f" {number:{digits}}" for number in numbers)
    for number, sender in zip(numbers, seen.parties):
        marks = "".join(f" {_mark(seen, sender, receiver):>{digits}}" for receiver in seen.parties)
        yield f"{number:{digits}}  {_name(sender):{width}}{marks}"
    yield "+ can, on any port; o only published ports; . cannot"


def _name(party: Party) -> str:
    return party.title if party.running else f"{party.title} (not running)"


def _mark(seen: Picture, sender: Party, receiver: Party) -> str:
    if sender.title == receiver.title:
        return "-"
    if seen.by_networks(sender, receiver):
        return "+"
    return "o" if seen.by_ports(sender, receiver) else "."
