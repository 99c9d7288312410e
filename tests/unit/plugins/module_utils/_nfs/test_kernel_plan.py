# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan for the kernel's server: file, active table and the files of others, against the declaration."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.berthage.swarm.plugins.module_utils._nfs import complaints, dropin, exports
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.dropin import DropIn
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.exports import Entry
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.kernel_plan import Foreign, State, missing_from, plan
from ansible_collections.berthage.swarm.tests.unit.plugins.module_utils._nfs.declarations import (
    client,
    declared,
    export,
)

FILE = "/etc/exports.d/berthage.exports"


def state(text=None, table="", foreign=(), **fields):
    others = tuple(Foreign("/etc/exports", entry) for entry in exports.entries("\n".join(foreign)))
    return State(DropIn(FILE, text), exports.entries(table), others, **fields)


def settled(*listed):
    """A server on which everything is as declared."""
    declaration = declared(*listed)
    text = exports.drop_in(declaration)
    return declaration, state(text, text)


def actions(planned):
    return {step.name: step.action for step in planned.steps}


def problems(planned):
    return [str(problem) for problem in [*planned.problems, *(one for step in planned.steps for one in step.problems)]]


def test_a_server_that_has_all_of_it_is_left_alone():
    planned = plan(*settled(export("/a"), export("/b", client("host"), client("10.0.0.0/8"))))
    assert actions(planned) == {"/a": "keep", "/b": "keep"}
    assert planned.stale == ()


def test_the_first_export_makes_the_file():
    planned = plan(declared(export("/a")), state())
    assert actions(planned) == {"/a": "create"}
    assert "/a 10.0.0.0/24(rw,sync,no_subtree_check,root_squash,sec=sys)" in planned.text


def test_an_option_that_differs_is_named():
    _, server = settled(export("/a", client(access="ro")))
    (step,) = plan(declared(export("/a")), server).steps
    assert step.action == "update"
    assert [str(one) for one in step.drift] == ["client 10.0.0.0/24, access: declared 'rw', actual 'ro'"]


def test_an_export_no_longer_listed_is_withdrawn_and_so_is_one_declared_absent():
    _, server = settled(export("/a"), export("/b"), export("/c"))
    planned = plan(declared(export("/a"), export("/b", state="absent")), server)
    assert actions(planned) == {"/a": "keep", "/b": "remove", "/c": "remove"}
    assert sorted(entry.path for entry in planned.stale) == ["/b", "/c"]


def test_what_a_killed_run_noted_as_being_withdrawn_goes_now():
    text = exports.drop_in(declared(export("/a")))
    table = exports.drop_in(declared(export("/a"), export("/b c"), export("/d")))
    server = state(dropin.noting(text, "berthage", ["/b c", "/gone"]), table)
    planned = plan(declared(export("/a")), server)
    assert actions(planned) == {"/a": "keep", "/b c": "remove", "/gone": "remove"}
    assert [entry.path for entry in planned.stale] == ["/b c"]
    assert planned.withdrawn == ("/b c",)
    assert planned.text == text
    # /d is in the table and in no note: somebody else's.


def test_what_was_noted_and_is_another_ones_now_stays_open():
    server = state(dropin.noting("", "berthage", ["/a"]), "/a 10.0.0.0/24(ro)", foreign=["/a 10.0.0.0/24(ro)"])
    planned = plan(declared(), server)
    assert actions(planned) == {"/a": "remove"}
    assert planned.stale == ()


def test_a_note_about_what_is_declared_again_goes_and_the_export_stays():
    declaration, server = settled(export("/a"))
    planned = plan(declaration, state(dropin.noting(server.drop_in.text, "berthage", ["/a"]), server.drop_in.text))
    assert actions(planned) == {"/a": "update"}
    assert (planned.stale, planned.withdrawn) == ((), ())


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])).map("/{}".format), unique=True))
def test_every_path_that_is_noted_is_read_back(paths):
    assert DropIn(FILE, dropin.noting("", "berthage", paths)).unfinished == tuple(paths)


