# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._gluster import mounting, quota, quota_plan
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.changing import Limits
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.cli import GlusterError
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.hosts import Names
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.plan import Observed, plan
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.quota import Change, Limit, change
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.spec import volume_specs
from ansible_collections.berthage.swarm.plugins.module_utils._plan import CREATE, KEEP, REFUSED, UPDATE
from ansible_collections.berthage.swarm.plugins.modules import gluster_volumes

GB = 1 << 30


def limit(path, hard):
    return Limit(path, hard, None, None, None, False)


@pytest.mark.parametrize(
    ("size", "meant"),
    [
        ("10GB", 10 * GB),
        ("10gb", 10 * GB),
        ("10 GB", 10 * GB),
        ("1.5GB", 3 * GB // 2),
        ("10240MB", 10 * GB),
        (10 * GB, 10 * GB),
        (str(10 * GB), 10 * GB),
        ("512", 512),
        ("512B", 512),
        ("1KB", 1024),
        ("1TB", 1024 * GB),
    ],
)
def test_sizes_are_read_as_gluster_reads_them(size, meant):
    assert quota.size_in_bytes(size) == meant


@pytest.mark.parametrize("size", ["", "GB", "-1GB", "1e9", "10GiB", "0x10", "nan", "0", "0.2B", "٣GB", [], {}, None])
def test_what_is_no_size_is_none(size):
    assert quota.size_in_bytes(size) is None


def test_nothing_declared_changes_nothing():
    assert not change(None, True, [limit("/a", 5)])


def test_the_same_sizes_in_other_spellings_are_no_change():
    declared = quota.declared_limits({"/media/": "1GB", "//db": "1024MB"})
    assert not change(declared, True, [limit("/db", GB), limit("/media", GB)])


def test_limits_that_nobody_declares_are_removed_and_others_set():
    wanted = change({"/a": 1, "/b": 2}, True, [limit("/b", 3), limit("/c", 4)])

    assert wanted == Change(set={"/a": 1, "/b": 2}, remove=("/c",), before={"/b": 3, "/c": 4})
    assert [each.as_dict() for each in wanted.drift] == [
        {"field": "quota./a", "declared": 1, "actual": None},
        {"field": "quota./b", "declared": 2, "actual": 3},
        {"field": "quota./c", "declared": None, "actual": 4},
    ]


def test_quota_is_disabled_only_where_none_is_declared_and_it_is_on():
    assert change({}, True, [limit("/a", 1)]) == Change(disable=True, remove=("/a",), before={"/a": 1})
    assert not change({}, False, [])
    assert change({"/a": 1}, False, []).enable


@pytest.fixture
def planned(declare, members, volumes):
    def planned(declared_quota, limits=(), **arguments):
        specs = volume_specs([declare(quota=declared_quota, **arguments)])
        observed = Observed(members, Names({}, frozenset({"g1"})), volumes)
        (item,) = quota_plan.with_quota(plan(specs, observed), specs, volumes, {"gv0": limits})
        return item

    return planned


def test_a_limit_makes_an_update_of_a_volume_that_is_otherwise_as_declared(planned):
    assert planned(None).step.action == KEEP
    assert planned(None).work.quota is None

    item = planned({"/media": "1GB"})
    assert item.step.action == UPDATE
    assert [each.field for each in item.step.drift] == ["quota", "quota./media"]
    assert (item.step.before["quota"], item.step.after["quota"]) == ({}, {"/media": GB})
    assert item.work.quota == {"/media": GB}


def test_no_limits_of_a_volume_without_quota_are_no_change(planned):
    item = planned({})
    assert (item.step.action, item.work.quota) == (KEEP, None)


def test_a_new_volume_gets_its_limits_with_it(planned):
    item = planned(
        {"/media": "1GB"}, name="fresh", bricks=[f"{host}:/data/brick1/fresh" for host in ("g1", "g2")], replica=0
    )

    assert item.step.action == CREATE
    assert item.step.after["quota"] == {"/media": GB}
    assert item.work.quota == {"/media": GB}


FRESH = {"name": "fresh", "bricks": ["g1:/data/brick1/fresh", "g2:/data/brick1/fresh"], "replica": 0}


@pytest.mark.parametrize("which", [{}, FRESH], ids=["there", "new"])
@pytest.mark.parametrize("option", ["features.quota-deem-statfs", "quota-deem-statfs"])
def test_an_option_that_needs_quota_is_refused_where_there_is_and_will_be_none(planned, option, which):
    step = planned(None, options={option: "off"}, **which).step

    assert step.action == REFUSED
    assert f"options.{option}: gluster takes it only where quota is on, and here it is off; declare" in step.message
    assert planned({"/": "1GB"}, options={option: "off"}, **which).step.action != REFUSED


def test_an_option_that_needs_quota_is_set_where_it_is_on_and_nothing_is_said_of_limits(planned, volumes):
    volumes["gv0"].options["features.quota"] = "on"

    item = planned(None, options={"features.quota-deem-statfs": "off"})
    assert (item.step.action, item.work.quota) == (UPDATE, None)


class Gluster:
    def __init__(self):
        self.told = []

    def change(self, *words):
        self.told.append(" ".join(words))


def test_an_option_that_needs_quota_is_set_once_quota_is_on(planned, monkeypatch):
    """The others before the start, so that no brick ever runs without them."""
    gluster = Gluster()
    monkeypatch.setattr(gluster_volumes, "wait_for_bricks", lambda *_arguments, **_options: None)
    monkeypatch.setattr(quota, "converge", lambda gluster, name, _limits: gluster.change("volume", "quota", name))
    options = {"features.quota-deem-statfs": "off", "features.hard-timeout": 0, "nfs.disable": "on"}
    item = planned({"/": "1GB"}, options=options, **FRESH)
    call = gluster_volumes.Call(gluster, Observed((), Names({}, frozenset()), {}), Limits(1, 1), force=False)

    gluster_volumes._carry_out(call, "fresh", item.work)

    assert gluster.told == [
        "volume create fresh g1:/data/brick1/fresh g2:/data/brick1/fresh",
        "volume set fresh features.hard-timeout 0 nfs.disable on",
        "volume start fresh",
        "volume quota fresh",
        "volume set fresh features.quota-deem-statfs off",
    ]


def test_a_refused_volume_stays_refused(planned):
    item = planned({"/media": "1GB"}, bricks=["nowhere:/b", "g1:/b", "g2:/b"])
    assert item.step.problems
    assert item.work.quota is None


@pytest.mark.parametrize(
    ("fails", "asked", "told"),
    [
        ((), ["mount", "sh", "umount"], None),
        (("umount",), ["mount", "sh", "umount", "umount --lazy"], None),
        (("mount",), ["mount", "umount"], "mount took too long"),
        (("mount", "umount"), ["mount", "umount", "umount --lazy"], "mount took too long"),
        (("sh", "umount", "umount --lazy"), ["mount", "sh", "umount", "umount --lazy"], "sh took too long"),
        (("umount", "umount --lazy"), ["mount", "sh", "umount", "umount --lazy"], "gv0 stays mounted on"),
    ],
    ids=["well", "busy", "not-in-time", "not-in-time-and-busy", "hangs", "stays"],
)
def test_what_is_mounted_to_make_directories_is_never_removed(monkeypatch, tmp_path, fails, asked, told):
    """Whatever of it fails or is given up after a while: the volume may be on the directory at the end."""
    ran = []

    def run(*command):
        what = "umount --lazy" if "--lazy" in command else command[0]
        ran.append(what)
        if what == "mount":
            (Path(command[-1]) / "of-the-volume").touch()
        if what in fails:
            raise GlusterError(f"{what} took too long")

    monkeypatch.setattr(mounting, "run", run)
    monkeypatch.setattr(mounting, "MOUNTS", str(tmp_path))

    with pytest.raises(GlusterError, match=told) if told else contextlib.nullcontext():
        quota._make_directories("gv0", ["/media"])

    assert ran == asked
    assert [path.name for path in tmp_path.glob("*/*")] == ["of-the-volume"]


def test_an_empty_mount_point_does_not_stay(monkeypatch, tmp_path):
    monkeypatch.setattr(mounting, "run", lambda *command: None)
    monkeypatch.setattr(mounting, "MOUNTS", str(tmp_path))

    quota._make_directories("gv0", ["/media"])

    assert list(tmp_path.iterdir()) == []
