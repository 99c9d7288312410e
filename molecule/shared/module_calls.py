# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of the collection's modules from a test.

Ansible itself sends a module to a host, once, and leaves it there as it packed it. Each call runs that, without the two
seconds of processor time that Ansible needs for one.
"""

from __future__ import annotations

import base64
import json
import shlex
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

from checks import packed_module
from testinfra.backend.base import CommandResult
from testinfra.host import Host

_PROGRAM = Path(__file__).parent / "packed_module.py"
# What fits on a command line, with room to spare.
_LONGEST = 60_000

# Tests call modules from several threads.
_sending = Lock()


def module(host: Host, name: str, /, *, check: bool = False, **arguments: Any) -> dict[str, Any]:
    """The result of berthage.swarm.NAME, whether it fails or not; `failed` tells which, and `msg` why."""
    words = json.dumps(arguments)
    assert len(words) < _LONGEST, "too long for a command line: use a playbook"
    assert "{{" not in words, "a template is Ansible's: use a playbook"
    done = _call(host, name, check, words)
    if done.rc != 0:
        # A power cut may have taken the files along.
        with _sending:
            _sent.cache_clear()
            packed_module.cache_clear()
        done = _call(host, name, check, words)
    assert done.rc == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    # As Ansible has it. Our modules say `msg` only when they fail.
    result.pop("invocation", None)
    return {"changed": False, **result, "failed": "msg" in result}


def _call(host: Host, name: str, check: bool, words: str) -> CommandResult:
    with _sending:
        directory = _sent(host, name)
    call = [f"{directory}/packed_module.py", directory, f"berthage.swarm.{name}", "check" if check else "do", words]
    return host.run(f"/usr/bin/python3 {' '.join(map(shlex.quote, call))}")


@lru_cache(maxsize=None)
def _sent(host: Host, name: str) -> str:
    """The directory on the host where the module is, and what runs it."""
    directory = packed_module(host, f"berthage.swarm.{name}")
    program = base64.b64encode(_PROGRAM.read_bytes()).decode()
    host.check_output(f"echo {program} | base64 -d > {directory}/packed_module.py")
    return directory
