# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._gluster import info, quota
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.cli import (
    GlusterdDown,
    GlusterError,
    GlusterTimeout,
    answer_in,
)

NODE1 = "31924e76-da3c-4e20-9af9-24cce2b3194b"
NODE2 = "b1c8c3bb-b64f-42e8-8e17-778a3d0001d8"
NODE3 = "68c0d176-0658-44e1-bad8-9df2baf7f5b1"
BRICK = "/data/brick1/gv0"
ROOT = "<cliOutput><opRet>0</opRet>{}</cliOutput>"
HEALED = "".join(
    f"<brick hostUuid='-'><name>10.77.3.{n}:{BRICK}</name><status>Connected</status><totalNumberOfEntries>0"
    "</totalNumberOfEntries><numberOfEntriesInSplitBrain>0</numberOfEntriesInSplitBrain></brick>"
    for n in (11, 12, 13)
)


class Recorded:
    """A `gluster` that answers from a script: by the words of the question, a document, or an error to raise."""

    def __init__(self, recorded, **answers):
        self.asked: list[str] = []
        self._answers = {
            "pool list": recorded("pool_list_glusterd_stopped"),
            "volume info all": recorded("volume_info_with_quota"),
            "volume status all detail": recorded("detail_glusterd_stopped"),
            "volume heal gv0 info summary": ROOT.format(f"<healInfo><bricks>{HEALED}</bricks></healInfo>"),
            "volume quota gv0 list": recorded("quota_list"),
            "volume status gv0 clients": recorded("status_clients"),
            "snapshot info": recorded("snapshot_info_none"),
            **{words.replace("_", " "): answer for words, answer in answers.items()},
        }

    def ask(self, *words, limit=0.0):
        question = " ".join(words)
        self.asked.append(question)
        answer = self._answers[question]
        if isinstance(answer, Exception):
            raise answer
        return answer_in(answer)

    def clients(self, volume):
        self.asked.append(f"clients of {volume}")
        answer = self._answers.get(self.asked[-1], {"gv0": {"fuse": 2}}.get(volume, {}))
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def gluster(recorded):
    return lambda **answers: Recorded(recorded, **answers)


def told(gluster, names=None, gather=info.SUBJECTS):
    return info.described(info.look(gluster, names, gather), names)


def of(result, name):
    (volume,) = (volume for volume in result["volumes"] if volume["name"] == name)
    return volume


def messages(result, field):
    return [problem["message"] for problem in result["problems"] if problem["field"] == field]


def test_a_brick_that_was_killed_is_offline_and_one_whose_glusterd_is_stopped_is_unknown(gluster):
    result = told(gluster())

    bricks = of(result, "gv0")["bricks"]
    assert [brick["online"] for brick in bricks] == [True, False, None]
    assert bricks[0]["port"] == 55778
    assert (bricks[1]["port"], bricks[1]["pid"]) == (None, None)
    assert bricks[1]["total_bytes"] == 270553174016
    assert (bricks[2]["total_bytes"], bricks[2]["free_bytes"]) == (None, None)
    assert "the glusterd of 10.77.3.13 is not connected" in bricks[2]["message"]
    offline, unknown = messages(result, "bricks")
    assert offline == f"offline: 10.77.3.12:{BRICK}"
    assert unknown.startswith(f"unknown: 10.77.3.13:{BRICK}: the glusterd of 10.77.3.13 is not connected")
    assert [problem["item"] for problem in result["problems"] if problem["field"] == "pool"] == ["10.77.3.13"]


def test_a_stopped_volume_is_told_and_is_no_problem(gluster):
    result = told(gluster())

    idle = of(result, "idle")
    assert (idle["status"], idle["healed"], idle["quota"], idle["clients"]) == ("Created", None, None, None)
    assert [brick["online"] for brick in idle["bricks"]] == [None]
    assert "idle" not in {problem["item"] for problem in result["problems"]}


def test_a_volume_that_the_status_of_all_leaves_out_is_asked_for_by_itself(gluster, recorded):
    asked = gluster(
        volume_status_all_detail=recorded("status_none"), volume_status_gv0_detail=recorded("detail_brick_killed")
    )
    asked._answers["volume status second detail"] = GlusterError("locked")

    result = told(asked, ["gv0", "second"])

    assert [brick["online"] for brick in of(result, "gv0")["bricks"]] == [True, False, True]
    assert [brick["online"] for brick in of(result, "second")["bricks"]] == [None]
    assert result["unknown"] == [{"volume": "second", "subject": "bricks", "reason": "locked"}]
    assert messages(result, "bricks")[-1] == "unknown: locked"


