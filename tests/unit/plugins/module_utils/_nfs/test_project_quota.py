# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trees that get a quota and lose it, on a file system that knows projects as ext4 and xfs do."""

from __future__ import annotations

import os
import struct
from types import SimpleNamespace

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._nfs import files, links, project_quota, quotas
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.errors import QuotaFailed
from ansible_collections.berthage.swarm.tests.unit.plugins.module_utils._nfs.declarations import declared, export

INHERITED = 0x200
M = 1024**2


class Killed(BaseException):
    """Nothing that the run does afterwards has any effect."""


class Kernel:
    """Projects of real files. Before anything is asked of it, or done, `meanwhile` is called with how often that was
    the case."""

    def __init__(self):
        self.attributes = {}
        self.limits = {}
        self.calls = 0
        self.meanwhile = lambda call: None

    def turn(self):
        self.calls += 1
        meanwhile, self.meanwhile = self.meanwhile, lambda call: None
        try:
            meanwhile(self.calls)
        finally:
            self.meanwhile = meanwhile

    def of(self, path):
        return self.attributes.get(os.lstat(path).st_ino, (0, 0))

    def ioctl(self, descriptor, command, data):
        self.turn()
        inode = os.fstat(descriptor).st_ino
        if command == project_quota._GET_ATTRIBUTES:
            flags, project = self.attributes.get(inode, (0, 0))
            data[:] = struct.pack("=5I8x", flags, 0, 0, project, 0)
        else:
            flags, _extent, _extents, project, _copies = struct.unpack("=5I8x", data)
            self.attributes[inode] = (flags, project)

    def quotactl(self, command, device, project, data):
        self.turn()
        if command == project_quota._GET_STATE:
            struct.pack_into("=H", data, 2, project_quota._ENFORCED)
        elif command == project_quota._GET_QUOTA:
            struct.pack_into("=Q", data, 0, self.limits.get(project, 0))
        else:
            self.limits[project] = struct.unpack_from("=Q", data)[0]

    def makes(self, directory, name):
        """A client makes a file, and a directory with another one in it."""
        below = os.path.join(directory, name)
        os.mkdir(below)
        self._inherits(below)
        for file in (f"{below}-file", os.path.join(below, "file")):
            open(file, "w").close()
            self._inherits(file)

    def _inherits(self, path):
        flags, project = self.of(os.path.dirname(path))
        self.attributes[os.lstat(path).st_ino] = (flags, project) if flags & INHERITED else (0, 0)


@pytest.fixture
def kernel(monkeypatch, tmp_path):
    kernel = Kernel()
    put, scandir = files.put, os.scandir

    def put_by_turn(*arguments):
        kernel.turn()
        put(*arguments)

    def scandir_by_turn(*arguments):
        kernel.turn()
        return scandir(*arguments)

    monkeypatch.setattr(project_quota, "fcntl", SimpleNamespace(ioctl=kernel.ioctl))
    monkeypatch.setattr(project_quota, "_quotactl", kernel.quotactl)
    monkeypatch.setattr(project_quota, "_file_system", lambda path: ("/dev/one", "ext4"))
    monkeypatch.setattr(project_quota, "PROJECTS", str(tmp_path / "projects"))
    monkeypatch.setattr(project_quota, "PROJID", str(tmp_path / "projid"))
    monkeypatch.setattr(files, "put", put_by_turn)
    monkeypatch.setattr(os, "scandir", scandir_by_turn)
    return kernel


@pytest.fixture
def tree(tmp_path):
    return grown(tmp_path / "srv" / "data")


def grown(top):
    for name in ("one", "two/deep", "three"):
        (top / name).mkdir(parents=True)
        (top / name / "file").touch()
    (top / "file").touch()
    (top / "link").symlink_to("/etc")
    return top


def planned(*exports):
    wanted = declared(*exports)
    ways = {one.path: links.way(one.path).place for one in wanted.exports}
    return quotas.plan(wanted, project_quota.observe(wanted, ways))


def run(*exports):
    found = planned(*exports)
    assert not found.problems
    with project_quota.in_force(found.changes):
        pass
    return found.changes


