# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The overlays in verify.yml: one container on each, every node calls every other, and the wire is watched.

Only observes. What the observations of both ends mean is told by the summary (data_path.py in the collection).
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import socket
import struct
import subprocess
import threading
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Callable, Collection, Dict, Iterator, Tuple

from verify_engine import LABEL, PREFIX, pid_of, remove_container, words_of

PORT = 8080  # of the containers' servers
PAGE = 64 * 1024  # many full packets; the token alone goes in a small one
GOSSIP = 7946
ANSWER = 3  # seconds that a port of another node has to answer
# Long enough for an overlay's first packet, which waits for the nodes to gossip about the new endpoint.
PATIENCE = 30
# Once the node knows where the other's container is, or cannot hear of it, only repeated packets are worth the wait.
PATIENCE_FOR_PACKETS = 6
THREADS = 32
ATTEMPTS, PAUSE = 4, 3
SAMPLE = 3  # other networks that a container of each network must not reach
SO_RCVBUFFORCE = 33  # asm-generic/socket.h; Python has no name for it
CLONE_NEWNET = 0x40000000  # linux/sched.h
SYN_RECEIVED = "03"  # in /proc/net/tcp: include/net/tcp_states.h

Way = Tuple[bytes, bytes]  # from one IPv4 address to another
Facts = Dict[str, Any]  # at run time, for Python 3.8


# ---------------------------------------------------------------------------------------------------- first round


def no_manager(swarm: Facts) -> str:
    """Why this node cannot ask a manager, without which no container of it comes onto an overlay, or nothing.

    Found out beforehand: the engine would say so only after 20 s, for each container.
    """
    managers = [manager["Addr"] for manager in swarm.get("RemoteManagers") or ()]
    if not managers or swarm.get("ControlAvailable"):
        return ""
    with ThreadPoolExecutor(len(managers)) as pool:
        silent = list(pool.map(silence, managers))
    return "no manager answers: " + ", ".join(silent) if all(silent) else ""


def silence(port: str) -> str:
    """Why a TCP port, as HOST:PORT, does not answer, or nothing."""
    host, _colon, number = port.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(number)), timeout=ANSWER).close()
    except OSError as error:
        return f"{port} ({error})"
    return ""


def listen_on_all(engine: Any, image: str, networks: list[Facts], token: str, encrypts: bool) -> dict[str, Facts]:
    """A container on each overlay that takes one. Others take only services, or do not lead to another host."""
    usable = [
        network
        for network in networks
        if network["driver"] == "overlay" and network["attachable"] and (encrypts or not network["encrypted"])
    ]
    # One after the other: of two attachments at once, one can run into the engine's 20 s (see with_patience).
    return {network["name"]: listen(engine, image, network, token) for network in usable}


def listen(engine: Any, image: str, network: Facts, token: str) -> Facts:
    """A web server on this network alone, with a small page and a large one. Its namespace also serves to call others.

    Its packets live for one hop, so that they cross an overlay, which is one link, but never a router: what is not
    reached over the overlay does not wander through the host's default route to strangers.
    """
    import docker  # noqa: PLC0415

    name = f"{PREFIX}-{network['name']}"
    serve = (
        f"mkdir -p /srv && cd /srv && echo {token} >token && dd if=/dev/zero of=page bs={PAGE} count=1 2>/dev/null && "
        f"exec httpd -f -p {PORT}"
    )

    def start() -> Any:
        remove_container(engine, name)
        return engine.containers.run(
            image,
            ["sh", "-c", serve],
            name=name,
            detach=True,
            labels={LABEL: "1"},
            network=network["name"],
            sysctls={"net.ipv4.ip_default_ttl": "1"},
        )

    started = time.time()
    try:
        container = with_patience(start)
        container.reload()
        # By its id as the engine has it here: a worker does not know a network before a container of its own is on it.
        endpoint = container.attrs["NetworkSettings"]["Networks"][network["name"]]
        attributes = engine.networks.get(endpoint["NetworkID"]).attrs
    except (docker.errors.DockerException, OSError) as error:
        words = words_of(error)
        return {"wrong": words + why_not_attached(words, started)}
    pid = container.attrs["State"]["Pid"]
    if not pid:
        return {"wrong": f"its container ended: {container.logs().decode(errors='replace').strip()}"}
    wrong = difference(network, attributes)
    if network["internal"] and has_default_route(pid):
        wrong = "internal, and yet its containers have a default route"
    return {
        "address": endpoint["IPAddress"],
        "id": attributes["Id"],
        "vni": vni_of(attributes),
        "mtu": mtu_of(f"/proc/{pid}/root/sys/class/net/eth0"),
        "wrong": wrong,
    }


