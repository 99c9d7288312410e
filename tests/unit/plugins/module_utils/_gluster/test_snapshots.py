# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._gluster import snapshot_plan, snapshots
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.cli import GlusterError, Task, answer_in
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.hosts import Names
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.plan import Observed, plan
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.snapshots import Room, Snapshot, Taken
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.spec import volume_specs
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Refused

NAMES = Names(
    {
        "g1": frozenset({"10.99.0.11"}),
        "g2": frozenset({"10.99.0.12"}),
        "10.99.0.12": frozenset({"10.99.0.12"}),
        "10.99.0.13": frozenset({"10.99.0.13"}),
    },
    local=frozenset({"g1"}),
)
NIGHTLY = Snapshot("nightly", "gv0", activated=True)
KEPT = Snapshot("kept", "gv0", activated=False)
FOREIGN = Snapshot("foreign", "arb", activated=True)
TAKEN = Taken({each.name: each for each in (NIGHTLY, KEPT, FOREIGN)}, {"gv0": Room(256, 230), "arb": Room(256, 230)})


@pytest.fixture
def observed(members, volumes):
    return Observed(tuple(replace(member, connected=True) for member in members), NAMES, volumes)


@pytest.fixture
def planned(declare, observed):
    """The plan for gv0 with these snapshots, as it is in the recorded pool otherwise."""

    def plan_it(*declared: dict, seen=None, taken=TAKEN, allow=(), **arguments):
        wanted = [{"activated": True, "state": "present", **each} for each in declared]
        specs = volume_specs([declare(snapshots=wanted, **arguments)])
        seen = seen or observed
        (item,) = snapshot_plan.with_snapshots(plan(specs, seen, allow), specs, seen, taken, allow)
        return item

    return plan_it


def problems(item) -> list[str]:
    return [str(problem) for problem in item.step.problems]


def test_snapshots_are_read_with_their_volume_and_whether_they_can_be_mounted(answer):
    found = snapshots.snapshots_in(answer("snapshot_info"))

    assert {name: (each.volume, each.activated) for name, each in found.items()} == {
        "at-first": ("thin", True),
        "kept": ("thin", False),
    }
    assert found["at-first"].as_dict() == {
        "name": "at-first",
        "id": "9b481f2d-aa0c-4c95-9f82-d24c27ad2a7d",
        "created": "2026-11-22 03:19:43 +0000",
        "activated": True,
    }


def test_a_pool_without_snapshots_has_none(answer):
    assert snapshots.snapshots_in(answer("snapshot_info_none")) == {}


def test_room_is_read_of_each_volume(answer):
    assert snapshots.rooms_in(answer("snapshot_config")) == {"plain": Room(256, 230), "thin": Room(256, 230)}


def test_the_pool_may_delete_the_oldest_by_itself(recorded):
    document = recorded("snapshot_config").replace("<autoDelete>disable", "<autoDelete>enable")
    assert snapshots.rooms_in(answer_in(document))["thin"] == Room(256, 230, deletes_oldest=True)


@pytest.mark.parametrize(
    ("name", "read", "old", "new"),
    [
        ("snapshot_info", snapshots.snapshots_in, "snapVolume>", "other>"),
        ("snapshot_info", snapshots.snapshots_in, "<name>thin</name>", ""),
        ("snapshot_config", snapshots.rooms_in, "<softLimit>230", "<softLimit>many"),
        ("snapshot_config", snapshots.rooms_in, "autoDelete", "other"),
    ],
)
def test_answers_of_an_unknown_release_are_errors(recorded, name, read, old, new):
    with pytest.raises(GlusterError):
        read(answer_in(recorded(name).replace(old, new)))


def test_one_that_is_missing_is_taken_and_activated(planned):
    item = planned({"name": "new"})

    assert (item.work.snapshots.create, item.work.snapshots.activate) == (("new",), ("new",))
    assert item.step.action == "update"
    assert [each.as_dict() for each in item.step.drift] == [
        {"field": "snapshots.new", "declared": "activated", "actual": None}
    ]
    assert item.step.before["snapshots"] == {"kept": "deactivated", "nightly": "activated"}
    assert item.step.after["snapshots"] == {"kept": "deactivated", "new": "activated", "nightly": "activated"}


