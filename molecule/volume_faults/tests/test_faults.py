# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two runs at once, an engine that goes away, servers that are dead, a disk that is full, and nonsense."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager

import pytest
from checks import packed_module, wait_for
from held_requests import SOCKET, held, proxy

testinfra_hosts = ["ansible://docker_hosts"]

PROBE = "berthage.swarm.probe"
ABSENT = "docker volume ls --quiet | grep ^f- | xargs --no-run-if-empty docker volume rm >/dev/null; rm -rf /srv/faults"
BYSTANDERS = ["bystander", "bystander-too"]


@pytest.fixture(autouse=True)
def as_it_was(host):
    """Whatever a test leaves of its own is gone before the next one, and what is not its own is as it was."""
    host.check_output(ABSENT)
    host.check_output(
        "systemctl reset-failed docker.service docker.socket"
    )  # it may be restarted more often than usual
    before = state(host)
    yield
    host.check_output("systemctl start docker.socket docker.service")
    after = state(host)
    host.check_output(ABSENT)
    for name in BYSTANDERS:
        assert after["volumes"][name]["options"] == before["volumes"][name]["options"]
        assert after["volumes"][name]["identity"][1:] == before["volumes"][name]["identity"][1:]
    assert after["volumes"]["bystander"]["files"] == {"data": "precious\n"}


def state(host):
    """Volumes, containers, images: see engine_state.py."""
    return json.loads(host.check_output("python3 /opt/faults/engine_state.py"))


def at_once(host, *calls, **options):
    """The module with all of these arguments at the same time, see at_once.py."""
    given = {"module": packed_module(host, "berthage.swarm.volumes"), "calls": calls, **options}
    done = host.run(f"python3 /opt/faults/at_once.py <<'EOF'\n{json.dumps(given)}\nEOF")
    assert done.rc == 0, done.stderr
    return json.loads(done.stdout)


def volumes(host, *declared, **options):
    """The module's result, whether it fails or not."""
    outcome = at_once(host, {"volumes": declared, **options}, look=False)[0]["outcomes"][0]
    assert outcome["result"] is not None, outcome["stderr"]
    assert "Traceback" not in outcome["stderr"]
    return outcome["result"]


def own(found):
    """The volumes of these tests: what they are."""
    return {
        name: (volume["options"], {key: value for key, value in volume["labels"].items() if "declared" not in key})
        for name, volume in found["volumes"].items()
        if name.startswith("f-")
    }


def nothing_of_probes(found):
    return not [
        labels for kind in ("containers", "images") for labels in found[kind].values() if PROBE in labels
    ] and not [volume for volume in found["volumes"].values() if PROBE in volume["labels"]]


