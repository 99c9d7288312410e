# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots are taken where bricks are thin logical volumes, kept, read, and deleted by name and with consent."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path

import pytest
from checks import node, wait_for
from gluster_volume_calls import gluster, info, killed_after, mount, unmount, volumes
from module_calls import module

testinfra_hosts = ["ansible://node1"]

THIN = {
    "name": "thin",
    "replica": 2,
    "accept_split_brain": True,
    "bricks": ["node1:/bricks/thin/brick", "node2:/bricks/thin/brick"],
}
PLAIN = {"name": "plain", "bricks": ["node1:/data/bricks/plain"]}
STOP = Path(__file__).parents[3] / "playbooks" / "files" / "glusterfs_stop.sh"
ONLY_AT_FIRST = {"at-first": ("thin", "Started")}


@pytest.fixture(autouse=True)
def _only_the_first_one_stays(host):
    yield
    for name in taken(host):
        if name != "at-first":
            gluster(host, "snapshot", "delete", name)


def taken(host) -> dict[str, tuple[str, str]]:
    """Volume and status of each snapshot, by gluster's own words."""
    return {
        snapshot.findtext("name"): (
            snapshot.findtext("snapVolume/originVolume/name"),
            snapshot.findtext("snapVolume/status"),
        )
        for snapshot in gluster(host, "snapshot", "info").iter("snapshot")
        if snapshot.find("snapVolume") is not None
    }


def created(host, name: str) -> tuple[str, str]:
    (snapshot,) = [
        each for each in gluster(host, "snapshot", "info", name).iter("snapshot") if each.find("uuid") is not None
    ]
    return snapshot.findtext("uuid"), snapshot.findtext("createTime")


def with_snapshots(*names: str | dict, **more) -> dict:
    return {**THIN, "snapshots": [{"name": name} if isinstance(name, str) else name for name in names], **more}


@contextmanager
def mounted(host, snapshot: str):
    directory = f"/mnt/{snapshot}"
    host.check_output(
        f"mkdir -p {directory} && timeout 60 mount -t glusterfs localhost:/snaps/{snapshot}/thin {directory}"
    )
    try:
        yield directory
    finally:
        host.check_output(f"umount {directory}")


def test_the_role_took_what_was_declared_on_bricks_that_it_had_formatted(host):
    assert taken(host) == ONLY_AT_FIRST
    for name in ("node1", "node2"):
        volumes_of_group = node(name).check_output("lvs --noheadings -o lv_name,origin lab").split()
        assert volumes_of_group.count("brick") == 2  # itself, and as the origin of its snapshot


def test_gluster_info_tells_of_them(host):
    result = module(host, "gluster_info", gather=["snapshots"])

    assert {each["name"]: [one["name"] for one in each["snapshots"]] for each in result["volumes"]} == {
        "thin": ["at-first"],
        "plain": [],
    }


def test_a_brick_is_mounted_by_a_name_that_its_snapshot_has_not(host):
    snapshot = host.check_output(
        "findmnt --noheadings --list --output SOURCE,TARGET | grep /run/gluster/snaps/"
    ).split()[0]
    origin = "/dev/mapper/lab-brick"
    uuids = {host.check_output(f"blkid --probe --output value --match-tag UUID {each}") for each in (origin, snapshot)}
    assert snapshot != origin and len(uuids) == 1
    (line,) = [line for line in host.file("/etc/fstab").content_string.splitlines() if "/bricks/thin" in line]
    assert line.split()[:3] == [origin, "/bricks/thin", "ext4"]


