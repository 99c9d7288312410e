# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nfs-ganesha: its language, the plan, and what it answers."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.berthage.swarm.plugins.module_utils._nfs import dropin, ganesha_config, ganesha_errors
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.dropin import DropIn
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.ganesha_plan import Foreign, Served, State, plan
from ansible_collections.berthage.swarm.tests.unit.plugins.module_utils._nfs import declarations
from ansible_collections.berthage.swarm.tests.unit.plugins.module_utils._nfs.declarations import client, export

FILE = "/etc/ganesha/exports.d/berthage.conf"


def declared(*exports):
    return declarations.declared(*exports, implementation="ganesha")


def settled(*exports):
    """A server that has, and serves, everything as declared."""
    declaration = declared(*exports)
    planned = plan(declaration, State(DropIn(FILE), ()))
    served = tuple(
        Served(planned.numbers[one.path], one.path, one.path, frozenset(_served(each.host) for each in one.clients))
        for one in declaration.exports
    )
    return declaration, State(DropIn(FILE, planned.text), served)


def _served(host):
    return str(ganesha_config.clients.network_of(host) or host)


def actions(planned):
    return {step.name: step.action for step in planned.steps}


def test_what_is_written_is_what_is_read_back():
    one = declared(
        export("/srv/with space", client("10.0.0.0/24", squash="all", options=["anonuid=7", "insecure"])),
        export("/b", client("fd00::/8", sec=["sys", "none"]), client("*.example.com"), client("@group", access="ro")),
    )
    text = ganesha_config.drop_in(one, {"/srv/with space": 5, "/b": 6})
    for wanted, found in zip(map(ganesha_config.declared_meaning, one.exports), ganesha_config.exports(text)):
        assert (wanted.path, wanted.meaning, wanted.clients) == (found.path, found.meaning, found.clients)


def test_a_hand_written_file_means_what_it_says():
    text = """
    # a comment { with braces
    %include "other.conf"
    NFSv4 { Grace_Period = 10; }
    export { EXPORT_ID = 3; path = /srv/a; Pseudo = "/a"; Access_Type = RO; Protocols = 3,4;
      CLIENT { Clients = 10.0.0.1, 10.0.1.0/255.255.255.0; Squash = Root_Id_Squash; }
      FSAL { Name = VFS; } }
    """
    (found,) = ganesha_config.exports(text)
    assert (found.number, found.path, found.meaning["pseudo"], found.meaning["access"]) == (3, "/srv/a", "/a", "ro")
    assert [host for host, _meaning in found.clients] == ["10.0.0.1", "10.0.1.0/24"]


@given(st.text('EXPORT{}=;"#%, \n/ab1', max_size=60))
def test_no_text_breaks_the_reader_but_by_its_own_exception(text):
    with contextlib.suppress(ganesha_config.Unreadable):
        ganesha_config.exports(text)


@pytest.mark.parametrize(
    "text", ["EXPORT {", "EXPORT { Path = /a }", "EXPORT }", "= ;", "EXPORT { { } }", 'EXPORT { P = "a']
)
def test_what_ganesha_would_not_read_is_unreadable(text):
    with pytest.raises(ganesha_config.Unreadable):
        ganesha_config.exports(text)


def test_a_server_that_has_all_of_it_is_left_alone():
    planned = plan(*settled(export("/a"), export("/b", client("10.0.0.1"))))
    assert actions(planned) == {"/a": "keep", "/b": "keep"}
    assert planned.withdrawn == ()


def test_numbers_stay_and_never_pass_from_one_path_to_another():
    _, server = settled(export("/a"), export("/b"))
    numbers = {one.path: one.number for one in server.served}
    planned = plan(declared(export("/b"), export("/c")), server)
    assert planned.numbers["/b"] == numbers["/b"]
    assert planned.numbers["/c"] not in numbers.values()
    assert [one.number for one in planned.withdrawn] == [numbers["/a"]]


