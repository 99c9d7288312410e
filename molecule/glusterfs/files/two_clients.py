# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How soon one client sees what another one has done: two mounts of a volume on one host, the worst of many rounds.

    two_clients.py FIRST SECOND ROUNDS

The first changes something and has it acknowledged; the second, which had looked before, looks again at once and until
it sees it. Prints seconds by what was changed, and how many rounds did not see it at the first look, as JSON.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import time
from pathlib import Path
from typing import Callable

FIRST, SECOND, ROUNDS = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
PATIENCE = 15.0

worst: dict[str, float] = {}
late: dict[str, int] = {}


def main() -> None:
    name = f"seen-{os.getpid()}"
    (FIRST / name).mkdir()
    here, there = FIRST / name, SECOND / name
    write(here / "content", "0")
    for number in range(1, ROUNDS + 1):
        one_round(here, there, f"{number:08d}")
    print(json.dumps({"seconds": worst, "late": late}))


def one_round(here: Path, there: Path, text: str) -> None:
    there.joinpath("content").read_text()
    write(here / "content", text)
    seen("content", lambda: (there / "content").read_text() == text)

    renamed = f"{text}-renamed"
    assert not is_there(there / text)
    assert not is_there(there / renamed)
    write(here / text, text)
    seen("new file", lambda: is_there(there / text))

    os.rename(here / text, here / renamed)
    seen("new name", lambda: is_there(there / renamed))

    (here / renamed).unlink()
    seen("removal", lambda: not is_there(there / renamed))


def write(file: Path, text: str) -> None:
    with file.open("w") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())


def is_there(file: Path) -> bool:
    """Opened, which asks the volume: the kernel itself remembers for a second that a name is there."""
    try:
        file.read_text()
    except OSError as error:
        # The second is what a file is called that went away after its name had been looked up.
        if error.errno not in (errno.ENOENT, errno.ESTALE):
            raise
        return False
    return True


def seen(what: str, look: Callable[[], bool]) -> None:
    began = time.monotonic()
    looks = 1
    while not look():
        if time.monotonic() - began > PATIENCE:
            sys.exit(f"{what}: not seen in {PATIENCE} s")
        looks += 1
        time.sleep(0.002)
    worst[what] = max(worst.get(what, 0.0), round(time.monotonic() - began, 3))
    late[what] = late.get(what, 0) + (looks > 1)


if __name__ == "__main__":
    main()
