# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of networks and of those who are on them, read from answers as engines give them."""

from __future__ import annotations

import json

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils import _asked
from ansible_collections.berthage.swarm.plugins.module_utils._networks import info
from ansible_collections.berthage.swarm.plugins.module_utils._networks.observe import SwarmState, actual_network
from ansible_collections.berthage.swarm.plugins.module_utils._networks.parties import Answers, members
from ansible_collections.berthage.swarm.tests.unit.plugins.module_utils._networks.network_samples import (
    inspected,
)

HUSH = "correcthorse"
SERVICE = {"com.docker.swarm.service.id": "s-web", "com.docker.swarm.service.name": "web"}


def network(name, **fields):
    return inspected(Name=name, Id=f"n-{name}", **fields)


NETWORKS = [
    network("front"),
    network("back", Internal=True),
    network("ingress", Ingress=True),
    {"Name": "build", "Id": "n-build", "Scope": "local", "Driver": "bridge"},
    {"Name": "host", "Id": "n-host", "Scope": "local", "Driver": "host"},
    {"Name": "none", "Id": "n-none", "Scope": "local", "Driver": "null"},
]
NODES = [{"ID": f"id-{name}", "Description": {"Hostname": name}} for name in ("node1", "node2")]


def container(name, *networks, state="running", mode="", labels=None, ports=()):
    return {
        "Id": f"c-{name}",
        "Names": [f"/{name}"],
        "State": state,
        "Labels": labels or {},
        "HostConfig": {"NetworkMode": mode},
        "Ports": list(ports),
        "NetworkSettings": {"Networks": {each: {"NetworkID": f"n-{each}"} for each in networks}},
    }


def service(name, *targets, ports=(), replicas=1):
    return {
        "ID": f"s-{name}",
        "Spec": {
            "Name": name,
            "Mode": {"Replicated": {"Replicas": replicas}},
            "TaskTemplate": {"Networks": [{"Target": target} for target in targets]},
        },
        "Endpoint": {
            "Ports": [
                {"Protocol": "tcp", "TargetPort": 8080, "PublishedPort": port, "PublishMode": mode}
                for port, mode in ports
            ]
        },
    }


def task(service_name, node="node1", state="running", attached=()):
    return {
        "ServiceID": f"s-{service_name}",
        "NodeID": f"id-{node}",
        "DesiredState": "running",
        "Status": {"State": state},
        "NetworksAttachments": [{"Network": {"ID": key, "Spec": {"Name": name}}} for key, name in attached],
    }


def attachment(container_id, node, network_id):
    return {
        "ID": f"t-{container_id}-{network_id}",
        "NodeID": f"id-{node}",
        "Status": {"State": "running"},
        "Spec": {"NetworkAttachmentSpec": {"ContainerID": container_id}},
        "NetworksAttachments": [{"Network": {"ID": network_id}}],
    }


def answers(**answered):
    return Answers("node1", networks=tuple(map(actual_network, NETWORKS)), **{"nodes": NODES, **answered})


def by_title(found):
    return {party.title: party for party in found.parties}


def only(**answered):
    (party,) = members(answers(**answered)).parties
    return party


def test_a_service_is_on_the_networks_it_names_by_id_or_name_and_on_the_mesh_where_it_publishes():
    plain = only(services=[service("web", "n-front", "back")])
    published = only(services=[service("web", "n-back", ports=[(80, "ingress"), (81, "host")])])
    assert plain.networks == {"n-front", "n-back"}
    assert published.networks == {"n-back", "n-ingress"}
    assert [(str(port), port.mode) for port in published.ports] == [("80/tcp", "ingress"), ("81/tcp", "host")]


def test_a_service_runs_where_its_tasks_run():
    tasks = [task("web"), task("web", "node2"), task("web", "node2"), task("web", "node2", "starting"), task("other")]
    found = only(services=[service("web", "n-front", replicas=4)], tasks=tasks)
    assert (found.nodes, found.running, found.state) == ({"node1": 1, "node2": 2}, True, "3 of 4 tasks run")
    idle = only(services=[service("web", "n-front", replicas=0)])
    assert (idle.nodes, idle.running, idle.state) == ({}, False, "0 of 0 tasks run")


def test_the_tasks_of_a_listed_service_are_no_parties_of_their_own_and_bring_what_they_were_attached_to():
    found = only(
        services=[service("web", "n-front")],
        containers=[
            container("web.1", "front", "build", labels=SERVICE),
            container("web.0", "back", state="exited", labels=SERVICE),
        ],
    )
    assert (found.title, found.networks) == ("service web", {"n-front", "n-build"})


def test_a_worker_tells_of_services_by_the_tasks_that_are_on_it():
    found = only(
        nodes=[],
        containers=[
            container("web.1", "front", labels=SERVICE),
            container("web.2", "front", "ingress", labels=SERVICE),
            container("web.0", "back", state="exited", labels=SERVICE),
        ],
    )
    assert (found.title, found.id, found.networks) == ("service web", "s-web", {"n-front", "n-ingress"})
    assert (found.nodes, found.state) == ({"node1": 2}, "2 tasks run here")


def test_a_service_in_the_network_of_the_host_is_known_by_its_tasks():
    # The Swarm has an id of its own for `host`, which is in no list of networks.
    found = only(services=[service("agent", "swarms-host")], tasks=[task("agent", attached=[("swarms-host", "host")])])
    assert (found.on_host, found.networks) == (True, frozenset())


