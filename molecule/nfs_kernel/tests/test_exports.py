# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nfs_exports and the kernel's table: links that lead elsewhere, what is put back, and what others have."""

from __future__ import annotations

from typing import Any

import pytest
from checks import lab_variables
from module_calls import module
from testinfra.host import Host

testinfra_hosts = ["ansible://server"]


def test_what_a_link_led_to_is_exported_until_the_link_leads_elsewhere_or_is_gone(host):
    subnet = lab_variables()["lab_subnet"]
    host.check_output("mkdir -p /data/links/v1 /data/links/v2 '/data/links/v 3' && ln -sfn v1 /data/links/cur")
    try:
        apply(host, "links", export("/data/links/cur", subnet))
        apply(host, "others", export("/data/links/v1", "192.0.2.0/24"))
        assert active(host, "/data/links") == {("/data/links/v1", subnet), ("/data/links/v1", "192.0.2.0/24")}
        for target, place in (("v2", "/data/links/v2"), ("'v 3'", "/data/links/v\\0403")):
            host.check_output(f"ln -sfn {target} /data/links/cur")
            assert apply(host, "links", export("/data/links/cur", subnet))["changed"]
            assert active(host, "/data/links") == {(place, subnet), ("/data/links/v1", "192.0.2.0/24")}
            assert not apply(host, "links", export("/data/links/cur", subnet))["changed"]
        host.check_output("rm /data/links/cur")
        assert apply(host, "links", {"path": "/data/links/cur", "state": "absent"})["changed"]
        assert active(host, "/data/links") == {("/data/links/v1", "192.0.2.0/24")}
    finally:
        apply(host, "links")
        apply(host, "others")
        host.check_output("rm -r /data/links")
    assert active(host, "/data/links") == set()


@pytest.mark.parametrize("by_hand", ["ro,no_subtree_check", "ro,all_squash,anonuid=1000,sec=krb5:sys,no_subtree_check"])
def test_rights_given_by_hand_are_as_before_when_the_server_refuses_wider_ones(host, by_hand):
    subnet = lab_variables()["lab_subnet"]
    host.check_output(f"mkdir -p /data/by-hand && exportfs -o {by_hand} {subnet}:/data/by-hand")
    before = host.check_output("sort /var/lib/nfs/etab")
    try:
        # The positive control: the server takes the same from a call in which it refuses nothing.
        failed = apply(host, "wider", export("/data/by-hand", subnet, squash="none"), export("/proc/sys", subnet))
        after = host.check_output("sort /var/lib/nfs/etab")
        apply(host, "wider", export("/data/by-hand", subnet, squash="none"))
        taken = host.check_output("sort /var/lib/nfs/etab")
    finally:
        apply(host, "wider")
        host.run(f"exportfs -u {subnet}:/data/by-hand")
    assert "/proc/sys, path: its file system cannot be exported" in failed["msg"]
    assert "The former exports are in force again." in failed["msg"]
    assert not failed["changed"]
    assert after == before != taken
    assert not host.file("/etc/exports.d/wider.exports").exists


def test_an_export_that_is_declared_no_more_goes_although_a_line_by_hand_broke_the_file(host):
    subnet = lab_variables()["lab_subnet"]
    file = "/etc/exports.d/broken.exports"
    host.check_output("mkdir -p /data/broken/old /data/broken/new")
    try:
        apply(host, "broken", export("/data/broken/old", subnet), export("/data/broken/new", subnet))
        # Behind the header, so that exportfs reads nothing of the file any more.
        host.check_output(f"sed -i '1a /data/broken/x 192.0.2.1(rw, sync)' {file}")
        assert "bad option list" in host.run("exportfs -a").stderr
        assert apply(host, "broken", export("/data/broken/new", subnet))["changed"]
        assert active(host, "/data/broken") == {("/data/broken/new", subnet)}
        assert not apply(host, "broken", export("/data/broken/new", subnet))["changed"]
    finally:
        apply(host, "broken")
        host.check_output("rm -r /data/broken")
    assert active(host, "/data/broken") == set()


