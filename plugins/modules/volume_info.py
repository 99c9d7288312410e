#!/usr/bin/python
# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: volume_info
short_description: Tell what the Docker volumes of one engine are
version_added: 0.1.0
description:
  - Returns the volumes of an engine by what their options mean, as M(berthage.swarm.volumes) compares them, with who
    owns them and who uses them.
  - Without O(names), O(labels) and O(owner) these are all volumes. With several of them a volume must match each.
  - The values of passwords and keys are shown as V((hidden\)).
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
      - The volumes to tell of. An empty list is none.
      - One that does not exist is no error, see RV(missing).
    type: list
    elements: str
  labels:
    description: Only volumes with these labels. A label whose value is null may have any value.
    type: dict
    default: {}
  owner:
    description: Only volumes of this owner, as O(berthage.swarm.volumes#module:owner) has it.
    type: str
  size:
    description:
      - Also measure how much the volumes hold.
      - The engine reads through every local volume it has for that, which takes minutes where there are many files.
        An engine before version 23 measures its images and containers as well. O(timeout) is the limit; when it is
        reached, the sizes stay unknown and a warning says so.
      - The engine measures plain local volumes only. Of others the size is null, and so it is of one with any option.
    type: bool
    default: false
seealso:
  - module: berthage.swarm.volumes
  - module: community.docker.docker_volume_info
"""

EXAMPLES = r"""
- name: All volumes
  berthage.swarm.volume_info:
  register: docker

- name: Show where the data of each is
  ansible.builtin.debug:
    msg: "{{ item.name }}: {{ item.backend }}, {{ item.fields }}"
  loop: "{{ docker.volumes }}"
  loop_control:
    label: "{{ item.name }}"

- name: See which volumes of one owner nobody uses
  berthage.swarm.volume_info:
    owner: web
  register: web

- name: Name them
  ansible.builtin.debug:
    msg: "{{ web.volumes | selectattr('consumers', 'eq', []) | map(attribute='name') }}"
  when: web.services_known

- name: How much two volumes hold
  berthage.swarm.volume_info:
    names: [cache, db]
    size: true
"""

RETURN = r"""
volumes:
  description: The volumes, by name.
  returned: success
  type: list
  elements: dict
  sample:
    - name: scratch
      driver: local
      backend: tmpfs
      fields: {size: 104857600, mode: "1777", uid: 0, gid: 0, read_only: false}
      driver_opts: {type: tmpfs, device: tmpfs, o: size=100m}
      labels: {berthage.swarm.owner: default, berthage.swarm.declared: tmpfs.size}
      owner: default
      data: ephemeral
      consumers: []
      mount_point: /var/lib/docker/volumes/scratch/_data
      created_at: "2026-01-01T00:00:00Z"
      size: null
  contains:
    name:
      description: The volume's name.
      type: str
    driver:
      description: The driver, V(local) or a plugin's name.
      type: str
    backend:
      description:
        - What driver and options mean, such as V(nfs), V(bind) or V(tmpfs).
        - V(local) is a volume without a mount, V(plugin) any driver but V(local), V(mount) what is not recognised. A
          directory of a GlusterFS volume that the host mounts is V(bind).
      type: str
    fields:
      description: The options by what they mean, with defaults spelled out. The names depend on the backend.
      type: dict
    driver_opts:
      description: The options as the engine has them.
      type: dict
    labels:
      description: The labels.
      type: dict
    owner:
      description: The owner, or null where M(berthage.swarm.volumes) did not make the volume.
      type: str
    data:
      description: V(holds) its data itself, V(points) at data that is elsewhere, or is V(ephemeral).
      type: str
      choices: [holds, points, ephemeral]
    consumers:
      description: Who uses the volume, containers in whatever state and, on a manager, services.
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
    mount_point:
      description: Where the engine mounts the volume, or keeps its data.
      type: str
    created_at:
      description: When the volume was made, as the engine says it.
      type: str
    size:
      description: Bytes in the volume. Null without O(size=true), and where the engine does not measure.
      type: int
missing:
  description: The O(names) that no volume has.
  returned: success
  type: list
  elements: str
services_known:
  description: Whether the services that use volumes could be listed. A worker of a Swarm cannot.
  returned: success
  type: bool
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.berthage.swarm.plugins.module_utils._engine import ENGINE_ARGUMENTS, Engine, EngineError
from ansible_collections.berthage.swarm.plugins.module_utils._volumes import info, observe


def main() -> None:
    module = AnsibleModule({**info.ARGUMENTS, **ENGINE_ARGUMENTS}, supports_check_mode=True)
    try:
        result = _look(module)
    except EngineError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **result)


def _look(module: AnsibleModule) -> dict[str, Any]:
    """All by a handful of requests, however many volumes there are."""
    engine = Engine.connect(module.params)
    volumes = observe.volumes(engine)
    asked = info.wanted(module.params)
    selected = info.select(volumes, asked)
    usage = observe.usage(engine, [volume.name for volume in selected])
    if usage.unknown:
        module.warn(f"which services use the volumes is not known: {usage.unknown}")
    sizes = _sizes(engine, module) if module.params["size"] else {}
    return {
        "volumes": [
            info.describe(volume, usage.consumers.get(volume.name, ()), sizes.get(volume.name)) for volume in selected
        ],
        "missing": info.missing(volumes, asked),
        "services_known": usage.services_known,
    }


def _sizes(engine: Engine, module: AnsibleModule) -> dict[str, int]:
    try:
        # Engines before 23 do not know the type, and measure everything.
        return info.sizes(engine.get("/system/df", type="volume"))
    except EngineError as error:
        module.warn(f"the sizes of the volumes are not known: {error}")
        return {}


if __name__ == "__main__":
    main()
