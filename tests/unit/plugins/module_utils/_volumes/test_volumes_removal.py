# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be recreated and what may be purged, and what must be known before."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from ansible_collections.berthage.swarm.plugins.module_utils._volumes.observe import Consumer, Directory, Usage
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.plan import plan, turn
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.removal import to_be_proven_empty, to_be_removed
from ansible_collections.berthage.swarm.tests.unit.plugins.module_utils._volumes.volume_samples import (
    actual,
    declaration,
    seen,
)

NFS = {"server": "10.0.0.5", "path": "/srv/nfs/app"}
NFS_OPTIONS = {"type": "nfs", "device": ":/srv/nfs/app", "o": "nfsvers=4.2,addr=10.0.0.5"}
OTHER_NFS = {**NFS_OPTIONS, "o": "nfsvers=4.2,addr=10.0.0.6"}
TMPFS = {"type": "tmpfs", "device": "tmpfs"}
KNOWN = Usage(services_known=True)
USERS = (Consumer("container", "web", "c1", "h1", "exited"), Consumer("service", "api", "s1"))
IN_USE = Usage({"data": USERS}, services_known=True)
WORKER = Usage(services_known=False, unknown="this node is a worker, which cannot list services")
MINE = {"berthage.swarm.owner": "me"}


def decide(volume, found, observation=None, usage=KNOWN, **options):
    """What is decided about a volume that is to be recreated where it differs."""
    more = dict(observation or {})
    declared = declaration({"name": "data", **volume}, on_drift="recreate", **options)
    return plan(declared, seen(found, usage=usage, **more))


def recreation(*arguments, **more):
    return decide(*arguments, **more).steps[0]


def test_a_pointer_that_differs_is_recreated():
    step = recreation({"nfs": NFS}, actual(options=OTHER_NFS))
    assert (step.action, [difference.field for difference in step.drift]) == ("recreate", ["server"])
    assert step.before["driver_opts"]["o"] == "nfsvers=4.2,addr=10.0.0.6"
    assert step.after["driver_opts"]["o"] == "addr=10.0.0.5,nfsvers=4.2"
    assert step.after["labels"]["berthage.swarm.owner"] == "default"


def test_an_ephemeral_volume_that_differs_is_recreated():
    assert recreation({"tmpfs": {"size": "1m"}}, actual(options=TMPFS)).action == "recreate"


def test_a_volume_that_means_the_same_is_kept():
    assert recreation({"nfs": NFS}, actual(options=NFS_OPTIONS)).action == "keep"


@pytest.mark.parametrize(
    ("empty", "action"), [({"data": True}, "recreate"), ({"data": False}, "refused"), ({}, "refused")]
)
def test_a_local_volume_in_the_way_of_a_pointer_goes_only_when_it_is_proven_empty(empty, action):
    assert recreation({"nfs": NFS}, actual(), {"empty": empty}).action == action


def test_a_local_volume_with_data_in_the_way_goes_when_that_is_said():
    assert recreation({"nfs": NFS, "discard_data": True}, actual(), {"empty": {"data": False}}).action == "recreate"


def test_data_in_the_way_is_named_with_what_to_do():
    message = recreation({"nfs": NFS}, actual(), {"empty": {"data": False}}).message
    assert message.startswith("data, discard_data: it holds data; save what is needed")


def test_a_pointer_in_the_way_of_a_volume_that_holds_data_is_recreated():
    assert recreation({}, actual(options=NFS_OPTIONS)).action == "recreate"


def test_a_volume_in_use_is_not_recreated_and_its_users_are_listed():
    step = recreation({"nfs": NFS}, actual(options=OTHER_NFS), usage=IN_USE)
    assert step.action == "refused"
    assert "data, on_drift: it is in use by container web (exited), service api" in step.message
    assert [user["name"] for user in step.details["consumers"]] == ["web", "api"]


def test_a_volume_of_another_owner_is_not_recreated():
    found = actual(options=OTHER_NFS, labels={"berthage.swarm.owner": "them"})
    assert "owned by 'them', not by 'default'" in recreation({"nfs": NFS}, found).message
    assert recreation({"nfs": NFS}, found, owner="them").action == "recreate"


