# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What gluster_info says of a pool on which real things go wrong, and that it says so in time."""

from __future__ import annotations

import time
from contextlib import contextmanager

from checks import node, wait_for
from figures import measured
from module_calls import module

testinfra_hosts = ["ansible://node1"]

MEMBERS = ("node1", "node2", "node3")
GLUSTER = "gluster --mode=script volume"
KILL = "kill -9 $(cat /run/gluster/vols/{}/*.pid)"


def info(host, **arguments):
    result = module(host, "gluster_info", **arguments)
    assert not result["failed"], result
    assert not result["changed"]
    return result


def volume(result, name="gv0"):
    (found,) = (each for each in result["volumes"] if each["name"] == name)
    return found


def messages(result, field):
    return [problem["message"] for problem in result["problems"] if problem["field"] == field]


def mount(host, name, directory):
    host.check_output(
        f"mkdir -p {directory}"
        f" && (mountpoint -q {directory} || timeout 30 mount -t glusterfs localhost:/{name} {directory})"
        f" && timeout 30 stat -f {directory}"
    )
    return directory


def write(host, path, text):
    host.check_output(f"timeout 30 sh -c 'echo {text} > {path} && sync {path}'")


def is_well(host):
    result = info(host)
    return result if not result["problems"] else None


def address(name):
    return node(name).check_output("hostname -I").split()[0]


@contextmanager
def brick_down(name):
    node(name).check_output(KILL.format("gv0"))
    try:
        yield
    finally:
        node("node1").check_output(f"{GLUSTER} start gv0 force")


def test_a_pool_that_is_well_has_every_brick_online_and_no_problem(host):
    result = wait_for(lambda: is_well(host), seconds=60, pause=2)

    assert result, info(host)["problems"]
    assert sorted((member["is_local"], member["connected"]) for member in result["pool"]) == [
        (False, True),
        (False, True),
        (True, True),
    ]
    gv0 = volume(result)
    assert (gv0["type"], gv0["layout"], gv0["status"], gv0["healed"]) == ("Replicate", "replica 3", "Started", True)
    assert [brick["online"] for brick in gv0["bricks"]] == [True, True, True]
    assert [brick["pending_heals"] for brick in gv0["bricks"]] == [0, 0, 0]
    total = int(host.check_output("echo $(($(stat -f -c '%b * %S' /data/brick1)))"))
    assert gv0["bricks"][0]["total_bytes"] == total
    assert 0 < gv0["bricks"][0]["free_bytes"] <= total
    pid = gv0["bricks"][0]["pid"]
    assert "glusterfsd" in host.check_output(f"cat /proc/{pid}/cmdline")
    assert (volume(result, "idle")["status"], volume(result, "idle")["bricks"][0]["online"]) == ("Created", None)


def test_every_host_of_the_pool_says_the_same_of_volumes_whose_bricks_it_has_not(host):
    assert wait_for(lambda: is_well(host), seconds=60, pause=2)
    other = info(node("node2"))

    assert other["problems"] == []
    assert volume(other, "second")["bricks"][0]["online"] is True
    # Gluster itself fails to answer there when nobody is connected.
    assert (volume(other, "second")["clients"], volume(other, "second")["client_addresses"]) == ({}, [])


def test_only_the_volumes_and_subjects_that_are_named_are_told(host):
    result = info(host, volumes=["second", "nobody"], gather=["bricks"])

    assert [each["name"] for each in result["volumes"]] == ["second"]
    assert result["missing"] == ["nobody"]
    assert volume(result, "second")["bricks"][0]["online"] is True
    assert volume(result, "second")["clients"] is None


def test_a_newer_gluster_says_the_same(host):
    alone = node("alone")
    assert alone.check_output("gluster --version").split()[1].startswith("11.")
    mount(alone, "lone", "/mnt/lone")

    result = info(alone)

    assert result["problems"] == []
    lone = volume(result, "lone")
    assert [brick["online"] for brick in lone["bricks"]] == [True]
    assert (lone["heals"], lone["healed"], lone["split_brain"]) == (False, None, None)
    assert lone["clients"]["fuse"] == 1
    assert lone["client_addresses"] == [address("alone")]

    alone.check_output("umount /mnt/lone")
    assert wait_for(lambda: volume(info(alone), "lone")["clients"] == {}, seconds=20)


def test_clients_are_counted_and_named(host):
    mount(node("node3"), "second", "/mnt/second")
    found = volume(info(host, volumes=["second"], gather=["clients"]), "second")
    node("node3").check_output("umount /mnt/second")

    assert found["clients"] == {"fuse": 1}
    assert found["client_addresses"] == [address("node3")]


def test_a_killed_brick_and_a_stopped_daemon_are_told_apart_and_what_waits_is_counted(host):
    directory = mount(host, "gv0", "/mnt/gv0")
    write(host, f"{directory}/before", "before")
    assert wait_for(lambda: is_well(host), seconds=60, pause=2)

    with brick_down("node2"):
        assert wait_for(lambda: volume(info(host, gather=["bricks"]))["bricks"][1]["online"] is False, seconds=20)
        for number in range(3):
            write(host, f"{directory}/while-down-{number}", "new")
        one_down = info(host)

        node("node3").check_output("systemctl stop glusterd")
        try:
            assert wait_for(
                lambda: not all(member["connected"] for member in info(host, gather=[])["pool"]), seconds=30
            )
            started = time.monotonic()
            two_down = info(host)
            took = time.monotonic() - started
        finally:
            node("node3").check_output("systemctl start glusterd")

    bricks = volume(one_down)["bricks"]
    assert [brick["online"] for brick in bricks] == [True, False, True]
    # The three files, and the directory that they are in.
    assert [brick["pending_heals"] for brick in bricks] == [4, None, 4]
    assert volume(one_down)["healed"] is False
    assert messages(one_down, "bricks") == [f"offline: {address('node2')}:/data/brick1/gv0"]

    bricks = volume(two_down)["bricks"]
    assert [brick["online"] for brick in bricks] == [True, False, None]
    assert "is not connected" in bricks[2]["message"]
    assert [problem["item"] for problem in two_down["problems"] if problem["field"] == "pool"] == [address("node3")]
    measured("gluster_info with a brick and a glusterd down", f"{took:.1f} s")
    assert took < 30

    after = wait_for(lambda: is_well(host), seconds=120, pause=2)
    assert after, info(host)["problems"]
    assert [brick["pending_heals"] for brick in volume(after)["bricks"]] == [0, 0, 0]
    assert volume(after)["healed"] is True


