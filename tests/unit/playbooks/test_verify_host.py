# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import importlib.util
import socket
import struct
from pathlib import Path

import pytest

FILE = Path(__file__).parents[3] / "playbooks" / "files" / "verify_host.py"
SPEC = importlib.util.spec_from_file_location("verify_host", FILE)
assert SPEC and SPEC.loader
verify_host = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(verify_host)

HERE, THERE, STRANGER = (socket.inet_aton(f"10.0.0.{last}") for last in (1, 2, 3))
UDP, ESP, TCP = 17, 50, 6


def packet(protocol: int, payload: bytes = b"", source: bytes = HERE, fragment: int = 0, options: bytes = b"") -> bytes:
    words = 5 + len(options) // 4
    head = struct.pack("!BBHHHBBH", 0x40 | words, 0, 0, 0, fragment, 64, protocol, 0)
    return head + source + THERE + options + payload


def vxlan(vni: int, port: int = 4789) -> bytes:
    return struct.pack("!HHHH", 50000, port, 0, 0) + b"\x08\0\0\0" + vni.to_bytes(3, "big") + b"\0" + b"inner frame"


def classified(content: bytes) -> tuple[str, int | None]:
    kind, vni = verify_host.classify(content, {HERE, THERE}, 4789)
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
        packet(UDP, vxlan(4097), fragment=100),
        packet(UDP, b"\0" * 8),
        packet(TCP, vxlan(4097)),
        b"\x60" + b"\0" * 60,
        b"",
    ],
    ids=["ESP of others", "VXLAN of others", "another port", "later fragment", "too short", "TCP", "IPv6", "empty"],
)
def test_anything_else_does_not_count(other: bytes) -> None:
    assert classified(other) == ("", None)


def test_a_missing_nfs_client_is_no_failure_but_any_other_mount_error_is() -> None:
    volume = {"name": "app", "backend": "nfs"}
    assert verify_host.verdict_of_mount(volume, "mount: no such device")["outcome"] == "skipped"
    assert verify_host.verdict_of_mount(volume, "mount: connection timed out")["outcome"] == "FAILED"
    assert verify_host.verdict_of_mount({"name": "b", "backend": "block"}, "no such device")["outcome"] == "FAILED"


def test_a_network_that_is_not_as_declared_is_told_field_by_field() -> None:
    declared = {"attachable": True, "internal": False, "encrypted": False}
    actual = {"Attachable": False, "Internal": False, "Options": {"encrypted": "false"}}
    assert verify_host.difference(declared, actual) == "attachable is False, encrypted is True"


def test_only_data_of_shared_backends_is_looked_for_on_other_hosts() -> None:
    volumes = [
        {"name": name, "backend": backend} for name, backend in (("a", "nfs"), ("b", "local"), ("c", "glusterfs"))
    ]
    verdicts = {"a": {"outcome": "verified"}, "b": {"outcome": "verified"}, "c": {"outcome": "FAILED"}}
    assert verify_host.shared(volumes, verdicts) == ["a"]
