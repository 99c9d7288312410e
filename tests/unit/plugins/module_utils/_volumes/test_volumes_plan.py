# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is decided about volumes, given what is declared and what is there."""

from __future__ import annotations

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._volumes.observe import Consumer, Directory, Mount, Usage
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.plan import plan
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.removal import to_be_proven_empty, to_be_removed
from ansible_collections.berthage.swarm.tests.unit.plugins.module_utils._volumes.volume_samples import (
    actual,
    declaration,
    seen,
)

NFS = {"server": "10.0.0.5", "path": "/srv/nfs/app"}
NFS_OPTIONS = {"type": "nfs", "device": ":/srv/nfs/app", "o": "nfsvers=4.2,addr=10.0.0.5"}
GLUSTERFS = {"volume": "gv0", "path": "media"}
MOUNTED = Mount("/mnt/glusterfs/gv0", "fuse.glusterfs", "g1:/gv0")
KNOWN = Usage(services_known=True)


def decide(volume, *actuals, observation=None, **options):
    return plan(declaration({"name": "data", **volume}, **options), observation or seen(*actuals))


def step(volume, *actuals, **more):
    return decide(volume, *actuals, **more).steps[0]


def test_a_volume_that_is_missing_is_created():
    made = step({"nfs": NFS})
    assert (made.action, made.before) == ("create", None)
    assert made.after["driver_opts"]["o"] == "addr=10.0.0.5,nfsvers=4.2"


@pytest.mark.parametrize(
    ("declared", "backend"),
    [
        ({}, "local"),
        ({"glusterfs": GLUSTERFS}, "glusterfs"),
        ({"driver_opts": NFS_OPTIONS}, "nfs"),
        ({"driver": "x/y"}, "plugin"),
    ],
)
def test_the_backend_is_told_by_its_key_or_by_what_raw_options_mean(declared, backend):
    assert step(declared).details["backend"] == backend


def test_a_new_volume_carries_its_owner_and_the_names_of_its_fields():
    labels = step({"nfs": NFS, "labels": {"team": "web"}}, owner="me").after["labels"]
    assert labels == {
        "berthage.swarm.owner": "me",
        "berthage.swarm.declared": "labels.team,nfs.path,nfs.read_only,nfs.server",
        "team": "web",
    }


def test_a_volume_made_by_hand_that_means_the_same_is_kept_without_a_word():
    decided = decide({"nfs": NFS}, actual(options=NFS_OPTIONS))
    assert (decided.steps[0].action, decided.warnings) == ("keep", ())


def test_drift_is_refused_and_names_each_field():
    found = step({"nfs": NFS}, actual(options={**NFS_OPTIONS, "o": "addr=10.0.0.6,soft"}))
    assert found.action == "refused"
    assert [d.field for d in found.drift] == ["recovery", "server", "version"]
    assert "server: declared '10.0.0.5', actual '10.0.0.6'" in found.message
    assert "whose options name no version" in found.message


def test_an_option_that_the_declaration_no_longer_has_is_drift():
    assert step({"nfs": NFS}, actual(options={**NFS_OPTIONS, "o": f"{NFS_OPTIONS['o']},noac"})).action == "refused"


def test_drift_may_be_left_with_a_warning():
    decided = decide({"nfs": NFS}, actual(), on_drift="warn")
    assert decided.steps[0].action == "keep"
    assert "kept although it differs" in decided.warnings[0]


def test_labels_that_differ_are_a_warning_and_no_more():
    decided = decide({"labels": {"team": "web"}}, actual(labels={"team": "db", "other": "x"}))
    assert decided.steps[0].action == "keep"
    assert "team: declared 'web', actual 'db'" in decided.warnings[0]
    assert "other" not in decided.warnings[0]


def test_a_label_that_was_declared_once_and_is_no_longer_is_seen():
    labels = {"team": "web", "berthage.swarm.declared": "labels.team", "berthage.swarm.owner": "default"}
    assert "team: declared nothing, actual 'web'" in decide({}, actual(labels=labels)).warnings[0]


def test_a_label_that_is_a_secret_by_its_name_is_not_shown_in_the_warning():
    warning = decide({"labels": {"api_token": "new"}}, actual(labels={"api_token": "old"})).warnings[0]
    assert "api_token" in warning
    assert "new" not in warning
    assert "old" not in warning


def test_labels_of_others_are_no_drift():
    assert decide({}, actual(labels={"com.docker.compose.project": "x"})).warnings == ()


@pytest.mark.parametrize(
    ("mounts", "why"),
    [
        ((), "nothing is mounted on /mnt/glusterfs/gv0"),
        ((Mount("/mnt/glusterfs/gv1", "fuse.glusterfs", "g1:/gv0"),), "nothing is mounted"),
        ((Mount("/mnt/glusterfs/gv0", "ext4", "/dev/vda1"),), "is a mount of type ext4"),
        ((Mount("/mnt/glusterfs/gv0", "fuse.glusterfs", "g1:/gv1"),), "volume 'gv1', not of 'gv0'"),
        ((MOUNTED, Mount("/mnt/glusterfs/gv0", "tmpfs", "tmpfs")), "is a mount of type tmpfs"),
    ],
)
@pytest.mark.parametrize("exists", [True, False])
def test_a_glusterfs_volume_without_its_mount_is_refused(mounts, why, exists):
    options = {"type": "none", "o": "bind", "device": "/mnt/glusterfs/gv0/media"}
    there = [actual(options=options)] if exists else []
    found = step({"glusterfs": GLUSTERFS}, observation=seen(*there, mounts=mounts))
    assert found.action == "refused"
    assert why in found.message


