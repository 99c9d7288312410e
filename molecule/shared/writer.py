# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program that writes as a database's log does, and that knows afterwards what it was promised. For lab hosts.

write FILE LOG [anew]: appends numbered records to FILE, each with fsync, until it is ended. With `anew` FILE is opened
for each of them, which a server may refuse while it lets who has it open write on. LOG lies on the host's own disk, and
gets a line for each: `ack NUMBER TIME` once the file system has said that the record is safe, `error NUMBER TIME
ERRNO` when it has refused it. A refused number is not written again: whether it is in the file is nobody's promise.

summary LOG SINCE: JSON of what the log says of the time after SINCE (seconds since 1970). A pause that goes on counts
up to now. lost FILE LOG: JSON of the acknowledged numbers that are not in the file.
"""

from __future__ import annotations

import errno
import json
import os
import re
import sys
import time
from collections import Counter
from typing import Any

BETWEEN_RECORDS = 0.05
AFTER_AN_ERROR = 0.5


def write(file: str, log_file: str, anew: str = "") -> None:
    number = max((number for _, number, _, _ in entries(log_file)), default=0)
    with open(log_file, "a", encoding="ascii") as log:
        while True:
            descriptor = -1
            try:
                descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
                while True:
                    number += 1
                    append(descriptor, number)
                    note(log, f"ack {number} {time.time():.3f}")
                    time.sleep(BETWEEN_RECORDS)
                    if anew:
                        os.close(descriptor)
                        descriptor = -1
                        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND)
            except OSError as error:
                note(log, f"error {number} {time.time():.3f} {errno.errorcode.get(error.errno or 0, '?')}")
            close(descriptor)
            time.sleep(AFTER_AN_ERROR)


def append(descriptor: int, number: int) -> None:
    # An empty line first: what a refused record left half-written ends there.
    record = f"\nrecord {number}\n".encode()
    if os.write(descriptor, record) != len(record):
        raise OSError(errno.ENOSPC, "only a part was written")
    os.fsync(descriptor)


def note(log: Any, line: str) -> None:
    log.write(line + "\n")
    log.flush()
    # Were it lost in a power cut, so were what it says of promises.
    os.fsync(log.fileno())


def close(descriptor: int) -> None:
    if descriptor >= 0:
        try:
            os.close(descriptor)
        except OSError:
            # The error before it is the one that is noted.
            return


def summary(log_file: str, since: float) -> dict[str, Any]:
    logged = [(kind, at, name) for kind, _, at, name in entries(log_file) if at >= since]
    errors = [(at, name) for kind, at, name in logged if kind == "error"]
    moments = [since, *(at for kind, at, _ in logged if kind == "ack"), time.time()]
    pause, began = max((after - before, before) for before, after in zip(moments, moments[1:]))
    return {
        "acknowledged": len(moments) - 2,
        "longest_pause": round(pause, 1),
        "pause_began": round(began - since, 1),
        "errors": dict(Counter(name for _, name in errors)),
        "first_acknowledged": round(moments[1] - since, 1) if len(moments) > 2 else None,
        "first_error": round(errors[0][0] - since, 1) if errors else None,
        "last": logged[-1][0] if logged else None,
        "silent_for": round(moments[-1] - moments[-2], 1),
    }


def lost(file: str, log_file: str) -> list[int]:
    # The log first: what is acknowledged after this look at it may be missing in the file as it was before.
    promised = [number for kind, number, _, _ in entries(log_file) if kind == "ack"]
    with open(file, "rb") as records:
        written = {int(number) for number in re.findall(rb"^record ([0-9]+)$", records.read(), re.MULTILINE)}
    return [number for number in promised if number not in written]


def entries(log_file: str) -> list[tuple[str, int, float, str]]:
    """(ack or error, number, time, errno) of each whole line."""
    if not os.path.exists(log_file):
        return []
    with open(log_file, encoding="ascii") as log:
        found = re.findall(r"^(ack|error) (\d+) (\d+\.\d+) ?(\w*)$", log.read(), re.MULTILINE)
    return [(kind, int(number), float(at), name) for kind, number, at, name in found]


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    if command == "write":
        write(*arguments)
    elif command == "summary":
        print(json.dumps(summary(arguments[0], float(arguments[1]))))
    else:
        print(json.dumps(lost(*arguments)))
