# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`berthage.swarm.verify` on engines of two versions: every pair of nodes over each overlay, and how long it takes."""

from __future__ import annotations

import subprocess
import time
from typing import Iterator

import pytest
from checks import inventory, node, run_playbook

testinfra_hosts = ["ansible://managers"]


def verify() -> subprocess.CompletedProcess[str]:
    variables = inventory().parents[3] / "molecule" / "swarm_overlay" / "group_vars" / "all.yml"
    nodes = "berthage_nodes_group=docker_hosts"
    started = time.monotonic()
    said = run_playbook("berthage.swarm.verify", "-e", f"@{variables}", "-e", nodes)
    print(f"{said.stdout}\nverify: {time.monotonic() - started:.1f} s in all")
    return said


def told(said: subprocess.CompletedProcess[str]) -> list[str]:
    return [" ".join(line.split()) for line in said.stdout.splitlines()]


def test_all_ways_between_the_nodes_are_verified_and_the_networks_are_apart():
    said = verify()
    lines = told(said)

    assert said.returncode == 0, said.stdout
    for network in ("front overlay attachable", "back overlay attachable", "inner overlay attachable, internal"):
        assert any(line.startswith(f"{network} all 6 verified (as clear VXLAN ") for line in lines), said.stdout
    assert "network front: reaches its own, and not back or inner verified" in lines


def test_nothing_is_left_behind():
    for name in ("node1", "node2", "node3"):
        assert node(name).check_output("docker ps --all --quiet --filter label=berthage.swarm.verify") == ""


@pytest.fixture
def blocked_vxlan() -> Iterator[None]:
    node("node3").check_output("iptables -I INPUT -p udp --dport 4789 -j DROP")
    yield
    node("node3").check_output("iptables -D INPUT -p udp --dport 4789 -j DROP")


def test_a_node_whose_firewall_drops_vxlan_is_named_for_its_pairs_alone(blocked_vxlan):
    said = verify()
    text = " ".join(told(said))

    assert said.returncode != 0
    for peer in ("node1", "node2"):
        reason = f"VXLAN from {peer} comes to node3 and no further: the firewall of node3 drops it"
        assert f"network front between {peer} and node3: {reason}" in text, said.stdout
        # What node3 sends arrives: its own firewall is the only one to blame.
        assert f"the firewall of {peer}" not in text
    assert "network front between node1 and node2" not in text
