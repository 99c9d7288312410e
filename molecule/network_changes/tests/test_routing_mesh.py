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
# Its tasks are on other nodes than the one that is asked.
BY_MESH = "--endpoint-mode vip --publish 8088:80 --constraint node.hostname!=node1 --stop-grace-period 3s"
BY_HOST = "--stop-grace-period 1s --publish mode=host,published=8089,target=80"


def mesh(**fields):
    return {"name": "ingress", "ingress": True, **fields}


@pytest.fixture(scope="module", autouse=True)
def nothing_left(host):
    yield
    take(host, CLEAR)


def everywhere():
    """The ids of what each node takes for the routing mesh."""
    listed = "docker network ls --quiet --no-trunc --filter name=ingress"
    return {name: node(name).check_output(listed).split() for name in ("node1", "node2", "node3")}


def is_everywhere(network_id):
    """Whether each node has this one, and no other beside it."""
    return wait_for(lambda: set(map(tuple, everywhere().values())) == {(network_id,)}, seconds=20)


def test_it_stays_while_services_publish_by_it_and_is_replaced_on_all_managers_afterwards(host):
    changed = recreate(mesh(mtu=1400, subnets=[{"subnet": "10.91.77.0/24"}]), **OWNER)
    *_, before, refused, after = take(
        host,
        CLEAR,
        recreate(mesh(), **OWNER),
        shell(service("by-mesh", 4, BY_MESH)),
        shell(service("by-host", 1, BY_HOST)),
        STATE,
        changed,
        STATE,
    )
    # Its tasks are still ending then.
    _, result, again = take(host, shell("docker service rm by-mesh"), changed, changed)
    (found,) = docker_json(host, "network", "inspect", "ingress")
    # Ports can be published by it.
    take(host, shell(service("by-mesh", 4, BY_MESH)))

    assert "ingress, on_drift: it is in use by service by-mesh, which cannot be attached again here" in refused["msg"]
    assert "by-host" not in refused["msg"]
    assert (refused["changed"], after["networks"]) == (False, before["networks"])
    assert "msg" not in result, result["msg"]
    assert (result["networks"][0]["action"], result["networks"][0]["effective_mtu"]) == ("recreate", 1350)
    assert not again["changed"]
    assert found["Ingress"] and found["IPAM"]["Config"][0]["Subnet"] == "10.91.77.0/24"
    assert is_everywhere(result["networks"][0]["id"]), everywhere()


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
    assert is_everywhere(restored["id"]), everywhere()
