# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator declares about networks: checked as a whole, and brought into one spelling."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Iterable, Iterator, Mapping, Sequence, Union

from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem, not_supported_yet, refuse_if_any

Address = Union[IPv4Address, IPv6Address]
IPNetwork = Union[IPv4Network, IPv6Network]

LABEL_PREFIX = "berthage.swarm."
OWNER_LABEL = LABEL_PREFIX + "owner"
DECLARED_LABEL = LABEL_PREFIX + "declared"
DEFAULT_OWNER = "default"

# The engine knows these two as driver options; here they are fields, because their spelling there misleads.
ENCRYPTED_OPTION = "encrypted"
MTU_OPTION = "com.docker.network.driver.mtu"

NETWORKS_ARGUMENT: dict[str, Any] = {
    "type": "list",
    "elements": "dict",
    "required": True,
    "options": {
        "name": {"type": "str", "required": True},
        "driver": {"type": "str", "default": "overlay"},
        "swarm": {"type": "bool"},
        "attachable": {"type": "bool", "default": False},
        "encrypted": {"type": "bool", "default": False},
        "internal": {"type": "bool", "default": False},
        "ingress": {"type": "bool", "default": False},
        "mtu": {"type": "int"},
        "subnets": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "subnet": {"type": "str", "required": True},
                "gateway": {"type": "str"},
                "ip_range": {"type": "str"},
                "aux_addresses": {"type": "dict", "default": {}},
            },
        },
        "ipv6": {"type": "bool", "default": False},
        "parent": {"type": "str"},
        "config_only": {"type": "bool", "default": False},
        "config_from": {"type": "str", "default": ""},
        "driver_opts": {"type": "dict", "default": {}},
        "labels": {"type": "dict", "default": {}},
        "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    },
}

ARGUMENTS: dict[str, dict[str, Any]] = {
    "networks": NETWORKS_ARGUMENT,
    "on_drift": {"type": "str", "default": "fail", "choices": ["fail", "warn", "recreate"]},
    "reattach": {"type": "bool", "default": False},
    "owner": {"type": "str", "default": DEFAULT_OWNER},
    "purge": {"type": "bool", "default": False},
}


