# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of the collection's modules from a test.

The first call of a module on a host is Ansible's own. Ansible leaves the module there as it packed it, and later calls
run that, without the two seconds of processor time that Ansible needs for each.
"""

from __future__ import annotations

import base64
import json
import shlex
from pathlib import Path
from typing import Any

from checks import keeping_remote_files, unpacked
from testinfra.host import Host
from testinfra.modules.ansible import AnsibleException

_PROGRAM = Path(__file__).parent / "packed_module.py"
# What fits on a command line, with room to spare.
_LONGEST = 60_000

# The directory of a module on a host, by both.
_unpacked: dict[tuple[str, str], str] = {}


def module(host: Host, name: str, /, *, check: bool = False, **arguments: Any) -> dict[str, Any]:
    """The result of berthage.swarm.NAME, whether it fails or not; `failed` tells which, and `msg` why."""
    words = json.dumps(arguments)
    # Only Ansible knows what to do with a template.
    result = _again(host, name, words, check) if len(words) < _LONGEST and "{{" not in words else None
    if result is None:
        result = _by_ansible(host, name, arguments, check)
    # Testinfra reads a callback's output, from which ansible-core 2.19 leaves `failed` out. Our modules say `msg` only
    # when they fail.
    return {**result, "failed": "msg" in result}


def _by_ansible(host: Host, name: str, arguments: dict[str, Any], check: bool) -> dict[str, Any]:
    try:
        with keeping_remote_files():
            result: dict[str, Any] = host.ansible(
                # No arguments at all are none, where `{}` would be a free form.
                f"berthage.swarm.{name}",
                json.dumps(arguments) if arguments else None,
                check=check,
                become=False,
            )
    except AnsibleException as failure:
        result = failure.result
    directory = unpacked(host, name)
    if directory:
        program = base64.b64encode(_PROGRAM.read_bytes()).decode()
        host.check_output(f"echo {program} | base64 -d > {directory}/packed_module.py")
        _unpacked[_key(host, name)] = directory
    return result


def _again(host: Host, name: str, words: str, check: bool) -> dict[str, Any] | None:
    """The same module on the same host once more; nothing where it is not there yet, or not any more."""
    directory = _unpacked.get(_key(host, name))
    if directory is None:
        return None
    call = [f"{directory}/packed_module.py", directory, f"berthage.swarm.{name}", "check" if check else "do", words]
    done = host.run(f"/usr/bin/python3 {' '.join(map(shlex.quote, call))}")
    if done.rc != 0:
        del _unpacked[_key(host, name)]
        # A power cut may have taken the files along. Whatever else is wrong Ansible says better.
        return None
    result: dict[str, Any] = json.loads(done.stdout)
    # As Ansible hands it on.
    return {"changed": False, **{key: value for key, value in result.items() if key != "invocation"}}


def _key(host: Host, name: str) -> tuple[str, str]:
    return (host.backend.get_pytest_id(), name)
