# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._gluster.spec import (
    BrickSpec,
    parse_brick,
    volume_specs,
)
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Refused


def bricks(*hosts: str, path: str = "/data/brick1/gv0") -> list[str]:
    return [f"{host}:{path}" for host in hosts]


def refusal_of(*declared) -> str:
    with pytest.raises(Refused) as refusal:
        volume_specs(declared)
    return str(refusal.value)


@pytest.mark.parametrize(
    ("text", "brick"),
    [
        ("g1:/data/brick1/gv0", BrickSpec("g1", "/data/brick1/gv0")),
        ("g1.example.test://data//gv0/", BrickSpec("g1.example.test", "/data/gv0")),
        ("10.0.0.1:/data/gv0", BrickSpec("10.0.0.1", "/data/gv0")),
        ("fd00::1:/data/gv0", BrickSpec("fd00::1", "/data/gv0")),
        ("[fd00::1]:/data/gv0", BrickSpec("fd00::1", "/data/gv0")),
    ],
)
def test_a_brick_is_a_host_and_a_directory(text, brick):
    assert parse_brick(text) == brick


@pytest.mark.parametrize(
    "text",
    [
        "",
        "g1",
        "/data/gv0",
        "g1:data/gv0",
        ":/data/gv0",
        "g1:/",
        "g1:/a b",
        "g1:/a/../b",
        "g1:/a,b",
        "-g1:/a",
        "10.0.0:/a",
    ],
)
def test_what_is_no_host_and_absolute_path_is_no_brick(text):
    assert parse_brick(text) is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"replica": 3}, "replica 3"),
        ({"replica": 3, "arbiter": 1}, "replica 3 arbiter 1"),
        ({"replica": 0}, ""),
        ({"replica": 1}, ""),
        ({"replica": 0, "disperse": 3, "redundancy": 1}, "disperse 3 redundancy 1"),
    ],
)
def test_each_layout_becomes_the_words_of_the_command(declare, arguments, words):
    (spec,) = volume_specs([declare(**arguments)])

    assert " ".join(spec.layout.words) == words


@pytest.mark.parametrize("name", ["gv0", "a-b_c", "0", "x" * 255])
def test_names_that_gluster_takes_are_taken(declare, name):
    assert volume_specs([declare(name=name)])[0].name == name


@pytest.mark.parametrize("name", ["", "-a", "a.b", "a b", "a/b", "all", "help", "ä", "x" * 256, "gv0\n"])
def test_names_that_gluster_would_not_take_are_refused(declare, name):
    assert "gluster takes no such name" in refusal_of(declare(name=name))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"bricks": []}, "gv0, bricks: none is given; list HOST:/absolute/path"),
        ({"bricks": ["g1"]}, "'g1' is no brick; write HOST:/absolute/path"),
        ({"bricks": bricks("localhost", "g2", "g3")}, "localhost:/data/brick1/gv0: this name means another host"),
        ({"bricks": bricks("127.0.0.1", "g2", "g3")}, "127.0.0.1:/data/brick1/gv0: this name means another host"),
        ({"bricks": bricks("g1", "g2")}, "2 of them make no whole sets of 3 (replica 3); add 1, or change replica"),
        (
            {"bricks": bricks("g1", "g2", "g3", "g4")},
            "4 of them make no whole sets of 3 (replica 3); add 2 or remove 1",
        ),
        ({"bricks": [*bricks("g1", "g2"), "G1:/data/b"]}, "g1 has several bricks of one set"),
        ({"replica": 2, "bricks": bricks("g1", "g2")}, "gv0, replica: two copies cannot outvote each other"),
        ({"replica": 2, "arbiter": 1}, "gv0, arbiter: replica 2 arbiter 1 is nothing that gluster has"),
        ({"arbiter": 2}, "gv0, arbiter"),
        ({"replica": -3}, "gv0, replica: -3 is negative"),
        ({"disperse": 3, "redundancy": 1}, "gv0, disperse: a volume is either replicated or dispersed"),
        ({"replica": 0, "redundancy": 1}, "gv0, redundancy: belongs to a dispersed volume"),
        ({"replica": 0, "disperse": 3}, "gv0, disperse: of 3 bricks, 0 cannot be redundant"),
        ({"replica": 0, "disperse": 4, "redundancy": 2}, "gv0, disperse: of 4 bricks, 2 cannot be redundant"),
        ({"quota": {"media": "10GB"}}, "gv0, quota: 'media' is no directory of the volume"),
        ({"quota": {"/a/../b": "10GB"}}, "gv0, quota: '/a/../b' is no directory of the volume"),
        ({"quota": {"/a b": "10GB"}}, "gv0, quota: '/a b' is no directory of the volume"),
        ({"quota": {"/media": "10%"}}, "gv0, quota./media: '10%' is no size"),
        ({"quota": {"/media": 0}}, "gv0, quota./media: 0 is no size"),
        ({"quota": {"/media": True}}, "gv0, quota./media: True is no size"),
        ({"quota": {"/media": "9000PB"}}, "gv0, quota./media: '9000PB' is no size"),
        ({"quota": {"/media": None}}, "gv0, quota./media: None is no size"),
        ({"quota": {"/media": "1GB", "/media/": "1GB"}}, "gv0, quota./media: is given 2 times"),
        (
            {"quota": {}, "options": {"features.hard-timeout": 0, "soft-timeout": 0}},
            "gv0, quota: no limits are declared, and gluster forgets features.hard-timeout, soft-timeout",
        ),
        (
            {"quota": {}, "options": {"features.quota-deem-statfs": "off"}},
            "gluster forgets features.quota-deem-statfs when it disables quota",
        ),
        ({"quota": {"/media": "1GB"}, "state": "stopped"}, "gv0, quota: the limits of a volume that does not run"),
        ({"tls": True}, "gv0, tls_allow: is empty"),
        ({"tls_allow": ["g1"]}, "gv0, tls_allow: means nothing without tls: true"),
        ({"tls": True, "tls_allow": ["g1,g2"]}, "gv0, tls_allow: 'g1,g2' is no name in a certificate"),
        ({"tls": True, "tls_allow": ["*"], "options": {"client.ssl": "on"}}, "gv0, tls: the same is said by options"),
        (
            {"tls": True, "tls_allow": ["*"], "options": {"auth.ssl-allow": "x"}},
            "gv0, tls_allow: the same is said by options.auth.ssl-allow",
        ),
        ({"options": {"network.ping-timeout": None}}, "gv0, options.network.ping-timeout: None is no value"),
        ({"options": {"--mode": "x"}}, "gv0, options.--mode: is no name of an option"),
        ({"options": {"group": "virt"}}, "gv0, options.group: is no name of an option"),
        ({"options": {"event-threads": 4}}, "is short for several options (client.event-threads, "),
        (
            {"options": {"cluster.brick-multiplex": True}},
            "gv0, options.cluster.brick-multiplex: is an option of the whole pool",
        ),
        (
            {"options": {"max-bricks-per-process": 8}},
            "set it for all volumes (gluster volume set all max-bricks-per-process VALUE)",
        ),
        ({"options": {"ping-timeout": 4, "network.ping-timeout": 5}}, "is given twice"),
        ({"auth_allow": ["10.0.0.0/33"]}, "gv0, auth_allow: '10.0.0.0/33' is no address, network or host name"),
        ({"auth_allow": ["fe80::1%eth0,*"]}, "gv0, auth_allow: 'fe80::1%eth0,*' names a scope"),
        ({"auth_allow": ["fe80::%eth0,*/64"]}, "gv0, auth_allow: 'fe80::%eth0,*/64' names a scope"),
        ({"bricks": bricks("fe80::1%a b", "g2", "g3")}, "is no brick"),
        ({"auth_allow": ["a b"]}, "gv0, auth_allow: 'a b' is no address, network or host name"),
        ({"auth_allow": ["10.0.0.1"], "options": {"auth.allow": "*"}}, "the same is said by options.auth.allow"),
    ],
)
def test_what_cannot_work_is_refused_with_a_remedy(declare, arguments, told):
    assert told in refusal_of(declare(**arguments))


