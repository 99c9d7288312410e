# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nftables: which chains close, and what puts our rules before that.

It works on the ruleset as it is, not on places that were noted: what others add or take away moves every place. So a
boot and a reload do the same as the module, with a copy of this file that ends with a call of `load`. Therefore nothing
is imported here but the standard library.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import dataclass
from typing import Any, Iterator, Mapping, Sequence

_PATH = "/usr/sbin:/sbin:/usr/bin:/bin"
_FAMILIES = ("inet", "ip", "ip6")
# Somebody else may change the ruleset between our look at it and our change.
_ATTEMPTS = 3


@dataclass(frozen=True)
class Chain:
    """A chain of the input hook that closes; `closing` is the handle of the rule that does, None where it is the
    policy."""

    family: str
    table: str
    name: str
    closing: int | None

    @property
    def where(self) -> str:
        return f"{self.family} {self.table}"

    def takes(self, match: str) -> bool:
        return self.family in ("inet", match.split(" ", 1)[0])


def load(name: str, matches: Sequence[str]) -> None:
    """Put our rules into the ruleset that is in force. Ends the program with the reason where that fails."""
    said = ""
    for attempt in range(_ATTEMPTS):
        time.sleep(attempt)
        listed = _nft("-j", "list", "ruleset")
        said = listed.stderr
        if listed.returncode == 0:
            done = _nft("-f", "-", stdin=change(json.loads(listed.stdout), name, matches))
            said = done.stderr
            if done.returncode == 0:
                return
    raise SystemExit(f"NFS IS SHUT to the clients of `{name}`: nft did not take the rules that let them in: {said}")


def change(listed: Mapping[str, Any], name: str, matches: Sequence[str]) -> str:
    """One transaction for `nft -f -` that makes ours as wanted, given `nft -j list ruleset`. A match is what nft calls
    so, and begins with `ip ` or `ip6 `."""
    chains, rules = chains_and_rules(listed)
    lines = [
        f"delete rule {' '.join(where)} handle {rule['handle']}"
        for where, of_chain in rules.items()
        for rule in of_chain
        if is_jump(rule, name)
    ]
    for known in chains:
        if known["name"] == chain_of(name):
            own = f"{known['family']} {known['table']} {known['name']}"
            lines += [f"flush chain {own}", f"delete chain {own}"]
    to_open = [chain for chain in closed(listed, name) if any(map(chain.takes, matches))]
    # A table may have several closed chains, and has one chain of ours.
    for chain in {chain.where: chain for chain in to_open}.values():
        lines.append(f"add chain {chain.where} {chain_of(name)}")
        lines += [f"add rule {chain.where} {chain_of(name)} {match} accept" for match in matches if chain.takes(match)]
    for chain in to_open:
        place = (
            f"insert rule {chain.where} {chain.name} position {chain.closing}"
            if chain.closing is not None
            else f"add rule {chain.where} {chain.name}"
        )
        lines.append(f'{place} jump {chain_of(name)} comment "berthage.swarm.nfs_firewall {name}"')
    return "\n".join([*lines, ""])


def closed(listed: Mapping[str, Any], name: str) -> tuple[Chain, ...]:
    """The chains of the input hook that drop what they do not know. Those of iptables are none of our business."""
    chains, rules = chains_and_rules(listed)
    return tuple(
        closing
        for chain in chains
        if chain.get("hook") == "input" and chain.get("type") == "filter" and chain["name"] != "INPUT"
        for closing in _closing(chain, rules, name)
    )


def chains_and_rules(
    listed: Mapping[str, Any],
) -> tuple[list[Mapping[str, Any]], dict[tuple[str, str, str], list[Mapping[str, Any]]]]:
    """The chains of the families that matter, and the rules of each chain by (family, table, name)."""
    objects: Sequence[Mapping[str, Any]] = listed.get("nftables", [])
    rules: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for item in objects:
        if "rule" in item:
            rule = item["rule"]
            rules.setdefault((rule["family"], rule["table"], rule["chain"]), []).append(rule)
    return [item["chain"] for item in objects if "chain" in item and item["chain"]["family"] in _FAMILIES], rules


def is_jump(rule: Mapping[str, Any], name: str) -> bool:
    return any(item.get("jump", {}).get("target") == chain_of(name) for item in rule.get("expr", []))


def chain_of(name: str) -> str:
    return f"berthage_nfs_{name}"


def _closing(
    chain: Mapping[str, Any], rules: Mapping[tuple[str, str, str], list[Mapping[str, Any]]], name: str
) -> Iterator[Chain]:
    for rule in rules.get((chain["family"], chain["table"], chain["name"]), []):
        if not is_jump(rule, name) and _closes(rule, rules):
            yield Chain(chain["family"], chain["table"], chain["name"], rule["handle"])
            return
    if chain.get("policy") == "drop":
        yield Chain(chain["family"], chain["table"], chain["name"], None)


def _closes(
    rule: Mapping[str, Any], rules: Mapping[tuple[str, str, str], list[Mapping[str, Any]]], depth: int = 0
) -> bool:
    """Whether every packet that comes this far is dropped here."""
    effects = [item for item in rule.get("expr", []) if not ({"counter", "log"} & set(item))]
    if len(effects) != 1 or depth > 16:
        return False
    (effect,) = effects
    if "drop" in effect or "reject" in effect:
        return True
    target = (effect.get("jump") or effect.get("goto") or {}).get("target")
    inner = rules.get((rule["family"], rule["table"], target), []) if target else []
    return any(_closes(one, rules, depth + 1) for one in inner)


def _nft(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["nft", *arguments],
        input=stdin,
        capture_output=True,
        check=False,
        text=True,
        env={**os.environ, "PATH": _PATH, "LC_ALL": "C"},
    )
