# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time on a host, of those that change the same thing there.

Two runs that observe at once would both plan from what was there before either of them. So a run takes the lock before
it observes, and keeps it until its process ends. It is the kernel that gives it back, so a killed run holds nobody up.
"""

from __future__ import annotations

import fcntl
import os
import time

_DIRECTORY = "/run"
_PAUSE = 0.2
# Open files by their path: a lock lasts as long as its file is open.
_held: dict[str, int] = {}


class Busy(Exception):
    """Another run on this host has not ended in time."""


def take(subject: str, patience: float, directory: str = _DIRECTORY) -> None:
    """Wait, at most `patience` seconds, until no other run on this host changes the subject; then keep others waiting.

    Somebody who is not root may lack the right to; what is to be changed is then refused for the same reason.

    Raises:
        Busy: another run still holds the lock.
    """
    path = os.path.join(directory, f"berthage.swarm.{subject}.lock")
    if path in _held:
        return
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except PermissionError:
        return
    deadline = time.monotonic() + patience
    while not _is_taken(lock):
        if time.monotonic() >= deadline:
            holder = os.read(lock, 32).decode(errors="replace").strip() or "unknown"
            os.close(lock)
            raise Busy(
                f"another run on this host (process {holder}) has been changing {subject} for more than "
                f"{patience:.0f} s; wait until it has ended, or end it, then run again"
            )
        time.sleep(_PAUSE)
    os.truncate(lock, 0)
    os.write(lock, f"{os.getpid()}\n".encode())
    _held[path] = lock


def _is_taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
