#!/usr/bin/python
# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GlusterFS volumes, as a set."""

from __future__ import annotations

DOCUMENTATION = r"""
module: gluster_volumes
short_description: GlusterFS volumes, compared by meaning
version_added: 0.1.0
description:
  - Creates, starts, stops and deletes volumes of a GlusterFS pool, and brings their options to what is declared.
  - Takes the whole set in one call. It is checked before the first change, and every problem is reported at once.
  - Bricks are compared by the pool's UUID of their host and by their directory. Other names for the same host, and
    another order where the same bricks stay together in a set, are no change.
  - Options are compared by meaning. V(on), V(enable), V(yes), V(true) and V(1) are one value, V(64MB) and V(67108864)
    are, and so are C(ping-timeout) and C(network.ping-timeout).
  - Run it on one member of the pool.
options:
  volumes:
    description: The volumes. Others are left alone.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Letters, digits, C(-) and C(_).
        type: str
        required: true
      replica:
        description:
          - How many bricks hold a copy of each file. V(0) and V(1) make a distributed volume, which has one copy.
          - V(2) is refused without O(volumes[].accept_split_brain).
        type: int
        default: 0
      arbiter:
        description: With V(1) and O(volumes[].replica=3), each third brick only knows which of the other two is right.
        type: int
        default: 0
      disperse:
        description: How many bricks hold one file together, by erasure coding.
        type: int
        default: 0
      redundancy:
        description: How many of the O(volumes[].disperse) bricks may fail.
        type: int
        default: 0
      bricks:
        description:
          - More sets of bricks than the volume has are added, and its data is rebalanced. Fewer need O(allow=shrink),
            other ones in a set O(allow=replace_brick), one kind of change in one run.
          - More bricks in each set, with a greater O(volumes[].replica), are further copies.
          - As C(HOST:/absolute/path). Neighbours in the list form a set (of O(volumes[].replica) or
            O(volumes[].disperse) bricks), and a host may have only one brick of a set.
          - The host must be a member of the pool, by whatever name. The directory above the brick's must exist.
        type: list
        elements: str
        default: []
      profile:
        description:
          - A named set of options. O(volumes[].options) wins over it.
          - V(containers) is for volumes that containers write to. C(network.ping-timeout) V(5) (stock 42) is how
            many seconds every client pauses, once to twice, when a brick's host vanishes.
            C(server.tcp-user-timeout) V(20), C(server.keepalive-time) V(10),
            C(server.keepalive-interval) V(2) and C(server.keepalive-count) V(5) are how
            soon a brick drops the locks of a client whose host vanished. C(performance.strict-o-direct) V(on) keeps
            what databases write with C(O_DIRECT) out of caches. Clients keep names, attributes and small files for ten
            minutes and are told by the bricks what others change (C(features.cache-invalidation),
            C(performance.cache-invalidation), C(performance.nl-cache), C(performance.quick-read-cache-invalidation)
            V(on), their time-outs V(600), C(network.inode-lru-limit) V(200000)). With three copies or more,
            C(cluster.quorum-type) V(auto) lets only a majority write, and after C(cluster.heal-timeout) V(60) (stock
            600) seconds at most a
            heal that did not succeed is tried again.
        type: str
        choices: [containers]
      options:
        description:
          - Options as C(gluster volume set) takes them. Lists are joined with commas.
          - Several options are set by one command, which gluster takes as a whole or refuses as a whole.
          - C(features.quota-deem-statfs) is set once quota is on, and is refused where quota is off and stays off.
          - Options of the whole pool, such as C(cluster.brick-multiplex), are refused. They are set by
            C(gluster volume set all).
        type: dict
        default: {}
      reset_options:
        description:
          - Whether options that are set and not declared go back to their defaults.
          - Those that gluster sets on each new volume stay, and so do those of its features (quota, snapshots, TLS,
            geo-replication).
          - All C(features.*) stay, C(features.cache-invalidation) and its time-out among them, which
            O(volumes[].profile=containers) sets. What of them is to go is reset by hand (C(gluster volume reset)).
          - Those of the whole pool, such as C(cluster.brick-multiplex), stay. Gluster lists them with each volume.
          - Who may use the volume (C(auth.allow), C(auth.reject)) is never reset, since that opens it to everybody.
            O(volumes[].auth_allow=["*"]) does that.
        type: bool
        default: false
      quota:
        description:
          - How much each directory may hold, by its path in the volume, C(/) being the volume itself.
          - Sizes are bytes, or end in C(KB), C(MB), C(GB), C(TB) or C(PB), each of which is 1024 of the one before.
          - These are all limits. One that is not listed is removed, and an empty mapping disables quota. When it is
            left out, limits and quota stay as they are.
          - Disabling quota resets the options that belong to it (C(features.quota-deem-statfs),
            C(features.default-soft-limit), C(features.soft-timeout), C(features.hard-timeout), C(features.alert-time)).
            O(volumes[].options) may not have them then.
          - Directories that do not exist are made, for root and with mode 0755, by way of a mount on this host for that
            moment.
          - Gluster looks at the figures of a directory every C(features.hard-timeout) seconds, 5 by default, and far
            from the limit every C(features.soft-timeout), 60 by default, so that more may be written meanwhile. Set
            both to V(0) in O(volumes[].options) where a limit has to hold to the byte.
          - Removing a directory removes its limit with it. The limit comes back with the next run.
          - Needs O(volumes[].state=started).
        type: dict
      snapshots:
        description:
          - Snapshots of the volume that are there, or are not. Others are left alone.
          - One that is missing is taken, once everything else of the volume is as declared. Writing to the volume
            waits meanwhile, usually for a few seconds (C(features.barrier-timeout), 120, at most). What was written
            before is in the snapshot. What a program has not written out yet is not.
          - Gluster takes them only where every brick of the volume is on a thin logical volume (LVM) of its own. A
            brick on none is refused before the first change where it is on the host on which the module runs. Of the
            others only gluster knows, and refuses when the snapshot is to be taken, after all other changes.
          - All bricks must be online. The volume must be started, and neither may bricks change in the same run
            nor a rebalance be under way. That there are snapshots is in the way of no later change of bricks.
          - Declare as many as gluster may keep. One more than C(snap-max-hard-limit) is refused, and so is one for
            which gluster would delete the oldest (C(auto-delete), C(snap-max-soft-limit)).
          - An activated one is mounted as C(HOST:/snaps/SNAPSHOT/VOLUME), and read-only.
          - Restoring is not done by this module. It takes the volume back as a whole, while it is stopped.
            C(gluster volume stop VOLUME), C(gluster snapshot restore SNAPSHOT), C(gluster volume start VOLUME). The
            snapshot is gone after that, and the bricks have other paths.
        type: list
        elements: dict
        default: []
        suboptions:
          name:
            description: Letters, digits, C(-) and C(_). There is one of that name in the pool.
            type: str
            required: true
          activated:
            description:
              - Whether its bricks run, without which it cannot be mounted. They are a process or a part of one on each
                host, so say V(false) for one that is only kept.
              - Gluster tells nobody who has a snapshot mounted. V(false) ends the mounts of one that is activated.
            type: bool
            default: true
          state:
            description:
              - V(absent) needs O(allow=delete). What the snapshot holds is lost.
            type: str
            default: present
            choices: [present, absent]
      tls:
        description:
          - Whether clients and bricks talk TLS. Sets C(client.ssl) and C(server.ssl), and needs O(volumes[].tls_allow).
          - The certificates must be on every host of the pool and on every client, which the role
            P(berthage.swarm.glusterfs#role) sees to.
          - Turning it on or off is refused while the volume is started, since what runs does not take it up.
        type: bool
        default: false
      tls_allow:
        description:
          - The names (CN) in the certificates of those who may use the volume, the hosts of the pool among them.
            Sets C(auth.ssl-allow).
          - V(*) lets in every certificate that the authority of the pool has signed.
          - A certificate decides alone. O(volumes[].auth_allow) keeps no address out that has one which is let in.
        type: list
        elements: str
        default: []
      auth_allow:
        description:
          - Who may use the volume, as addresses, networks (V(10.0.0.0/24)), V(10.0.0.*) or host names.
            Sets C(auth.allow).
          - When it is empty, what is set stays, and gluster's default is B(everybody) who reaches the ports. The role
            P(berthage.swarm.glusterfs#role) fills it in.
          - Mounts on hosts of the pool get in by glusterd's own credentials, listed or not.
        type: list
        elements: str
        default: []
      accept_split_brain:
        description: Accept that two copies without an arbiter may end up different, with nobody to say which is right.
        type: bool
        default: false
      state:
        description:
          - V(started) also brings up bricks that are down on connected hosts.
          - V(stopped) and V(absent) are refused while clients are connected.
          - V(absent) needs O(allow=delete). The files in the bricks stay. It is refused while the volume has snapshots,
            other than O(volumes[].snapshots) with the state V(absent).
        type: str
        default: started
        choices: [started, stopped, absent]
  allow:
    description:
      - What this call may do although it ends the way to data.
      - V(shrink) is needed where the volume has sets of bricks that are not declared. Their data is moved onto the
        others, and they are removed once nothing failed and nothing was skipped. The directories stay as they are.
      - V(replace_brick) is needed where a set has another brick than the declared one. Gluster replaces bricks with
        C(force) only, and takes whatever directory it is given. One on the root file system, because its own is not
        mounted, fills that. One that was a brick before has files that may be read as if they were good. This module
        looks at the directories on its own host only, and refuses such a mark there. On the other hosts look at them
        before (C(getfattr -m . -d DIRECTORY), C(findmnt --target DIRECTORY)), which the role
        P(berthage.swarm.glusterfs#role) does.
      - V(delete) is needed for volumes and for snapshots that are declared absent and exist.
    type: list
    elements: str
    default: []
    choices: [shrink, replace_brick, delete]
  force:
    description:
      - Accept bricks on the root file system, and bricks that are themselves mount points.
      - Gluster then also takes directories that were bricks of a deleted volume. On the host on which the module runs
        this is refused all the same; on the others it cannot be seen from here. The role
        P(berthage.swarm.glusterfs#role) looks there, too.
    type: bool
    default: false
  heal_timeout:
    description:
      - How many seconds to wait until nothing is pending before a brick is replaced, and again until the new brick, or
        a further copy, is healed.
      - A brick that is dead is replaced only where the others of its set are known to have every file. With two copies
        they are not, nor where C(cluster.quorum-type) let one of them write alone before this call.
      - A brick of a dispersed volume is ended first, and a directory made and removed in the volume, by way of a mount
        on this host for that moment. Without it gluster would not know that the new brick is empty.
    type: int
    default: 600
  rebalance_timeout:
    description:
      - How many seconds to wait for the end of a rebalance after bricks were added, and for the end of draining before
        bricks are removed.
      - Both go on when the time is over and the module fails. The next run waits for their end and does the rest.
      - That a rebalance is owed is kept in the volume's option C(user.berthage-rebalance), V(owed) from before the
        bricks are added until it has completed, and then V(done). A volume that is left with one set owes none, and
        nobody waits for it who takes bricks out again.
    type: int
    default: 3600
extends_documentation_fragment:
  - berthage.swarm.attributes
requirements:
  - Python 3.8 or newer
  - GlusterFS 10 or newer (Debian and Ubuntu C(glusterfs-server)), and a pool made by M(berthage.swarm.gluster_pool)
author:
  - berthage contributors (@berthage)
seealso:
  - module: berthage.swarm.gluster_pool
"""

