# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carrying out one step: the only place where volumes are made and removed."""

from __future__ import annotations

import errno
import glob
import os
import time
from typing import Callable, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._engine import Engine, EngineError, EngineRefusal
from ansible_collections.berthage.swarm.plugins.module_utils._plan import (
    CREATE,
    RECREATE,
    REMOVE,
    UPDATE,
    Halfway,
    Spared,
    Step,
)
from ansible_collections.berthage.swarm.plugins.module_utils._volumes import observe
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends import HOLDS
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.observe import Actual, numeric_identity
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.plan import labels_of, mount_problem
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.spec import NewDirectory, Volume

# What a step can fail with. LookupError: an owner that has vanished since it was looked up.
FAILURES: tuple[type[Exception], ...] = (EngineError, OSError, LookupError)

PATIENCE = 5.0  # seconds for another run's probe to let go of a volume
PATIENCE_WITH_BRICKS = 10.0  # seconds for a GlusterFS client to reach all bricks, and for what it then says twice
_PAUSE = 0.2


class Overtaken(EngineError):
    """Another program changed a volume of that name at the same time."""


class NotMounted(EngineError):
    """The host's mount that a directory belongs on is gone, or is another one now."""


class NotReplaced(EngineError):
    """A volume could not be recreated, and the former one is there again."""


class Lost(Halfway, EngineError):
    """A volume could not be recreated, and the former one is gone."""


def carry_out(engine: Engine, step: Step, volume: Volume, former: Actual | None, owner: str) -> None:
    """Do what the step says. `former` is the volume as it was seen when the step was planned.

    Raises:
        FAILURES: it could not be done.
    """
    if step.action in (CREATE, UPDATE, RECREATE) and volume.create_path is not None and volume.directory is not None:
        # Looked at again: were it gone since the plan was made, the directory would be on the host's own disk.
        problem = mount_problem(volume, observe.mounts())
        if problem is not None:
            raise NotMounted(f"{problem.message}; {problem.remedy}")
        if volume.mount is None:
            make_directory(volume.directory, volume.create_path, below="/")
        else:
            make_directory_on_glusterfs(volume.directory, volume.create_path, volume.mount.mount_point)
    if step.action == CREATE:
        _create(engine, volume.name, volume.driver, volume.driver_opts, labels_of(volume, owner))
    elif step.action == REMOVE and former is not None:
        _remove_as_seen(engine, former)
    elif step.action == RECREATE and former is not None:
        _recreate(engine, volume, former, owner)


def purge(engine: Engine, former: Actual) -> None:
    """Remove a volume that nobody lists.

    Raises:
        FAILURES: it could not be done.
        Spared: somebody has begun to use it.
    """
    try:
        _remove_as_seen(engine, former)
    except Overtaken as error:
        raise Spared(f"it is not listed, and was not purged: {error}") from error
    except EngineRefusal as error:
        if error.status != 409:
            raise
        raise Spared(f"it is not listed, and was not purged: {error.reason}") from error


def remove(engine: Engine, name: str, limit: float | None = None, patience: float = PATIENCE) -> None:
    """Remove a volume, within `limit` seconds for each attempt. One that has gone in the meantime is gone; one that
    another run mounts for its verification is free again in a moment, which is awaited for `patience` seconds."""
    deadline = time.monotonic() + patience
    while True:
        try:
            engine.delete(f"/volumes/{name}", timeout=limit)
            return
        except EngineRefusal as error:
            if error.status == 404:
                return
            if error.status != 409 or time.monotonic() > deadline:
                raise
        time.sleep(_PAUSE)


def take_back(engine: Engine, volume: Volume, owner: str, limit: float, patience: float) -> None:
    """Remove a volume that this call has made, if it still is that one: what has taken its place is somebody else's.

    Raises:
        EngineError: it could not be removed, or is another one now.
    """
    try:
        now = observe.actual(engine.get(f"/volumes/{volume.name}", timeout=limit))
    except EngineRefusal as error:
        if error.status == 404:
            return
        raise
    if not is_as_made(now, volume, owner):
        raise Overtaken("another program replaced the volume in the meantime, and what is there now was left")
    remove(engine, volume.name, limit, patience)


def is_as_made(now: Actual, volume: Volume, owner: str) -> bool:
    """Whether a volume is what `carry_out` makes of the declared one."""
    return (now.driver, now.options, now.labels) == (volume.driver, volume.driver_opts, labels_of(volume, owner))


