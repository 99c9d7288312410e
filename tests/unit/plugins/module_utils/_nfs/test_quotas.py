# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Quotas of exports: what is planned, and what the two files of projects say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.berthage.swarm.plugins.module_utils._nfs import quotas
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.quotas import Directory, Projects, State, merged, plan
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.spec import size_of
from ansible_collections.berthage.swarm.plugins.module_utils._plan import Step
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Refused
from ansible_collections.berthage.swarm.tests.unit.plugins.module_utils._nfs.declarations import declared, export

G = 1024**3
FOREIGN_PROJECTS = "# mine\n7:/srv/other\n"
FOREIGN_NAMES = "theirs:7\n"


def settled(path="/a", size=10 * G):
    """A host on which the directory has its quota."""
    (change,) = plan(declared(export(path, quota=quotas.spelled(size))), State()).changes
    projects = quotas.read(*quotas.with_entry("", "", change))
    return State(projects, {path: Directory(change.project, marked=True)}, {path: size})


def test_a_new_quota_makes_the_directory_a_project():
    (change,) = plan(declared(export("/a", quota="10G")), State(directories={"/a": Directory()})).changes
    assert (change.before, change.after, change.joins, change.leaves) == (0, 10 * G, True, False)
    assert 0 < change.project < 2**31
    assert change.name == f"berthage.berthage.{change.project}"


def test_a_quota_that_is_there_is_left_alone():
    assert plan(declared(export("/a", quota="10G")), settled()).changes == ()
    assert plan(declared(export("/a", quota="10240M")), settled()).changes == ()


def test_another_size_keeps_the_project():
    (change,) = plan(declared(export("/a", quota="20G")), settled()).changes
    assert (change.before, change.after, change.joins) == (10 * G, 20 * G, False)
    assert change.project == settled().projects.numbers["/a"]


def test_a_directory_that_a_killed_run_did_not_finish_joins_again():
    state = settled()
    for unfinished in (
        State(state.projects, {"/a": Directory()}, state.limits),
        State(state.projects, state.directories, {"/a": 0}),
    ):
        (change,) = plan(declared(export("/a", quota="10G")), unfinished).changes
        assert change.joins
    named = State(Projects(names=state.projects.names))
    (change,) = plan(declared(export("/a", quota="10G")), named).changes
    assert change.project == state.projects.numbers["/a"]


def test_a_limit_counts_in_the_blocks_of_its_file_system():
    whole, state = declared(export("/a", quota="10001K")), settled(size=10004 * 1024)
    for block, differs in ((1024, True), (4096, False)):
        found = State(state.projects, {"/a": Directory(state.projects.numbers["/a"], True, block=block)}, state.limits)
        assert bool(plan(whole, found).changes) == differs


@pytest.mark.parametrize("exports", [[export("/a")], [export("/a", state="absent")], [], [export("/b")]])
def test_a_quota_declared_no_more_goes_whatever_becomes_of_the_export(exports):
    (change,) = plan(declared(*exports), settled()).changes
    assert (change.path, change.after, change.leaves) == ("/a", 0, True)


def test_the_quotas_of_another_drop_in_and_of_others_stay():
    state = State(quotas.read(FOREIGN_PROJECTS, FOREIGN_NAMES))
    assert plan(declared(), state).changes == ()
    assert plan(declared(name="second"), settled()).changes == ()


def test_what_cannot_be_is_refused_with_the_remedy():
    wanted = declared(export("/a", quota="10G"))
    unfit = State(directories={"/a": Directory(unfit="its file system (nfs) has no project quotas", remedy="move it")})
    assert "no project quotas; move it" in str(plan(wanted, unfit).problems["/a"])
    elsewhere = State(directories={"/a": Directory(project=9)})
    assert "belongs to project 9 already" in str(plan(wanted, elsewhere).problems["/a"])
    theirs = State(Projects({"/a": 7}, {7: "theirs"}), {"/a": Directory(7, True)}, {"/a": G})
    assert "project 7 (theirs), which is not ours" in str(plan(wanted, theirs).problems["/a"])


def test_of_two_directories_inside_of_one_another_both_are_refused():
    state = State(directories={"/srv": Directory(), "/srv/app": Directory()})
    for paths in (("/srv", "/srv/app"), ("/srv/app", "/srv")):
        found = plan(declared(*(export(path, quota="1G") for path in paths)), state)
        assert "holds /srv/app, which has a quota too" in str(found.problems["/srv"])
        assert "lies in /srv, which has a quota too" in str(found.problems["/srv/app"])
        assert found.changes == ()
    assert plan(declared(export("/srv", quota="1G"), export("/srv/app")), state).problems == {}
    assert plan(declared(export("/srv", quota="1G"), export("/srv/app", state="absent")), state).problems == {}
    beside = State(directories={"/srv/app": Directory(), "/srv/app2": Directory()})
    assert plan(declared(*(export(path, quota="1G") for path in beside.directories)), beside).problems == {}


