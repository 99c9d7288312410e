# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.berthage.swarm.plugins.module_utils._networks.compare import drift, label_differences
from ansible_collections.berthage.swarm.plugins.module_utils._networks.making import creation_request
from ansible_collections.berthage.swarm.plugins.module_utils._networks.observe import actual_network
from ansible_collections.berthage.swarm.plugins.module_utils._networks.spec import Network
from ansible_collections.berthage.swarm.tests.unit.plugins.module_utils._networks.network_samples import (
    actual,
    declare_one,
    inspected,
)

OURS = "berthage.swarm.declared"


def fields(declared, there) -> list[str]:
    return [difference.field for difference in drift(declared, there)]


def test_what_the_engine_adds_to_a_network_made_by_hand_is_no_drift():
    assert fields(declare_one(), actual()) == []


@pytest.mark.parametrize("field", ["attachable", "internal"])
def test_a_flag_differs_in_both_directions(field):
    shown = {"attachable": "Attachable", "internal": "Internal"}[field]
    assert fields(declare_one(**{field: True}), actual()) == [field]
    assert fields(declare_one(), actual(**{shown: True})) == [field]


def test_encryption_that_was_dropped_is_drift_whatever_the_option_said():
    for value in ("", "true", "false"):
        there = actual(Options={"encrypted": value, "com.docker.network.driver.overlay.vxlanid_list": "4097"})
        assert fields(declare_one(), there) == ["encrypted"]
        assert fields(declare_one(encrypted=True), there) == []


def test_another_driver_is_drift():
    there = actual(Driver="bridge", Scope="local", Options={})
    assert fields(declare_one(), there) == ["driver", "swarm"]


@pytest.mark.parametrize("spelling", ["10.20.0.0/24", "10.20.0.77/24", "10.20.0.0/255.255.255.0"])
def test_subnets_are_compared_as_networks(spelling):
    there = actual(IPAM={"Config": [{"Subnet": "10.20.0.0/24", "Gateway": "10.20.0.1"}]})
    assert fields(declare_one(subnets=[{"subnet": spelling}]), there) == []


def test_ipv6_subnets_are_compared_as_networks():
    there = actual(
        Driver="bridge",
        Scope="local",
        EnableIPv6=True,
        Options={},
        IPAM={
            "Config": [
                {"Subnet": "172.18.0.0/16", "Gateway": "172.18.0.1"},
                {"Subnet": "fd00:20::/64", "Gateway": "fd00:20::1/64"},
            ]
        },
    )
    declared = {"driver": "bridge", "ipv6": True}
    long = {"subnet": "fd00:0020:0:0::/64", "gateway": "fd00:20:0::1"}
    assert fields(declare_one(**declared, subnets=[long]), there) == []
    assert fields(declare_one(**declared, subnets=[{**long, "gateway": "fd00:20::2"}]), there) == ["subnets"]


def test_a_declared_gateway_differs_and_one_that_the_engine_chose_does_not():
    there = actual(IPAM={"Config": [{"Subnet": "10.20.0.0/24", "Gateway": "10.20.0.1"}]})
    subnet = {"subnet": "10.20.0.0/24"}
    assert fields(declare_one(subnets=[subnet]), there) == []
    assert fields(declare_one(subnets=[{**subnet, "gateway": "10.20.0.254"}]), there) == ["subnets"]


def test_subnets_declared_once_and_then_dropped_are_drift():
    pools = {"Config": [{"Subnet": "10.20.0.0/24", "Gateway": "10.20.0.1"}]}
    assert fields(declare_one(), actual(IPAM=pools, Labels={OURS: "subnets.ipv4"})) == ["subnets"]
    assert fields(declare_one(), actual(IPAM=pools, Labels={OURS: ""})) == []


def test_a_gateway_declared_once_and_then_dropped_is_drift():
    there = actual(
        IPAM={"Config": [{"Subnet": "10.20.0.0/24", "Gateway": "10.20.0.254"}]},
        Labels={OURS: "subnets.10.20.0.0/24.gateway,subnets.ipv4"},
    )
    assert fields(declare_one(subnets=[{"subnet": "10.20.0.0/24"}]), there) == ["subnets"]


@pytest.mark.parametrize("extra", [{"IPRange": "10.0.1.128/25"}, {"AuxiliaryAddresses": {"router": "10.0.1.9"}}])
def test_a_range_or_kept_address_that_nobody_declares_is_drift_even_without_a_record(extra):
    pools = {"Config": [{"Subnet": "10.0.1.0/24", "Gateway": "10.0.1.1", **extra}]}
    assert fields(declare_one(), actual(IPAM=pools)) == ["subnets"]


def test_an_mtu_of_1500_is_the_default():
    assert fields(declare_one(mtu=1500), actual()) == []


def test_an_mtu_declared_once_and_then_dropped_is_drift_and_one_from_the_engines_defaults_is_not():
    option = {"com.docker.network.driver.mtu": "1400"}
    assert fields(declare_one(), actual(Options=option)) == ["mtu"]
    assert fields(declare_one(), actual(Options=option, Labels={OURS: "mtu"})) == ["mtu"]
    assert fields(declare_one(), actual(Options=option, Labels={OURS: "attachable"})) == []
    assert fields(declare_one(mtu=1400), actual(Options=option)) == []
    assert fields(declare_one(mtu=1400), actual()) == ["mtu"]


