# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

from ansible_collections.berthage.swarm.plugins.filter.verify_report import verify_report

OK = {"outcome": "verified", "reason": ""}
HOSTS = ["node1", "node2"]


def answer(host: str, **parts: Any) -> dict[str, Any]:
    return {"host": host, "first": "node1", "serves": [], **parts}


def both(**of_first: Any) -> list[dict[str, Any]]:
    return [answer("node1", **of_first), answer("node2", prepare={})]


def text(answers: list[dict[str, Any]], hosts: list[str]) -> str:
    return "\n".join(verify_report(answers, hosts)["lines"])


def test_a_section_without_rows_is_left_out() -> None:
    assert "NFS EXPORTS" not in text(both(prepare={}), HOSTS)


def test_a_declared_export_of_a_server_that_exports_nothing_is_a_failure() -> None:
    exports = [{"path": "/srv/app", "client": "10.0.0.0/24 (NOT ACTIVE)", "active": False}]
    report = verify_report(both(prepare={"exports": exports}), HOSTS)
    assert "  node1   /srv/app  10.0.0.0/24 (NOT ACTIVE)" in report["lines"]
    (failure,) = report["failures"]
    assert "export /srv/app on node1: declared, but the active table of the kernel's server is empty" in failure
    served = [
        {"path": "/srv/app", "client": "10.0.0.0/24"},
        {"path": "/b", "client": "c (as declared)", "active": True},
    ]
    assert verify_report(both(prepare={"exports": served}), HOSTS)["failures"] == []


def test_a_host_that_gave_no_answer_is_a_failure() -> None:
    report = verify_report([answer("node1", prepare={})], HOSTS)
    assert report["failures"] == ["node2: no answer; see the failed task above"]


def test_an_error_on_a_host_is_a_failure_that_names_host_and_round() -> None:
    report = verify_report(both(prepare={"error": "no busybox"}), HOSTS)
    assert report["failures"] == ["node1, prepare: no busybox"]


def test_everything_verified_is_no_failure() -> None:
    exchange = {"isolation": {"front": {"others": ["back"], "reached": []}}}
    answers = both(prepare={"volumes": {"app": {**OK, "backend": "nfs"}}}, exchange=exchange)
    report = verify_report(answers, HOSTS)
    assert report["failures"] == []
    assert report["lines"][-1].strip() == "2 verified, 0 skipped, 0 failed"


def test_a_server_of_another_network_that_was_reached_is_a_failure_that_names_it() -> None:
    exchange = {"isolation": {"front": {"others": ["back"], "reached": ["back on node2"]}}}
    (failure,) = verify_report(both(prepare={}, exchange=exchange), HOSTS)["failures"]
    assert "a container on front alone reached back on node2 from node1" in failure


def test_the_seconds_of_each_round_are_those_of_the_slowest_host() -> None:
    answers = [
        answer("node1", prepare={"seconds": 3.5}, clean={"seconds": 0.5}),
        answer("node2", prepare={"seconds": 4}),
    ]
    assert text(answers, HOSTS).endswith("prepare 4 s, clean 0.5 s on the slowest host")


def test_a_volume_has_one_row_with_a_column_for_each_host() -> None:
    broken = {"outcome": "FAILED", "reason": "connection timed out", "backend": "nfs"}
    answers = [
        answer("node1", prepare={"volumes": {"app": {**OK, "backend": "nfs"}}}),
        answer("node2", prepare={"volumes": {"app": broken}}),
    ]
    report = verify_report(answers, HOSTS)
    assert "  app     nfs      verified  FAILED" in report["lines"]
    assert report["failures"] == ["volume app on node2: connection timed out"]


def gluster(problems: list[dict[str, str]], online: bool | None = True, **of_volume: Any) -> dict[str, Any]:
    """What gluster_info says of a pool of two with a volume of one brick."""
    brick = {"name": "a:/b", "online": online, "message": "", "pending_heals": 0, "split_brain": 0}
    volume = {"name": "gv0", "type": "Replicate", "status": "Started", "heals": True, "bricks": [brick], **of_volume}
    return {"pool": [{}, {}], "volumes": [volume], "problems": problems}


def with_gluster(told: dict[str, Any]) -> list[dict[str, Any]]:
    return [answer("node1", prepare={}, gluster=told), answer("node2", prepare={})]


def problem(item: str, field: str, message: str) -> dict[str, str]:
    return {"item": item, "field": field, "message": message, "remedy": "mend it"}


def test_a_pool_and_a_volume_that_are_well_are_two_checks_that_passed() -> None:
    report = verify_report(with_gluster(gluster([])), HOSTS)
    assert report["failures"] == []
    assert report["lines"][-1].strip() == "2 verified, 0 skipped, 0 failed"
    assert "  gv0     Replicate  Started  a:/b   online" in report["lines"]


def test_an_offline_brick_is_a_failure_that_names_it() -> None:
    report = verify_report(with_gluster(gluster([problem("gv0", "bricks", "offline: a:/b")], online=False)), HOSTS)
    assert report["failures"] == ["glusterfs volume gv0: offline: a:/b (mend it)"]
    assert "  gv0     Replicate  Started  a:/b   OFFLINE" in report["lines"]


