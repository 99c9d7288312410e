# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seen from a client: what is exported can be used, and what is not cannot. libnfs needs no NFS in the kernel."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nfs_kills
import pytest
from checks import inventory, lab_variables, node, wait_for
from figures import measured
from module_calls import module
from testinfra.host import Host

testinfra_hosts = ["ansible://server"]

IMPLEMENTATION = os.environ.get("NFS_IMPLEMENTATION") or {"uml": "kernel"}.get(lab_variables()["lab_kind"], "ganesha")
SERVICE = {"kernel": "nfs-server", "ganesha": "nfs-ganesha"}[IMPLEMENTATION]
MANAGER = "org.ganesha.nfsd /org/ganesha/nfsd/ExportMgr org.ganesha.nfsd.exportmgr"


@pytest.mark.parametrize("implementation", [IMPLEMENTATION])
def test_the_server_proven_here_runs_now_and_at_boot(host, implementation):
    service = host.service(SERVICE)
    assert service.is_running
    assert service.is_enabled


def test_nothing_but_nfs_and_ssh_listens_to_the_network(host):
    listening = host.check_output("ss --no-header --listening --tcp --udp --numeric").splitlines()
    ports = {line.split()[4].rpartition(":")[2] for line in listening if not line.split()[4].startswith("127.")}
    assert ports == {"22", "2049"}


def test_what_a_client_writes_is_on_the_server_and_is_read_back(host):
    text = f"written at {time.time()}"
    name = write("/srv/nfs/app", text)
    assert host.file(f"/srv/nfs/app/{name}").content_string.strip() == text
    assert read("/srv/nfs/app", name).strip() == text
    assert name in listing("/srv/nfs/app").stdout


@pytest.mark.parametrize(
    ("directory", "owner"),
    [("/srv/nfs/app", 65534), ("/srv/nfs/squashed", 1000), ("/srv/nfs/plain", 0)],
    ids=["root becomes nobody", "everyone becomes 1000", "root stays root"],
)
def test_squash_decides_whose_file_it_is(host, directory, owner):
    name = write(directory, "x")
    assert host.file(f"{directory}/{name}").uid == owner


def test_an_ordinary_user_stays_who_it_is_unless_all_are_squashed(host):
    plain = write("/srv/nfs/plain", "x", uid=1234)
    squashed = write("/srv/nfs/squashed", "x", uid=1234)
    assert host.file(f"/srv/nfs/plain/{plain}").uid == 1234
    assert host.file(f"/srv/nfs/squashed/{squashed}").uid == 1000


def test_a_read_only_export_is_read_and_not_written(host):
    host.check_output("echo there > '/srv/nfs/read only/there'")
    assert read("/srv/nfs/read only", "there").strip() == "there"
    refused = try_to_write("/srv/nfs/read only", "mine", "x")
    assert refused.rc != 0
    assert "ROFS" in refused.stderr or "EROFS" in refused.stderr
    assert not host.file("/srv/nfs/read only/mine").exists


def test_a_client_outside_the_declared_network_is_refused_and_inside_it_is_served(host):
    host.check_output("install -d -m 0777 /srv/nfs/control")
    apply(host, "control", [export("/srv/nfs/control", "192.0.2.0/24")])
    outside = listing("/srv/nfs/control")
    # The positive control: the same command, path and address, and only the declared network is another.
    apply(host, "control", [export("/srv/nfs/control", lab_variables()["lab_subnet"])])
    inside = listing("/srv/nfs/control")
    apply(host, "control", [export("/srv/nfs/control", state="absent")])
    withdrawn = listing("/srv/nfs/control")
    assert inside.rc == 0, inside.stderr
    assert outside.rc != 0
    assert withdrawn.rc != 0
    assert host.file("/srv/nfs/control").is_directory


