# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change that the kernel's server refuses is taken back, rights included, or it is said that it is not."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._nfs import exports, kernel, kernel_plan, links
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.errors import ServerRefused
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.kernel_plan import Foreign, State
from ansible_collections.berthage.swarm.tests.unit.plugins.module_utils._nfs.declarations import (
    client,
    declared,
    export,
)


class Exportfs:
    """The table, and exportfs as far as it is used here: what a file names replaces what the table has of it."""

    def __init__(self, path, table):
        self.path = path
        self.table = {(one.path, one.client): one for one in exports.entries(table)}
        self.takes_options = True

    def __call__(self, *arguments):
        if arguments == ("-a",):
            return self._all()
        *options, named = arguments[1:]
        host, _colon, path = named.partition(":")
        key = (path, exports.clients.canonical(host))
        if arguments[0] == "-u":
            self.table.pop(key)
        elif self.takes_options:
            self._take(exports.entries(f"{path} {host}({options[0]})"))
        return []

    def _all(self):
        entries = exports.entries(self.path.read_text()) if self.path.exists() else ()
        self._take([one for one in entries if one.path != "/refused"])
        return [f"{one.path} does not support NFS export" for one in entries if one.path == "/refused"]

    def _take(self, entries):
        real = [replace(one, path=os.path.realpath(one.path)) for one in entries]
        self.table.update({(one.path, one.client): one for one in real})

    @property
    def meanings(self):
        return {key: one.meaning for key, one in self.table.items()}


@pytest.fixture
def server(tmp_path, monkeypatch):
    def made(table, text="", foreign=()):
        path = tmp_path / "berthage.exports"
        if text:
            path.write_text(text)
        exportfs = Exportfs(path, table)
        monkeypatch.setattr(kernel, "_exportfs", exportfs)
        monkeypatch.setattr(kernel, "_active_table", lambda: tuple(exportfs.table.values()))
        return exportfs, State(kernel.files.read(str(path)), exports.entries(table), foreign)

    return made


def refused(declaration, state):
    with pytest.raises(ServerRefused) as caught:
        kernel.apply(declaration, kernel_plan.plan(declaration, state), state)
    return caught.value


BY_HAND = "/a 10.0.0.0/24(ro,no_subtree_check,all_squash,anonuid=1000)\n/other *(ro)"
WIDER = declared(export("/a"), export("/refused"))


def test_rights_that_were_given_by_hand_are_back_after_a_refusal(server):
    exportfs, state = server(BY_HAND)
    before = exportfs.meanings
    assert refused(WIDER, state).restored
    assert exportfs.meanings == before
    assert not exportfs.path.exists()


def test_a_client_let_in_by_hand_and_withdrawn_is_back_after_a_refusal(server, monkeypatch):
    declaration = declared(export("/a"))
    text = exports.drop_in(declaration)
    exportfs, state = server(f"{text}\n/a 192.0.2.1(ro,no_subtree_check)\n/a 192.0.2.2(ro,no_subtree_check)", text)
    before = exportfs.meanings
    withdraw = kernel._withdraw
    monkeypatch.setattr(kernel, "_withdraw", lambda entry: ["no"] if entry.client == "192.0.2.2" else withdraw(entry))
    assert refused(declaration, state).restored
    assert exportfs.meanings == before


def test_rights_that_stay_wider_are_said_to_and_noted_for_the_next_run(server):
    exportfs, state = server(BY_HAND)
    exportfs.takes_options = False
    refusal = refused(WIDER, state)
    assert not refusal.restored
    assert "not active as before: 10.0.0.0/24:/a" in str(refusal)
    assert kernel.files.read(str(exportfs.path)).unfinished == ("/a",)


def test_rights_that_a_file_of_others_gives_are_theirs(server):
    theirs = exports.entries("/a 192.0.2.0/24(rw,no_subtree_check)")
    exportfs, state = server("/a 192.0.2.0/24(ro)", foreign=[Foreign("/etc/exports", theirs[0])])
    exportfs._all = lambda all_of_ours=exportfs._all: (exportfs._take(theirs), all_of_ours())[1]
    assert refused(WIDER, state).restored
    assert list(exportfs.meanings.values()) == [theirs[0].meaning]


@pytest.fixture
def turned(server, tmp_path, monkeypatch):
    """An export inside of another, of which a client makes a link while exportfs reads the file."""

    def made(table, text="", seconds=()):
        outer, inner = tmp_path / "outer", tmp_path / "outer" / "inner"
        inner.mkdir(parents=True)
        exportfs, state = server(table.format(outer=outer, inner=inner), text.format(outer=outer, inner=inner))
        state = replace(state, exported=frozenset(one.path for one in state.active))
        calls = []

        def exportfs_and_client(*arguments):
            calls.extend([None] * (arguments == ("-a",)))
            is_link = arguments == ("-a",) and len(calls) in seconds
            if is_link:
                inner.rmdir()
                inner.symlink_to("/etc")
            try:
                return exportfs(*arguments)
            finally:
                if is_link:
                    inner.unlink()
                    inner.mkdir()

        monkeypatch.setattr(kernel, "_exportfs", exportfs_and_client)
        return exportfs, state, str(outer), str(inner)

    return made


