# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of NFS servers while containers write with fsync. What each cost is in the table at the end.

Two containers write to each volume: one keeps its file open, the other one opens it for every record, which a server
lets nobody do until its grace time is over.
"""

from __future__ import annotations

import base64
import json
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Iterator

import pytest
from checks import lab_variables, node, power_cut, power_on, wait_for
from module_calls import module
from writers import PROGRAM, Writer

testinfra_hosts = ["ansible://client"]

SERVICES = {"kernel": "nfs-server.service", "ganesha": "nfs-ganesha.service"}
OTHER = {"kernel": "ganesha", "ganesha": "kernel"}
EXPORT = "/srv/nfs/app"
# The role's promise, in seconds from the beginning of a restart. A client that may not open a file yet asks again after
# 0.1, 0.3, 0.7, ... 6.3, 12.7 seconds. So where the whole grace time of 10 seconds is needed, since another client has
# gone within its lease, it is 12.7 from its first question, which comes 3 seconds after the connection was lost.
GOES_ON_WITHIN = 15.0
LEASE = 10
figures: list[str] = []


@pytest.fixture(scope="module", autouse=True)
def table(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print(f"\n\n{'fault':<52} {'server':<8} {'file kept open':>14} {'opened anew':>12}", *figures, sep="\n")


@pytest.fixture(params=SERVICES)
def server(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def writers(server: str) -> Iterator[tuple[Writer, Writer]]:
    """One that keeps its file open, and one that opens it for every record; what they were promised is kept."""
    mounted = f"/var/lib/docker/volumes/{server}-app/_data"
    both = Writer("client", f"{server}-app", mounted), Writer("client", f"{server}-app", mounted, anew=True)
    node(server).check_output(f"rm -f {EXPORT}/records-*")
    for writer in both:
        writer.start()
    assert wait_for(lambda: all(writer.summary()["acknowledged"] > 5 for writer in both), seconds=90)
    yield both
    for writer in both:
        writer.stop()
    assert [writer.lost_on(server, EXPORT) for writer in both] == [[], []]


def test_after_a_restart_of_the_server_its_clients_go_on(server, writers):
    with_ours = restart(server, writers, "server restarted")
    assert max(with_ours) <= GOES_ON_WITHIN


def test_a_killed_server_is_back_by_itself_and_its_clients_go_on(server, writers):
    since = writers[0].now()
    node(server).check_output(KILL[server])
    assert max(go_on("server killed", server, writers, since)) <= GOES_ON_WITHIN
    # Not only who had a mount already is served.
    node("client").check_output(f"timeout 60 docker run --rm -v {server}-small:/v box:1 touch /v/after-the-kill")


def test_a_client_that_is_gone_for_good_does_not_make_the_others_wait_longer(server, writers):
    with a_silent_client_of(server):
        # Its lease has to run out, and nfs-ganesha looks for such clients every 5 seconds only.
        time.sleep(2 * LEASE)
        pauses = restart(server, writers, "restarted, another client gone")
    assert max(pauses) <= GOES_ON_WITHIN


def test_a_client_that_has_just_gone_costs_less_than_with_stock_settings(server, writers):
    with a_silent_client_of(server):
        ours = restart(server, writers, "restarted, another client just gone")
    with stock_settings(server), a_silent_client_of(server):
        stock = restart(server, writers, "the same with the stock settings", patience=200)
    assert max(ours) <= LEASE + 12.7
    assert max(ours) < max(stock) / 2


def test_after_a_power_cut_of_the_server_its_clients_go_on(server, writers):
    power_cut(server)
    power_on(server)
    assert wait_for(lambda: serves(server), seconds=120)
    # From here on, since how long a host takes to boot is its own.
    pauses = go_on("power cut of the server, once it is up", server, writers, writers[0].now())
    assert max(pauses) <= GOES_ON_WITHIN


def test_after_a_power_cut_of_a_client_another_one_goes_on_and_gets_its_lock(server, writers):
    with a_second_client_of(server) as second:
        node("client").check_output(
            f"docker rm --force locker; docker run --detach --name locker -v {server}-app:/v -v /usr:/usr:ro {LOCKER}"
        )
        assert wait_for(lambda: not second.has_lock(), seconds=60)
        since = second.now()
        power_cut("client")
        assert wait_for(second.has_lock, seconds=90, pause=0.5)
        freed = second.now() - since
        seen = second.summary(since)
        note("power cut of a client: another one's writes", server, [seen["longest_pause"]])
        note("power cut of a client: its lock is another one's", server, [freed])
        power_on("client")
        assert seen["errors"] == {} and seen["longest_pause"] < 5
        # The kernel's server takes it from a client once its lease has run out; nfs-ganesha looks every 5 seconds.
        assert freed < 3 * LEASE
    # The engine starts them again by itself.
    go_on("power cut of a client, once it is up", server, writers, writers[0].now(), patience=180)


def test_an_export_that_is_removed_while_in_use_fails_its_users_and_nobody_else(server, writers):
    since = writers[0].now()
    exports = declared(server)
    withdrawn = [{**export, "state": "absent"} if export["path"] == EXPORT else export for export in exports]
    assert not apply(server, withdrawn)["failed"]
    try:
        assert wait_for(lambda: all(writer.summary(since)["errors"] for writer in writers), seconds=120, pause=3)
        assert node(server).check_output(f"systemctl is-active {SERVICES[server]}") == "active"
        node("client").check_output(f"timeout 30 docker run --rm -v {server}-small:/v box:1 touch /v/meanwhile")
    finally:
        again = apply(server, exports)
    assert not again["failed"]
    pauses = go_on("export removed, once it is back", server, writers, writers[0].now())
    assert max(pauses) <= GOES_ON_WITHIN


def test_a_full_disk_is_an_error_to_the_writer_and_room_heals_it(server):
    mounted = f"/var/lib/docker/volumes/{server}-small/_data"
    writer = Writer("client", f"{server}-small", mounted)
    writer.start()
    assert wait_for(lambda: writer.summary()["acknowledged"] > 5, seconds=90)
    since = writer.now()
    node(server).check_output(FILL_THE_DISK)
    try:
        assert wait_for(lambda: "ENOSPC" in writer.summary(since)["errors"], seconds=60)
        assert set(writer.summary(since)["errors"]) == {"ENOSPC"}
    finally:
        node(server).check_output("rm -r /data/ballast")
    since = writer.now()
    assert wait_for(lambda: writer.summary(since)["acknowledged"] > 20, seconds=60)
    pause = writer.summary(since)["longest_pause"]
    writer.stop()
    assert writer.lost_on(server, "/data/small") == []
    note("disk full, once there is room", server, [pause])
    assert pause <= GOES_ON_WITHIN


LOCKER = (
    "host-python:1 /usr/bin/python3 -c 'import fcntl, time\n"
    'file = open("/v/lock", "w")\n'
    "fcntl.lockf(file, fcntl.LOCK_EX)\ntime.sleep(3600)'"
)
KILL = {
    # The server itself is threads of the kernel; these are the processes that it needs.
    "kernel": "pkill -9 -x rpc.mountd; pkill -9 -x nfsdcld",
    "ganesha": "kill -9 $(systemctl show --property=MainPID --value nfs-ganesha.service)",
}
STOCK = {
    "kernel": (
        "etc/nfs.conf.d/berthage.conf etc/systemd/system/nfs-server.service.d/berthage.conf",
        "sed -i -E 's/^(lease|grace)-time=.*/\\1-time=90/' /etc/nfs.conf.d/berthage.conf && "
        "rm /etc/systemd/system/nfs-server.service.d/berthage.conf",
    ),
    "ganesha": (
        "etc/ganesha/ganesha.conf",
        "sed -i -E 's/(Lease_Lifetime =).*/\\1 60;/; s/(Grace_Period =).*/\\1 90;/' /etc/ganesha/ganesha.conf",
    ),
}
# Whole extents, of which nothing is written: quick, however large the disk is.
FILL_THE_DISK = """
    mkdir -p /data/ballast; number=0
    for size in 4G 1G 256M 64M 16M 4M 1M 256K 64K 16K 4K; do
        while fallocate --length $size /data/ballast/$number 2>/dev/null; do number=$((number + 1)); done
    done
    sync
