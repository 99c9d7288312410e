# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import shlex
from pathlib import Path
from xml.etree import ElementTree

import pytest
from checks import node, run_playbook, wait_for
from module_calls import module

testinfra_hosts = ["ansible://node1"]

CONVERGE = Path(__file__).parents[1] / "converge.yml"
ROLE = Path(__file__).parents[3] / "roles" / "glusterfs"
MEMBERS = ("node1", "node2", "node3")


def gluster(host, *words: str) -> ElementTree.Element:
    answer = host.check_output(f"gluster --mode=script --xml {' '.join(words)}")
    return ElementTree.fromstring(answer)  # noqa: S314 - from gluster on the lab's own host


def bricks_online(host, volume: str) -> list[bool]:
    status = gluster(host, "volume", "status", volume)
    return [
        element.findtext("status") == "1"
        for element in status.iter("node")
        if element.findtext("path", "").startswith("/")
    ]


def pending_heals(host, volume: str) -> list[str]:
    return [number.text for number in gluster(host, "volume", "heal", volume, "info").iter("numberOfEntries")]


def mount(host, source: str) -> str:
    """Where a volume is mounted on a host, once its client answers."""
    directory = "/mnt/" + source.replace(":/", "-")
    host.check_output(
        f"mkdir -p {directory} && (mountpoint -q {directory} || timeout 30 mount -t glusterfs {source} {directory})"
        f" && timeout 30 stat -f {directory}"
    )
    return directory


def test_every_host_sees_a_pool_of_three_connected_hosts():
    for name in MEMBERS:
        assert [peer.text for peer in gluster(node(name), "pool", "list").iter("connected")] == ["1", "1", "1"]


def test_the_daemon_is_there_after_a_boot():
    for name in MEMBERS:
        service = node(name).service("glusterd")
        assert service.is_running
        assert service.is_enabled


def test_bricks_live_on_and_serve_while_glusterd_is_restarted(host):
    second, online = node("node2"), bricks_online(host, "gv0")
    before = second.check_output("pgrep -x glusterfsd").split()
    assert len(before) == 2

    second.check_output("systemctl restart glusterd")

    assert second.check_output("pgrep -x glusterfsd").split() == before
    assert wait_for(lambda: bricks_online(host, "gv0") == online == [True] * 3, seconds=30)
    assert second.check_output("pgrep -x glusterfsd").split() == before
    # And so they do when it is killed, and systemd starts it again.
    assert second.check_output("systemctl show --property=KillMode --value glusterd") == "process"


def test_the_bricks_lie_in_the_declared_directory():
    for name in MEMBERS:
        directory = node(name).file("/data/brick1")
        assert (directory.user, directory.group, directory.mode) == ("root", "root", 0o750)
        assert node(name).file("/data/brick1/gv0/.glusterfs").is_directory


def test_the_replicated_volume_is_started_with_all_bricks_online(host):
    (volume,) = gluster(host, "volume", "info", "gv0").iter("volume")

    assert (volume.findtext("statusStr"), volume.findtext("typeStr")) == ("Started", "Replicate")
    assert volume.findtext("replicaCount") == "3"
    assert bricks_online(host, "gv0") == [True, True, True]


def test_the_options_of_the_profile_are_in_effect(host):
    for option, value in {
        "network.ping-timeout": "5",
        "server.tcp-user-timeout": "20",
        "performance.strict-o-direct": "on",
        "cluster.quorum-type": "auto",
    }.items():
        assert gluster(host, "volume", "get", "gv0", option).findtext(".//Value") == value


def test_a_volume_that_is_declared_stopped_is_not_running(host):
    (volume,) = gluster(host, "volume", "info", "arbitrated").iter("volume")

    assert volume.findtext("statusStr") == "Created"
    assert [brick.findtext("isArbiter") for brick in volume.iter("brick")] == ["0", "0", "1"]
    options = {option.findtext("name"): option.findtext("value") for option in volume.iter("option")}
    assert options["performance.cache-size"] == "64MB"


def test_an_empty_list_of_who_may_use_a_volume_does_not_open_it_to_everybody(host):
    allowed = {
        volume: gluster(host, "volume", "get", volume, "auth.allow").findtext(".//Value")
        for volume in ("gv0", "arbitrated")
    }

    assert allowed["gv0"].count(",") == 3, "the pool and the client"
    assert allowed["arbitrated"] == allowed["gv0"]


def test_an_address_that_this_run_does_not_know_is_not_replaced_by_another_one(host, tmp_path):
    """As of a client's fact, in a run of the pool alone. Another address would throw it out, and let in strangers."""
    more, before = tmp_path / "more.yml", host.check_output("gluster volume info")
    address = "{{ ansible_default_ipv4.address }}"
    more.write_text(json.dumps({"all": {"hosts": {"client": {"glusterfs_address": address}}}}), encoding="utf-8")
    run = run_playbook(CONVERGE, "-i", more)

    assert run.returncode != 0
    assert "'ansible_default_ipv4' is undefined" in run.stdout
    assert host.check_output("gluster volume info") == before


def test_runs_after_the_first_changed_nothing_that_gluster_knows(host):
    # The ids of the volumes are among it.
    first = host.file("/root/first_info").content_string
    assert "Volume ID: " in first
    assert host.check_output("gluster volume info").strip() == first.strip()


def test_refused_volumes_left_nothing_behind(host):
    assert gluster(host, "volume", "list").findtext("volList/count") == "3"
    for name in MEMBERS:
        assert sorted(node(name).file("/data/brick1").listdir())[-1] == "gv0"
        assert not node(name).file("/opt/rooted").exists


