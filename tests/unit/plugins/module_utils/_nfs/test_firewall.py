# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Firewalls: what is wanted, what is read of them, and what is to be done."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from typing import Any

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._nfs import (
    firewall,
    firewall_host,
    firewalld,
    nft_load,
    nftables,
    ufw,
)
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
    hook = HOOKED if name in ("input", "INPUT") else {}
    return {"chain": {"family": family, "table": table, "name": name, **hook, **fields}}


def rule(
    handle: int, *expr: dict[str, Any], at: str = "input", family: str = "inet", table: str = "filter"
) -> dict[str, Any]:
    return {"rule": {"family": family, "table": table, "chain": at, "handle": handle, "expr": list(expr)}}


SSH = {
    "match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 22},
}
HOOKED = {"type": "filter", "hook": "input", "prio": 0, "policy": "accept"}
ACCEPT = {"accept": None}
DROP = {"drop": None}
COUNTER = {"counter": {"packets": 3, "bytes": 9}}
OURS = {"jump": {"target": "berthage_nfs_berthage"}}


def read(*objects: dict[str, Any]) -> nftables.Ruleset:
    return nftables.read({"nftables": [{"metainfo": {}}, *objects]}, "berthage")


def closed(*objects: dict[str, Any]) -> list[int | None]:
    return [one.closing for one in read(*objects).closed]


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        ([chain()], []),
        ([chain(policy="drop")], [None]),
        ([chain(policy="drop"), rule(4, SSH, ACCEPT)], [None]),
        ([chain(), rule(4, SSH, ACCEPT), rule(5, COUNTER, DROP)], [5]),
        ([chain(policy="drop"), rule(4, SSH, ACCEPT), rule(5, {"reject": None})], [5]),
        ([chain(), rule(4, SSH, DROP)], []),
        ([chain(), rule(4, {"jump": {"target": "end"}}), chain("end"), rule(9, DROP, at="end")], [4]),
        ([chain(), rule(4, {"jump": {"target": "end"}}), chain("end"), rule(9, SSH, DROP, at="end")], []),
        ([chain(), rule(4, {"jump": {"target": "a"}}), chain("a"), rule(9, {"goto": {"target": "a"}}, at="a")], []),
        ([chain(policy="drop", hook="forward")], []),
        ([chain("INPUT", family="ip", policy="drop")], []),
        ([chain(family="bridge", policy="drop")], []),
        ([chain(policy="drop"), rule(3, OURS), rule(4, SSH, ACCEPT)], [None]),
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
        "add rule inet filter berthage_nfs_berthage ip saddr 10.1.0.0/16 tcp dport 2049 accept",
        "insert rule inet filter input position 6 jump berthage_nfs_berthage"
        ' comment "berthage.swarm.nfs_firewall berthage"',
    ]
    assert "delete chain" in nftables.change(ruleset, [], "berthage")
    assert "add" not in nftables.change(ruleset, [], "berthage")


def test_a_table_has_one_chain_of_ours_however_many_of_its_chains_close():
    ruleset = read(chain(policy="drop"), chain("late", **{**HOOKED, "policy": "drop"}))
    assert nftables.change(ruleset, [HOST], "berthage").splitlines() == [
        "add chain inet filter berthage_nfs_berthage",
        "add rule inet filter berthage_nfs_berthage ip saddr 10.0.0.7 tcp dport 2049 accept",
        'add rule inet filter input jump berthage_nfs_berthage comment "berthage.swarm.nfs_firewall berthage"',
        'add rule inet filter late jump berthage_nfs_berthage comment "berthage.swarm.nfs_firewall berthage"',
    ]


@pytest.fixture
def booted(tmp_path, monkeypatch):
    """Run a program of ours as a boot does, with a ruleset to be found: what it gave to nft, and what it said."""
    (tmp_path / "nft").write_text(
        f"#!/bin/sh\ncd {tmp_path}\n"
        "if [ $1 = -j ]; then cat ruleset.json; else cat > loaded; cat refusal >&2; [ ! -s refusal ]; fi\n"
    )
    (tmp_path / "nft").chmod(0o755)

    def run(program: str, *objects: dict[str, Any], refusal: str = "") -> tuple[str, subprocess.CompletedProcess[str]]:
        (tmp_path / "ruleset.json").write_text(json.dumps({"nftables": [{"metainfo": {}}, *objects]}))
        (tmp_path / "refusal").write_text(refusal)
        (tmp_path / "program.py").write_text(
            program.replace("/usr/sbin:", f"{tmp_path}:").replace("time.sleep", "repr")
        )
        done = subprocess.run(
            [sys.executable, "-I", tmp_path / "program.py"], capture_output=True, text=True, check=False
        )
        return (tmp_path / "loaded").read_text(), done

    return run