@pytest.mark.parametrize(
    ("told", "action"), [(None, "refused"), ([], "recreate"), (["data"], "refused"), (["other"], "recreate")]
)
def test_on_a_worker_recreation_needs_to_be_told_of_services(told, action):
    options = {} if told is None else {"services_in_use": told}
    assert recreation({"nfs": NFS}, actual(options=OTHER_NFS), usage=WORKER, **options).action == action


def test_everything_that_is_in_the_way_is_said_at_once():
    found = actual(labels={"berthage.swarm.owner": "them"})
    usage = Usage({"data": USERS}, services_known=False)
    step = recreation({"bind": {"path": "/srv/www"}, "create_path": {}}, found, {"on_engine_host": False}, usage=usage)
    fields = [problem.field for problem in step.problems]
    assert fields == ["create_path", "on_drift", "on_drift", "on_drift", "discard_data"]


def test_a_directory_that_is_missing_is_made_for_a_volume_that_is_recreated():
    observation = {"directories": {"/srv/www": Directory(False)}}
    volume = {"bind": {"path": "/srv/www"}, "create_path": {}}
    step = recreation(volume, actual(options=NFS_OPTIONS), observation)
    assert (step.action, step.before["directory"], step.after["directory"]) == ("recreate", None, "/srv/www")


LABELLED = {"nfs": NFS, "labels": {"team": "web"}}


def test_a_pointer_is_recreated_for_its_labels():
    decided = decide(LABELLED, actual(options=NFS_OPTIONS, labels={"team": "db"}))
    assert (decided.steps[0].action, decided.warnings) == ("recreate", ())
    assert decided.steps[0].message == "recreated for its labels (team: declared 'web', actual 'db')"


@pytest.mark.parametrize(
    ("labels", "usage", "why"),
    [
        ({"team": "db"}, IN_USE, "not recreated for them: it is in use by container web"),
        ({"team": "db"}, WORKER, "not recreated for them: this node is a worker"),
        ({"team": "db", "berthage.swarm.owner": "them"}, KNOWN, "not recreated for them: it is owned by 'them'"),
    ],
)
def test_labels_of_a_pointer_that_must_stay_are_a_warning_and_no_failure(labels, usage, why):
    decided = decide(LABELLED, actual(options=NFS_OPTIONS, labels=labels), usage=usage)
    assert decided.steps[0].action == "keep"
    assert why in decided.warnings[0]


def test_a_volume_that_holds_data_is_never_recreated_for_its_labels():
    decided = decide({"labels": {"team": "web"}, "discard_data": True}, actual(), {"empty": {"data": True}})
    assert decided.steps[0].action == "keep"
    assert "the labels differ" in decided.warnings[0]


def test_without_recreate_labels_are_a_warning_whoever_uses_the_volume():
    declared = declaration({"name": "data", **LABELLED})
    assert plan(declared, seen(actual(options=NFS_OPTIONS))).steps[0].action == "keep"


def purge(*actuals, usage=KNOWN, empty=None, listed=("listed",), **options):
    declared = declaration(*({"name": name} for name in listed), owner="me", purge=True, **options)
    return plan(declared, seen(*actuals, usage=usage, empty=empty or {}))


def actions(decided):
    return {step.name: step.action for step in decided.steps}


def test_volumes_of_the_owner_that_are_not_listed_are_removed():
    there = [
        actual("listed", labels=MINE),
        actual("pointer", options=NFS_OPTIONS, labels=MINE),
        actual("scratch", options=TMPFS, labels=MINE),
        actual("empty", labels=MINE),
        actual("theirs", options=NFS_OPTIONS, labels={"berthage.swarm.owner": "them"}),
        actual("by-hand", options=NFS_OPTIONS),
    ]
    decided = purge(*there, empty={"empty": True})
    assert actions(decided) == {"listed": "keep", "empty": "remove", "pointer": "remove", "scratch": "remove"}
    assert decided.warnings == ()


