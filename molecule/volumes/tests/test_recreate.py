# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes that are recreated because they differ, and everything that must stop it."""

from __future__ import annotations

import time

import pytest
from checks import docker_json, make_box_image, node
from held_requests import held, proxy
from volume_calls import actions, assert_nothing_is_left_of_probes, in_container, made, names, volumes

testinfra_hosts = ["ansible://docker_hosts"]

OLD, NEW = "/srv/recreate/old", "/srv/recreate/new"
POINTER = {"name": "r-app", "bind": {"path": OLD}}
MOVED = {"name": "r-app", "bind": {"path": NEW}}


@pytest.fixture(autouse=True)
def directories(host):
    make_box_image(host)
    host.check_output(f"mkdir -p {OLD} {NEW} && echo old > {OLD}/which && echo new > {NEW}/which")
    yield
    host.run("docker ps --all --quiet --filter name=r- | xargs --no-run-if-empty docker rm --force")
    host.run("docker volume ls --quiet --filter name=r- | xargs --no-run-if-empty docker volume rm --force")
    host.check_output("rm -rf /srv/recreate")


@pytest.fixture
def pointer(host):
    assert volumes(host, POINTER)["changed"]
    return made(host, "r-app")


def assert_refused(host, result, why, as_before):
    assert why in result["msg"]
    assert not result["changed"]
    assert made(host, "r-app") == as_before
    assert_nothing_is_left_of_probes(host)


def test_what_points_at_its_data_is_recreated_and_the_data_stays(host, pointer):
    foreseen = volumes(host, MOVED, on_drift="recreate", check=True)
    assert made(host, "r-app") == pointer
    result = volumes(host, MOVED, on_drift="recreate")
    assert (result["changed"], actions(result), actions(foreseen)) == (
        True,
        {"r-app": "recreate"},
        {"r-app": "recreate"},
    )
    assert result["volumes"][0]["drift"] == [{"field": "path", "declared": NEW, "actual": OLD}]
    assert result["volumes"][0]["verified"] is True
    assert in_container(host, "cat /d/which", "r-app:/d").stdout.strip() == "new"
    assert host.file(f"{OLD}/which").content_string == "old\n"
    assert_nothing_is_left_of_probes(host)
    now = made(host, "r-app")
    assert not volumes(host, MOVED, on_drift="recreate")["changed"]
    assert made(host, "r-app") == now


def test_without_asking_for_it_nothing_is_recreated(host, pointer):
    assert_refused(host, volumes(host, MOVED), "path: declared '/srv/recreate/new'", pointer)
    warned = volumes(host, MOVED, on_drift="warn")
    assert (warned["changed"], actions(warned)) == (False, {"r-app": "keep"})
    assert made(host, "r-app") == pointer


def test_what_cannot_be_mounted_replaces_nothing(host, pointer):
    wrong = {"name": "r-app", "bind": {"path": "/srv/recreate/nowhere"}}
    result = volumes(host, wrong, {"name": "r-other"}, on_drift="recreate")
    assert_refused(host, result, "r-app, bind: it cannot be mounted: the directory does not exist", pointer)
    assert "Nothing was changed" in result["msg"]
    assert "r-other" not in names(host)
    assert in_container(host, "cat /d/which", "r-app:/d").stdout.strip() == "old"


def test_servers_that_are_silent_replace_nothing_and_cost_one_time_limit_together(host):
    tmpfs = [{"name": f"r-{number}", "tmpfs": {"size": "1m"}} for number in range(4)]
    assert volumes(host, *tmpfs)["changed"]
    there = [made(host, volume["name"]) for volume in tmpfs]
    address = node("node1").check_output("hostname --ip-address").split()[0]
    silent = [
        {"name": f"r-{number}", "nfs": {"server": server, "path": f"/{number}", "options": ["port=2050"]}}
        for number, server in enumerate(["node1", "node1", address, address])
    ]
    host_drops = "iptables --{} OUTPUT --protocol tcp --destination-port 2050 --jump DROP"
    host.check_output(host_drops.format("append"))
    try:
        started = time.monotonic()
        assert volumes(host, *silent, on_drift="recreate", check=True)["changed"]
        planned = time.monotonic()
        result = volumes(host, *silent, on_drift="recreate", verify_timeout=15)
        took = time.monotonic() - planned - (planned - started)
    finally:
        host.check_output(host_drops.format("delete"))
    assert "no answer within 15 s" in result["msg"]
    assert not result["changed"]
    assert [made(host, volume["name"]) for volume in tmpfs] == there
    assert took < 25, f"two silent servers and four volumes took {took:.1f} s more than the plan"
    assert_nothing_is_left_of_probes(host)


def test_an_empty_local_volume_that_a_service_got_in_the_way_is_replaced(host):
    assert in_container(host, "true", "r-app:/d").rc == 0
    result = volumes(host, POINTER, on_drift="recreate")
    assert actions(result) == {"r-app": "recreate"}
    assert in_container(host, "cat /d/which", "r-app:/d").stdout.strip() == "old"