def test_rpc_with_tls_is_refused_with_the_reason_where_the_host_lacks_something():
    wanted = declared(export("/a", client(xprtsec=["mtls", "tls"])))
    assert "xprtsec=mtls:tls" in plan(wanted, state()).text
    refused = plan(wanted, state(without_tls="its kernel is 6.1", remedy_for_tls="use a newer one"))
    (problem,) = problems(refused)
    assert "/a, clients, host '10.0.0.0/24', xprtsec: this host cannot do RPC with TLS: its kernel is 6.1" in problem
    assert problems(plan(declared(export("/a")), state(without_tls="its kernel is 6.1"))) == []


def test_absent_and_not_there_is_nothing_to_do():
    assert actions(plan(declared(export("/a", state="absent")), state())) == {"/a": "none"}


def test_an_export_withdrawn_by_hand_is_drift_of_the_table():
    declaration, server = settled(export("/a"))
    (step,) = plan(declaration, State(server.drop_in)).steps
    assert step.action == "update"
    assert "exported again" in step.message
    assert step.before == {"active": "not exported"}


def test_a_client_let_in_by_hand_is_withdrawn():
    declaration, server = settled(export("/a"))
    table = "/a 10.0.0.0/24(rw)\n/a *(rw,no_root_squash)\n/other *(rw)"
    planned = plan(declaration, state(server.drop_in.text, table))
    assert actions(planned) == {"/a": "update"}
    assert [(entry.path, entry.client) for entry in planned.stale] == [("/a", "*")]


def test_what_a_file_of_others_exports_is_theirs():
    declaration, server = settled(export("/a"))
    table = f"{server.drop_in.text}\n/a 10.9.9.9(rw)\n/b *(ro)"
    planned = plan(declaration, state(server.drop_in.text, table, ["/a 10.9.9.9(rw)", "/b *(ro)"]))
    assert actions(planned) == {"/a": "keep"}
    assert planned.stale == ()


def test_the_same_client_in_a_file_of_others_is_refused():
    planned = plan(declared(export("/a")), state(foreign=["/a 10.0.0.0/255.255.255.0(ro)"]))
    assert "/etc/exports exports it to the same client" in problems(planned)[0]


def test_a_file_that_is_not_ours_is_refused_and_an_empty_one_is_not():
    assert "was not written by this module" in problems(plan(declared(export("/a")), state("/x *(rw)\n")))[0]
    assert problems(plan(declared(export("/a")), state("\n"))) == []


def test_a_file_that_others_may_write_is_written_anew():
    declaration, server = settled(export("/a"))
    unsound = DropIn(FILE, server.drop_in.text, sound=False)
    assert actions(plan(declaration, State(unsound, server.active))) == {"/a": "update"}


def test_a_directory_that_does_not_exist_is_refused():
    planned = plan(declared(export("/a")), state(missing=frozenset({"/a"})))
    assert "no such directory" in problems(planned)[0]


def test_a_symbolic_link_is_known_by_where_it_leads():
    declaration = declared(export("/link"))
    real = {"/link": "/real"}
    text = plan(declaration, state(real=real)).text
    table = exports.drop_in(declared(export("/real")))
    assert actions(plan(declaration, state(text, table, real=real))) == {"/link": "keep"}
    not_noted = plan(declaration, state(exports.drop_in(declaration), table, real=real))
    assert actions(not_noted) == {"/link": "update"}
    assert not_noted.text == text
    both = plan(declared(export("/link"), export("/real")), state(real=real))
    assert "same directory as /link" in problems(both)[0]


