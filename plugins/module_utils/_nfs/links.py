# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links on the way to an export that lie inside of another one: whose clients may turn them to any place."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Iterable, Iterator, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem

# As many as the kernel follows, and then says ELOOP.
_MOST_LINKS = 40


@dataclass(frozen=True)
class Way:
    """The directory that a path leads to, and the links that it passes, each by the real name of the place it is at."""

    place: str
    links: tuple[str, ...] = ()


def way(path: str) -> Way:
    """Follow an absolute path. What is missing is no link, and what lies behind too many of them is not followed."""
    place, ahead = "/", path.split("/")[::-1]
    links: list[str] = []
    while ahead:
        name = ahead.pop()
        if name == "..":
            place = os.path.dirname(place)
        elif name not in ("", "."):
            there = os.path.join(place, name)
            target = _target(there) if len(links) < _MOST_LINKS else None
            if target is None:
                place = there
                continue
            links.append(there)
            ahead += target.split("/")[::-1]
            if target.startswith("/"):
                place = "/"
    return Way(place, tuple(links))


def problems(ways: Mapping[str, Way], exported: Iterable[str]) -> Iterator[Problem]:
    """Declared exports that such links lead away. The kernel's server and who sets the owner follow links as root.

    `ways` are those of the declared paths; `exported` is what else the server exports, by its real name.
    """
    outer = {**{place: place for place in sorted(exported)}, **{one.place: path for path, one in ways.items()}}
    for path, one in ways.items():
        found = next(((link, place) for link in one.links for place in outer if is_inside(link, place)), None)
        if found is not None:
            link, place = found
            yield Problem(
                path,
                "path",
                f"is {one.place}, by the link {link} inside of the export {outer[place]}, whose clients could turn it "
                "to any directory of this server",
                f"look who made the link; remove it, or export {one.place} under its own name",
            )


def is_inside(path: str, place: str) -> bool:
    return path.startswith(place.rstrip("/") + "/")


def _target(path: str) -> str | None:
    try:
        return os.readlink(path)
    except OSError:
        return None