OUTER = "{outer} 10.0.0.0/24(rw,sync,no_subtree_check)"
BOTH = f"{OUTER}\n{{inner}} 10.0.0.0/24(rw,sync,no_subtree_check)"


@pytest.mark.parametrize(("before", "seconds"), [(OUTER, [1]), (OUTER, [1, 2]), (BOTH, [1]), (BOTH, [1, 2])])
def test_what_a_link_made_meanwhile_leads_to_is_exported_no_more(turned, before, seconds):
    text = before if before == BOTH else ""
    exportfs, state, outer, inner = turned(before, text, seconds)
    table = exportfs.meanings
    added = [export("/elsewhere")] if before == BOTH else []
    refusal = refused(declared(export(outer), export(inner), *added), state)
    assert exportfs.meanings == table
    assert refusal.restored


def test_a_link_that_stays_keeps_nothing_exported(turned, monkeypatch):
    exportfs, state, outer, inner = turned(OUTER)
    os.rmdir(inner)
    os.symlink("/etc", inner)
    monkeypatch.setattr(kernel, "_withdraw", lambda entry: ["no"])
    refusal = refused(declared(export(outer), export(inner)), state)
    assert not refusal.restored
    assert "still active: 10.0.0.0/24:/etc" in str(refusal)
    assert "/etc" in kernel.files.read(str(exportfs.path)).unfinished


def test_what_others_export_meanwhile_by_command_is_no_reason_to_refuse(turned, monkeypatch):
    exportfs, state, outer, inner = turned(BOTH, BOTH)
    meanwhile = exports.entries("/theirs 10.0.0.0/24(ro)")
    exportfs._all = lambda all_of_ours=exportfs._all: (exportfs._take(meanwhile), all_of_ours())[1]
    declaration = declared(export(outer), export(inner), export("/elsewhere"))
    kernel.apply(declaration, kernel_plan.plan(declaration, state), state)
    assert ("/theirs", "10.0.0.0/24") in exportfs.meanings


@pytest.fixture
def files_of_others(monkeypatch, tmp_path):
    monkeypatch.setattr(kernel, "EXPORTS", str(tmp_path / "exports"))
    monkeypatch.setattr(kernel, "EXPORTS_D", str(tmp_path / "exports.d"))
    return tmp_path / "exports"


@pytest.mark.parametrize("lines", [[0, 1], [1, 0]])
def test_what_a_file_of_others_declares_around_a_line_that_exportfs_cannot_read_is_theirs(
    files_of_others, monkeypatch, lines
):
    written = ["/srv/app 10.9.0.9(rw)", "/srv/x 10.0.0.1(rw, sync)"]
    files_of_others.write_text("\n".join(written[line] for line in lines))
    wanted = declared(export("/srv/app"))
    table = exports.entries(f"{exports.drop_in(wanted)}\n{written[0]}")
    monkeypatch.setattr(kernel, "_active_table", lambda: table)
    assert kernel_plan.plan(wanted, kernel.observe(wanted, will_apply=False)).stale == ()
    same = declared(export("/srv/app", client("10.9.0.9")))
    (step,) = kernel_plan.plan(same, kernel.observe(same, will_apply=False)).steps
    assert "exports exports it to the same client" in step.message


def test_a_client_of_others_that_exportfs_added_meanwhile_stays_after_a_refusal(server, monkeypatch):
    theirs = exports.entries("/a backup01(rw,no_subtree_check)")
    exportfs, state = server(BY_HAND, foreign=[Foreign("/etc/exports", theirs[0])])
    added = [replace(theirs[0], host="backup01.example.com")]
    exportfs._all = lambda all_of_ours=exportfs._all: (exportfs._take(added), all_of_ours())[1]
    # The resolver was down when the server was observed, and is back.
    state = replace(state, names={"backup01": frozenset()})
    monkeypatch.setattr(kernel, "_names", lambda host: frozenset({"backup01.example.com"} - {host}))
    assert refused(WIDER, state).restored
    assert ("/a", "backup01.example.com") in exportfs.meanings


def test_the_check_for_links_is_of_what_the_plan_is_made_from(files_of_others, monkeypatch, tmp_path):
    outer, inner = tmp_path / "outer", tmp_path / "outer" / "inner"
    outer.mkdir()
    inner.symlink_to("/etc")
    files_of_others.write_text(f"{outer} *(rw)")
    monkeypatch.setattr(kernel, "_active_table", tuple)
    seen = kernel.observe(declared(export(str(inner))), will_apply=False)
    inner.unlink()
    inner.mkdir()
    assert seen.real_path(str(inner)) == "/etc"
    assert [one.item for one in links.problems(seen.ways, seen.exported)] == [str(inner)]
