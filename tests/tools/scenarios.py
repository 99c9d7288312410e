# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run Molecule scenarios, two at a time, and say of each what became of it.

    python tests/tools/scenarios.py [--long] [--jobs N] [NAME ...]

Without names, every scenario in molecule/ runs, but for the long ones that molecule/long.txt names, which --long adds.
The whole output of each goes to .cache/log/NAME.log; of a failing one the end of it is printed, after the journals of
its hosts' services, which are gone once the hosts are, and its failed tests, or its failed task, are named again in the
closing table. A scenario that this machine cannot run is reported as skipped, with the reason; one that
molecule/required.txt names must not be.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence, TextIO

from molecule_files import ROOT, all_scenarios, hosts_of, listed, scenarios_to_run

LOGS = ROOT / ".cache" / "log"
PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"

# `python -m lab can` ends with this where the machine has no way to run such hosts (as automake's tests do).
CANNOT = 77
HEARTBEAT = 60.0
TAIL_LINES = 120
SUMMARY_WIDTH = 400

_say_lock = threading.Lock()


@dataclass(frozen=True)
class Outcome:
    name: str
    result: str
    seconds: float
    detail: str
    failures: tuple[str, ...] = ()


def main() -> int:
    arguments = parse_arguments()
    names = scenarios_to_run(arguments.names, arguments.long)
    LOGS.mkdir(parents=True, exist_ok=True)
    waiting = Waiting(names)
    with ThreadPoolExecutor(arguments.jobs) as pool:
        jobs = [pool.submit(run_one_after_the_other, waiting) for _job in range(arguments.jobs)]
    for job in jobs:
        job.result()
    return report([waiting.outcomes[name] for name in names], listed("required.txt"))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run Molecule scenarios.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="scenarios to run; all of them if none is named")
    parser.add_argument("--long", action="store_true", help="also the scenarios that molecule/long.txt names")
    parser.add_argument("--jobs", type=int, default=2, help="how many run at the same time (default: %(default)s)")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - set(all_scenarios()))
    gone = sorted((listed("required.txt") | listed("long.txt")) - set(all_scenarios()))
    if gone:
        parser.error(f"molecule/required.txt or long.txt names scenarios that do not exist: {', '.join(gone)}")
    if unknown:
        parser.error(f"no such scenario: {', '.join(unknown)}; there are: {', '.join(all_scenarios())}")
    return arguments


class Waiting:
    """The scenarios that have not begun, in their order.

    As long as there are others, no second one begins that may be on User-Mode Linux: two of them on two processors run
    into time limits that each by itself keeps.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self._names = list(names)
        self._slow = set(filter(may_be_slow, names))
        self._running: set[str] = set()
        self._lock = threading.Lock()

    def begin(self) -> str:
        """The next one; empty when none is left."""
        with self._lock:
            avoided = self._slow if self._slow & self._running else set()
            fitting = [name for name in self._names if name not in avoided]
            name = next(iter(fitting or self._names), "")
            if name:
                self._names.remove(name)
                self._running.add(name)
            return name

    def end(self, outcome: Outcome) -> None:
        with self._lock:
            self._running.remove(outcome.name)
            self.outcomes[outcome.name] = outcome


def may_be_slow(name: str) -> bool:
    return hosts_of(name).kind != "container"


def run_one_after_the_other(waiting: Waiting) -> None:
    while name := waiting.begin():
        waiting.end(run(name))


def run(name: str) -> Outcome:
    """One scenario from its first host to its last trace."""
    started = time.monotonic()
    log_path = LOGS / f"{name}.log"
    with log_path.open("w") as log:
        able = subprocess.run(
            [sys.executable, "-m", "lab", "can", hosts_of(name).kind], capture_output=True, text=True, check=False
        )
        if able.returncode == CANNOT:
            return finished(Outcome(name, SKIPPED, time.monotonic() - started, able.stdout.strip()))
        say(f"{name}: started, log in {log_path.relative_to(ROOT)}")
        # With --destroy=never Molecule leaves out its first destroy as well, and takes hosts for made that are gone.
        molecule("destroy", name=name, log=log, started=started)
        status = molecule("test", "--destroy=never", name=name, log=log, started=started)
        failed_at = failed_tasks(log_path) if status else ()
        if status:
            log.flush()
            show_failure(name, log_path)
        # Twice over is once: what the scenario destroyed by itself stays destroyed.
        leftover = molecule("destroy", name=name, log=log, started=started)
    result = FAILED if status or leftover else PASSED
    detail = "its hosts could not be removed" if leftover and not status else pytest_line(log_path)
    failures = failed_tests(log_path) or failed_at
    return finished(Outcome(name, result, time.monotonic() - started, detail, failures))


def molecule(*command: str, name: str, log: TextIO, started: float) -> int:
    """Run one Molecule command, its output in the log, with a line now and then to show that it goes on."""
    environment = {
        **os.environ,
        "MOLECULE_GLOB": "molecule/*/molecule.yml",
        "ANSIBLE_FORCE_COLOR": "0",
        "NO_COLOR": "1",
    }
    process = subprocess.Popen(
        ["molecule", *command, "--scenario-name", name],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    while True:
        try:
            return process.wait(HEARTBEAT)
        except subprocess.TimeoutExpired:
            say(f"{name}: {time.monotonic() - started:.0f} s, at: {last_task(Path(log.name))}")


def last_task(log_path: Path) -> str:
    tasks = re.findall(r"^(?:TASK|PLAY|RUNNING HANDLER) \[(.*)\]", log_path.read_text(errors="replace"), re.MULTILINE)
    return tasks[-1] if tasks else "the beginning"


def pytest_line(log_path: Path) -> str:
    """The closing line of the scenario's verification."""
    lines = re.findall(r"^=+ (.*(?:passed|failed|error).*) =+$", log_path.read_text(errors="replace"), re.MULTILINE)
    return f"pytest: {lines[-1]}" if lines else "ended before its verification"


