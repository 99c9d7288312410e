# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of volumes: those that are asked for, by meaning, and no secret."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.berthage.swarm.plugins.module_utils._volumes import info
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.observe import Actual, Consumer
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.spec import OWNER_LABEL

HUSH = "correcthorse"


def volume(name="data", driver="local", options=None, **labels):
    return Actual(name, driver, options or {}, labels, f"/v/{name}/_data", "2026-01-01T00:00:00Z")


def asked(**options):
    return info.wanted({"names": None, "labels": {}, "owner": None, **options})


THERE = {
    found.name: found
    for found in (
        volume("web", **{OWNER_LABEL: "web", "team": "a"}),
        volume("app", **{OWNER_LABEL: "web", "team": "b", "on": "true"}),
        volume("by-hand", team="a"),
    )
}


@pytest.mark.parametrize(
    ("options", "selected"),
    [
        ({}, ["app", "by-hand", "web"]),
        ({"names": []}, []),
        ({"names": ["web", "nobody", "web"]}, ["web"]),
        ({"owner": "web"}, ["app", "web"]),
        ({"owner": "them"}, []),
        ({"labels": {"team": "a"}}, ["by-hand", "web"]),
        ({"labels": {"team": None}}, ["app", "by-hand", "web"]),
        ({"labels": {"on": True}}, ["app"]),
        ({"labels": {"on": None, "team": "a"}}, []),
        ({"labels": {"team": "a"}, "owner": "web", "names": ["web", "app"]}, ["web"]),
    ],
)
def test_a_volume_is_told_of_when_everything_that_is_asked_applies(options, selected):
    assert [found.name for found in info.select(THERE, asked(**options))] == selected


def test_a_name_is_missing_when_no_volume_has_it_and_not_when_it_was_asked_away():
    assert info.missing(THERE, asked(names=["z", "web", "a"], owner="them")) == ["a", "z"]
    assert info.missing(THERE, asked()) == []


def test_a_volume_is_described_by_what_its_options_mean():
    options = {"type": "nfs", "device": ":/srv/x/", "o": "rw,vers=4.2,addr=10.0.0.5"}
    told = info.describe(
        volume(options=options, **{OWNER_LABEL: "web"}), [Consumer("container", "c", "1", "n", "running")], None
    )
    fields = told.pop("fields")
    assert (fields["server"], fields["path"], fields["version"]) == ("10.0.0.5", "/srv/x", "4.2")
    assert told == {
        "name": "data",
        "driver": "local",
        "backend": "nfs",
        "driver_opts": options,
        "labels": {OWNER_LABEL: "web"},
        "owner": "web",
        "data": "points",
        "consumers": [{"kind": "container", "name": "c", "id": "1", "node": "n", "state": "running"}],
        "mount_point": "/v/data/_data",
        "created_at": "2026-01-01T00:00:00Z",
        "size": None,
    }


def test_a_volume_that_nobody_owns_has_no_owner():
    assert info.describe(volume(), [], 0)["owner"] is None
    assert info.describe(volume(), [], 0)["size"] == 0


@pytest.mark.parametrize(
    ("driver", "options"),
    [
        ("local", {"type": "cifs", "device": "//f/s", "o": f"addr=f,username=u,password={HUSH}"}),
        ("local", {"type": "cifs", "device": "//f/s", "o": f"pass={HUSH},addr=f"}),
        ("local", {"type": "ceph", "device": "10.0.0.7:/", "o": f"name=admin,secret={HUSH}"}),
        ("local", {"type": "davfs", "device": "x", "o": f"token={HUSH}"}),
        ("vieux/sshfs:latest", {"sshcmd": "u@h:/", "password": HUSH}),
        ("rclone", {"access_key": HUSH, "Secret_Access_Key": HUSH}),
    ],
)
def test_a_secret_is_told_by_name_and_never_by_value(driver, options):
    told = json.dumps(info.describe(volume(driver=driver, options=options, api_token=HUSH), [], None))
    assert HUSH not in told
    assert "(hidden)" in told


def test_a_password_that_is_not_set_is_told_as_not_set():
    options = {"type": "cifs", "device": "//f/s", "o": "addr=f,guest"}
    assert not info.describe(volume(options=options), [], None)["fields"].get("password")


@given(st.text(alphabet="abcdefXYZ0189+/=-_.", min_size=12), st.permutations(["addr=f", "username=u", "vers=3.0"]))
def test_whatever_a_password_is_it_is_not_told(password, others):
    hushed = f"QQ{password}"
    options = {"type": "cifs", "device": "//f/s", "o": ",".join([*others[:1], f"password={hushed}", *others[1:]])}
    assert hushed not in json.dumps(info.describe(volume(options=options), [], None))


def test_sizes_are_known_of_what_the_engine_measures():
    told = [
        {"Name": "full", "UsageData": {"Size": 7, "RefCount": 1}},
        {"Name": "empty", "UsageData": {"Size": 0, "RefCount": 0}},
        {"Name": "nfs", "UsageData": {"Size": -1, "RefCount": -1}},
        {"Name": "other"},
    ]
    assert info.sizes({"Volumes": told}) == {"full": 7, "empty": 0}
    assert info.sizes({"Volumes": None}) == {}
