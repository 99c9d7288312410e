# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import time

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._gluster.hosts import (
    Names,
    is_host,
    is_loopback,
    look_up,
    member_of,
    why_unreachable,
)

NAMES = Names(
    addresses={
        "g1": frozenset({"10.99.0.11"}),
        "g1.example.test": frozenset({"127.0.1.1"}),
        "g2": frozenset({"10.99.0.12", "fd00::12"}),
        "10.99.0.13": frozenset({"10.99.0.13"}),
        "g3": frozenset({"10.99.0.13"}),
        "g3-alias": frozenset({"10.99.0.13", "127.0.1.1"}),
        "elsewhere": frozenset({"10.99.0.99"}),
        "loop": frozenset({"127.0.1.1"}),
        "unknown": frozenset(),
    },
    local=frozenset({"g1", "g1.example.test"}),
)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("g2", "g2"),
        ("G2", "g2"),
        ("g2.example.test", "g2"),  # a name that the pool has for it
        ("10.99.0.13", "10.99.0.13"),
        ("g3", "10.99.0.13"),  # another name for its address
        ("g3-alias", "10.99.0.13"),
        ("g1", "localhost"),
        ("g1.example.test", "localhost"),  # Debian's /etc/hosts has the own name at 127.0.1.1
    ],
)
def test_a_member_is_known_by_every_name_and_address(members, host, name):
    member = member_of(host, members, NAMES)

    assert member is not None
    assert member.name == name


@pytest.mark.parametrize("host", ["elsewhere", "unknown", "never-looked-up", "localhost"])
def test_another_host_is_no_member(members, host):
    assert member_of(host, members, NAMES) is None


def test_a_loopback_address_makes_nobody_equal(members):
    names = Names({"loop": frozenset({"127.0.1.1"}), "10.99.0.13": frozenset({"127.0.1.1"})})

    assert member_of("loop", members, names) is None


@pytest.mark.parametrize("text", ["g1", "g-1.example.test", "10.0.0.1", "fd00::1", "a_b"])
def test_names_and_addresses_are_hosts(text):
    assert is_host(text)


@pytest.mark.parametrize("text", ["", "-g1", "g1:24007", "g 1", "10.0.0", "10.0.0.256", "g1/24", "a..b", "x" * 64])
def test_anything_else_is_no_host(text):
    assert not is_host(text)


@pytest.mark.parametrize(("text", "loopback"), [("localhost", True), ("127.0.1.1", True), ("::1", True), ("g1", False)])
def test_names_that_mean_the_host_itself_everywhere_are_known(text, loopback):
    assert is_loopback(text) is loopback


def test_the_own_host_is_found_by_any_of_its_addresses():
    names = look_up(["127.0.0.1"], [])

    assert names.local == {"127.0.0.1"}


def test_a_name_that_does_not_resolve_is_not_waited_for():
    begin = time.monotonic()

    assert "does not resolve" in why_unreachable("nowhere.invalid", frozenset(), begin + 60)
    assert time.monotonic() - begin < 1


def test_a_closed_port_says_that_the_daemon_does_not_run():
    # Nothing listens on glusterd's port of this loopback address.
    reason = why_unreachable("here", {"127.7.7.7"}, time.monotonic())

    assert reason == "glusterd is not running there (port 24007 of 127.7.7.7 is closed)"