def test_options_from_the_engines_defaults_are_no_drift_and_dropped_ones_are():
    options = {"com.example.a": "1", "com.example.b": "2"}
    there = actual(Options=options, Labels={OURS: "driver_opts.com.example.a"})
    assert fields(declare_one(driver_opts={"com.example.a": 1}), there) == []
    assert fields(declare_one(), there) == ["driver_opts.com.example.a"]
    assert fields(declare_one(), actual(Options=options)) == ["driver_opts.com.example.a", "driver_opts.com.example.b"]


def test_a_bridges_option_that_says_the_default_is_no_drift_in_any_spelling():
    bridge = {"Driver": "bridge", "Scope": "local"}
    icc = "com.docker.network.bridge.enable_icc"
    assert fields(declare_one(driver="bridge", driver_opts={icc: True}), actual(**bridge, Options={})) == []
    assert fields(declare_one(driver="bridge", driver_opts={icc: "0"}), actual(**bridge, Options={icc: "false"})) == []
    off = declare_one(driver="bridge", driver_opts={icc: False})
    assert fields(off, actual(**bridge, Options={})) == [f"driver_opts.{icc}"]
    assert fields(declare_one(driver="bridge"), actual(**bridge, Options={icc: "f"})) == [f"driver_opts.{icc}"]


def test_another_address_manager_and_configuration_networks_are_drift():
    assert fields(declare_one(), actual(IPAM={"Driver": "dhcp", "Config": []})) == ["ipam_driver"]
    assert fields(declare_one(), actual(ConfigFrom={"Network": "base"})) == ["config_from"]
    assert fields(declare_one(), actual(Ingress=True)) == ["ingress"]


def test_labels_are_no_drift_and_only_declared_ones_count():
    there = actual(Labels={"team": "web", "other": "x"})
    declared = declare_one(labels={"team": "db", "tier": 1})

    assert drift(declared, there) == ()
    assert [difference.field for difference in label_differences(declared, there)] == ["labels.team", "labels.tier"]
    assert label_differences(declare_one(labels={"team": "web"}), there) == ()


# ---- properties

OPTIONS = ["com.docker.network.bridge.enable_icc", "com.docker.network.bridge.name", "com.example.x"]


@st.composite
def subnet(draw, block, driver):
    """One pool within 10.BLOCK.0.0/16, in one of its spellings."""
    network = IPv4Network((int(IPv4Address(f"10.{block}.0.0")), draw(st.integers(16, 28))))
    host = IPv4Address(int(network[0]) + draw(st.integers(0, network.num_addresses - 1)))
    given_subnet = {"subnet": f"{host}/{draw(st.sampled_from([network.prefixlen, network.netmask]))}"}
    # Not the first one, which the engine itself takes for a gateway: whether it was declared is seen one way only.
    addresses = draw(st.lists(st.integers(2, network.num_addresses - 2), min_size=3, max_size=3, unique=True))
    if draw(st.booleans()):
        given_subnet["gateway"] = str(network[addresses[0]])
    if draw(st.booleans()):
        given_subnet["ip_range"] = str(IPv4Network((int(network[0]), network.prefixlen + 1)))
    if driver != "overlay" and draw(st.booleans()):
        given_subnet["aux_addresses"] = {"router": str(network[addresses[1]]), "printer": str(network[addresses[2]])}
    return given_subnet


@st.composite
def declarations(draw):
    driver = draw(
        st.sampled_from(["overlay", "bridge", "macvlan", "ipvlan", "vendor/net", "config_only", "config_from"])
    )
    if driver == "config_from":
        return declare_one(
            driver=draw(st.sampled_from(["bridge", "macvlan", "ipvlan", "vendor/net"])),
            config_from=draw(st.sampled_from(["base", "other"])),
            attachable=draw(st.booleans()),
            internal=draw(st.booleans()),
        )
    blocks = range(draw(st.integers(0, 1 if driver == "bridge" else 3)))
    if driver == "config_only":
        return declare_one(
            config_only=True,
            parent=draw(st.sampled_from([None, "eth0", "eth1"])),
            subnets=[draw(subnet(block, driver)) for block in blocks],
        )
    if driver in ("macvlan", "ipvlan"):
        modes = {"macvlan": ["bridge", "private", "vepa"], "ipvlan": ["l2", "l3", "l3s"]}[driver]
        return declare_one(
            driver=driver,
            parent=draw(st.sampled_from(["eth0", "eth1"])),
            internal=draw(st.booleans()),
            subnets=[draw(subnet(block, driver)) for block in blocks],
            driver_opts=draw(st.dictionaries(st.just(f"{driver}_mode"), st.sampled_from(modes))),
        )
    return declare_one(
        driver=driver,
        attachable=draw(st.booleans()),
        internal=draw(st.booleans()),
        encrypted=driver == "overlay" and draw(st.booleans()),
        mtu=draw(st.sampled_from([None, 1400, 1500, 9000])),
        subnets=[draw(subnet(block, driver)) for block in blocks],
        driver_opts=draw(st.dictionaries(st.sampled_from(OPTIONS), st.sampled_from(["true", "0", "x", False]))),
        labels=draw(st.dictionaries(st.sampled_from(["team", "tier"]), st.text(max_size=3))),
    )


