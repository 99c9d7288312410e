# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel mounts from a server or a device, on engines 20.10 (node1) and 26.1 (node2)."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from checks import docker_json, node, run_playbook
from volume_calls import actions, assert_nothing_is_left_of_probes, in_container, names, volumes

testinfra_hosts = ["ansible://docker_hosts"]

SCENARIO = Path(__file__).resolve().parents[1]
WRITABLE = ("office", "app", "elastic", "db-ext4", "db-xfs", "db-btrfs")
NAMES = (*WRITABLE, "reports")


@pytest.fixture(scope="module")
def declared():
    """The declarations of group_vars, by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANSIBLE_PLAYBOOK_DIR", str(SCENARIO))
        shown = node("node1").ansible("ansible.builtin.debug", "var=docker_volumes_list", check=False, become=False)
    return {volume["name"]: volume for volume in shown["docker_volumes_list"]}


@pytest.fixture(scope="module")
def seen():
    """What a container on each host, with all volumes, said: the mounts, and what it read after it had written."""
    write = "".join(f"echo $host-{name} > /v/{name}/from-$host; cat /v/{name}/from-$host; " for name in WRITABLE)
    script = f"set -e; grep ' /v/' /proc/mounts; {write} cat /v/reports/summary; touch /v/reports/x 2>&1 || true; sync"
    mounts = [f"{name}:/v/{name}" for name in NAMES]
    said = {name: in_container(node(name), f"host={name}; {script}", *mounts) for name in ("node1", "node2")}
    assert [one.stderr for one in said.values() if one.rc != 0] == []
    return {name: one.stdout for name, one in said.items()}


def mount(seen, host, volume):
    """The type of a volume's mount, and its options."""
    (line,) = [line for line in seen[host].splitlines() if f" /v/{volume} " in line]
    return line.split()[2], line.split()[3].split(",")


def test_the_volumes_are_those_of_the_first_run(host):
    now = host.check_output(
        "docker volume inspect --format '{{ .Name }} {{ .CreatedAt }}' $(cut -d' ' -f1 /root/first_made)"
    )
    assert now == host.check_output("cat /root/first_made")
    assert len(now.splitlines()) == len(NAMES)


def test_nothing_is_left_of_the_verification(host):
    assert_nothing_is_left_of_probes(host)


@pytest.mark.parametrize("name", ["node1", "node2"])
def test_a_container_writes_to_each_and_reads_it_back(seen, name):
    assert [volume for volume in WRITABLE if f"{name}-{volume}" not in seen[name].splitlines()] == []


@pytest.mark.parametrize("name", ["node1", "node2"])
def test_shares_are_mounted_with_the_declared_version(seen, name):
    kind, options = mount(seen, name, "office")
    assert kind == "cifs"
    assert {"rw", "vers=3.1.1", "username=files", f"addr={address('node1')}"} <= set(options)


@pytest.mark.parametrize("name", ["node1", "node2"])
def test_a_directory_of_a_share_is_read_and_not_written(seen, name):
    assert "ro" in mount(seen, name, "reports")[1]
    assert "closed" in seen[name].splitlines()
    assert "/v/reports/x: Read-only file system" in seen[name]


@pytest.mark.parametrize("name", ["node1", "node2"])
def test_exports_are_mounted_as_declared_and_as_amazon_advises(seen, name):
    kind, options = mount(seen, name, "app")
    assert (kind, "vers=4.2" in options) == ("nfs4", True)
    kind, options = mount(seen, name, "elastic")
    advised = {"vers=4.1", "rsize=1048576", "wsize=1048576", "hard", "timeo=600", "retrans=2", "noresvport"}
    assert kind == "nfs4"
    assert advised - set(options) == set()


@pytest.mark.parametrize("name", ["node1", "node2"])
def test_file_systems_on_devices_are_mounted_with_their_options(seen, name):
    found = {volume: mount(seen, name, volume) for volume in ("db-ext4", "db-xfs", "db-btrfs")}
    assert {volume: kind for volume, (kind, _) in found.items()} == {
        "db-ext4": "ext4",
        "db-xfs": "xfs",
        "db-btrfs": "btrfs",
    }
    assert "noatime" in found["db-ext4"][1]
    assert "compress=zstd:3" in found["db-btrfs"][1]


def test_what_one_host_writes_is_on_the_server_and_at_the_other_host(seen):
    server = node("node1").check_output(
        "cat /srv/office/from-node2 /srv/nfs/app/from-node2 /srv/nfs/elastic/from-node2"
    )
    assert server.split() == ["node2-office", "node2-app", "node2-elastic"]
    read = in_container(node("node2"), "cat /o/from-node1 /a/from-node1", "office:/o", "app:/a")
    assert read.stdout.split() == ["node1-office", "node1-app"], read.stderr


def test_data_on_devices_and_shares_outlives_the_volume(seen, declared):
    host = node("node2")
    kept = ("office", "db-ext4", "db-xfs", "db-btrfs")
    gone = volumes(host, *({"name": name, "state": "absent"} for name in kept))
    assert actions(gone) == dict.fromkeys(kept, "remove")
    assert not names(host) & set(kept)
    made = volumes(host, *(declared[name] for name in kept))
    assert [(volume["action"], volume["verified"]) for volume in made["volumes"]] == [("create", True)] * len(kept)
    read = in_container(host, "cat /v/*/from-node2", *(f"{name}:/v/{name}" for name in kept))
    assert set(read.stdout.split()) == {f"node2-{name}" for name in kept}, read.stderr


