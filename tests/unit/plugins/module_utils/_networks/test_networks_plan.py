# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

from ansible_collections.berthage.swarm.plugins.module_utils._networks.attachments import Pending
from ansible_collections.berthage.swarm.plugins.module_utils._networks.journal import Journal
from ansible_collections.berthage.swarm.plugins.module_utils._networks.observe import (
    Consumer,
    Observed,
    SwarmState,
    actual_network,
    consumers_of_networks,
)
from ansible_collections.berthage.swarm.plugins.module_utils._networks.plan import plan
from ansible_collections.berthage.swarm.plugins.module_utils._networks.reattach import Attached, ContainerAttachment
from ansible_collections.berthage.swarm.tests.unit.plugins.module_utils._networks.network_samples import (
    actual,
    declare,
    inspected,
)

MANAGER = SwarmState("active", True, ("10.0.9.1",), "10.0.9.1")
WEB = Consumer("container", "web", "c0ffee", "node1", "running")


def observed(*networks, consumers=None, swarm=MANAGER, version="20.10.24") -> Observed:
    return Observed(tuple(networks), consumers or {}, swarm, version)


def only_step(declaration, there):
    (step,) = plan(declaration, there)
    return step


def test_a_missing_network_is_created_and_an_existing_one_kept():
    creating, keeping = plan(declare({"name": "new"}, {"name": "app"}), observed(actual()))

    assert (creating.name, creating.action, creating.before) == ("new", "create", None)
    assert (keeping.name, keeping.action, keeping.before) == ("app", "keep", keeping.after)
    assert keeping.details["subnets"] == [{"subnet": "10.0.1.0/24", "gateway": "10.0.1.1"}]
    assert keeping.details["effective_mtu"] == 1450


def test_an_absent_network_that_is_not_there_needs_nothing():
    assert only_step(declare({"name": "app", "state": "absent"}), observed()).action == "none"


def test_removals_come_first_because_they_free_addresses():
    subnets = [{"subnet": "10.0.1.0/24"}]
    steps = plan(declare({"name": "new", "subnets": subnets}, {"name": "app", "state": "absent"}), observed(actual()))

    assert [(step.name, step.action) for step in steps] == [("app", "remove"), ("new", "create")]


def test_drift_is_refused_and_names_fields_values_and_consumers():
    step = only_step(declare({"name": "app", "encrypted": True}), observed(actual(), consumers={"idofapp": (WEB,)}))

    assert step.action == "refused"
    (problem,) = step.problems
    assert str(problem).startswith("app, encrypted: ")
    assert "declared True, actual False" in str(problem)
    assert "container web on node1 (running)" in str(problem)


def test_drift_can_be_left_with_a_warning():
    step = only_step(declare({"name": "app", "internal": True}, on_drift="warn"), observed(actual()))

    assert (step.action, step.changes) == ("keep", False)
    assert "internal" in step.message


def test_other_labels_alone_are_left_with_a_warning():
    step = only_step(declare({"name": "app", "labels": {"team": "web"}}), observed(actual()))

    assert step.action == "keep"
    assert "labels.team" in step.message


def test_a_network_to_which_the_swarm_gave_no_addresses_is_not_kept_in_silence():
    hollow = observed(actual(IPAM={"Driver": "default", "Config": None}))

    assert "no addresses" in only_step(declare({"name": "app"}, on_drift="warn"), hollow).message
    assert only_step(declare({"name": "app", "state": "absent"}), hollow).action == "remove"


def test_two_networks_of_one_name_are_refused_with_their_ids():
    twins = observed(actual(), actual(Id="idoftwin", Driver="bridge", Scope="local"))
    for state in ("present", "absent"):
        step = only_step(declare({"name": "app", "state": state}), twins)
        assert "idofapp" in step.message
        assert "idoftwin" in step.message


def test_a_network_in_use_is_not_removed_and_its_consumers_are_listed():
    service = Consumer("service", "db", "5ervice")
    step = only_step(
        declare({"name": "app", "state": "absent"}), observed(actual(), consumers={"idofapp": (WEB, service)})
    )

    assert step.action == "refused"
    assert "container web on node1 (running), service db" in step.message


def test_a_network_of_another_owner_is_not_removed_and_one_of_nobody_is():
    absent = declare({"name": "app", "state": "absent"})

    assert only_step(absent, observed(actual(Labels={"berthage.swarm.owner": "shop"}))).action == "refused"
    assert only_step(absent, observed(actual(Labels={"berthage.swarm.owner": "default"}))).action == "remove"
    assert only_step(absent, observed(actual())).action == "remove"


