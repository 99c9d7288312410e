# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host's part in verify.yml: real containers, real data, real frames on the wire.

The play runs this three times on all hosts at once, since a remote task costs more than what it does:

* `prepare`: what the host has; one container with every volume, one on every overlay; the first host writes.
* `exchange`: the first host calls the second over every overlay while it watches the wire; the last host reads.
* `clean`: everything that the first two rounds made is removed again.

Takes a JSON request as its only argument and prints a JSON answer. Needs what the modules need: the Docker SDK.
"""

from __future__ import annotations

import errno
import functools
import io
import json
import os
import re
import secrets
import shutil
import socket
import struct
import subprocess
import sys
import tarfile
import threading
import time
from collections import Counter
from typing import Any, Callable, Dict, Iterable, Iterator
from xml.etree import ElementTree

PREFIX = "berthage-verify"
LABEL = "berthage.swarm.verify"
OWN_REPOSITORY, OWN_TAG = PREFIX, "local"
DATA, CLIENT = f"{PREFIX}-data", f"{PREFIX}-client"
PORT = 8080
SO_RCVBUFFORCE = 33  # asm-generic/socket.h; Python has no name for it
PAYLOAD_KIB = 64
# By its name, as the collection's modules have it, which this script cannot import: see backends/shared.py there.
SECRET = re.compile(r"pass|pwd|secret|token|cred|key$", re.IGNORECASE)
# The kernel's client of a backend, without which nothing is wrong with the volume.
KERNEL_CLIENTS = {"nfs": ("NFS", "nfs"), "cifs": ("CIFS", "cifs"), "cephfs": ("CephFS", "ceph")}
SERVICE = "com.docker.swarm.service.name"  # a label that the engine gives to a task's container
SHARED = ("nfs", "glusterfs", "cifs", "cephfs")
LOOK = 5  # seconds that a file system or a server has to answer
# Long enough for an overlay's first packet, which waits for the nodes to gossip about the new endpoint.
PATIENCE = 30

Verdict = Dict[str, Any]  # at run time, for Python 3.8


def main() -> None:
    request = json.loads(sys.argv[1])
    rounds = {"prepare": prepare, "exchange": exchange, "clean": clean}
    try:
        answer = rounds[request["round"]](request)
    except Exception as error:  # the summary has to name what went wrong on this host, whatever it was
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer))


def verified(reason: str = "") -> Verdict:
    return {"outcome": "verified", "reason": reason}


def failed(reason: str) -> Verdict:
    return {"outcome": "FAILED", "reason": reason}


def skipped(reason: str) -> Verdict:
    return {"outcome": "skipped", "reason": reason}


# ---------------------------------------------------------------------------------------------------- first round


def prepare(request: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    if request["serves_nfs"]:
        answer["exports"] = active_exports() or request["declared_exports"]
    if request["reports_gluster"]:
        answer["gluster"], answer["gluster_error"] = gluster_volumes()
    if not request["is_node"]:
        return answer
    engine = connect(request)
    # What an interrupted run left behind.
    remove_containers(engine)
    answer.update(about(engine))
    image, answer["pulled_image"] = provide_image(engine, request["image"])
    answer["volumes"] = mount_all(engine, image, request["volumes"])
    answer["kernel_lacks"] = missing_for_encryption() if any(n["encrypted"] for n in request["networks"]) else ""
    answer["token"] = secrets.token_hex(16)
    if request["writes"]:
        answer["written"] = write_token(engine, answer["token"], shared(request["volumes"], answer["volumes"]))
    answer["listening"] = {
        network["name"]: listen(engine, image, network, answer["token"])
        for network in usable(request["networks"])
        if network["name"] in request["listens"]
    }
    if request["sends"]:
        answer["attached"] = attach_client(engine, image, [n["name"] for n in usable(request["networks"])])
    return answer


def connect(request: dict[str, Any]) -> Any:
    import docker  # noqa: PLC0415 - a host that only serves NFS or GlusterFS needs no SDK

    return docker.from_env(version="auto", timeout=request["timeout"])


def about(engine: Any) -> dict[str, Any]:
    info = engine.info()
    swarm = info["Swarm"]
    # Only managers know how the others are.
    nodes = engine.nodes.list() if swarm.get("ControlAvailable") else []
    return {
        "engine": info["ServerVersion"],
        "kernel": info["KernelVersion"],
        "node_id": swarm.get("NodeID", ""),
        "address": swarm.get("NodeAddr", ""),
        "swarm": swarm.get("LocalNodeState", "inactive"),
        "data_path_port": ((swarm.get("Cluster") or {}).get("DataPathPort")) or 4789,
        "nodes": {
            node.id: {
                "state": node.attrs["Status"]["State"],
                "availability": node.attrs["Spec"]["Availability"],
                "role": node.attrs["Spec"]["Role"],
                "leader": node.attrs.get("ManagerStatus", {}).get("Leader", False),
            }
            for node in nodes
        },
    }


def provide_image(engine: Any, wanted: str) -> tuple[str, str]:
    """The image to run, and its name again where it was pulled for this and so has to go afterwards."""
    import docker  # noqa: PLC0415

    if not wanted:
        engine.api.import_image_from_data(
            busybox_archive(),
            repository=OWN_REPOSITORY,
            tag=OWN_TAG,
            changes=[f"LABEL {LABEL}=1"],
        )
        return f"{OWN_REPOSITORY}:{OWN_TAG}", ""
    try:
        engine.images.get(wanted)
        return wanted, ""
    except docker.errors.ImageNotFound:
        engine.images.pull(wanted)
        return wanted, wanted


def busybox_archive() -> bytes:
    """A root file system of nothing but the host's busybox, for hosts that reach no registry."""
    busybox = shutil.which("busybox")
    if not busybox:
        raise LookupError(
            "no busybox here to make a container of; install busybox-static, or name an image in berthage_verify_image"
        )
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.add(busybox, "bin/busybox")
        for library in libraries_of(busybox):
            archive.add(library, library.lstrip("/"), recursive=False)
        for applet in ("sh", "cat", "dd", "head", "httpd", "ip", "mkdir", "rm", "sleep", "timeout", "wget"):
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
        directory = tarfile.TarInfo("tmp")
        directory.type, directory.mode = tarfile.DIRTYPE, 0o1777
        archive.addfile(directory)
    return stream.getvalue()


