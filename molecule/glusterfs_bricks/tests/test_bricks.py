# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices become bricks once, and what holds anything never does without consent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from checks import run_playbook, wait_for

testinfra_hosts = ["ansible://node1"]

CONVERGE = Path(__file__).parents[1] / "converge.yml"
BRICKS = "/srv/bricks"


@pytest.fixture(scope="module", autouse=True)
def _devices(host):
    yield
    # Loop devices belong to the whole machine: they are given back, at the latest when the last mount goes.
    host.check_output("for name in swap filled table start end empty; do losetup --detach $(readlink /dev/$name); done")


def declared(*more: dict) -> tuple[str, str]:
    first = {"path": f"{BRICKS}/first", "device": "/dev/empty", "mode": "0750"}
    return "--extra-vars", json.dumps({"glusterfs_bricks": [first, *more]})


def uuid(host, device: str) -> str:
    return host.check_output(f"blkid --probe --output value --match-tag UUID {device}")


def test_an_empty_device_is_formatted_and_mounted_now_and_at_boot(host):
    mounted = host.mount_point(f"{BRICKS}/first")

    assert (mounted.exists, mounted.filesystem) == (True, "xfs")
    assert "noatime" in mounted.options
    assert "isize=512" in host.check_output(f"xfs_info {BRICKS}/first")
    (line,) = [
        each.split() for each in host.file("/etc/fstab").content_string.splitlines() if f"{BRICKS}/first" in each
    ]
    assert line[0] == f"UUID={uuid(host, '/dev/empty')}"
    assert {"nofail", "x-systemd.before=glusterd.service"} <= set(line[3].split(","))
    directory = host.file(f"{BRICKS}/first")
    assert (directory.user, directory.group, directory.mode) == ("root", "root", 0o750)


def test_the_volume_lies_on_the_device(host):
    host.check_output("mkdir -p /mnt/gv0; mountpoint -q /mnt/gv0 || mount -t glusterfs localhost:/gv0 /mnt/gv0")
    host.check_output("echo written > /mnt/gv0/file; sync")
    assert host.check_output(f"findmnt --noheadings --output FSTYPE --target {BRICKS}/first/gv0/file") == "xfs"
    assert host.file(f"{BRICKS}/first/gv0/file").content_string == "written\n"


def test_what_holds_anything_is_refused_all_at_once_and_stays(host):
    images = "cd /data && sha256sum filled.img swap.img table.img start.img end.img"
    before = host.check_output(images)

    result = run_playbook(
        CONVERGE,
        *declared(
            {"path": f"{BRICKS}/second", "device": "/dev/filled"},
            {"path": f"{BRICKS}/third", "device": "/dev/swap"},
            {"path": f"{BRICKS}/fourth", "device": "/dev/absent"},
            {"path": f"{BRICKS}/fifth", "device": "/dev/null"},
            {"path": f"{BRICKS}/sixth", "device": "/dev/empty"},
            {"path": f"{BRICKS}/seventh", "device": "/dev/table"},
            {"path": f"{BRICKS}/eighth", "device": "/dev/start"},
            {"path": f"{BRICKS}/ninth", "device": "/dev/end"},
        ),
    )

    assert result.returncode != 0
    # YAML breaks lines where it likes.
    said = " ".join(result.stdout.split())
    assert "/dev/filled is not empty (TYPE ext4" in said
    assert "wipe: true" in said
    assert "/dev/swap is not empty (TYPE swap" in said
    assert "/dev/table is not empty (PTTYPE dos" in said
    assert "/dev/start is not empty (data of no kind that blkid knows)" in said
    assert "/dev/end is not empty (data of no kind that blkid knows)" in said
    assert "/dev/absent: No such file or directory" in said
    assert "/dev/null is no block device" in said
    assert f"/dev/empty is mounted at {BRICKS}/first" in said
    assert host.check_output(images) == before
    assert not host.file(f"{BRICKS}/second").exists
    assert host.file("/etc/fstab").content_string.count(BRICKS) == 1


def test_a_place_with_files_in_it_is_not_hidden_by_a_mount(host):
    host.check_output(f"mkdir -p {BRICKS}/used && touch {BRICKS}/used/file")
    result = run_playbook(CONVERGE, *declared({"path": f"{BRICKS}/used", "device": "/dev/filled", "wipe": True}))
    host.check_output(f"rm -r {BRICKS}/used")

    assert result.returncode != 0
    assert "has files in it" in " ".join(result.stdout.split())
    assert uuid(host, "/dev/filled") and "ext4" in host.check_output("blkid --probe /dev/filled")


