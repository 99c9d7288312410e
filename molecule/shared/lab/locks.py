# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One lab at a time where labs share something: images, the engine, the table of subnets."""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from typing import Iterator

from lab.paths import Paths
from lab.progress import say


@contextmanager
def lock(paths: Paths, name: str) -> Iterator[None]:
    paths.locks.mkdir(parents=True, exist_ok=True)
    with (paths.locks / name).open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another run of the lab ({name})")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