def test_what_one_host_writes_another_one_reads():
    first, third = node("node1"), node("node3")
    here, there = mount(first, "localhost:/gv0"), mount(third, "node3:/gv0")

    first.check_output(f"echo 'from the first' > {here}/shared && sync {here}/shared")

    assert third.check_output(f"cat {there}/shared") == "from the first"
    assert node("node2").file("/data/brick1/gv0/shared").content_string == "from the first\n"


def test_a_declared_client_gets_in_and_only_where_it_is_declared():
    client = node("client")
    directory = mount(client, "node1:/gv0")
    client.check_output(f"echo 'from the client' > {directory}/allowed && sync {directory}/allowed")
    assert node("node1").file("/data/brick1/gv0/allowed").content_string == "from the client\n"

    # The same client, the same way, to the same hosts.
    client.check_output("mkdir -p /mnt/closed")
    client.run("timeout 30 mount -t glusterfs node1:/closed /mnt/closed")
    assert client.run("timeout 10 ls /mnt/closed/.").rc != 0 or not client.mount_point("/mnt/closed").exists
    log = node("node2").file("/var/log/glusterfs/bricks/data-brick1-closed.log").content_string
    assert "cannot authenticate" in log.lower() or "authentication failed" in log.lower()


def kill_brick(of) -> None:
    of.check_output("kill -9 $(cat /var/run/gluster/vols/gv0/*.pid)")
    assert wait_for(lambda: bricks_online(of, "gv0").count(True) == 2, seconds=20)


def test_a_killed_brick_costs_nothing_and_heals(host):
    directory = mount(host, "localhost:/gv0")
    host.check_output(f"rm -f {directory}/meanwhile")
    second = node("node2")
    kill_brick(second)

    host.check_output(
        f"timeout 30 sh -c 'echo without-the-second > {directory}/meanwhile && sync {directory}/meanwhile'"
    )
    assert not second.file("/data/brick1/gv0/meanwhile").exists
    assert set(pending_heals(host, "gv0")) != {"0"}

    host.check_output("gluster --mode=script volume start gv0 force")
    assert wait_for(lambda: bricks_online(host, "gv0") == [True, True, True], seconds=30)
    assert wait_for(lambda: pending_heals(host, "gv0") == ["0", "0", "0"], seconds=90, pause=2)
    assert second.file("/data/brick1/gv0/meanwhile").content_string == "without-the-second\n"


GV0 = {"name": "gv0", "replica": 3, "bricks": [f"{name}:/data/brick1/gv0" for name in MEMBERS]}


def test_the_module_brings_a_killed_brick_up_and_says_so(host):
    kill_brick(node("node3"))

    result = module(host, "gluster_volumes", volumes=[GV0])

    assert result["changed"]
    assert [difference["field"] for difference in result["volumes"][0]["drift"]] == ["bricks_offline"]
    assert [brick["online"] for brick in result["volumes"][0]["bricks"]] == [True, True, True]


def look_after_bricks(of) -> str:
    """What the service says, which this scenario's hosts do without, after it came by some times."""
    program = (ROLE / "files" / "berthage-bricks.sh").read_text().replace("EVERY=15", "EVERY=1")
    return of.run(f"timeout 8 sh -c {shlex.quote(program)}").stdout


@pytest.fixture
def empty_in_place_of_a_brick():
    """On node3, as below a disk that has gone; as it was afterwards, whatever became of it."""
    third, brick = node("node3"), "/data/brick1/gv0"
    kill_brick(third)
    third.check_output(f"mv {brick} {brick}.away && mkdir {brick}")
    yield third
    third.run("kill -9 $(cat /var/run/gluster/vols/gv0/*.pid)")
    third.check_output(f"rm -r {brick} && mv {brick}.away {brick}")
    assert "starting what is not running" in look_after_bricks(third)
    assert wait_for(lambda: bricks_online(third, "gv0") == [True] * 3, seconds=30)
    assert wait_for(lambda: pending_heals(third, "gv0") == ["0", "0", "0"], seconds=90, pause=2)


def test_an_empty_directory_is_never_started_in_place_of_a_brick(empty_in_place_of_a_brick):
    third = empty_in_place_of_a_brick

    refused = module(third, "gluster_volumes", volumes=[GV0])
    run = run_playbook(CONVERGE)
    said = look_after_bricks(third)

    assert "is down, and its directory without the mark of the volume" in refused["msg"]
    assert run.returncode != 0
    assert "node3:/data/brick1/gv0 is a brick without the mark of its volume" in " ".join(run.stdout.split())
    assert said.count("/data/brick1/gv0 is without the mark of its volume") == 1
    assert third.check_output("ls --almost-all /data/brick1/gv0") == ""
    assert bricks_online(third, "gv0") == [True, True, False]


def test_a_client_sees_at_once_what_another_one_changed():
    """Its caches are kept for minutes: the bricks have to tell it. Without the profile each round takes a second."""
    client, rounds = node("client"), 20
    first, second = mount(client, "node1:/gv0"), "/mnt/second"
    client.check_output(f"mkdir -p {second} && (mountpoint -q {second} || mount -t glusterfs node1:/gv0 {second})")

    program = (Path(__file__).parents[1] / "files" / "two_clients.py").read_text()
    told = json.loads(client.check_output(f"python3 - {first} {second} {rounds} <<'END'\n{program}\nEND"))

    print(told)
    # The kernel itself remembers for a second that a name was there, with and without the profile.
    assert told["seconds"].pop("removal") < 5
    del told["late"]["removal"]
    assert set(told["late"]) == {"content", "new file", "new name"}
    assert all(late <= rounds // 10 for late in told["late"].values()), told
