# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is refused before anything is looked at, and what is one spelling for one meaning."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.berthage.swarm.plugins.module_utils._nfs import clients, spec
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Refused
from ansible_collections.berthage.swarm.tests.unit.plugins.module_utils._nfs.declarations import (
    arguments,
    client,
    declared,
    export,
)


def refusal(*exports, **fields):
    with pytest.raises(Refused) as caught:
        spec.declaration(arguments(*exports, **fields))
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    "host", ["*", "", "0.0.0.0/0", "::/0", "0.0.0.0/0.0.0.0", "10.0.0.0/0", "*.*", "**", "?*", "[a-z]*", "0::/0"]
)
def test_the_world_is_refused_however_it_is_spelled(host):
    messages = refusal(export("/srv", client(host)))
    assert len(messages) == 1
    assert messages[0].startswith("/srv, clients")
    if host != "10.0.0.0/0":
        assert "allow_world: true" in messages[0]


def test_two_halves_of_the_world_are_the_world():
    assert "allow_world" in refusal(export("/srv", client("0.0.0.0/1"), client("128.0.0.0/1")))[0]
    assert clients.world(["10.0.0.0/8", "0.0.0.0/1"]) == ()


def test_the_world_is_allowed_when_it_is_spelled_out():
    assert declared(export("/srv", client("*")), allow_world=True).exports[0].clients[0].host == "*"


@pytest.mark.parametrize("path", ["srv/nfs", "", "./srv", "~/x"])
def test_a_relative_path_is_refused(path):
    assert any("is not absolute" in message for message in refusal(export(path)))


@pytest.mark.parametrize("path", ["/srv/../etc", "/..", "/srv/.."])
def test_a_path_that_goes_up_is_refused(path):
    assert any("goes up" in message for message in refusal(export(path)))


def test_a_path_with_a_newline_is_refused():
    assert "control character" in refusal(export("/srv\n/etc *(rw)"))[0]


def test_one_path_in_two_spellings_is_a_duplicate():
    assert "more than once" in refusal(export("/srv/nfs"), export("/srv//nfs/"))[0]


def test_one_client_in_two_spellings_is_a_duplicate():
    message = refusal(export("/srv", client("10.0.0.0/24"), client("10.0.0.0/255.255.255.0")))[0]
    assert "are the same client" in message


@pytest.mark.parametrize(
    ("host", "word"),
    [
        ("10.0.0.0/33", "no valid address"),
        ("10.0.0.300", "no valid address"),
        ("10.0.0.0/255.0.255.0", "no valid address"),
        ("10.0.0.0/0.0.0.255", "no valid address"),
        ("10.1", "no valid address"),
        ("fd00::/129", "no valid address"),
        ("[fd00::1]", "no valid address"),
        ("10.0.0.7/24", "all of that"),
        ("a b", "is no address"),
        ("host(rw)", "is no address"),
        ("-host", "is no address"),
        ("*.example.com)", "no valid pattern"),
        ("gss/krb5p", "old form"),
    ],
)
def test_a_client_that_is_none_is_refused(host, word):
    assert word in refusal(export("/srv", client(host)))[0]


# From Python 3.9 on, `ipaddress` takes for a scope whatever follows the percent sign.
@pytest.mark.parametrize(
    "host",
    [
        "fe80::1%eth0",
        "fe80::1%eth0 *",
        "fe80::1%eth0(rw) *(rw,no_root_squash)",
        "fe80::1%\n/etc *",
        "fe80::%x/64",
        "fe80::1%; } CLIENT { Clients = *",
        "fe80::1% } tcp dport 2049 accept",
        "::%0/0",
        "%",
        "10.0.0.1%eth0",
        "@group%x",
        "*%x",
    ],
)
@pytest.mark.parametrize("implementation", ["kernel", "ganesha"])
def test_a_client_with_a_scope_is_refused_whatever_the_scope_says(host, implementation):
    (message,) = refusal(export("/srv", client(host)), allow_world=True, implementation=implementation)
    assert message.startswith(f"/srv, clients, host {host!r}")
    assert clients.network_of(host) is None


@given(st.text("fe80:1%./ *(){};,\n@[]?-", max_size=30))
def test_no_client_that_is_taken_ends_the_word_it_is_written_in(host):
    if clients.problem(host) is None:
        assert not set(clients.canonical(host)) & set(" \t\n(){};,%\"'#")


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "-x", "a b", "a\n"])
def test_a_name_that_is_no_file_name_is_refused(name):
    assert "name of a drop-in" in refusal(export(), name=name)[0]


