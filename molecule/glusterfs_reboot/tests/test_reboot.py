# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts with kernels of their own are rebooted, and a client goes on."""

from __future__ import annotations

import re
import time

import pytest
from checks import node, run_playbook, wait_for
from figures import measured
from rolling import a_writer, nothing_is_lost, problems

testinfra_hosts = ["ansible://node1"]

PLAYBOOK = "berthage.swarm.glusterfs_reboot"
MEMBERS = ("node1", "node2", "node3")
# A client notices at once that a server ends, so this is no network.ping-timeout.
LONGEST_PAUSE = 10.0
# What is written while a host is away has to be healed, which User-Mode Linux does slowly.
PAUSE = 1.0
# Hosts in User-Mode Linux are back after half a minute, on a busy machine later; their bricks, too.
BACK_WITHIN = 300.0
LATE = "/etc/systemd/system/ssh.service.d"


def boot(name: str) -> str:
    """Another one after each boot; nothing of a host that does not answer."""
    try:
        return node(name).check_output("cat /proc/sys/kernel/random/boot_id")
    except RuntimeError:
        return ""


def boots() -> dict[str, str]:
    found = {name: boot(name) for name in MEMBERS}
    assert all(found.values()), found
    return found


def rebooted(before: dict[str, str]) -> set[str]:
    after = boots()
    return {name for name in MEMBERS if after[name] != before[name]}


def said(run) -> str:
    """On one line: Ansible breaks long ones anywhere."""
    return " ".join(run.stdout.split())


def test_hosts_follow_each_other_while_a_client_writes_and_nothing_that_was_acknowledged_is_lost():
    before, began = boots(), time.monotonic()
    with a_writer("client", PAUSE) as written:
        run = run_playbook(PLAYBOOK)

    assert run.returncode == 0, run.stdout
    measured("three hosts rebooted, one by one, in", f"{time.monotonic() - began:.0f} s; {written}")
    assert rebooted(before) == set(MEMBERS)
    assert len(written.acknowledged) > 50
    assert written.errors == []
    assert written.pause < LONGEST_PAUSE
    assert not problems()
    nothing_is_lost(written, MEMBERS, "/data/brick1/gv0")


def test_after_a_host_that_is_not_back_in_time_nothing_further_is_touched_and_the_pool_mends_itself():
    before = boots()
    # A small system may be up again before its time is over, and then the next one is taken.
    node("node1").check_output(f"mkdir {LATE} && printf '[Service]\\nExecStartPre=/bin/sleep 30\\n' > {LATE}/late.conf")
    run = run_playbook(PLAYBOOK, "-e", "berthage_glusterfs_reboot_timeout=3")

    assert run.returncode != 0
    assert "node1: it was told to reboot, and was not back within 3 s; no further host was touched" in said(run)
    assert wait_for(lambda: boot("node1") not in ("", before["node1"]), seconds=BACK_WITHIN, pause=5)
    node("node1").check_output(f"rm -r {LATE} && systemctl daemon-reload")
    assert rebooted(before) == {"node1"}
    assert wait_for(lambda: not problems(), seconds=BACK_WITHIN, pause=5), problems()


@pytest.mark.parametrize("seconds", ["15m", "0"])
def test_a_limit_in_which_no_host_can_be_back_is_refused_before_any_goes(seconds):
    before = boots()
    run = run_playbook(PLAYBOOK, "-e", f"berthage_glusterfs_reboot_timeout={seconds}")

    assert run.returncode != 0
    assert "berthage_glusterfs_reboot_timeout: give a whole number of seconds" in said(run)
    assert rebooted(before) == set()
    assert not problems()


def test_a_reboot_by_hand_ends_the_bricks_while_their_clients_can_still_be_told():
    before = boots()
    with a_writer("client", PAUSE) as written:
        node("client").check_output("truncate --size=0 /var/log/glusterfs/mnt-rolling.log")
        node("node2").check_output("systemd-run --on-active=1 systemctl reboot 2>&1")
        assert wait_for(lambda: boot("node2") not in ("", before["node2"]), seconds=BACK_WITHIN, pause=5)
        assert wait_for(lambda: not problems(), seconds=BACK_WITHIN, pause=5), problems()

    assert rebooted(before) == {"node2"}
    measured("one host rebooted by hand", written)
    assert written.errors == []
    log = node("client").check_output("cat /var/log/glusterfs/mnt-rolling.log")
    assert "gv0-client-1: disconnected from" in log
    # What a client says of a brick that has gone without a word, after network.ping-timeout; 24007 is glusterd, which
    # it asks for the brick's port while the host comes up.
    assert not re.search(r"server \S+:(?!24007)\d+ has not responded", log)
    # systemd's account of the shutdown: when glusterd had stopped, no brick was left for the end, which has no network.
    journal = node("node2").check_output("journalctl --boot=-1 --unit=glusterd --no-pager")
    assert "Stopped glusterd.service" in journal
    assert "(glusterfsd) remains running after unit stopped" not in journal
    nothing_is_lost(written, MEMBERS, "/data/brick1/gv0")


def test_only_hosts_that_want_it_are_rebooted():
    before = boots()
    node("node2").check_output("touch /run/reboot-required")
    # Of the kind that runs, and newer; and one of another kind, which is no reason.
    node("node3").check_output("touch /boot/vmlinuz-99.1.0 /boot/vmlinuz-99.2.0-rt-amd64")
    node("node1").check_output("touch /boot/vmlinuz-2.6.32 /boot/vmlinuz-99.2.0-rt-amd64")
    wanted = ("-e", "berthage_glusterfs_reboot_only_needed=true")

    ahead = run_playbook(PLAYBOOK, "--check", *wanted)
    assert ahead.returncode == 0, ahead.stdout
    assert rebooted(before) == set()
    run = run_playbook(PLAYBOOK, *wanted)

    assert run.returncode == 0, run.stdout
    assert rebooted(before) == {"node2", "node3"}

    node("node3").check_output("rm /boot/vmlinuz-*")
    between = boots()
    again = run_playbook(PLAYBOOK, *wanted)
    assert again.returncode == 0, again.stdout
    assert again.stdout.count("changed=0") == len(MEMBERS)
    assert rebooted(between) == set()
