# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kills the module at each of its requests, and writes down what is there then and after the next runs.

Runs on a lab host. What it is to do comes as JSON on standard input:

    module     directory of the packed module
    prefix     of the volumes that are removed before each run
    files      shell commands that make the directories of the start state
    holders    volumes that hold their data, of the start state: labels and data by name
    start      a call of the module that completes the start state, or null
    call       the call that is killed
    paths      directories of the host to be watched

Prints a list with one entry for each place where the module was killed: `at` and `when` (see engine_proxy.py), the
`request`, what was there at the `start` and after the `kill`, the result of the `next` run and what was there `mended`,
and the result of one run `again` with what was there at the `end`. The first entry is of an undisturbed run, with 0 as
its `at`. Where a kill left the same as an earlier one, whose future is known, there is no `next` run. A request that
only reads has one place: before it and after it are one state. What is right and wrong is for the tests to say.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Iterator

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import engine_proxy
from engine_state import PROBE, Engine
from packed_module import PackedModule


def main() -> None:
    json.dump(list(Series(json.load(sys.stdin)).points()), sys.stdout)


class Series:
    def __init__(self, given: dict) -> None:
        self._given, self._call = given, given["call"]
        self._module = PackedModule(given["module"], "berthage.swarm.volumes")
        self._engine = Engine(engine_proxy.ENGINE, given["paths"])
        self._known: set[str] = set()

    def points(self) -> Iterator[dict]:
        undisturbed = self._point(0, "before")
        yield undisturbed
        for at, request in enumerate(undisturbed["requests"], start=1):
            for when in ("after",) if request.startswith("GET ") else ("before", "after"):
                yield self._point(at, when)

    def _point(self, at: int, when: str) -> dict:
        """One kill and what follows."""
        self._make_start()
        start = self._engine.state()
        engine_proxy.arm("kill", at, when)
        struck = self._module.run(**self._call, docker_host=f"unix://{engine_proxy.LISTEN}")
        # Killed with several requests under way, the others are still carried out.
        proxied = engine_proxy.settle()
        left = self._engine.state()
        found = {
            "at": at,
            "when": when,
            "request": (proxied["struck"] or {}).get("request"),
            "requests": next(iter(proxied["requests"].values()), []),
            "killed": struck.killed,
            "result": struck.result,
            "start": start,
            "kill": left,
        }
        if essence(left, start) in self._known:
            return found
        self._known.add(essence(left, start))
        following = self._module.run(**self._call)
        mended = self._engine.state()
        # What the call would verify, the one before has verified.
        again = self._module.run(**{**self._call, "verify": False})
        return {
            **found,
            "next": following.result,
            "mended": mended,
            "again": again.result,
            "end": self._engine.state(),
        }

    def _make_start(self) -> None:
        self._engine.remove_probes()
        self._engine.remove_volumes(self._given["prefix"])
        subprocess.run(["/bin/sh", "-euc", self._given["files"]], check=True)
        for name, holder in self._given["holders"].items():
            self._engine.make_holder(name, **holder)
        if self._given["start"]:
            made = self._module.run(**self._given["start"])
            if made.result is None or made.result.get("failed"):
                raise SystemExit(f"the start state could not be made: {made}")


def essence(state: dict, start: dict) -> str:
    """What a state means to the next run: everything but ids, times, and which process made a probe."""
    volumes = {
        name: [
            {**found, "identity": "", "labels": {**found["labels"], PROBE: PROBE in found["labels"]}},
            found == start["volumes"].get(name),
        ]
        for name, found in state["volumes"].items()
    }
    probes = [sorted(sorted(labels) for labels in state[kind].values()) for kind in ("containers", "images")]
    return json.dumps([volumes, probes, state["paths"]], sort_keys=True)


if __name__ == "__main__":
    main()
