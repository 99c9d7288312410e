# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An ipvlan on the hosts' own interface, which takes a kernel that has it."""

from __future__ import annotations

import json
from typing import Any, Iterator

import pytest
from checks import docker_json, lab_variables, make_box_image, node

testinfra_hosts = ["ansible://node1"]

NODES = ("node1", "node2")
CONTAINER = "ipvlan-test"


@pytest.fixture
def containers() -> Iterator[None]:
    for name in NODES:
        make_box_image(node(name))
    yield
    for name in NODES:
        node(name).run(f"docker rm --force {CONTAINER}; docker network rm lan")


def declared(part: str) -> dict[str, Any]:
    return {
        "name": "lan",
        "driver": "ipvlan",
        "parent": lab_variables()["lab_interface"],
        "driver_opts": {"ipvlan_mode": "l2"},
        "subnets": [{"subnet": "10.94.1.0/24", "ip_range": part}],
    }


def module(name: str, part: str, check: bool = False) -> dict[str, Any]:
    arguments = json.dumps({"networks": [declared(part)]})
    result: dict[str, Any] = node(name).ansible("berthage.swarm.networks", arguments, check=check)
    return result


def test_containers_of_two_hosts_reach_each_other_on_an_ipvlan(containers: None) -> None:
    parts = dict(zip(NODES, ("10.94.1.64/26", "10.94.1.128/26")))
    for name, part in parts.items():
        assert module(name, part)["changed"]
        node(name).check_output(f"docker run --detach --init --name {CONTAINER} --network lan box:1 sleep 86400")
    assert [network["action"] for network in module("node1", parts["node1"])["networks"]] == ["keep"]

    other = docker_json(node("node2"), "inspect", CONTAINER)[0]["NetworkSettings"]["Networks"]["lan"]["IPAddress"]
    node("node1").check_output(f"docker exec {CONTAINER} ping -c 2 -W 10 {other}")
