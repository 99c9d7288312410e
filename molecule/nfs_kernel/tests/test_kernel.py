# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of the kernel's server, as the kernel and a client that mounts have them. In this order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from checks import node, run_playbook, wait_for
from nfs_clients import address, open_ports, started_at

testinfra_hosts = ["ansible://server"]

CONVERGE = Path(__file__).parents[1] / "converge.yml"
# Those of group_vars are left out: they go back to what the role has as its own.
OTHERS = {
    "nfs_server_versions": ["3", "4"],
    "nfs_server_threads": 0,
    "nfs_server_grace_time": 10,
    "nfs_server_idmap_domain": "lab.example",
}
V3_PORTS = {
    *("tcp/22", "tcp/2049", "tcp/111", "udp/111", "tcp/20048"),
    *("tcp/32765", "udp/32765", "tcp/32767", "udp/32767"),
}


def converge(**variables: Any) -> Any:
    done = run_playbook(CONVERGE, "-e", json.dumps(variables))
    print(done.stdout)
    return done


@pytest.fixture(scope="module")
def mounted():
    """A client that mounts with version 4 and keeps a file open all the time."""
    client = node("client")
    client.check_output("mkdir -p /mnt/v4 /mnt/v3")
    client.check_output(f"mountpoint -q /mnt/v4 || mount -t nfs -o vers=4.2 {address('server')}:/data/app /mnt/v4")
    client.check_output(
        "sh -c '(while sleep 1; do date +%s.%N; sync; done) > /mnt/v4/kept 2>&1 & echo $! > /tmp/writer'"
    )
    yield client
    client.run("kill $(cat /tmp/writer); umount /mnt/v3 /mnt/v4")


def test_the_kernel_has_what_was_declared(host, mounted):
    assert kernel(host, "threads") == "12"
    assert kernel(host, "nfsv4gracetime") == "20"
    assert kernel(host, "nfsv4leasetime") == "10"
    assert {"+4", "+4.1", "+4.2"} == {one for one in kernel(host, "versions").split() if one.startswith("+")}
    assert open_ports(host) == {"tcp/22", "tcp/2049"}
    assert refused_v3(mounted)


def test_other_settings_take_the_place_of_those_before(host, mounted):
    done = converge(**OTHERS)
    assert done.returncode == 0
    assert kernel(host, "threads") == "8"
    assert kernel(host, "nfsv4gracetime") == "10"
    assert "+3" in kernel(host, "versions").split()
    assert host.check_output("nfsidmap -d") == "lab.example"


def test_version_3_is_served_on_the_pinned_ports_with_locks(host, mounted):
    mounted.check_output(f"timeout 90 mount -t nfs -o vers=3 {address('server')}:/data/app /mnt/v3")
    mounted.check_output("timeout 60 flock /mnt/v3/locked sh -c 'echo by version 3 > /mnt/v3/locked'")
    assert host.file("/data/app/locked").content_string == "by version 3\n"
    assert open_ports(host) == V3_PORTS


def test_the_client_of_version_4_went_on_through_the_restart(host, mounted):
    before = len(host.check_output("cat /data/app/kept").splitlines())
    assert wait_for(lambda: len(host.check_output("cat /data/app/kept").splitlines()) > before, seconds=60)
    assert "rror" not in host.check_output("cat /data/app/kept")


def test_a_second_run_changes_nothing_and_another_domain_restarts_idmapd_alone(host, mounted):
    units = ("nfs-server", "rpc-statd", "nfs-mountd")
    before = [started_at(host, unit) for unit in units]
    idmapd = started_at(host, "nfs-idmapd")
    assert "changed=0" in converge(**OTHERS).stdout
    assert started_at(host, "nfs-idmapd") == idmapd
    assert converge(**{**OTHERS, "nfs_server_idmap_domain": "other.example"}).returncode == 0
    assert host.check_output("nfsidmap -d") == "other.example"
    assert started_at(host, "nfs-idmapd") != idmapd
    assert [started_at(host, unit) for unit in units] == before


def test_back_to_version_4_all_that_version_3_needed_is_gone(host, mounted):
    mounted.check_output("timeout 60 umount /mnt/v3")
    assert converge().returncode == 0
    assert open_ports(host) == {"tcp/22", "tcp/2049"}
    assert kernel(host, "threads") == "12"
    assert kernel(host, "nfsv4gracetime") == "20"
    assert host.check_output("nfsidmap -d") not in ("lab.example", "other.example")
    assert refused_v3(mounted)
    assert wait_for(lambda: mounted.run("timeout 20 sh -c 'echo x > /mnt/v4/after'").rc == 0, seconds=60)


def kernel(host: Any, name: str) -> str:
    return str(host.check_output(f"cat /proc/fs/nfsd/{name}"))


def refused_v3(client: Any) -> bool:
    return bool(client.run(f"timeout 60 mount -t nfs -o vers=3,retry=0 {address('server')}:/data/app /mnt/v3").rc)
