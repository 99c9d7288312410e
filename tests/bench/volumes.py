#!/usr/bin/env python3
# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wall-clock time of a hundred NFS volumes: created, unchanged, removed; one task of ours against a loop of the peer.

Runs on the engine at hand (or one that the lab starts), with connection local, and takes away what it made, also when
it is interrupted. The server is an address that nobody answers at: neither side mounts anything here.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Iterator, NoReturn

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PREFIX = "berthage-bench-"
TARGET = 20.0  # times faster than the peer, on each of the three


def main() -> int:
    options = arguments()
    signal.signal(signal.SIGTERM, interrupted)
    have_engine()
    clean_up()
    try:
        floor = median([timed_play("floor.yml")[0] for _ in range(3)])
        print(f"A play with one ping: {floor:.2f} s", flush=True)
        ours = median_of_rounds("ours.yml", options.rounds, options.volumes)
        peer = median_of_rounds("peer.yml", options.peer_rounds, options.volumes)
    finally:
        clean_up()
    return report(ours, peer, options)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--volumes", type=int, default=100, metavar="NUMBER")
    parser.add_argument("--rounds", type=int, default=3, metavar="NUMBER", help="of ours")
    parser.add_argument("--peer-rounds", type=int, default=1, metavar="NUMBER", help="of the peer; two minutes each")
    return parser.parse_args()


def median_of_rounds(playbook: str, rounds: int, volumes: int) -> dict[str, float]:
    """Median wall-clock seconds of each phase."""
    found: dict[str, list[float]] = {}
    for number in range(rounds):
        for phase, took in one_round(playbook, volumes):
            found.setdefault(phase, []).append(took)
            print(f"{playbook} {number + 1}/{rounds}, {phase}: {took:.2f} s", flush=True)
    return {phase: median(times) for phase, times in found.items()}


def one_round(playbook: str, volumes: int) -> Iterator[tuple[str, float]]:
    for phase, state, changes in (
        ("created", "present", True),
        ("unchanged", "present", False),
        ("removed", "absent", True),
    ):
        took, outcome = timed_play(playbook, state, volumes)
        yield phase, took
        # A side that did nothing, or too much, has not run the race.
        if ("changed=1" in outcome) != changes or len(existing()) != (0 if state == "absent" else volumes):
            raise SystemExit(f"{playbook}, {phase}: it did not do what it should:\n{outcome}")


def timed_play(playbook: str, state: str = "present", volumes: int = 0) -> tuple[float, str]:
    """Wall-clock seconds of one play, and what it printed."""
    started = time.perf_counter()
    outcome = play(playbook, state, volumes)
    return time.perf_counter() - started, outcome


def play(playbook: str, state: str, volumes: int) -> str:
    names = [f"{PREFIX}{number:04}" for number in range(volumes)]
    variables = {
        "bench_state": state,
        "bench_volumes": [{"name": name, "path": f"/srv/nfs/{name}"} for name in names],
    }
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "collections"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "ANSIBLE_NOCOLOR": "true",
    }
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(variables, file)
        file.flush()
        done = subprocess.run(
            ["ansible-playbook", "--extra-vars", f"@{file.name}", str(HERE / playbook)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        raise SystemExit(f"{playbook} failed:\n{done.stdout}")
    return done.stdout


def have_engine() -> None:
    if subprocess.run(["docker", "version"], capture_output=True, check=False).returncode != 0:
        subprocess.run(
            [sys.executable, "-m", "lab", "engine"],
            env={**os.environ, "PYTHONPATH": str(ROOT / "molecule/shared")},
            check=True,
        )


def existing() -> list[str]:
    listed = subprocess.run(["docker", "volume", "ls", "--quiet"], capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split() if name.startswith(PREFIX)]


def clean_up() -> None:
    left = existing()
    if left:
        subprocess.run(["docker", "volume", "rm", *left], stdout=subprocess.DEVNULL, check=True)


def report(ours: dict[str, float], peer: dict[str, float], options: argparse.Namespace) -> int:
    print(f"\n{options.volumes} nfs volumes      ours    peer   ratio")
    ratios = {phase: peer[phase] / ours[phase] for phase in ours}
    for phase, ratio in ratios.items():
        verdict = "" if ratio >= TARGET else "  below the target"
        print(f"{phase:<16} {ours[phase]:5.2f} s {peer[phase]:5.1f} s {ratio:6.1f}{verdict}")
    print(f"Medians of {options.rounds} and {options.peer_rounds} rounds. Target: {TARGET:g} times on each.")
    return 0 if all(ratio >= TARGET for ratio in ratios.values()) else 1


def interrupted(*_arguments: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