def put_back(engine: Engine, former: Actual) -> None:
    """Make a volume again that was recreated, as the engine had it.

    Raises:
        EngineError: it could not be made.
    """
    _create(engine, former.name, former.driver, former.options, former.labels)


def can_be_put_back(former: Actual) -> bool:
    """Whether making it again brings all of it back: not its data, where it held any."""
    return former.meaning.data != HOLDS


def _recreate(engine: Engine, volume: Volume, former: Actual, owner: str) -> None:
    _remove_as_seen(engine, former)
    try:
        _create(engine, volume.name, volume.driver, volume.driver_opts, labels_of(volume, owner))
    except EngineError as error:
        if isinstance(error, Overtaken) or not can_be_put_back(former):
            raise Lost(f"{error}; the former volume was removed before, so run again") from error
        try:
            put_back(engine, former)
        except EngineError as second:
            raise Lost(
                f"{error}; the former volume could not be put back ({second}); run again, which makes the declared one"
            ) from error
        raise NotReplaced(f"{error}; the former volume was put back") from error


def _remove_as_seen(engine: Engine, former: Actual) -> None:
    """Remove a volume if it still is the one that was planned with: what has taken its place may hold data."""
    try:
        now = observe.actual(engine.get(f"/volumes/{former.name}"))
    except EngineRefusal as error:
        if error.status == 404:
            return
        raise
    if (now.driver, now.options, now.labels) != (former.driver, former.options, former.labels) or (
        now.driver == "local" and now.created != former.created
    ):
        raise Overtaken(
            "another program replaced the volume in the meantime; run again to compare it with the declaration"
        )
    remove(engine, former.name)


def make_directory_on_glusterfs(
    path: str, wanted: NewDirectory, mount_point: str, patience: float = PATIENCE_WITH_BRICKS
) -> None:
    """make_directory below a GlusterFS mount, where other hosts may be making the same directory now.

    A client that does not reach all bricks yet makes it on those that it reaches. Two such clients can make two
    directories of one name, which then cannot be read any more (EIO, for good). So all bricks are awaited. What is
    refused all the same while others are at it (EIO, ESTALE) is tried again.
    """
    deadline = time.monotonic() + patience
    while not reaches_all_bricks(mount_point) and time.monotonic() < deadline:
        time.sleep(_PAUSE)
    _again(lambda: make_directory(path, wanted, below=mount_point), time.monotonic() + patience)


def reaches_all_bricks(mount_point: str) -> bool:
    """Whether a GlusterFS client is connected to each brick, from its own directory `.meta` (its xlator meta). True
    where it tells nothing."""
    for file in glob.glob(f"{glob.escape(mount_point)}/.meta/graphs/active/*-client-*/private"):
        try:
            with open(file, encoding="utf-8", errors="replace") as told:
                if "connected = 0" in told.read():
                    return False
        except OSError:
            # Another graph is the active one by now.
            return False
    return True


def _again(act: Callable[[], None], deadline: float) -> None:
    while True:
        try:
            return act()
        except OSError as error:
            if error.errno not in (errno.EIO, errno.ESTALE) or time.monotonic() > deadline:
                raise
        time.sleep(_PAUSE)


def make_directory(path: str, wanted: NewDirectory, below: str) -> None:
    """Make a directory where none is, with its parents down from `below`, which must exist.

    It is made closed to everybody and opened last: one that is still closed was never finished, and is finished by the
    next call. A finished one is left as it is.
    """
    _make_parents(os.path.dirname(path), below)
    try:
        os.mkdir(path, 0)
    except FileExistsError:
        if os.stat(path).st_mode & 0o7777:
            return
    os.chown(path, *numeric_identity(wanted))
    os.chmod(path, wanted.mode)


def _make_parents(path: str, below: str) -> None:
    if path == below or os.path.isdir(path):
        return
    _make_parents(os.path.dirname(path), below)
    try:
        os.mkdir(path, 0o755)
    except FileExistsError:
        return


def _create(engine: Engine, name: str, driver: str, options: Mapping[str, str], labels: Mapping[str, str]) -> None:
    made = engine.post(
        "/volumes/create",
        {"Name": name, "Driver": driver, "DriverOpts": dict(options), "Labels": dict(labels)},
    )
    # For a name that is taken the engine answers with the volume that is there, whatever its options. Those of a
    # plugin may come back in its own words.
    same_options = driver != "local" or (made.get("Options") or {}) == options
    if (made.get("Labels") or {}) != labels or not same_options:
        raise Overtaken(
            "another program made a volume of that name in the meantime; run again to compare it with the declaration"
        )
