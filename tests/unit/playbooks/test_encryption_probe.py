# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the role docker_networks reads what comes from other nodes."""

from __future__ import annotations

import importlib
import socket
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "roles" / "docker_networks" / "files"))
encryption = importlib.import_module("encryption")


def packet(protocol: int, payload: bytes) -> bytes:
    head = struct.pack("!BBHHHBBH", 0x45, 0, 0, 0, 0, 64, protocol, 0)
    return head + socket.inet_aton("10.0.0.2") + socket.inet_aton("10.0.0.1") + payload


def udp(port: int, payload: bytes) -> bytes:
    return packet(17, struct.pack("!HHHH", 50000, port, 0, 0) + payload)


def test_our_own_packets_are_known_by_their_mark_and_say_whether_all_of_ours_came() -> None:
    assert encryption.read(packet(50, encryption.MARK + b"1"), 4789) == ("10.0.0.2", encryption.ESP, True)
    assert encryption.read(udp(4789, encryption.MARK + b"0"), 4789) == ("10.0.0.2", encryption.VXLAN, False)
    assert encryption.read(udp(5000, encryption.MARK + b"0"), 5000) == ("10.0.0.2", encryption.VXLAN, False)


def test_traffic_of_overlays_and_other_ports_prove_nothing() -> None:
    assert encryption.read(packet(50, b"\x12" * 64), 4789) == ("10.0.0.2", "", False)
    assert encryption.read(udp(4789, b"\x08" + b"\0" * 30), 4789) == ("10.0.0.2", "", False)
    assert encryption.read(udp(53, encryption.MARK + b"1"), 4789) == ("10.0.0.2", "", False)


def test_any_call_of_an_engine_proves_its_port() -> None:
    assert encryption.read(udp(7946, b"anything"), 4789) == ("10.0.0.2", encryption.GOSSIP, False)


def test_the_mark_is_no_valid_vxlan_header() -> None:
    assert not encryption.MARK[0] & 0x08
    assert len(encryption.MARK) >= 8
