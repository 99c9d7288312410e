# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes: containers that are created and never started, which the engine mounts volumes for.

Reading a file out of such a container makes the engine mount all its volumes for the time of the request (moby,
daemon/archive.go). So nothing runs and nothing is pulled, and the answer says why a volume cannot be mounted. The file
is one that the engine puts into every container.

What no volume has yet, the options of a volume that is to be recreated, is mounted under a temporary volume, a
stand-in, which is gone afterwards.

Each probe, its image and each stand-in carry a label that tells which process made them. What a killed run leaves is
known by it, and taken away by the next run.
"""

from __future__ import annotations

import io
import os
import secrets
import tarfile
import time
from contextlib import contextmanager
from typing import Any, Callable, Iterator, Mapping, Sequence, TypeVar

from ansible_collections.berthage.swarm.plugins.module_utils._engine import (
    Engine,
    EngineError,
    EngineRefusal,
    EngineTimeout,
)
from ansible_collections.berthage.swarm.plugins.module_utils._process_mark import is_left_behind, mark

PROBE_LABEL = "berthage.swarm.probe"

_A_FILE_OF_EVERY_CONTAINER = "/.dockerenv"
_STAND_IN = "berthage-probe-"  # how the names of temporary volumes begin
_PREPARATION_LIMIT = 30.0  # seconds for what mounts nothing; an engine that takes longer is as good as dead
_REMOVAL_LIMIT = 5.0  # seconds; a probe that a dead mount holds is left to a later run
_NO_NETWORK = "berthage-probe-has-no-network"  # no network has this name, so that no probe can be started
_LIFETIME = 3600  # seconds after which a probe of a process we cannot see counts as left behind
_AT_ONCE = 100  # volumes that one probe is asked about at a time, whether they are empty
_ENOUGH_OF_AN_ARCHIVE = 256 * 1024  # bytes in which so many empty directories show
_END_OF_AN_ARCHIVE = bytes(1024)
_TARGETS = "/volumes"
# The engine's own runtime sends signals to its threads, and a CIFS mount that one of them meets is not begun again by
# the kernel (https://github.com/golang/go/issues/38836). It says nothing of the volume.
_INTERRUPTED = "interrupted system call"
_TRIES = 5

_Answer = TypeVar("_Answer")


class Probes:
    """The probes of one run. Use as a context: leaving it takes away the image, and entering what others left."""

    def __init__(self, engine: Engine, limit: float) -> None:
        """`limit` is how long, in seconds, a single look at volumes may take."""
        self._engine = engine
        self._limit = limit
        self._image: str | None = None
        self._stand_ins: list[str] = []
        self._label = mark(os.getpid(), time.time() + _LIFETIME)

    def __enter__(self) -> Probes:
        self._reap()
        return self

    def __exit__(self, *_exception: object) -> None:
        for name in self._stand_ins:
            if not self._try_to_remove(f"/volumes/{name}"):
                break  # a dead mount holds it, and what comes after it would wait as well
        if self._image is not None:
            self._try_to_remove(f"/images/{self._image}")

    def prepare(self) -> None:
        """Make what all probes need, before several of them are made at the same time.

        Raises:
            EngineError: the engine does not do it.
        """
        self._imported()

    def stand_in(self, options: Mapping[str, str]) -> str:
        """The name of a temporary volume of the local driver with these options.

        Raises:
            EngineError: the engine does not make it.
        """
        name = f"{_STAND_IN}{secrets.token_hex(8)}"
        # Known before it is made: its answer may get lost.
        self._stand_ins.append(name)
        self._engine.post(
            "/volumes/create",
            {"Name": name, "Driver": "local", "DriverOpts": dict(options), "Labels": {PROBE_LABEL: self._label}},
            timeout=_PREPARATION_LIMIT,
        )
        return name

    def mount(self, names: Sequence[str]) -> None:
        """Mount these volumes together, and unmount them.

        Raises:
            EngineRefusal: one of them cannot be mounted. The text names it, and says why.
            EngineTimeout: the mount hangs.
        """
        self._asked(
            names,
            lambda probe: self._engine.get(
                f"/containers/{probe}/archive", timeout=self._limit, path=_A_FILE_OF_EVERY_CONTAINER
            ),
        )

    def vanished(self) -> frozenset[str]:
        """The volumes that were gone when a probe was to mount them. For each of them the engine made a plain local one
        in silence, which proves nothing: it is known by the probe's label, and removed here."""
        names = frozenset(found["Name"] for found in self._labelled(self._label) if not found.get("Options"))
        for name in names:
            self._remove_if_empty(name)
        return names

    def empty(self, names: Sequence[str]) -> dict[str, bool]:
        """Which of these volumes are empty. One that cannot be looked into is left out."""
        found: dict[str, bool] = {}
        for first in range(0, len(names), _AT_ONCE):
            found.update(self._empty(names[first : first + _AT_ONCE]))
        if names:
            self.vanished()
        return found

    def _empty(self, names: Sequence[str]) -> dict[str, bool]:
        """One look tells of the empty ones up to the first that is not, and of that one. Then comes the rest."""
        found: dict[str, bool] = {}
        remaining = list(names)
        while remaining:
            try:
                told = self._look_into(remaining)
            except EngineError:
                if len(remaining) > 1:
                    for name in remaining:
                        found.update(self._empty([name]))
                break
            found.update(told)
            if not told:
                break
            remaining = [name for name in remaining if name not in told]
        return found

    def _look_into(self, names: Sequence[str]) -> dict[str, bool]:
        archive = self._asked(
            names,
            lambda probe: self._engine.peek(
                f"/containers/{probe}/archive", _ENOUGH_OF_AN_ARCHIVE, timeout=self._limit, path=_TARGETS
            ),
        )
        told = empty_directories(archive, complete=len(archive) < _ENOUGH_OF_AN_ARCHIVE)
        return {name: told[_number(number)] for number, name in enumerate(names) if _number(number) in told}

    def _asked(self, names: Sequence[str], ask: Callable[[str], _Answer]) -> _Answer:
        """What a probe with these volumes answers; another one where a signal came between."""
        tries = _TRIES
        while True:
            tries -= 1
            try:
                with self._container(names) as probe:
                    return ask(probe)
            except EngineRefusal as refusal:
                if not tries or _INTERRUPTED not in refusal.reason:
                    raise

    def _labelled(self, label: str = "") -> list[Mapping[str, Any]]:
        wanted = f"{PROBE_LABEL}={label}" if label else PROBE_LABEL
        listed = self._engine.get("/volumes", timeout=_PREPARATION_LIMIT, filters={"label": [wanted]})
        return listed["Volumes"] or []

    @contextmanager
    def _container(self, names: Sequence[str]) -> Iterator[str]:
        probe = self._engine.post(
            "/containers/create",
            {
                "Image": self._imported(),
                "Cmd": ["never-started"],
                "Labels": {PROBE_LABEL: self._label},
                "HostConfig": {
                    "NetworkMode": _NO_NETWORK,
                    "Mounts": [mount(number, name, self._label) for number, name in enumerate(names)],
                },
            },
            timeout=_PREPARATION_LIMIT,
        )["Id"]
        try:
            yield probe
        except EngineRefusal:
            self._unmount(probe)
            raise
        finally:
            self._try_to_remove(f"/containers/{probe}")

    def _unmount(self, probe: str) -> bool:
        """Engine 26 leaves the volumes mounted that it had mounted for a request before the one that it could not
        mount: until it is restarted they are in use, by nobody. It unmounts what a container has when its start fails,
        and that of a probe fails before anything is mounted, for want of its network. False where it hangs."""
        try:
            self._engine.post(f"/containers/{probe}/start", timeout=_REMOVAL_LIMIT)
        except EngineTimeout:
            return False
        except EngineError:
            return True
        return True

    def _imported(self) -> str:
        if self._image is None:
            answer = self._engine.send(
                "/images/create",
                _empty_archive(),
                timeout=_PREPARATION_LIMIT,
                fromSrc="-",
                changes=f'LABEL {PROBE_LABEL}="{self._label}"',
            )
            self._image = str(answer["status"])
        return self._image

    def _reap(self) -> None:
        """Take away what runs that no longer exist have left."""
        labelled = {"label": [PROBE_LABEL]}
        for container in self._engine.get("/containers/json", timeout=_PREPARATION_LIMIT, all=True, filters=labelled):
            if not is_left_behind(container["Labels"][PROBE_LABEL]):
                continue
            # Nobody heard what became of its request: it may have failed after the one who asked was gone.
            if not (self._unmount(container["Id"]) and self._try_to_remove(f"/containers/{container['Id']}")):
                return  # the kernel still holds it, and it will hold the others as well
        for image in self._engine.get("/images/json", timeout=_PREPARATION_LIMIT, filters=labelled):
            if is_left_behind((image.get("Labels") or {}).get(PROBE_LABEL, "")):
                self._try_to_remove(f"/images/{image['Id']}")
        for volume in self._labelled():
            if not is_left_behind(volume["Labels"][PROBE_LABEL]):
                continue
            # A stand-in points elsewhere. Any other volume with the label was made by the engine where one was missing.
            if volume["Name"].startswith(_STAND_IN):
                self._try_to_remove(f"/volumes/{volume['Name']}")
            else:
                self._remove_if_empty(volume["Name"])

    def _remove_if_empty(self, name: str) -> None:
        """For what the engine made where a volume was missing: somebody may have found it useful since."""
        if self._empty([name]).get(name, False):
            self._try_to_remove(f"/volumes/{name}")

    def _try_to_remove(self, path: str) -> bool:
        try:
            self._engine.delete(path, timeout=_REMOVAL_LIMIT, force=True)
        except EngineTimeout:
            return False
        except EngineError:
            return True
        return True


