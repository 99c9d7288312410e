# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes that are what they were declared to be, and calls that are refused for a reason."""

from __future__ import annotations

import json
import time

import pytest
from checks import docker_json, node, wait_for
from volume_calls import PROBE, assert_nothing_is_left_of_probes, in_container, names, volumes

testinfra_hosts = ["ansible://docker_hosts"]

OPTIONS = {
    "cache": None,
    "scratch": {"type": "tmpfs", "device": "tmpfs", "o": "size=10m,mode=1770,uid=1000"},
    "www": {"type": "none", "device": "/srv/www/html", "o": "bind"},
    "media": {"type": "none", "device": "/mnt/glusterfs/gv0/shared/media", "o": "bind"},
    "raw": {"type": "tmpfs", "device": "tmpfs", "o": "size=1m"},
}
MEDIA = {"name": "media", "glusterfs": {"volume": "gv0", "path": "shared/media"}}


@pytest.fixture
def without_mount():
    """node2 without its GlusterFS mount, and without what would bring it back."""
    host = node("node2")
    host.check_output("systemctl stop 'berthage-remount@mnt-glusterfs-gv0.service' mnt-glusterfs-gv0.mount")
    yield host
    host.check_output("systemctl start mnt-glusterfs-gv0.mount 'berthage-remount@mnt-glusterfs-gv0.service'")


def test_the_engine_has_the_volumes_with_their_options(host):
    found = {volume["Name"]: volume["Options"] or None for volume in docker_json(host, "volume", "inspect", *OPTIONS)}
    assert found == OPTIONS


def test_the_volumes_carry_their_owner(host):
    for volume in docker_json(host, "volume", "inspect", *OPTIONS):
        assert volume["Labels"]["berthage.swarm.owner"] == "default"


def test_the_volumes_are_those_of_the_first_run(host):
    now = host.check_output("docker volume inspect --format '{{ .Name }} {{ .CreatedAt }}' cache scratch www media raw")
    assert now == host.check_output("cat /root/first_made")


def test_nothing_is_left_of_the_verification(host):
    assert_nothing_is_left_of_probes(host)


def test_a_container_writes_through_a_bind_volume(host):
    assert in_container(host, "echo hello > /d/bind; stat -c %u:%g:%a /d", "www:/d").stdout.strip() == "1000:1000:750"
    assert host.check_output("cat /srv/www/html/bind") == "hello"


def test_a_tmpfs_volume_has_its_size_and_owner(host):
    found = in_container(host, "df -k /d | tail -n 1; stat -c %u:%a /d", "scratch:/d").stdout
    assert " 10240 " in found
    assert "1000:1770" in found


def test_what_one_host_writes_through_a_glusterfs_volume_another_reads():
    assert in_container(node("node1"), "echo from node1 > /d/shared", "media:/d").rc == 0
    assert in_container(node("node2"), "cat /d/shared", "media:/d").stdout.strip() == "from node1"
    assert node("node2").check_output("cat /mnt/glusterfs/gv0/shared/media/shared") == "from node1"
    assert node("node1").check_output("cat /data/gv0/shared/media/shared") == "from node1"


def test_the_mount_is_there_at_the_next_boot_and_docker_does_not_depend_on_it(host):
    assert host.service("mnt-glusterfs-gv0.mount").is_enabled
    assert "mnt-glusterfs-gv0.mount" in host.check_output("systemctl show --property After docker.service")
    for dependency in ("Requires", "BindsTo", "Requisite"):
        assert "gv0" not in host.check_output(f"systemctl show --property {dependency} docker.service")


def test_without_the_mount_a_container_fails_and_nothing_lands_on_the_local_disk(without_mount):
    assert in_container(without_mount, "echo lost > /d/lost", "media:/d").rc != 0
    assert without_mount.run("touch /mnt/glusterfs/gv0/lost").rc != 0
    assert without_mount.check_output("find /mnt/glusterfs/gv0 -mindepth 1") == ""


