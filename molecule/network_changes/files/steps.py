# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module, shell commands and looks at the engine, one after the other, and tells what each gave.

Runs on a lab host, because a way there and back for each of them would cost a second. Reads JSON from standard input:

    module   directory of the packed module
    steps    each one of
             {"call": ARGUMENTS}     the module; gives what it returns (`check: true` for check mode).
                                     `meanwhile: {of, shell}` besides: the first request that matches `of` is held, the
                                     command run, and the request then cut off; with `go_on: true` it goes on instead
             {"shell": COMMAND}      gives what it prints
             {"state": true}         gives engine_state.py's value
             {"clear": true}         takes away all that is not a bystander's

Prints a list with what each step gave.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import engine_proxy
from engine_state import Engine
from packed_module import Outcome, PackedModule


def main() -> None:
    given = json.load(sys.stdin)
    module = PackedModule(given["module"], "berthage.swarm.networks")
    engine = Engine()
    json.dump([take(step, module, engine) for step in given["steps"]], sys.stdout)


def take(step: dict, module: PackedModule, engine: Engine) -> object:
    if "call" in step:
        outcome = disturbed(module, **step) if "meanwhile" in step else module.run(**step["call"])
        if outcome.result is None:
            raise SystemExit(f"the module gave no result: {outcome}")
        return outcome.result
    if "shell" in step:
        done = subprocess.run(["/bin/sh", "-euc", step["shell"]], check=False, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{step['shell']}: {done.stdout}{done.stderr}")
        return done.stdout.strip()
    return engine.clear() if "clear" in step else engine.state()


def disturbed(module: PackedModule, call: dict, meanwhile: dict) -> Outcome:
    engine_proxy.arm("hold", 1, "before", meanwhile["of"])
    running = module.start(**call, docker_host=f"unix://{engine_proxy.LISTEN}")
    engine_proxy.wait_until_struck()
    subprocess.run(["/bin/sh", "-euc", meanwhile["shell"]], check=True)
    engine_proxy.release(cut=not meanwhile.get("go_on"))
    return running.wait()


if __name__ == "__main__":
    main()
