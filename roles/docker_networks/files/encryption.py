# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this node has for encrypted overlays, and what of each kind of their packets comes to it from the other nodes.

    python3 - ask              prints, as JSON: address, engine, interface, mtu, data_path_port, kernel_lacks
    python3 - hear REQUEST     prints, as JSON: by peer, the kinds that did not come

Every node hears while all others send, so the play runs it on all of them at the same time. Packets are looked at by
raw sockets, which get them after the firewall, whoever else they are for (the kernel's net/ipv4/raw.c).
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import struct
import subprocess
import sys
import time
from typing import Any, Iterator

ESP, VXLAN, GOSSIP, GOSSIP_TCP = "IP protocol 50 (ESP)", "udp", "7946/udp", "an answer on 7946/tcp"
GOSSIP_PORT = 7946
# An identifier of ESP that no engine uses, a sequence number of 0, and our name. Read as VXLAN it is without the flag
# of a valid identifier, so a kernel that takes part in an overlay drops it (RFC 7348, section 5).
MARK = b"\0\0\1\0\0\0\0\0berthage"
EVERY = 0.2  # seconds between two packets of a kind
LATE = 10.0  # seconds until a peer has to begin
PATIENCE = 4.0  # seconds for all kinds, once one came from a peer
# Engines of a Swarm call each other all the time. Only where nothing of that comes, something is sent, which they log.
SILENT = 2.0


def main(arguments: list[str]) -> None:
    print(json.dumps(hear(**json.loads(arguments[1])) if arguments[0] == "hear" else ask()))


def ask() -> dict[str, Any]:
    """Nothing of a node without an engine, or in no Swarm."""
    try:
        info = engine_info()
    except (OSError, http.client.HTTPException):
        return {}
    address = info["Swarm"].get("NodeAddr")
    if not address:
        return {}
    interface, mtu = interface_of(address)
    return {
        "address": address,
        "engine": info["ServerVersion"],
        "data_path_port": (info["Swarm"].get("Cluster") or {}).get("DataPathPort") or 0,  # known to managers
        "interface": interface,
        "mtu": mtu,
        "kernel_lacks": missing_for_encryption(),
    }


def engine_info() -> dict[str, Any]:
    connection = http.client.HTTPConnection("localhost", timeout=30)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(30)
    connection.sock.connect("/var/run/docker.sock")
    connection.request("GET", "/info")
    info: dict[str, Any] = json.loads(connection.getresponse().read())
    connection.close()
    return info


def interface_of(address: str) -> tuple[str, int]:
    shown = subprocess.run(["ip", "-json", "address", "show"], stdout=subprocess.PIPE, check=True)
    for interface in json.loads(shown.stdout):
        if any(each.get("local") == address for each in interface.get("addr_info", ())):
            return interface["ifname"], interface["mtu"]
    return "", 0


def missing_for_encryption() -> str:
    """What the kernel lacks for encrypted overlays, found out as the engine would: by adding such a state.

    In a network namespace of its own, which is gone when the command ends.
    """
    state = ["src", "127.0.0.1", "dst", "127.0.0.1", "proto", "esp", "spi", "0x100", "mode", "transport"]
    cipher = ["aead", "rfc4106(gcm(aes))", "0x" + 20 * "42", "64"]
    tried = subprocess.run(
        ["unshare", "--net", "ip", "xfrm", "state", "add", *state, *cipher],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        text=True,
    )
    return f"IPsec ESP with AES-GCM (module esp4 and its cipher): {tried.stdout.strip()}" if tried.returncode else ""


def hear(peers: list[str], data_path_port: int) -> dict[str, list[str]]:
    """Send to all peers until all came from each and each has all, or until there is nothing to hope for."""
    kinds = (ESP, VXLAN, GOSSIP)
    heard: dict[str, set[str]] = {peer: set() for peer in peers}
    began: dict[str, float] = {}
    content: set[str] = set()  # peers that say that all of ours came
    started = time.monotonic()

    def hopeless(peer: str) -> bool:
        return time.monotonic() > (began[peer] + PATIENCE if peer in began else started + LATE)

    with raw(socket.IPPROTO_UDP) as udp, raw(50) as esp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
        last_rounds = 3  # for those who wait for our last word
        while last_rounds:
            round_ends = time.monotonic() + EVERY
            for peer in peers:
                message = MARK + (b"1" if len(heard[peer]) == len(kinds) else b"0")
                send(esp, message, peer, 0)
                send(plain, message, peer, data_path_port)
                if peer in began and GOSSIP not in heard[peer] and time.monotonic() > began[peer] + SILENT:
                    send(plain, message, peer, GOSSIP_PORT)
            for packet in arriving(udp, esp, until=round_ends):
                peer, kind, satisfied = read(packet, data_path_port)
                if peer in heard and kind:
                    heard[peer].add(kind)
                    if kind != GOSSIP:
                        began.setdefault(peer, time.monotonic())
                    if satisfied:
                        content.add(peer)
            if all((len(heard[peer]) == len(kinds) and peer in content) or hopeless(peer) for peer in peers):
                last_rounds -= 1
    names = {VXLAN: f"{data_path_port}/udp"}
    missing = {peer: [names.get(kind, kind) for kind in kinds if kind not in heard[peer]] for peer in peers}
    for peer in peers:
        missing[peer] += [] if answers(peer) else [GOSSIP_TCP]
    return missing


def raw(protocol: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_RAW, protocol)
    made.setblocking(False)
    return made


def send(through: socket.socket, message: bytes, peer: str, port: int) -> None:
    # What this node's own firewall refuses is told by the peer, to which it does not come.
    with contextlib.suppress(OSError):
        through.sendto(message, (peer, port))


def arriving(udp: socket.socket, esp: socket.socket, until: float) -> Iterator[bytes]:
    while time.monotonic() < until:
        nothing = True
        for each in (udp, esp):
            try:
                packet = each.recv(65535)
            except BlockingIOError:
                continue
            nothing = False
            yield packet
        if nothing:
            time.sleep(0.02)


def read(packet: bytes, data_path_port: int) -> tuple[str, str, bool]:
    """From whom an IPv4 packet is, its kind, and whether the sender says that all of ours came."""
    peer, header = socket.inet_ntoa(packet[12:16]), (packet[0] & 0x0F) * 4
    if packet[9] == 50:
        payload, kind = packet[header:], ESP
    else:
        port = struct.unpack("!H", packet[header + 2 : header + 4])[0]
        payload, kind = packet[header + 8 :], {data_path_port: VXLAN, GOSSIP_PORT: GOSSIP}.get(port, "")
    ours = bool(kind) and payload.startswith(MARK)
    # What engines send to their port of gossip is as good as our own.
    return peer, kind if ours or kind == GOSSIP else "", ours and payload[len(MARK) :] == b"1"


def answers(peer: str) -> bool:
    try:
        socket.create_connection((peer, GOSSIP_PORT), timeout=3).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main(sys.argv[1:])
