# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much a volume still has to heal, brick by brick. A brick that did not answer is unknown, never zero."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Iterable
from xml.etree import ElementTree

from ansible_collections.berthage.swarm.plugins.module_utils._gluster.cli import Gluster, GlusterError, Volume

_CONNECTED = "Connected"


@dataclass(frozen=True)
class BrickHeal:
    """What one brick knows that other bricks of its set lack. Each entry is counted by every brick that knows of it.

    `pending` are the entries that wait to be healed or are being healed, `split_brain` those that cannot be healed
    without a decision. Both are `None` where the brick did not answer, or not completely.
    """

    brick: str  # as gluster writes it, HOST:/path
    peer: str  # the UUID of its host; empty where the brick did not answer
    status: str
    pending: int | None
    split_brain: int | None

    @property
    def known(self) -> bool:
        return self.pending is not None

    @property
    def healed(self) -> bool:
        return self.pending == 0 and self.split_brain == 0


def heals(volume: Volume) -> bool:
    """Whether a volume has copies to heal from. A distributed one has not, and a stopped one cannot be asked."""
    return volume.started and (volume.replica > 1 or volume.disperse > 0)


def heal_state(gluster: Gluster, volume: str, limit: float = 0.0) -> tuple[BrickHeal, ...]:
    """The state of each brick of a volume that `heals`, in gluster's order. It looks at each pending entry, which takes
    minutes where they are tens of thousands: who waits for them gives it that time."""
    return heal_in(gluster.ask("volume", "heal", volume, "info", "summary", limit=limit))


def heal_in(answer: ElementTree.Element) -> tuple[BrickHeal, ...]:
    """The bricks in an answer to `volume heal NAME info summary`.

    Raises:
        GlusterError: it lists no bricks, from which nobody must conclude that nothing is pending.
    """
    bricks = tuple(_brick(element) for element in answer.iterfind("healInfo/bricks/brick"))
    if not bricks:
        raise GlusterError(
            "`gluster volume heal NAME info summary` listed no bricks; see /var/log/glusterfs/glfsheal-*"
        )
    return bricks


class Nudge:
    """Has the self-heal daemons look again now and then, for whoever waits for heals.

    They look when a brick comes up, and then each `cluster.heal-timeout` (600 s by default). What the first look
    brings to light, such as the files of a directory that it made on a new brick, may wait for the second one (seen
    with 10.3).
    """

    PAUSE = 10.0

    def __init__(self, gluster: Gluster, volume: str) -> None:
        self._gluster = gluster
        self._volume = volume
        self._last = float("-inf")

    def __call__(self) -> None:
        if time.monotonic() < self._last + self.PAUSE:
            return
        self._last = time.monotonic()
        # Refused while a daemon or a brick is down; what is waited for says that by itself.
        with suppress(GlusterError):
            self._gluster.heal(self._volume)


def unhealed(bricks: Iterable[BrickHeal]) -> str:
    """What is in the way of calling a volume healed, in words; empty when nothing is."""
    return ", ".join(f"{brick.brick}: {_in_words(brick)}" for brick in bricks if not brick.healed)


def _in_words(brick: BrickHeal) -> str:
    if not brick.known:
        return f"unknown ({brick.status})"
    counts = [
        f"{brick.pending} to heal" if brick.pending else "",
        f"{brick.split_brain} in split brain" if brick.split_brain else "",
    ]
    return " and ".join(filter(None, counts))


def _brick(element: ElementTree.Element) -> BrickHeal:
    name = (element.findtext("name") or "").strip()
    uuid = (element.get("hostUuid") or "").strip("- ")
    # Seen with 10.3: "Failed to process entries completely. (Transport endpoint is not connected)totalNumberOfEntries0"
    status = (element.findtext("status") or "").partition("totalNumberOfEntries")[0].strip()
    total, split_brain = _count(element, "totalNumberOfEntries"), _count(element, "numberOfEntriesInSplitBrain")
    if not name or ":/" not in name:
        raise GlusterError("`gluster --xml` printed a brick without a name among the pending heals")
    if status != _CONNECTED or total is None or split_brain is None or split_brain > total:
        return BrickHeal(name, uuid, status or "no answer", None, None)
    return BrickHeal(name, uuid, status, total - split_brain, split_brain)


def _count(element: ElementTree.Element, name: str) -> int | None:
    text = (element.findtext(name) or "").strip()
    return int(text) if text.isascii() and text.isdigit() else None
