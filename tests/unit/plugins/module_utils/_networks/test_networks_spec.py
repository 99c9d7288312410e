# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._networks.drivers import underlay_to_effective_mtu
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Refused
from ansible_collections.berthage.swarm.tests.unit.plugins.module_utils._networks.network_samples import (
    declare,
    declare_one,
)


def refusal(*networks, **call) -> str:
    with pytest.raises(Refused) as refused:
        declare(*networks, **call)
    return str(refused.value)


def test_a_name_alone_is_a_plain_overlay_of_the_swarm():
    network = declare_one()

    assert (network.driver, network.swarm, network.encrypted, network.declared) == ("overlay", True, False, ())


def test_a_bridge_is_local():
    assert not declare_one(driver="bridge").swarm


def test_everything_wrong_with_a_call_is_said_at_once():
    text = refusal(
        {"name": "a", "driver": "host"},
        {"name": "b", "ipv6": True},
        {"name": "b"},
        {"name": "c", "driver": "macvlan"},
        purge=True,
    )

    assert [line.split(":")[0] for line in text.splitlines()] == [
        "networks, purge",
        "a, driver",
        "b, ipv6",
        "b, name",
        "c, parent",
    ]


@pytest.mark.parametrize("driver", ["host", "none", "null"])
def test_networks_that_exist_anyway_are_refused_with_an_explanation(driver):
    assert "it exists on every engine" in refusal({"name": "app", "driver": driver})


MACVLAN = {"driver": "macvlan", "parent": "eth0"}
FROM = {"driver": "macvlan", "config_from": "base"}


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ({"driver": "macvlan"}, "parent: is missing"),
        ({"driver": "ipvlan"}, "parent: is missing"),
        ({"driver": "macvlan", "parent": "lo"}, "loopback"),
        ({**MACVLAN, "driver_opts": {"parent": "eth1"}}, "eth0 here and eth1"),
        ({**MACVLAN, "driver_opts": {"macvlan_mode": "l2"}}, "none of bridge"),
        ({"driver": "ipvlan", "parent": "eth0", "driver_opts": {"ipvlan_mode": "bridge"}}, "none of l2"),
        ({**MACVLAN, "mtu": 1400}, "its parent's"),
        ({**MACVLAN, "encrypted": True}, "only an overlay"),
        ({**MACVLAN, "swarm": True}, "config_from: is missing"),
        ({"driver": "bridge", "parent": "eth0"}, "means nothing"),
        ({"driver": "a b"}, "no name of a network plugin"),
        ({"config_from": "base"}, "an overlay has its addresses from the Swarm"),
        ({**FROM, "config_from": "app"}, "is the network itself"),
        ({**FROM, "labels": {"a": "b"}}, "labels: cannot be set"),
        ({**FROM, "subnets": [{"subnet": "10.9.0.0/24"}]}, "subnets: cannot be set"),
        ({**FROM, "parent": "eth0"}, "parent: cannot be set"),
        ({"config_only": True, "swarm": True}, "local to its host"),
        ({"config_only": True, "internal": True}, "internal: belongs to the network that uses"),
        ({"config_only": True, "config_from": "base"}, "cannot take another one's"),
        ({"driver": "bridge", "ingress": True}, "the routing mesh is an overlay"),
        ({"ingress": True, "attachable": True}, "attachable: the routing mesh's"),
    ],
)
def test_what_a_driver_cannot_do_is_refused(field, words):
    assert words in refusal({"name": "app", **field})


@pytest.mark.parametrize(
    "field",
    [
        MACVLAN,
        {"driver": "macvlan", "internal": True},
        {"driver": "ipvlan", "parent": "eth0.10", "driver_opts": {"ipvlan_mode": "l3"}},
        {"driver": "macvlan", "swarm": True, "config_from": "base", "attachable": True},
        {"config_only": True, "parent": "eth0", "subnets": [{"subnet": "10.9.0.0/24"}]},
        {"driver": "vendor/net:2.1"},
        {"name": "ingress", "ingress": True, "subnets": [{"subnet": "10.9.0.0/24"}]},
        {"driver": "macvlan", "state": "absent"},
    ],
)
def test_what_a_driver_can_do_is_taken(field):
    assert declare_one(**field)


