# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a declaration of volumes, known before any host is asked."""

from __future__ import annotations

from typing import Any

from ansible_collections.berthage.swarm.plugins.module_utils import _declared

DOCUMENTATION = r"""
name: volume_problems
short_description: What is wrong with a declaration of Docker volumes
version_added: 0.1.0
author: "berthage contributors (@berthage)"
description:
  - Reads a list of volumes exactly as the module M(berthage.swarm.volumes) does, and returns what that would refuse
    whatever it found on a host. The list is empty when the volumes are well-declared.
  - It needs no host and no engine. The role P(berthage.swarm.docker_volumes#role) asks it before its first task on a
    host.
  - Passwords and keys are in none of the texts.
options:
  _input:
    description: The volumes, as for O(berthage.swarm.volumes#module:volumes).
    type: list
    elements: dict
    required: true
  on_drift:
    description: As for O(berthage.swarm.volumes#module:on_drift). What some volumes may declare depends on it.
    type: str
  owner:
    description: As for O(berthage.swarm.volumes#module:owner).
    type: str
  purge:
    description: As for O(berthage.swarm.volumes#module:purge).
    type: bool
  verify:
    description: As for O(berthage.swarm.volumes#module:verify).
    type: bool
  verify_timeout:
    description: As for O(berthage.swarm.volumes#module:verify_timeout).
    type: int
seealso:
  - module: berthage.swarm.volumes
"""

EXAMPLES = r"""
- name: Refuse what cannot be, before anything is done
  ansible.builtin.assert:
    that: problems == []
    fail_msg: "{{ problems | join('\n') }}"
  vars:
    problems: "{{ docker_volumes_list | berthage.swarm.volume_problems(on_drift=docker_volumes_on_drift) }}"
"""

RETURN = r"""
_value:
  description: The problems, one text for each, which names the volume, the field, what is wrong and what to do.
  type: list
  elements: str
"""


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"volume_problems": volume_problems}


def volume_problems(volumes: Any, **call: Any) -> list[str]:
    try:
        _declared.volumes(volumes, **call)
    except _declared.NotWellDeclared as wrong:
        return wrong.texts
    return []