def test_a_boot_finds_the_place_in_the_ruleset_that_is_there_by_then(booted):
    media = [rule(8, {"jump": {"target": "berthage_nfs_media"}}), chain("berthage_nfs_media")]
    ruleset = read(
        chain(), rule(4, SSH, ACCEPT), rule(5, SSH, ACCEPT), media[0], rule(5, OURS), rule(6, DROP), *media[1:]
    )
    program = nftables.program(ruleset, [HOST, IPV6], "berthage")
    # Others are not loaded yet, an earlier rule was taken out, and the handles are others.
    loaded, done = booted(program, chain(), rule(2, SSH, ACCEPT), rule(3, DROP))
    assert (done.returncode, done.stderr) == (0, "")
    assert loaded.splitlines() == [
        "add chain inet filter berthage_nfs_berthage",
        "add rule inet filter berthage_nfs_berthage ip saddr 10.0.0.7 tcp dport 2049 accept",
        "add rule inet filter berthage_nfs_berthage ip6 saddr fd00::/64 tcp dport 2049 accept",
        "insert rule inet filter input position 3 jump berthage_nfs_berthage"
        ' comment "berthage.swarm.nfs_firewall berthage"',
    ]


def test_what_a_boot_runs_is_the_same_whatever_others_put_before_the_rule_that_drops():
    alone = read(chain(), rule(4, SSH, ACCEPT), rule(6, DROP))
    with_another = read(
        chain(), rule(4, SSH, ACCEPT), rule(7, {"jump": {"target": "berthage_nfs_media"}}), rule(6, DROP)
    )
    assert nftables.program(alone, [HOST], "berthage") == nftables.program(with_another, [HOST], "berthage")
    assert nftables.program(read(chain()), [HOST], "berthage") == ""


def test_a_boot_that_cannot_load_ours_fails_and_says_what_that_means(booted):
    program = nftables.program(read(chain(policy="drop")), [HOST], "berthage")
    _loaded, done = booted(program, chain(policy="drop"), refusal="No space left on device")
    assert done.returncode == 1
    assert "NFS IS SHUT to the clients of `berthage`" in done.stderr
    assert "No space left on device" in done.stderr


def test_what_a_boot_runs_needs_nothing_but_the_standard_library():
    assert "ansible" not in inspect.getsource(nft_load)


@pytest.fixture
def opened(monkeypatch):
    """Whether all is seen to be in order where rules and files are, by what systemd says of the two units."""
    ruleset = [chain(policy="drop"), rule(4, SSH, ACCEPT), rule(5, OURS), *own(HOST)]
    in_order = {"LoadState": "loaded", "ActiveState": "inactive", "DropInPaths": "", "NeedDaemonReload": "no"}

    def seen(of_host: dict[str, str], of_ours: dict[str, str]) -> bool:
        caller = firewall_host._caller("berthage")
        units = {
            "nftables.service": {**in_order, "DropInPaths": f"/etc/a.conf {caller}", **of_host},
            "berthage-nfs-firewall-berthage.service": {**in_order, **of_ours},
        }

        def run(program: str, *arguments: str, stdin: str = "") -> str:
            if program == "nft":
                return json.dumps({"nftables": ruleset})
            assert (program, arguments[0]) == ("systemctl", "show")
            return "".join(f"{name}={value}\n" for name, value in units[arguments[-1]].items())

        monkeypatch.setattr(firewall_host, "_run", run)
        return firewall_host._observe_nftables(wanted(["10.0.0.7"])).in_order

    monkeypatch.setattr(firewall_host, "_has", lambda program: True)
    monkeypatch.setattr(firewall_host, "_is_as_wanted", lambda path, text: True)
    return seen


@pytest.mark.parametrize(
    ("of_host", "of_ours"),
    [
        ({"DropInPaths": ""}, {}),
        ({"NeedDaemonReload": "yes"}, {}),
        ({}, {"NeedDaemonReload": "yes"}),
        ({}, {"ActiveState": "failed"}),
    ],
    ids=["drop-in not read", "drop-in is newer", "unit is newer", "unit has failed"],
)
def test_what_systemd_does_not_know_yet_is_made_up_for(opened, of_host, of_ours):
    assert opened({}, {})
    assert not opened(of_host, of_ours)


def test_a_host_unit_that_failed_or_is_not_there_is_not_ours_to_mend(opened):
    assert opened({"ActiveState": "failed"}, {})
    assert opened({"LoadState": "not-found", "DropInPaths": ""}, {})


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


def test_ours_come_behind_the_rules_of_others_that_deny():
    assert 0 < firewalld.priority("berthage") < 32767


def record(rule: str, comment: str = "") -> str:
    return f"### tuple ### {rule}" + (f" comment={comment.encode().hex()}" if comment else "") + "\n"