def test_without_the_mount_the_volume_is_refused(without_mount):
    result = volumes(without_mount, MEDIA)
    assert result["msg"].startswith("media, glusterfs.mount_point: nothing is mounted on /mnt/glusterfs/gv0")
    assert not result["changed"]


def test_a_mount_that_was_lost_comes_back_by_itself(without_mount):
    without_mount.check_output("systemctl start 'berthage-remount@mnt-glusterfs-gv0.service'")
    assert wait_for(lambda: without_mount.run("mountpoint /mnt/glusterfs/gv0").rc == 0, seconds=40)


def test_a_mount_whose_client_was_killed_is_found():
    host = node("node2")
    host.check_output("systemctl stop 'berthage-remount@mnt-glusterfs-gv0.service'")
    host.check_output("systemctl kill --signal KILL mnt-glusterfs-gv0.mount")
    try:
        assert in_container(host, "echo lost > /d/lost", "media:/d").rc != 0
        assert "the mount it is on is dead" in volumes(host, MEDIA)["msg"]
    finally:
        host.run("umount --lazy /mnt/glusterfs/gv0")
        host.check_output("systemctl start mnt-glusterfs-gv0.mount 'berthage-remount@mnt-glusterfs-gv0.service'")


def test_a_mount_that_hangs_costs_its_time_limit_and_no_more():
    host = node("node2")
    # Declared as a plain directory, so that only the engine gets to know what it stands on.
    media = {"name": "media", "bind": {"path": "/mnt/glusterfs/gv0/shared/media"}}
    host.check_output("systemctl kill --signal STOP mnt-glusterfs-gv0.mount")
    started = time.monotonic()
    try:
        result = volumes(host, media, {"name": "cache", "labels": {"team": "web"}}, verify_timeout=3)
    finally:
        host.check_output("systemctl kill --signal CONT mnt-glusterfs-gv0.mount")
    assert time.monotonic() - started < 30
    assert "media, bind: its mount hangs" in result["msg"]
    assert {volume["name"]: volume["verified"] for volume in result["volumes"]} == {"media": False, "cache": True}
    # What the kernel held goes when it lets go, or at the next run.
    assert volumes(host, media, {"name": "cache", "labels": {"team": "web"}})["volumes"][0]["verified"]
    assert_nothing_is_left_of_probes(host)


def test_another_volume_than_the_one_that_is_mounted_is_refused():
    other = {"name": "other", "glusterfs": {"volume": "gv1", "path": "x", "mount_point": "/mnt/glusterfs/gv0"}}
    assert "is a mount of the GlusterFS volume 'gv0', not of 'gv1'" in volumes(node("node1"), other)["msg"]


def test_a_volume_made_by_hand_that_means_the_same_is_left_alone():
    host = node("node1")
    host.check_output(
        "docker volume create --opt type=nfs --opt device=:/srv/x/ --opt o=vers=4.2,hard,rw,addr=10.99.0.1 by-hand"
    )
    declared = {"name": "by-hand", "nfs": {"server": "10.99.0.1", "path": "/srv/x"}}
    try:
        result = volumes(host, declared, verify=False)
        assert (result["changed"], result["volumes"][0]["action"]) == (False, "keep")
        declared["nfs"]["server"] = "10.99.0.2"
        result = volumes(host, declared, {"name": "never-made"}, verify=False)
        assert "server: declared '10.99.0.2', actual '10.99.0.1'" in result["msg"]
        assert result["volumes"][0]["drift"] == [{"field": "server", "declared": "10.99.0.2", "actual": "10.99.0.1"}]
        assert "never-made" not in names(host)
    finally:
        host.check_output("docker volume rm by-hand")


