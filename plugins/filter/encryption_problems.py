# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in the way of encrypted overlays, from what the nodes answered."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._networks import encryption

DOCUMENTATION = r"""
name: encryption_problems
short_description: What stands in the way of encrypted overlays
version_added: 0.1.0
author: "berthage contributors (@berthage)"
description:
  - Turns what the nodes answered in the role P(berthage.swarm.docker_networks#role) into what is wrong on each of them.
  - Made for that role. The answers' form may change with any release.
positional: mtus
options:
  _input:
    description: The answers, by node.
    type: dict
    required: true
  mtus:
    description: By encrypted network, the MTU of the underlay that it counts on.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what is wrong on each node
  ansible.builtin.debug:
    msg: "{{ answers | berthage.swarm.encryption_problems({'backend': 1500}) }}"
"""

RETURN = r"""
_value:
  description: By node, the problems, one text for each, which names the node, what is wrong, why, and what to do.
  type: dict
"""


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"encryption_problems": encryption_problems}


def encryption_problems(answers: Mapping[str, Any], mtus: Mapping[str, int]) -> dict[str, list[str]]:
    return encryption.problems(answers, mtus)