def test_a_second_run_leaves_server_table_and_file_as_they_were(host):
    before = fingerprint(host)
    done = subprocess.run(
        ["ansible-playbook", "-i", str(inventory()), str(Path(__file__).parents[1] / "converge.yml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "changed=0" in done.stdout
    assert fingerprint(host) == before


def test_another_spelling_changes_nothing_and_check_mode_shows_the_plan(host):
    spelled = [
        export("/srv/nfs/spelled/", "10.0.0.0/24", options=["insecure", "anonuid=1000"]),
        export("/srv/nfs/app2", "10.0.0.5", "10.0.1.0/24"),
    ]
    respelled = [
        export("/srv//nfs/app2", "10.0.1.0/255.255.255.0", "10.0.0.5/32"),
        export("/srv/nfs/spelled", "10.0.0.0/255.255.255.0", options=["anonuid=1000", "insecure"]),
    ]
    host.check_output("mkdir -p /srv/nfs/spelled /srv/nfs/app2")
    try:
        nothing = fingerprint(host)
        preview = apply(host, "spelled", spelled, check=True)
        assert fingerprint(host) == nothing
        applied = apply(host, "spelled", spelled)
        assert applied["changed"]
        assert preview["changed"]
        assert applied["exports"] == preview["exports"]
        before = fingerprint(host)
        assert not apply(host, "spelled", respelled)["changed"]
        assert fingerprint(host) == before != nothing
    finally:
        apply(host, "spelled", [])


def test_what_was_withdrawn_by_hand_is_exported_again_and_said_so(host):
    host.check_output("mkdir -p /srv/nfs/drift")
    declared = [export("/srv/nfs/drift", lab_variables()["lab_subnet"])]
    try:
        apply(host, "drift", declared)
        withdraw_by_hand(host, "/srv/nfs/drift", lab_variables()["lab_subnet"])
        assert listing("/srv/nfs/drift").rc != 0
        repaired = apply(host, "drift", declared)
        assert repaired["changed"]
        assert repaired["exports"][0]["action"] == "update"
        assert "exported again" in repaired["exports"][0]["message"]
        assert listing("/srv/nfs/drift").rc == 0
    finally:
        apply(host, "drift", [])


def test_what_others_export_without_a_file_stays(host):
    host.check_output("mkdir -p /srv/nfs/others")
    export_by_hand(host, "/srv/nfs/others", lab_variables()["lab_subnet"])
    try:
        assert listing("/srv/nfs/others").rc == 0
        host.check_output("mkdir -p /srv/nfs/mine")
        apply(host, "mine", [export("/srv/nfs/mine", "10.0.0.0/24")])
        apply(host, "mine", [])
        assert listing("/srv/nfs/others").rc == 0
    finally:
        withdraw_by_hand(host, "/srv/nfs/others", lab_variables()["lab_subnet"])


def test_what_the_server_refuses_is_taken_back_as_a_whole(host):
    host.check_output("mkdir -p /srv/nfs/former /srv/nfs/next /srv/nfs/unresolved")
    subnet = lab_variables()["lab_subnet"]
    refusals = {
        "/proc/sys, path: its file system cannot be exported": export("/proc/sys", "10.0.0.0/24"),
        "the server cannot resolve this host name": export("/srv/nfs/unresolved", "nosuch.invalid"),
    }
    try:
        apply(host, "rollback", [export("/srv/nfs/former", subnet)])
        before = fingerprint(host, "rollback")
        for words, refused in refusals.items():
            failed = apply(host, "rollback", [export("/srv/nfs/next", subnet), refused])
            assert failed["failed"]
            assert not failed["changed"]
            assert words in failed["msg"]
            assert "The former exports are in force again." in failed["msg"]
            assert fingerprint(host, "rollback") == before
            assert listing("/srv/nfs/former").rc == 0
            assert listing("/srv/nfs/next").rc != 0
    finally:
        apply(host, "rollback", [])


def test_an_export_inside_of_another_is_withdrawn_before_that_and_never_left_behind(host):
    host.check_output(
        "mkdir -p /srv/nfs/outer/inner /srv/nfs/outer/second && touch /srv/nfs/outer/file /srv/nfs/outer/inner/file"
    )
    subnet = lab_variables()["lab_subnet"]
    outer, inner, second = (export(f"/srv/nfs/outer{one}", subnet) for one in ("", "/inner", "/second"))
    try:
        apply(host, "nested", [outer, inner])
        assert ["file" in listing(one["path"]).stdout for one in (outer, inner)] == [True, True]
        apply(host, "nested", [])
        assert [listing(one["path"]).rc != 0 for one in (outer, inner)] == [True, True]
        apply(host, "nested", [outer, second])
        before = fingerprint(host, "nested")
        failed = apply(host, "nested", [second])
        if IMPLEMENTATION == "ganesha":
            assert "cannot withdraw it while it serves /srv/nfs/outer/second" in failed["msg"]
            assert fingerprint(host, "nested") == before
            apply(host, "nested", [outer])
        # What was exported whole is so in parts. Above these a client finds directories, and no file.
        assert not apply(host, "nested", [inner, second])["failed"]
        assert ["file" in listing(one["path"]).stdout for one in (outer, inner)] == [False, True]
        assert listing(second["path"]).rc == 0
        if IMPLEMENTATION == "ganesha":
            before = fingerprint(host, "nested")
            failed = apply(host, "nested", [outer, inner, second])
            assert "already serves /srv/nfs/outer/inner, /srv/nfs/outer/second inside of it" in failed["msg"]
            assert fingerprint(host, "nested") == before
            apply(host, "nested", [])
        apply(host, "nested", [outer, inner])
        assert not apply(host, "nested", [second])["failed"]
        assert [listing(one["path"]).rc == 0 for one in (inner, second)] == [False, True]
    finally:
        apply(host, "nested", [])
        host.check_output("rm -r /srv/nfs/outer")


def test_a_link_inside_of_what_another_name_exports_is_refused_and_one_outside_is_the_server_s_affair(host):
    host.check_output("mkdir -p /srv/nfs/around/sub && ln -s /etc /srv/nfs/around/turned && ln -s around /srv/nfs/link")
    try:
        apply(host, "around", [export("/srv/nfs/around", lab_variables()["lab_subnet"])])
        for path in ("/srv/nfs/around/turned", "/srv/nfs/link/turned"):
            failed = apply(host, "inside", [export(path, "192.0.2.0/24")])
            assert f"{path}, path: is /etc, by the link /srv/nfs/around/turned inside of the export" in failed["msg"]
            assert not host.file(drop_in("inside")).exists
        followed = apply(host, "inside", [export("/srv/nfs/link/sub", "192.0.2.0/24")])
        if IMPLEMENTATION == "ganesha":
            assert "/srv/nfs/link/sub, path: passes a symbolic link, and nfs-ganesha follows none" in followed["msg"]
        else:
            assert not followed["failed"], followed["msg"]
    finally:
        apply(host, "inside", [])
        apply(host, "around", [])
        host.check_output("rm -r /srv/nfs/around /srv/nfs/link")


def test_bad_input_is_refused_at_once_and_before_anything_changes(host):
    bad = {
        "/srv/nfs/x1, clients: '*' opens the export to every host": export("/srv/nfs/x1", "*"),
        "/srv/nfs/x2, clients: '0.0.0.0/0' opens the export to every host": export("/srv/nfs/x2", "0.0.0.0/0"),
        "srv/nfs, path: is not absolute": export("srv/nfs", "10.0.0.1"),
        "goes up with `..`": export("/srv/../etc", "10.0.0.1"),
        "'10.0.0.0/33': is no valid address or network": export("/srv/nfs/x3", "10.0.0.0/33"),
    }
    before = fingerprint(host)
    failed = apply(host, "bad", [*bad.values()])
    missing = apply(host, "bad", [export("/nowhere", "10.0.0.1")])
    assert failed["failed"]
    assert not failed["changed"]
    assert [words for words in bad if words not in failed["msg"]] == []
    assert len(failed["msg"].splitlines()) == len(bad)
    assert "/nowhere, path: no such directory" in missing["msg"]
    assert fingerprint(host) == before
    assert not host.file(drop_in("bad")).exists


def test_a_file_that_the_module_did_not_write_is_not_overwritten(host):
    path = drop_in("foreign")
    host.check_output(f"echo '# by hand' > {path}")
    try:
        failed = apply(host, "foreign", [export("/srv/nfs/app", "10.0.0.1")])
        assert "was not written by this module" in failed["msg"]
        assert host.file(path).content_string == "# by hand\n"
    finally:
        host.check_output(f"rm {path}")


# Reads as slowly as a client that works with what it reads, until it is told to make an end of it.
SLOW_READER = """
import hashlib, os, sys, time
whole, pieces = hashlib.sha256(), 0
while piece := sys.stdin.buffer.read(1 << 20):
    whole.update(piece)
    pieces += 1
    open("/tmp/reading", "w").write(str(pieces))
    if not os.path.exists("/tmp/make-an-end"):
        time.sleep(0.1)
print(whole.hexdigest())
"""


def test_who_has_a_file_open_reads_on_while_exports_change(host):
    client, subnet = node("client"), lab_variables()["lab_subnet"]
    host.check_output("mkdir -p /srv/nfs/open /srv/nfs/open2 && head -c 400M /dev/urandom > /srv/nfs/open/file")
    wanted = host.check_output("sha256sum < /srv/nfs/open/file").split()[0]
    process = host.check_output("pidof ganesha.nfsd || cat /proc/fs/nfsd/threads")
    client.check_output("rm -f /tmp/reading /tmp/make-an-end")
    read_slowly = f"timeout 200 nfs-cat {url('/srv/nfs/open', 'file')} | python3 -c {shlex.quote(SLOW_READER)}"
    try:
        apply(host, "open", [export("/srv/nfs/open", subnet)])
        with ThreadPoolExecutor() as pool:
            reader = pool.submit(client.run, read_slowly)
            assert wait_for(lambda: client.file("/tmp/reading").exists, seconds=30)
            other = [export("/srv/nfs/open2", subnet)]
            added = apply(host, "open", [export("/srv/nfs/open", subnet), *other])
            updated = apply(host, "open", [export("/srv/nfs/open", subnet, "192.0.2.7", access="ro"), *other])
            removed = apply(host, "open", [export("/srv/nfs/open", subnet, "192.0.2.7", access="ro")])
            read_meanwhile = int(client.check_output("cat /tmp/reading"))
            client.check_output("touch /tmp/make-an-end")
            done = reader.result()
    finally:
        apply(host, "open", [])
        host.check_output("rm -r /srv/nfs/open /srv/nfs/open2")
    assert [one["changed"] for one in (added, updated, removed)] == [True] * 3
    assert 0 < read_meanwhile < 400, "the exports did not change while the file was being read"
    assert done.stdout.strip() == wanted, done.stderr
    assert host.check_output("pidof ganesha.nfsd || cat /proc/fs/nfsd/threads") == process


def test_a_run_killed_at_any_change_of_the_server_is_ended_by_the_next_one(host):
    client = lab_variables()["lab_subnet"]
    host.check_output(f"mkdir -p {nfs_kills.BY_HAND}")
    export_by_hand(host, nfs_kills.BY_HAND, client)
    try:
        points = nfs_kills.while_it_withdraws(host, IMPLEMENTATION, client)
    finally:
        withdraw_by_hand(host, nfs_kills.BY_HAND, client)
        apply(host, "kills", [])
    nfs_kills.check_withdrawal(points)


def test_a_run_killed_while_it_takes_a_refused_change_back_leaves_nothing_open(host):
    try:
        points = nfs_kills.while_it_takes_back(host, IMPLEMENTATION, lab_variables()["lab_subnet"])
    finally:
        apply(host, "kills", [])
    nfs_kills.check_taking_back(points)


# The last one, since clients may have to wait for the server's grace time after it.
def test_clients_go_on_within_15_seconds_after_a_restart_of_the_server(host, record_property):
    name = write("/srv/nfs/app", "kept")
    started = time.monotonic()
    host.check_output(f"systemctl restart {SERVICE}")
    back = wait_for(lambda: try_to_read("/srv/nfs/app", name).rc == 0, seconds=30, pause=0.5)
    took = time.monotonic() - started
    measured("a client reads again after the restart, in", f"{took:.1f} s")
    record_property("seconds", took)
    assert back
    assert took < 15, f"{took:.1f} s"
    assert read("/srv/nfs/app", name).strip() == "kept"
    write("/srv/nfs/app", "new")


def export(path: str, *hosts: str, state: str = "present", **fields: Any) -> dict[str, Any]:
    return {"path": path, "state": state, "clients": [{"host": host, **fields} for host in hosts]}


def apply(host: Host, name: str, exports: list[dict[str, Any]], *, check: bool = False) -> dict[str, Any]:
    """Call the module on the server; a failure is a result as well."""
    return module(host, "nfs_exports", check=check, name=name, exports=exports, implementation=IMPLEMENTATION)


def drop_in(name: str) -> str:
    return {"kernel": f"/etc/exports.d/{name}.exports", "ganesha": f"/etc/ganesha/exports.d/{name}.conf"}[
        IMPLEMENTATION
    ]


def fingerprint(host: Host, name: str = "berthage") -> tuple[str, ...]:
    """The server's own ids: its process or start, its table of exports, and the file's content."""
    started = host.check_output(f"systemctl show --property=ActiveEnterTimestampMonotonic {SERVICE}")
    if IMPLEMENTATION == "kernel":
        table = host.check_output("sort /var/lib/nfs/etab")
    else:
        shown = json.loads(host.check_output(f"busctl --system --json=short call {MANAGER} ShowExports"))
        table = "\n".join(
            host.check_output(f"busctl --system --json=short call {MANAGER} DisplayExport q {one[0]}")
            for one in sorted(shown["data"][1])
            if one[0]
        )
    return started, table, host.check_output(f"cat {drop_in(name)}")


def export_by_hand(host: Host, path: str, client: str) -> None:
    if IMPLEMENTATION == "kernel":
        host.check_output(f"exportfs -o rw,no_subtree_check {client}:{path}")
        return
    block = (
        f'EXPORT {{ Export_Id = 7; Path = "{path}"; Pseudo = "{path}"; Protocols = 4; Access_Type = None; '
        f"CLIENT {{ Clients = {client}; Access_Type = RW; }} FSAL {{ Name = VFS; }} }}"
    )
    host.check_output(f"echo {shlex.quote(block)} > /tmp/by-hand.conf")
    host.check_output(f"busctl --system call {MANAGER} AddExport ss /tmp/by-hand.conf 'EXPORT(Export_Id = 7)'")


def withdraw_by_hand(host: Host, path: str, client: str) -> None:
    if IMPLEMENTATION == "kernel":
        host.check_output(f"exportfs -u {client}:{path}")
        return
    shown = json.loads(host.check_output(f"busctl --system --json=short call {MANAGER} ShowExports"))
    (number,) = [one[0] for one in shown["data"][1] if one[1] == path]
    host.check_output(f"busctl --system call {MANAGER} RemoveExport q {number}")


def url(directory: str, name: str = "", **parameters: Any) -> str:
    address = json.loads(inventory().read_text())["all"]["hosts"]["server"]["ansible_host"]
    query = "&".join(f"{key}={value}" for key, value in {"version": 4, **parameters}.items())
    return shlex.quote(f"nfs://{address}{directory}{'/' + name if name else ''}?{query}")


def listing(directory: str) -> Any:
    return node("client").run(f"timeout 30 nfs-ls {url(directory)}")


def try_to_write(directory: str, name: str, text: str, uid: int | None = None) -> Any:
    who = {} if uid is None else {"uid": uid, "gid": uid}
    source = f"echo {shlex.quote(text)} > /tmp/to-write"
    return node("client").run(f"{source}; timeout 30 nfs-cp /tmp/to-write {url(directory, name, **who)}")


def write(directory: str, text: str, uid: int | None = None) -> str:
    """Write a new file from the client, and return its name. nfs-cp writes no file that is there already."""
    name = uuid.uuid4().hex
    done = try_to_write(directory, name, text, uid)
    assert done.rc == 0, done.stderr
    return name


def try_to_read(directory: str, name: str) -> Any:
    return node("client").run(f"rm -f /tmp/was-read; timeout 30 nfs-cp {url(directory, name)} /tmp/was-read")


def read(directory: str, name: str) -> str:
    done = try_to_read(directory, name)
    assert done.rc == 0, done.stderr
    return str(node("client").check_output("cat /tmp/was-read"))
