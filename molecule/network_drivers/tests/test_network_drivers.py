# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks of each driver on two engines: made, used, replaced, and compared with those made by hand."""

from __future__ import annotations

import json
from ipaddress import ip_address, ip_network
from typing import Any, Iterator

import pytest
from checks import docker_json, node, wait_for
from testinfra.host import Host

testinfra_hosts = ["ansible://managers"]

PARTS = {"node1": "10.91.4.64/26", "node2": "10.91.4.128/26"}


def networks(host: Host, *declared: dict[str, Any], **call: Any) -> dict[str, Any]:
    """What the module returns, failed or not."""
    arguments = json.dumps({"networks": list(declared), **call})
    try:
        result: dict[str, Any] = host.ansible("berthage.swarm.networks", arguments, check=False)
    except host.ansible.AnsibleException as failure:
        return failure.result
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
    ("-d macvlan --subnet 10.92.1.0/24 --gateway 10.92.1.1 -o parent=cable1", {
        "driver": "macvlan", "parent": "cable1", "subnets": [{"subnet": "10.92.1.0/24", "gateway": "10.92.1.1"}],
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


@pytest.mark.parametrize(("options", "declared"), BY_HAND)
def test_a_network_made_by_hand_is_left_as_it_is_where_it_means_the_same(host, options, declared):
    host.check_output(f"docker network create {options} by-hand")
    try:
        result = networks(host, {"name": "by-hand", **declared})
        other = networks(host, {"name": "by-hand", "driver": "bridge", "internal": True})
    finally:
        host.check_output("docker network rm by-hand")

    assert [network["action"] for network in result["networks"]] == ["keep"]
    assert "the network that is there is another" in other["msg"]
