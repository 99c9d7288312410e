# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._networks import reattach
from ansible_collections.berthage.swarm.plugins.module_utils._networks.observe import Consumer
from ansible_collections.berthage.swarm.plugins.module_utils._networks.reattach import (
    Attached,
    ContainerAttachment,
    Place,
    ServiceAttachment,
)
from ansible_collections.berthage.swarm.tests.unit.plugins.module_utils._networks.network_samples import (
    declare_one,
)

# As engine 20.10 answers for a container with everything on its first network.
CONTAINER = {
    "Id": "c1",
    "Name": "/web",
    "Config": {"MacAddress": "02:11:22:33:44:55"},
    "HostConfig": {"NetworkMode": "app"},
    "NetworkSettings": {
        "Networks": {
            "app": {
                "IPAMConfig": {"IPv4Address": "10.20.0.50"},
                "Links": ["db:linked"],
                "Aliases": ["front", "c1"],
                "NetworkID": "idofapp",
                "IPAddress": "10.20.0.50",
                "MacAddress": "02:11:22:33:44:55",
                "DriverOpts": {"x": "y"},
            },
            "other": {
                "IPAMConfig": {},
                "Links": None,
                "Aliases": None,
                "NetworkID": "idofother",
                "IPAddress": "10.63.0.2",
                "MacAddress": "02:42:0a:3f:00:02",
                "DriverOpts": None,
            },
        }
    },
}
SPEC = {
    "Name": "shop",
    "Labels": {"team": "web"},
    "TaskTemplate": {
        "ContainerSpec": {"Image": "box:1"},
        "Networks": [{"Target": "first"}, {"Target": "idofapp", "Aliases": ["store"]}, {"Target": "last"}],
        "ForceUpdate": 3,
    },
    "Mode": {"Replicated": {"Replicas": 2}},
}


def container(**fields) -> ContainerAttachment:
    return ContainerAttachment(**{"id": "c1", "name": "web", "node": "n1", "host": "node1", "endpoint": {}, **fields})


def attached(*containers, services=()) -> Attached:
    return Attached("app", "idofapp", {}, containers, services)


def service(**fields) -> ServiceAttachment:
    return ServiceAttachment(**{"id": "s1", "name": "shop", "places": (), **fields})


def reasons(network, *consumers, there=None, engine_major=20):
    return [str(problem) for problem in reattach.problems(network, consumers, there or attached(), engine_major)]


def test_a_container_gets_back_what_somebody_chose_and_nothing_that_the_engine_chose():
    app = reattach.container_attachment(CONTAINER, "app", "n1", "node1", 20)
    other = reattach.container_attachment(CONTAINER, "other", "n1", "node1", 26)

    assert app is not None
    assert other is not None
    assert app.endpoint == {
        "IPAMConfig": {"IPv4Address": "10.20.0.50"},
        "Links": ["db:linked"],
        "Aliases": ["front", "c1"],
        "DriverOpts": {"x": "y"},
        "MacAddress": "02:11:22:33:44:55",
    }
    assert app.fixed_addresses == ("10.20.0.50",)
    assert other.endpoint == {}
    assert reattach.container_attachment(CONTAINER, "elsewhere", "n1", "node1", 20) is None


def test_a_mac_address_of_a_further_network_is_chosen_where_it_is_not_the_usual_one():
    endpoint = {**CONTAINER["NetworkSettings"]["Networks"]["other"], "MacAddress": "02:00:00:00:00:01"}
    raw = {**CONTAINER, "NetworkSettings": {"Networks": {"other": endpoint}}}

    chosen = [reattach.container_attachment(raw, "other", "", "node1", major) for major in (20, 26, 28)]

    assert [each.endpoint.get("MacAddress") for each in chosen] == [None, "02:00:00:00:00:01", None]


