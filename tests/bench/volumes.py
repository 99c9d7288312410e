# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `volumes` takes, side by side with a loop of `community.docker.docker_volume`, and by itself.

* A race over many NFS volumes: created, unchanged, one changed, removed. Wall-clock time of a whole play each.
* The same race with one volume.
* Growth: 10, 100 and 1000 unchanged volumes.
* Verification: 50 bind volumes, mounted once each.

Runs on the engine at hand (or one that the lab starts), with connection local, and takes away what it made, also when
it is interrupted. The NFS server is an address that nobody answers at: in the races neither side mounts anything.
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
from typing import Any, Callable, Iterator, NoReturn

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PREFIX = "berthage-bench-"
PHASES = ("created", "unchanged", "one changed", "removed")
TIMES_FASTER = 20.0  # than the peer, in each phase of the race over many
NO_SLOWER = 1.0  # than the peer, with one volume
GROWTH = (10, 100, 1000)
UNCHANGED_LIMIT = 3.0  # seconds of the module for the last of GROWTH
VERIFIED = 50
VERIFIED_LIMIT = 3.0  # seconds of the module

Volumes = list[dict[str, Any]]


def main() -> int:
    options = arguments()
    signal.signal(signal.SIGTERM, interrupted)
    have_engine()
    clean_up()
    try:
        floor = median([timed_play("floor.yml")[0] for _ in range(options.rounds)])
        print(f"A play with one ping: {floor:.2f} s", flush=True)
        results = [
            race(options.volumes, options.rounds, options.peer_rounds, TIMES_FASTER),
            race(1, options.rounds, options.rounds, NO_SLOWER),
            growth(options.rounds, floor),
            verification(options.rounds, floor),
        ]
    finally:
        clean_up()
    print(f"\nMedians of {options.rounds} rounds, {options.peer_rounds} of the peer with many volumes.")
    return 0 if all(results) else 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--volumes", type=int, default=100, metavar="NUMBER", help="in the race over many")
    parser.add_argument("--rounds", type=int, default=3, metavar="NUMBER", help="of ours")
    parser.add_argument("--peer-rounds", type=int, default=1, metavar="NUMBER", help="of the peer; minutes each")
    return parser.parse_args()


def race(number: int, rounds: int, peer_rounds: int, target: float) -> bool:
    """Both sides through all phases. Whether ours reached the target in each."""
    ours = medians(lambda: phases("ours.yml", number), rounds)
    peer = medians(lambda: phases("peer.yml", number), peer_rounds)
    print(f"\n{number} nfs volume(s)    ours    peer   ratio (target {target:g})")
    ratios = {phase: peer[phase] / ours[phase] for phase in PHASES}
    for phase, ratio in ratios.items():
        print(f"{phase:<16} {ours[phase]:5.2f} s {peer[phase]:5.1f} s {ratio:6.2f}{verdict(ratio >= target)}")
    return all(ratio >= target for ratio in ratios.values())


def phases(playbook: str, number: int) -> Iterator[tuple[str, float]]:
    """One side's wall-clock seconds of each phase."""
    for phase in PHASES:
        declared = nfs_volumes(number, "absent" if phase == "removed" else "present")
        if phase == "one changed":
            declared[0]["nfs"]["path"] += "-moved"
        before = existing()
        took, outcome = timed_play(playbook, declared, recreate=phase == "one changed")
        yield phase, took
        # A side that did nothing, or too much, has not run the race.
        expected = [] if phase == "removed" else [volume["name"] for volume in declared]
        if ("changed=1" in outcome) != (phase != "unchanged") or sorted(existing()) != expected:
            raise SystemExit(f"{playbook}, {phase}: it did not do what it should:\n{outcome}")
        if phase in ("unchanged", "one changed"):
            changed = [name for name, made in existing().items() if before[name] != made]
            if changed != ([] if phase == "unchanged" else [declared[0]["name"]]):
                raise SystemExit(f"{playbook}, {phase}: it changed {', '.join(changed) or 'nothing'}")


def growth(rounds: int, floor: float) -> bool:
    """How the time of an unchanged set grows with it."""
    print("\nunchanged volumes   play    less the floor")
    took = 0.0
    for number in GROWTH:
        timed_play("ours.yml", nfs_volumes(number))
        play = median([timed_play("ours.yml", nfs_volumes(number))[0] for _ in range(rounds)])
        took = play - floor
        print(f"{number:>16} {play:6.2f} s {took:6.2f} s", flush=True)
        timed_play("ours.yml", nfs_volumes(number, "absent"))
    print(f"Target: {UNCHANGED_LIMIT:g} s of the module for {GROWTH[-1]}{verdict(took < UNCHANGED_LIMIT)}")
    return took < UNCHANGED_LIMIT


def verification(rounds: int, floor: float) -> bool:
    """What it takes to mount each of many directories once."""
    with tempfile.TemporaryDirectory(prefix=PREFIX) as directory:
        declared: Volumes = []
        for name in names(VERIFIED):
            (Path(directory) / name).mkdir()
            declared.append({"name": name, "bind": {"path": f"{directory}/{name}"}})
        timed_play("ours.yml", declared)
        play = median([timed_play("ours.yml", declared, verify=True)[0] for _ in range(rounds)])
    took = play - floor
    print(
        f"\n{VERIFIED} bind volumes verified: {play:.2f} s, less the floor {took:.2f} s (target {VERIFIED_LIMIT:g} s)",
        end="",
    )
    print(verdict(took < VERIFIED_LIMIT))
    return took < VERIFIED_LIMIT


def medians(one_round: Callable[[], Iterator[tuple[str, float]]], rounds: int) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for _round in range(rounds):
        for phase, took in one_round():
            found.setdefault(phase, []).append(took)
    return {phase: median(times) for phase, times in found.items()}


def nfs_volumes(number: int, state: str = "present") -> Volumes:
    return [
        {"name": name, "nfs": {"server": "192.0.2.1", "path": f"/srv/nfs/{name}"}, "state": state}
        for name in names(number)
    ]


def names(number: int) -> list[str]:
    return [f"{PREFIX}{index:04}" for index in range(number)]


def verdict(reached: bool) -> str:
    return "" if reached else "  TARGET MISSED"


def timed_play(
    playbook: str, volumes: Volumes | None = None, recreate: bool = False, verify: bool = False
) -> tuple[float, str]:
    """Wall-clock seconds of one play, and what it printed."""
    variables = {"bench_volumes": volumes, "bench_recreate": recreate, "bench_verify": verify}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(variables, file)
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


def have_engine() -> None:
    if subprocess.run(["docker", "version"], capture_output=True, check=False).returncode != 0:
        subprocess.run(
            [sys.executable, "-m", "lab", "engine"],
            env={**os.environ, "PYTHONPATH": str(ROOT / "molecule/shared")},
            check=True,
        )


def existing() -> dict[str, str]:
    """The bench's volumes, and when each was made."""
    listed = docker("volume", "ls", "--quiet", "--filter", f"name={PREFIX}").split()
    if not listed:
        return {}
    lines = docker(
        "volume", "inspect", "--format", "{{ .Name }} {{ .CreatedAt }} {{ json .Options }}", *listed
    ).splitlines()
    return {name: made for name, _space, made in (line.partition(" ") for line in lines)}


def clean_up() -> None:
    left = list(existing())
    if left:
        docker("volume", "rm", *left)


def docker(*command: str) -> str:
    return subprocess.run(["docker", *command], stdout=subprocess.PIPE, text=True, check=True).stdout


def interrupted(*_arguments: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
