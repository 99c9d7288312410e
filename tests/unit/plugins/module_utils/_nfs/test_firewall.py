# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Firewalls: what is wanted, what is read of them, and what is to be done."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._nfs import firewall, firewalld, nftables, ufw
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.firewall import Opening
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Refused

HOST = Opening("10.0.0.7", 2049, "tcp")
NETWORK = Opening("10.1.0.0/16", 2049, "tcp")
IPV6 = Opening("fd00::/64", 2049, "tcp")


def wanted(sources: list[str], ports: list[str] | None = None, name: str = "berthage") -> firewall.Wanted:
    return firewall.wanted({"name": name, "sources": sources, "ports": ports or ["2049/tcp"], "firewall": "auto"})


def test_sources_are_brought_to_one_spelling_and_those_inside_of_others_left_out():
    assert [opening.source for opening in wanted(["10.1.0.0/255.255.0.0", "10.1.2.3", "10.0.0.7/32"]).openings] == [
        "10.1.0.0/16",
        "10.0.0.7",
    ]


def test_everyone_is_both_families():
    assert [opening.source for opening in wanted(["*", "10.0.0.7"]).openings] == ["0.0.0.0/0", "::/0"]


def test_all_that_is_wrong_is_told_at_once():
    with pytest.raises(Refused) as refusal:
        wanted(["client", "*.example.org", "@trusted", "10.0.0.0/33", "10.0.0.7/24"], ["2049", "70000/tcp"], "a b")
    said = str(refusal.value)
    for words in (
        "'client', sources: is a host name",
        "'*.example.org', sources: is a pattern of host names",
        "'@trusted', sources: is a netgroup",
        "'10.0.0.0/33', sources: is no valid address or network",
        "'10.0.0.7/24', sources: is an address inside of the network 10.0.0.0/24",
        "'2049', ports: is no port",
        "'70000/tcp', ports: is no port",
        "'a b', name: cannot be part",
    ):
        assert words in said


def test_steps_keep_create_complete_and_close():
    steps = firewall.steps([HOST, NETWORK, IPV6], {HOST}, {NETWORK, Opening("10.9.9.9", 2049, "tcp")})
    assert [(step.name, step.action) for step in steps] == [
        ("10.0.0.7 to 2049/tcp", "keep"),
        ("10.1.0.0/16 to 2049/tcp", "update"),
        ("fd00::/64 to 2049/tcp", "create"),
        ("10.9.9.9 to 2049/tcp", "remove"),
    ]


def chain(name: str = "input", family: str = "inet", table: str = "filter", **fields: Any) -> dict[str, Any]:
    hook = {"type": "filter", "hook": "input", "prio": 0, "policy": "accept"} if name in ("input", "INPUT") else {}
    return {"chain": {"family": family, "table": table, "name": name, **hook, **fields}}


def rule(
    handle: int, *expr: dict[str, Any], at: str = "input", family: str = "inet", table: str = "filter"
) -> dict[str, Any]:
    return {"rule": {"family": family, "table": table, "chain": at, "handle": handle, "expr": list(expr)}}


SSH = {
    "match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 22},
}
ACCEPT = {"accept": None}
DROP = {"drop": None}
COUNTER = {"counter": {"packets": 3, "bytes": 9}}
OURS = {"jump": {"target": "berthage_nfs_berthage"}}


def read(*objects: dict[str, Any]) -> nftables.Ruleset:
    return nftables.read({"nftables": [{"metainfo": {}}, *objects]}, "berthage")


