# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ufw: rules with our comment, read from its own record of them (user.rules and user6.rules).

ufw keeps one rule for each source, port and protocol, and a new one takes the place of another that differs in its
action or comment only. So the comment has the name of everyone of ours who wants the rule, the last one deletes it, and
a rule of somebody else is never written over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Iterable, Iterator, Sequence

from ansible_collections.berthage.swarm.plugins.module_utils._nfs import clients
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.firewall import (
    IPV4_WORLD,
    IPV6_WORLD,
    Opening,
    mark,
)
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem

_ALLOW = "allow"
# Rules for one port, to any address of this host, on any interface. All others are never the same as one of ours.
_RECORD = re.compile(
    r"### tuple ### (?P<action>[a-z_-]+) (?P<protocol>tcp|udp) (?P<port>[0-9]+) (0\.0\.0\.0/0|::/0) any (?P<source>\S+)"
    r"( in)?( comment=(?P<comment>[0-9a-fA-F]*))?\s*\Z"
)


@dataclass(frozen=True)
class Rule:
    """A rule for what could be an opening. `names` are those of ours who want it; nobody where it is not ours."""

    opening: Opening
    action: str
    names: frozenset[str]


def read(user_rules: str, user6_rules: str) -> tuple[Rule, ...]:
    found = (_RECORD.match(line) for line in [*user_rules.splitlines(), *user6_rules.splitlines()])
    return tuple(
        Rule(
            Opening(clients.canonical(record.group("source")), int(record.group("port")), record.group("protocol")),
            record.group("action"),
            _names(record.group("comment") or "") if record.group("action") == _ALLOW else frozenset(),
        )
        for record in found
        if record is not None
    )


def has_ipv6(defaults: str) -> bool:
    """Whether ufw handles IPv6, from /etc/default/ufw. Where it does not, it lets none in."""
    return re.search(r"^\s*IPV6=[\"']?yes[\"']?\s*$", defaults, re.MULTILINE | re.IGNORECASE) is not None


def ours(rules: Iterable[Rule], name: str) -> set[Opening]:
    return {rule.opening for rule in rules if name in rule.names}


def opened_by_others(rules: Iterable[Rule]) -> set[Opening]:
    """What somebody else lets in, logged or not. It is open, and stays so when we want it no more."""
    return {rule.opening for rule in rules if not rule.names and rule.action.startswith(_ALLOW)}


def problems(rules: Iterable[Rule], openings: Sequence[Opening], with_ipv6: bool) -> Iterator[Problem]:
    actions = {rule.opening: rule.action.replace("_", " ") for rule in rules if not rule.action.startswith(_ALLOW)}
    for opening in openings:
        if opening in actions:
            of_theirs = f"{actions[opening]} {' '.join(_tuple(opening))}"
            yield Problem(
                str(opening),
                "sources",
                f"somebody has told ufw to {actions[opening]} just that, and a rule of ours would take the place of "
                "theirs, since ufw keeps one for each source, port and protocol",
                f"take it away if the clients are to be let in (ufw delete {of_theirs}), or leave them out",
            )
        elif opening.is_ipv6 and not with_ipv6 and opening not in idle_without_ipv6(openings):
            yield Problem(
                str(opening),
                "sources",
                "ufw does not handle IPv6 on this host, and lets none in",
                "set IPV6=yes in /etc/default/ufw and reload ufw, or leave the IPv6 sources out",
            )


def idle_without_ipv6(openings: Sequence[Opening]) -> frozenset[Opening]:
    """The half of an opening to everyone that has no meaning where there is no IPv6."""
    return frozenset(
        opening
        for opening in openings
        if opening.source == IPV6_WORLD and Opening(IPV4_WORLD, opening.port, opening.protocol) in openings
    )


def arguments(rules: Iterable[Rule], opening: Opening, is_wanted: bool, name: str) -> list[str]:
    others = {one for rule in rules if rule.opening == opening for one in rule.names} - {name}
    names = sorted(others | ({name} if is_wanted else set()))
    rule = [_ALLOW, *_tuple(opening)]
    return [*rule, "comment", mark(" ".join(names))] if names else ["delete", *rule]


def _tuple(opening: Opening) -> list[str]:
    # `from any` would be both worlds.
    return ["proto", opening.protocol, "from", opening.source, "to", "any", "port", str(opening.port)]


def _names(comment: str) -> frozenset[str]:
    try:
        text = bytes.fromhex(comment).decode(errors="replace")
    except ValueError:
        return frozenset()
    start = mark("")
    return frozenset(text[len(start) :].split()) if text.startswith(start) else frozenset()
