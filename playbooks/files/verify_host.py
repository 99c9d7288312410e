# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host's part in verify.yml: real containers, real data, real frames on the wire.

The play runs this three times on all hosts at once, since a remote task costs more than what it does:

* `prepare`: what the host has; one container with every volume, one on every overlay; the first host writes.
* `exchange`: every host calls every other over every overlay while it watches the wire; the last host reads.
* `clean`: everything that the first two rounds made is removed again.

Takes a JSON request and prints a JSON answer. Needs what the modules need: the Docker SDK. It goes to the host with its
companions, the other verify_*.py and encryption.py of the role docker_networks, as one program: see
verify_program.py.j2.
"""

from __future__ import annotations

import io
import json
import re
import secrets
import shutil
import subprocess
import tarfile
import time
from typing import Any

import encryption
import verify_networks
import verify_volumes
from verify_engine import (
    LABEL,
    PREFIX,
    alone,
    connect,
    remove_containers,
    words_of,
)

OWN_REPOSITORY, OWN_TAG = PREFIX, "local"


def main(request: dict[str, Any]) -> None:
    rounds = {"prepare": prepare, "exchange": exchange, "clean": clean}
    started = time.monotonic()
    try:
        with alone(request["timeout"]):
            answer = rounds[request["round"]](request)
    except Exception as error:  # the summary has to name what went wrong on this host, whatever it was
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps({**answer, "seconds": round(time.monotonic() - started, 1)}))


# ---------------------------------------------------------------------------------------------------- first round


def prepare(request: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    if request["serves_nfs"]:
        answer["exports"] = active_exports() or request["declared_exports"]
    if not request["is_node"]:
        return answer
    engine = connect(request)
    # What an interrupted run left behind.
    remove_containers(engine)
    answer.update(about(engine), networks=request["networks"])
    image, answer["pulled_image"] = provide_image(engine, request["image"])
    answer["volumes"] = verify_volumes.mount_all(engine, image, request["volumes"])
    encrypted = any(network["encrypted"] for network in request["networks"])
    answer["kernel_lacks"] = encryption.missing_for_encryption() if encrypted else ""
    answer["token"] = secrets.token_hex(16)
    if request["writes"]:
        answer["written"] = verify_volumes.write_token(
            engine, answer["token"], verify_volumes.shared(request["volumes"], answer["volumes"])
        )
    if request["calls"] and not answer["cut_off"]:
        answer["listening"] = verify_networks.listen_on_all(
            engine, image, request["networks"], answer["token"], encrypts=not answer["kernel_lacks"]
        )
    return answer


def about(engine: Any) -> dict[str, Any]:
    info = engine.info()
    swarm = info["Swarm"]
    nodes, no_majority = nodes_of(engine, swarm)
    return {
        "engine": info["ServerVersion"],
        "kernel": info["KernelVersion"],
        "node_id": swarm.get("NodeID", ""),
        "address": swarm.get("NodeAddr", ""),
        "swarm": swarm.get("LocalNodeState", "inactive"),
        "data_path_port": ((swarm.get("Cluster") or {}).get("DataPathPort")) or 4789,
        "cut_off": no_majority or verify_networks.no_manager(swarm),
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


def nodes_of(engine: Any, swarm: dict[str, Any]) -> tuple[list[Any], str]:
    """How the Swarm's nodes are, which only managers know, and why not, on one that has lost most of the others."""
    import docker  # noqa: PLC0415

    try:
        return (list(engine.nodes.list()) if swarm.get("ControlAvailable") else []), ""
    except docker.errors.APIError as error:
        return [], words_of(error)


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


def active_exports() -> list[dict[str, str]]:
    """The kernel server's active table. Empty with another server, such as nfs-ganesha, and where it serves nothing."""
    try:
        with open("/var/lib/nfs/etab", encoding="utf-8") as table:
            lines = [line.split(None, 1) for line in table if line.strip()]
    except FileNotFoundError:
        return []
    return [{"path": path, "client": client.split("(")[0].strip()} for path, client in lines]


# --------------------------------------------------------------------------------------------------- second round


def exchange(request: dict[str, Any]) -> dict[str, Any]:
    engine = connect(request)
    answer: dict[str, Any] = {}
    if request["reads"]:
        answer["read"] = {
            name: verify_volumes.read_token(engine, name, request["written_token"]) for name in request["written"]
        }
    if request["calls"]:
        answer.update(verify_networks.call_all(engine, request))
    return answer


# ---------------------------------------------------------------------------------------------------- third round


def clean(request: dict[str, Any]) -> dict[str, Any]:
    engine = connect(request)
    verify_volumes.remove_tokens(engine, request["written"])
    remove_containers(engine)
    for image in engine.images.list(filters={"label": f"{LABEL}=1"}):
        engine.images.remove(image.id, force=True)
    if request["pulled_image"]:
        engine.images.remove(request["pulled_image"])
    return {}
