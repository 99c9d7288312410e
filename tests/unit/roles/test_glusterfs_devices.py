# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a brick's device is mounted, and which lines of fstab are about it."""

from __future__ import annotations

import os
import stat
from types import SimpleNamespace

import pytest

# An xfs of the role's on /dev/sdb (8:16), and another disk.
DEVICES = {"/dev/sdb": (8, 16), "/dev/disk/by-id/x": (8, 16), "/dev/bricks/lv": (8, 16), "/dev/sdc": (8, 32)}
FOUND = {"TYPE": "xfs", "LABEL": "berthage", "UUID": "0b6b2ae1-6f0c-4a9c-a6f6-0a3d6c1d2e3f"}
MOUNT = "36 25 {} {} {} rw,noatime shared:1 - xfs /dev/whatever rw\n"


@pytest.fixture
def program(load_program, monkeypatch, tmp_path):
    """The role's program; `said` is what a mount table and fstab have, `place` is where the brick is to be."""
    module = load_program("roles/glusterfs/files/devices.py")
    real = os.stat

    def of_device(path, *arguments, **more):
        if path in DEVICES:
            return SimpleNamespace(st_mode=stat.S_IFBLK | 0o600, st_rdev=os.makedev(*DEVICES[path]))
        return real(path, *arguments, **more)

    module.place = str(tmp_path / "a brick")
    os.mkdir(module.place)
    module.said = {"/proc/self/mountinfo": MOUNT.format("8:1", "/", "/"), "/etc/fstab": ""}
    monkeypatch.setattr(os, "stat", of_device)
    monkeypatch.setattr(module, "_lines", lambda path: module.said.get(path, "").splitlines(keepends=True))
    monkeypatch.setattr(module, "_signatures", lambda _device: FOUND)
    monkeypatch.setattr(module, "_is_held", lambda _device: False)
    monkeypatch.setattr(module, "_has_data", lambda _device: True)
    names = {"LABEL=berthage": "/dev/sdb", "PARTUUID=7": "/dev/sdc"}
    monkeypatch.setattr(
        module, "_call", lambda *command: SimpleNamespace(returncode=0, stdout=names.get(command[1], "") + "\n")
    )
    return module


def mounted(program, device: str, point: str, root: str = "/") -> None:
    program.said["/proc/self/mountinfo"] += MOUNT.format(device, root, point.replace(" ", "\\040"))


def listed(program, *sources: str) -> None:
    place = program.place.replace(" ", "\\040")
    program.said["/etc/fstab"] = "# all\n\nUUID=1 / ext4 defaults 0 1\n" + "".join(
        f"{source} {place}/ xfs defaults 0 0\n" for source in sources
    )


def looked(program, device: str = "/dev/sdb", wipe: bool = False):
    brick = program.Brick(program.place, device, wipe, "xfs")
    seen = program.look(brick)
    return seen, [] if seen.problem else program.plan(brick, seen)


def test_a_device_that_is_mounted_at_its_place_and_listed_is_left_as_it_is(program):
    mounted(program, "8:16", program.place)
    listed(program, f"UUID={FOUND['UUID']}")

    seen, told = looked(program)

    assert (seen.mounted, seen.listed, seen.problem, told) == (True, True, "", [])


@pytest.mark.parametrize(
    "source",
    [
        "/dev/sdb",
        "/dev/disk/by-id/x",
        "/dev/bricks/lv",
        "LABEL=berthage",
        'UUID="0B6B2AE1-6F0C-4A9C-A6F6-0A3D6C1D2E3F"',
    ],
)
def test_another_name_for_the_same_device_in_fstab_is_no_change(program, source):
    mounted(program, "8:16", program.place)
    listed(program, source)
    assert looked(program)[1] == []

    # Also where a line was written twice.
    listed(program, source, f"UUID={FOUND['UUID']}")
    assert looked(program)[1] == []


@pytest.mark.parametrize("source", ["/dev/sdc", "PARTUUID=7", "UUID=2", "/dev/absent", "LABEL=absent", "nfs:/export"])
@pytest.mark.parametrize("is_mounted", [False, True])
def test_a_line_for_another_device_at_its_place_is_refused_and_none_is_added(program, source, is_mounted):
    if is_mounted:
        mounted(program, "8:16", program.place)
    listed(program, f"UUID={FOUND['UUID']}", source)

    assert f"/etc/fstab has another line for {program.place}; remove it" in looked(program)[0].problem


def test_a_directory_of_a_device_that_is_mounted_above_it_is_not_its_place(program, monkeypatch, tmp_path):
    mounted(program, "8:16", str(tmp_path))

    seen, _told = looked(program)

    assert not seen.mounted
    assert f"/dev/sdb is mounted at {tmp_path}; unmount it first" in seen.problem


def test_a_part_of_the_device_or_another_one_on_top_of_it_is_not_the_device(program):
    mounted(program, "8:16", program.place, root="/sub")
    assert f"/dev/sdb is mounted at {program.place}" in looked(program)[0].problem

    mounted(program, "8:16", program.place)
    assert looked(program)[0].mounted
    mounted(program, "8:32", program.place)
    assert not looked(program)[0].mounted


def test_a_line_for_what_is_still_to_be_formatted_would_not_name_it_afterwards(program, monkeypatch):
    monkeypatch.setattr(program, "_signatures", lambda _device: {"TYPE": "ext4", "UUID": FOUND["UUID"]})
    listed(program, f"UUID={FOUND['UUID']}")

    assert "/etc/fstab has another line" in looked(program, wipe=True)[0].problem


def test_a_path_with_a_space_is_written_as_it_is_read(program):
    assert program._decoded(program._encoded("/data/a brick\\x")) == "/data/a brick\\x"
    assert program._encoded("/data/a brick") == "/data/a\\040brick"
