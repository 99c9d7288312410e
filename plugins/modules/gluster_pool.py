#!/usr/bin/python
# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The trusted storage pool of GlusterFS, as a set of hosts."""

from __future__ import annotations

DOCUMENTATION = r"""
module: gluster_pool
short_description: The hosts of a GlusterFS pool
version_added: 0.1.0
description:
  - Adds hosts to the trusted storage pool of the host on which it runs, and waits until each of them is connected,
    to this host and to each other.
  - Run it on one host of the pool. When the pool exists already, that host must be one of its members.
  - A host is the same by whatever name it is called, short name, full name or address. What the pool calls it and what
    its name resolves to are both looked at, so that another spelling is no change.
  - Hosts that are in the pool and not listed stay in it.
options:
  peers:
    description:
      - Host names or addresses. The host on which the module runs may be among them.
      - Use what B(every) host of the pool can reach. The pool remembers the name by which a host was added.
    type: list
    elements: str
    required: true
  state:
    description:
      - V(present) adds those hosts that are no members yet.
      - V(absent) detaches them. A host with bricks is refused, and so is one that is not connected.
    type: str
    default: present
    choices: [present, absent]
  timeout:
    description: How many seconds to wait, for all of the hosts together, until they are connected.
    type: int
    default: 60
extends_documentation_fragment:
  - berthage.swarm.attributes
requirements:
  - Python 3.8 or newer
  - GlusterFS 10 or newer (Debian and Ubuntu C(glusterfs-server)), its daemon running on each of the hosts
  - Port 24007/tcp open between them
author:
  - berthage contributors (@berthage)
seealso:
  - module: berthage.swarm.gluster_volumes
"""

EXAMPLES = r"""
- name: Make a pool of three hosts
  berthage.swarm.gluster_pool:
    peers: [g1, g2, g3]

- name: Let a host go that has no bricks any more
  berthage.swarm.gluster_pool:
    peers: [g3]
    state: absent
"""

