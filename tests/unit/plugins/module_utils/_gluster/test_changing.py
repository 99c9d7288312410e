# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written down of changes to bricks before they are made, by this side or by gluster."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._gluster import changing
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.cli import Brick, GlusterError, GlusterTimeout
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.heal import BrickHeal
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.plan import Work

LIMITS = changing.Limits(heal=60, rebalance=60)
REBALANCE = "user.berthage-rebalance"
OLD, NEW = "g3:/data/brick1/disp", "g4:/data/brick1/disp"


class Gluster:
    """One volume that changes as told, unless there is an error for it: by the command's second word, each once."""

    def __init__(self, volume, late=(), **errors):
        online = tuple(replace(brick, online=True) for brick in volume.bricks)
        self.volume = replace(volume, status="Started", bricks=online)
        self.said: list[str] = []
        self.errors = {word.replace("_", "-"): list(raised) for word, raised in errors.items()}
        self.late = late  # commands that are carried out although they fail

    def volumes(self):
        return {self.volume.name: self.volume}

    def members(self):
        return ()

    def heal(self, name):
        self.said.append("heal")
        self._fail(self.said[-1])

    def change(self, _volume, verb, *words):
        self.said.append(" ".join((verb, *words[1:])))
        if not any(self.errors.get(verb, ())[:1]) or verb in self.late:
            self._carry_out(verb, words[1:])
        self._fail(verb)

    def _fail(self, what):
        error = self.errors[what].pop(0) if self.errors.get(what) else None
        if error:
            raise error

    def _carry_out(self, verb, words):
        bricks = self.volume.bricks
        if verb == "set":
            self.volume = replace(self.volume, options={**self.volume.options, **dict(zip(words[::2], words[1::2]))})
        if verb == "add-brick":
            bricks = (*bricks, *(brick(word) for word in words))
        if verb == "replace-brick":
            bricks = tuple(brick(words[1]) if str(each) == words[0] else each for each in bricks)
        self.volume = replace(self.volume, bricks=bricks)


def brick(text):
    host, _colon, path = text.partition(":")
    return Brick(host, path, f"uuid-of-{host}", online=True)


def state_of(gluster, pending):
    return tuple(BrickHeal(str(each), each.peer, "Connected", pending, 0) for each in gluster.volume.bricks)


@pytest.fixture(autouse=True)
def healed(monkeypatch):
    """Nothing waits to be healed, as it is where nobody has told gluster that a brick is new."""

    monkeypatch.setattr(changing, "heal_state", lambda gluster, *_arguments: state_of(gluster, 0))
    monkeypatch.setattr(changing.time, "sleep", lambda _seconds: None)


