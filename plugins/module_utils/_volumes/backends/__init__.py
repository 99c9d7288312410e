# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of a volume mean.

Two questions are answered here, both without an engine:

* `BACKENDS`: which options does the engine get for a declared backend, and what is wrong with the declaration?
* `recognise`: what does a driver with such options *mean*? Spelling, order and defaults do not matter to it, so that a
  volume made by hand or by Compose equals the declaration that means the same.

The local driver hands its options to `mount(2)` (moby, daemon/volume/local), so the kernel's own reading of them is the
measure, not that of `mount.nfs` and its kin, which never run.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.bind import Bind
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.block import Block
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.cephfs import Cephfs
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.cifs import Cifs
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.glusterfs import Glusterfs
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.local import (
    Local,
    any_mount,
    local,
    plugin,
)
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.mount_options import (
    MountOptions,
    mounts_nothing,
    redacted,
    secret_values,
)
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.nfs import Nfs
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.shared import (
    EPHEMERAL,
    HIDDEN,
    HOLDS,
    POINTS,
    Endpoint,
    Meaning,
    as_text,
    is_host,
    is_secret,
)
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.tmpfs import Tmpfs

__all__ = [
    "BACKENDS",
    "EPHEMERAL",
    "HIDDEN",
    "HOLDS",
    "POINTS",
    "Endpoint",
    "Glusterfs",
    "Local",
    "Meaning",
    "is_host",
    "is_secret",
    "recognise",
    "redacted",
    "secret_values",
]

# The backends that a declaration may name, each with a key of its own. One class more is one backend more.
BACKENDS: Mapping[str, Any] = {backend.key: backend for backend in (Nfs, Glusterfs, Cifs, Cephfs, Tmpfs, Bind, Block)}


def recognise(driver: str, options: Mapping[str, Any] | None) -> Meaning:
    """What this driver with these options means. What is not recognised compares option by option."""
    given = {str(name): as_text(value) for name, value in (options or {}).items()}
    if driver != "local":
        return plugin(driver, given)
    kind, device, text = (given.get(option, "") for option in ("type", "device", "o"))
    if mounts_nothing(device, text):
        return local(given)
    meaning = _mount(kind, device, MountOptions(text))
    if given.get("size"):
        # The engine's own quota on what it has mounted.
        return replace(meaning, fields={**meaning.fields, "quota": given["size"]})
    return meaning


def _mount(kind: str, device: str, options: MountOptions) -> Meaning:
    for backend in (Bind, Nfs, Tmpfs, Cifs, Cephfs, Block):
        if backend.mounts(kind, options):
            return backend.meaning(kind, device, options)
    return any_mount(kind, device, options)
