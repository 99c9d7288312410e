# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the other verify_*.py share: the engine, the containers made for this, and verdicts."""

from __future__ import annotations

import contextlib
import fcntl
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, Iterator

PREFIX = "berthage-verify"
LABEL = "berthage.swarm.verify"
LOCK = f"/run/{PREFIX}.lock"

Verdict = Dict[str, Any]  # at run time, for Python 3.8


def verified(reason: str = "") -> Verdict:
    return {"outcome": "verified", "reason": reason}


def failed(reason: str) -> Verdict:
    return {"outcome": "FAILED", "reason": reason}


def skipped(reason: str) -> Verdict:
    return {"outcome": "skipped", "reason": reason}


@contextlib.contextmanager
def alone(seconds: float) -> Iterator[None]:
    """One round at a time on this host: that of a play that was killed goes on by itself until it is through."""
    end = time.monotonic() + seconds
    with open(LOCK, "w", encoding="ascii") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise TimeoutError("another verification is at work on this host; let it end") from None
                time.sleep(0.2)
        yield


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


def pid_of(engine: Any, container: str) -> int:
    """The container's first process; 0 of one that does not run, or is gone."""
    import docker  # noqa: PLC0415

    try:
        return int(engine.api.inspect_container(container)["State"]["Pid"])
    except docker.errors.NotFound:
        return 0


def remove_containers(engine: Any) -> None:
    """All that any run made. At once, since stopping one takes far longer than asking for it."""
    found = engine.api.containers(all=True, filters={"label": f"{LABEL}=1"})
    if found:
        with ThreadPoolExecutor(len(found)) as pool:
            list(pool.map(lambda container: _remove(engine, container["Id"]), found))


def remove_container(engine: Any, name: str) -> None:
    for container in engine.api.containers(all=True, filters={"name": f"^/{name}$"}):
        _remove(engine, container["Id"])


def _remove(engine: Any, container: str) -> None:
    import docker  # noqa: PLC0415

    # One that is gone meanwhile is what is wanted.
    with contextlib.suppress(docker.errors.NotFound):
        engine.api.remove_container(container, force=True)
