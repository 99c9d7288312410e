# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks of each driver on two engines: made, used, replaced, and compared with those made by hand."""

from __future__ import annotations

import json
from ipaddress import ip_address, ip_network
from typing import Any, Iterator

import pytest
from checks import docker_json, node, packed_module, wait_for
from testinfra.host import Host

testinfra_hosts = ["ansible://managers"]

PARTS = {"node1": "10.91.4.64/26", "node2": "10.91.4.128/26"}


RUN = """
import json, sys
sys.path.insert(0, "/opt/tests")
from packed_module import PackedModule
outcome = PackedModule(sys.argv[1], "berthage.swarm.networks").run(**json.loads(sys.argv[2]))
print(outcome.stderr, file=sys.stderr)
print(json.dumps(outcome.result))
"""


def networks(host: Host, *declared: dict[str, Any], **call: Any) -> dict[str, Any]:
    """What the module returns, failed or not, with its warnings."""
    directory = packed_module(host, "berthage.swarm.networks")
    given = json.dumps({"networks": declared, **call})
    result: dict[str, Any] = json.loads(host.check_output("python3 -c %s %s %s", RUN, directory, given))
    return result


@pytest.fixture
def clean() -> Iterator[None]:
    yield
    for name in PARTS:
        node(name).run("docker service rm far published; docker rm -f one two")


def start(host: Host, name: str, network: str) -> None:
    host.check_output(f"docker run -d --init --name {name} --network {network} box:1 sleep 86400")


@pytest.mark.parametrize("name", PARTS)
def test_containers_on_a_macvlan_reach_each_other_from_its_range(name, clean):
    host = node(name)
    start(host, "one", "lan")
    start(host, "two", "lan")

    found = docker_json(host, "inspect", "one")[0]["NetworkSettings"]["Networks"]["lan"]
    assert ip_address(found["IPAddress"]) in ip_network("10.91.2.64/26")
    assert found["Gateway"] == "10.91.2.1"
    host.check_output("docker exec one ping -c 1 -W 5 two")


@pytest.mark.parametrize("name", PARTS)
def test_a_bridge_has_both_versions_of_ip(name, clean):
    host = node(name)
    start(host, "one", "six")
    start(host, "two", "six")

    other = docker_json(host, "inspect", "two")[0]["NetworkSettings"]["Networks"]["six"]["GlobalIPv6Address"]
    assert ip_address(other) in ip_network("fd00:91::/64")
    host.check_output(f"docker exec one ping -c 1 -W 5 {other}")


@pytest.mark.parametrize("name", PARTS)
def test_a_network_takes_its_addresses_from_its_configuration(name, clean):
    host = node(name)
    start(host, "one", "taking")

    address = docker_json(host, "inspect", "one")[0]["NetworkSettings"]["Networks"]["taking"]["IPAddress"]
    assert ip_address(address) in ip_network("10.91.3.0/24")


def test_a_service_on_a_macvlan_of_the_swarm_has_an_address_of_each_nodes_part(host, clean):
    host.check_output("docker service create -q --detach --name far --mode global --network everywhere box:1")

    for name, part in PARTS.items():
        task = wait_for(lambda where=name: node(where).check_output("docker ps -q --filter name=far\\."), seconds=60)
        found = docker_json(node(name), "inspect", task)[0]["NetworkSettings"]["Networks"]["everywhere"]
        assert ip_address(found["IPAddress"]) in ip_network(part)


def test_an_overlay_has_all_its_subnets_and_its_mtu(host, clean):
    start(host, "one", "several")

    pools = docker_json(host, "network", "inspect", "several")[0]["IPAM"]["Config"]
    assert {pool["Subnet"] for pool in pools} == {"10.91.5.0/24", "10.91.6.0/24"}
    assert "mtu 1350" in host.check_output("docker exec one ip link show eth0")


MESH = {
    "name": "ingress",
    "ingress": True,
    "mtu": 1400,
    "subnets": [{"subnet": "10.91.7.0/24", "gateway": "10.91.7.2"}],
}


def no_task_of_it() -> bool:
    return not any(node(name).check_output("docker ps -aq --filter name=published") for name in PARTS)


def test_the_routing_mesh_is_replaced_once_nobody_publishes_by_it(host, clean):
    before = docker_json(host, "network", "inspect", "ingress")[0]["Id"]
    host.check_output("docker service create -q --detach --name published --publish 8088:80 box:1 sleep 86400")

    refused = networks(host, MESH, on_drift="recreate", reattach=True)

    assert "in use by service published" in refused["msg"]
    assert docker_json(host, "network", "inspect", "ingress")[0]["Id"] == before

    host.check_output("docker service rm published")
    assert wait_for(no_task_of_it, seconds=60)
    done = networks(host, MESH, on_drift="recreate")
    again = networks(host, MESH, on_drift="recreate")

    assert (done["changed"], again["changed"]) == (True, False)
    found = docker_json(host, "network", "inspect", "ingress")[0]
    assert found["Ingress"] and found["IPAM"]["Config"] == [{"Subnet": "10.91.7.0/24", "Gateway": "10.91.7.2"}]


