# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network of the routing mesh, which is replaced as a whole or not at all."""

from __future__ import annotations

import pytest
from checks import docker_json, node, wait_for
from network_changes import CLEAR, STATE, call, recreate, service, shell, take

testinfra_hosts = ["ansible://node1"]

# Taken by a network that the Swarm has: it accepts another one, and never gives it any addresses.
TAKEN = {"com.docker.network.driver.overlay.vxlanid_list": "5555"}
# Owned by those whom the other tests leave alone.
OWNER = {"owner": "bystanders"}
BY_MESH = "--publish 8088:80"
BY_HOST = "--publish mode=host,published=8089,target=80"


def mesh(**fields):
    return {"name": "ingress", "ingress": True, **fields}


@pytest.fixture(scope="module", autouse=True)
def nothing_left(host):
    yield
    take(host, CLEAR)


def everywhere():
    """What each manager knows of the routing mesh."""
    return [docker_json(node(name), "network", "inspect", "ingress")[0] for name in ("node1", "node2", "node3")]


def test_it_stays_while_services_publish_by_it_and_is_replaced_on_all_managers_afterwards(host):
    changed = recreate(mesh(mtu=1400, subnets=[{"subnet": "10.91.77.0/24"}]), **OWNER)
    *_, before, refused, after = take(
        host,
        CLEAR,
        shell(service("by-mesh", 1, BY_MESH)),
        shell(service("by-host", 1, BY_HOST)),
        STATE,
        changed,
        STATE,
    )
    _, result, again = take(
        host,
        # An engine keeps the network for its tasks until they have gone.
        shell("docker service rm by-mesh; while docker ps -aq --filter name=by-mesh | grep -q .; do sleep 0.2; done"),
        changed,
        changed,
    )
    wait_for(lambda: len({found["Id"] for found in everywhere()}) == 1, seconds=20)
    found = everywhere()
    # Ports can be published by it.
    take(host, shell(service("by-mesh", 1, BY_MESH)))

    assert "ingress, on_drift: it is in use by service by-mesh, which cannot be attached again here" in refused["msg"]
    assert "by-host" not in refused["msg"]
    assert (refused["changed"], after["networks"]) == (False, before["networks"])
    assert "msg" not in result, result["msg"]
    assert (result["networks"][0]["action"], result["networks"][0]["effective_mtu"]) == ("recreate", 1350)
    assert not again["changed"]
    assert {each["Id"] for each in found} == {result["networks"][0]["id"]}
    assert all(each["Ingress"] and each["IPAM"]["Config"][0]["Subnet"] == "10.91.77.0/24" for each in found)


def test_the_former_one_is_put_back_when_the_new_one_cannot_be_made(host):
    *_, before, failure, after = take(
        host,
        CLEAR,
        call({"name": "holder", "driver_opts": TAKEN}),
        STATE,
        recreate(mesh(mtu=1350, driver_opts=TAKEN), **OWNER),
        STATE,
    )
    # It is a routing mesh as before.
    take(host, shell(service("by-mesh", 1, BY_MESH)))

    assert "gave it no addresses" in failure["msg"]
    assert "the former network was put back" in failure["msg"]
    assert not failure["changed"]
    former, restored = before["networks"]["ingress"], after["networks"]["ingress"]
    assert {**restored, "id": ""} == {**former, "id": ""}
    assert all(found["Ingress"] for found in everywhere())
