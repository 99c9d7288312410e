# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mark of a process on what it makes for a while in an engine, so that a later run knows what a killed one left."""

from __future__ import annotations

import os
import time
from typing import Callable


def mark(process: int, deadline: float) -> str:
    """What the label says: which process made it, and when it counts as left behind in any case."""
    return "/".join([*_whereabouts(), str(process), _start_time(process), str(int(deadline))])


def is_left_behind(label: str, now: Callable[[], float] = time.time) -> bool:
    """Whether the process that made it is gone. Of one that we cannot see, only its time tells."""
    parts = label.split("/")
    if len(parts) != 5 or not parts[2].isdigit() or not parts[4].isdigit():
        return True
    boot, namespace, process, start_time, deadline = parts
    if now() > int(deadline):
        return True
    return (boot, namespace) == _whereabouts() and _start_time(int(process)) != start_time


def _whereabouts() -> tuple[str, str]:
    """Where a process number means something: this boot of this kernel, and this namespace of processes."""
    return _read("/proc/sys/kernel/random/boot_id"), os.path.basename(os.readlink("/proc/self/ns/pid"))


def _start_time(process: int) -> str:
    """The start time of a process in the kernel's clock ticks, see proc(5). Empty when there is no such process."""
    after_the_name = _read(f"/proc/{process}/stat").rpartition(")")[2].split()
    return after_the_name[19] if len(after_the_name) > 19 else ""


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return ""
