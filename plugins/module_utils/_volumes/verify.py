# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether volumes can be mounted: a bounded connection to each server first, then a probe for each."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from functools import partial
from typing import Iterable, Mapping, Sequence

from ansible_collections.berthage.swarm.plugins.module_utils._engine import (
    Engine,
    EngineError,
    EngineRefusal,
    EngineTimeout,
)
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends import Endpoint, Meaning
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.observe import at_once
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.probe import Probes


@dataclass(frozen=True)
class Mountable:
    """A volume that exists, by what the engine has as its options. `behind` is the host's mount that it stands on."""

    name: str
    meaning: Meaning
    behind: str = ""

    @property
    def answered_by(self) -> Endpoint | str:
        """What a mount that hangs would be waiting for: a server, a mount of the host, a plugin, or the host itself."""
        return self.meaning.server or self.behind or str(self.meaning.fields.get("driver", ""))


def verify(engine: Engine, volumes: Sequence[Mountable], limit: float) -> dict[str, Problem]:
    """Mount each volume once. Returns why, of those that could not be.

    `limit`, in seconds, holds for each server once, however many volumes it has.
    """
    failed: dict[str, Problem] = {}
    groups = by_server(volumes)
    if not engine.is_remote:
        silent = _silent({server for server in groups if isinstance(server, Endpoint)}, limit)
        for server, reason in silent.items():
            failed.update({volume.name: unreachable(volume, server, reason) for volume in groups.pop(server)})
    if groups:
        with Probes(engine, limit) as probes:
            for group in groups.values():
                failed.update(_mount(probes, group))
            failed.update(_vanished(probes, volumes, failed))
    return failed


def summary(problems: Iterable[Problem]) -> str:
    """One line for each cause, however many volumes it has."""
    items: dict[tuple[str, str, str], list[str]] = {}
    for problem in problems:
        items.setdefault((problem.field, problem.message, problem.remedy), []).append(problem.item)
    return "\n".join(str(Problem(", ".join(names), *cause)) for cause, names in items.items())


def by_server(volumes: Iterable[Mountable]) -> dict[Endpoint | str, list[Mountable]]:
    """Volumes that one server, mount or plugin answers for. The empty name is the host itself."""
    groups: dict[Endpoint | str, list[Mountable]] = {}
    for volume in volumes:
        groups.setdefault(volume.answered_by, []).append(volume)
    return groups


def blamed(reason: str, volumes: Iterable[Mountable]) -> list[Mountable]:
    """The volumes that the engine's reason is about, as far as it names their directory."""
    return [volume for volume in volumes if f"/{volume.name}/_data" in reason]


def unreachable(volume: Mountable, server: Endpoint, reason: str) -> Problem:
    return Problem(
        volume.name,
        f"{volume.meaning.backend}.server",
        f"the server at {server} cannot be reached from this host: {reason}",
        "see that the address is right, that the server runs, and that no firewall is between",
    )


def explain(volume: Mountable, reason: str) -> Problem:
    """The kernel's reason for not mounting a volume, as a cause and a remedy."""
    words = reason.rsplit(": ", 1)[-1].strip()
    backend = volume.meaning.backend
    for text, cause, remedy in (*_CAUSES.get(backend, ()), *_COMMON_CAUSES):
        if text in reason.lower():
            return Problem(volume.name, backend, f"it cannot be mounted: {cause} ({words})", remedy)
    # Without the options of the mount, which may have secrets among them.
    told = re.sub(r", data: .*(?=: )", "", reason)
    return Problem(
        volume.name, backend, f"it cannot be mounted: {told}", "see the log of the engine and the kernel's on that host"
    )