@pytest.mark.parametrize(
    ("listed", "leads_to", "wanted"),
    [
        ([export("/cur")], "/data/v2", {"/cur": "update"}),
        ([export("/cur")], "/cur", {"/cur": "update"}),
        ([export("/cur", state="absent")], "/cur", {"/cur": "remove"}),
        ([], "/cur", {"/cur": "remove"}),
        ([], "/data/v2", {"/cur": "remove"}),
    ],
    ids=["another target", "a directory now", "link gone and absent", "link gone and dropped", "moved and dropped"],
)
def test_what_a_link_led_to_is_withdrawn_when_it_leads_there_no_more(listed, leads_to, wanted):
    before = plan(declared(export("/cur")), state(real={"/cur": "/data/v 1"})).text
    table = "/data/v\\0401 10.0.0.0/24(rw)\n/data/v3 10.0.0.0/24(rw)"
    server = state(before, table, real={"/cur": leads_to})
    planned = plan(declared(*listed), server)
    assert actions(planned) == wanted
    assert [entry.path for entry in planned.stale] == ["/data/v 1"]
    assert planned.withdrawn == ("/data/v 1",)
    assert DropIn(FILE, planned.text).links == ({"/cur": leads_to} if listed and leads_to == "/data/v2" else {})


def test_what_a_link_led_to_stays_where_others_or_another_path_of_ours_export_it():
    before = plan(declared(export("/cur")), state(real={"/cur": "/v1"})).text
    table = "/v1 10.0.0.0/24(rw)"
    theirs = state(before, table, [table], real={"/cur": "/v2"})
    assert plan(declared(export("/cur")), theirs).stale == ()
    ours = plan(declared(export("/cur"), export("/v1")), state(before, table, real={"/cur": "/v2"}))
    assert (ours.stale, ours.withdrawn) == ((), ())


def test_a_noted_directory_is_itself_although_a_link_stands_in_its_place_now():
    server = state(dropin.noting("", "berthage", ["/a"]), "/a 10.0.0.0/24(rw)\n/b *(rw)", real={"/a": "/b"})
    assert [entry.path for entry in plan(declared(), server).stale] == ["/a"]


@given(st.dictionaries(*[st.text(st.characters(exclude_categories=["Cs"])).map("/{}".format)] * 2))
def test_every_link_that_is_noted_is_read_back_and_is_no_export(links):
    text = dropin.recording("", links)
    assert DropIn(FILE, text).links == links
    assert exports.entries(text) == ()


def test_a_host_is_known_by_any_of_its_names():
    declaration, server = settled(export("/a", client("web")))
    names = {"web": frozenset({"web.example.com", "10.0.0.9"})}
    for shown in ("web", "web.example.com", "10.0.0.9"):
        table = server.drop_in.text.replace(" web(", f" {shown}(")
        assert actions(plan(declaration, state(server.drop_in.text, table, names=names))) == {"/a": "keep"}
    planned = plan(declared(export("/a", client("web"), client("10.0.0.9"))), state(names=names))
    assert "are one host" in problems(planned)[0]


BACKUP = "/a backup01(rw)"
NAMED = "/a backup01.example.com(rw)\n/a 192.0.2.1(rw)"


def without_resolver(filed=(), unfinished=(), table=NAMED):
    """A server whose resolver is down, where a file of others exports /a to a host by its short name."""
    text = exports.drop_in(declared(*filed))
    return state(dropin.noting(text, "berthage", unfinished), f"{text}\n{table}", [BACKUP])


def test_a_client_of_others_stays_while_the_resolver_does_not_tell_its_name_in_the_table():
    planned = plan(declared(export("/a")), without_resolver([export("/a")]))
    assert [entry.client for entry in planned.stale] == ["192.0.2.1"]
    planned = plan(declared(export("/a")), without_resolver([export("/a")], table=NAMED.partition("\n")[0]))
    assert (actions(planned), planned.stale, problems(planned)) == ({"/a": "keep"}, (), [])
    # Once it is back, what nobody declares goes.
    names = {"backup01": frozenset({"backup01.example.com"})}
    told = state(exports.drop_in(declared(export("/a"))), f"{NAMED}\n/a web(rw)", [BACKUP], names=names)
    assert {entry.client for entry in plan(declared(export("/a")), told).stale} == {"192.0.2.1", "web"}


