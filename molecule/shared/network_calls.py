# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of the network modules from a test, and what a container on a network can reach."""

from __future__ import annotations

from typing import Any

from checks import docker_json, wait_for
from module_calls import module
from testinfra.host import Host


def networks(host: Host, *declared: dict[str, Any], **options: Any) -> dict[str, Any]:
    """The module's result, whether it fails or not."""
    return module(host, "networks", networks=list(declared), **options)


def network_info(host: Host, **arguments: Any) -> dict[str, Any]:
    """What there is; a failure is an error of the test."""
    # Never without any argument, which `ansible` would take for a command line.
    result = module(host, "network_info", **{"docker_host": "unix:///var/run/docker.sock", **arguments})
    assert not result["failed"], result["msg"]
    assert not result["changed"]
    return result


def every_node_is_ready(manager: Host) -> bool:
    """Whether all nodes of the Swarm are, after a minute at most."""
    states = "docker node ls --format '{{ .Status }}'"
    return wait_for(lambda: set(manager.check_output(states).split()) == {"Ready"}, seconds=60)


def address(host: Host, container: str, network: str) -> str:
    found: str = docker_json(host, "inspect", container)[0]["NetworkSettings"]["Networks"][network]["IPAddress"]
    return found


def says(host: Host, container: str, target: str, port: int) -> str:
    """What answers a TCP connection from the container, nothing where none is made."""
    return host.run(f"docker exec {container} sh -c 'echo | nc -w 3 {target} {port}'").stdout.strip()
