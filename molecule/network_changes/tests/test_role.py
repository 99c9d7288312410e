# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role with purge, on three managers and a worker: each host takes away only what it answers for."""

from __future__ import annotations

import json
import re
from pathlib import Path

from checks import node, run_playbook

testinfra_hosts = ["ansible://node1"]

PLAYBOOK = Path(__file__).parents[1] / "purge.yml"
MANAGERS, WORKERS = ["node1", "node2", "node3"], ["node4"]
HOSTS = MANAGERS + WORKERS
SWARM = [{"name": "front", "attachable": True}, {"name": "old"}]
LOCAL = [{"name": "build", "driver": "bridge"}, {"name": "former", "driver": "bridge"}]
KEPT = [SWARM[0], LOCAL[0]]


def role(networks, *arguments):
    """How much the play changed on each host."""
    play = run_playbook(PLAYBOOK, "--extra-vars", json.dumps({"networks": networks}), *arguments)
    assert play.returncode == 0, play.stdout
    recap = re.findall(r"^(node\d) .*\bchanged=(\d+) ", play.stdout, re.MULTILINE)
    return {host: int(changed) for host, changed in recap}


def seen(owner="site"):
    """The ids of an owner's networks by host and name."""
    listed = (
        f"docker network ls --no-trunc --filter label=berthage.swarm.owner={owner} "
        "--format '{{ .Name }} {{ .ID }}'"
    )
    return {host: dict(line.split() for line in node(host).check_output(listed).splitlines()) for host in HOSTS}


def names(found):
    return {host: " ".join(sorted(networks)) for host, networks in found.items()}


def on(managers, workers):
    return {**dict.fromkeys(MANAGERS, managers), **dict.fromkeys(WORKERS, workers)}


def test_purge_takes_the_undeclared_and_nothing_that_another_host_answers_for():
    bystanders = seen("bystanders")
    role([*SWARM, *LOCAL])
    before = seen()

    changes = role(KEPT)
    after = seen()
    changes_again = role(KEPT)
    after_again = seen()
    # Without the first manager the next one answers for the Swarm, and nobody for what is node1's and node3's own.
    role([LOCAL[0]], "--limit", "node2,node4")
    limited = seen()
    role([])
    nothing = seen()

    assert names(before) == on("build former front old", "build former")
    assert changes == on(1, 1)
    assert names(after) == on("build front", "build")
    assert all(before[host][name] == network for host in HOSTS for name, network in after[host].items())
    assert (changes_again, after_again) == (on(0, 0), after)
    assert names(limited) == on("build", "build")
    assert names(nothing) == on("", "")
    assert seen("bystanders") == bystanders
