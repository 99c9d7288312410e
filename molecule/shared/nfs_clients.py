# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client sees of an NFS server, with libnfs, which needs no NFS in the kernel."""

from __future__ import annotations

import json
import shlex
from typing import Any

from checks import inventory, node


def address(name: str) -> str:
    """The address of a host of the scenario's lab."""
    return str(json.loads(inventory().read_text())["all"]["hosts"][name]["ansible_host"])


def listing(client: str, server: str, directory: str, version: int = 4, seconds: int = 30) -> Any:
    """`nfs-ls` on the client; its status is 0 where the server answers and lets it in."""
    url = shlex.quote(f"nfs://{address(server)}{directory}?version={version}")
    return node(client).run(f"timeout {seconds} nfs-ls {url}")


def open_ports(host: Any) -> set[str]:
    """PROTOCOL/PORT of all that listens to the network."""
    lines = host.check_output("ss --no-header --listening --tcp --udp --numeric").splitlines()
    found = (line.split() for line in lines)
    return {
        f"{fields[0]}/{fields[4].rpartition(':')[2]}" for fields in found if not fields[4].startswith(("127.", "[::1]"))
    }


def started_at(host: Any, unit: str) -> str:
    """When a unit was started last, as the machine's clock tells it: another value is another process."""
    return str(host.check_output(f"systemctl show --property=ActiveEnterTimestampMonotonic --value {unit}"))
