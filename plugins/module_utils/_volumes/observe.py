# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is there: read from the engine and from the host it runs on, and never changed here."""

from __future__ import annotations

import errno
import grp
import os
import pwd
import re
import stat
import threading
import time
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, Callable, Collection, Iterable, Mapping, TypeVar

from ansible_collections.berthage.swarm.plugins.module_utils._engine import Engine, EngineRefusal, EngineTimeout
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends import (
    Meaning,
    recognise,
    redacted,
    secret_values,
)
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.probe import PROBE_LABEL
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.spec import NewDirectory, Volume

_Found = TypeVar("_Found")


@dataclass(frozen=True)
class Actual:
    """A volume as the engine has it."""

    name: str
    driver: str
    options: Mapping[str, str]
    labels: Mapping[str, str]
    mount_point: str = ""
    created: str = ""

    @cached_property
    def meaning(self) -> Meaning:
        return recognise(self.driver, self.options)

    @property
    def shown(self) -> dict[str, Any]:
        return shown(self.driver, self.options, self.labels)


@dataclass(frozen=True)
class Consumer:
    """Who uses a volume: a container in whatever state, or a service."""

    kind: str
    name: str
    id: str = ""
    node: str = ""
    state: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name or self.id[:12]}" + (f" ({self.state})" if self.state else "")

    def as_dict(self) -> dict[str, str]:
        return {"kind": self.kind, "name": self.name, "id": self.id, "node": self.node, "state": self.state}


@dataclass(frozen=True)
class Mount:
    """One line of /proc/self/mountinfo."""

    mount_point: str
    file_system: str
    source: str


@dataclass(frozen=True)
class Directory:
    """What stands where a volume expects a directory. `problem` says why it cannot be told, or cannot be made."""

    exists: bool
    problem: str = ""


@dataclass(frozen=True)
class Usage:
    """Who uses the volumes that are to be removed. Services are not known on a worker, which lists none, and on a
    manager of a Swarm without a quorum: `unknown` says why."""

    consumers: Mapping[str, tuple[Consumer, ...]] = field(default_factory=dict)
    services_known: bool | None = None
    unknown: str = ""


@dataclass(frozen=True)
class Observation:
    """Everything that planning rests on.

    `empty` says of a volume that holds its data whether there is none; it has no entry for a volume where this could
    not be found out. `on_engine_host` is whether mounts and directories seen here are those that the engine sees.
    `unlisted` are volumes that the engine remembers and cannot reach, and why.
    """

    volumes: Mapping[str, Actual] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    empty: Mapping[str, bool] = field(default_factory=dict)
    on_engine_host: bool = True
    mounts: tuple[Mount, ...] = ()
    directories: Mapping[str, Directory] = field(default_factory=dict)
    unlisted: Mapping[str, str] = field(default_factory=dict)


def volumes(engine: Engine) -> dict[str, Actual]:
    """Every volume of the engine, by one request."""
    return {found["Name"]: actual(found) for found in engine.get("/volumes")["Volumes"] or ()}


def unlisted(engine: Engine, names: Iterable[str]) -> dict[str, str]:
    """Of volumes that are not in the list, those that the engine remembers all the same, and why it cannot list them: a
    plugin that is disabled or gone takes its volumes out of the list, and their data is where it was."""
    found = {}
    for name in names:
        try:
            engine.get(f"/volumes/{name}")
        except EngineRefusal as error:
            if not says_that_it_is_gone(error.reason, name):
                found[name] = error.reason
    return found


def says_that_it_is_gone(reason: str, name: str) -> bool:
    """Whether the engine knows nothing of a volume. From release 23 on, a manager answers in the words of the Swarm,
    where it looks for a cluster volume of that name as well."""
    return "no such volume" in reason or reason == f"volume {name} not found"


def actual(found: Mapping[str, Any]) -> Actual:
    """A volume as the engine describes it."""
    return Actual(
        name=found["Name"],
        driver=found["Driver"],
        options=found.get("Options") or {},
        labels=found.get("Labels") or {},
        mount_point=found.get("Mountpoint") or "",
        created=found.get("CreatedAt") or "",
    )


def shown(driver: str, options: Mapping[str, str], labels: Mapping[str, str]) -> dict[str, Any]:
    """A volume as the operator may see it."""
    return {"driver": driver, "driver_opts": redacted(options), "labels": redacted(labels)}


def secrets(found: Iterable[Actual]) -> set[str]:
    """The values in the options of these volumes that must appear in no output."""
    return {value for volume in found for value in secret_values(volume.options)}


def usage(engine: Engine, names: Collection[str]) -> Usage:
    """Containers and services that use these volumes. Probes are none: they are gone in a moment."""
    information = engine.get("/info")
    swarm, node = information.get("Swarm") or {}, information.get("Name") or ""
    found: dict[str, list[Consumer]] = {name: [] for name in names}
    for container in engine.get("/containers/json", all=True):
        if PROBE_LABEL in (container.get("Labels") or {}):
            continue
        for mount in container.get("Mounts") or ():
            if mount.get("Type") == "volume" and mount.get("Name") in found:
                found[mount["Name"]].append(
                    Consumer(
                        kind="container",
                        name=next(iter(container.get("Names") or ()), "").lstrip("/"),
                        id=container["Id"],
                        node=node,
                        state=container.get("State", ""),
                    )
                )
    state = swarm.get("LocalNodeState") or "inactive"
    listed, unknown = services(engine) if swarm.get("ControlAvailable") else ([], _why_no_services(state))
    for service in listed:
        sources = _volumes_of_service(service)
        for name in (name for name in found if any(may_name(source, name) for source in sources)):
            found[name].append(Consumer(kind="service", name=service["Spec"]["Name"], id=service["ID"]))
    return Usage({name: tuple(consumers) for name, consumers in found.items()}, not unknown, unknown)


