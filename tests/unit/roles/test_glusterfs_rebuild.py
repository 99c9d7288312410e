# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pool knows of a host that came back empty, from recorded answers; which host is left alone; and that no brick
runs of which the others do not know that it is empty."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from xml.etree import ElementTree

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


VOLUME_ID = "74b1efb8-d23d-486d-bbdf-a42f741b2299"


class Glusterd:
    """What a pool answers of one volume: six bricks in sets of three, on g1 to g6 of /data/bricks below `home`."""

    def __init__(self, home: Path) -> None:
        self.bricks = [(f"uuid-g{number}", f"{home}/bricks/gv0" if number == 3 else "/b/gv0") for number in range(1, 7)]
        self.status = "Started"
        self.connected = {uuid for uuid, _path in self.bricks}
        self.online = {brick for brick in self.bricks if brick[0] != "uuid-g3"}
        self.comes_with_force = set(self.bricks) - {self.bricks[2]}
        self.entries = dict.fromkeys(self.connected, "0")
        self.changes: list[str] = []

    def answer(self, *words: str) -> ElementTree.Element:
        asked = " ".join(words)
        if asked == "pool list":
            peers = "".join(
                f"<peer><uuid>{u}</uuid><connected>{int(u in self.connected)}</connected></peer>" for u in self.entries
            )
            return self._document(f"<peerStatus>{peers}</peerStatus>")
        if asked == "volume list":
            return self._document("<volList><volume>gv0</volume></volList>")
        if asked == "volume info gv0":
            return self._document(
                f"<volInfo><volumes><volume><name>gv0</name><statusStr>{self.status}</statusStr>"
                "<replicaCount>3</replicaCount><disperseCount>0</disperseCount><bricks>"
                + "".join(
                    f"<brick><name>{uuid[-2:]}:{path}</name><hostUuid>{uuid}</hostUuid></brick>"
                    for uuid, path in self.bricks
                )
                + "</bricks></volume></volumes></volInfo>"
            )
        if asked == "volume status gv0":
            return self._document(
                "".join(
                    f"<node><path>{path}</path><peerid>{uuid}</peerid>"
                    f"<status>{int((uuid, path) in self.online)}</status></node>"
                    for uuid, path in self.bricks
                    if uuid in self.connected
                )
            )
        if asked == "volume heal gv0 info":
            return self._document(
                "<healInfo><bricks>"
                + "".join(
                    f'<brick hostUuid="-"><name>{uuid[-2:]}:{path}</name>'
                    f"<numberOfEntries>{self.entries[uuid]}</numberOfEntries></brick>"
                    for uuid, path in self.bricks
                )
                + "</bricks></healInfo>"
            )
        assert asked == "volume start gv0 force"
        self.changes.append(asked)
        self.status, self.online = "Started", self.online | self.comes_with_force
        return self._document("")

    def _document(self, inner: str) -> ElementTree.Element:
        return ElementTree.fromstring(f"<cliOutput><opRet>0</opRet>{inner}</cliOutput>")  # noqa: S314 - written here


@pytest.fixture
def glusterd(rebuild, monkeypatch, tmp_path):
    """That pool, and g3 of it, on which steps can be done. Marks are kept in `marks`, and what is done in `changes`."""
    daemon = Glusterd(tmp_path)
    (tmp_path / "bricks").mkdir()
    (tmp_path / "vols" / "gv0" / "bricks" / "10.99.0.13:-data-brick1-gv0").unlink()
    rebuild.marks = {}

    def set_attribute(path, name, value):
        assert os.path.isdir(path)
        if name == rebuild.VOLUME_ID:
            rebuild.marks[str(path)] = value
        daemon.changes.append(f"{name} {value.decode(errors='replace') if name != rebuild.VOLUME_ID else ''}".strip())

    @contextlib.contextmanager
    def mounted(volume):
        yield str(tmp_path)

    monkeypatch.setattr(rebuild, "_gluster", daemon.answer)
    monkeypatch.setattr(rebuild, "_run", lambda *command: daemon.changes.append(" ".join(command)) or "")
    monkeypatch.setattr(rebuild, "_call", lambda *command: None)
    monkeypatch.setattr(rebuild, "_xattr", lambda path: rebuild.marks.get(path, b"") if os.path.isdir(path) else b"")
    monkeypatch.setattr(rebuild, "_mounted", mounted)
    monkeypatch.setattr(rebuild.os, "setxattr", set_attribute)
    monkeypatch.setattr(rebuild, "LIMIT", 0)
    return daemon