def closed(*objects: dict[str, Any]) -> list[tuple[int, int | None]]:
    return [(one.at, one.closing) for one in read(*objects).closed]


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        ([chain()], []),
        ([chain(policy="drop")], [(0, None)]),
        ([chain(policy="drop"), rule(4, SSH, ACCEPT)], [(1, None)]),
        ([chain(), rule(4, SSH, ACCEPT), rule(5, COUNTER, DROP)], [(1, 5)]),
        ([chain(policy="drop"), rule(4, SSH, ACCEPT), rule(5, {"reject": None})], [(1, 5)]),
        ([chain(), rule(4, SSH, DROP)], []),
        ([chain(), rule(4, {"jump": {"target": "end"}}), chain("end"), rule(9, DROP, at="end")], [(0, 4)]),
        ([chain(), rule(4, {"jump": {"target": "end"}}), chain("end"), rule(9, SSH, DROP, at="end")], []),
        ([chain(), rule(4, {"jump": {"target": "a"}}), chain("a"), rule(9, {"goto": {"target": "a"}}, at="a")], []),
        ([chain(policy="drop", hook="forward")], []),
        ([chain("INPUT", family="ip", policy="drop")], []),
        ([chain(family="bridge", policy="drop")], []),
        ([chain(policy="drop"), rule(3, OURS), rule(4, SSH, ACCEPT)], [(1, None)]),
    ],
)
def test_a_chain_closes_by_its_policy_or_a_rule_without_a_condition(objects, expected):
    assert closed(*objects) == expected


def source(opening: Opening) -> dict[str, Any]:
    address, _, length = opening.source.partition("/")
    right = {"prefix": {"addr": address, "len": int(length)}} if length else address
    family = "ip6" if opening.is_ipv6 else "ip"
    return {"match": {"op": "==", "left": {"payload": {"protocol": family, "field": "saddr"}}, "right": right}}


def port(opening: Opening) -> dict[str, Any]:
    left = {"payload": {"protocol": opening.protocol, "field": "dport"}}
    return {"match": {"op": "==", "left": left, "right": opening.port}}


def own(*openings: Opening) -> list[dict[str, Any]]:
    name = "berthage_nfs_berthage"
    rules = [rule(20 + n, source(one), port(one), ACCEPT, at=name) for n, one in enumerate(openings)]
    return [chain(name), *rules]


def test_what_is_ours_and_led_to_is_open():
    ruleset = read(chain(policy="drop"), rule(4, SSH, ACCEPT), rule(5, OURS), *own(HOST, NETWORK, IPV6))
    assert nftables.full_and_partly(ruleset, []) == ({HOST, NETWORK, IPV6}, set())
    assert nftables.is_as_wanted(ruleset, [HOST, NETWORK, IPV6])
    assert not nftables.is_as_wanted(ruleset, [HOST])


@pytest.mark.parametrize(
    "jumps",
    [[], [rule(5, COUNTER, DROP), rule(6, OURS)]],
    ids=["no jump", "a jump behind the rule that drops"],
)
def test_what_is_not_led_to_in_time_is_not_open(jumps):
    ruleset = read(chain(), *(jumps or [rule(5, DROP)]), *own(HOST))
    assert nftables.full_and_partly(ruleset, [HOST]) == (set(), {HOST})
    assert not nftables.is_as_wanted(ruleset, [HOST])


def test_what_others_wrote_into_our_chain_does_not_count():
    ruleset = read(chain(policy="drop"), rule(5, OURS), *own(HOST), rule(30, SSH, DROP, at="berthage_nfs_berthage"))
    assert not nftables.is_as_wanted(ruleset, [HOST])


def test_where_nothing_closes_everything_is_open():
    ruleset = read(chain(family="ip", policy="drop"))
    assert nftables.full_and_partly(ruleset, [HOST, IPV6]) == ({IPV6}, set())


def test_the_change_is_one_transaction_that_replaces_ours_only():
    ruleset = read(chain(), rule(4, SSH, ACCEPT), rule(5, OURS), rule(6, DROP), *own(HOST))
    assert nftables.change(ruleset, [NETWORK], "berthage").splitlines() == [
        "delete rule inet filter input handle 5",
        "flush chain inet filter berthage_nfs_berthage",
        "delete chain inet filter berthage_nfs_berthage",
        "add chain inet filter berthage_nfs_berthage",
        "flush chain inet filter berthage_nfs_berthage",
        "add rule inet filter berthage_nfs_berthage ip saddr 10.1.0.0/16 tcp dport 2049 accept",
        "insert rule inet filter input position 6 jump berthage_nfs_berthage"
        ' comment "berthage.swarm.nfs_firewall berthage"',
    ]
    assert "delete chain" in nftables.change(ruleset, [], "berthage")
    assert "add" not in nftables.change(ruleset, [], "berthage")


