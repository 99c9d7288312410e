# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory of a lab: the same shape for both kinds of hosts, for ansible-playbook and for testinfra alike."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Mapping, Sequence

from lab import sshkeys
from lab.model import Lab
from lab.paths import Paths
from lab.shell import run

# A Unix socket's address holds 108 bytes; ssh adds a 40-digit hash and, while it connects, 17 more characters.
_SOCKET_DIRECTORY_LIMIT = 48


def write_inventory(paths: Paths, lab: Lab, groups: Mapping[str, Sequence[str]]) -> Path:
    file = paths.inventory(lab.name)
    control_directory(paths, lab.name).mkdir(parents=True, exist_ok=True, mode=0o700)
    # JSON is YAML, and needs no library to be written right.
    file.write_text(json.dumps(render(paths, lab, groups), indent=2) + "\n")
    return file


def render(paths: Paths, lab: Lab, groups: Mapping[str, Sequence[str]]) -> dict[str, object]:
    variables = {
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(sshkeys.private_key(paths)),
        "ansible_ssh_common_args": " ".join(ssh_options(paths, lab.name)),
        "ansible_ssh_pipelining": True,
        "ansible_python_interpreter": "/usr/bin/python3",
        # Tests end bricks to see what is then. The scenario glusterfs_faults has the role's own default again.
        "glusterfs_restart_bricks": False,
        # A container on three hosts in User-Mode Linux starts in as many seconds as the machine has spare.
        **({"docker_volumes_verify_timeout": 60, "berthage_verify_timeout": 180} if lab.kind == "uml" else {}),
        "lab_name": lab.name,
        "lab_kind": lab.kind,
        "lab_subnet": lab.subnet,
        "lab_gateway": lab.gateway,
        "lab_interface": lab.interface,
    }
    hosts = {host.name: {"ansible_host": host.address, "lab_release": host.release} for host in lab.hosts}
    children: dict[str, object] = {
        group: {"hosts": {name: {} for name in members}} for group, members in sorted(groups.items())
    }
    return {"all": {"vars": variables, "hosts": hosts, "children": children}}


def ssh_options(paths: Paths, name: str) -> list[str]:
    """The lab's hosts are pinned by the lab's own known_hosts; one connection is kept and used again."""
    return [
        "-o", f"UserKnownHostsFile={paths.ssh / 'known_hosts'}",
        "-o", "GlobalKnownHostsFile=/dev/null",
        "-o", "StrictHostKeyChecking=yes",
        "-o", "IdentitiesOnly=yes",
        "-o", "ControlMaster=auto",
        "-o", "ControlPersist=300",
        "-o", f"ControlPath={control_directory(paths, name) / '%C'}",
        # A host whose power was cut says nothing, one of many on a busy machine says nothing for a while.
        "-o", "ConnectTimeout=60",
        "-o", "ServerAliveInterval=15",
        "-o", "ServerAliveCountMax=4",
    ]  # fmt: skip


def control_directory(paths: Paths, name: str) -> Path:
    directory = paths.lab(name) / "cp"
    if len(str(directory)) > _SOCKET_DIRECTORY_LIMIT:
        directory = Path(tempfile.gettempdir()) / f"berthage-lab-{name}"
    return directory


def close_connections(paths: Paths, name: str) -> None:
    """End the kept connections: after a power cut or a new start they lead nowhere."""
    for socket in control_directory(paths, name).glob("*"):
        run(["ssh", "-o", f"ControlPath={socket}", "-O", "exit", "lab"], check=False, timeout=10)
        socket.unlink(missing_ok=True)
