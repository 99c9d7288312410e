# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories of a GlusterFS volume."""

from __future__ import annotations

import posixpath
import re
from typing import Any, Iterator, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem


class Glusterfs:
    """A directory of a GlusterFS volume that the host mounts: the local driver runs no FUSE helper, so it cannot."""

    key = "glusterfs"
    arguments: Mapping[str, Any] = {
        "volume": {"type": "str", "required": True},
        "path": {"type": "str", "required": True},
        "mount_point": {"type": "str"},
        "via": {"type": "str", "default": "mount", "choices": ["mount", "plugin"]},
    }

    @classmethod
    def problems(cls, name: str, given: Mapping[str, Any]) -> Iterator[Problem]:
        if given["via"] == "plugin":
            yield Problem(
                name,
                "glusterfs.via",
                "no plugin for GlusterFS is alive (the last release of any is of 2021)",
                "use via: mount; a plugin that you maintain yourself goes by `driver` with its options",
            )
        if not re.match(r"^[A-Za-z0-9_][A-Za-z0-9_-]*$", given["volume"]):
            yield Problem(
                name,
                "glusterfs.volume",
                f"{given['volume']!r} is no name of a GlusterFS volume",
                "see `gluster volume list`",
            )
        parts = [part for part in given["path"].split("/") if part not in ("", ".")]
        if not parts or ".." in parts:
            yield Problem(
                name,
                "glusterfs.path",
                "it must be a sub-directory of the volume (were it the root, a container would write to the host's own "
                "disk whenever the mount is gone)",
                "name a directory below the volume's root, such as `path: media`",
            )
        if not cls.mount_point(given).startswith("/"):
            yield Problem(
                name,
                "glusterfs.mount_point",
                "it is not absolute",
                f"use {cls.mount_point({**given, 'mount_point': ''})}",
            )

    @staticmethod
    def mount_point(given: Mapping[str, Any]) -> str:
        return posixpath.normpath(given["mount_point"] or f"/mnt/glusterfs/{given['volume']}")

    @classmethod
    def directory(cls, given: Mapping[str, Any]) -> str:
        return posixpath.normpath(f"{cls.mount_point(given)}/{given['path']}")

    @classmethod
    def driver_opts(cls, given: Mapping[str, Any]) -> dict[str, str]:
        return {"type": "none", "device": cls.directory(given), "o": "bind"}
