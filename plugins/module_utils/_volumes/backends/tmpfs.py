# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory of the host."""

from __future__ import annotations

import re
from typing import Any, Iterator, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.mount_options import MountOptions
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.shared import (
    EPHEMERAL,
    Meaning,
    as_number,
    size_in_bytes,
)


class Tmpfs:
    """Memory of the host. Sizes are read as the kernel reads them: 100m and 104857600 are one."""

    key = "tmpfs"
    arguments: Mapping[str, Any] = {
        "size": {"type": "str"},
        "mode": {"type": "str"},
        "uid": {"type": "int"},
        "gid": {"type": "int"},
    }

    @staticmethod
    def problems(name: str, given: Mapping[str, Any]) -> Iterator[Problem]:
        if given["size"] is not None and not re.match(r"^\d+([kKmMgGtT]|%)?$", given["size"]):
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
    def meaning(_kind: str, _device: str, options: MountOptions) -> Meaning:
        fields: dict[str, Any] = {"size": "50%", "mode": "1777", "uid": 0, "gid": 0}
        for option, value in options.own:
            if option == "size" and value is not None:
                fields["size"] = size_in_bytes(value)
            elif option == "mode" and value is not None and re.match(r"^[0-7]+$", value):
                fields["mode"] = format(int(value, 8), "04o")
            else:
                fields[option] = True if value is None else as_number(value)
        return Meaning("tmpfs", {**fields, **options.flags()}, EPHEMERAL)