@dataclass(frozen=True)
class Subnet:
    """One address pool of a network. What is `None` or empty is left to the engine."""

    network: IPNetwork
    gateway: Address | None = None
    ip_range: IPNetwork | None = None
    aux_addresses: tuple[tuple[str, Address], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For people and for diffs: only what is set."""
        shown: dict[str, Any] = {"subnet": str(self.network)}
        if self.gateway is not None:
            shown["gateway"] = str(self.gateway)
        if self.ip_range is not None:
            shown["ip_range"] = str(self.ip_range)
        if self.aux_addresses:
            shown["aux_addresses"] = {name: str(address) for name, address in self.aux_addresses}
        return shown


@dataclass(frozen=True)
class Network:
    """One declared network. `subnets` are sorted, `driver_opts` are strings and hold neither encryption nor MTU."""

    name: str
    driver: str = "overlay"
    swarm: bool = True
    attachable: bool = False
    encrypted: bool = False
    internal: bool = False
    mtu: int | None = None
    subnets: tuple[Subnet, ...] = ()
    ipv6: bool = False
    driver_opts: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    present: bool = True

    @property
    def declared(self) -> tuple[str, ...]:
        """The names of the fields that say something, as `DECLARED_LABEL` records them."""
        named = {
            "attachable": self.attachable,
            "encrypted": self.encrypted,
            "internal": self.internal,
            "ipv6": self.ipv6,
            "mtu": self.mtu is not None,
            "subnets.ipv4": any(subnet.network.version == 4 for subnet in self.subnets),
            "subnets.ipv6": any(subnet.network.version == 6 for subnet in self.subnets),
            **{gateway_field(subnet.network): subnet.gateway is not None for subnet in self.subnets},
            **{f"driver_opts.{option}": True for option in self.driver_opts},
        }
        return tuple(sorted(name for name, is_declared in named.items() if is_declared))


@dataclass(frozen=True)
class Declaration:
    """A whole call of the module."""

    networks: tuple[Network, ...]
    on_drift: str
    owner: str
    reattach: bool = False
    purge: bool = False


def declaration(arguments: Mapping[str, Any]) -> Declaration:
    """Read the module's arguments.

    Raises:
        Refused: with everything that is wrong with them, at once.
    """
    items = [_filled(item) for item in arguments["networks"]]
    refuse_if_any([*_call_problems(arguments), *_set_problems(items)])
    return Declaration(
        networks=tuple(_network(item) for item in items),
        on_drift=arguments["on_drift"],
        owner=arguments["owner"],
        reattach=bool(arguments["reattach"]),
        purge=bool(arguments["purge"]),
    )


def gateway_field(network: IPNetwork) -> str:
    """The name under which a declared gateway is recorded: engines choose one for each subnet that has none."""
    return f"subnets.{network}.gateway"


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


# ---- what is wrong with the arguments


# Swarm's own rule (swarmkit, `isValidDNSName`), and the one of the engine's command line.
_SWARM_NAME = re.compile(r"[a-zA-Z0-9](?:[-_]*[A-Za-z0-9]+)*")
_LOCAL_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")

_EXISTING = {
    "host": "it exists on every engine and is the host's own network",
    "none": "it exists on every engine and means that a container has no network",
    "null": "it exists on every engine and means that a container has no network",
}

_COMPLETE_DRIVERS = ("overlay", "bridge")

_SMALLEST_MTU = {False: 68, True: 1280}  # RFC 791, RFC 8200


def _set_problems(items: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    seen: set[str] = set()
    for item in items:
        name = item["name"]
        if name in seen:
            yield Problem(name or "networks", "name", "is declared twice in one call", "declare each network once")
        seen.add(name)
        yield from _item_problems(item)
    yield from _overlaps_within_the_call(items)


def _call_problems(arguments: Mapping[str, Any]) -> Iterator[Problem]:
    if not arguments["owner"].strip():
        yield Problem("networks", "owner", "is empty", "give the name under which these networks are managed")
    if arguments["purge"] and arguments["owner"] == DEFAULT_OWNER:
        yield Problem(
            "networks",
            "purge",
            f"{DEFAULT_OWNER!r} is everybody who names no owner, and their networks are not yours to purge",
            "set owner to a name that only this list of networks has",
        )


def _item_problems(item: Mapping[str, Any]) -> Iterator[Problem]:
    name, driver = item["name"], item["driver"]
    if driver in _EXISTING or name in _EXISTING:
        existing = driver if driver in _EXISTING else name
        yield Problem(
            name,
            "driver" if driver in _EXISTING else "name",
            f"`{existing}` is nothing to create ({_EXISTING[existing]})",
            f"leave it out, and use `network_mode: {'none' if existing == 'null' else existing}` on the container",
        )
        return
    yield from _name_problems(item)
    unsupported = list(_not_supported_yet(item))
    if unsupported:
        yield from unsupported
        return
    yield from _scope_problems(item)
    yield from _option_problems(item)
    yield from _label_problems(item)
    subnets, problems = _read_subnets(item)
    yield from problems
    if item["state"] == "present":
        yield from _pool_problems(item, subnets)
        yield from _mtu_problems(item)


def _name_problems(item: Mapping[str, Any]) -> Iterator[Problem]:
    name = item["name"]
    if name in ("bridge", "ingress") and not item["ingress"]:
        yield Problem(
            name or "networks",
            "name",
            "is a network that Docker makes for itself",
            "choose another name",
        )
    elif _is_swarm(item):
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


def _not_supported_yet(item: Mapping[str, Any]) -> Iterator[Problem]:
    name, driver = item["name"], item["driver"]
    if driver not in _COMPLETE_DRIVERS:
        what = f"the driver `{driver}`" if driver in ("macvlan", "ipvlan") else f"network plugins (`{driver}`)"
        yield not_supported_yet(name, "driver", what, "use `overlay` or `bridge`")
    if item["ingress"]:
        yield not_supported_yet(name, "ingress", "replacing the routing mesh's network", "leave it out")
    for key in ("config_only", "config_from"):
        if item[key]:
            yield not_supported_yet(name, key, "configuration networks", "leave it out")


def _scope_problems(item: Mapping[str, Any]) -> Iterator[Problem]:
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


def _option_problems(item: Mapping[str, Any]) -> Iterator[Problem]:
    name, options = item["name"], item["driver_opts"]
    for option in options:
        if not re.fullmatch(r"[^\s,=]+", str(option)):
            yield Problem(name, "driver_opts", f"{option!r} is no name of an option", "write `NAME: value`")
    if ENCRYPTED_OPTION in options:
        if _text(options[ENCRYPTED_OPTION]).lower() not in ("", "true", "1"):
            yield Problem(
                name,
                "driver_opts",
                f"`{ENCRYPTED_OPTION}: {_text(options[ENCRYPTED_OPTION])}` would encrypt (the engine asks only whether "
                "the key is there)",
                "use the field `encrypted`, which means what it says",
            )
        elif item["driver"] != "overlay":
            yield Problem(name, "driver_opts", "only an overlay can be encrypted", f"leave `{ENCRYPTED_OPTION}` out")
    if MTU_OPTION in options:
        text = _text(options[MTU_OPTION])
        if not text.isdigit():
            yield Problem(name, "driver_opts", f"`{MTU_OPTION}: {text}` is no number", "use the field `mtu`")
        elif item["mtu"] is not None and int(text) != item["mtu"]:
            yield Problem(
                name, "mtu", f"is {item['mtu']} here and {text} in `driver_opts`", "keep the field, drop the option"
            )


def _label_problems(item: Mapping[str, Any]) -> Iterator[Problem]:
    for label in item["labels"]:
        if str(label).startswith(LABEL_PREFIX):
            yield Problem(
                item["name"], "labels", f"`{label}` is one that this collection writes itself", "use another prefix"
            )


def _mtu_problems(item: Mapping[str, Any]) -> Iterator[Problem]:
    mtu = _mtu(item)
    if mtu is None:
        return
    effective = underlay_to_effective_mtu(item["driver"], mtu, _is_encrypted(item))
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


# ---- address pools


def _read_subnets(item: Mapping[str, Any]) -> tuple[list[Subnet], list[Problem]]:
    subnets, problems = [], []
    for entry in item["subnets"]:
        try:
            subnets.append(_subnet(entry))
        except ValueError as error:
            problems.append(
                Problem(item["name"], "subnets", f"{error}", "write addresses as 10.20.0.1, networks as 10.20.0.0/24")
            )
    return subnets, problems


def _pool_problems(item: Mapping[str, Any], subnets: Sequence[Subnet]) -> Iterator[Problem]:
    name, driver = item["name"], item["driver"]
    has_ipv6 = any(subnet.network.version == 6 for subnet in subnets)
    if driver == "overlay" and has_ipv6:
        yield Problem(name, "subnets", "the overlay driver ignores IPv6 address pools", "leave out the IPv6 subnets")
    elif has_ipv6 and not item["ipv6"]:
        yield Problem(name, "ipv6", "is false, while a subnet is IPv6", "set `ipv6: true`, or leave that subnet out")
    if driver == "bridge":
        for version in (4, 6):
            if sum(subnet.network.version == version for subnet in subnets) > 1:
                yield Problem(
                    name, "subnets", f"a bridge takes one IPv{version} subnet", "keep one of them, or make two networks"
                )
    for subnet in subnets:
        yield from _subnet_problems(name, subnet)
        if driver == "overlay" and subnet.aux_addresses:
            yield Problem(
                name,
                "subnets",
                "a Swarm drops aux_addresses without a word, and gives those addresses to containers",
                "keep containers off them with `ip_range` instead",
            )
    for index, subnet in enumerate(subnets):
        for other in subnets[index + 1 :]:
            if overlap(subnet.network, other.network):
                yield Problem(
                    name, "subnets", f"{subnet.network} and {other.network} overlap", "choose subnets that do not"
                )


def _subnet_problems(name: str, subnet: Subnet) -> Iterator[Problem]:
    network = subnet.network
    if network.is_loopback or network.is_multicast or network.is_unspecified or network.prefixlen == 0:
        yield Problem(
            name,
            "subnets",
            f"{network} holds no addresses for containers",
            "choose a private one, such as 10.20.0.0/24",
        )
        return
    if subnet.ip_range is not None and not _contains(network, subnet.ip_range):
        yield Problem(name, "subnets", f"the range {subnet.ip_range} is not within {network}", "choose a part of it")
    taken: dict[Address, str] = {}
    fixed = [("gateway", subnet.gateway)] if subnet.gateway is not None else []
    for what, address in [*fixed, *((f"aux_addresses.{key}", value) for key, value in subnet.aux_addresses)]:
        if address not in network:
            yield Problem(name, "subnets", f"{what} {address} is outside {network}", "choose an address in it")
        elif address in _unusable(network):
            yield Problem(
                name, "subnets", f"{what} {address} is the network or broadcast address of {network}", "choose another"
            )
        elif address in taken:
            yield Problem(name, "subnets", f"{what} and {taken[address]} are both {address}", "give each its own")
        else:
            taken[address] = what
    # The gateway and one container at least; the range, where there is one, is what containers draw from.
    usable = network.num_addresses - len(_unusable(network))
    wanted = 2 + len(subnet.aux_addresses)
    if usable < wanted:
        yield Problem(
            name,
            "subnets",
            f"{network} is too small ({usable} usable addresses for gateway, declared ones and a container: {wanted})",
            "choose a larger one",
        )


def _overlaps_within_the_call(items: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    pools = [
        (item["name"], subnet.network)
        for item in items
        if item["state"] == "present"
        for subnet in _read_subnets(item)[0]
    ]
    for index, (name, network) in enumerate(pools):
        for other_name, other in pools[index + 1 :]:
            if name != other_name and overlap(network, other):
                yield Problem(
                    other_name,
                    "subnets",
                    f"{other} overlaps {network} of `{name}`",
                    "choose subnets that do not overlap",
                )


def overlap(one: IPNetwork, other: IPNetwork) -> bool:
    """Whether two networks share an address; networks of two IP versions share none."""
    return (
        one.version == other.version
        and int(one.network_address) <= int(other.broadcast_address)
        and int(other.network_address) <= int(one.broadcast_address)
    )


def _contains(outer: IPNetwork, inner: IPNetwork) -> bool:
    return inner.network_address in outer and inner.broadcast_address in outer


def _unusable(network: IPNetwork) -> tuple[Address, ...]:
    if network.version == 6 or network.prefixlen >= 31:
        return (network.network_address,)
    return (network.network_address, network.broadcast_address)


# ---- from arguments to values


def _filled(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """A text given as null means the same as one left out; Ansible fills in only the latter."""
    return {**item, "name": item["name"] or "", "config_from": item["config_from"] or ""}


def _network(item: Mapping[str, Any]) -> Network:
    options = {str(option): _text(value) for option, value in item["driver_opts"].items()}
    return Network(
        name=item["name"],
        driver=item["driver"],
        swarm=_is_swarm(item),
        attachable=bool(item["attachable"]),
        encrypted=_is_encrypted(item),
        internal=bool(item["internal"]),
        mtu=_mtu(item),
        subnets=in_order(_subnet(entry) for entry in item["subnets"]),
        ipv6=bool(item["ipv6"]),
        driver_opts={key: value for key, value in options.items() if key not in (ENCRYPTED_OPTION, MTU_OPTION)},
        labels={str(label): _text(value) for label, value in item["labels"].items()},
        present=item["state"] == "present",
    )


def in_order(subnets: Iterable[Subnet]) -> tuple[Subnet, ...]:
    """The order of address pools means nothing; IPv4 first, then by address, is how they are kept and shown."""
    return tuple(sorted(subnets, key=lambda subnet: (subnet.network.version, int(subnet.network.network_address))))


def _subnet(entry: Mapping[str, Any]) -> Subnet:
    aux = entry["aux_addresses"]
    return Subnet(
        network=ip_network(entry["subnet"], strict=False),
        gateway=ip_address(entry["gateway"]) if entry["gateway"] else None,
        ip_range=ip_network(entry["ip_range"], strict=False) if entry["ip_range"] else None,
        aux_addresses=tuple(sorted((str(name), ip_address(str(address))) for name, address in aux.items())),
    )


def _is_swarm(item: Mapping[str, Any]) -> bool:
    return bool(item["driver"] == "overlay") if item["swarm"] is None else bool(item["swarm"])


def _is_encrypted(item: Mapping[str, Any]) -> bool:
    return bool(item["encrypted"]) or ENCRYPTED_OPTION in item["driver_opts"]


def _mtu(item: Mapping[str, Any]) -> int | None:
    if item["mtu"] is not None:
        return int(item["mtu"])
    text = _text(item["driver_opts"].get(MTU_OPTION, ""))
    return int(text) if text.isdigit() else None


def _text(value: Any) -> str:
    """Driver options and labels are strings; YAML's own `true` is written as Compose writes it."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
