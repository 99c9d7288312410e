# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel NFS, ESP and IPVS, as containers on the nodes use them, and what `berthage.swarm.verify` says of them."""

from __future__ import annotations

import subprocess
from typing import Iterator

import pytest
from checks import docker_json, inventory, lab_variables, make_box_image, node, run_playbook, wait_for

testinfra_hosts = ["ansible://node1"]

IMAGE = "box:1"
CONTAINER = "kernel-test"


@pytest.fixture(scope="module", autouse=True)
def image() -> None:
    for name in ("node1", "node2"):
        make_box_image(node(name))


@pytest.fixture(scope="module")
def addresses(image: None) -> Iterator[dict[str, str]]:
    """A container on each node, attached to both overlays; the addresses of the second node's, by network.

    They stay for all tests: a node learns who is where on a network some seconds after its first container came.
    """
    for name in ("node1", "node2"):
        start = f"docker network connect plain {CONTAINER} && docker start {CONTAINER}"
        node(name).check_output(f"docker create --name {CONTAINER} --network secret {IMAGE} sleep 86400 && {start}")
    networks = docker_json(node("node2"), "inspect", CONTAINER)[0]["NetworkSettings"]["Networks"]
    yield {network: str(networks[network]["IPAddress"]) for network in ("plain", "secret")}
    for name in ("node1", "node2"):
        node(name).run(f"docker rm --force {CONTAINER}")


def test_the_export_is_open_to_the_labs_subnet_and_to_nobody_else() -> None:
    active = node("node1").check_output("exportfs -s").splitlines()
    assert [line.split("(")[0].split() for line in active] == [["/srv/nfs/app", lab_variables()["lab_subnet"]]]


def test_what_a_container_writes_to_the_nfs_volume_a_container_on_the_other_node_reads() -> None:
    written = node("node1").check_output(
        f"docker run --rm -v app-data:/data {IMAGE} sh -c "
        "'head -c 16 /dev/urandom | md5sum | tee /data/token; grep \" /data \" /proc/mounts >&2' 2>/root/mounts"
    )
    read = node("node2").check_output(f"docker run --rm -v app-data:/data {IMAGE} cat /data/token")
    assert len(written) > 32
    assert read == written
    assert node("node1").check_output("cat /srv/nfs/app/token") == written
    mounted = node("node1").check_output("cat /root/mounts").split()
    assert mounted[2] == "nfs4"
    assert "vers=4.2" in mounted[3].split(",")


def test_a_plain_overlay_shows_its_packets_on_the_wire(addresses: dict[str, str]) -> None:
    assert wait_for(lambda: ping(addresses["plain"]), seconds=30)
    wire = watch_while_pinging("plain", addresses["plain"])
    assert wire.answered
    assert wire.clear > 0
    assert wire.esp == 0


def test_an_encrypted_overlay_shows_only_esp_on_the_wire(addresses: dict[str, str]) -> None:
    assert wait_for(lambda: ping(addresses["secret"]), seconds=30)
    wire = watch_while_pinging("secret", addresses["secret"])
    assert wire.answered
    assert wire.esp > 0
    assert wire.clear == 0


def test_an_encrypted_overlay_carries_nothing_where_protocol_50_is_blocked(addresses: dict[str, str]) -> None:
    assert ping(addresses["secret"])
    node("node2").check_output("iptables -I INPUT -p esp -j DROP")
    try:
        assert not ping(addresses["secret"])
        assert ping(addresses["plain"])
    finally:
        node("node2").check_output("iptables -D INPUT -p esp -j DROP")
    assert ping(addresses["secret"])


@pytest.fixture
def blocked_esp(addresses: dict[str, str]) -> Iterator[None]:
    node("node2").check_output("iptables -I INPUT -p esp -j DROP")
    yield
    node("node2").check_output("iptables -D INPUT -p esp -j DROP")


def test_protocol_50_blocked_on_one_node_is_told_of_its_pairs_alone_with_the_cause(blocked_esp: None) -> None:
    said = verify()
    told = " ".join(said.stdout.split())
    assert said.returncode != 0
    assert "plain overlay attachable all 6 verified" in told, said.stdout
    for pair, peer in (("node1 and node2", "node1"), ("node2 and node3", "node3")):
        reason = f"ESP (protocol 50) from {peer} comes to node2 and no further: the firewall of node2 drops it"
        assert f"network secret between {pair}: {reason}" in told, said.stdout
        assert f"the firewall of {peer}" not in told
    assert "network secret between node1 and node3" not in told


