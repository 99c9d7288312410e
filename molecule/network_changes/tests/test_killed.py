# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module, killed at each change that it makes while it reattaches: the next run ends in what was declared."""

from __future__ import annotations

import json
import shlex
from functools import lru_cache
from typing import Any

import pytest
from checks import node, packed_module
from network_changes import CLEAR, as_asked_for, call, recreate, service, started, take

# For each: the host, what makes the start state, and the call that is killed.
BRIDGE = {"name": "app", "driver": "bridge", "subnets": [{"subnet": "10.72.0.0/24"}]}
OVERLAY = {"name": "mesh", "attachable": True, "subnets": [{"subnet": "10.80.0.0/24"}]}
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
            "--stop-grace-period 1s --stop-signal KILL",
            "--network bystander-overlay --network name=mesh,alias=store",
        ),
        started("client", "mesh", "--ip 10.80.0.77 --network-alias visitor"),
    ]
)
SERIES: dict[str, dict[str, Any]] = {
    "bridge on 20.10": {
        "host": "node1",
        "start": call(BRIDGE)["call"],
        "users": BRIDGE_USERS,
        "call": recreate({**BRIDGE, "mtu": 1400})["call"],
        "places": ["before", "after"],
    },
    "bridge on 26.1": {
        "host": "node3",
        "start": call(BRIDGE)["call"],
        "users": BRIDGE_USERS,
        "call": recreate({**BRIDGE, "mtu": 1400})["call"],
        "places": ["after"],
    },
    "overlay": {
        "host": "node1",
        "start": call(OVERLAY)["call"],
        "users": OVERLAY_USERS,
        "call": recreate({**OVERLAY, "mtu": 1400})["call"],
        "places": ["after"],
    },
}


@lru_cache(maxsize=None)
def series(name: str) -> list[dict[str, Any]]:
    """Every place where the module can be killed in this call, with what was there then and afterwards."""
    host = node(SERIES[name]["host"])
    given = {**SERIES[name], "module": packed_module(host, "berthage.swarm.networks")}
    done = host.run(f"echo {shlex.quote(json.dumps(given))} | python3 /opt/faults/kill_series.py")
    assert done.rc == 0, done.stderr
    points: list[dict[str, Any]] = json.loads(done.stdout)
    print(f"{name}: killed at {len(points) - 1} places")
    return points


@pytest.fixture(params=SERIES, scope="module")
def points(request):
    found = series(request.param)
    yield found
    take(node(SERIES[request.param]["host"]), CLEAR)


def wrong(points, is_wrong):
    """Where something is wrong, and what."""
    found = [(point, is_wrong(point)) for point in points]
    return [f"{point['when']} request {point['at']}, {point['request']}: {what}" for point, what in found if what]


def attachments(state):
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


def meaning(state):
    return {name: {**network, "id": ""} for name, network in state["networks"].items()}


def test_it_was_killed_at_every_change(points):
    undisturbed, *killed = points
    assert undisturbed["result"]["changed"]
    assert len(killed) > 8
    assert not wrong(killed, lambda point: not point["killed"] or point["result"] is not None)


def test_a_journal_is_there_whenever_somebody_waits_to_be_attached(points):
    def forgotten(point):
        return attachments(point["kill"]) != attachments(point["start"]) and not point["kill"]["journals"]

    assert not wrong(points[1:], forgotten)
    assert any(point["kill"]["journals"] for point in points[1:])


def test_the_next_run_ends_in_what_was_declared_with_everybody_attached(points):
    assert not wrong(points, lambda point: (point["next"] or {"msg": "no result"}).get("msg"))
    final = meaning(points[0]["mended"])
    assert not wrong(points, lambda point: meaning(point["mended"]) != final)
    assert not wrong(points, lambda point: attachments(point["mended"]) != attachments(point["start"]))
    assert not wrong(points, lambda point: point["mended"]["journals"])


def test_no_container_was_restarted_and_no_other_network_lost_an_endpoint(points):
    def touched(point):
        for state in (point["kill"], point["mended"]):
            for name, container in point["start"]["containers"].items():
                now = state["containers"].get(name, {})
                if (now.get("id"), now.get("started")) != (container["id"], container["started"]):
                    return name
                for network, endpoint in container["endpoints"].items():
                    if network not in ("app", "mesh") and now["endpoints"].get(network) != endpoint:
                        return network
        return ""

    assert not wrong(points, touched)


def test_a_further_run_changes_nothing(points):
    assert not wrong(points, lambda point: (point["again"] or {"msg": "no result"}).get("msg"))
    assert not wrong(
        points, lambda point: point["again"]["changed"] or point["end"]["networks"] != point["mended"]["networks"]
    )
