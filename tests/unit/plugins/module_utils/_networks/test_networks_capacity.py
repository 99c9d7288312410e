# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.berthage.swarm.plugins.module_utils._networks.capacity import (
    addresses_for_users,
    free_blocks,
    warning,
    warnings,
)
from ansible_collections.berthage.swarm.plugins.module_utils._networks.demand import Demand, able_nodes, demands
from ansible_collections.berthage.swarm.plugins.module_utils._networks.observe import (
    AddressPool,
    Consumer,
    Observed,
    SwarmState,
    swarm_state,
)
from ansible_collections.berthage.swarm.plugins.module_utils._networks.plan import plan
from ansible_collections.berthage.swarm.tests.unit.plugins.module_utils._networks.network_samples import (
    actual,
    declare,
    declare_one,
)

SMALL_POOL = (AddressPool(ip_network("10.0.0.0/22"), 24),)


def manager(*networks, pools=SMALL_POOL, **more: Any) -> Observed:
    swarm = SwarmState("active", True, ("192.0.2.1",), "192.0.2.1", "n1", pools)
    return Observed(tuple(networks), swarm=swarm, engine_version="20.10.24", **more)


def on(subnet: str, **fields: Any) -> dict[str, Any]:
    return {"IPAM": {"Driver": "default", "Config": [{"Subnet": subnet}]}, **fields}


# ---- pools


@given(
    base=st.integers(16, 22),
    size=st.integers(20, 28),
    taken=st.lists(st.tuples(st.integers(0, 2**17 - 1), st.integers(14, 30)), max_size=6),
)
def test_the_blocks_that_are_left_are_those_which_overlap_nothing(base, size, taken):
    pool = ip_network(f"10.4.0.0/{base}")
    networks = [
        ip_network((int(ip_network("10.3.0.0/16").network_address) + offset, prefix), strict=False)
        for offset, prefix in taken
    ]
    blocks = pool.subnets(new_prefix=size) if size >= base else []

    expected = sum(not any(block.overlaps(network) for network in networks) for block in blocks)

    assert free_blocks(AddressPool(pool, size), networks) == expected


def test_more_networks_than_the_swarms_pool_has_subnets_are_refused_as_one():
    there = manager(actual(Name="ingress", Id="mesh", **on("10.0.0.0/24")), actual(**on("10.0.1.0/24")))

    steps = plan(declare({"name": "a"}, {"name": "b"}, {"name": "c"}), there)

    assert [step.action for step in steps] == ["refused"] * 3
    (problem,) = [problem for step in steps for problem in step.problems]
    assert problem.item == "a, b, c"
    assert "3 declare none, and the default address pool of the Swarm (10.0.0.0/22 in blocks of /24) has 2 left" in str(
        problem
    )


def test_networks_with_subnets_of_their_own_and_leaving_ones_make_room():
    there = manager(*(actual(Name=f"n{each}", Id=f"id{each}", **on(f"10.0.{each}.0/24")) for each in range(4)))

    assert plan(declare({"name": "a"}), there)[0].action == "refused"
    assert plan(declare({"name": "a", "subnets": [{"subnet": "10.9.0.0/24"}]}), there)[0].action == "create"
    assert [step.action for step in plan(declare({"name": "a"}, {"name": "n3", "state": "absent"}), there)] == [
        "remove",
        "create",
    ]


def test_a_recreated_network_takes_the_room_that_it_had():
    there = manager(*(actual(Name=f"n{each}", Id=f"id{each}", **on(f"10.0.{each}.0/24")) for each in range(4)))

    (step,) = plan(declare({"name": "n1", "internal": True}, on_drift="recreate"), there)

    assert step.action == "recreate"


def test_networks_that_are_there_already_need_no_room():
    there = manager(*(actual(Name=f"n{each}", Id=f"id{each}", **on(f"10.0.{each}.0/24")) for each in range(4)))

    assert [step.action for step in plan(declare({"name": "n0"}, {"name": "n1"}), there)] == ["keep", "keep"]


def test_a_swarm_that_does_not_tell_its_pool_refuses_nothing():
    assert plan(declare({"name": "a"}), manager(pools=()))[0].action == "create"


def test_bridges_draw_from_the_engines_own_pool():
    bridges = [{"name": f"b{each}", "driver": "bridge"} for each in range(32)]
    docker0 = actual(Name="bridge", Id="docker0", Driver="bridge", Scope="local", **on("172.17.0.0/16"))

    assert {step.action for step in plan(declare(*bridges[:30]), manager(docker0))} == {"create"}
    (problem, *_rest) = [problem for step in plan(declare(*bridges), manager(docker0)) for problem in step.problems]
    assert "default address pool of this engine" in str(problem)
    assert "has 30 left" in str(problem)

    wide = manager(docker0, local_pools=(AddressPool(ip_network("10.0.0.0/8"), 24),))
    assert {step.action for step in plan(declare(*bridges), wide)} == {"create"}


