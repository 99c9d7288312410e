# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lab made on this machine is gone after it. Real hosts are started here, which needs root."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAME = "leftovers"


@pytest.mark.parametrize(("kind", "base"), [("container", "bare"), ("uml", "full")])
def test_a_lab_that_is_taken_down_leaves_nothing_behind_however_often(kind: str, base: str) -> None:
    up = ("up", NAME, "--hosts", "node1", "--kind", kind, "--base", base)
    # An engine that has just started writes firewall rules of its own with its first network; they go when it stops.
    lab(*up)
    lab("down", NAME)
    before = traces()

    lab(*up)
    during = traces()
    lab("down", NAME)
    lab("down", NAME)

    assert during != before
    assert traces() == before


def lab(*arguments: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "molecule" / "shared")}
    subprocess.run([sys.executable, "-m", "lab", *arguments], env=environment, check=True)


def traces() -> dict[str, list[str]]:
    """What a lab could leave: interfaces, namespaces, firewall rules, containers, networks, volumes, processes."""
    return {
        command: sorted(line for line in lines_of(command))
        for command in (
            "ip -brief link | cut -d ' ' -f 1",
            "ip netns list",
            "iptables -S",
            "iptables -t nat -S",
            "sysctl -n net.ipv4.ip_forward fs.inotify.max_user_instances",
            "docker ps --all --quiet",
            "docker network ls --quiet",
            "docker volume ls --quiet",
            # Its own shell has the words on its command line as well: the brackets keep it from finding itself.
            f"pgrep --full '[u]mid={NAME}'",
        )
    }


def lines_of(command: str) -> list[str]:
    """The lines that a command prints; none where the program is missing or has nothing to say."""
    done = subprocess.run(
        ["sh", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False
    )
    return done.stdout.splitlines()