def libraries_of(program: str) -> list[str]:
    """None for busybox-static; the package busybox needs the C library."""
    shown = subprocess.run(["ldd", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False, text=True)
    return sorted(set(re.findall(r"(/\S+\.so[\w.]*)", shown.stdout)))


def mount_all(engine: Any, image: str, volumes: list[dict[str, str]]) -> dict[str, Verdict]:
    """One container that has every volume. Only where it does not start, each volume is tried by itself."""
    present = {volume.name: volume.attrs for volume in engine.volumes.list()}
    options = {name: attributes.get("Options") or {} for name, attributes in present.items()}
    wrong = dead_ground([volume for volume in volumes if volume["name"] in present], options)
    for volume in volumes:
        if volume["name"] not in present:
            wrong[volume["name"]] = "the volume does not exist on this host"
        elif silent_server(options[volume["name"]]):
            wrong[volume["name"]] = silent_server(options[volume["name"]])
    verdicts = {name: failed(reason) for name, reason in wrong.items()}
    candidates = [volume for volume in volumes if volume["name"] not in verdicts]
    if not start_with(engine, image, candidates):
        verdicts.update((volume["name"], verified()) for volume in candidates)
    else:
        for volume in candidates:
            reason = without_secrets(start_with(engine, image, [volume]), options[volume["name"]])
            verdicts[volume["name"]] = verdict_of_mount(volume, reason)
        start_with(engine, image, [v for v in candidates if verdicts[v["name"]]["outcome"] == "verified"])
    for name, users in dead_in_containers(engine, list(present)).items():
        if name in verdicts:
            # The engine's own words would only say that its mount is dead, which is theirs.
            verdicts[name] = failed("; then ".join(filter(None, (wrong.get(name), users))))
    for volume in volumes:
        attributes = present.get(volume["name"])
        verdicts[volume["name"]].update(
            backend=volume["backend"],
            # To be compared with what the other nodes have under this name.
            driver=attributes["Driver"] if attributes else "",
            options=shown(options[volume["name"]]) if attributes else {},
        )
    return verdicts


def shown(options: dict[str, str]) -> dict[str, str]:
    """The options without those that are secrets."""
    kept = {name: value for name, value in options.items() if not SECRET.search(name)}
    if "o" in kept:
        kept["o"] = ",".join(part for part in at_single_commas(kept["o"]) if not SECRET.search(part.partition("=")[0]))
    return kept


def at_single_commas(text: str) -> list[str]:
    """Mount options, split: of CIFS, two commas are one within an option, such as a password."""
    return [part.replace("\0", ",,") for part in text.replace(",,", "\0").split(",")]


def without_secrets(text: str, options: dict[str, str]) -> str:
    """What the engine says of a mount may have its options in it, and of a secret it knows only the password."""
    pairs = [*options.items(), *(part.partition("=")[::2] for part in at_single_commas(options.get("o", "")))]
    hidden = {value for name, value in pairs if value and SECRET.search(name)}
    for value in sorted(hidden | {value.replace(",,", ",") for value in hidden}, key=len, reverse=True):
        text = text.replace(value, "(hidden)")
    return text


def mount_options(options: dict[str, str]) -> dict[str, str]:
    return dict(option.partition("=")[::2] for option in options.get("o", "").split(",") if option)


@functools.lru_cache(maxsize=None)
def unreachable(host: str, port: int) -> str:
    try:
        socket.create_connection((host, port), timeout=LOOK).close()
    except OSError as error:
        return f"{host}:{port} ({error})"
    return ""


def silent_server(options: dict[str, str]) -> str:
    """Why no server of a volume can be reached, or nothing.

    Found out beforehand, because a mount that waits for a server cannot be called off.
    """
    silent = [unreachable(*server) for server in servers_of(options)]
    if not silent or not all(silent):
        return ""
    return f"no answer from its server {', '.join(silent)}; start it, or see what is in between"


def servers_of(options: dict[str, str]) -> list[tuple[str, int]]:
    """Where a volume's servers listen. Any one that answers will do. None of what is no mount over the network."""
    kind, device, own = options.get("type", ""), options.get("device", ""), mount_options(options)
    if kind == "ceph":
        monitors = re.split("[/,]", own.get("mon_addr") or device.partition(":/")[0])
        return [server for monitor in monitors if monitor for server in monitor_of(monitor)]
    if kind in ("cifs", "smb3"):
        host, port = own.get("ip") or own.get("addr") or re.split(r"[/\\]", device.lstrip("/\\"))[0], 445
    elif kind in ("nfs", "nfs4"):
        host, port = own.get("addr", ""), 2049
    else:
        return []
    return [(host.strip("[]"), int(own.get("port") or port))] if host else []


def monitor_of(text: str) -> list[tuple[str, int]]:
    """Of a monitor without a port, those of both of Ceph's protocols."""
    host, colon, port = text.rpartition(":")
    if colon and port.isdigit():
        return [(host.strip("[]"), int(port))]
    return [(text.strip("[]"), 3300), (text.strip("[]"), 6789)]


def dead_ground(volumes: list[dict[str, str]], options: dict[str, dict[str, str]]) -> dict[str, str]:
    """By volume, why the host's own mount that its directory is on is of no use. Nothing of those where it is."""
    table = mounts_of_host()
    bound = {
        volume["name"]: options[volume["name"]]["device"]
        for volume in volumes
        if "bind" in mount_options(options[volume["name"]]) and options[volume["name"]].get("device")
    }
    said = look_at(bound.values())
    reasons = {}
    for volume in volumes:
        name, mount_point = volume["name"], volume.get("mount_point", "")
        if mount_point and mount_point not in table:
            reasons[name] = (
                f"nothing is mounted on {mount_point}; on this host: {start_of(mount_point)}; then start again the "
                "containers that could not start without it"
            )
        elif said.get(bound.get(name, "")):
            ground, why = mount_point or below(bound[name], table), said[bound[name]]
            remedy = f"on this host: umount --lazy {ground}; {start_of(ground)}"
            reasons[name] = f"the mount on {ground} is dead, {why}; {remedy}"
    return reasons


def start_of(mount_point: str) -> str:
    unit = mount_point.strip("/").replace("-", "\\x2d").replace("/", "-")
    return f"systemctl start '{unit}.mount'"


def mounts_of_host() -> list[str]:
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
        return [re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), line.split(" ")[4]) for line in table]


