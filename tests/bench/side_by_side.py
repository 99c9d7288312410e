# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benches share: the wall-clock time of whole plays, and how two sides are compared."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any, Callable, Iterator, Mapping, NoReturn, Sequence

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PREFIX = "berthage-bench-"


def arguments(description: str | None, things: str, number: int) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(f"--{things}", type=int, default=number, metavar="NUMBER", help="in the race over many")
    parser.add_argument("--rounds", type=int, default=3, metavar="NUMBER", help="of ours")
    parser.add_argument("--peer-rounds", type=int, default=1, metavar="NUMBER", help="of the peer; minutes each")
    return parser.parse_args()


def medians(one_round: Callable[[], Iterator[tuple[str, float]]], rounds: int) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for _round in range(rounds):
        for phase, took in one_round():
            found.setdefault(phase, []).append(took)
    return {phase: median(times) for phase, times in found.items()}


def compare(
    title: str, phases: Sequence[str], ours: Mapping[str, float], peer: Mapping[str, float], target: float
) -> bool:
    """Print both sides' seconds. Whether ours reached the target in each phase."""
    print(f"\n{title:<16}    ours    peer   ratio (target {target:g})")
    ratios = {phase: peer[phase] / ours[phase] for phase in phases}
    for phase, ratio in ratios.items():
        print(
            f"{phase:<16} {ours[phase]:5.2f} s {peer[phase]:5.1f} s {ratio:6.2f}{verdict(ratio >= target)}", flush=True
        )
    return all(ratio >= target for ratio in ratios.values())


def floor_of(rounds: int) -> float:
    """What any play costs."""
    floor = median([timed_play("floor.yml")[0] for _ in range(rounds)])
    print(f"A play with one ping: {floor:.2f} s", flush=True)
    return floor


def verdict(reached: bool) -> str:
    return "" if reached else "  TARGET MISSED"


def timed_play(playbook: str, variables: Mapping[str, Any] | None = None) -> tuple[float, str]:
    """Wall-clock seconds of one play, and what it printed."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(variables or {}, file)
        file.flush()
        started = time.perf_counter()
        done = subprocess.run(
            ["ansible-playbook", "--extra-vars", f"@{file.name}", str(HERE / playbook)],
            env={**os.environ, **ENVIRONMENT},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        took = time.perf_counter() - started
    if done.returncode != 0:
        raise SystemExit(f"{playbook} failed:\n{done.stdout}")
    return took, done.stdout


ENVIRONMENT = {
    "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "collections"),
    "ANSIBLE_LOCALHOST_WARNING": "false",
    "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
    "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
    "ANSIBLE_NOCOLOR": "true",
}


def names(number: int) -> list[str]:
    return [f"{PREFIX}{index:04}" for index in range(number)]


def have_engine() -> None:
    if subprocess.run(["docker", "version"], capture_output=True, check=False).returncode != 0:
        lab("engine")


def lab(*command: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "lab", *command],
        env={**os.environ, "PYTHONPATH": str(ROOT / "molecule/shared")},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout


def docker(*command: str) -> str:
    return subprocess.run(["docker", *command], stdout=subprocess.PIPE, text=True, check=True).stdout


def interrupted(*_arguments: object) -> NoReturn:
    raise KeyboardInterrupt
