#!/usr/bin/python
# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: gluster_info
short_description: Tell how a GlusterFS pool, its volumes and their bricks are
version_added: 0.1.0
description:
  - Returns the hosts of the trusted storage pool, the volumes with their bricks, what waits to be healed, files in
    split brain, limits of directories with what is used of them, who is connected, and snapshots.
  - What could not be learned is V(null), never V(0) or V(false), and RV(unknown) says why. A host that is dead makes
    its own part unknown, not the rest.
  - RV(problems) is the short answer, empty where all is well.
  - Run it on one host of the pool. Its glusterd has to run; the others need not.
author:
  - berthage contributors (@berthage)
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
  volumes:
    description:
      - The volumes to tell of, by default all. An empty list is none.
      - One that does not exist is no error, see RV(missing).
    type: list
    elements: str
  gather:
    description:
      - What to ask for besides the pool and the definitions of the volumes. What was not asked for is V(null).
      - V(bricks), whether they are online, and the space on their file systems. One question for all volumes.
      - V(heal), what waits to be healed, and split brain. One question for each started volume that has copies.
      - V(quota), limits of directories. One question for each started volume that has them. Gluster answers it by
        mounting the volume on this host for a moment.
      - V(clients), who is connected. Two questions for each started volume.
      - V(snapshots). One question for all volumes.
    type: list
    elements: str
    choices: [bricks, heal, quota, clients, snapshots]
    default: [bricks, heal, quota, clients, snapshots]
  timeout:
    description:
      - Seconds that one question may take, and that another administrator's command is waited for.
      - After a question that took too long, no other question of its kind is asked, so that all takes at most seven
        times as long.
    type: int
    default: 30
seealso:
  - module: berthage.swarm.gluster_pool
  - module: berthage.swarm.gluster_volumes
"""

EXAMPLES = r"""
- name: How the pool is
  berthage.swarm.gluster_info:
  register: gluster

- name: Stop here unless all is well
  ansible.builtin.assert:
    that: gluster.problems | length == 0
    fail_msg: "{{ gluster.problems | map(attribute='message') | join('; ') }}"

- name: Wait until a volume is healed, before the next host is rebooted
  berthage.swarm.gluster_info:
    volumes: [gv0]
    gather: [bricks, heal]
  register: gluster
  until: gluster.volumes[0].healed is true
  retries: 60
  delay: 10

- name: See that no brick is nearly full
  ansible.builtin.assert:
    that: item.total_bytes is none or item.free_bytes > item.total_bytes * 0.1
    fail_msg: "{{ item.name }} has {{ item.free_bytes | human_readable }} left"
  loop: "{{ gluster.volumes | map(attribute='bricks') | flatten }}"
  loop_control:
    label: "{{ item.name }}"
"""

RETURN = r"""
pool:
  description: The hosts of the pool, as this one sees them.
  returned: success
  type: list
  elements: dict
  contains:
    uuid:
      description: The host's UUID in the pool.
      type: str
    name:
      description: The first of its names, V(localhost) for the host that was asked.
      type: str
    hostnames:
      description: The names by which this host knows it.
      type: list
      elements: str
    connected:
      description: Whether its glusterd is connected.
      type: bool
    state:
      description: Its state in gluster's words.
      type: str
      sample: Peer in Cluster
    is_local:
      description: Whether it is the host that was asked.
      type: bool
