# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client that is declared reaches the server through each firewall, another one does not; rules of others stay."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator

import pytest
from checks import node, run_playbook
from module_calls import module
from nfs_clients import address, listing

testinfra_hosts = ["ansible://server"]

CONVERGE = Path(__file__).parents[1] / "converge.yml"

# The export is for the client alone: its status tells a stranger who reaches the server from one who does not.
SHUT_OUT = {124, 251}
REFUSED_BY_THE_SERVER = 254

RULESET = """#!/usr/sbin/nft -f
flush ruleset
table inet filter {
    chain input {
        type filter hook input priority filter; policy drop;
        ct state established,related accept
        iif lo accept
        tcp dport 22 accept comment "of somebody else"
        counter reject
    }
}
"""
ON = {
    "nftables": "systemctl enable --now nftables.service",
    "firewalld": "systemctl start firewalld.service",
    "ufw": "ufw allow 22/tcp comment 'of somebody else' && ufw --force enable",
}
OFF = {
    "nftables": "systemctl disable --now nftables.service",
    "firewalld": "systemctl stop firewalld.service",
    "ufw": "ufw --force disable && ufw --force delete allow 22/tcp",
}
RULES = {
    "nftables": "nft --stateless list ruleset",
    "firewalld": "firewall-cmd --list-all-zones; firewall-cmd --permanent --list-all-zones",
    "ufw": "ufw show added",
}
# What a boot does to the rules.
RELOAD = {
    "nftables": "systemctl restart nftables.service",
    "firewalld": "systemctl restart firewalld.service",
    "ufw": "systemctl restart ufw.service",
}
DAMAGE = {
    "nftables": "nft flush chain inet filter berthage_nfs_berthage",
    "firewalld": 'firewall-cmd --permanent --remove-rich-rule="$(firewall-cmd --list-rich-rules)"',
    "ufw": "ufw delete allow proto tcp from $CLIENT to any port 2049",
}
LOADER = "berthage-nfs-firewall-berthage.service"


@dataclass(frozen=True)
class InUse:
    firewall: str
    server: str
    host: Any

    def rules(self) -> str:
        return str(self.host.check_output(RULES[self.firewall]))

    def open_to(self, *clients: str, check: bool = False, name: str = "berthage") -> dict[str, Any]:
        return self.declare(*map(address, clients), check=check, name=name)

    def declare(self, *sources: str, check: bool = False, name: str = "berthage") -> dict[str, Any]:
        return module(self.host, "nfs_firewall", check=check, name=name, sources=sources)


@pytest.fixture(params=["server:nftables", "server13:nftables", "server13:firewalld", "server:ufw"])
def in_use(request: Any) -> Iterator[InUse]:
    """One firewall on one server, with a rule of somebody else that lets ssh in."""
    server, _, firewall = request.param.partition(":")
    host = node(server)
    host.check_output(f"cp /etc/nftables.conf /root/ && cat > /etc/nftables.conf << 'END'\n{RULESET}END")
    host.check_output(ON[firewall])
    try:
        yield InUse(firewall, server, host)
    finally:
        # What a failed test leaves open would be in the way of the next one.
        for name in ("berthage", "one", "two"):
            module(host, "nfs_firewall", name=name, sources=[])
        host.check_output(OFF[firewall])
        host.check_output("mv /root/nftables.conf /etc/nftables.conf")


