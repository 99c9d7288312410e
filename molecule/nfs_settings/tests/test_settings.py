# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of a server, as a client and the network see them. In this order: the first of them leave NFSv3 on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from checks import node, run_playbook, wait_for
from nfs_clients import address, listing, open_ports, started_at

testinfra_hosts = ["ansible://server"]

SERVERS = ("server", "server13")
on_each = pytest.mark.parametrize("server", SERVERS)

CONVERGE = Path(__file__).parents[1] / "converge.yml"
SERVICE = "nfs-ganesha.service"
CONFIGURATION = "/etc/ganesha/ganesha.conf"
WITH_V3 = {"nfs_server_versions": ["3", "4"], "nfs_server_threads": 24, "nfs_server_idmap_domain": "lab.example"}
V3_PORTS = {
    *("tcp/22", "tcp/2049", "tcp/111", "udp/111"),
    *("tcp/20048", "tcp/32765", "udp/32765", "tcp/32767"),
}


def converge(*arguments: str, **variables: Any) -> Any:
    done = run_playbook(CONVERGE, "-e", json.dumps(variables), *arguments)
    print(done.stdout)
    return done


@pytest.fixture(scope="module")
def with_v3():
    done = converge(**WITH_V3)
    assert done.returncode == 0
    node("server").check_output("touch /srv/nfs/app/there")
    node("server13").check_output("touch /srv/nfs/app/there")


@pytest.mark.usefixtures("with_v3")
@on_each
def test_nfs_3_has_the_pinned_ports_and_no_others(server):
    assert open_ports(node(server)) == V3_PORTS


@pytest.mark.usefixtures("with_v3")
@on_each
@pytest.mark.parametrize("version", [3, 4])
def test_a_client_is_served_by_both_versions(server, version):
    # The port mapper tells libnfs where the rest of version 3 is.
    seen = wait_for(lambda: _succeeded(listing("client", server, "/srv/nfs/app", version)), seconds=30)
    assert seen is not None
    assert "there" in seen.stdout


@pytest.mark.usefixtures("with_v3")
@on_each
def test_the_server_has_nothing_to_say_against_its_settings(server):
    """It goes on without what it does not know, and says so; version 4 does not know one (see the template)."""
    said = node(server).check_output(
        "grep -E 'Unknown parameter|Unknown block|syntax error' /var/log/ganesha/ganesha.log || true"
    )
    assert [line for line in said.splitlines() if "allow_set_io_flusher_fail" not in line] == []


@pytest.mark.usefixtures("with_v3")
@on_each
def test_names_of_users_have_the_declared_domain_on_the_wire(server):
    assert node(server).check_output("nfsidmap -d") == "lab.example"
    assert "root@lab.example" in names_on_the_wire(server)


@pytest.mark.usefixtures("with_v3")
def test_another_run_restarts_nothing_and_neither_do_other_exports():
    servers = {name: node(name) for name in ("server", "server13")}
    before = {(name, unit): started_at(host, unit) for name, host in servers.items() for unit in (SERVICE, "rpc-statd")}
    again = converge(**WITH_V3)
    assert again.returncode == 0
    assert again.stdout.count("changed=0") == 2
    other = converge(**WITH_V3, nfs_server_exports=[an_export("/srv/nfs/app"), an_export("/srv/nfs/other")])
    assert other.returncode == 0
    assert listing("client", "server", "/srv/nfs/other").rc == 0
    assert {key: started_at(servers[key[0]], key[1]) for key in before} == before


def test_back_to_version_4_all_that_version_3_needed_is_gone():
    preview = converge("--check", "--diff")
    assert preview.returncode == 0
    assert "32765" in preview.stdout
    assert open_ports(node("server")) == V3_PORTS
    assert converge().returncode == 0
    for host in map(node, SERVERS):
        assert open_ports(host) == {"tcp/22", "tcp/2049"}
        for unit in ("rpcbind.socket", "rpcbind.service", "rpc-statd.service"):
            assert host.run(f"systemctl is-enabled {unit}").stdout.strip() == "masked"
        assert host.check_output("nfsidmap -d") != "lab.example"


