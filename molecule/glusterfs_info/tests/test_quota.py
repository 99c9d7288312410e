# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of directories, on both releases of GlusterFS: declared, kept to, changed and taken away."""

from __future__ import annotations

import pytest
from checks import node
from module_calls import module

testinfra_hosts = ["ansible://node1"]

MB = 1 << 20
# A limit holds to the byte only where gluster looks each time.
AT_ONCE = {"features.soft-timeout": 0, "features.hard-timeout": 0}


@pytest.fixture(params=[("node1", "second"), ("alone", "lone")], ids=["10.3", "11.1"])
def volume(request):
    """A host and the volume of a single brick that it has; afterwards the volume has no quota, and is empty."""
    name, volume = request.param
    host = node(name)
    yield host, name, volume
    host.run(f"umount /mnt/{volume}; gluster --mode=script volume quota {volume} disable")
    host.check_output(
        f"mkdir -p /mnt/{volume} && mount -t glusterfs localhost:/{volume} /mnt/{volume}"
        f" && rm -rf /mnt/{volume}/* && umount /mnt/{volume}"
    )


def declare(volume, limits, check=False):
    # Disabling quota forgets these options.
    result = converge(volume, check, options={} if limits == {} else AT_ONCE, quota=limits)
    assert not result["failed"], result
    return result


def converge(volume, check=False, **declared):
    host, name, volume = volume
    declared = {"name": volume, "bricks": [f"{name}:/data/brick1/{volume}"], **declared}
    return module(host, "gluster_volumes", volumes=[declared], check=check)


def limits(volume):
    host, _name, volume = volume
    (told,) = module(host, "gluster_info", volumes=[volume], gather=["quota"])["volumes"]
    return None if told["quota"] is None else {each["path"]: each["limit"] for each in told["quota"]}


def fields(result):
    return [difference["field"] for difference in result["volumes"][0]["drift"] if "quota" in difference["field"]]


def test_a_limit_is_set_kept_to_changed_and_taken_away(volume):
    host, _name, volume_name = volume
    declared = {"/media": "10MB", "/deep/down": "1GB"}

    ahead = declare(volume, declared, check=True)
    assert ahead["changed"]
    assert limits(volume) is None

    result = declare(volume, declared)
    assert result["changed"]
    assert result["volumes"][0]["drift"] == ahead["volumes"][0]["drift"]
    assert fields(result) == ["quota", "quota./media", "quota./deep/down"]
    assert limits(volume) == {"/media": 10 * MB, "/deep/down": 1024 * MB}
    # Gluster's own mount for setting limits would count as a user, and be in the way of stopping the volume.
    assert "_quota_" not in host.check_output("mount")

    again = declare(volume, {"/media/": 10 * MB, "/deep/down": "1024MB"})
    assert not again["changed"]

    directory = f"/mnt/{volume_name}"
    host.check_output(f"mkdir -p {directory} && mount -t glusterfs localhost:/{volume_name} {directory}")
    assert host.check_output(f"stat -c '%U %a' {directory}/media") == "root 755"
    within = host.run(f"dd if=/dev/zero of={directory}/media/within bs=1M count=8 conv=fsync")
    assert within.rc == 0, within.stderr
    beyond = host.run(f"dd if=/dev/zero of={directory}/media/beyond bs=1M count=8 conv=fsync")
    assert "Disk quota exceeded" in beyond.stderr
    # The other directory has room.
    host.check_output(f"dd if=/dev/zero of={directory}/deep/down/file bs=1M count=16 conv=fsync")

    larger = declare(volume, {"/media": "40MB"})
    assert fields(larger) == ["quota./media", "quota./deep/down"]
    assert limits(volume) == {"/media": 40 * MB}
    host.check_output(f"dd if=/dev/zero of={directory}/media/beyond bs=1M count=8 conv=fsync")

    # Nothing said is nothing changed.
    assert not declare(volume, None)["changed"]
    assert limits(volume) == {"/media": 40 * MB}

    none = declare(volume, {})
    assert fields(none) == ["quota", "quota./media"]
    assert limits(volume) is None
    assert not declare(volume, {})["changed"]
    host.check_output(f"dd if=/dev/zero of={directory}/media/far-beyond bs=1M count=48 conv=fsync")


def test_a_limit_of_a_directory_that_was_removed_comes_back(volume):
    host, _name, volume_name = volume
    declare(volume, {"/media": "10MB"})
    host.check_output(
        f"mkdir -p /mnt/{volume_name} && mount -t glusterfs localhost:/{volume_name} /mnt/{volume_name}"
        f" && rmdir /mnt/{volume_name}/media"
    )

    assert declare(volume, {"/media": "10MB"})["changed"]
    assert limits(volume) == {"/media": 10 * MB}
    assert not declare(volume, {"/media": "10MB"})["changed"]


def test_an_option_that_gluster_takes_only_with_quota_comes_and_goes_with_it(volume):
    option = "features.quota-deem-statfs"

    without = converge(volume, options={option: "off"})
    assert without["failed"] and f"options.{option}: gluster takes it only where quota is on" in without["msg"]

    enabled = converge(volume, options={option: "off", **AT_ONCE}, quota={"/": "1GB"})
    assert not enabled["failed"], enabled
    assert enabled["volumes"][0]["options"][option] == "off"
    assert limits(volume) == {"/": 1024 * MB}
    assert not converge(volume, options={option: "off", **AT_ONCE}, quota={"/": "1GB"})["changed"]

    # Quota is on, and nothing is said of it.
    turned = converge(volume, options={option: "on"})
    assert [difference["field"] for difference in turned["volumes"][0]["drift"]] == [f"options.{option}"]

    assert option not in declare(volume, {})["volumes"][0]["options"]


@pytest.mark.parametrize("command", ["umount", "mount"])
def test_the_volume_is_left_whole_where_its_mount_for_making_directories_goes_wrong(volume, command):
    """Unmounting fails, as it does where something keeps it busy; or mounting is given up after it came about."""
    host, name, volume_name = volume
    directory = f"/mnt/{volume_name}"
    host.check_output(
        f"mkdir -p {directory} && mount -t glusterfs localhost:/{volume_name} {directory}"
        f" && mkdir {directory}/media && echo precious > {directory}/media/file"
    )
    in_front = f"/usr/local/sbin/{command}"
    real = {"umount": "case $1 in /run/berthage-*) exit 32 ;; esac; exec", "mount": "trap 'exit 32' EXIT;"}[command]
    host.check_output(f"cat > {in_front} <<'EOF'\n#!/bin/sh\n{real} /usr/bin/{command} \"$@\"\nEOF")
    host.check_output(f"chmod 755 {in_front}")
    try:
        declared = {"name": volume_name, "bricks": [f"{name}:/data/brick1/{volume_name}"], "quota": {"/other": "1GB"}}
        result = module(host, "gluster_volumes", volumes=[declared])
    finally:
        host.check_output(f"rm {in_front}")

    assert result["failed"] is (command == "mount"), result
    assert host.check_output(f"cat {directory}/media/file") == "precious"
    assert "/run/berthage" not in host.check_output("cat /proc/mounts")
    assert not host.run("ls -d /run/berthage-mount-*").stdout