"""


def restart(server: str, writers: tuple[Writer, Writer], fault: str, patience: float = 90) -> list[float]:
    since = writers[0].now()
    node(server).check_output(f"systemctl restart {SERVICES[server]}")
    return go_on(fault, server, writers, since, patience)


def go_on(fault: str, server: str, writers: tuple[Writer, Writer], since: float, patience: float = 90) -> list[float]:
    """Wait until both have written on for some seconds. Each one's longest pause since then, which the table gets."""

    def both() -> list[dict[str, Any]]:
        return [writer.summary(since) for writer in writers]

    def on_again() -> bool:
        return all(now["acknowledged"] > 40 and now["silent_for"] < 3 for now in both())

    # A pause that has not begun yet would be missed.
    time.sleep(5)
    assert wait_for(on_again, seconds=patience, pause=3), both()
    # What is granted during the grace time is over with it; so look on for as long as that.
    time.sleep(12)
    seen = both()
    assert [writer.lost() for writer in writers] == [[], []]
    pauses = [float(one["longest_pause"]) for one in seen]
    note(fault, server, pauses)
    return pauses


def note(fault: str, server: str, seconds: list[float]) -> None:
    figures.append(f"{fault:<52} {server:<8} " + " ".join(f"{one:>12.1f} s" for one in seconds))


