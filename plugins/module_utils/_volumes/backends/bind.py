# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories of the host."""

from __future__ import annotations

from typing import Any, Iterator, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.mount_options import MountOptions
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.shared import POINTS, Meaning, local_path

_NO_FLAGS = MountOptions("").flags()


class Bind:
    """A directory of the host, under a volume's name."""

    key = "bind"
    arguments: Mapping[str, Any] = {"path": {"type": "str", "required": True}}

    @staticmethod
    def problems(name: str, given: Mapping[str, Any]) -> Iterator[Problem]:
        if not given["path"].startswith("/"):
            yield Problem(
                name,
                "bind.path",
                f"{given['path']!r} is not absolute",
                "give the directory from the root, such as /srv/www",
            )

    @staticmethod
    def driver_opts(given: Mapping[str, Any]) -> dict[str, str]:
        return {"type": "none", "device": given["path"], "o": "bind"}

    @staticmethod
    def mounts(_kind: str, options: MountOptions) -> bool:
        # mount(2) does not look at the type when it binds.
        return options.has("bind") or options.has("rbind")

    @staticmethod
    def unmountable(_kind: str, _device: str, text: str) -> Iterator[tuple[str, str, str]]:
        """What the engine accepts and has no effect: the option it is in, what is wrong, and what to do."""
        flags = MountOptions(text).flags()
        without_effect = [name for name, value in _NO_FLAGS.items() if flags[name] != value and name != "read_only"]
        if without_effect and not flags["read_only"]:
            yield (
                "o",
                "only `ro` has an effect on a bind mount, and together with it other flags; alone they are ignored "
                f"({', '.join(without_effect)})",
                "leave them out, or add ro",
            )

    @staticmethod
    def meaning(_kind: str, device: str, options: MountOptions) -> Meaning:
        fields = {
            "path": local_path(device),
            "recursive": options.has("rbind"),
            **options.others("bind", "rbind"),
            # The engine makes a second call for a bind mount that is read-only, and only that one takes the flags.
            **(options.flags() if options.flags()["read_only"] else _NO_FLAGS),
        }
        return Meaning("bind", fields, POINTS)
