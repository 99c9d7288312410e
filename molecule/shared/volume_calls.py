# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of the module `volumes` from a test, containers with volumes, and what is left on the engine."""

from __future__ import annotations

import shlex
from typing import Any

from module_calls import module
from testinfra.backend.base import CommandResult
from testinfra.host import Host

PROBE = "berthage.swarm.probe"


def volumes(host: Host, *declared: dict[str, Any], check: bool = False, **options: Any) -> dict[str, Any]:
    """The module's result, whether it fails or not."""
    return module(host, "volumes", check=check, volumes=list(declared), **options)


def in_container(host: Host, command: str, *mounts: str) -> CommandResult:
    """What a shell command says in a container with volumes (VOLUME:DIRECTORY)."""
    binds = " ".join(f"--volume {mount}" for mount in mounts)
    run = f"docker run --rm --network none {binds} box:1 sh -c {shlex.quote(command)}"
    said = host.run(run)
    # The engine does not begin again to mount a share when one of its own signals came between.
    for _again in range(4):
        if "interrupted system call" not in said.stderr:
            break
        said = host.run(run)
    return said


def actions(result: dict[str, Any]) -> dict[str, str]:
    return {volume["name"]: volume["action"] for volume in result["volumes"]}


def names(host: Host) -> set[str]:
    return set(host.check_output("docker volume ls --quiet").split())


def made(host: Host, name: str) -> str:
    """What tells one volume from another of the same name."""
    return host.check_output(f"docker volume inspect --format '{{{{ .CreatedAt }}}} {{{{ json .Options }}}}' {name}")


def assert_nothing_is_left_of_probes(host: Host) -> None:
    # One command: on User-Mode Linux each costs a second.
    lists = ("ps --all", "images --all", "volume ls")
    left = "; ".join(f"docker {which} --quiet --filter label={PROBE}" for which in lists)
    assert host.check_output(left) == ""
