# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kills nfs_exports at each call of the program by which it changes the server, and writes down what is there then and
after the next run.

Runs on a lab host. What it is to do comes as JSON on standard input:

    module            directory of the packed module
    implementation    kernel | ganesha
    name              the drop-in's
    start             the exports as they are first
    call              the exports of the run that is killed
    next              the exports of the run after it
    below             only exports in this directory are looked at

Prints a list with one entry for each place, the first of an undisturbed run. A wrapper in the program's place does the
killing, before the program first runs, and each time after it has. Calls that only look do not count: a kill there
leaves what a kill after the former change leaves.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import Iterator

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from packed_module import PackedModule

PROGRAMS = {"kernel": "/usr/sbin/exportfs", "ganesha": "/usr/bin/busctl"}
DROP_INS = {"kernel": "/etc/exports.d/{}.exports", "ganesha": "/etc/ganesha/exports.d/{}.conf"}
MANAGER = ("org.ganesha.nfsd", "/org/ganesha/nfsd/ExportMgr", "org.ganesha.nfsd.exportmgr")
ORDERS = "/run/kill_series"
HERE = os.path.dirname(os.path.abspath(__file__))
MOST_CALLS = 50  # of one run; a series that does not end is an error
WRAPPER = f"""#!/bin/sh
program={HERE}/real/${{0##*/}}
[ -e {ORDERS}/at ] || exec "$program" "$@"
case "$*" in *ShowExports*|*DisplayExport*) exec "$program" "$@" ;; esac
read at < {ORDERS}/at
read when < {ORDERS}/when
echo "$*" >> {ORDERS}/calls
number=$(wc -l < {ORDERS}/calls)
[ "$number" = "$at" ] && [ "$when" = before ] && kill -KILL $PPID && exit 1
"$program" "$@"
status=$?
[ "$number" = "$at" ] && [ "$when" = after ] && kill -KILL $PPID
exit $status
"""


def main() -> None:
    given = json.load(sys.stdin)
    program = PROGRAMS[given["implementation"]]
    # Under its own name, which it puts before what it says.
    real = f"{HERE}/real/{os.path.basename(program)}"
    for directory in (ORDERS, os.path.dirname(real)):
        os.makedirs(directory, exist_ok=True)
    shutil.copy2(program, real)
    os.rename(program, f"{program}.kept")
    try:
        with open(program, "w", encoding="ascii") as wrapper:
            wrapper.write(WRAPPER)
            os.fchmod(wrapper.fileno(), 0o755)
        json.dump(list(Series(given, real).points()), sys.stdout)
    finally:
        os.replace(f"{program}.kept", program)


class Series:
    def __init__(self, given: dict, program: str) -> None:
        self._given = given
        self._program = program
        self._module = PackedModule(given["module"], "berthage.swarm.nfs_exports")

    def points(self) -> Iterator[dict]:
        yield self._point(0, "before")
        # Before any other call it is as after the one before that.
        yield self._point(1, "before")
        for at in range(1, MOST_CALLS):
            found = self._point(at, "after")
            if not found["killed"]:
                return
            yield found
        raise SystemExit(f"the series did not end within {MOST_CALLS} calls")

    def _point(self, at: int, when: str) -> dict:
        """One kill and what follows; not `killed` when the run ended before its `at`-th call."""
        made = self._run("start")
        if made is None or made.get("failed"):
            raise SystemExit(f"the start state could not be made: {made}")
        start = self._state()
        self._order(at, when)
        struck = self._module.run(**self._arguments("call"))
        calls = self._calls()
        found = {"at": at, "when": when, "call": calls[at - 1] if 0 < at <= len(calls) else "", "killed": struck.killed}
        if at and not struck.killed:
            return found
        kill = self._state()
        following = self._run("next")
        mended = self._state()
        again = self._run("next")
        return {
            **found,
            "start": start,
            "result": struck.result,
            "kill": kill,
            "next": following,
            "mended": mended,
            "again": again,
            "end": self._state(),
        }

    def _run(self, which: str) -> dict | None:
        return self._module.run(**self._arguments(which)).result

    def _arguments(self, which: str) -> dict:
        return {
            "name": self._given["name"],
            "implementation": self._given["implementation"],
            "exports": self._given[which],
        }

    def _order(self, at: int, when: str) -> None:
        for name, text in (("calls", ""), ("when", when), ("at", str(at))):
            with open(f"{ORDERS}/{name}", "w", encoding="ascii") as file:
                file.write(f"{text}\n" if text else "")

    def _calls(self) -> list[str]:
        os.unlink(f"{ORDERS}/at")
        with open(f"{ORDERS}/calls", encoding="utf-8") as file:
            return file.read().splitlines()

    def _state(self) -> dict:
        """The drop-in's text, and what the server has in force: clients with their rights, by path."""
        path = DROP_INS[self._given["implementation"]].format(self._given["name"])
        text = ""
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                text = file.read()
        active = self._etab() if self._given["implementation"] == "kernel" else self._served()
        below = self._given["below"]
        return {"file": text, "active": {path: one for path, one in active.items() if path.startswith(below)}}

    def _etab(self) -> dict:
        table: dict = {}
        with open("/var/lib/nfs/etab", encoding="utf-8") as file:
            for line in file:
                path, client = line.rstrip("\n").split("\t")
                table.setdefault(path.replace("\\040", " "), []).append(client)
        return {path: sorted(clients) for path, clients in table.items()}

    def _served(self) -> dict:
        shown = [self._ask("DisplayExport", "q", str(one[0])) for one in self._ask("ShowExports")[1] if one[0]]
        return {path: [number, clients] for number, path, _pseudo, _tag, clients in shown}

    def _ask(self, *words: str) -> list:
        command = [self._program, "--system", "--json=short", "call", *MANAGER, *words]
        return json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)["data"]


if __name__ == "__main__":
    main()