def test_a_local_volume_in_the_way_that_holds_data_goes_only_when_that_is_said(host):
    assert in_container(host, "echo precious > /d/f", "r-app:/d").rc == 0
    there = made(host, "r-app")
    assert_refused(host, volumes(host, POINTER, on_drift="recreate"), "r-app, discard_data: it holds data", there)
    assert in_container(host, "cat /d/f", "r-app:/d").stdout.strip() == "precious"
    discarding = {**POINTER, "discard_data": True}
    assert actions(volumes(host, discarding, on_drift="recreate")) == {"r-app": "recreate"}
    # The same play again: there is nothing to discard any more, and nothing to complain about.
    assert not volumes(host, discarding, on_drift="recreate")["changed"]


def test_a_volume_in_use_is_not_recreated_and_its_users_are_listed(host, pointer):
    host.check_output("docker create --name r-user --volume r-app:/d box:1")
    result = volumes(host, MOVED, on_drift="recreate")
    assert_refused(host, result, "r-app, on_drift: it is in use by container r-user (created)", pointer)
    assert [user["name"] for user in result["volumes"][0]["consumers"]] == ["r-user"]
    host.check_output("docker rm r-user")
    assert volumes(host, MOVED, on_drift="recreate")["changed"]


def test_a_volume_of_another_owner_is_not_recreated(host, pointer):
    result = volumes(host, MOVED, on_drift="recreate", owner="them")
    assert_refused(host, result, "r-app, on_drift: it is owned by 'default', not by 'them'", pointer)


def test_labels_recreate_what_points_at_its_data_and_nothing_else(host, pointer):
    assert volumes(host, {"name": "r-holder"})["changed"]
    holder = made(host, "r-holder")
    labelled = [{**POINTER, "labels": {"team": "web"}}, {"name": "r-holder", "labels": {"team": "web"}}]
    host.check_output("docker create --name r-user --volume r-app:/d box:1")
    result = volumes(host, *labelled, on_drift="recreate")
    assert (result["changed"], actions(result)) == (False, {"r-app": "keep", "r-holder": "keep"})
    host.check_output("docker rm r-user")
    result = volumes(host, *labelled, on_drift="recreate")
    assert actions(result) == {"r-app": "recreate", "r-holder": "keep"}
    assert docker_json(host, "volume", "inspect", "r-app")[0]["Labels"]["team"] == "web"
    assert made(host, "r-holder") == holder


def test_what_cannot_be_made_is_put_back(host, pointer):
    result = volumes(host, {"name": "r-app", "driver": "nobody/has-this"}, {"name": "r-other"}, on_drift="recreate")
    assert "r-app: could not recreate" in result["msg"]
    assert "the former volume was put back" in result["msg"]
    assert in_container(host, "cat /d/which", "r-app:/d").stdout.strip() == "old"
    assert docker_json(host, "volume", "inspect", "r-app")[0]["Labels"]["berthage.swarm.owner"] == "default"
    assert not volumes(host, POINTER)["changed"]
    # What comes first in the order of steps was made.
    assert "r-other" in names(host)


def test_what_fails_after_it_was_recreated_is_put_back(host, pointer):
    # The directory goes when the former volume has gone: the trial has passed by then.
    with held(host, "after", "DELETE .*/volumes/r-app", volumes, MOVED, on_drift="recreate") as result:
        host.check_output(f"rm -r {NEW}")
        proxy(host, "release")
    assert "r-app, bind: it cannot be mounted: the directory does not exist" in result["msg"]
    assert "the former one was put back" in result["volumes"][0]["message"]
    assert not result["changed"]
    assert in_container(host, "cat /d/which", "r-app:/d").stdout.strip() == "old"
    assert_nothing_is_left_of_probes(host)


def test_what_was_left_by_a_run_that_was_killed_is_taken_away(host):
    left = "another-boot/pid:[1]/1/2/1000000000"
    living = host.check_output("echo $(cat /proc/sys/kernel/random/boot_id)/$(basename $(readlink /proc/self/ns/pid))")
    start_time = host.check_output("cut --delimiter ' ' --fields 22 /proc/1/stat")
    for name, label in {
        "berthage-probe-00": left,
        "r-app": left,
        "r-useful": left,
        "r-living": f"{living}/1/{start_time}/9999999999",
    }.items():
        host.check_output(f"docker volume create --label berthage.swarm.probe='{label}' {name}")
    host.check_output("docker volume inspect r-useful")
    assert in_container(host, "echo data > /d/f", "r-useful:/d").rc == 0
    # r-app was made by the engine for a probe, in place of one that was missing: it is no drift.
    assert actions(volumes(host, POINTER)) == {"r-app": "create"}
    assert {"r-useful", "r-living"} <= names(host)
    assert "berthage-probe-00" not in names(host)