LOCAL, TMPFS = {"name": "f-local", "labels": {"team": "web"}}, {"name": "f-tmpfs", "tmpfs": {"size": "1m"}}
BIND = {"name": "f-bind", "bind": {"path": "/srv/faults/a"}, "create_path": {"owner": "1000", "mode": "0750"}}
ALL = [LOCAL, TMPFS, BIND]
GONE = [{"name": volume["name"], "state": "absent"} for volume in ALL]
ARE = {
    "f-local": ({}, {"berthage.swarm.owner": "default", "team": "web"}),
    "f-tmpfs": ({"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}, {"berthage.swarm.owner": "default"}),
    "f-bind": ({"type": "none", "device": "/srv/faults/a", "o": "bind"}, {"berthage.swarm.owner": "default"}),
}

# -- two runs at once -------------------------------------------------------------------------------------------------


def assert_told_to_run_again(outcomes):
    for outcome in outcomes:
        assert outcome["result"] is not None, outcome["stderr"]
        assert "Traceback" not in outcome["stderr"]
        if outcome["result"].get("failed"):
            assert "run again" in outcome["result"]["msg"]


def test_two_runs_of_one_set_both_end_in_it(host):
    for found in at_once(host, {"volumes": ALL}, {"volumes": ALL}, reset=ABSENT, rounds=4):
        assert_told_to_run_again(found["outcomes"])
        assert not [outcome for outcome in found["outcomes"] if outcome["result"].get("failed")]
        assert own(found["end"]) == ARE
        assert nothing_of_probes(found["end"])


def test_two_runs_of_sets_that_overlap_end_in_both(host):
    calls = [{"volumes": [LOCAL, TMPFS]}, {"volumes": [BIND, TMPFS]}]
    for found in at_once(host, *calls, reset=ABSENT, rounds=4):
        assert_told_to_run_again(found["outcomes"])
        assert own(found["end"]) == ARE
        assert nothing_of_probes(found["end"])


@pytest.mark.parametrize("there", [True, False])
def test_a_run_that_removes_what_another_makes_leaves_each_volume_whole_or_gone(host, there):
    make_one = "docker volume create --label berthage.swarm.owner=default --label team=web f-local"
    failures = 0
    for found in at_once(
        host, {"volumes": ALL}, {"volumes": GONE}, reset=f"{ABSENT}; {make_one if there else ':'}", rounds=6
    ):
        assert_told_to_run_again(found["outcomes"])
        left = own(found["end"])
        assert left == {name: ARE[name] for name in left}
        assert nothing_of_probes(found["end"])
        failures += sum(bool(outcome["result"].get("failed")) for outcome in found["outcomes"])
    print(f"{failures} of 12 runs were told to run again")
    assert not volumes(host, *ALL).get("failed")
    assert own(state(host)) == ARE


def test_two_owners_who_purge_at_once_never_touch_each_other(host):
    def made(owner):
        create = f"docker volume create --label berthage.swarm.owner={owner} --opt type=tmpfs --opt device=tmpfs"
        return "; ".join(f"{create} f-{owner}-{number}" for number in (1, 2))

    calls = [{"volumes": [{"name": f"f-{o}-1", "tmpfs": {}}], "owner": o, "purge": True} for o in ("ann", "bob")]
    for found in at_once(host, *calls, reset=f"{ABSENT}; {made('ann')}; {made('bob')}", rounds=4):
        assert [outcome["result"].get("failed", False) for outcome in found["outcomes"]] == [False, False]
        assert set(own(found["end"])) == {"f-ann-1", "f-bob-1"}
        assert all(found["end"]["volumes"][name] == found["start"]["volumes"][name] for name in own(found["end"]))
        assert nothing_of_probes(found["end"])


def test_another_owners_volume_is_neither_removed_nor_recreated(host):
    assert volumes(host, TMPFS, owner="ann")["changed"]
    before = state(host)["volumes"]["f-tmpfs"]
    refused = [
        volumes(host, {"name": "f-tmpfs", "state": "absent"}, owner="bob"),
        volumes(host, {"name": "f-tmpfs", "tmpfs": {"size": "2m"}}, owner="bob", on_drift="recreate"),
    ]
    assert [("owned by 'ann', not by 'bob'" in found["msg"], found["changed"]) for found in refused] == [
        (True, False)
    ] * 2
    assert not volumes(host, LOCAL, owner="bob", purge=True).get("failed")
    assert state(host)["volumes"]["f-tmpfs"] == before


def test_a_run_does_not_reap_the_probes_of_one_that_lives(host):
    with held(host, "before", "GET .*/archive", volumes, TMPFS) as result:
        before = state(host)
        assert not nothing_of_probes(before)
        assert not volumes(host, LOCAL).get("failed")
        after = state(host)
        assert (after["containers"], after["images"]) == (before["containers"], before["images"])
        proxy(host, "release")
    assert not result.get("failed"), result
    assert nothing_of_probes(state(host))


# -- an engine that goes away -----------------------------------------------------------------------------------------


def assert_converges(host):
    """The next run ends in what was declared, and leaves nothing; one more changes nothing."""
    result = volumes(host, *ALL)
    assert not result.get("failed"), result["msg"]
    found = state(host)
    assert own(found) == ARE
    assert nothing_of_probes(found)
    assert not volumes(host, *ALL, verify=False)["changed"]
    assert state(host) == found


# Where: what the module was asking when the engine went, how much of it the engine had done, and whether that counts.
MOMENTS = [
    ("before", "GET .*/volumes$", False),
    ("before", "POST .*/volumes/create", True),
    ("after", "POST .*/volumes/create", True),
    ("after", "POST .*/images/create", True),
    ("after", "POST .*/containers/create", True),
    ("after", "GET .*/archive", True),
    ("before", "DELETE .*/containers", True),
]


@pytest.mark.parametrize(("when", "request_", "changed"), MOMENTS)
def test_an_engine_that_is_restarted_in_mid_call_is_told_of_and_the_next_run_converges(host, when, request_, changed):
    with held(host, when, request_, volumes, *ALL) as result:
        host.check_output("systemctl restart docker.service")
    assert result["seconds"] < 60
    assert result["changed"] == changed
    if result.get("failed"):
        assert "run again" in result["msg"] or "which the next run does" in result["msg"]
        assert SOCKET in result["msg"]
    else:
        assert "DELETE" in request_
    assert_converges(host)


@pytest.mark.parametrize(("when", "request_", "changed"), [MOMENTS[0], MOMENTS[2], MOMENTS[4]])
def test_an_engine_that_stops_in_mid_call_is_told_of_in_time(host, when, request_, changed):
    with held(host, when, request_, volumes, *ALL) as result:
        host.check_output("systemctl stop docker.socket docker.service")
    assert result["seconds"] < 60
    assert result["failed"]
    assert result["changed"] == changed
    assert "systemctl status docker" in result["msg"] or "see that the engine runs" in result["msg"]
    host.check_output("systemctl start docker.service")
    assert_converges(host)


def test_an_engine_that_hangs_costs_its_time_limit(host):
    host.check_output("systemctl kill --signal STOP docker.service")
    started = time.monotonic()
    try:
        result = volumes(host, *ALL, timeout=3)
    finally:
        host.check_output("systemctl kill --signal CONT docker.service")
    assert time.monotonic() - started < 20
    assert result["failed"]
    assert not result["changed"]
    assert "no Docker engine answers at unix:///var/run/docker.sock" in result["msg"]
    assert_converges(host)


def test_an_engine_that_is_killed_with_a_volume_mounted_loses_no_data(host):
    """It must not remove through a mount that it has forgotten."""
    assert volumes(host, *ALL)["changed"]
    host.check_output("echo precious > /srv/faults/a/data; mkdir -p /srv/faults/b")
    host.check_output("docker run --detach --name user --network none --volume f-bind:/d box:1 sleep 1000")
    host.check_output("systemctl kill --signal KILL docker.service && systemctl restart docker.service")
    in_use = volumes(host, {"name": "f-bind", "bind": {"path": "/srv/faults/b"}}, on_drift="recreate")
    assert "in use by container user" in in_use["msg"]
    host.check_output("docker rm --force user")
    moved = volumes(host, {"name": "f-bind", "bind": {"path": "/srv/faults/b"}}, on_drift="recreate")
    assert (moved.get("msg"), moved["volumes"][0]["action"]) == (None, "recreate")
    assert volumes(host, {"name": "f-bind", "state": "absent"})["changed"]
    assert host.check_output("cat /srv/faults/a/data") == "precious"


# -- servers that are dead ---------------------------------------------------------------------------------------------


def nfs(name, port, **options):
    return {"name": name, "nfs": {"server": "127.0.0.1", "path": "/x", "options": [f"port={port}"]}, **options}


def test_dead_servers_cost_one_time_limit_together_and_leave_nothing(host):
    dropping = [nfs(f"f-dropping-{number}", 2050) for number in range(3)]
    refusing = [nfs(f"f-refusing-{number}", 2051) for number in range(3)]
    started = time.monotonic()
    result = volumes(host, *dropping, *refusing, TMPFS, verify_timeout=4)
    assert time.monotonic() - started < 4 + 15
    told = result["msg"].splitlines()
    assert len(told) == 2
    assert "f-dropping-0, f-dropping-1, f-dropping-2, nfs.server: the server at 127.0.0.1:2050" in told[0]
    assert "no answer within 4 s" in told[0]
    assert "f-refusing-0, f-refusing-1, f-refusing-2, nfs.server: the server at 127.0.0.1:2051" in told[1]
    assert "refused" in told[1]
    found = state(host)
    assert own(found) == {"f-tmpfs": ARE["f-tmpfs"]}
    assert nothing_of_probes(found)
    assert result["changed"]


def test_a_server_that_takes_connections_and_never_speaks_is_told_of_in_time(host):
    silent = [nfs(f"f-silent-{number}", 2049) for number in range(3)]
    started = time.monotonic()
    result = volumes(host, *silent, TMPFS, verify_timeout=4)
    assert time.monotonic() - started < 4 + 25
    assert "f-silent-0, f-silent-1, f-silent-2, nfs: " in result["msg"]
    assert {volume["name"]: volume["verified"] for volume in result["volumes"]}["f-tmpfs"]
    if host.run("grep -qw nfs /proc/filesystems").rc != 0:
        assert set(own(state(host))) == {"f-tmpfs"}
        assert nothing_of_probes(state(host))


def test_a_volume_is_not_recreated_for_a_server_that_is_dead(host):
    volumes(host, {"name": "f-x", "tmpfs": {}}, nfs("f-y", 2051), verify=False)
    before = state(host)
    result = volumes(host, nfs("f-x", 2050), nfs("f-y", 2050), LOCAL, on_drift="recreate", verify_timeout=2)
    assert "the former one is still there" in result["volumes"][0]["message"]
    assert not result["changed"]
    assert state(host) == before


@pytest.fixture
def hanging_plugin(host):
    """A volume plugin whose mounts hang until the fixture's value is called. It is not stopped: the engine would look
    for it for seconds whenever it is asked for volumes."""
    host.check_output("touch /run/plugin-hangs")
    yield lambda: host.check_output("rm -f /run/plugin-hangs")
    host.check_output("rm -f /run/plugin-hangs")
    assert wait_for(lambda: not volumes(host, TMPFS).get("failed") and nothing_of_probes(state(host)), seconds=60)


def test_mounts_that_hang_cost_one_time_limit_and_their_probes_are_reaped_later(host, hanging_plugin):
    hanging = [{"name": f"f-hanging-{number}", "driver": "hanging"} for number in range(3)]
    started = time.monotonic()
    result = volumes(host, *hanging, TMPFS, verify_timeout=3)
    assert time.monotonic() - started < 3 + 25
    assert "f-hanging-0, f-hanging-1, f-hanging-2, plugin: its mount hangs" in result["msg"]
    assert {volume["name"]: volume["verified"] for volume in result["volumes"]}["f-tmpfs"]
    held_by_the_mount = state(host)["containers"].values()
    assert [labels for labels in held_by_the_mount if PROBE in labels]
    assert all(PROBE in labels for labels in held_by_the_mount)
    # The next run is not held up by them, and once the mounts let go, another one takes them away.
    started = time.monotonic()
    assert not volumes(host, TMPFS, verify_timeout=3).get("failed")
    assert time.monotonic() - started < 20
    hanging_plugin()
    assert wait_for(lambda: not volumes(host, *hanging, TMPFS).get("failed"), seconds=60)
    assert nothing_of_probes(state(host))


# -- disks ------------------------------------------------------------------------------------------------------------


@contextmanager
def full(host, mount_point):
    """A file system in memory that takes not one more file."""
    used = host.check_output(f"df --output=iused {mount_point} | tail -n 1").strip()
    size = host.check_output(f"df --block-size=1K --output=used {mount_point} | tail -n 1").strip()
    host.check_output(f"mount -o remount,nr_inodes={used},size={size}k {mount_point}")
    try:
        yield
    finally:
        host.check_output(f"mount -o remount,nr_inodes=100k,size=1g {mount_point}")


def test_a_full_disk_of_the_engine_is_told_of_and_the_next_run_heals(host):
    host.check_output("mkdir -p /srv/faults/a")
    with full(host, "/var/lib/docker"):
        result = volumes(host, *ALL)
    assert result["failed"]
    assert "no space left on device" in result["msg"]
    assert "f-local: could not create" in result["msg"]
    assert result["changed"] == bool(own(state(host)))
    assert_converges(host)


def test_a_full_disk_below_a_directory_that_is_to_be_made_is_told_of_and_the_next_run_heals(host):
    host.check_output("mkdir -p /srv/faults && mount -t tmpfs -o size=64k,nr_inodes=3 tmpfs /srv/faults")
    declared = [TMPFS, {"name": "f-deep", "bind": {"path": "/srv/faults/a/b/c"}, "create_path": {"mode": "0700"}}]
    try:
        result = volumes(host, *declared)
        assert "f-deep: could not create: [Errno 28] No space left on device: '/srv/faults/a/b/c'" in result["msg"]
        assert result["changed"]
        assert set(own(state(host))) == {"f-tmpfs"}
        host.check_output("mount -o remount,nr_inodes=100 /srv/faults")
        assert not volumes(host, *declared).get("failed")
        assert host.check_output("stat --format %a /srv/faults/a/b/c") == "700"
    finally:
        host.check_output("docker volume rm --force f-deep; umount /srv/faults")


def test_a_volume_that_cannot_be_listed_is_not_taken_for_empty(host):
    host.check_output(DAMAGED)
    try:
        assert host.run("ls /var/lib/docker/volumes/f-damaged/_data").rc != 0
        result = volumes(host, {"name": "f-damaged", "state": "absent"})
        assert result["failed"]
        assert not result["changed"]
        assert "f-damaged" in host.check_output("docker volume ls --quiet")
        # The archive of a newer engine has the directory in it all the same, and nothing tells it from an empty one; it
        # is the engine that refuses then.
        if host.check_output("docker version --format '{{ .Server.Version }}'").startswith("20."):
            assert "f-damaged, discard_data: " in result["msg"]
    finally:
        host.check_output("umount /var/lib/docker/volumes/f-damaged/_data; umount /srv/damaged; rm /srv/damaged.img")


# A file system with a directory whose block is no directory any more, as on a disk that dies.
DAMAGED = """
set -eu
mkdir -p /srv/damaged
truncate -s 8M /srv/damaged.img
mkfs.ext4 -q -b 1024 -O metadata_csum /srv/damaged.img
[ -e /dev/loop-control ] || mknod /dev/loop-control c 10 237
for number in $(seq 0 63); do [ -e /dev/loop$number ] || mknod /dev/loop$number b 7 $number; done
mount -o loop /srv/damaged.img /srv/damaged
mkdir /srv/damaged/d
echo precious > /srv/damaged/d/f
umount /srv/damaged
block=$(debugfs -R 'blocks /d' /srv/damaged.img 2>/dev/null)
dd if=/dev/urandom of=/srv/damaged.img bs=1024 seek=$block count=1 conv=notrunc status=none
mount -o loop,errors=continue /srv/damaged.img /srv/damaged
docker volume create f-damaged
mount --bind /srv/damaged/d /var/lib/docker/volumes/f-damaged/_data
"""

# -- what a killed run may leave, and nonsense ------------------------------------------------------------------------


def test_a_directory_that_a_killed_run_left_closed_is_finished(host):
    host.check_output("mkdir -p /srv/faults/a && chmod 0 /srv/faults/a")
    assert volumes(host, BIND)["changed"]
    assert host.check_output("stat --format %u:%a /srv/faults/a") == "1000:750"


def test_a_volume_that_the_engine_made_for_a_probe_of_a_killed_run_is_not_taken_for_the_declared_one(host):
    host.check_output(f"docker volume create --label {PROBE}=another-boot/pid:[1]/1/2/1000000000 f-tmpfs")
    result = volumes(host, TMPFS)
    assert (result.get("msg"), result["volumes"][0]["action"]) == (None, "create")
    assert own(state(host)) == {"f-tmpfs": ARE["f-tmpfs"]}


def test_such_a_volume_with_data_in_it_is_never_removed(host):
    host.check_output(f"docker volume create --label {PROBE}=another-boot/pid:[1]/1/2/1000000000 f-tmpfs")
    host.check_output("echo precious > /var/lib/docker/volumes/f-tmpfs/_data/data")
    for options in ({}, {"on_drift": "recreate"}, {"on_drift": "recreate", "purge": True, "owner": "ann"}):
        assert volumes(host, TMPFS, **options)["failed"]
        assert state(host)["volumes"]["f-tmpfs"]["files"] == {"data": "precious\n"}


NONSENSE = {
    "name: it is longer than 255 characters": {"name": "f" * 256},
    "f-ü, name: the engine takes no such name": {"name": "f-ü"},
    "f-deep, nfs.server: ": {"name": "f-deep", "nfs": {"server": {"a": [{"b": {}}]}, "path": [[["/x"]]]}},
    "f-list: ": {"name": "f-list", "tmpfs": [{"size": ["1m"]}, {"size": {}}]},
    "f-unknown: unknown argument volumes.tmpfs.sise": {"name": "f-unknown", "tmpfs": {"sise": "1m"}},
    "item 2: missing required arguments: name": {"tmpfs": {}},
}


@pytest.mark.parametrize("why", NONSENSE)
def test_nonsense_is_refused_at_once_and_named_among_a_thousand(host, why):
    many = [{"name": f"f-many-{number}", "tmpfs": {}} for number in range(1000)]
    many.insert(1, NONSENSE[why])
    outcome = at_once(host, {"volumes": many}, look=False)[0]["outcomes"][0]
    assert outcome["result"] is not None, outcome["stderr"]
    assert outcome["result"]["failed"]
    assert why in outcome["result"]["msg"]
    assert "f-many" not in outcome["result"]["msg"]
    assert outcome["seconds"] < 15
    assert not own(state(host))
