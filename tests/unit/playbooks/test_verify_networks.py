# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import importlib
import os
import socket
import struct
import sys
import threading
import time
from pathlib import Path
from typing import Iterator

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._networks import data_path

ROOT = Path(__file__).parents[3]
sys.path[:0] = [str(ROOT / "playbooks" / "files"), str(ROOT / "roles" / "docker_networks" / "files")]
verify_engine = importlib.import_module("verify_engine")
verify_networks = importlib.import_module("verify_networks")

HERE, THERE, STRANGER = (socket.inet_aton(f"10.0.0.{last}") for last in (1, 2, 3))
UDP, ESP, TCP = 17, 50, 6


def packet(protocol: int, payload: bytes = b"", source: bytes = HERE, fragment: int = 0, options: bytes = b"") -> bytes:
    words = 5 + len(options) // 4
    head = struct.pack("!BBHHHBBH", 0x40 | words, 0, 0, 0, fragment, 64, protocol, 0)
    return head + source + THERE + options + payload


def vxlan(vni: int, port: int = 4789) -> bytes:
    return struct.pack("!HHHH", 50000, port, 0, 0) + b"\x08\0\0\0" + vni.to_bytes(3, "big") + b"\0" + b"inner frame"


def classified(content: bytes) -> tuple[str, int | None]:
    kind, vni = verify_networks.classify(content, {(HERE, THERE)}, 4789)
    return kind, vni


def test_esp_is_recognised_by_its_protocol() -> None:
    assert classified(packet(ESP, b"\0" * 40)) == ("esp", None)


def test_clear_vxlan_tells_its_network() -> None:
    assert classified(packet(UDP, vxlan(4097))) == ("vxlan", 4097)


def test_options_in_the_header_do_not_hide_vxlan() -> None:
    assert classified(packet(UDP, vxlan(4097), options=b"\x01" * 8)) == ("vxlan", 4097)


@pytest.mark.parametrize(
    "other",
    [
        packet(ESP, source=STRANGER),
        packet(UDP, vxlan(4097), source=STRANGER),
        packet(UDP, vxlan(4097, port=53)),
        THERE.join([packet(ESP)[:12], HERE + b"\0" * 40]),
        packet(UDP, vxlan(4097), fragment=100),
        packet(UDP, b"\0" * 8),
        packet(TCP, vxlan(4097)),
        b"\x60" + b"\0" * 60,
        b"",
    ],
    ids=[
        "ESP of others",
        "VXLAN of others",
        "another port",
        "the other way",
        "later fragment",
        "too short",
        "TCP",
        "IPv6",
        "empty",
    ],
)
def test_anything_else_does_not_count(other: bytes) -> None:
    assert classified(other) == ("", None)


def test_a_network_that_is_not_as_declared_is_told_field_by_field() -> None:
    declared = {"attachable": True, "internal": False, "encrypted": False}
    actual = {"Attachable": False, "Internal": False, "Options": {"encrypted": "false"}}
    assert verify_networks.difference(declared, actual) == "attachable is False, encrypted is True"


def test_the_page_is_as_large_as_its_judge_takes_it_to_be() -> None:
    assert verify_networks.PAGE == data_path.PAGE


@pytest.fixture
def web_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Listens where containers would, in this process's own network."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setattr(verify_networks, "PORT", listener.getsockname()[1])
        monkeypatch.setattr(verify_networks, "socket_in", lambda pid: socket.socket())
        yield listener


def answer_with(listener: socket.socket, answer: bytes) -> threading.Thread:
    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1024)
            connection.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return thread