def test_one_that_is_only_to_be_kept_is_not_activated(planned):
    change = planned({"name": "new", "activated": False}).work.snapshots
    assert (change.create, change.activate, change.deactivate) == (("new",), (), ())


def test_those_that_are_as_declared_and_those_that_are_not_listed_are_no_change(planned):
    item = planned({"name": "nightly"})
    assert (item.step.action, bool(item.work.snapshots), item.step.drift) == ("keep", False, ())
    assert [each["name"] for each in item.step.details["snapshots"]] == ["kept", "nightly"]


def test_activation_goes_both_ways(planned):
    change = planned({"name": "nightly", "activated": False}, {"name": "kept"}).work.snapshots
    assert (change.create, change.activate, change.deactivate) == ((), ("kept",), ("nightly",))


def test_deleting_one_needs_consent(planned):
    gone = {"name": "nightly", "state": "absent"}
    refused = planned(gone)
    assert problems(refused) == [
        "gv0, snapshots.nightly: deleting a snapshot ends what it holds; add `allow: [delete]`, or leave it out of the "
        "list, which leaves it alone"
    ]
    allowed = planned(gone, allow=["delete"])
    assert (allowed.work.snapshots.delete, allowed.step.after["snapshots"]) == (("nightly",), {"kept": "deactivated"})


def test_deleting_what_is_not_there_is_no_change(planned):
    assert planned({"name": "never", "state": "absent"}).step.action == "keep"


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_name_that_another_volume_uses_is_refused(planned, state):
    (problem,) = problems(planned({"name": "foreign", "state": state}, allow=["delete"]))
    assert "there is a snapshot of that name, of the volume arb" in problem


def test_a_volume_goes_only_with_all_its_snapshots(planned):
    some = planned({"name": "nightly", "state": "absent"}, state="absent", allow=["delete"])
    assert problems(some) == [
        "gv0, state: the volume has snapshots (kept), and gluster deletes none that has; list them under `snapshots`, "
        "each with `state: absent`, when nothing in them is needed"
    ]
    both = [{"name": name, "state": "absent"} for name in ("nightly", "kept")]
    item = planned(*both, state="absent", allow=["delete"])
    assert (item.step.action, item.work.delete, item.work.snapshots.delete) == ("remove", True, ("nightly", "kept"))


def test_snapshots_matter_where_one_is_declared_or_a_volume_is_to_go(declare, volumes):
    def matters(**arguments):
        return snapshot_plan.matters(volume_specs([declare(**arguments)]), volumes)

    assert not matters()
    assert matters(snapshots=[{"name": "new", "activated": True, "state": "present"}])
    assert matters(state="absent")
    assert not matters(name="never_there", state="absent")


def test_none_is_taken_of_a_stopped_volume(planned):
    (problem,) = problems(planned({"name": "new"}, state="stopped"))
    assert "started volume only" in problem
    assert not problems(planned({"name": "nightly"}, state="stopped"))


def test_none_is_taken_of_a_brick_of_this_host_that_is_on_no_logical_volume(planned):
    unfit = replace(TAKEN, not_on_lvm=frozenset({"/data/brick1/gv0"}))
    (problem,) = problems(planned({"name": "new"}, taken=unfit))
    assert problem.startswith("gv0, snapshots.new: g1:/data/brick1/gv0 is on no logical volume")
    assert not problems(planned({"name": "nightly"}, taken=unfit))


def test_none_is_taken_while_data_moves(planned, observed):
    task = Task("Rebalance", "in progress")
    moving = replace(observed, volumes={**observed.volumes, "gv0": replace(observed.volumes["gv0"], tasks=(task,))})
    (problem,) = problems(planned({"name": "new"}, seen=moving))
    assert "while bricks change or data moves" in problem


