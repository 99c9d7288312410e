# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a volume's bricks get from what they are to what is declared: compared set by set, by (the peer's UUID, path).

The sets of a volume are what holds a file together; their bricks never change sets. So each declared set is either one
of the volume's, the same with other bricks in the place of some (replacement), the same with more copies, or a new one;
and each set of the volume that is not declared is drained. One kind of change at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Sequence, Tuple

from ansible_collections.berthage.swarm.plugins.module_utils._gluster.cli import Brick, Volume
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.spec import BrickSpec, Layout
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem, not_supported_yet

BrickKey = Tuple[str, str]  # (the peer's UUID, the path)


@dataclass(frozen=True)
class Replacement:
    old: Brick
    new: BrickSpec

    def __str__(self) -> str:
        return f"{self.old} with {self.new}"


@dataclass(frozen=True)
class Change:
    """What is to be done to a volume's bricks. At most one of `add`, `copies`, `drain` and `replace` is not empty."""

    add: tuple[BrickSpec, ...] = ()  # whole sets, in gluster's order
    copies: tuple[BrickSpec, ...] = ()  # further copies for each set there is, set by set
    drain: tuple[Brick, ...] = ()  # whole sets
    replace: tuple[Replacement, ...] = ()

    @property
    def new(self) -> tuple[BrickSpec, ...]:
        return (*self.add, *self.copies, *(replacement.new for replacement in self.replace))


def layout_of(volume: Volume) -> Layout:
    """The layout of a volume that exists. Gluster calls one copy *replica 1*."""
    return Layout(volume.replica if volume.replica > 1 else 0, volume.arbiter, volume.disperse, volume.redundancy)


def change_of(
    name: str, layout: Layout, declared: Sequence[BrickSpec], keys: Sequence[BrickKey], volume: Volume
) -> tuple[Change, list[Problem]]:
    """What leads from the volume to the declared bricks (`keys` are theirs), or why nothing does."""
    actual = layout_of(volume)
    names = dict(zip(keys, declared))
    wanted = _sets(keys, layout.set_size)
    there = _sets([brick.key for brick in volume.bricks], actual.set_size)
    bricks = {brick.key: brick for brick in volume.bricks}
    if layout != actual:
        problem = _other_layout(name, layout, volume)
        return (Change(), [problem]) if problem else _more_copies(name, layout, names, volume)
    partners = _partners(wanted, there)
    if partners is None:
        return Change(), [_regrouped(name, volume)]
    replace: list[Replacement] = []
    for place, partner in sorted(partners.items(), key=lambda pair: pair[1]):
        pairs = _pairs(wanted[place], there[partner], bool(actual.arbiter))
        if pairs is None:
            return Change(), [_other_arbiter(name, volume)]
        replace += [Replacement(bricks[old], names[new]) for old, new in pairs]
    add = tuple(names[key] for place, members in enumerate(wanted) if place not in partners for key in members)
    kept = set(partners.values())
    drain = tuple(bricks[key] for place, members in enumerate(there) if place not in kept for key in members)
    change = Change(add=add, drain=drain, replace=tuple(replace))
    return change, _mixed(name, change)


def _sets(keys: Sequence[BrickKey], size: int) -> list[tuple[BrickKey, ...]]:
    return [tuple(keys[start : start + size]) for start in range(0, len(keys), size)]


def _partners(wanted: Sequence[tuple[BrickKey, ...]], there: Sequence[tuple[BrickKey, ...]]) -> dict[int, int] | None:
    """By the place of a declared set that of the volume's set with which it shares bricks; `None` where one set shares
    bricks with several."""
    partners: dict[int, int] = {}
    for place, members in enumerate(wanted):
        sharing = [other for other, actual in enumerate(there) if set(members) & set(actual)]
        if len(sharing) > 1 or (sharing and sharing[0] in partners.values()):
            return None
        if sharing:
            partners[place] = sharing[0]
    return partners


