# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all backends share: the value that says what a volume means, and how texts, sizes and hosts are read."""

from __future__ import annotations

import ipaddress
import posixpath
import re
from dataclasses import dataclass, field
from typing import Any, Mapping

HOLDS = "holds"  # the data is in the volume: gone when the volume is removed
POINTS = "points"  # the data is elsewhere: removing the volume leaves it there
EPHEMERAL = "ephemeral"  # the data is gone whenever the last container stops

HIDDEN = "(hidden)"

_SECRET = re.compile(r"pass|pwd|secret|token|cred|key$", re.IGNORECASE)
_HOST_LABEL = re.compile(r"^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)$")


@dataclass(frozen=True)
class Endpoint:
    """Where a server must be reachable for a volume to be mounted."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Meaning:
    """A volume's options, brought to where equal meaning is an equal value. Defaults are spelled out.

    Of the `servers` any one that answers suffices.
    """

    backend: str
    fields: Mapping[str, Any]
    data: str
    servers: tuple[Endpoint, ...] = ()
    secrets: frozenset[str] = field(default_factory=frozenset)


def is_secret(name: str) -> bool:
    """Whether what goes by this name is not to be shown."""
    return _SECRET.search(name) is not None


def secret_names(fields: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(name for name in fields if _SECRET.search(name))


def is_host(text: str) -> bool:
    """Whether this is an IP address or could be a host's name."""
    return address(text) is not None or _is_host_name(text)


def canonical_host(text: str) -> str:
    host = bare_host(text)
    found = address(host)
    return host.rstrip(".").lower() if found is None else str(found)


def bare_host(text: str) -> str:
    return text[1:-1] if text.startswith("[") and text.endswith("]") else text


def address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(bare_host(text))
    except ValueError:
        return None


def as_text(value: Any) -> str:
    """A value as the engine stores it: options are strings there."""
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


def kernel_number(text: str) -> Any:
    """A number as the kernel reads it (kstrtouint): 010 is octal, 0x10 hexadecimal. What is none stays a text."""
    for pattern, base in ((r"^0[xX][0-9a-fA-F]{1,16}$", 16), (r"^0[0-7]{0,21}$", 8), (r"^[1-9][0-9]{0,18}$", 10)):
        if re.match(pattern, text):
            return int(text, base)
    return text


def as_boolean(text: str) -> str:
    return text.lower() if text.lower() in ("true", "false") else text


def kernel_size(text: str) -> Any:
    """A size in bytes as the kernel reads it (memparse): a number, and k, m, g, t, p or e behind it or nothing."""
    number = kernel_number(text)
    if isinstance(number, int):
        return number
    number, power = kernel_number(text[:-1]), "kmgtpe".find(text[-1:].lower()) + 1
    return number << (10 * power) if isinstance(number, int) and text and power else text


def local_path(path: str) -> str:
    return posixpath.normpath("/" + path.lstrip("/")) if path.startswith("/") else path


def _is_host_name(text: str) -> bool:
    labels = text[:-1].split(".") if text.endswith(".") else text.split(".")
    # A name whose last part is a number is a mistyped address.
    return len(text) <= 253 and all(map(_HOST_LABEL.match, labels)) and not labels[-1].isdigit()
