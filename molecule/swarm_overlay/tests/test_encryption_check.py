# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role docker_networks says of nodes where encrypted overlays would not work, before it makes one."""

from __future__ import annotations

import json
from typing import Iterator

import pytest
from checks import lab_variables, node, run_playbook

testinfra_hosts = ["ansible://managers"]


@pytest.fixture
def obstacles() -> Iterator[None]:
    """node3 has a small MTU, and takes neither the others' VXLAN nor what they tell each other over TCP."""
    interface = lab_variables()["lab_interface"]
    rules = ("INPUT -p udp --dport 4789 -j DROP", "INPUT -p tcp --dport 7946 -j DROP")
    node("node3").check_output(f"ip link set {interface} mtu 1400; " + "; ".join(f"iptables -I {r}" for r in rules))
    yield
    node("node3").check_output(f"ip link set {interface} mtu 1500; " + "; ".join(f"iptables -D {r}" for r in rules))


def test_all_that_stands_in_the_way_is_told_of_its_node_and_nothing_is_made(host, obstacles):
    variables = {
        "berthage_nodes_group": "docker_hosts",
        "berthage_managers_group": "managers",
        "docker_networks_list": [{"name": "late", "encrypted": True}],
        "docker_networks_encryption_check": "fail",
    }
    said = run_playbook("berthage.swarm.networks", "-e", json.dumps(variables))
    told = " ".join(said.stdout.split())

    assert said.returncode != 0
    interface = lab_variables()["lab_interface"]
    assert f"node3, MTU: {interface} has 1400, and packets of late take up to 1500" in told, said.stdout
    assert "node3, firewall: 4789/udp from node1 and node2 does not get here" in told, said.stdout
    for name in ("node1", "node2"):
        assert f"{name}, firewall: an answer on 7946/tcp from node3 does not get here" in told, said.stdout
        assert f"{name}, MTU" not in told
    assert host.run("docker network inspect late").rc != 0