def _pairs(
    wanted: tuple[BrickKey, ...], there: tuple[BrickKey, ...], arbiter: bool
) -> list[tuple[BrickKey, BrickKey]] | None:
    """Which brick takes the place of which one: the arbiter's that of the arbiter, then what is on the same host, then
    in order. `None` where a brick with data would have to become the arbiter, or the arbiter one with data."""
    old = [key for key in there if key not in wanted]
    new = [key for key in wanted if key not in there]
    pairs = []
    if arbiter and wanted[-1] != there[-1]:
        if there[-1] not in old or wanted[-1] not in new:
            return None
        pairs.append((old.pop(), new.pop()))
    for key in list(old):
        beside = next((other for other in new if other[0] == key[0]), None)
        if beside is not None:
            pairs.append((key, beside))
            old.remove(key)
            new.remove(beside)
    return [*pairs, *zip(old, new)]


def _other_layout(name: str, layout: Layout, volume: Volume) -> Problem | None:
    """More copies in each set are possible. Any other layout would be another volume."""
    actual = layout_of(volume)
    field = "disperse" if layout.disperse or actual.disperse else "replica"
    what = f"the volume is {actual}, and declared is {layout}"
    remedy = "declare what it is, or move the data to a new volume"
    if field == "replica" and layout.set_size < actual.set_size:
        return not_supported_yet(name, field, f"{what}: fewer copies", remedy)
    if field == "disperse" or layout.set_size == actual.set_size or actual.arbiter:
        return Problem(name, field, what, f"a volume's layout stays; {remedy}")
    return None


def _more_copies(
    name: str, layout: Layout, names: Mapping[BrickKey, BrickSpec], volume: Volume
) -> tuple[Change, list[Problem]]:
    """Further bricks for each set there is, in the order of the volume's sets, which is how gluster takes them."""
    actual = layout_of(volume)
    wanted = _sets(list(names), layout.set_size)
    there = _sets([brick.key for brick in volume.bricks], actual.set_size)
    partners = _partners(wanted, there)
    listed = ", ".join(map(str, volume.bricks))
    if partners is None or not len(partners) == len(there) == len(wanted):
        more = layout.set_size - actual.set_size
        what = f"the volume is {actual}, and for {layout} each of its {len(there)} sets needs {more} further bricks"
        remedy = f"list, set by set, the bricks that it has and behind them the new ones; it has {listed}"
        return Change(), [Problem(name, "bricks", what, remedy)]
    copies: list[BrickSpec] = []
    for place, partner in sorted(partners.items(), key=lambda pair: pair[1]):
        new = [key for key in wanted[place] if key not in there[partner]]
        if not set(there[partner]) <= set(wanted[place]):
            what, remedy = (
                "bricks of the volume are missing, and it has to get more copies",
                "change one thing at a time",
            )
            return Change(), [Problem(name, "bricks", what, f"{remedy}; it has {listed}")]
        if layout.arbiter and wanted[place][-1] not in new:
            return Change(), [_other_arbiter(name, volume)]
        copies += [names[key] for key in new]
    return Change(copies=tuple(copies)), []


def _mixed(name: str, change: Change) -> list[Problem]:
    kinds = {
        f"adding {', '.join(map(str, change.add))}": change.add,
        f"removing {', '.join(map(str, change.drain))}": change.drain,
        f"replacing {', '.join(map(str, change.replace))}": change.replace,
    }
    wanted = [words for words, bricks in kinds.items() if bricks]
    if len(wanted) < 2:
        return []
    remedy = "change one thing at a time"
    if change.add and change.drain:
        remedy += ": first list the old and the new ones, and in a later run leave out the old ones"
    return [not_supported_yet(name, "bricks", f"{' and '.join(wanted)} in one run", remedy)]


def _regrouped(name: str, volume: Volume) -> Problem:
    return Problem(
        name,
        "bricks",
        "the same bricks are grouped into other sets than the volume's, and bricks cannot change sets",
        f"list them as they are: {', '.join(map(str, volume.bricks))}",
    )


def _other_arbiter(name: str, volume: Volume) -> Problem:
    return Problem(
        name,
        "bricks",
        "the last brick of a set is its arbiter, and neither can a brick with data become it nor it one with data",
        f"list them as they are: {', '.join(map(str, volume.bricks))}",
    )
