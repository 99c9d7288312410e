# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of GlusterFS hosts and clients while containers write. After each one all is well again without a hand."""

from __future__ import annotations

from typing import Any, Iterator

import pytest
from checks import docker_json, lab_variables, node, power_cut, power_on, wait_for
from figures import measured
from gluster_health import connected, online, pending, split
from writers import Writer

testinfra_hosts = ["ansible://node1"]

HOSTS = ("node1", "node2", "node3")
VOLUMES = ("tuned", "stock")
# What a writer may have to wait at most, in seconds.
PAUSE = 10.0
# Hosts of this lab take their time to start; what is asserted of writers does not depend on it.
WELL_WITHIN = 400.0

TUNED = Writer("node1", "tuned", "/mnt/glusterfs/tuned/app")
STOCK = Writer("node1", "stock", "/mnt/glusterfs/stock/app")
MINORITY = Writer("node3", "tuned", "/mnt/glusterfs/tuned/app")


@pytest.fixture(autouse=True)
def tuned() -> Iterator[Writer]:
    """A writer on the volume with the profile, on node1; all is well before."""
    wait_until_well()
    TUNED.start()
    wait_until_it_writes(TUNED)
    yield TUNED
    TUNED.stop()


@pytest.fixture
def stock(tuned: Writer) -> Iterator[Writer]:
    STOCK.start()
    wait_until_it_writes(STOCK)
    yield STOCK
    STOCK.stop()


@pytest.fixture
def minority(tuned: Writer) -> Iterator[Writer]:
    MINORITY.start()
    wait_until_it_writes(MINORITY)
    yield MINORITY
    MINORITY.stop()


def test_a_power_cut_of_one_host_costs_a_short_pause_and_nothing_acknowledged(tuned: Writer, stock: Writer) -> None:
    since = tuned.now()
    power_cut("node3")
    assert wait_for(lambda: has_paused_and_goes_on(stock, since), seconds=200, pause=5), stock.summary(since)
    ours, theirs = tuned.summary(since), stock.summary(since)
    measured("power cut of one of three hosts: pause with the profile", f"{ours['longest_pause']} s")
    measured("power cut of one of three hosts: pause with stock options", f"{theirs['longest_pause']} s")
    power_on("node3")
    measured("power cut of one of three hosts: healed, after it answered, in", f"{wait_until_well():.0f} s")

    assert 1 < ours["longest_pause"] <= PAUSE
    assert theirs["longest_pause"] > 30
    assert (ours["errors"], theirs["errors"]) == ({}, {})
    nothing_is_lost(tuned, stock)


def test_a_killed_brick_costs_no_pause_and_is_started_again(tuned: Writer) -> None:
    since = tuned.now()
    killed = "/var/run/gluster/vols/tuned/*.pid"
    node("node2").check_output(f"kill -9 $(cat {killed})")
    assert wait_for(lambda: list(online(node("node1"), "tuned").values()).count(False) == 1, seconds=30, pause=0.5)
    took = wait_until_well()
    seen = tuned.summary(since)
    measured("kill -9 of a brick: pause", f"{seen['longest_pause']} s")
    measured("kill -9 of a brick: back and healed in", f"{took:.0f} s")

    assert seen["longest_pause"] <= PAUSE
    assert seen["errors"] == {}
    nothing_is_lost(tuned)


def test_a_killed_glusterd_costs_no_pause_and_is_started_again(tuned: Writer) -> None:
    since = tuned.now()
    before = node("node2").check_output("systemctl show --property MainPID --value glusterd")
    node("node2").check_output(f"kill -9 {before}")
    assert wait_for(lambda: daemon_is_another_one(before), seconds=120, pause=2)
    took = wait_until_well()
    seen = tuned.summary(since)
    measured("kill -9 of glusterd: pause", f"{seen['longest_pause']} s")
    measured("kill -9 of glusterd: all well in", f"{took:.0f} s")

    assert seen["longest_pause"] <= PAUSE
    assert seen["errors"] == {}
    nothing_is_lost(tuned)


def test_a_full_brick_stops_nobody_and_heals_once_there_is_room(tuned: Writer) -> None:
    since = tuned.now()
    fill("node2")
    try:
        assert wait_for(lambda: heals(node("node1"), "tuned") > 0, seconds=120, pause=2)
        seen = tuned.summary(since)
    finally:
        make_room("node2")
    took = wait_until_well()
    measured("one full brick: pause", f"{seen['longest_pause']} s")
    measured("one full brick: healed, once there was room, in", f"{took:.0f} s")

    assert seen["longest_pause"] <= PAUSE
    assert seen["errors"] == {}
    nothing_is_lost(tuned)