def test_a_snapshot_shows_what_was_there_when_it_was_taken(host):
    directory = mount(host, "thin")
    host.check_output(f"echo before > {directory}/file && sync -f {directory}")

    ahead = volumes(host, with_snapshots("before"), check=True)
    assert ahead["changed"], ahead
    assert taken(host) == ONLY_AT_FIRST
    done = volumes(host, with_snapshots("before"))
    assert not done["failed"], done
    planned, applied = ([(each["action"], each["drift"]) for each in result["volumes"]] for result in (ahead, done))
    assert planned == applied
    assert taken(host) == {**ONLY_AT_FIRST, "before": ("thin", "Started")}
    (result,) = done["volumes"]
    assert [(each["name"], each["activated"]) for each in result["snapshots"]] == [("at-first", True), ("before", True)]

    host.check_output(f"echo after > {directory}/file && sync -f {directory}")
    identity, volume = created(host, "before"), info(host, "thin")
    again = volumes(host, with_snapshots("before"))
    assert (again["failed"], again["changed"]) == (False, False), again
    assert (created(host, "before"), info(host, "thin")) == (identity, volume)

    with mounted(host, "before") as old:
        assert host.check_output(f"cat {old}/file") == "before"
        assert host.run(f"touch {old}/new").rc != 0
    assert host.check_output(f"cat {directory}/file") == "after"
    unmount(host, "thin")


def test_who_ends_the_servers_of_a_host_ends_those_of_its_snapshots_too(host):
    """What an upgrade left would go on as the old version, and each further run would upgrade again."""
    bricks = host.check_output("pgrep -x glusterfsd").split()
    assert len(bricks) == 3, "one of each volume, and that of the snapshot"
    try:
        host.check_output(f"sh -s <<'END'\n{STOP.read_text()}\nEND")
        assert host.run("pgrep -x glusterfsd").stdout == ""
    finally:
        host.check_output("systemctl start glusterd")
    assert wait_for(lambda: len(host.run("pgrep -x glusterfsd").stdout.split()) == len(bricks), seconds=60)


def test_one_that_is_only_kept_has_no_bricks_until_it_is_to_be_used(host):
    kept = volumes(host, with_snapshots({"name": "kept", "activated": False}))
    assert kept["changed"], kept
    assert taken(host)["kept"] == ("thin", "Stopped")
    identity = created(host, "kept")

    used = volumes(host, with_snapshots("kept"))
    assert [each["field"] for each in used["volumes"][0]["drift"]] == ["snapshots.kept"], used
    with mounted(host, "kept"):
        pass
    back = volumes(host, with_snapshots({"name": "kept", "activated": False}))

    assert back["changed"], back
    assert (taken(host)["kept"], created(host, "kept")) == (("thin", "Stopped"), identity)


def test_bricks_elsewhere_are_refused_before_the_first_change_on_their_own_host(host):
    before = info(host, "plain")

    result = volumes(host, {**PLAIN, "options": {"cluster.min-free-disk": "5%"}, "snapshots": [{"name": "never"}]})

    assert [each["field"] for each in result["problems"]] == ["snapshots.never"], result
    assert "node1:/data/bricks/plain is on no logical volume" in result["msg"]
    assert (info(host, "plain"), taken(host)) == (before, ONLY_AT_FIRST)


def test_bricks_elsewhere_are_refused_in_plain_words_on_another_host(host):
    result = volumes(node("node2"), {**PLAIN, "snapshots": [{"name": "never"}]})

    assert (result["failed"], result["changed"]) == (True, False), result
    assert "only where every brick of the volume is on a thin logical volume (LVM) of its own" in result["msg"]
    assert taken(host) == ONLY_AT_FIRST


def test_what_cannot_be_is_refused_at_once_before_the_first_change(host):
    gluster(host, "snapshot", "config", "thin", "snap-max-hard-limit", "1")
    before = info(host, "thin"), info(host, "plain")

    result = volumes(
        host,
        with_snapshots("too-many", options={"cluster.min-free-disk": "5%"}),
        {**PLAIN, "snapshots": [{"name": "at-first"}]},
    )
    gluster(host, "snapshot", "config", "thin", "snap-max-hard-limit", "256")

    assert {(each["item"], each["field"]) for each in result["problems"]} == {
        ("thin", "snapshots"),
        ("plain", "snapshots.at-first"),
    }, result
    assert "more than the 1 that a volume may have" in result["msg"]
    assert "of the volume thin, and there can be one in the pool" in result["msg"]
    assert (info(host, "thin"), info(host, "plain"), taken(host)) == (*before, ONLY_AT_FIRST)


