# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lab hosts on User-Mode Linux: a real kernel of Debian's as an ordinary process, with a disk of its own."""

from __future__ import annotations

from lab.model import Host, Lab
from lab.paths import Paths
from lab.recipe import Recipe
from lab.shell import LabError


def start(paths: Paths, lab: Lab, recipe: Recipe) -> None:
    raise LabError("kind uml comes next")


def running(lab: Lab, host: Host) -> bool:
    return False


def power_cut(lab: Lab, host: Host) -> None:
    pass


def power_on(paths: Paths, lab: Lab, host: Host) -> None:
    pass


def remove(paths: Paths, name: str) -> None:
    pass


def namespaces() -> tuple[str, ...]:
    return ()