def below(path: str, table: list[str]) -> str:
    """The mount point that a path is on."""
    return max((point for point in table if f"{path}/".startswith(point.rstrip("/") + "/")), key=len, default="/")


def look_at(paths: Iterable[str]) -> dict[str, str]:
    """Why these directories are of no use: their file system is dead, or silent. Nothing of those that answer.

    In threads that nobody waits for, since looking at a file system that hangs cannot be called off.
    """
    said = dict.fromkeys(paths, f"without an answer for {LOOK} s (see its servers)")

    def look(path: str) -> None:
        try:
            os.stat(path)
            said[path] = ""
        except OSError as error:
            # One that is missing is told by the engine.
            dead = error.errno in (errno.ENOTCONN, errno.ESTALE, errno.EIO, errno.EHOSTDOWN)
            said[path] = f"its client or its server has ended ({error.strerror})" if dead else ""

    threads = [threading.Thread(target=look, args=[path], daemon=True) for path in said]
    for thread in threads:
        thread.start()
    end = time.monotonic() + LOOK
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return {path: reason for path, reason in dict(said).items() if reason}


def dead_in_containers(engine: Any, volumes: Iterable[str]) -> dict[str, str]:
    """By volume, which running containers have a dead mount of it, and what to do about them.

    The engine mounts a volume for the first of them and unmounts it after the last. So the mount stays dead for all of
    them, and for every new one, when the host's own is made anew, until none is left.
    """
    wanted = set(volumes)
    users = {}
    for container in engine.api.containers():
        for mount in container.get("Mounts") or ():
            if mount.get("Name") in wanted:
                pid = engine.api.inspect_container(container["Id"])["State"]["Pid"]
                users[f"/proc/{pid}/root{mount['Destination']}"] = (mount["Name"], container)
    dead = look_at(users)
    found: dict[str, str] = {}
    for volume in {users[path][0] for path in dead}:
        reason = next(reason for path, reason in dead.items() if users[path][0] == volume)
        stop = restart_of([container for name, container in users.values() if name == volume])
        found[volume] = f"its mount in running containers is dead, {reason}; {stop}"
    return found


