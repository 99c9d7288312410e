# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module, killed at each of its requests: what was there is there, and the next run ends in what was declared."""

from __future__ import annotations

import json
import time
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import pytest
from checks import node, packed_module

PROBE = "berthage.swarm.probe"
DIRECTORY, FORMER = "/srv/killed/a/b", "/srv/killed/former"
PRECIOUS = {"data": "precious\n"}

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
FULL, EMPTY = {"labels": {}, "data": "precious"}, {"labels": {}, "data": ""}
OURS = {"berthage.swarm.owner": "killed"}

# For each: what makes the start state (directories, volumes made by hand, then a call of the module), and the call that
# is killed, with the volumes that it is to change.
SERIES: dict[str, dict[str, Any]] = {
    "create": {
        "call": {"volumes": EVERY_KIND},
        "changes": ["k-local", "k-tmpfs", "k-bind", "k-raw"],
    },
    "verify": {
        "start": {"volumes": EVERY_KIND, "verify": False},
        "call": {"volumes": EVERY_KIND},
        "changes": [],
    },
    "remove": {
        "holders": {"k-full": FULL},
        "start": {"volumes": EVERY_KIND, "verify": False},
        "call": {
            "volumes": [
                *({"name": volume["name"], "state": "absent"} for volume in EVERY_KIND),
                {"name": "k-full", "state": "absent", "discard_data": True},
            ]
        },
        "changes": ["k-local", "k-tmpfs", "k-bind", "k-raw", "k-full"],
    },
    "recreate": {
        "files": f"mkdir -p {DIRECTORY} {FORMER}; echo precious > {FORMER}/data",
        "holders": {"k-empty": EMPTY, "k-old": FULL, "k-full": FULL},
        "start": {
            "volumes": [
                {"name": "k-tmpfs", "tmpfs": {"size": "2m"}},
                {"name": "k-bind", "bind": {"path": FORMER}},
            ],
            "verify": False,
        },
        "call": {
            "on_drift": "recreate",
            "volumes": [
                {"name": "k-tmpfs", "tmpfs": {"size": "1m"}},
                {"name": "k-bind", "bind": {"path": DIRECTORY}},
                {"name": "k-empty", "tmpfs": {}},
                {"name": "k-old", "bind": {"path": DIRECTORY}, "discard_data": True},
                {"name": "k-full"},
            ],
        },
        "changes": ["k-tmpfs", "k-bind", "k-empty", "k-old"],
    },
    "purge": {
        "holders": {"k-full": {**FULL, "labels": OURS}, "k-empty": {**EMPTY, "labels": OURS}, "k-nobodys": EMPTY},
        "start": {"volumes": EVERY_KIND, "owner": "killed", "verify": False},
        "call": {"volumes": EVERY_KIND[:1], "owner": "killed", "purge": True},
        "changes": ["k-tmpfs", "k-bind", "k-raw", "k-empty"],
    },
}


# Where each series is run: all of them on the older engine, and the longest two on the newer one.
CASES = [*(("node1", name) for name in SERIES), ("node2", "create"), ("node2", "recreate")]


@lru_cache(maxsize=None)
def all_series() -> dict[tuple[str, str], Future[list[dict[str, Any]]]]:
    """All series, those of one host one after the other, and both hosts at the same time."""
    hosts = {host: ThreadPoolExecutor(max_workers=1) for host, _name in CASES}
    modules = {host: packed_module(node(host), "berthage.swarm.volumes") for host in hosts}
    return {(host, name): hosts[host].submit(series, host, name, modules[host]) for host, name in CASES}


def series(host: str, name: str, module: str) -> list[dict[str, Any]]:
    """Every place where the module can be killed in this call, with what was there then and afterwards."""
    given = {
        "prefix": "k-",
        "holders": {},
        "start": None,
        **SERIES[name],
        "files": f"rm -rf /srv/killed; {SERIES[name].get('files', ':')}",
        "paths": [DIRECTORY, FORMER],
        "module": module,
    }
    started = time.monotonic()
    done = node(host).run(f"python3 /opt/faults/kill_series.py <<'EOF'\n{json.dumps(given)}\nEOF")
    assert done.rc == 0, done.stderr
    points: list[dict[str, Any]] = json.loads(done.stdout)
    print(f"{host}, {name}: killed at {len(points) - 1} places in {time.monotonic() - started:.0f} s")
    return points


@pytest.fixture(params=CASES, ids="-".join)
def case(request):
    return request.param


@pytest.fixture
def points(case):
    return all_series()[case].result()