def with_patience(attach: Callable[[], Any]) -> Any:
    """Attach to a Swarm's network, again where the engine gave up after its 20 s, and where the network was not found.

    The node gets the network's own address there and the container's task on two ways. On a slow host the task can be
    first, and fails at once, of which the engine hears nothing (26.1). And a worker drops a network after its
    last container, and may not find it for the next one that comes just then.
    """
    import docker  # noqa: PLC0415

    for _attempt in range(ATTEMPTS - 1):
        try:
            return attach()
        except docker.errors.APIError as error:
            if not re.search(r"deadline exceeded|network \w{25} not found", words_of(error)):
                raise
            time.sleep(PAUSE)
    return attach()


def why_not_attached(words: str, since: float) -> str:
    """What the engine's log has on an attachment that a manager agreed to, and that did not come about in 20 s.

    Its answer has no cause, and neither has the managers' log that it names.
    """
    if "attaching to network failed" not in words:
        return ""
    journal = ["journalctl", "--unit=docker.service", f"--since=@{int(since)}", "--output=cat", "--no-pager"]
    try:
        said = subprocess.run(journal, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False, text=True)
    except OSError:  # no systemd
        return ""
    cause = cause_in(said.stdout)
    if cause:
        return f"; the engine's log: {cause}"
    return "; the engine's log has no cause: restart Docker on this node where it stays so, its Swarm part may hang"


def cause_in(log: str) -> str:
    """Why the last attachment that failed on this node did, in the engine's log (logfmt).

    An attachment is a task of no service. Those of services fail beside it, for reasons of their own.
    """
    found = re.findall(r'msg="fatal task error" error="((?:[^"\\]|\\.)*)" .*service\.id= ', log)
    return found[-1].replace('\\"', '"') if found else ""


def vni_of(attributes: dict[str, Any]) -> int | None:
    listed = (attributes.get("Options") or {}).get("com.docker.network.driver.overlay.vxlanid_list", "")
    return int(listed.split(",")[0]) if listed else None


def difference(declared: dict[str, Any], attributes: dict[str, Any]) -> str:
    actual = {
        "attachable": attributes["Attachable"],
        "internal": attributes["Internal"],
        # The key alone turns encryption on, whatever its value.
        "encrypted": "encrypted" in (attributes.get("Options") or {}),
    }
    return ", ".join(f"{field} is {value}" for field, value in sorted(actual.items()) if value != declared[field])


def has_default_route(pid: int) -> bool:
    with open(f"/proc/{pid}/net/route", encoding="ascii") as table:
        return any(line.split()[1] == "00000000" for line in table)


def mtu_of(interface: str) -> int:
    try:
        with open(f"{interface}/mtu", encoding="ascii") as value:
            return int(value.read())
    except OSError:
        return 0


# --------------------------------------------------------------------------------------------------- second round


def call_all(engine: Any, request: Facts) -> dict[str, Facts]:
    """Call every peer over every overlay at once, and then try what must not be reached."""
    own, peers, token = request["own"], request["peers"], request["token"]
    pids = {name: pid_of(engine, f"{PREFIX}-{name}") for name, facts in own.items() if facts.get("address")}
    ways = [(name, host) for host, peer in peers.items() for name in pids if name in peer["listening"]]
    addresses = {host: peer["address"] for host, peer in peers.items()}
    with Wire(addresses, request["data_path_port"]) as wire, ThreadPoolExecutor(THREADS) as pool:
        # 7946/tcp goes beside the data: who does not answer there tells this node of no container.
        mute = {host: pool.submit(silence, f"{address}:{GOSSIP}") for host, address in addresses.items()}

        def one(way: tuple[str, str]) -> Facts:
            name, host = way
            return call(pids[name], own[name]["id"], peers[host]["listening"][name], token[host], mute[host])

        called = dict(zip(ways, pool.map(one, ways)))
        for (name, host), facts in called.items():
            facts["heard"] = heard(pids[name], peers[host]["listening"][name])
    networks: dict[str, Facts] = {name: {"ways": {}} for name in pids}
    for (name, host), facts in called.items():
        networks[name]["ways"][host] = {**facts, **wire.seen(host, own[name]["vni"])}
    return {
        "networks": networks,
        "underlay": {host: wire.underlay(host) for host in peers},
        "gossip": {host: future.result() for host, future in mute.items()},
        "isolation": isolation(pids, peers, token, called),
        "outside": outside(pids, f"{request['address']}:{GOSSIP}"),
    }


