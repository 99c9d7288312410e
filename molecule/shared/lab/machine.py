# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab changes on the machine itself, and how it is put back."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from pathlib import Path
from typing import Iterable, Iterator, Tuple

from lab.locks import lock
from lab.paths import Paths
from lab.progress import say, step
from lab.shell import LabError, installed, run, succeeds

_FORWARD = "net.ipv4.ip_forward"
# Each systemd takes about seven: the kernel's default of 128 is used up by eighteen hosts, and the next do not boot.
_WATCHERS = "fs.inotify.max_user_instances"
_WATCHERS_WANTED = 1024

# Program, the Debian package that has it, and what the lab needs it for.
Requirement = Tuple[str, str, str]
COMMON: tuple[Requirement, ...] = (
    ("mmdebstrap", "mmdebstrap", "to make the hosts' root file system from Debian packages"),
    ("ip", "iproute2", "to give the lab its own network"),
    ("iptables", "iptables", "to let the lab's hosts reach the package mirror"),
    ("ssh", "openssh-client", "to enter the hosts"),
)
CONTAINER: tuple[Requirement, ...] = (("dockerd", "docker.io", "no engine answers here, and the hosts are containers"),)
UML: tuple[Requirement, ...] = (
    ("linux.uml", "user-mode-linux", "the hosts' kernel, an ordinary process on this machine"),
    ("mke2fs", "e2fsprogs", "to make the hosts' disks"),
    ("depmod", "kmod", "to index the modules of the hosts' kernel"),
)

COMPILER: Requirement = ("gcc", "gcc", "this processor has AMX, which the hosts' kernel must be shielded from")


def require(paths: Paths, requirements: Iterable[Requirement]) -> None:
    """Install what is missing, after a sentence for each package that says what and why."""
    if os.geteuid() != 0:
        raise LabError("the lab makes networks and root file systems: run it as root")
    with lock(paths, "packages"):
        missing = [entry for entry in requirements if not installed(entry[0])]
        for program, package, purpose in missing:
            say(f"installing {package} on this machine, because {program} is missing: {purpose}")
        if missing:
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            names = [package for _, package, _ in missing]
            # No service of a new package may start: an engine of the lab has its own state, not the machine's.
            with step(f"Installing {', '.join(names)}"), _no_service_starts():
                install = ["apt-get", "install", "-y", "--no-install-recommends", *names]
                if run(install, check=False, env=environment).returncode != 0:
                    run(["apt-get", "update"], env=environment)
                    run(install, env=environment)


@contextmanager
def _no_service_starts() -> Iterator[None]:
    """A policy-rc.d that forbids starts while packages are installed, where the machine has none of its own."""
    policy = Path("/usr/sbin/policy-rc.d")
    if policy.exists():
        yield
        return
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink(missing_ok=True)


def uplink_mtu() -> int:
    """The MTU of the machine's way out; 1500 where it has none."""
    words = run(["ip", "-4", "route", "show", "default"]).stdout.split()
    if "dev" not in words:
        return 1500
    return int(Path(f"/sys/class/net/{words[words.index('dev') + 1]}/mtu").read_text())


def nameserver() -> str:
    """A name server that the lab's hosts can ask: the machine's, unless that listens on loopback only; or nothing."""
    for file in ("/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"):
        if Path(file).exists():
            for line in Path(file).read_text().splitlines():
                words = line.split()
                if words[:1] == ["nameserver"] and ":" not in words[1] and not words[1].startswith("127."):
                    return words[1]
    return ""


def remember_forwarding(paths: Paths) -> None:
    """Note whether the machine forwarded packets before the lab needed it, once."""
    with lock(paths, "machine"):
        _remember(paths, _FORWARD)


def enable_forwarding(paths: Paths) -> None:
    remember_forwarding(paths)
    _write(_FORWARD, "1")


def allow_many_watchers(paths: Paths) -> None:
    """Let as many systemds run as the hosts of several labs need."""
    with lock(paths, "machine"):
        if int(_read(_WATCHERS)) < _WATCHERS_WANTED:
            _remember(paths, _WATCHERS)
            _write(_WATCHERS, str(_WATCHERS_WANTED))


def restore_settings(paths: Paths) -> None:
    """Put the kernel's settings back, but for forwarding while an engine that is not the lab's still needs it."""
    with lock(paths, "machine"):
        before = _state(paths)
        for name in (_FORWARD, _WATCHERS):
            value = before.get(name, _read(name))
            if value != _read(name) and not (name == _FORWARD and succeeds(["docker", "info"])):
                _write(name, value)
                say(f"{name} is {value} again, as before the lab")
        _save(paths, {})


def _remember(paths: Paths, name: str) -> None:
    state = _state(paths)
    if name not in state:
        _save(paths, {**state, name: _read(name)})


def _read(name: str) -> str:
    return _file(name).read_text().strip()


def _write(name: str, value: str) -> None:
    _file(name).write_text(value)


def _file(name: str) -> Path:
    return Path("/proc/sys", *name.split("."))


def _state(paths: Paths) -> dict[str, str]:
    file = paths.root / "machine.json"
    state: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    return state


def _save(paths: Paths, state: dict[str, str]) -> None:
    (paths.root / "machine.json").write_text(json.dumps(state) + "\n")