def test_a_service_loses_the_network_and_gets_it_back_in_its_place_and_nothing_else_changes():
    found = reattach.service_attachment({"ID": "s1", "Spec": SPEC}, ("idofapp", "app"), [])
    assert found is not None
    assert found.places == (Place("TaskTemplate", 1, {"Aliases": ["store"]}),)

    without = reattach.without(SPEC, ("idofapp", "app"))
    again = reattach.again(without, found, "new")

    assert [each["Target"] for each in without["TaskTemplate"]["Networks"]] == ["first", "last"]
    expected = [{"Target": "first"}, {"Target": "new", "Aliases": ["store"]}, {"Target": "last"}]
    assert again == {**SPEC, "TaskTemplate": {**SPEC["TaskTemplate"], "Networks": expected}}
    assert reattach.again(again, found, "new") == again
    assert SPEC["TaskTemplate"]["Networks"][1]["Target"] == "idofapp"


def test_a_service_that_is_not_on_the_network_is_none_of_them():
    assert reattach.service_attachment({"ID": "s1", "Spec": SPEC}, ("idofnone",), []) is None


def test_a_journal_is_read_back_as_it_was_written():
    written = Attached(
        "app",
        "idofapp",
        {"Name": "app"},
        (container(endpoint={"Aliases": ["ä"]}),),
        (service(places=(Place("TaskTemplate", 1, {"Aliases": ["store"]}),), tasks=("t1", "t2"), running=2),),
    )

    assert reattach.from_json(reattach.to_json(written)) == written


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"network": 1}'])
def test_what_is_no_journal_is_not_read_as_one(text):
    with pytest.raises((ValueError, KeyError, TypeError)):
        reattach.from_json(text)


def test_those_of_a_journal_come_before_newcomers_and_nobody_twice():
    journal, now = attached(container(endpoint={"Aliases": ["old"]})), attached(container(), container(id="c2"))

    joined = journal.joined(now)

    assert [(each.id, each.endpoint) for each in joined.containers] == [("c1", {"Aliases": ["old"]}), ("c2", {})]


def test_only_containers_of_other_nodes_are_left_to_them():
    everybody = attached(container(node=""), container(id="c2", node="n2"), services=(service(),))

    assert [each.id for each in everybody.elsewhere("n1").containers] == ["c2"]
    assert everybody.elsewhere("n1").services == ()


def test_containers_of_other_nodes_are_refused_by_node():
    far = Consumer("attachment", "c0ffee", "c0ffee", "node3", "running")

    (reason,) = reasons(declare_one(attachable=True), far)

    assert reason.startswith("app, reattach: containers of other nodes are attached")
    assert "node3" in reason


def test_somebody_whose_attachment_is_not_known_is_never_dropped():
    assert "run again" in reasons(declare_one(), Consumer("container", "late", "c9"))[0]


def test_a_job_is_never_run_once_more():
    assert "is a job" in reasons(declare_one(), there=attached(services=(service(is_job=True),)))[0]


@pytest.mark.parametrize(
    ("declared", "what"),
    [
        ({"attachable": False, "subnets": [{"subnet": "10.20.0.0/24"}]}, "app, attachable: is false"),
        ({"attachable": True}, "fixed address 10.20.0.50, which no declared subnet holds"),
        (
            {"attachable": True, "subnets": [{"subnet": "10.20.0.0/24", "gateway": "10.20.0.50"}]},
            "is the declared gateway",
        ),
    ],
)
def test_a_container_that_could_not_be_attached_again_is_refused_beforehand(declared, what):
    there = attached(container(endpoint={"IPAMConfig": {"IPv4Address": "10.20.0.50"}}))

    assert any(what in reason for reason in reasons(declare_one(**declared), there=there))


def test_a_service_cannot_be_moved_to_a_bridge():
    assert (
        "only be attached to a network of the Swarm"
        in reasons(declare_one(driver="bridge"), there=attached(services=(service(),)))[0]
    )


@pytest.mark.parametrize(("engine_major", "refused"), [(20, False), (25, True), (26, True)])
def test_a_fixed_mac_address_is_refused_where_the_engine_would_lose_it(engine_major, refused):
    there = attached(container(endpoint={"MacAddress": "02:11:22:33:44:55"}))

    found = reasons(declare_one(attachable=True), there=there, engine_major=engine_major)

    assert any("02:11:22:33:44:55" in reason for reason in found) is refused