def test_what_a_killed_run_noted_as_being_withdrawn_goes_now():
    _, server = settled(export("/a"), export("/b"), export("/c"))
    declaration = declared(export("/c"))
    text = plan(declaration, server).text
    killed = State(DropIn(FILE, dropin.noting(text, "berthage", ["/a", "/b", "/gone"])), server.served)
    planned = plan(declaration, killed)
    assert actions(planned) == {"/c": "keep", "/a": "remove", "/b": "remove", "/gone": "remove"}
    assert [one.path for one in planned.withdrawn] == ["/a", "/b"]
    assert planned.text == text


def test_a_note_about_what_is_declared_again_goes_and_the_export_stays():
    declaration, server = settled(export("/a"))
    noted = State(DropIn(FILE, dropin.noting(server.drop_in.text, "berthage", ["/a"])), server.served)
    planned = plan(declaration, noted)
    assert actions(planned) == {"/a": "update"}
    assert planned.withdrawn == ()


def test_a_number_that_is_taken_is_not_given_again():
    first = ganesha_config.free_number("/a", set())
    assert ganesha_config.free_number("/a", {first}) == first % ganesha_config.HIGHEST_ID + 1
    assert 0 < ganesha_config.free_number("/a", {65535}) <= 65535


def test_an_export_withdrawn_at_run_time_is_drift():
    declaration, server = settled(export("/a"))
    (step,) = plan(declaration, State(server.drop_in, ())).steps
    assert step.action == "update"
    assert "exported again" in step.message


def test_a_client_let_in_at_run_time_is_drift():
    declaration, server = settled(export("/a"))
    (one,) = server.served
    more = Served(one.number, one.path, one.pseudo, one.clients | {"*"})
    assert actions(plan(declaration, State(server.drop_in, (more,)))) == {"/a": "update"}


def test_a_server_that_does_not_run_is_compared_by_its_file():
    declaration, server = settled(export("/a"))
    assert actions(plan(declaration, State(server.drop_in, None))) == {"/a": "keep"}


def test_a_host_name_is_served_as_its_address():
    declaration, server = settled(export("/a", client("web")))
    (one,) = server.served
    by_address = Served(one.number, one.path, one.pseudo, frozenset({"10.0.0.9/32"}))
    addresses = {"web": frozenset({"10.0.0.9/32"})}
    assert actions(plan(declaration, State(server.drop_in, (by_address,), addresses=addresses))) == {"/a": "keep"}
    assert actions(plan(declaration, State(server.drop_in, (by_address,)))) == {"/a": "update"}


def test_what_others_serve_is_left_and_the_same_place_in_a_file_of_theirs_is_refused():
    theirs = ganesha_config.FiledExport(9, "/theirs", {"pseudo": "/theirs"}, ())
    served = (Served(9, "/theirs", "/theirs", frozenset({"*"})),)
    server = State(DropIn(FILE), served, (Foreign("/etc/ganesha/ganesha.conf", theirs),))
    assert plan(declared(export("/a")), server).withdrawn == ()
    (step,) = plan(declared(export("/theirs")), server).steps
    assert "exports it as well" in step.message


# A semicolon that is missing in one export, a block that is not closed, a quote that is not.
BROKEN = (
    ("Protocols = 3, 4;", "Protocols = 3, 4"),
    ("  FSAL { Name = VFS; }", "  FSAL { Name = VFS;"),
    ("= None;", '= "None;'),
)


@pytest.mark.parametrize("typo", BROKEN)
@pytest.mark.parametrize("which", [0, 1])
def test_what_is_served_from_a_file_that_cannot_be_read_now_goes_when_nobody_declares_it(typo, which):
    _, server = settled(export("/a"), export("/old"))
    parts = server.drop_in.text.split("EXPORT {")
    parts[which + 1] = parts[which + 1].replace(*typo)
    text = "EXPORT {".join(parts)
    assert not ganesha_config.is_readable(text)
    planned = plan(declared(export("/a")), State(DropIn(FILE, text), server.served))
    assert actions(planned) == {"/a": "update", "/old": "remove"}
    assert [one.path for one in planned.withdrawn] == ["/old"]
    assert planned.numbers["/a"] == next(one.number for one in server.served if one.path == "/a")


