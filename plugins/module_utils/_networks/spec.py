# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator declares about networks: checked as a whole, and brought into one spelling."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Iterator, Mapping, Sequence

from ansible_collections.berthage.swarm.plugins.module_utils._networks.addresses import (
    Subnet,
    gateway_field,
    in_order,
    overlaps_within_the_call,
    pool_problems,
    read_subnets,
    subnet_of,
)
from ansible_collections.berthage.swarm.plugins.module_utils._networks.drivers import (
    NO_DRIVER,
    driver_options,
    in_text,
    is_encrypted,
    is_swarm,
    mtu_of,
    mtu_problems,
    name_problems,
    option_problems,
    plain_driver,
    scope_problems,
)
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem, refuse_if_any

LABEL_PREFIX = "berthage.swarm."
OWNER_LABEL = LABEL_PREFIX + "owner"
DECLARED_LABEL = LABEL_PREFIX + "declared"
DEFAULT_OWNER = "default"

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
    "purge_scope": {"type": "str", "default": "all", "choices": ["all", "local"]},
}


@dataclass(frozen=True)
class Network:
    """One declared network. `subnets` are sorted, `driver_opts` are strings and hold neither encryption nor MTU."""

    name: str
    driver: str = "overlay"
    swarm: bool = True
    attachable: bool = False
    encrypted: bool = False
    internal: bool = False
    ingress: bool = False
    config_only: bool = False
    config_from: str = ""
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
    purge_scope: str = "all"


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
        purge_scope=arguments["purge_scope"],
    )


# ---- what is wrong with the arguments


_EXISTING = {
    "host": "it exists on every engine and is the host's own network",
    "none": "it exists on every engine and means that a container has no network",
    "null": "it exists on every engine and means that a container has no network",
}


def _set_problems(items: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    seen: set[str] = set()
    for item in items:
        name = item["name"]
        if name in seen:
            yield Problem(name or "networks", "name", "is declared twice in one call", "declare each network once")
        seen.add(name)
        yield from _item_problems(item)
    yield from overlaps_within_the_call(items)


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
    yield from name_problems(item)
    yield from scope_problems(item)
    yield from option_problems(item)
    yield from _label_problems(item)
    subnets, problems = read_subnets(item)
    yield from problems
    if item["state"] == "present":
        yield from pool_problems(item, subnets)
        yield from mtu_problems(item)


def _label_problems(item: Mapping[str, Any]) -> Iterator[Problem]:
    for label in item["labels"]:
        if str(label).startswith(LABEL_PREFIX):
            yield Problem(
                item["name"], "labels", f"`{label}` is one that this collection writes itself", "use another prefix"
            )


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


# ---- from arguments to values


def _filled(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """A text given as null means the same as one left out; Ansible fills in only the latter."""
    return {**item, "name": item["name"] or "", "config_from": item["config_from"] or ""}


def _network(item: Mapping[str, Any]) -> Network:
    return Network(
        name=item["name"],
        # Without `:latest`, which engines add where Docker manages the plugin, and which a plugin's socket has not.
        driver=NO_DRIVER if item["config_only"] else plain_driver(item["driver"]),
        swarm=is_swarm(item),
        attachable=bool(item["attachable"]),
        encrypted=is_encrypted(item),
        internal=bool(item["internal"]),
        ingress=bool(item["ingress"]),
        config_only=bool(item["config_only"]),
        config_from=item["config_from"],
        mtu=mtu_of(item),
        subnets=in_order(subnet_of(entry) for entry in item["subnets"]),
        ipv6=bool(item["ipv6"]),
        driver_opts=driver_options(item),
        labels={str(label): in_text(value) for label, value in item["labels"].items()},
        present=item["state"] == "present",
    )