@pytest.fixture
def plan(glusterd, tmp_path):
    uuid, path = glusterd.bricks[2]
    brick = {"volume": "gv0", "volume_id": VOLUME_ID, "path": path, "id": "gv0-client-2", "kind": "replicate"}
    return {
        "uuid": uuid,
        "operating_version": "100000",
        "peers": [],
        "bricks": [brick],
        "started": ["gv0"],
        "force": True,
    }


def started_by_somebody(rebuild, path: Path | str) -> None:
    """`volume start VOLUME force` where the directory is there: glusterd_op_stage_start_volume marks it."""
    os.makedirs(path, exist_ok=True)
    rebuild.marks[str(path)] = bytes.fromhex(VOLUME_ID.replace("-", ""))


def test_an_empty_directory_is_gone_before_glusterd_may_start_it(rebuild, glusterd, plan, monkeypatch, tmp_path):
    brick = tmp_path / "bricks" / "gv0"
    (brick / ".glusterfs" / "00").mkdir(parents=True)
    was_there = {}
    monkeypatch.setattr(rebuild, "_run", lambda *command: was_there.update({command[1]: brick.exists()}))

    assert rebuild.restore(plan) == {"changed": True, "todo": plan["bricks"]}
    assert was_there["start"] is False
    # Somebody makes it again before the next run.
    brick.mkdir()
    assert rebuild.restore(plan) == {"changed": True, "todo": plan["bricks"]}
    assert not brick.exists()
    assert rebuild.restore(plan) == {"changed": False, "todo": plan["bricks"]}


def test_a_brick_that_is_a_mount_point_is_refused_since_it_cannot_go(rebuild, glusterd, plan, monkeypatch, tmp_path):
    (tmp_path / "bricks" / "gv0").mkdir()
    monkeypatch.setattr(rebuild.os.path, "ismount", lambda path: path == f"{tmp_path}/bricks/gv0")

    with pytest.raises(
        rebuild.Failed, match=f"gv0 is itself a mount point.* mount that file system on {tmp_path}/bricks "
    ):
        rebuild.restore(plan)
    assert glusterd.changes == [] and not (tmp_path / "journal").exists()


def test_what_cannot_be_removed_is_named(rebuild, glusterd, plan, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "bricks" / "gv0").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(rebuild.Failed, match="bricks/gv0 is to be removed, and was not"):
        rebuild.restore(plan)
    assert glusterd.changes == []


def test_a_brick_that_somebody_started_before_the_others_knew_is_never_taken_for_good(
    rebuild, glusterd, plan, tmp_path
):
    rebuild.restore(plan)
    brick = tmp_path / "bricks" / "gv0"
    started_by_somebody(rebuild, brick)
    # Without .glusterfs the process ends at once: there is the mark, and nothing else.
    assert rebuild.restore(plan) == {"changed": True, "todo": plan["bricks"]}
    assert not brick.exists()

    started_by_somebody(rebuild, brick / ".glusterfs" / "indices")
    started_by_somebody(rebuild, brick)
    with pytest.raises(
        rebuild.Failed, match=r"somebody has started it \(`gluster volume start gv0 force`\).*move it away"
    ):
        rebuild.restore(plan)
    assert rebuild.done(plan) == {"changed": False}

    # It was moved away, and its process has not noticed.
    brick.rename(tmp_path / "bricks" / "away")
    glusterd.online.add(glusterd.bricks[2])
    assert rebuild.restore(plan)["todo"] == plan["bricks"]
    with pytest.raises(rebuild.Failed, match="gv0 runs on the rebuilt host, although the others do not know"):
        rebuild.pend(plan)
    assert "trusted.replace-brick gv0-client-2" not in glusterd.changes


