# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role storage_metrics makes of the answers that it gets, and of those that it does not get."""

from __future__ import annotations

import importlib
import json
import math
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "roles" / "storage_metrics" / "files"))
metrics = importlib.import_module("storage_metrics")

RECORDED = ROOT / "tests" / "unit" / "plugins" / "module_utils" / "_gluster" / "recorded"
GV0 = "10.77.3.{}:/data/brick1/gv0"
GLUSTER = {
    "pool list": "pool_list_glusterd_stopped",
    "volume info all": "volume_info_with_quota",
    "volume status all detail": "detail_glusterd_stopped",
    "volume heal gv0 info summary": "heal_summary_brick_killed",
}


def recorded(**instead):
    """A `gluster` that answers with what was recorded, or with what is given instead."""
    answers = {**GLUSTER, **{words.replace("_", " "): answer for words, answer in instead.items()}}

    def ask(command):
        answer = answers[" ".join(command[3:])]
        if isinstance(answer, Exception):
            raise answer
        return answer if answer.lstrip().startswith("<") else (RECORDED / f"{answer}.xml").read_text()

    return ask


def values(samples, metric):
    return {labels.get("brick", labels.get("volume", "")): value for name, labels, value in samples if name == metric}


def test_a_killed_brick_is_0_and_one_of_which_nobody_knows_is_no_number():
    online = values(metrics.glusterfs(recorded(), heal=False), "berthage_glusterfs_brick_online")

    assert (online[GV0.format(11)], online[GV0.format(12)]) == (1, 0)
    assert math.isnan(online[GV0.format(13)])


def test_what_waits_for_a_brick_that_did_not_answer_is_no_number():
    pending = values(metrics.glusterfs(recorded(), heal=True), "berthage_glusterfs_heal_pending")

    # The recorded heals are of bricks with other names: none of these has answered.
    assert len(pending) == 3
    assert all(map(math.isnan, pending.values()))


def test_what_waits_is_told_without_what_is_in_split_brain():
    brick = (
        f"<brick><name>{GV0.format(11)}</name><status>Connected</status><totalNumberOfEntries>5</totalNumberOfEntries>"
        "<numberOfEntriesInSplitBrain>2</numberOfEntriesInSplitBrain></brick>"
    )
    answer = f"<cliOutput><opRet>0</opRet><healInfo><bricks>{brick}</bricks></healInfo></cliOutput>"
    samples = metrics.glusterfs(recorded(volume_heal_gv0_info_summary=answer), heal=True)

    assert values(samples, "berthage_glusterfs_heal_pending")[GV0.format(11)] == 3
    assert values(samples, "berthage_glusterfs_split_brain")[GV0.format(11)] == 2


def test_heals_that_cannot_be_asked_for_cost_only_themselves():
    samples = metrics.glusterfs(recorded(volume_heal_gv0_info_summary=metrics.NoAnswer("slow")), heal=True)

    assert all(map(math.isnan, values(samples, "berthage_glusterfs_heal_pending").values()))
    assert values(samples, "berthage_glusterfs_brick_online")[GV0.format(11)] == 1


def test_a_volume_that_is_left_out_is_asked_for_by_itself():
    ask = recorded(volume_status_all_detail="status_none", volume_status_gv0_detail="detail_brick_killed")
    online = values(metrics.glusterfs(ask, heal=False), "berthage_glusterfs_brick_online")

    assert [online[GV0.format(last)] for last in (11, 12, 13)] == [1, 0, 1]


def test_volumes_of_which_nothing_can_be_learned_have_bricks_without_a_number():
    locked = metrics.NoAnswer("locked")
    ask = recorded(
        volume_status_all_detail="status_none", volume_status_gv0_detail=locked, volume_status_second_detail=locked
    )
    online = values(metrics.glusterfs(ask, heal=False), "berthage_glusterfs_brick_online")

    assert len(online) == 4
    assert all(map(math.isnan, online.values()))


@pytest.mark.parametrize(
    "said", ["Connection failed. Please check if gluster daemon is operational.", "", "<cliOutput>", "<a/>"]
)
def test_an_answer_that_cannot_be_read_fails_the_part_and_keeps_the_time_of_the_last_success(said):
    samples, error = metrics.collect("glusterfs", lambda _command: said, True, lambda: 100.0, last=50.0)

    assert error
    assert {name: value for name, _labels, value in samples} == {
        "berthage_storage_success": 0,
        "berthage_storage_duration_seconds": 0,
        metrics.LAST_SUCCESS: 50.0,
    }


