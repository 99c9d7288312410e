# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Short lines with elapsed seconds, and a heartbeat, so that a long step is seen to go on."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import Iterator

HEARTBEAT = 10.0
_started = time.monotonic()


def say(text: str) -> None:
    print(f"[lab {time.monotonic() - _started:4.0f} s] {text}", flush=True)


@contextmanager
def step(text: str) -> Iterator[None]:
    """Announce a long step, say every ten seconds that it goes on, and at its end how long it took."""
    say(f"{text} ...")
    begun = time.monotonic()
    over = threading.Event()

    def beat() -> None:
        while not over.wait(HEARTBEAT):
            say(f"  still {text[:1].lower()}{text[1:]} ({time.monotonic() - begun:.0f} s)")

    heart = threading.Thread(target=beat, daemon=True)
    heart.start()
    try:
        yield
    finally:
        over.set()
        heart.join()
    say(f"  done in {time.monotonic() - begun:.0f} s")
