# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bridge that is changed under running containers, on engines of both ages."""

from __future__ import annotations

import pytest
from network_changes import CLEAR, STATE, as_asked_for, call, recreate, says, shell, started, take, warnings_of

testinfra_hosts = ["ansible://node1", "ansible://node3"]

PORT = 8080
BRIDGE = {"name": "app", "driver": "bridge", "subnets": [{"subnet": "10.72.0.0/24"}]}
OTHER = {"name": "other", "driver": "bridge", "subnets": [{"subnet": "10.73.0.0/24"}]}

# Two bridges, and containers on the first: a server with what can be fixed, a client, one that is stopped and one that
# never ran.
USED = (
    CLEAR,
    call(BRIDGE, OTHER),
    shell(
        "; ".join(
            [
                started(
                    "server",
                    "app",
                    "--ip 10.72.0.50 --network-alias db --network-alias store",
                    "--publish 8099:8080",
                    command=f"nc -ll -p {PORT} -e echo served",
                ),
                "docker network connect --ip 10.73.0.60 --alias aside other server",
                started("client", "app", "--link server:linked"),
                started("stopped", "app", "--network-alias rest"),
                "docker kill stopped",
                "docker create --name fresh --network app --ip 10.72.0.70 box:1",
            ]
        )
    ),
    says("client", "db", PORT),
)
EVERYBODY = {"server", "client", "stopped", "fresh"}


@pytest.fixture(scope="module", autouse=True)
def nothing_left(host):
    yield
    take(host, CLEAR)


@pytest.mark.parametrize(
    "change",
    [
        {"subnets": [{"subnet": "10.72.0.0/16", "gateway": "10.72.9.1"}]},
        {"mtu": 1400},
        {"driver_opts": {"com.docker.network.bridge.enable_ip_masquerade": "false"}},
    ],
    ids=["subnet", "mtu", "option"],
)
def test_a_bridge_is_changed_under_running_containers(host, change):
    changed = recreate({**BRIDGE, **change}, OTHER)
    names = ("db", "store", "server", "linked", "10.72.0.50")

    *_, served, before, result, after, again, last, published = take(
        host,
        *USED,
        STATE,
        changed,
        STATE,
        changed,
        STATE,
        shell("timeout 5 sh -c 'echo | busybox nc 127.0.0.1 8099'"),
    )
    *reached, _, from_stopped, looked_up = take(
        host,
        *(says("client", name, PORT) for name in names),
        shell("docker start stopped fresh"),
        says("stopped", "db", PORT),
        shell("docker exec client nslookup rest 2>&1"),
    )

    assert served == "served"
    assert "msg" not in result, result["msg"]
    app, other = result["networks"]
    assert (app["action"], other["action"]) == ("recreate", "keep")
    assert {(each["kind"], each["name"], each["restarts"]) for each in app["reattached"]} == {
        ("container", name, 0) for name in EVERYBODY
    }
    assert after["networks"]["app"]["id"] == app["id"] != before["networks"]["app"]["id"]
    assert_as_before(before, after, but="app")
    server = after["containers"]["server"]["endpoints"]
    assert server["other"] == before["containers"]["server"]["endpoints"]["other"]
    assert server["app"]["address"] == "10.72.0.50"
    assert dict(zip(names, reached)) == dict.fromkeys(names, "served")
    assert (published, from_stopped) == ("served", "served")
    assert "10.72." in looked_up.split("rest", 1)[1]
    assert (again["changed"], last) == (False, after)


def assert_as_before(before, after, but):
    """Containers run on, and are attached as they were; networks are the very same, except one."""
    for name, container in before["containers"].items():
        now = after["containers"][name]
        assert {**now, "endpoints": ()} == {**container, "endpoints": ()}
        assert {each: as_asked_for(now["endpoints"][each]) for each in now["endpoints"]} == {
            each: as_asked_for(container["endpoints"][each]) for each in container["endpoints"]
        }
    assert {**after["networks"], but: None} == {**before["networks"], but: None}
    assert after["journals"] == []


def test_without_reattach_it_is_refused_with_the_list_and_nothing_changes(host):
    *_, before, failure, after = take(
        host,
        *USED,
        STATE,
        call({**BRIDGE, "mtu": 1400}, {"name": "new", "driver": "bridge"}, on_drift="recreate"),
        STATE,
    )

    assert "app, on_drift: it is in use by " in failure["msg"]
    for name in EVERYBODY:
        assert f"container {name} on " in failure["msg"]
    assert "reattach: true" in failure["msg"]
    assert (failure["changed"], after) == (False, before)


