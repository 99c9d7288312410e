# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of changed networks share: several steps on a host at once, see files/steps.py of that scenario."""

from __future__ import annotations

import json
import shlex
from typing import Any

from checks import packed_module
from testinfra.host import Host

CLEAR = {"clear": True}
STATE = {"state": True}


def call(*declared: dict[str, Any], **arguments: Any) -> dict[str, Any]:
    """The module."""
    return {"call": {"networks": declared, "owner": "changes", **arguments}}


def recreate(*declared: dict[str, Any], **arguments: Any) -> dict[str, Any]:
    """The module with everything allowed."""
    return call(*declared, on_drift="recreate", reattach=True, **arguments)


def shell(command: str) -> dict[str, Any]:
    return {"shell": command}


def says(container: str, target: str, port: int) -> dict[str, Any]:
    """What answers a TCP connection from the container, nothing where none is made."""
    return shell(f"docker exec {container} sh -c 'echo | nc -w 3 {target} {port}' || true")


def started(name: str, network: str, *options: str, command: str = "sleep 86400") -> str:
    """The shell's way to start a container."""
    return f"docker run --detach --init --name {name} --network {network} {' '.join(options)} box:1 {command}"


def service(name: str, replicas: int, *options: str, command: str = "sleep 86400") -> str:
    """The shell's way to start a service, and to wait for its tasks and no longer.

    They may stay away: engine 26 was seen starting a task for ever on a network that it no longer knew.
    """
    return (
        f"docker service create --quiet --detach --name {name} --replicas {replicas} --endpoint-mode dnsrr "
        f"{' '.join(options)} box:1 {command} >&2; end=$(($(date +%s) + 180)); until "
        f"docker service ls --filter name={name} --format '{{{{ .Replicas }}}}' | grep -qx {replicas}/{replicas}; "
        f"do [ $(date +%s) -lt $end ] || {{ docker service ps --no-trunc {name} >&2; exit 1; }}; sleep 0.1; done"
    )


MESH = {"name": "mesh", "attachable": True, "subnets": [{"subnet": "10.80.0.0/24"}]}
NARROW_MESH = {**MESH, "mtu": 1400}
ENDS_AT_ONCE = "--stop-grace-period 1s --stop-signal KILL"
TASK_ON_MESH = shell(service("web", 1, f"{ENDS_AT_ONCE} --network mesh"))


def take(host: Host, *steps: dict[str, Any]) -> list[Any]:
    """What each step gave."""
    given = {"module": packed_module(host, "berthage.swarm.networks"), "steps": steps}
    done = host.run(f"echo {shlex.quote(json.dumps(given))} | python3 /opt/faults/steps.py")
    assert done.rc == 0, done.stderr
    results: list[Any] = json.loads(done.stdout)
    return results


def as_asked_for(endpoint: dict[str, Any]) -> dict[str, Any]:
    """Of an endpoint what somebody chose."""
    return {key: endpoint[key] for key in ("aliases", "links", "options", "fixed")}


def warnings_of(result: dict[str, Any]) -> str:
    """As text, in whatever shape this release of Ansible packs them."""
    return json.dumps(result.get("warnings", []))
