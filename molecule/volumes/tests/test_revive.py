# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers whose GlusterFS client dies, on hosts of ordinary speed (those of glusterfs_faults are not)."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

import pytest
from checks import node, run_playbook, wait_for
from figures import measured
from writers import Writer

testinfra_hosts = ["ansible://node2"]

PLAYBOOK = Path(__file__).parents[1] / "revive.yml"
WRITER = Writer("node2", "media", "/mnt/glusterfs/gv0/shared/media")
# What a container that reacts to its stop signal may have to wait at most, in seconds.
PAUSE = 10.0


@pytest.fixture
def writer() -> Iterator[Writer]:
    done = run_playbook(PLAYBOOK)
    assert done.returncode == 0, done.stdout
    WRITER.start()
    assert wait_for(lambda: WRITER.summary()["acknowledged"] > 5, seconds=60)
    yield WRITER
    node("node2").check_output("systemctl disable --now berthage-revive@mnt-glusterfs-gv0.service")
    WRITER.stop()


def test_a_container_whose_client_was_killed_soon_writes_again_and_has_lost_nothing(writer: Writer) -> None:
    since = writer.now()
    node("node2").check_output("systemctl kill --signal KILL mnt-glusterfs-gv0.mount")
    assert wait_for(lambda: writer.goes_on_after_errors(since), seconds=90), writer.summary(since)
    seen = writer.summary(since)
    measured("killed client: writes again after", f"{seen['longest_pause']} s")

    assert seen["longest_pause"] <= PAUSE
    writer.stop()
    assert writer.lost() == []
    assert writer.lost_on("node1", "/data/gv0/shared/media") == []