def test_what_our_own_file_names_goes_although_the_resolver_is_down():
    server = without_resolver([export("/a", client(), client("web.example.com"))])
    planned = plan(declared(export("/a")), server)
    assert "web.example.com" in [entry.client for entry in planned.stale]
    assert "backup01.example.com" not in [entry.client for entry in planned.stale]
    assert problems(planned) == []


@pytest.mark.parametrize("of_ours", [{"filed": [export("/a", client("web"))]}, {"unfinished": ["/a"]}])
def test_what_may_be_ours_to_withdraw_or_theirs_to_keep_is_refused(of_ours):
    server = without_resolver(**of_ours)
    # Our own is in the table by a name that nobody knows now.
    active = tuple(entry for entry in server.active if entry.client != "web")
    planned = plan(declared(), State(server.drop_in, active, server.foreign))
    (problem,) = problems(planned)
    assert "whether backup01.example.com is to be withdrawn, or is what /etc/exports exports it to" in problem


def test_a_name_of_others_that_the_table_has_as_it_is_hides_nothing():
    server = without_resolver([export("/a")], table="/a backup01(rw)\n/a by-hand(rw)")
    assert [entry.client for entry in plan(declared(export("/a")), server).stale] == ["by-hand"]


@pytest.mark.parametrize(
    ("fsid", "theirs", "is_refused"),
    [
        ("1", "/b *(fsid=1)", True),
        ("root", "/b *(fsid=0)", True),
        ("0x10", "/a/in *(fsid=16)", True),
        ("1", "/b *(fsid=2)", False),
        ("1", "/a 192.0.2.1(fsid=1)", False),
        ("4ef6b8ab-cc57-49c0-8c2a-8d0a4c0a1c2d", "/b *(fsid=4ef6b8abcc5749c08c2a8d0a4c0a1c2d)", True),
        ("4ef6b8ab-cc57-49c0-8c2a-8d0a4c0a1c2d", "/a/in *(fsid=4ef6b8abcc5749c08c2a8d0a4c0a1c2d)", False),
        (None, "/b *(ro)", False),
    ],
)
def test_a_number_of_another_directory_is_refused(fsid, theirs, is_refused):
    wanted = declared(export("/a", fsid=fsid))
    in_file = problems(plan(wanted, state(foreign=[theirs])))
    by_command = problems(plan(wanted, state(table=theirs)))
    assert [len(in_file), len(by_command)] == [is_refused] * 2
    if is_refused:
        path = theirs.partition(" ")[0]
        assert f"is that of {path} in /etc/exports as well" in in_file[0]
        assert f"is that of {path} in the active table as well" in by_command[0]


def test_a_number_may_pass_from_one_export_of_ours_to_another():
    _, server = settled(export("/a", fsid="1"), export("/old", fsid="2"))
    swapped = plan(declared(export("/a", fsid="2"), export("/b", fsid="1")), server)
    assert problems(swapped) == []


def test_the_order_of_overlapping_clients_is_drift():
    _, server = settled(export("/a", client("10.0.0.0/24"), client("10.0.0.0/8", access="ro")))
    (step,) = plan(declared(export("/a", client("10.0.0.0/8", access="ro"), client("10.0.0.0/24"))), server).steps
    assert [one.field for one in step.drift] == ["order of clients"]


# A blank among the options, a quote that is not closed, and a bracket that is not.
UNREADABLE = ("/x 10.0.0.1(rw, sync)", '/x "10.0.0.1(rw)', "/x 10.0.0.1(rw")