def test_with_all_bricks_full_writes_are_refused_as_on_any_full_disk_until_there_is_room(tuned: Writer) -> None:
    for host in HOSTS:
        fill(host)
    try:
        full = tuned.now()
        assert wait_for(lambda: tuned.summary(full)["errors"], seconds=120, pause=2)
        refused = tuned.summary(full)["errors"]
    finally:
        for host in HOSTS:
            make_room(host)
    room = tuned.now()
    assert wait_for(lambda: tuned.summary(room)["acknowledged"] > 5, seconds=120, pause=2)
    first = tuned.summary(room)["first_acknowledged"]
    measured("all bricks full: refused with", ", ".join(refused))
    measured("all bricks full: writes again, once there was room, after", f"{first} s")

    assert set(refused) == {"ENOSPC"}
    nothing_is_lost(tuned)


def test_a_partition_leaves_the_majority_writing_and_the_minority_refused(tuned: Writer, minority: Writer) -> None:
    since, since_there = tuned.now(), minority.now()
    cut_off("node3")
    try:
        assert wait_for(lambda: minority.summary(since_there)["errors"], seconds=120, pause=2)
        refused = minority.summary(since_there)
        assert wait_for(lambda: tuned.summary(since)["silent_for"] < 3, seconds=60, pause=2)
        later = minority.now()
        ours = tuned.summary(since)
        assert wait_for(lambda: sum(minority.summary(later)["errors"].values()) > 3, seconds=60, pause=2)
        still = minority.summary(later)
    finally:
        reconnect("node3")
    took = wait_until_well()
    measured("partition: pause of the majority", f"{ours['longest_pause']} s")
    measured("partition: minority refused after", f"{refused['first_error']} s with {', '.join(refused['errors'])}")
    measured("partition: healed, once it was over, in", f"{took:.0f} s")

    assert ours["longest_pause"] <= PAUSE
    assert ours["errors"] == {}
    assert still["acknowledged"] == 0
    nothing_is_lost(tuned, minority)


@pytest.fixture
def task(tuned: Writer) -> Iterator[str]:
    """The container of a Swarm's service on the same volume."""
    host = node("node1")
    sleep = "/usr/bin/python3 -c 'import time; time.sleep(86400)'"
    host.check_output(
        f"docker swarm init --advertise-addr {lab_variables()['lab_interface']} && "
        "docker service create --detach --name task --no-resolve-image "
        "--mount type=volume,source=tuned,destination=/volume --mount type=bind,source=/usr,destination=/usr,readonly "
        f"host-python:1 {sleep}"
    )
    yield wait_for(task_that_reads, seconds=WELL_WITHIN, pause=2)
    host.check_output("docker swarm leave --force")
    assert wait_for(lambda: not host.check_output("docker ps --quiet --filter name=task"), seconds=60)


def task_that_reads() -> str:
    host = node("node1")
    container = host.check_output("docker ps --quiet --filter name=task").split()[:1]
    reads = container and host.run(f"timeout 20 docker exec {container[0]} /usr/bin/ls /volume/{TUNED.file}").rc == 0
    return container[0] if reads else ""


def test_a_killed_client_is_mounted_again_and_its_containers_restarted(tuned: Writer, task: str) -> None:
    host = node("node1")
    identity = docker_json(host, "inspect", tuned.container)[0]["Id"]
    since = tuned.now()
    host.check_output("systemctl kill --signal KILL mnt-glusterfs-tuned.mount")
    assert wait_for(lambda: tuned.goes_on_after_errors(since), seconds=120, pause=2), tuned.summary(since)
    seen = tuned.summary(since)
    measured("killed client: writes again after", f"{seen['longest_pause']} s")

    assert task
    assert wait_for(lambda: task_that_reads() not in ("", task), seconds=120, pause=2)
    assert docker_json(host, "inspect", tuned.container)[0]["Id"] == identity
    assert host.run("timeout 10 stat -f /mnt/glusterfs/tuned").rc == 0
    nothing_is_lost(tuned)


def test_with_two_of_three_hosts_gone_writes_are_refused_until_one_is_back(tuned: Writer) -> None:
    since = tuned.now()
    for host in ("node2", "node3"):
        power_cut(host)
    assert wait_for(lambda: tuned.summary(since)["errors"], seconds=120, pause=2)
    refused = tuned.summary(since)
    later = tuned.now()
    assert wait_for(lambda: sum(tuned.summary(later)["errors"].values()) > 3, seconds=60, pause=2)
    still = tuned.summary(later)
    for host in ("node2", "node3"):
        power_on(host)
    took = wait_until_well()
    measured(
        "two of three hosts gone: refused after", f"{refused['first_error']} s with {', '.join(refused['errors'])}"
    )
    measured("two of three hosts gone: all well, after both answered, in", f"{took:.0f} s")

    assert still["acknowledged"] == 0
    nothing_is_lost(tuned)


