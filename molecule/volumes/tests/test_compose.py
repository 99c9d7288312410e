# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Compose file made of the declaration: its programs accept it, and what they make of it is what is declared."""

from __future__ import annotations

import json

import pytest
from checks import docker_json, node, wait_for
from module_calls import module
from network_calls import networks
from testinfra.modules.ansible import AnsibleException

testinfra_hosts = ["ansible://node2"]

# The price of a label is no variable, and neither is the directory's name.
VOLUMES = [
    {"name": "c-cache", "labels": {"team": "web", "price": "5$"}},
    {"name": "c-app", "nfs": {"server": "10.99.0.1", "path": "/srv/app", "read_only": True}},
    {"name": "c-scratch", "tmpfs": {"size": "10m", "mode": "1770", "uid": 1000}},
    {"name": "c-www", "bind": {"path": "/srv/$www"}},
    {"name": "c-raw", "driver_opts": {"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}},
    {"name": "c-gone", "state": "absent"},
]
MOUNTABLE = ["c-cache", "c-scratch", "c-www", "c-raw"]
OVERLAYS = [
    {"name": "c-front", "labels": {"team": "web"}},
    {"name": "c-enc", "encrypted": True, "attachable": True, "mtu": 1400, "subnets": [{"subnet": "10.81.0.0/24"}]},
    {"name": "c-inner", "internal": True},
    {"name": "c-former", "state": "absent"},
]
# What only `docker compose` can say.
NETWORKS = [
    *OVERLAYS,
    {"name": "c-ranges", "subnets": [{"subnet": "10.83.0.0/24", "gateway": "10.83.0.9", "ip_range": "10.83.0.128/25"}]},
    {
        "name": "c-bridge",
        "driver": "bridge",
        "ipv6": True,
        "mtu": 1300,
        "subnets": [
            {"subnet": "10.82.0.0/24", "gateway": "10.82.0.7", "aux_addresses": {"router": "10.82.0.8"}},
            {"subnet": "fd00:82::/64"},
        ],
    },
]
TEMPLATE = """{{ {
    'services': services,
    'volumes': docker_volumes_list | berthage.swarm.compose_volumes(external=external),
    'networks': docker_networks_list | berthage.swarm.compose_networks(external=external),
} | to_nice_yaml }}"""
FILE = "/root/compose.yml"
TASKS = "docker ps --all --quiet --filter label=com.docker.stack.namespace=c"
LISTED = "docker volume ls --quiet; docker network ls --format '{{ .Name }}'"


@pytest.fixture(scope="module", autouse=True)
def swarm():
    """node2 as a Swarm of its own: overlays need one."""
    host = node("node2")
    host.check_output("mkdir -p '/srv/$www' && docker swarm init --advertise-addr 127.0.0.1")
    yield
    host.check_output("docker swarm leave --force")


@pytest.fixture
def clean(host):
    """The engine without what a test made."""
    yield
    host.run(f"docker compose --file {FILE} down --volumes; docker stack rm c")
    # What goes with a stack goes a moment after it: its tasks, and from the engine's list the networks they were on.
    wait_for(lambda: not host.check_output(TASKS), seconds=60)
    assert volumes(host, *gone(VOLUMES), on_drift="warn")["failed"] is False
    wait_for(lambda: not networks(host, *gone(NETWORKS))["failed"], seconds=30)
    wait_for(lambda: "c-" not in host.check_output(LISTED), seconds=60)
    assert "c-" not in host.check_output(LISTED)


def gone(declared):
    return [
        {"name": item["name"], "state": "absent", "driver": item.get("driver", "overlay")}
        if declared is NETWORKS
        else {"name": item["name"], "state": "absent", "discard_data": item["name"] == "c-cache"}
        for item in declared
    ]


def volumes(host, *declared, **options):
    return module(host, "volumes", volumes=list(declared), verify=False, **options)


def write(host, services, external, declared=VOLUMES, of=NETWORKS):
    variables = {
        "services": services,
        "external": external,
        "docker_volumes_list": declared,
        "docker_networks_list": of,
    }
    arguments = json.dumps({"content": TEMPLATE, "dest": FILE})
    result = host.ansible("ansible.builtin.copy", arguments, check=False, become=False, extra_vars=variables)
    # A template that fails is no failure of the module, which was never called.
    if "dest" not in result:
        raise AnsibleException(result)


def names(declared):
    return [item["name"] for item in declared if item.get("state") != "absent"]


def service(mounted, attached, **more):
    return {
        "image": "box:1",
        "volumes": [f"{name}:/{name}" for name in mounted],
        "networks": list(attached),
        "stop_grace_period": "0s",
        **more,
    }


def assert_kept(result, declared):
    assert not result["failed"], result["msg"]
    assert not result["changed"]
    outcomes = result.get("volumes") or result.get("networks")
    kept = {outcome["name"]: (outcome["action"], outcome["drift"]) for outcome in outcomes}
    assert kept == {item["name"]: ("none" if item.get("state") == "absent" else "keep", []) for item in declared}


def test_both_programs_accept_the_sections_that_name_what_exists(host):
    write(host, {"web": service(names(VOLUMES), names(NETWORKS))}, external="true")
    assert host.run(f"docker compose --file {FILE} config --quiet").stderr == ""
    found = host.check_output(f"docker stack config --compose-file {FILE}")
    assert [name for name in (*names(VOLUMES), *names(NETWORKS)) if f"name: {name}" not in found] == []


def test_what_compose_makes_in_full_is_what_is_declared(host, clean):
    write(host, {"web": service(names(VOLUMES), names(NETWORKS))}, external="false")
    assert host.run(f"docker compose --file {FILE} config --quiet").stderr == ""
    host.check_output(f"docker compose --file {FILE} up --no-start")
    assert_kept(volumes(host, *VOLUMES), VOLUMES)
    assert_kept(networks(host, *NETWORKS), NETWORKS)
    (www,) = docker_json(host, "volume", "inspect", "c-www")
    (cache,) = docker_json(host, "volume", "inspect", "c-cache")
    assert (www["Options"]["device"], cache["Labels"]["price"]) == ("/srv/$www", "5$")


def test_what_a_stack_makes_in_full_is_what_is_declared(host, clean):
    services = {
        "web": service(MOUNTABLE, ["c-front"]),
        # Nothing of it starts: the networks are made, and no kernel has to encrypt.
        "none": service([], names(OVERLAYS), deploy={"replicas": 0}),
    }
    declared = [volume for volume in VOLUMES if volume["name"] in MOUNTABLE]
    write(host, services, external=False, declared=declared, of=OVERLAYS)
    host.check_output(f"docker stack config --compose-file {FILE}")
    host.check_output(f"docker stack deploy --resolve-image never --compose-file {FILE} c")
    running = "docker ps --quiet --filter label=com.docker.swarm.service.name=c_web"
    assert wait_for(lambda: host.check_output(running), seconds=60), host.check_output("docker stack ps --no-trunc c")
    assert_kept(volumes(host, *declared), declared)
    assert_kept(networks(host, *OVERLAYS), OVERLAYS)
    (cache,) = module(host, "volume_info", names=["c-cache"])["volumes"]
    assert {user["kind"]: user["name"].partition(".")[0] for user in cache["consumers"]} == {
        "service": "c_web",
        "container": "c_web",
    }


def test_what_is_external_is_used_and_never_removed_by_compose(host, clean):
    declared, attachable = (
        [{"name": "c-cache"}, {"name": "c-scratch", "tmpfs": {}}],
        [{"name": "c-inner", "attachable": True, "internal": True}],
    )
    assert volumes(host, *declared)["changed"]
    assert networks(host, *attachable)["changed"]
    write(host, {"web": service(names(declared), names(attachable))}, True, declared, attachable)
    host.check_output(f"docker compose --file {FILE} up --detach")
    (container,) = docker_json(host, "inspect", *host.check_output(f"docker compose --file {FILE} ps -q").split())
    assert {mount["Name"] for mount in container["Mounts"]} == {"c-cache", "c-scratch"}
    assert list(container["NetworkSettings"]["Networks"]) == ["c-inner"]
    host.check_output(f"docker compose --file {FILE} down --volumes")
    assert_kept(volumes(host, *declared), declared)
    assert_kept(networks(host, *attachable), attachable)


def test_compose_says_when_a_volume_that_should_exist_does_not(host):
    write(host, {"web": service(["c-nowhere"], [])}, True, [{"name": "c-nowhere"}], [])
    assert 'external volume "c-nowhere" not found' in host.run(f"docker compose --file {FILE} up --detach").stderr
    host.check_output(f"docker compose --file {FILE} down")
    assert "c-nowhere" not in host.check_output("docker volume ls --quiet")


def test_a_secret_never_gets_into_a_compose_file(host):
    secret = {"type": "cifs", "device": "//f/s", "o": "addr=10.0.0.9,username=u,password=hushhush"}
    with pytest.raises(AnsibleException) as refused:
        write(host, {}, False, [{"name": "c-office", "driver_opts": secret}])
    assert "c-office" in refused.value.result["msg"]
    assert "external=true" in refused.value.result["msg"]
    assert "hushhush" not in json.dumps(refused.value.result)
    write(host, {}, True, [{"name": "c-office", "driver_opts": secret}])
    assert "hushhush" not in host.check_output(f"cat {FILE}")
