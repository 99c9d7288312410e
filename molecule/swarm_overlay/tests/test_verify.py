# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`berthage.swarm.verify` on engines of two versions: every pair of nodes over each overlay, and how long it takes."""

from __future__ import annotations

import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Iterator

import pytest
from checks import inventory, lab_variables, node, run_playbook, wait_for
from network_calls import every_node_is_ready

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


def left_behind(name: str) -> str:
    """Containers and the image of a verification; its lock stays."""
    host, ours = node(name), "--all --quiet --filter label=berthage.swarm.verify"
    return host.check_output(f"docker ps {ours}") + host.check_output(f"docker images {ours}")


@pytest.fixture
def killed_before() -> None:
    """A verification whose play is killed while its containers start."""
    with ThreadPoolExecutor(1) as pool:
        going = pool.submit(verify)
        assert wait_for(lambda: left_behind("node2"), seconds=120, pause=0.2)
        subprocess.run(["pkill", "-KILL", "--parent", str(os.getpid()), "ansible-playbo"], check=True)
        assert going.result().returncode < 0
    # Ansible's workers outlive it, and would wait for it until the machine goes down.
    subprocess.run(["pkill", "-KILL", "--full", f"ansible-playbook berthage.swarm.verify .*{inventory()}"], check=False)


def test_all_ways_between_the_nodes_are_verified_and_the_networks_are_apart_after_a_run_that_was_killed(killed_before):
    assert left_behind("node2")
    said = verify()
    lines = told(said)

    assert said.returncode == 0, said.stdout
    for network in ("front overlay attachable", "back overlay attachable", "inner overlay attachable, internal"):
        assert any(line.startswith(f"{network} all 6 verified (as clear VXLAN ") for line in lines), said.stdout
    assert "network front: reaches its own, and not back or inner verified" in lines
    assert "network inner: internal, and does not lead out, where front does verified" in lines
    assert [left_behind(name) for name in ("node1", "node2", "node3")] == [""] * 3


@pytest.fixture
def broken_isolation() -> None:
    """Between two rounds, which hold a lock, the verification's containers on node1 get onto a second network each."""
    connect = "docker network connect"
    join = f"{connect} back berthage-verify-front; {connect} bridge berthage-verify-inner"
    script = (
        "until docker inspect berthage-verify-front; do sleep 0.2; done; "
        f'flock /run/berthage-verify.lock sh -c "{join}"'
    )
    node("node1").check_output(f"nohup sh -c '{script}' >/root/broken_isolation 2>&1 </dev/null &")


def test_networks_that_are_joined_by_a_container_are_not_taken_for_apart(broken_isolation):
    said = verify()
    text = " ".join(told(said))

    assert said.returncode != 0
    joined = "a container on front alone reached back on node2 from node1"
    assert f"network front: reaches its own, and not back or inner: {joined}" in text, said.stdout
    leak = "a container on inner alone reached the host it is on: node1"
    assert f"network inner: internal, and does not lead out: {leak}" in text, said.stdout
    assert "all 6 verified" in text
    assert left_behind("node1") == ""


@pytest.fixture
def cut_off() -> Iterator[None]:
    """node2 hears nobody of the lab but who logs in, and nobody hears it."""
    lab = lab_variables()["lab_subnet"]
    rules = (
        "INPUT -p tcp --dport 22 -j ACCEPT",
        f"INPUT -s {lab} ! -i lo -j DROP",
        "OUTPUT -p tcp --sport 22 -j ACCEPT",
        f"OUTPUT -d {lab} ! -o lo -j DROP",
    )
    # Each goes to the top, so the last ones come first.
    node("node2").check_output("; ".join(f"iptables -I {rule}" for rule in reversed(rules)))
    yield
    node("node2").check_output("; ".join(f"iptables -D {rule}" for rule in rules))
    assert every_node_is_ready(node("node1"))


def test_a_node_that_is_cut_off_is_named_and_the_others_are_verified(cut_off):
    said = verify()
    text = " ".join(told(said))
    manager = node("node1").interface("eth0").addresses[0]

    assert said.returncode != 0
    assert f"node2: cut off from the Swarm: no manager answers: {manager}:2377 (timed out)" in text, said.stdout
    assert "front overlay attachable all 2 verified" in text
    assert "1 failed" in text
    assert left_behind("node2") == ""


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
