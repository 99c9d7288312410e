# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file for node-exporter, read as Prometheus reads it, while real things go wrong."""

from __future__ import annotations

import math
import re
import time

from checks import node, wait_for

testinfra_hosts = ["ansible://node1"]

FILE = "/var/lib/prometheus/node-exporter/berthage_storage.prom"
NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
SAMPLE = re.compile(r"(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?P<labels>.*)\})? (?P<value>\S+)")
LABEL = re.compile(r'(?P<name>[a-zA-Z_][a-zA-Z0-9_]*)="(?P<value>(?:[^"\\\n]|\\["\\n])*)"(,|$)')


def parsed(text):
    """The samples of a text in Prometheus' format, by name and labels; an AssertionError for what is no such text."""
    assert text.endswith("\n")
    samples, types, done = {}, {}, set()
    last = ""
    for line in text.splitlines():
        if line.startswith("# "):
            kind, name, said = line[2:].split(" ", 2)
            assert kind in {"HELP", "TYPE"}, line
            assert NAME.fullmatch(name), line
            if kind == "TYPE":
                assert said == "gauge", line
                assert name not in types, f"{name} has two types"
                types[name] = said
            continue
        match = SAMPLE.fullmatch(line)
        assert match, line
        name = match["name"]
        assert name in types, f"{name} has no type before its samples"
        assert name == last or name not in done, f"the samples of {name} are not together"
        done.add(name)
        last = name
        rest, labels = match["labels"] or "", {}
        while rest:
            label = LABEL.match(rest)
            assert label, line
            labels[label["name"]] = label["value"]
            rest = rest[label.end() :]
        key = (name, frozenset(labels.items()))
        assert key not in samples, f"{line} is there twice"
        samples[key] = float(match["value"])
    return samples


def metrics(host):
    return parsed(host.file(FILE).content_string)


def value(samples, name, **labels):
    found = [
        value
        for (metric, of_sample), value in samples.items()
        if metric == f"berthage_{name}" and frozenset(labels.items()) <= of_sample
    ]
    assert len(found) == 1, (name, labels, found)
    return found[0]


def brick(name):
    return f"{node(name).check_output('hostname -I').split()[0]}:/data/brick1/gv0"


def has(host, name, expected, **labels):
    return lambda: value(metrics(host), name, **labels) == expected


def test_the_timer_writes_the_file_again_and_again(host):
    first = value(metrics(host), "storage_last_success_timestamp_seconds", part="glusterfs")

    assert wait_for(
        lambda: value(metrics(host), "storage_last_success_timestamp_seconds", part="glusterfs") > first, seconds=40
    )
    assert abs(time.time() - value(metrics(host), "storage_last_success_timestamp_seconds", part="glusterfs")) < 60
    assert host.service("berthage-storage-metrics.timer").is_enabled
    # node-exporter runs as a user of its own.
    assert host.file(FILE).mode == 0o644
    assert host.check_output(f"ls -A {FILE.rpartition('/')[0]}") == "berthage_storage.prom"


def test_a_pool_that_is_well_is_told_so(host):
    assert wait_for(has(host, "glusterfs_heal_pending", 0, brick=brick("node2")), seconds=60)
    samples = metrics(host)

    other = node("node2").check_output("hostname -I").split()[0]
    assert value(samples, "glusterfs_peer_connected", peer=other) == 1
    assert value(samples, "glusterfs_volume_started", volume="gv0", type="Replicate") == 1
    assert value(samples, "glusterfs_volume_started", volume="idle") == 0
    for name in ("node1", "node2"):
        assert value(samples, "glusterfs_brick_online", volume="gv0", brick=brick(name)) == 1
        assert value(samples, "glusterfs_split_brain", volume="gv0", brick=brick(name)) == 0
    size = int(host.check_output("echo $(($(stat -f -c '%b * %S' /data/brick1)))"))
    assert value(samples, "glusterfs_brick_size_bytes", brick=brick("node1")) == size
    assert 0 < value(samples, "glusterfs_brick_free_bytes", brick=brick("node1")) <= size
    assert value(samples, "storage_success", part="glusterfs") == 1
    # A host without exports tells nothing of NFS.
    assert not any("nfs" in name for name, _labels in samples)