def test_a_brick_is_done_once_the_others_know_and_it_is_marked(rebuild, glusterd, plan, monkeypatch):
    rebuild.restore(plan)
    assert rebuild.pend(plan) == {"changed": True, "bricks": plan["bricks"]}
    assert glusterd.changes[-1] == "trusted.replace-brick gv0-client-2"

    # Cut off in the middle of it: the next run tells the others again, and takes the directory away.
    with monkeypatch.context() as broken, pytest.raises(OSError, match="cut"):
        broken.setattr(rebuild.os, "setxattr", lambda *_: (_ for _ in ()).throw(OSError("cut")))
        rebuild.mark(plan)
    assert rebuild.restore(plan) == {"changed": True, "todo": plan["bricks"]}

    assert rebuild.mark(plan) == {"changed": True}
    assert rebuild.restore(plan) == {"changed": False, "todo": []}
    assert rebuild.done(plan) == {"changed": True}


def test_a_brick_that_was_made_since_is_none_of_those_that_were_lost(rebuild, glusterd, plan, tmp_path):
    rebuild.restore(plan)
    rebuild.mark(plan)
    new = {**plan["bricks"][0], "path": f"{tmp_path}/bricks/new"}
    started_by_somebody(rebuild, new["path"])

    assert rebuild.restore({**plan, "bricks": [*plan["bricks"], new]}) == {"changed": False, "todo": []}


def test_a_volume_that_is_stopped_is_started_only_where_it_is_declared_so(rebuild, glusterd, plan):
    glusterd.status, glusterd.online = "Stopped", set()

    assert rebuild.pend({**plan, "started": []}) == {"changed": False, "bricks": []}
    assert rebuild.mark({**plan, "bricks": []}) == {"changed": False}
    assert rebuild.start(plan) == {"changed": False}
    assert rebuild.heals(plan) == {"pending": {}}
    assert glusterd.changes == []

    assert rebuild.pend(plan) == {"changed": True, "bricks": plan["bricks"]}
    assert glusterd.changes == ["volume start gv0 force", "trusted.replace-brick gv0-client-2"]


@pytest.mark.parametrize(
    ("gone", "entries", "pending"),
    [
        ("", {}, 0),
        ("g6", {"g6": "-"}, 0),
        # Connected, and without an answer: of another set, of this one, of the host itself
        ("", {"g6": "-"}, 0),
        ("", {"g2": "-"}, -1),
        ("", {"g3": "-"}, -1),
        ("g2", {"g2": "-"}, 0),
        ("g3", {"g3": "-"}, -1),
        ("g6", {"g6": "-", "g1": "4", "g2": "3"}, 7),
        ("", {"g4": "5"}, 0),
    ],
)
def test_a_host_is_healed_when_its_sets_are_whatever_other_hosts_are_gone(request, gone, entries, pending):
    rebuild, glusterd, plan = map(request.getfixturevalue, ("rebuild", "glusterd", "plan"))
    glusterd.connected.discard(f"uuid-{gone}")
    glusterd.entries.update({f"uuid-{name}": number for name, number in entries.items()})

    assert rebuild.heals(plan) == {"pending": {"gv0": pending}}


def test_the_sets_of_recorded_volumes_are_as_wide_as_gluster_says(rebuild):
    recorded = ElementTree.fromstring((RECORDED / "volume_info_all.xml").read_text())  # noqa: S314 - our own recording
    sets = {
        volume.findtext("name"): rebuild._to_be_whole(volume, G3, {G1})
        for volume in recorded.iterfind("volInfo/volumes/volume")
    }
    assert sets["disp"] == {"g1:/data/brick1/disp", "g3:/data/brick1/disp"}
    assert sets["distrep"] == {f"{host}:/data/brick1/{name}" for host in ("g1", "g3") for name in ("dr1", "dr2")}
    assert sets["dist"] == set()


def test_what_a_brick_that_is_down_says_of_heals_is_unknown(rebuild):
    recorded = ElementTree.fromstring((RECORDED / "heal_info_brick_killed.xml").read_text())  # noqa: S314 - our own
    names = [f"10.99.0.1{number}:/data/bricks/copied" for number in (1, 2, 3)]

    assert rebuild._unhealed(recorded, set(names)) == -1
    assert rebuild._unhealed(recorded, set(names[1:])) == 8
    assert rebuild._unhealed(recorded, {"10.99.0.14:/data/bricks/copied"}) == -1
