# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of networks share: arguments as Ansible hands them over, and answers as engines give them."""

from __future__ import annotations

from typing import Any, Mapping

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.berthage.swarm.plugins.module_utils._networks.observe import ActualNetwork, actual_network
from ansible_collections.berthage.swarm.plugins.module_utils._networks.spec import (
    ARGUMENTS,
    Declaration,
    Network,
    declaration,
)


def declare(*networks: Mapping[str, Any], **call: Any) -> Declaration:
    """A declaration, read the way the module reads it."""
    result = ArgumentSpecValidator(ARGUMENTS).validate({"networks": [dict(network) for network in networks], **call})
    assert not result.error_messages, result.error_messages
    return declaration(result.validated_parameters)


def declare_one(**network: Any) -> Network:
    return declare({"name": "app", **network}).networks[0]


def inspected(**fields: Any) -> dict[str, Any]:
    """An overlay as `GET /networks` lists it on a manager (engine 20.10), with some fields otherwise."""
    return {
        "Name": "app",
        "Id": "idofapp",
        "Created": "2026-11-21T05:00:00.000000000Z",
        "Scope": "swarm",
        "Driver": "overlay",
        "EnableIPv6": False,
        "IPAM": {"Driver": "default", "Options": None, "Config": [{"Subnet": "10.0.1.0/24", "Gateway": "10.0.1.1"}]},
        "Internal": False,
        "Attachable": False,
        "Ingress": False,
        "ConfigFrom": {"Network": ""},
        "ConfigOnly": False,
        "Containers": None,
        "Options": {"com.docker.network.driver.overlay.vxlanid_list": "4097"},
        "Labels": None,
        **fields,
    }


def actual(**fields: Any) -> ActualNetwork:
    return actual_network(inspected(**fields))
