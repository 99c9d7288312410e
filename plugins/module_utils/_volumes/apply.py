# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carrying out one step: the only place where volumes are made and removed."""

from __future__ import annotations

import os
from typing import Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._engine import Engine, EngineError, EngineRefusal
from ansible_collections.berthage.swarm.plugins.module_utils._plan import CREATE, REMOVE, UPDATE, Step
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.observe import numeric_identity
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.plan import labels_of
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.spec import NewDirectory, Volume

# What a step can fail with. LookupError: an owner that has vanished since it was looked up.
FAILURES: tuple[type[Exception], ...] = (EngineError, OSError, LookupError)


class Overtaken(EngineError):
    """Another program made a volume of that name at the same time."""


def carry_out(engine: Engine, step: Step, volume: Volume, owner: str) -> None:
    """Do what the step says.

    Raises:
        FAILURES: it could not be done.
    """
    if step.action in (CREATE, UPDATE) and volume.create_path is not None and volume.directory is not None:
        make_directory(volume.directory, volume.create_path, below=volume.mount.mount_point if volume.mount else "/")
    if step.action == CREATE:
        _create(engine, volume, labels_of(volume, owner))
    elif step.action == REMOVE:
        remove(engine, volume.name)


def remove(engine: Engine, name: str, limit: float | None = None) -> None:
    """Remove a volume, within `limit` seconds. One that has gone in the meantime is gone."""
    try:
        engine.delete(f"/volumes/{name}", timeout=limit)
    except EngineRefusal as error:
        if error.status != 404:
            raise


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


def _create(engine: Engine, volume: Volume, labels: Mapping[str, str]) -> None:
    made = engine.post(
        "/volumes/create",
        {"Name": volume.name, "Driver": volume.driver, "DriverOpts": dict(volume.driver_opts), "Labels": dict(labels)},
    )
    # For a name that is taken the engine answers with the volume that is there, whatever its options. Those of a
    # plugin may come back in its own words.
    same_options = volume.driver != "local" or (made.get("Options") or {}) == volume.driver_opts
    if (made.get("Labels") or {}) != labels or not same_options:
        raise Overtaken(
            "another program made a volume of that name in the meantime; run again to compare it with the declaration"
        )
