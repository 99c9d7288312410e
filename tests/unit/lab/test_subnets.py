# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from lab.model import addresses
from lab.shell import LabError
from lab.subnets import LAST, allocate


def test_the_first_lab_gets_the_first_subnet() -> None:
    assert allocate(taken=[], routes=[]) == 1


def test_a_gap_is_filled() -> None:
    assert allocate(taken=[1, 3], routes=[]) == 2


def test_a_subnet_that_the_machine_routes_itself_is_left_alone() -> None:
    assert allocate(taken=[], routes=["10.77.1.0/24", "10.77.2.128/25", "192.0.2.0/24"]) == 3


def test_a_route_to_everything_below_ten_leaves_nothing() -> None:
    with pytest.raises(LabError, match="no free subnet"):
        allocate(taken=[], routes=["10.0.0.0/8"])


def test_the_last_subnet_taken_leaves_nothing() -> None:
    with pytest.raises(LabError, match="lab down"):
        allocate(taken=range(1, LAST + 1), routes=[])


def test_hosts_are_numbered_in_the_order_named() -> None:
    assert addresses(("b", "a"), 9) == {"b": "10.77.9.11", "a": "10.77.9.12"}


@pytest.mark.parametrize("names", [("Node1",), ("",), ("-x",)])
def test_what_cannot_name_a_host_is_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(LabError):
        addresses(names, 1)
