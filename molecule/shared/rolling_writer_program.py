# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes numbered files with fsync until a file STOP appears beside the record of what was acknowledged.

writer.py DIRECTORY RECORD PAUSE (seconds between files)
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

directory, record, pause = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
number = 0
with record.open("w", buffering=1) as lines:
    while not record.with_name("STOP").exists():
        began = time.monotonic()
        try:
            with (directory / f"file-{number}").open("w") as file:
                file.write(f"content {number}\n")
                file.flush()
                os.fsync(file.fileno())
            lines.write(f"{number} {time.monotonic() - began:.3f}\n")
        except OSError as error:
            lines.write(f"error {number} {error}\n")
        number += 1
        time.sleep(pause)
