# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kerberos of both servers, seen by the kernel's client, and on the wire between them."""

from __future__ import annotations

import base64
import json
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest
from checks import inventory, node, run_playbook
from module_calls import module

testinfra_hosts = ["ansible://server", "ansible://ganesha"]

SERVICES = {"server": ["nfs-server", "rpc-svcgssd"], "ganesha": ["nfs-ganesha"]}
CONVERGE = Path(__file__).parents[1] / "converge.yml"
MOUNT_POINT = "/mnt/nfs_security"


@pytest.fixture
def client():
    """The client, with a ticket of alice and nothing mounted."""
    found = node("client")
    found.check_output("su alice -c 'echo of-alice | kinit alice'")
    yield found
    found.run(f"umount {MOUNT_POINT}")


def mount(client: Any, host: Any, directory: str, flavor: str) -> Any:
    what = f"-o sec={flavor},retry=0 {name(host)}:{directory} {MOUNT_POINT}"
    return client.run(f"mkdir -p {MOUNT_POINT} && timeout 100 mount -t nfs4 {what}")


def write_as_alice(client: Any, name: str, text: str) -> Any:
    return client.run(f"su alice -c 'echo {text} > {MOUNT_POINT}/{name} && sync {MOUNT_POINT}/{name}'")


def test_who_has_a_ticket_writes_as_who_he_is(host, client):
    assert mount(client, host, "/srv/nfs/secret", "krb5p").rc == 0
    done = write_as_alice(client, "mine", "by-alice")
    assert done.rc == 0, done.stderr
    assert host.file("/srv/nfs/secret/mine").content_string == "by-alice\n"
    assert host.file("/srv/nfs/secret/mine").user == "alice"


def test_who_has_no_ticket_gets_nothing(host, client):
    assert mount(client, host, "/srv/nfs/secret", "krb5p").rc == 0
    assert client.run(f"su alice -c 'ls {MOUNT_POINT}'").rc == 0
    client.check_output(f"su alice -c kdestroy && umount {MOUNT_POINT}")
    assert mount(client, host, "/srv/nfs/secret", "krb5p").rc == 0
    refused = client.run(f"su alice -c 'ls {MOUNT_POINT}'")
    # The client's words for it depend on what it still holds of the directory.
    assert refused.rc != 0
    assert refused.stdout == ""


@pytest.mark.parametrize("flavor", ["sys", "krb5", "krb5i"])
def test_a_weaker_flavor_than_the_declared_one_is_refused(host, client, flavor):
    refused = mount(client, host, "/srv/nfs/secret", flavor)
    assert refused.rc != 0
    assert "denied" in refused.stderr or "not permitted" in refused.stderr
    # The positive control: the same client, server and command, and only the export is another.
    assert mount(client, host, "/srv/nfs/secret", "krb5p").rc == 0


def test_what_is_written_is_not_clear_on_the_wire(host, client):
    clear, sealed = (
        on_the_wire(host, client, *one) for one in [("/srv/nfs/plain", "sys"), ("/srv/nfs/secret", "krb5p")]
    )
    # The positive control: with sec=sys the same listener hears the very text.
    assert clear == 1
    assert sealed == 0


def on_the_wire(host: Any, client: Any, directory: str, flavor: str) -> int:
    """Whether what a client writes is found in what the server's interface has seen."""
    payload = f"payload-{uuid.uuid4().hex}"
    capture = f"/tmp/{flavor}.pcap"
    listen = f"tcpdump -i vec0 -s 0 -U --immediate-mode -w {capture} port 2049"
    host.check_output(f"systemd-run --quiet --unit=listener-{flavor} {listen}; sleep 4")
    try:
        assert mount(client, host, directory, flavor).rc == 0
        done = write_as_alice(client, "on-the-wire", payload)
        assert done.rc == 0, done.stderr
        client.check_output(f"umount {MOUNT_POINT}")
    finally:
        host.check_output(f"sleep 2; systemctl stop listener-{flavor}")
    assert host.file(f"{directory}/on-the-wire").content_string.strip() == payload
    assert int(host.check_output(f"stat -c %s {capture}")) > 2000
    return int(host.check_output(f"grep -a -c {payload} {capture} >/dev/null && echo 1 || echo 0"))


def test_the_keytab_is_roots_alone_and_in_no_output_when_it_is_installed(host):
    keytab = keytab_file(host).read_bytes()
    host.check_output("rm /etc/krb5.keytab")
    done = run_playbook(CONVERGE, "-vvv", "--diff", "--limit", name(host))
    assert done.returncode == 0, done.stdout[-4000:]
    assert "Install the keytab" in done.stdout
    assert host.file("/etc/krb5.keytab").content == keytab
    assert host.file("/etc/krb5.keytab").mode == 0o600
    text = base64.b64encode(keytab).decode()
    # Any piece of it would be one too many.
    assert [piece for piece in (text[at : at + 24] for at in range(0, len(text) - 24, 8)) if piece in done.stdout] == []


