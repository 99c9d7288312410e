# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts, for each host, the tasks that ran and those of them that went to it. Written as JSON at the end."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: task_count
type: aggregate
short_description: Counts tasks by host
description: What the bench of an unchanged site prints besides seconds.
options:
  file:
    description: Where the counts are written.
    type: path
    required: true
    env:
      - name: BERTHAGE_TASK_COUNT
"""

# Actions that end on the controller. Everything else is a connection, a program sent and its answer awaited.
ON_CONTROLLER = frozenset(
    (
        "ansible.builtin.add_host",
        "ansible.builtin.assert",
        "ansible.builtin.debug",
        "ansible.builtin.fail",
        "ansible.builtin.group_by",
        "ansible.builtin.import_role",
        "ansible.builtin.import_tasks",
        "ansible.builtin.include_role",
        "ansible.builtin.include_tasks",
        "ansible.builtin.include_vars",
        "ansible.builtin.meta",
        "ansible.builtin.set_fact",
        "ansible.builtin.set_stats",
        "ansible.builtin.validate_argument_spec",
    )
)


class CallbackModule(CallbackBase):  # type: ignore[misc]
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "task_count"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._hosts: dict[str, dict[str, list[str]]] = defaultdict(lambda: {"ran": [], "remote": []})

    def v2_runner_on_ok(self, result: Any) -> None:
        task, host = result.task, self._hosts[result.host.get_name()]
        items = result.result.get("results") if task.loop is not None else None
        rounds = len([item for item in items if not item.get("skipped")]) if isinstance(items, list) else 1
        host["ran"].append(task.get_name())
        if task.resolved_action not in ON_CONTROLLER:
            host["remote"] += [task.get_name()] * rounds

    def v2_playbook_on_stats(self, stats: Any) -> None:
        Path(self.get_option("file")).write_text(json.dumps(self._hosts))
