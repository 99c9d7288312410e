# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host of the pool is lost with all that was on it, and comes back empty under its old name."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from xml.etree import ElementTree

import pytest
from checks import node, run_playbook, wait_for

testinfra_hosts = ["ansible://node1"]

CONVERGE = Path(__file__).parents[1] / "converge.yml"
REPLICATED = ("/data/brick1/gv0", "/data/brick1/gv0-more")
UNCHANGED = "changed=0"
JOURNAL = "/var/lib/glusterd/berthage-rebuild.json"


@pytest.fixture(scope="module", autouse=True)
def files(host):
    """Directories and files on both volumes, more than fit into one directory's first read."""
    host.check_output(
        "mkdir -p /mnt/gv0 /mnt/coded; for v in gv0 coded; do"
        " mountpoint -q /mnt/$v || mount -t glusterfs localhost:/$v /mnt/$v;"
        " for i in $(seq 60); do mkdir -p /mnt/$v/d$i/deep; echo $v $i > /mnt/$v/d$i/deep/file; done; done; sync"
    )


def lose(name: str) -> str:
    """Take everything from a host that its pool and its volumes had there. Its UUID until then."""
    lost = node(name)
    uuid = lost.check_output("sed -n s/^UUID=//p /var/lib/glusterd/glusterd.info")
    lost.check_output(
        "systemctl stop glusterd; pkill -x 'glusterfs|glusterfsd' || true; sleep 1;"
        " umount -a -t fuse.glusterfs || true; rm -rf /var/lib/glusterd/* /data/brick1"
    )
    return uuid


def seen(host, *words: str) -> ElementTree.Element:
    answer = host.check_output(f"gluster --mode=script --xml {' '.join(words)}")
    return ElementTree.fromstring(answer)  # noqa: S314 - from gluster on the lab's own host


def pool(host) -> dict[str, str]:
    return {peer.findtext("uuid"): peer.findtext("connected") for peer in seen(host, "pool", "list").iter("peer")}


def on_bricks(name: str) -> str:
    """The names and contents of what a host's replicated bricks hold."""
    look = f"cd / && find {' '.join(REPLICATED)} -name .glusterfs -prune -o -type f -print | sort | xargs sha256sum"
    return node(name).check_output(look)


def is_whole(host, *volumes: str) -> None:
    for volume in volumes or ("gv0", "coded"):
        status = seen(host, "volume", "status", volume)
        assert {each.findtext("status") for each in status.iter("node")} == {"1"}
        counts = [each.text for each in seen(host, "volume", "heal", volume, "info").iter("numberOfEntries")]
        assert set(counts) == {"0"}
    assert on_bricks("node3") == on_bricks("node2")
    assert on_bricks("node3").count("/deep/file") == 60
    # Erasure coding: pieces, which are the same nowhere. Two of them make the file, one of which is the healed one.
    pieces = "find /data/brick1/coded -name file -size +0 | grep -vc .glusterfs"
    assert node("node3").check_output(pieces) == "60"
    assert not node("node3").file(JOURNAL).exists


def test_a_lost_host_comes_back_with_its_uuid_its_bricks_and_their_files(host):
    uuid = lose("node3")
    assert wait_for(lambda: pool(host)[uuid] == "0", seconds=60)
    host.check_output("echo meanwhile > /mnt/gv0/meanwhile && echo meanwhile > /mnt/coded/meanwhile && sync")

    looked_ahead = run_playbook(CONVERGE, "--check")
    assert looked_ahead.returncode == 0, looked_ahead.stdout
    assert "Would bring node3 back" in looked_ahead.stdout
    assert not node("node3").file("/var/lib/glusterd/glusterd.info").exists

    result = run_playbook(CONVERGE)

    assert result.returncode == 0, result.stdout
    assert node("node3").check_output("sed -n s/^UUID=//p /var/lib/glusterd/glusterd.info") == uuid
    for name in ("node1", "node2", "node3"):
        assert pool(node(name))[uuid] == "1" and len(pool(node(name))) == 3
    is_whole(host)
    again = run_playbook(CONVERGE)
    assert again.returncode == 0 and again.stdout.count(UNCHANGED) == 3, again.stdout


def test_what_is_read_while_it_heals_is_never_empty(host):
    """An empty brick that counts as good would show its users a volume without files."""
    lose("node3")
    host.check_output(
        "nohup sh -c 'while [ ! -e /tmp/enough ]; do ls /mnt/gv0 | grep -c ^d; sleep 0.05; done' > /tmp/counted 2>&1 &"
    )
    result = run_playbook(CONVERGE)
    host.check_output("touch /tmp/enough; sleep 1; rm /tmp/enough")

    assert result.returncode == 0, result.stdout
    counted = host.file("/tmp/counted").content_string.split()
    assert len(counted) > 50
    assert set(counted) == {"60"}
    is_whole(host)


def test_the_first_of_the_hosts_can_be_the_lost_one():
    lose("node1")
    result = run_playbook(CONVERGE)

    assert result.returncode == 0, result.stdout
    assert on_bricks("node1") == on_bricks("node3")
    assert on_bricks("node1").count("/deep/file") == 60