@pytest.mark.parametrize(
    ("found", "usage", "empty", "why"),
    [
        (actual(labels=MINE), KNOWN, {"data": False}, "it holds data"),
        (actual(labels=MINE), KNOWN, {}, "could not be found out"),
        (actual(options=NFS_OPTIONS, labels=MINE), IN_USE, {}, "it is in use by container web (exited), service api"),
        (actual(labels=MINE), IN_USE, {"data": False}, "service api and it holds data"),
    ],
)
def test_what_holds_data_or_is_in_use_stays_and_fails_nothing(found, usage, empty, why):
    decided = purge(found, usage=usage, empty=empty, listed=())
    step = decided.steps[0]
    assert (step.action, step.problems, decided.problems) == ("keep", (), ())
    assert why in step.message
    assert decided.warnings == (f"data: {step.message}",)


def test_on_a_worker_that_knows_no_services_purge_is_refused_once():
    there = [actual(name, options=NFS_OPTIONS, labels=MINE) for name in ("one", "two")]
    decided = purge(*there, usage=WORKER, listed=())
    assert [str(problem).partition(";")[0] for problem in decided.problems] == [
        "volumes, purge: this node is a worker, which cannot list services, so the volumes that they use cannot be told"
    ]
    assert actions(decided) == {"one": "refused", "two": "refused"}
    assert actions(purge(*there, usage=WORKER, listed=(), services_in_use=["one"])) == {"one": "keep", "two": "remove"}


def test_a_manager_that_cannot_list_services_is_not_called_a_worker():
    usage = Usage(services_known=False, unknown="this manager cannot list services (no leader)")
    message = recreation({"nfs": NFS}, actual(options=OTHER_NFS), usage=usage).message
    assert "on_drift: this manager cannot list services (no leader), so whether they use it cannot be told" in message


def test_a_volume_whose_plugin_is_disabled_is_not_taken_for_absent():
    declared = declaration({"name": "data", "state": "absent"})
    assert plan(declared, seen()).steps[0].action == "none"
    step = plan(declared, seen(unlisted={"data": 'plugin "x/y" not found'})).steps[0]
    assert step.action == "refused"
    assert step.message.startswith('data, state: the engine remembers it and cannot reach it (plugin "x/y" not found);')


def test_a_secret_that_differs_shows_in_the_diff_and_its_values_do_not():
    cifs = {"server": "10.0.0.6", "share": "office", "username": "u", "password": "mum"}
    there = {"type": "cifs", "device": "//10.0.0.6/office", "o": "addr=10.0.0.6,username=u,password=hush,vers=3.1.1"}
    step = recreation({"cifs": cifs}, actual(options=there))
    assert step.after["other_secrets"] == ["password"]
    assert "hush" not in str(step) and "mum" not in str(step)
    assert "other_secrets" not in recreation({"nfs": NFS}, actual(options=OTHER_NFS)).after


def test_a_volume_that_is_declared_absent_is_not_purged_but_removed_or_refused():
    found = actual("gone", labels=MINE)
    declared = declaration({"name": "gone", "state": "absent"}, owner="me", purge=True)
    assert actions(plan(declared, seen(found, usage=KNOWN))) == {"gone": "refused"}


def test_without_purge_nobody_looks_for_what_is_not_listed():
    assert plan(declaration(owner="me"), seen(actual(labels=MINE))).steps == ()


def test_users_and_emptiness_are_asked_of_what_may_be_recreated_or_purged():
    declared = declaration(
        {"name": "same", "nfs": NFS},
        {"name": "differs", "nfs": NFS},
        {"name": "in-the-way", "nfs": NFS},
        {"name": "discarded", "nfs": NFS, "discard_data": True},
        {"name": "labels", "nfs": NFS, "labels": {"a": "b"}},
        {"name": "holder-labels", "labels": {"a": "b"}},
        on_drift="recreate",
        owner="me",
        purge=True,
    )
    there = {
        "same": actual("same", options=NFS_OPTIONS),
        "differs": actual("differs", options=OTHER_NFS),
        "in-the-way": actual("in-the-way"),
        "discarded": actual("discarded"),
        "labels": actual("labels", options=NFS_OPTIONS),
        "holder-labels": actual("holder-labels"),
        "unlisted": actual("unlisted", labels=MINE),
        "unlisted-pointer": actual("unlisted-pointer", options=NFS_OPTIONS, labels=MINE),
        "others": actual("others"),
    }
    assert set(to_be_removed(declared, there)) == {
        "differs",
        "in-the-way",
        "discarded",
        "labels",
        "unlisted",
        "unlisted-pointer",
    }
    assert set(to_be_proven_empty(declared, there)) == {"in-the-way", "unlisted"}


