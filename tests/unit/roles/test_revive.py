# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[3] / "roles" / "docker_volumes" / "files" / "berthage-revive.py"
_spec = importlib.util.spec_from_file_location("berthage_revive", PROGRAM)
revive = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(revive)

POINT = "/mnt/glusterfs/gv0"


class FakeEngine:
    """Containers by id: (task of the Swarm?, holds a dead mount?), and what was asked for."""

    def __init__(self, containers, refuses=()):
        self.containers = dict(containers)
        self.refuses = refuses
        self.asked = []

    def volume_devices(self):
        return {"media": POINT + "/media"}

    def running(self):
        return [
            {
                "Id": identity,
                "Names": ["/" + identity],
                "Labels": {revive.SWARM_TASK: "t"} if is_task else {},
                "Mounts": [{"Type": "volume", "Name": "media", "Destination": "/dead" if is_dead else "/alive"}],
            }
            for identity, (is_task, is_dead) in self.containers.items()
        ]

    def not_running(self):
        return []

    def process_of(self, container):
        return 1

    def stop(self, identity):
        self.asked.append(f"stop {identity}")
        del self.containers[identity]

    def start(self, identity):
        self.asked.append(f"start {identity}")
        if identity in self.refuses:
            raise revive.EngineRefusal("no")


@pytest.fixture
def keeper(monkeypatch, tmp_path):
    """A keeper whose mount is there and good; containers with /dead hold a dead one."""
    monkeypatch.setattr(revive, "REMEMBERED", str(tmp_path))
    monkeypatch.setattr(revive, "mounted_device", lambda point: "0:99")
    monkeypatch.setattr(revive, "answers_not_connected", lambda path: path.endswith("/dead"))

    def made(engine):
        return revive.Keeper(POINT, engine)

    return made


def test_who_holds_the_dead_mount_is_stopped_before_anybody_is_started_again(keeper):
    engine = FakeEngine({"a": (False, True), "b": (False, True), "other": (False, False)})
    keeper(engine).look()
    # All are stopped at the same time.
    assert [set(engine.asked[:2]), engine.asked[2:]] == [{"stop a", "stop b"}, ["start a", "start b"]]


def test_a_task_of_the_swarm_is_stopped_and_not_started_since_the_swarm_makes_another(keeper):
    engine = FakeEngine({"task": (True, True)})
    keeper(engine).look()
    assert engine.asked == ["stop task"]


def test_what_was_stopped_is_remembered_until_it_runs_also_by_the_next_process(keeper):
    failing = FakeEngine({"a": (False, True)}, refuses={"a"})
    assert keeper(failing).look() is False
    assert failing.asked == ["stop a", "start a"]

    working = FakeEngine({})
    after_a_restart = keeper(working)
    after_a_restart.look()
    after_a_restart.look()
    assert working.asked == ["start a"]


def test_one_that_cannot_be_started_keeps_no_other_down_and_is_spoken_of_once(keeper, monkeypatch, capsys):
    engine = FakeEngine({"a": (False, True), "b": (False, True)}, refuses={"a"})
    monkeypatch.setattr(engine, "not_running", lambda: [{"Id": "c", "Names": ["/c"]}])
    monkeypatch.setattr(
        engine, "inspect", lambda identity: inspected(f"mount {POINT}/media: no such file"), raising=False
    )
    looking = keeper(engine)

    assert looking.look() is False
    assert engine.asked[2:] == ["start a", "start b", "start c"]
    assert looking.remembered() == ["a"]
    looking.look()
    assert capsys.readouterr().err.count("Docker cannot be asked, or refuses") == 1