def test_exports_are_counted(host):
    server = node("server")
    samples = metrics(server)

    assert value(samples, "nfs_server_up", implementation="ganesha") == 1
    assert value(samples, "nfs_exports", implementation="ganesha") == 2
    assert value(samples, "nfs_export_clients", path="/srv/nfs/app") == 2
    assert value(samples, "nfs_export_clients", path="/srv/nfs/two words") == 1
    assert not any("glusterfs" in name for name, _labels in samples)


def test_a_server_that_is_down_is_told_and_no_export_with_it(host):
    server = node("server")
    server.check_output("systemctl stop nfs-ganesha")
    try:
        assert wait_for(has(server, "nfs_server_up", 0, implementation="ganesha"), seconds=40)
        assert not any(name == "berthage_nfs_exports" for name, _labels in metrics(server))
    finally:
        server.check_output("systemctl start nfs-ganesha")
    assert wait_for(has(server, "nfs_server_up", 1, implementation="ganesha"), seconds=60)


def test_a_killed_brick_is_0_and_what_waits_for_it_is_counted(host):
    directory = "/mnt/gv0"
    host.check_output(f"mkdir -p {directory} && mount -t glusterfs localhost:/gv0 {directory}")
    try:
        node("node2").check_output("kill -9 $(cat /run/gluster/vols/gv0/*.pid)")
        assert wait_for(has(host, "glusterfs_brick_online", 0, brick=brick("node2")), seconds=40)
        assert value(metrics(host), "glusterfs_brick_online", brick=brick("node1")) == 1
        host.check_output(f"timeout 30 sh -c 'echo x > {directory}/meanwhile && sync {directory}/meanwhile'")
        assert wait_for(lambda: value(metrics(host), "glusterfs_heal_pending", brick=brick("node1")) > 0, seconds=40)
        # Nobody can say what waits on the brick that is down, and that is no 0.
        assert math.isnan(value(metrics(host), "glusterfs_heal_pending", brick=brick("node2")))
    finally:
        host.check_output("gluster --mode=script volume start gv0 force")
        host.check_output(f"umount {directory}")
    assert wait_for(has(host, "glusterfs_brick_online", 1, brick=brick("node2")), seconds=60)
    assert wait_for(has(host, "glusterfs_heal_pending", 0, brick=brick("node1")), seconds=90)


def test_a_daemon_that_is_down_is_a_failure_that_keeps_the_time_of_the_last_success():
    second = node("node2")
    # By hand, so that no writing falls between the two looks.
    second.check_output("systemctl stop berthage-storage-metrics.timer")
    assert wait_for(lambda: not second.service("berthage-storage-metrics.service").is_running, seconds=40)
    before = value(metrics(second), "storage_last_success_timestamp_seconds", part="glusterfs")
    second.check_output("systemctl stop glusterd")
    try:
        assert second.run("systemctl start berthage-storage-metrics.service").rc != 0
        samples = metrics(second)
        assert value(samples, "storage_success", part="glusterfs") == 0
        assert value(samples, "storage_last_success_timestamp_seconds", part="glusterfs") == before
        assert not any("glusterfs" in name for name, _labels in samples)
        # The other host says which one it misses.
        host = node("node1")
        assert wait_for(has(host, "glusterfs_peer_connected", 0), seconds=60)
        assert wait_for(
            lambda: math.isnan(value(metrics(host), "glusterfs_brick_online", brick=brick("node2"))), seconds=40
        )
    finally:
        second.check_output("systemctl start glusterd && systemctl start berthage-storage-metrics.timer")
    assert wait_for(has(second, "storage_success", 1, part="glusterfs"), seconds=60)


def test_the_service_can_do_next_to_nothing(host):
    shown = host.check_output(
        "systemctl show berthage-storage-metrics.service"
        " -p CapabilityBoundingSet,NoNewPrivileges,ProtectSystem,PrivateDevices,MemoryDenyWriteExecute"
    )
    assert set(shown.splitlines()) == {
        "CapabilityBoundingSet=cap_net_bind_service",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "PrivateDevices=yes",
        "MemoryDenyWriteExecute=yes",
    }