@pytest.mark.parametrize(
    ("state", "runs"), [("running", True), ("paused", True), ("exited", False), ("created", False), ("dead", False)]
)
def test_a_container_is_told_of_in_whatever_state(state, runs):
    found = only(containers=[container("db", "build", state=state)])
    assert (found.title, found.state, found.running) == ("container db on node1", state, runs)


def test_a_container_that_never_started_has_the_name_of_its_network_alone():
    raw = container("db", "build")
    raw["NetworkSettings"]["Networks"] = {"build": {"NetworkID": ""}}
    assert only(containers=[raw]).networks == {"n-build"}


def test_a_stopped_container_keeps_a_network_of_the_swarm_that_its_worker_does_not_list():
    found = members(answers(containers=[container("db", "elsewhere", state="exited")]))
    assert found.parties[0].networks == {"n-elsewhere"}
    assert found.media["n-elsewhere"].name == "elsewhere"


def test_containers_without_a_network_of_their_own():
    found = by_title(
        members(
            answers(
                containers=[
                    container("alone", "none", mode="none"),
                    container("agent", "host", mode="host"),
                    container("pod", "build", mode="build"),
                    container("by-id", mode="container:c-pod"),
                    container("by-name", mode="container:pod"),
                ]
            )
        )
    )
    assert [(party.name, sorted(party.networks), party.on_host, party.inside) for party in found.values()] == [
        ("agent", [], True, ""),
        ("alone", [], False, ""),
        ("by-id", [], False, "c-pod"),
        ("by-name", [], False, "c-pod"),
        ("pod", ["n-build"], False, ""),
    ]


def test_ports_of_a_container_are_told_once_with_the_address_where_it_is_not_every():
    ports = [
        {"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},  # noqa: S104 - as engines say it
        {"IP": "::", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
        {"IP": "127.0.0.1", "PrivatePort": 53, "PublicPort": 53, "Type": "udp"},
        {"PrivatePort": 9, "Type": "tcp"},
    ]
    found = only(containers=[container("db", "build", ports=ports)])
    assert [(str(port), port.address) for port in found.ports] == [("53/udp", "127.0.0.1"), ("8080/tcp", "")]


def test_an_attached_container_of_another_node_is_one_however_many_networks_it_is_on():
    found = only(
        containers=[],
        attachments=[attachment("c" * 64, "node2", "n-front"), attachment("c" * 64, "node2", "n-back")],
    )
    assert (found.kind, found.title, found.networks) == (
        "attachment",
        "container cccccccccccc on node2",
        {"n-front", "n-back"},
    )


def test_an_attached_container_of_this_node_is_told_of_as_a_container():
    found = only(containers=[container("db", "front")], attachments=[attachment("c-db", "node1", "n-front")])
    assert found.kind == "container"


def test_no_secret_is_told():
    labels = {"team": "web", "api_token": HUSH}
    secret = actual_network(network("front", Options={"encrypted": "", "plugin.password": HUSH}, Labels=labels))
    told = info.describe(secret, ())
    assert HUSH not in json.dumps(told)
    assert told["labels"]["team"] == "web"
    assert (told["fields"]["encrypted"], told["effective_mtu"]) == (True, 1424)


def test_with_a_selection_only_who_is_on_those_networks_is_told_of_with_all_that_join_them():
    seen = info.Look(
        answers(
            services=[service("web", "n-front", "n-back"), service("app", "n-front", "n-back"), service("db", "n-back")]
        ),
        SwarmState("active", True),
    )
    chosen = [each for each in seen.answers.networks if each.name == "front"]
    told = info.result(seen, chosen, everything=False)
    assert [each["name"] for each in told["networks"]] == ["front"]
    assert [(each["title"], each["reaches"]) for each in told["reachability"]] == [
        ("service app", [{"title": "service web", "by": ["back", "front"]}]),
        ("service web", [{"title": "service app", "by": ["back", "front"]}]),
    ]


@pytest.mark.parametrize(
    ("swarm", "why"),
    [
        (SwarmState("inactive"), ""),
        (SwarmState("active", is_manager=True), ""),
        (SwarmState("locked"), "this node's state in the Swarm is locked"),
        (
            SwarmState("active", managers=("10.0.0.5", "10.0.0.6")),
            "this node is a worker of the Swarm, and only managers list services; ask a manager, such as 10.0.0.5, "
            "10.0.0.6",
        ),
    ],
)
def test_services_are_known_to_managers_and_where_there_is_no_swarm(swarm, why):
    assert info.why_unknown(swarm) == why


@pytest.mark.parametrize(
    ("swarm", "role"),
    [
        (SwarmState("inactive"), "inactive"),
        (SwarmState("active"), "worker"),
        (SwarmState("active", is_manager=True), "manager"),
        (SwarmState("locked"), "locked"),
    ],
)
def test_a_node_is_told_by_its_role(swarm, role):
    assert info.describe_node(info.Look(answers(), swarm))["role"] == role


def test_a_network_is_asked_for_like_a_volume():
    networks = [actual_network(each) for each in NETWORKS]
    asked = _asked.wanted({"names": ["front", "nope"], "labels": {}, "owner": None})
    assert [each.name for each in _asked.select(networks, asked)] == ["front"]
    assert _asked.missing(networks, asked) == ["nope"]
