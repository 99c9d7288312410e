# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mount options of a volume, as the engine splits them and mount(2) takes them."""

from __future__ import annotations

import re
from typing import Any, Container, Iterable, Iterator, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.shared import HIDDEN, as_text, is_secret

# Words of /etc/fstab and mount(8), which never runs here: the file system would be given them.
_OF_MOUNT_8 = re.compile(
    r"^(defaults|auto|noauto|nofail|_netdev|user|nouser|users|nousers|owner|group|loop|(comment|u?helper)=.*|[xX][-.].*)$"
)
# Words that turn the mount into something else than the mount of a file system.
_OF_ANOTHER_MOUNT = re.compile(r"^(remount|r?(bind|private|shared|slave|unbindable))$")

# The types of mount for which two commas in an option stand for one.
_DOUBLED_COMMAS = ("cifs", "smb3")


class MountOptions:
    """The `o` of a volume, split as the engine splits it (moby/sys/mount, parseOptions).

    Flags of mount(2) itself are taken out, whatever the file system; `own` are the file system's options, in order,
    where the last of two wins. `data` is what the file system is given as a text.

    Args:
        doubled_commas: Two commas stand for one within an option. So it is with CIFS alone (Linux,
            smb3_fs_context_parse_monolithic); the engine leaves them as they are.
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

    def __init__(self, text: str, doubled_commas: bool = False) -> None:
        self._set: dict[str, bool] = {}
        left: list[str] = []
        for option in text.split(","):
            if option in self._FLAGS:
                flag, value = self._FLAGS[option]
                self._set[flag] = value
            else:
                left.append(option)
        self.data = ",".join(option for option in left if not _OF_ANOTHER_MOUNT.match(option))
        options = _at_single_commas(",".join(left)) if doubled_commas else left
        parts = [option.partition("=") for option in options if option and option != "defaults"]
        self.own: tuple[tuple[str, str | None], ...] = tuple(
            (name, text_value if equals else None) for name, equals, text_value in parts
        )

    @classmethod
    def is_flag(cls, word: str) -> bool:
        return word in cls._FLAGS or _OF_ANOTHER_MOUNT.match(word) is not None

    def has(self, option: str) -> bool:
        return (option, None) in self.own

    def has_value(self, option: str) -> bool:
        return any(name == option and value is not None for name, value in self.own)

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


def mounts_nothing(device: str, text: str) -> bool:
    """Whether the engine mounts nothing at all, so that the data is in the volume's own directory.

    It takes a device `none` without any option of a file system for a change of a mount that exists (moby/sys/mount,
    isremount), whatever the type.
    """
    options = MountOptions(text)
    remounts = device in ("", "none") or options.has("remount")
    # `defaults` is no flag there: it is handed on.
    return remounts and not options.data.strip(",")


def split_options(options: Iterable[str]) -> list[str]:
    return [option for text in options for option in text.split(",") if option]


def switch(option: str, switches: Container[str]) -> tuple[str, bool] | None:
    """The switch that an option without a value sets, or takes back with `no` in front."""
    if option in switches:
        return option, True
    return (option[2:], False) if option.startswith("no") and option[2:] in switches else None


def misplaced(options: Iterable[str]) -> Iterator[tuple[str, str]]:
    """What no file system understands, as what is wrong and what to do."""
    for option in options:
        if _OF_MOUNT_8.match(option):
            yield (
                f"{option!r} is a word of mount(8) and /etc/fstab, which the kernel refuses (mount(8) never runs here)",
                "leave it out",
            )
        elif _OF_ANOTHER_MOUNT.match(option):
            yield f"{option!r} is no option of a file system: it would make another kind of mount", "leave it out"


def redacted(options: Mapping[str, Any]) -> dict[str, str]:
    """The engine's options as they may be shown: without the values of what is a secret by its name."""
    return {name: _redacted(name, as_text(value)) for name, value in sorted(options.items())}


def secret_values(options: Mapping[str, Any]) -> set[str]:
    """The values that `redacted` hides, as they are written and as they are meant."""
    pairs = [(name, as_text(value)) for name, value in options.items() if name != "o"]
    doubled_commas = options.get("type") in _DOUBLED_COMMAS
    own = MountOptions(as_text(options.get("o")), doubled_commas).own
    values = {value for name, value in [*pairs, *own] if value and is_secret(name)}
    return values | {value.replace(",", ",,") for value in values if doubled_commas}


def _redacted(name: str, value: str) -> str:
    if name == "o":
        return ",".join(
            f"{option}={HIDDEN}" if equals and is_secret(option) else (option + equals + rest).replace(",", ",,")
            for option, equals, rest in (part.partition("=") for part in _at_single_commas(value))
        )
    return HIDDEN if is_secret(name) else value


def _at_single_commas(text: str) -> list[str]:
    return [part.replace("\0", ",") for part in text.replace(",,", "\0").split(",")]