@pytest.fixture
def clock(monkeypatch):
    """Time that passes by sleeping, and by what a test adds."""
    now = [0.0]
    monkeypatch.setattr(changing.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(changing.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    return now


@pytest.fixture
def disp(volumes):
    return volumes["disp"]


def replaced(gluster):
    changing.change_bricks(gluster, "disp", Work(replace=((OLD, NEW),)), LIMITS, force=False)


@pytest.mark.parametrize("before", ["done", "owed"])
def test_bricks_that_gluster_refuses_to_add_owe_no_more_than_was_owed(volumes, before):
    gv0 = volumes["gv0"]
    gluster = Gluster(
        replace(gv0, options={**gv0.options, REBALANCE: before}), add_brick=[GlusterError("on the root partition")]
    )

    with pytest.raises(GlusterError, match="on the root partition"):
        changing.change_bricks(gluster, "gv0", Work(add_sets=("g1:/x",), rebalance=True), LIMITS, force=False)

    assert gluster.said == [f"set {REBALANCE} owed", "add-brick g1:/x", f"set {REBALANCE} {before}"]


@pytest.mark.parametrize(
    ("error", "late"),
    [(GlusterTimeout("too slow"), ()), (GlusterError("Commit failed on g2"), ("add-brick",))],
    ids=["it-may-still-happen", "it-happened-here"],
)
def test_bricks_that_may_have_been_added_owe_their_rebalance(volumes, error, late):
    gluster = Gluster(volumes["gv0"], late=late, add_brick=[error])

    with pytest.raises(GlusterError, match=str(error)):
        changing.change_bricks(gluster, "gv0", Work(add_sets=("g1:/x",), rebalance=True), LIMITS, force=False)

    assert gluster.volume.options[REBALANCE] == "owed"


def test_draining_does_not_wait_for_a_rebalance_that_is_owed(volumes, monkeypatch):
    gluster = Gluster(volumes["dist"])
    done = []
    monkeypatch.setattr(changing, "_drain", lambda *_arguments: done.append("drain"))
    monkeypatch.setattr(changing, "_rebalance", lambda *_arguments: done.append("rebalance"))

    changing.change_bricks(gluster, "dist", Work(drain=("g1:/x",), rebalance=True), LIMITS, force=False)
    changing.change_bricks(gluster, "dist", Work(drain=("g1:/x",), forgive_rebalance=True), LIMITS, force=False)

    assert done == ["drain", "rebalance", "drain"]
    assert gluster.said == [f"set {REBALANCE} done"]


@pytest.fixture
def mounts(monkeypatch):
    """What is done in a mount of the volume; the others of the set note it."""
    done = []

    def run(*command):
        done.append(command[0])

    monkeypatch.setattr(changing.mounting, "run", run)
    return done


@pytest.mark.parametrize(("online", "ended"), [(True, [f"reset-brick {OLD} start"]), (False, [])])
def test_a_dispersed_brick_is_replaced_only_once_the_others_have_noted_that_it_lacks_something(
    disp, mounts, monkeypatch, online, ended
):
    gluster = Gluster(disp)
    gone = tuple(replace(each, online=online or str(each) != OLD) for each in gluster.volume.bricks)
    gluster.volume = replace(gluster.volume, bricks=gone)
    monkeypatch.setattr(changing.replacing, "entries_in", lambda _answer: {})
    gluster.ask = lambda *_words, limit: None
    monkeypatch.setattr(changing, "heal_state", lambda *_arguments: state_of(gluster, 1 if "umount" in mounts else 0))

    def over(*_arguments):
        raise GlusterError("cut short")

    monkeypatch.setattr(changing, "_wait_for_set", over)
    with pytest.raises(GlusterError, match="cut short"):
        replaced(gluster)

    assert gluster.said == [*ended, f"replace-brick {OLD} {NEW} commit force"]
    assert mounts == ["mount", "sh", "umount"]


def test_a_dispersed_brick_that_nobody_misses_is_not_replaced(disp, mounts):
    gluster = Gluster(disp)

    with pytest.raises(GlusterError, match="did not note that it lacks something"):
        replaced(gluster)

    # And runs again.
    assert gluster.said == [f"reset-brick {OLD} start", "start force"]


def test_of_a_replicated_volume_gluster_knows_by_itself(volumes, mounts):
    gluster = Gluster(volumes["gv0"])
    old = str(volumes["gv0"].bricks[0])

    changing.change_bricks(gluster, "gv0", Work(replace=((old, "g4:/x"),)), LIMITS, force=False)

    assert f"replace-brick {old} g4:/x commit force" in gluster.said
    assert mounts == []


def test_what_this_run_has_set_is_no_witness_for_a_brick_that_dies_on_the_way(volumes, monkeypatch, clock):
    """One that was written to alone: the others list nothing."""
    gluster = Gluster(replace(volumes["gv0"], options={"cluster.quorum-type": "auto"}))
    dead, *others = gluster.volume.bricks
    gluster.volume = replace(gluster.volume, bricks=(replace(dead, online=False), *others))
    gluster.ask = lambda *_words, limit: None
    monkeypatch.setattr(changing.replacing, "entries_in", lambda _answer: {})
    work = Work(replace=((str(dead), "g4:/x"),), lone_writes=True)

    with pytest.raises(GlusterError, match="may alone hold what was written last: by cluster"):
        changing.change_bricks(gluster, "gv0", work, LIMITS, force=False)

    assert not any(said.startswith("replace-brick") for said in gluster.said)
    changing.change_bricks(gluster, "gv0", replace(work, lone_writes=False), LIMITS, force=False)
    assert f"replace-brick {dead} g4:/x commit force" in gluster.said


def heals_slowly(monkeypatch, clock, answers):
    """What is pending, answer by answer; `None` for one that does not come in time. The last one repeats. Gives the
    limits that were asked with."""
    limits = []

    def heal_state(gluster, _name, limit):
        limits.append(limit)
        pending = answers.pop(0) if len(answers) > 1 else answers[0]
        if pending is None:
            clock[0] += 20
            raise GlusterTimeout("too slow")
        return state_of(gluster, pending)

    monkeypatch.setattr(changing, "heal_state", heal_state)
    return limits


def test_gluster_has_the_rest_of_the_time_to_tell_what_is_left_to_heal(volumes, monkeypatch, clock):
    """Before the replacement, and after it."""
    gluster = Gluster(volumes["gv0"])
    limits = heals_slowly(monkeypatch, clock, [None, 2, 0, 0, 0, 0, None, 2, 0])
    old = str(volumes["gv0"].bricks[0])

    changing.change_bricks(gluster, "gv0", Work(replace=((old, "g4:/x"),)), LIMITS, force=False)

    assert f"replace-brick {old} g4:/x commit force" in gluster.said
    pause = changing.HEAL_PAUSE
    assert limits[:5] == [60, 40 - pause, 40 - 2 * pause, 40 - 3 * pause, 40 - 4 * pause]
    assert limits[5:8] == [60 - pause, 60 - 2 * pause, 40 - 3 * pause]


@pytest.mark.parametrize(("answers", "replaced"), [([None], False), ([0, None], True)])
def test_who_is_never_told_what_is_left_to_heal_says_so_in_the_end(volumes, monkeypatch, clock, answers, replaced):
    gluster = Gluster(volumes["gv0"])
    heals_slowly(monkeypatch, clock, answers)
    old = str(volumes["gv0"].bricks[0])

    with pytest.raises(GlusterError, match="took too long to tell what is left to heal, for which a longer heal_timeo"):
        changing.change_bricks(gluster, "gv0", Work(replace=((old, "g4:/x"),)), LIMITS, force=False)

    assert clock[0] >= LIMITS.heal
    assert any(said.startswith("replace-brick") for said in gluster.said) == replaced


def test_a_brick_is_replaced_at_once_where_nothing_heals_and_after_several_looks_where_something_did(
    volumes, monkeypatch, clock
):
    old = str(volumes["gv0"].bricks[0])
    for answers, looks in (([0], 1), ([1, 0, 0, 2, 0, 0, 0], 7)):
        gluster = Gluster(volumes["gv0"])
        gluster.errors["replace-brick"] = [GlusterError("cut short")]
        limits = heals_slowly(monkeypatch, clock, answers)

        with pytest.raises(GlusterError, match="cut short"):
            changing.change_bricks(gluster, "gv0", Work(replace=((old, "g4:/x"),)), LIMITS, force=False)

        assert len(limits) == looks


def test_what_is_told_is_why_bricks_were_not_changed_and_not_what_failed_after_it(volumes):
    allowed = {"auth.allow": "10.0.0.7"}
    gluster = Gluster(replace(volumes["gv0"], options=allowed), replace_brick=[GlusterTimeout("may still happen")])
    gluster.errors["set"] = [None, GlusterError("another one holds the lock")]
    old = str(volumes["gv0"].bricks[0])

    with pytest.raises(GlusterTimeout, match="may still happen"):
        changing.change_bricks(gluster, "gv0", Work(replace=((old, "g4:/x"),)), LIMITS, force=False)

    # For the next run.
    assert gluster.volume.options["user.berthage-auth-allow"] == "10.0.0.7"