def test_a_server_that_is_silent_costs_one_time_limit_however_many_volumes_it_has():
    host = node("node2")
    silent = [
        {"name": f"silent{number}", "nfs": {"server": "node1", "path": f"/{number}", "options": ["port=2050"]}}
        for number in range(5)
    ]
    before, started = names(host), time.monotonic()
    result = volumes(host, *silent, {"name": "fine"}, verify_timeout=6)
    assert time.monotonic() - started < 25
    assert "the server at node1:2050 cannot be reached from this host: no answer within 6 s" in result["msg"]
    assert len(result["msg"].splitlines()) == 1
    # What failed is gone again, what is well stays.
    assert names(host) == {*before, "fine"}
    assert {volume["name"]: volume["verified"] for volume in result["volumes"]}["fine"] is True
    assert result["changed"]
    assert_nothing_is_left_of_probes(host)
    assert volumes(host, {"name": "fine", "state": "absent"})["changed"]


def test_a_mount_that_the_kernel_cannot_do_is_explained():
    host = node("node2")
    before = names(host)
    result = volumes(host, {"name": "nowhere", "nfs": {"server": "node1", "path": "/x"}}, verify_timeout=5)
    has_nfs = host.run("modprobe nfs || grep -qw nfs /proc/filesystems").rc == 0
    # node1 takes connections on NFS' port, and does not speak NFS.
    assert ("mount" if has_nfs else "the kernel of this host has no NFS client (no such device)") in result["msg"]
    assert result["volumes"][0]["verified"] is False
    assert names(host) == before
    assert_nothing_is_left_of_probes(host)


def test_the_one_that_cannot_be_mounted_is_found_among_those_that_can(host):
    good = [{"name": f"good{number}", "tmpfs": {"size": "1m"}} for number in range(3)]
    bad = {"name": "bad", "bind": {"path": "/nowhere/at/all"}}
    before = names(host)
    try:
        result = volumes(host, *good, bad)
        verified = {volume["name"]: volume["verified"] for volume in result["volumes"]}
        assert verified == {"good0": True, "good1": True, "good2": True, "bad": False}
        assert "bad, bind: it cannot be mounted: the directory does not exist on this host" in result["msg"]
        assert names(host) == {*before, "good0", "good1", "good2"}
    finally:
        volumes(host, *({"name": name, "state": "absent"} for name in ("good0", "good1", "good2")))
    assert names(host) == before


def test_check_mode_shows_the_plan_that_is_then_applied():
    host = node("node1")
    assert volumes(host, {"name": "leaving", "tmpfs": {}})["changed"]
    declared = [
        {"name": "coming", "labels": {"a": "b"}},
        {"name": "leaving", "state": "absent"},
        {"name": "cache", "labels": {"team": "web"}},
    ]
    before = names(host)
    foreseen = volumes(host, *declared, check=True, verify=False)
    assert names(host) == before
    applied = volumes(host, *declared, verify=False)
    assert names(host) == before - {"leaving"} | {"coming"}
    assert [volume["action"] for volume in applied["volumes"]] == ["create", "remove", "keep"]
    assert (foreseen["changed"], foreseen["volumes"]) == (applied["changed"], applied["volumes"])
    assert volumes(host, {"name": "coming", "state": "absent"})["changed"]


def test_a_volume_in_use_is_not_removed_and_its_user_is_named():
    host = node("node1")
    host.check_output("docker create --name user --volume raw:/d box:1")
    try:
        result = volumes(host, {"name": "raw", "state": "absent"})
        assert "raw, state: it is in use by container user (created)" in result["msg"]
        assert result["volumes"][0]["consumers"][0]["name"] == "user"
        assert "raw" in names(host)
    finally:
        host.check_output("docker rm user")


