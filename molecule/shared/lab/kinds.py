# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which kind of hosts a lab gets, and why."""

from __future__ import annotations

import gzip
import os
import platform
import re
from pathlib import Path
from types import ModuleType
from typing import Mapping, Sequence

from lab import containers, engine, machine, uml, wide_registers
from lab.model import Lab
from lab.progress import say
from lab.shell import LabError, succeeds

KINDS = ("auto", "container", "uml")
# What the kernel scenarios need, under the name of the module and of its build option.
FEATURES: Mapping[str, str] = {"nfsd": "NFSD", "nfs": "NFS_FS", "esp4": "INET_ESP", "ip_vs": "IP_VS"}


def choose(kind: str) -> str:
    """`auto` is a container where the running kernel can do all that a Swarm needs of it, otherwise User-Mode Linux."""
    if kind not in KINDS:
        raise LabError(f"{kind}: no kind of host; there are {', '.join(KINDS)}")
    if kind != "auto":
        return kind
    missing = missing_features()
    if not missing:
        say("this machine's kernel has nfsd, nfs, esp4 and ip_vs: the hosts are containers")
        return "container"
    say(f"this machine's kernel lacks {', '.join(missing)}: the hosts are User-Mode Linux, which brings its own kernel")
    return "uml"


def obstacle(kind: str) -> str:
    """Why hosts of this kind cannot be had on this machine; empty if they can."""
    if os.geteuid() != 0:
        return "the lab makes networks and root file systems, which needs root"
    if kind in ("uml", "auto") and platform.machine() != "x86_64" and (kind == "uml" or missing_features()):
        return f"User-Mode Linux is there for x86_64 only, and this machine is {platform.machine()}"
    if kind == "uml" and not Path("/dev/net/tun").exists():
        return "/dev/net/tun is missing, so that User-Mode Linux hosts have no network"
    if kind == "container" and not Path("/dev/fuse").exists():
        return "/dev/fuse is missing, so that container hosts cannot mount GlusterFS"
    return ""


def missing_features() -> tuple[str, ...]:
    """The features that the running kernel neither has built in nor can load as a module."""
    config = kernel_config()
    return tuple(name for name, option in FEATURES.items() if not (built_in(config, option) or _loadable(name)))


def built_in(config: str, option: str) -> bool:
    return re.search(rf"^CONFIG_{option}=y$", config, re.MULTILINE) is not None


def kernel_config() -> str:
    """The configuration that the running kernel was built with, where it can be read."""
    packed = Path("/proc/config.gz")
    if packed.exists():
        return gzip.decompress(packed.read_bytes()).decode()
    plain = Path(f"/boot/config-{Path('/proc/sys/kernel/osrelease').read_text().strip()}")
    return plain.read_text() if plain.exists() else ""


def _loadable(module: str) -> bool:
    """Loaded, or to be loaded now: a container cannot load modules of the machine on demand."""
    return Path(f"/sys/module/{module}").exists() or succeeds(["modprobe", module])


def of(lab: Lab) -> ModuleType:
    return named(lab.kind)


def named(kind: str) -> ModuleType:
    return uml if kind == "uml" else containers


def requirements(kind: str) -> Sequence[machine.Requirement]:
    if kind == "uml":
        return (*machine.UML, machine.COMPILER) if wide_registers.needed() else machine.UML
    return () if engine.answers() else machine.CONTAINER
