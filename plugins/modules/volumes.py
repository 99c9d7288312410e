#!/usr/bin/python
# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: volumes
short_description: Manage the Docker volumes of one engine as a set
version_added: 0.1.0
description:
  - Creates, keeps and removes Docker volumes, all of them in one call.
  - The whole set is checked and planned first. Whatever must not be done is refused at once, before anything is
    changed.
  - A volume is compared by what its options mean, in both directions. Order, spelling and defaults do not matter, so
    a volume made by hand or by Compose is the same as the declaration that means the same.
  - A volume counts as good only after it has been mounted once, see O(verify).
  - Data comes first. What only points at its data may be recreated; what holds it goes only when it is proven empty, or
    when that very volume is declared with O(volumes[].discard_data). A volume in use is never removed.
author:
  - berthage contributors (@berthage)
extends_documentation_fragment:
  - berthage.swarm.attributes
  - berthage.swarm.engine
options:
  volumes:
    description:
      - The volumes. Each has at most one of the backends O(volumes[].nfs), O(volumes[].glusterfs), O(volumes[].cifs),
        O(volumes[].cephfs), O(volumes[].tmpfs), O(volumes[].bind), O(volumes[].block), or a O(volumes[].driver) with
        its O(volumes[].driver_opts). One without any is a plain local volume.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The volume's name, at least two characters of C(a-z A-Z 0-9 _ . -), beginning with a letter or a
          digit.
        type: str
        required: true
      nfs:
        description: A directory that an NFS server exports, mounted by the kernel of the host.
        type: dict
        suboptions:
          server:
            description: Address or host name of the server. The engine looks a name up at each mount.
            type: str
            required: true
          path:
            description: The exported directory, absolute.
            type: str
            required: true
          version:
            description:
              - The protocol's version. When not given, V(4.2), and V(4.1) with O(volumes[].nfs.preset=efs).
              - The command of most tutorials names no version, which makes it V(3). So a volume made by it differs
                from one declared without this option.
            type: str
            choices: ["3", "4", "4.0", "4.1", "4.2"]
          preset:
            description:
              - What a provider recommends. Options given in O(volumes[].nfs.options) win over those of the preset.
              - V(efs) is Amazon EFS, with V(nfsvers=4.1), V(rsize=1048576), V(wsize=1048576), V(hard), V(timeo=600),
                V(retrans=2) and V(noresvport). Use the name of the file system or the address of its mount target as
                O(volumes[].nfs.server). Encryption on the way is what Amazon's own mount helper does, which a volume of
                Docker cannot; for that mount it on the host, and use O(volumes[].bind).
            type: str
            choices: [efs]
          options:
            description:
              - Further mount options, see nfs(5). Those that the kernel itself knows work. What only C(mount.nfs) or
                C(mount) does, such as V(nofail) or V(defaults), is refused.
              - With V(version=3) the host needs statd, or the option V(nolock).
            type: list
            elements: str
            default: []
          read_only:
            description: Mount it read-only.
            type: bool
            default: false
      glusterfs:
        description:
          - A directory of a GlusterFS volume that this host has mounted, which the role
            P(berthage.swarm.docker_volumes#role) does.
          - Refused when the mount is missing or is another volume's.
        type: dict
        suboptions:
          volume:
            description: The GlusterFS volume's name.
            type: str
            required: true
          path:
            description:
              - A directory below the volume's root. It must exist, or be made by O(volumes[].create_path).
              - It cannot be the root itself, since a missing directory is what makes the engine refuse to start a
                container when the mount is gone.
            type: str
            required: true
          mount_point:
            description: Where the host has mounted the volume. V(/mnt/glusterfs/VOLUME) when not given.
            type: str
          via:
            description:
              - How the volume reaches the container.
              - V(plugin) is refused, since no plugin for GlusterFS is maintained any more. One that you maintain
                yourself goes by O(volumes[].driver).
            type: str
            default: mount
            choices: [mount, plugin]
      cifs:
        description:
          - A share of a Windows or Samba server, mounted by the kernel of the host.
          - No C(mount.cifs) runs. What only that program understands, such as V(credentials=FILE) or V(uid=NAME), is
            refused.
          - Whoever may inspect volumes of the engine sees the password. To keep it from them, mount the share on the
            host with a credentials file, and use O(volumes[].bind).
        type: dict
        suboptions:
          server:
            description: Address or host name of the server. The engine looks a name up at each mount.
            type: str
            required: true
          share:
            description: The share's name.
            type: str
            required: true
          path:
            description: A directory in the share, V(a/b) for instance. The share's root when not given.
            type: str
            default: ""
          username:
            description:
              - Who logs in. When not given, the share is mounted without login (V(sec=none)), which the server must
                permit. That is what C(guest) of C(mount.cifs) is for.
            type: str
          password:
            description:
              - The password of O(volumes[].cifs.username). Required with it, if only as an empty text, unless
                O(volumes[].cifs.options) has V(sec=krb5).
              - It may have commas in it, but no word between two of them that is a flag of a mount, such as V(ro).
            type: str
          domain:
            description: The domain of O(volumes[].cifs.username).
            type: str
          version:
            description:
              - The protocol's version. V(3) is any of 3.0 or later, V(default) any of 2.1 or later that both know.
              - The command of most tutorials names none, which is V(default).
            type: str
            default: "3.1.1"
            choices: ["1.0", "2.0", "2.1", "3", "3.0", "3.0.2", "3.1.1", default]
          options:
            description:
              - Further mount options of the kernel, such as V(uid=1000), V(file_mode=0640), V(seal), V(ro) or
                V(port=1445).
              - Numbers are read as the kernel does. A mode needs a 0 in front.
            type: list
            elements: str
            default: []
      cephfs:
        description:
          - A directory of CephFS, mounted by the kernel of the host.
          - No C(mount.ceph) runs. What only that program understands, such as V(secretfile=FILE) or a monitor's name,
            is refused.
          - Whoever may inspect volumes of the engine sees the key. To keep it from them, mount CephFS on the host, and
            use O(volumes[].bind).
        type: dict
        suboptions:
          monitors:
            description:
              - Addresses of the monitors, V(10.0.0.7), V(10.0.0.7:3300) or V([fd00::7]:6789). Their order does not
                matter. See C(ceph mon dump).
              - Without a port it is V(6789), or V(3300) when O(volumes[].cephfs.options) has a V(ms_mode) other than
                V(legacy).
            type: list
            elements: str
            required: true
          path:
            description: The directory, absolute.
            type: str
            default: /
          user:
            description: The Ceph user, without C(client.) in front.
            type: str
            default: admin
          secret:
            description: The key of O(volumes[].cephfs.user), as C(ceph auth get-key) says it.
            type: str
          options:
            description:
              - Further mount options of the kernel, such as V(mds_namespace=NAME) for one of several file systems,
                V(ms_mode=prefer-crc) or V(ro).
            type: list
            elements: str
            default: []
      tmpfs:
        description: Memory of the host. What is in it is gone when the last container that uses it stops.
        type: dict
        suboptions:
          size:
            description: The limit in bytes, or with V(k), V(m), V(g), V(t) or V(%) behind the number. Half of the
              memory when not given.
            type: str
          mode:
            description: The permissions of its root directory, octal. V(1777) when not given.
            type: str
          uid:
            description: The owner of its root directory.
            type: int
          gid:
            description: The group of its root directory.
            type: int
      bind:
        description: A directory of the host.
        type: dict
        suboptions:
          path:
            description: The directory, absolute. It must exist, or be made by O(volumes[].create_path).
            type: str
            required: true
      block:
        description:
          - A file system on a device of the host. It must have been made; nothing is ever formatted here.
          - An attached Amazon EBS volume or Google Persistent Disk is such a device. Name it by what lasts, since
            C(/dev/sdb) or C(/dev/nvme1n1) may be another disk after a restart.
            C(/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef0) is an EBS volume by its ID,
            C(/dev/disk/by-id/google-NAME) a Persistent Disk by its device name.
          - The file system must not be in use by two hosts at once, unless all of them mount it with V(ro).
        type: dict
        suboptions:
          device:
            description:
              - The device, below C(/dev).
              - V(UUID=) and V(LABEL=) are tags that C(mount) looks up, which never runs here. Use
                C(/dev/disk/by-uuid/) and C(/dev/disk/by-label/).
            type: str
            required: true
          fs_type:
            description:
              - The file system on it, such as V(ext4), V(xfs) or V(btrfs). Also V(ext2), V(ext3), V(f2fs), V(vfat),
                V(exfat), V(ntfs3), V(iso9660), V(udf), V(squashfs), V(erofs), V(jfs) and V(nilfs2).
            type: str
            required: true
          options:
            description: Further mount options of the file system, such as V(noatime) or V(subvol=data).
            type: list
            elements: str
            default: []
      driver:
        description: V(local), or the name of a volume plugin. V(local) when not given.
        type: str
      driver_opts:
        description:
          - The driver's options as in a Compose file.
          - Those of V(driver=local) are understood, that is, compared by what they mean.
          - Options that the engine accepts and can never mount are refused, and so are those for which it would mount
            nothing at all (a device V(none) without further options).
          - Values of options whose names say that they are secrets (password, secret, token, key) are never shown. The
            engine itself shows them to whoever may inspect its volumes.
        type: dict
      labels:
        description:
          - Labels of a volume that is created. Only the declared ones are compared, and those that were declared when
            it was created.
          - The engine cannot change the labels of a volume, and a difference in them alone never fails a call. It is a
            warning. With O(on_drift=recreate) a volume that only points at its data is recreated for them, unless it
            is in use.
        type: dict
        default: {}
      create_path:
        description:
          - Make the directory of O(volumes[].glusterfs) or O(volumes[].bind) when it is missing. One that exists is
            left as it is, whatever its owner and mode.
          - One that nobody may enter, of mode V(0000), counts as begun and not finished, as a run that was killed
            leaves it, and gets its owner and mode. Nobody but root could use a volume on it anyway.
        type: dict
        suboptions:
          owner:
            description: Name or number of the owner of a directory that is made. V(0) when not given.
            type: str
          group:
            description: Name or number of the group of a directory that is made. V(0) when not given.
            type: str
          mode:
            description: The permissions of a directory that is made, octal.
            type: str
            default: "0755"
      state:
        description:
          - Whether the volume is to be there.
          - V(absent) is refused while containers, in whatever state, or services use the volume, when another owner
            made it, and when it holds data, see O(volumes[].discard_data). It needs no backend.
        type: str
        default: present
        choices: [present, absent]
      discard_data:
        description:
          - Permits the removal of a volume that holds its data (a plain local one, or one of a plugin) and is not
            empty.
          - Refused for a volume that only points at its data, since removing that one discards nothing. With
            O(on_drift=recreate) it is accepted there, for a volume that holds data and stands in its way.
        type: bool
        default: false
  on_drift:
    description:
      - What to do when a volume exists and differs from its declaration. The engine cannot change a volume.
      - V(fail) refuses the whole call and names each field. V(warn) keeps the volume and warns.
      - V(recreate) removes the volume and makes it as declared. It does so with what only points at its data, or is
        gone with the last container anyway, and with an empty volume that stands in the way, such as the plain local
        one that a service got on a node where the declared one was missing. One that holds data needs
        O(volumes[].discard_data).
      - V(recreate) refuses the whole call while containers, in whatever state, or services use the volume, when
        another owner made it, and on a worker of a Swarm unless O(services_in_use) is given.
      - With O(verify) the declared options are mounted once under a temporary volume before anything is changed. When
        that fails, so does the call, and the former volume is still there. This is left out where the options are a
        plugin's, which alone knows what such a trial would do, and where a directory is to be made first.
      - A run that is killed between the removal and the creation is healed by the next one, which creates the volume.
    type: str
    default: fail
    choices: [fail, warn, recreate]
  verify:
    description:
      - Mount each declared volume once. First this host connects to each distinct server, then the engine mounts the
        volumes of one server at a time for a container that is created and never started. Nothing is pulled, and
        nothing of it is left.
      - When it fails, so does the call. Volumes that were created by this very call, failed and hold no data are
        removed again, and what was recreated and only pointed at its data is put back as it was.
      - A run that is killed in between leaves volumes that were created and not verified. The next run verifies them.
      - With an engine on another host the connection is left out, and so is the look at GlusterFS mounts.
      - In check mode nothing is verified.
    type: bool
    default: true
  verify_timeout:
    description:
      - How many seconds a server may take to answer, and an engine to mount. Servers are asked at the same time, and so
        are the mounts of different servers, so that it is spent once, however many servers or volumes fail.
    type: int
    default: 15
  owner:
    description: Who declares these volumes. Becomes a label of those created. Volumes that another owner made are
      never removed or recreated.
    type: str
    default: default
  purge:
    description:
      - Remove the volumes that O(owner) made and that are not listed any more. The others are not touched.
      - It never discards data. What holds data or is in use stays, with a warning, and fails nothing.
      - Refused with V(owner=default), which everybody has who names none, and on a worker of a Swarm unless
        O(services_in_use) is given.
      - O(volumes) may be an empty list then, which removes all volumes of that owner that may go.
    type: bool
    default: false
  services_in_use:
    description:
      - Names of the volumes that services of the Swarm use. A worker cannot list services, so there removal,
        recreation and O(purge) are refused unless this is given, if only as an empty list. On a manager it adds to what
        is found.
      - A name may be a template of the engine's, such as V(data-{{.Task.Slot}}), which stands for every volume that a
        task of such a service may use.
    type: list
    elements: str
seealso:
  - module: community.docker.docker_volume
notes:
  - Proving a volume empty before it is removed takes a container that is created and never started, in check mode
    too. It is removed at once.
  - What verification makes for a moment (such containers, an empty image, temporary volumes named C(berthage-probe-*))
    carries the label C(berthage.swarm.probe). What a killed run has left of it is removed by the next one.
  - Whoever may inspect a volume on the engine sees its options, secrets included. Here they appear in no output. To
    keep them from the engine as well, mount the share on the host and use O(volumes[].bind).
"""

EXAMPLES = r"""
- name: Every kind of volume, each mounted once
  berthage.swarm.volumes:
    volumes:
      - name: cache
      - name: app-data
        nfs:
          server: 10.0.0.5
          path: /srv/nfs/app
      - name: media
        glusterfs:
          volume: gv0
          path: media
        create_path:
          owner: "1000"
          mode: "0750"
      - name: scratch
        tmpfs:
          size: 100m
      - name: www
        bind:
          path: /srv/www
      - name: office
        cifs:
          server: files.example.net
          share: office
          username: docker
          password: "{{ vaulted_password }}"
          options: [uid=1000, gid=1000, file_mode=0640, dir_mode=0750]
      - name: objects
        cephfs:
          monitors: [10.0.0.7, 10.0.0.8, 10.0.0.9]
          path: /app
          user: app
          secret: "{{ vaulted_key }}"
      - name: db
        block:
          device: /dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef0
          fs_type: xfs
          options: [noatime]
      - name: shared
        nfs:
          server: fs-0123456789abcdef0.efs.eu-central-1.amazonaws.com
          path: /
          preset: efs

- name: What a Compose file says under driver_opts
  berthage.swarm.volumes:
    volumes:
      - name: legacy
        driver: local
        driver_opts:
          type: nfs
          device: ":/srv/nfs/legacy"
          o: addr=10.0.0.5,nfsvers=4,soft
        labels:
          team: web

- name: Follow a server that has moved
  berthage.swarm.volumes:
    volumes:
      - name: app-data
        nfs:
          server: 10.0.0.6
          path: /srv/nfs/app
    on_drift: recreate

- name: These and no others are the volumes of the web team
  berthage.swarm.volumes:
    volumes:
      - name: www
        bind:
          path: /srv/www
    owner: web
    purge: true

- name: Remove two volumes, one with the data in it
  berthage.swarm.volumes:
    volumes:
      - name: app-data
        state: absent
      - name: cache
        state: absent
        discard_data: true
"""

RETURN = r"""
volumes:
  description: The outcome of each declared volume, in the order of the declaration, then of each that O(purge)
    concerns. Also returned when the call fails.
  returned: when the set could be planned
  type: list
  elements: dict
  sample:
    - name: app-data
      backend: nfs
      action: create
      drift: []
      consumers: []
      verified: true
      message: ""
  contains:
    name:
      description: The volume's name.
      type: str
    backend:
      description:
        - The backend that is declared. Of a volume to be removed, the one that it has.
        - Of raw options, what they mean. V(plugin) is any driver but V(local), V(mount) is what is not recognised.
      type: str
    action:
      description:
        - What was done, or would be done in check mode.
        - V(update) means that the volume was there and its missing directory was made.
        - V(recreate) means that it was removed and made as declared.
        - V(keep) of a volume that is not declared means that O(purge) had to leave it.
        - V(none) means that it is declared absent and is.
      type: str
      choices: [create, keep, update, recreate, remove, none, refused]
    drift:
      description: The fields in which the volume differs from its declaration. Secrets are shown as V((hidden\)).
      type: list
      elements: dict
      contains:
        field:
          description: The field's name.
          type: str
        declared:
          description: What is declared.
          type: raw
        actual:
          description: What the engine has.
          type: raw
    consumers:
      description: Who uses a volume that is to be removed or recreated.
      type: list
      elements: dict
      contains:
        kind:
          description: V(container) or V(service).
          type: str
        name:
          description: Its name.
          type: str
        id:
          description: Its ID.
          type: str
        node:
          description: The host where it is, of a container.
          type: str
        state:
          description: The state of a container.
          type: str
    verified:
      description: Whether the volume could be mounted. Null when that was not tried.
      type: bool
    message:
      description: Why it was refused or failed, or what else is to be known.
      type: str
services_known:
  description: Whether the services that use volumes could be listed. Null when nothing was to be removed
    or recreated.
  returned: when the set could be planned
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

from dataclasses import dataclass
from typing import Any, Callable, Iterable, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._arguments import ModuleForItems
from ansible_collections.berthage.swarm.plugins.module_utils._engine import (
    ENGINE_ARGUMENTS,
    Engine,
    EngineError,
    EngineTimeout,
)
from ansible_collections.berthage.swarm.plugins.module_utils._plan import (
    CREATE,
    RECREATE,
    Run,
    Spared,
    Step,
    StepFailed,
)
from ansible_collections.berthage.swarm.plugins.module_utils._process_mark import is_left_behind
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem, Refused
from ansible_collections.berthage.swarm.plugins.module_utils._volumes import apply, observe, plan, removal, spec, verify
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends import HOLDS, Meaning
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.probe import PROBE_LABEL, Probes


@dataclass(frozen=True)
class Call:
    """One call on its way: what is declared, what was there, and what has become of it so far."""

    engine: Engine
    declaration: spec.Declaration
    observation: observe.Observation
    run: Run
    servers: verify.Servers
    warn: Callable[[str], None]


class VerificationFailed(Exception):
    """Some volumes cannot be mounted."""

    def __init__(self, problems: Iterable[Problem], note: str = "") -> None:
        super().__init__("\n".join(filter(None, [verify.summary(problems), note])))


def main() -> None:
    module = ModuleForItems(
        "volumes", {**spec.ARGUMENTS, **ENGINE_ARGUMENTS}, secrets=spec.secrets, supports_check_mode=True
    )
    result: dict[str, Any] = {"changed": False}
    try:
        _converge(module, result)
    except Refused as refusal:
        problems = [problem.as_dict() for problem in refusal.problems]
        module.fail_json(msg=str(refusal), problems=problems, **result)
    except (EngineError, StepFailed, VerificationFailed) as error:
        module.fail_json(msg=str(error), **result)
    module.exit_json(**result)


def _converge(module: ModuleForItems, result: dict[str, Any]) -> None:
    """Bring the engine to what is declared. `result` is true at any moment."""
    declaration = spec.read(module.params)
    engine = Engine.connect(module.params)
    observation = _observe(module, engine, declaration)
    decided = plan.plan(declaration, observation)
    for warning in decided.warnings:
        module.warn(warning)
    run = Run(decided.steps, "volumes", decided.problems)
    result["services_known"] = observation.usage.services_known
    try:
        run.refuse_if_any()
        if module.check_mode:
            run.pretend()
            return
        servers = verify.Servers(declaration.verify_timeout)
        call = Call(engine, declaration, observation, run, servers, module.warn)
        if declaration.verify:
            _try_replacements(call)
        _apply(call)
        if declaration.verify:
            _verify(call)
    finally:
        result.update(run.result())


def _observe(module: ModuleForItems, engine: Engine, declaration: spec.Declaration) -> observe.Observation:
    """Ask only for what the plan needs: users and emptiness of what may go, mounts for what stands on them."""
    volumes = observe.volumes(engine)
    if any(is_left_behind(found.labels[PROBE_LABEL]) for found in volumes.values() if PROBE_LABEL in found.labels):
        with Probes(engine, declaration.verify_timeout):
            volumes = observe.volumes(engine)  # without those
    # What an engine or a plugin says of an error may have the old secrets in it.
    concerned = {volume.name for volume in declaration.volumes}.union(removal.to_be_purged(declaration, volumes))
    module.no_log_values.update(observe.secrets(found for name, found in volumes.items() if name in concerned))
    removed = removal.to_be_removed(declaration, volumes)
    empty: dict[str, bool] = {}
    if removed:
        # Also where nothing is to be proven empty: what a killed run has left may hold what is to go.
        with Probes(engine, declaration.verify_timeout) as probes:
            empty = probes.empty(removal.to_be_proven_empty(declaration, volumes))
    missing = (volume.name for volume in declaration.volumes if not volume.present and volume.name not in volumes)
    on_engine_host = not engine.is_remote
    stands_on_mount = any(volume.directory and volume.present for volume in declaration.volumes)
    return observe.Observation(
        volumes=volumes,
        usage=observe.usage(engine, removed) if removed else observe.Usage(),
        empty=empty,
        on_engine_host=on_engine_host,
        mounts=observe.mounts() if on_engine_host and stands_on_mount else (),
        directories=observe.directories(declaration.volumes, declaration.verify_timeout) if on_engine_host else {},
        unlisted=observe.unlisted(engine, missing),
    )


def _try_replacements(call: Call) -> None:
    """Prove what replaces a volume before the old one goes: once mounted, it will be again."""
    recreated = {step.name for step in call.run.steps if step.action == RECREATE}
    replacements = [
        _mountable(volume, volume.meaning, call.observation, volume.driver_opts)
        for volume in call.declaration.volumes
        if volume.name in recreated and _can_be_tried(volume, call.observation)
    ]
    problems = _mount(call, replacements)
    if problems:
        for name, problem in problems.items():
            message = f"{problem}; it was not recreated, the former one is still there"
            call.run.report(name, verified=False, message=message)
        raise VerificationFailed(problems.values(), "Nothing was changed: what was to be recreated is still there.")


def _can_be_tried(volume: spec.Volume, observation: observe.Observation) -> bool:
    """Whether a temporary volume tells anything, and harms nothing: what holds data needs no server, or it is a
    plugin's, and only the plugin knows what its removal does. What stands on a directory needs that first."""
    directory = observation.directories.get(volume.directory or "")
    return volume.meaning.data != HOLDS and (directory is None or directory.exists)


def _apply(call: Call) -> None:
    declared = {volume.name: volume for volume in call.declaration.volumes}
    holders = removal.to_be_proven_empty(call.declaration, call.observation.volumes)

    def carry_out(step: Step) -> None:
        former = call.observation.volumes.get(step.name)
        filled = step.name in holders and not _is_still_empty(call, step.name)
        if step.name in declared:
            if filled:
                raise apply.Overtaken(
                    "it was empty and is not any more (something uses it?); run again to see what is so"
                )
            apply.carry_out(call.engine, step, declared[step.name], former, call.declaration.owner)
        elif former is not None:
            try:
                if filled:
                    raise Spared("it is not listed, and was not purged: it holds data by now")
                apply.purge(call.engine, former)
            except Spared as reason:
                call.warn(f"{step.name}: {reason}")
                raise

    call.run.apply(carry_out, failures=apply.FAILURES, turn=plan.turn)


def _is_still_empty(call: Call, name: str) -> bool:
    """A volume was empty when the plan was made; what came before this step may have taken long enough for a container
    to write to it and go again. Nothing of the look is left when the volume goes, so that a run killed then leaves
    nothing."""
    with Probes(call.engine, call.declaration.verify_timeout) as probes:
        return probes.empty([name]).get(name, False)


def _verify(call: Call) -> None:
    made = {step.name for step in call.run.steps if step.action in (CREATE, RECREATE)}
    there = call.observation.volumes
    mountables = [
        _mountable(volume, (volume if volume.name in made else there[volume.name]).meaning, call.observation)
        for volume in call.declaration.volumes
        if volume.present
    ]
    try:
        problems = _mount(call, mountables)
    except EngineError as error:
        raise EngineError(f"{error}; the volumes could not be verified, which the next run does") from error
    for mountable in mountables:
        problem = problems.get(mountable.name)
        call.run.report(mountable.name, verified=problem is None)
        if problem is not None:
            call.run.report(mountable.name, message=str(problem))
        elif call.engine.is_remote and mountable.meaning.servers:
            call.run.report(mountable.name, message="mounted by the engine; from here its server was not asked")
    failed = [mountable for mountable in mountables if mountable.name in problems]
    _take_back(call, [one.name for one in failed if one.name in made and one.meaning.data != HOLDS], problems)
    if failed:
        raise VerificationFailed(problems[mountable.name] for mountable in failed)


def _mount(call: Call, volumes: list[verify.Mountable]) -> dict[str, Problem]:
    return verify.verify(call.engine, volumes, call.declaration.verify_timeout, call.servers)


def _mountable(
    volume: spec.Volume,
    meaning: Meaning,
    observation: observe.Observation,
    options: Mapping[str, str] | None = None,
) -> verify.Mountable:
    behind = observe.mount_below(volume.directory, observation.mounts) if volume.directory else ""
    return verify.Mountable(volume.name, meaning, behind, options)


def _take_back(call: Call, made: list[str], problems: Mapping[str, Problem]) -> None:
    """Remove what this very call has made, cannot be mounted and holds no data, and put back what was there before."""
    declared = {volume.name: volume for volume in call.declaration.volumes}
    patience = apply.PATIENCE
    hanging: EngineTimeout | None = None
    for name in made:
        try:
            if hanging is not None:
                raise hanging
            apply.take_back(call.engine, declared[name], call.declaration.owner, limit=10, patience=patience)
        except EngineError as error:
            # The engine waits for the kernel, or a probe that hangs holds it: so it will be for the others as well.
            hanging = error if isinstance(error, EngineTimeout) else hanging
            patience = 0
            call.run.report(name, message=f"{problems[name]}; it could not be removed again: {error}")
        else:
            call.run.report(name, message=f"{problems[name]}; it was removed again{_put_back(call, name)}")


def _put_back(call: Call, name: str) -> str:
    """Make the former volume again, where there was one, and say what became of it."""
    former = call.observation.volumes.get(name)
    if former is None:
        call.run.undone(name)
        return ""
    if not apply.can_be_put_back(former):
        call.run.halfway(name)
        return ", and the former one was removed before"
    try:
        apply.put_back(call.engine, former)
    except EngineError as error:
        call.run.halfway(name)
        return f", and the former one could not be put back: {error}"
    call.run.undone(name)
    return ", and the former one was put back"


if __name__ == "__main__":
    main()
