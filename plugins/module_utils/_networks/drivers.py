# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each driver takes, and what is wrong with what was declared for it."""

from __future__ import annotations

import re
from typing import Any, Iterator, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem, not_supported_yet

# The engine knows these two as driver options; here they are fields, because their spelling there misleads.
ENCRYPTED_OPTION = "encrypted"
MTU_OPTION = "com.docker.network.driver.mtu"


def underlay_to_effective_mtu(driver: str, mtu: int | None, encrypted: bool) -> int:
    """The MTU that a container sees.

    An overlay's `mtu` is the underlay's: VXLAN takes 50 bytes, ESP 26 more, and the engine rounds down to a multiple of
    four for the cipher (moby, `daemon/libnetwork/drivers/overlay`, `maxMTU`).
    """
    underlay = 1500 if mtu is None else mtu
    if driver != "overlay":
        return underlay
    plain = underlay - 50
    return (plain - 26) // 4 * 4 if encrypted else plain


# Swarm's own rule (swarmkit, `isValidDNSName`), and the one of the engine's command line.
_SWARM_NAME = re.compile(r"[a-zA-Z0-9](?:[-_]*[A-Za-z0-9]+)*")
_LOCAL_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")

_COMPLETE_DRIVERS = ("overlay", "bridge")

_SMALLEST_MTU = {False: 68, True: 1280}  # RFC 791, RFC 8200


def name_problems(item: Mapping[str, Any]) -> Iterator[Problem]:
    name = item["name"]
    if name in ("bridge", "ingress") and not item["ingress"]:
        yield Problem(
            name or "networks",
            "name",
            "is a network that Docker makes for itself",
            "choose another name",
        )
    elif is_swarm(item):
        if not _SWARM_NAME.fullmatch(name) or len(name) > 63:
            yield Problem(
                name or "networks",
                "name",
                "is no name that a Swarm takes (at most 63 letters, digits, `-`, `_`; a letter or digit at both ends)",
                "choose another name",
            )
    elif not _LOCAL_NAME.fullmatch(name):
        yield Problem(
            name or "networks",
            "name",
            "is no name that Docker takes (letters, digits, `_`, `.` and `-`, a letter or digit first)",
            "choose another name",
        )


def unsupported(item: Mapping[str, Any]) -> Iterator[Problem]:
    name, driver = item["name"], item["driver"]
    if driver not in _COMPLETE_DRIVERS:
        what = f"the driver `{driver}`" if driver in ("macvlan", "ipvlan") else f"network plugins (`{driver}`)"
        yield not_supported_yet(name, "driver", what, "use `overlay` or `bridge`")
    if item["ingress"]:
        yield not_supported_yet(name, "ingress", "replacing the routing mesh's network", "leave it out")
    for key in ("config_only", "config_from"):
        if item[key]:
            yield not_supported_yet(name, key, "configuration networks", "leave it out")


def scope_problems(item: Mapping[str, Any]) -> Iterator[Problem]:
    name, driver = item["name"], item["driver"]
    if driver == "overlay" and item["swarm"] is False:
        yield Problem(name, "swarm", "an overlay belongs to a Swarm", "leave `swarm` out, or use `driver: bridge`")
    if driver == "bridge" and item["swarm"]:
        yield Problem(name, "swarm", "a bridge is local to its host", "leave `swarm` out, or use `driver: overlay`")
    if driver == "bridge" and item["encrypted"]:
        yield Problem(name, "encrypted", "only an overlay can be encrypted", "use `driver: overlay`, or leave it out")
    if item["parent"]:
        yield Problem(
            name, "parent", f"means nothing to a {driver} network", "leave it out (it is for macvlan and ipvlan)"
        )
    if driver == "overlay" and item["ipv6"]:
        yield Problem(
            name, "ipv6", "the overlay driver ignores IPv6 address pools", "leave it out; IPv6 works on a bridge"
        )


def option_problems(item: Mapping[str, Any]) -> Iterator[Problem]:
    name, options = item["name"], item["driver_opts"]
    for option in options:
        if not re.fullmatch(r"[^\s,=]+", str(option)):
            yield Problem(name, "driver_opts", f"{option!r} is no name of an option", "write `NAME: value`")
    if ENCRYPTED_OPTION in options:
        value = in_text(options[ENCRYPTED_OPTION])
        if value.lower() not in ("", "true", "1"):
            yield Problem(
                name,
                "driver_opts",
                f"`{ENCRYPTED_OPTION}: {value}` would encrypt (the engine asks only whether the key is there)",
                "use the field `encrypted`, which means what it says",
            )
        elif item["driver"] != "overlay":
            yield Problem(name, "driver_opts", "only an overlay can be encrypted", f"leave `{ENCRYPTED_OPTION}` out")
    if MTU_OPTION in options:
        text = in_text(options[MTU_OPTION])
        if not text.isdigit():
            yield Problem(name, "driver_opts", f"`{MTU_OPTION}: {text}` is no number", "use the field `mtu`")
        elif item["mtu"] is not None and int(text) != item["mtu"]:
            yield Problem(
                name, "mtu", f"is {item['mtu']} here and {text} in `driver_opts`", "keep the field, drop the option"
            )


def mtu_problems(item: Mapping[str, Any]) -> Iterator[Problem]:
    mtu = mtu_of(item)
    if mtu is None:
        return
    effective = underlay_to_effective_mtu(item["driver"], mtu, is_encrypted(item))
    smallest = _SMALLEST_MTU[bool(item["ipv6"])]
    if not smallest <= effective <= 65535 or mtu > 65535:
        yield Problem(
            item["name"],
            "mtu",
            f"{mtu} cannot work (containers would get {effective}; at least {smallest}, at most 65535 can be used)",
            "give the MTU of the hosts' network, 1500 as a rule"
            if item["driver"] == "overlay"
            else "give the MTU of the bridge, 1500 as a rule",
        )


def is_swarm(item: Mapping[str, Any]) -> bool:
    return bool(item["driver"] == "overlay") if item["swarm"] is None else bool(item["swarm"])


def is_encrypted(item: Mapping[str, Any]) -> bool:
    return bool(item["encrypted"]) or ENCRYPTED_OPTION in item["driver_opts"]


def mtu_of(item: Mapping[str, Any]) -> int | None:
    if item["mtu"] is not None:
        return int(item["mtu"])
    text = in_text(item["driver_opts"].get(MTU_OPTION, ""))
    return int(text) if text.isdigit() else None


def in_text(value: Any) -> str:
    """Driver options and labels are strings; YAML's own `true` is written as Compose writes it."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
