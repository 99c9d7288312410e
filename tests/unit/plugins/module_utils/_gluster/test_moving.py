# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._gluster.cli import (
    GlusterError,
    Task,
    answer_in,
    volumes_in,
    with_status,
)
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.moving import progress_in

NODE1 = "3265df98-4ad7-4367-8a5c-225ff212484d"
NODE2 = "fe414fc3-5ea3-41ea-a0b4-3ab481b1ed3d"
NODE3 = "916952d0-de36-4271-a9aa-f1ec5e578ec8"


def test_a_rebalance_runs_until_every_host_has_completed(answer):
    begun, done = progress_in(answer("rebalance_in_progress")), progress_in(answer("rebalance_completed"))

    assert (begun.is_running({NODE1, NODE2, NODE3}), begun.trouble()) == (True, "")
    assert (done.is_running({NODE1, NODE2, NODE3}), done.trouble()) == (False, "")
    assert (
        str(done) == "10.99.0.12 completed (20 files), 10.99.0.13 completed (0 files), localhost completed (21 files)"
    )


def test_draining_runs_where_the_bricks_are(answer):
    begun, done = progress_in(answer("drain_in_progress")), progress_in(answer("drain_completed"))

    assert begun.is_running({NODE3})
    assert not done.is_running({NODE3})
    assert (done.trouble(), done.left_behind()) == ("", "")


def test_a_host_of_which_nothing_is_known_has_not_completed(answer):
    done = progress_in(answer("drain_completed"))

    assert done.is_running({NODE2, NODE3})
    assert done.silent({NODE2, NODE3}) == (NODE2,)


def test_an_answer_without_hosts_is_no_completion(answer):
    nothing = progress_in(answer("status_none"))

    assert nothing.is_running(())
    assert str(nothing) == "no host answered"


@pytest.mark.parametrize("status", ["failed", "stopped", "fix-layout failed", "what nobody knows"])
def test_a_host_that_ended_otherwise_is_trouble(recorded, status):
    document = recorded("drain_completed").replace("<statusStr>completed<", f"<statusStr>{status}<")
    progress = progress_in(answer_in(document))

    assert not progress.is_running({NODE3})
    assert progress.trouble() == f"10.99.0.13: {status}, 0 failures"


def test_a_failure_is_trouble_also_on_a_host_that_completed_or_goes_on(recorded):
    for name in ("drain_completed", "drain_in_progress"):
        progress = progress_in(answer_in(recorded(name).replace("<failures>0<", "<failures>2<")))
        assert "2 failures" in progress.trouble()


def test_skipped_files_are_left_behind_and_no_trouble_to_a_rebalance(recorded):
    progress = progress_in(answer_in(recorded("drain_completed").replace("<skipped>0<", "<skipped>1<")))

    assert (progress.trouble(), progress.left_behind()) == ("", "10.99.0.13: 1 files skipped")


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("<failures>0</failures>", "<failures>-1</failures>"),
        ("<skipped>0</skipped>", ""),
        ("<statusStr>completed</statusStr>", "<statusStr/>"),
        (f"<id>{NODE3}</id>", ""),
    ],
)
def test_a_host_that_says_half_of_it_is_an_error(recorded, good, bad):
    assert good in recorded("drain_completed")

    with pytest.raises(GlusterError, match=r"printed a node without|which is no number"):
        progress_in(answer_in(recorded("drain_completed").replace(good, bad)))


def test_a_refusal_is_an_error(recorded):
    with pytest.raises(GlusterError, match="Incorrect brick"):
        answer_in(recorded("drain_refused"))


def test_what_goes_on_in_the_background_is_read_with_the_volumes(answer, recorded):
    volumes = volumes_in(answer("volume_info_spread"))
    rebalancing = with_status(volumes, answer("volume_status_rebalance"))
    draining = recorded("volume_status_rebalance").replace("<type>Rebalance<", "<type>Remove brick<")
    draining = draining.replace("</task>", "<params><brick>10.99.0.13:/data/bricks/spread</brick></params></task>")

    assert volumes["spread"].tasks == ()
    assert rebalancing["spread"].tasks == (Task("Rebalance", "in progress"),)
    assert with_status(volumes, answer_in(draining))["spread"].tasks == (
        Task("Remove brick", "in progress", ("10.99.0.13:/data/bricks/spread",)),
    )
