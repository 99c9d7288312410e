# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which subnet a lab gets: the same one each time, none that the machine itself uses."""

from __future__ import annotations

import ipaddress
import json
from typing import Iterable

from lab.locks import lock
from lab.paths import Paths
from lab.shell import LabError, run

LAST = 250


def subnet_index(paths: Paths, name: str) -> int:
    """The lab's number N, for 10.77.N.0/24; kept in .cache/lab/subnets.json."""
    with lock(paths, "subnets"):
        file = paths.root / "subnets.json"
        taken: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
        if name not in taken:
            taken[name] = allocate(taken.values(), _routes())
            file.write_text(json.dumps(taken, indent=2, sort_keys=True) + "\n")
        return taken[name]


def allocate(taken: Iterable[int], routes: Iterable[str]) -> int:
    """The lowest number that no lab has and whose subnet overlaps none of the machine's own routes."""
    used = set(taken)
    networks = [ipaddress.ip_network(route, strict=False) for route in routes]
    for number in range(1, LAST + 1):
        subnet = ipaddress.ip_network(f"10.77.{number}.0/24")
        if number not in used and not any(subnet.overlaps(network) for network in networks):
            return number
    raise LabError(
        "10.77.0.0/16: no free subnet for another lab; `lab down` removes labs, .cache/lab/subnets.json has them"
    )


def _routes() -> tuple[str, ...]:
    """The machine's routes, except the default one."""
    lines = run(["ip", "-4", "route", "show"]).stdout.splitlines()
    targets = (line.split()[0] for line in lines if line.strip())
    return tuple(target for target in targets if target[:1].isdigit())
