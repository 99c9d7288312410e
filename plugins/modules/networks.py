#!/usr/bin/python

# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module networks: see DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
module: networks
short_description: Docker networks, a whole set in one call
version_added: 0.1.0
author: "berthage contributors (@berthage)"
description:
  - Creates, recreates and removes Docker networks, those of a Swarm and those of a host.
  - The whole list is one plan. Everything that must not be done (bad input, drift, overlapping subnets, networks in
    use) is found before anything changes, and reported at once.
  - An existing network is compared by meaning, in both directions. What the engine added by itself is no drift;
    what was declared at creation and is no longer declared is. The labels C(berthage.swarm.owner) and
    C(berthage.swarm.declared), set at creation, tell the one from the other.
  - Run it on a manager for networks of a Swarm. The role P(berthage.swarm.docker_networks#role) does so.
options:
  networks:
    description: The networks.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Its name.
          - Docker does not keep names unique. Where an engine has two networks of one name, that is an error which
            lists their ids.
        type: str
        required: true
      driver:
        description:
          - V(overlay), V(bridge), V(macvlan), V(ipvlan), or the name of a network plugin.
          - A plugin without a tag means its V(:latest). It has to be on every node that uses the network. One that this
            engine does not find is refused before anything changes, and so is, in a Swarm, one that Docker does not
            manage (C(docker plugin ls)).
          - Of the plugins in older tutorials, Weave Net was archived in 2024 and gets no fixes any more, see
            U(https://github.com/kubernetes/website/issues/56735).
          - An engine accepts V(ipvlan) on a kernel that has none. The first container then fails with C(operation not
            supported).
          - A configuration (O(networks[].config_only=true)) has no driver, and this is ignored for it.
          - V(host) and V(none) exist on every engine and are refused.
        type: str
        default: overlay
      swarm:
        description:
          - Whether the network belongs to the Swarm rather than to this host.
          - By default true for V(overlay) and false otherwise.
          - For V(macvlan) and V(ipvlan) this needs O(networks[].config_from).
        type: bool
      attachable:
        description: Whether containers that belong to no service can be attached too.
        type: bool
        default: false
      encrypted:
        description:
          - Whether the traffic between nodes is encrypted with IPsec. Overlays only.
          - V(false) means what it says. The engine's own option of this name encrypts whatever its value is, and is
            therefore never sent here unless this is V(true).
          - Every node needs ESP in its kernel, and IP protocol 50 open to the others. An engine accepts an
            encrypted network without either and then loses every packet.
        type: bool
        default: false
      internal:
        description: Whether the network has no way out to the hosts' own networks.
        type: bool
        default: false
      ingress:
        description:
          - Whether this is the network of the routing mesh. A Swarm has one, which is called C(ingress) at first.
          - Replacing it (O(on_drift=recreate)) is refused while services publish ports by it, and lists them.
            It keeps its name, and the former one is put back when the new one cannot be made.
        type: bool
        default: false
      mtu:
        description:
          - For an overlay the MTU of the hosts' network, from which the engine takes 50 bytes for VXLAN and about
            26 for encryption. For a bridge its own.
          - The engine's default is 1500. What containers get is returned as RV(networks[].effective_mtu).
        type: int
      subnets:
        description:
          - Address pools. The engine chooses where there are none, from its own or the Swarm's default pool; where that
            has too few left for what is declared, the call is refused before anything changes.
          - An overlay needs an address for each task, for each service (but those with C(endpoint_mode=dnsrr)), for
            each attached container and one on each node. A warning tells when it is too small for them or three
            quarters full, since tasks without an address wait without any error. A /24 holds 253, and Docker advises
            against more than about 250 on one network (U(https://github.com/moby/moby/issues/30820)).
          - A bridge takes one for each version of IP, an overlay takes several of IPv4.
          - Compared as networks, not as text, and in any order.
        type: list
        elements: dict
        default: []
        suboptions:
          subnet:
            description: The pool, as V(10.20.0.0/24).
            type: str
            required: true
          gateway:
            description: The gateway's address in it. The engine chooses by default.
            type: str
          ip_range:
            description: The part of the pool from which containers get their addresses.
            type: str
          aux_addresses:
            description:
              - Addresses that the engine is to give to nobody, by a name for each.
              - For bridges. Refused for V(overlay), since a Swarm drops them without a word; there,
                O(networks[].subnets[].ip_range) works.
            type: dict
            default: {}
      ipv6:
        description:
          - Whether the network has IPv6.
          - Refused for V(overlay), whose driver ignores IPv6 pools.
        type: bool
        default: false
      parent:
        description:
          - The host's interface for V(macvlan) and V(ipvlan), which also gives the MTU.
          - An interface takes one network of each of the two drivers; a second one is refused.
          - Required there, unless O(networks[].internal=true) or with O(networks[].config_from).
        type: str
      config_only:
        description:
          - Whether this is only a configuration, which networks name in O(networks[].config_from).
          - Local to its host, so declare it on every node; the role P(berthage.swarm.docker_networks#role) does so.
        type: bool
        default: false
      config_from:
        description:
          - The configuration on the same node that gives this network its subnets, parent and options.
          - None of those can be declared beside it, and no labels, which the engine refuses. Such a network therefore
            has no O(owner) written on it, and O(purge) leaves it alone.
        type: str
        default: ""
      driver_opts:
        description:
          - Further options of the driver, by their full names.
          - Those that the engine adds by itself are no drift. C(com.docker.network.driver.mtu) and C(encrypted) are
            understood as O(networks[].mtu) and O(networks[].encrypted).
        type: dict
        default: {}
      labels:
        description:
          - Labels. Only the declared ones are compared.
          - The labels of a network cannot be changed. A difference is a warning, never an error.
        type: dict
        default: {}
      state:
        description:
          - V(absent) removes the network. One that is in use stays, and the error lists by whom. So does one that
            another O(owner) made.
        type: str
        choices: [present, absent]
        default: present
  on_drift:
    description:
      - What to do with a network that is there and means something else.
      - V(fail) refuses the whole call, V(warn) leaves that network as it is and warns.
      - V(recreate) removes it and makes it anew. One that is in use is refused, and the refusal lists by whom, unless
        O(reattach) is V(true). Where the new one cannot be made, the former one is put back.
      - A difference in labels alone recreates a network that nobody uses, and is a warning on one in use.
      - A network of another O(owner) is never recreated.
    type: str
    choices: [fail, warn, recreate]
    default: fail
  reattach:
    description:
      - Whether O(on_drift=recreate) may do so under those who use the network. Containers of this engine keep running,
        without that network for a moment, and get their aliases, fixed addresses, links and driver options back.
        Services get the network back where it was in their specification. Each of the two updates that this takes
        replaces their tasks by the service's own update policy; RV(networks[].reattached) tells how many were started.
      - Refused while containers on other nodes are attached, which are named, and where a fixed address would be lost.
        A fixed MAC address is refused as well on engines from 25 on, which ignore it when a container is attached
        again.
      - Where something fails on the way, the former network and everybody on it are restored, and the error says so.
      - What is to be given back is kept in the engine meanwhile, or in the Swarm for its networks, under the name
        C(berthage-reattach-) with the network's. The next run after one that was killed goes on from there. Two
        runs at once do not get into each other's way; the second one waits.
      - After this C(docker service rollback) goes back to the specification without the network.
    type: bool
    default: false
  owner:
    description: Value of the label C(berthage.swarm.owner) on what is created here.
    type: str
    default: default
  purge:
    description:
      - Whether to remove networks of this O(owner) that are not listed. One that is in use stays, with a warning.
        So does one that an interrupted run has detached somebody from.
      - Needs an O(owner) of its own, since V(default) is everybody who names none.
      - On a manager this is about the networks of the Swarm and those of this host, on a worker about the latter. See
        O(purge_scope).
      - Which containers of other nodes are on a network of the Swarm is known only of those that run.
    type: bool
    default: false
  purge_scope:
    description:
      - What O(purge) may take.
      - V(all) takes networks of this host, and on a manager those of the Swarm as well. O(networks) then has to list
        all of them.
      - V(local) takes networks of this host alone. Use it on every manager but one where O(networks) lists the Swarm's
        networks on one of them only; the role P(berthage.swarm.docker_networks#role) does so.
    type: str
    choices: [all, local]
    default: all
extends_documentation_fragment:
  - berthage.swarm.attributes
  - berthage.swarm.engine
seealso:
  - module: community.docker.docker_network
"""

EXAMPLES = r"""
- name: Networks of the Swarm (on a manager)
  berthage.swarm.networks:
    networks:
      - name: frontend
        attachable: true
      - name: backend
        attachable: true
        encrypted: true
        internal: true
        subnets:
          - subnet: 10.20.0.0/24
            gateway: 10.20.0.1

- name: A bridge on this host
  berthage.swarm.networks:
    networks:
      - name: build
        driver: bridge
        mtu: 1400

- name: Change a network under the services and containers that use it
  berthage.swarm.networks:
    on_drift: recreate
    reattach: true
    networks:
      - name: backend
        attachable: true
        encrypted: true
        internal: true
        mtu: 1400

- name: Replace the network of the routing mesh, by which no service may publish ports then
  berthage.swarm.networks:
    on_drift: recreate
    networks:
      - name: ingress
        ingress: true
        mtu: 1400
        subnets:
          - subnet: 10.30.0.0/16

- name: A macvlan in a Swarm, first the configuration (on every node)
  berthage.swarm.networks:
    networks:
      - name: lan-here
        config_only: true
        parent: eth1
        subnets:
          - subnet: 192.0.2.0/24
            ip_range: 192.0.2.64/28

- name: Then the network (on a manager)
  berthage.swarm.networks:
    networks:
      - name: lan
        driver: macvlan
        swarm: true
        attachable: true
        config_from: lan-here

- name: All networks of one owner, and no others
  berthage.swarm.networks:
    owner: shop
    purge: true
    networks:
      - name: frontend
        attachable: true
      - name: backend
        internal: true

- name: Remove a network that nothing uses
  berthage.swarm.networks:
    networks:
      - name: old
        state: absent
"""

RETURN = r"""
networks:
  description: One outcome for each declared network, removals first, and with O(purge) for each one that is not listed.
  returned: always, once the arguments were understood
  type: list
  elements: dict
  contains:
    name:
      description: The network's name.
      type: str
      sample: backend
    action:
      description:
        - What was done, or in check mode would be.
        - V(none) means that there is nothing, as declared, or because what was created here had to be taken back.
      type: str
      sample: create
      choices: [create, keep, recreate, remove, none, refused]
    drift:
      description: Fields whose meaning differs from what is there.
      type: list
      elements: dict
      contains:
        field:
          description: Name of the field.
          type: str
          sample: encrypted
        declared:
          description: What is declared, null for nothing.
          type: raw
          sample: true
        actual:
          description: What is there, null for nothing.
          type: raw
          sample: false
    consumers:
      description: Who uses the network.
      type: list
      elements: dict
      contains:
        kind:
          description:
            - A container of this engine, an attached container of another node, a service, or a network that takes this
              configuration.
          type: str
          choices: [container, attachment, service, network]
        name:
          description: Its name, or the first part of its id where only that is known.
          type: str
        id:
          description: Its id.
          type: str
        node:
          description: The node it runs on, empty for a service.
          type: str
        state:
          description: Its state, as the engine says it.
          type: str
    message:
      description: Why, where there is something to say.
      type: str
    id:
      description: The network's id, null where it does not exist.
      type: str
    driver:
      description: Its driver.
      type: str
      sample: overlay
    scope:
      description: Whether it belongs to the Swarm or to one host.
      type: str
      choices: [swarm, local]
    attachable:
      description: Whether containers of no service can be attached.
      type: bool
    encrypted:
      description: Whether traffic between nodes is encrypted.
      type: bool
    internal:
      description: Whether it has no way out.
      type: bool
    subnets:
      description: Its address pools, with those that the engine chose.
      type: list
      elements: dict
      sample: [{"subnet": "10.20.0.0/24", "gateway": "10.20.0.1"}]
    effective_mtu:
      description: The MTU that containers get on it.
      type: int
      sample: 1450
    reattached:
      description: Who was detached and attached again.
      returned: when the network was recreated
      type: list
      elements: dict
      contains:
        kind:
          description: What it is.
          type: str
          choices: [container, service]
        name:
          description: Its name.
          type: str
        id:
          description: Its id.
          type: str
        restarts:
          description: How many tasks of the service were started in place of others. A container keeps running.
          type: int
problems:
  description: Why the call was refused, one entry for each reason.
  returned: when refused
  type: list
  elements: dict
  contains:
    item:
      description: The network, or the networks.
      type: str
    field:
      description: The field that is wrong.
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

from ansible_collections.berthage.swarm.plugins.module_utils._engine import ENGINE_ARGUMENTS, Engine, EngineError
from ansible_collections.berthage.swarm.plugins.module_utils._networks import capacity, journal, spec
from ansible_collections.berthage.swarm.plugins.module_utils._networks.apply import VerificationFailed, carry_out
from ansible_collections.berthage.swarm.plugins.module_utils._networks.attachments import Pending, pending
from ansible_collections.berthage.swarm.plugins.module_utils._networks.making import explained
from ansible_collections.berthage.swarm.plugins.module_utils._networks.observe import Observed, observe
from ansible_collections.berthage.swarm.plugins.module_utils._networks.plan import plan
from ansible_collections.berthage.swarm.plugins.module_utils._networks.plugins import with_plugins
from ansible_collections.berthage.swarm.plugins.module_utils._plan import KEEP, Run, StepFailed
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Refused


def main() -> None:
    module = AnsibleModule(argument_spec={**spec.ARGUMENTS, **ENGINE_ARGUMENTS}, supports_check_mode=True)
    result: dict[str, Any] = {"changed": False}
    try:
        declaration = spec.declaration(module.params)
        engine = Engine.connect(module.params)
        observed, to_give_back = _look(engine, declaration, patiently=not module.check_mode)
        observed = with_plugins(engine, declaration.networks, observed)
        run = Run(plan(declaration, observed, to_give_back), "networks")
    except Refused as refusal:
        module.fail_json(msg=str(refusal), problems=[problem.as_dict() for problem in refusal.problems], **result)
    except EngineError as error:
        module.fail_json(msg=explained(str(error)), **result)

    try:
        run.refuse_if_any()
        if module.check_mode:
            run.pretend()
        else:
            carry_out(engine, declaration, observed, to_give_back, run, module.warn)
    except Refused as refusal:
        problems = [problem.as_dict() for problem in refusal.problems]
        module.fail_json(msg=str(refusal), problems=problems, **run.result())
    except (StepFailed, VerificationFailed, EngineError) as error:
        module.fail_json(msg=explained(str(error)), **run.result())

    for step in run.steps:
        if step.action == KEEP and step.message:
            module.warn(f"{step.name}: {step.message}")
    for name, text in capacity.warnings(declaration, observed):
        module.warn(f"{name}: {text}")
    module.exit_json(**run.result())


def _look(engine: Engine, declaration: spec.Declaration, patiently: bool) -> tuple[Observed, dict[str, Pending]]:
    """What is there, once no other run is changing it."""
    names = [network.name for network in declaration.networks]
    observed = observe(engine, names)
    to_give_back = pending(engine, declaration, observed)
    begun = [name for name, each in to_give_back.items() if name in names and each.found is not None]
    if begun and patiently and journal.wait_for_others(engine, begun, observed.swarm.is_manager):
        observed = observe(engine, names)
        to_give_back = pending(engine, declaration, observed)
    return observed, to_give_back


if __name__ == "__main__":
    main()
