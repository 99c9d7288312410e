# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._gluster import replacing
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.heal import BrickHeal
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.replacing import entries_in, lone_writes, set_of

FILES = frozenset({"caad14cf-9bc1-4656-824c-4f0feb30eb36"})


def volume_of(volumes, name, offline=()):
    volume = volumes[name]
    bricks = tuple(replace(brick, online=place not in offline) for place, brick in enumerate(volume.bricks))
    return replace(volume, status="Started", bricks=bricks)


def in_the_way(volume, old, heals, entries):
    return replacing.in_the_way(volume, old, heals, entries, lone_writes(volume))


def heals_of(volume, pending=0, split_brain=0):
    return [
        BrickHeal(str(brick), brick.peer, "Connected", pending, split_brain)
        if brick.online
        else BrickHeal(str(brick), "", "Transport endpoint is not connected", None, None)
        for brick in volume.bricks
    ]


def test_bricks_that_hold_the_same_files_are_found(volumes):
    distrep, dist = volumes["distrep"], volumes["dist"]

    assert set_of(distrep, distrep.bricks[4]) == distrep.bricks[3:]
    assert set_of(dist, dist.bricks[1]) == dist.bricks[1:2]


@pytest.mark.parametrize("name", ["gv0", "arb", "disp"])
def test_a_brick_that_is_online_goes_when_nothing_is_pending(volumes, name):
    volume = volume_of(volumes, name)

    for old in volume.bricks:
        assert in_the_way(volume, old, heals_of(volume), {}) == ""
        assert "2 to heal" in in_the_way(volume, old, heals_of(volume, pending=2), {})


@pytest.mark.parametrize("name", ["gv0", "arb", "disp"])
def test_nothing_goes_while_another_one_of_the_set_is_offline_or_unknown_or_in_split_brain(volumes, name):
    volume = volume_of(volumes, name, offline={1})
    whole = volume_of(volumes, name)
    old = volume.bricks[0]

    assert in_the_way(volume, old, heals_of(volume), {}) == f"{volume.bricks[1]} of the same set is offline"
    assert "which version is right is not decided" in in_the_way(whole, old, heals_of(whole, split_brain=1), {})
    assert in_the_way(whole, old, heals_of(whole)[:2], {}).startswith("gluster tells of 2 of the 3 bricks")
    unknown = [*heals_of(whole)[:2], BrickHeal(str(whole.bricks[2]), "", "no answer", None, None)]
    assert "unknown (no answer)" in in_the_way(whole, old, unknown, {})


def test_a_dead_brick_of_three_copies_goes_although_it_lacks_something(volumes):
    volume = volume_of(volumes, "gv0", offline={0})
    entries = {str(volume.bricks[1]): FILES}

    assert in_the_way(volume, volume.bricks[0], heals_of(volume, pending=1), entries) == ""


ALONE = [
    {"cluster.quorum-type": "none"},
    {"cluster.quorum-type": "none", "cluster.quorum-count": "2"},
    {"cluster.quorum-type": "fixed"},
    {"cluster.quorum-type": "fixed", "cluster.quorum-count": "1"},
]
TOGETHER = [
    {},
    {"cluster.quorum-count": "1"},  # which counts for `fixed` only
    {"cluster.quorum-type": "auto"},
    {"cluster.quorum-type": "fixed", "cluster.quorum-count": "2"},
]


@pytest.mark.parametrize("name", ["gv0", "arb"])
@pytest.mark.parametrize("options", [*ALONE, *TOGETHER])
def test_where_one_copy_could_be_written_to_alone_the_others_are_no_witness(volumes, name, options):
    """They list the same: nothing at all, for they were down then, or what all of them lack."""
    volume = volume_of(volumes, name, offline={0})
    volume = replace(volume, options=options)
    dead, *others = volume.bricks

    for files in (frozenset(), FILES):
        reason = in_the_way(volume, dead, heals_of(volume, len(files)), {str(each): files for each in others})
        assert (reason == "") == (options in TOGETHER), reason
        assert not reason or "may alone hold what was written last: by cluster.quorum-type" in reason


def test_an_arbiter_and_a_dispersed_brick_do_not_depend_on_the_quorum_of_copies(volumes):
    arb = replace(volume_of(volumes, "arb", offline={2}), options=ALONE[0])
    disp = replace(volume_of(volumes, "disp", offline={0}), options=ALONE[0])

    assert in_the_way(arb, arb.bricks[2], heals_of(arb), {}) == ""
    assert in_the_way(disp, disp.bricks[0], heals_of(disp), {}) == ""


def test_a_dead_arbiter_has_nothing_to_lose(volumes):
    volume = volume_of(volumes, "arb", offline={2})

    assert in_the_way(volume, volume.bricks[2], heals_of(volume, 1), {str(volume.bricks[1]): FILES}) == ""


@pytest.mark.parametrize("name", ["arb", "disp"])
def test_another_dead_brick_goes_only_if_all_others_lack_the_same(volumes, name):
    volume = volume_of(volumes, name, offline={0})
    old, one, other = volume.bricks
    same = {str(one): FILES, str(other): FILES}

    assert in_the_way(volume, old, heals_of(volume, pending=1), same) == ""
    assert "may alone hold" in in_the_way(volume, old, heals_of(volume, pending=1), {str(other): FILES})


def test_of_two_copies_a_dead_one_may_be_the_right_one(volumes):
    volume = volume_of(volumes, "gv0", offline={0})
    two = replace(volume, replica=2, bricks=volume.bricks[:2])

    assert "of two copies, the other one does not know" in in_the_way(two, two.bricks[0], heals_of(two), {})


def test_unhealed_files_are_read_brick_by_brick(answer):
    dead, *others = sorted(entries_in(answer("heal_info_brick_killed")).items())

    assert dead == ("10.99.0.11:/data/bricks/copied", frozenset())
    assert [len(files) for _brick, files in others] == [4, 4]
    assert FILES <= others[0][1] == others[1][1]
