# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a network is told of: to people in a diff or a sentence, and in what a module returns."""

from __future__ import annotations

from typing import Any, Mapping, Sequence, Union

from ansible_collections.berthage.swarm.plugins.module_utils._networks.drivers import underlay_to_effective_mtu
from ansible_collections.berthage.swarm.plugins.module_utils._networks.observe import ActualNetwork, Consumer
from ansible_collections.berthage.swarm.plugins.module_utils._networks.spec import Network

AnyNetwork = Union[Network, ActualNetwork]


def details(network: AnyNetwork, network_id: str | None, consumers: Sequence[Consumer]) -> dict[str, Any]:
    """What is returned for a network besides the plan."""
    return {
        "id": network_id,
        "driver": network.driver,
        "scope": "swarm" if network.swarm else "local",
        "attachable": network.attachable,
        "encrypted": network.encrypted,
        "internal": network.internal,
        "subnets": [subnet.as_dict() for subnet in network.subnets],
        "effective_mtu": underlay_to_effective_mtu(network.driver, network.mtu, network.encrypted),
        "consumers": [consumer.as_dict() for consumer in consumers],
    }


def shown(network: AnyNetwork) -> Mapping[str, Any]:
    """How a network looks in a diff."""
    return {
        "driver": network.driver,
        "scope": "swarm" if network.swarm else "local",
        "attachable": network.attachable,
        "encrypted": network.encrypted,
        "internal": network.internal,
        "ipv6": network.ipv6,
        "mtu": network.mtu,
        "subnets": [subnet.as_dict() for subnet in network.subnets],
        "driver_opts": dict(network.driver_opts),
        "labels": dict(network.labels),
    }


def in_words(consumers: Sequence[Consumer]) -> str:
    """The consumers for one line of an error message, the first ten by name."""
    listed = ", ".join(str(consumer) for consumer in consumers[:10])
    return listed + (f" and {len(consumers) - 10} more" if len(consumers) > 10 else "")