def test_a_boot_loads_the_same_at_the_same_place():
    text = nftables.persistent(read(chain(), rule(4, SSH, ACCEPT), rule(5, OURS), rule(6, DROP)), [HOST], "berthage")
    assert "insert rule inet filter input index 1 jump" in text
    assert nftables.persistent(read(chain()), [HOST], "berthage") == ""


FIREWALLD = """
public (default, active)
  target: default
  services: ssh
  rich rules:
\trule priority="{priority}" family="ipv4" source address="10.0.0.7" port port="2049" protocol="tcp" accept
\trule family="ipv4" source address="10.0.0.8" port port="2049" protocol="tcp" accept

trusted (active)
  target: ACCEPT
  rich rules:

work
  target: default
  rich rules:
"""


def zones(now: str = FIREWALLD, later: str = FIREWALLD) -> tuple[firewalld.Zone, ...]:
    text = [one.format(priority=firewalld.priority("berthage")) for one in (now, later)]
    return firewalld.read(text[0], text[1], "public", "berthage")


def test_rich_rules_of_our_priority_in_the_zones_in_use_are_ours():
    assert [(zone.name, zone.is_used) for zone in zones()] == [("public", True), ("trusted", False), ("work", False)]
    assert firewalld.there(zones()) == ({HOST}, set())
    assert firewalld.commands(zones(), HOST, True, "berthage") == []


def test_a_rule_that_no_boot_would_load_is_completed_and_one_to_be_closed_goes_from_both():
    later = FIREWALLD.replace('rule priority="{priority}"', "rule")
    assert firewalld.there(zones(later=later)) == (set(), {HOST})
    (command,) = firewalld.commands(zones(later=later), HOST, True, "berthage")
    assert command.arguments[:2] == ["--permanent", "--zone=public"]
    assert command.arguments[2].startswith("--add-rich-rule=rule priority=")
    removed = firewalld.commands(zones(), HOST, False, "berthage")
    assert [(one.adds, one.for_good) for one in removed] == [(False, True), (False, False)]


def test_what_we_write_for_firewalld_is_what_we_read():
    text = f"public (active)\n  target: default\n  rich rules:\n\t{firewalld.rule(IPV6, 'berthage')}\n"
    assert firewalld.there(firewalld.read(text, text, "public", "berthage")) == ({IPV6}, set())
    assert firewalld.there(firewalld.read(text, text, "public", "another")) == (set(), set())


UFW = """Added user rules (see 'ufw status' for running firewall):
ufw allow 22/tcp comment 'it's theirs'
ufw allow from 10.1.0.0/16 to any port 2049 proto tcp comment 'berthage.swarm.nfs_firewall berthage'
ufw allow from 10.0.0.7 to any port 2049 proto tcp comment 'berthage.swarm.nfs_firewall another'
ufw allow from 10.0.0.7 to any port 2049 proto tcp
ufw deny from 10.0.0.7 to any port 2049 proto tcp comment 'berthage.swarm.nfs_firewall berthage'
"""


def test_rules_of_ufw_with_our_comment_are_ours():
    assert ufw.read(UFW, "berthage") == {NETWORK}
    anywhere = "ufw allow 2049/tcp comment 'berthage.swarm.nfs_firewall berthage'"
    assert {opening.source for opening in ufw.read(anywhere, "berthage")} == {"0.0.0.0/0", "::/0"}


def test_a_rule_of_ufw_is_added_with_our_comment_and_deleted_without():
    rule_itself = ["allow", "proto", "tcp", "from", "10.0.0.7", "to", "any", "port", "2049"]
    assert ufw.arguments(HOST, True, "berthage") == [*rule_itself, "comment", "berthage.swarm.nfs_firewall berthage"]
    assert ufw.arguments(HOST, False, "berthage") == ["delete", *rule_itself]
