# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who has a certificate gets in, who has none does not, and what goes over the wire is nobody's to read."""

from __future__ import annotations

import json
from pathlib import Path

from checks import node, run_playbook, wait_for
from module_calls import module

testinfra_hosts = ["ansible://node1"]

CONVERGE = Path(__file__).parents[1] / "converge.yml"
FILES = "/usr/lib/ssl/glusterfs"
MARK = "a-mark-that-nobody-else-writes"


def mount(host, volume: str) -> str:
    directory = f"/mnt/{volume}"
    host.check_output(
        f"mkdir -p {directory} && (mountpoint -q {directory} || timeout 60 mount -t glusterfs node1:/{volume}"
        f" {directory}) && timeout 30 ls {directory}"
    )
    return directory


def on_the_wire(volume: str) -> int:
    """How often the mark is seen on its way from the client to the bricks, while it is written twenty times."""
    first, client = node("node1"), node("client")
    directory = mount(client, volume)
    first.check_output(
        "rm -f /tmp/wire; nohup tcpdump -i any -s 0 -w /tmp/wire -U tcp >/tmp/dump.log 2>&1 & echo $! >/tmp/dump"
    )
    assert wait_for(lambda: "listening on" in first.file("/tmp/dump.log").content_string, seconds=20)
    client.check_output(
        f"for i in $(seq 20); do echo {MARK} > {directory}/{volume}-$i; sync {directory}/{volume}-$i; done; sleep 1"
    )
    first.check_output("kill $(cat /tmp/dump); sleep 1")
    assert int(first.check_output("tcpdump -r /tmp/wire 2>/dev/null | wc -l")) > 100
    return int(first.check_output(f"grep -a -o {MARK} /tmp/wire | wc -l"))


def test_a_client_with_a_certificate_writes_what_the_bricks_hold():
    directory = mount(node("client"), "gv0")
    node("client").check_output(f"echo {MARK} > {directory}/first && sync {directory}/first")
    found = [node(name).run("cat /data/brick1/gv0/first").stdout for name in ("node1", "node2")]
    assert f"{MARK}\n" in found


def test_what_is_written_is_read_on_the_wire_without_tls_and_not_with_it():
    assert on_the_wire("clear") >= 20
    assert on_the_wire("gv0") == 0


def test_a_stranger_does_not_get_in_by_any_way():
    stranger, first = node("stranger"), node("node1")
    assert stranger.run("timeout 10 bash -c '</dev/tcp/node1/24007'").rc == 0
    stranger.check_output("mkdir -p /mnt/gv0 /mnt/clear")
    # In the clear, then with TLS and no certificate, then with one that signed itself.
    assert stranger.run("timeout 60 mount -t glusterfs node1:/gv0 /mnt/gv0").rc != 0
    stranger.check_output("mkdir -p /var/lib/glusterd && touch /var/lib/glusterd/secure-access")
    assert stranger.run("timeout 60 mount -t glusterfs node1:/gv0 /mnt/gv0").rc != 0
    stranger.check_output(
        f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=client -keyout {FILES}.key -out {FILES}.pem"
        f" && cp {FILES}.pem {FILES}.ca"
    )
    assert stranger.run("timeout 60 mount -t glusterfs node1:/gv0 /mnt/gv0").rc != 0
    assert not stranger.mount_point("/mnt/gv0").exists
    # The very same host, with what makes the difference.
    kept = {kind: node("client").file(f"{FILES}.{kind}").content_string for kind in ("key", "pem", "ca")}
    for kind, text in kept.items():
        stranger.check_output(f"printf %s '{text}' > {FILES}.{kind}")
    stranger.check_output("timeout 60 mount -t glusterfs node1:/gv0 /mnt/gv0 && timeout 30 cat /mnt/gv0/first")
    stranger.check_output(f"umount /mnt/gv0; rm {FILES}.*")
    assert first.file("/var/lib/glusterd/secure-access").exists


def test_a_certificate_of_the_authority_under_a_name_that_is_not_listed_is_not_enough():
    stranger, first = node("stranger"), node("node1")
    script = Path(__file__).parents[3].joinpath("roles/glusterfs/files/tls.sh").read_text()
    for host in (stranger, first):
        host.check_output(f"cat > /root/tls.sh <<'END'\n{script}\nEND")
    request = stranger.check_output("sh /root/tls.sh request /usr/lib/ssl unlisted")
    signed = first.check_output(f"echo '{request}' | sh /root/tls.sh sign /etc/berthage/glusterfs-ca unlisted 30")
    stranger.check_output(f"echo '{signed}' | sh /root/tls.sh keep /usr/lib/ssl unlisted")
    assert stranger.check_output("sh /root/tls.sh look /usr/lib/ssl unlisted 1") == "fine"

    stranger.run("timeout 60 mount -t glusterfs node1:/gv0 /mnt/gv0")

    assert stranger.run("timeout 20 ls /mnt/gv0/first").rc != 0
    stranger.run("umount -l /mnt/gv0")


def test_keys_stay_where_they_were_made_and_nobody_else_reads_them():
    keys = set()
    for name in ("node1", "node2", "client"):
        key = node(name).file(f"{FILES}.key")
        assert (key.user, key.mode) == ("root", 0o600)
        keys.add(key.content_string)
    assert len(keys) == 3
    assert node("node1").file("/etc/berthage/glusterfs-ca/ca.key").mode == 0o600
    assert not node("node2").file("/etc/berthage/glusterfs-ca").exists


