# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done with nfs-ganesha's export manager, whose refusals are believed and whose silence is not."""

from __future__ import annotations

import json
import subprocess

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._nfs import dropin, files, ganesha, ganesha_config
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.errors import ServerRefused
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.ganesha_plan import State, plan
from ansible_collections.berthage.swarm.tests.unit.plugins.module_utils._nfs import declarations
from ansible_collections.berthage.swarm.tests.unit.plugins.module_utils._nfs.declarations import client, export

BUSY = "Call failed: another export admin operation is in progress, try again later"


class Killed(BaseException):
    pass


class Manager:
    """The export manager on D-Bus: an export is mounted in the deepest one that holds its place then."""

    def __init__(self):
        self.exports = {}
        self.holders = {}
        self.at_start = 0  # how many of the exports it has from the start on
        self.calls = []
        self.refusals = {}  # what it says instead, by the words of a call; the last one for good
        self.killed_at = ""

    def __call__(self, method, *arguments):
        words = " ".join([method, *arguments[-1:]])
        if self.killed_at and words.startswith(self.killed_at):
            raise Killed
        refusals = self.refusals.get(words, [])
        refusal = refusals.pop(0) if len(refusals) > 1 else "".join(refusals)
        try:
            if refusal:
                raise ValueError(refusal)
            said = getattr(self, method.replace("Exports", "").replace("Export", "").lower())(*arguments)
        except ValueError as error:
            return subprocess.CompletedProcess(words, 1, "", str(error))
        if method not in ("ShowExports", "DisplayExport"):
            self.calls.append(words)
        return subprocess.CompletedProcess(words, 0, json.dumps({"data": said}), "")

    def show(self):
        numbers = [*self.exports]
        return [0, [[number] for number in [*numbers[: self.at_start], 0, *numbers[self.at_start :]]]]

    def restart(self):
        """At its start it mounts what lies in another one there, whatever the order in the files."""
        self.at_start = len(self.exports)
        self.holders = {one.number: self._holder(one) for one in self.exports.values()}

    def came_before(self, inner, outer):
        """As somebody could have told it on D-Bus."""
        self.exports = {inner: self.exports[inner], outer: self.exports[outer]}
        self.holders = {inner: 0, outer: 0}

    def display(self, _kind, number):
        one = self.exports[int(number)]
        return [
            one.number,
            one.path,
            one.meaning["pseudo"],
            "",
            [[str(ganesha_config.clients.network_of(host)), meaning] for host, meaning in one.clients],
        ]

    def add(self, _kinds, file, which):
        one = self._read(file, which)
        self.holders[one.number] = self._holder(one)
        self.exports[one.number] = one
        return ["1 exports added"]

    def update(self, _kinds, file, which):
        one = self._read(file, which)
        self.exports[one.number] = one
        return ["1 exports updated"]

    def remove(self, _kind, number):
        if int(number) in self.holders.values():
            raise ValueError("Call failed: Cannot remove export with submounts")
        del self.exports[int(number)], self.holders[int(number)]
        return []

    def _holder(self, one):
        above = [number for number, other in self.exports.items() if one.path.startswith(f"{other.path}/")]
        return max(above, key=lambda number: len(self.exports[number].path), default=0)

    def _read(self, file, which):
        with open(file, encoding="utf-8") as text:
            found = {one.number: one for one in ganesha_config.exports(text.read())}
        number = int(which.split("=")[1].strip(" )"))
        if number not in found:
            raise ValueError("Call failed: No new export entries found")
        return found[number]


@pytest.fixture
def manager(monkeypatch):
    made = Manager()
    monkeypatch.setattr(ganesha, "_call", made)
    monkeypatch.setattr(ganesha, "_main_process", lambda: "1")
    monkeypatch.setattr(ganesha, "_log_file", lambda: None)
    monkeypatch.setattr(ganesha, "_ANSWERS_WITHIN", 1.0)
    return made


@pytest.fixture
def run(manager, tmp_path, monkeypatch):
    """Runs the module's part: look, plan, and do it. Returns the plan."""

    def run(*exports):
        declaration = declarations.declared(*exports, implementation="ganesha")
        state = State(files.read(str(tmp_path / "exports.d" / "berthage.conf")), ganesha._served())
        planned = plan(declaration, state)
        if not any(step.problems for step in planned.steps) and any(step.changes for step in planned.steps):
            ganesha.apply(declaration, planned, state)
        return planned

    (tmp_path / "exports.d").mkdir()
    run.file = tmp_path / "exports.d" / "berthage.conf"
    monkeypatch.setattr(ganesha, "EXPORTS_D", str(tmp_path / "exports.d"))
    return run