def test_a_fixed_address_that_would_be_lost_is_refused(host):
    *_, before, failure, after = take(
        host, *USED, STATE, recreate({**BRIDGE, "subnets": [{"subnet": "10.74.0.0/24"}]}), STATE
    )

    assert "container server has the fixed address 10.72.0.50, which no declared subnet holds" in failure["msg"]
    assert "container fresh has the fixed address 10.72.0.70" in failure["msg"]
    assert (failure["changed"], after) == (False, before)


def test_a_fixed_mac_address_is_given_back_or_refused_where_the_engine_would_ignore_it(host):
    address = "02:11:22:33:44:55"
    _, _, _, before, result, after, version = take(
        host,
        CLEAR,
        call(BRIDGE),
        shell(started("fixed", "app", f"--mac-address {address}")),
        STATE,
        recreate({**BRIDGE, "mtu": 1400}),
        STATE,
        shell("docker version --format '{{ .Server.Version }}'"),
    )

    if int(version.split(".")[0]) < 25:
        assert result["networks"][0]["action"] == "recreate"
        assert after["networks"]["app"]["id"] != before["networks"]["app"]["id"]
    else:
        assert f"container fixed has the fixed MAC address {address}" in result["msg"]
        assert after == before
    assert after["containers"]["fixed"]["endpoints"]["app"]["mac"] == address


def test_the_former_network_is_restored_when_the_engine_refuses_the_new_one(host):
    name = "com.docker.network.bridge.name"
    *_, before, failure, after, served = take(
        host,
        *USED,
        call({"name": "holder", "driver": "bridge", "driver_opts": {name: "br-taken"}}),
        STATE,
        recreate({**BRIDGE, "driver_opts": {name: "br-taken"}}),
        STATE,
        says("client", "linked", PORT),
    )

    assert not failure["changed"]
    assert "the former network was restored, with " in failure["msg"]
    assert all(name in failure["msg"] for name in EVERYBODY)
    assert {**after["networks"]["app"], "id": ""} == {**before["networks"]["app"], "id": ""}
    assert_as_before(before, after, but="app")
    assert served == "served"


def test_other_labels_alone_recreate_nothing_in_use_and_what_is_not(host):
    idle = {"name": "idle", "driver": "bridge", "subnets": [{"subnet": "10.75.0.0/24"}]}
    labels = {"labels": {"team": "web"}}

    *_, before, result, after = take(
        host, *USED, call(idle), STATE, recreate({**BRIDGE, **labels}, {**idle, **labels}), STATE
    )

    assert [each["action"] for each in result["networks"]] == ["keep", "recreate"]
    assert "app: the labels differ from the declaration (labels.team: declared 'web'" in warnings_of(result)
    assert "it is not recreated for them: it is in use by" in warnings_of(result)
    assert "idle: " not in warnings_of(result)
    assert {**after, "networks": {**after["networks"], "idle": None}} == {
        **before,
        "networks": {**before["networks"], "idle": None},
    }
    assert after["networks"]["idle"]["labels"]["team"] == "web"


def test_purge_takes_what_is_this_owners_and_neither_listed_nor_used(host):
    *_, result, after, refused, absent, as_default = take(
        host,
        *USED,
        call({"name": "idle", "driver": "bridge"}),
        call({"name": "theirs", "driver": "bridge"}, owner="others"),
        call(OTHER, purge=True),
        STATE,
        recreate({"name": "theirs", "driver": "bridge", "mtu": 1400}),
        call({"name": "theirs", "driver": "bridge", "state": "absent"}),
        call(OTHER, purge=True, owner="default"),
    )

    assert {each["name"]: each["action"] for each in result["networks"]} == {
        "other": "keep",
        "app": "keep",
        "idle": "remove",
    }
    assert "app: it is not listed, and was not purged: it is in use by" in warnings_of(result)
    assert {"app", "other", "theirs"} <= after["networks"].keys()
    assert "idle" not in after["networks"]
    assert "theirs, on_drift: it is owned by 'others'" in refused["msg"]
    assert "theirs, state: it is owned by 'others'" in absent["msg"]
    assert "is everybody who names no owner" in as_default["msg"]