def test_a_client_that_a_file_of_others_names_before_a_typo_stays(host):
    subnet = lab_variables()["lab_subnet"]
    theirs = "/etc/exports.d/typo.exports"
    host.check_output("mkdir -p /data/typo/app")
    try:
        host.check_output(rf"printf '/data/typo/app 192.0.2.9(rw)\n/data/typo/x 192.0.2.1(rw, sync)\n' > {theirs}")
        assert apply(host, "ours", export("/data/typo/app", subnet))["changed"]
        assert active(host, "/data/typo") == {("/data/typo/app", subnet), ("/data/typo/app", "192.0.2.9")}
        same = apply(host, "ours", export("/data/typo/app", "192.0.2.9"))
        assert f"{theirs} exports it to the same client" in same["msg"]
    finally:
        apply(host, "ours")
        host.run(f"rm {theirs}; exportfs -u 192.0.2.9:/data/typo/app; rm -r /data/typo")
    assert active(host, "/data/typo") == set()


def test_a_host_that_a_file_of_others_names_stays_while_its_name_does_not_resolve(host):
    subnet = lab_variables()["lab_subnet"]
    theirs = "/etc/exports.d/backup.exports"
    both = {("/data/backup/app", subnet), ("/data/backup/app", "backup01.example.com")}
    host.check_output("mkdir -p /data/backup/app && cp /etc/hosts /data/backup/hosts")
    try:
        host.check_output("echo 192.0.2.50 backup01.example.com backup01 >> /etc/hosts")
        host.check_output(f"echo '/data/backup/app backup01(rw)' > {theirs}")
        assert apply(host, "ours", export("/data/backup/app", subnet))["changed"]
        assert active(host, "/data/backup") == both
        host.check_output("cat /data/backup/hosts > /etc/hosts")
        unchanged = apply(host, "ours", export("/data/backup/app", subnet))
        assert not unchanged["changed"], unchanged
        assert active(host, "/data/backup") == both
    finally:
        host.run(f"cat /data/backup/hosts > /etc/hosts; rm {theirs}")
        host.run("exportfs -u backup01.example.com:/data/backup/app")
        apply(host, "ours")
        host.check_output("rm -r /data/backup")
    assert active(host, "/data/backup") == set()


def test_a_number_that_somebody_else_gave_another_directory_is_refused(host):
    subnet = lab_variables()["lab_subnet"]
    host.check_output("mkdir -p /data/fsid/theirs /data/fsid/ours")
    try:
        host.check_output(f"exportfs -o fsid=77,no_subtree_check {subnet}:/data/fsid/theirs")
        refused = apply(host, "ours", {**export("/data/fsid/ours", subnet), "fsid": "77"})
        assert "/data/fsid/ours, fsid: 77 is that of /data/fsid/theirs in the active table" in refused["msg"]
        assert active(host, "/data/fsid") == {("/data/fsid/theirs", subnet)}
        assert apply(host, "ours", {**export("/data/fsid/ours", subnet), "fsid": "78"})["changed"]
    finally:
        apply(host, "ours")
        host.run(f"exportfs -u {subnet}:/data/fsid/theirs; rm -r /data/fsid")
    assert active(host, "/data/fsid") == set()


def apply(host: Host, name: str, *exports: dict[str, Any]) -> dict[str, Any]:
    return module(host, "nfs_exports", name=name, exports=[*exports])


def export(path: str, client: str, **fields: Any) -> dict[str, Any]:
    return {"path": path, "clients": [{"host": client, **fields}]}


def active(host: Host, below: str) -> set[tuple[str, str]]:
    """Path and client of each entry below that directory, as the table has them."""
    lines = host.check_output("cat /var/lib/nfs/etab").splitlines()
    pairs = (line.split("\t") for line in lines if line.startswith(f"{below}/"))
    return {(path, client.partition("(")[0]) for path, client in pairs}
