# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A volume mounted on this host for a moment, for what can only be done in it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from typing import Iterator

from ansible_collections.berthage.swarm.plugins.module_utils._gluster.cli import GlusterError

# Mounting waits for the bricks, each of them up to network.ping-timeout, 42 s stock.
LIMIT = 60
MOUNTS = "/run"


@contextlib.contextmanager
def mounted(name: str) -> Iterator[str]:
    """A mount of the volume. Its directory is only ever removed empty: what is in it is the volume, as long as
    unmounting fails, or a mount that was given up comes about late."""
    mount_point = tempfile.mkdtemp(dir=MOUNTS, prefix="berthage-mount-")
    try:
        run("mount", "-t", "glusterfs", f"localhost:/{name}", mount_point)
        yield mount_point
    finally:
        is_unmounted = _succeeds("umount", mount_point) or _succeeds("umount", "--lazy", mount_point)
        with contextlib.suppress(OSError):
            os.rmdir(mount_point)
    if not is_unmounted:
        raise GlusterError(f"{name} stays mounted on {mount_point}, which `umount --lazy` does not take away; do that")


def _succeeds(*command: str) -> bool:
    try:
        run(*command)
    except GlusterError:
        return False
    return True


def run(*command: str) -> None:
    asked = " ".join(command)
    try:
        process = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT, check=False)
    except FileNotFoundError as error:
        raise GlusterError(f"there is no `{command[0]}` command on this host") from error
    except subprocess.TimeoutExpired as error:
        raise GlusterError(f"`{asked}` took longer than {LIMIT} s; see /var/log/glusterfs/") from error
    if process.returncode:
        said = " ".join(process.stderr.decode(errors="replace").split())
        raise GlusterError(f"`{asked}` failed ({said or process.returncode}); see /var/log/glusterfs/")