def restart_of(containers: list[dict[str, Any]]) -> str:
    names = sorted({container["Names"][0].lstrip("/") for container in containers})
    tasks = {
        container["Names"][0].lstrip("/") for container in containers if SERVICE in (container.get("Labels") or {})
    }
    again = [name for name in names if name not in tasks]
    return (
        f"stop all that use it, so that the engine mounts it anew: docker stop {' '.join(names)}"
        + (f"; docker start {' '.join(again)}" if again else "")
        + ("; the Swarm starts its tasks again by itself" if tasks else "")
    )


def start_with(engine: Any, image: str, volumes: Iterable[dict[str, str]]) -> str:
    """Start the data container with these volumes at /volumes/NAME. Returns why it could not be, or nothing."""
    import docker  # noqa: PLC0415

    remove_container(engine, DATA)
    try:
        engine.containers.run(
            image,
            ["sleep", "3600"],
            name=DATA,
            detach=True,
            labels={LABEL: "1"},
            network_mode="none",
            # no_copy: a container's first use would otherwise change the owner of the volume's root.
            mounts=[
                docker.types.Mount(f"/volumes/{volume['name']}", volume["name"], no_copy=True) for volume in volumes
            ],
        )
    except (docker.errors.DockerException, OSError) as error:
        return words_of(error)
    return ""


