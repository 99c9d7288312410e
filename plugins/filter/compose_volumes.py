# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declared volumes as the section `volumes` of a Compose file."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.berthage.swarm.plugins.module_utils import _declared
from ansible_collections.berthage.swarm.plugins.module_utils._compose import volumes_section
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Refused

DOCUMENTATION = r"""
name: compose_volumes
short_description: Declared volumes as the volumes section of a Compose file
version_added: 0.1.0
author: "berthage contributors (@berthage)"
description:
  - Turns a list of volumes, as M(berthage.swarm.volumes) and the role P(berthage.swarm.docker_volumes#role) take it,
    into what a Compose file has under C(volumes).
  - The keys are the declared names, and so are the volumes' own names; Compose puts no project's name before them.
  - Volumes that are declared absent are left out. What the module refuses, this refuses too.
options:
  _input:
    description: The volumes, as for O(berthage.swarm.volumes#module:volumes).
    type: list
    elements: dict
    required: true
  external:
    description:
      - Name the volumes only, as ones that exist. Compose then never makes or removes them, which is right for
        volumes that M(berthage.swarm.volumes) makes.
      - When one is missing, C(docker compose) says so. A stack makes an empty local one in silence. So let the service
        run only on nodes that have the label O(berthage.swarm.docker_volumes#role:docker_volumes_ready_label).
      - V(false) describes them in full, with driver, options and labels, so that Compose makes them itself. They
        compare equal to their declaration. C(create_path) has no equal in Compose, so the directory must be there.
      - In full a volume with a secret in its options is refused, since the secret would stand in the Compose file.
    type: bool
    default: true
  on_drift:
    description: As for O(berthage.swarm.volumes#module:on_drift). What some volumes may declare depends on it.
    type: str
seealso:
  - plugin: berthage.swarm.compose_networks
    plugin_type: filter
  - module: berthage.swarm.volumes
"""

EXAMPLES = r"""
- name: Write a stack that uses the declared volumes and networks
  ansible.builtin.copy:
    content: "{{ stack | to_nice_yaml(sort_keys=false) }}"
    dest: /srv/stacks/web.yml
    mode: "0644"
  vars:
    stack:
      services:
        web:
          image: nginx:1.27
          volumes: ["media:/usr/share/nginx/html"]
          networks: [frontend]
      volumes: "{{ docker_volumes_list | berthage.swarm.compose_volumes }}"
      networks: "{{ docker_networks_list | berthage.swarm.compose_networks }}"

# In a template of a Compose file:
#
#   volumes:
#     {{ docker_volumes_list | berthage.swarm.compose_volumes | to_nice_yaml | indent(2) }}
"""

RETURN = r"""
_value:
  description: The section, by the names of the volumes.
  type: dict
  sample:
    media:
      name: media
      external: true
"""


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"compose_volumes": compose_volumes}


def compose_volumes(volumes: Any, external: Any = True, on_drift: Any = None) -> dict[str, dict[str, Any]]:
    try:
        return volumes_section(_declared.volumes(volumes, on_drift=on_drift), boolean(external))
    except (_declared.NotWellDeclared, Refused, TypeError) as error:
        raise AnsibleFilterError(f"compose_volumes: {error}") from error