def paths(manager):
    return sorted(one.path for one in manager.exports.values())


def number_of(manager, path):
    return next(number for number, one in manager.exports.items() if one.path == path)


def actions(planned):
    return {step.name: step.action for step in planned.steps}


def test_what_lies_in_another_export_is_withdrawn_before_it(manager, run):
    run(export("/srv"), export("/srv/a"), export("/srv/a/b"))
    run()
    assert paths(manager) == []
    assert not run.file.exists()


def test_an_export_that_came_after_what_lies_in_it_can_be_withdrawn_alone_until_the_next_start(manager, run):
    run(export("/srv"), export("/srv/a"))
    manager.came_before(number_of(manager, "/srv/a"), number_of(manager, "/srv"))
    assert actions(run(export("/srv/a"))) == {"/srv/a": "keep", "/srv": "remove"}
    assert paths(manager) == ["/srv/a"]
    run()
    run(export("/srv/a"), export("/srv"))
    manager.came_before(number_of(manager, "/srv/a"), number_of(manager, "/srv"))
    manager.restart()
    assert actions(run(export("/srv/a"))) == {"/srv/a": "keep", "/srv": "refused"}


def test_a_new_export_that_would_hide_one_that_is_served_is_refused_and_says_what_to_do(manager, run):
    run(export("/srv/a", client(access="ro")), export("/srv2"))
    both = [export("/srv"), export("/srv/a", client(access="ro")), export("/srv2")]
    planned = run(*both)
    assert actions(planned) == {"/srv": "refused", "/srv/a": "keep", "/srv2": "keep"}
    assert "already serves /srv/a inside of it" in planned.steps[0].message
    assert paths(manager) == ["/srv/a", "/srv2"]
    run(export("/srv2"))
    assert set(actions(run(*both)).values()) == {"create", "keep"}
    assert manager.holders[number_of(manager, "/srv/a")] == number_of(manager, "/srv")
    assert set(actions(run(*both)).values()) == {"keep"}


def test_what_others_serve_is_not_hidden_either(manager, run):
    run(export("/srv/a"))
    run.file.unlink()
    run.file = run.file.with_name("others.conf")
    assert actions(run(export("/srv"))) == {"/srv": "refused"}


def test_a_new_export_takes_the_place_of_what_lay_in_it(manager, run):
    run(export("/srv/a"), export("/srv/b"))
    run(export("/srv"))
    assert paths(manager) == ["/srv"]


def test_the_outer_one_of_two_new_exports_comes_first(manager, run):
    run(export("/srv/a"), export("/srv"))
    assert manager.holders[number_of(manager, "/srv/a")] == number_of(manager, "/srv")


def test_an_export_that_holds_one_that_stays_is_not_withdrawn_and_says_why(manager, run):
    run(export("/srv"), export("/srv/a"))
    before = run.file.read_text()
    planned = run(export("/srv/a"))
    assert actions(planned) == {"/srv/a": "keep", "/srv": "refused"}
    assert "cannot withdraw it while it serves /srv/a" in planned.steps[1].message
    assert paths(manager) == ["/srv", "/srv/a"]
    assert run.file.read_text() == before


def test_an_export_makes_room_for_new_ones_in_its_place(manager, run):
    run(export("/srv"), export("/other"))
    run(export("/srv/a"), export("/srv/b"), export("/other"))
    assert paths(manager) == ["/other", "/srv/a", "/srv/b"]


def test_it_does_so_with_what_lies_in_it_as_well(manager, run):
    run(export("/srv"), export("/srv/a"), export("/srv/a/b"), export("/other"))
    run(export("/srv/c"))
    assert paths(manager) == ["/srv/c"]
    withdrawn = [one for one in manager.calls if one.startswith("Remove")]
    assert withdrawn[-1] == f"RemoveExport {ganesha_config.free_number('/other', set())}"


