#!/usr/bin/python
# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the firewall of an NFS server lets through."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nfs_firewall
short_description: Let the clients of an NFS server through its firewall, and nobody else
version_added: 0.1.0
description:
  - Opens ports to the declared sources in the firewall that is in use, now and for the next boot, and closes what it
    opened before under the same O(name) and is no longer declared. Rules of others stay as they are.
  - Installs no firewall and turns none on. Where none is in use, nothing has to be opened, and nothing is done.
  - The role P(berthage.swarm.nfs_server#role) calls it with the clients of the exports.
author:
  - berthage contributors (@berthage)
extends_documentation_fragment:
  - berthage.swarm.attributes
options:
  name:
    description:
      - Mark of our rules. Two tasks with different names do not close what the other one opens.
    type: str
    default: berthage
  sources:
    description:
      - Addresses and networks to which the ports are open. An empty list closes all that this O(name) has opened.
      - V(*) is everyone, V(0.0.0.0/0) everyone with IPv4 and V(::/0) with IPv6. Names of hosts and netgroups are
        refused, since a firewall looks them up once, if at all.
    type: list
    elements: str
    required: true
  ports:
    description:
      - Ports with their protocol. NFSv3 needs more than the default one.
    type: list
    elements: str
    default: [2049/tcp]
  firewall:
    description:
      - V(auto) is the one that is in use, found in the order V(firewalld), V(ufw), V(nftables).
      - V(firewalld) gets rich rules in the active zones and the default one, known by a priority made from O(name) and
        behind all rules without a priority, so that what those deny stays denied. Zones that accept everything are
        left out.
      - V(ufw) gets rules with a comment, behind those that are there; one before them that denies the same still does.
        ufw keeps one rule for each source, port and protocol. Where somebody else has one that allows the same, it is
        left as it is, now and later; one that denies just that is refused. The comment has each O(name) that wants it.
      - V(nftables) gets a jump to a chain of ours in each chain of the input hook that drops what it does not know,
        right before it drops. C(nftables.service) has to load the ruleset; a drop-in of it starts a unit
        C(berthage-nfs-firewall-NAME.service) afterwards, which finds that place anew. Where it cannot, it is a failed
        unit. Who loads the ruleset by hand has to start that unit, too.
      - Rules made with C(iptables) are not looked at.
    type: str
    choices: [auto, nftables, firewalld, ufw]
    default: auto
requirements:
  - Python 3.8 or newer
  - the firewall's own command (C(firewall-cmd) 0.7 or newer, C(ufw), or C(nft) with JSON)
seealso:
  - module: berthage.swarm.nfs_exports
"""

EXAMPLES = r"""
- name: Let the hosts of a Swarm reach the NFS server
  berthage.swarm.nfs_firewall:
    sources: [10.0.0.0/24]

- name: Let them use NFSv3 as well
  berthage.swarm.nfs_firewall:
    sources: [10.0.0.0/24]
    ports: [2049/tcp, 111/tcp, 111/udp, 20048/tcp, 32765/tcp, 32765/udp, 32767/tcp, 32767/udp]

- name: Close what was opened
  berthage.swarm.nfs_firewall:
    sources: []
"""

RETURN = r"""
firewall:
  description: The firewall in use; V(none) where nothing had to be opened.
  returned: unless the arguments were refused
  type: str
  sample: nftables
rules:
  description: What happened to each opening; those that were closed come last.
  returned: unless the arguments were refused
  type: list
  elements: dict
  contains:
    name:
      description: Source, port and protocol.
      type: str
    action:
      description: What was done, or in check mode would be done.
      type: str
      choices: [create, update, remove, keep]
    drift:
      description: Always empty; an opening is there or not.
      type: list
      elements: dict
    message:
      description: What is to be said about it.
      type: str
  sample:
    - name: 10.0.0.0/24 to 2049/tcp
      action: create
      drift: []
      message: ""
problems:
  description: Why the call was refused, one entry for each reason.
  returned: when refused
  type: list
  elements: dict
  contains:
    item:
      description: The source, the port or the firewall.
      type: str
    field:
      description: The option that is wrong.
      type: str
    message:
      description: What is wrong with it, and why.
      type: str
    remedy:
      description: What to do.
      type: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.berthage.swarm.plugins.module_utils import _plan
from ansible_collections.berthage.swarm.plugins.module_utils._nfs import firewall, firewall_host
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.errors import ServerError
from ansible_collections.berthage.swarm.plugins.module_utils._plan import Run, Step, StepFailed
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Refused, refuse_if_any


def main() -> None:
    module = AnsibleModule(argument_spec=firewall.ARGUMENTS, supports_check_mode=True)
    result: dict[str, Any] = {}
    try:
        wanted = firewall.wanted(module.params)
        state = firewall_host.observe(wanted)
        run = Run(_steps(wanted, state), "rules")
        result = {"firewall": state.firewall}
        refuse_if_any(state.problems)
    except Refused as refusal:
        problems = [one.as_dict() for one in refusal.problems]
        module.fail_json(msg=str(refusal), changed=False, problems=problems, **result)
    except ServerError as error:
        module.fail_json(msg=str(error), changed=False)

    if module.check_mode:
        run.pretend()
        module.exit_json(**result, **run.result())
    try:
        if state.firewall == firewall.NFTABLES:
            if any(step.changes for step in run.steps):
                firewall_host.replace(state, wanted)
            run.apply(lambda step: None, failures=())
        else:
            run.apply(lambda step: firewall_host.open_or_close(state, wanted, step), failures=(ServerError,))
    except (StepFailed, ServerError) as error:
        module.fail_json(msg=str(error), **result, **run.result())
    module.exit_json(**result, **run.result())


def _steps(wanted: firewall.Wanted, state: firewall_host.State) -> tuple[Step, ...]:
    if state.firewall == firewall_host.NONE:
        return ()
    possible = [opening for opening in wanted.openings if opening not in state.impossible]
    steps = firewall.steps(possible, state.full, state.partly)
    if state.in_order or any(step.changes for step in steps):
        return steps
    repair = Step(
        state.firewall, _plan.UPDATE, after={}, message="the rules were not in their place, or not for the next boot"
    )
    return (*steps, repair)


if __name__ == "__main__":
    main()
