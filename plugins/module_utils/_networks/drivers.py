# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each driver takes, and what is wrong with what was declared for it."""

from __future__ import annotations

import re
from typing import Any, Iterator, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem

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

# What each takes as `parent`, and which values their modes have (moby, `drivers/macvlan` and `drivers/ipvlan`).
WITH_PARENT = ("macvlan", "ipvlan")
PARENT_OPTION = "parent"
_MODES: dict[str, dict[str, tuple[str, ...]]] = {
    "macvlan": {"macvlan_mode": ("bridge", "private", "vepa", "passthru")},
    "ipvlan": {"ipvlan_mode": ("l2", "l3", "l3s"), "ipvlan_flag": ("bridge", "private", "vepa")},
}

# A configuration has no driver; engines write this down.
NO_DRIVER = "null"

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


def scope_problems(item: Mapping[str, Any]) -> Iterator[Problem]:
    """Fields that mean nothing to this driver, or to a network of this scope."""
    name, driver = item["name"], item["driver"]
    if item["config_only"]:
        yield from _config_only_problems(item)
        return
    if driver == "overlay" and item["swarm"] is False:
        yield Problem(name, "swarm", "an overlay belongs to a Swarm", "leave `swarm` out, or use `driver: bridge`")
    if driver == "bridge" and item["swarm"]:
        yield Problem(name, "swarm", "a bridge is local to its host", "leave `swarm` out, or use `driver: overlay`")
    if driver != "overlay" and item["encrypted"]:
        yield Problem(name, "encrypted", "only an overlay can be encrypted", "use `driver: overlay`, or leave it out")
    if driver == "overlay" and item["ipv6"]:
        yield Problem(
            name, "ipv6", "the overlay driver ignores IPv6 address pools", "leave it out; IPv6 works on a bridge"
        )
    if item["ingress"]:
        yield from _ingress_problems(item)
    yield from _parent_problems(item)
    if item["config_from"]:
        yield from _config_from_problems(item)
    elif driver in WITH_PARENT and item["swarm"] and item["state"] == "present":
        yield Problem(
            name,
            "config_from",
            f"is missing: a {driver} network of the Swarm has no addresses and no parent of its own, since both belong "
            "to each node",
            "declare a `config_only` network on every node, and name it in config_from",
        )


def _parent_problems(item: Mapping[str, Any]) -> Iterator[Problem]:
    name, driver, parent = item["name"], item["driver"], item["parent"]
    in_options = item["driver_opts"].get(PARENT_OPTION)
    if driver not in WITH_PARENT:
        if parent:
            yield Problem(
                name, "parent", f"means nothing to a {driver} network", "leave it out (it is for macvlan and ipvlan)"
            )
        return
    if parent and in_options is not None and in_text(in_options) != parent:
        yield Problem(
            name, "parent", f"is {parent} here and {in_options} in `driver_opts`", "keep the field, drop the option"
        )
    found = parent or in_text(in_options)
    if found == "lo":
        yield Problem(name, "parent", f"a {driver} network cannot be on the loopback interface", "name another")
    if not found and not item["internal"] and not item["config_from"] and item["state"] == "present":
        yield Problem(
            name,
            "parent",
            f"is missing, and the containers of a {driver} network reach the world only through it",
            "name the host's interface, or set internal: true for a network without a way out",
        )


def _config_only_problems(item: Mapping[str, Any]) -> Iterator[Problem]:
    """A configuration says nothing of how it is used (moby, libnetwork: `validateConfiguration`)."""
    name = item["name"]
    if item["swarm"]:
        yield Problem(
            name, "swarm", "a configuration is local to its host", "declare it on every node, without `swarm`"
        )
    for field in ("attachable", "encrypted", "internal", "ingress"):
        if item[field]:
            yield Problem(name, field, "belongs to the network that uses the configuration", "set it there")
    if item["config_from"]:
        yield Problem(name, "config_from", "a configuration cannot take another one's", "leave it out")


def _config_from_problems(item: Mapping[str, Any]) -> Iterator[Problem]:
    """The engine takes all of these from the configuration, labels too, or refuses."""
    name = item["name"]
    if item["driver"] == "overlay":
        yield Problem(
            name,
            "config_from",
            "an overlay has its addresses from the Swarm, and takes no configuration of a node",
            "use another driver, such as macvlan, or leave it out",
        )
    for field in ("subnets", "ipv6", "mtu", "parent", "driver_opts", "labels"):
        if item[field]:
            yield Problem(
                name,
                field,
                f"cannot be set beside config_from (the engine takes it from `{item['config_from']}`, or refuses)",
                "set it on the configuration",
            )
    if item["config_from"] == name:
        yield Problem(name, "config_from", "is the network itself", "name a `config_only` network")


def _ingress_problems(item: Mapping[str, Any]) -> Iterator[Problem]:
    name = item["name"]
    if item["driver"] != "overlay":
        yield Problem(name, "ingress", "the routing mesh is an overlay", "use `driver: overlay`")
    for field in ("attachable", "internal"):
        if item[field]:
            yield Problem(name, field, "the routing mesh's network cannot be so", "leave it out")


def option_problems(item: Mapping[str, Any]) -> Iterator[Problem]:
    name, options = item["name"], item["driver_opts"]
    if is_plugin(item["driver"]) and not re.fullmatch(r"[a-zA-Z0-9][\w./:@-]*", item["driver"]):
        yield Problem(name, "driver", f"{item['driver']!r} is no name of a network plugin", "see `docker plugin ls`")
    for option, modes in _MODES.get(item["driver"], {}).items():
        if option in options and in_text(options[option]) not in modes:
            yield Problem(
                name,
                "driver_opts",
                f"`{option}: {in_text(options[option])}` is none of {', '.join(modes)}",
                "choose one of them, or leave it out",
            )
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
    if item["driver"] in WITH_PARENT:
        yield Problem(
            item["name"],
            "mtu",
            f"a {item['driver']} network has its parent's, whatever is declared",
            "leave it out, and set the MTU of the parent interface",
        )
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
    if item["config_only"]:
        return bool(item["swarm"])
    return bool(item["driver"] == "overlay") if item["swarm"] is None else bool(item["swarm"])


def is_plugin(driver: str) -> bool:
    return driver not in ("overlay", "bridge", *WITH_PARENT, NO_DRIVER)


def plain_driver(driver: str) -> str:
    """A plugin without a tag is its `:latest`, which is how engines list it."""
    return driver[: -len(":latest")] if driver.endswith(":latest") else driver


def driver_options(item: Mapping[str, Any]) -> dict[str, str]:
    """The driver's options, with the parent among them, without encryption and MTU."""
    options = {str(option): in_text(value) for option, value in item["driver_opts"].items()}
    if item["parent"]:
        options[PARENT_OPTION] = item["parent"]
    return {key: value for key, value in options.items() if key not in (ENCRYPTED_OPTION, MTU_OPTION)}


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
