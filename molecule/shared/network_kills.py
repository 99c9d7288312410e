# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module, killed at the changes that it makes while it reattaches: see files/kill_series.py of network_changes."""

from __future__ import annotations

import json
import shlex
from typing import Any, Callable, Sequence

from checks import node, packed_module
from network_changes import ENDS_AT_ONCE, MESH, NARROW_MESH, as_asked_for, call, recreate, service, started

Point = dict[str, Any]

# For each: the host, what makes the start state, and the call that is killed.
BRIDGE = {"name": "app", "driver": "bridge", "subnets": [{"subnet": "10.72.0.0/24"}]}
BRIDGE_USERS = "; ".join(
    [
        started("fixed", "app", "--ip 10.72.0.50 --network-alias db"),
        "docker network connect bystander fixed",
        started("client", "app", "--link fixed:linked"),
        "docker create --name fresh --network app --network-alias rest box:1",
    ]
)
OVERLAY_USERS = "; ".join(
    [
        service(
            "web",
            1,
            f"{ENDS_AT_ONCE} --network bystander-overlay --network name=mesh,alias=store",
        ),
        started("client", "mesh", "--ip 10.80.0.77 --network-alias visitor"),
    ]
)
OF_BRIDGE = {"start": call(BRIDGE)["call"], "users": BRIDGE_USERS, "call": recreate({**BRIDGE, "mtu": 1400})["call"]}
OF_OVERLAY = {
    "start": call(MESH)["call"],
    "users": OVERLAY_USERS,
    "call": recreate(NARROW_MESH)["call"],
}
SERIES: dict[str, dict[str, Any]] = {
    "bridge on 20.10": {"host": "node1", **OF_BRIDGE, "places": ["before", "after"]},
    "bridge on 26.1": {"host": "node3", **OF_BRIDGE, "places": ["after"]},
    "overlay on 20.10": {"host": "node1", **OF_OVERLAY, "places": ["after"]},
    "overlay on 26.1": {"host": "node3", **OF_OVERLAY, "places": ["after"]},
}


def series(name: str, only: Sequence[int] = ()) -> list[Point]:
    """Every place where the module can be killed in this call, or `only` at these requests, with what was there then
    and afterwards. The first is of an undisturbed run."""
    host = node(SERIES[name]["host"])
    given = {**SERIES[name], "only": only, "module": packed_module(host, "berthage.swarm.networks")}
    done = host.run(f"echo {shlex.quote(json.dumps(given))} | python3 /opt/faults/kill_series.py")
    assert done.rc == 0, done.stderr
    points: list[Point] = json.loads(done.stdout)
    return points


def wrong(points: Sequence[Point], is_wrong: Callable[[Point], Any]) -> list[str]:
    """Where something is wrong, and what."""
    found = [(point, is_wrong(point)) for point in points]
    return [f"{point['when']} request {point['at']}, {point['request']}: {what}" for point, what in found if what]


def attachments(state: dict[str, Any]) -> tuple[Any, Any]:
    """Who is attached to which network, and how, without what an engine chooses."""
    ids = {network["id"]: name for name, network in state["networks"].items()}
    containers = {
        name: {network: as_asked_for(endpoint) for network, endpoint in container["endpoints"].items()}
        for name, container in state["containers"].items()
    }
    services = {
        name: [
            {**each, "Target": ids.get(each["Target"], each["Target"])}
            for each in found["spec"]["TaskTemplate"]["Networks"]
        ]
        for name, found in state["services"].items()
    }
    return containers, services


def meaning(state: dict[str, Any]) -> dict[str, Any]:
    """The networks without their ids."""
    return {name: {**network, "id": ""} for name, network in state["networks"].items()}


def not_healed(points: Sequence[Point]) -> list[str]:
    """Where the next run did not end in what was declared, with everybody attached and nothing left behind."""
    final = meaning(points[0]["mended"])

    def what(point: Point) -> Any:
        mended = point["mended"]
        if point["next"] is None or "msg" in point["next"]:
            return point["next"] or "no result"
        if meaning(mended) != final:
            return f"other networks: {meaning(mended)}"
        if attachments(mended) != attachments(point["start"]):
            return f"attached otherwise: {attachments(mended)}"
        return mended["journals"]

    return wrong(points, what)
