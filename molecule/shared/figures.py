# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests have measured, as a table at the end of pytest's output: the verifier gives this to it as a plugin."""

from __future__ import annotations

from typing import Any

_MEASURED: list[tuple[str, str]] = []


def measured(what: str, value: Any) -> None:
    _MEASURED.append((what, str(value)))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if not _MEASURED:
        return
    width = max(len(what) for what, _ in _MEASURED)
    terminalreporter.section("figures")
    for what, value in _MEASURED:
        terminalreporter.write_line(f"{what:<{width}}  {value}")
