# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two runs at once: each sees what the other one made, whoever is first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from checks import lab_variables
from module_calls import module

testinfra_hosts = ["ansible://node1"]

TOGETHER = 4


def at_once(host, name, *calls):
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda arguments: module(host, name, **arguments), calls))


def test_the_same_exports_by_several_runs_are_made_once(host):
    host.check_output("mkdir -p /srv/nfs/together")
    clients = [{"host": lab_variables()["lab_subnet"]}]
    declared = {
        "name": "together",
        "implementation": "ganesha",
        "exports": [{"path": "/srv/nfs/together", "clients": clients}],
    }
    results = at_once(host, "nfs_exports", *[declared] * TOGETHER)
    assert not [result["msg"] for result in results if result["failed"]]
    assert [result["changed"] for result in results].count(True) == 1
    assert host.file("/etc/ganesha/exports.d/together.conf").content_string.count("/srv/nfs/together") >= 1
    assert not module(host, "nfs_exports", **declared)["changed"]
    emptied = {**declared, "exports": []}
    results = at_once(host, "nfs_exports", *[emptied] * TOGETHER)
    assert not [result["msg"] for result in results if result["failed"]]
    assert [result["changed"] for result in results].count(True) == 1


def test_different_exports_under_one_name_end_as_one_of_them_wants_it(host):
    host.check_output("mkdir -p /srv/nfs/one /srv/nfs/two")
    clients = [{"host": lab_variables()["lab_subnet"]}]
    wanted = [
        {"name": "rivals", "implementation": "ganesha", "exports": [{"path": path, "clients": clients}]}
        for path in ("/srv/nfs/one", "/srv/nfs/two")
    ]
    try:
        results = at_once(host, "nfs_exports", *wanted, *wanted)
        assert not [result["msg"] for result in results if result["failed"]]
        # The last one left nothing of the others, neither in the file nor in the server.
        again = [module(host, "nfs_exports", check=True, **each)["changed"] for each in wanted]
        assert sorted(again) == [False, True]
    finally:
        module(host, "nfs_exports", **{**wanted[0], "exports": []})


def test_the_same_volume_by_several_runs_is_made_once(host):
    declared = {"volumes": [{"name": "together", "bricks": ["node2:/data/brick1/together"]}]}
    results = at_once(host, "gluster_volumes", *[declared] * TOGETHER)
    assert not [result["msg"] for result in results if result["failed"]]
    assert [result["changed"] for result in results].count(True) == 1
    assert host.check_output("gluster volume list").split().count("together") == 1
    removed = {"volumes": [{"name": "together", "state": "absent"}], "allow": ["delete"]}
    results = at_once(host, "gluster_volumes", *[removed] * TOGETHER)
    assert not [result["msg"] for result in results if result["failed"]]
    assert [result["changed"] for result in results].count(True) == 1