EXAMPLES = r"""
- name: A volume with three copies, for containers
  berthage.swarm.gluster_volumes:
    volumes:
      - name: gv0
        replica: 3
        bricks: ["g1:/data/brick1/gv0", "g2:/data/brick1/gv0", "g3:/data/brick1/gv0"]
        profile: containers
        auth_allow: [10.0.0.0/24]

- name: Two copies and an arbiter, with an option of one's own
  berthage.swarm.gluster_volumes:
    volumes:
      - name: media
        replica: 3
        arbiter: 1
        bricks: ["g1:/data/brick1/media", "g2:/data/brick1/media", "g3:/data/brick1/media"]
        options:
          performance.cache-size: 256MB

- name: Grow by a second set of bricks, which gets its share of the files
  berthage.swarm.gluster_volumes:
    volumes:
      - name: gv0
        replica: 3
        bricks:
          - g1:/data/brick1/gv0
          - g2:/data/brick1/gv0
          - g3:/data/brick1/gv0
          - g4:/data/brick1/gv0
          - g5:/data/brick1/gv0
          - g6:/data/brick1/gv0

- name: Replace the brick on g3 with one on g4
  berthage.swarm.gluster_volumes:
    volumes:
      - name: gv0
        replica: 3
        bricks: ["g1:/data/brick1/gv0", "g2:/data/brick1/gv0", "g4:/data/brick1/gv0"]
    allow: [replace_brick]

- name: Take a snapshot of a volume whose bricks are thin logical volumes, and delete an older one
  berthage.swarm.gluster_volumes:
    volumes:
      - name: gv0
        replica: 3
        bricks: ["g1:/data/brick1/gv0", "g2:/data/brick1/gv0", "g3:/data/brick1/gv0"]
        snapshots:
          - name: before-upgrade
          - name: from-last-year
            state: absent
    allow: [delete]

- name: Delete a volume, and leave the files in its bricks
  berthage.swarm.gluster_volumes:
    volumes:
      - name: old
        state: absent
    allow: [delete]
"""