def test_a_healed_volume_is_healed_and_one_with_a_silent_brick_is_not_known_to_be(gluster):
    assert of(told(gluster()), "gv0")["healed"] is True

    silent = HEALED.replace("<status>Connected", "<status>Transport endpoint is not connected", 1)
    result = told(gluster(volume_heal_gv0_info_summary=ROOT.format(f"<healInfo><bricks>{silent}</bricks></healInfo>")))
    assert of(result, "gv0")["healed"] is None
    assert [brick["pending_heals"] for brick in of(result, "gv0")["bricks"]] == [None, 0, 0]
    assert messages(result, "heal") == [
        f"not healed: 10.77.3.11:{BRICK}: unknown (Transport endpoint is not connected)"
    ]


def test_a_brick_that_is_down_is_said_once(gluster):
    silent = HEALED.replace("</name><status>Connected", "</name><status>Transport endpoint is not connected")
    result = told(gluster(volume_heal_gv0_info_summary=ROOT.format(f"<healInfo><bricks>{silent}</bricks></healInfo>")))

    # .12 is killed, and the glusterd of .13 is down.
    assert len(messages(result, "bricks")) == 2
    assert messages(result, "heal") == [
        f"not healed: 10.77.3.11:{BRICK}: unknown (Transport endpoint is not connected)"
    ]


def test_pending_heals_are_counted_by_brick_and_the_volume_is_not_healed(gluster):
    pending = HEALED.replace("<totalNumberOfEntries>0", "<totalNumberOfEntries>4", 1)
    result = told(gluster(volume_heal_gv0_info_summary=ROOT.format(f"<healInfo><bricks>{pending}</bricks></healInfo>")))

    assert of(result, "gv0")["healed"] is False
    assert [brick["pending_heals"] for brick in of(result, "gv0")["bricks"]] == [4, 0, 0]
    assert messages(result, "heal") == [f"not healed: 10.77.3.11:{BRICK}: 4 to heal"]


def test_files_in_split_brain_are_named_with_the_bricks_that_say_so(gluster, recorded, answer):
    (torn,) = info.split_brains_in(answer("heal_split_brain"))
    assert (torn.path, torn.gfid) == ("/file", "21f726b6-e36c-4891-b743-74ac8fc485bb")
    assert torn.bricks == ("node1:/data/brick1/torn", "node2:/data/brick1/torn")

    asked = gluster(volume_heal_gv0_info_summary=recorded("heal_summary_split_brain"))
    asked._answers["volume heal gv0 info split-brain"] = recorded("heal_split_brain")
    result = told(asked, ["gv0"])
    assert [each["path"] for each in of(result, "gv0")["split_brain"]] == ["/file"]
    assert of(result, "gv0")["healed"] is False
    assert messages(result, "split_brain") == ["copies contradict each other (/file)"]
    assert messages(result, "heal") == []


def test_split_brain_is_not_asked_for_where_no_brick_knows_of_any(gluster):
    asked = gluster()
    assert of(told(asked), "gv0")["split_brain"] == []
    assert "volume heal gv0 info split-brain" not in asked.asked


def test_a_file_known_by_its_path_to_one_brick_and_by_its_gfid_to_another_is_one():
    bricks = (
        "<brick><name>a:/b</name><file gfid='1'>&lt;gfid:1&gt;</file></brick>"
        "<brick><name>c:/b</name><file gfid='1'>/x</file></brick>"
    )
    (torn,) = info.split_brains_in(answer_in(ROOT.format(f"<healInfo><bricks>{bricks}</bricks></healInfo>")))
    assert (torn.path, torn.bricks) == ("/x", ("a:/b", "c:/b"))


def test_limits_are_told_in_bytes(gluster):
    volume = of(told(gluster()), "gv0")

    assert volume["quota_enabled"] is True
    assert [(limit["path"], limit["limit"], limit["used"]) for limit in volume["quota"]] == [
        ("/db", 1073741824, 0),
        ("/media", 10485760, 0),
    ]


def test_a_volume_with_quota_and_no_limit_has_none(gluster, recorded):
    assert of(told(gluster(volume_quota_gv0_list=recorded("refused_quota_no_limits"))), "gv0")["quota"] == []


def test_limits_that_gluster_cannot_look_up_are_unknown_and_not_none(gluster, recorded):
    result = told(gluster(volume_quota_gv0_list=recorded("refused_quota_list_without_quorum")))

    assert of(result, "gv0")["quota"] is None
    assert [each["subject"] for each in result["unknown"]] == ["quota"]


def test_a_limit_without_figures_for_what_is_used_keeps_its_size():
    text = "<volQuota><limit><path>/a</path><hard_limit>5</hard_limit><used_space>N/A</used_space></limit></volQuota>"
    assert quota.limits_in(answer_in(ROOT.format(text))) == (quota.Limit("/a", 5, None, None, None, False),)


