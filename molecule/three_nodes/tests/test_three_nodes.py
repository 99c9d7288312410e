# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`berthage.swarm.verify` says that all is well when it is, and what is broken when something is."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Iterator

import pytest
from checks import lab_variables, node, run_playbook

testinfra_hosts = ["ansible://node1"]

ROOT = Path(__file__).resolve().parents[3]
# What these hosts run on can do everything, or else the scenario has no business to pass.
EVERYTHING = re.compile(r"\b(\d+) verified, 0 skipped, 0 failed")


@pytest.fixture(scope="module")
def all_is_well() -> subprocess.CompletedProcess[str]:
    return verify()


def test_everything_is_verified_and_nothing_is_skipped(all_is_well: subprocess.CompletedProcess[str]) -> None:
    assert all_is_well.returncode == 0, all_is_well.stdout
    assert EVERYTHING.search(all_is_well.stdout), all_is_well.stdout


def test_the_summary_names_hosts_exports_bricks_volumes_and_networks(
    all_is_well: subprocess.CompletedProcess[str],
) -> None:
    lines = [" ".join(line.split()) for line in all_is_well.stdout.splitlines()]
    subnet = lab_variables()["lab_subnet"]
    assert f"node1 /srv/nfs/app {subnet}" in lines
    for volume in ("local-data local", "app-data nfs", "uploads nfs", "media glusterfs", "scratch tmpfs", "www bind"):
        assert f"{volume} verified verified verified" in lines
    assert sum(line.startswith("gv0 Replicate Started") and line.endswith(" online") for line in lines) == 3
    for network in ("frontend", "backend", "database"):
        assert any(line.startswith(f"{network} overlay") and " verified (" in line for line in lines)


def test_verifying_leaves_no_container_and_no_image_behind(all_is_well: subprocess.CompletedProcess[str]) -> None:
    for name in ("node1", "node2", "node3"):
        assert node(name).check_output("docker ps --all --quiet; docker images --quiet") == ""


@pytest.fixture
def blocked_esp() -> Iterator[None]:
    node("node2").check_output("iptables -I INPUT -p esp -j DROP")
    yield
    node("node2").check_output("iptables -D INPUT -p esp -j DROP")


def test_a_blocked_protocol_50_fails_the_verification_which_names_the_network(blocked_esp: None) -> None:
    outcome = verify()
    lines = [" ".join(line.split()) for line in outcome.stdout.splitlines()]
    assert outcome.returncode != 0
    assert any(line.startswith("backend overlay") and " verified (" not in line for line in lines), outcome.stdout
    assert any(line.startswith("frontend overlay") and " verified (" in line for line in lines), outcome.stdout


def verify() -> subprocess.CompletedProcess[str]:
    """Run the playbook as `make demo` does."""
    return run_playbook("berthage.swarm.verify", "-i", ROOT / "examples" / "three-nodes")