def test_a_request_that_docker_does_not_answer_is_a_refusal_of_this_one_request(monkeypatch, tmp_path):
    monkeypatch.setattr(revive, "ANSWERS_WITHIN", 0.1)
    path = str(tmp_path / "docker.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as silent:
        silent.bind(path)
        silent.listen()

        with pytest.raises(revive.EngineRefusal, match=r"POST /containers/a/start: no answer within 0\.1 s"):
            revive.Engine(path).start("a")


def test_nobody_is_stopped_while_the_mount_itself_has_no_brick(keeper, monkeypatch):
    monkeypatch.setattr(revive, "answers_not_connected", lambda path: True)
    engine = FakeEngine({"a": (False, True)})
    looking = keeper(engine)
    monkeypatch.setattr(looking, "client_has_ended", lambda: False)

    looking.look()
    assert engine.asked == []

    monkeypatch.setattr(revive, "answers_not_connected", lambda path: path.endswith("/dead"))
    looking.look()
    assert engine.asked == ["stop a", "start a"]


def test_containers_are_looked_at_once_for_each_mount(keeper, monkeypatch):
    engine = FakeEngine({})
    looking = keeper(engine)
    looking.look()
    engine.containers["late"] = (False, True)
    looking.look()
    assert engine.asked == []
    monkeypatch.setattr(revive, "mounted_device", lambda point: "0:100")
    looking.look()
    assert engine.asked == ["stop late", "start late"]


def test_a_dead_mount_is_taken_away_and_mounted_anew_look_by_look_until_it_is_there(keeper, monkeypatch):
    devices = iter(["0:99", None, None, None, "0:100"])
    commands = []
    monkeypatch.setattr(revive, "mounted_device", lambda point: next(devices))
    monkeypatch.setattr(revive.subprocess, "run", lambda command, check: commands.append(command[0]))
    looking = keeper(FakeEngine({}))
    monkeypatch.setattr(looking, "client_has_ended", lambda: not commands)

    for _look in range(3):
        looking.look()

    assert commands == ["umount", "systemctl", "systemctl", "systemctl"]
    assert looking.look()
    assert commands[4:] == []
    assert looking.compared == ("0:100", None)


@pytest.mark.parametrize("seen", [True, False], ids=["seen", "between two looks"])
def test_a_mount_that_went_and_came_back_under_the_same_number_is_another_one(keeper, monkeypatch, seen):
    engine = FakeEngine({})
    looking = keeper(engine)
    looking.client = 1000
    monkeypatch.setattr(revive, "serves", lambda process, point: process == looking.client)
    looking.look()

    monkeypatch.setattr(engine, "not_running", lambda: [{"Id": "c", "Names": ["/c"]}])
    monkeypatch.setattr(
        engine, "inspect", lambda identity: inspected(f"mount {POINT}/media: no such file"), raising=False
    )
    looking.look()
    assert engine.asked == []
    if seen:
        with monkeypatch.context() as gone:
            gone.setattr(revive, "mounted_device", lambda point: None)
            assert looking.look()
    else:
        monkeypatch.setattr(revive, "processes", lambda: [1, 2000])
        monkeypatch.setattr(revive, "serves", lambda process, point: process == 2000)
    assert engine.asked == []

    looking.look()
    looking.look()
    assert engine.asked == ["start c"]


def inspected(error, *, running=False, policy="always"):
    return {"State": {"Running": running, "Error": error}, "HostConfig": {"RestartPolicy": {"Name": policy}}}


def test_only_what_docker_could_not_start_for_want_of_the_mount_waits_for_it():
    error = f"failed to mount local volume: mount {POINT}/media:/x, flags: 0x1000: no such file or directory"
    assert revive.waits_for(inspected(error), POINT)
    assert not revive.waits_for(inspected(error, running=True), POINT)
    assert not revive.waits_for(inspected(error, policy="no"), POINT)
    assert not revive.waits_for(inspected(""), POINT)
    assert not revive.waits_for(inspected(error.replace("gv0", "gv01")), POINT)


def test_volumes_and_binds_below_the_mount_point_count_and_neighbours_do_not():
    devices = {"media": POINT + "/media", "near": POINT + "1/media", "plain": ""}
    mounts = [
        {"Type": "volume", "Name": "media", "Source": "/var/lib/docker/volumes/media/_data", "Destination": "/a"},
        {"Type": "volume", "Name": "near", "Source": "/var/lib/docker/volumes/near/_data", "Destination": "/b"},
        {"Type": "volume", "Name": "plain", "Source": "/var/lib/docker/volumes/plain/_data", "Destination": "/c"},
        {"Type": "bind", "Source": POINT + "/direct", "Destination": "/d"},
        {"Type": "bind", "Source": POINT, "Destination": "/e"},
        {"Type": "bind", "Source": "/srv", "Destination": "/f"},
        {"Type": "tmpfs", "Destination": "/g"},
    ]
    assert list(revive.destinations({"Mounts": mounts}, devices, POINT)) == ["/a", "/d", "/e"]


def test_a_client_is_known_by_its_program_and_its_mount_point():
    client = subprocess.Popen(
        ["glusterfs", "-c", "import time; time.sleep(60)", POINT], executable=sys.executable, stdin=subprocess.DEVNULL
    )
    try:
        # Its words are there a moment after it has begun.
        while not Path(f"/proc/{client.pid}/cmdline").read_bytes():
            time.sleep(0.01)
        assert revive.serves(client.pid, POINT)
        assert not revive.serves(client.pid, POINT + "1")
        assert not revive.serves(os.getpid(), POINT)
    finally:
        client.kill()
        client.wait()
    assert not revive.serves(client.pid, POINT)
