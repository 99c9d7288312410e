# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import importlib
import socket
import sys
from pathlib import Path

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends import shared

sys.path.insert(0, str(Path(__file__).parents[3] / "playbooks" / "files"))
verify_volumes = importlib.import_module("verify_volumes")


def test_a_missing_nfs_client_is_no_failure_but_any_other_mount_error_is() -> None:
    volume = {"name": "app", "backend": "nfs"}
    assert verify_volumes.verdict_of_mount(volume, "mount: no such device")["outcome"] == "skipped"
    assert verify_volumes.verdict_of_mount(volume, "mount: connection timed out")["outcome"] == "FAILED"
    assert verify_volumes.verdict_of_mount({"name": "b", "backend": "block"}, "no such device")["outcome"] == "FAILED"
    assert verify_volumes.verdict_of_mount({"name": "c", "backend": "cephfs"}, "no such device")["outcome"] == "skipped"


def test_no_network_makes_a_container_of_the_name_that_has_the_volumes() -> None:
    # verify_networks.py puts the network's name behind a hyphen.
    assert not verify_volumes.DATA.startswith(f"{verify_volumes.PREFIX}-")


def test_only_data_of_shared_backends_that_can_be_written_is_looked_for_on_other_hosts() -> None:
    volumes = [
        {"name": name, "backend": backend}
        for name, backend in (("a", "nfs"), ("b", "local"), ("c", "glusterfs"), ("d", "nfs"), ("e", "cifs"))
    ]
    verdicts = {name: {"outcome": "verified", "options": {"o": "addr=10.0.0.5"}} for name in "abde"}
    verdicts["c"] = {"outcome": "FAILED", "options": {}}
    verdicts["d"]["options"] = {"o": "addr=10.0.0.5,ro"}
    assert verify_volumes.shared(volumes, verdicts) == ["a", "e"]


@pytest.mark.parametrize(
    ("options", "servers"),
    [
        ({"type": "nfs", "device": ":/srv", "o": "addr=10.0.0.5,nfsvers=4"}, [("10.0.0.5", 2049)]),
        ({"type": "nfs", "device": ":/srv", "o": "addr=[fd00::5],port=2050"}, [("fd00::5", 2050)]),
        ({"type": "cifs", "device": "//files/office/x", "o": "username=u"}, [("files", 445)]),
        ({"type": "cifs", "device": "//files/office", "o": "addr=10.0.0.6,port=1445"}, [("10.0.0.6", 1445)]),
        ({"type": "ceph", "device": "a:3300,b:/x"}, [("a", 3300), ("b", 3300), ("b", 6789)]),
        ({"type": "ceph", "device": "u@.fs=/", "o": "mon_addr=a:6789/b:3300"}, [("a", 6789), ("b", 3300)]),
        ({"type": "nfs", "device": ":/srv", "o": "addr=10.0.0.5,port=nfs"}, []),
        ({"type": "none", "device": "/srv", "o": "bind"}, []),
        ({}, []),
    ],
)
def test_the_servers_of_a_volume_are_read_from_its_options(
    options: dict[str, str], servers: list[tuple[str, int]]
) -> None:
    assert verify_volumes.servers_of(options) == servers


def test_one_server_that_answers_is_enough() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        good, bad = (f"127.0.0.1:{each.getsockname()[1]}" for each in (listener, closed))
        assert verify_volumes.silent_server({"type": "ceph", "device": f"{bad},{good}:/"}) == ""
        assert f"its server {bad} (" in verify_volumes.silent_server({"type": "ceph", "device": f"{bad}:/"})


def test_no_secret_leaves_the_host() -> None:
    options = {"type": "ceph", "device": "m:/", "o": "name=admin,secret=AQDhush==,ro", "api_token": "mum"}
    assert verify_volumes.shown(options) == {"type": "ceph", "device": "m:/", "o": "name=admin,ro"}
    said = verify_volumes.without_secrets("failed to mount, data: name=admin,secret=AQDhush==: mum: refused", options)
    assert said == "failed to mount, data: name=admin,secret=(hidden): (hidden): refused"


def test_a_password_with_commas_leaves_the_host_in_no_part() -> None:
    options = {"type": "cifs", "device": "//f/s", "o": "username=u,password=hush,,mum,vers=3.1.1"}
    assert verify_volumes.shown(options)["o"] == "username=u,vers=3.1.1"
    said = verify_volumes.without_secrets("data: username=u,password=hush,,mum,vers=3.1.1: hush,mum", options)
    assert said == "data: username=u,password=(hidden),vers=3.1.1: (hidden)"


def test_what_is_a_secret_is_the_same_as_in_the_modules() -> None:
    assert verify_volumes.SECRET == shared._SECRET


def test_the_unit_of_a_mount_is_named_as_systemd_names_it() -> None:
    assert verify_volumes.start_of("/mnt/glusterfs/app-data") == r"systemctl start 'mnt-glusterfs-app\x2ddata.mount'"


def test_a_directory_that_answers_or_is_missing_is_not_dead(tmp_path: Path) -> None:
    assert verify_volumes.look_at([str(tmp_path), str(tmp_path / "missing")]) == {}


def test_the_mount_that_a_path_is_on_is_the_deepest() -> None:
    assert verify_volumes.below("/mnt/gv0/x", ["/", "/mnt", "/mnt/gv0", "/mnt/gv"]) == "/mnt/gv0"


@pytest.mark.parametrize(
    ("words", "reason", "asked"),
    [
        (["mount //f/s: interrupted system call"], "", 2),
        (["permission denied"], "permission denied", 1),
        (["interrupted system call"] * 9, "interrupted system call", 5),
    ],
)
def test_a_mount_that_a_signal_interrupted_is_tried_again(monkeypatch, words, reason, asked) -> None:
    class Containers:
        asked = 0

        def run(self, *_arguments: object, **_options: object) -> None:
            self.asked += 1
            if self.asked <= len(words):
                raise OSError(words[self.asked - 1])

    class Engine:
        containers = Containers()

    monkeypatch.setattr(verify_volumes, "remove_container", lambda engine, name: None)
    assert reason in verify_volumes.start_with(Engine(), "box:1", [{"name": "office"}])
    assert Engine.containers.asked == asked


def test_a_volume_whose_mount_is_missing_is_told_with_the_unit_to_start() -> None:
    volume = {"name": "media", "backend": "glusterfs", "mount_point": "/mnt/glusterfs/never-mounted"}
    options = {"media": {"type": "none", "device": "/mnt/glusterfs/never-mounted/x", "o": "bind"}}
    reason = verify_volumes.dead_ground([volume], options)["media"]
    assert "nothing is mounted on /mnt/glusterfs/never-mounted" in reason
    assert "systemctl start" in reason


def test_all_that_use_a_dead_mount_are_stopped_before_any_is_started() -> None:
    web, api = {"Names": ["/web"], "Labels": {}}, {"Names": ["/api"], "Labels": None}
    task = {"Names": ["/svc.1.x"], "Labels": {"com.docker.swarm.service.name": "svc"}}
    assert verify_volumes.restart_of([web, api, web]).endswith("docker stop api web; docker start api web")
    assert "docker stop svc.1.x web; docker start web; the Swarm starts" in verify_volumes.restart_of([task, web])
    assert "docker start" not in verify_volumes.restart_of([task])
