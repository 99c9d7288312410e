# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nftables: what its ruleset (`nft -j list ruleset`) closes, and the text that opens it.

A table of our own could not open anything: a packet has to be accepted by every chain of the hook. So each chain that
closes (by its policy, or by a rule that drops everything) gets a jump to a chain of ours, right before it closes;
whatever its owner drops before that stays dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterable, Iterator, Mapping, Sequence

from ansible_collections.berthage.swarm.plugins.module_utils._nfs import clients
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.firewall import Opening, mark

_FAMILIES = ("inet", "ip", "ip6")
_FIELDS = {"ip": "saddr", "ip6": "saddr"}


@dataclass(frozen=True)
class Chain:
    """A chain of the input hook that closes. `at` is the number of its rules (ours not counted) before it does, and
    `closing` the handle of the rule that does, None where it is the policy."""

    family: str
    table: str
    name: str
    at: int
    closing: int | None

    @property
    def where(self) -> str:
        return f"{self.family} {self.table}"

    def takes(self, opening: Opening) -> bool:
        return self.family == "inet" or (self.family == "ip6") == opening.is_ipv6


@dataclass(frozen=True)
class Own:
    """What is ours in one table. `jumps` are (chain, handle, well placed); openings None where others changed it."""

    family: str
    table: str
    openings: frozenset[Opening] | None
    jumps: tuple[tuple[str, int, bool], ...]


@dataclass(frozen=True)
class Ruleset:
    closed: tuple[Chain, ...]
    own: tuple[Own, ...]

    def own_in(self, chain: Chain) -> Own | None:
        return next((own for own in self.own if (own.family, own.table) == (chain.family, chain.table)), None)


def read(listed: Mapping[str, Any], name: str) -> Ruleset:
    """The parts of `nft -j list ruleset` that matter. Tables that iptables manages are none of our business."""
    objects: Sequence[Mapping[str, Any]] = listed.get("nftables", [])
    rules = [item["rule"] for item in objects if "rule" in item]
    all_chains = [item["chain"] for item in objects if "chain" in item and item["chain"]["family"] in _FAMILIES]
    by_chain: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for rule in rules:
        by_chain.setdefault((rule["family"], rule["table"], rule["chain"]), []).append(rule)
    closed = tuple(
        closing
        for chain in all_chains
        if chain.get("hook") == "input" and chain.get("type") == "filter" and chain["name"] != "INPUT"
        for closing in _closing(chain, by_chain, name)
    )
    return Ruleset(closed, tuple(_own(all_chains, by_chain, closed, name)))


def full_and_partly(ruleset: Ruleset, openings: Iterable[Opening]) -> tuple[set[Opening], set[Opening]]:
    """(those of ours that are open in every chain that closes, those that are open in some of them only)."""
    full: set[Opening] = set()
    partly: set[Opening] = set()
    everything = {opening for own in ruleset.own for opening in own.openings or ()} | set(openings)
    for opening in everything:
        holders = [own for own in ruleset.own if opening in (own.openings or ())]
        needed = [chain for chain in ruleset.closed if chain.takes(opening)]
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
        taken = frozenset(opening for opening in openings if chain.takes(opening))
        if not taken:
            if own is not None:
                return False
        elif own is None or own.openings != taken or not _is_led_to(own, chain):
            return False
    tables = {(chain.family, chain.table) for chain in ruleset.closed}
    return all((own.family, own.table) in tables for own in ruleset.own)


def change(ruleset: Ruleset, openings: Sequence[Opening], name: str) -> str:
    """One transaction for `nft -f -` that makes the running ruleset so."""
    lines: list[str] = []
    for own in ruleset.own:
        lines += [
            f"delete rule {own.family} {own.table} {chain} handle {handle}" for chain, handle, _is_placed in own.jumps
        ]
        lines += [f"flush chain {own.family} {own.table} {chain_of(name)}"]
        lines += [f"delete chain {own.family} {own.table} {chain_of(name)}"]
    for chain in _to_open(ruleset, openings):
        lines += _own_chain(chain, openings, name)
    # A table may have several closed chains, and one chain of ours.
    for chain in _to_open(ruleset, openings):
        place = (
            f"insert rule {chain.where} {chain.name} position {chain.closing}"
            if chain.closing is not None
            else f"add rule {chain.where} {chain.name}"
        )
        lines.append(f"{place} {_jump(name)}")
    return "\n".join([*lines, ""])


