# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.berthage.swarm.plugins.module_utils._gluster.cli import Brick, Volume
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.layout import Change, change_of, layout_of
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.spec import BrickSpec, Layout

LAYOUTS = {
    "distributed": Layout(),
    "replica 2": Layout(replica=2),
    "replica 3": Layout(replica=3),
    "arbiter": Layout(replica=3, arbiter=1),
    "dispersed": Layout(disperse=3, redundancy=1),
}


def volume_of(layout: Layout, *keys: str) -> Volume:
    """A volume with bricks `h1/a` (host, directory)."""
    size = layout.set_size
    return Volume(
        name="v",
        id="id",
        status="Started",
        kind="",
        replica=layout.replica or 1,
        arbiter=layout.arbiter,
        disperse=layout.disperse,
        redundancy=layout.redundancy,
        bricks=tuple(
            Brick(*split(key), peer=split(key)[0], arbiter=bool(layout.arbiter) and place % size == size - 1)
            for place, key in enumerate(keys)
        ),
        options={},
    )


def split(key: str) -> tuple[str, str]:
    host, _slash, path = key.partition("/")
    return host, f"/{path}"


def change(volume: Volume, *keys: str, layout: Layout | None = None):
    declared = [BrickSpec(*split(key)) for key in keys]
    return change_of("v", layout or layout_of(volume), declared, [split(key) for key in keys], volume)


def applied(volume: Volume, wanted: Change) -> tuple[list[tuple[str, str]], int]:
    """What gluster makes of it: the bricks' keys and the size of a set."""
    size = layout_of(volume).set_size
    new = {replacement.old.key: (replacement.new.host, replacement.new.path) for replacement in wanted.replace}
    drained = {brick.key for brick in wanted.drain}
    keys = [new.get(brick.key, brick.key) for brick in volume.bricks if brick.key not in drained]
    more = len(wanted.copies) * size // len(keys) if wanted.copies else 0
    copies = [(brick.host, brick.path) for brick in wanted.copies]
    sets = [keys[start : start + size] for start in range(0, len(keys), size)]
    grown = [
        key for place, members in enumerate(sets) for key in (*members, *copies[place * more : place * more + more])
    ]
    return [*grown, *((brick.host, brick.path) for brick in wanted.add)], size + more


def composition(keys, size: int, arbiter: bool):
    sets = [tuple(keys[start : start + size]) for start in range(0, len(keys), size)]
    return {(frozenset(members), members[-1] if arbiter else None) for members in sets}


def test_new_sets_are_added_whole_in_the_declared_order():
    wanted, problems = change(volume_of(LAYOUTS["replica 2"], "a/1", "b/1"), "c/1", "d/1", "b/1", "a/1", "d/2", "c/2")

    assert problems == []
    assert list(map(str, wanted.add)) == ["c:/1", "d:/1", "d:/2", "c:/2"]
    assert wanted == Change(add=wanted.add)


def test_sets_that_are_not_declared_are_drained():
    wanted, problems = change(volume_of(LAYOUTS["distributed"], "a/1", "b/1", "c/1"), "c/1", "a/1")

    assert problems == []
    assert list(map(str, wanted.drain)) == ["b:/1"]


def test_a_brick_on_the_same_host_takes_the_place_of_its_neighbour():
    wanted, problems = change(volume_of(LAYOUTS["replica 3"], "a/1", "b/1", "c/1"), "d/1", "a/2", "c/1")

    assert problems == []
    assert list(map(str, wanted.replace)) == ["a:/1 with a:/2", "b:/1 with d:/1"]


def test_an_arbiter_is_replaced_by_an_arbiter():
    volume = volume_of(LAYOUTS["arbiter"], "a/1", "b/1", "c/1")

    wanted, problems = change(volume, "a/1", "d/1", "b/2")
    assert problems == []
    assert list(map(str, wanted.replace)) == ["c:/1 with b:/2", "b:/1 with d:/1"]

    for moved in (("a/1", "c/1", "d/1"), ("a/1", "c/1", "b/1"), ("a/1", "d/1", "b/1")):
        wanted, (problem,) = change(volume, *moved)
        assert wanted == Change()
        assert "the last brick of a set is its arbiter" in problem.message


