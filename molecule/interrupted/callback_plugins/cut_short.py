# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes down what a run does, step by step, and kills it at one of them (see tests/test_interrupted.py).

CUT_SHORT_TRACE names the file to write: a line of JSON as each task begins, and for each host and each item that it
ends for. CUT_SHORT_AT is the number of the line after which the run is killed with all its processes, as by
`kill -9`, CUT_SHORT_AFTER seconds later.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from contextlib import suppress
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: cut_short
type: notification
short_description: Kill a run at a step
description: For tests only.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "cut_short"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._line = 0
        self._at = int(os.environ.get("CUT_SHORT_AT", "0"))
        self._after = float(os.environ.get("CUT_SHORT_AFTER", "0"))
        self._trace = os.environ["CUT_SHORT_TRACE"]

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        self._passed("begin", task.get_name(), action=task.action)

    def v2_runner_item_on_ok(self, result: Any) -> None:
        self._ended("item", result)

    def v2_runner_on_ok(self, result: Any) -> None:
        self._ended("ok", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._ended("failed", result)

    def _ended(self, what: str, result: Any) -> None:
        self._passed(
            what, result.task.get_name(), host=result.host.get_name(), changed=bool(result.result.get("changed"))
        )

    def _passed(self, what: str, task: str, **more: Any) -> None:
        self._line += 1
        with open(self._trace, "a", encoding="utf-8") as file:
            file.write(json.dumps({"line": self._line, "what": what, "task": task, "at": time.time(), **more}) + "\n")
        if self._line == self._at:
            if self._after:
                threading.Timer(self._after, _kill).start()
            else:
                _kill()


def _kill() -> None:
    """All descendants as well: workers are sessions of their own, so a signal to the group would not reach them."""
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError), open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
            parents[int(name)] = int(file.read().rpartition(")")[2].split()[1])
    ours = {os.getpid()}
    while more := {process for process, parent in parents.items() if parent in ours} - ours:
        ours |= more
    for process in ours - {os.getpid()}:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)