def test_every_problem_is_told_at_once():
    messages = refusal(export("a", client("*")), export("/b", client("10.0.0.0/99"), client("x y")), name="..")
    assert len(messages) == 5


@pytest.mark.parametrize(
    ("option", "word"),
    [
        ("rw", "declare it as `access`"),
        ("no_root_squash", "declare it as `squash`"),
        ("async", "declare it as `sync`"),
        ("fsid=1", "declare it as `fsid`"),
        ("sec=krb5", "declare it as `sec`"),
        ("no_such", "is no option"),
        ("wdelay=1", "is no option"),
        ("anonuid", "is no option"),
        ("anonuid=-2", "is no user"),
        ("anonuid=nobody", "is no user"),
        ("mp=/a b", "cannot be written"),
        ("refer=/x@h,rw", "cannot be written"),
        ("insecure)", "is no option"),
        ("xprtsec=tls", "declare it as `xprtsec`"),
    ],
)
def test_an_option_that_does_not_belong_there_is_refused(option, word):
    assert word in refusal(export("/srv", client(options=[option])))[0]


def test_two_options_for_one_thing_are_refused():
    assert "set the same thing" in refusal(export("/srv", client(options=["insecure", "secure"])))[0]


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"options": ["crossmnt"]}, "no counterpart of 'crossmnt'"),
        ({"options": ["no_wdelay"]}, "no counterpart of 'no_wdelay'"),
        ({"sync": False}, "asynchronous"),
        ({"subtree_check": True}, "no such check"),
        ({"xprtsec": ["mtls"]}, "no RPC with TLS"),
    ],
)
def test_what_ganesha_cannot_express_is_refused_by_name(fields, word):
    assert word in refusal(export("/srv", client(**fields)), implementation="ganesha")[0]
    declared(export("/srv", client(**fields)))


def test_ganesha_takes_no_fsid():
    assert "fsid" in refusal(export("/srv", fsid="1"), implementation="ganesha")[0]


@pytest.mark.parametrize("fsid", ["x", "-1", "4294967296", "12-34"])
def test_an_fsid_that_is_none_is_refused(fsid):
    assert "fsid" in refusal(export("/srv", fsid=fsid))[0]


def test_two_exports_cannot_have_one_fsid():
    assert "as well" in refusal(export("/a", fsid="0"), export("/b", fsid="root"))[0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("root", "0"),
        ("0x10", "16"),
        ("010", "8"),
        ("12345678-1234-1234-1234-123456789ABC", "12345678123412341234123456789abc"),
    ],
)
def test_spellings_of_one_fsid_are_one(one, other):
    assert spec.canonical_fsid(one) == spec.canonical_fsid(other)


def test_a_present_export_without_clients_is_refused_and_an_absent_one_is_not():
    assert "is empty" in refusal({**export("/srv"), "clients": []})[0]
    assert declared({**export("/srv"), "clients": [], "state": "absent"}).absent == ("/srv",)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("10.0.0.0/24", "10.0.0.0/255.255.255.0"),
        ("10.0.0.5", "10.0.0.5/32"),
        ("10.0.0.5", "10.0.0.5/255.255.255.255"),
        ("fd00:0:0::1", "fd00::1/128"),
        ("FD00::/8", "fd00::/8"),
        ("Host.Example.com", "host.example.com"),
    ],
)
def test_spellings_of_one_client_are_one(one, other):
    assert clients.canonical(one) == clients.canonical(other)


def test_the_order_of_clients_counts_only_where_two_can_match_the_same_host():
    def hosts(*names):
        return [one.host for one in declared(export("/srv", *map(client, names))).exports[0].clients]

    assert hosts("10.0.1.0/24", "10.0.0.0/24") == hosts("10.0.0.0/24", "10.0.1.0/24")
    assert hosts("10.0.0.0/8", "10.0.0.0/24") == ["10.0.0.0/8", "10.0.0.0/24"]
    assert hosts("10.0.0.0/24", "10.0.0.0/8") == ["10.0.0.0/24", "10.0.0.0/8"]
    assert hosts("@trusted", "*.example.com", "10.0.0.0/24", "host") == [
        "host",
        "10.0.0.0/24",
        "*.example.com",
        "@trusted",
    ]
