# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that mean the same are the same, and options that do not are not."""

from __future__ import annotations

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends import (
    EPHEMERAL,
    HOLDS,
    POINTS,
    Endpoint,
    recognise,
    redacted,
)
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.compare import compare
from ansible_collections.berthage.swarm.tests.unit.plugins.module_utils._volumes.volume_samples import volume

CHANGES = [
    ({"o": "addr=10.0.0.6,nfsvers=4.2"}, "server"),
    ({"o": "addr=10.0.0.5"}, "version"),
    ({"o": "addr=10.0.0.5,nfsvers=4.1"}, "version"),
    ({"o": "addr=10.0.0.5,nfsvers=4"}, "version"),
    ({"device": ":/srv/nfs/other"}, "path"),
    ({"device": ":/SRV/nfs/app"}, "path"),
    *(
        ({"o": f"addr=10.0.0.5,nfsvers=4.2,{option}"}, field)
        for option, field in (
            ("soft", "recovery"),
            ("softerr", "recovery"),
            ("ro", "read_only"),
            ("noac", "ac"),
            ("noatime", "access_time"),
            ("strictatime", "access_time"),
            ("nodiratime", "nodiratime"),
            ("noexec", "noexec"),
            ("timeo=601", "timeo"),
            ("actimeo=9", "acregmin"),
            ("rsize=8192", "rsize"),
            ("proto=rdma", "proto"),
            ("port=2050", "port"),
            ("sec=krb5p", "sec"),
            ("nosharecache", "sharecache"),
            ("an_option_of_tomorrow", "an_option_of_tomorrow"),
            ("an_option_of_tomorrow=1", "an_option_of_tomorrow"),
        )
    ),
]


@pytest.mark.parametrize(("change", "field"), CHANGES)
@pytest.mark.parametrize("declared_first", [True, False])
def test_a_change_of_meaning_is_found_in_both_directions(change, field, declared_first):
    base = {"type": "nfs", "device": ":/srv/nfs/app", "o": "addr=10.0.0.5,nfsvers=4.2"}
    pair = [recognise("local", base), recognise("local", {**base, **change})]
    found = compare(*pair) if declared_first else compare(*reversed(pair))
    assert field in [difference.field for difference in found]


def test_the_command_of_the_tutorials_means_version_3():
    by_hand = {"type": "nfs", "device": ":/srv/nfs/app", "o": "addr=10.0.0.5,rw"}
    nfs = {"server": "10.0.0.5", "path": "/srv/nfs/app"}
    assert compare(volume(nfs={**nfs, "version": "3"}).meaning, recognise("local", by_hand)) == ()
    (difference,) = compare(volume(nfs=nfs).meaning, recognise("local", by_hand))
    assert str(difference) == "version: declared '4.2', actual '3'"


def test_type_nfs4_without_a_version_means_4_0():
    options = {"type": "nfs4", "device": ":/srv", "o": "addr=10.0.0.5"}
    assert (
        compare(volume(nfs={"server": "10.0.0.5", "path": "/srv", "version": "4"}).meaning, recognise("local", options))
        == ()
    )


def test_locking_matters_to_version_3_alone():
    base = {"type": "nfs", "device": ":/srv"}
    meanings = [recognise("local", {**base, "o": f"addr=10.0.0.5,nfsvers=3{more}"}) for more in ("", ",nolock")]
    assert [difference.field for difference in compare(*meanings)] == ["lock"]


@pytest.mark.parametrize(
    ("server", "spelling"),
    [("Files.Example.net", "files.example.net."), ("fd00:0::5", "fd00::5"), ("[fd00::5]", "FD00:0:0::5")],
)
def test_spellings_of_a_server_are_one(server, spelling):
    by_hand = {"type": "nfs", "device": ":/srv", "o": f"nfsvers=4.2,addr={spelling}"}
    assert compare(volume(nfs={"server": server, "path": "/srv"}).meaning, recognise("local", by_hand)) == ()


def test_the_server_to_ask_is_the_one_of_addr():
    assert recognise("local", {"type": "nfs", "device": "x:/srv", "o": "addr=10.0.0.5"}).servers == (
        Endpoint("10.0.0.5", 2049),
    )
    assert recognise("local", {"type": "nfs", "device": ":/s", "o": "addr=h,port=20049,v4.2"}).servers == (
        Endpoint("h", 20049),
    )


@pytest.mark.parametrize("size", ["100m", "100M", "102400k", "104857600"])
def test_sizes_of_tmpfs_are_read_as_the_kernel_reads_them(size):
    by_hand = {"type": "tmpfs", "device": "none", "o": f"uid=0,size={size}"}
    assert compare(volume(tmpfs={"size": "100m"}).meaning, recognise("local", by_hand)) == ()


