# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One round of load on a directory, inside a container. Prints what it measured as JSON; more is better throughout.

storage_load.py DIRECTORY '{"size": "256M", "random": 4000, "files": 2000}'
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable

CONTENT = b"x" * 4096
FILES_IN_A_DIRECTORY = 100
# The kernel and the clients' caches keep names and attributes for a second by default. Who comes later asks anew.
PAUSE = 1.5


def main() -> None:
    directory, asked = Path(sys.argv[1]) / f"round-{os.getpid()}", json.loads(sys.argv[2])
    directory.mkdir()
    try:
        measured = {**streams(directory, asked["size"]), **random_access(directory, asked["size"], asked["random"])}
        measured.update(small_files(directory / "small", asked["files"]))
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    print(json.dumps(measured))


def streams(directory: Path, size: str) -> dict[str, float]:
    """MiB/s of one large file; what is written counts once it is on the servers' disks."""
    if size == "0":
        return {}
    written = fio(directory, rw="write", bs="1M", size=size, end_fsync=1)["write"]
    read = fio(directory, rw="read", bs="1M", size=size)["read"]
    return {"sequential write": written["bw_bytes"] / 2**20, "sequential read": read["bw_bytes"] / 2**20}


def random_access(directory: Path, size: str, number: int) -> dict[str, float]:
    """Operations a second on 4 KiB blocks of the same file."""
    if number == 0:
        return {}
    volume = f"{number * 4}k"
    written = fio(directory, rw="randwrite", bs="4k", size=size, io_size=volume, end_fsync=1)["write"]
    read = fio(directory, rw="randread", bs="4k", size=size, io_size=volume)["read"]
    return {"random write": written["iops"], "random read": read["iops"]}


def fio(directory: Path, **options: Any) -> Any:
    words = [f"--{name}={value}" for name, value in options.items()]
    command = ["fio", "--name=load", f"--filename={directory / 'large'}", "--ioengine=psync", "--output-format=json"]
    done = subprocess.run(command + words, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout.decode())["jobs"][0]


def small_files(directory: Path, number: int) -> dict[str, float]:
    """Files a second: made, listed with their attributes, read, read again, deleted; and through all of it."""
    if number == 0:
        return {}
    names = [directory / str(index // FILES_IN_A_DIRECTORY) / f"file-{index}" for index in range(number)]
    directories = sorted({name.parent for name in names})
    seconds = {}

    def timed(what: str, work: Callable[[], None]) -> None:
        time.sleep(PAUSE)
        began = time.perf_counter()
        work()
        seconds[f"small files {what}"] = time.perf_counter() - began

    directory.mkdir()
    timed("create", lambda: create(directories, names))
    timed("list", lambda: look(directories))
    timed("read", lambda: read(names))
    timed("read again", lambda: read(names))
    timed("delete", lambda: delete(directories, names))
    rates = {what: number / took for what, took in seconds.items()}
    return {**rates, "many small files": number / sum(seconds.values())}


def create(directories: Any, names: Any) -> None:
    for each in directories:
        each.mkdir()
    for name in names:
        handle = os.open(str(name), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        os.write(handle, CONTENT)
        os.close(handle)


def look(directories: Any) -> None:
    for each in directories:
        for entry in os.scandir(str(each)):
            entry.stat()


def read(names: Any) -> None:
    for name in names:
        handle = os.open(str(name), os.O_RDONLY)
        content = os.read(handle, 2 * len(CONTENT))
        os.close(handle)
        if content != CONTENT:
            raise SystemExit(f"{name}: not what was written")


def delete(directories: Any, names: Any) -> None:
    for name in names:
        os.unlink(str(name))
    for each in directories:
        os.rmdir(str(each))


if __name__ == "__main__":
    main()
