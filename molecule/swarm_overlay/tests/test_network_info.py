# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What network_info tells of a Swarm, held against traffic, and the page that the playbook map makes of it."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from checks import docker_json, node, run_playbook, wait_for
from network_calls import address, every_node_is_ready, network_info, says
from testinfra.host import Host

testinfra_hosts = ["ansible://managers"]

PORT = 8080


def reached(result: dict[str, Any]) -> dict[str, dict[str, list[str]]]:
    return {
        party["title"]: {other["title"]: other["by"] for other in party["reaches"]} for party in result["reachability"]
    }


def parties(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {party["title"]: party for party in result["reachability"]}


def serve(host: Host, name: str, *options: str) -> None:
    command = f"nc -ll -p {PORT} -e echo {name}"
    host.check_output(f"docker run --detach --init --name {name} {' '.join(options)} box:1 {command}")


def task_of(service: str) -> tuple[Host, str]:
    """The host and the container of a service's only task."""
    for name in ("node1", "node2", "node3"):
        found = node(name).check_output(f"docker ps --quiet --filter name={service}.1.").split()
        if found:
            return node(name), found[0]
    raise AssertionError(f"{service} runs nowhere")


@pytest.fixture(scope="module", autouse=True)
def swarm() -> Iterator[None]:
    """Services and containers, on shared networks and on none."""
    manager, worker = node("node1"), node("node2")
    create = "docker service create --detach --no-resolve-image"
    listen = f"box:1 nc -ll -p {PORT} -e echo"
    manager.check_output(f"{create} --name i-web --network front --publish 18081:{PORT} {listen} i-web")
    manager.check_output(f"{create} --name i-app --network inner --publish 18082:{PORT} {listen} i-app")
    manager.check_output(f"{create} --name i-idle --network back --replicas 0 {listen} i-idle")
    manager.check_output("docker network create --opt com.docker.network.bridge.enable_icc=false i-shy")
    serve(manager, "i-one", "--network i-shy")
    serve(manager, "i-two", "--network i-shy")
    serve(manager, "i-side", "--network container:i-one")
    serve(manager, "i-agent", "--network host")
    serve(worker, "i-far", "--network front", f"--publish 18083:{PORT}")
    serve(worker, "i-stopped", "--network front")
    worker.check_output("docker stop --time 0 i-stopped")
    wait_for(
        lambda: "0/1" not in manager.check_output("docker service ls --format '{{ .Name }} {{ .Replicas }}'"),
        seconds=60,
    )
    yield
    manager.run("docker rm --force i-one i-two i-side i-agent; docker network rm i-shy")
    manager.run("docker service rm i-web i-app i-idle")
    worker.run("docker rm --force i-far i-stopped")


def test_networks_are_told_by_what_they_mean(host):
    result = network_info(host, names=["front", "back", "sealed", "inner", "build", "nobody"])
    told = {network["name"]: network for network in result["networks"]}
    assert (list(told), result["missing"]) == (["back", "build", "front", "inner", "sealed"], ["nobody"])
    assert result["services_known"]
    assert (told["sealed"]["fields"]["encrypted"], told["sealed"]["effective_mtu"]) == (True, 1424)
    assert told["inner"]["fields"]["internal"]
    assert (told["build"]["driver"], told["build"]["scope"]) == ("bridge", "local")
    assert told["front"]["labels"]["tier"] == "web"
    assert {network["owner"] for network in told.values()} == {"default"}
    (inspected,) = docker_json(host, "network", "inspect", "back")
    assert told["back"]["id"] == inspected["Id"]
    assert told["back"]["subnets"] == [{"subnet": "10.60.0.0/24", "gateway": "10.60.0.1"}]


def test_users_of_a_network_are_told_of_wherever_they_are(host):
    (front,) = network_info(host, names=["front"])["networks"]
    users = {(user["kind"], user["name"], user["node"]) for user in front["consumers"]}
    far = node("node2").check_output("docker inspect --format '{{ .Id }}' i-far")
    assert {("service", "i-web", ""), ("attachment", far[:12], "node2")} <= users


def test_who_shares_a_network_is_told_to_reach_each_other_and_does(host):
    result = network_info(host)
    far = node("node2").check_output("docker inspect --format '{{ .Id }}' i-far")
    assert reached(result)["service i-web"][f"container {far[:12]} on node2"] == ["front"]
    there, web = task_of("i-web")
    target = address(node("node2"), "i-far", "front")
    assert wait_for(lambda: says(there, web, target, PORT), seconds=20) == "i-far"


def test_who_shares_none_is_told_not_to_and_does_not_while_a_third_one_does(host):
    result = network_info(host)
    assert "service i-app" not in reached(result)["service i-web"]
    there, web = task_of("i-web")
    app_host, app = task_of("i-app")
    target = address(app_host, app, "inner")
    serve(app_host, "i-control", "--network inner")
    try:
        assert wait_for(lambda: says(app_host, "i-control", target, PORT), seconds=20) == "i-app", "no positive control"
    finally:
        app_host.run("docker rm --force i-control")
    assert says(there, web, target, PORT) == ""


def test_the_mesh_joins_nobody_though_all_that_publish_are_on_it(host):
    result = network_info(host)
    on_mesh = {"name": "ingress", "id": docker_json(host, "network", "inspect", "ingress")[0]["Id"]}
    assert all(on_mesh in parties(result)[title]["networks"] for title in ("service i-web", "service i-app"))
    there, web = task_of("i-web")
    app_host, app = task_of("i-app")
    target = address(app_host, app, "ingress")
    from_the_mesh = f"echo | nsenter --net=/run/docker/netns/ingress_sbox busybox nc -w 3 {target} {PORT}"
    assert there.run(from_the_mesh).stdout.strip() == "i-app", "no positive control"
    assert says(there, web, target, PORT) == ""


def test_who_has_a_way_out_reaches_published_ports(host):
    result = network_info(node("node2"))
    assert parties(network_info(host))["container i-one on node1"]["way_out"]
    assert [
        (port["published"], port["target"], port["mode"])
        for port in parties(result)["container i-far on node2"]["published"]
    ] == [(18083, PORT, "host")]
    assert says(host, "i-one", node("node2").interface("eth0").addresses[0], 18083) == "i-far"


def test_what_a_service_publishes_on_the_mesh_is_told_of_every_node(host):
    # Kernels without IPVS have no mesh to try it with.
    app = parties(network_info(host))["service i-app"]
    assert [(port["published"], port["target"], port["mode"]) for port in app["published"]] == [
        (18082, PORT, "ingress")
    ]
    assert app["way_out"], "its own network is internal, the mesh is not"


def test_a_bridge_without_icc_keeps_its_containers_from_each_other(host):
    said = reached(network_info(host))
    assert "container i-two on node1" not in said["container i-one on node1"]
    two = address(host, "i-two", "i-shy")
    # The host reaches it at that address and port, so that it is there.
    assert host.run(f"echo | busybox nc -w 3 {two} {PORT}").stdout.strip() == "i-two"
    assert says(host, "i-one", two, PORT) == ""


def test_one_in_the_network_of_another_is_localhost_to_it(host):
    result = network_info(host)
    assert reached(result)["container i-side on node1"]["container i-one on node1"] == ["localhost"]
    assert parties(result)["container i-side on node1"]["networks"][0]["name"] == "i-shy"


def test_a_host_and_its_bridges_reach_each_other(host):
    said = reached(network_info(host))
    assert said["container i-agent on node1"]["container i-one on node1"] == ["host"]
    assert said["container i-one on node1"]["container i-agent on node1"] == ["host"]
    assert says(host, "i-one", host.interface("eth0").addresses[0], PORT) == "i-agent"
    assert says(host, "i-agent", address(host, "i-one", "i-shy"), PORT) == "i-one"


def test_what_does_not_run_is_told_of_as_such(host):
    idle = parties(network_info(host))["service i-idle"]
    stopped = parties(network_info(node("node2")))["container i-stopped on node2"]
    assert (idle["running"], idle["state"], [each["name"] for each in idle["networks"]]) == (
        False,
        "0 of 0 tasks run",
        ["back"],
    )
    assert (stopped["running"], stopped["state"]) == (False, "exited")


def test_a_worker_says_that_it_does_not_know_the_services_and_who_does(host):
    result = network_info(node("node3"))
    assert not result["services_known"]
    assert host.interface("eth0").addresses[0] in result["services_unknown_because"]
    assert result["node"]["role"] == "worker"


def map_of(path: Path) -> str:
    """The playbook's output."""
    ran = run_playbook(
        "berthage.swarm.map", "-e", "berthage_nodes_group=docker_hosts", "-e", f"berthage_map_file={path}"
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_the_map_is_written_once_and_for_its_owner_alone(host, tmp_path):
    page = tmp_path / "map.html"
    first = map_of(page)
    content, written = page.read_text(), page.stat()
    again = map_of(page)

    assert "changed=1" in first
    assert "changed=1" not in again
    assert (page.read_text(), page.stat().st_mtime_ns) == (content, written.st_mtime_ns)
    assert stat.S_IMODE(written.st_mode) == 0o600
    assert "service i-web → container i-far on node2: by front" in content
    assert "service i-web → service i-app: only published 18082/tcp" in content
    assert "container i-two on node1 → container i-far on node2: only published 18083/tcp" in content
    assert "container i-far on node2 → service i-idle: cannot" in content
    assert "WHO REACHES WHOM" in first


def without_a_majority(look: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Of two managers one is stopped meanwhile."""
    manager, other = node("node1"), node("node2")
    manager.check_output("docker node promote node2")
    wait_for(lambda: other.check_output("docker info --format '{{ .Swarm.ControlAvailable }}'") == "true", seconds=30)
    other.check_output("systemctl stop docker.socket docker.service")
    try:
        # The leader sees it after a few seconds, and answers until then.
        assert wait_for(lambda: manager.run("docker node ls").rc != 0, seconds=60)
        return look()
    finally:
        other.check_output("systemctl start docker.socket docker.service")
        assert wait_for(lambda: manager.run("docker node demote node2").rc == 0, seconds=60)
        # Whoever leads anew takes all nodes for unknown until each has called.
        assert every_node_is_ready(manager)


def test_a_manager_without_a_majority_tells_what_it_knows_and_why_not_more(host):
    result = without_a_majority(lambda: network_info(host))
    assert not result["services_known"]
    assert "more than half of its managers" in result["services_unknown_because"]
    assert "container i-one on node1" in parties(result)
    assert "build" in [network["name"] for network in result["networks"]]
