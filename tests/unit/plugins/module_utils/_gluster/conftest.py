# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded answers, and declarations with the module's own defaults."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._gluster import spec
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.cli import (
    answer_in,
    members_in,
    volumes_in,
    with_status,
)

RECORDED = Path(__file__).parent / "recorded"
G1 = "1ddce673-38f0-4fda-af38-97a88cfc0c0d"
G2 = "da59815d-7eeb-4d82-afba-cb7a1195b0c7"
G3 = "5d2961a3-4fcc-4934-90d6-85a57f395f14"


@pytest.fixture
def recorded():
    return lambda name: (RECORDED / f"{name}.xml").read_text()


@pytest.fixture
def answer(recorded):
    return lambda name: answer_in(recorded(name))


@pytest.fixture
def members(answer):
    return members_in(answer("pool_list_one_disconnected"))


@pytest.fixture
def volumes(answer):
    return with_status(volumes_in(answer("volume_info_all")), answer("volume_status_all"))


@pytest.fixture
def declare():
    """A declared volume, gv0 as it is in the recorded pool unless told otherwise, with the module's defaults."""
    options = spec.ARGUMENTS["volumes"]["options"]
    defaults = {name: option.get("default") for name, option in options.items()}
    gv0 = {
        "name": "gv0",
        "replica": 3,
        "bricks": ["g1:/data/brick1/gv0", "g2:/data/brick1/gv0", "10.99.0.13:/data/brick1/gv0"],
    }
    return lambda **arguments: {**defaults, **gv0, **arguments}
