# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits for directories of a volume: what they are, and how much of them is used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from ansible_collections.berthage.swarm.plugins.module_utils._gluster.cli import Gluster, GlusterError, Volume
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.options import meaning

_NONE_SET = "No quota configured on volume"


@dataclass(frozen=True)
class Limit:
    """The limit of one directory, in bytes. What gluster could not find out is `None`."""

    path: str
    hard: int
    soft: int | None
    used: int | None
    available: int | None
    exceeded: bool

    def as_dict(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "limit": self.hard,
            "soft_limit": self.soft,
            "used": self.used,
            "available": self.available,
            "exceeded": self.exceeded,
        }


def is_on(volume: Volume) -> bool:
    """Whether the volume counts what its directories hold, which it has to before it can limit them."""
    return meaning("features.quota", volume.options.get("features.quota", "off")) is True


def limits(gluster: Gluster, volume: str) -> tuple[Limit, ...]:
    """The limits of a started volume whose quota is on, by path.

    Gluster mounts the volume for this question, below /run/gluster, and unmounts it again.

    Raises:
        GlusterError: also where too few bricks are up for that mount.
    """
    try:
        return limits_in(gluster.ask("volume", "quota", volume, "list"))
    except GlusterError as error:
        if _NONE_SET in str(error):
            return ()
        if "said nothing" in str(error):
            # Seen with 10.3 and 11.1, with exit status 0.
            raise GlusterError(
                f"gluster lists no limit of {volume}, and does not say that there is none either: directories that had "
                "limits were removed, or its quota daemon has just been started"
            ) from error
        raise


def limits_in(answer: ElementTree.Element) -> tuple[Limit, ...]:
    """The limits in an answer to `volume quota NAME list`."""
    found = [_limit(element) for element in answer.iterfind("volQuota/limit")]
    return tuple(sorted(found, key=lambda limit: limit.path))


def _limit(element: ElementTree.Element) -> Limit:
    path = (element.findtext("path") or "").strip()
    hard = _bytes(element, "hard_limit")
    if not path or hard is None:
        raise GlusterError("`gluster volume quota NAME list` printed a limit without a path or a size")
    return Limit(
        path=path,
        hard=hard,
        soft=_bytes(element, "soft_limit_value"),
        used=_bytes(element, "used_space"),
        available=_bytes(element, "avail_space"),
        exceeded=(element.findtext("hl_exceeded") or "").strip().lower() == "yes",
    )


def _bytes(element: ElementTree.Element, name: str) -> int | None:
    text = (element.findtext(name) or "").strip()
    return int(text) if text.isascii() and text.isdigit() else None