def test_a_part_that_never_succeeded_has_no_time_of_success():
    samples, _error = metrics.collect("glusterfs", recorded(pool_list=metrics.NoAnswer("x")), True, lambda: 1.0, None)
    assert metrics.LAST_SUCCESS not in {name for name, _labels, _value in samples}


def test_the_time_of_the_last_success_is_read_from_the_file(tmp_path):
    target = str(tmp_path / "file")
    assert metrics.last_success(target, "nfs") is None
    metrics.put(target, metrics.rendered([(metrics.LAST_SUCCESS, {"part": "nfs"}, 1795304769.583)]))
    assert metrics.last_success(target, "nfs") == 1795304769.583
    assert metrics.last_success(target, "glusterfs") is None
    metrics.put(target, metrics.LAST_SUCCESS + '{part="nfs"} what\n')
    assert metrics.last_success(target, "nfs") is None


def test_the_file_is_replaced_at_once_and_leaves_nothing_beside_it(tmp_path):
    target = tmp_path / "file.prom"
    metrics.put(str(target), "one\n")
    metrics.put(str(target), "two\n")

    assert target.read_text() == "two\n"
    assert target.stat().st_mode & 0o777 == 0o644
    assert [path.name for path in tmp_path.iterdir()] == ["file.prom"]


def test_a_file_that_cannot_be_written_leaves_the_former_one(tmp_path):
    target = tmp_path / "file.prom"
    metrics.put(str(target), "one\n")
    with pytest.raises(UnicodeEncodeError):
        metrics.put(str(target), "\udcff")

    assert target.read_text() == "one\n"
    assert [path.name for path in tmp_path.iterdir()] == ["file.prom"]


def test_the_samples_of_a_metric_stand_together_under_its_type():
    text = metrics.rendered(
        [
            ("berthage_nfs_server_up", {"implementation": "kernel"}, 1.0),
            ("berthage_nfs_exports", {"implementation": "kernel"}, 2.0),
            ("berthage_nfs_server_up", {"implementation": "ganesha"}, metrics.NAN),
        ]
    )
    lines = [line for line in text.splitlines() if not line.startswith("# HELP")]
    assert lines == [
        "# TYPE berthage_nfs_exports gauge",
        'berthage_nfs_exports{implementation="kernel"} 2',
        "# TYPE berthage_nfs_server_up gauge",
        'berthage_nfs_server_up{implementation="kernel"} 1',
        'berthage_nfs_server_up{implementation="ganesha"} NaN',
    ]


def test_labels_of_any_path_stay_one_line():
    text = metrics.rendered([("berthage_nfs_export_clients", {"path": 'a"b\\c\nd\udcff'}, 1.0)])
    assert text.splitlines()[-1] == 'berthage_nfs_export_clients{path="a\\"b\\\\c\\nd\N{REPLACEMENT CHARACTER}"} 1'


def test_the_kernels_table_is_counted_by_path(tmp_path):
    (tmp_path / "threads").write_text("8\n")
    (tmp_path / "etab").write_text(
        "/srv/app\t10.0.0.0/24(rw,sync)\n/srv/app\thost(ro)\n/srv/two\\040words\t*(ro)\n\n/srv/alone\n"
    )
    exports = metrics.kernel_exports(str(tmp_path / "threads"), str(tmp_path / "etab"))
    assert exports == {"/srv/app": 2, "/srv/two words": 1}


@pytest.mark.parametrize("threads", ["0\n", None])
def test_a_kernel_server_without_threads_is_down(tmp_path, threads):
    (tmp_path / "etab").write_text("/srv/app\thost(ro)\n")
    if threads is not None:
        (tmp_path / "threads").write_text(threads)
    assert metrics.kernel_exports(str(tmp_path / "threads"), str(tmp_path / "etab")) is None


def test_ganeshas_exports_are_counted_without_the_root_of_its_own():
    shown = {
        "ShowExports": [[1, 2], [[0, "/"], [7, "/srv/app"]]],
        "DisplayExport": [7, "/srv/app", "/srv/app", "", [["10.0.0.0/24"], ["host"]]],
    }
    ask = lambda command: json.dumps({"data": shown[command[7]]})  # noqa: E731
    assert metrics.ganesha_exports(ask) == {"/srv/app": 2}


def test_a_ganesha_that_does_not_answer_is_down_and_one_that_answers_otherwise_is_a_failure():
    def down(_command):
        raise metrics.NoAnswer("no such name")

    assert metrics.ganesha_exports(down) is None
    with pytest.raises(metrics.NoAnswer, match="otherwise than expected"):
        metrics.ganesha_exports(lambda _command: json.dumps({"data": [[1, 2], [5]]}))