RETURN = r"""
peers:
  description: One entry for each host of O(peers), in their order.
  returned: always, unless the arguments are wrong or glusterd does not answer
  type: list
  elements: dict
  contains:
    name:
      description: The host as it was given.
      type: str
      sample: g2
    action:
      description: V(create) for a host that was added, V(remove) for a detached one, V(keep), V(none), V(refused).
      type: str
      sample: create
    drift:
      description: Always empty; here for the likeness with the other modules.
      type: list
      elements: dict
    message:
      description: What else there is to say, for instance by which name the pool knows the host.
      type: str
      sample: known to the pool as 10.0.0.12
    uuid:
      description: The host's UUID in the pool, V(null) for one that is no member.
      type: str
    hostnames:
      description: The names by which this host knows it.
      type: list
      elements: str
    connected:
      description: Whether it is connected.
      type: bool
    state:
      description: Its state in gluster's words.
      type: str
      sample: Peer in Cluster
problems:
  description: Why the call was refused, one entry for each reason.
  returned: when refused
  type: list
  elements: dict
  contains:
    item:
      description: The host.
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

import time
from typing import Any, Iterable

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.berthage.swarm.plugins.module_utils import _host_lock
from ansible_collections.berthage.swarm.plugins.module_utils._gluster import pool as pools
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.cli import Gluster, GlusterError
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.hosts import look_up, why_unreachable
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.pool import Pool, PoolSpec
from ansible_collections.berthage.swarm.plugins.module_utils._plan import CREATE, Run, Step, StepFailed
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Refused, refuse_if_any

PAUSE = 0.5
# Seconds for another run on this host to end; one that heals or moves data takes its time.
LOCK_PATIENCE = 900.0


def main() -> None:
    module = AnsibleModule(argument_spec=pools.ARGUMENTS, supports_check_mode=True)
    gluster = Gluster()
    try:
        spec = pools.pool_spec(module.params)
        if not module.check_mode:
            _host_lock.take("glusterfs", LOCK_PATIENCE)
        deadline = time.monotonic() + spec.timeout
        pool = observe(gluster, spec, deadline)
    except Refused as refusal:
        module.fail_json(msg=str(refusal), problems=[problem.as_dict() for problem in refusal.problems], changed=False)
    except (GlusterError, _host_lock.Busy) as error:
        module.fail_json(msg=str(error), changed=False)

    run = Run(pools.pool_steps(spec, pool), "peers")
    try:
        run.refuse_if_any()
        if module.check_mode:
            run.pretend()
        else:
            run.apply(lambda step: carry_out(gluster, spec, step, deadline), (GlusterError, Refused))
            verify(gluster, spec, run, deadline)
    except Refused as refusal:
        problems = [problem.as_dict() for problem in refusal.problems]
        module.fail_json(msg=str(refusal), problems=problems, **so_far(gluster, run))
    except StepFailed as failure:
        module.fail_json(msg=str(failure), **failure.why, **so_far(gluster, run))
    except GlusterError as error:
        module.fail_json(msg=str(error), **so_far(gluster, run))
    module.exit_json(**run.result())


def so_far(gluster: Gluster, run: Run) -> dict[str, Any]:
    """The result of a run that stopped half-way: a host that was added and is not connected in time is a change."""
    return {**run.result(), "changed": run.changed or gluster.touched}


def observe(gluster: Gluster, spec: PoolSpec, deadline: float) -> Pool:
    """The pool, and of each declared host that is missing from it, whether its daemon answers."""
    members = gluster.members()
    names = look_up(spec.peers, members)
    pool = Pool(members, names, volumes=gluster.volumes() if spec.state == pools.ABSENT else {})
    missing = [host for host in spec.peers if spec.state != pools.ABSENT and pool.member(host) is None]
    unreachable = {host: why_unreachable(host, names.addresses[host], deadline) for host in missing}
    return Pool(members, names, unreachable, pool.volumes)


def carry_out(gluster: Gluster, spec: PoolSpec, step: Step, deadline: float) -> None:
    if step.action == CREATE:
        gluster.change("peer", "probe", step.name)
        # One after the other: a host that is still being told about the pool cannot vote on the next one.
        wait_until_connected(gluster, spec, [step.name], deadline)
    else:
        gluster.change("peer", "detach", step.before["hostnames"][0] if step.before else step.name)


def verify(gluster: Gluster, spec: PoolSpec, run: Run, deadline: float) -> None:
    """Each declared host is a connected member of the pool, or the error says which one is not and why."""
    if spec.state == pools.ABSENT:
        return
    pool = wait_until_connected(gluster, spec, spec.peers, deadline)
    for host in spec.peers:
        run.report(host, **pools.shown(pool.member(host)))


def wait_until_connected(gluster: Gluster, spec: PoolSpec, hosts: list[str] | tuple[str, ...], deadline: float) -> Pool:
    while True:
        members = gluster.members()
        pool = Pool(members, look_up(hosts, members))
        waiting = [host for host in hosts if not _is_usable(pool, host)]
        apart = {} if waiting else _apart(gluster, pool, hosts)
        if not waiting and not apart:
            return pool
        if time.monotonic() >= deadline:
            refuse_if_any(pools.not_seen(host, others, spec.timeout) for host, others in apart.items())
            now = time.monotonic()
            refuse_if_any(
                pools.not_connected(
                    host,
                    pool.member(host),
                    why_unreachable(host, pool.names.addresses[host], now),
                    spec.timeout,
                )
                for host in waiting
            )
        time.sleep(PAUSE)


def _apart(gluster: Gluster, pool: Pool, hosts: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Of those hosts that do not see the whole pool yet: whom they do not see."""
    apart = {}
    for host in hosts:
        member = pool.member(host)
        if member is not None and not member.is_local:
            apart[host] = pools.unseen(pool, member, gluster.members_as_seen_by(member.name))
    return {host: others for host, others in apart.items() if others}


def _is_usable(pool: Pool, host: str) -> bool:
    member = pool.member(host)
    return member is not None and member.usable


if __name__ == "__main__":
    main()
