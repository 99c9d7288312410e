# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What volume_info tells of the volumes of a real engine, and what it keeps to itself."""

from __future__ import annotations

import subprocess

import pytest
from checks import docker_json, inventory
from module_calls import module

testinfra_hosts = ["ansible://docker_hosts"]

HUSH = "correcthorsebattery"
# `ansible` takes a module's arguments without a single one for a command line.
ENGINE = {"docker_host": "unix:///var/run/docker.sock"}


def info(host, **arguments):
    result = module(host, "volume_info", **{**ENGINE, **arguments})
    assert not result["failed"], result["msg"]
    assert not result["changed"]
    return result


def by_name(result):
    return {volume["name"]: volume for volume in result["volumes"]}


@pytest.fixture(scope="module")
def volumes(host):
    """Volumes of two owners, and two made by hand."""
    ours = [
        {"name": "i-cache", "labels": {"team": "info"}},
        {"name": "i-app", "nfs": {"server": "10.99.0.1", "path": "/srv/app"}, "labels": {"team": "info"}},
    ]
    theirs = [{"name": "i-scratch", "tmpfs": {"size": "1m"}, "labels": {"team": "db"}}]
    assert module(host, "volumes", volumes=ours, owner="us", verify=False)["changed"]
    assert module(host, "volumes", volumes=theirs, owner="them", verify=False)["changed"]
    host.check_output("docker volume create --label team=info i-by-hand")
    options = f"addr=10.99.0.9,username=u,vers=3.0,password={HUSH}"
    host.check_output(f"docker volume create --opt type=cifs --opt device=//f/s --opt o={options} i-office")
    yield
    host.check_output("docker ps --all --quiet --filter volume=i-cache | xargs -r docker rm --force")
    host.check_output("docker volume rm i-cache i-app i-scratch i-by-hand i-office")


def test_all_volumes_are_told_of_by_what_they_mean(host, volumes):
    result = info(host)
    assert sorted(by_name(result)) == sorted(host.check_output("docker volume ls --quiet").split())
    assert (result["missing"], result["services_known"]) == ([], True)
    told = by_name(result)
    app, scratch, by_hand = told["i-app"], told["i-scratch"], told["i-by-hand"]
    assert (app["backend"], app["data"], app["owner"]) == ("nfs", "points", "us")
    assert (app["fields"]["server"], app["fields"]["path"]) == ("10.99.0.1", "/srv/app")
    assert (scratch["backend"], scratch["data"], scratch["fields"]["size"]) == ("tmpfs", "ephemeral", 1024 * 1024)
    assert (by_hand["backend"], by_hand["data"], by_hand["owner"]) == ("local", "holds", None)
    (inspected,) = docker_json(host, "volume", "inspect", "i-by-hand")
    assert (by_hand["mount_point"], by_hand["created_at"]) == (inspected["Mountpoint"], inspected["CreatedAt"])
    assert by_hand["size"] is None


def test_only_what_is_asked_for_is_told(host, volumes):
    assert sorted(by_name(info(host, owner="us"))) == ["i-app", "i-cache"]
    assert sorted(by_name(info(host, labels={"team": "info"}))) == ["i-app", "i-by-hand", "i-cache"]
    result = info(host, names=["i-app", "i-nobody", "i-scratch"], owner="us")
    assert (sorted(by_name(result)), result["missing"]) == (["i-app"], ["i-nobody"])
    assert info(host, names=[])["volumes"] == []


def test_the_users_of_a_volume_are_told_whatever_their_state(host, volumes):
    host.check_output("docker create --name i-user --volume i-cache:/d box:1 true")
    told = by_name(info(host, names=["i-cache", "i-app"]))
    ((user,), name) = told["i-cache"]["consumers"], host.check_output("docker info --format '{{ .Name }}'")
    assert (user["kind"], user["name"], user["node"], user["state"]) == ("container", "i-user", name, "created")
    assert told["i-app"]["consumers"] == []


def test_the_size_is_told_of_what_the_engine_measures_and_only_when_asked(host, volumes):
    host.check_output("docker run --rm --network none --volume i-cache:/d box:1 sh -c 'head -c 70000 /dev/zero > /d/f'")
    told = by_name(info(host, names=["i-cache", "i-by-hand", "i-app"], size="true"))
    assert {name: volume["size"] for name, volume in told.items()} == {"i-cache": 70000, "i-by-hand": 0, "i-app": None}
    assert by_name(info(host, names=["i-cache"]))["i-cache"]["size"] is None


def test_check_mode_tells_the_same(host, volumes):
    assert module(host, "volume_info", check=True, **ENGINE)["volumes"] == info(host)["volumes"]


def test_a_password_is_nowhere_however_much_ansible_says(host, volumes):
    seen = subprocess.run(
        ["ansible", "-vvvvv", "-i", str(inventory()), host.backend.host, "-m", "berthage.swarm.volume_info"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "i-office" in seen.stdout
    assert "username" in seen.stdout
    assert HUSH not in seen.stdout + seen.stderr


def test_no_engine_is_said_in_plain_words(host):
    result = module(host, "volume_info", docker_host="unix:///run/no-engine.sock")
    assert result["msg"].startswith("no Docker engine at unix:///run/no-engine.sock: the socket does not exist")
