# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declared networks as the section `networks` of a Compose file."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.berthage.swarm.plugins.module_utils import _declared
from ansible_collections.berthage.swarm.plugins.module_utils._compose import networks_section

DOCUMENTATION = r"""
name: compose_networks
short_description: Declared networks as the networks section of a Compose file
version_added: 0.1.0
author: "berthage contributors (@berthage)"
description:
  - Turns a list of networks, as M(berthage.swarm.networks) and the role P(berthage.swarm.docker_networks#role) take it,
    into what a Compose file has under C(networks).
  - The keys are the declared names, and so are the networks' own names; Compose puts no project's name before them.
  - Networks that are declared absent are left out. What the module refuses, this refuses too.
options:
  _input:
    description: The networks, as for O(berthage.swarm.networks#module:networks).
    type: list
    elements: dict
    required: true
  external:
    description:
      - Name the networks only, as ones that exist. Compose then never makes or removes them, which is right for
        networks that M(berthage.swarm.networks) makes.
      - V(false) describes them in full, so that Compose makes them itself. They compare equal to their declaration.
        C(docker stack) has a stricter reading than C(docker compose) and takes neither C(gateway) and C(ip_range) of a
        subnet nor C(enable_ipv6), and refuses services on a bridge.
    type: bool
    default: true
seealso:
  - plugin: berthage.swarm.compose_volumes
    plugin_type: filter
  - module: berthage.swarm.networks
"""

EXAMPLES = r"""
- name: Show the section as it goes into a Compose file
  ansible.builtin.debug:
    msg: "{{ {'networks': docker_networks_list | berthage.swarm.compose_networks} | to_nice_yaml }}"

- name: The same, for a Compose file that makes the networks itself
  ansible.builtin.debug:
    msg: "{{ {'networks': docker_networks_list | berthage.swarm.compose_networks(external=false)} | to_nice_yaml }}"
"""

RETURN = r"""
_value:
  description: The section, by the names of the networks.
  type: dict
  sample:
    frontend:
      name: frontend
      external: true
"""


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"compose_networks": compose_networks}


def compose_networks(networks: Any, external: Any = True) -> dict[str, dict[str, Any]]:
    try:
        return networks_section(_declared.networks(networks), boolean(external))
    except (_declared.NotWellDeclared, TypeError) as error:
        raise AnsibleFilterError(f"compose_networks: {error}") from error
