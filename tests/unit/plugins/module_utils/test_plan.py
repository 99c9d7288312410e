# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._drift import Difference
from ansible_collections.berthage.swarm.plugins.module_utils._plan import (
    CREATE,
    KEEP,
    RECREATE,
    REFUSED,
    REMOVE,
    Halfway,
    Run,
    Spared,
    Step,
    StepFailed,
    refused,
)
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem, Refused

NEW = Step("new", CREATE, after={"size": 1}, details={"backend": "local"})
KEPT = Step("kept", KEEP, before={"size": 2}, after={"size": 2})
OLD = Step("old", REMOVE, before={"size": 3})
IN_USE = Problem("volume old", "state", "web uses it", "stop web first")


def test_a_refusal_of_one_item_refuses_the_whole_call_and_names_every_reason():
    run = Run([NEW, refused(OLD, IN_USE), refused(KEPT, Problem("volume kept", "", "odd", "mend it"))], "volumes")

    with pytest.raises(Refused) as refusal:
        run.refuse_if_any()

    assert str(refusal.value) == "volume old, state: web uses it; stop web first\nvolume kept: odd; mend it"
    assert not run.changed


def test_a_refused_item_stays_as_it_is():
    step = refused(OLD, IN_USE)

    assert (step.action, step.before, step.after) == (REFUSED, OLD.before, OLD.before)
    assert not step.changes


def test_only_what_changes_is_carried_out_and_in_order():
    carried_out = []
    run = Run([NEW, KEPT, OLD], "volumes")

    run.apply(lambda step: carried_out.append(step.name), (OSError,))

    assert carried_out == ["new", "old"]
    assert run.result()["diff"] == {"before": {"old": {"size": 3}}, "after": {"new": {"size": 1}}}


def test_check_mode_shows_the_plan_that_would_be_applied():
    applied, pretended = Run([NEW, KEPT, OLD], "volumes"), Run([NEW, KEPT, OLD], "volumes")

    applied.apply(lambda step: None, (OSError,))
    pretended.pretend()

    assert pretended.result() == applied.result()


def test_a_failing_step_stops_the_run_and_what_was_done_is_reported_as_done():
    def fail_on_removal(step: Step) -> None:
        if step.action == REMOVE:
            raise OSError("device busy")

    run = Run([NEW, OLD, Step("never", CREATE, after={})], "volumes")

    with pytest.raises(StepFailed, match="old: could not remove: device busy"):
        run.apply(fail_on_removal, (OSError,))

    result = run.result()
    assert result["changed"]
    assert result["diff"] == {"before": {}, "after": {"new": {"size": 1}}}
    assert [outcome["message"] for outcome in result["volumes"]] == ["", "device busy", ""]


def test_an_error_nobody_expected_is_not_swallowed():
    def divide(step: Step) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Run([NEW], "volumes").apply(divide, (OSError,))


def test_what_was_taken_back_counts_as_unchanged():
    run = Run([NEW], "volumes")
    run.apply(lambda step: None, (OSError,))

    run.undone("new")

    assert not run.changed


def test_a_problem_of_the_call_as_a_whole_refuses_it():
    run = Run([NEW], "volumes", [Problem("volumes", "purge", "services are unknown", "tell them")])

    with pytest.raises(Refused, match="volumes, purge: services are unknown; tell them"):
        run.refuse_if_any()


def test_steps_are_carried_out_by_their_turn_and_reported_in_their_order():
    carried_out = []
    run = Run([OLD, NEW, KEPT], "volumes")

    run.apply(lambda step: carried_out.append(step.name), (OSError,), turn=lambda step: step.action != CREATE)

    assert carried_out == ["new", "old"]
    assert [outcome["name"] for outcome in run.result()["volumes"]] == ["old", "new", "kept"]


def failing_with(error: Exception):
    def fail(step: Step) -> None:
        raise error

    return fail


def test_what_is_gone_and_was_not_replaced_is_shown_as_gone():
    class Gone(Halfway, OSError):
        pass

    run = Run([Step("app", RECREATE, before={"size": 1}, after={"size": 2})], "volumes")

    with pytest.raises(StepFailed):
        run.apply(failing_with(Gone("it is gone")), (OSError,))

    assert run.changed
    assert run.result()["diff"] == {"before": {"app": {"size": 1}}, "after": {}}


def test_a_change_whose_answer_was_lost_counts_as_a_change():
    class AnswerLost(OSError):
        may_have_happened = True

    run = Run([NEW], "volumes")

    with pytest.raises(StepFailed):
        run.apply(failing_with(AnswerLost()), (OSError,))

    assert run.changed


def test_what_turns_out_to_have_to_stay_is_kept_and_stops_nothing():
    def carry_out(step: Step) -> None:
        if step.action == REMOVE:
            raise Spared("web uses it")

    run = Run([OLD, NEW], "volumes")

    run.apply(carry_out, (OSError,))

    assert [(step["action"], step["message"]) for step in run.result()["volumes"]] == [
        (KEEP, "web uses it"),
        (CREATE, ""),
    ]
    assert run.result()["diff"] == {"before": {}, "after": {"new": {"size": 1}}}


def test_an_outcome_tells_details_and_reports():
    run = Run([Step("a", KEEP, drift=(Difference("size", 1, 2),), details={"backend": "nfs"})], "volumes")

    run.report("a", verified=True)

    assert run.result()["volumes"] == [
        {
            "name": "a",
            "action": KEEP,
            "drift": [{"field": "size", "declared": 1, "actual": 2}],
            "message": "",
            "backend": "nfs",
            "verified": True,
        }
    ]


def test_nothing_to_do_is_no_change():
    run = Run([KEPT], "volumes")

    run.apply(lambda step: pytest.fail("a kept item was touched"), (OSError,))

    assert run.result() == {
        "changed": False,
        "diff": {"before": {}, "after": {}},
        "volumes": [{"name": "kept", "action": KEEP, "drift": [], "message": ""}],
    }