def test_a_line_that_calls_the_device_otherwise_is_left_as_it_is(host):
    fstab = host.file("/etc/fstab").content_string
    host.check_output(f"sed -i 's|^UUID=.* {BRICKS}/first |/dev/empty {BRICKS}/first |' /etc/fstab")
    otherwise = host.file("/etc/fstab").content_string
    assert otherwise != fstab

    result = run_playbook(CONVERGE)

    assert result.returncode == 0 and "changed=0" in result.stdout, result.stdout
    assert host.file("/etc/fstab").content_string == otherwise
    host.check_output(f"sed -i 's|^/dev/empty |UUID={uuid(host, '/dev/empty')} |' /etc/fstab")
    assert host.file("/etc/fstab").content_string == fstab


def test_a_directory_of_a_mounted_device_is_not_where_it_is_mounted(host):
    inner = f"{BRICKS}/first/inner"
    host.check_output(f"mkdir {inner}")
    fstab = host.file("/etc/fstab").content_string

    wanted = {"glusterfs_bricks": [{"path": inner, "device": "/dev/empty"}]}
    result = run_playbook(CONVERGE, "--extra-vars", json.dumps(wanted))

    assert result.returncode != 0
    assert f"/dev/empty is mounted at {BRICKS}/first; unmount it first" in " ".join(result.stdout.split())
    assert host.file("/etc/fstab").content_string == fstab
    host.check_output(f"rmdir {inner}")


def test_what_something_holds_is_left_alone_even_with_consent(host):
    hold = "import os, time; file = os.open('/dev/start', os.O_RDONLY | os.O_EXCL); time.sleep(600)"
    host.check_output(f'systemd-run --unit=holder --collect python3 -c "{hold}"')
    assert wait_for(lambda: host.run("python3 -c \"import os; os.open('/dev/start', os.O_EXCL)\"").rc != 0, seconds=20)
    try:
        result = run_playbook(CONVERGE, *declared({"path": f"{BRICKS}/held", "device": "/dev/start", "wipe": True}))
    finally:
        host.check_output("systemctl stop holder")

    assert result.returncode != 0
    assert "/dev/start is in use" in " ".join(result.stdout.split())
    assert "dear" in host.check_output("tail -c +500001 /data/start.img | head -c 4")


def test_consent_formats_once_and_only_once(host):
    # As a survey sends it.
    wanted = declared({"path": f"{BRICKS}/second", "device": "/dev/filled", "wipe": "true"})
    ahead = run_playbook(CONVERGE, "--check", *wanted)
    assert ahead.returncode == 0 and "changed=0" not in ahead.stdout, ahead.stdout
    assert "ext4" in host.check_output("blkid --probe /dev/filled")

    first = run_playbook(CONVERGE, *wanted)
    assert first.returncode == 0, first.stdout
    made = uuid(host, "/dev/filled")
    host.check_output(f"echo kept > {BRICKS}/second/file")
    second = run_playbook(CONVERGE, *wanted)

    assert second.returncode == 0 and "changed=0" in second.stdout, second.stdout
    assert uuid(host, "/dev/filled") == made

    # An operating system that was installed anew knows of no mount. The consent is still in the inventory.
    host.check_output(f"umount {BRICKS}/second && sed -i '\\|{BRICKS}/second|d' /etc/fstab")
    third = run_playbook(CONVERGE, *wanted)

    assert third.returncode == 0, third.stdout
    assert uuid(host, "/dev/filled") == made
    assert host.file(f"{BRICKS}/second/file").content_string == "kept\n"
    host.check_output(f"umount {BRICKS}/second && sed -i '\\|{BRICKS}/second|d' /etc/fstab")


def test_without_its_device_a_brick_stays_down_and_writes_nothing_below(host):
    host.check_output(
        "systemctl stop glusterd; pkill -x 'glusterfs|glusterfsd' || true; sleep 1; umount -l /mnt/gv0 || true;"
        f" umount {BRICKS}/first && systemctl start glusterd"
    )
    status = "gluster --mode=script --xml volume status gv0"
    assert wait_for(lambda: "<status>0</status>" in host.run(status).stdout, seconds=60)
    assert host.file(f"{BRICKS}/first").listdir() == []
    assert host.run(f"touch {BRICKS}/first/file").rc != 0 or "i" not in host.check_output(f"lsattr -d {BRICKS}/first")
    host.run(f"rm -f {BRICKS}/first/file")

    # The role mounts it, and has the brick started.
    result = run_playbook(CONVERGE)
    assert result.returncode == 0, result.stdout
    assert "<status>0</status>" not in host.check_output(status)
    assert host.file(f"{BRICKS}/first/gv0/file").content_string == "written\n"
