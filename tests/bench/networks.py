# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `networks` takes, side by side with a loop of `community.docker.docker_network`.

A race over many overlays: created, unchanged, removed. Wall-clock time of a whole play each. Both sides talk from here
to an engine that a host of the lab runs for this alone, a Swarm of one node, which goes with the host.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from typing import Any, Iterator

from side_by_side import (
    PREFIX,
    ROOT,
    arguments,
    compare,
    docker,
    floor_of,
    interrupted,
    lab,
    medians,
    names,
    timed_play,
)

PHASES = ("created", "unchanged", "removed")
TIMES_FASTER = 15.0  # than the peer, in each phase
LAB = "bench-networks"
PORT = 2375
PATIENCE = 60.0  # seconds for the engine to answer


def main() -> int:
    options = arguments(__doc__, "networks", 50)
    signal.signal(signal.SIGTERM, interrupted)
    try:
        engine = swarm()
        floor_of(options.rounds)
        ours = medians(lambda: phases("networks_ours.yml", engine, options.networks), options.rounds)
        peer = medians(lambda: phases("networks_peer.yml", engine, options.networks), options.peer_rounds)
        reached = compare(f"{options.networks} overlays", PHASES, ours, peer, TIMES_FASTER)
    finally:
        lab("down", LAB)
    print(f"\nMedians of {options.rounds} rounds, {options.peer_rounds} of the peer.")
    return 0 if reached else 1


def swarm() -> str:
    """The address of an engine that is a Swarm of its own."""
    lab("up", LAB, "--hosts", "node1")
    hosts = json.loads((ROOT / ".cache" / "lab" / LAB / "inventory.yml").read_text())["all"]["hosts"]
    address = hosts["node1"]["ansible_host"]
    engine = f"tcp://{address}:{PORT}"
    lab("ssh", LAB, "node1", "--", f"systemd-run --unit=bench-engine dockerd -H unix:///run/docker.sock -H {engine}")
    deadline = time.monotonic() + PATIENCE
    while f"{PORT}" not in lab("ssh", LAB, "node1", "--", f"ss --listening --tcp --numeric sport = {PORT}"):
        if time.monotonic() > deadline:
            raise SystemExit(f"the engine at {engine} does not answer after {PATIENCE:g} s")
        time.sleep(1)
    docker("-H", engine, "swarm", "init", "--advertise-addr", address)
    return engine


def phases(playbook: str, engine: str, number: int) -> Iterator[tuple[str, float]]:
    """One side's wall-clock seconds of each phase."""
    for phase in PHASES:
        before = existing(engine)
        declared: list[dict[str, Any]] = [
            {
                "name": name,
                "driver": "overlay",
                "attachable": True,
                "state": "absent" if phase == "removed" else "present",
            }
            for name in names(number)
        ]
        took, outcome = timed_play(playbook, {"bench_networks": declared, "bench_engine": engine})
        yield phase, took
        # A side that did nothing, or too much, has not run the race.
        after = existing(engine)
        expected = [] if phase == "removed" else [network["name"] for network in declared]
        as_expected = ("changed=1" in outcome) == (phase != "unchanged") and sorted(after) == expected
        if not as_expected or (phase == "unchanged" and after != before):
            raise SystemExit(f"{playbook}, {phase}: it did not do what it should:\n{outcome}")


def existing(engine: str) -> dict[str, str]:
    """The bench's networks, and the id of each."""
    lines = docker("-H", engine, "network", "ls", "--format", "{{ .Name }} {{ .ID }}").splitlines()
    listed = (line.partition(" ") for line in lines)
    return {name: identity for name, _space, identity in listed if name.startswith(PREFIX)}


if __name__ == "__main__":
    sys.exit(main())
