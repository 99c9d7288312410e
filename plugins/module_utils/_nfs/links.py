# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links on the way to an export that lies inside of another one: whose clients may turn them to any place."""

from __future__ import annotations

import os
from typing import Iterable, Iterator, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem


def problems(paths: Iterable[str]) -> Iterator[Problem]:
    """Exports that such links lead away. Both servers, and who sets owner and mode, follow links as root."""
    return _led_away({path: os.path.realpath(path) for path in paths})


def _led_away(real: Mapping[str, str]) -> Iterator[Problem]:
    for path, place in real.items():
        for outer, outer_place in real.items():
            above = outer.rstrip("/")
            is_inside = path != outer and path.startswith(f"{above}/")
            if is_inside and place != outer_place.rstrip("/") + path[len(above) :]:
                yield Problem(
                    path,
                    "path",
                    f"is {place}, by a link inside of the export {outer}, whose clients could turn it to any directory "
                    "of this server",
                    f"look who made the link; remove it, or export {place} under its own name",
                )