def test_volumes_made_by_hand_that_mean_the_same_are_left_alone(declared):
    host = node("node1")
    password = declared["office"]["cifs"]["password"].replace(",", ",,")
    by_hand = {
        "office": ("cifs", "//node1/office/", f"vers=3.11,pass={password},user=files,soft,addr=node1"),
        "elastic": (
            "nfs",
            ":/srv/nfs/elastic",
            "addr=node1,noresvport,retrans=2,timeo=600,hard,wsize=1048576,rsize=1048576,vers=4.1",
        ),
        "db-ext4": ("ext4", "/dev/disk/by-id/lab-ext4", "barrier=1,noatime"),
    }
    try:
        for name, (kind, device, options) in by_hand.items():
            host.check_output(
                "docker volume create --opt type=%s --opt device=%s --opt o=%s hand-%s", kind, device, options, name
            )
        before = docker_json(host, "volume", "inspect", *(f"hand-{name}" for name in by_hand))
        result = volumes(host, *({**declared[name], "name": f"hand-{name}"} for name in by_hand), verify=False)
        assert not result["changed"]
        assert actions(result) == {f"hand-{name}": "keep" for name in by_hand}
        assert docker_json(host, "volume", "inspect", *(f"hand-{name}" for name in by_hand)) == before
    finally:
        host.check_output("docker volume rm " + " ".join(f"hand-{name}" for name in by_hand))


def test_what_cannot_be_mounted_is_explained_and_leaves_nothing(host, declared):
    office, app = declared["office"]["cifs"], declared["app"]["nfs"]
    ext4, xfs = declared["db-ext4"]["block"], declared["db-xfs"]["block"]
    bad = {
        "wrong-password": {"cifs": {**office, "password": "hush"}},
        "wrong-share": {"cifs": {**office, "share": "offices"}},
        "wrong-directory": {"cifs": {**office, "path": "nowhere"}},
        "wrong-export": {"nfs": {**app, "path": "/srv/nfs/nowhere"}},
        "wrong-type": {"block": {**xfs, "fs_type": "ext4"}},
        "wrong-device": {"block": {**ext4, "device": "/dev/nowhere"}},
        # The host has it mounted, for writing.
        "busy": {"block": {**ext4, "options": ["ro"]}},
    }
    nothing = "(no such file or directory)"
    why = {
        "wrong-password, cifs": "the server refuses the login, or this share to this user (permission denied)",
        "wrong-share, wrong-directory, cifs": f"the server has no such share, or the share no such directory {nothing}",
        "wrong-export, nfs": f"exports no such directory to this host, or the directory is missing in it {nothing}",
        "wrong-type, block": "(invalid argument)",
        "wrong-device, block": f"this host has no such device {nothing}",
        "busy, block": "something on this host has the device in use otherwise (mounted",
    }
    before = names(host)
    host.check_output("mount /dev/disk/by-id/lab-ext4 /mnt")
    try:
        result = volumes(host, declared["db-ext4"], *({"name": name, **backend} for name, backend in bad.items()))
    finally:
        host.check_output("umount /mnt")
    verified = {volume["name"]: volume["verified"] for volume in result["volumes"]}
    assert verified == {"db-ext4": True, **dict.fromkeys(bad, False)}
    said = dict(zip(why, result["msg"].splitlines(), strict=True))
    assert [
        volume for volume, line in said.items() if not line.startswith(f"{volume}: ") or why[volume] not in line
    ] == []
    # Engine 26 leaves what it mounted together with them mounted, unless it is told.
    assert host.run("grep /var/lib/docker/volumes/ /proc/mounts").stdout == ""
    assert names(host) == before
    assert_nothing_is_left_of_probes(host)


def test_a_share_whose_server_has_stopped_is_found_before_anything_hangs(declared):
    host = node("node2")
    before = names(host)
    later = {**declared["office"], "name": "later"}
    node("node1").check_output("systemctl stop smbd")
    try:
        result = volumes(host, later)
        assert (
            "later, cifs.server: the server at node1:445 cannot be reached from this host: Connection refused"
            in result["msg"]
        )
        node("node1").check_output("iptables -I INPUT -p tcp --dport 445 -j DROP")
        started = time.monotonic()
        result = volumes(host, later, {**later, "name": "latest"}, verify_timeout=5)
        assert time.monotonic() - started < 25
        assert "the server at node1:445 cannot be reached from this host: no answer within 5 s" in result["msg"]
        assert len(result["msg"].splitlines()) == 1
    finally:
        node("node1").check_output("iptables -D INPUT -p tcp --dport 445 -j DROP; systemctl start smbd")
    assert names(host) == before


def test_no_password_is_in_any_output_at_any_verbosity():
    said = run_playbook(SCENARIO / "loud.yml", "-vvvv", "--diff")
    assert said.returncode == 0, said.stdout[said.stdout.rfind("fatal: ") :][:4000]
    # It has told much, of the right things.
    assert "declared: (hidden)" in said.stdout
    assert "actual: (hidden)" in said.stdout
    assert "(permission denied)" in said.stdout
    assert "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER" in said.stdout
    assert [line for line in said.stdout.splitlines() if "hush" in line] == []
    for name in ("node1", "node2"):
        # What the engine itself writes into its journal is not ours to hide: 20.10 does not mask passwords.
        logged = node(name).check_output(
            "journalctl --no-pager --output=cat --identifier=ansible-berthage.swarm.volumes"
        )
        assert "'password': '********'" in logged
        assert "hush" not in logged


def address(name):
    return str(node(name).backend.get_variables()["ansible_host"])
