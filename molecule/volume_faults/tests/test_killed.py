# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module, killed at each of its requests: what was there is there, and the next run ends in what was declared."""

from __future__ import annotations

import json
import shlex
from functools import lru_cache
from typing import Any

import pytest
from checks import node, packed_module

testinfra_hosts = ["ansible://docker_hosts"]

PROBE = "berthage.swarm.probe"
DIRECTORY = "/srv/killed/a/b"

EVERY_KIND = [
    {"name": "k-local", "labels": {"team": "web"}},
    {"name": "k-tmpfs", "tmpfs": {"size": "1m", "mode": "1770"}},
    {
        "name": "k-bind",
        "bind": {"path": DIRECTORY},
        "create_path": {"owner": "1000", "group": "1000", "mode": "0750"},
    },
    {"name": "k-raw", "driver_opts": {"type": "tmpfs", "device": "tmpfs", "o": "size=2m"}},
]
NAMES = [volume["name"] for volume in EVERY_KIND]
ABSENT = f"docker volume rm --force {' '.join(NAMES)}; rm -rf /srv/killed"

# For each: what makes the start state (shell, then a call of the module), and the call that is killed.
SERIES: dict[str, dict[str, Any]] = {
    "create": {"reset": ABSENT, "start": None, "call": {"volumes": EVERY_KIND}},
    "verify": {"reset": ":", "start": {"volumes": EVERY_KIND, "verify": False}, "call": {"volumes": EVERY_KIND}},
    "remove": {
        "reset": ABSENT,
        "start": {"volumes": EVERY_KIND, "verify": False},
        "call": {"volumes": [{"name": name, "state": "absent"} for name in NAMES]},
    },
    "remove_with_data": {
        "reset": f"{ABSENT}; docker volume create k-local; echo data > /var/lib/docker/volumes/k-local/_data/data",
        "start": None,
        "call": {"volumes": [{"name": "k-local", "state": "absent", "discard_data": True}, EVERY_KIND[1]]},
    },
}


@lru_cache(maxsize=None)
def series(host_name: str, name: str) -> list[dict[str, Any]]:
    """Every place where the module can be killed in this call, with what was there then and afterwards."""
    host = node(host_name)
    given = {**SERIES[name], "module": packed_module(host, "berthage.swarm.volumes"), "paths": [DIRECTORY]}
    done = host.run(f"echo {shlex.quote(json.dumps(given))} | python3 /opt/faults/kill_series.py")
    assert done.rc == 0, done.stderr
    points: list[dict[str, Any]] = json.loads(done.stdout)
    print(f"{host_name}, {name}: killed at {len(points) - 1} places")
    return points


@pytest.fixture(params=SERIES)
def points(host, request):
    return series(host.backend.get_hostname(), request.param)


@pytest.fixture
def continued(points):
    """Those after which the module ran again: one for each state that a kill left."""
    return [point for point in points if "next" in point]


def volumes_of(state):
    """The volumes without those of a probe."""
    return {name: found for name, found in state["volumes"].items() if PROBE not in found["labels"]}


def meaning_of(state):
    """What volumes are, but for when they were made."""
    return {name: (found["options"], found["labels"]) for name, found in volumes_of(state).items()}


def wrong(points, is_wrong):
    """Where something is wrong, in words."""
    return [f"{point['when']} request {point['at']} {point['request']}" for point in points if is_wrong(point)]


def test_it_was_killed_at_every_request(points):
    undisturbed, *killed = points
    count = len(undisturbed["requests"])
    assert count > 5
    places = [(when, at) for when in ("before", "after") for at in range(1, count + 1)]
    assert [(point["when"], point["at"]) for point in killed] == places
    assert wrong(killed, lambda point: not point["killed"] or point["result"] is not None) == []


def test_what_it_had_not_come_to_is_as_it_was(points):
    meant = {volume["name"] for volume in EVERY_KIND}

    def touched(point):
        before, after = volumes_of(point["start"]), volumes_of(point["kill"])
        return [name for name in before if name not in meant and after.get(name) != before[name]]

    assert wrong(points[1:], touched) == []
    assert all(point["kill"]["volumes"]["bystander"]["files"] == {"data": "precious\n"} for point in points)


def test_nothing_is_half_made(points):
    final = meaning_of(points[0]["end"])

    def half_made(point):
        start = volumes_of(point["start"])
        return [
            name
            for name, found in volumes_of(point["kill"]).items()
            if found != start.get(name) and (found["options"], found["labels"]) != final.get(name)
        ]

    assert wrong(points[1:], half_made) == []


def test_all_that_is_left_carries_the_label_of_probes(points):
    def unlabelled(point):
        return [
            kind
            for kind in ("containers", "images")
            for found, labels in point["kill"][kind].items()
            if found not in point["start"][kind] and PROBE not in labels
        ]

    assert wrong(points[1:], unlabelled) == []
    assert any(point["kill"]["images"] != point["start"]["images"] for point in points)


def test_the_next_run_ends_in_what_was_declared(continued):
    assert wrong(continued, lambda point: point["next"] is None or point["next"].get("failed")) == []
    final, directory = meaning_of(continued[0]["end"]), continued[0]["end"]["paths"]
    assert wrong(continued, lambda point: meaning_of(point["mended"]) != final) == []
    assert wrong(continued, lambda point: point["mended"]["paths"] != directory) == []


def test_the_next_run_says_truly_whether_it_changed_anything(continued):
    def changed(point):
        kill, mended = point["kill"], point["mended"]
        return volumes_of(kill) != volumes_of(mended) or kill["paths"] != mended["paths"]

    assert wrong(continued, lambda point: point["next"]["changed"] != changed(point)) == []


def test_the_next_run_leaves_nothing_of_probes(continued):
    def left(point):
        return [kind for kind in ("containers", "images") if point["mended"][kind] != point["start"][kind]] + [
            name for name, found in point["mended"]["volumes"].items() if PROBE in found["labels"]
        ]

    assert wrong(continued, left) == []


def test_a_further_run_changes_nothing(continued):
    assert wrong(continued, lambda point: point["again"] is None or point["again"].get("failed")) == []
    assert wrong(continued, lambda point: point["again"]["changed"] or point["end"] != point["mended"]) == []
