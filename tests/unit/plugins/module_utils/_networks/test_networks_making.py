# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._engine import EngineRefusal
from ansible_collections.berthage.swarm.plugins.module_utils._networks.making import (
    failure_of,
    former_request,
    has_gone,
    is_name_conflict,
)
from ansible_collections.berthage.swarm.tests.unit.plugins.module_utils._networks.network_samples import (
    actual,
    declare_one,
    inspected,
)


@pytest.mark.parametrize(
    "refusal",
    [
        EngineRefusal(409, "network with name race1 already exists"),
        # Seen of 20.10 when two requests passed the engine's own look at the same time.
        EngineRefusal(500, "rpc error: code = Unknown desc = name conflicts with an existing object"),
    ],
)
def test_a_name_that_somebody_else_took_meanwhile_is_known_from_either_answer(refusal):
    assert is_name_conflict(refusal)


def test_another_error_of_the_engine_is_no_name_conflict():
    assert not is_name_conflict(EngineRefusal(500, "rpc error: code = Unknown desc = context deadline exceeded"))


def test_a_network_that_is_listed_a_moment_longer_than_the_swarm_has_it_counts_as_gone():
    # Seen of 20.10 and 26.1, right after its removal.
    assert has_gone(EngineRefusal(500, "network s4nt5kmh not found"), "s4nt5kmh")
    assert has_gone(EngineRefusal(404, "network s4nt5kmh not found"), "s4nt5kmh")
    assert not has_gone(EngineRefusal(500, "network other not found"), "s4nt5kmh")
    assert not has_gone(EngineRefusal(500, "rpc error: context deadline exceeded"), "s4nt5kmh")


def test_the_former_network_is_asked_for_with_its_addresses_and_without_what_the_engine_added():
    request = former_request(inspected(Labels={"team": "web"}, Attachable=True))

    assert request["Labels"] == {"team": "web"}
    assert request["Attachable"] is True
    assert request["IPAM"] == {"Driver": "default", "Config": [{"Subnet": "10.0.1.0/24", "Gateway": "10.0.1.1"}]}
    assert request["Options"] == {}


def test_a_network_that_another_run_left_no_addresses_for_is_no_success():
    """Two runs may count the same addresses as free."""
    made = actual(IPAM={"Driver": "default", "Config": None})

    assert failure_of(declare_one(), made).startswith("the Swarm gave it no addresses within")
    assert failure_of(declare_one(), actual()) == ""
    assert failure_of(declare_one(), None) == "the engine accepted it, and does not list it"
