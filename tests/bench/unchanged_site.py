# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What playbooks/site.yml takes on three container hosts: the first time, and when nothing is to be changed.

The declaration is that of `make demo`: engine, Swarm, NFS exports, a GlusterFS pool with a volume, Docker's volumes and
networks. Containers have the kernel of the machine, which need not have a server or a client for NFS. So the server is
Ganesha, the volumes that mount its exports are left out, and what the kernel lacks for encryption is a warning.

Prints seconds, and for each host the tasks that ran and those of them that went to it. The hosts are taken away at the
end, also when it is interrupted. --keep leaves them, and --tasks names the tasks that went to the hosts.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Mapping, Sequence

import yaml
from side_by_side import HERE, ROOT, interrupted, lab, verdict

LAB = "bench_site"
NODES = ("node1", "node2", "node3")
LIMIT = 60.0  # seconds of an unchanged run, on two cores
EXAMPLE = ROOT / "examples" / "three-nodes"


@dataclass(frozen=True)
class Run:
    seconds: float
    changed: int
    # By host: the names of the tasks that ran, and of those that went to it.
    ran: Mapping[str, Sequence[str]]
    remote: Mapping[str, Sequence[str]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, metavar="NUMBER", help="of the unchanged run")
    parser.add_argument("--keep", action="store_true", help="leave the hosts as they are at the end")
    parser.add_argument("--tasks", action="store_true", help="name the tasks that went to the hosts")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, interrupted)
    try:
        lab("up", LAB, f"--hosts={','.join(NODES)}", "--kind=container")
        first = site()
        print(f"\nplaybooks/site.yml on {len(NODES)} container hosts, {os.cpu_count()} cores", flush=True)
        show("the first run", first)
        unchanged = [site() for _round in range(options.rounds)]
    finally:
        if not options.keep:
            lab("down", LAB)
    return report(unchanged, options.tasks)


def site() -> Run:
    """One run of the playbook, from nothing kept of an earlier one but the hosts."""
    with tempfile.TemporaryDirectory() as directory:
        variables, counts = Path(directory) / "variables.json", Path(directory) / "counts.json"
        variables.write_text(json.dumps(declared()))
        command = ["ansible-playbook", "berthage.swarm.site", "--inventory", str(EXAMPLE)]
        command += ["--inventory", str(ROOT / ".cache" / "lab" / LAB / "inventory.yml")]
        command += ["--extra-vars", f"@{variables}"]
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "collections"),
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callbacks"),
            "ANSIBLE_CALLBACKS_ENABLED": "task_count",
            "BERTHAGE_TASK_COUNT": str(counts),
            "ANSIBLE_NOCOLOR": "true",
        }
        started = time.perf_counter()
        done = subprocess.run(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        seconds = time.perf_counter() - started
        if done.returncode != 0:
            raise SystemExit(f"site.yml failed:\n{done.stdout}")
        hosts = json.loads(counts.read_text())
    changed = sum(map(int, re.findall(r"\bchanged=(\d+)", done.stdout)))
    ran, remote = ({host: hosts[host][what] for host in NODES} for what in ("ran", "remote"))
    return Run(seconds, changed, ran, remote)


def declared() -> dict[str, Any]:
    """What differs from the example's own variables."""
    volumes = yaml.safe_load((EXAMPLE / "group_vars" / "swarm_nodes.yml").read_text())["docker_volumes_list"]
    return {
        "nfs_server_implementation": "ganesha",
        "docker_volumes_list": [volume for volume in volumes if "nfs" not in volume],
        "docker_networks_encryption_check": "warn",
    }


def show(title: str, run: Run) -> None:
    tasks, remote = ("/".join(str(len(names[host])) for host in NODES) for names in (run.ran, run.remote))
    print(f"{title:<16} {run.seconds:6.1f} s   tasks {tasks}, remote {remote}, changed {run.changed}", flush=True)


def report(unchanged: Sequence[Run], with_tasks: bool) -> int:
    """Print the unchanged runs. 0 if they changed nothing and kept within the limit."""
    for run in unchanged:
        show("unchanged", run)
    seconds = median(run.seconds for run in unchanged)
    if with_tasks:
        for host in NODES:
            print(f"\n{host}:", *unchanged[-1].remote[host], sep="\n  ")
    print(f"median of {len(unchanged)}: {seconds:.1f} s (limit {LIMIT:g}){verdict(seconds <= LIMIT)}")
    if any(run.changed for run in unchanged):
        print("A run that had nothing to change has changed something.")
    return 0 if seconds <= LIMIT and not any(run.changed for run in unchanged) else 1


if __name__ == "__main__":
    sys.exit(main())
