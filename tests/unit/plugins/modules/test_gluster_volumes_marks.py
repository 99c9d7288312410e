# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Marks on new bricks of this host: taken back where gluster refused them, never where it may still use them."""

from __future__ import annotations

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._gluster import changing
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.changing import Limits
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.cli import (
    Brick,
    GlusterBusy,
    GlusterError,
    GlusterTimeout,
    Member,
    Volume,
)
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.hosts import Names
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.plan import Observed, Work
from ansible_collections.berthage.swarm.plugins.modules import gluster_volumes

NEW = "g1:/data/gv0"
OLD = Brick("g1", "/data/old", "uuid-of-g1", online=True)
WORKS = {
    "create": Work(create=("replica", "3", NEW)),
    "add-brick": Work(add_sets=(NEW,)),
    "replace-brick": Work(replace=((str(OLD), NEW),)),
}
VOLUME = Volume("gv0", "", "Started", "Distribute", 1, 0, 0, 0, (OLD,), {"auth.allow": "10.0.0.7"})


class Gluster:
    """The command fails like this, and setting an option after it since another one holds the lock."""

    def __init__(self, verb, error):
        self.verb, self.error, self.failed = verb, error, False

    def volumes(self):
        return {} if self.verb == "create" else {"gv0": VOLUME}

    def change(self, _volume, verb, *_words):
        if self.failed:
            raise GlusterBusy("another one holds the lock")
        if verb == self.verb:
            self.failed = True
            raise self.error


@pytest.mark.parametrize("verb", sorted(WORKS))
@pytest.mark.parametrize(("error", "is_taken_back"), [(GlusterError("no"), True), (GlusterTimeout("too slow"), False)])
def test_what_may_still_happen_keeps_the_marks_of_its_bricks(monkeypatch, verb, error, is_taken_back):
    taken_back = []
    bricks = gluster_volumes.brick_directories
    monkeypatch.setattr(bricks, "take_back", lambda directories: taken_back.extend(each.path for each in directories))
    monkeypatch.setattr(changing, "_in_the_way", lambda *_arguments: "")
    members = (Member("uuid-of-g1", ("g1",), connected=True, is_local=True),)
    observed = Observed(members, Names({"g1": frozenset()}, local=frozenset({"g1"})), {})
    call = gluster_volumes.Call(Gluster(verb, error), observed, Limits(heal=1, rebalance=1), force=False)

    with pytest.raises(type(error), match=str(error)):
        gluster_volumes._carry_out(call, "gv0", WORKS[verb])

    assert taken_back == (["/data/gv0"] if is_taken_back else [])
