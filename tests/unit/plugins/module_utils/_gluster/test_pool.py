# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._gluster.hosts import Names
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.pool import (
    Pool,
    not_connected,
    pool_spec,
    pool_steps,
    unseen,
)
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Refused

NAMES = Names(
    {
        "g1": frozenset({"10.99.0.11"}),
        "g3": frozenset({"10.99.0.13"}),
        "10.99.0.13": frozenset({"10.99.0.13"}),
        "g4": frozenset({"10.99.0.14"}),
        "g4.example.test": frozenset({"10.99.0.14"}),
        "g5": frozenset(),
    },
    local=frozenset({"g1"}),
)


def declared(*peers: str, state: str = "present", timeout: int = 60):
    return pool_spec({"peers": list(peers), "state": state, "timeout": timeout})


def actions(spec, pool) -> dict[str, str]:
    return {step.name: step.action for step in pool_steps(spec, pool)}


def test_members_stay_by_whatever_name_and_only_new_hosts_are_added(members):
    pool = Pool(members, NAMES)

    assert actions(declared("g1", "g2.example.test", "g3", "g4"), pool) == {
        "g1": "keep",
        "g2.example.test": "keep",
        "g3": "keep",
        "g4": "create",
    }


def test_another_name_is_said_to_be_one(members):
    steps = pool_steps(declared("g1", "g3"), Pool(members, NAMES))

    assert [step.message for step in steps] == ["this host", "known to the pool as 10.99.0.13"]


def test_two_names_of_one_new_host_add_it_once(members):
    assert actions(declared("g4", "g4.example.test"), Pool(members, NAMES)) == {
        "g4": "create",
        "g4.example.test": "keep",
    }


def test_hosts_without_a_daemon_are_refused_each_with_its_reason(members):
    pool = Pool(
        members,
        NAMES,
        unreachable={
            "g4": "glusterd is not running there (port 24007 of 10.99.0.14 is closed)",
            "g5": "the name g5 does not resolve on this host",
        },
    )

    _g1, g4, g5 = pool_steps(declared("g1", "g4", "g5"), pool)

    assert (g4.action, g5.action) == ("refused", "refused")
    assert "g4, peers: cannot be added: glusterd is not running there" in g4.message
    assert "install glusterfs-server on g4" in g4.message
    assert "g5, peers: cannot be added: the name g5 does not resolve" in g5.message
    assert "/etc/hosts" in g5.message


def test_a_host_with_bricks_is_not_detached(members, volumes):
    (step,) = pool_steps(declared("g2", state="absent"), Pool(members, NAMES, volumes=volumes))

    assert step.action == "refused"
    assert "g2, peers: has bricks of arb (g2:/data/brick1/arb)" in step.message


def test_an_empty_connected_host_is_detached(members):
    (step,) = pool_steps(declared("g2", state="absent"), Pool(members, NAMES))

    assert (step.action, step.after) == ("remove", None)
    assert step.before["hostnames"] == ["g2", "g2.example.test"]


@pytest.mark.parametrize(
    ("host", "told"),
    [("g1", "a host cannot detach itself"), ("g3", "is not connected, and would not learn that it was detached")],
)
def test_what_cannot_be_detached_properly_is_refused(members, host, told):
    (step,) = pool_steps(declared(host, state="absent"), Pool(members, NAMES))

    assert told in step.message


def test_a_host_that_is_no_member_is_absent_already(members):
    assert actions(declared("g4", state="absent"), Pool(members, NAMES)) == {"g4": "none"}


@pytest.mark.parametrize(
    ("peers", "told"),
    [
        ([], "the list is empty"),
        (["g1", "g1"], "g1, peers: is listed 2 times"),
        (["localhost"], "localhost, peers: this name means another host on every host"),
        (["127.0.0.1"], "means another host on every host"),
        (["g1:24007"], "g1:24007, peers: is no host name or address"),
        (["a b"], "is no host name or address"),
    ],
)
def test_a_list_that_makes_no_pool_is_refused(peers, told):
    with pytest.raises(Refused, match=told):
        declared(*peers)


def test_a_limit_that_is_no_time_is_refused():
    with pytest.raises(Refused, match="0 s is no time to wait"):
        declared("g1", timeout=0)


def test_a_host_that_stays_away_is_named_with_the_reason(members):
    g3 = members[1]

    problem = str(not_connected("g3", g3, "glusterd is not running there", 5))
    rejected = str(not_connected("g3", replace(g3, connected=True, state="Peer Rejected"), "", 5))

    assert "g3, peers: is not connected after 5 s: glusterd is not running there" in problem
    assert "is in the state 'Peer Rejected' after 5 s" in rejected


@pytest.fixture
def three(members):
    """This host and two others, all connected."""
    local = next(member for member in members if member.is_local)
    return local, *(replace(member, connected=True) for member in members if not member.is_local)


def test_a_member_that_knows_not_all_the_others_yet_is_told_from_one_that_does(three):
    local, second, third = three
    pool = Pool(three, NAMES)
    first_there = replace(local, hostnames=("g1",), is_local=False)
    second_there = replace(second, hostnames=("localhost",), is_local=True)

    assert unseen(pool, second, (first_there, second_there, third)) == ()
    assert unseen(pool, second, (first_there, second_there)) == (third.name,)
    assert unseen(pool, second, (first_there, second_there, replace(third, connected=False))) == (third.name,)
    assert unseen(pool, second, (replace(first_there, state="Probe Sent"), second_there, third)) == ("this host",)


def test_whom_this_host_does_not_reach_itself_is_not_looked_for_at_the_others(three):
    local, second, third = three
    pool = Pool((local, second, replace(third, connected=False)), NAMES)

    assert unseen(pool, second, (local, second)) == ()


def test_a_view_that_could_not_be_had_is_held_against_nobody(three):
    assert unseen(Pool(three, NAMES), three[1], ()) == ()
