# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose parent an interface is already."""

from __future__ import annotations

from typing import Iterator

from ansible_collections.berthage.swarm.plugins.module_utils._networks.drivers import PARENT_OPTION, WITH_PARENT
from ansible_collections.berthage.swarm.plugins.module_utils._networks.observe import ActualNetwork, Observed
from ansible_collections.berthage.swarm.plugins.module_utils._networks.outcome import AnyNetwork
from ansible_collections.berthage.swarm.plugins.module_utils._networks.spec import Declaration, Network
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem


def parent_problems(
    network: Network, declaration: Declaration, observed: Observed, besides: ActualNetwork | None = None
) -> Iterator[Problem]:
    """An interface has one network of a driver at most. `besides` is the one that the declared one replaces."""
    parent = network.driver_opts.get(PARENT_OPTION)
    if network.driver not in WITH_PARENT or not parent or network.config_only:
        return
    declared = {other.name for other in declaration.networks}
    others: list[AnyNetwork] = [other for other in declaration.networks if other.present and other.name != network.name]
    others += [other for other in observed.networks if other is not besides and other.name not in declared]
    for other in others:
        if other.driver == network.driver and other.driver_opts.get(PARENT_OPTION) == parent:
            yield Problem(
                network.name,
                "parent",
                f"{parent} is that of the {other.driver} network `{other.name}`, and an interface takes one of them",
                f"put the containers on `{other.name}`, or name a VLAN of the interface, such as {parent}.20",
            )
