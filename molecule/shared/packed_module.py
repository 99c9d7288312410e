# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module as Ansible packs it, run on a lab host again and again without Ansible's own second for each time.

`checks.packed_module` has Ansible send the module to the host, and unpacks it there (`AnsiballZ_NAME.py explode`). Here
it is imported once, and each run is a process of its own, forked, with other arguments, by the same function that
Ansible's wrapper calls. Needs nothing but Python, and is copied to the host.

    packed_module.py DIRECTORY MODULE check|do ARGUMENTS      one run; prints its result
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """How a run ended: `killed`, or with what the module printed as its result."""

    killed: bool
    result: dict | None
    stderr: str
    seconds: float


class Running:
    """A run under way."""

    def __init__(self, process: int, stdout: int, stderr: int) -> None:
        self.process = process
        self._stdout = stdout
        self._stderr = stderr
        self._started = time.monotonic()

    def wait(self) -> Outcome:
        _process, status = os.waitpid(self.process, 0)
        seconds = time.monotonic() - self._started
        printed, stderr = _all_of(self._stdout), _all_of(self._stderr)
        try:
            result = json.loads(printed)
        except ValueError:
            result = None
        return Outcome(os.WIFSIGNALED(status), result, printed * (result is None) + stderr, seconds)


class PackedModule:
    """The module unpacked in a directory, see `checks.packed_module`."""

    def __init__(self, directory: str, name: str) -> None:
        """`name` is the module's, fully qualified."""
        self._directory = directory
        self._module = "ansible_collections.{}.{}.plugins.modules.{}".format(*name.split("."))
        with open(os.path.join(directory, "args"), encoding="utf-8") as given:
            self._given = json.load(given)["ANSIBLE_MODULE_ARGS"]
        sys.path.insert(0, directory)
        self._run = importlib.import_module("ansible.module_utils._internal._ansiballz._loader").run_module
        # All that it imports stays loaded, and the module itself is run anew each time.
        importlib.import_module(self._module)
        del sys.modules[self._module]

    def run(self, check: bool = False, **arguments: object) -> Outcome:
        return self.start(check, **arguments).wait()

    def start(self, check: bool = False, **arguments: object) -> Running:
        own = {name: value for name, value in self._given.items() if name.startswith("_ansible_")}
        given = {**own, "_ansible_check_mode": check, "_ansible_diff": True, **arguments}
        # Files, since a result may be larger than a pipe takes.
        stdout, stderr = os.memfd_create("stdout"), os.memfd_create("stderr")
        sys.stdout.flush()  # or the module would print it as well
        process = os.fork()
        if process == 0:
            self._become_the_module(given, stdout, stderr)
        return Running(process, stdout, stderr)

    def _become_the_module(self, given: dict, stdout: int, stderr: int) -> None:
        code = 70
        try:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(stdout, 1)
            os.dup2(stderr, 2)
            self._run(
                json_params=json.dumps({"ANSIBLE_MODULE_ARGS": given}).encode(),
                profile="legacy",
                module_fqn=self._module,
                modlib_path=self._directory,
                extensions={},
            )
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)


def main() -> None:
    directory, name, mode, words = sys.argv[1:]
    outcome = PackedModule(directory, name).run(mode == "check", **json.loads(words))
    how = "was killed" if outcome.killed else "ended without a result"
    print(json.dumps(outcome.result or {"msg": f"the module {how}: {outcome.stderr}"}))


def _all_of(file: int) -> str:
    with os.fdopen(file, "rb") as opened:
        opened.seek(0)
        return opened.read().decode(errors="replace")


if __name__ == "__main__":
    main()