@pytest.mark.parametrize("typo", BROKEN)
def test_of_a_block_that_cannot_be_read_its_place_and_number_are_told(typo):
    text = ganesha_config.drop_in(declared(export("/srv/with space")), {"/srv/with space": 7}).replace(*typo)
    text = text.replace("  Path", "  # Path = /former;\n  Path")
    (found,) = ganesha_config.all_exports(f"# EXPORT {{ not one\n{text}")
    assert (found.number, found.path, found.meaning["pseudo"]) == (7, "/srv/with space", "/srv/with space")


@given(st.text('export ID=pathfsl{}=;"#%, \n/ab1', max_size=80))
def test_no_text_breaks_what_reads_all_exports(text):
    assert all(one.path for one in ganesha_config.all_exports(f"EXPORT {{ path = /a; }}\n{text}"))


def test_a_number_that_a_file_of_others_has_as_well_is_refused():
    declaration, server = settled(export("/a"))
    theirs = ganesha_config.FiledExport(server.served[0].number, "/theirs", {"pseudo": "/theirs"}, ())
    planned = plan(declaration, State(server.drop_in, server.served, (Foreign("/etc/ganesha/ganesha.conf", theirs),)))
    (step,) = planned.steps
    assert f"{theirs.number} is that of /theirs in /etc/ganesha/ganesha.conf as well" in step.message


def test_a_drop_in_that_nothing_includes_is_refused():
    planned = plan(declared(export("/a")), State(DropIn(FILE), (), included=False))
    assert "%dir /etc/ganesha/exports.d" in str(planned.problems[0])


# As nfs-ganesha 4.3 of Debian 12 says it, by D-Bus and in its log.
SAID = {
    "unresolved": (
        f"Config File ({FILE}:9): Client (nosuch.invalid) not found because Name or service not known",
        "/a, clients, host 'nosuch.invalid': the server cannot resolve this host name",
    ),
    "file system": (
        "x :EXPORT :CRIT :Lookup failed on path, ExportId=104 Path=/a FSAL_ERROR=(Operation not supported,95)",
        "/a, path: its file system cannot be exported",
    ),
    "link": (
        "x :EXPORT :CRIT :Lookup failed on path, ExportId=104 Path=/a FSAL_ERROR=(Undefined server error,40)",
        "passes a symbolic link, and nfs-ganesha follows none",
    ),
    "block": (f"Config File ({FILE}:4): 1 validation errors in block FSAL", "/a: nfs-ganesha does not take it"),
    "word": (f"Config File ({FILE}:4): Unknown parameter (Foo)", "Unknown parameter (Foo)"),
}


@pytest.mark.parametrize("said", SAID.values(), ids=SAID.keys())
def test_what_ganesha_says_is_told_in_words(said):
    complaint, words = said
    text = ganesha_config.drop_in(declared(export("/a")), {"/a": 1})
    found = ganesha_errors.problems(
        [complaint, f"Config File ({FILE}:2): Errors processing block (EXPORT)"], FILE, text
    )
    assert len(found) == 1
    assert words in str(found[0])


def test_what_ganesha_says_of_other_files_is_no_problem_of_ours():
    assert ganesha_errors.problems(["1 exports added", "Config File (/x:1): Unknown parameter (Foo)"], FILE, "") == []


def test_a_refusal_without_a_reason_is_a_problem_all_the_same():
    assert "Call failed: x" in str(ganesha_errors.problems(["Refused", "Call failed: x"], FILE, "")[0])
