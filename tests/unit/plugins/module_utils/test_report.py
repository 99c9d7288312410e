# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.berthage.swarm.plugins.module_utils._report import table, text_of


def test_the_columns_of_a_table_are_aligned() -> None:
    assert table(("name", "state"), [("a", "up"), ("longer", "down")]) == [
        "name    state",
        "a       up",
        "longer  down",
    ]


def test_a_section_without_lines_is_left_out() -> None:
    assert text_of([("ONE", ["a"]), ("TWO", []), ("THREE", ["b"])]) == ["ONE", "  a", "", "THREE", "  b"]
