# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
import scenarios


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> scenarios.Waiting:
    monkeypatch.setattr(scenarios, "may_be_slow", lambda name: name.startswith("slow"))
    return scenarios.Waiting(["slow1", "slow2", "quick1", "quick2"])


def ended(waiting: scenarios.Waiting, name: str) -> None:
    waiting.end(scenarios.Outcome(name, scenarios.PASSED, 1.0, ""))


def test_a_second_slow_one_begins_when_the_first_has_ended(waiting: scenarios.Waiting) -> None:
    assert [waiting.begin(), waiting.begin()] == ["slow1", "quick1"]
    ended(waiting, "slow1")
    assert waiting.begin() == "slow2"


def test_slow_ones_run_side_by_side_when_nothing_else_is_left_and_none_is_forgotten(waiting: scenarios.Waiting) -> None:
    assert [waiting.begin(), waiting.begin()] == ["slow1", "quick1"]
    ended(waiting, "quick1")
    assert waiting.begin() == "quick2"
    ended(waiting, "quick2")
    assert [waiting.begin(), waiting.begin()] == ["slow2", ""]
    ended(waiting, "slow1")
    ended(waiting, "slow2")
    assert set(waiting.outcomes) == {"slow1", "slow2", "quick1", "quick2"}