@on_each
def test_version_3_is_refused_then_and_version_4_is_served(server):
    assert wait_for(lambda: listing("client", server, "/srv/nfs/app").rc == 0, seconds=30)
    assert listing("client", server, "/srv/nfs/app", version=3).rc != 0
    assert "root@lab.example" not in names_on_the_wire(server)


def test_what_was_written_and_not_read_is_read_by_the_next_run():
    """A run was cut short between writing the settings and the restart."""
    host = node("server13")
    before = started_at(host, SERVICE)
    host.check_output(f"touch --date=+2seconds {CONFIGURATION}")
    assert converge("--limit", "server13").returncode == 0
    assert started_at(host, SERVICE) != before


def test_a_configuration_of_somebody_else_is_refused_and_replaced_on_request():
    host = node("server")
    host.check_output(f"cp -p {CONFIGURATION} /root/ours.conf")
    host.check_output(f"echo 'NFS_CORE_PARAM {{ Protocols = 4; }} # by hand' > {CONFIGURATION}")
    before = started_at(host, SERVICE)
    refused = converge("--limit", "server")
    assert refused.returncode != 0
    words = f"nfs_server_replace_config: {CONFIGURATION} was written or changed by somebody else"
    assert words in " ".join(refused.stdout.split())
    assert "by hand" in host.check_output(f"cat {CONFIGURATION}")
    assert started_at(host, SERVICE) == before
    assert converge("--limit", "server", nfs_server_replace_config=True).returncode == 0
    assert host.check_output(f"cat {CONFIGURATION}") == host.check_output("cat /root/ours.conf")
    assert "by hand" in host.check_output(f"cat {CONFIGURATION}.*~")
    assert wait_for(lambda: listing("client", "server", "/srv/nfs/app").rc == 0, seconds=30)


def test_settings_that_cannot_be_are_refused_at_once_before_anything_changes():
    host = node("server")
    before = started_at(host, SERVICE), host.check_output(f"cat {CONFIGURATION}")
    refused = converge(
        "--limit",
        "server",
        nfs_server_versions=["3", "4"],
        nfs_server_threads=1,
        nfs_server_mountd_port=2049,
        nfs_server_idmap_domain="no domain",
    )
    assert refused.returncode != 0
    for words in (
        "nfs_server_threads: 1 is out of range",
        "nfs_server_mountd_port: the ports of NFSv3 are 2049, 32765, 32766, 32767",
        "nfs_server_idmap_domain: `no domain` is no name of a domain",
    ):
        assert words in " ".join(refused.stdout.split())
    assert (started_at(host, SERVICE), host.check_output(f"cat {CONFIGURATION}")) == before


def an_export(path: str) -> dict[str, Any]:
    return {"path": path, "mode": "0777", "clients": [{"host": address("client"), "options": ["insecure"]}]}


def names_on_the_wire(server: str) -> set[str]:
    """user@domain in what is sent while a client lists the exported directory."""
    client = node("client")
    capture = "timeout 60 tcpdump -Z root --immediate-mode -U -i eth0 -w /tmp/wire port 2049"
    client.check_output(f"rm -f /tmp/wire; sh -c '{capture} > /dev/null 2>&1 < /dev/null & echo $! > /tmp/wire.pid'")
    try:
        assert wait_for(lambda: client.run("test -s /tmp/wire").rc == 0, seconds=20)
        assert listing("client", server, "/srv/nfs/app").rc == 0
        wait_for(lambda: False, seconds=1)
    finally:
        client.run("kill $(cat /tmp/wire.pid)")
    return set(client.check_output("grep -aoE '[a-z]+@[a-z.]+' /tmp/wire || true").split())


def _succeeded(seen: Any) -> Any:
    return seen if seen.rc == 0 else None