# What the kernel says, as errno's text in small letters, by backend. The first that fits counts.
_CAUSES: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "nfs": (
        (
            "no such device",
            "the kernel of this host has no NFS client",
            "load it (modprobe nfs), or install a kernel that has it; in a container the machine's kernel counts",
        ),
        (
            "no such file or directory",
            "the server exports no such directory to this host, or the directory is missing in it",
            "see `exportfs -v` on the server, and nfs.path; with NFSv4 it counts from the server's pseudo root",
        ),
        (
            "permission denied",
            "the server does not export that directory to this host",
            "see `exportfs -v` on the server: this host's address must be among the clients",
        ),
        (
            "access denied",
            "the server does not export that directory to this host",
            "see `exportfs -v` on the server: this host's address must be among the clients",
        ),
        (
            "operation not permitted",
            "the server, or this host, does not permit the mount",
            "see the export's clients and its option `secure`; a container may lack the right to mount",
        ),
        (
            "protocol not supported",
            "the server does not offer this version of NFS",
            "set nfs.version to one that it has, see `cat /proc/fs/nfsd/versions` there",
        ),
        (
            "stale file handle",
            "the export was replaced on the server",
            "run `exportfs -ra` there, or restart its NFS server",
        ),
        ("invalid argument", "the kernel knows one of the options not, or not with this version", "see nfs.options"),
        (
            "no such host",
            "the engine cannot find the server's address",
            "give nfs.server as an address, or mend the name service of this host",
        ),
        (
            "error resolving",
            "the engine cannot find the server's address",
            "give nfs.server as an address, or mend the name service of this host",
        ),
    ),
    "bind": (
        (
            "no such file or directory",
            "the directory does not exist on this host",
            "make it, or add create_path: {}; below a GlusterFS mount, see that this is mounted",
        ),
        (
            "transport endpoint is not connected",
            "the mount below it is dead",
            "unmount it (umount -l) and start its mount unit again",
        ),
        ("not a directory", "the path is no directory", "mend bind.path"),
    ),
    "tmpfs": (("invalid argument", "the kernel takes one of the options not", "see tmpfs.size and tmpfs.mode"),),
}
_COMMON_CAUSES = (
    ("connection timed out", "the server does not answer", "see that it runs and that no firewall is between"),
    ("connection refused", "nothing listens there on the server", "start the service on the server"),
    ("no route to host", "there is no way to the server", "see the address and the network of this host"),
    ("network is unreachable", "there is no way to the server", "see the address and the network of this host"),
    ("no such device", "the kernel of this host has no such file system", "load its module, or use another backend"),
    ("permission denied", "the mount is not permitted", "see the rights on what is mounted"),
    ("operation not permitted", "the mount is not permitted", "see the rights of the engine on this host"),
    ("no such file or directory", "what is to be mounted does not exist", "make it, or mend the options"),
    ("invalid argument", "the kernel takes one of the options not", "see the mount options"),
)


def _silent(servers: Iterable[Endpoint], limit: float) -> dict[Endpoint, str]:
    """The servers that do not take a connection, and why. They are asked at the same time."""
    asked = {str(server): server for server in servers}
    answers = at_once({key: partial(_why_no_connection, server, limit) for key, server in asked.items()}, limit + 1)
    late = f"no answer within {limit:g} s"
    reasons = {server: answers.get(key, late) for key, server in asked.items()}
    return {server: reason for server, reason in reasons.items() if reason}


def _why_no_connection(server: Endpoint, limit: float) -> str:
    try:
        socket.create_connection((server.host, server.port), timeout=limit).close()
    except socket.timeout:
        return f"no answer within {limit:g} s"
    except socket.gaierror as error:
        return f"its address cannot be found ({error.strerror})"
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _mount(probes: Probes, volumes: list[Mountable]) -> dict[str, Problem]:
    """Mount the volumes of one server at once; where that fails, find out which of them it was."""
    failed: dict[str, Problem] = {}
    remaining = volumes
    while remaining:
        try:
            probes.mount([volume.name for volume in remaining])
            break
        except EngineTimeout:
            return {**failed, **{volume.name: _hanging(volume) for volume in remaining}}
        except EngineRefusal as error:
            culprits = remaining if len(remaining) == 1 else blamed(error.reason, remaining)
            if not culprits:
                return {**failed, **_one_by_one(probes, remaining)}
            failed.update({volume.name: explain(volume, error.reason) for volume in culprits})
            remaining = [volume for volume in remaining if volume.name not in failed]
        except EngineError as error:
            return {**failed, **{volume.name: _unknown(volume, error) for volume in remaining}}
    return failed


def _one_by_one(probes: Probes, volumes: list[Mountable]) -> dict[str, Problem]:
    failed: dict[str, Problem] = {}
    for number, volume in enumerate(volumes):
        found = _mount(probes, [volume])
        failed.update(found)
        if found and found[volume.name] == _hanging(volume):
            failed.update({other.name: _hanging(other) for other in volumes[number + 1 :]})
            break
    return failed


def _vanished(probes: Probes, volumes: Sequence[Mountable], failed: Mapping[str, Problem]) -> dict[str, Problem]:
    try:
        names = probes.vanished()
    except EngineError:
        if failed:
            return {}  # the engine hangs, as it has been said
        raise
    return {volume.name: gone(volume) for volume in volumes if volume.name in names}


def gone(volume: Mountable) -> Problem:
    return Problem(
        volume.name,
        volume.meaning.backend,
        "it is there no more: something removed it while it was being verified",
        "see what else manages this engine's volumes (another run?), then run again",
    )


def _hanging(volume: Mountable) -> Problem:
    return Problem(
        volume.name,
        volume.meaning.backend,
        "its mount hangs: the engine did not answer within verify_timeout",
        "see that the server is well, and the kernel's log on this host; raise verify_timeout if it is only slow",
    )


def _unknown(volume: Mountable, error: EngineError) -> Problem:
    return Problem(volume.name, volume.meaning.backend, f"it could not be verified: {error}", "see the engine's log")
