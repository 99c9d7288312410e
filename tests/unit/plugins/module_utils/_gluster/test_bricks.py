# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.berthage.swarm.plugins.module_utils._gluster.bricks import Directory, directories, take_back


def test_a_directory_without_a_mark_is_free(tmp_path):
    there, missing = directories([str(tmp_path), str(tmp_path / "none")])

    assert (there.existed, there.marked) == (True, False)
    assert (missing.existed, missing.marked) == (False, False)


def test_what_was_not_marked_by_the_attempt_is_left_alone(tmp_path):
    (tmp_path / ".glusterfs").mkdir()
    (tmp_path / "file").write_text("data")

    take_back([Directory(str(tmp_path), existed=False, marked=False)])

    assert sorted(path.name for path in tmp_path.iterdir()) == [".glusterfs", "file"]