def test_no_snapshot_is_taken_without_a_host_of_the_volume(host):
    node("node2").check_output("systemctl stop glusterd")
    try:
        assert wait_for(lambda: "Disconnected" in host.check_output("gluster pool list"), seconds=60)
        result = volumes(host, with_snapshots("half"))
    finally:
        node("node2").check_output("systemctl start glusterd")
    assert wait_for(lambda: "Disconnected" not in host.check_output("gluster pool list"), seconds=120)

    assert [each["field"] for each in result["problems"]] == ["snapshots.half"], result
    assert "is offline and its host not connected" in result["msg"]
    assert taken(host) == ONLY_AT_FIRST


def test_a_brick_that_is_down_is_brought_up_before(host):
    # The brick's own process: the snapshot's has another path.
    node("node2").check_output("pkill -KILL -f -- '[-]-brick-name /bricks/thin/brick '")
    status = ("volume", "status", "thin", "node2:/bricks/thin/brick")
    assert wait_for(lambda: gluster(host, *status).findtext(".//node/status") == "0", seconds=60)

    result = volumes(host, with_snapshots("whole"))

    assert not result["failed"], result
    assert taken(host)["whole"] == ("thin", "Started")
    assert gluster(host, *status).findtext(".//node/status") == "1"


def test_a_run_that_was_killed_after_taking_it_is_continued(host):
    with killed_after(host, 1):
        killed = volumes(host, with_snapshots("cut-short"))
    assert killed["failed"], killed
    assert taken(host)["cut-short"] == ("thin", "Stopped")
    identity = created(host, "cut-short")

    done = volumes(host, with_snapshots("cut-short"))

    assert not done["failed"], done
    assert (taken(host)["cut-short"], created(host, "cut-short")) == (("thin", "Started"), identity)


def test_snapshots_are_deleted_by_name_and_with_consent_only(host):
    declared = with_snapshots("needless", "kept")
    assert volumes(host, declared)["changed"]
    assert not volumes(host, THIN)["changed"]  # what is not listed is left alone
    declared["snapshots"][0]["state"] = "absent"

    refused = volumes(host, declared)
    assert [each["field"] for each in refused["problems"]] == ["snapshots.needless"], refused
    assert "needless" in taken(host)
    assert volumes(host, declared, allow=["delete"])["changed"]

    assert set(taken(host)) == {"at-first", "kept"}
    assert not volumes(host, declared)["changed"]


def test_a_volume_goes_only_with_all_its_snapshots(host):
    short = {"name": "short", "bricks": ["node1:/bricks/thin/short"], "snapshots": [{"name": "of-short"}]}
    made = volumes(host, short)
    assert not made["failed"], made
    assert taken(host)["of-short"] == ("short", "Started")
    logical_volumes = host.check_output("lvs --noheadings -o lv_name lab").split()

    refused = volumes(host, {"name": "short", "state": "absent"}, allow=["delete"])
    assert "the volume has snapshots (of-short)" in refused["msg"], refused
    assert "Status: Started" in info(host, "short")
    gone = {"name": "short", "state": "absent", "snapshots": [{"name": "of-short", "state": "absent"}]}
    done = volumes(host, gone, allow=["delete"])

    assert not done["failed"], done
    assert taken(host) == ONLY_AT_FIRST
    assert host.run("gluster volume info short").rc != 0
    assert len(host.check_output("lvs --noheadings -o lv_name lab").split()) == len(logical_volumes) - 1
    assert not volumes(host, gone)["changed"]
    host.check_output("rm -rf /bricks/thin/short")