BY_HAND = [
    ("-d macvlan --subnet 10.92.1.0/24 --gateway 10.92.1.1 -o parent=cable2", {
        "driver": "macvlan", "parent": "cable2", "subnets": [{"subnet": "10.92.1.0/24", "gateway": "10.92.1.1"}],
    }),
    ("--config-only --subnet 10.92.2.0/24 -o parent=cable1", {
        "config_only": True, "parent": "cable1", "subnets": [{"subnet": "10.92.2.0/24"}],
    }),
    ("-d macvlan --scope swarm --attachable --config-from each-node", {
        "driver": "macvlan", "swarm": True, "attachable": True, "config_from": "each-node",
    }),
    ("-d bridge --ipv6 --subnet fd00:92::/64", {
        "driver": "bridge", "ipv6": True, "subnets": [{"subnet": "fd00:92:0::/64"}],
    }),
    ("-d overlay --attachable --subnet 10.92.3.0/24 --subnet 10.92.4.0/24", {
        "attachable": True, "subnets": [{"subnet": "10.92.4.0/24"}, {"subnet": "10.92.3.0/24"}],
    }),
]  # fmt: skip


def test_networks_made_by_hand_are_left_as_they_are_where_they_mean_the_same(host):
    names = [f"by-hand-{index}" for index in range(len(BY_HAND))]
    for name, (options, _declared) in zip(names, BY_HAND):
        host.check_output(f"docker network create {options} {name}")
    try:
        result = networks(host, *({"name": name, **declared} for name, (_o, declared) in zip(names, BY_HAND)))
        other = networks(host, *({"name": name, "driver": "bridge", "internal": True} for name in names))
    finally:
        host.check_output(f"docker network rm {' '.join(names)}")

    assert [network["action"] for network in result["networks"]] == ["keep"] * len(names), result
    assert {problem["item"] for problem in other["problems"]} == set(names)
    assert all("the network that is there is another" in problem["message"] for problem in other["problems"])


def ids(host: Host) -> set[str]:
    return set(host.check_output("docker network ls --quiet --no-trunc").split())


def test_what_cannot_work_is_refused_at_once_and_explained(host):
    before = ids(host)

    refused = networks(
        host,
        {"name": "fine"},
        {"name": "on-host", "driver": "host"},
        {"name": "none", "driver": "bridge"},
        {"name": "tiny", "mtu": 70, "encrypted": True},
        {"name": "astray", "subnets": [{"subnet": "10.92.5.0/24", "gateway": "10.92.6.1"}]},
        {"name": "one", "subnets": [{"subnet": "10.92.7.0/24"}]},
        {"name": "other", "driver": "bridge", "subnets": [{"subnet": "10.92.7.128/25"}]},
        {"name": "loose", "driver": "macvlan"},
        {"name": "wide", "driver": "macvlan", "swarm": True, "parent": "cable0"},
    )

    found = {problem["item"]: problem for problem in refused["problems"]}
    assert found.keys() == {"on-host", "none", "tiny", "astray", "other", "loose", "wide"}
    assert "exists on every engine" in found["on-host"]["message"] and "network_mode" in found["on-host"]["remedy"]
    assert "`none` is nothing to create" in found["none"]["message"]
    assert "cannot work (containers would get -8;" in found["tiny"]["message"]
    assert "gateway 10.92.6.1 is outside 10.92.5.0/24" in found["astray"]["message"]
    assert "overlaps 10.92.7.0/24 of `one`" in found["other"]["message"]
    assert "parent" in found["loose"]["field"]
    assert "config_from" in found["wide"]["field"]
    assert ids(host) == before


def test_what_this_engine_cannot_have_is_refused_before_any_change(host):
    before = ids(host)

    refused = networks(
        host,
        {"name": "fine"},
        {"name": "over", "driver": "bridge", "subnets": [{"subnet": "10.91.0.0/16"}]},
        {"name": "by-none", "driver": "nowhere"},
        {"name": "by-socket", "driver": "cable", "swarm": True},
        {"name": "without", "driver": "bridge", "config_from": "no-such"},
        {"name": "second", "driver": "macvlan", "parent": "cable0"},
    )

    found = {problem["item"]: problem["message"] for problem in refused["problems"]}
    assert found.keys() == {"over", "by-none", "by-socket", "without", "second"}
    assert "overlaps 10.91.1.0/24 of the existing network `six`" in refused["msg"]
    assert found["by-none"] == "this engine finds no network plugin `nowhere`"
    assert "a Swarm takes no other" in found["by-socket"]
    assert "cable0 is that of the macvlan network `lan`" in found["second"]
    assert "no configuration `no-such` on this node" in found["without"]
    assert ids(host) == before