def test_the_pools_are_read_from_what_a_manager_tells():
    told = {"LocalNodeState": "active", "Cluster": {"DefaultAddrPool": ["10.20.0.0/16"], "SubnetSize": 26}}

    assert swarm_state(told).pools == (AddressPool(ip_network("10.20.0.0/16"), 26),)


# ---- who uses addresses


def service(*networks: str, replicas: int | None = 1, mode: str = "vip", published: bool = False) -> dict[str, Any]:
    return {
        "ID": "s",
        "Spec": {
            "Name": "s",
            "Mode": {"Global": {}} if replicas is None else {"Replicated": {"Replicas": replicas}},
            "EndpointSpec": {"Mode": mode},
            "TaskTemplate": {"Networks": [{"Target": name} for name in networks]},
        },
        "Endpoint": {"Ports": [{"PublishMode": "ingress"}] if published else []},
    }


def test_services_take_one_virtual_address_and_one_for_each_task():
    found = demands(
        {"app": "idofapp"},
        ["mesh"],
        [
            service("idofapp", replicas=5),
            service("app", replicas=None, published=True),
            service("app", replicas=2, mode="dnsrr"),
        ],
        [{"NetworksAttachments": [{"Network": {"ID": "idofapp"}}]}],
        nodes=3,
    )

    assert found == {
        "idofapp": Demand(virtual=2, tasks=10, attached=1, behind_virtual=8),
        "mesh": Demand(virtual=1, tasks=3, behind_virtual=3),
    }


def test_nodes_that_are_down_or_drained_run_nothing():
    nodes = [
        {"Status": {"State": "ready"}, "Spec": {"Availability": "active"}},
        {"Status": {"State": "down"}, "Spec": {"Availability": "active"}},
        {"Status": {"State": "ready"}, "Spec": {"Availability": "drain"}},
    ]

    assert able_nodes(nodes) == 1


@pytest.mark.parametrize(
    ("subnets", "addresses"),
    [
        ([{"subnet": "10.1.0.0/24"}], 253),
        ([{"subnet": "10.1.0.0/29", "gateway": "10.1.0.1"}], 5),
        ([{"subnet": "10.1.0.0/29"}, {"subnet": "10.2.0.0/29"}], 10),
        ([{"subnet": "10.1.0.0/24", "gateway": "10.1.0.1", "ip_range": "10.1.0.128/29"}], 8),
        ([{"subnet": "10.1.0.0/24", "ip_range": "10.1.0.128/29"}], 7),
    ],
)
def test_addresses_of_networks_broadcasts_and_gateways_are_nobodys(subnets, addresses):
    assert addresses_for_users(declare_one(subnets=subnets).subnets) == addresses


@pytest.mark.parametrize(
    ("room", "demand", "said"),
    [
        (253, Demand(1, 100), ""),
        (253, Demand(50, 140), "nearly full: of 253"),
        (253, Demand(100, 200), "303 (100 for virtual addresses, 200 for tasks, 3 for the nodes' load balancers)"),
        (5, Demand(1, 1), ""),
        (5, Demand(1, 2), "nearly full"),
        (5, Demand(1, 2, 1), "tasks without one wait in the state New or Preparing"),
        (4, Demand(), "too few for one service on every node"),
        (5, Demand(), ""),
        (1021, Demand(10, 300, 0, 300), "at most about 250"),
        (1021, Demand(0, 300), ""),
    ],
)
def test_a_network_is_warned_of_before_it_is_full(room, demand, said):
    text = warning(room, demand, nodes=3, prefix=24)

    assert said in text and bool(text) == bool(said)


def test_a_small_subnet_is_to_grow_and_a_full_24_to_be_divided():
    assert "declare a larger subnet" in warning(5, Demand(2, 9), 3, prefix=29)
    assert "endpoint_mode: dnsrr" in warning(253, Demand(100, 200), 3, prefix=24)


def test_warnings_are_of_declared_overlays_alone_with_the_subnets_that_they_have_or_get():
    there = manager(actual(**on("10.0.1.0/29")), nodes=3, demands={"idofapp": Demand(1, 9)})

    assert [name for name, _text in warnings(declare({"name": "app"}), there)] == ["app"]
    assert not [*warnings(declare({"name": "app", "subnets": [{"subnet": "10.0.1.0/26"}]}), there)]
    assert not [*warnings(declare({"name": "other"}), there)]
    assert not [*warnings(declare({"name": "app", "state": "absent"}), there)]


def test_nobody_is_attached_again_to_a_network_that_is_too_small_for_all():
    consumers = {"idofapp": (Consumer("service", "db", "5ervice"),)}
    there = manager(actual(), nodes=3, demands={"idofapp": Demand(1, 9)}, consumers=consumers)
    smaller = {"name": "app", "subnets": [{"subnet": "10.0.9.0/29"}]}

    (step,) = plan(declare(smaller, on_drift="recreate", reattach=True), there)

    assert step.action == "refused"
    assert "they hold 5 addresses for those who use it, and 13 (" in step.message
