# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether volumes can be mounted: a bounded connection to each server first, then a probe for each."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from functools import partial
from typing import Iterable, Mapping, Sequence, Tuple, Union

from ansible_collections.berthage.swarm.plugins.module_utils._engine import (
    Engine,
    EngineError,
    EngineRefusal,
    EngineTimeout,
)
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends import Endpoint, Meaning
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.causes import cause_of
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.observe import at_once
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.probe import Probes

# Servers of which any one suffices, or the name of what stands between here and the data.
AnsweredBy = Union[Tuple[Endpoint, ...], str]


@dataclass(frozen=True)
class Mountable:
    """A volume that exists, by what the engine has as its options. `behind` is the host's mount that it stands on."""

    name: str
    meaning: Meaning
    behind: str = ""

    @property
    def answered_by(self) -> AnsweredBy:
        """What a mount that hangs would be waiting for: servers, a mount of the host, a plugin, or the host itself."""
        return self.meaning.servers or self.behind or str(self.meaning.fields.get("driver", ""))


def verify(engine: Engine, volumes: Sequence[Mountable], limit: float) -> dict[str, Problem]:
    """Mount each volume once. Returns why, of those that could not be.

    `limit`, in seconds, holds for each server once, however many volumes it has.
    """
    failed: dict[str, Problem] = {}
    groups = by_server(volumes)
    if not engine.is_remote:
        alternatives = [servers for servers in groups if not isinstance(servers, str)]
        silent = _silent({server for servers in alternatives for server in servers}, limit)
        for servers in alternatives:
            if all(server in silent for server in servers):
                reasons = {server: silent[server] for server in servers}
                failed.update({volume.name: unreachable(volume, reasons) for volume in groups.pop(servers)})
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


def by_server(volumes: Iterable[Mountable]) -> dict[AnsweredBy, list[Mountable]]:
    """Volumes that the same servers, mount or plugin answer for. The empty name is the host itself."""
    groups: dict[AnsweredBy, list[Mountable]] = {}
    for volume in volumes:
        groups.setdefault(volume.answered_by, []).append(volume)
    return groups


def blamed(reason: str, volumes: Iterable[Mountable]) -> list[Mountable]:
    """The volumes that the engine's reason is about, as far as it names their directory."""
    return [volume for volume in volumes if f"/{volume.name}/_data" in reason]


def unreachable(volume: Mountable, reasons: Mapping[Endpoint, str]) -> Problem:
    """None of its servers takes a connection, for these reasons."""
    why = ", ".join(f"{server} cannot be reached from this host: {reason}" for server, reason in reasons.items())
    return Problem(
        volume.name,
        f"{volume.meaning.backend}.{'monitors' if volume.meaning.backend == 'cephfs' else 'server'}",
        f"the server at {why}",
        "see that the address is right, that the server runs, and that no firewall is between",
    )


def explain(volume: Mountable, reason: str) -> Problem:
    """The kernel's reason for not mounting a volume, as a cause and a remedy."""
    backend = volume.meaning.backend
    cause, remedy = cause_of(backend, reason)
    return Problem(volume.name, backend, f"it cannot be mounted: {cause}", remedy)


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
