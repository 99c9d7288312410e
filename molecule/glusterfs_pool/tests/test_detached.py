# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host joins the pool, and is let go again: only empty, and only where it learns of it."""

from __future__ import annotations

from checks import node, wait_for
from module_calls import module

testinfra_hosts = ["ansible://node1"]


def listed(host) -> list[str]:
    return sorted(line.split()[1] for line in host.check_output("gluster pool list").splitlines()[1:])


def is_connected(host, name: str) -> bool:
    peers = host.check_output("gluster pool list").splitlines()
    return any(name in line and " Connected" in line.replace("\t", " ") for line in peers)


def test_a_host_joins_and_is_connected_when_the_module_returns(host):
    node("spare").check_output("systemctl start glusterd")
    before = listed(host)

    # As keepalived wants it: this host may use addresses that it has not got. They are the others' all the same.
    host.check_output("sysctl -q -w net.ipv4.ip_nonlocal_bind=1")
    try:
        ahead = module(host, "gluster_pool", peers=["spare", "node1"], check=True)
    finally:
        host.check_output("sysctl -q -w net.ipv4.ip_nonlocal_bind=0")
    assert [peer["action"] for peer in ahead["peers"]] == ["create", "keep"]
    assert ahead["changed"] and listed(host) == before
    result = module(host, "gluster_pool", peers=["spare"])

    assert not result["failed"], result
    assert [(peer["action"], peer["connected"], peer["state"]) for peer in result["peers"]] == [
        ("create", True, "Peer in Cluster")
    ]
    assert not module(host, "gluster_pool", peers=["spare"])["changed"]


def test_a_host_that_is_gone_is_not_detached_and_the_remedy_is_said(host):
    node("spare").check_output("systemctl stop glusterd")
    assert wait_for(lambda: not is_connected(host, "spare"), seconds=30)

    result = module(host, "gluster_pool", peers=["spare", "node2"], state="absent")

    assert result["failed"] and not result["changed"]
    assert "spare, peers: is not connected" in result["msg"] and "start glusterd there first" in result["msg"]
    assert "node2, peers: has bricks of" in result["msg"]
    assert any("spare" in name for name in listed(host))


def test_an_empty_host_is_detached_and_knows_it(host):
    node("spare").check_output("systemctl start glusterd")
    assert wait_for(lambda: is_connected(host, "spare"), seconds=60)

    result = module(host, "gluster_pool", peers=["spare"], state="absent")

    assert not result["failed"] and result["changed"], result
    assert not any("spare" in name for name in listed(host))
    assert wait_for(lambda: listed(node("spare")) == ["localhost"], seconds=30)
    assert not module(host, "gluster_pool", peers=["spare"], state="absent")["changed"]