def words_of(error: Exception) -> str:
    return str(getattr(error, "explanation", None) or error).strip()


def verdict_of_mount(volume: dict[str, str], reason: str) -> Verdict:
    if not reason:
        return verified()
    if volume["backend"] in KERNEL_CLIENTS and "no such device" in reason:
        client, module = KERNEL_CLIENTS[volume["backend"]]
        return skipped(f"this kernel has no {client} client (module {module})")
    return {**failed(reason), "by_engine": True}


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


def shared(volumes: list[dict[str, str]], verdicts: dict[str, Verdict]) -> list[str]:
    """The mounted volumes whose data is the same on every node, and can be written."""
    return [
        volume["name"]
        for volume in volumes
        if volume["backend"] in SHARED
        and verdicts[volume["name"]]["outcome"] == "verified"
        and "ro" not in mount_options(verdicts[volume["name"]]["options"])
    ]


def write_token(engine: Any, token: str, names: Iterable[str]) -> dict[str, Verdict]:
    script = f'echo {token} >"$1/.{PREFIX}-{token}" && cat "$1/.{PREFIX}-{token}"'
    verdicts = {}
    for name in names:
        said = run_in(engine, DATA, ["sh", "-c", script, "sh", f"/volumes/{name}"])
        verdicts[name] = verified() if said == token else failed(f"could not write: {said}")
    return verdicts


