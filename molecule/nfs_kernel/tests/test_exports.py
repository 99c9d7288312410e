# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nfs_exports and the kernel's table: links that lead elsewhere, and what is put back after a refusal."""

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


def apply(host: Host, name: str, *exports: dict[str, Any]) -> dict[str, Any]:
    return module(host, "nfs_exports", name=name, exports=[*exports])


def export(path: str, client: str, **fields: Any) -> dict[str, Any]:
    return {"path": path, "clients": [{"host": client, **fields}]}


def active(host: Host, below: str) -> set[tuple[str, str]]:
    """Path and client of each entry below that directory, as the table has them."""
    lines = host.check_output("cat /var/lib/nfs/etab").splitlines()
    pairs = (line.split("\t") for line in lines if line.startswith(f"{below}/"))
    return {(path, client.partition("(")[0]) for path, client in pairs}