def test_two_copies_are_taken_from_those_who_accept_the_risk(declare):
    declared = declare(replica=2, bricks=bricks("g1", "g2"), accept_split_brain=True)

    assert volume_specs([declared])[0].layout.words == ("replica", "2")


def test_a_host_may_have_bricks_of_several_sets(declare):
    declared = declare(bricks=[*bricks("g1", "g2", "g3"), *bricks("g1", "g2", "g3", path="/data/b2")])

    assert len(volume_specs([declared])[0].sets) == 2


def test_a_distributed_volume_may_have_all_bricks_on_one_host(declare):
    assert volume_specs([declare(replica=0, bricks=["g1:/data/a", "g1:/data/b"])])


def test_all_problems_of_all_volumes_are_told_at_once(declare):
    text = refusal_of(declare(replica=2), declare(name="a b", tls=True), declare(bricks=["x"]))

    assert "gv0, replica" in text
    assert "a b, name" in text
    assert "a b, tls_allow" in text
    assert "'x' is no brick" in text
    assert "gv0, name: is declared 2 times" in text


def test_one_directory_is_no_brick_of_two_volumes(declare):
    text = refusal_of(declare(), declare(name="gv1"))

    assert "gv1, bricks: g1:/data/brick1/gv0 is already a brick of gv0" in text


def test_a_volume_to_be_removed_needs_no_bricks_and_no_more(declare):
    (spec,) = volume_specs([declare(state="absent", bricks=[], replica=0)])

    assert spec.state == "absent"


def test_options_win_over_the_profile_also_by_a_short_name(declare):
    (spec,) = volume_specs([declare(profile="containers", options={"ping-timeout": 5, "nfs.disable": True})])

    assert spec.options["network.ping-timeout"] == "5"
    assert "ping-timeout" not in spec.options
    assert spec.options["nfs.disable"] == "on"
    assert spec.options["cluster.quorum-type"] == "auto"


@pytest.mark.parametrize(
    "entry", ["10.0.0.5", "10.0.0.0/24", "10.0.0.*", "10.*", "*", "g1", "g1.example.test", "fd00::1"]
)
def test_clients_are_addresses_networks_patterns_and_names(declare, entry):
    (spec,) = volume_specs([declare(auth_allow=[entry, "127.0.0.1"])])

    assert spec.options["auth.allow"] == f"{entry},127.0.0.1"