def test_absent_never_removes_a_network_of_the_other_scope():
    bridge = actual(Driver="bridge", Scope="local")
    assert only_step(declare({"name": "app", "state": "absent"}), observed(bridge)).action == "refused"
    assert (
        only_step(declare({"name": "app", "driver": "bridge", "state": "absent"}), observed(bridge)).action == "remove"
    )


def test_a_worker_is_told_where_the_managers_are_once_for_all_networks():
    worker = SwarmState("active", False, ("10.0.9.1", "10.0.9.2"), "10.0.9.3")
    steps = plan(
        declare({"name": "a"}, {"name": "b"}, {"name": "c", "driver": "bridge"}),
        observed(swarm=worker),
    )

    assert [step.action for step in steps] == ["refused", "refused", "create"]
    (problem,) = [problem for step in steps for problem in step.problems]
    assert str(problem).startswith("a, b, driver: this node is a worker")
    assert "10.0.9.1, 10.0.9.2" in str(problem)


def test_without_a_swarm_an_overlay_is_refused_and_a_bridge_is_not():
    steps = plan(declare({"name": "a"}, {"name": "b", "driver": "bridge"}), observed(swarm=SwarmState()))

    assert [step.action for step in steps] == ["refused", "create"]
    assert "in no Swarm" in steps[0].message


def test_a_subnet_of_an_existing_network_or_of_the_hosts_is_refused():
    taken = only_step(declare({"name": "new", "subnets": [{"subnet": "10.0.0.0/21"}]}), observed(actual()))
    assert "overlaps 10.0.1.0/24 of the existing network `app`" in taken.message
    hosts = only_step(declare({"name": "new", "subnets": [{"subnet": "10.0.9.0/24"}]}), observed(actual()))
    assert "contains 10.0.9.1" in hosts.message


def test_ipv6_without_a_subnet_is_refused_where_the_engine_has_none_to_give():
    bridge = declare({"name": "b", "driver": "bridge", "ipv6": True})
    assert only_step(bridge, observed(version="20.10.24")).action == "refused"
    assert only_step(bridge, observed(version="27.1.0")).action == "create"


# ---- consumers


def read_consumers(**answers: Any) -> list[tuple[str, str, str]]:
    empty: dict[str, Any] = {"containers": [], "services": [], "attachments": [], "nodes": []}
    found = consumers_of_networks([actual_network(inspected())], "node1", **{**empty, **answers})
    return [(consumer.kind, consumer.name, consumer.node) for consumer in found["idofapp"]]


def test_a_stopped_container_and_one_that_never_started_are_consumers():
    containers = [
        {
            "Id": "c1",
            "Names": ["/old"],
            "State": "exited",
            "NetworkSettings": {"Networks": {"app": {"NetworkID": "idofapp"}}},
        },
        {
            "Id": "c2",
            "Names": ["/new"],
            "State": "created",
            "NetworkSettings": {"Networks": {"app": {"NetworkID": ""}}},
        },
        {
            "Id": "c3",
            "Names": ["/no"],
            "State": "running",
            "NetworkSettings": {"Networks": {"bridge": {"NetworkID": "x"}}},
        },
    ]
    assert read_consumers(containers=containers) == [("container", "old", "node1"), ("container", "new", "node1")]


def test_a_service_counts_once_and_its_containers_only_when_it_is_gone():
    service = {"ID": "s1", "Spec": {"Name": "db", "TaskTemplate": {"Networks": [{"Target": "idofapp"}]}}}
    task = {
        "Id": "c1",
        "Names": ["/db.1"],
        "Labels": {"com.docker.swarm.service.id": "s1"},
        "NetworkSettings": {"Networks": {"app": {"NetworkID": "idofapp"}}},
    }
    assert read_consumers(services=[service], containers=[task]) == [("service", "db", "")]
    assert read_consumers(containers=[task]) == [("container", "db.1", "node1")]


def test_containers_attached_on_other_nodes_are_named_with_their_node():
    def attachment(container: str, state: str) -> dict[str, Any]:
        return {
            "ID": f"t-{container}",
            "NodeID": "n2",
            "Spec": {"NetworkAttachmentSpec": {"ContainerID": container}, "Networks": [{"Target": "idofapp"}]},
            "Status": {"State": state},
            "NetworksAttachments": [{"Network": {"ID": "idofapp"}}],
        }

    found = read_consumers(
        attachments=[attachment("there", "running"), attachment("gone", "shutdown"), attachment("here", "running")],
        containers=[
            {"Id": "here", "Names": ["/h"], "NetworkSettings": {"Networks": {"app": {"NetworkID": "idofapp"}}}}
        ],
        nodes=[{"ID": "n2", "Description": {"Hostname": "node2"}}],
    )
    assert found == [("container", "h", "node1"), ("attachment", "there", "node2")]


