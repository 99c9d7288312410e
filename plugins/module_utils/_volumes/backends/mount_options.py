# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mount options of a volume, as the engine splits them and mount(2) takes them."""

from __future__ import annotations

from typing import Any, Iterable, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.shared import HIDDEN, as_text, is_secret


class MountOptions:
    """The `o` of a volume, split as the engine splits it (moby/sys/mount, parseOptions).

    Flags of mount(2) itself are taken out, whatever the file system; `own` are the file system's options, in order,
    where the last of two wins.
    """

    # What a flag sets, and what it takes back.
    _FLAGS: Mapping[str, tuple[str, bool]] = {
        "ro": ("read_only", True),
        "rw": ("read_only", False),
        "nosuid": ("nosuid", True),
        "suid": ("nosuid", False),
        "nodev": ("nodev", True),
        "dev": ("nodev", False),
        "noexec": ("noexec", True),
        "exec": ("noexec", False),
        "sync": ("sync", True),
        "async": ("sync", False),
        "dirsync": ("dirsync", True),
        "mand": ("mand", True),
        "nomand": ("mand", False),
        "noatime": ("noatime", True),
        "atime": ("noatime", False),
        "nodiratime": ("nodiratime", True),
        "diratime": ("nodiratime", False),
        "relatime": ("relatime", True),
        "norelatime": ("relatime", False),
        "strictatime": ("strictatime", True),
        "nostrictatime": ("strictatime", False),
    }

    def __init__(self, text: str) -> None:
        self._set: dict[str, bool] = {}
        own: list[tuple[str, str | None]] = []
        for option in split_options([text]):
            if option == "defaults":
                continue
            if option in self._FLAGS:
                flag, value = self._FLAGS[option]
                self._set[flag] = value
            else:
                name, equals, text_value = option.partition("=")
                own.append((name, text_value if equals else None))
        self.own: tuple[tuple[str, str | None], ...] = tuple(own)

    def has(self, option: str) -> bool:
        return (option, None) in self.own

    def others(self, *known: str) -> dict[str, Any]:
        return {name: True if value is None else value for name, value in self.own if name not in known}

    def flags(self) -> dict[str, Any]:
        """The flags of mount(2), defaults included. Of those on access times the kernel lets one win: see mount(2)."""
        on = self._set.get
        return {
            **{flag: on(flag, False) for flag in ("read_only", "nosuid", "nodev", "noexec", "sync", "dirsync", "mand")},
            "nodiratime": on("nodiratime", False) and not on("strictatime", False),
            "access_time": "strictatime" if on("strictatime") else "noatime" if on("noatime") else "relatime",
        }


def split_options(options: Iterable[str]) -> list[str]:
    return [option for text in options for option in text.split(",") if option]


def redacted(options: Mapping[str, Any]) -> dict[str, str]:
    """The engine's options as they may be shown: without the values of what is a secret by its name."""
    return {name: _redacted(name, as_text(value)) for name, value in sorted(options.items())}


def secret_values(options: Mapping[str, Any]) -> set[str]:
    """The values that `redacted` hides."""
    pairs = [(name, as_text(value)) for name, value in options.items()]
    pairs += [(option, value or "") for option, value in MountOptions(as_text(options.get("o"))).own]
    return {value for name, value in pairs if value and name != "o" and is_secret(name)}


def _redacted(name: str, value: str) -> str:
    if name == "o":
        return ",".join(
            f"{option}={HIDDEN}" if equals and is_secret(option) else option + equals + rest
            for option, equals, rest in (part.partition("=") for part in value.split(","))
        )
    return HIDDEN if is_secret(name) else value