def serves(server: str) -> bool:
    return node(server).run(f"systemctl is-active {SERVICES[server]} && ss -tln | grep -q :2049").rc == 0


@contextmanager
def stock_settings(server: str) -> Iterator[None]:
    """Those that the kernel and nfs-ganesha have by themselves. They are written out: the kernel keeps others."""
    host, (files, edit) = node(server), STOCK[server]
    restarted = f"systemctl daemon-reload && systemctl restart {SERVICES[server]}"
    host.check_output(f"tar -C / -cf /root/ours.tar {files} && {edit} && {restarted}")
    try:
        yield
    finally:
        host.check_output(f"tar -C / -xf /root/ours.tar && {restarted}")


@contextmanager
def a_silent_client_of(server: str) -> Iterator[None]:
    """Another host with a file open there, which can say nothing any more: not even that it has gone."""
    other = OTHER[server]
    address = address_of(server)
    to_server = f"OUTPUT --destination {address} --jump DROP"
    node(other).check_output(
        f"mkdir -p /mnt/silent && mount -t nfs4 -o soft,timeo=50,retrans=1 {address}:{EXPORT} /mnt/silent && "
        "systemd-run --unit=holder sh -c 'exec 3>/mnt/silent/held; sleep 3600' && sleep 2 && "
        "test -e /mnt/silent/held && "
        f"iptables --wait --insert {to_server}"
    )
    try:
        yield
    finally:
        node(other).check_output(
            f"iptables --wait --delete {to_server}; systemctl kill --signal=KILL holder; "
            "systemctl reset-failed holder; umount --force --lazy /mnt/silent"
        )


@dataclass(frozen=True)
class SecondClient:
    """A process on another host that writes to a file of its own, and that can ask for the first client's lock."""

    host: str

    # 3 while somebody else has the lock
    try_lock = (
        "timeout 60 python3 -c 'import fcntl, sys\n"
        'file = open("/mnt/second/lock", "r+")\n'
        "try:\n    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
        "except BlockingIOError:\n    sys.exit(3)'"
    )
    records, log = "/mnt/second/records-second", "/root/second/writer.log"

    def has_lock(self) -> bool:
        tried = node(self.host).run(self.try_lock)
        assert tried.rc in (0, 3), tried
        return bool(tried.rc == 0)

    def now(self) -> float:
        return float(node(self.host).check_output("date +%s.%N"))

    def summary(self, since: float) -> dict[str, Any]:
        found: dict[str, Any] = self._program("summary", self.log, str(since))
        return found

    def lost(self) -> list[int]:
        found: list[int] = self._program("lost", self.records, self.log)
        return found

    def _program(self, *arguments: str) -> Any:
        return json.loads(node(self.host).check_output(f"python3 /root/second/writer.py {' '.join(arguments)}"))


@contextmanager
def a_second_client_of(server: str) -> Iterator[SecondClient]:
    second = SecondClient(OTHER[server])
    program = base64.b64encode(PROGRAM.read_bytes()).decode()
    host = node(second.host)
    host.check_output(
        f"rm -rf /root/second && mkdir -p /root/second /mnt/second && "
        f"echo {program} | base64 -d > /root/second/writer.py && "
        f"mount -t nfs4 {address_of(server)}:{EXPORT} /mnt/second && "
        f"rm -f {second.records} && touch /mnt/second/lock && "
        f"systemd-run --unit=second python3 /root/second/writer.py write {second.records} {second.log}"
    )
    try:
        assert wait_for(lambda: second.summary(0)["acknowledged"] > 5, seconds=60)
        yield second
        assert second.lost() == []
    finally:
        host.check_output("systemctl stop second; umount /mnt/second")


def declared(server: str) -> list[dict[str, Any]]:
    clients = [{"host": lab_variables()["lab_subnet"], "squash": "none"}]
    return [{"path": path, "clients": clients} for path in (EXPORT, "/data/small")]


def apply(server: str, exports: list[dict[str, Any]]) -> dict[str, Any]:
    return module(node(server), "nfs_exports", exports=exports, implementation=server)


def address_of(name: str) -> str:
    return str(node(name).check_output("hostname --all-ip-addresses").split()[0])
