# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A manager that is lost while it changes a network: another one goes on."""

from __future__ import annotations

import time

import pytest
from checks import node, packed_module, wait_for
from network_changes import (
    CLEAR,
    MESH,
    NARROW_MESH,
    STATE,
    TASK_ON_MESH,
    as_asked_for,
    call,
    recreate,
    shell,
    started,
    take,
    warnings_of,
)

testinfra_hosts = ["ansible://node1"]


@pytest.fixture(scope="module", autouse=True)
def nothing_left(host):
    packed_module(node("node2"), "berthage.swarm.networks")
    yield
    take(host, CLEAR)


def test_what_a_lost_manager_began_is_finished_on_another_one(host):
    _, _, _, before = take(
        host, CLEAR, call(MESH), shell(started("client", "mesh", "--ip 10.80.0.77 --network-alias visitor")), STATE
    )
    take(node("node2"), TASK_ON_MESH)

    # Its engine dies when it is asked to make the new network, and everybody is detached.
    began = time.monotonic()
    failure, *_ = take(
        host,
        {
            **recreate(NARROW_MESH),
            "meanwhile": {
                "of": "^POST /[^/]+/networks/create",
                "shell": "systemctl kill --signal KILL docker.service; systemctl stop docker.socket docker.service",
            },
        },
    )
    took = time.monotonic() - began
    try:
        wait_for(lambda: "mesh" in take(node("node2"), shell("docker config ls"))[0], seconds=30)
        healed, there = take(node("node2"), recreate(NARROW_MESH), STATE)
    finally:
        host.check_output("systemctl start docker.socket docker.service && docker start client")
    wait_for(lambda: "Ready" in host.run("docker node inspect self --format '{{ .Status.State }}'").stdout, seconds=30)
    (finished, after) = take(host, recreate(NARROW_MESH), STATE)

    assert "could not recreate" in failure["msg"]
    assert took < 60
    assert "msg" not in healed, healed["msg"]
    assert "container client can be attached again only on node1" in warnings_of(healed)
    assert there["networks"]["mesh"]["options"]["com.docker.network.driver.mtu"] == "1400"
    assert there["services"]["web"]["running"] == 1
    assert "msg" not in finished, finished["msg"]
    assert after["networks"]["mesh"]["id"] == there["networks"]["mesh"]["id"]
    assert after["journals"] == []
    now, then = after["containers"]["client"], before["containers"]["client"]
    assert as_asked_for(now["endpoints"]["mesh"]) == as_asked_for(then["endpoints"]["mesh"])
    assert now["endpoints"]["mesh"]["network"] in ("", after["networks"]["mesh"]["id"])
