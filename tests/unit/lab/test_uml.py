# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lab.model import Lab
from lab.uml import kernel_parameters, memory_directory
from lab.umlnet import mac, rules


def test_a_host_learns_its_address_and_its_neighbours_from_the_kernels_command_line(three_hosts: Lab) -> None:
    assert kernel_parameters(three_hosts, three_hosts.hosts[1], "192.0.2.53", 1400) == [
        "lab.address=10.77.7.12/24",
        "lab.gateway=10.77.7.1",
        "lab.dns=192.0.2.53",
        "lab.hosts=node1=10.77.7.11,node2=10.77.7.12,node3=10.77.7.13",
        "lab.mtu=1400",
    ]


def test_no_two_hosts_of_any_two_labs_share_a_mac_address(three_hosts: Lab) -> None:
    other = replace(three_hosts, subnet_index=8)
    addresses = [mac(lab, host) for lab in (three_hosts, other) for host in lab.hosts]
    assert len(set(addresses)) == len(addresses)


def test_every_firewall_rule_carries_the_name_of_its_lab(three_hosts: Lab) -> None:
    assert all("berthage-lab:trial" in rule for rule in rules(three_hosts))


def test_without_room_in_memory_the_hosts_memory_is_a_file_beside_its_disks(tmp_path: Path) -> None:
    assert memory_directory(tmp_path, shared_memory=tmp_path / "missing") == tmp_path
