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

import signal
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any, Iterator

from side_by_side import (
    PREFIX,
    arguments,
    compare,
    docker,
    floor_of,
    have_engine,
    interrupted,
    medians,
    names,
    timed_play,
    verdict,
)

PHASES = ("created", "unchanged", "one changed", "removed")
TIMES_FASTER = 20.0  # than the peer, in each phase of the race over many
NO_SLOWER = 1.0  # than the peer, with one volume
GROWTH = (10, 100, 1000)
UNCHANGED_LIMIT = 3.0  # seconds of the module for the last of GROWTH
VERIFIED = 50
VERIFIED_LIMIT = 3.0  # seconds of the module

Volumes = list[dict[str, Any]]


def main() -> int:
    options = arguments(__doc__, "volumes", 100)
    signal.signal(signal.SIGTERM, interrupted)
    have_engine()
    clean_up()
    try:
        floor = floor_of(options.rounds)
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


def race(number: int, rounds: int, peer_rounds: int, target: float) -> bool:
    """Both sides through all phases. Whether ours reached the target in each."""
    ours = medians(lambda: phases("volumes_ours.yml", number), rounds)
    peer = medians(lambda: phases("volumes_peer.yml", number), peer_rounds)
    return compare(f"{number} nfs volume(s)", PHASES, ours, peer, target)


def phases(playbook: str, number: int) -> Iterator[tuple[str, float]]:
    """One side's wall-clock seconds of each phase."""
    for phase in PHASES:
        declared = nfs_volumes(number, "absent" if phase == "removed" else "present")
        if phase == "one changed":
            declared[0]["nfs"]["path"] += "-moved"
        before = existing()
        took, outcome = timed(playbook, declared, recreate=phase == "one changed")
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
        timed("volumes_ours.yml", nfs_volumes(number))
        play = median([timed("volumes_ours.yml", nfs_volumes(number))[0] for _ in range(rounds)])
        took = play - floor
        print(f"{number:>16} {play:6.2f} s {took:6.2f} s", flush=True)
        timed("volumes_ours.yml", nfs_volumes(number, "absent"))
    print(f"Target: {UNCHANGED_LIMIT:g} s of the module for {GROWTH[-1]}{verdict(took < UNCHANGED_LIMIT)}")
    return took < UNCHANGED_LIMIT


def verification(rounds: int, floor: float) -> bool:
    """What it takes to mount each of many directories once."""
    with tempfile.TemporaryDirectory(prefix=PREFIX) as directory:
        declared: Volumes = []
        for name in names(VERIFIED):
            (Path(directory) / name).mkdir()
            declared.append({"name": name, "bind": {"path": f"{directory}/{name}"}})
        timed("volumes_ours.yml", declared)
        play = median([timed("volumes_ours.yml", declared, verify=True)[0] for _ in range(rounds)])
    took = play - floor
    print(
        f"\n{VERIFIED} bind volumes verified: {play:.2f} s, less the floor {took:.2f} s (target {VERIFIED_LIMIT:g} s)",
        end="",
    )
    print(verdict(took < VERIFIED_LIMIT))
    return took < VERIFIED_LIMIT


def nfs_volumes(number: int, state: str = "present") -> Volumes:
    return [
        {"name": name, "nfs": {"server": "192.0.2.1", "path": f"/srv/nfs/{name}"}, "state": state}
        for name in names(number)
    ]


def timed(playbook: str, volumes: Volumes, recreate: bool = False, verify: bool = False) -> tuple[float, str]:
    return timed_play(playbook, {"bench_volumes": volumes, "bench_recreate": recreate, "bench_verify": verify})


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


if __name__ == "__main__":
    sys.exit(main())
