# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._gluster.cli import GlusterError, answer_in
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.heal import heal_in, heals, unhealed


def test_a_volume_without_pending_heals_is_healed(answer):
    bricks = heal_in(answer("heal_summary"))

    assert [(brick.pending, brick.split_brain, brick.healed) for brick in bricks] == [(0, 0, True)] * 3
    assert unhealed(bricks) == ""


def test_what_a_dead_brick_lacks_is_counted_by_the_others_and_unknown_of_itself(answer):
    dead, *others = heal_in(answer("heal_summary_brick_killed"))

    assert (dead.pending, dead.split_brain, dead.known, dead.healed, dead.peer) == (None, None, False, False, "")
    assert dead.status == "Failed to process entries completely. (Transport endpoint is not connected)"
    assert [(brick.pending, brick.healed) for brick in others] == [(2, False), (2, False)]
    assert "10.99.0.11:/data/bricks/copied: unknown (Failed to process" in unhealed([dead])
    assert unhealed(others[:1]) == "10.99.0.12:/data/bricks/copied: 2 to heal"


def test_what_is_in_split_brain_is_not_waiting_to_be_healed(recorded):
    document = recorded("heal_summary_brick_killed").replace(
        "<numberOfEntriesInSplitBrain>0<", "<numberOfEntriesInSplitBrain>1<"
    )

    brick = heal_in(answer_in(document))[1]

    assert (brick.pending, brick.split_brain, brick.healed) == (1, 1, False)
    assert unhealed([brick]).endswith("1 to heal and 1 in split brain")


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("<status>Connected</status>", "<status>Transport endpoint is not connected</status>"),
        ("<status>Connected</status>", ""),
        ("<totalNumberOfEntries>0<", "<totalNumberOfEntries>-<"),
        ("<totalNumberOfEntries>0</totalNumberOfEntries>", ""),
        ("<numberOfEntriesInSplitBrain>0<", "<numberOfEntriesInSplitBrain><"),
        ("<numberOfEntriesInSplitBrain>0<", "<numberOfEntriesInSplitBrain>1<"),
    ],
)
def test_a_brick_that_gives_no_whole_account_is_unknown_and_not_healed(recorded, good, bad):
    document = recorded("heal_summary")
    assert good in document

    assert [brick.known for brick in heal_in(answer_in(document.replace(good, bad)))] == [False] * 3


@pytest.mark.parametrize("bad", ["<name/>", "<name>information not available</name>"])
def test_a_brick_without_a_name_is_an_error(recorded, bad):
    document = recorded("heal_summary").replace("<name>10.99.0.11:/data/bricks/copied</name>", bad)

    with pytest.raises(GlusterError, match="without a name"):
        heal_in(answer_in(document))


def test_an_answer_without_bricks_is_an_error_and_not_health(answer):
    with pytest.raises(GlusterError, match="listed no bricks"):
        heal_in(answer("status_none"))


def test_only_started_volumes_with_copies_heal(volumes):
    assert [name for name, volume in sorted(volumes.items()) if heals(volume)] == ["gv0"]