def test_defaults_of_tmpfs_may_be_spelled_out():
    by_hand = {"type": "tmpfs", "device": "tmpfs", "o": "mode=1777,size=50%,gid=0"}
    assert compare(volume(tmpfs={}).meaning, recognise("local", by_hand)) == ()


@pytest.mark.parametrize(
    ("option", "field"), [("size=99m", "size"), ("mode=0777", "mode"), ("uid=1", "uid"), ("noexec", "noexec")]
)
def test_a_change_of_tmpfs_is_found(option, field):
    by_hand = {"type": "tmpfs", "device": "tmpfs", "o": f"size=100m,{option}"}
    assert [d.field for d in compare(volume(tmpfs={"size": "100m"}).meaning, recognise("local", by_hand))] == [field]


@pytest.mark.parametrize(
    "options", [{"type": "none", "o": "bind"}, {"type": "ext4", "o": "rw,bind"}, {"type": "none", "o": "bind,defaults"}]
)
def test_a_bind_is_recognised_whatever_its_type(options):
    assert (
        compare(volume(bind={"path": "/srv/www"}).meaning, recognise("local", {**options, "device": "/srv/www/"})) == ()
    )


def test_a_recursive_bind_is_another_thing():
    made = recognise("local", {"type": "none", "o": "rbind", "device": "/srv/www"})
    assert [d.field for d in compare(volume(bind={"path": "/srv/www"}).meaning, made)] == ["recursive"]


def test_a_glusterfs_volume_equals_the_bind_made_by_hand():
    by_hand = recognise("local", {"type": "none", "o": "bind", "device": "/mnt/glusterfs/gv0/media"})
    assert compare(volume(glusterfs={"volume": "gv0", "path": "/media/"}).meaning, by_hand) == ()


@pytest.mark.parametrize(("one", "other"), [("x", "x:latest"), ("vieux/sshfs", "vieux/sshfs:latest")])
def test_the_tag_latest_of_a_plugin_goes_without_saying(one, other):
    assert compare(recognise(one, {"a": True}), recognise(other, {"a": "True"})) == ()


def test_another_tag_or_option_of_a_plugin_is_found():
    assert compare(recognise("x:1", {}), recognise("x", {}))
    assert compare(recognise("x", {"a": "1"}), recognise("x", {}))
    assert compare(recognise("x", {"a": "007"}), recognise("x", {"a": "7"}))


def test_volumes_of_two_backends_differ_in_that_alone():
    (difference,) = compare(volume(nfs={"server": "h", "path": "/"}).meaning, recognise("local", {}))
    assert (difference.field, difference.declared, difference.actual) == ("backend", "nfs", "local")


def test_a_secret_that_differs_is_found_and_not_shown():
    options = [
        {"type": "cifs", "device": "//files/office", "o": f"username=u,password={word}"} for word in ("hush", "mum")
    ]
    (difference,) = compare(*(recognise("local", each) for each in options))
    assert difference.field == "password"
    assert "hush" not in str(difference) + str(difference.as_dict())
    assert "mum" not in str(difference) + str(difference.as_dict())


def test_secrets_are_not_shown():
    shown = redacted(
        {"o": "username=u,password=hush,secret=x", "api_token": "t", "device": "//f/s", "sshkey": "k", "uid": "1"}
    )
    assert shown == {
        "o": "username=u,password=(hidden),secret=(hidden)",
        "api_token": "(hidden)",
        "device": "//f/s",
        "sshkey": "(hidden)",
        "uid": "1",
    }


@pytest.mark.parametrize(
    ("options", "backend", "data"),
    [
        ({}, "local", HOLDS),
        ({"size": "10G"}, "local", HOLDS),
        ({"type": "nfs", "device": ":/s", "o": "addr=h"}, "nfs", POINTS),
        ({"type": "tmpfs", "device": "tmpfs"}, "tmpfs", EPHEMERAL),
        ({"type": "none", "device": "/s", "o": "bind"}, "bind", POINTS),
        ({"type": "ext4", "device": "/dev/sdb"}, "block", POINTS),
        ({"type": "cifs", "device": "//f/s", "o": "username=u"}, "cifs", POINTS),
        ({"type": "ceph", "device": "10.0.0.7:/", "o": "name=admin"}, "cephfs", POINTS),
        ({"type": "overlay", "device": "overlay", "o": "lowerdir=/a"}, "mount", POINTS),
    ],
)
def test_where_the_data_is_follows_from_the_options(options, backend, data):
    found = recognise("local", options)
    assert (found.backend, found.data) == (backend, data)


def test_a_plugin_that_nobody_knows_holds_its_data():
    assert recognise("x/y", {"device": "z"}).data == HOLDS
