# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories of CephFS."""

from __future__ import annotations

import posixpath
from typing import Any, Iterator, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem, not_supported_yet
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.mount_options import MountOptions
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.shared import (
    POINTS,
    Meaning,
    secret_names,
)


class Cephfs:
    """A directory of CephFS, mounted by the kernel's client. Recognised; declaring it is left to a later release."""

    key = "cephfs"
    arguments: Mapping[str, Any] = {
        "monitors": {"type": "list", "elements": "str", "required": True},
        "path": {"type": "str", "default": "/"},
        "user": {"type": "str", "default": "admin"},
        "secret": {"type": "str", "no_log": True},
        "options": {"type": "list", "elements": "str", "default": []},
    }

    @staticmethod
    def problems(name: str, _given: Mapping[str, Any]) -> Iterator[Problem]:
        yield not_supported_yet(
            name,
            "cephfs",
            "a CephFS volume",
            "mount it on the host and use `bind`, or give raw driver_opts of type ceph",
        )

    @staticmethod
    def mounts(kind: str, _options: MountOptions) -> bool:
        return kind == "ceph"

    @staticmethod
    def meaning(_kind: str, device: str, options: MountOptions) -> Meaning:
        monitors, _colon, path = device.rpartition(":/")
        fields: dict[str, Any] = {
            "monitors": sorted(filter(None, monitors.split(","))),
            "path": posixpath.normpath("/" + path),
            **options.others(),
        }
        return Meaning("cephfs", {**fields, **options.flags()}, POINTS, (), secret_names(fields))
