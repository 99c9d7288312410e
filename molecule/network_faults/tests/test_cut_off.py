# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node that is cut off from the others while a network is changed: refused or healed, never half done in silence."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from checks import lab_variables, node, wait_for
from network_changes import (
    CLEAR,
    ENDS_AT_ONCE,
    MESH,
    NARROW_MESH,
    STATE,
    as_asked_for,
    call,
    recreate,
    service,
    shell,
    started,
    take,
)

testinfra_hosts = ["ansible://node1"]

CHANGED = recreate(NARROW_MESH)
USED = (
    CLEAR,
    call(MESH),
    shell(service("web", 3, f"{ENDS_AT_ONCE} --network mesh")),
    shell(started("client", "mesh", "--ip 10.80.0.77 --network-alias visitor")),
)
HOSTS = ["node1", "node2", "node3"]


def each_peer(of, action):
    """The firewall's rules against the other nodes. The way from the controller stays open."""
    network = lab_variables()["lab_subnet"].rpartition(".")[0]
    peers = [f"{network}.{11 + number}" for number, name in enumerate(HOSTS) if name != of]
    return "; ".join(
        f"iptables --wait {action} INPUT --source {peer} --jump DROP; "
        f"iptables --wait {action} OUTPUT --destination {peer} --jump DROP"
        for peer in peers
    )


def cut_off(name):
    return each_peer(name, "--insert")


def reconnect(name):
    # An election among those who were apart, and then an agent's next attempt, may take their time.
    node(name).check_output(f"{each_peer(name, '--delete')}; true")
    assert wait_for(is_whole, seconds=240), [node(each).run("docker node ls") for each in HOSTS]


def is_whole():
    """Whether each manager knows of a leader, and of all nodes that they are there."""
    listed = [node(name).run("docker node ls --format '{{ .Status }} {{ .ManagerStatus }}'") for name in HOSTS]
    return all(
        found.succeeded and sorted(found.stdout.split()) == sorted(["Leader", "Reachable", "Reachable", *["Ready"] * 3])
        for found in listed
    )


@pytest.fixture(scope="module", autouse=True)
def nothing_left(host):
    yield
    take(host, CLEAR)


def networks_of(state, name):
    return [each["Target"] for each in state["services"][name]["spec"]["TaskTemplate"]["Networks"]]


def as_declared(state, before):
    """That the change is complete, and everybody on the new network."""
    mesh = state["networks"]["mesh"]
    assert mesh["options"]["com.docker.network.driver.mtu"] == "1400"
    assert networks_of(state, "web") == [mesh["id"]]
    assert state["services"]["web"]["running"] == 3
    then, now = before["containers"]["client"]["endpoints"], state["containers"]["client"]["endpoints"]
    assert as_asked_for(now["mesh"]) == as_asked_for(then["mesh"])
    assert now["mesh"]["network"] == mesh["id"]
    assert state["journals"] == []


def test_a_manager_that_is_cut_off_refuses_and_changes_nothing(host):
    *_, before = take(host, *USED, STATE)
    host.check_output(cut_off("node1"))
    began = time.monotonic()
    try:
        (failure,) = take(host, CHANGED)
    finally:
        took = time.monotonic() - began
        reconnect("node1")
    after, healed, there = take(host, STATE, CHANGED, STATE)

    print(f"refused after {took:.0f} s: {failure['msg']}")
    assert "This manager does not reach enough of the others" in failure["msg"]
    assert not failure["changed"]
    assert after["networks"] == before["networks"]
    assert after["containers"]["client"] == before["containers"]["client"]
    assert networks_of(after, "web") == networks_of(before, "web")
    assert "msg" not in healed, healed["msg"]
    as_declared(there, before)


def test_a_manager_that_is_cut_off_midway_says_so_and_the_next_run_heals(host):
    *_, before = take(host, *USED, STATE)
    began = time.monotonic()
    try:
        (failure,) = take(
            host,
            {
                **CHANGED,
                "meanwhile": {"of": "^POST /[^/]+/networks/create", "shell": cut_off("node1"), "go_on": True},
            },
        )
    finally:
        took = time.monotonic() - began
        reconnect("node1")
    between, healed, after, again = take(host, STATE, CHANGED, STATE, CHANGED)

    print(f"failed after {took:.0f} s: {failure['msg']}")
    assert "could not recreate" in failure["msg"]
    assert "run again, which goes on from here" in failure["msg"]
    assert failure["changed"]
    assert between["journals"] == ["berthage-reattach-mesh"]
    assert "msg" not in healed, healed["msg"]
    as_declared(after, before)
    assert not again["changed"]


def test_a_node_with_tasks_that_is_cut_off_midway_does_not_end_the_change_halfway(host):
    *_, before = take(host, *USED, STATE)
    held = "/tmp/held"
    began = time.monotonic()
    try:
        with ThreadPoolExecutor() as pool:
            call_under_way = pool.submit(
                take,
                host,
                {
                    **CHANGED,
                    "meanwhile": {
                        "of": "^POST /[^/]+/services/",
                        "shell": f"touch {held}; while [ -e {held} ]; do sleep 0.1; done",
                        "go_on": True,
                    },
                },
            )
            wait_for(lambda: host.file(held).exists, seconds=60, pause=0.2)
            node("node3").check_output(cut_off("node3"))
            host.check_output(f"rm {held}")
            (result,) = call_under_way.result()
    finally:
        took = time.monotonic() - began
        reconnect("node3")
    again, after = take(host, CHANGED, STATE)

    print(f"ended after {took:.0f} s: {result.get('msg', 'well')}")
    assert "msg" not in again, again["msg"]
    as_declared(after, before)
