# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The language of exports(5): what is written, what is read back, and what means the same."""

from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.berthage.swarm.plugins.module_utils._nfs import exports
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.options import SWITCHES
from ansible_collections.berthage.swarm.tests.unit.plugins.module_utils._nfs.declarations import (
    client,
    declared,
    export,
)

# As Debian 12's exportfs 2.6.2 wrote it into /var/lib/nfs/etab.
ETAB = (
    "/srv/nfs/app\t10.0.0.0/24(rw,sync,wdelay,hide,nocrossmnt,secure,root_squash,no_all_squash,no_subtree_check,"
    "secure_locks,acl,no_pnfs,anonuid=65534,anongid=65534,sec=sys,rw,secure,root_squash,no_all_squash)\n"
)

switches = st.lists(st.sampled_from(sorted(set(SWITCHES) - {"mp", "mountpoint"})), max_size=8)
hosts = st.sampled_from(["10.0.0.0/24", "10.1.0.5", "host", "*.example.com", "@group", "fd00::/8"])
paths = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), min_size=1).map(lambda text: "/" + text)


def test_what_is_declared_is_what_the_active_table_shows_for_it():
    wanted = exports.declared_entries(declared(export()).exports[0])
    assert [entry.meaning for entry in exports.entries(ETAB)] == [entry.meaning for entry in wanted]


def test_the_order_of_options_is_no_difference():
    options = ["rw", "async", "no_root_squash", "insecure", "anonuid=5"]
    assert (
        len({str(sorted(exports.meaning(",".join(one)).items(), key=str)) for one in itertools.permutations(options)})
        == 1
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("", "ro,sync,wdelay,root_squash,no_all_squash,no_subtree_check,sec=sys,anonuid=65534"),
        ("rw,auth_nlm", "secure_locks,rw"),
        ("sec=unix", "sec=sys"),
        ("anonuid=4294967294", "anonuid=-2"),
        ("fsid=root", "fsid=0"),
        ("mp", "mountpoint"),
        ("rw,rw,ro,rw", "rw"),
        ("sec=krb5p:sys,rw", "rw,sec=krb5p:sys"),
        ("rw,all_squash,no_root_squash", "all_squash,rw"),
        ("rw,xprtsec=none:tls:mtls", "rw"),
        ("xprtsec=mtls:tls", "xprtsec=tls:mtls"),
    ],
)
def test_two_spellings_of_one_meaning_are_equal(one, other):
    assert exports.meaning(one) == exports.meaning(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("rw", "ro"),
        ("sync", "async"),
        ("sec=sys:krb5", "sec=krb5:sys"),
        ("sec=krb5,rw,sec=sys,ro", "sec=krb5:sys,rw"),
        ("sec=krb5,rw,sec=sys,ro", "sec=krb5:sys,ro"),
        ("fsid=1", "fsid=2"),
        ("rw,xprtsec=mtls", "rw"),
        ("rw,never_heard_of", "rw"),
    ],
)
def test_two_meanings_differ(one, other):
    assert exports.meaning(one) != exports.meaning(other)


@given(switches)
def test_reading_defaults_spelled_out_changes_nothing(options):
    text = ",".join(options)
    spelled_out = "ro,sync,wdelay,hide,nocrossmnt,secure,root_squash,no_all_squash,no_subtree_check,acl,no_pnfs," + text
    assert exports.meaning(spelled_out) == exports.meaning(text)


@given(paths, st.lists(hosts, min_size=1, unique=True))
def test_a_drop_in_says_what_was_declared_whatever_the_path(path, names):
    if ".." in path.split("/") or "\x7f" in path:
        return
    one = declared(export(path, *map(client, names))).exports[0]
    wanted = exports.declared_entries(one)
    assert exports.entries(exports.line(one)) == wanted
    assert exports.entries(f"# a comment\n\n{exports.line(one)} # another\n") == wanted


@given(st.text())
def test_no_text_breaks_the_reader_but_by_its_own_exception(text):
    with contextlib.suppress(exports.Unreadable):
        exports.entries(text)


def test_a_table_in_every_style_is_read():
    text = (
        '"/srv/with space" host(rw)\n'
        "/srv/with\\040space2 10.0.0.1\n"
        "/srv/cont \\\n  one(ro) \\\n  two(rw)\n"
        "/srv/defaults -rw,async one two(ro)\n"
        "/srv/everyone\n"
        "/srv/nohost (rw)\n"
        "  # nothing /srv/x *(rw)\n"
    )
    found = [
        (entry.path, entry.client, entry.meaning["access"], entry.meaning["sync"]) for entry in exports.entries(text)
    ]
    assert found == [
        ("/srv/with space", "host", "rw", True),
        ("/srv/with space2", "10.0.0.1", "ro", True),
        ("/srv/cont", "one", "ro", True),
        ("/srv/cont", "two", "rw", True),
        ("/srv/defaults", "one", "rw", False),
        ("/srv/defaults", "two", "ro", False),
        ("/srv/everyone", "*", "ro", True),
        ("/srv/nohost", "*", "rw", True),
    ]


@pytest.mark.parametrize("text", ["/srv host(rw", "/srv host(rw)x", '/srv "host(rw)'])
def test_what_exportfs_would_not_read_is_unreadable(text):
    with pytest.raises(exports.Unreadable):
        exports.entries(text)


def test_a_path_cannot_smuggle_a_client_in():
    one = declared(export('/srv/x *(rw) "#')).exports[0]
    assert [(entry.path, entry.client) for entry in exports.entries(exports.line(one))] == [
        ('/srv/x *(rw) "#', "10.0.0.0/24")
    ]


def test_nothing_to_export_is_no_file():
    assert exports.drop_in(declared()) == ""
