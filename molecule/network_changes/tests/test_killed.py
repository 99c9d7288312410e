# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module, killed at a few of the changes that it makes: the whole series are network_faults'."""

from __future__ import annotations

import pytest
from checks import node
from network_changes import CLEAR, take
from network_kills import SERIES, not_healed, series


@pytest.mark.parametrize(("name", "only"), [("bridge on 20.10", [5]), ("overlay on 26.1", [4, 5])])
def test_what_a_killed_run_left_is_finished_by_the_next_one(name, only):
    undisturbed, *killed = points = series(name, only=only)
    take(node(SERIES[name]["host"]), CLEAR)

    assert undisturbed["result"]["changed"]
    assert killed
    assert all(point["killed"] and point["kill"]["journals"] for point in killed)
    assert not not_healed(points)