RETURN = r"""
volumes:
  description: One entry for each declared volume, in their order.
  returned: always, unless the arguments are wrong or glusterd does not answer
  type: list
  elements: dict
  contains:
    name:
      description: The volume's name.
      type: str
      sample: gv0
    action:
      description: V(create), V(update), V(keep), V(remove), V(none) or V(refused).
      type: str
      sample: update
    drift:
      description: What was not as declared.
      type: list
      elements: dict
      contains:
        field:
          description: The field, such as V(options.network.ping-timeout).
          type: str
        declared:
          description: Its declared value.
          type: raw
        actual:
          description: Its value before.
          type: raw
    message:
      description: Why it was refused or failed, and which bricks are offline because their host is.
      type: str
    id:
      description: The volume's id, V(null) where it does not exist.
      type: str
    type:
      description: Its type in gluster's words.
      type: str
      sample: Replicate
    status:
      description: Its status in gluster's words.
      type: str
      sample: Started
    options:
      description: The options that are set, by whomever.
      type: dict
    bricks:
      description: Its bricks, in gluster's order.
      type: list
      elements: dict
      contains:
        name:
          description: As gluster writes it.
          type: str
          sample: g1:/data/brick1/gv0
        host:
          description: Its host, as the pool calls it.
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
          description: Whether its process runs. V(null) where the volume is not started.
          type: bool
    snapshots:
      description: All snapshots of the volume, where some are declared, or the volume is declared absent.
      type: list
      elements: dict
      contains:
        name:
          description: Its name.
          type: str
          sample: before-upgrade
        id:
          description: Its UUID.
          type: str
        created:
          description: When it was taken, as gluster writes it.
          type: str
          sample: "2026-11-22 03:20:11 +0000"
        activated:
          description: Whether it can be mounted.
          type: bool
problems:
  description: Why the call was refused, one entry for each reason.
  returned: when refused
  type: list
  elements: dict
  contains:
    item:
      description: The volume.
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

import contextlib
from dataclasses import dataclass, replace
from typing import Any, Iterator, Mapping, Sequence

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.berthage.swarm.plugins.module_utils import _host_lock
from ansible_collections.berthage.swarm.plugins.module_utils._gluster import bricks as brick_directories
from ansible_collections.berthage.swarm.plugins.module_utils._gluster import plan as plans
from ansible_collections.berthage.swarm.plugins.module_utils._gluster import quota, quota_plan, snapshot_plan, snapshots
from ansible_collections.berthage.swarm.plugins.module_utils._gluster import spec as specs
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.changing import (
    Limits,
    change_bricks,
    wait_for_bricks,
)
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.cli import (
    Gluster,
    GlusterError,
    GlusterTimeout,
    Volume,
)
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.hosts import look_up
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.plan import Observed, Planned, Work
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.spec import VolumeSpec
from ansible_collections.berthage.swarm.plugins.module_utils._plan import Run, StepFailed
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Refused

# Seconds for another run on this host to end; one that heals or moves data takes its time.
LOCK_PATIENCE = 900.0


def main() -> None:
    module = AnsibleModule(argument_spec=specs.ARGUMENTS, supports_check_mode=True)
    gluster = Gluster()
    try:
        declared = specs.volume_specs(module.params["volumes"])
        if not module.check_mode:
            _host_lock.take("glusterfs", LOCK_PATIENCE)
        observed = observe(gluster, declared)
        limits = observe_limits(gluster, declared, observed)
        taken = observe_snapshots(gluster, declared, observed)
    except Refused as refusal:
        module.fail_json(msg=str(refusal), problems=[problem.as_dict() for problem in refusal.problems], changed=False)
    except (GlusterError, _host_lock.Busy) as error:
        module.fail_json(msg=str(error), changed=False)

    planned = quota_plan.with_quota(
        plans.plan(declared, observed, module.params["allow"]), declared, observed.volumes, limits
    )
    if taken is not None:
        planned = snapshot_plan.with_snapshots(planned, declared, observed, taken, module.params["allow"])
    run = Run([item.step for item in planned], "volumes")
    try:
        run.refuse_if_any()
        if module.check_mode:
            run.pretend()
        else:
            patience = Limits(heal=module.params["heal_timeout"], rebalance=module.params["rebalance_timeout"])
            carry_out(Call(gluster, observed, patience, force=module.params["force"]), planned, run)
            report(gluster, run)
    except Refused as refusal:
        problems = [problem.as_dict() for problem in refusal.problems]
        module.fail_json(msg=str(refusal), problems=problems, **run.result())
    except StepFailed as failure:
        module.fail_json(msg=str(failure), **failure.why, **so_far(gluster, run, observed))
    except GlusterError as error:
        module.fail_json(msg=str(error), **so_far(gluster, run, observed))
    for item in planned:
        if not item.step.changes and item.step.message:
            module.warn(f"{item.step.name}: {item.step.message}")
    module.exit_json(**run.result())


def observe(gluster: Gluster, declared: Sequence[VolumeSpec]) -> Observed:
    members = gluster.members()
    volumes = gluster.volumes()
    present = [spec for spec in declared if spec.state != specs.ABSENT]
    observed = Observed(
        members=members,
        names=look_up([brick.host for spec in present for brick in spec.bricks], members),
        volumes=volumes,
        clients={name: gluster.clients(name) for name in plans.would_stop(declared, volumes)},
    )
    local = brick_directories.directories(plans.to_look_at(present, observed))
    down = brick_directories.directories(plans.offline_here(present, observed))
    return replace(
        observed,
        marked=frozenset(directory.path for directory in local if directory.marked),
        unmarked=frozenset(directory.path for directory in down if directory.existed and not directory.marked),
    )


def observe_limits(
    gluster: Gluster, declared: Sequence[VolumeSpec], observed: Observed
) -> dict[str, tuple[quota.Limit, ...]]:
    """The limits of those volumes that declare some, or none."""
    return {
        spec.name: quota.observed_limits(gluster, observed.volumes[spec.name])
        for spec in declared
        if spec.quota is not None and spec.name in observed.volumes
    }


def observe_snapshots(gluster: Gluster, declared: Sequence[VolumeSpec], observed: Observed) -> snapshots.Taken | None:
    """Those of all volumes, where they matter."""
    if not snapshot_plan.matters(declared, observed.volumes):
        return None
    local = [brick.path for spec in declared if spec.snapshots for brick in plans.local_bricks(spec, observed)]
    return replace(snapshots.taken(gluster), not_on_lvm=brick_directories.not_on_lvm(local))


@dataclass(frozen=True)
class Call:
    """What the steps of one call have in common."""

    gluster: Gluster
    observed: Observed
    limits: Limits
    force: bool


def carry_out(call: Call, planned: Sequence[Planned], run: Run) -> None:
    """Do the work of each step, and see that the bricks of what was started are online."""
    works = {item.step.name: item.work for item in planned}
    run.apply(lambda step: _carry_out(call, step.name, works[step.name]), (GlusterError, Refused))


def report(gluster: Gluster, run: Run) -> None:
    """What is returned is how the volumes are now. A run that changed nothing has seen that already."""
    if not run.changed:
        return
    volumes = gluster.volumes()
    for step in run.steps:
        if step.name in volumes:
            run.report(step.name, **plans.outcome(volumes[step.name]))
    report_snapshots(gluster, run)


def report_snapshots(gluster: Gluster, run: Run) -> None:
    """Of those volumes whose snapshots mattered."""
    asked = [step for step in run.steps if "snapshots" in step.details]
    if asked:
        actual = snapshots.known(gluster).values()
        for step in asked:
            own = [snapshot for snapshot in actual if snapshot.volume == step.name]
            run.report(step.name, snapshots=snapshot_plan.described(own))


def so_far(gluster: Gluster, run: Run, observed: Observed) -> dict[str, Any]:
    """The result of a run that stopped half-way: a volume that was created and not started is a change, too."""
    try:
        volumes = gluster.volumes()
        report_snapshots(gluster, run)
    except GlusterError:
        return {**run.result(), "changed": run.changed or gluster.touched}
    for step in run.steps:
        if step.name in volumes:
            run.report(step.name, **plans.outcome(volumes[step.name]))
    result = run.result()
    diff: Mapping[str, dict[str, Any]] = result["diff"]
    for step in run.steps:
        before, after = _shown(observed.volumes, step.name), _shown(volumes, step.name)
        if step.name in diff["before"] or step.name in diff["after"] or before == after:
            continue
        diff["before"].update(before)
        diff["after"].update(after)
        result["changed"] = True
    return {**result, "changed": result["changed"] or gluster.touched}


def _shown(volumes: Mapping[str, Volume], name: str) -> dict[str, Any]:
    return {name: plans.shown(volumes[name])} if name in volumes else {}


def _carry_out(call: Call, name: str, work: Work) -> None:
    gluster = call.gluster
    snapshots.delete(gluster, work.snapshots.delete)
    if work.create:
        _create(call, name, work)
    late = quota.needing_quota(work.set_options)
    _set_options(gluster, name, {option: value for option, value in work.set_options.items() if option not in late})
    for option in work.reset_options:
        gluster.change("volume", "reset", name, option)
    if work.start or work.restart_bricks:
        gluster.change("volume", "start", name, *(["force"] if work.restart_bricks else []))
        wait_for_bricks(gluster, name, needless={old for old, _new in work.replace})
    with _local_marks_taken_back(call, name, work.new_bricks):
        change_bricks(gluster, name, work, call.limits, force=call.force)
    if work.quota is not None:
        quota.converge(gluster, name, work.quota)
    _set_options(gluster, name, late)
    snapshots.carry_out(gluster, name, work.snapshots)
    if work.stop:
        gluster.change("volume", "stop", name)
    if work.delete:
        gluster.change("volume", "delete", name)


def _set_options(gluster: Gluster, name: str, options: Mapping[str, str]) -> None:
    if options:
        gluster.change("volume", "set", name, *(word for pair in sorted(options.items()) for word in pair))


def _create(call: Call, name: str, work: Work) -> None:
    with _local_marks_taken_back(call, name, work.create):
        call.gluster.change("volume", "create", name, *work.create, *(["force"] if call.force else []))


@contextlib.contextmanager
def _local_marks_taken_back(call: Call, name: str, words: Sequence[str]) -> Iterator[None]:
    """When gluster refuses new bricks, it leaves its mark on those of this host, and would refuse the next attempt."""
    mine = [brick.path for brick in map(specs.parse_brick, words) if brick and call.observed.is_here(brick.host)]
    before = brick_directories.directories(mine)
    try:
        yield
    except GlusterTimeout:
        raise  # it may still happen, and glusterd would start a volume whose brick has lost its mark
    except GlusterError:
        volume = call.gluster.volumes().get(name)
        used = {brick.path for brick in volume.bricks if call.observed.is_own(brick.peer)} if volume else set()
        brick_directories.take_back(directory for directory in before if directory.path not in used)
        raise


if __name__ == "__main__":
    main()
