# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import socket
import time

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._gluster.hosts import (
    Names,
    is_host,
    is_loopback,
    is_within,
    look_up,
    member_of,
    own_networks,
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


# A host with a second address, one that keepalived put there, a network of its own on `lo`, and a proxy that takes in
# everything (`ip route add local default dev lo table 100`).
FIB_TRIE = """\
Id 100:
  +-- 0.0.0.0/0 3 0 6
     |-- 0.0.0.0
        /0 host LOCAL
Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     |-- 10.99.0.0
        /24 link UNICAST
Local:
  +-- 0.0.0.0/0 2 0 2
     +-- 10.99.0.0/24 2 0 1
        +-- 10.99.0.0/28 2 0 2
           |-- 10.99.0.11
              /32 host LOCAL
           |-- 10.99.0.14
              /32 host LOCAL
        |-- 10.99.0.200
           /32 host LOCAL
        |-- 10.99.0.255
           /32 link BROADCAST
     +-- 127.0.0.0/8 2 0 2
        +-- 127.0.0.0/31 1 0 0
           |-- 127.0.0.0
              /8 host LOCAL
           |-- 127.0.0.1
              /32 host LOCAL
        |-- 127.255.255.255
           /32 link BROADCAST
     |-- 192.0.2.0
        /28 host LOCAL
"""
IF_INET6 = """\
fd000000000000000000000000000011 04 40 00 82     eth0
fe800000000000000042ecfffe48a33b 04 40 20 80     eth0
00000000000000000000000000000001 01 80 10 80       lo
"""


@pytest.mark.parametrize(
    ("address", "is_own"),
    [
        ("10.99.0.11", True),
        ("10.99.0.14", True),
        ("10.99.0.200", True),
        ("127.0.0.1", True),
        ("127.0.1.1", True),  # Debian's /etc/hosts has the own name there
        ("192.0.2.9", True),
        ("::1", True),
        ("fd00::11", True),
        ("fe80::42:ecff:fe48:a33b%eth0", True),
        ("10.99.0.12", False),
        ("10.99.0.255", False),
        ("192.0.2.16", False),
        ("fd00::12", False),
        ("203.0.113.1", False),
    ],
)
def test_an_address_is_the_hosts_own_by_the_kernels_tables(tmp_path, address, is_own):
    (tmp_path / "fib_trie").write_text(FIB_TRIE)
    (tmp_path / "if_inet6").write_text(IF_INET6)

    assert is_within(address, own_networks(str(tmp_path))) is is_own


def test_a_host_without_ipv6_has_its_other_addresses(tmp_path):
    (tmp_path / "fib_trie").write_text(FIB_TRIE)

    assert is_within("10.99.0.11", own_networks(str(tmp_path)))


def test_an_address_that_could_be_bound_is_not_the_own_one_for_that(monkeypatch):
    """As with net.ipv4.ip_nonlocal_bind=1."""
    monkeypatch.setattr(socket.socket, "bind", lambda *_arguments: None)

    assert look_up(["127.0.0.1", "192.0.2.254"], []).local == {"127.0.0.1"}


def test_a_name_that_does_not_resolve_is_not_waited_for():
    begin = time.monotonic()

    assert "does not resolve" in why_unreachable("nowhere.invalid", frozenset(), begin + 60)
    assert time.monotonic() - begin < 1


def test_a_closed_port_says_that_the_daemon_does_not_run():
    # Nothing listens on glusterd's port of this loopback address.
    reason = why_unreachable("here", {"127.7.7.7"}, time.monotonic())

    assert reason == "glusterd is not running there (port 24007 of 127.7.7.7 is closed)"
