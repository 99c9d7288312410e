# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of a network, by what both ends of each way saw."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ansible_collections.berthage.swarm.plugins.filter.verify_report import verify_report
from ansible_collections.berthage.swarm.plugins.module_utils._networks import data_path

HOSTS = ["node1", "node2", "node3"]
PLAIN = {"name": "plain", "driver": "overlay", "attachable": True, "encrypted": False, "internal": False}
SECRET = {**PLAIN, "name": "secret", "encrypted": True}
REACHED = {"small": True, "large": data_path.PAGE, "said": "", "known": None, "heard": False}
CLEAR = {"esp_out": 0, "esp_in": 0, "clear_out": 9000, "clear_in": 70000}
ESP = {"esp_out": 9000, "esp_in": 70000, "clear_out": 0, "clear_in": 0}
SILENT = {**REACHED, "small": False, "large": 0, "said": "timed out", "known": True}

Answers = dict[str, dict[str, Any]]


@pytest.fixture
def answers() -> Answers:
    """Three nodes that reach each other over a plain and an encrypted overlay."""
    return {
        host: {
            "host": host,
            "first": "node1",
            "prepare": {
                "engine": "26.1.5",
                "kernel_lacks": "",
                "networks": [PLAIN, SECRET],
                "listening": {
                    "plain": {"address": "10.0.0.2", "vni": 4097, "mtu": 1450, "wrong": ""},
                    "secret": {"address": "10.0.1.2", "vni": 4098, "mtu": 1424, "wrong": ""},
                },
            },
            "exchange": {
                "networks": {
                    "plain": {"ways": {peer: {**REACHED, **CLEAR} for peer in HOSTS if peer != host}},
                    "secret": {"ways": {peer: {**REACHED, **ESP} for peer in HOSTS if peer != host}},
                },
                "underlay": {peer: {"interface": "eth0", "mtu": 1500} for peer in HOSTS if peer != host},
                "gossip": {},
            },
        }
        for host in HOSTS
    }


def way(answers: Answers, network: str, here: str, there: str) -> dict[str, Any]:
    facts: dict[str, Any] = answers[here]["exchange"]["networks"][network]["ways"][there]
    return facts


