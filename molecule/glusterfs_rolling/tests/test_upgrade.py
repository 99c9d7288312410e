# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tests go from an old pool to a new one, in this order."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from checks import node, run_playbook, wait_for
from figures import measured
from rolling import a_writer, nothing_is_lost, problems

testinfra_hosts = ["ansible://node1"]

MEMBERS = ("node1", "node2", "node3")
NEW = "+lab1"
# A client notices at once that a server ends, so this is no network.ping-timeout.
LONGEST_PAUSE = 10.0
ACCEPTED = ("-e", "berthage_glusterfs_accept_outage=true")
UNCHANGED = dict.fromkeys(MEMBERS, 0)
STOP = (Path(__file__).parents[3] / "playbooks" / "files" / "glusterfs_stop.sh").read_text()


def version(name: str) -> str:
    return node(name).check_output("dpkg-query --show --showformat='${Version}' glusterfs-server")


def servers(name: str) -> set[str]:
    """The processes of glusterd and of its bricks."""
    return set(node(name).check_output("pidof glusterd glusterfsd").split())


def left_without_servers(name: str) -> None:
    """As a run leaves a host that loses its connection before it starts them again."""
    node(name).check_output(f"/bin/sh -s <<'END'\n{STOP}\nEND")
    assert node(name).run("pidof glusterd glusterfsd").rc != 0


def changes(run: subprocess.CompletedProcess[str]) -> dict[str, int]:
    assert run.returncode == 0, run.stdout
    return {name: int(number) for name, number in re.findall(r"(node\d) +: ok=\d+ +changed=(\d+)", run.stdout)}


def said(run: subprocess.CompletedProcess[str]) -> str:
    """On one line: Ansible breaks long ones anywhere."""
    return " ".join(run.stdout.split())


def test_a_host_that_a_volume_cannot_do_without_is_not_touched():
    host = node("node1")
    here, there = (node(name).check_output("hostname -I").split()[0] for name in ("node1", "node2"))
    bricks = f"{here}:/data/pair-1 {here}:/data/pair-2 {there}:/data/pair-3"
    host.check_output(f"gluster --mode=script volume create pair replica 3 {bricks} force")
    try:
        host.check_output("gluster --mode=script volume start pair")
        old, before = version("node1"), servers("node1")
        run = run_playbook("berthage.swarm.glusterfs_upgrade")

        assert run.returncode != 0
        # Three copies do not help where two of them are here.
        assert "node1: without this host the volumes pair, single could not be used" in said(run)
        assert (version("node1"), servers("node1")) == (old, before)
    finally:
        host.run("gluster --mode=script volume stop pair")
        host.check_output("gluster --mode=script volume delete pair")


@pytest.mark.parametrize("seconds", ["1h", "60s", "-5"])
def test_a_limit_that_is_no_number_is_not_taken_for_none(seconds):
    before = servers("node1")
    run = run_playbook(
        "berthage.swarm.glusterfs_upgrade", *ACCEPTED, "-e", f"berthage_glusterfs_heal_timeout={seconds}"
    )

    assert run.returncode != 0
    assert "berthage_glusterfs_heal_timeout: give a whole number of seconds" in said(run)
    assert servers("node1") == before


def test_a_host_that_cannot_be_rebooted_has_its_servers_again():
    host = node("node1")
    host.check_output("mv /sbin/shutdown /sbin/shutdown.away")
    try:
        run = run_playbook("berthage.swarm.glusterfs_reboot", *ACCEPTED)
    finally:
        host.check_output("mv /sbin/shutdown.away /sbin/shutdown")

    assert run.returncode != 0
    assert "node1: it could not be rebooted, its servers were started again, and no further host was touched" in said(
        run
    )
    assert wait_for(lambda: not problems(), seconds=60), problems()


def test_a_pool_with_a_dead_brick_is_not_touched():
    # Nobody may start it again meanwhile.
    node("node3").run("systemctl stop berthage-bricks.service")
    node("node3").check_output("kill -9 $(cat /var/run/gluster/vols/gv0/*.pid)")
    assert wait_for(problems, seconds=20)
    before = servers("node1")

    run = run_playbook("berthage.swarm.glusterfs_upgrade", *ACCEPTED, "-e", "berthage_glusterfs_before_timeout=0")

    assert run.returncode != 0
    assert "node1: it was to be taken next, and in 0 s the pool was not whole; nothing further was done" in said(run)
    assert re.search(r"gv0, offline: \S+\.13:/data/brick1/gv0,", said(run))
    assert servers("node1") == before
    assert NEW not in version("node1")

    node("node1").check_output("gluster --mode=script volume start gv0 force")
    assert wait_for(lambda: not problems(), seconds=60)
    node("node3").run("systemctl start berthage-bricks.service")


def test_hosts_follow_each_other_while_a_client_writes_and_nothing_that_was_acknowledged_is_lost():
    before = {name: servers(name) for name in MEMBERS}
    with a_writer("client") as written:
        run = run_playbook("berthage.swarm.glusterfs_upgrade", *ACCEPTED)

    assert run.returncode == 0, run.stdout
    assert all(NEW in version(name) for name in MEMBERS)
    assert not any(servers(name) & before[name] for name in MEMBERS)

    measured("three hosts upgraded, one by one", written)
    assert len(written.acknowledged) > 50
    assert written.errors == []
    assert written.pause < LONGEST_PAUSE
    assert not problems()
    nothing_is_lost(written, MEMBERS, "/data/brick1/gv0")


def test_another_run_changes_nothing():
    before = {name: servers(name) for name in MEMBERS}

    assert changes(run_playbook("berthage.swarm.glusterfs_upgrade")) == UNCHANGED

    assert {name: servers(name) for name in MEMBERS} == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("berthage.swarm.glusterfs_upgrade",),
        ("berthage.swarm.glusterfs_reboot", "-e", "berthage_glusterfs_reboot_only_needed=true"),
    ],
    ids=["upgrade", "reboot"],
)
def test_a_host_whose_servers_a_lost_connection_has_left_ended_gets_them_back(arguments):
    before = {name: servers(name) for name in ("node1", "node2")}
    left_without_servers("node3")

    assert changes(run_playbook(*arguments, "--check")) == {**UNCHANGED, "node3": 1}
    assert node("node3").run("pidof glusterd glusterfsd").rc != 0

    assert changes(run_playbook(*arguments)) == {**UNCHANGED, "node3": 1}
    assert not problems()
    assert {name: servers(name) for name in ("node1", "node2")} == before

    assert changes(run_playbook(*arguments)) == UNCHANGED


def test_packages_that_are_there_by_half_are_finished():
    host = node("node2")
    left_without_servers("node2")
    # What a dpkg notes that is killed now: nothing but another dpkg may go on from there.
    host.check_output("dpkg --unpack /opt/newer/glusterfs-server.deb")
    host.check_output("dpkg-query --status glusterfs-server > /var/lib/dpkg/updates/0000")

    run = run_playbook("berthage.swarm.glusterfs_upgrade", *ACCEPTED)

    assert changes(run)["node2"] > 0
    status = "dpkg-query --show --showformat='${db:Status-Status}' glusterfs-server"
    assert host.check_output(status) == "installed"
    assert not problems()
    assert changes(run_playbook("berthage.swarm.glusterfs_upgrade")) == UNCHANGED
