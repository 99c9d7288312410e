# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Docker engine under container hosts: the machine's own, left as it is, or one that the lab starts and stops."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from lab import machine
from lab.locks import lock
from lab.paths import Paths
from lab.progress import say
from lab.shell import LabError, run, succeeds

START_TIMEOUT = 60.0
EXEC_ROOT = "/run/berthage-lab-engine"


def ensure_engine(paths: Paths) -> None:
    """An engine answers when this returns; one that answers already is used as it is."""
    with lock(paths, "engine"):
        if answers():
            return
        if "DOCKER_HOST" in os.environ:
            raise LabError(
                f"DOCKER_HOST={os.environ['DOCKER_HOST']}: no engine answers there; start it, or unset DOCKER_HOST "
                "and the lab starts its own"
            )
        machine.require(paths, machine.CONTAINER)
        _start(paths)


def answers() -> bool:
    return succeeds(["docker", "version", "--format", "{{.Server.Version}}"])


def ours(paths: Paths) -> int | None:
    """The process id of the engine that the lab started, if it runs."""
    file = paths.engine / "dockerd.pid"
    if not file.exists():
        return None
    pid = int(file.read_text() or 0)
    command = Path(f"/proc/{pid}/cmdline")
    return pid if command.exists() and b"dockerd" in command.read_bytes() else None


def stop_engine(paths: Paths) -> None:
    """Stop the engine if the lab started it, and take away the firewall rules that it leaves behind."""
    with lock(paths, "engine"):
        pid = ours(paths)
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
            if not _wait(lambda: ours(paths) is None, 30):
                raise LabError(
                    f"the lab's engine (process {pid}) does not stop; its log is {paths.engine / 'dockerd.log'}"
                )
            shutil.rmtree(EXEC_ROOT, ignore_errors=True)
            say("stopped the engine that the lab had started")
        data = str(paths.engine / "data")
        if succeeds(["mountpoint", "--quiet", data]):
            # dockerd mounts it upon itself. After one that was killed the next one does not take the mount for its own.
            run(["umount", data])
        if (paths.engine / "firewall").exists():
            _restore_firewall(paths)


def major_version() -> int:
    return int(run(["docker", "version", "--format", "{{.Server.Version}}"]).stdout.split(".")[0])


def cgroup_version() -> int:
    return int(run(["docker", "info", "--format", "{{.CgroupVersion}}"]).stdout.strip() or 1)


def _start(paths: Paths) -> None:
    machine.remember_forwarding(paths)
    paths.engine.mkdir(parents=True, exist_ok=True)
    if not (paths.engine / "firewall").exists():
        (paths.engine / "firewall").write_text(_forward_policy())
    say("no Docker engine answers: starting one for the lab (`lab down` stops it again)")
    log = (paths.engine / "dockerd.log").open("a")
    process = subprocess.Popen(
        [
            "dockerd",
            f"--data-root={paths.engine / 'data'}",
            f"--exec-root={EXEC_ROOT}",
            f"--pidfile={paths.engine / 'dockerd.pid'}",
            # The labs bring their own networks; the default one would only be something more to clean up.
            "--bridge=none",
        ],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    if not _wait(lambda: answers() or process.poll() is not None, START_TIMEOUT) or process.poll() is not None:
        raise LabError(f"the engine does not start; see {paths.engine / 'dockerd.log'}")


def _forward_policy() -> str:
    rules = run(["iptables", "-S", "FORWARD"]).stdout.splitlines()
    return next((rule.split()[2] for rule in rules if rule.startswith("-P FORWARD")), "ACCEPT")


def _restore_firewall(paths: Paths) -> None:
    """dockerd leaves its chains behind when it stops: take away every rule and chain of its naming, and its policy."""
    for table in ("filter", "nat"):
        rules = run(["iptables", "-t", table, "-S"]).stdout.splitlines()
        for rule in rules:
            words = rule.split()
            if words[0] == "-A" and any(word.startswith("DOCKER") for word in words[1:]):
                run(["iptables", "-t", table, "-D", *words[1:]], check=False)
        for rule in rules:
            words = rule.split()
            if words[0] == "-N" and words[1].startswith("DOCKER"):
                run(["iptables", "-t", table, "-F", words[1]], check=False)
                run(["iptables", "-t", table, "-X", words[1]], check=False)
    run(["iptables", "-P", "FORWARD", (paths.engine / "firewall").read_text()])
    (paths.engine / "firewall").unlink()


def _wait(condition: object, seconds: float) -> bool:
    assert callable(condition)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.3)
    return False
