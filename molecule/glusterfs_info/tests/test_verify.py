# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`berthage.swarm.verify` says that a pool is well when it is, and names the brick that is down."""

from __future__ import annotations

import pytest
from checks import node, run_playbook, wait_for
from module_calls import module

testinfra_hosts = ["ansible://node1"]


def verify():
    outcome = run_playbook("berthage.swarm.verify")
    return outcome.returncode, [" ".join(line.split()) for line in outcome.stdout.splitlines()]


@pytest.fixture
def well(host):
    problems = wait_for(lambda: module(host, "gluster_info").get("problems") == [], seconds=60, pause=2)
    assert problems


@pytest.fixture
def killed_brick(host, well):
    node("node2").check_output("kill -9 $(cat /run/gluster/vols/gv0/*.pid)")
    yield f"{node('node2').check_output('hostname -I').split()[0]}:/data/brick1/gv0"
    host.check_output("gluster --mode=script volume start gv0 force")
    assert wait_for(lambda: module(host, "gluster_info").get("problems") == [], seconds=60, pause=2)


def test_a_pool_that_is_well_is_verified(well):
    status, lines = verify()

    assert status == 0, lines
    assert "RESULT" in lines
    # The pool and two volumes; the third is stopped.
    assert any(line.startswith("3 verified, 1 skipped, 0 failed") for line in lines), lines
    assert "glusterfs volume idle: its state is Created" in lines


def test_a_killed_brick_fails_the_verification_which_names_it(killed_brick):
    status, lines = verify()

    assert status != 0
    assert any(line.startswith(f"glusterfs volume gv0: offline: {killed_brick}") for line in lines), lines
    assert any(line.startswith("2 verified, 1 skipped, 1 failed") for line in lines), lines
    assert f"gv0 Replicate Started {killed_brick} OFFLINE" in lines