def usable(networks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Overlays that a container can join by itself. Others take only services."""
    return (network for network in networks if network["driver"] == "overlay" and network["attachable"])


def listen(engine: Any, image: str, network: dict[str, Any], token: str) -> dict[str, Any]:
    """A web server on this network alone. Its one page is the token and a known number of bytes."""
    import docker  # noqa: PLC0415

    serve = (
        f"mkdir -p /srv && cd /srv && echo {token} >page && "
        f"dd if=/dev/zero bs=1024 count={PAYLOAD_KIB} >>page 2>/dev/null && exec httpd -f -p {PORT}"
    )
    try:
        server = run_on(engine, image, f"{PREFIX}-{network['name']}", network["name"], ["sh", "-c", serve])
    except (docker.errors.DockerException, OSError) as error:
        return {"reason": words_of(error)}
    server.reload()
    attributes = engine.networks.get(network["name"]).attrs
    return {
        "address": server.attrs["NetworkSettings"]["Networks"][network["name"]]["IPAddress"],
        "vni": vni_of(attributes),
        "differs": difference(network, attributes),
        # Of an internal network nothing leads out; the other networks are the control of this look.
        "default_route": "default" in run_in(engine, server.name, ["ip", "route"]),
    }


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


def run_on(engine: Any, image: str, name: str, network: str, command: list[str]) -> Any:
    """Start a container on one network.

    Its packets live for one hop, so that they cross an overlay, which is one link, but never a router: what is not
    reached over the overlay does not wander through the host's default route to strangers.
    """

    def start() -> Any:
        remove_container(engine, name)
        return engine.containers.run(
            image,
            command,
            name=name,
            detach=True,
            labels={LABEL: "1"},
            network=network,
            sysctls={"net.ipv4.ip_default_ttl": "1"},
        )

    return with_patience(start)


def with_patience(attach: Callable[[], Any]) -> Any:
    """Attach to a Swarm's network, a second time where the manager did not answer the engine in time."""
    import docker  # noqa: PLC0415

    try:
        return attach()
    except docker.errors.APIError as error:
        if "deadline exceeded" not in words_of(error):
            raise
        return attach()


def attach_client(engine: Any, image: str, networks: list[str]) -> dict[str, str]:
    """One container on all of them. Returns for each network why it could not join, or nothing."""
    import docker  # noqa: PLC0415

    reasons: dict[str, str] = {}
    for name in networks:
        try:
            if "" in reasons.values():
                join(engine, name)
            else:
                run_on(engine, image, CLIENT, name, ["sleep", "3600"])
            reasons[name] = ""
        except (docker.errors.DockerException, OSError) as error:
            reasons[name] = words_of(error)
    return reasons


def join(engine: Any, network: str) -> None:
    # By name, since a worker does not know a network before a container of its own is on it.
    with_patience(lambda: engine.api.connect_container_to_network(CLIENT, network))


def active_exports() -> list[dict[str, str]]:
    """The kernel server's active table. Empty with another server, such as nfs-ganesha."""
    try:
        with open("/var/lib/nfs/etab", encoding="utf-8") as table:
            lines = [line.split(None, 1) for line in table if line.strip()]
    except FileNotFoundError:
        return []
    return [{"path": path, "client": client.split("(")[0].strip()} for path, client in lines]


def gluster_volumes() -> tuple[list[dict[str, Any]], str]:
    """Every volume with its bricks, and why they are not known, where they are not."""
    try:
        info, status = gluster("info"), gluster("status", "all")
    except OSError as error:
        return [], f"gluster does not answer: {error}"
    online = {
        f"{node.findtext('hostname')}:{node.findtext('path')}": node.findtext("status") == "1"
        for node in status.iter("node")
    }
    volumes = [
        {
            "name": volume.findtext("name"),
            "type": volume.findtext("typeStr"),
            "status": volume.findtext("statusStr"),
            "bricks": {name: online.get(name, False) for name in bricks_of(volume)},
        }
        for volume in info.iter("volume")
    ]
    return volumes, info.findtext("opErrstr") or ""


def bricks_of(volume: ElementTree.Element) -> list[str]:
    return [brick.findtext("name") or "" for brick in volume.iter("brick")]


def gluster(*command: str) -> ElementTree.Element:
    said = subprocess.run(
        ["gluster", "--mode=script", "--xml", "volume", *command], capture_output=True, check=False, text=True
    )
    if not said.stdout.startswith("<?xml"):
        raise OSError((said.stderr or said.stdout).strip())
    return ElementTree.fromstring(said.stdout)  # noqa: S314 - from gluster on this very host


# --------------------------------------------------------------------------------------------------- second round


def exchange(request: dict[str, Any]) -> dict[str, Any]:
    engine = connect(request)
    answer: dict[str, Any] = {}
    if request["reads"]:
        answer["read"] = {name: read_token(engine, name, request["written_token"]) for name in request["written"]}
    if request["sends"]:
        answer.update(call_over_all(engine, request))
    return answer


def read_token(engine: Any, name: str, token: str) -> Verdict:
    said = run_in(engine, DATA, ["cat", f"/volumes/{name}/.{PREFIX}-{token}"])
    return verified() if said == token else failed(f"what was written is not there: {said}")


def call_over_all(engine: Any, request: dict[str, Any]) -> dict[str, Any]:
    """Reach the listener of each network; then show that each can only be reached by being on it."""
    verdicts: dict[str, Verdict] = {}
    # The clear ones first: they show that the watcher recognises clear VXLAN at all.
    for network in sorted(request["networks"], key=lambda network: bool(network["encrypted"])):
        server = request["servers"].get(network["name"], {})
        verdict = why_not(network, server, request)
        if verdict is None:
            with Wire(server["host_address"], request["data_path_port"]) as wire:
                reached = reaches(engine, server, PATIENCE)
            verdict = judge_traffic(network, server, wire) if reached else failed(no_answer(engine, server))
        flags = [flag for flag in ("attachable", "encrypted", "internal") if network[flag]]
        verdicts[network["name"]] = {
            **verdict,
            "driver": network["driver"],
            "kind": ", ".join(flags) or "-",
            "to": server.get("host", ""),
        }
    reached_ones = [name for name, verdict in verdicts.items() if verdict["outcome"] == "verified"]
    return {
        "networks": verdicts,
        "isolation": isolation(engine, {name: request["servers"][name] for name in reached_ones}),
    }


def why_not(network: dict[str, Any], server: dict[str, Any], request: dict[str, Any]) -> Verdict | None:
    """Why this network cannot be tried, as a verdict."""
    beyond_us = (
        (network["driver"] != "overlay", f"a {network['driver']} network does not lead from one host to another"),
        (not network["attachable"], "not attachable: only services can join it"),
        (not server.get("host"), "takes two hosts"),
        (network["encrypted"] and request["kernel_lacks"], f"kernel without {request['kernel_lacks']}"),
    )
    for applies, reason in beyond_us:
        if applies:
            return skipped(reason)
    wrong = (
        request["attached"].get(network["name"], "no container joined it on the first host"),
        server.get("reason"),
        not server.get("address") and f"no container is listening on {server['host']}",
        server.get("differs"),
        network["internal"] and server.get("default_route") and "internal, and yet its containers have a default route",
    )
    return next((failed(reason) for reason in wrong if reason), None)


def reaches(engine: Any, server: dict[str, Any], patience: float = 0) -> bool:
    """Whether the client gets this server's page. Tries once, and again while patience lasts."""
    deadline = time.monotonic() + patience
    while fetch(engine, server) != server["token"]:
        if time.monotonic() >= deadline:
            return False
    return True


def fetch(engine: Any, server: dict[str, Any]) -> str:
    """The first line of the server's page, or what the client has to say instead."""
    # `timeout`, since Debian 12's wget of busybox crashes on a time limit of its own.
    script = f"timeout 3 wget -q -O /page http://{server['address']}:{PORT}/page && head -n 1 /page"
    return run_in(engine, CLIENT, ["sh", "-c", script])


def no_answer(engine: Any, server: dict[str, Any]) -> str:
    said = fetch(engine, server)
    return f"no answer from {server['address']}:{PORT} within {PATIENCE} s" + (f" ({said})" if said else "")


def judge_traffic(network: dict[str, Any], server: dict[str, Any], wire: Wire) -> Verdict:
    """A page came through; now how: the wire must have carried at least its bytes in the way declared."""
    page = PAYLOAD_KIB * 1024
    vni = server["vni"]
    clear = wire.clear[vni]
    if network["encrypted"]:
        if clear:
            return failed(f"{clear} bytes in clear VXLAN of VNI {vni} on {wire.interface}")
        if wire.esp < page:
            return failed(f"only {wire.esp} bytes of ESP on {wire.interface} for a page of {page}")
        return verified(f"{wire.esp} bytes as ESP, none as clear VXLAN of VNI {vni}")
    if clear < page:
        return failed(f"only {clear} bytes of clear VXLAN of VNI {vni} on {wire.interface} for a page of {page}")
    return verified(f"{clear} bytes as clear VXLAN of VNI {vni}")


def isolation(engine: Any, servers: dict[str, dict[str, Any]]) -> dict[str, Verdict]:
    """Leave one network after the other: its server must no longer be reached, that of the next one still must.

    Every server was reached before by the same container with the same tool at the same address and port. So at the end
    each two networks were seen to be apart.
    """
    verdicts: dict[str, Verdict] = {}
    names = list(servers)
    for position, name in enumerate(names[:-1]):
        others = names[position + 1 :]
        engine.api.disconnect_container_from_network(CLIENT, name)
        if reaches(engine, servers[name]):
            verdict = failed(f"{servers[name]['address']}:{PORT} was reached by a container on other networks alone")
        elif not reaches(engine, servers[others[0]], PATIENCE):
            verdict = failed(f"that of {others[0]} was not reached either, so that this proves nothing")
        else:
            verdict = verified()
        verdicts[name] = {**verdict, "others": others}
    for name in names[:-2]:
        if reaches(engine, servers[name]):
            verdicts[name] = {**failed(f"reached by a container on {names[-1]} alone"), "others": names[-1:]}
    return verdicts


class Wire:
    """Counts the bytes between this host and a peer on the interface that leads there, until it is closed.

    `esp` is what was encrypted (IP protocol 50); `clear` what was not, by the VXLAN network identifier.
    """

    def __init__(self, peer: str, vxlan_port: int) -> None:
        route = json.loads(
            subprocess.run(["ip", "-json", "route", "get", peer], stdout=subprocess.PIPE, check=True).stdout
        )
        self.interface: str = route[0]["dev"]
        self.esp = 0
        self.clear: Counter[int | None] = Counter()
        self._addresses = {socket.inet_aton(peer), socket.inet_aton(route[0]["prefsrc"])}
        self._port = vxlan_port
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Wire:
        # SOCK_DGRAM leaves the link's own header off; ETH_P_ALL is the only way to see what this host sends.
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0003))
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 * 1024 * 1024)
        self._socket.bind((self.interface, 0))
        self._socket.settimeout(0.2)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._thread.join()
        self._socket.close()

    def _watch(self) -> None:
        while True:
            try:
                packet = self._socket.recv(65535)
            except socket.timeout:
                # Only when nothing is left to read: on a slow host this thread lags behind the traffic.
                if self._closing.is_set():
                    return
                continue
            kind, vni = classify(packet, self._addresses, self._port)
            if kind == "esp":
                self.esp += len(packet)
            elif kind == "vxlan":
                self.clear[vni] += len(packet)