MARK = "berthage.swarm.nfs_firewall berthage"
UFW = "".join(
    (
        "*filter\n:ufw-user-input - [0:0]\n### RULES ###\n\n",
        record("allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in", "it's theirs"),
        record("allow tcp 2049 0.0.0.0/0 any 10.1.0.0/16 in", MARK),
        "-A ufw-user-input -p tcp --dport 2049 -s 10.1.0.0/16 -j ACCEPT\n",
        record("allow tcp 2049 0.0.0.0/0 any 10.0.0.7 in", "berthage.swarm.nfs_firewall another one"),
        record("allow tcp 2049 0.0.0.0/0 any 10.0.0.8 in"),
        record("allow_log tcp 2049 0.0.0.0/0 any 10.0.0.9 in", "theirs, logged"),
        record("deny_log tcp 2049 0.0.0.0/0 any 10.0.0.10 in", MARK),
        # None of these is for what an opening of ours is for.
        record("deny tcp 2049 0.0.0.0/0 any 10.0.0.11 in_eth0"),
        record("deny any 2049 0.0.0.0/0 any 10.0.0.11 in"),
        record("deny tcp 2049 10.0.0.1 any 10.0.0.11 in"),
        record("route:deny tcp 2049 0.0.0.0/0 any 10.0.0.11 in"),
        record("deny tcp 2049 0.0.0.0/0 any 10.0.0.11 NFS - in"),
        record("deny tcp 111,2049 0.0.0.0/0 any 10.0.0.11 in"),
        record("deny tcp 2049 0.0.0.0/0 any 10.0.0.11 out"),
    )
)


def nfs(source: str) -> Opening:
    return Opening(source, 2049, "tcp")


def test_rules_of_ufw_belong_to_the_names_in_their_comment_or_to_somebody_else():
    rules = ufw.read(UFW, "")
    assert ufw.ours(rules, "berthage") == {NETWORK}
    assert ufw.ours(rules, "another") == ufw.ours(rules, "one") == {HOST}
    assert ufw.opened_by_others(rules) == {nfs("10.0.0.8"), nfs("10.0.0.9"), Opening("0.0.0.0/0", 22, "tcp")}
    assert not [rule for rule in rules if rule.opening.source == "10.0.0.11"]


def test_each_family_of_the_world_is_a_rule_of_its_own():
    ipv4 = record("allow tcp 2049 0.0.0.0/0 any 0.0.0.0/0 in", MARK)
    ipv6 = record("allow tcp 2049 ::/0 any ::/0 in", MARK)
    assert ufw.ours(ufw.read(ipv4, ""), "berthage") == {nfs("0.0.0.0/0")}
    assert ufw.ours(ufw.read("", ipv6), "berthage") == {nfs("::/0")}
    for world in ("0.0.0.0/0", "::/0"):
        assert "any" not in ufw.arguments((), nfs(world), True, "berthage")[:5]
        assert world in ufw.arguments((), nfs(world), True, "berthage")


def test_a_rule_of_ufw_goes_with_the_last_name_that_wants_it():
    rule_itself = ["allow", "proto", "tcp", "from", "10.0.0.7", "to", "any", "port", "2049"]
    commented = [*rule_itself, "comment"]
    nobody = ufw.read("", "")
    assert ufw.arguments(nobody, HOST, True, "berthage") == [*commented, MARK]
    two = ufw.read(UFW, "")
    assert ufw.arguments(two, HOST, True, "berthage") == [
        *commented,
        "berthage.swarm.nfs_firewall another berthage one",
    ]
    assert ufw.arguments(two, HOST, False, "one") == [*commented, "berthage.swarm.nfs_firewall another"]
    last = ufw.read(record("allow tcp 2049 0.0.0.0/0 any 10.0.0.7 in", MARK), "")
    assert ufw.arguments(last, HOST, False, "berthage") == ["delete", *rule_itself]


def test_what_somebody_told_ufw_to_deny_is_refused_with_the_command_that_takes_it_away():
    rules = ufw.read(UFW, "")
    assert not list(ufw.problems(rules, [HOST, nfs("10.0.0.8"), nfs("10.0.0.11")], True))
    (problem,) = ufw.problems(rules, [nfs("10.0.0.10"), NETWORK], True)
    assert "somebody has told ufw to deny log just that" in str(problem)
    assert "ufw delete deny log proto tcp from 10.0.0.10 to any port 2049)" in str(problem)


@pytest.mark.parametrize(
    ("defaults", "expected"),
    [("IPV6=yes\n", True), ('# x\nIPV6="yes"\n', True), ("IPV6=no\n", False), ("#IPV6=yes\n", False)],
)
def test_ufw_may_be_told_to_have_no_ipv6(defaults, expected):
    assert ufw.has_ipv6(defaults) is expected


def test_without_ipv6_in_ufw_everyone_is_the_other_half_and_ipv6_alone_is_refused():
    worlds = wanted(["*"]).openings
    assert ufw.idle_without_ipv6(worlds) == {nfs("::/0")}
    assert not list(ufw.problems((), worlds, False))
    for one in (IPV6, nfs("::/0")):
        (problem,) = ufw.problems((), [one, HOST], False)
        assert "ufw does not handle IPv6 on this host" in str(problem)