def test_after_a_cold_start_of_the_whole_pool_all_is_well(tuned: Writer) -> None:
    for host in HOSTS:
        power_cut(host)
    # The writer's host first and alone: Docker is there before the pool has its quorum.
    power_on("node1")
    assert wait_for(lambda: node("node1").run("docker info").rc == 0, seconds=WELL_WITHIN, pause=3)
    assert wait_for(lambda: reason_of_not_running(tuned), seconds=WELL_WITHIN, pause=3)
    reason = reason_of_not_running(tuned)
    for host in ("node2", "node3"):
        power_on(host)
    together = tuned.now()
    wait_until_it_writes(tuned, together)
    first = tuned.summary(together)["first_acknowledged"]
    wait_until_well()
    measured("cold start: the container on the first host says", reason)
    measured("cold start: writes, after the last host answered, in", f"{first} s")

    assert "/mnt/glusterfs/tuned" in reason
    nothing_is_lost(tuned)


def has_paused_and_goes_on(writer: Writer, since: float) -> bool:
    seen = writer.summary(since)
    return bool(seen["longest_pause"] > 5 and seen["silent_for"] < 3)


def reason_of_not_running(writer: Writer) -> str:
    state: dict[str, Any] = docker_json(node(writer.host), "inspect", writer.container)[0]["State"]
    return "" if state["Running"] else str(state["Error"])


def daemon_is_another_one(before: str) -> bool:
    now = node("node2").check_output("systemctl show --property MainPID --value glusterd")
    return now not in ("0", before)


def heals(host: Any, volume: str) -> int:
    return sum(int(count) for count in pending(host, volume) if count.isdigit())


def fill(host: str) -> None:
    """No room in the file system of the bricks, but for what its superuser could still take."""
    node(host).check_output("fallocate -l $(($(stat -f -c '%f * %S' /data))) /data/filler || true; sync -f /data")


def make_room(host: str) -> None:
    node(host).check_output("rm -f /data/filler; sync -f /data")


def cut_off(name: str) -> None:
    node(name).check_output(firewall(name, "--insert"))


def reconnect(name: str) -> None:
    node(name).check_output(firewall(name, "--delete"))


def firewall(name: str, action: str) -> str:
    """Nothing comes from the other hosts, nothing goes to them. The way from the controller stays open."""
    network = lab_variables()["lab_subnet"].rpartition(".")[0]
    peers = [f"{network}.{11 + number}" for number, other in enumerate(HOSTS) if other != name]
    return " && ".join(
        f"iptables --wait {action} INPUT --source {peer} --jump DROP && "
        f"iptables --wait {action} OUTPUT --destination {peer} --jump DROP"
        for peer in peers
    )


def wait_until_it_writes(writer: Writer, since: float | None = None) -> None:
    since = writer.now() if since is None else since
    assert wait_for(lambda: writer.summary(since)["acknowledged"] > 5, seconds=WELL_WITHIN), (
        writer.summary(since),
        docker_json(node(writer.host), "inspect", writer.container)[0]["State"],
    )


def wait_until_well() -> float:
    """Until hosts are connected, bricks online, and nothing is to be healed; returns the seconds that it took."""
    began = TUNED.now()
    host = node("node1")
    assert wait_for(lambda: connected(host) == [True] * 3, seconds=WELL_WITHIN, pause=2), connected(host)
    for volume in VOLUMES:
        wait_until_healed(host, volume)
    return TUNED.now() - began


def wait_until_healed(host: Any, volume: str) -> None:
    all_there = wait_for(lambda: list(online(host, volume).values()) == [True] * 3, seconds=WELL_WITHIN, pause=2)
    assert all_there, (volume, online(host, volume))
    healed = wait_for(lambda: pending(host, volume) == ["0"] * 3, seconds=WELL_WITHIN, pause=2)
    assert healed, (volume, pending(host, volume))
    assert wait_for(lambda: split(host, volume), seconds=60) == ["0"] * 3


def nothing_is_lost(*writers: Writer) -> None:
    """Not for who reads the volume, and on none of its copies."""
    for writer in writers:
        wait_until_it_writes(writer)
        writer.stop()
        assert writer.summary()["acknowledged"] > 0
        assert writer.lost() == []
    wait_until_well()
    for writer in writers:
        lost = {host: writer.lost_on(host, f"/data/bricks/{writer.volume}/app") for host in HOSTS}
        assert lost == {host: [] for host in HOSTS}