@pytest.mark.parametrize("name", ["", None, "a b", "-a", "a-", "a.b", "ä", "a" * 64, "ingress", "bridge"])
def test_a_name_that_a_swarm_would_not_take_is_refused(name):
    assert ", name: " in refusal({"name": name})


def test_a_bridge_may_have_a_dot_in_its_name():
    assert declare_one(name="a.b", driver="bridge").name == "a.b"


def test_an_overlay_is_no_local_network_and_a_bridge_no_network_of_the_swarm():
    assert "belongs to a Swarm" in refusal({"name": "app", "swarm": False})
    assert "local to its host" in refusal({"name": "app", "driver": "bridge", "swarm": True})


def test_ipv6_on_an_overlay_is_refused_because_the_driver_ignores_it():
    assert "ignores IPv6" in refusal({"name": "app", "ipv6": True})
    assert "ignores IPv6" in refusal({"name": "app", "subnets": [{"subnet": "fd00::/64"}]})


def test_kept_addresses_on_an_overlay_are_refused_because_a_swarm_drops_them():
    subnet = {"subnet": "10.20.0.0/24", "aux_addresses": {"router": "10.20.0.9"}}
    assert "drops aux_addresses" in refusal({"name": "app", "subnets": [subnet]})
    assert declare_one(driver="bridge", subnets=[subnet]).subnets[0].aux_addresses


def test_an_ipv6_subnet_needs_the_flag():
    assert "app, ipv6: " in refusal({"name": "app", "driver": "bridge", "subnets": [{"subnet": "fd00::/64"}]})


def test_a_bridge_takes_one_subnet_of_each_version():
    both = [{"subnet": "10.1.0.0/24"}, {"subnet": "fd00::/64"}]
    assert len(declare_one(driver="bridge", ipv6=True, subnets=both).subnets) == 2
    assert "a bridge takes one IPv4 subnet" in refusal(
        {"name": "app", "driver": "bridge", "subnets": [{"subnet": "10.1.0.0/24"}, {"subnet": "10.2.0.0/24"}]}
    )


@pytest.mark.parametrize("value", ["false", False, "no", "0", 0])
def test_the_raw_option_that_looks_like_no_encryption_is_refused(value):
    assert "would encrypt" in refusal({"name": "app", "driver_opts": {"encrypted": value}})


@pytest.mark.parametrize("value", ["", None, "true", True])
def test_the_raw_option_of_compose_files_means_encryption(value):
    network = declare_one(driver_opts={"encrypted": value})

    assert network.encrypted
    assert network.driver_opts == {}
    assert network.declared == ("encrypted",)


def test_the_raw_mtu_is_the_field_and_contradicting_it_is_refused():
    assert declare_one(driver_opts={"com.docker.network.driver.mtu": 1400}).mtu == 1400
    assert "app, mtu: " in refusal({"name": "app", "mtu": 1500, "driver_opts": {"com.docker.network.driver.mtu": 1400}})


