# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What lets User-Mode Linux run on processors with more floating point state than its kernel knows."""

from __future__ import annotations

from pathlib import Path

from lab.locks import lock
from lab.paths import Paths
from lab.shell import run

SOURCE = Path(__file__).with_name("wide_registers.c")


def needed(cpuinfo: str | None = None) -> bool:
    """Whether the machine's processor has AMX, whose state does not fit into what Linux 6.1 keeps in User Mode."""
    text = Path("/proc/cpuinfo").read_text() if cpuinfo is None else cpuinfo
    flags = next((line for line in text.splitlines() if line.startswith("flags")), "")
    return "amx_tile" in flags.split()


def environment(paths: Paths) -> dict[str, str]:
    """What linux.uml is started with besides."""
    return {"LD_PRELOAD": str(_library(paths))} if needed() else {}


def _library(paths: Paths) -> Path:
    library = paths.root / "wide_registers.so"
    with lock(paths, "wide_registers"):
        if not library.exists() or library.stat().st_mtime < SOURCE.stat().st_mtime:
            unfinished = library.with_suffix(".unfinished")
            run(["gcc", "-O2", "-shared", "-fPIC", "-nostdlib", "-o", str(unfinished), str(SOURCE)])
            unfinished.rename(library)
    return library