def persistent(ruleset: Ruleset, openings: Sequence[Opening], name: str) -> str:
    """The text to be loaded right after the host's own ruleset; empty where there is nothing to open."""
    lines: list[str] = []
    for chain in _to_open(ruleset, openings):
        lines += _own_chain(chain, openings, name)
    for chain in _to_open(ruleset, openings):
        place = (
            f"insert rule {chain.where} {chain.name} index {chain.at}"
            if chain.closing is not None
            else f"add rule {chain.where} {chain.name}"
        )
        lines.append(f"{place} {_jump(name)}")
    if not lines:
        return ""
    head = (
        f"# Managed by Ansible, module berthage.swarm.nfs_firewall (name: {name}). Changes by hand are overwritten.\n"
        "# Loaded after the host's own ruleset, into its chains.\n"
    )
    return head + "\n".join([*lines, ""])


def by_hand(ruleset: Ruleset, openings: Sequence[Opening]) -> str:
    """The rules that somebody would have to add, in one line each."""
    return "; ".join(
        f"{chain.where} {chain.name} {_match(opening)} accept"
        for chain in ruleset.closed
        for opening in openings
        if chain.takes(opening)
    )


def chain_of(name: str) -> str:
    return f"berthage_nfs_{name}"


def _closing(
    chain: Mapping[str, Any], by_chain: Mapping[tuple[str, str, str], list[Mapping[str, Any]]], name: str
) -> Iterator[Chain]:
    rules = by_chain.get((chain["family"], chain["table"], chain["name"]), [])
    theirs = [rule for rule in rules if not _is_jump(rule, name)]
    for number, rule in enumerate(theirs):
        if _closes(rule, by_chain):
            yield Chain(chain["family"], chain["table"], chain["name"], number, rule["handle"])
            return
    if chain.get("policy") == "drop":
        yield Chain(chain["family"], chain["table"], chain["name"], len(theirs), None)


def _closes(
    rule: Mapping[str, Any], by_chain: Mapping[tuple[str, str, str], list[Mapping[str, Any]]], depth: int = 0
) -> bool:
    """Whether every packet that comes this far is dropped here."""
    effects = [item for item in rule.get("expr", []) if not ({"counter", "log"} & set(item))]
    if len(effects) != 1 or depth > 16:
        return False
    (effect,) = effects
    if "drop" in effect or "reject" in effect:
        return True
    target = (effect.get("jump") or effect.get("goto") or {}).get("target")
    inner = by_chain.get((rule["family"], rule["table"], target), []) if target else []
    return any(_closes(one, by_chain, depth + 1) for one in inner)


def _own(
    all_chains: Sequence[Mapping[str, Any]],
    by_chain: Mapping[tuple[str, str, str], list[Mapping[str, Any]]],
    closed: Sequence[Chain],
    name: str,
) -> Iterator[Own]:
    for chain in all_chains:
        if chain["name"] != chain_of(name):
            continue
        family, table = chain["family"], chain["table"]
        read_ones = [_opening(rule) for rule in by_chain.get((family, table, chain["name"]), [])]
        understood = frozenset(opening for opening in read_ones if opening is not None)
        jumps = tuple(
            (other, rule["handle"], _is_before_closing(rule, rules, other, (family, table), closed))
            for (of_family, of_table, other), rules in by_chain.items()
            if (of_family, of_table) == (family, table)
            for rule in rules
            if _is_jump(rule, name)
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


def _is_jump(rule: Mapping[str, Any], name: str) -> bool:
    return any(item.get("jump", {}).get("target") == chain_of(name) for item in rule.get("expr", []))


def _is_led_to(own: Own | None, chain: Chain) -> bool:
    return own is not None and any(name == chain.name and placed for name, _handle, placed in own.jumps)


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


def _to_open(ruleset: Ruleset, openings: Sequence[Opening]) -> list[Chain]:
    return [chain for chain in ruleset.closed if any(chain.takes(opening) for opening in openings)]


def _own_chain(chain: Chain, openings: Sequence[Opening], name: str) -> list[str]:
    return [
        f"add chain {chain.where} {chain_of(name)}",
        f"flush chain {chain.where} {chain_of(name)}",
        *(
            f"add rule {chain.where} {chain_of(name)} {_match(opening)} accept"
            for opening in openings
            if chain.takes(opening)
        ),
    ]


def _match(opening: Opening) -> str:
    family = "ip6" if opening.is_ipv6 else "ip"
    return f"{family} saddr {opening.source} {opening.protocol} dport {opening.port}"


def _jump(name: str) -> str:
    return f'jump {chain_of(name)} comment "{mark(name)}"'
