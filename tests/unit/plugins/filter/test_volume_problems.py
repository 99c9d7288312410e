# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A declaration that the module would refuse is known on the controller, in the module's words."""

from __future__ import annotations

import json

import pytest

from ansible_collections.berthage.swarm.plugins.filter.volume_problems import volume_problems

NFS = {"server": "10.0.0.5", "path": "/srv/app"}
HUSH = "correcthorse"


def test_a_good_declaration_has_no_problems():
    volumes = [
        {"name": "cache"},
        {"name": "app", "nfs": NFS, "labels": {"team": "web"}},
        {"name": "old", "state": "absent"},
    ]
    assert volume_problems(volumes, on_drift="warn", owner="web", purge=False, verify=True, verify_timeout=15) == []
    assert volume_problems([]) == []


def test_a_part_that_two_volumes_share_is_read_twice():
    assert volume_problems([{"name": "app1", "nfs": NFS}, {"name": "app2", "nfs": NFS}]) == []


def test_texts_of_a_survey_are_read_as_ansible_reads_them():
    cache = {"name": "cache", "discard_data": "true"}
    tmpfs = {"name": "scratch", "tmpfs": {"uid": "1000"}}
    nfs = {"name": "app", "nfs": {**NFS, "read_only": "yes"}}
    assert volume_problems([cache, tmpfs, nfs], purge="false", verify="true", verify_timeout="15") == []


def test_an_argument_error_names_the_volume():
    (problem,) = volume_problems([{"name": "cache"}, {"name": "app", "nfs": {"sever": "x", **NFS}}])
    assert problem.startswith("app: unknown argument volumes.nfs.sever. Supported parameters include: ")


def test_all_that_is_wrong_comes_at_once_and_in_the_modules_words():
    problems = volume_problems([{"name": "a/b"}, {"name": "app", "nfs": {**NFS, "path": "srv"}}], verify_timeout=0)
    assert [problem.partition(":")[0] for problem in problems] == [
        "volumes, verify_timeout",
        "a/b, name",
        "app, nfs.path",
    ]
    assert problems[2] == (
        "app, nfs.path: 'srv' is not absolute; give the exported directory from its root, such as /srv/nfs/app"
    )


def test_what_is_wrong_with_the_call_is_said_as_well():
    assert volume_problems([], on_drift="maybe") == [
        "value of on_drift must be one of: fail, warn, recreate, got: maybe"
    ]
    assert volume_problems([], owner=" ")[0].startswith("volumes, owner: it is empty")


@pytest.mark.parametrize("given", [None, "app", 7, {"name": "app"}, [["app"]], [None]])
def test_what_is_no_list_of_volumes_is_a_problem_and_no_crash(given):
    assert volume_problems(given)


@pytest.mark.parametrize(
    "volume",
    [
        {"cifs": {"server": "f", "share": "s", "password": HUSH, "options": [HUSH]}},
        {"cifs": {"server": HUSH, "share": "s", "password": HUSH, "mistyped": HUSH}},
        {"cephfs": {"monitors": [f"{HUSH} x"], "secret": HUSH}},
        {"driver_opts": {"type": "cifs", "password": HUSH, "x": HUSH}},
        {"driver_opts": {"type": "glusterfs", "device": HUSH, "o": f"password={HUSH}"}},
        {"driver_opts": f"type=cifs password={HUSH} x={HUSH}"},
        {"driver_opts": {"password": HUSH}, "state": HUSH},
        {"cifs": {"server": "f", "share": "s", "password": HUSH}, "state": HUSH},
    ],
)
def test_a_secret_is_in_no_text(volume):
    problems = volume_problems([{"name": "a/b", **volume}])
    assert problems
    assert HUSH not in json.dumps(problems)
