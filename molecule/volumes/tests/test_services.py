# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may go on a Swarm: a manager knows which services use a volume, a worker must be told."""

from __future__ import annotations

import pytest
from checks import make_box_image, node
from volume_calls import actions, names, volumes

testinfra_hosts = ["ansible://node1"]

OLD, NEW = "/srv/services/old", "/srv/services/new"
POINTER = {"name": "s-app", "bind": {"path": OLD}}
MOVED = {"name": "s-app", "bind": {"path": NEW}}
SLOT = {"name": "s-slot-1", "bind": {"path": OLD}}
GONE = {"name": "s-slot-1", "state": "absent"}


@pytest.fixture(scope="module", autouse=True)
def swarm():
    """node1 as a manager, where a service without tasks uses the volume, and node2 as a worker."""
    manager, worker = node("node1"), node("node2")
    address = manager.check_output("hostname --ip-address").split()[0]
    manager.check_output(f"docker swarm init --advertise-addr {address}")
    try:
        token = manager.check_output("docker swarm join-token --quiet worker")
        worker.check_output(f"docker swarm join --token {token} {address}:2377")
        for host in (manager, worker):
            make_box_image(host)
            host.check_output(f"mkdir -p {OLD} {NEW}")
            assert volumes(host, POINTER, owner="services")["changed"]
        manager.check_output(
            "docker service create --detach --name s-web --replicas 0 "
            "--mount type=volume,source=s-app,target=/d box:1 sleep 1"
        )
        yield
    finally:
        for host in (worker, manager):
            host.run("docker swarm leave --force; docker volume rm --force s-app s-slot-1; rm -rf /srv/services")


def recreated(host, **options):
    return volumes(host, MOVED, on_drift="recreate", owner="services", **options)


def purged(host, **options):
    return volumes(host, owner="services", purge=True, **options)


def test_a_manager_finds_the_service_that_has_no_task_at_all():
    result = recreated(node("node1"))
    assert "s-app, on_drift: it is in use by service s-web" in result["msg"]
    assert result["services_known"] is True
    assert "in use by service s-web" in purged(node("node1"))["volumes"][0]["message"]


def test_a_service_whose_tasks_have_a_volume_each_uses_them_all():
    manager = node("node1")
    assert volumes(manager, SLOT)["changed"]
    manager.check_output(
        "docker service create --detach --name s-slots --replicas 0 "
        "--mount 'type=volume,source=s-slot-{{.Task.Slot}},target=/d' box:1 sleep 1"
    )
    assert "s-slot-1, state: it is in use by service s-slots" in volumes(manager, GONE)["msg"]
    manager.check_output("docker service rm s-slots")
    assert actions(volumes(manager, GONE)) == {"s-slot-1": "remove"}


def test_a_worker_that_is_not_told_recreates_and_purges_nothing():
    worker = node("node2")
    result = recreated(worker)
    assert "s-app, on_drift: this node is a worker, which cannot list services" in result["msg"]
    assert result["services_known"] is False
    assert "volumes, purge: this node is a worker" in purged(worker)["msg"]
    assert "s-app" in names(worker)


def test_a_worker_that_is_told_keeps_what_is_in_use_and_recreates_the_rest():
    worker = node("node2")
    told = recreated(worker, services_in_use=["s-app"])
    assert "s-app, on_drift: it is in use by service of this Swarm" in told["msg"]
    assert actions(purged(worker, services_in_use=["s-app"])) == {"s-app": "keep"}
    assert actions(recreated(worker, services_in_use=[])) == {"s-app": "recreate"}
    assert actions(purged(worker, services_in_use=[])) == {"s-app": "remove"}
