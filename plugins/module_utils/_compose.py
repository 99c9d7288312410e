# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declared volumes and networks as the sections of a Compose file.

The measure is the Compose specification, which `docker compose` and `docker stack` read:
https://github.com/compose-spec/compose-spec, 06-networks.md and 07-volumes.md.
"""

from __future__ import annotations

from typing import Any, Iterator, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._networks.making import creation_request
from ansible_collections.berthage.swarm.plugins.module_utils._networks.spec import Declaration as Networks
from ansible_collections.berthage.swarm.plugins.module_utils._networks.spec import Network
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem, refuse_if_any
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends import secret_values
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.spec import Declaration as Volumes
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.spec import Volume


def volumes_section(declared: Volumes, external: bool) -> dict[str, dict[str, Any]]:
    """The volumes that are to be there, by their names.

    Raises:
        Refused: in full, a volume has a secret in its options.
    """
    present = [volume for volume in declared.volumes if volume.present]
    if external:
        return {volume.name: _external(volume.name) for volume in present}
    refuse_if_any(problem for volume in present for problem in _secrets(volume))
    return {volume.name: _volume(volume) for volume in present}


def networks_section(declared: Networks, external: bool) -> dict[str, dict[str, Any]]:
    """The networks that are to be there, by their names."""
    present = [network for network in declared.networks if network.present]
    return {network.name: _external(network.name) if external else _network(network) for network in present}


def _external(name: str) -> dict[str, Any]:
    # Without a name of its own, Compose would put the project's before it.
    return {"name": name, "external": True}


def _secrets(volume: Volume) -> Iterator[Problem]:
    if secret_values(volume.driver_opts):
        yield Problem(
            volume.name,
            volume.backend,
            "its options hold a secret, which in full would stand in the Compose file for whoever reads that",
            "use the external form (external=true), and have the volume made by berthage.swarm.volumes",
        )


def _volume(volume: Volume) -> dict[str, Any]:
    described = {
        "name": volume.name,
        "driver": volume.driver,
        "driver_opts": _literal(volume.driver_opts),
        "labels": _literal(volume.labels),
    }
    return _without_empty(described)


def _network(network: Network) -> dict[str, Any]:
    # Options as our own module would have the engine make them, encryption and MTU among them.
    options = creation_request(network, owner="")["Options"]
    pools = [subnet.as_dict() for subnet in network.subnets]
    described = {
        "name": network.name,
        "driver": network.driver,
        "driver_opts": _literal(options),
        "attachable": network.attachable,
        "internal": network.internal,
        "enable_ipv6": network.ipv6,
        "ipam": {"config": pools} if pools else {},
        "labels": _literal(network.labels),
    }
    return _without_empty(described)


def _literal(values: Mapping[str, str]) -> dict[str, str]:
    """Values that Compose leaves as they are: it puts variables in where a single dollar stands."""
    return {name: value.replace("$", "$$") for name, value in values.items()}


def _without_empty(described: Mapping[str, Any]) -> dict[str, Any]:
    """What is false or empty is the default, and `docker stack` knows no `enable_ipv6`."""
    return {field: value for field, value in described.items() if value}
