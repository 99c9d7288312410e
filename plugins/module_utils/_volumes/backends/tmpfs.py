# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory of the host."""

from __future__ import annotations

import re
from typing import Any, Iterator, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.mount_options import (
    MountOptions,
    misplaced,
)
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.shared import (
    EPHEMERAL,
    Meaning,
    kernel_number,
    kernel_size,
)

_PAGE = 4096
_ALL = 0o7777


class Tmpfs:
    """Memory of the host, whose options are read as Linux reads them (mm/shmem.c)."""

    key = "tmpfs"
    arguments: Mapping[str, Any] = {
        "size": {"type": "str"},
        "mode": {"type": "str"},
        "uid": {"type": "int"},
        "gid": {"type": "int"},
    }
    _DEFAULTS: Mapping[str, Any] = {
        "size": "50%",
        "mode": "1777",
        "uid": 0,
        "gid": 0,
        "nr_inodes": "half of the pages",
        "huge": "never",
        "mpol": "default",
    }

    @staticmethod
    def problems(name: str, given: Mapping[str, Any]) -> Iterator[Problem]:
        if given["size"] is not None and not re.match(r"^(0|[1-9]\d*)([kKmMgGtT]|%)?$", given["size"]):
            yield Problem(
                name,
                "tmpfs.size",
                f"{given['size']!r} is no size",
                "give bytes, or a number with k, m, g, t or %, such as 100m",
            )
        if given["mode"] is not None and not re.match(r"^[0-7]{1,5}$", given["mode"]):
            yield Problem(
                name, "tmpfs.mode", f"{given['mode']!r} is no octal mode", 'give it as a quoted string, such as "1777"'
            )
        for identity in ("uid", "gid"):
            if given[identity] is not None and given[identity] < 0:
                yield Problem(name, f"tmpfs.{identity}", "it is negative", "give a number from 0")

    @staticmethod
    def driver_opts(given: Mapping[str, Any]) -> dict[str, str]:
        options = [
            f"{option}={given[option]}" for option in ("size", "mode", "uid", "gid") if given[option] is not None
        ]
        return {"type": "tmpfs", "device": "tmpfs", **({"o": ",".join(options)} if options else {})}

    @staticmethod
    def mounts(kind: str, _options: MountOptions) -> bool:
        return kind == "tmpfs"

    @staticmethod
    def unmountable(_kind: str, _device: str, text: str) -> Iterator[tuple[str, str, str]]:
        """What the engine accepts and can never mount: the option it is in, what is wrong, and what to do."""
        for message, remedy in misplaced(text.split(",")):
            yield "o", message, remedy

    @classmethod
    def meaning(cls, _kind: str, _device: str, options: MountOptions) -> Meaning:
        fields = dict(cls._DEFAULTS)
        for option, value in options.own:
            name, meant = cls._option(option, value)
            fields[name] = meant
        return Meaning("tmpfs", {**fields, **options.flags()}, EPHEMERAL)

    @staticmethod
    def _option(option: str, value: str | None) -> tuple[str, Any]:
        if value is None:
            return option, True
        if option == "size" and value.endswith("%"):
            return "size", f"{kernel_number(value[:-1])}%"
        if option in ("size", "nr_blocks"):
            # The kernel counts pages, and rounds up. No limit is 0.
            size = kernel_size(value)
            pages = -(-size // _PAGE) if isinstance(size, int) and option == "size" else size
            return "size", pages * _PAGE if isinstance(pages, int) else value
        if option == "nr_inodes":
            return option, kernel_size(value)
        if option == "mode" and re.match(r"^[0-7]+$", value):
            return option, format(int(value, 8) & _ALL, "04o")
        return option, kernel_number(value)