def test_a_host_that_has_gone_silent_costs_a_limited_time_and_is_never_called_well(host):
    """No connection is closed, as when a host loses its power: its glusterd seems to be connected for a while."""
    third = node("node3")
    others = [address("node1"), address("node2")]
    drop = " && ".join(f"iptables -{{0}} INPUT -s {other} -j DROP" for other in others)
    third.check_output(drop.format("I"))
    try:
        started = time.monotonic()
        result = info(host, timeout=5)
        took = time.monotonic() - started
    finally:
        third.check_output(drop.format("D"))
    measured("gluster_info with a silent host and timeout=5", f"{took:.1f} s")

    # Six times the limit, and what Ansible itself takes.
    assert took < 6 * 5 + 15
    assert result["problems"]
    assert [each["name"] for each in result["volumes"]] == ["gv0", "idle", "second"]
    assert volume(result)["bricks"][2]["online"] is None
    assert volume(result)["healed"] is None
    assert wait_for(lambda: is_well(host), seconds=180, pause=3), info(host)["problems"]


def test_a_volume_that_another_command_locks_is_waited_for_and_told(host):
    setting = (
        "for n in $(seq 200); do gluster --mode=script volume set second diagnostics.brick-log-level INFO"
        " && touch /root/locked || true; done"
    )
    host.check_output(f"rm -f /root/locked; nohup sh -c '{setting}' >/dev/null 2>&1 & echo $! > /root/locker")
    try:
        assert wait_for(lambda: host.file("/root/locked").exists, seconds=20)
        for _time in range(3):
            result = info(host)
            assert result["unknown"] == []
            assert volume(result, "second")["bricks"][0]["online"] is True
            # Nor does anybody try to bring up a brick that only seems to be down.
            declared = {"name": "second", "bricks": ["node1:/data/brick1/second"]}
            assert module(host, "gluster_volumes", volumes=[declared], check=True).get("changed") is False
        # It was so all the time.
        assert host.run("kill -0 $(cat /root/locker)").rc == 0
    finally:
        host.run("kill $(cat /root/locker)")


def test_a_file_in_split_brain_is_named(host):
    second = node("node2")
    off = " ".join(f"cluster.{what} off" for what in ("self-heal-daemon", "data-self-heal", "metadata-self-heal"))
    host.check_output(
        f"{GLUSTER} create torn replica 2 node1:/data/brick1/torn node2:/data/brick1/torn force"
        f" && {GLUSTER} set torn {off} cluster.quorum-type none && {GLUSTER} start torn"
    )
    try:
        directory = mount(host, "torn", "/mnt/torn")
        write(host, f"{directory}/file", "by-both")
        host.check_output(KILL.format("torn") + " && sleep 1")
        write(host, f"{directory}/file", "by-the-second")
        second.check_output(KILL.format("torn"))
        host.check_output(f"umount {directory} && {GLUSTER} start torn force")
        second.check_output(KILL.format("torn"))
        mount(host, "torn", "/mnt/torn")
        write(host, f"{directory}/file", "by-the-first")
        host.check_output(f"{GLUSTER} start torn force")

        def torn():
            result = info(host, volumes=["torn"], gather=["bricks", "heal"])
            # A brick may list the file twice for a moment, as written to and as changed.
            once = [brick["split_brain"] for brick in volume(result, "torn")["bricks"]] == [1, 1]
            return result if once and volume(result, "torn")["split_brain"] else None

        result = wait_for(torn, seconds=30)
        assert result
        assert [each["path"] for each in volume(result, "torn")["split_brain"]] == ["/file"]
        assert messages(result, "split_brain") == ["copies contradict each other (/file)"]
        # It is one: whoever comes anew is told so (the writer has its own words cached), once both bricks answer him.
        host.check_output(f"umount {directory}")
        mount(host, "torn", "/mnt/torn")
        assert wait_for(lambda: "Input/output error" in host.run("timeout 20 cat /mnt/torn/file").stderr, seconds=30)
    finally:
        host.run(f"umount /mnt/torn; {GLUSTER} stop torn; {GLUSTER} delete torn; rm -rf /data/brick1/torn")
        second.run("rm -rf /data/brick1/torn")


def test_asking_changes_nothing_that_gluster_knows_and_leaves_no_mount(host):
    before = host.check_output("gluster volume info; gluster pool list; mount")
    info(host)
    assert host.check_output("gluster volume info; gluster pool list; mount") == before


def test_a_host_without_glusterd_says_so(host):
    alone = node("alone")
    alone.check_output("systemctl stop glusterd")
    try:
        result = module(alone, "gluster_info", timeout=10)
    finally:
        alone.check_output("systemctl start glusterd")
    assert result["failed"]
    assert "glusterd does not answer on this host; start it" in result["msg"]