def test_bricks_of_several_sets_in_one_are_refused():
    volume = volume_of(LAYOUTS["replica 2"], "a/1", "b/1", "c/1", "d/1")

    for keys in (("a/1", "c/1", "b/1", "d/1"), ("a/1", "x/1", "b/1", "y/1"), ("a/1", "c/1")):
        _wanted, (problem,) = change(volume, *keys)
        assert "grouped into other sets than the volume's" in problem.message
        assert problem.remedy == "list them as they are: a:/1, b:/1, c:/1, d:/1"


def test_other_bricks_altogether_are_added_first_and_removed_later():
    _wanted, (problem,) = change(volume_of(LAYOUTS["distributed"], "a/1", "b/1"), "a/1", "c/1")

    assert problem.message == "not supported yet: adding c:/1 and removing b:/1 in one run"
    assert "first list the old and the new ones, and in a later run leave out the old ones" in problem.remedy


@pytest.mark.parametrize(
    ("layout", "sets", "copies"),
    [
        (Layout(replica=3), ("c/1", "d/1", "e/1", "a/1", "b/1", "e/2"), ["e:/2", "e:/1"]),
        (Layout(replica=3, arbiter=1), ("b/1", "a/1", "e/1", "c/1", "d/1", "e/2"), ["e:/1", "e:/2"]),
        (Layout(replica=4), ("a/1", "b/1", "x/1", "y/1", "c/1", "d/1", "z/1", "w/1"), ["x:/1", "y:/1", "z:/1", "w:/1"]),
    ],
)
def test_further_copies_are_given_set_by_set_in_the_volumes_order(layout, sets, copies):
    volume = volume_of(LAYOUTS["replica 2"], "a/1", "b/1", "c/1", "d/1")

    wanted, problems = change(volume, *sets, layout=layout)

    assert problems == []
    assert list(map(str, wanted.copies)) == copies
    keys, size = applied(volume, wanted)
    arbiter = bool(layout.arbiter)
    assert composition(keys, size, arbiter) == composition([split(key) for key in sets], size, arbiter)


@pytest.mark.parametrize(
    ("layout", "keys", "told"),
    [
        (Layout(replica=3), ("a/1", "b/1", "c/1", "x/1", "y/1", "z/1"), "needs 1 further bricks"),
        (Layout(replica=3), ("a/1", "b/1", "x/1"), "needs 1 further bricks"),
        (Layout(replica=3), ("a/1", "b/1", "x/1", "c/1", "y/1", "z/1"), "bricks of the volume are missing"),
        (Layout(replica=3, arbiter=1), ("a/1", "x/1", "b/1", "c/1", "d/1", "y/1"), "the last brick of a set is"),
        (Layout(), ("a/1", "b/1", "c/1", "d/1"), "not supported yet: the volume is replica 2"),
        (Layout(disperse=4, redundancy=1), ("a/1", "b/1", "c/1", "d/1"), "declared is disperse 4 redundancy 1"),
    ],
)
def test_other_layouts_are_refused_by_name(layout, keys, told):
    wanted, (problem,) = change(volume_of(LAYOUTS["replica 2"], "a/1", "b/1", "c/1", "d/1"), *keys, layout=layout)

    assert wanted == Change()
    assert told in problem.message


@given(data=st.data(), layout=st.sampled_from(list(LAYOUTS.values())))
def test_what_is_not_refused_leads_to_what_is_declared_and_then_nothing_is_left_to_do(data, layout):
    """Whatever is declared, and however it is spelled or ordered."""
    pool = [f"h{host}/{path}" for host in range(4) for path in range(3)]
    size = layout.set_size

    def some_sets():
        keys = data.draw(st.permutations(pool))
        return list(keys[: size * data.draw(st.integers(1, len(pool) // size))])

    before, declared = some_sets(), some_sets()
    if data.draw(st.booleans()):  # not only strangers: some of the volume's sets, and one brick in them another
        declared = [*before[: data.draw(st.integers(1, len(before) // size)) * size]]
        free = [key for key in pool if key not in before]
        if free and data.draw(st.booleans()):
            declared[data.draw(st.integers(0, len(declared) - 1))] = free[0]
    volume = volume_of(layout, *before)

    wanted, problems = change(volume, *declared)

    if problems:
        return
    keys, _size = applied(volume, wanted)
    arbiter = bool(layout.arbiter)
    assert composition(keys, size, arbiter) == composition([split(key) for key in declared], size, arbiter)
    after = volume_of(layout, *(f"{host}{path}" for host, path in keys))
    assert change(after, *declared) == (Change(), [])
