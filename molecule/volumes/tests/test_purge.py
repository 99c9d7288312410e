# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes of an owner that nobody lists any more."""

from __future__ import annotations

import pytest
from checks import make_box_image
from volume_calls import actions, assert_nothing_is_left_of_probes, names, volumes

testinfra_hosts = ["ansible://docker_hosts"]

TMPFS = {"tmpfs": {"size": "1m"}}


@pytest.fixture(autouse=True)
def clean(host):
    make_box_image(host)
    yield
    host.run("docker ps --all --quiet --filter name=p- | xargs --no-run-if-empty docker rm --force")
    host.run("docker volume ls --quiet --filter name=p- | xargs --no-run-if-empty docker volume rm --force")


def test_an_owner_without_a_name_may_not_purge(host):
    before = names(host)
    assert "volumes, purge: 'default' is everybody" in volumes(host, {"name": "p-one"}, purge=True)["msg"]
    assert names(host) == before


def test_two_owners_on_one_engine_never_touch_each_other(host):
    before = names(host)
    host.check_output("docker volume create p-by-hand")
    assert volumes(host, {"name": "p-ours", **TMPFS}, {"name": "p-empty"}, owner="us")["changed"]
    assert volumes(host, {"name": "p-theirs", **TMPFS}, owner="them", purge=True)["changed"]
    assert names(host) - before == {"p-by-hand", "p-ours", "p-empty", "p-theirs"}
    foreseen = volumes(host, owner="us", purge=True, check=True)
    assert names(host) - before == {"p-by-hand", "p-ours", "p-empty", "p-theirs"}
    result = volumes(host, owner="us", purge=True)
    assert actions(foreseen) == actions(result) == {"p-ours": "remove", "p-empty": "remove"}
    assert names(host) - before == {"p-by-hand", "p-theirs"}
    assert not volumes(host, owner="us", purge=True)["changed"]
    assert_nothing_is_left_of_probes(host)


def test_what_holds_data_or_is_in_use_stays_and_fails_nothing(host):
    declared = [{"name": "p-held"}, {"name": "p-used", **TMPFS}, {"name": "p-old", **TMPFS}, {"name": "p-kept"}]
    assert volumes(host, *declared, owner="us")["changed"]
    host.check_output("docker run --rm --network none --volume p-held:/d box:1 sh -c 'echo precious > /d/f'")
    host.check_output("docker create --name p-user --volume p-used:/d box:1")
    result = volumes(host, {"name": "p-kept"}, owner="us", purge=True)
    assert "msg" not in result
    assert actions(result) == {"p-kept": "keep", "p-held": "keep", "p-used": "keep", "p-old": "remove"}
    messages = {volume["name"]: volume["message"] for volume in result["volumes"]}
    assert "it holds data" in messages["p-held"]
    assert "in use by container p-user (created)" in messages["p-used"]
    assert {"p-kept", "p-held", "p-used"} <= names(host)
    assert host.check_output("docker run --rm --network none --volume p-held:/d box:1 cat /d/f") == "precious"
