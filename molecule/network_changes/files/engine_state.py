# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks, and how containers and services are attached to them, in one value. Runs on a lab host.

python3 engine_state.py     # prints it as JSON
"""

from __future__ import annotations

import http.client
import json
import socket
import sys
import time


class Engine:
    def __init__(self, address: str = "/var/run/docker.sock") -> None:
        self._address = address

    def state(self) -> dict:
        """`networks` by name, `containers` and `services` by name."""
        containers = [self.get(f"/containers/{found['Id']}/json") for found in self.get("/containers/json?all=1")]
        return {
            "networks": {found["Name"]: _network(found) for found in self.get("/networks")},
            "containers": {
                found["Name"][1:]: _container(found)
                for found in containers
                if "com.docker.swarm.task.id" not in (found["Config"]["Labels"] or {})
            },
            "services": {found["Spec"]["Name"]: self._service(found) for found in self.get("/services")},
            "journals": self.journals(),
        }

    def journals(self) -> list:
        return [found["Name"] for found in self.get("/networks") if found["Name"].startswith("berthage-reattach-")] + [
            found["Spec"]["Name"]
            for found in self.get("/configs")
            if found["Spec"]["Name"].startswith("berthage-reattach-")
        ]

    def clear(self) -> None:
        """Take away all services, containers, journals, and networks but those of bystanders."""
        for found in self.get("/services"):
            self.ask("DELETE", f"/services/{found['ID']}")
        for found in self.get("/containers/json?all=1"):
            if "com.docker.swarm.task.id" not in found["Labels"]:
                self.ask("DELETE", f"/containers/{found['Id']}?force=1")
        for found in self.get("/configs"):
            self.ask("DELETE", f"/configs/{found['ID']}")
        # A task holds its network until it has gone.
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            left = [found["Id"] for found in self.get("/networks") if _is_of_a_test(found)]
            for network in left:
                self.ask("DELETE", f"/networks/{network}")
            if not left:
                return
            time.sleep(0.2)
        raise SystemExit(f"these networks could not be removed: {left}")

    def get(self, path: str) -> object:
        return self.ask("GET", path)

    def ask(self, method: str, path: str) -> object:
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        try:
            connection.sock.connect(self._address)
            connection.request(method, path)
            answer = connection.getresponse().read()
            return json.loads(answer) if answer else None
        finally:
            connection.close()

    def _service(self, found: dict) -> dict:
        tasks = self.get(f'/tasks?filters={{"service":["{found["ID"]}"]}}'.replace('"', "%22"))
        return {
            "spec": found["Spec"],
            "tasks": sorted(task["ID"] for task in tasks),
            "running": sum(
                task["DesiredState"] == "running" and task["Status"]["State"] == "running" for task in tasks
            ),
        }


def _is_of_a_test(found: dict) -> bool:
    labels = found["Labels"] or {}
    return "berthage.swarm.reattach" in labels or labels.get("berthage.swarm.owner") not in (None, "bystanders")


def _network(found: dict) -> dict:
    return {
        "id": found["Id"],
        "driver": found["Driver"],
        "options": {name: value for name, value in (found["Options"] or {}).items() if "vxlanid" not in name},
        "subnets": sorted(pool["Subnet"] for pool in found["IPAM"]["Config"] or ()),
        "labels": found["Labels"] or {},
    }


def _container(found: dict) -> dict:
    endpoints = found["NetworkSettings"]["Networks"]
    return {
        "id": found["Id"],
        "started": found["State"]["StartedAt"],
        "running": found["State"]["Running"],
        "endpoints": {
            name: {
                "endpoint": endpoint["EndpointID"],
                "network": endpoint["NetworkID"],
                "address": endpoint["IPAddress"],
                "mac": endpoint["MacAddress"],
                # Engines before 25 list the container's own short id among the aliases, once it has been attached.
                "aliases": sorted(alias for alias in endpoint["Aliases"] or () if alias != found["Id"][:12]),
                "links": endpoint["Links"] or [],
                "options": endpoint["DriverOpts"] or {},
                "fixed": {name: value for name, value in (endpoint["IPAMConfig"] or {}).items() if value},
            }
            for name, endpoint in endpoints.items()
        },
    }


if __name__ == "__main__":
    json.dump(Engine().state(), sys.stdout)
