# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab is no part of the collection: its package is found beside the scenarios."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "molecule" / "shared"))

from lab.model import Host, Lab, addresses


@pytest.fixture
def three_hosts() -> Lab:
    return Lab(
        name="trial",
        kind="uml",
        base="full",
        packages=(),
        subnet_index=7,
        hosts=tuple(
            Host(name, address, "bookworm", "full-bookworm-0123456789ab")
            for name, address in addresses(("node1", "node2", "node3"), 7).items()
        ),
    )
