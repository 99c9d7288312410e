# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two managers that change a network at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from checks import node, packed_module
from network_changes import CLEAR, MESH, NARROW_MESH, STATE, TASK_ON_MESH, call, recreate, take

testinfra_hosts = ["ansible://node1"]


@pytest.fixture(scope="module", autouse=True)
def nothing_left(host):
    # Brought to all of them before two threads want it at once.
    for name in ("node1", "node2", "node3"):
        packed_module(node(name), "berthage.swarm.networks")
    yield
    take(host, CLEAR)


@pytest.mark.parametrize("used", [False, True], ids=["unused", "used by a service"])
def test_two_managers_at_once_end_in_one_result(host, used):
    _, made, *_ = take(host, CLEAR, call(MESH), *([TASK_ON_MESH] if used else []))
    former = made["networks"][0]["id"]

    with ThreadPoolExecutor() as pool:
        results = [
            result for (result,) in pool.map(lambda name: take(node(name), recreate(NARROW_MESH)), ["node1", "node3"])
        ]
    after, again = take(host, STATE, recreate(NARROW_MESH))

    assert [result.get("msg") for result in results] == [None, None]
    now = after["networks"]["mesh"]
    assert now["id"] != former
    assert now["options"]["com.docker.network.driver.mtu"] == "1400"
    assert {result["networks"][0]["id"] for result in results} == {now["id"]}
    assert "recreate" in {result["networks"][0]["action"] for result in results}
    assert {result["networks"][0]["action"] for result in results} <= {"recreate", "keep"}
    assert after["journals"] == []
    assert not again["changed"]
    if used:
        assert [each["Target"] for each in after["services"]["web"]["spec"]["TaskTemplate"]["Networks"]] == [now["id"]]
        assert after["services"]["web"]["running"] == 1
