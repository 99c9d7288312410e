# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module, several times at once where several calls are given. Runs on a lab host.

What it is to do comes as JSON on standard input:

    module     directory of the packed module
    calls      the calls, each started without waiting for the others
    reset      shell commands that bring the start state about, if any
    rounds     how often all of that, if not once
    look       false where the engine cannot be asked what is there

Prints a list with one entry for each round: the `outcomes` of the calls in their order, each with its `result`, what it
wrote to `stderr` and its `seconds`; and what was there at the `start` and at the `end`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import engine_proxy
from engine_state import Engine
from packed_module import PackedModule


def main() -> None:
    given = json.load(sys.stdin)
    module = PackedModule(given["module"], "berthage.swarm.volumes")
    engine = Engine(engine_proxy.ENGINE, [])
    look = engine.state if given.get("look", True) else dict
    rounds = []
    for _ in range(given.get("rounds", 1)):
        subprocess.run(["/bin/sh", "-euc", given.get("reset", ":")], check=True, stdout=subprocess.DEVNULL)
        start = look()
        started = [module.start(**call) for call in given["calls"]]
        outcomes = [vars(running.wait()) for running in started]
        rounds.append({"outcomes": outcomes, "start": start, "end": look()})
    json.dump(rounds, sys.stdout)


if __name__ == "__main__":
    main()
