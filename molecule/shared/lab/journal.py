# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the services of a lab's hosts said, for a scenario that failed."""

from __future__ import annotations

import shlex
from typing import Sequence

from lab import inventory, sshkeys
from lab.model import Host, Lab, load_or_fail
from lab.paths import Paths
from lab.shell import LabError, run

LINES = 60
UNITS = ("docker", "glusterd", "nfs-server", "nfs-ganesha", "nfs-mountd", "*.mount")


def print_journals(paths: Paths, name: str, units: Sequence[str]) -> None:
    lab = load_or_fail(paths, name)
    script = journal_script(units or UNITS)
    for host in lab.hosts:
        print(f"===== {host.name}: failed units and the journal of {', '.join(units or UNITS)}", flush=True)
        try:
            said = run([*ssh_command(paths, lab, host), script], check=False, timeout=60)
        except LabError as silent:
            print(silent, flush=True)
            continue
        print((said.stdout + said.stderr).rstrip(), flush=True)


def journal_script(units: Sequence[str]) -> str:
    chosen = " ".join(f"--unit={shlex.quote(unit)}" for unit in units)
    journal = f"journalctl --no-pager --quiet --output=short-monotonic --lines={LINES} {chosen}"
    return f"systemctl --failed --no-legend --plain; {journal}"


def ssh_command(paths: Paths, lab: Lab, host: Host) -> list[str]:
    identity = ["-i", str(sshkeys.private_key(paths)), "-l", "root"]
    return ["ssh", *identity, *inventory.ssh_options(paths, lab.name), host.address]
