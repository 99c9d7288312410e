# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories that are to become bricks, on a host that does not speak for the pool."""

from __future__ import annotations

import os

import pytest

G1, G4 = "1ddce673-38f0-4fda-af38-97a88cfc0c0d", "5d2961a3-4fcc-4934-90d6-85a57f395f14"
MARK, FILE = "trusted.glusterfs.volume-id", "trusted.gfid"


@pytest.fixture
def program(load_program, monkeypatch, tmp_path):
    """The role's program on g4, whose pool has a volume on g1, and one on itself; `marks` are attributes by path."""
    module = load_program("roles/glusterfs/files/new_bricks.py")
    module.marks = {}
    monkeypatch.setattr(module, "HOME", str(tmp_path / "home"))
    monkeypatch.setattr(module, "_has", lambda path, name: name in module.marks.get(path, ()))
    # What is below tmp_path has a file system of its own, unless it is in `rooted`.
    module.rooted = set()
    monkeypatch.setattr(
        module, "_device_of", lambda path: os.stat("/").st_dev if path in module.rooted else os.stat("/").st_dev + 1
    )
    (tmp_path / "home" / "peers").mkdir(parents=True)
    (tmp_path / "home" / "peers" / G1).write_text(f"uuid={G1}\nstate=3\nhostname1=192.0.2.11\nhostname2=G1\n")
    (tmp_path / "home" / "glusterd.info").write_text(f"UUID={G4}\noperating-version=100000\n")
    for uuid, host, name in ((G1, "192.0.2.11", "gv0"), (G4, "192.0.2.14", "other")):
        bricks = tmp_path / "home" / "vols" / name / "bricks"
        bricks.mkdir(parents=True)
        path = tmp_path / name
        (bricks / f"{host}:{str(path).replace('/', '-')}").write_text(
            f"uuid={uuid}\nhostname={host}\npath={path}\nreal_path={path}\nlisten-port=0\n"
        )
    return module


def refused(program, *paths, mounts=(), elsewhere=(), force=False) -> list[str]:
    return list(
        program.look(
            name="g4", bricks=list(map(str, paths)), mounts=list(mounts), elsewhere=list(elsewhere), force=force
        )
    )


def test_a_brick_whose_disk_is_missing_is_not_to_be_started_empty(program, tmp_path):
    brick, info = tmp_path / "other", tmp_path / "home" / "vols" / "other" / "info"
    info.write_text("type=2\nstatus=1\n")
    assert refused(program, brick) == []  # not there: `start force` leaves it down

    brick.mkdir()
    (problem,) = refused(program, brick, force=True)
    assert f"g4:{brick} is a brick without the mark of its volume" in problem
    assert f"`gluster volume reset-brick other 192.0.2.14:{brick} 192.0.2.14:{brick} commit force`" in problem

    info.write_text("type=2\nstatus=2\n")
    assert refused(program, brick) == []  # stopped: gluster itself looks for the mark when it starts it
    info.write_text("type=2\nstatus=1\n")
    program.marks[str(brick)] = {MARK}
    assert refused(program, brick) == []


def test_a_brick_that_gluster_knows_as_this_hosts_is_no_new_one(program, tmp_path):
    program.marks[str(tmp_path / "other")] = {MARK, FILE}
    program.rooted.add(str(tmp_path / "other"))

    assert refused(program, f"{tmp_path}/other", f"{tmp_path}//other/") == []


@pytest.mark.parametrize("attributes", [{MARK}, {FILE}, {MARK, FILE}])
@pytest.mark.parametrize("force", [False, True])
def test_a_directory_that_was_a_brick_is_refused_though_another_host_has_a_brick_of_that_path(
    program, tmp_path, attributes, force
):
    (tmp_path / "gv0").mkdir()
    (tmp_path / "gv0" / "stale").touch()
    program.marks[str(tmp_path / "gv0")] = attributes

    (told,) = refused(program, tmp_path / "gv0", force=force)

    assert told.startswith(f"glusterfs_volumes: g4:{tmp_path}/gv0 carries the mark of a volume")
    assert f"remove it (rm -r {tmp_path}/gv0), or choose another directory" in told


def test_what_a_refused_creation_left_is_not_a_brick_that_ever_was_one(program, tmp_path):
    (tmp_path / "new" / ".glusterfs").mkdir(parents=True)
    program.marks[str(tmp_path / "new")] = {MARK}
    assert refused(program, tmp_path / "new") == []

    (tmp_path / "new" / ".glusterfs" / "00").mkdir()
    assert len(refused(program, tmp_path / "new")) == 1


def test_a_directory_on_the_root_file_system_needs_force(program, tmp_path):
    path = str(tmp_path / "bricks" / "gv0")
    program.rooted.add(path)

    (told,) = refused(program, path)

    assert f"g4:{path} would lie on the root file system" in told and "glusterfs_force: true" in told
    assert refused(program, path, force=True) == []
    # In check mode, what would be mounted by then is not.
    assert refused(program, path, mounts=[f"{tmp_path}/bricks/"]) == []
    assert len(refused(program, path, mounts=[f"{tmp_path}/bric"])) == 1


def test_a_mount_point_is_refused_since_it_is_an_empty_directory_without_its_disk(program):
    (told,) = refused(program, "/proc")

    assert "g4:/proc is itself a mount point" in told
    assert refused(program, "/proc", force=True) == []


def test_of_hosts_that_nobody_looks_at_only_bricks_that_gluster_knows_are_let_through(program, tmp_path):
    def on(host: str, path: str) -> dict[str, str]:
        return {"host": host, "path": f"{tmp_path}/{path}"}

    assert refused(program, elsewhere=[on("g1", "gv0"), on("192.0.2.11", "gv0")]) == []
    # No member, which the module says better.
    assert refused(program, elsewhere=[on("192.0.2.99", "gv0")]) == []
    (told,) = refused(program, elsewhere=[on("g1", "other")])
    assert f"g1:{tmp_path}/other is to become a brick, and its host is not in this run" in told


def test_a_host_without_glusterd_knows_no_bricks(program, tmp_path, monkeypatch):
    monkeypatch.setattr(program, "HOME", str(tmp_path / "absent"))

    assert refused(program, tmp_path / "gv0") == []