def call(pid: int, network_id: str, address: str, token: str, mute: Future[str]) -> Facts:
    """Fetch the small page, and then the large one."""
    facts: Facts = {"small": False, "large": 0, "said": "", "known": None}
    started = time.monotonic()
    while not facts["small"]:
        try:
            facts["small"] = get(pid, address, "token", 3).decode(errors="replace").strip() == token
            facts["said"] = "" if facts["small"] else "another page than the one that was put there"
        except OSError as error:
            facts["said"] = str(error)
        waited = time.monotonic() - started
        if not facts["small"]:
            facts["known"] = facts["known"] or knows(network_id, address)
            nothing_to_wait_for = facts["known"] or (mute.done() and mute.result())
            if waited > (PATIENCE_FOR_PACKETS if nothing_to_wait_for else PATIENCE):
                return facts
            time.sleep(0.2)
    for _attempt in range(2):
        try:
            facts["large"], facts["said"] = len(get(pid, address, "page", 5)), ""
            break
        except OSError as error:
            facts["said"] = str(error)
    return facts


def get(pid: int, address: str, page: str, seconds: float) -> bytes:
    """A page over HTTP/1.0, as a process in this container would see it."""
    with socket_in(pid) as connection:
        connection.settimeout(seconds)
        connection.connect((address, PORT))
        connection.sendall(f"GET /{page} HTTP/1.0\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _blank, body = answer.partition(b"\r\n\r\n")
    if b" 200 " not in head.split(b"\r\n")[0]:
        raise OSError(f"no page: {head[:80].decode(errors='replace')}")
    return body


def socket_in(pid: int) -> socket.socket:
    """A TCP socket in a process's network namespace. It stays there; the thread that made it ends, with its stay."""
    made: list[socket.socket] = []
    wrong: list[OSError] = []

    def make() -> None:
        try:
            with open(f"/proc/{pid}/ns/net", "rb") as namespace:
                if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET):
                    code = ctypes.get_errno()
                    raise OSError(code, f"cannot enter the container's network: {os.strerror(code)}")
            made.append(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        except OSError as error:
            wrong.append(error)

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    if wrong:
        raise wrong[0]
    return made[0]


def knows(network_id: str, address: str) -> bool | None:
    """Whether gossip told this node where the container of this address is. None where that cannot be seen.

    The engine keeps it as a neighbour in the overlay's own namespace (libnetwork, drivers/overlay/peerdb.go).
    """
    said = subprocess.run(
        ["nsenter", f"--net=/var/run/docker/netns/1-{network_id[:10]}", "ip", "neigh", "show"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
        text=True,
    )
    if said.returncode:
        return None
    return any(line.split()[0] == address and "lladdr" in line for line in said.stdout.splitlines() if line)


def heard(pid: int, address: str) -> bool:
    """Whether this container got a call of that address, which it could not answer: a half-open connection."""
    remote = f"{struct.unpack('=I', socket.inet_aton(address))[0]:08X}"
    rows = []
    for name in ("tcp", "tcp6"):  # the server listens on both families, where an IPv4 address is the end of an IPv6 one
        with open(f"/proc/{pid}/net/{name}", encoding="ascii") as table:
            rows += [line.split() for line in table][1:]
    return any(row[2].split(":")[0].endswith(remote) and row[3] == SYN_RECEIVED for row in rows)


def isolation(
    pids: dict[str, int],
    peers: dict[str, Facts],
    token: dict[str, str],
    called: dict[tuple[str, str], Facts],
) -> dict[str, Facts]:
    """By network, which servers of other networks its container reached.

    Each of those has just answered a container of this same host, and that of this network just got its own peer's
    page: with the same tool, on the same port. Without these two controls nothing is tried.
    """
    tries: list[tuple[str, str, str]] = []
    for host in peers:
        good = [name for name in pids if called.get((name, host), {}).get("small")]
        for position, name in enumerate(good):
            others = (good[position + 1 :] + good[:position])[:SAMPLE]
            # One peer is enough for each two.
            tries += [(name, other, host) for other in others if not any(t[:2] == (name, other) for t in tries)]

    def reached(attempt: tuple[str, str, str]) -> bool:
        name, other, host = attempt
        try:
            return get(pids[name], peers[host]["listening"][other], "token", 2).decode().strip() == token[host]
        except (OSError, UnicodeDecodeError):
            return False

    with ThreadPoolExecutor(THREADS) as pool:
        through = [attempt for attempt, yes in zip(tries, pool.map(reached, tries)) if yes]
    return {
        name: {
            "others": [other for first, other, _host in tries if first == name],
            "reached": [f"{other} on {host}" for first, other, host in through if first == name],
        }
        for name in dict.fromkeys(attempt[0] for attempt in tries)
    }


def outside(pids: dict[str, int], port: str) -> list[str]:
    """The networks whose containers reach a port of their own node: for those that are internal, a way out.

    Each node's engine listens there. A packet to it leaves the overlay and no host, and no router decides on it.
    """
    host, _colon, number = port.rpartition(":")

    def reached(pid: int) -> bool:
        try:
            with socket_in(pid) as connection:
                connection.settimeout(2)
                connection.connect((host, int(number)))
        except OSError:
            return False
        return True

    with ThreadPoolExecutor(THREADS) as pool:
        return [name for name, yes in zip(pids, pool.map(reached, pids.values())) if yes]


class Wire:
    """Counts the bytes between this host and its peers on the interfaces that lead there, until it is closed."""

    def __init__(self, peers: dict[str, str], vxlan_port: int) -> None:
        self._ends: dict[str, tuple[bytes, bytes]] = {}
        self._interface: dict[str, str] = {}
        self._counts: Counter[tuple[Way, str, int | None]] = Counter()
        for host, address in peers.items():
            found = subprocess.run(["ip", "-json", "route", "get", address], stdout=subprocess.PIPE, check=True)
            route = json.loads(found.stdout)[0]
            self._ends[host] = (socket.inet_aton(route["prefsrc"]), socket.inet_aton(address))
            self._interface[host] = route["dev"]
        self._ways = {way for here, there in self._ends.values() for way in ((here, there), (there, here))}
        self._port = vxlan_port
        self._closing = threading.Event()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def seen(self, host: str, vni: int | None) -> Facts:
        """What left for this peer and what came from it: `esp` in all (protocol 50), `clear` as VXLAN of this VNI."""
        here, there = self._ends[host]
        out, back = (here, there), (there, here)
        return {
            "esp_out": self._counts[out, "esp", None],
            "esp_in": self._counts[back, "esp", None],
            "clear_out": self._counts[out, "vxlan", vni],
            "clear_in": self._counts[back, "vxlan", vni],
        }

    def underlay(self, host: str) -> Facts:
        interface = self._interface[host]
        return {"interface": interface, "mtu": mtu_of(f"/sys/class/net/{interface}")}

    def __enter__(self) -> Wire:
        for interface in sorted(set(self._interface.values())):
            # SOCK_DGRAM leaves the link's own header off; ETH_P_ALL is the only way to see what this host sends.
            tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0003))
            tap.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 * 1024 * 1024)
            tap.bind((interface, 0))
            tap.settimeout(0.2)
            self._sockets.append(tap)
            self._threads.append(threading.Thread(target=self._watch, args=[tap], daemon=True))
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        for thread in self._threads:
            thread.join()
        for tap in self._sockets:
            tap.close()

    def _watch(self, tap: socket.socket) -> None:
        for packet in self._packets(tap):
            kind, vni = classify(packet, self._ways, self._port)
            if kind:
                self._counts[(packet[12:16], packet[16:20]), kind, vni] += len(packet)

    def _packets(self, tap: socket.socket) -> Iterator[bytes]:
        while True:
            try:
                yield tap.recv(65535)
            except socket.timeout:
                # Only when nothing is left to read: on a slow host this thread lags behind the traffic.
                if self._closing.is_set():
                    return


def classify(packet: bytes, ways: Collection[Way], vxlan_port: int) -> tuple[str, int | None]:
    """What an IPv4 packet on one of these ways is: `esp`, `vxlan` with its identifier, or something else.

    IPv4: RFC 791; ESP is protocol 50: RFC 4303; VXLAN is a header of eight bytes within UDP: RFC 7348.
    """
    if len(packet) < 20 or packet[0] >> 4 != 4 or (packet[12:16], packet[16:20]) not in ways:
        return "", None
    if packet[9] == 50:
        return "esp", None
    header = (packet[0] & 0x0F) * 4
    later_fragment = struct.unpack("!H", packet[6:8])[0] & 0x1FFF
    if packet[9] != 17 or later_fragment or len(packet) < header + 16:
        return "", None
    if struct.unpack("!H", packet[header + 2 : header + 4])[0] != vxlan_port:
        return "", None
    return "vxlan", int.from_bytes(packet[header + 12 : header + 15], "big")
