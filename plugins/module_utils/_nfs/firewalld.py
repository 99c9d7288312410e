# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""firewalld: rich rules, read from `firewall-cmd --list-all-zones`.

A rich rule has no comment. Ours are known by their priority, a number made from the name, which somebody else would
have to choose from 65536. It is above 0, so that ours come behind all rules without a priority, and what one of those
denies stays denied.

Zones of our own would take all the traffic of a client out of the zone that its owner put it into, and policies need a
reload, which drops what others have set for the moment.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import Iterable, Sequence

from ansible_collections.berthage.swarm.plugins.module_utils._nfs import clients
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.firewall import Opening

_HEADING = re.compile(r"(?P<zone>\S+)(?: \((?P<marks>[^)]*)\))?\Z")


@dataclass(frozen=True)
class Zone:
    """Those of our openings that a zone has now, and those that it has after a reload or a reboot."""

    name: str
    is_used: bool
    now: frozenset[Opening]
    later: frozenset[Opening]

    def is_complete(self, opening: Opening) -> bool:
        return opening in self.now and opening in self.later


@dataclass(frozen=True)
class Command:
    """`--add-rich-rule` or `--remove-rich-rule`, for one zone, now or for good."""

    zone: str
    adds: bool
    for_good: bool
    rule: str

    @property
    def arguments(self) -> list[str]:
        return [
            *(["--permanent"] if self.for_good else []),
            f"--zone={self.zone}",
            f"--{'add' if self.adds else 'remove'}-rich-rule={self.rule}",
        ]


def read(now: str, later: str, default_zone: str, name: str) -> tuple[Zone, ...]:
    """The zones, from what is in force and from the permanent configuration. Traffic arrives in the active ones and in
    the default one; one that accepts everything needs no opening."""
    running, permanent = _zones(now, name), _zones(later, name)
    return tuple(
        Zone(
            zone,
            ("active" in marks or zone == default_zone) and target != "ACCEPT",
            openings,
            permanent[zone][2] if zone in permanent else frozenset(),
        )
        for zone, (marks, target, openings) in running.items()
    )


def there(zones: Sequence[Zone]) -> tuple[set[Opening], set[Opening]]:
    """(openings in every zone in use, now and for good, and in no other; those that are there in part)."""
    everything = {opening for zone in zones for opening in zone.now | zone.later}
    full = {
        opening
        for opening in everything
        if all(zone.is_complete(opening) if zone.is_used else opening not in zone.now | zone.later for zone in zones)
    }
    return full, everything - full


def commands(zones: Iterable[Zone], opening: Opening, is_wanted: bool, name: str) -> list[Command]:
    """What makes an opening be there in full, or not at all."""
    needed: list[Command] = []
    for zone in zones:
        wanted_here = is_wanted and zone.is_used
        for for_good, has in ((True, zone.later), (False, zone.now)):
            if (opening in has) != wanted_here:
                needed.append(Command(zone.name, wanted_here, for_good, rule(opening, name)))
    return needed


def rule(opening: Opening, name: str) -> str:
    family = "ipv6" if opening.is_ipv6 else "ipv4"
    return (
        f'rule priority="{priority(name)}" family="{family}" source address="{opening.source}" '
        f'port port="{opening.port}" protocol="{opening.protocol}" accept'
    )


def priority(name: str) -> int:
    return 10000 + zlib.crc32(name.encode()) % 20000


def _zones(listed: str, name: str) -> dict[str, tuple[str, str, frozenset[Opening]]]:
    zones: dict[str, tuple[str, str, frozenset[Opening]]] = {}
    zone = ""
    for line in listed.splitlines():
        heading = _HEADING.match(line)
        if heading:
            zone = heading.group("zone")
            zones[zone] = (heading.group("marks") or "", "", frozenset())
            continue
        marks, target, openings = zones.get(zone, ("", "", frozenset()))
        words = line.strip()
        if words.startswith("target: "):
            zones[zone] = (marks, words[len("target: ") :], openings)
        elif words.startswith("rule "):
            opening = _opening(words, name)
            zones[zone] = (marks, target, openings | ({opening} if opening else set()))
    return zones


def _opening(words: str, name: str) -> Opening | None:
    found = dict(re.findall(r'([a-z]+)="([^"]*)"', words))
    if found.get("priority") != str(priority(name)) or not words.endswith(" accept") or "port" not in found:
        return None
    return Opening(clients.canonical(found.get("address", "")), int(found["port"]), found.get("protocol", ""))