# ---- recreating and purging


def owned(name="app", owner="shop", **fields):
    return actual(**{"Name": name, "Id": f"idof{name}", "Labels": {"berthage.swarm.owner": owner}, **fields})


def test_an_unused_network_is_recreated_for_drift_and_for_labels_alone():
    drifting, labelled = plan(
        declare({"name": "app", "internal": True}, {"name": "new", "labels": {"team": "web"}}, on_drift="recreate"),
        observed(actual(), actual(Name="new", Id="idofnew")),
    )

    assert [step.action for step in (drifting, labelled)] == ["recreate", "recreate"]
    assert drifting.after != drifting.before
    assert "labels.team" in labelled.message


def test_a_network_in_use_is_not_recreated_for_drift_without_reattach_and_never_for_labels():
    there = observed(actual(), consumers={"idofapp": (WEB,)})

    refused = only_step(declare({"name": "app", "internal": True}, on_drift="recreate"), there)
    kept = only_step(declare({"name": "app", "labels": {"team": "web"}}, on_drift="recreate", reattach=True), there)

    assert refused.action == "refused"
    assert str(refused.problems[0]).startswith("app, on_drift: it is in use by container web on node1 (running)")
    assert kept.action == "keep"
    assert "it is not recreated for them: it is in use by container web" in kept.message


def test_another_owners_network_is_neither_recreated_for_drift_nor_for_labels():
    there = observed(owned(owner="others"))

    refused = only_step(declare({"name": "app", "internal": True}, on_drift="recreate", owner="shop"), there)
    kept = only_step(declare({"name": "app", "labels": {"a": "b"}}, on_drift="recreate", owner="shop"), there)

    assert (refused.action, kept.action) == ("refused", "keep")
    assert "owned by 'others'" in refused.message
    assert "owned by 'others'" in kept.message


def test_the_addresses_of_a_recreated_network_may_be_its_own_and_not_another_ones():
    there = observed(actual(), actual(Name="b", Id="idofb", IPAM={"Config": [{"Subnet": "10.0.2.0/24"}]}))

    own = only_step(declare({"name": "app", "subnets": [{"subnet": "10.0.1.0/25"}]}, on_drift="recreate"), there)
    others = only_step(declare({"name": "app", "subnets": [{"subnet": "10.0.2.0/25"}]}, on_drift="recreate"), there)

    assert (own.action, others.action) == ("recreate", "refused")


def test_purge_takes_what_is_this_owners_unlisted_and_unused_and_goes_last():
    there = observed(
        owned("idle"),
        owned("used"),
        owned("theirs", owner="others"),
        actual(Name="nobodys", Id="x"),
        consumers={"idofused": (WEB,)},
    )

    steps = plan(declare({"name": "app"}, owner="shop", purge=True), there)

    assert [(step.name, step.action) for step in steps] == [("app", "create"), ("idle", "remove"), ("used", "keep")]
    assert "it is not listed, and was not purged: it is in use by container web" in steps[-1].message


def test_a_worker_purges_only_networks_of_its_own_host():
    worker = SwarmState("active", False, ("10.0.9.1",), "10.0.9.2")
    there = observed(owned("mesh"), owned("build", Driver="bridge", Scope="local"), swarm=worker)

    steps = plan(declare({"name": "kept", "driver": "bridge"}, owner="shop", purge=True), there)

    assert [(step.name, step.action) for step in steps] == [("kept", "create"), ("build", "remove")]


def test_a_manager_whose_list_has_only_local_networks_purges_only_those():
    there = observed(owned("mesh"), owned("build", Driver="bridge", Scope="local"))

    steps = plan(declare(owner="shop", purge=True, purge_scope="local"), there)

    assert [(step.name, step.action) for step in steps] == [("build", "remove")]


def test_a_network_that_somebody_waits_for_is_not_purged():
    (step,) = plan(declare(owner="shop", purge=True), observed(owned("app")), interrupted(left("web")))

    assert step.action == "keep"
    assert "an interrupted run was recreating it, and container web may wait for it" in step.message


# ---- what an interrupted run left


def interrupted(*containers):
    attached = Attached("app", "idofformer", {"Name": "app"}, containers)
    return {"app": Pending(found=Journal(attached, "", "idofjournal", None))}


def left(name, node=""):
    return ContainerAttachment(f"idof{name}", name, node, "node1", {})