@pytest.fixture
def name(case):
    return case[1]


@pytest.fixture
def continued(points):
    return continued_of(points)


def continued_of(points):
    """Those after which the module ran again: one for each state that a kill left."""
    return [point for point in points if "next" in point]


def volumes_of(state):
    """The volumes without those of a probe."""
    return {name: found for name, found in state["volumes"].items() if PROBE not in found["labels"]}


def meaning_of(state):
    """What volumes are, but for when they were made."""
    return {name: (found["options"], found["labels"]) for name, found in volumes_of(state).items()}


def wrong(points, is_wrong):
    """Where something is wrong, and what."""
    found = [(point, is_wrong(point)) for point in points]
    return [f"{point['when']} request {point['at']}, {point['request']}: {what}" for point, what in found if what]


def failed(result):
    """What a run says of its failure, if it failed."""
    return "no result" if result is None else result.get("failed") and result["msg"]


def test_it_was_killed_at_every_request(points):
    undisturbed, *killed = points
    count = len(undisturbed["requests"])
    assert count > 5
    assert {(point["at"], point["when"]) for point in killed} >= {(at, "after") for at in range(1, count + 1)}
    assert not wrong(killed, lambda point: not point["killed"] or point["result"] is not None)


def test_what_it_is_not_to_change_is_as_it_was(points, name):
    changes = SERIES[name]["changes"]

    def touched(point):
        before, after = volumes_of(point["start"]), volumes_of(point["kill"])
        return [volume for volume in before if volume not in changes and after.get(volume) != before[volume]] + [
            path for path, there in point["start"]["paths"].items() if there and point["kill"]["paths"][path] != there
        ]

    assert not wrong(points, touched)
    assert not wrong(continued_of(points), lambda point: point["end"]["volumes"]["bystander"]["files"] != PRECIOUS)


def test_what_it_is_to_change_is_as_it_was_or_as_declared_or_not_there(points, name):
    final = meaning_of(points[0]["end"])

    def half_made(point):
        start = volumes_of(point["start"])
        return [
            volume
            for volume, found in volumes_of(point["kill"]).items()
            if found != start.get(volume) and (found["options"], found["labels"]) != final.get(volume)
        ]

    assert not wrong(points, half_made)
    gone = [set(point["start"]["volumes"]) - set(point["kill"]["volumes"]) for point in points[1:]]
    assert set().union(*gone) == (set(SERIES[name]["changes"]) if name in ("remove", "recreate", "purge") else set())


@pytest.mark.parametrize("host_name", ["node1", "node2"])
def test_a_volume_that_was_removed_and_not_made_again_heals(host_name):
    points = all_series()[host_name, "recreate"].result()
    for volume in SERIES["recreate"]["changes"]:
        killed_between = [point for point in continued_of(points) if volume not in point["kill"]["volumes"]]
        assert killed_between
        assert not wrong(killed_between, lambda point, volume=volume: volume not in point["mended"]["volumes"])


def test_all_that_is_left_carries_the_label_of_probes(points):
    def unlabelled(point):
        return [
            kind
            for kind in ("containers", "images")
            for found, labels in point["kill"][kind].items()
            if found not in point["start"][kind] and PROBE not in labels
        ]

    assert not wrong(points[1:], unlabelled)
    assert any(point["kill"]["images"] != point["start"]["images"] for point in points)


def test_the_next_run_ends_in_what_was_declared(continued):
    assert not wrong(continued, lambda point: failed(point["next"]))
    final, directory = meaning_of(continued[0]["end"]), continued[0]["end"]["paths"]
    assert not wrong(continued, lambda point: meaning_of(point["mended"]) != final)
    assert not wrong(continued, lambda point: point["mended"]["paths"] != directory)


def test_the_next_run_says_truly_whether_it_changed_anything(continued):
    def changed(point):
        kill, mended = point["kill"], point["mended"]
        return volumes_of(kill) != volumes_of(mended) or kill["paths"] != mended["paths"]

    assert not wrong(continued, lambda point: point["next"]["changed"] != changed(point))


def test_the_next_run_leaves_nothing_of_probes(continued):
    def left(point):
        return [kind for kind in ("containers", "images") if point["mended"][kind] != point["start"][kind]] + [
            name for name, found in point["mended"]["volumes"].items() if PROBE in found["labels"]
        ]

    assert not wrong(continued, left)


def test_a_further_run_changes_nothing(continued):
    assert not wrong(continued, lambda point: failed(point["again"]))
    assert not wrong(continued, lambda point: point["again"]["changed"] or point["end"] != point["mended"])
