# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running the programs of the machine: argument lists only, never a shell, errors with what the program said."""

from __future__ import annotations

import shutil
import subprocess
from typing import Sequence


class LabError(Exception):
    """Something that the user of the lab can understand and act upon."""


def run(
    command: Sequence[str],
    *,
    check: bool = True,
    timeout: float | None = None,
    stdin: str | None = None,
    env: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; with `check` a failure is a LabError that carries the program's last lines."""
    try:
        done = subprocess.run(
            list(command), text=True, input=stdin, capture_output=True, timeout=timeout, check=False, env=env
        )
    except FileNotFoundError as missing:
        raise LabError(f"{command[0]}: this program is not installed") from missing
    except subprocess.TimeoutExpired as late:
        raise LabError(f"{' '.join(command)}: no answer within {timeout:.0f} s") from late
    if check and done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()[-12:]
        raise LabError("\n  ".join([f"{' '.join(command)}: failed with {done.returncode}", *said]))
    return done


def installed(program: str) -> bool:
    return shutil.which(program) is not None


def succeeds(command: Sequence[str], *, timeout: float | None = 20) -> bool:
    """Whether a program exists and ends with 0."""
    try:
        return run(command, check=False, timeout=timeout).returncode == 0
    except LabError:
        return False
