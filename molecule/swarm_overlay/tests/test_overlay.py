# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Overlays between the nodes of a Swarm, as containers see them, and the module's answers to what must not be done."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Iterator

import pytest
from checks import docker_json, node, wait_for
from network_calls import address, networks, says
from testinfra.host import Host

testinfra_hosts = ["ansible://managers"]

PORT = 8080
GREETING = "the-server-on-front"


def network_id(host: Host, name: str) -> str:
    return docker_json(host, "network", "inspect", name)[0]["Id"]


def run_container(host: Host, name: str, network: str, command: str = "sleep 86400") -> None:
    host.check_output(f"docker run --detach --init --name {name} --network {network} box:1 {command}")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A container on node1 that answers on the network `front`; its address there."""
    run_container(node("node1"), "server", "front", f"nc -ll -p {PORT} -e echo {GREETING}")
    yield address(node("node1"), "server", "front")
    node("node1").run("docker rm -f server")


@pytest.fixture(scope="module")
def client() -> Iterator[str]:
    """A container on node2 that is on the network `back` to begin with."""
    run_container(node("node2"), "client", "back")
    yield "client"
    node("node2").run("docker rm -f client")


# ---- what is there


def test_the_swarm_has_one_manager_and_two_workers_all_ready(host):
    nodes = [json.loads(line) for line in host.check_output("docker node ls --format '{{ json . }}'").splitlines()]

    assert sorted((each["Hostname"], each["Status"], each["ManagerStatus"]) for each in nodes) == [
        ("node1", "Ready", "Leader"),
        ("node2", "Ready", ""),
        ("node3", "Ready", ""),
    ]


def test_the_networks_are_what_was_declared(host):
    front, back, sealed, inner = docker_json(host, "network", "inspect", "front", "back", "sealed", "inner")

    assert [each["Attachable"] for each in (front, back, sealed, inner)] == [True] * 4
    assert [each["Internal"] for each in (front, back, sealed, inner)] == [False, False, False, True]
    assert ["encrypted" in each["Options"] for each in (front, back, sealed, inner)] == [False, False, True, False]
    assert front["Labels"]["tier"] == "web"
    assert front["IPAM"]["Config"][0]["Subnet"].startswith("10.90.")
    assert back["IPAM"]["Config"] == [{"Subnet": "10.60.0.0/24", "Gateway": "10.60.0.1"}]
    assert back["Options"]["com.docker.network.driver.mtu"] == "1400"


@pytest.mark.parametrize("name", ["node1", "node2", "node3"])
def test_each_host_has_its_own_bridge(name):
    (bridge,) = docker_json(node(name), "network", "inspect", "build")

    assert (bridge["Driver"], bridge["Scope"]) == ("bridge", "local")


def test_converging_again_left_every_network_the_very_same(host):
    first = dict(line.split() for line in host.file("/root/first_networks").content_string.splitlines())

    assert set(first) == {"front", "back", "sealed", "inner", "build"}
    assert {name: network_id(host, name) for name in first} == first


# ---- traffic


def test_a_container_reaches_one_on_another_host_by_name(server):
    run_container(node("node2"), "visitor", "front")
    try:
        assert wait_for(lambda: says(node("node2"), "visitor", "server", PORT), seconds=20) == GREETING
    finally:
        node("node2").run("docker rm -f visitor")


def test_a_container_has_the_mtu_that_the_module_returns(host, server, client):
    for name, container, where, network in (("front", server, "node1", "server"), ("back", client, "node2", "client")):
        (outcome,) = networks(host, {"name": name, "state": "present"}, on_drift="warn")["networks"]
        links = node(where).check_output(f"docker exec {network} ip link show eth0")
        assert f"mtu {outcome['effective_mtu']} " in links, container


def test_containers_on_two_networks_do_not_reach_each_other(server, client):
    there = node("node2")
    there.check_output(f"docker network connect front {client}")
    assert wait_for(lambda: says(there, client, server, PORT), seconds=20) == GREETING, "no positive control"

    there.check_output(f"docker network disconnect front {client}")

    assert says(there, client, server, PORT) == ""


def test_an_internal_network_has_no_way_out():
    there, outside = node("node2"), node("node1").interface("eth0").addresses[0]
    run_container(there, "insider", "inner")
    try:
        assert says(there, "insider", outside, 22) == ""
        there.check_output("docker network connect front insider")
        assert wait_for(lambda: says(there, "insider", outside, 22), seconds=20).startswith("SSH-"), (
            "no positive control"
        )
    finally:
        there.run("docker rm -f insider")


# ---- what must not be done


def test_a_worker_says_who_the_manager_is():
    failure = networks(node("node2"), {"name": "new"}, {"name": "newer"})

    manager = node("node1").interface("eth0").addresses[0]
    assert failure["msg"].startswith("new, newer, driver: this node is a worker")
    assert manager in failure["msg"]


def test_a_stopped_engine_is_a_clear_error():
    there = node("node3")
    there.check_output("systemctl stop docker.socket docker.service")
    try:
        failure = networks(there, {"name": "new", "driver": "bridge"})
    finally:
        there.check_output("systemctl start docker.socket docker.service")
    # The engine answers before it is a node of the Swarm again, which others rely on.
    onto_front = "docker run --rm --network front box:1 true"
    assert wait_for(lambda: there.run(onto_front).rc == 0, seconds=180), there.run(onto_front).stderr

    assert failure["msg"].startswith("no Docker engine")
    assert "systemctl" in failure["msg"]
    assert len(failure["msg"].splitlines()) == 1


def test_drift_is_refused_with_the_names_of_the_fields_and_nothing_changes(host):
    before = network_id(host, "sealed")

    failure = networks(
        host,
        {"name": "sealed", "attachable": True, "internal": True},
        {"name": "back", "attachable": True},
        {"name": "new"},
    )

    assert not failure["changed"]
    assert "sealed, encrypted, internal: " in failure["msg"]
    assert "back, mtu, subnets: " in failure["msg"]  # declared at creation, dropped now
    assert network_id(host, "sealed") == before
    assert host.run("docker network inspect new").rc != 0


def test_an_overlap_with_an_existing_network_is_refused_before_any_change(host):
    failure = networks(host, {"name": "new"}, {"name": "clash", "subnets": [{"subnet": "10.60.0.128/25"}]})

    assert "clash, subnets: 10.60.0.128/25 overlaps 10.60.0.0/24 of the existing network `back`" in failure["msg"]
    assert host.run("docker network inspect new").rc != 0


def test_a_network_in_use_is_not_removed_and_its_users_are_listed(host, server, client):
    host.check_output(
        "docker service create --detach --name svc --network back --endpoint-mode dnsrr --replicas 0 box:1 sleep 86400"
    )
    try:
        failure = networks(host, {"name": "back", "state": "absent"}, {"name": "front", "state": "absent"})
    finally:
        host.check_output("docker service rm svc")

    assert not failure["changed"]
    assert "service svc" in failure["msg"]
    assert "container server on node1 (running)" in failure["msg"]
    consumers = {(consumer["kind"], consumer["node"]) for each in failure["networks"] for consumer in each["consumers"]}
    assert consumers == {("service", ""), ("container", "node1"), ("attachment", "node2")}


def test_two_networks_of_one_name_are_an_error_that_lists_their_ids(host):
    make = "import docker; print(docker.APIClient().create_network('twin', check_duplicate=False)['Id'])"
    ids = [host.check_output(f'python3 -c "{make}"') for _ in range(2)]
    try:
        failure = networks(host, {"name": "twin", "driver": "bridge"})
    finally:
        host.check_output(f"docker network rm {' '.join(ids)}")

    assert "2 networks have this name" in failure["msg"]
    assert all(each[:12] in failure["msg"] for each in ids)


def test_two_calls_at_once_end_in_one_network(host):
    declared = [{"name": f"race{number}"} for number in range(8)]
    with ThreadPoolExecutor() as pool:
        results = list(pool.map(lambda _: networks(host, *declared), range(2)))
    try:
        assert [result.get("msg") for result in results] == [None, None]
        actions = zip(*([each["action"] for each in result["networks"]] for result in results))
        assert {tuple(sorted(pair)) for pair in actions} == {("create", "keep")}
        listed = host.check_output("docker network ls --format '{{ .Name }}'").split()
        assert sorted(name for name in listed if name.startswith("race")) == [each["name"] for each in declared]
    finally:
        removed = networks(host, *({**each, "state": "absent"} for each in declared))
    assert [each["action"] for each in removed["networks"]] == ["remove"] * 8


def test_check_mode_and_the_call_after_it_show_the_same_plan(host):
    declared = json.dumps({"networks": [{"name": "planned", "attachable": True}]})

    planned = host.ansible("berthage.swarm.networks", declared, check=True)
    assert host.run("docker network inspect planned").rc != 0
    applied = host.ansible("berthage.swarm.networks", declared, check=False)
    again = host.ansible("berthage.swarm.networks", declared, check=False)
    removed = networks(host, {"name": "planned", "state": "absent"})

    # Only the engine can know the id and the addresses that it will choose.
    chosen_by_the_engine = {"id": None, "subnets": []}
    assert [{**each, **chosen_by_the_engine} for each in applied["networks"]] == planned["networks"]
    assert [result["changed"] for result in (planned, applied, again, removed)] == [True, True, False, True]
