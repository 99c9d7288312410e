# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of the collection's modules from a test."""

from __future__ import annotations

import json
from typing import Any

from testinfra.host import Host
from testinfra.modules.ansible import AnsibleException


def module(host: Host, name: str, /, *, check: bool = False, **arguments: Any) -> dict[str, Any]:
    """The result of berthage.swarm.NAME, whether it fails or not; `failed` tells which, and `msg` why."""
    try:
        result: dict[str, Any] = host.ansible(
            # No arguments at all are none, where `{}` would be a free form.
            f"berthage.swarm.{name}",
            json.dumps(arguments) if arguments else None,
            check=check,
            become=False,
        )
    except AnsibleException as failure:
        result = failure.result
    # Testinfra reads a callback's output, from which ansible-core 2.19 leaves `failed` out. Our modules say `msg` only
    # when they fail.
    return {**result, "failed": "msg" in result}
