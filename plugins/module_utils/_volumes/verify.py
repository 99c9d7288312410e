# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether volumes can be mounted: a bounded connection to each server first, then a probe for each.

So for volumes that exist, and on trial for options that no volume has yet: what replaces a volume is proven before the
old one goes.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass, replace
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
    """A volume by what its options mean. `behind` is the host's mount that it stands on. On trial, `options` are those
    that it is to get, and `stand_in` is the temporary volume that has them."""

    name: str
    meaning: Meaning
    behind: str = ""
    options: Mapping[str, str] | None = None
    stand_in: str = ""

    @property
    def answered_by(self) -> AnsweredBy:
        """What a mount that hangs would be waiting for: servers, a mount of the host, a plugin, or the host itself."""
        return self.meaning.servers or self.behind or str(self.meaning.fields.get("driver", ""))

    @property
    def mounted_as(self) -> str:
        """The volume that is mounted for it."""
        return self.stand_in or self.name


class Servers:
    """Which servers take a connection. Each is asked once in a call, however often it is needed."""

    def __init__(self, limit: float) -> None:
        """`limit`, in seconds, is for all servers that are asked at the same time."""
        self._limit = limit
        self._reasons: dict[Endpoint, str] = {}

    def silent(self, servers: Iterable[Endpoint]) -> dict[Endpoint, str]:
        """Those that do not take a connection, and why."""
        wanted = set(servers)
        asked = {str(server): server for server in wanted.difference(self._reasons)}
        answers = at_once(
            {key: partial(_why_no_connection, server, self._limit) for key, server in asked.items()}, self._limit + 1
        )
        late = f"no answer within {self._limit:g} s"
        self._reasons.update({server: answers.get(key, late) for key, server in asked.items()})
        return {server: self._reasons[server] for server in wanted if self._reasons[server]}


def verify(engine: Engine, volumes: Sequence[Mountable], limit: float, servers: Servers) -> dict[str, Problem]:
    """Mount each volume once. Returns why, of those that could not be.

    `limit`, in seconds, holds for all servers that do not take a connection together, and once for all mounts that
    hang, however many volumes they have.

    Raises:
        EngineError: the engine does not do what verification needs.
    """
    failed: dict[str, Problem] = {}
    groups = by_server(volumes)
    if not engine.is_remote:
        alternatives = [answering for answering in groups if not isinstance(answering, str)]
        silent = servers.silent(server for answering in alternatives for server in answering)
        for answering in alternatives:
            if all(server in silent for server in answering):
                reasons = {server: silent[server] for server in answering}
                failed.update({volume.name: unreachable(volume, reasons) for volume in groups.pop(answering)})
    if groups:
        with Probes(engine, limit) as probes:
            probes.prepare()
            failed.update(_mount_groups(probes, [*groups.values()]))
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
    return [volume for volume in volumes if f"/{volume.mounted_as}/_data" in reason]


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


def _why_no_connection(server: Endpoint, limit: float) -> str:
    try:
        socket.create_connection((server.host, server.port), timeout=limit).close()
    except socket.timeout:
        return f"no answer within {limit:g} s"
    except (socket.gaierror, UnicodeError) as error:
        return f"its address cannot be found ({getattr(error, 'strerror', None) or 'no host can have that name'})"
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _mount_groups(probes: Probes, groups: Sequence[Sequence[Mountable]]) -> dict[str, Problem]:
    """All groups at the same time: a mount that hangs holds up nobody else's."""

    def mounted(group: Sequence[Mountable]) -> dict[str, Problem] | Exception:
        try:
            failed, standing = _with_stand_ins(probes, group)
            return {**failed, **_mount(probes, standing)}
        except Exception as error:  # of whatever kind: a thread that ended without a word would count as success
            return error

    failed: dict[str, Problem] = {}
    for found in at_once({str(number): partial(mounted, group) for number, group in enumerate(groups)}).values():
        if isinstance(found, Exception):
            raise found
        failed.update(found)
    return failed


def _with_stand_ins(probes: Probes, volumes: Sequence[Mountable]) -> tuple[dict[str, Problem], list[Mountable]]:
    failed: dict[str, Problem] = {}
    standing: list[Mountable] = []
    for volume in volumes:
        try:
            stand_in = "" if volume.options is None else probes.stand_in(volume.options)
            standing.append(replace(volume, stand_in=stand_in))
        except EngineRefusal as error:
            failed[volume.name] = explain(volume, error.reason)
    return failed, standing


def _mount(probes: Probes, volumes: list[Mountable]) -> dict[str, Problem]:
    """Mount the volumes of one server at once; where that fails, find out which of them it was."""
    failed: dict[str, Problem] = {}
    remaining = volumes
    while remaining:
        try:
            probes.mount([volume.mounted_as for volume in remaining])
            break
        except EngineTimeout:
            return {**failed, **{volume.name: _hanging(volume) for volume in remaining}}
        except EngineRefusal as error:
            culprits = remaining if len(remaining) == 1 else blamed(error.reason, remaining)
            if not culprits:
                return {**failed, **_one_by_one(probes, remaining)}
            failed.update({volume.name: explain(volume, error.reason) for volume in culprits})
            remaining = [volume for volume in remaining if volume.name not in failed]
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