def classify(packet: bytes, addresses: Iterable[bytes], vxlan_port: int) -> tuple[str, int | None]:
    """What an IPv4 packet between two addresses is: `esp`, `vxlan` with its identifier, or something else.

    IPv4: RFC 791; ESP is protocol 50: RFC 4303; VXLAN is a header of eight bytes within UDP: RFC 7348.
    """
    if len(packet) < 20 or packet[0] >> 4 != 4 or {packet[12:16], packet[16:20]} != set(addresses):
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


# ---------------------------------------------------------------------------------------------------- third round


def clean(request: dict[str, Any]) -> dict[str, Any]:
    engine = connect(request)
    if request["written_token"]:
        leftovers = [f"/volumes/{name}/.{PREFIX}-{request['written_token']}" for name in request["written"]]
        run_in(engine, DATA, ["rm", "-f", *leftovers])
    remove_containers(engine)
    for image in engine.images.list(filters={"label": f"{LABEL}=1"}):
        engine.images.remove(image.id, force=True)
    if request["pulled_image"]:
        engine.images.remove(request["pulled_image"])
    return {}


def remove_containers(engine: Any) -> None:
    for container in engine.containers.list(all=True, filters={"label": f"{LABEL}=1"}):
        container.remove(force=True)


def remove_container(engine: Any, name: str) -> None:
    for container in engine.containers.list(all=True, filters={"name": f"^/{name}$"}):
        container.remove(force=True)


def run_in(engine: Any, container: str, command: list[str]) -> str:
    """What the command says in this container, error messages included."""
    import docker  # noqa: PLC0415

    try:
        output = engine.containers.get(container).exec_run(command).output
    except docker.errors.DockerException as error:
        return words_of(error)
    return str(output.decode(errors="replace").strip())


if __name__ == "__main__":
    main()
