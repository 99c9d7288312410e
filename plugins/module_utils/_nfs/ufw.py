# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ufw: rules with our comment, read from `ufw show added`."""

from __future__ import annotations

import re
import shlex

from ansible_collections.berthage.swarm.plugins.module_utils._nfs import clients
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.firewall import (
    IPV4_WORLD,
    IPV6_WORLD,
    Opening,
    mark,
)


def read(added: str, name: str) -> set[Opening]:
    """Our openings. A rule for anywhere is one for both IPv4 and IPv6."""
    openings: set[Opening] = set()
    for line in added.splitlines():
        try:
            words = shlex.split(line)
        except ValueError:
            # A comment of somebody else with a single quote in it; ours have none.
            continue
        if words[:2] != ["ufw", "allow"] or words[-2:] != ["comment", mark(name)]:
            continue
        openings.update(_openings(words[2:-2]))
    return openings


def arguments(opening: Opening, is_wanted: bool, name: str) -> list[str]:
    source = "any" if opening.source in (IPV4_WORLD, IPV6_WORLD) else opening.source
    rule = ["allow", "proto", opening.protocol, "from", source, "to", "any", "port", str(opening.port)]
    return [*rule, "comment", mark(name)] if is_wanted else ["delete", *rule]


def _openings(words: list[str]) -> list[Opening]:
    # Either `2049/tcp`, or `from SOURCE to any port 2049 proto tcp`.
    short = re.fullmatch(r"([0-9]+)/(tcp|udp)", words[0]) if len(words) == 1 else None
    if short:
        return [Opening(world, int(short.group(1)), short.group(2)) for world in (IPV4_WORLD, IPV6_WORLD)]
    named = dict(zip(words[::2], words[1::2]))
    if not named.get("port", "").isdigit() or "from" not in named or "proto" not in named:
        return []
    return [Opening(clients.canonical(named["from"]), int(named["port"]), named["proto"])]
