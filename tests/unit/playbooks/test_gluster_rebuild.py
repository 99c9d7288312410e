# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pool knows of a host that came back empty, from recorded answers; and which host is left alone."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
RECORDED = ROOT / "tests/unit/plugins/module_utils/_gluster/recorded"
G1, G2, G3 = (
    "1ddce673-38f0-4fda-af38-97a88cfc0c0d",
    "da59815d-7eeb-4d82-afba-cb7a1195b0c7",
    "5d2961a3-4fcc-4934-90d6-85a57f395f14",
)


@pytest.fixture
def rebuild(load_program, monkeypatch, tmp_path):
    """The role's program, with the recorded pool behind it, seen from g1, and a home that is empty."""
    program = load_program("roles/glusterfs/files/rebuild.py")
    answers = {"pool": "pool_list_one_disconnected", "volume": "volume_info_all"}
    recorded = {words: (RECORDED / f"{name}.xml").read_text() for words, name in answers.items()}
    monkeypatch.setattr(program, "_run", lambda *command: recorded[command[4]])
    monkeypatch.setattr(program, "HOME", str(tmp_path))
    monkeypatch.setattr(program, "JOURNAL", str(tmp_path / "journal"))
    (tmp_path / "glusterd.info").write_text(f"UUID={G1}\noperating-version=100000\n")
    bricks = tmp_path / "vols" / "gv0" / "bricks"
    bricks.mkdir(parents=True)
    (bricks / "10.99.0.13:-data-brick1-gv0").write_text(
        f"uuid={G3}\nhostname=10.99.0.13\npath=/data/brick1/gv0\nbrick-id=gv0-client-2\n"
    )
    return program


def test_a_host_that_the_pool_knows_gets_its_uuid_its_peers_and_its_bricks(rebuild):
    plan = rebuild.ask({"node3": "10.99.0.13"}, me="10.99.0.11")["node3"]

    assert (plan["uuid"], plan["operating_version"]) == (G3, "100000")
    assert plan["peers"] == [
        {"uuid": G2, "names": ["g2", "g2.example.test"]},
        # Of itself a member knows no name that another one could use.
        {"uuid": G1, "names": ["10.99.0.11"]},
    ]
    (gv0,) = [brick for brick in plan["bricks"] if brick["volume"] == "gv0"]
    assert gv0["path"] == "/data/brick1/gv0"
    assert (gv0["id"], gv0["kind"]) == ("gv0-client-2", "replicate")
    assert {brick["volume"]: brick["kind"] for brick in plan["bricks"]}["disp"] == "disperse"
    assert plan["refused"] == []


def test_a_host_whose_brick_was_the_only_copy_is_refused_by_the_volumes_name(rebuild):
    plan = rebuild.ask({"node2": "G2"}, me="10.99.0.11")["node2"]

    (told,) = plan["refused"]
    assert "node2: the brick /data/brick1/dist was the only copy of its part of the volume dist" in told


def test_a_host_that_the_pool_does_not_know_is_new_and_the_one_that_is_asked_is_never_lost(rebuild):
    assert rebuild.ask({"node4": "10.99.0.14", "node1": "localhost"}, me="10.99.0.11") == {}


def test_a_host_that_holds_anything_is_left_alone_with_every_reason(rebuild, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    bricks = [{"path": str(tmp_path / name), "volume": "gv0", "volume_id": "00"} for name in ("full", "absent/gv0")]

    with pytest.raises(rebuild.Failed) as refusal:
        rebuild._refuse_what_holds_data({"bricks": bricks, "force": True})

    told = str(refusal.value)
    assert "this host is not empty, and is left alone" in told
    assert f"{tmp_path}/full is not empty" in told
    assert f"{tmp_path}/absent is not there; add it to glusterfs_bricks" in told


def test_an_empty_place_is_taken_also_after_a_run_that_was_cut_short_there(rebuild, tmp_path):
    (tmp_path / "gv0" / ".glusterfs").mkdir(parents=True)
    bricks = [{"path": str(tmp_path / name), "volume": "gv0", "volume_id": "00"} for name in ("gv0", "gv1")]

    assert rebuild._refuse_what_holds_data({"bricks": bricks, "force": True}) is None


@pytest.mark.parametrize("fails", [("umount",), ("glusterfs", "umount", "umount --lazy")], ids=["busy", "not-in-time"])
def test_what_is_mounted_to_tell_the_other_bricks_is_never_removed(rebuild, monkeypatch, tmp_path, fails):
    mounts = tmp_path / "mounts"
    mounts.mkdir()

    def run(*command):
        what = "umount --lazy" if "--lazy" in command else command[0]
        if what == "glusterfs":
            (Path(command[-1]) / "of-the-volume").touch()
        if what in fails:
            raise rebuild.Failed(f"{what} took too long")
        return ""

    monkeypatch.setattr(rebuild, "_run", run)
    monkeypatch.setattr(rebuild, "MOUNTS", str(mounts))

    with contextlib.suppress(rebuild.Failed), rebuild._mounted("gv0"):
        pass

    assert [path.name for path in mounts.glob("*/*")] == ["of-the-volume"]
