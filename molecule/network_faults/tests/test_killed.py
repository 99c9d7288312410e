# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module, killed at each change that it makes while it reattaches: the next run ends in what was declared."""

from __future__ import annotations

import pytest
from checks import node
from network_changes import CLEAR, take
from network_kills import SERIES, attachments, not_healed, series, wrong


@pytest.fixture(params=SERIES, scope="module")
def points(request):
    found = series(request.param)
    print(f"{request.param}: killed at {len(found) - 1} places")
    yield found
    take(node(SERIES[request.param]["host"]), CLEAR)


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
    assert not not_healed(points)


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