def test_it_opens_to_the_declared_client_alone_and_closes_again(in_use):
    theirs = in_use.rules()
    assert reach("client", in_use.server) in SHUT_OUT

    preview = in_use.open_to("client", check=True)
    assert in_use.rules() == theirs
    opened = in_use.open_to("client")
    assert opened["firewall"] == in_use.firewall
    assert preview["rules"] == opened["rules"]
    assert preview["changed"] and opened["changed"]
    assert reach("client", in_use.server) == 0
    assert reach("stranger", in_use.server) in SHUT_OUT

    ours = in_use.rules()
    assert not in_use.open_to("client")["changed"]
    assert in_use.rules() == ours

    in_use.host.check_output(RELOAD[in_use.firewall])
    assert reach("client", in_use.server) == 0
    assert not in_use.open_to("client")["changed"]

    in_use.host.check_output(DAMAGE[in_use.firewall].replace("$CLIENT", address("client")))
    assert in_use.open_to("client")["changed"]
    in_use.host.check_output(RELOAD[in_use.firewall])
    assert reach("client", in_use.server) == 0

    # The positive control: the same stranger, address and port, and only the rules are others.
    both = in_use.open_to("client", "stranger")
    assert [rule["action"] for rule in both["rules"]] == ["keep", "create"]
    assert reach("stranger", in_use.server) == REFUSED_BY_THE_SERVER

    closed = in_use.open_to()
    assert [rule["action"] for rule in closed["rules"]] == ["remove", "remove"]
    assert reach("client", in_use.server) in SHUT_OUT
    assert in_use.rules() == theirs
    assert not in_use.open_to()["changed"]

    # Two names, one source of both, and the second name is first in a boot.
    in_use.open_to("client", "stranger", name="two")
    in_use.open_to("stranger", name="one")
    assert not in_use.open_to("client", "stranger", name="two")["changed"]
    assert not in_use.open_to("stranger", name="one")["changed"]
    in_use.host.check_output(RELOAD[in_use.firewall])
    assert reach("client", in_use.server) == 0
    assert reach("stranger", in_use.server) == REFUSED_BY_THE_SERVER
    in_use.open_to(name="two")
    assert reach("client", in_use.server) in SHUT_OUT
    assert reach("stranger", in_use.server) == REFUSED_BY_THE_SERVER


@pytest.mark.parametrize("in_use", ["server:nftables"], indirect=True)
def test_nftables_is_open_after_a_reload_of_other_rules_and_a_failed_one_is_told_and_made_up_for(in_use):
    in_use.open_to("client")
    in_use.host.check_output("sed -i '/iif lo accept/d; /established/d' /etc/nftables.conf")
    in_use.host.check_output("systemctl reload nftables.service")
    assert reach("client", in_use.server) == 0
    assert not in_use.open_to("client")["changed"]

    in_use.host.check_output("echo 'raise SystemExit(\"broken\")' > /etc/berthage/nfs-firewall-berthage.py")
    in_use.host.check_output("systemctl restart nftables.service")
    assert in_use.host.run(f"systemctl is-failed {LOADER}").rc == 0
    assert in_use.host.run("systemctl is-active nftables.service").rc == 0
    assert reach("client", in_use.server) in SHUT_OUT
    assert in_use.open_to("client")["changed"]
    assert in_use.host.run(f"systemctl is-failed {LOADER}").rc != 0
    assert reach("client", in_use.server) == 0


@pytest.mark.parametrize("in_use", ["server:ufw"], indirect=True)
def test_a_rule_that_somebody_gave_ufw_for_the_same_source_is_not_written_over(in_use):
    theirs = f"proto tcp from {address('client')} to any port 2049"
    in_use.host.check_output(f"ufw deny {theirs} comment 'theirs'")
    before = in_use.rules()
    refused = in_use.open_to("client", "stranger")
    assert f"ufw delete deny {theirs}" in refused["msg"]
    assert in_use.rules() == before

    in_use.host.check_output(f"ufw allow {theirs}")
    before = in_use.rules()
    kept = in_use.open_to("client")
    assert [rule["action"] for rule in kept["rules"]] == ["keep"]
    assert not in_use.open_to()["changed"]
    assert in_use.rules() == before
    in_use.host.check_output(f"ufw delete allow {theirs}")


@pytest.mark.parametrize("in_use", ["server:nftables", "server13:firewalld", "server:ufw"], indirect=True)
def test_everyone_is_one_family_or_both(in_use):
    assert in_use.declare("0.0.0.0/0")["changed"]
    assert not in_use.declare("0.0.0.0/0")["changed"]
    assert reach("stranger", in_use.server) == REFUSED_BY_THE_SERVER
    assert [rule["action"] for rule in in_use.declare("*")["rules"]] == ["keep", "create"]
    assert not in_use.declare("*")["changed"]
    assert [rule["action"] for rule in in_use.declare("::/0")["rules"]] == ["keep", "remove"]
    assert not in_use.declare("::/0")["changed"]
    assert reach("stranger", in_use.server) in SHUT_OUT


