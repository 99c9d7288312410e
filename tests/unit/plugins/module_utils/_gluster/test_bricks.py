# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._gluster.bricks import (
    Directory,
    directories,
    not_on_lvm,
    take_back,
)


def test_a_directory_without_a_mark_is_free(tmp_path):
    there, missing = directories([str(tmp_path), str(tmp_path / "none")])

    assert (there.existed, there.marked) == (True, False)
    assert (missing.existed, missing.marked) == (False, False)


def test_what_was_not_marked_by_the_attempt_is_left_alone(tmp_path):
    (tmp_path / ".glusterfs").mkdir()
    (tmp_path / "file").write_text("data")

    take_back([Directory(str(tmp_path), existed=False, marked=False)])

    assert sorted(path.name for path in tmp_path.iterdir()) == [".glusterfs", "file"]


@pytest.mark.parametrize(
    ("uuid", "is_unfit"),
    [("LVM-xlw9z4WmnFVdkqCgJ0CGYbqFxwSVwcaA", False), ("CRYPT-LUKS2-0", True), ("", True), (None, False)],
)
def test_a_directory_that_is_not_there_yet_is_on_the_device_of_the_one_above(tmp_path, uuid, is_unfit):
    device = os.stat(tmp_path).st_dev
    about = tmp_path / "dev" / "block" / f"{os.major(device)}:{os.minor(device)}"
    if uuid is not None:  # a file system without a device
        about.mkdir(parents=True)
    if uuid:
        (about / "dm").mkdir()
        (about / "dm" / "uuid").write_text(uuid)
    brick = str(tmp_path / "bricks" / "gv0")

    assert not_on_lvm([brick], sysfs=str(tmp_path)) == ({brick} if is_unfit else set())
