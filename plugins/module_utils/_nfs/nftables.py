# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nftables: what its ruleset (`nft -j list ruleset`) closes, what of ours is in it, and what opens it.

A table of our own could not open anything: a packet has to be accepted by every chain of the hook. So each chain that
closes (by its policy, or by a rule that drops everything) gets a jump to a chain of ours, right before it closes;
whatever its owner drops before that stays dropped.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import Any, Iterable, Iterator, Mapping, Sequence

from ansible_collections.berthage.swarm.plugins.module_utils._nfs import clients, nft_load
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.firewall import Opening
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.nft_load import Chain, chain_of


@dataclass(frozen=True)
class Own:
    """What is ours in one table. `jumps` are (chain, well placed); openings None where others changed it."""

    family: str
    table: str
    openings: frozenset[Opening] | None
    jumps: tuple[tuple[str, bool], ...]


@dataclass(frozen=True)
class Ruleset:
    closed: tuple[Chain, ...]
    own: tuple[Own, ...]
    listed: Mapping[str, Any] = field(default_factory=dict)

    def own_in(self, chain: Chain) -> Own | None:
        return next((own for own in self.own if (own.family, own.table) == (chain.family, chain.table)), None)


def read(listed: Mapping[str, Any], name: str) -> Ruleset:
    """The parts of `nft -j list ruleset` that matter."""
    closed = nft_load.closed(listed, name)
    return Ruleset(closed, tuple(_own(listed, closed, name)), listed)


def full_and_partly(ruleset: Ruleset, openings: Iterable[Opening]) -> tuple[set[Opening], set[Opening]]:
    """(those of ours that are open in every chain that closes, those that are open in some of them only)."""
    full: set[Opening] = set()
    partly: set[Opening] = set()
    everything = {opening for own in ruleset.own for opening in own.openings or ()} | set(openings)
    for opening in everything:
        holders = [own for own in ruleset.own if opening in (own.openings or ())]
        needed = [chain for chain in ruleset.closed if chain.takes(_match(opening))]
        if not holders:
            # Nothing closes for it, so it is open.
            full.update(() if needed else (opening,))
            continue
        complete = len(holders) == len({chain.where for chain in needed}) and all(
            _is_led_to(ruleset.own_in(chain), chain) and opening in _openings_of(ruleset.own_in(chain))
            for chain in needed
        )
        (full if complete else partly).add(opening)
    return full, partly


def is_as_wanted(ruleset: Ruleset, openings: Sequence[Opening]) -> bool:
    for chain in ruleset.closed:
        own = ruleset.own_in(chain)
        taken = frozenset(opening for opening in openings if chain.takes(_match(opening)))
        if not taken:
            if own is not None:
                return False
        elif own is None or own.openings != taken or not _is_led_to(own, chain):
            return False
    tables = {(chain.family, chain.table) for chain in ruleset.closed}
    return all((own.family, own.table) in tables for own in ruleset.own)


def change(ruleset: Ruleset, openings: Sequence[Opening], name: str) -> str:
    """One transaction for `nft -f -` that makes the running ruleset so."""
    return nft_load.change(ruleset.listed, name, [_match(opening) for opening in openings])


def program(ruleset: Ruleset, openings: Sequence[Opening], name: str) -> str:
    """What is to run right after the host's own ruleset was loaded; empty where there is nothing to open."""
    matches = [_match(opening) for opening in openings]
    if not any(chain.takes(match) for chain in ruleset.closed for match in matches):
        return ""
    head = f"# Managed by Ansible, module berthage.swarm.nfs_firewall (name: {name}). Changes by hand are lost.\n"
    rules = "".join(f"        {match!r},\n" for match in matches)
    return f"{head}{inspect.getsource(nft_load)}\n\nload(\n    {name!r},\n    [\n{rules}    ],\n)\n"


def by_hand(ruleset: Ruleset, openings: Sequence[Opening]) -> str:
    """The rules that somebody would have to add, in one line each."""
    return "; ".join(
        f"{chain.where} {chain.name} {_match(opening)} accept"
        for chain in ruleset.closed
        for opening in openings
        if chain.takes(_match(opening))
    )


def _own(listed: Mapping[str, Any], closed: Sequence[Chain], name: str) -> Iterator[Own]:
    chains, rules = nft_load.chains_and_rules(listed)
    for chain in chains:
        if chain["name"] != chain_of(name):
            continue
        family, table = chain["family"], chain["table"]
        read_ones = [_opening(rule) for rule in rules.get((family, table, chain["name"]), [])]
        understood = frozenset(opening for opening in read_ones if opening is not None)
        jumps = tuple(
            (other, _is_before_closing(rule, of_other, other, (family, table), closed))
            for (of_family, of_table, other), of_other in rules.items()
            if (of_family, of_table) == (family, table)
            for rule in of_other
            if nft_load.is_jump(rule, name)
        )
        yield Own(family, table, None if None in read_ones else understood, jumps)


def _is_before_closing(
    rule: Mapping[str, Any],
    rules: Sequence[Mapping[str, Any]],
    chain: str,
    table: tuple[str, str],
    closed: Sequence[Chain],
) -> bool:
    for one in closed:
        if (one.family, one.table, one.name) == (*table, chain):
            handles = [item["handle"] for item in rules]
            return one.closing is None or handles.index(rule["handle"]) < handles.index(one.closing)
    return False


def _is_led_to(own: Own | None, chain: Chain) -> bool:
    return own is not None and any(name == chain.name and placed for name, placed in own.jumps)


def _openings_of(own: Own | None) -> frozenset[Opening]:
    return frozenset() if own is None or own.openings is None else own.openings


def _opening(rule: Mapping[str, Any]) -> Opening | None:
    source = protocol = ""
    port: Any = None
    accepts = False
    for item in rule.get("expr", []):
        payload = item.get("match", {}).get("left", {}).get("payload", {})
        right = item.get("match", {}).get("right")
        if payload.get("field") == "saddr":
            source = _network(right)
        elif payload.get("field") == "dport":
            protocol, port = payload["protocol"], right
        elif "accept" in item:
            accepts = True
        else:
            return None
    if not accepts or not source or not isinstance(port, int):
        return None
    return Opening(source, port, protocol)


def _network(right: Any) -> str:
    if isinstance(right, dict) and "prefix" in right:
        return clients.canonical(f"{right['prefix']['addr']}/{right['prefix']['len']}")
    return clients.canonical(right) if isinstance(right, str) else ""


def _match(opening: Opening) -> str:
    family = "ip6" if opening.is_ipv6 else "ip"
    return f"{family} saddr {opening.source} {opening.protocol} dport {opening.port}"
