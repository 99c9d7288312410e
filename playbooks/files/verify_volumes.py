# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The volumes in verify.yml: one container with all of them, and why one is of no use to it."""

from __future__ import annotations

import errno
import functools
import os
import re
import socket
import threading
import time
from typing import Any, Iterable

from verify_engine import (
    LABEL,
    PREFIX,
    Verdict,
    failed,
    pid_of,
    remove_container,
    run_in,
    skipped,
    verified,
    words_of,
)

# Unlike any name that verify_networks.py gives, which has a network's name behind a hyphen.
DATA = f"{PREFIX}.data"
# By its name, as the collection's modules have it, which this script cannot import: see backends/shared.py there.
SECRET = re.compile(r"pass|pwd|secret|token|cred|key$", re.IGNORECASE)
# The kernel's client of a backend, without which nothing is wrong with the volume.
KERNEL_CLIENTS = {"nfs": ("NFS", "nfs"), "cifs": ("CIFS", "cifs"), "cephfs": ("CephFS", "ceph")}
SERVICE = "com.docker.swarm.service.name"  # a label that the engine gives to a task's container
SHARED = ("nfs", "glusterfs", "cifs", "cephfs")
# Where one of the engine's own signals came between, which says nothing of the volume: see _volumes/probe.py.
INTERRUPTED = "interrupted system call"
TRIES = 5
LOOK = 5  # seconds that a file system or a server has to answer


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
    # Without any there is nothing to start, which takes a second, on slow hosts several.
    if not candidates or not start_with(engine, image, candidates):
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
    asked = own.get("port") or str(port)
    # Of what is no port the engine says so itself.
    return [(host.strip("[]"), int(asked))] if host and asked.isdecimal() else []


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
                pid = pid_of(engine, container["Id"])
                if pid:
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

    # no_copy: a container's first use would otherwise change the owner of the volume's root.
    mounts = [docker.types.Mount(f"/volumes/{volume['name']}", volume["name"], no_copy=True) for volume in volumes]
    reason = ""
    for _try in range(TRIES):
        remove_container(engine, DATA)
        try:
            engine.containers.run(
                image,
                ["sleep", "3600"],
                name=DATA,
                detach=True,
                labels={LABEL: "1"},
                network_mode="none",
                mounts=mounts,
            )
        except (docker.errors.DockerException, OSError) as error:
            reason = words_of(error)
        else:
            return ""
        if INTERRUPTED not in reason:
            break
    return reason


def verdict_of_mount(volume: dict[str, str], reason: str) -> Verdict:
    if not reason:
        return verified()
    if volume["backend"] in KERNEL_CLIENTS and "no such device" in reason:
        client, module = KERNEL_CLIENTS[volume["backend"]]
        return skipped(f"this kernel has no {client} client (module {module})")
    return {**failed(reason), "by_engine": True}


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


def read_token(engine: Any, name: str, token: str) -> Verdict:
    said = run_in(engine, DATA, ["cat", f"/volumes/{name}/.{PREFIX}-{token}"])
    return verified() if said == token else failed(f"what was written is not there: {said}")


def remove_tokens(engine: Any, names: Iterable[str]) -> None:
    """What was written, by this run or by one that was killed."""
    script = f'for volume; do rm -f "$volume"/.{PREFIX}-*; done'
    directories = [f"/volumes/{name}" for name in names]
    if directories:
        run_in(engine, DATA, ["sh", "-c", script, "sh", *directories])
