# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._networks import encryption

MTUS = {"sealed": 1500}


@pytest.fixture
def answers() -> dict[str, dict[str, Any]]:
    """Two nodes with all that encryption takes."""
    return {
        f"node{last}": {
            "address": f"10.0.0.{last}",
            "engine": "26.1.5",
            "data_path_port": 0,
            "interface": "eth0",
            "mtu": 1500,
            "kernel_lacks": "",
            "heard": {f"10.0.0.{3 - last}": []},
        }
        for last in (1, 2)
    }


def test_nodes_with_all_that_it_takes_have_no_problem(answers: dict[str, dict[str, Any]]) -> None:
    assert encryption.problems(answers, MTUS) == {"node1": [], "node2": []}


def test_a_kernel_without_esp_is_told_of_its_node(answers: dict[str, dict[str, Any]]) -> None:
    answers["node2"]["kernel_lacks"] = "IPsec ESP"
    told = encryption.problems(answers, MTUS)
    assert told["node1"] == []
    assert told["node2"][0].startswith("node2, kernel: has no IPsec ESP (an encrypted overlay would lose every packet")
    assert told["node2"][0].endswith("load the module esp4, or run a kernel that has it")


def test_a_smaller_mtu_than_the_network_counts_on_is_told_with_what_to_declare(
    answers: dict[str, dict[str, Any]],
) -> None:
    answers["node1"]["mtu"] = 1400
    (told,) = encryption.problems(answers, MTUS)["node1"]
    assert "node1, MTU: eth0 has 1400, and packets of sealed take up to 1500" in told
    assert "declare `mtu: 1400` for it" in told
    assert encryption.problems(answers, {"sealed": 1400})["node1"] == []


def test_engines_that_disagree_are_told_once(answers: dict[str, dict[str, Any]]) -> None:
    answers["node2"]["engine"] = "29.1.0"
    told = encryption.problems(answers, MTUS)
    assert told["node1"] == []
    assert (
        "node2, engine: 29.1.0 and 26.1.5 on node1 disagree about encrypted overlays (moby#51798)" in told["node2"][0]
    )


def test_what_does_not_come_is_told_with_the_nodes_that_sent_it(answers: dict[str, dict[str, Any]]) -> None:
    answers["node3"] = {**answers["node2"], "address": "10.0.0.3", "heard": {}}
    answers["node1"]["heard"] = {"10.0.0.2": ["IP protocol 50 (ESP)"], "10.0.0.3": ["IP protocol 50 (ESP)"]}
    answers["node2"]["heard"] = {"10.0.0.1": ["4789/udp", "7946/udp", "an answer on 7946/tcp"]}
    told = encryption.problems(answers, MTUS)
    assert told["node1"][0].startswith("node1, firewall: IP protocol 50 (ESP) from node2 and node3 does not get here")
    assert told["node2"][0].startswith(
        "node2, firewall: 4789/udp, 7946/udp and an answer on 7946/tcp from node1 do not get here"
    )
    assert told["node3"] == []


def test_a_host_without_a_swarm_yet_is_left_out(answers: dict[str, dict[str, Any]]) -> None:
    answers["node1"] = {"heard": {}}
    assert encryption.problems(answers, MTUS) == {"node2": []}


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("20.10.24+dfsg1", "26.1.5+dfsg1", False),
        ("28.2.2", "28.3.0", True),
        ("25.0.13", "25.0.14", False),
        ("25.0.12", "25.0.13", True),
        ("29.2.0", "29.2.1", True),
        ("29.2.0-rc.1", "29.0.0", False),
    ],
)
def test_which_engines_disagree(one: str, other: str, expected: bool) -> None:
    assert encryption.disagree(one, other) is expected
    assert encryption.disagree(other, one) is expected
