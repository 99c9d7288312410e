# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An overlay that is changed under a service and a container, in a Swarm of engines of both ages."""

from __future__ import annotations

import pytest
from checks import node
from network_changes import (
    CLEAR,
    MESH,
    NARROW_MESH,
    STATE,
    as_asked_for,
    call,
    recreate,
    says,
    service,
    shell,
    started,
    take,
)

testinfra_hosts = ["ansible://node1"]

PORT = 8080
SERVICE = service(
    "web",
    2,
    "--init --network bystander-overlay --network name=mesh,alias=store --env A=b --label team=web",
    "--update-parallelism 2 --stop-grace-period 2s",
    command="nc -ll -p 8080 -e echo served",
)
USED = (
    CLEAR,
    call(MESH),
    shell("; ".join([SERVICE, started("client", "mesh", "--ip 10.80.0.77 --network-alias visitor")])),
    shell("docker network connect bystander-overlay client"),
)


@pytest.fixture(scope="module", autouse=True)
def nothing_left(host):
    yield
    take(host, CLEAR)


def without_target(spec, target):
    """A service's specification, with the one network by a word instead of its id."""
    networks = [
        {**each, "Target": "the one"} if each["Target"] == target else each for each in spec["TaskTemplate"]["Networks"]
    ]
    return {**spec, "TaskTemplate": {**spec["TaskTemplate"], "Networks": networks}}


def test_an_overlay_is_changed_under_a_service_and_a_container(host):
    changed = recreate({**NARROW_MESH, "labels": {"team": "web"}})

    *_, before, planned, result, after, reached, again, last = take(
        host,
        *USED,
        STATE,
        {"call": {**changed["call"], "check": True}},
        changed,
        STATE,
        says("client", "store", PORT),
        changed,
        STATE,
    )

    assert "msg" not in result, result["msg"]
    (outcome,) = result["networks"]
    assert (planned["changed"], [each["action"] for each in planned["networks"]]) == (True, ["recreate"])
    assert outcome["action"] == "recreate"
    assert outcome["effective_mtu"] == 1350
    then, now = before["services"]["web"], after["services"]["web"]
    mesh_then, mesh_now = before["networks"]["mesh"]["id"], after["networks"]["mesh"]["id"]
    assert mesh_then != mesh_now == outcome["id"]
    assert without_target(now["spec"], mesh_now) == without_target(then["spec"], mesh_then)
    assert now["running"] == 2
    web, container = outcome["reattached"]
    # What is told of restarts is what the Swarm counts.
    assert web["restarts"] == len(set(now["tasks"]) - set(then["tasks"])) == 4
    assert (container["name"], container["restarts"]) == ("client", 0)
    client_then, client_now = before["containers"]["client"], after["containers"]["client"]
    assert {**client_now, "endpoints": ()} == {**client_then, "endpoints": ()}
    assert as_asked_for(client_now["endpoints"]["mesh"]) == as_asked_for(client_then["endpoints"]["mesh"])
    assert client_now["endpoints"]["bystander-overlay"] == client_then["endpoints"]["bystander-overlay"]
    assert client_now["endpoints"]["mesh"]["address"] == "10.80.0.77"
    assert after["journals"] == []
    assert reached == "served"
    assert (again["changed"], last) == (False, after)


def test_what_the_swarm_gives_no_addresses_is_taken_back_and_the_former_one_restored(host):
    taken = "com.docker.network.driver.overlay.vxlanid_list"
    holder = {"name": "holder", "driver_opts": {taken: "5555"}}

    *_, before, failure, after, reached = take(
        host,
        *USED,
        call(holder),
        STATE,
        recreate({**MESH, "driver_opts": {taken: "5555"}}),
        STATE,
        says("client", "store", PORT),
    )

    assert "gave it no addresses" in failure["msg"]
    assert "the former network was restored, with service web, container client on it as before" in failure["msg"]
    assert not failure["changed"]
    former, restored = before["networks"]["mesh"], after["networks"]["mesh"]
    assert {**restored, "id": ""} == {**former, "id": ""}
    assert without_target(after["services"]["web"]["spec"], restored["id"]) == without_target(
        before["services"]["web"]["spec"], former["id"]
    )
    assert after["services"]["web"]["running"] == 2
    assert as_asked_for(after["containers"]["client"]["endpoints"]["mesh"]) == as_asked_for(
        before["containers"]["client"]["endpoints"]["mesh"]
    )
    assert after["journals"] == []
    assert reached == "served"


def test_a_container_of_another_node_is_named_and_nothing_changes(host):
    take(host, CLEAR, call(MESH))
    take(node("node3"), shell(started("far", "mesh")))
    try:
        before, failure, after = take(host, STATE, recreate(NARROW_MESH), STATE)
    finally:
        take(node("node3"), shell("docker rm -f far"))

    assert "mesh, reattach: containers of other nodes are attached, which cannot be reached from here" in failure["msg"]
    assert "on node3" in failure["msg"]
    assert (failure["changed"], after) == (False, before)


def test_an_overlay_that_would_not_take_its_containers_again_is_refused(host):
    *_, before, failure, after = take(
        host, *USED, STATE, recreate({**MESH, "attachable": False, "subnets": [{"subnet": "10.81.0.0/24"}]}), STATE
    )

    assert "mesh, attachable: is false, and container client cannot be attached again then" in failure["msg"]
    assert "container client has the fixed address 10.80.0.77, which no declared subnet holds" in failure["msg"]
    assert (failure["changed"], after) == (False, before)