@pytest.fixture
def wide(host):
    """A volume on four hosts, which are the pool meanwhile, in two sets, of which node2 has one and spare the other."""
    bricks = [f"{name}:/data/brick1/wide" for name in ("node1", "node2", "node3")]
    bricks += [f"{name}:/data/brick1/wide-more" for name in ("node1", "spare", "node3")]
    node("spare").check_output("mkdir -p /data/brick1 && systemctl start glusterd")
    host.check_output("gluster peer probe spare")
    assert wait_for(lambda: set(pool(node("spare")).values()) == {"1"} and len(pool(node("spare"))) == 4, seconds=60)
    host.check_output(
        f"gluster --mode=script volume create wide replica 3 {' '.join(bricks)} && gluster volume start wide &&"
        " mkdir -p /mnt/wide && mount -t glusterfs localhost:/wide /mnt/wide &&"
        " for i in $(seq 60); do mkdir /mnt/wide/d$i && echo $i > /mnt/wide/d$i/file; done; sync"
    )
    yield
    host.check_output(
        "umount /mnt/wide; gluster --mode=script volume stop wide && gluster --mode=script volume delete wide &&"
        " gluster --mode=script peer detach spare"
    )
    for name in ("node1", "node2", "node3", "spare"):
        node(name).check_output("rm -rf /data/brick1/wide /data/brick1/wide-more")


def test_two_lost_hosts_and_a_volume_that_is_stopped_come_back(host, wide):
    host.check_output("gluster --mode=script volume stop coded")
    uuids = [lose(name) for name in ("node2", "spare")]
    assert wait_for(lambda: [pool(host)[uuid] for uuid in uuids] == ["0", "0"], seconds=60)
    nodes = {"hosts_of_the_pool": "glusterfs_nodes:spare", "glusterfs_nodes": ["node1", "node2", "node3", "spare"]}

    result = run_playbook(CONVERGE, "-e", json.dumps(nodes))

    assert result.returncode == 0, result.stdout
    assert [pool(host)[uuid] for uuid in uuids] == ["1", "1"]
    is_whole(host, "gv0", "coded", "wide")
    assert on_bricks("node2") == on_bricks("node3")
    for name, directory in (("node2", "wide"), ("spare", "wide-more")):
        files = (
            f"cd /data/brick1/{directory} && find . -name .glusterfs -prune -o -type f -print | sort | xargs sha256sum"
        )
        assert node(name).check_output(files) == node("node3").check_output(files) != ""


def test_a_run_that_is_cut_short_is_continued_by_the_next(host):
    uuid = lose("node3")
    # As gluster's own quick start says. `start force` takes an empty directory for the brick, and starts it.
    node("node3").check_output("mkdir -p /data/brick1/gv0 /data/brick1/gv0-more /data/brick1/coded/.glusterfs")
    # What each step needs fails in turn: its daemon, the mount that tells the others, the start of its bricks.
    for name, program, words in (
        ("node3", "systemctl", "start glusterd.service"),
        ("node1", "glusterfs", "--client-pid"),
        ("node1", "gluster", "volume start"),
    ):
        wrapper = f"/usr/local/sbin/{program}"
        script = (
            f'#!/bin/sh\ncase "$*" in *"{words}"*) echo cut >&2; exit 1;; esac\n'
            f'PATH=/usr/sbin:/usr/bin:/sbin:/bin exec {program} "$@"\n'
        )
        node(name).check_output(f"printf %s {shlex.quote(script)} > {wrapper} && chmod 755 {wrapper}")
        result = run_playbook(CONVERGE)
        node(name).check_output(f"rm {wrapper}")
        assert result.returncode != 0, result.stdout
        assert "cut" in result.stdout
        assert node("node3").file(JOURNAL).exists
        if program == "glusterfs":
            # The next host has gone on meanwhile, and said it already.
            node("node2").check_output("gluster --mode=script volume start gv0 force")
            assert node("node3").check_output("ls /data/brick1") == ""

    result = run_playbook(CONVERGE)
    assert result.returncode == 0, result.stdout
    assert pool(host)[uuid] == "1"
    is_whole(host)


def test_a_host_that_still_holds_a_brick_is_left_alone(host):
    second = node("node2")
    second.check_output(
        "systemctl stop glusterd; pkill -x 'glusterfs|glusterfsd' || true; cp -a /var/lib/glusterd /root/kept;"
        " rm -rf /var/lib/glusterd/*"
    )
    before = on_bricks("node2")

    result = run_playbook(CONVERGE)

    assert result.returncode != 0
    assert "this host is not empty, and is left alone" in result.stdout
    assert "/data/brick1/gv0 is not empty" in result.stdout
    assert on_bricks("node2") == before
    assert not second.file("/var/lib/glusterd/glusterd.info").exists

    second.check_output(
        "rm -rf /var/lib/glusterd/* && cp -a /root/kept/. /var/lib/glusterd/ && systemctl start glusterd"
    )
    assert wait_for(lambda: set(pool(host).values()) == {"1"}, seconds=60)
    assert run_playbook(CONVERGE).returncode == 0
