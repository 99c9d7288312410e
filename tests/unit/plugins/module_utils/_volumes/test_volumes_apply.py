# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is looked at once more before something is made or taken back, as far as it needs no engine."""

from __future__ import annotations

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._plan import UPDATE, Step
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.apply import NotMounted, carry_out, is_as_made
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.plan import labels_of
from ansible_collections.berthage.swarm.tests.unit.plugins.module_utils._volumes.volume_samples import actual, volume


def test_no_directory_is_made_where_the_mount_has_gone_since_the_plan(tmp_path):
    declared = volume(glusterfs={"volume": "gv0", "path": "a/b", "mount_point": str(tmp_path)}, create_path={})
    with pytest.raises(NotMounted, match=f"nothing is mounted on {tmp_path} .*; mount it"):
        carry_out(None, Step("data", UPDATE), declared, None, "us")
    assert list(tmp_path.iterdir()) == []


def test_a_volume_is_taken_back_only_as_it_was_made():
    declared = volume(tmpfs={"size": "1m"}, labels={"team": "web"})
    made, labels = {"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}, labels_of(declared, "us")
    assert is_as_made(actual(options=made, labels=labels), declared, "us")
    assert not is_as_made(actual(options=made, labels=labels), declared, "them")
    assert not is_as_made(actual(options={**made, "o": "size=2m"}, labels=labels), declared, "us")
    assert not is_as_made(actual(labels=labels), declared, "us")
    assert not is_as_made(actual(driver="x/y", options=made, labels=labels), declared, "us")
