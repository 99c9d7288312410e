# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What verify_host.py and verify_networks.py share: the engine, the containers made for this, and verdicts."""

from __future__ import annotations

from typing import Any, Dict

PREFIX = "berthage-verify"
LABEL = "berthage.swarm.verify"

Verdict = Dict[str, Any]  # at run time, for Python 3.8


def verified(reason: str = "") -> Verdict:
    return {"outcome": "verified", "reason": reason}


def failed(reason: str) -> Verdict:
    return {"outcome": "FAILED", "reason": reason}


def skipped(reason: str) -> Verdict:
    return {"outcome": "skipped", "reason": reason}


def connect(request: dict[str, Any]) -> Any:
    import docker  # noqa: PLC0415 - a host that only serves NFS or GlusterFS needs no SDK

    return docker.from_env(version="auto", timeout=request["timeout"])


def words_of(error: Exception) -> str:
    return str(getattr(error, "explanation", None) or error).strip()


def run_in(engine: Any, container: str, command: list[str]) -> str:
    """What the command says in this container, error messages included."""
    import docker  # noqa: PLC0415

    try:
        output = engine.containers.get(container).exec_run(command).output
    except docker.errors.DockerException as error:
        return words_of(error)
    return str(output.decode(errors="replace").strip())


def remove_containers(engine: Any) -> None:
    for container in engine.containers.list(all=True, filters={"label": f"{LABEL}=1"}):
        container.remove(force=True)


def remove_container(engine: Any, name: str) -> None:
    for container in engine.containers.list(all=True, filters={"name": f"^/{name}$"}):
        container.remove(force=True)
