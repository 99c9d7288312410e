# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gluster replaces a brick by any directory on another host. The role has looked at it before."""

from __future__ import annotations

import json
from pathlib import Path

from checks import node, run_playbook
from gluster_volume_calls import bricks_of, gluster, info

testinfra_hosts = ["ansible://node1"]

CONVERGE = Path(__file__).parents[1] / "converge.yml"
WAS_A_BRICK = "/data/bricks/was"
ROOTED = "/opt/rooted"
MARK = "import os; os.setxattr('{}', 'trusted.glusterfs.volume-id', bytes(16))"


def replaced(host, *new: str) -> list[str]:
    """The bricks of the volume `copied`, where the one on the host of each new one makes room for that."""
    hosts = {brick.partition(":")[0]: brick for brick in [*bricks_of(host, "copied"), *new]}
    return list(hosts.values())


def run(bricks: list[str], *arguments: str):
    declared = {
        "glusterfs_volumes": [{"name": "copied", "replica": 3, "bricks": bricks}],
        "glusterfs_allow": ["replace_brick"],
    }
    return run_playbook(CONVERGE, *arguments, "--extra-vars", json.dumps(declared))


def test_a_former_brick_and_a_directory_on_the_root_file_system_replace_nothing(host):
    second, third = (brick.partition(":")[0] for brick in bricks_of(host, "copied")[1:])
    node(second).check_output(f"mkdir -p {WAS_A_BRICK} && echo stale > {WAS_A_BRICK}/file")
    node(second).check_output(f'python3 -c "{MARK.format(WAS_A_BRICK)}"')
    before = info(host, "copied")

    result = run(replaced(host, f"{second}:{WAS_A_BRICK}", f"{third}:{ROOTED}"))

    assert result.returncode != 0
    # YAML breaks lines where it likes.
    said = " ".join(result.stdout.split())
    assert f"{second}:{WAS_A_BRICK} carries the mark of a volume: it was a brick of one" in said
    assert f"{third}:{ROOTED} would lie on the root file system" in said
    assert info(host, "copied") == before
    assert node(second).file(f"{WAS_A_BRICK}/file").content_string == "stale\n"
    assert not node(third).file(ROOTED).exists
    assert {each.findtext("statusStr") for each in gluster(host, "volume", "info", "copied").iter("volume")} == {
        "Started"
    }


def test_a_new_brick_on_a_host_that_is_not_in_the_run_replaces_nothing(host):
    second = bricks_of(host, "copied")[1].partition(":")[0]
    before = info(host, "copied")

    result = run(replaced(host, f"{second}:{WAS_A_BRICK}"), "--limit", "node1")

    assert result.returncode != 0
    assert f":{WAS_A_BRICK} is to become a brick, and its host is not in this run" in " ".join(result.stdout.split())
    assert info(host, "copied") == before
    # The old bricks on those hosts are known.
    unchanged = run(bricks_of(host, "copied"), "--limit", "node1")
    assert unchanged.returncode == 0, unchanged.stdout
    node(second).check_output(f"rm -r {WAS_A_BRICK}")
