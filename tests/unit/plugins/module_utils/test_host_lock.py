# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import signal
import time

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils import _host_lock


@pytest.fixture(autouse=True)
def give_back():
    yield
    for lock in _host_lock._held.values():
        os.close(lock)
    _host_lock._held.clear()


@pytest.fixture
def holder(tmp_path):
    """Another process that has the lock on `exports`."""
    process = os.fork()
    if process == 0:
        _host_lock.take("exports", 5, str(tmp_path))
        (tmp_path / "taken").touch()
        time.sleep(60)
        os._exit(0)
    while not (tmp_path / "taken").exists():
        time.sleep(0.01)
    yield process
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)


def test_a_second_run_gives_up_after_its_patience_and_names_the_first_one(tmp_path, holder):
    with pytest.raises(_host_lock.Busy, match=rf"process {holder}\) has been changing exports for more than 0 s"):
        _host_lock.take("exports", 0, str(tmp_path))


def test_another_subject_is_no_obstacle(tmp_path, holder):
    _host_lock.take("volumes", 0, str(tmp_path))


def test_a_killed_run_holds_nobody_up(tmp_path, holder):
    os.kill(holder, signal.SIGKILL)
    _host_lock.take("exports", 5, str(tmp_path))


def test_what_a_run_starts_does_not_keep_the_lock(tmp_path):
    _host_lock.take("exports", 0, str(tmp_path))
    (lock,) = _host_lock._held.values()
    assert not os.get_inheritable(lock)


def test_taking_it_twice_is_taking_it_once(tmp_path):
    _host_lock.take("exports", 0, str(tmp_path))
    _host_lock.take("exports", 0, str(tmp_path))
    assert len(_host_lock._held) == 1


def test_a_link_in_its_place_is_not_followed(tmp_path):
    (tmp_path / "berthage.swarm.exports.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        _host_lock.take("exports", 0, str(tmp_path))
    assert not (tmp_path / "elsewhere").exists()