volumes:
  description: The volumes, by name.
  returned: success
  type: list
  elements: dict
  sample:
    - name: gv0
      id: b13c87a8-1d81-415e-b8b5-53626a62c459
      type: Replicate
      layout: replica 3
      status: Started
      replica: 3
      arbiter: 0
      disperse: 0
      redundancy: 0
      options: {network.ping-timeout: "10"}
      bricks:
        - name: g1:/data/brick1/gv0
          host: g1
          path: /data/brick1/gv0
          peer: 31924e76-da3c-4e20-9af9-24cce2b3194b
          arbiter: false
          online: true
          port: 49152
          pid: 244
          total_bytes: 270553174016
          free_bytes: 241450561536
          total_inodes: 16777216
          free_inodes: 16269941
          file_system: xfs
          device: /dev/vdb
          pending_heals: 0
          split_brain: 0
          message: ""
      heals: true
      healed: true
      split_brain: []
      quota_enabled: true
      quota:
        - path: /media
          limit: 10737418240
          soft_limit: 8589934592
          used: 4096
          available: 10737414144
          exceeded: false
      clients: {fuse: 3, glustershd: 3}
      client_addresses: [10.0.0.11, 10.0.0.12, 10.0.0.13]
  contains:
    name:
      description: The volume's name.
      type: str
    id:
      description: Its id.
      type: str
    type:
      description: Its type in gluster's words.
      type: str
    layout:
      description: How files are spread over its bricks, as C(gluster volume create) takes it, or V(distributed).
      type: str
    status:
      description: V(Created), V(Started) or V(Stopped).
      type: str
    replica:
      description: How many bricks have a copy of each file, V(1) for one.
      type: int
    arbiter:
      description: How many of these hold no data.
      type: int
    disperse:
      description: Over how many bricks each file is spread, V(0) for none.
      type: int
    redundancy:
      description: How many of these may fail.
      type: int
    options:
      description: The options that were set.
      type: dict
    bricks:
      description: Its bricks, in gluster's order.
      type: list
      elements: dict
      contains:
        name:
          description: Host and path.
          type: str
        host:
          description: Its host as gluster calls it.
          type: str
        path:
          description: Its directory.
          type: str
        peer:
          description: The UUID of its host.
          type: str
        arbiter:
          description: Whether it holds no data.
          type: bool
        online:
          description:
            - Whether its process runs.
            - V(null) where nobody knows, on a host whose glusterd is not connected, and where the volume is stopped.
          type: bool
        port:
          description: Its TCP port.
          type: int
        pid:
          description: Its process.
          type: int
        total_bytes:
          description: The size of its file system, which other bricks may share.
          type: int
        free_bytes:
          description: What is free there.
          type: int
        total_inodes:
          description: How many files its file system can hold.
          type: int
        free_inodes:
          description: How many of these are left.
          type: int
        file_system:
          description: The kind of its file system.
          type: str
        device:
          description: The device of its file system.
          type: str
        pending_heals:
          description:
            - How many entries it knows of that other bricks lack. Each brick of a set counts for itself.
            - V(null) where the brick did not answer.
          type: int
        split_brain:
          description: How many entries it knows of whose copies contradict each other.
          type: int
        message:
          description: Why it is not known whether the brick is online.
          type: str
    heals:
      description: Whether the volume has copies to heal from, and is started.
      type: bool
    healed:
      description:
        - Whether every brick says that nothing waits to be healed. V(null) where one did not answer and no other has
          any.
      type: bool
    split_brain:
      description: The files whose copies contradict each other.
      type: list
      elements: dict
      contains:
        path:
          description: The path in the volume, or the gfid where gluster knows no path.
          type: str
        gfid:
          description: The gfid.
          type: str
        bricks:
          description: The bricks that say so.
          type: list
          elements: str
    quota_enabled:
      description: Whether quota is on.
      type: bool
    quota:
      description: The limits.
      type: list
      elements: dict
      contains:
        path:
          description: The directory in the volume.
          type: str
        limit:
          description: How many bytes it may hold.
          type: int
        soft_limit:
          description: From how many bytes on gluster warns in its log, and looks more often.
          type: int
        used:
          description: How many it holds.
          type: int
        available:
          description: How many are left.
          type: int
        exceeded:
          description: Whether the limit is reached.
          type: bool
    clients:
      description: How many clients of which kind are connected, GlusterFS's own daemons among them.
      type: dict
    client_addresses:
      description: From where, the hosts of the pool themselves among them.
      type: list
      elements: str
    snapshots:
      description: The snapshots of the volume.
      type: list
      elements: dict
      contains:
        name:
          description: Its name, which is one in the whole pool.
          type: str
        id:
          description: Its UUID.
          type: str
        created:
          description: When it was taken, as gluster writes it.
          type: str
          sample: "2026-11-22 03:19:43 +0000"
        activated:
          description: Whether it can be mounted.
          type: bool
missing:
  description: The O(volumes) that do not exist.
  returned: success
  type: list
  elements: str
unknown:
  description: The questions that were not answered.
  returned: success
  type: list
  elements: dict
  contains:
    volume:
      description: Which volume was asked about.
      type: str
    subject:
      description: What was asked, as in O(gather).
      type: str
    reason:
      description: Why there is no answer.
      type: str
problems:
  description: What somebody has to look at, of what was asked for. Stopped volumes are none.
  returned: success
  type: list
  elements: dict
  sample:
    - item: gv0
      field: bricks
      message: "offline: g2:/data/brick1/gv0"
      remedy: >-
        see /var/log/glusterfs/bricks/ there and that its file system is mounted; then `gluster volume start gv0 force`
  contains:
    item:
      description: The volume or host.
      type: str
    field:
      description: V(pool), V(bricks), V(heal), V(split_brain), V(quota), V(clients) or V(snapshots).
      type: str
    message:
      description: What is wrong. It begins with V(unknown) where that is not known.
      type: str
    remedy:
      description: What to do.
      type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.berthage.swarm.plugins.module_utils._gluster import info
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.cli import Gluster, GlusterError


def main() -> None:
    module = AnsibleModule(argument_spec=info.ARGUMENTS, supports_check_mode=True)
    timeout = module.params["timeout"]
    if timeout < 1:
        module.fail_json(msg=f"timeout: {timeout} s is no time to wait; use 1 or more")
    names = module.params["volumes"]
    try:
        seen = info.look(Gluster(limit=timeout, busy_limit=timeout), names, module.params["gather"])
    except GlusterError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **info.described(seen, names))


if __name__ == "__main__":
    main()
