# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who reaches whom, told from who is on which network."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.berthage.swarm.plugins.module_utils._networks.reachability import (
    HOST,
    LOCALHOST,
    Medium,
    Party,
    Port,
    closed,
    has_way_out,
    in_place,
    outside_ports,
    reachability,
    through_ports,
)

MEDIA = {
    medium.id: medium
    for medium in (
        Medium("F", "front", "overlay"),
        Medium("B", "back", "overlay", internal=True),
        Medium("G", "ingress", "overlay", closed=True),
        Medium("L", "build", "bridge"),
        Medium("S", "shut", "bridge", internal=True),
        Medium("C", "shy", "bridge", closed=True),
        Medium("M", "lan", "macvlan"),
    )
}


def service(name, networks="", nodes=("node1",), **fields):
    return Party("service", name, f"id-{name}", networks=frozenset(networks), nodes=dict.fromkeys(nodes, 1), **fields)


def container(name, networks="", node="node1", **fields):
    return Party("container", name, f"id-{name}", networks=frozenset(networks), nodes={node: 1}, **fields)


def reached(*parties):
    """Who reaches whom by what, by names."""
    names = {party.title: party.name for party in parties}
    return {
        (names[one], names[other]): by
        for one, others in reachability(parties, MEDIA).items()
        for other, by in others.items()
    }


def test_two_on_one_network_reach_each_other_by_it_and_nobody_else():
    parties = [service("web", "F"), service("app", "FB", ["node2"]), container("db", "B", "node3")]
    assert reached(*parties) == {
        ("web", "app"): ("front",),
        ("app", "web"): ("front",),
        ("app", "db"): ("back",),
        ("db", "app"): ("back",),
    }


def test_two_on_several_networks_reach_each_other_by_each_of_them():
    assert reached(service("one", "FBM"), service("other", "MBF"))["one", "other"] == ("back", "front", "lan")


def test_networks_of_one_name_on_two_nodes_join_nobody():
    media = {key: Medium(key, "build", "bridge") for key in ("here", "there")}
    parties = [container("one", ["here"]), container("other", ["there"], "node2")]
    assert reachability(parties, media) == {"container one on node1": {}, "container other on node2": {}}


@pytest.mark.parametrize("network", ["C", "G"])
def test_a_network_that_keeps_its_members_apart_joins_nobody_and_is_a_way_out(network):
    one, other = container("one", network), container("other", network)
    assert reached(one, other) == {}
    assert has_way_out(one, MEDIA)


@pytest.mark.parametrize(
    ("ingress", "options", "keeps_apart"),
    [
        (False, {}, False),
        (True, {}, True),
        (False, {"com.docker.network.bridge.enable_icc": "true"}, False),
        (False, {"com.docker.network.bridge.enable_icc": "false"}, True),
        (False, {"com.docker.network.bridge.enable_icc": "0"}, True),
    ],
)
def test_a_network_keeps_its_members_apart_as_the_mesh_and_without_icc(ingress, options, keeps_apart):
    assert closed(ingress, options) is keeps_apart


def test_a_container_in_anothers_network_is_where_that_one_is_and_localhost_to_it():
    parties = [
        container("pod", "B"),
        container("side", inside="id-pod"),
        container("deep", inside="id-side"),
        service("db", "B"),
    ]
    found = reached(*parties)
    assert found["side", "db"] == found["db", "deep"] == ("back",)
    assert found["side", "pod"] == found["deep", "side"] == (LOCALHOST, "back")


def test_containers_that_share_the_network_of_each_other_in_a_circle_are_told_of():
    assert set(reached(container("one", inside="id-other"), container("other", inside="id-one"))) <= {
        ("one", "other"),
        ("other", "one"),
    }


def test_a_container_in_the_network_of_one_that_is_gone_reaches_nobody():
    assert reached(container("side", inside="gone"), container("db", "B")) == {}


def test_a_bridge_reaches_its_host_and_the_other_way_round_even_if_it_is_internal():
    assert reached(container("agent", on_host=True), container("one", "S")) == {
        ("agent", "one"): (HOST,),
        ("one", "agent"): (HOST,),
    }


def test_what_is_on_an_internal_overlay_neither_reaches_a_host_nor_is_reached_by_it():
    assert reached(container("agent", on_host=True), service("db", "B")) == {}


def test_a_host_is_reached_from_other_nodes_by_what_has_a_way_out_and_does_not_reach_it():
    assert reached(container("agent", on_host=True), service("web", "F", ["node2"])) == {("web", "agent"): (HOST,)}


def test_macvlan_does_not_come_to_its_own_host():
    agent = container("agent", on_host=True)
    assert reached(agent, container("cam", "M")) == {}
    assert reached(agent, container("cam", "M", "node2")) == {("cam", "agent"): (HOST,)}


def test_two_in_the_network_of_hosts_reach_each_other():
    found = reached(container("one", on_host=True), container("other", node="node2", on_host=True))
    assert set(found.values()) == {(HOST,)}
    assert len(found) == 2


def test_one_without_any_network_reaches_nobody():
    assert reached(container("alone"), container("agent", on_host=True), service("web", "F")) == {
        ("agent", "web"): (HOST,),
        ("web", "agent"): (HOST,),
    }


def test_published_ports_are_reached_by_all_that_have_a_way_out():
    web = service("web", "FG", ports=(Port(80, 8080, "tcp", "ingress"),))
    outside, inside = container("outside", "L"), container("inside", "BS")
    assert through_ports(outside, web, MEDIA) == web.ports
    assert through_ports(inside, web, MEDIA) == ()
    assert through_ports(web, web, MEDIA) == ()


@pytest.mark.parametrize(
    ("address", "is_reached"), [("", True), ("10.0.0.5", True), ("127.0.0.1", False), ("::1", False)]
)
def test_a_port_on_the_loopback_address_is_not_reached_from_outside(address, is_reached):
    assert bool(outside_ports(container("db", "L", ports=(Port(1, 1, address=address),)))) is is_reached


def test_a_stopped_one_is_told_as_if_it_ran():
    assert reached(container("one", "F", running=False), service("other", "F"))["other", "one"] == ("front",)


some_parties = st.lists(
    st.tuples(st.frozensets(st.sampled_from("FBGLSCM")), st.sampled_from(["node1", "node2"]), st.booleans()), max_size=6
).map(
    lambda drawn: [
        container(f"c{number}", networks, node, on_host=on_host)
        for number, (networks, node, on_host) in enumerate(drawn)
    ]
)


@given(some_parties)
def test_reaching_by_a_network_is_mutual_and_takes_an_open_one_that_both_are_on(parties):
    found = reached(*parties)
    networks = {party.name: {MEDIA[key].name for key in party.networks if not MEDIA[key].closed} for party in parties}
    for one in parties:
        for other in parties:
            by = set(found.get((one.name, other.name), ())) - {HOST}
            shared = networks[one.name] & networks[other.name] if one is not other else set()
            assert by == shared
            assert by == set(found.get((other.name, one.name), ())) - {HOST}


@given(some_parties, st.randoms())
def test_the_order_in_which_they_are_listed_does_not_matter(parties, random):
    shuffled = list(parties)
    random.shuffle(shuffled)
    assert reached(*parties) == reached(*shuffled)
    assert {party.title for party in in_place(parties)} == {party.title for party in shuffled}