def test_none_is_taken_without_a_host_of_the_volume(planned, observed):
    gone = tuple(replace(each, connected=each.hostnames[0] != "10.99.0.13") for each in observed.members)
    (problem,) = problems(planned({"name": "new"}, seen=replace(observed, members=gone)))
    assert "10.99.0.13:/data/brick1/gv0 is offline and its host not connected" in problem


@pytest.mark.parametrize(
    ("room", "message"),
    [
        (Room(2, 1), "3 of them are more than the 2 that a volume may have"),
        (Room(3, 2, deletes_oldest=True), "the pool deletes the oldest one of more than 2"),
        (Room(3, 2), ""),
    ],
)
def test_there_is_room_for_so_many_only(planned, room, message):
    found = problems(planned({"name": "new"}, taken=replace(TAKEN, rooms={"gv0": room})))
    assert message in "".join(found) and len(found) == bool(message)


def test_a_deleted_one_makes_room(planned):
    declared = {"name": "new"}, {"name": "kept", "state": "absent"}
    assert not problems(planned(*declared, taken=replace(TAKEN, rooms={"gv0": Room(2, 1)}), allow=["delete"]))


def test_problems_of_snapshots_come_beside_those_of_the_volume(planned):
    found = problems(planned({"name": "foreign"}, disperse=3, redundancy=1, replica=0))
    assert len(found) > 1 and "of the volume arb" in found[-1]


@pytest.mark.parametrize("name", ["all", "volume", "no-timestamp", "-x", "a b", "", "x" * 256])
def test_names_that_gluster_takes_for_something_else_are_refused(declare, name):
    with pytest.raises(Refused, match="gluster takes no such name for a snapshot"):
        volume_specs([declare(snapshots=[{"name": name, "activated": True, "state": "absent"}])])


def test_a_name_is_declared_once_in_all_volumes(declare):
    nightly = [{"name": "nightly", "activated": True, "state": "present"}]
    other = declare(name="gv9", snapshots=nightly, bricks=["g1:/data/1", "g2:/data/1", "10.99.0.13:/data/1"])
    with pytest.raises(Refused, match=r"gv0, snapshots\.nightly: is declared 2 times \(gv0, gv9\)"):
        volume_specs([declare(snapshots=nightly), other])


def test_an_absent_volume_has_no_present_snapshot(declare):
    with pytest.raises(Refused, match="no snapshot without its volume"):
        volume_specs([declare(state="absent", snapshots=[{"name": "x", "activated": True, "state": "present"}])])


class FakeGluster:
    """Remembers what it was told, and says what was recorded."""

    def __init__(self, answer) -> None:
        self.answer = answer
        self.told: list[str] = []

    def ask(self, *words):
        return self.answer

    def change(self, *words):
        self.told.append(" ".join(words))


def test_what_a_killed_run_has_done_already_is_not_done_again(answer):
    gluster = FakeGluster(answer("snapshot_info"))
    snapshots.carry_out(gluster, "thin", snapshots.Change(activate=("at-first", "kept")))
    assert gluster.told == ["snapshot activate kept"]


def test_one_that_came_activated_is_deactivated_where_it_is_only_to_be_kept(answer):
    # The pool's activate-on-create.
    gluster = FakeGluster(answer("snapshot_info"))
    snapshots.carry_out(gluster, "thin", snapshots.Change(create=("at-first",)))
    assert gluster.told == ["snapshot create at-first thin no-timestamp", "snapshot deactivate at-first"]


def test_without_lvm_none_can_be_taken_and_a_volume_without_any_can_go(planned):
    class WithoutLvm:
        def ask(self, *_words):
            raise GlusterError("gluster says: LVM commands not found, snapshot functionality is disabled")

    taken = snapshots.taken(WithoutLvm())

    assert problems(planned(state="absent", taken=taken, allow=["delete"])) == []
    (problem,) = problems(planned({"name": "new"}, taken=taken))
    assert "gv0, snapshots.new: this host has no commands of LVM" in problem


def test_another_failure_to_tell_of_snapshots_is_one():
    class Failing:
        def ask(self, *_words):
            raise GlusterError("gluster says: Another transaction is in progress")

    with pytest.raises(GlusterError):
        snapshots.taken(Failing())