def below(top):
    yield str(top)
    for place, directories, names in os.walk(top):
        yield from (
            os.path.join(place, name)
            for name in [*directories, *names]
            if not os.path.islink(os.path.join(place, name))
        )


def projects(kernel, top):
    """By how it is told: the projects in the tree, and of its directories whether they pass theirs on."""
    return (
        {kernel.of(path)[1] for path in below(top)},
        {bool(kernel.of(path)[0] & INHERITED) for path in below(top) if os.path.isdir(path)},
    )


def test_a_tree_gets_its_quota_keeps_it_and_loses_it(kernel, tree):
    (change,) = run(export(str(tree), quota="8M"))
    assert projects(kernel, tree) == ({change.project}, {True})
    assert kernel.limits == {change.project: 8 * M // 1024}
    assert planned(export(str(tree), quota="8M")).changes == ()
    run(export(str(tree)))
    assert projects(kernel, tree) == ({0}, {False})
    assert kernel.limits == {change.project: 0}
    assert quotas.read(*project_quota._registry()) == quotas.Projects()


def at_each_moment(kernel, tmp_path, act):
    """Trees that get a quota, each while somebody acts at another moment of that."""
    for moment in range(1, 1000):
        tree, start, done = grown(tmp_path / f"tree-{moment}"), kernel.calls, []

        def meanwhile(call, tree=tree, at=start + moment, done=done):
            if call == at:
                act(tree)
                done.append(call)

        kernel.meanwhile = meanwhile
        changes = run(export(str(tree), quota="8M"))
        kernel.meanwhile = lambda call: None
        if not done:
            assert moment > 30
            return
        yield tree, changes[0].project
        run()
    raise AssertionError("it does not end")


def test_what_clients_make_meanwhile_is_counted_whenever_they_make_it(kernel, tmp_path):
    def make(tree):
        for place in [path for path in below(tree) if os.path.isdir(path)]:
            kernel.makes(place, "new")

    for tree, project in at_each_moment(kernel, tmp_path, make):
        assert projects(kernel, tree) == ({project}, {True}), tree


def test_no_file_that_was_there_before_is_kept_from_being_renamed_in_its_directory(kernel, tree):
    """That is refused (EXDEV) where the directory passes on a project that is not the file's."""
    refused = set()

    def look(call):
        for place in [path for path in below(tree) if os.path.isdir(path)]:
            flags, project = kernel.of(place)
            inside = [os.path.join(place, name) for name in os.listdir(place)]
            if flags & INHERITED:
                refused.update(path for path in inside if os.path.isfile(path) and kernel.of(path)[1] != project)

    kernel.meanwhile = look
    run(export(str(tree), quota="8M"))
    run(export(str(tree)))
    assert refused - {str(tree / "link")} == set()


@pytest.mark.parametrize("former", ["none", "a recreated directory", "a quota"])
@pytest.mark.parametrize("following", ["8M", None])
def test_a_run_that_is_killed_anywhere_is_ended_by_the_next_one(kernel, tree, former, following):
    call = [export(str(tree), quota=None if former == "a quota" else "8M")]
    moment = 0
    struck = True
    while struck:
        moment += 1
        kernel.meanwhile = lambda call: None
        kernel.attributes.clear()
        run()
        if former != "none":
            run(export(str(tree), quota="8M"))
        if former == "a recreated directory":
            kernel.attributes.clear()
        changes = planned(*call).changes
        struck = False
        at = kernel.calls + moment

        def kill(call, at=at):
            if call >= at:
                nonlocal struck
                struck = True
                raise Killed

        kernel.meanwhile = kill
        try:
            with project_quota.in_force(changes):
                pass
        except Killed:
            pass
        kernel.meanwhile = lambda call: None
        run(export(str(tree), quota=following))
        again = planned(export(str(tree), quota=following))
        assert (again.changes, again.problems) == ((), {}), f"killed at {moment}"
        registered = quotas.read(*project_quota._registry()).numbers
        if following:
            number = registered[str(tree)]
            assert projects(kernel, tree) == ({number}, {True}), f"killed at {moment}"
            assert kernel.limits[number] == 8 * M // 1024
        else:
            assert projects(kernel, tree) == ({0}, {False}), f"killed at {moment}"
            assert registered == {}
            assert set(kernel.limits.values()) <= {0}
    assert moment > 10


def test_a_path_that_is_a_link_is_the_directory_that_it_leads_to(kernel, tree):
    link = tree.parent / "current"
    link.symlink_to("data")
    (change,) = run(export(str(link), quota="8M"))
    assert (change.path, change.place) == (str(link), str(tree))
    assert quotas.read(*project_quota._registry()).numbers == {str(tree): change.project}
    assert projects(kernel, tree) == ({change.project}, {True})
    assert planned(export(str(link), quota="8M")).changes == ()
    (gone,) = run(export(str(link)))
    assert gone.path == str(link)
    assert projects(kernel, tree) == ({0}, {False})
    assert quotas.read(*project_quota._registry()) == quotas.Projects()


def test_a_link_that_leads_elsewhere_takes_its_quota_along(kernel, tree):
    link, other = tree.parent / "current", tree.parent / "newer"
    other.mkdir()
    link.symlink_to("data")
    run(export(str(link), quota="8M"))
    link.unlink()
    link.symlink_to("newer")
    run(export(str(link), quota="8M"))
    assert projects(kernel, tree) == ({0}, {False})
    assert projects(kernel, other)[0] == set(quotas.read(*project_quota._registry()).numbers.values())
    assert planned(export(str(link), quota="8M")).changes == ()


def test_a_project_that_is_written_down_under_a_link_is_the_directory_s(kernel, tree):
    link = tree.parent / "current"
    link.symlink_to("data")
    (tree.parent.parent / "projects").write_text(f"77:{link}\n")
    (tree.parent.parent / "projid").write_text("berthage.berthage.77:77\n")
    kernel.attributes[os.lstat(tree / "file").st_ino] = (0, 77)
    run(export(str(link), quota="8M"))
    assert projects(kernel, tree) == ({77}, {True})
    assert planned(export(str(link), quota="8M")).changes == ()
    run()
    assert projects(kernel, tree) == ({0}, {False})
    assert quotas.read(*project_quota._registry()) == quotas.Projects()


@pytest.mark.parametrize("turned", ["srv", "srv/data"])
def test_a_link_that_comes_in_the_way_after_the_plan_is_not_followed(kernel, tree, tmp_path, turned):
    changes = planned(export(str(tree), quota="8M")).changes
    (tmp_path / turned).rename(tmp_path / "moved")
    (tmp_path / "other" / "data").mkdir(parents=True)
    (tmp_path / turned).symlink_to(tmp_path / "other")
    with pytest.raises(QuotaFailed) as failure, project_quota.in_force(changes):
        pass
    assert not failure.value.changed
    assert projects(kernel, tmp_path / "other") == ({0}, {False})
    assert quotas.read(*project_quota._registry()) == quotas.Projects()


def test_a_directory_that_a_client_turns_into_a_link_meanwhile_leads_nowhere_else(kernel, tmp_path):
    other = tmp_path / "other"
    (other / "deep").mkdir(parents=True)
    (other / "file").touch()

    def turn(tree):
        for name in ("one", "two", "three"):
            (tree / name).rename(tmp_path / f"moved-{name}-from-{tree.name}")
            (tree / name).symlink_to(other)

    for tree, _project in at_each_moment(kernel, tmp_path, turn):
        assert projects(kernel, other) == ({0}, {False}), tree


@pytest.mark.parametrize("block", [1024, 4096])
def test_a_limit_that_the_file_system_keeps_in_whole_blocks_is_no_drift(kernel, tree, monkeypatch, block):
    monkeypatch.setattr(project_quota, "_file_system", lambda path: ("/dev/one", "ext4" if block == 1024 else "xfs"))
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_frsize=4096))
    (change,) = run(export(str(tree), quota="10001K"))
    kernel.limits[change.project] = -(-10001 * 1024 // block) * block // 1024
    assert planned(export(str(tree), quota="10001K")).changes == ()
    assert planned(export(str(tree), quota="10005K")).changes != ()