@pytest.mark.parametrize("in_use", ["server13:firewalld"], indirect=True)
@pytest.mark.parametrize("target", ["default", "DROP"])
def test_firewalld_lets_in_whom_its_own_rules_do_not_deny_whatever_the_target_of_the_zone(in_use, target):
    network = str(ipaddress.ip_network(f"{address('client')}/24", strict=False))
    in_use.host.check_output(f"firewall-cmd --permanent --zone=public --set-target={target} && firewall-cmd --reload")
    try:
        denied = f'\'rule family="ipv4" source address="{address("stranger")}" drop\''
        in_use.host.check_output(f"firewall-cmd --add-rich-rule={denied}")

        assert [one["action"] for one in in_use.declare(network)["rules"]] == ["create"]
        assert not in_use.declare(network)["changed"]
        assert reach("client", in_use.server) == 0
        assert reach("stranger", in_use.server) in SHUT_OUT
        in_use.host.check_output(f"firewall-cmd --remove-rich-rule={denied}")
        assert reach("stranger", in_use.server) == REFUSED_BY_THE_SERVER
        in_use.declare()
        assert reach("client", in_use.server) in SHUT_OUT
    finally:
        in_use.host.check_output("firewall-cmd --permanent --zone=public --set-target=default && firewall-cmd --reload")


def test_the_role_opens_to_the_clients_of_its_exports_and_closes_when_they_go():
    host = node("server")
    host.check_output(f"cp /etc/nftables.conf /root/ && cat > /etc/nftables.conf << 'END'\n{RULESET}END")
    host.check_output(ON["nftables"])
    try:
        theirs = host.check_output(RULES["nftables"])
        assert converge().returncode == 0
        assert reach("client", "server") == 0
        assert reach("stranger", "server") in SHUT_OUT
        assert "changed=0" in converge().stdout
        assert converge(nfs_server_exports=[]).returncode == 0
        assert host.check_output(RULES["nftables"]) == theirs
        refused = converge(nfs_server_exports=[an_export("client")])
        assert refused.returncode != 0
        assert "'client', sources: is a host name" in refused.stdout
        assert host.check_output(RULES["nftables"]) == theirs
        told = converge(nfs_server_exports=[an_export("client")], nfs_server_firewall_sources=[address("client")])
        assert told.returncode == 0
        assert reach("client", "server") == 0
    finally:
        host.check_output(OFF["nftables"])
        host.check_output("mv /root/nftables.conf /etc/nftables.conf")
    # Nothing is left of it where there is no firewall any more.
    assert converge().returncode == 0
    assert "changed=0" in converge().stdout
    assert host.run("ls /etc/berthage/nfs-firewall-* /etc/systemd/system/*berthage-nfs*").stdout == ""


def test_without_a_firewall_nothing_is_done_and_one_that_is_off_is_named(host):
    nothing = module(host, "nfs_firewall", sources=[address("client")])
    assert not nothing["changed"]
    assert nothing["firewall"] == "none"
    assert nothing["rules"] == []
    off = module(host, "nfs_firewall", sources=[address("client")], firewall="ufw")
    assert "ufw is not in use on this host" in off["msg"]


def test_a_ruleset_that_no_boot_loads_is_refused_with_the_rule_to_add(host):
    host.check_output(f"cat > /root/own.nft << 'END'\n{RULESET}END")
    host.check_output("nft -f /root/own.nft")
    try:
        before = host.check_output(RULES["nftables"])
        refused = module(host, "nfs_firewall", sources=[address("client"), "10.0.0.0/33"])
        assert "'10.0.0.0/33', sources: is no valid address" in refused["msg"]
        refused = module(host, "nfs_firewall", sources=[address("client")])
        assert "is not loaded by nftables.service (disabled)" in refused["msg"]
        assert f"inet filter input ip saddr {address('client')} tcp dport 2049 accept" in refused["msg"]
        assert host.check_output(RULES["nftables"]) == before
    finally:
        host.check_output("nft flush ruleset")


def converge(**variables: Any) -> Any:
    done = run_playbook(CONVERGE, "-e", json.dumps(variables), "--limit", "server")
    print(done.stdout)
    return done


def an_export(client: str) -> dict[str, Any]:
    return {"path": "/srv/nfs/app", "mode": "0777", "clients": [{"host": client, "options": ["insecure"]}]}


def reach(client: str, server: str) -> int:
    """The status of libnfs."""
    return int(listing(client, server, "/srv/nfs/app", seconds=5).rc)