def test_nothing_is_taken_away_before_everything_else_is_there():
    declared = declaration(
        {"name": "gone", "state": "absent"},
        {"name": "differs", "nfs": NFS},
        {"name": "made", "nfs": NFS},
        on_drift="recreate",
    )
    there = seen(actual("gone", options=NFS_OPTIONS), actual("differs", options=OTHER_NFS), usage=KNOWN)
    steps = plan(declared, there).steps
    assert [step.name for step in sorted(steps, key=turn)] == ["made", "differs", "gone"]


def test_secrets_are_not_in_what_is_shown_of_a_recreation_or_a_purge():
    share = {"type": "cifs", "device": "//f/s", "o": "addr=f,username=u,password=mum"}
    declared = {"driver_opts": {**share, "o": "addr=f,username=u,password=hush"}}
    shown = repr([decide(declared, actual(options=share)), purge(actual("old", options=share, labels=MINE))])
    assert "password" in shown
    assert "hush" not in shown and "mum" not in shown


KINDS = {
    "holder": {},
    "sized": {"driver_opts": {"size": "1g"}},
    "plugin": {"driver": "x/y"},
    "pointer": {"nfs": NFS},
    "ephemeral": {"tmpfs": {"size": "1m"}},
}
THERE = {
    "holder": actual(),
    "sized": actual(options={"size": "2g"}),
    "plugin": actual(driver="x/y:latest", options={"a": "b"}),
    "pointer": actual(options=OTHER_NFS),
    "ephemeral": actual(options=TMPFS),
}


@settings(max_examples=500, deadline=None)
@given(
    declared=some.sampled_from([*KINDS, "absent", "unlisted"]),
    there=some.sampled_from([*THERE]),
    on_drift=some.sampled_from(["fail", "warn", "recreate"]),
    discard=some.booleans(),
    empty=some.sampled_from([None, True, False]),
    labels=some.dictionaries(some.just("berthage.swarm.owner"), some.sampled_from(["me", "them"])),
    wanted_labels=some.dictionaries(some.just("team"), some.just("web")),
    users=some.sampled_from([(), USERS]),
    services_known=some.booleans(),
    told=some.sampled_from([None, [], ["data"], ["other"]]),
)
def test_whatever_is_asked_nothing_goes_that_must_stay(
    *, declared, there, on_drift, discard, empty, labels, wanted_labels, users, services_known, told
):
    volumes = {
        "absent": [{"name": "data", "state": "absent", "discard_data": discard}],
        "unlisted": [],
    }.get(declared)
    if volumes is None:
        discard = discard and (on_drift == "recreate" or declared in ("holder", "sized", "plugin"))
        volumes = [{"name": "data", **KINDS[declared], "labels": wanted_labels, "discard_data": discard}]
    call = declaration(*volumes, on_drift=on_drift, owner="me", purge=True, services_in_use=told)
    found = actual(driver=THERE[there].driver, options=THERE[there].options, labels=labels)
    usage = Usage({"data": users}, services_known=services_known)
    decided = plan(call, seen(found, usage=usage, empty={} if empty is None else {"data": empty}))
    if decided.problems or any(step.problems for step in decided.steps):
        return
    for step in decided.steps:
        if step.action in ("remove", "recreate"):
            holds = there in ("holder", "sized", "plugin")
            assert not holds or empty or (discard and declared != "unlisted")
            assert users == ()
            assert "data" not in (told or ())
            assert services_known or told is not None
            assert labels.get("berthage.swarm.owner", "me") == "me"
            assert step.action == "remove" or on_drift == "recreate"
            assert "data" in to_be_removed(call, {"data": found})


def test_a_worker_that_is_told_of_a_template_keeps_what_it_may_stand_for():
    refused = decide({"nfs": NFS}, actual(options=OTHER_NFS), usage=WORKER, services_in_use=["da{{.Task.Slot}}"])
    assert "in use by service of this Swarm" in str(refused.steps[0].message)
