# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a network that is there means what was declared."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._drift import Difference, differences
from ansible_collections.berthage.swarm.plugins.module_utils._networks.addresses import Subnet, gateway_field, in_order
from ansible_collections.berthage.swarm.plugins.module_utils._networks.drivers import (
    PARENT_OPTION,
    WITH_PARENT,
    plain_driver,
)
from ansible_collections.berthage.swarm.plugins.module_utils._networks.observe import ActualNetwork
from ansible_collections.berthage.swarm.plugins.module_utils._networks.spec import Network


def drift(declared: Network, actual: ActualNetwork) -> tuple[Difference, ...]:
    """The fields whose meaning differs, in both directions. Labels are apart, see `label_differences`.

    What was declared has to be there, and what is there has to be declared, except what an engine adds by itself:
    VXLAN ids, address pools, gateways, and options from its own `default-network-opts`. An engine's answer does not
    tell those from declared ones, which is why the names of the declared fields are recorded in a label at creation.
    """
    found = differences(_declared_meaning(declared, actual), _actual_meaning(declared, actual))
    if declared.config_from or actual.config_from:
        # The rest is the configuration's, which engines show as the network's own.
        return tuple(difference for difference in found if difference.field in _OPERATORS)
    return found


# What a network has beside the configuration that it takes from another.
_OPERATORS = frozenset({"driver", "swarm", "attachable", "internal", "ingress", "config_only", "config_from"})


def label_differences(declared: Network, actual: ActualNetwork) -> tuple[Difference, ...]:
    """Declared labels that the network lacks or has with another value. They cannot change on an existing network."""
    return tuple(
        Difference(f"labels.{label}", value, actual.labels.get(label))
        for label, value in sorted(declared.labels.items())
        if actual.labels.get(label) != value
    )


def _declared_meaning(declared: Network, actual: ActualNetwork) -> dict[str, Any]:
    return {
        "driver": plain_driver(declared.driver),
        "swarm": declared.swarm,
        "attachable": declared.attachable,
        "encrypted": declared.encrypted,
        "internal": declared.internal,
        "ingress": declared.ingress,
        "ipv6": declared.ipv6,
        "mtu": declared.mtu or _DEFAULT_MTU,
        "subnets": _shown(declared.subnets),
        "ipam_driver": "default",
        "config_only": declared.config_only,
        "config_from": declared.config_from or None,
        **_options(declared.driver, declared.driver_opts),
    }


def _actual_meaning(declared: Network, actual: ActualNetwork) -> dict[str, Any]:
    return {
        "driver": plain_driver(actual.driver),
        "swarm": actual.swarm,
        "attachable": actual.attachable,
        "encrypted": actual.encrypted,
        "internal": actual.internal,
        "ingress": actual.ingress,
        "ipv6": actual.ipv6,
        "mtu": _mtu(declared, actual),
        "subnets": _shown(_comparable_subnets(declared, actual)),
        "ipam_driver": actual.ipam_driver,
        "config_only": actual.config_only,
        "config_from": actual.config_from or None,
        **_options(actual.driver, _comparable_options(declared, actual)),
    }


def _engine_added(actual: ActualNetwork, field: str) -> bool:
    """Whether this field, which nobody declares now, is known not to have been declared at creation either.

    Nothing of a network can be changed after it was made: what one of ours has beyond the record is the engine's.
    """
    return actual.recorded is not None and field not in actual.recorded


# ---- MTU

_DEFAULT_MTU = 1500


def _mtu(declared: Network, actual: ActualNetwork) -> int:
    if declared.mtu is None and _engine_added(actual, "mtu"):
        return _DEFAULT_MTU
    return actual.mtu or _DEFAULT_MTU


# ---- address pools


def _comparable_subnets(declared: Network, actual: ActualNetwork) -> tuple[Subnet, ...]:
    """The actual pools without what the engine chose by itself."""
    recorded = actual.recorded or frozenset()
    gateways = {subnet.network: subnet.gateway for subnet in declared.subnets}
    declared_versions = {subnet.network.version for subnet in declared.subnets}
    comparable = []
    for subnet in actual.subnets:
        version = subnet.network.version
        was_declared = f"subnets.ipv{version}" in recorded
        chosen_by_engine = not subnet.ip_range and not subnet.aux_addresses
        if version not in declared_versions and not was_declared and chosen_by_engine:
            continue
        if gateways.get(subnet.network) is None and gateway_field(subnet.network) not in recorded:
            subnet = replace(subnet, gateway=None)  # noqa: PLW2901 - the same pool, without the engine's addition
        comparable.append(subnet)
    return in_order(comparable)


def _shown(subnets: tuple[Subnet, ...]) -> list[dict[str, Any]] | None:
    return [subnet.as_dict() for subnet in subnets] or None


# ---- driver options

# Options that mean the same as being left out (moby, `daemon/libnetwork/drivers/bridge`).
_DEFAULTS: dict[str, dict[str, str]] = {
    "bridge": {
        "com.docker.network.bridge.enable_icc": "true",
        "com.docker.network.bridge.enable_ip_masquerade": "true",
        "com.docker.network.bridge.gateway_mode_ipv4": "nat",
        "com.docker.network.bridge.gateway_mode_ipv6": "nat",
        "com.docker.network.bridge.host_binding_ipv4": "0.0.0.0",  # noqa: S104 - the engine's default, not ours
        "com.docker.network.bridge.inhibit_ipv4": "false",
    },
    "macvlan": {"macvlan_mode": "bridge"},
    "ipvlan": {"ipvlan_mode": "l2", "ipvlan_flag": "bridge"},
}

# Options that engines write down by themselves.
_ENGINE_OPTIONS = frozenset(
    {
        "com.docker.network.driver.overlay.vxlanid_list",
        "com.docker.network.enable_ipv4",
        "com.docker.network.enable_ipv6",
    }
)

# The values that Go's strconv.ParseBool takes.
_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})


def _comparable_options(declared: Network, actual: ActualNetwork) -> Mapping[str, str]:
    recorded = actual.recorded or frozenset()
    return {
        option: value
        for option, value in actual.driver_opts.items()
        if option in declared.driver_opts
        or not (
            _engine_added(actual, f"driver_opts.{option}")
            or (option in _ENGINE_OPTIONS and f"driver_opts.{option}" not in recorded)
        )
    }


def _options(driver: str, options: Mapping[str, str]) -> dict[str, str]:
    """Options in one spelling, each as a field of its own, without those that say what is the default anyway."""
    defaults = _DEFAULTS.get(driver, {})
    canonical = {}
    for option, value in options.items():
        meaning = _boolean(value) if defaults.get(option) in ("true", "false") else value
        if meaning != defaults.get(option):
            field = option if driver in WITH_PARENT and option == PARENT_OPTION else f"driver_opts.{option}"
            canonical[field] = meaning
    return canonical


def _boolean(value: str) -> str:
    return "true" if value in _TRUE else "false" if value in _FALSE else value
