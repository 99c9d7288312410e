# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kills the module at each change that it makes, and writes down what is there then and after the next runs.

Runs on a lab host. What it is to do comes as JSON on standard input:

    module     directory of the packed module
    start      a call of the module that makes the network as it is first
    users      shell commands that attach containers and services to it
    call       the call that is killed
    places     of `before` (the request reaches the engine) and `after` (the engine has carried it out)
    only       at which requests, from 1; all where it is empty

Prints a list with one entry for each place, the first of an undisturbed run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Iterator

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import engine_proxy
from engine_state import Engine
from packed_module import PackedModule

# Between two of these a run only looks, so that a kill there leaves what a kill after the former one leaves.
CHANGES = "^(POST|DELETE) "
MOST_REQUESTS = 100  # of one call; a series that does not end is an error


def main() -> None:
    json.dump(list(Series(json.load(sys.stdin)).points()), sys.stdout)


class Series:
    def __init__(self, given: dict) -> None:
        self._given = given
        self._module = PackedModule(given["module"], "berthage.swarm.networks")
        self._engine = Engine()

    def points(self) -> Iterator[dict]:
        yield self._point(0, "before")
        for when in self._given["places"]:
            for at in self._given["only"] or range(1, MOST_REQUESTS):
                found = self._point(at, when)
                if not found["request"]:
                    break
                yield found

    def _point(self, at: int, when: str) -> dict:
        """One kill and what follows. Without a `request` when the call ended before its `at`-th one."""
        self._engine.clear()
        made = self._module.run(**self._given["start"])
        if made.result is None or made.result.get("failed"):
            raise SystemExit(f"the start state could not be made: {made}")
        subprocess.run(["/bin/sh", "-euc", self._given["users"]], check=True, stdout=subprocess.DEVNULL)
        start = self._engine.state()
        engine_proxy.arm("kill", at, when, CHANGES)
        struck = self._module.run(**self._given["call"], docker_host=f"unix://{engine_proxy.LISTEN}")
        proxied = engine_proxy.settle()
        found = {
            "at": at,
            "when": when,
            "request": (proxied["struck"] or {}).get("request"),
            "requests": next(iter(proxied["requests"].values()), []),
            "killed": struck.killed,
            "result": struck.result,
            "start": start,
            "kill": self._engine.state(),
        }
        if at and not found["request"]:
            return found
        following = self._module.run(**self._given["call"])
        mended = self._engine.state()
        again = self._module.run(**self._given["call"])
        return {
            **found,
            "next": following.result,
            "mended": mended,
            "again": again.result,
            "end": self._engine.state(),
        }


if __name__ == "__main__":
    main()
