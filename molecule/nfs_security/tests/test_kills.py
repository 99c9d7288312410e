# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scenario nfs proves of nfs-ganesha, of the kernel's server: a killed run is ended by the next one."""

from __future__ import annotations

import nfs_kills
from checks import lab_variables
from module_calls import module

testinfra_hosts = ["ansible://server"]


def test_a_run_killed_at_any_change_of_the_server_is_ended_by_the_next_one(host):
    client = lab_variables()["lab_subnet"]
    host.check_output(f"mkdir -p {nfs_kills.BY_HAND} && exportfs -o rw,no_subtree_check {client}:{nfs_kills.BY_HAND}")
    try:
        points = nfs_kills.while_it_withdraws(host, "kernel", client)
    finally:
        host.check_output(f"exportfs -u {client}:{nfs_kills.BY_HAND}")
        module(host, "nfs_exports", name="kills", exports=[])
    nfs_kills.check_withdrawal(points)


def test_a_run_killed_while_it_takes_a_refused_change_back_leaves_nothing_open(host):
    try:
        points = nfs_kills.while_it_takes_back(host, "kernel", lab_variables()["lab_subnet"])
    finally:
        module(host, "nfs_exports", name="kills", exports=[])
    nfs_kills.check_taking_back(points)
