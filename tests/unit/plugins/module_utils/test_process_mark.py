# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was left behind by a process that is gone."""

from __future__ import annotations

import os
import subprocess
import time

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._process_mark import is_left_behind, mark


def test_what_a_living_process_made_is_not_left_behind():
    assert not is_left_behind(mark(os.getpid(), time.time() + 60))


def test_what_a_process_made_that_has_ended_is_left_behind():
    child = subprocess.Popen(["sleep", "60"])
    label = mark(child.pid, time.time() + 60)
    assert not is_left_behind(label)
    child.kill()
    child.wait()
    assert is_left_behind(label)


def test_what_was_made_on_another_host_is_left_behind_after_its_time():
    label = f"another-boot/pid:[1]/1/2/{int(time.time()) + 60}"
    assert not is_left_behind(label)
    assert is_left_behind(label, now=lambda: time.time() + 61)


@pytest.mark.parametrize("label", ["", "x", "a/b/c/d/e"])
def test_what_has_an_unreadable_mark_is_left_behind(label):
    assert is_left_behind(label)