def may_name(source: str, volume: str) -> bool:
    """Whether the source of a service's mount is a volume, or stands for it in one of its tasks: it may be a template,
    as data-{{.Task.Slot}} (https://docs.docker.com/reference/cli/docker/service/create/#template)."""
    if "{{" not in source:
        return source == volume
    around = re.split(r"{{.*?}}", source)
    return re.fullmatch(".+".join(map(re.escape, around)), volume) is not None


def services(engine: Engine) -> tuple[list[Mapping[str, Any]], str]:
    """The services of the Swarm, or why they are not known."""
    try:
        return engine.get("/services"), ""
    except (EngineRefusal, EngineTimeout) as error:
        # Managers without a quorum, for instance. Of its own containers and volumes the engine tells all the same.
        return [], f"this manager cannot list services ({error}; see `docker node ls`)"


def _why_no_services(state: str) -> str:
    if state == "inactive":
        return ""  # in no Swarm there are none
    if state == "active":
        return "this node is a worker, which cannot list services"
    return f"this node cannot list services (its state in the Swarm is {state!r})"


def mounts() -> tuple[Mount, ...]:
    """The mounts that this host has now."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
        return parse_mountinfo(table.read())


def parse_mountinfo(text: str) -> tuple[Mount, ...]:
    """The table of proc(5), in its order: of two mounts on one directory, the later one is seen."""
    found = []
    for line in text.splitlines():
        left, separator, right = line.partition(" - ")
        before, after = left.split(" "), right.split(" ")
        if separator and len(before) >= 5 and len(after) >= 2:
            found.append(Mount(_unescaped(before[4]), after[0], _unescaped(after[1])))
    return tuple(found)


def mount_below(path: str, table: Iterable[Mount]) -> str:
    """The mount point that a path is on, as far as it is not the root file system's."""
    on = [mount.mount_point for mount in table if f"{path}/".startswith(f"{mount.mount_point.rstrip('/')}/")]
    return max(on, key=len, default="").rstrip("/")


def directories(declared: Iterable[Volume], limit: float) -> dict[str, Directory]:
    """The directories that declared volumes stand on, by their paths. A file system that hangs costs `limit` once."""
    wanted = {
        volume.directory: volume.create_path for volume in declared if volume.directory and _is_ours_to_look_at(volume)
    }
    looked = at_once({path: partial(_look_at, path, create_path) for path, create_path in wanted.items()}, limit)
    return {
        path: looked.get(path, Directory(False, f"nothing answers there within {limit:g} s (a dead mount?)"))
        for path in wanted
    }


def at_once(questions: Mapping[str, Callable[[], _Found]], limit: float | None = None) -> dict[str, _Found]:
    """Answers to questions that may hang, asked at the same time. What is not answered within `limit` is left out."""
    answers: dict[str, _Found] = {}

    def ask(key: str, question: Callable[[], _Found]) -> None:
        answers[key] = question()

    threads = [threading.Thread(target=ask, args=item, daemon=True) for item in questions.items()]
    deadline = None if limit is None else time.monotonic() + limit
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(None if deadline is None else max(0.0, deadline - time.monotonic()))
    return dict(answers)


def _look_at(path: str, create_path: NewDirectory | None) -> Directory:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return Directory(False, _why_not_made(create_path))
    except OSError as error:
        dead = error.errno == errno.ENOTCONN
        return Directory(
            False,
            "the mount it is on is dead: its client has ended (umount --lazy it, then start its unit)"
            if dead
            else f"it cannot be looked at: {error.strerror}",
        )
    if not stat.S_ISDIR(found.st_mode):
        return Directory(False, "it is no directory")
    # A directory is made closed, and opened when its owner is set: a closed one was never finished.
    unfinished = create_path is not None and stat.S_IMODE(found.st_mode) == 0
    return Directory(not unfinished, _why_not_made(create_path) if unfinished else "")


def _why_not_made(create_path: NewDirectory | None) -> str:
    try:
        if create_path is not None:
            numeric_identity(create_path)
    except LookupError as error:
        return str(error)
    return ""


def numeric_identity(directory: NewDirectory) -> tuple[int, int]:
    """The numbers of a directory's owner and group as this host knows them.

    Raises:
        LookupError: this host knows no such user or group.
    """
    return (
        _number_of(directory.owner, "user", lambda name: pwd.getpwnam(name).pw_uid),
        _number_of(directory.group, "group", lambda name: grp.getgrnam(name).gr_gid),
    )


def _number_of(name: str | None, kind: str, find: Callable[[str], int]) -> int:
    if name is None or name.isdigit():
        return int(name or 0)
    try:
        return find(name)
    except KeyError:
        raise LookupError(f"this host knows no {kind} {name!r}") from None


def _is_ours_to_look_at(volume: Volume) -> bool:
    return volume.present and (volume.mount is not None or volume.create_path is not None)


def _volumes_of_service(service: Mapping[str, Any]) -> set[str]:
    container = service["Spec"].get("TaskTemplate", {}).get("ContainerSpec") or {}
    return {
        mount["Source"]
        for mount in container.get("Mounts") or ()
        if mount.get("Type") == "volume" and mount.get("Source")
    }


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found.group(1), 8)), text)
