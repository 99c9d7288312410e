# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a brick may be replaced: only where every file survives on the others of its set."""

from __future__ import annotations

from typing import Mapping, Sequence
from xml.etree import ElementTree

from ansible_collections.berthage.swarm.plugins.module_utils._gluster.cli import Brick, Volume
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.heal import BrickHeal, unhealed

# Looks in a row that have to find nothing pending: entries are found directory by directory while a new brick fills.
CALM_LOOKS = 3

MAY_BE_LOST = "it is offline, and may alone hold what was written last"
ONE_WAS_ENOUGH = "by cluster.quorum-type, as it was before this run, one brick was enough to write"


def set_of(volume: Volume, brick: Brick) -> tuple[Brick, ...]:
    """The bricks that hold the same files, the brick itself among them."""
    size = volume.disperse or max(volume.replica, 1)
    place = [other.key for other in volume.bricks].index(brick.key)
    return volume.bricks[place - place % size : place - place % size + size]


def lone_writes(volume: Volume) -> bool:
    """Whether one of three copies, or more, is enough to write, so that the others may know nothing of it.

    Where no type is set, more than two copies have `auto`; `fixed` without a count is none at all (afr.c,
    fix_quorum_options). What is set now says nothing of what was written before it was.
    """
    kind = volume.options.get("cluster.quorum-type", "auto")
    count = volume.options.get("cluster.quorum-count", "")
    enough = kind == "auto" or (kind == "fixed" and count.isdigit() and int(count) > 1)
    return volume.replica > 2 and not enough


def in_the_way(
    volume: Volume,
    old: Brick,
    heals: Sequence[BrickHeal],
    entries: Mapping[str, frozenset[str]],
    alone: bool,
) -> str:
    """Why the brick must not be replaced now, empty when it may.

    `entries` are the unhealed files that each brick of the volume lists, by the brick's name. `alone` is whether there
    may be `lone_writes`.

    A brick that is online goes only when nothing is pending. What a dead one lacks cannot be healed before: then the
    others must be known to have every file. With three copies, each write on two of them at least, they have. An
    arbiter has no data to lose. Otherwise (two copies and an arbiter, dispersed) each of the others must have taken
    part in each write since: all list the same entries. Two copies have no witness, and neither has what a copy took
    alone.
    """
    members = set_of(volume, old)
    others = [brick for brick in members if brick.key != old.key]
    offline = [str(brick) for brick in others if not brick.online]
    names = {str(brick) for brick in members}
    here = [heal for heal in heals if heal.brick in names]
    split = [heal for heal in here if heal.split_brain]
    if offline:
        return f"{', '.join(offline)} of the same set is offline"
    if len(here) < len(names):
        return f"gluster tells of {len(here)} of the {len(names)} bricks of the set what they have to heal"
    if split:
        return f"which version is right is not decided ({unhealed(split)})"
    if old.online:
        return unhealed(here)
    unknown = unhealed(heal for heal in here if heal.brick != str(old) and not heal.known)
    return unknown or _without_witness(volume, old, [entries.get(str(brick), frozenset()) for brick in others], alone)


def _without_witness(volume: Volume, old: Brick, entries: Sequence[frozenset[str]], alone: bool) -> str:
    """Why a brick that is dead may alone hold something; empty where it cannot."""
    if old.arbiter:
        return ""
    if volume.replica == 2:
        return f"{MAY_BE_LOST}: of two copies, the other one does not know"
    if alone:
        return f"{MAY_BE_LOST}: {ONE_WAS_ENOUGH}"
    if volume.replica > 2 and not volume.arbiter:
        return ""
    return f"{MAY_BE_LOST}: the others of its set do not lack the same files" if len(set(entries)) > 1 else ""


def entries_in(answer: ElementTree.Element) -> dict[str, frozenset[str]]:
    """The unhealed files that each brick lists in an answer to `volume heal NAME info`, by the brick's name."""
    return {
        (brick.findtext("name") or "").strip(): frozenset(
            file.get("gfid") or file.text or "" for file in brick.iterfind("file")
        )
        for brick in answer.iterfind("healInfo/bricks/brick")
    }