def test_a_second_run_changes_nothing_and_a_renewal_tells_no_key():
    again = run_playbook(CONVERGE)
    assert again.returncode == 0 and again.stdout.count("changed=0") == 3, again.stdout

    def certificates() -> list[str]:
        return [node(name).file(f"{FILES}.pem").content_string for name in ("node1", "node2", "client")]

    before = certificates()
    # As a survey sends it: text.
    later = {"glusterfs_tls_renew_days": "900", "glusterfs_tls_days": "1000"}
    renewed = run_playbook(CONVERGE, "-vvv", "--diff", "--extra-vars", json.dumps(later))
    assert renewed.returncode == 0, renewed.stdout
    assert all(one != other for one, other in zip(before, certificates()))
    assert "go on with the old one until they are restarted" in " ".join(renewed.stdout.split())
    assert "BEGIN CERTIFICATE" in renewed.stdout
    keys = [node(name).file(f"{FILES}.key").content_string for name in ("node1", "node2", "client")]
    keys.append(node("node1").file("/etc/berthage/glusterfs-ca/ca.key").content_string)
    for key in keys:
        assert key.splitlines()[3] not in renewed.stdout
    assert "PRIVATE KEY" not in renewed.stdout
    # The old connections go on, and new ones come with the new certificates.
    assert mount(node("client"), "gv0")


def test_without_the_host_of_the_authority_only_who_needs_a_certificate_is_refused():
    """One of the hosts has lost its own; those of the others are good for long."""
    node("node2").check_output(f"mv {FILES}.pem {FILES}.away")
    run = run_playbook(CONVERGE, "-i", "gone,", "--extra-vars", "glusterfs_tls_ca_host=gone")
    node("node2").check_output(f"mv {FILES}.away {FILES}.pem")

    assert run.returncode != 0
    assert "glusterfs_tls_ca_host: gone cannot be reached, and certificates are made there" in " ".join(
        run.stdout.split()
    )
    tasks = {task.partition("]")[0].rpartition(" : ")[2]: task for task in run.stdout.split("TASK [")}
    assert "ok: [node1]" in tasks["Bring the volumes to what is declared"]
    recap = {line.split()[0]: line for line in run.stdout.rpartition("PLAY RECAP")[2].splitlines() if "failed=" in line}
    assert [recap[name].count("failed=0") for name in ("node1", "node2", "client")] == [1, 0, 1]


def test_a_second_authority_is_refused_beside_certificates_of_the_first(host):
    """The host that had it was rebuilt, or is another one than before."""

    def kept() -> list[str]:
        return [node(name).check_output(f"cat {FILES}.pem {FILES}.ca") for name in ("node2", "client")]

    authority, before = "/etc/berthage/glusterfs-ca", kept()
    host.check_output(f"mkdir /root/kept && cp -a {FILES}.* /root/kept/ && cp -a {authority} /root/authority")
    host.check_output(f"rm -r {FILES}.* {authority}")
    # Not in this run, and asked all the same; but for one that is gone.
    variables = json.dumps({"glusterfs_clients": ["client", "gone"]})
    lost = run_playbook(CONVERGE, "-i", "gone,", "--limit", "node1", "--extra-vars", variables)
    assert lost.returncode != 0
    said = " ".join(lost.stdout.split())
    assert f"{authority} on node1 has no authority (ca.pem), and not the one of glusterfs.ca" in said
    assert "on node2, client; hosts that trust two" in said
    assert f"Restore {authority} from its backup on node1" in said
    assert not host.file(authority).exists and not host.file(f"{FILES}.key").exists
    ahead = run_playbook(CONVERGE, "--check")
    assert ahead.returncode != 0 and "has no authority" in " ".join(ahead.stdout.split())

    host.check_output(f"cp -a /root/kept/. {FILES.rpartition('/')[0]}/ && mkdir {authority}")
    host.check_output(
        f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=another -keyout {authority}/ca.key"
        f" -out {authority}/ca.pem"
    )
    other = run_playbook(CONVERGE, "--extra-vars", "glusterfs_tls_renew_days=1050 glusterfs_tls_days=1100")
    assert other.returncode != 0
    said = " ".join(other.stdout.split())
    assert f"{authority} on node1 has another authority, and not the one" in said
    assert "on node1, node2, client; hosts that trust two" in said
    assert kept() == before

    host.check_output(f"rm -r {authority} && cp -a /root/authority {authority}")
    again = run_playbook(CONVERGE)
    assert again.returncode == 0 and again.stdout.count("changed=0") == 3, again.stdout


def test_turning_it_on_under_a_running_volume_is_refused(host):
    result = module(
        host,
        "gluster_volumes",
        volumes=[{"name": "clear", "bricks": ["node1:/data/brick1/clear"], "tls": True, "tls_allow": ["node1"]}],
    )

    assert result["failed"] and not result["changed"]
    assert "clear, tls: turning TLS on takes no effect in bricks and mounts that run" in result["msg"]


def test_a_pool_that_talks_tls_is_not_declared_otherwise():
    result = run_playbook(CONVERGE, "--extra-vars", "glusterfs_tls=none")

    assert result.returncode != 0
    assert "All hosts and all clients have to change at the same time" in " ".join(result.stdout.split())
