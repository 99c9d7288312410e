# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drop-in files: read, replaced as a whole, taken away, and put back."""

from __future__ import annotations

import os
import stat
import tempfile

from ansible_collections.berthage.swarm.plugins.module_utils._nfs.dropin import DropIn


def read(path: str) -> DropIn:
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            text = file.read().decode(errors="surrogateescape")
    except FileNotFoundError:
        return DropIn(path)
    return DropIn(path, text, sound=status.st_uid == 0 and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH))


def put(path: str, text: str, temporary: str = "") -> None:
    """Make the file hold this text, at once and for good; with an empty text, take it away.

    A power cut leaves the old file or the new one. `temporary` is the directory for the temporary file, on the same
    file system, for a server that reads every file of its directory; exportfs reads none that begins with a dot.
    """
    directory = os.path.dirname(path)
    if text:
        os.makedirs(directory, mode=0o755, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=temporary or directory)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(text.encode(errors="surrogateescape"))
                os.fchmod(file.fileno(), 0o644)
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, path)
        except BaseException:
            os.unlink(draft)
            raise
    elif os.path.lexists(path):
        os.unlink(path)
    if os.path.isdir(directory):
        _sync_directory(directory)


def _sync_directory(directory: str) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