def empty_directories(archive: bytes, complete: bool) -> dict[str, bool]:
    """Of the directories in the archived one, which are empty, as far as the beginning of the archive tells.

    It tells of one after the other: of the last one only that something is in it, unless the archive is complete. The
    engine leaves out what it cannot read, and says so only in its log (moby, pkg/archive). So a directory that is not
    there is one that could not be listed, which proves nothing.
    """
    found: dict[str, bool] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r|") as entries:
            for entry in entries:
                _root, *below = entry.name.strip("/").split("/")
                if below:
                    found[below[0]] = len(below) == 1 and found.get(below[0], True)
    except tarfile.TarError:
        pass  # it was cut off in the middle of an entry
    if found and not (complete and archive.endswith(_END_OF_AN_ARCHIVE)):
        last, is_empty = next(reversed(found.items()))
        if is_empty:
            del found[last]
    return found


def mount(number: int, name: str, label: str) -> Mapping[str, Any]:
    """A volume as a probe is told to mount it: nothing is written to it, and one that the engine makes is labelled."""
    return {
        "Type": "volume",
        "Source": name,
        "Target": _target(number),
        "ReadOnly": True,
        "VolumeOptions": {"NoCopy": True, "Labels": {PROBE_LABEL: label}},
    }


def _target(number: int) -> str:
    return f"{_TARGETS}/{_number(number)}"


def _number(number: int) -> str:
    """In digits that sort as the numbers do: an archive has its entries in the order of their names."""
    return f"{number:04}"


def _empty_archive() -> bytes:
    archive = io.BytesIO()
    tarfile.open(fileobj=archive, mode="w").close()
    return archive.getvalue()