@pytest.mark.parametrize("names", ["berthage.berthage.9:9\n", "berthage.second.9:9\n", "theirs:9\n", ""])
def test_also_one_that_has_its_quota_already_whosever_and_also_when_it_is_to_go(names):
    inner = State(
        quotas.read("9:/srv/app\n", names), {"/srv": Directory(), "/srv/app": Directory(9, True)}, {"/srv/app": G}
    )
    found = plan(declared(export("/srv", quota="1G")), inner)
    assert "holds /srv/app, which has a quota too" in str(found.problems["/srv"])
    assert "take it away in a run of its own before" in str(found.problems["/srv"])
    outer = State(quotas.read("9:/srv\n", names), {"/srv": Directory(9, True), "/srv/app": Directory(9, True)})
    found = plan(declared(export("/srv/app", quota="1G")), outer)
    assert "lies in /srv, which has a quota too" in str(found.problems["/srv/app"])


def test_inside_of_one_another_they_are_by_where_they_really_are_and_on_one_file_system():
    both = declared(export("/srv", quota="1G"), export("/app", quota="1G"))
    directories = {"/srv": Directory(device=1), "/srv/app": Directory(device=1)}
    assert [*plan(both, State(directories=directories, real={"/app": "/srv/app"})).problems] == ["/srv", "/app"]
    both = declared(export("/srv", quota="1G"), export("/srv/app", quota="1G"))
    directories = {"/srv": Directory(device=1), "/data/app": Directory(device=1)}
    assert plan(both, State(directories=directories, real={"/srv/app": "/data/app"})).problems == {}
    mounted = {"/srv": Directory(device=1), "/srv/app": Directory(device=2)}
    assert plan(both, State(directories=mounted)).problems == {}


def test_a_directory_that_is_no_more_is_in_nobody_s_way():
    state = State(quotas.read("9:/srv/app\n", "theirs:9\n"), {"/srv": Directory()})
    assert plan(declared(export("/srv", quota="1G")), state).problems == {}


def test_two_directories_never_get_one_number():
    numbers = [
        change.project for change in plan(declared(*(export(f"/{n}", quota="1G") for n in range(50))), State()).changes
    ]
    assert len(set(numbers)) == 50
    taken = numbers[0]
    state = State(quotas.read(f"{taken}:/elsewhere\n", ""))
    (change,) = plan(declared(export("/0", quota="1G")), state).changes
    assert change.project != taken


def test_the_files_keep_what_others_wrote():
    (change,) = plan(declared(export("/a b", quota="1G")), State()).changes
    projects, names = quotas.with_entry(FOREIGN_PROJECTS, FOREIGN_NAMES.rstrip("\n"), change)
    assert projects == f"{FOREIGN_PROJECTS}{change.project}:/a b\n"
    assert names == f"{FOREIGN_NAMES}{change.name}:{change.project}\n"
    assert quotas.read(projects, names).numbers == {"/srv/other": 7, "/a b": change.project}
    assert quotas.with_entry(projects, names, change) == (projects, names)
    assert quotas.without_entry(projects, names, change) == (FOREIGN_PROJECTS, FOREIGN_NAMES)


def test_a_step_that_only_changes_a_quota_is_an_update_and_the_others_say_it_too():
    state = settled()
    keep = Step("/a", "keep", {"export": "/a"}, {"export": "/a"})
    (step,) = merged([keep], plan(declared(export("/a", quota="20G")), state))
    assert (step.action, step.before, step.after) == ("update", {"quota": "10G"}, {"quota": "20G"})
    assert [one.as_dict() for one in step.drift] == [{"field": "quota", "declared": "20G", "actual": "10G"}]
    remove = Step("/a", "remove", {"export": "/a"}, None)
    (step,) = merged([remove], plan(declared(), state))
    assert (step.action, step.before, step.after) == ("remove", {"export": "/a", "quota": "10G"}, None)
    (step,) = merged([], plan(declared(), state))
    assert (step.name, step.action) == ("/a", "remove")
    create = Step("/a", "create", None, {"export": "/a"})
    (step,) = merged([create], plan(declared(export("/a", quota="1G")), State()))
    assert (step.action, step.before, step.after) == ("create", None, {"export": "/a", "quota": "1G"})


def test_an_undone_change_is_the_opposite():
    (change,) = plan(declared(export("/a", quota="1G")), State()).changes
    assert (change.undone.after, change.undone.leaves, change.undone.joins) == (0, True, False)
    assert change.undone.undone == change


@pytest.mark.parametrize("size", ["10", "0G", "10g", "1.5G", "-1G", "10GB", "G", "10 G", "ten", "99999999999G"])
def test_what_is_no_size_is_refused(size):
    with pytest.raises(Refused, match="is no size"):
        declared(export("/a", quota=size))


@given(st.integers(1, 10**9), st.sampled_from("KMGT"))
def test_a_size_is_read_back_as_it_is_told(number, suffix):
    size = size_of(f"{number}{suffix}")
    assert size_of(quotas.spelled(size)) == size