def test_everything_that_is_wrong_with_a_volume_is_one_failure_and_the_pool_is_another() -> None:
    told = gluster(
        [
            problem("10.0.0.2", "pool", "is not connected"),
            problem("gv0", "heal", "not healed: a:/b: 4 to heal"),
            problem("gv0", "split_brain", "copies contradict each other (/file)"),
        ]
    )
    assert verify_report(with_gluster(told), HOSTS)["failures"] == [
        "glusterfs pool of 2 hosts: 10.0.0.2 is not connected",
        "glusterfs volume gv0: not healed: a:/b: 4 to heal (mend it); copies contradict each other (/file) (mend it)",
    ]


def test_a_brick_of_which_nobody_knows_is_unknown_and_no_online_one() -> None:
    told = gluster([problem("gv0", "bricks", "unknown: a:/b: its glusterd is not connected")], online=None)
    told["volumes"][0]["bricks"][0]["message"] = "its glusterd is not connected"
    report = verify_report(with_gluster(told), HOSTS)
    assert "  gv0     Replicate  Started  a:/b   unknown" in report["lines"]
    assert len(report["failures"]) == 1


def test_a_stopped_gluster_volume_is_skipped() -> None:
    report = verify_report(with_gluster(gluster([], online=None, status="Stopped")), HOSTS)
    assert report["failures"] == []
    assert report["lines"][-1].strip() == "1 verified, 1 skipped, 0 failed"


def test_a_pool_that_does_not_answer_is_a_failure_that_says_why() -> None:
    report = verify_report(with_gluster({"msg": "glusterd does not answer on this host"}), HOSTS)
    assert report["failures"] == ["glusterfs on node1: glusterd does not answer on this host"]


def test_a_host_that_was_not_asked_for_the_pool_says_nothing_of_it() -> None:
    report = verify_report(with_gluster({"changed": False, "skipped": True}), HOSTS)
    assert report["lines"][-1].strip() == "0 verified, 0 skipped, 0 failed"


def test_the_state_of_a_node_is_what_a_manager_says_of_it() -> None:
    nodes = {"id2": {"role": "worker", "state": "down", "availability": "drain", "leader": False}}
    answers = [
        answer("node1", prepare={"nodes": nodes}),
        answer("node2", prepare={"node_id": "id2", "swarm": "active"}),
    ]
    assert "worker, down, drain" in text(answers, HOSTS)


def actual(options: dict[str, str], **differing: Any) -> dict[str, Any]:
    return {**OK, "backend": "nfs", "driver": "local", "options": options, **differing}


def on_two_hosts(first: dict[str, Any], second: dict[str, Any]) -> dict[str, list[str]]:
    answers = [
        answer("node1", prepare={"volumes": {"app": first}}),
        answer("node2", prepare={"volumes": {"app": second}}),
    ]
    return verify_report(answers, HOSTS)


def nfs(server: str, **differing: Any) -> dict[str, Any]:
    return actual({"type": "nfs", "device": ":/srv", "o": f"addr={server},nfsvers=4.2"}, **differing)


def test_two_backends_under_one_name_are_a_failure_that_names_both_hosts() -> None:
    (failure,) = on_two_hosts(nfs("10.0.0.5"), actual({}))["failures"]
    assert "backend is nfs on node1, local on node2" in failure


def test_another_server_under_one_name_is_a_failure() -> None:
    (failure,) = on_two_hosts(nfs("10.0.0.5"), nfs("10.0.0.6"))["failures"]
    assert "server is 10.0.0.5 on node1, 10.0.0.6 on node2" in failure


def test_the_same_volume_in_other_words_is_no_failure() -> None:
    respelled = actual({"type": "nfs", "device": ":/srv/", "o": "vers=4.2,rw,addr=10.0.0.5"})
    report = on_two_hosts(nfs("10.0.0.5"), respelled)
    assert report["failures"] == []
    assert "DIFFERENCES BETWEEN HOSTS" not in report["lines"]


def test_the_same_data_mounted_otherwise_is_shown_and_fails_nothing() -> None:
    report = on_two_hosts(nfs("10.0.0.5"), actual({"type": "nfs", "device": ":/srv", "o": "addr=10.0.0.5,nfsvers=4.1"}))
    assert report["failures"] == []
    assert "  app: version is 4.2 on node1, 4.1 on node2" in report["lines"]


def test_a_volume_that_one_host_lacks_differs_from_none() -> None:
    missing = {
        "outcome": "FAILED",
        "reason": "the volume does not exist",
        "backend": "nfs",
        "driver": "",
        "options": {},
    }
    assert on_two_hosts(nfs("10.0.0.5"), missing)["failures"] == ["volume app on node2: the volume does not exist"]


def test_what_the_engine_says_gets_its_cause_and_its_remedy() -> None:
    refused = nfs("10.0.0.5", outcome="FAILED", reason="error while mounting volume: permission denied", by_engine=True)
    (failure,) = on_two_hosts(nfs("10.0.0.5"), refused)["failures"]
    assert "the server does not export that directory to this host (permission denied)" in failure
    assert "exportfs" in failure
