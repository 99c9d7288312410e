#!/usr/bin/python
# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network_info
short_description: Tell what the networks of one engine are, who is on them, and who reaches whom
version_added: 0.1.0
description:
  - Returns the networks that an engine knows by what their options mean, as M(berthage.swarm.networks) compares them,
    with who owns them and who uses them.
  - Tells from the memberships which services and containers can reach each other, and by which networks. Nothing is
    sent for that; the playbook C(berthage.swarm.verify) proves it by traffic.
  - Without O(names), O(labels) and O(owner) these are all networks. With several of them a network must match each.
  - Ask a manager for what concerns the Swarm. A worker knows neither its services nor the networks that nothing on it
    uses; see RV(services_known).
  - Driver options and labels that are secret by their names are shown as V((hidden\)).
author:
  - berthage contributors (@berthage)
extends_documentation_fragment:
  - berthage.swarm.engine
attributes:
  check_mode:
    description: Reads only.
    support: full
  diff_mode:
    description: Nothing is changed, so there is no difference to show.
    support: none
  idempotent:
    description: Reads only.
    support: full
options:
  names:
    description:
      - The networks to tell of. An empty list is none.
      - One that does not exist is no error, see RV(missing).
    type: list
    elements: str
  labels:
    description: Only networks with these labels. A label whose value is null may have any value.
    type: dict
    default: {}
  owner:
    description: Only networks of this owner, as O(berthage.swarm.networks#module:owner) has it.
    type: str
seealso:
  - module: berthage.swarm.networks
  - module: berthage.swarm.volume_info
  - module: community.docker.docker_network_info
"""

EXAMPLES = r"""
- name: All networks that a manager knows
  berthage.swarm.network_info:
  register: docker

- name: Who uses each
  ansible.builtin.debug:
    msg: "{{ item.name }}: {{ item.consumers | map(attribute='name') | join(', ') }}"
  loop: "{{ docker.networks }}"
  loop_control:
    label: "{{ item.name }}"

- name: See that only the application reaches the database
  ansible.builtin.assert:
    that: db.reaches | map(attribute='title') == ['service app']
  vars:
    # Being on one network is mutual: whom the database reaches is who reaches it.
    db: "{{ docker.reachability | selectattr('title', 'eq', 'service db') | first }}"

- name: Which networks of one owner nobody uses
  berthage.swarm.network_info:
    owner: web
  register: web

- name: Name them
  ansible.builtin.debug:
    msg: "{{ web.networks | selectattr('consumers', 'eq', []) | map(attribute='name') }}"
  when: web.services_known
"""

RETURN = r"""
networks:
  description: The networks, by name.
  returned: success
  type: list
  elements: dict
  sample:
    - name: backend
      id: m099nykrfgf9xqk1tb4q7qj8z
      driver: overlay
      scope: swarm
      fields:
        attachable: true
        encrypted: true
        internal: true
        ingress: false
        ipv6: false
        mtu: null
        config_only: false
        config_from: null
        ipam_driver: default
      subnets: [{subnet: 10.20.0.0/24, gateway: 10.20.0.1}]
      effective_mtu: 1424
      driver_opts: {com.docker.network.driver.overlay.vxlanid_list: "4100"}
      labels: {berthage.swarm.owner: default, berthage.swarm.declared: "attachable,encrypted,internal"}
      owner: default
      consumers: [{kind: service, name: app, id: 5tq9f1f2x7kd, node: "", state: ""}]
      created_at: "2026-01-01T00:00:00Z"
  contains:
    name:
      description: The network's name.
      type: str
    id:
      description: Its id.
      type: str
    driver:
      description: Its driver.
      type: str
    scope:
      description: Whether it belongs to the Swarm or to one host.
      type: str
      choices: [swarm, local]
    fields:
      description: Its options by what they mean, as M(berthage.swarm.networks) names them.
      type: dict
      contains:
        attachable:
          description: Whether containers of no service can be attached.
          type: bool
        encrypted:
          description: Whether traffic between nodes is encrypted.
          type: bool
        internal:
          description: Whether it has no way out.
          type: bool
        ingress:
          description: Whether it is the routing mesh's.
          type: bool
        ipv6:
          description: Whether it has IPv6.
          type: bool
        mtu:
          description: The MTU that it was made with, null for the engine's default.
          type: int
        config_only:
          description: Whether it is only the configuration of others.
          type: bool
        config_from:
          description: The network whose configuration it has, or null.
          type: str
        ipam_driver:
          description: What gives it its addresses.
          type: str
    subnets:
      description: Its address pools, with those that the engine chose.
      type: list
      elements: dict
    effective_mtu:
      description: The MTU that containers get on it.
      type: int
    driver_opts:
      description: The other options as the engine has them.
      type: dict
    labels:
      description: The labels.
      type: dict
    owner:
      description: The owner, or null where M(berthage.swarm.networks) did not make the network.
      type: str
    consumers:
      description: Who uses the network.
      type: list
      elements: dict
      contains:
        kind:
          description:
            - A container of this engine in whatever state and, on a manager, an attached container of another node or
              a service.
          type: str
          choices: [container, attachment, service]
        name:
          description: Its name, or the first part of its id where only that is known.
          type: str
        id:
          description: Its id.
          type: str
        node:
          description: The node where it is, empty for a service.
          type: str
        state:
          description: Its state, as the engine says it.
          type: str
    created_at:
      description: When the network was made, as the engine says it.
      type: str
reachability:
  description:
    - Services, containers of no service, and attached containers of other nodes, each with those whom it reaches. With
      O(names), O(labels) or O(owner) only who is on one of those networks.
    - This is what follows from being on networks. A firewall in a container, or on the way of what leaves a node, is
      not known to the engine.
  returned: success
  type: list
  elements: dict
  sample:
    - title: service app
      kind: service
      name: app
      id: 5tq9f1f2x7kd
      state: 2 of 2 tasks run
      running: true
      nodes: {node1: 1, node2: 1}
      networks: [{name: backend, id: m099nykrfgf9xqk1tb4q7qj8z}]
      on_host: false
      inside: null
      way_out: false
      published: []
      reaches: [{title: service db, by: [backend]}]
  contains:
    title:
      description: Kind and name, and of a container the node. It is unique.
      type: str
    kind:
      description: As in RV(networks[].consumers[].kind).
      type: str
      choices: [container, attachment, service]
    name:
      description: Its name.
      type: str
    id:
      description: Its id.
      type: str
    state:
      description: The state of a container as the engine says it, or how many tasks of a service run.
      type: str
    running:
      description:
        - Whether it runs, of a service whether any of its tasks does.
        - RV(reachability[].reaches) is told of stopped ones as well, since it holds once they run.
      type: bool
    nodes:
      description: The nodes where it runs, of a service with the number of its running tasks.
      type: dict
    networks:
      description: The networks it is on, by name and id, or those of the container in whose network it is.
      type: list
      elements: dict
    on_host:
      description: Whether it uses the network of its host.
      type: bool
    inside:
      description: The id of the container whose network it uses (C(network_mode) V(container:X\)), or null.
      type: str
    way_out:
      description: Whether it can send to what is not on its networks, and so to published ports.
      type: bool
    published:
      description: The ports on which it is reached from outside, and by all that have a way out.
      type: list
      elements: dict
      contains:
        published:
          description: The port on the node.
          type: int
        target:
          description: The port behind it.
          type: int
        protocol:
          description: The protocol.
          type: str
        mode:
          description: V(ingress), where all nodes answer, or V(host), where the node of the task or container does.
          type: str
        address:
          description: The one address of the node at which it answers, empty for all.
          type: str
    reaches:
      description: Whom it reaches on any port. Whoever is not named here cannot be reached by a network.
      type: list
      elements: dict
      contains:
        title:
          description: The other's title.
          type: str
        by:
          description:
            - The names of the networks that both are on.
            - V(localhost) where both are in one container's network; V(host) where one of them uses the network of its
              host, which all containers of that host can reach, and others with a way out.
          type: list
          elements: str
missing:
  description: The O(names) that no network has.
  returned: success
  type: list
  elements: str
node:
  description: The engine that was asked.
  returned: success
  type: dict
  contains:
    name:
      description: The name of its host.
      type: str
    role:
      description: V(manager) or V(worker) in a Swarm, else its state there, such as V(inactive).
      type: str
    engine:
      description: Its version.
      type: str
    address:
      description: Its address in the Swarm, or null.
      type: str
services_known:
  description:
    - Whether the services that use networks could be listed. A worker of a Swarm cannot, nor can a manager while the
      Swarm has no majority of its managers.
  returned: success
  type: bool
services_unknown_because:
  description: Why they could not, and what to do. Null where they could.
  returned: success
  type: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.berthage.swarm.plugins.module_utils import _asked
from ansible_collections.berthage.swarm.plugins.module_utils._engine import ENGINE_ARGUMENTS, Engine, EngineError
from ansible_collections.berthage.swarm.plugins.module_utils._networks import info


def main() -> None:
    module = AnsibleModule({**_asked.ARGUMENTS, **ENGINE_ARGUMENTS}, supports_check_mode=True)
    try:
        result = _look(module)
    except EngineError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **result)


def _look(module: AnsibleModule) -> dict[str, Any]:
    seen = info.look(Engine.connect(module.params))
    asked = _asked.wanted(module.params)
    networks = seen.answers.networks
    return {
        **info.result(seen, _asked.select(networks, asked), asked.everything),
        "missing": _asked.missing(networks, asked),
    }


if __name__ == "__main__":
    main()