def test_a_network_that_an_interrupted_run_removed_is_made_and_everybody_attached():
    (step,) = plan(declare({"name": "app", "attachable": True}), observed(), interrupted(left("web")))

    assert step.action == "recreate"
    assert step.message == "this finishes what an interrupted run began, and attaches container web again"


def test_what_waits_is_attached_again_whatever_the_call_says_of_drift():
    (step,) = plan(declare({"name": "app"}), observed(actual()), interrupted(left("web")))

    assert (step.action, step.before) == ("recreate", step.after)


def test_a_declaration_that_is_refused_says_that_a_run_was_interrupted():
    (step,) = plan(declare({"name": "app", "internal": True}), observed(actual()), interrupted(left("web")))

    assert step.action == "refused"
    assert "an interrupted run was recreating it, and container web may be detached" in step.message


def test_a_network_that_somebody_waits_for_is_not_declared_absent():
    for there in (observed(), observed(actual())):
        (step,) = plan(declare({"name": "app", "state": "absent"}), there, interrupted(left("web")))
        assert step.action == "refused"
        assert "remove the network berthage-reattach-app if nobody waits any more" in step.message


def test_what_waits_on_another_node_is_named_and_changes_nothing_here():
    manager = SwarmState("active", True, ("10.0.9.1",), "10.0.9.1", "n1")

    (step,) = plan(declare({"name": "app"}), observed(actual(), swarm=manager), interrupted(left("web", "n2")))

    assert step.action == "keep"
    assert "run this on that node as well" in step.message


# ---- configurations and the routing mesh

CONFIGURATION = {"Id": "idofbase", "Name": "base", "Driver": "null", "Scope": "local", "ConfigOnly": True}
LAN = {"name": "lan", "driver": "macvlan", "config_from": "base"}


def test_a_configuration_is_made_before_what_takes_it_and_removed_after():
    both = [LAN, {"name": "base", "config_only": True}]
    steps = plan(declare(*both), observed())
    assert [(step.name, step.action) for step in steps] == [("base", "create"), ("lan", "create")]

    there = observed(actual(**CONFIGURATION), actual(Id="idoflan", Name="lan", Driver="macvlan", Scope="local"))
    steps = plan(declare(*({**network, "state": "absent"} for network in reversed(both))), there)
    assert [(step.name, step.action) for step in steps] == [("lan", "remove"), ("base", "remove")]


def test_a_configuration_that_is_not_there_or_is_none_is_refused():
    assert "no configuration `base` on this node" in plan(declare(LAN), observed())[0].message
    other = actual(**{**CONFIGURATION, "ConfigOnly": False})
    assert "is a network, not a configuration" in plan(declare(LAN), observed(other))[0].message
    assert only_step(declare(LAN), observed(actual(**CONFIGURATION))).action == "create"


def test_the_addresses_of_a_configuration_may_be_taken():
    declared = {"name": "base", "config_only": True, "subnets": [{"subnet": "10.0.1.0/24"}]}
    assert only_step(declare(declared), observed(actual(Name="other"))).action == "create"


def test_a_network_of_the_swarm_that_takes_a_configuration_has_no_addresses_and_is_kept():
    there = actual(
        Id="idoflan", Name="lan", Driver="macvlan", ConfigFrom={"Network": "base"}, IPAM={"Driver": "", "Config": []}
    )
    assert only_step(declare({**LAN, "swarm": True}), observed(there)).action == "keep"


def test_the_routing_mesh_is_not_replaced_under_services_that_publish_by_it():
    mesh = actual(Name="ingress", Id="idofmesh", Ingress=True)
    declared = declare({"name": "ingress", "ingress": True, "mtu": 1400}, on_drift="recreate", reattach=True)
    ports = {"Endpoint": {"Ports": [{"PublishMode": "ingress"}]}}
    web = consumers_of_networks([mesh], "node1", [], [{"ID": "s1", "Spec": {"Name": "web"}, **ports}], [], [])

    assert "in use by service web" in plan(declared, observed(mesh, consumers=web))[0].message
    assert plan(declared, observed(mesh))[0].action == "recreate"


def test_a_second_routing_mesh_is_refused():
    declared = {"name": "mesh", "ingress": True}
    mesh = actual(Name="ingress", Id="idofmesh", Ingress=True)
    assert "it has one only" in only_step(declare(declared), observed(mesh)).message
    gone = {"name": "ingress", "ingress": True, "state": "absent"}
    # If the new one could not be made, the Swarm would be without any.
    assert [step.action for step in plan(declare(declared, gone), observed(mesh))] == ["remove", "refused"]
    assert only_step(declare(declared), observed()).action == "create"
