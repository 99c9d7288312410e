# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

from ansible_collections.berthage.swarm.plugins.module_utils._networks.making import creation_request
from ansible_collections.berthage.swarm.plugins.module_utils._networks.observe import Observed, SwarmState
from ansible_collections.berthage.swarm.plugins.module_utils._networks.plan import plan
from ansible_collections.berthage.swarm.tests.unit.plugins.module_utils._networks.network_samples import (
    actual,
    declare,
    declare_one,
)

MANAGER = Observed(swarm=SwarmState("active", True), engine_version="20.10.24", missing_plugins=frozenset({"cable"}))


def test_a_plugin_is_asked_for_without_the_tag_that_its_socket_has_not():
    for driver in ("cable", "cable:latest"):
        assert creation_request(declare_one(driver=driver), "default")["Driver"] == "cable"
    assert creation_request(declare_one(driver="cable:2"), "default")["Driver"] == "cable:2"


def test_a_plugin_that_is_not_there_is_refused_by_name():
    (step,) = plan(declare({"name": "app", "driver": "cable:latest"}), MANAGER)

    assert step.action == "refused"
    assert "app, driver: this engine finds no network plugin `cable`" in step.message


def test_a_plugin_that_is_not_there_is_refused_before_a_network_is_recreated_for_it():
    there = replace(MANAGER, networks=(actual(Driver="bridge", Scope="local"),))

    (step,) = plan(declare({"name": "app", "driver": "cable"}, on_drift="recreate"), there)

    assert step.action == "refused"
    assert "no network plugin `cable`" in step.message


def test_an_absent_network_needs_no_plugin():
    there = replace(MANAGER, networks=(actual(Driver="cable:latest", Scope="local"),))

    (step,) = plan(declare({"name": "app", "driver": "cable", "state": "absent"}), there)

    assert step.action == "remove"


def test_a_swarm_takes_only_plugins_that_docker_manages():
    declaration = declare({"name": "app", "driver": "acme/wires", "swarm": True})

    assert "a Swarm takes no other" in plan(declaration, MANAGER)[0].message
    managed = replace(MANAGER, managed_plugins=frozenset({"acme/wires"}))
    assert plan(declaration, managed)[0].action == "create"


def test_an_interface_is_the_parent_of_one_network_of_a_driver():
    there = replace(MANAGER, networks=(actual(Driver="macvlan", Scope="local", Options={"parent": "eth1"}),))
    new = {"name": "new", "driver": "macvlan", "parent": "eth1"}

    assert "eth1 is that of the macvlan network `app`" in plan(declare(new), there)[0].message
    assert plan(declare({**new, "parent": "eth1.20"}), there)[0].action == "create"
    assert plan(declare({**new, "driver": "ipvlan"}), there)[0].action == "create"
    leaving = {"name": "app", "driver": "macvlan", "parent": "eth1", "state": "absent"}
    assert [step.action for step in plan(declare(new, leaving), there)] == ["remove", "create"]
    assert {step.action for step in plan(declare(new, {**new, "name": "third"}), MANAGER)} == {"refused"}
    (recreated,) = plan(declare({**new, "name": "app", "internal": True}, on_drift="recreate"), there)
    assert recreated.action == "recreate"