@pytest.mark.parametrize("size", ["", "N/A", "-1", "12abc", "٣", "1e9"])
def test_a_limit_without_a_size_is_an_error(size):
    text = f"<volQuota><limit><path>/a</path><hard_limit>{size}</hard_limit></limit></volQuota>"
    with pytest.raises(GlusterError, match="a limit without a path or a size"):
        quota.limits_in(answer_in(ROOT.format(text)))


def test_clients_are_counted_by_kind_and_named_by_address(gluster, answer):
    volume = of(told(gluster()), "gv0")

    assert volume["clients"] == {"fuse": 2}
    assert volume["client_addresses"] == ["10.77.3.11", "10.77.3.12", "10.77.3.13"]
    assert of(told(gluster()), "second")["client_addresses"] == []
    assert info.client_addresses_in(answer("status_clients_11")) == ("10.77.3.14",)


def test_a_client_with_an_address_of_six_keeps_it():
    text = "<client><hostname>fd00::1:49148</hostname></client><client><hostname></hostname></client>"
    assert info.client_addresses_in(answer_in(ROOT.format(text))) == ("fd00::1",)


def test_after_one_question_that_took_too_long_no_other_of_its_kind_is_asked(gluster):
    asked = gluster(clients_of_gv0=GlusterTimeout("too slow"))
    result = told(asked)

    assert "clients of second" not in asked.asked
    assert [(each["volume"], each["reason"]) for each in result["unknown"]] == [
        ("gv0", "too slow"),
        ("second", "not asked, since gv0 did not answer"),
    ]
    assert (of(result, "gv0")["clients"], of(result, "second")["clients"]) == (None, None)
    assert of(result, "gv0")["healed"] is True


def test_a_status_that_took_too_long_leaves_every_started_volume_unknown(gluster):
    asked = gluster(volume_status_all_detail=GlusterTimeout("too slow"))
    result = told(asked)

    assert [each["volume"] for each in result["unknown"]] == ["gv0", "second"]
    assert not any(question.endswith(" detail") for question in asked.asked[3:] if "all" not in question)


def test_a_daemon_that_is_down_is_an_error_and_nothing_unknown(gluster):
    with pytest.raises(GlusterdDown):
        told(gluster(volume_status_all_detail=GlusterdDown("down")))


def test_only_what_is_wanted_is_asked_for(gluster):
    asked = gluster()
    result = told(asked, ["second", "nobody"], ["bricks"])

    assert asked.asked == ["pool list", "volume info all", "volume status all detail"]
    assert [volume["name"] for volume in result["volumes"]] == ["second"]
    assert result["missing"] == ["nobody"]
    assert [problem["field"] for problem in result["problems"]] == ["pool"]
    assert told(gluster(), [])["volumes"] == []


@pytest.mark.parametrize(
    "node",
    [
        "<node/>",
        "<node><path>/b</path></node>",
        "<node><path>/b</path><peerid>u</peerid><status>maybe</status><port>-1</port><sizeFree>NaN</sizeFree></node>",
        "<node><hostname>Self-heal Daemon</hostname><path>localhost</path><peerid>u</peerid><status>1</status></node>",
    ],
)
def test_a_brick_of_which_gluster_says_nothing_sensible_is_not_online(node):
    text = f"<volStatus><volumes><volume><volName>gv0</volName>{node}</volume></volumes></volStatus>"
    states = info.status_in(answer_in(ROOT.format(text)))["gv0"].values()

    assert not any(state.online for state in states)
    assert all((state.port, state.free) == (None, None) for state in states)


def test_snapshots_are_told_with_their_volume(gluster, recorded):
    taken = recorded("snapshot_info").replace("<name>thin</name>", "<name>gv0</name>", 1)
    result = told(gluster(snapshot_info=taken), ["gv0", "second"], [info.SNAPSHOTS])

    (snapshot,) = of(result, "gv0")["snapshots"]
    assert (snapshot["name"], snapshot["activated"], snapshot["created"][:10]) == ("at-first", True, "2026-11-22")
    assert of(result, "second")["snapshots"] == []
    assert of(told(gluster(), gather=[]), "gv0")["snapshots"] is None


def test_snapshots_that_nobody_tells_of_are_unknown(gluster):
    result = told(gluster(snapshot_info=GlusterError("busy")), ["gv0"], [info.SNAPSHOTS])

    assert of(result, "gv0")["snapshots"] is None
    assert result["unknown"] == [{"volume": "gv0", "subject": "snapshots", "reason": "busy"}]
    assert messages(result, "snapshots") == ["unknown: busy"]


def test_a_host_without_lvm_has_no_snapshots_to_tell_of(gluster):
    disabled = GlusterError("gluster says: LVM commands not found, snapshot functionality is disabled")
    result = told(gluster(snapshot_info=disabled), ["gv0"], [info.SNAPSHOTS])

    assert of(result, "gv0")["snapshots"] == []
    assert result["unknown"] == []