@pytest.mark.parametrize("source", ["g1:/gv0", "g1:gv0", "g1,g2:/gv0", "[fd00::1]:/gv0"])
def test_a_glusterfs_volume_on_its_mount_is_created(source):
    mounts = (Mount("/mnt/glusterfs/gv0", "autofs", "systemd-1"), Mount("/mnt/glusterfs/gv0", "fuse.glusterfs", source))
    observation = seen(mounts=mounts, directories={"/mnt/glusterfs/gv0/media": Directory(True)})
    assert step({"glusterfs": GLUSTERFS}, observation=observation).action == "create"


def test_mounts_of_a_host_that_cannot_be_seen_are_not_judged():
    assert step({"glusterfs": GLUSTERFS}, observation=seen(on_engine_host=False)).action == "create"


def test_a_directory_on_a_host_that_cannot_be_seen_is_not_made():
    volume = {"bind": {"path": "/srv/www"}, "create_path": {}}
    assert "on another host" in step(volume, observation=seen(on_engine_host=False)).message


def test_a_missing_directory_of_a_glusterfs_volume_is_refused():
    observation = seen(mounts=(MOUNTED,), directories={"/mnt/glusterfs/gv0/media": Directory(False)})
    assert "does not exist" in step({"glusterfs": GLUSTERFS}, observation=observation).message


def test_a_missing_directory_is_made_for_a_volume_that_exists():
    observation = seen(
        actual(options={"type": "none", "o": "bind", "device": "/srv/www"}), directories={"/srv/www": Directory(False)}
    )
    found = step({"bind": {"path": "/srv/www"}, "create_path": {}}, observation=observation)
    assert (found.action, found.before["directory"], found.after["directory"]) == ("update", None, "/srv/www")


def test_a_directory_that_cannot_be_made_is_refused():
    observation = seen(directories={"/srv/www": Directory(False, "this host knows no user 'www'")})
    volume = {"bind": {"path": "/srv/www"}, "create_path": {"owner": "www"}}
    assert "knows no user 'www'" in step(volume, observation=observation).message


def test_absent_and_not_there_is_nothing_to_do():
    assert step({"state": "absent"}).action == "none"


def test_a_volume_that_only_points_at_its_data_is_removed():
    found = step({"state": "absent"}, observation=seen(actual(options=NFS_OPTIONS), usage=KNOWN))
    assert (found.action, found.details["backend"]) == ("remove", "nfs")


@pytest.mark.parametrize(
    ("empty", "action"), [({"data": True}, "remove"), ({"data": False}, "refused"), ({}, "refused")]
)
def test_a_volume_that_holds_its_data_is_removed_only_when_it_is_proven_empty(empty, action):
    assert step({"state": "absent"}, observation=seen(actual(), usage=KNOWN, empty=empty)).action == action


def test_a_volume_with_data_is_removed_when_its_data_may_be_discarded():
    assert step({"state": "absent", "discard_data": True}, observation=seen(actual(), usage=KNOWN)).action == "remove"


def test_discarding_what_only_points_at_data_is_refused():
    observation = seen(actual(options=NFS_OPTIONS), usage=KNOWN)
    assert "no data here" in step({"state": "absent", "discard_data": True}, observation=observation).message


def test_a_volume_in_use_is_not_removed_and_its_users_are_listed():
    users = (Consumer("container", "web", "c1", "h1", "exited"), Consumer("service", "api", "s1"))
    observation = seen(actual(options=NFS_OPTIONS), usage=Usage({"data": users}, services_known=True))
    found = step({"state": "absent"}, observation=observation)
    assert "in use by container web (exited), service api" in found.message
    assert [user["name"] for user in found.details["consumers"]] == ["web", "api"]


@pytest.mark.parametrize(
    ("told", "action"), [(None, "refused"), ([], "remove"), (["data"], "refused"), (["other"], "remove")]
)
def test_on_a_worker_removal_needs_to_be_told_of_services(told, action):
    observation = seen(actual(options=NFS_OPTIONS), usage=Usage(services_known=False))
    options = {} if told is None else {"services_in_use": told}
    assert step({"state": "absent"}, observation=observation, **options).action == action


def test_a_volume_of_another_owner_is_not_removed():
    observation = seen(actual(options=NFS_OPTIONS, labels={"berthage.swarm.owner": "them"}), usage=KNOWN)
    assert "owned by 'them', not by 'default'" in step({"state": "absent"}, observation=observation).message
    assert step({"state": "absent"}, observation=observation, owner="them").action == "remove"


def test_users_and_emptiness_are_asked_only_of_what_may_go():
    declared = declaration(
        {"name": "kept"},
        {"name": "gone", "state": "absent"},
        {"name": "holder", "state": "absent"},
        {"name": "discarded", "state": "absent", "discard_data": True},
        {"name": "pointer", "state": "absent"},
    )
    names = {name: actual(name) for name in ("kept", "holder", "discarded")}
    names["pointer"] = actual("pointer", options=NFS_OPTIONS)
    assert to_be_removed(declared, names) == ("holder", "discarded", "pointer")
    assert to_be_proven_empty(declared, names) == ("holder",)


def test_secrets_are_not_in_what_the_plan_shows():
    options = {"password": "hush", "sshcmd": "u@h:/"}
    made = step({"driver": "vieux/sshfs", "driver_opts": options})
    drifted = step(
        {"driver": "vieux/sshfs", "driver_opts": options},
        actual(driver="vieux/sshfs:latest", options={"password": "mum"}),
    )
    assert "hush" not in repr(made)
    assert "hush" not in repr(drifted) and "mum" not in repr(drifted)