def as_listed(declared: Network, driver: str) -> str:
    """A configuration has no driver, and a plugin has its tag."""
    return "null" if declared.config_only else f"{driver}:latest" if "/" in driver else driver


def as_an_engine_makes_it(declared: Network):
    """What an engine lists after this declaration was created: the request, and what engines add to it."""
    request = creation_request(declared, "default")
    if declared.config_from:
        return actual_network(
            inspected(
                **{field: request[field] for field in ("Driver", "Attachable", "Internal", "ConfigFrom")},
                Scope="local",
                IPAM={"Driver": "default", "Config": [{"Subnet": "10.9.0.0/24", "IPRange": "10.9.0.0/26"}]},
                Options={"parent": "eth7"},
            )
        )
    pools = [dict(pool) for pool in request["IPAM"]["Config"]] or [{"Subnet": "10.0.1.0/24"}]
    for pool in pools:
        network = IPv4Network(pool["Subnet"])
        pool.setdefault("Gateway", str(network[1]))
    options = dict(request["Options"])
    if declared.swarm:
        options["com.docker.network.driver.overlay.vxlanid_list"] = ",".join(str(4097 + n) for n in range(len(pools)))
    return actual_network(
        inspected(
            Driver=as_listed(declared, request["Driver"]),
            ConfigOnly=request["ConfigOnly"],
            Scope="swarm" if declared.swarm else "local",
            Attachable=request["Attachable"],
            Internal=request["Internal"],
            EnableIPv6=request["EnableIPv6"],
            IPAM={"Driver": "default", "Config": list(reversed(pools))},
            Options=options,
            Labels=dict(request["Labels"]),
        )
    )


@given(declarations())
def test_what_was_created_from_a_declaration_has_no_drift_from_it(declared):
    there = as_an_engine_makes_it(declared)

    assert drift(declared, there) == ()
    assert label_differences(declared, there) == ()


@given(declarations(), declarations())
def test_two_declarations_drift_from_each_others_networks_alike(one, other):
    """Drift is two-way: a field that was dropped is found where one that was added is found."""
    to_other = {difference.field for difference in drift(one, as_an_engine_makes_it(other))}
    to_one = {difference.field for difference in drift(other, as_an_engine_makes_it(one))}

    assert to_other == to_one


@given(declarations())
def test_a_declaration_without_encryption_never_sends_the_key(declared):
    request = creation_request(declared, "default")
    assert ("encrypted" in request.get("Options", {})) == declared.encrypted


@given(declarations(), st.randoms())
def test_a_declaration_spelled_otherwise_is_the_same_one(declared, chance):
    there = as_an_engine_makes_it(declared)
    shuffled = list(declared.subnets)
    chance.shuffle(shuffled)
    again = declare_one(
        driver="overlay"
        if declared.config_only
        else f"{declared.driver}:latest"
        if "/" in declared.driver
        else declared.driver,
        config_only=declared.config_only,
        config_from=declared.config_from,
        attachable=declared.attachable,
        internal=declared.internal,
        encrypted=declared.encrypted,
        mtu=declared.mtu,
        subnets=[
            {
                **pool.as_dict(),
                "subnet": f"{pool.network.network_address}/{pool.network.netmask}",
                "aux_addresses": dict(reversed([(name, str(address)) for name, address in pool.aux_addresses])),
            }
            for pool in shuffled
        ],
        driver_opts=dict(reversed(declared.driver_opts.items())),
        labels=declared.labels,
    )

    assert drift(again, there) == ()


def test_a_macvlans_parent_and_mode_are_compared():
    there = actual(Driver="macvlan", Scope="local", Options={"parent": "eth0"})
    lan = {"driver": "macvlan", "parent": "eth0"}

    assert fields(declare_one(**lan), there) == []
    assert fields(declare_one(**lan, driver_opts={"macvlan_mode": "bridge"}), there) == []
    assert fields(declare_one(**lan, driver_opts={"macvlan_mode": "vepa"}), there) == ["driver_opts.macvlan_mode"]
    assert fields(declare_one(driver="macvlan", parent="eth1"), there) == ["parent"]
    assert fields(declare_one(driver="macvlan", internal=True), there) == ["internal", "parent"]


def test_a_network_that_took_its_configuration_is_compared_by_the_rest():
    there = actual(Driver="macvlan", Scope="local", ConfigFrom={"Network": "base"}, Options={"parent": "eth0"})

    assert fields(declare_one(driver="macvlan", config_from="base"), there) == []
    assert fields(declare_one(driver="macvlan", config_from="base", internal=True), there) == ["internal"]
    assert "config_from" in fields(declare_one(driver="macvlan", config_from="other"), there)
