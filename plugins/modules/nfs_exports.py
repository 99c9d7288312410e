#!/usr/bin/python
# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exports of an NFS server, as one drop-in."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nfs_exports
short_description: Exports of an NFS server, checked against what it really serves
version_added: 0.1.0
description:
  - Writes one drop-in file that holds exactly the declared exports, applies it, and checks the active table of the
    server. When the server refuses any of it, the whole change is taken back and its words are in the error.
  - What others export, by files or by command, stays untouched. That holds for files in which the server cannot read a
    line, and, with the kernel's server, while a host name in them does not resolve.
  - Compares meaning. Order of options, defaults spelled out, C(10.0.0.0/24) or C(10.0.0.0/255.255.255.0) make no
    difference.
  - Repairs the active table where it differs from the file, for instance after C(exportfs -u).
  - Makes no directories; the role P(berthage.swarm.nfs_server#role) does.
author:
  - berthage contributors (@berthage)
extends_documentation_fragment:
  - berthage.swarm.attributes
options:
  name:
    description:
      - Stem of the drop-in file, V(/etc/exports.d/NAME.exports) or V(/etc/ganesha/exports.d/NAME.conf).
      - Two tasks with different names do not overwrite each other. The file of one name holds what was declared last
        under that name, and nothing else.
      - A file of that name which this module did not write is not overwritten, but refused.
    type: str
    default: berthage
  exports:
    description:
      - All exports of this O(name). One that is no longer listed is withdrawn.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description:
          - The directory, absolute and without C(..). Spaces are no problem.
          - The kernel's server follows links on the way to it, but one inside of an export, whose clients could have
            made it, is refused. That counts whoever exports it, by a file or by command. nfs-ganesha follows none.
        type: str
        required: true
      clients:
        description: Who may mount it, and how. Needed where O(exports[].state=present).
        type: list
        elements: dict
        default: []
        suboptions:
          host:
            description:
              - An address, a network (V(10.0.0.0/24)), a host name, a pattern of host names (V(*.example.com)) or a
                netgroup (V(@trusted)).
              - V(*), an empty one, and a network of length 0 mean everyone, and need O(allow_world=true).
            type: str
            required: true
          access:
            description: Whether the client may write.
            type: str
            choices: [ro, rw]
            default: rw
          squash:
            description:
              - Whose requests are treated as those of the anonymous user, which C(anonuid=) and C(anongid=) in
                O(exports[].clients[].options) name. V(root) is the client's root user, V(all) is everyone.
            type: str
            choices: [root, all, none]
            default: root
          sec:
            description:
              - Security flavors, the preferred one first.
              - The Kerberos ones need a keytab and the GSS services on the server, which the role sets up.
            type: list
            elements: str
            choices: [sys, krb5, krb5i, krb5p, none]
            default: [sys]
          xprtsec:
            description:
              - How the client may be connected. V(none) is without RPC with TLS, V(tls) with it, V(mtls) with it and a
                certificate of the client's own. Without this option all three are open to it.
              - Refused where it cannot be had, with the reason. Linux servers have it from 6.5 on, and need C(tlshd) of
                ktls-utils; nfs-ganesha does not have it.
            type: list
            elements: str
            choices: [none, tls, mtls]
            default: []
          sync:
            description:
              - Whether a write is answered only when it is on disk. V(false) loses acknowledged data in a power cut.
            type: bool
            default: true
          subtree_check:
            description: Whether the server checks with each request that the file is below the exported directory.
            type: bool
            default: false
          options:
            description:
              - Further options of C(exports(5)), such as V(insecure), V(anonuid=1000), V(no_wdelay) or V(crossmnt).
              - With O(implementation=ganesha) these are V(secure), V(insecure), V(anonuid=) and V(anongid=); any
                other is refused by name.
            type: list
            elements: str
            default: []
      fsid:
        description:
          - Identity of the file system, a number, V(root) or a UUID. Needed where it has none of its own.
          - Refused where another directory has the same, whoever exports that, by a file or by command. A UUID may be
            that of an export of others around it or in it.
          - Refused with O(implementation=ganesha), which identifies file systems by itself.
        type: str
      quota:
        description:
          - How much the directory may hold with all that is below it, a whole number with C(K), C(M), C(G) or C(T),
            powers of 1024. A writer beyond that gets EDQUOT from ext4, ENOSPC from xfs.
          - The directory becomes a project of its file system, ext4 or xfs, which has to be mounted with C(prjquota).
            Where it is not, this is refused with the remedy. The project is named in C(/etc/projects) and
            C(/etc/projid).
          - Refused where the directory lies in, or holds, another one of its file system that has a quota or is to have
            one, since nothing can be counted twice.
          - A quota that is declared no more is taken away. What the directory holds stays.
        type: str
      state:
        description: V(absent) withdraws the export. The directory and its files stay.
        type: str
        choices: [present, absent]
        default: present
  implementation:
    description:
      - V(kernel) is the server of the Linux kernel, by C(exportfs).
      - V(ganesha) is nfs-ganesha, which needs nothing of the kernel. Its C(ganesha.conf) must include the directory
        C(/etc/ganesha/exports.d), which the role sees to. Exports are changed while it runs, without a restart.
    type: str
    choices: [kernel, ganesha]
    default: kernel
  allow_world:
    description:
      - Whether an export may be open to everyone who reaches the server. With V(sys) as the security flavor, the server
        believes whatever user the client claims to be.
    type: bool
    default: false
requirements:
  - Python 3.8 or newer
  - C(exportfs) of nfs-utils 2.3 or newer, or nfs-ganesha 4 or newer with its VFS back end and systemd's C(busctl)
seealso:
  - name: exports(5)
    description: What each option means.
    link: https://man7.org/linux/man-pages/man5/exports.5.html
"""

EXAMPLES = r"""
- name: Two exports for the hosts of a Swarm
  berthage.swarm.nfs_exports:
    exports:
      - path: /srv/nfs/app
        clients:
          - host: 10.0.0.0/24
      - path: /srv/nfs/media
        quota: 200G
        clients:
          - {host: 10.0.0.0/24, access: ro}
          - {host: 10.0.0.7, squash: all, options: [anonuid=1000, anongid=1000]}

- name: Withdraw one
  berthage.swarm.nfs_exports:
    name: archive
    exports:
      - path: /srv/nfs/2019
        state: absent

- name: The same on a host whose kernel has no NFS server
  berthage.swarm.nfs_exports:
    implementation: ganesha
    exports:
      - path: /srv/nfs/app
        clients:
          - {host: 10.0.0.0/24}
"""

RETURN = r"""
exports:
  description: What happened to each export; those that were withdrawn come last.
  returned: unless the arguments were refused
  type: list
  elements: dict
  contains:
    name:
      description: The path.
      type: str
    action:
      description: What was done, or in check mode would be done.
      type: str
      choices: [create, update, remove, keep, none, refused]
    drift:
      description: Where file or active table differed from the declaration.
      type: list
      elements: dict
      contains:
        field:
          description: The client, and the option.
          type: str
        declared:
          description: What was declared.
          type: raw
        actual:
          description: What was there.
          type: raw
    clients:
      description: The clients with their options, as they are written into the file.
      type: list
      elements: str
    message:
      description: What is to be said about it.
      type: str
  sample:
    - name: /srv/nfs/app
      action: create
      drift: []
      clients: ["10.0.0.0/24(rw,sync,no_subtree_check,root_squash,sec=sys)"]
      message: ""
file:
  description: The drop-in file.
  returned: unless the arguments were refused
  type: str
  sample: /etc/exports.d/berthage.exports
serving:
  description:
    - Whether the server runs. While it does not, exports are written and take effect when it starts; with
      O(implementation=ganesha) nobody has checked them until then.
  returned: unless the arguments were refused
  type: bool
problems:
  description: Why the call was refused, one entry for each reason.
  returned: when refused
  type: list
  elements: dict
  contains:
    item:
      description: The export, by its path.
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

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.berthage.swarm.plugins.module_utils import _host_lock
from ansible_collections.berthage.swarm.plugins.module_utils._nfs import ganesha, kernel, links, project_quota, quotas
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.errors import QuotaFailed, ServerError, ServerRefused
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.spec import (
    EXPORTS_ARGUMENTS,
    GANESHA,
    declaration,
)
from ansible_collections.berthage.swarm.plugins.module_utils._plan import Run
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Refused, refuse_if_any

# Seconds for another run on this host to end.
LOCK_PATIENCE = 120.0


def main() -> None:
    module = AnsibleModule(argument_spec=EXPORTS_ARGUMENTS, supports_check_mode=True)
    try:
        declared = declaration(module.params)
    except Refused as refusal:
        module.fail_json(msg=str(refusal), changed=False, problems=[one.as_dict() for one in refusal.problems])
    server = ganesha if declared.implementation == GANESHA else kernel
    try:
        if not module.check_mode:
            _host_lock.take("nfs_exports", LOCK_PATIENCE)
        state = server.observe(declared, will_apply=not module.check_mode)
        plan = server.plan(declared, state)
        places = {path: way.place for path, way in state.ways.items()}
        quota_plan = quotas.plan(declared, project_quota.observe(declared, places))
    except (ServerError, _host_lock.Busy) as error:
        module.fail_json(msg=str(error), changed=False)

    steps = quotas.merged(plan.steps, quota_plan)
    run = Run(steps, "exports")
    result = {"file": state.drop_in.path, "serving": state.is_serving}
    try:
        inner_links = links.problems(state.ways, state.exported)
        refuse_if_any([*inner_links, *plan.problems, *(problem for step in steps for problem in step.problems)])
        if module.check_mode:
            run.pretend()
        elif any(step.changes for step in steps):
            with project_quota.in_force(quota_plan.changes):
                # A change of quotas alone is none that the server has to take.
                for warning in server.apply(declared, plan, state) if any(one.changes for one in plan.steps) else ():
                    module.warn(warning)
            # The server took the set as a whole, so nothing is left to be done for a single export.
            run.apply(lambda step: None, failures=())
    except Refused as refusal:
        problems = [one.as_dict() for one in refusal.problems]
        module.fail_json(msg=str(refusal), problems=problems, **result, **run.result())
    except QuotaFailed as failure:
        module.fail_json(msg=str(failure), **result, **{**run.result(), "changed": failure.changed})
    except ServerRefused as refusal:
        outcome = {**run.result(), "changed": not refusal.restored}
        problems = [one.as_dict() for one in refusal.problems]
        module.fail_json(msg=str(refusal), problems=problems, **result, **outcome)
    module.exit_json(**result, **run.result())


if __name__ == "__main__":
    main()
