# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's own key pairs: one to enter its hosts, one that its hosts show. Neither is used anywhere else."""

from __future__ import annotations

from pathlib import Path

from lab.locks import lock
from lab.paths import Paths
from lab.shell import run


def ensure_keys(paths: Paths) -> None:
    """Make the pairs once, and the known_hosts file that pins the hosts' key for the lab's addresses alone."""
    with lock(paths, "ssh"):
        paths.ssh.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in ("id_ed25519", "host_ed25519"):
            if not (paths.ssh / name).exists():
                run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"lab-{name}", "-f", str(paths.ssh / name)])
        known = paths.ssh / "known_hosts"
        known.write_text(f"10.77.*.* {public(paths, 'host_ed25519')}\n")


def private_key(paths: Paths) -> Path:
    return paths.ssh / "id_ed25519"


def public(paths: Paths, name: str) -> str:
    """`ssh-ed25519 AAAA...`, without the comment."""
    return " ".join((paths.ssh / f"{name}.pub").read_text().split()[:2])