def test_a_page_is_what_follows_the_head(web_server: socket.socket) -> None:
    thread = answer_with(web_server, b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\nthe page")
    assert verify_networks.get(os.getpid(), "127.0.0.1", "token", 5) == b"the page"
    thread.join()


def test_an_answer_without_the_page_is_an_error(web_server: socket.socket) -> None:
    answer_with(web_server, b"HTTP/1.1 404 Not Found\r\n\r\nnothing here")
    with pytest.raises(OSError, match="404 Not Found"):
        verify_networks.get(os.getpid(), "127.0.0.1", "token", 5)


def test_without_two_networks_that_work_nothing_is_tried_for_separation() -> None:
    peers = {"node2": {"listening": {"front": "10.0.0.2", "back": "10.0.1.2"}}}
    called = {("front", "node2"): {"small": True}, ("back", "node2"): {"small": False}}
    assert verify_networks.isolation({"front": 1, "back": 2}, peers, {"node2": "t"}, called) == {}


def test_what_another_networks_container_reaches_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The container 1 of `front` gets the page of `back`, too."""
    monkeypatch.setattr(verify_networks, "get", lambda pid, address, page, seconds: b"t" if pid == 1 else b"other")
    peers = {"node2": {"listening": {"front": "10.0.0.2", "back": "10.0.1.2"}}}
    called = {("front", "node2"): {"small": True}, ("back", "node2"): {"small": True}}
    assert verify_networks.isolation({"front": 1, "back": 2}, peers, {"node2": "t"}, called) == {
        "front": {"others": ["back"], "reached": ["back on node2"]},
        "back": {"others": ["front"], "reached": []},
    }


def test_a_worker_that_one_manager_answers_is_not_cut_off() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        good, bad = ({"Addr": f"127.0.0.1:{each.getsockname()[1]}"} for each in (listener, closed))
        assert verify_networks.no_manager({"RemoteManagers": [bad, good]}) == ""
        reason = verify_networks.no_manager({"RemoteManagers": [bad, bad]})
        assert reason.startswith(f"no manager answers: {bad['Addr']} (")
        assert verify_networks.no_manager({"RemoteManagers": [bad], "ControlAvailable": True}) == ""
        assert verify_networks.no_manager({"RemoteManagers": None}) == ""


def test_networks_whose_containers_reach_their_host_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def socket_in(pid: int) -> socket.socket:
        if pid == 2:
            raise OSError("Network is unreachable")
        return socket.socket()

    monkeypatch.setattr(verify_networks, "socket_in", socket_in)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = f"127.0.0.1:{listener.getsockname()[1]}"
        assert verify_networks.outside({"front": 1, "inner": 2}, port) == ["front"]
    assert verify_networks.outside({"front": 1}, port) == []


def test_a_peer_whose_gossip_is_silent_is_given_up_on_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_networks, "PATIENCE_FOR_PACKETS", 0.5)
    monkeypatch.setattr(verify_networks, "knows", lambda network_id, address: False)
    monkeypatch.setattr(verify_networks, "socket_in", lambda pid: socket.socket())
    mute: verify_networks.Future[str] = verify_networks.Future()
    mute.set_result("127.0.0.1:7946 (refused)")
    started = time.monotonic()
    facts = verify_networks.call(1, "id", "127.0.0.1", "token", mute)
    assert (facts["small"], facts["known"]) == (False, False)
    assert time.monotonic() - started < verify_networks.PATIENCE / 2


def test_a_round_waits_for_another_on_this_host_and_says_so_when_that_takes_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify_engine, "LOCK", str(tmp_path / "lock"))
    with verify_engine.alone(1), pytest.raises(TimeoutError, match="another verification"), verify_engine.alone(0.3):
        pass
    with verify_engine.alone(1):
        pass


LOG = r"""
time="22:07:28Z" level=warning msg="Error (Unable to complete atomic operation) deleting object"
time="22:07:29Z" level=error msg="fatal task error" error="earlier" service.id= task.id=1
time="22:07:30Z" level=error msg="fatal task error" error="network \"front\" has no address" service.id= task.id=2
time="22:07:31Z" level=error msg="fatal task error" error="non-zero exit (1)" service.id=q1 task.id=3
time="22:07:49Z" level=error msg="Handler for POST returned error: context deadline exceeded"
"""


def test_the_cause_of_a_task_that_failed_is_the_last_one_in_the_log() -> None:
    assert verify_networks.cause_in(LOG) == 'network "front" has no address'
    assert verify_networks.cause_in("") == ""


def test_only_an_attachment_that_timed_out_is_looked_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    journalctl = tmp_path / "journalctl"
    journalctl.write_text(f"#!/bin/sh\ncat <<'END'\n{LOG}\nEND\n")
    journalctl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    timed_out = "attaching to network failed, make sure your network options are correct: context deadline exceeded"
    told = verify_networks.why_not_attached(timed_out, 0)
    assert told == '; the engine\'s log: network "front" has no address'
    assert verify_networks.why_not_attached("network front not manually attachable", 0) == ""
    # No manager agreed: nothing of it can be in this node's log.
    assert verify_networks.why_not_attached("Could not attach to network front: context deadline exceeded", 0) == ""

    journalctl.write_text("#!/bin/sh\n")
    assert "restart Docker" in verify_networks.why_not_attached(timed_out, 0)