def test_an_export_that_made_room_for_one_that_is_refused_is_back(manager, run):
    run(export("/srv"))
    before = run.file.read_text()
    manager.refusals[f"AddExport EXPORT(Export_Id = {ganesha_config.free_number('/srv/a', set())})"] = [
        "Call failed: x"
    ]
    with pytest.raises(ServerRefused) as caught:
        run(export("/srv/a"))
    assert caught.value.restored
    assert paths(manager) == ["/srv"]
    assert run.file.read_text() == before


def test_a_withdrawal_that_the_server_refuses_is_told_in_its_words_and_everything_is_back(manager, run):
    run(export("/a"), export("/b"))
    before = run.file.read_text()
    manager.refusals[f"RemoveExport {number_of(manager, '/a')}"] = ["Call failed: no"]
    with pytest.raises(ServerRefused) as caught:
        run(export("/c"))
    assert "/a: was withdrawn, and is served all the same (nfs-ganesha: Refused Call failed: no)" in str(caught.value)
    assert caught.value.restored
    assert paths(manager) == ["/a", "/b"]
    assert run.file.read_text() == before
    manager.refusals.clear()
    run(export("/c"))
    assert paths(manager) == ["/c"]


def test_what_a_killed_run_was_withdrawing_stays_noted_while_the_server_refuses(manager, run):
    run(export("/a"))
    manager.refusals[f"RemoveExport {number_of(manager, '/a')}"] = ["Call failed: no"]
    run.file.write_text(dropin.noting("", "berthage", ["/a"]))
    with pytest.raises(ServerRefused):
        run()
    assert "/a" in files.read(str(run.file)).unfinished
    manager.refusals.clear()
    run()
    assert paths(manager) == []


def test_a_manager_that_is_busy_is_asked_again(manager, run):
    run(export("/a"))
    manager.refusals[f"RemoveExport {number_of(manager, '/a')}"] = [BUSY, BUSY, ""]
    run()
    assert paths(manager) == []


NARROWER = [{"access": "ro"}, {"squash": "all"}, {"sec": ["krb5p"]}, {"options": ["anonuid=7"]}]


@pytest.mark.parametrize("fields", NARROWER, ids=str)
def test_a_run_killed_before_rights_were_narrowed_is_ended_by_the_next_one(manager, run, fields):
    run(export("/a"), export("/b"))
    narrower = [export("/a", client(**fields)), export("/b")]
    manager.killed_at = "UpdateExport"
    with pytest.raises(Killed):
        run(*narrower)
    manager.killed_at = ""
    assert actions(run(*narrower)) == {"/a": "update", "/b": "keep"}
    assert (
        dict(manager.exports[number_of(manager, "/a")].clients)["10.0.0.0/24"]
        == (ganesha_config.declared_meaning(declarations.declared(narrower[0]).exports[0]).clients[0][1])
    )
    assert actions(run(*narrower)) == {"/a": "keep", "/b": "keep"}


def test_a_run_killed_before_it_took_wider_rights_back_is_ended_by_the_next_one(manager, run, monkeypatch):
    run(export("/a", client(access="ro")))
    before = dict(manager.exports)
    manager.refusals[f"AddExport EXPORT(Export_Id = {ganesha_config.free_number('/b', set())})"] = ["Call failed: x"]
    put = ganesha._put

    def put_until_the_server_has_changed(state, text):
        put(state, text)
        if manager.exports != before:
            raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(ganesha, "_put", put_until_the_server_has_changed)
        run(export("/a"), export("/b"))
    assert manager.exports != before
    assert actions(run(export("/a", client(access="ro")))) == {"/a": "update", "/b": "remove"}
    assert manager.exports == before


def test_wider_rights_that_cannot_be_taken_back_are_said_to_stay_and_stay_noted(manager, run):
    run(export("/a", client(access="ro")))
    number = number_of(manager, "/a")
    manager.refusals[f"AddExport EXPORT(Export_Id = {ganesha_config.free_number('/b', set())})"] = ["Call failed: x"]
    manager.refusals[f"UpdateExport EXPORT(Export_Id = {number})"] = ["", "Call failed: y"]
    with pytest.raises(ServerRefused) as caught:
        run(export("/a"), export("/b"))
    assert not caught.value.restored
    assert "not served as before: /a" in str(caught.value)
    assert "/a" in files.read(str(run.file)).unfinished
