# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shares of a Windows or Samba server."""

from __future__ import annotations

import posixpath
from typing import Any, Iterator, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem, not_supported_yet
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.mount_options import MountOptions
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.shared import (
    POINTS,
    Meaning,
    canonical_host,
    secret_names,
)


class Cifs:
    """A share of a Windows or Samba server. Recognised; declaring it is left to a later release."""

    key = "cifs"
    arguments: Mapping[str, Any] = {
        "server": {"type": "str", "required": True},
        "share": {"type": "str", "required": True},
        "path": {"type": "str", "default": ""},
        "username": {"type": "str"},
        "password": {"type": "str", "no_log": True},
        "domain": {"type": "str"},
        "version": {"type": "str", "default": "3.1.1"},
        "options": {"type": "list", "elements": "str", "default": []},
    }
    _ALIASES: Mapping[str, str] = {
        "user": "username",
        "pass": "password",
        "dom": "domain",
        "workgroup": "domain",
        "ip": "addr",
    }

    @staticmethod
    def problems(name: str, _given: Mapping[str, Any]) -> Iterator[Problem]:
        yield not_supported_yet(
            name,
            "cifs",
            "a CIFS volume",
            "mount the share on the host and use `bind`, or give raw driver_opts of type cifs",
        )

    @staticmethod
    def mounts(kind: str, _options: MountOptions) -> bool:
        return kind in ("cifs", "smb3")

    @classmethod
    def meaning(cls, _kind: str, device: str, options: MountOptions) -> Meaning:
        host, _slash, path = device.replace("\\", "/").lstrip("/").partition("/")
        fields: dict[str, Any] = {"share": f"//{canonical_host(host)}{posixpath.normpath('/' + path)}"}
        for option, value in options.own:
            fields[cls._ALIASES.get(option, option)] = True if value is None else value
        return Meaning("cifs", {**fields, **options.flags()}, POINTS, (), secret_names(fields))