def test_a_second_run_changes_nothing_and_restarts_no_service(host):
    services = " ".join(SERVICES[name(host)])
    shown = f"systemctl show --property=ActiveEnterTimestampMonotonic {services}; stat -c %i-%Y /etc/krb5.keytab"
    before = host.check_output(shown)
    done = run_playbook(CONVERGE, "--limit", name(host))
    assert done.returncode == 0, done.stdout[-4000:]
    assert "changed=0" in done.stdout
    assert host.check_output(shown) == before


def test_a_new_key_is_installed_and_read(host, client):
    server = name(host)
    client.check_output(f"kadmin.local -q 'ktadd -k /root/{server}.keytab nfs/{server}'")
    fetched = client.check_output(f"base64 -w0 /root/{server}.keytab")
    keytab_file(host).write_bytes(base64.b64decode(fetched))
    done = run_playbook(CONVERGE, "--limit", name(host))
    assert done.returncode == 0, done.stdout[-4000:]
    client.check_output("systemctl restart rpc-gssd; su alice -c 'kdestroy; echo of-alice | kinit alice'")
    assert mount(client, host, "/srv/nfs/secret", "krb5p").rc == 0
    assert write_as_alice(client, "with-the-new-key", "x").rc == 0


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        (
            {"lab_keytab": "other.keytab"},
            "has no key of nfs/{host}@LAB.TEST, for which clients will ask; it has nfs/client@LAB.TEST",
        ),
        ({"nfs_server_kerberos_realm": "OTHER.TEST"}, "nfs_server_keytab: has no key of nfs/{host}@OTHER.TEST"),
        ({"nfs_server_keytab_content": "AAAA"}, "nfs_server_keytab_content: is no keytab in base64"),
    ],
    ids=["a keytab of another", "another realm", "no keytab"],
)
def test_what_cannot_work_is_refused_with_the_reason(host, variables, words):
    before = host.check_output("sha256sum /etc/krb5.keytab")
    done = run_playbook(CONVERGE, "--limit", name(host), "-e", json.dumps(variables))
    assert done.returncode != 0
    assert words.format(host=name(host)) in unwrapped(done)
    assert host.check_output("sha256sum /etc/krb5.keytab") == before


def test_another_keytab_than_the_one_that_the_kernels_server_reads_is_refused():
    variables = {"nfs_server_keytab": "/etc/other.keytab"}
    done = run_playbook(CONVERGE, "--limit", "server", "-e", json.dumps(variables))
    assert done.returncode != 0
    assert "nfs_server_keytab: the kernel's server reads /etc/krb5.keytab and no other" in unwrapped(done)


def test_without_any_keytab_it_is_refused(host):
    host.check_output("mv /etc/krb5.keytab /root/kept")
    try:
        done = run_playbook(CONVERGE, "--limit", name(host), "-e", json.dumps({"nfs_server_keytab_content": ""}))
    finally:
        host.check_output("mv /root/kept /etc/krb5.keytab")
    assert done.returncode != 0
    assert "there is no keytab /etc/krb5.keytab on this host" in unwrapped(done)


def test_keys_of_other_services_are_not_lost(host):
    add = "printf 'rkt /root/foreign\\nwkt /etc/krb5.keytab\\n' | ktutil"
    foreign = node("client").check_output("base64 -w0 /etc/krb5.keytab")
    host.check_output(f"echo {foreign} | base64 -d > /root/foreign; cp -a /etc/krb5.keytab /root/kept; {add}")
    try:
        done = run_playbook(CONVERGE, "--limit", name(host))
    finally:
        host.check_output("mv /root/kept /etc/krb5.keytab")
    assert done.returncode != 0
    assert "/etc/krb5.keytab on this host has keys of nfs/client@LAB.TEST too" in unwrapped(done)


def test_rpc_with_tls_is_refused_with_the_reason(host):
    reasons = {
        "server": f"this host cannot do RPC with TLS: its kernel is {host.check_output('uname -r')}",
        "ganesha": "nfs-ganesha has no RPC with TLS",
    }
    clients = [{"host": "10.0.0.0/24", "xprtsec": ["tls", "mtls"]}]
    host.check_output("mkdir -p /srv/nfs/tls")
    exports = [{"path": "/srv/nfs/tls", "clients": clients}]
    implementation = {"server": "kernel", "ganesha": "ganesha"}[name(host)]
    refused = module(host, "nfs_exports", name="tls", exports=exports, implementation=implementation)
    assert refused["failed"]
    assert f"host '10.0.0.0/24', xprtsec: {reasons[name(host)]}" in refused["msg"]
    assert host.run("ls /etc/exports.d/tls.exports /etc/ganesha/exports.d/tls.conf").stdout == ""


def name(host: Any) -> str:
    return str(host.check_output("hostname"))


def keytab_file(host: Any) -> Path:
    """Where the role finds the keytab that it installs."""
    return inventory().parent / f"{name(host)}.keytab"


def unwrapped(done: subprocess.CompletedProcess[str]) -> str:
    return " ".join(done.stdout.split())
