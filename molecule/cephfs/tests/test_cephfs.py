# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes of a real CephFS: mounted, compared with what was made by hand, and refused for a reason."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest
from checks import docker_json, inventory, node
from volume_calls import PROBE, in_container, volumes

testinfra_hosts = ["ansible://docker_hosts"]

A_WRONG_KEY = "AQAAAAAAAAAAABAAAAAAAAAAAAAAAAAAAAAAAA=="
CONVERGE = Path(__file__).parents[1] / "converge.yml"


def cephfs(host, name, **changed):
    fields = {"monitors": [monitor(host)], "path": "/apps/data", "user": "apps", "secret": secret(host), **changed}
    return {"name": name, "cephfs": fields}


def monitor(host):
    return host.ansible.get_variables()["ansible_host"]


def secret(host):
    return host.check_output("cat /root/apps.secret")


def exists(host, name):
    return host.run(f"docker volume inspect {name}").rc == 0


@pytest.fixture
def silent_monitor():
    """Every packet to the monitor's ports is dropped."""
    rule = "INPUT -p tcp -m multiport --dports 3300,6789 -j DROP"
    node("node1").check_output(f"iptables -I {rule}")
    yield
    node("node1").check_output(f"iptables -D {rule}")


def test_what_one_container_writes_another_reads_and_the_file_system_holds(host):
    written = in_container(
        host, 'head -c 100000 /dev/urandom > /d/f; md5sum < /d/f; grep " /d " /proc/mounts', "objects:/d"
    )
    assert written.rc == 0
    digest, mounted = written.stdout.splitlines()
    assert mounted.split()[2] == "ceph"
    assert "noatime" in mounted.split()[3].split(",")
    assert in_container(host, "md5sum < /d/f", "raw:/d:ro").stdout.strip() == digest
    assert host.check_output("md5sum < /mnt/small/apps/data/f") == digest


def test_volumes_made_by_hand_in_other_words_are_kept_and_mounted(host):
    key, address, fsid = secret(host), monitor(host), host.check_output("sed -n 's/^fsid = //p' /etc/ceph/ceph.conf")
    by_hand = {
        "ports": (f"{address}:6789:/apps/data/", f"noatime,secret={key},name=apps,mount_timeout=60"),
        "newer-protocol": (f"{address}:3300:/apps/data", f"name=apps,secret={key},ms_mode=crc"),
        "newer-device": (f"apps@{fsid}.small=/apps/data", f"mon_addr={address}:6789,secret={key}"),
    }
    for name, (device, options) in by_hand.items():
        host.check_output(f"docker volume create --opt type=ceph --opt device={device} --opt o={options} {name}")
    result = volumes(
        host,
        cephfs(host, "ports", options=["noatime"]),
        cephfs(host, "newer-protocol", options=["ms_mode=crc"]),
        cephfs(host, "newer-device", options=["mds_namespace=small"]),
    )
    assert not result["changed"], result
    assert [volume["action"] for volume in result["volumes"]] == ["keep"] * 3, result
    assert [volume["verified"] for volume in result["volumes"]] == [True] * 3


def test_another_directory_is_drift(host):
    result = volumes(host, cephfs(host, "raw", path="/apps"))
    assert result["msg"].startswith("raw, path: the volume exists and differs: ")
    (raw,) = result["volumes"]
    assert raw["drift"] == [{"field": "path", "declared": "/apps", "actual": "/apps/data"}]


@pytest.mark.parametrize(
    ("changed", "told"),
    [({"secret": A_WRONG_KEY}, "cephfs.secret"), ({"path": "/apps/nowhere"}, "cephfs.path")],
    ids=["wrong secret", "missing directory"],
)
def test_what_cannot_be_mounted_is_explained_and_not_kept(host, changed, told):
    result = volumes(host, cephfs(host, "unmountable", **changed))
    assert result["msg"].startswith("unmountable, cephfs: it cannot be mounted: ")
    assert told in result["msg"]
    assert secret(host) not in json.dumps(result)
    assert A_WRONG_KEY not in json.dumps(result)
    assert not exists(host, "unmountable")


def test_a_monitor_that_is_silent_costs_one_limit_for_two_volumes(host, silent_monitor):
    limit = 20
    started = time.monotonic()
    result = volumes(host, cephfs(host, "one"), cephfs(host, "two", path="/apps"), verify_timeout=limit)
    took = time.monotonic() - started
    assert result["msg"].startswith("one, two, cephfs.monitors: ")
    assert f"no answer within {limit} s" in result["msg"]
    assert limit < took < 2 * limit
    assert not exists(host, "one")
    assert not exists(host, "two")


@pytest.mark.parametrize(
    ("check", "status", "told"),
    [(["--check"], 0, "secret=(hidden)"), ([], 2, "cephfs: it cannot be mounted: ")],
    ids=["as a difference", "in the engine's error"],
)
def test_no_output_has_the_secret_declared_or_read_back(host, tmp_path, check, status, told):
    """The play once more with another key, so that both the engine's and the declared one are in its hands."""
    extra = tmp_path / "extra.json"
    extra.write_text(json.dumps({"cephfs_secret": A_WRONG_KEY, "docker_volumes_on_drift": "recreate"}))
    command = ["ansible-playbook", "-vvvv", "--diff", *check, f"--inventory={inventory()}", f"--extra-vars=@{extra}"]
    played = subprocess.run([*command, str(CONVERGE)], capture_output=True, text=True, check=False)
    output = played.stdout + played.stderr
    assert played.returncode == status, output
    assert told in output
    assert secret(host) not in output
    assert A_WRONG_KEY not in output
    assert docker_json(host, "volume", "inspect", "objects")[0]["Options"]["o"].count(secret(host)) == 1


def test_labels_have_no_secret(host):
    for volume in docker_json(host, "volume", "inspect", "objects", "raw"):
        assert volume["Labels"]["berthage.swarm.owner"] == "default"
        assert secret(host) not in json.dumps(volume["Labels"])


def test_nothing_is_left_of_probes(host):
    for listed in ("ps --all", "images --all", "volume ls"):
        assert host.check_output(f"docker {listed} --quiet --filter label={PROBE}") == ""