def test_encrypted_false_is_sent_to_no_engine_and_seen_where_somebody_else_did(host):
    assert "encrypted" not in docker_json(host, "network", "inspect", "several")[0]["Options"]
    host.check_output("docker network create -d overlay -o encrypted=false by-hand")
    try:
        plain = networks(host, {"name": "by-hand", "encrypted": False})
        encrypted = networks(host, {"name": "by-hand", "encrypted": True})
    finally:
        host.check_output("docker network rm by-hand")

    assert [problem["field"] for problem in plain["problems"]] == ["encrypted"]
    assert [network["action"] for network in encrypted["networks"]] == ["keep"]


# ---- a plugin, which files/cable_plugin.py is

WIRED = {
    "name": "wired",
    "driver": "cable",
    "driver_opts": {"colour": "blue"},
    "subnets": [{"subnet": "10.91.8.0/24"}],
}


def bridges_of_the_plugin(host: Host) -> int:
    return len(host.check_output("ip -oneline link show type bridge").split(": cb")) - 1


@pytest.mark.parametrize("name", PARTS)
def test_containers_reach_each_other_by_a_plugin(name, clean):
    host = node(name)
    start(host, "one", "wired")
    start(host, "two", "wired")

    host.check_output("docker exec one ping -c 1 -W 5 two")


@pytest.mark.parametrize("name", PARTS)
def test_a_network_of_a_plugin_is_compared_replaced_and_removed(name):
    host = node(name)
    made = docker_json(host, "network", "inspect", "wired")[0]["Id"]
    red = {**WIRED, "driver_opts": {"colour": "red"}}

    drift = networks(host, red, owner="drivers")
    assert [problem["field"] for problem in drift["problems"]] == ["driver_opts.colour"]
    assert docker_json(host, "network", "inspect", "wired")[0]["Id"] == made

    # The plugin has no such colour, which it says only when it is asked to make the network.
    failed = networks(host, {**WIRED, "driver_opts": {"colour": "none"}}, owner="drivers", on_drift="recreate")
    assert "no such cable: colour=none" in failed["msg"]
    assert docker_json(host, "network", "inspect", "wired")[0]["Options"]["colour"] == "blue"

    done = networks(host, red, owner="drivers", on_drift="recreate")
    assert done["changed"], done
    assert docker_json(host, "network", "inspect", "wired")[0]["Options"] == {"colour": "red"}

    gone = networks(host, {**red, "state": "absent"}, owner="drivers")
    assert gone["changed"] and bridges_of_the_plugin(host) == 0

    back = networks(host, WIRED, {"name": "never", "driver": "cable:latest", "state": "absent"}, owner="drivers")
    assert {network["name"]: network["action"] for network in back["networks"]} == {"wired": "create", "never": "none"}
    assert bridges_of_the_plugin(host) == 1


# ---- addresses


def test_a_network_too_small_for_its_services_is_warned_of(host, clean):
    host.check_output("docker service create -q --detach --name far --replicas 1 --network tight box:1")
    small = networks(host, TIGHT)
    host.check_output("docker service update -q --detach --replicas 3 far")
    full = networks(host, TIGHT)

    # One for the service, two nodes, and three tasks.
    assert not small.get("warnings"), small
    assert (
        "tight: it holds 5 addresses for services and containers, and 6 (1 for virtual addresses, 3 for tasks, "
        "2 for the nodes' load balancers) are needed" in json.dumps(full["warnings"])
    ), full
    assert wait_for(lambda: states(host).count("Running") >= 1, seconds=60)
    assert states(host).count("Running") < 3, "the network was large enough after all"


TIGHT = {"name": "tight", "attachable": True, "subnets": [{"subnet": "10.91.9.0/29"}]}


def states(host: Host) -> list[str]:
    lines = host.check_output("docker service ps --format '{{ .CurrentState }}' far").splitlines()
    return [line.split()[0] for line in lines]


def test_more_overlays_than_the_swarms_pool_has_subnets_are_refused_before_the_first(host):
    before = ids(host)
    pool = ip_network("10.93.0.0/24")
    taken = sum(
        ip_network(part["Subnet"]).subnet_of(pool)
        for network in docker_json(host, "network", "inspect", *before)
        for part in network["IPAM"]["Config"] or []
        if ip_network(part["Subnet"]).version == 4
    )
    left = 8 - taken
    many = [{"name": f"many-{index}"} for index in range(left + 1)]

    refused = networks(host, *many)

    assert f"{left + 1} declare none, and the default address pool of the Swarm" in refused["msg"]
    assert f"has {left} left" in refused["msg"]
    assert ids(host) == before
    # And it is not refused too early.
    made = networks(host, *many[:left])
    gone = networks(host, *({**network, "state": "absent"} for network in many[:left]))
    assert (made.get("failed", False), gone.get("failed", False)) == (False, False), (made, gone)
    assert ids(host) == before
