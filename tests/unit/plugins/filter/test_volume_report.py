# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

from ansible_collections.berthage.swarm.plugins.filter.volume_report import volume_report

APP = {"name": "app", "nfs": {"server": "10.0.0.5", "path": "/srv/app"}}


def outcome(name: str, **differing: Any) -> dict[str, Any]:
    made = {"name": name, "backend": "nfs", "action": "keep", "drift": [], "verified": True, "message": ""}
    return {**made, **differing}


def answer(host: str, *declared: dict[str, Any], **differing: Any) -> dict[str, Any]:
    return {
        "host": host,
        "declared": list(declared),
        "result": {"volumes": [outcome(volume["name"], **differing) for volume in declared]},
    }


def report(*answers: dict[str, Any]) -> str:
    return "\n".join(volume_report(answers))


def test_a_volume_has_one_row_and_each_node_a_column() -> None:
    assert report(answer("node1", APP), answer("node2", APP, action="create")).splitlines() == [
        "DOCKER VOLUMES",
        "  volume  backend  node1           node2",
        "  app     nfs      keep, verified  create, verified",
    ]


def test_a_volume_that_differs_between_nodes_is_marked_and_both_are_named() -> None:
    other = {"name": "app", "nfs": {"server": "10.0.0.6", "path": "/srv/app"}}
    text = report(answer("node1", APP), answer("node2", other))
    assert "app (!)" in text
    assert "app: server is 10.0.0.5 on node1, 10.0.0.6 on node2" in text


def test_two_backends_under_one_name_are_both_in_its_row() -> None:
    text = report(answer("node1", APP), answer("node2", {"name": "app"}, backend="local"))
    assert "app (!)  nfs / local" in text
    assert "backend is nfs on node1, local on node2" in text


def test_a_node_that_lacks_a_volume_is_named() -> None:
    text = report(answer("node1", APP, {"name": "cache"}), answer("node2", APP))
    assert "cache: not on node2" in text


def test_a_host_without_a_result_is_named_once_and_lacks_nothing() -> None:
    text = report(answer("node1", APP), {"host": "node2", "declared": [APP], "result": {}})
    assert "node2: see the failed task above" in text
    assert "not on" not in text


def test_what_failed_and_what_was_kept_in_spite_of_drift_is_shown() -> None:
    drift = [{"field": "path", "declared": "/a", "actual": "/b"}]
    text = report(
        answer("node1", APP, verified=False, message="app, nfs: it cannot be mounted"),
        answer("node2", APP, drift=drift, verified=None),
    )
    assert "keep, FAILED  keep, differs" in text
    assert "node1: app, nfs: it cannot be mounted" in text


def test_what_was_recreated_does_not_differ_any_more() -> None:
    drift = [{"field": "path", "declared": "/a", "actual": "/b"}]
    assert "recreate, verified" in report(answer("node1", APP, drift=drift, action="recreate"))


def test_a_message_that_does_not_name_its_volume_gets_its_name() -> None:
    assert "node1: app: the directory is made" in report(answer("node1", APP, message="the directory is made"))


def test_no_secret_is_shown() -> None:
    def raw(password: str) -> dict[str, Any]:
        options = {"type": "cifs", "device": "//10.0.0.5/s", "o": f"username=u,password={password}"}
        return {"name": "office", "driver_opts": options}

    text = report(answer("node1", raw("hushhush")), answer("node2", raw("mummummum")))
    assert "password" in text
    assert "hushhush" not in text
    assert "mummummum" not in text


def test_a_declaration_that_was_refused_breaks_no_report() -> None:
    assert "NO RESULT" in report(
        {"host": "node1", "declared": [{"name": "x", "nfs": {}}], "result": {"msg": "refused"}}
    )