def test_a_volume_with_data_is_removed_only_when_that_is_said():
    host = node("node1")
    assert volumes(host, {"name": "held"})["changed"]
    assert in_container(host, "echo precious > /d/f", "held:/d").rc == 0
    result = volumes(host, {"name": "held", "state": "absent"})
    assert "held, discard_data: it holds data" in result["msg"]
    assert in_container(host, "cat /d/f", "held:/d").stdout.strip() == "precious"
    assert volumes(host, {"name": "held", "state": "absent", "discard_data": True})["changed"]
    assert "held" not in names(host)
    assert not volumes(host, {"name": "held", "state": "absent"})["changed"]


def test_a_volume_of_another_owner_is_not_removed():
    host = node("node1")
    assert volumes(host, {"name": "theirs", "tmpfs": {}}, owner="them")["changed"]
    assert "owned by 'them'" in volumes(host, {"name": "theirs", "state": "absent"})["msg"]
    assert volumes(host, {"name": "theirs", "state": "absent"}, owner="them")["changed"]


def test_what_a_killed_run_left_behind_is_taken_away():
    host = node("node1")
    left = "another-boot/pid:[1]/1/2/1000000000"
    host.check_output(f"docker create --label {PROBE}='{left}' box:1")
    assert host.check_output(f"docker ps --all --quiet --filter label={PROBE}") != ""
    assert not volumes(host, {"name": "cache", "labels": {"team": "web"}})["changed"]
    assert_nothing_is_left_of_probes(host)


def test_bad_input_is_refused_at_once_and_before_anything_is_changed():
    host = node("node1")
    before = names(host)
    nfs = {"server": "node1", "path": "/s"}
    bad = {
        "app1, nfs.path: 'srv' is not absolute": {"name": "app1", "nfs": {**nfs, "path": "srv"}},
        "app2, nfs.server: 'node 1' is neither an address nor a host name": {
            "name": "app2",
            "nfs": {**nfs, "server": "node 1"},
        },
        "app3, nfs and tmpfs: a volume has one backend": {"name": "app3", "nfs": nfs, "tmpfs": {}},
        "a/b, name: the engine takes no such name": {"name": "a/b"},
        "app4, cifs.share: 's/d' is no name of a share": {"name": "app4", "cifs": {"server": "node1", "share": "s/d"}},
        "app5, driver_opts.type: 'glusterfs' can never be mounted": {
            "name": "app5",
            "driver_opts": {"type": "glusterfs", "device": "x"},
        },
        "twice, name: it is listed 2 times": {"name": "twice"},
    }
    result = volumes(host, {"name": "well-declared"}, {"name": "twice"}, *bad.values())
    assert [why for why in bad if why not in result["msg"]] == []
    assert not result["changed"]
    assert names(host) == before


def test_unknown_and_missing_keys_are_refused_with_the_name_of_their_volume():
    declared = [{"name": "app1", "nfs": {"sever": "node1", "path": "/s"}}, {"name": "app2", "nfs": {"server": "node1"}}]
    message = volumes(node("node1"), {"name": "well-declared"}, *declared)["msg"]
    assert "app1: unknown argument volumes.nfs.sever." in message
    assert "app2: missing required arguments: path" in message
    assert "well-declared" not in names(node("node1"))


def test_no_engine_is_said_in_plain_words():
    result = volumes(node("node1"), {"name": "app"}, docker_host="unix:///run/no-engine.sock")
    assert "no Docker engine at unix:///run/no-engine.sock: the socket does not exist" in result["msg"]
    assert len(result["msg"].splitlines()) == 1


def test_a_secret_appears_in_no_output():
    host = node("node1")
    options = {"type": "cifs", "device": "//node1/s", "o": "addr=node1,username=u,password=hushhush"}
    before = {"name": "office", "driver_opts": {**options, "o": "addr=node1,username=u,password=mummummum"}}
    try:
        made = volumes(host, before, verify=False)
        assert made["changed"]
        shown = json.dumps([made, volumes(host, {"name": "office", "driver_opts": options}, verify=False)])
        assert "password" in shown
        assert "hushhush" not in shown
        assert "mummummum" not in shown
    finally:
        host.check_output("docker volume rm office")