@pytest.mark.parametrize(
    ("subnet", "words"),
    [
        ({"subnet": "10.20.0.0/24", "gateway": "10.21.0.1"}, "is outside 10.20.0.0/24"),
        ({"subnet": "10.20.0.0/24", "gateway": "fd00::1"}, "is outside 10.20.0.0/24"),
        ({"subnet": "10.20.0.0/24", "gateway": "10.20.0.255"}, "network or broadcast address"),
        ({"subnet": "10.20.0.0/24", "ip_range": "10.20.1.0/25"}, "is not within"),
        ({"subnet": "10.20.0.0/24", "ip_range": "10.20.0.0/16"}, "is not within"),
        ({"subnet": "10.20.0.0/24", "aux_addresses": {"r": "10.20.1.1"}}, "aux_addresses.r 10.20.1.1 is outside"),
        (
            {"subnet": "10.20.0.0/24", "gateway": "10.20.0.1", "aux_addresses": {"r": "10.20.0.1"}},
            "aux_addresses.r and gateway are both 10.20.0.1",
        ),
        ({"subnet": "10.20.0.0/31"}, "too small"),
        ({"subnet": "10.20.0.0/30", "aux_addresses": {"r": "10.20.0.2"}}, "too small"),
        ({"subnet": "127.0.0.0/8"}, "holds no addresses"),
        ({"subnet": "0.0.0.0/0"}, "holds no addresses"),
        ({"subnet": "224.0.0.0/24"}, "holds no addresses"),
        ({"subnet": "10.20.0"}, "does not appear to be"),
        ({"subnet": "10.20.0.0/24", "gateway": "first"}, "does not appear to be"),
    ],
)
def test_an_address_pool_that_cannot_work_is_refused(subnet, words):
    text = refusal({"name": "app", "subnets": [subnet]})

    assert text.startswith("app, subnets: ")
    assert words in text


def test_subnets_that_overlap_within_the_call_are_refused():
    text = refusal(
        {"name": "a", "subnets": [{"subnet": "10.20.0.0/16"}]},
        {"name": "b", "subnets": [{"subnet": "10.20.5.0/24"}]},
    )
    assert text.startswith("b, subnets: 10.20.5.0/24 overlaps 10.20.0.0/16 of `a`")
    assert "overlap" in refusal({"name": "a", "subnets": [{"subnet": "10.2.0.0/24"}, {"subnet": "10.2.0.0/25"}]})


def test_a_network_that_leaves_gives_its_subnet_to_another_of_the_same_call():
    subnets = [{"subnet": "10.20.0.0/24"}]
    assert declare({"name": "a", "subnets": subnets, "state": "absent"}, {"name": "b", "subnets": subnets})


@pytest.mark.parametrize(
    ("network", "mtu"),
    [
        ({}, 70),
        ({"encrypted": True}, 143),
        ({}, 65536),
        ({"driver": "bridge"}, 0),
        ({"driver": "bridge"}, -1),
        ({"driver": "bridge", "ipv6": True, "subnets": [{"subnet": "fd00::/64"}]}, 1279),
    ],
)
def test_an_mtu_that_cannot_work_is_refused(network, mtu):
    assert "cannot work" in refusal({"name": "app", "mtu": mtu, **network})


def test_the_effective_mtu_is_what_the_overlay_driver_leaves():
    assert underlay_to_effective_mtu("overlay", None, encrypted=False) == 1450
    assert underlay_to_effective_mtu("overlay", 1500, encrypted=True) == 1424
    assert underlay_to_effective_mtu("overlay", 9000, encrypted=True) == 8924
    assert underlay_to_effective_mtu("overlay", 1501, encrypted=True) == 1424
    assert underlay_to_effective_mtu("bridge", 1400, encrypted=False) == 1400


def test_a_field_given_as_null_is_one_left_out():
    assert declare_one(config_from=None, mtu=None, swarm=None, parent=None) == declare_one()


def test_our_own_labels_cannot_be_declared():
    assert "berthage.swarm.owner" in refusal({"name": "app", "labels": {"berthage.swarm.owner": "me"}})


def test_the_names_of_declared_fields_are_recorded():
    network = declare_one(
        attachable=True,
        mtu=1400,
        subnets=[{"subnet": "10.20.0.0/24", "gateway": "10.20.0.1"}],
        driver_opts={"com.example.x": 1},
    )
    assert network.declared == (
        "attachable",
        "driver_opts.com.example.x",
        "mtu",
        "subnets.10.20.0.0/24.gateway",
        "subnets.ipv4",
    )