def failed_tests(log_path: Path) -> tuple[str, ...]:
    """A line for each test that failed, or whose fixture did, of pytest's summary."""
    lines = re.findall(r"^(?:FAILED|ERROR) \S+\.py::.*$", log_path.read_text(errors="replace"), re.MULTILINE)
    return tuple(line[:SUMMARY_WIDTH] for line in lines)


def failed_tasks(log_path: Path) -> tuple[str, ...]:
    """Where the scenario ended before its verification: the last task, what failed in it on which host, and the end."""
    text = log_path.read_text(errors="replace")
    _, _, end = text.rpartition("\nTASK [")
    errors = re.findall(r"^(?:fatal|failed): .*|^CRITICAL .*|^\[ERROR\].*", end, re.MULTILINE)
    lines = (f"TASK [{end.partition(']')[0]}]", *errors, *text.rstrip().splitlines()[-1:])
    return tuple(dict.fromkeys(line[:SUMMARY_WIDTH] for line in lines))


def show_failure(name: str, log_path: Path) -> None:
    tail = "\n".join(log_path.read_text(errors="replace").splitlines()[-TAIL_LINES:])
    journal = subprocess.run(
        [sys.executable, "-m", "lab", "journal", name],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    ).stdout
    say(f"{name}: FAILED. Its hosts' journals:\n{journal}\n{name}: the end of {log_path.relative_to(ROOT)}:\n{tail}")


def finished(outcome: Outcome) -> Outcome:
    say(f"{outcome.name}: {outcome.result} after {outcome.seconds:.0f} s; {outcome.detail}")
    return outcome


def report(outcomes: list[Outcome], must_pass: set[str]) -> int:
    """The closing table, and the status: 1 where one failed, or one that must pass was skipped."""
    missed = [outcome.name for outcome in outcomes if outcome.result == SKIPPED and outcome.name in must_pass]
    print()
    for outcome in outcomes:
        print(f"{outcome.name:<16} {outcome.result:<8} {outcome.seconds:5.0f} s  {outcome.detail}")
        for line in outcome.failures:
            print(f"    {line}")
    for name in missed:
        print(f"{name} is required (molecule/required.txt), and was skipped: that fails the run")
    count = {result: sum(outcome.result == result for outcome in outcomes) for result in (PASSED, FAILED, SKIPPED)}
    print(f"scenarios: {count[PASSED]} passed, {count[FAILED]} failed, {count[SKIPPED]} skipped")
    return 1 if missed or count[FAILED] else 0


def say(text: str) -> None:
    with _say_lock:
        print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