def test_protocol_50_blocked_refuses_encrypted_networks_before_they_are_made(blocked_esp: None) -> None:
    late = '{"docker_networks_list": [{"name": "late", "encrypted": true}]}'
    said = playbook("networks", "-e", "berthage_managers_group=managers", "-e", late)
    told = " ".join(said.stdout.split())
    assert said.returncode != 0
    assert "node2, firewall: IP protocol 50 (ESP) from node1 and node3 does not get here" in told, said.stdout
    assert "node1, firewall" not in told
    assert node("node1").run("docker network inspect late").rc != 0


def test_every_pair_of_nodes_is_seen_to_encrypt_once_nothing_is_blocked() -> None:
    said = verify()
    assert said.returncode == 0, said.stdout
    rows = [" ".join(line.split()) for line in said.stdout.splitlines()]
    assert any(row.startswith("plain overlay attachable all 6 verified (as clear VXLAN ") for row in rows), said.stdout
    assert any(row.startswith("secret overlay attachable, encrypted all 6 verified (as ESP alone") for row in rows)


def test_one_virtual_address_leads_to_the_service_on_both_nodes(addresses: dict[str, str]) -> None:
    serve = "mkdir /w && hostname > /w/index.html && exec httpd -f -p 80 -h /w"
    node("node1").check_output(
        "docker service create --quiet --detach --name kernel-web --network plain --replicas 2 "
        f"--replicas-max-per-node 1 --no-resolve-image {IMAGE} sh -c '{serve}'"
    )
    try:
        assert wait_for(lambda: running_tasks() == {"node1", "node2"}, seconds=90, pause=3)
        (address,) = [
            entry["Addr"].split("/")[0]
            for entry in docker_json(node("node1"), "service", "inspect", "kernel-web")[0]["Endpoint"]["VirtualIPs"]
        ]
        asked = f"for i in 1 2 3 4 5 6 7 8; do timeout 5 wget -q -O - http://{address}; done"
        answers = wait_for(lambda: both_answered(asked), seconds=60, pause=3)
        assert len(answers) == 2, answers
        assert node("node1").run("grep -q '^ip_vs ' /proc/modules || test -e /proc/net/ip_vs").rc == 0
    finally:
        node("node1").check_output("docker service rm kernel-web")


def verify() -> subprocess.CompletedProcess[str]:
    return playbook("verify")


def playbook(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    variables = inventory().parents[3] / "molecule" / "kernel" / "group_vars" / "all.yml"
    said = run_playbook(f"berthage.swarm.{name}", "-e", f"@{variables}", "-e", "berthage_nodes_group=all", *arguments)
    print(said.stdout)
    return said


class Wire:
    """What tcpdump saw on the first node's interface during a few pings."""

    def __init__(self, answered: bool, seen: str, network_id: str) -> None:
        lines = seen.splitlines()
        self.answered = answered
        self.esp = sum("ESP(" in line for line in lines)
        self.clear = sum(line.rstrip().endswith(f"vni {network_id}") for line in lines)


def watch_while_pinging(network: str, address: str) -> Wire:
    """Listen for ESP and VXLAN while the first node's container pings an address on the second."""
    interface = lab_variables()["lab_interface"]
    seen = node("node1").run(
        f"timeout 60 tcpdump -lni {interface} 'esp or udp port 4789' >/root/wire 2>/root/wire.err & "
        "for i in $(seq 50); do grep -q listening /root/wire.err && break; sleep 0.2; done; "
        f"docker exec {CONTAINER} ping -c 4 -W 3 {address} >/root/pinged 2>&1; said=$?; "
        "sleep 1; kill %1; cat /root/wire; exit $said"
    )
    return Wire(seen.rc == 0, seen.stdout, network_id(network))


def network_id(network: str) -> str:
    """The VXLAN id of an overlay that the node takes part in."""
    options = docker_json(node("node1"), "network", "inspect", network)[0]["Options"]
    return str(options["com.docker.network.driver.overlay.vxlanid_list"])


def ping(address: str) -> bool:
    return node("node1").run(f"docker exec {CONTAINER} ping -c 2 -W 3 {address}").rc == 0


def running_tasks() -> set[str]:
    lines = node("node1").check_output(
        "docker service ps --filter desired-state=running --format '{{.Node}} {{.CurrentState}}' kernel-web"
    )
    return {line.split()[0] for line in lines.splitlines() if line.split()[1] == "Running"}


def both_answered(asked: str) -> set[str]:
    """The containers that answered at the service's one address; empty until both have."""
    answers = set(node("node1").run(f"docker exec {CONTAINER} sh -c '{asked}'").stdout.split())
    return answers if len(answers) > 1 else set()