def silence(answers: Answers, network: str, one: str, other: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Neither calls the other with success. Returns what each saw, to be changed further."""
    ends = way(answers, network, one, other), way(answers, network, other, one)
    for facts in ends:
        facts.update(SILENT)
    return ends


def shrink_the_second_nodes_underlay(answers: Answers) -> None:
    for underlay in answers["node2"]["exchange"]["underlay"].values():
        underlay["mtu"] = 1400


def failures(answers: Answers) -> list[str]:
    return verify_report(list(answers.values()), HOSTS)["failures"]


def lines(answers: Answers) -> list[str]:
    return [" ".join(line.split()) for line in verify_report(list(answers.values()), HOSTS)["lines"]]


def test_a_network_whose_ways_are_all_well_has_one_row(answers: Answers) -> None:
    assert failures(answers) == []
    assert "plain overlay attachable all 6 verified (as clear VXLAN 4097)" in lines(answers)
    assert "secret overlay attachable, encrypted all 6 verified (as ESP alone, none as clear VXLAN 4098)" in lines(
        answers
    )
    assert not [line for line in lines(answers) if "node1 to node2" in line]


def test_only_the_ways_that_failed_have_a_row_of_their_own_and_both_are_one_failure(answers: Answers) -> None:
    silence(answers, "secret", "node1", "node2")
    shown = lines(answers)
    assert "secret overlay attachable, encrypted 4 of 6 FAILED" in shown
    assert [line for line in shown if " to " in line and line.endswith("FAILED")] == [
        "node1 to node2 FAILED",
        "node2 to node1 FAILED",
    ]
    (failure,) = failures(answers)
    assert failure.startswith("network secret between node1 and node2: ")
    assert failure.endswith("; plain overlays between them work")


def test_esp_that_arrives_and_gets_no_further_is_told_with_the_node_that_drops_it(answers: Answers) -> None:
    first, _ = silence(answers, "secret", "node1", "node2")
    first["heard"] = True  # node2's call got into node1's container
    (failure,) = failures(answers)
    assert "ESP (protocol 50) from node1 comes to node2 and no further: the firewall of node2 drops it" in failure
    assert "from node2 comes" not in failure


def test_esp_that_is_lost_between_the_nodes_is_told(answers: Answers) -> None:
    first, second = silence(answers, "secret", "node1", "node2")
    first.update(heard=True)
    second.update(esp_in=0)
    (failure,) = failures(answers)
    assert "leaves node1 and never comes to node2: a firewall between them drops it" in failure


def test_esp_that_never_leaves_is_told(answers: Answers) -> None:
    first, _ = silence(answers, "secret", "node1", "node2")
    first.update(heard=True, esp_out=0)
    (failure,) = failures(answers)
    assert "no ESP (protocol 50) leaves node1 for node2" in failure


def test_engines_that_disagree_are_the_cause_of_silence_and_warned_about_before(answers: Answers) -> None:
    answers["node3"]["prepare"]["engine"] = "29.1.0"
    assert failures(answers) == []
    assert len([line for line in lines(answers) if "disagree about encrypted overlays" in line]) == 2
    silence(answers, "secret", "node1", "node3")
    (failure,) = failures(answers)
    assert "26.1.5 on node1 and 29.1.0 on node3 disagree" in failure


def test_without_gossip_the_container_is_unknown_and_the_port_named(answers: Answers) -> None:
    for facts in silence(answers, "plain", "node1", "node2"):
        facts["known"] = False
    answers["node1"]["exchange"]["gossip"] = {"node2": "10.77.0.12:7946 (timed out)", "node3": ""}
    from_first, from_second = failures(answers)
    assert from_first.endswith("no gossip between the engines; no answer from 10.77.0.12:7946 (timed out) either")
    assert from_second.endswith("7946/tcp answers, so see 7946/udp")


def test_small_packets_alone_are_a_matter_of_the_mtu(answers: Answers) -> None:
    for facts in silence(answers, "plain", "node1", "node2"):
        facts["small"] = True
    (failure,) = failures(answers)
    assert "small packets pass and large ones do not: the path between them" in failure

    shrink_the_second_nodes_underlay(answers)
    (failure,) = failures(answers)
    assert (
        "MTU 1450 of its containers takes 1500 on the wire, and eth0 on node2 has 1400; declare `mtu: 1400`" in failure
    )


def test_an_mtu_that_does_not_fit_is_warned_about_even_where_packets_pass(answers: Answers) -> None:
    shrink_the_second_nodes_underlay(answers)
    assert failures(answers) == []
    assert len([line for line in lines(answers) if "eth0 on node2 has 1400" in line]) == 2


def test_one_frame_in_clear_breaks_an_encrypted_network(answers: Answers) -> None:
    way(answers, "secret", "node1", "node2")["clear_out"] = 1
    (failure,) = failures(answers)
    assert failure == "network secret from node1 to node2: 1 bytes in clear VXLAN between node1 and node2"


def test_a_page_that_did_not_cross_the_wire_as_declared_proves_nothing(answers: Answers) -> None:
    way(answers, "plain", "node1", "node2")["clear_in"] = 10
    way(answers, "secret", "node2", "node3")["esp_in"] = 10
    assert [failure.split(":")[0] for failure in failures(answers)] == [
        "network plain from node1 to node2",
        "network secret from node2 to node3",
    ]


def test_esp_has_to_do_for_the_pages_of_all_encrypted_networks(answers: Answers) -> None:
    for answer in answers.values():
        answer["prepare"]["networks"] = [SECRET, {**SECRET, "name": "other"}]
        answer["prepare"]["listening"]["other"] = answer["prepare"]["listening"]["secret"]
        answer["exchange"]["networks"]["other"] = copy.deepcopy(answer["exchange"]["networks"]["secret"])
    assert len(failures(answers)) == 12  # six ways, two networks: 70000 bytes are not two pages
    for answer in answers.values():
        for network in ("secret", "other"):
            for facts in answer["exchange"]["networks"][network]["ways"].values():
                facts["esp_in"] = 140000
    assert failures(answers) == []


def test_kernels_that_all_lack_esp_are_skipped_and_one_among_others_is_a_failure(answers: Answers) -> None:
    answers["node3"]["prepare"]["kernel_lacks"] = "ESP"
    assert [failure.split(": ")[0] for failure in failures(answers)] == [
        "network secret between node1 and node3",
        "network secret between node2 and node3",
    ]
    for answer in answers.values():
        answer["prepare"]["kernel_lacks"] = "ESP"
    assert failures(answers) == []
    assert "network secret: kernel without ESP" in lines(answers)


def test_what_is_wrong_with_one_nodes_container_is_told_of_its_pairs(answers: Answers) -> None:
    answers["node2"]["prepare"]["listening"]["plain"] = {
        "wrong": "internal, and yet its containers have a default route"
    }
    assert [failure.split(": ")[0] for failure in failures(answers)] == [
        "network plain between node1 and node2",
        "network plain between node2 and node3",
    ]


def test_a_node_that_did_not_call_is_a_failure_of_its_ways(answers: Answers) -> None:
    answers["node3"]["exchange"] = {"error": "no memory"}
    told = failures(answers)
    assert "node3, exchange: no memory" in told
    assert "network plain from node3 to node1: node3 did not call; see what is said of it" in told


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"attachable": False}, "not attachable: only services can join it"),
        ({"driver": "bridge"}, "a bridge network does not lead from one host to another"),
    ],
)
def test_what_no_container_can_try_is_skipped(answers: Answers, changed: dict[str, Any], reason: str) -> None:
    for answer in answers.values():
        answer["prepare"]["networks"] = [{**PLAIN, **changed}]
    assert failures(answers) == []
    assert f"network plain: {reason}" in lines(answers)


def test_a_node_that_is_cut_off_is_one_failure_and_the_ways_between_the_others_are_judged(answers: Answers) -> None:
    cut = answers["node2"]
    del cut["prepare"]["listening"]
    cut["prepare"]["cut_off"] = "no manager answers: 10.77.0.11:2377 (timed out)"
    cut["exchange"] = {}
    (failure,) = failures(answers)
    assert failure.startswith("node2: cut off from the Swarm: no manager answers: 10.77.0.11:2377 (timed out); see the")
    assert "plain overlay attachable all 2 verified (as clear VXLAN 4097)" in lines(answers)


def with_an_internal_network(answers: Answers) -> None:
    for answer in answers.values():
        answer["prepare"]["networks"] = [PLAIN, {**SECRET, "internal": True}]
        answer["exchange"]["outside"] = ["plain"]


def test_an_internal_network_that_does_not_lead_out_where_another_does_is_verified(answers: Answers) -> None:
    with_an_internal_network(answers)
    assert "network secret: internal, and does not lead out, where plain does verified" in lines(answers)
    assert failures(answers) == []


def test_an_internal_network_that_leads_out_is_a_failure_with_the_hosts(answers: Answers) -> None:
    with_an_internal_network(answers)
    answers["node2"]["exchange"]["outside"] = ["plain", "secret"]
    (failure,) = failures(answers)
    assert failure.endswith("does not lead out: a container on secret alone reached the host it is on: node2")


def test_without_a_network_that_leads_out_nothing_is_proven_of_an_internal_one(answers: Answers) -> None:
    with_an_internal_network(answers)
    for answer in answers.values():
        answer["exchange"]["outside"] = []
    assert failures(answers) == []
    assert [line for line in lines(answers) if "no container of another network reached its host, either" in line]