@pytest.mark.parametrize("line", UNREADABLE)
def test_a_file_that_exportfs_could_not_read_is_written_anew(line):
    declaration, server = settled(export("/a"))
    planned = plan(declaration, state(f"{server.drop_in.text}{line}\n", server.drop_in.text))
    assert actions(planned) == {"/a": "update", "/x": "remove"}
    assert "exportfs stops within" in planned.steps[0].message
    assert actions(plan(declaration, state(planned.text, server.drop_in.text))) == {"/a": "keep"}


@pytest.mark.parametrize("line", UNREADABLE)
def test_what_our_file_had_in_force_goes_although_exportfs_cannot_read_it_now(line):
    _, server = settled(export("/a"), export("/old"), export("/x"))
    first, *rest = server.drop_in.text.splitlines()
    for lines in ([first, line, *rest], [first, *rest[:-1], line]):
        planned = plan(declared(export("/a")), state("\n".join(lines), server.drop_in.text))
        assert actions(planned) == {"/a": "update", "/old": "remove", "/x": "remove"}
        assert planned.withdrawn == ("/old", "/x")


@given(st.lists(st.text('ab/* (),=\n#"\\', max_size=40), max_size=5))
def test_a_hostile_line_hides_nothing_of_ours(lines):
    _, server = settled(export("/a"), export("/old"))
    text = f"{server.drop_in.text}\n" + "\n".join(lines)
    assert "/old" in plan(declared(export("/a")), state(text, server.drop_in.text)).withdrawn


@given(st.lists(st.text('ab/* (),=\n#"\\', max_size=40), max_size=5))
def test_a_hostile_table_breaks_no_plan(lines):
    declaration, server = settled(export("/a"))
    try:
        table = exports.entries("\n".join(lines))
    except exports.Unreadable:
        return
    planned = plan(declaration, State(server.drop_in, (*server.active, *table)))
    assert all(entry.path == "/a" for entry in planned.stale)


def test_what_is_missing_in_the_table_is_told():
    declaration, server = settled(export("/a"), export("/b"))
    table = tuple(entry for entry in server.active if entry.path == "/a")
    assert [one.path for one, _entry, _found in missing_from(declaration, State(server.drop_in, table))] == ["/b"]


# As exportfs 2.6.2 of Debian 12 says it.
@pytest.mark.parametrize(
    ("complaint", "words"),
    [
        ("exportfs: Failed to stat /a: No such file or directory", "/a, path: no such directory"),
        ("exportfs: /a does not support NFS export", "/a, path: its file system cannot be exported"),
        ("exportfs: /a requires fsid= for NFS export", "give the export an `fsid`"),
        ("exportfs: /a is not a directory. Remote access will fail", "/a, path: is not a directory"),
        ("exportfs: Failed to resolve web", "/a, clients, host 'web': the server cannot resolve"),
        (f'exportfs: {FILE}:2: unknown keyword "x"', "exportfs does not take the file (2: unknown"),
    ],
)
def test_what_exportfs_says_of_ours_is_told_in_words(complaint, words):
    declaration = declared(export("/a", client("web")))
    found, others = complaints.sorted_out(complaints.lines(complaint), declaration, state())
    assert words in str(found[0])
    assert others == []


@pytest.mark.parametrize(
    "complaint",
    [
        "Failed to stat /ab: No such file or directory",
        "/other does not support NFS export",
        "Failed to resolve web.example.com",
        '/etc/exports:3: unknown keyword "x"',
    ],
)
def test_what_exportfs_says_of_others_is_no_problem_of_ours(complaint):
    found, others = complaints.sorted_out([complaint], declared(export("/a", client("web"))), state())
    assert (found, others) == ([], [complaint])


def test_an_entry_that_is_gone_already_needs_no_withdrawal():
    entry = Entry("/a", "10.0.0.1", {}, "")
    assert complaints.of_withdrawal(entry, ["Could not find '10.0.0.1:/a' to unexport."]) == []
    assert complaints.of_withdrawal(entry, ["something else"]) != []
