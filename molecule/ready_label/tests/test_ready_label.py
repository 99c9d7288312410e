# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service that is constrained to the label runs where its volumes are, and nowhere else.

Each test leaves the nodes as the next one needs them.
"""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from pathlib import Path
from typing import Iterator

import pytest
from checks import docker_json, node, run_playbook, wait_for

testinfra_hosts = ["ansible://node1"]

HERE = Path(__file__).resolve().parents[1]
LABEL = "volumes.ready"
READY = {"node1", "node2", "node3"}
PORTS = "--protocol tcp --match multiport --dports 24007,49152:60999 --destination node1"
PASSWORD = "hush-hush-42"  # noqa: S105 - one that must not be seen anywhere


def playbook(name: str | Path, *arguments: str, **variables: object) -> subprocess.CompletedProcess[str]:
    """Run a playbook as a user does, with what the scenario declares."""
    groups = {"nodes": "volume_hosts", "managers": "managers", "glusterfs": "gluster_servers"}
    given = {f"berthage_{what}_group": group for what, group in groups.items()}
    variables = {**given, **variables}
    declared = ["-e", f"@{HERE / 'group_vars' / 'volume_hosts.yml'}", "-e", json.dumps(variables)]
    return run_playbook(name, *declared, *arguments)


def volumes_on(host: str, *arguments: str, **variables: object) -> subprocess.CompletedProcess[str]:
    return playbook("berthage.swarm.volumes", "--limit", host, *arguments, **variables)


def in_one_line(outcome: subprocess.CompletedProcess[str]) -> str:
    return " ".join(outcome.stdout.split())


def labelled() -> set[str]:
    nodes = docker_json(node("node1"), "node", "inspect", *node("node1").check_output("docker node ls -q").split())
    return {n["Description"]["Hostname"] for n in nodes if n["Spec"]["Labels"].get(LABEL) == "true"}


def runs_on(service: str) -> Counter[str]:
    listed = node("node1").check_output(
        f"docker service ps {service} --filter desired-state=running --format '{{{{ .Node }}}} {{{{ .CurrentState }}}}'"
    )
    return Counter(line.split()[0] for line in listed.splitlines() if line.split()[1] == "Running")


def serve(name: str, *options: str, command: str = "sleep 86400") -> str:
    mount = "--mount type=volume,source=shared,destination=/d --network host --detach"
    soon = "--restart-delay 1s --stop-grace-period 1s"
    node("node1").check_output(
        f"docker service create --name {name} {mount} {soon} {' '.join(options)} box:1 {command}"
    )
    return name


@pytest.fixture(scope="module")
def fourth_node() -> Iterator[None]:
    """It is in no Swarm to begin with, and joins without any volumes."""
    refused = playbook("berthage.swarm.volumes", berthage_nodes_group="node4")
    assert refused.returncode != 0
    assert (
        "docker_volumes_ready_label: this host's engine is in no Swarm (its state there is `inactive`)"
        in in_one_line(refused)
    )
    assert node("node4").check_output("docker volume ls -q") == ""
    joined = playbook(HERE / "join.yml")
    assert joined.returncode == 0, joined.stdout
    yield


@pytest.fixture
def constrained() -> Iterator[str]:
    """A service of more tasks than there are nodes, which may only run where the label is."""
    yield serve("web", "--replicas 8", f"--constraint node.labels.{LABEL}==true")
    node("node1").run("docker service rm web")
    for host in sorted(READY):
        wait_for(lambda host=host: node(host).check_output("docker ps -q") == "", seconds=20)


@pytest.fixture
def broken_backend() -> Iterator[None]:
    """node3 reaches the GlusterFS server no more, and its mount is gone."""
    host = node("node3")
    host.check_output(f"iptables -I OUTPUT {PORTS} -j REJECT --reject-with tcp-reset")
    # While an attempt of its own is under way, the mount is there for a moment, and the role sees nothing to start.
    host.check_output("systemctl stop berthage-remount@mnt-glusterfs-gv0.service")
    host.check_output("systemctl kill --signal KILL mnt-glusterfs-gv0.mount; umount --lazy /mnt/glusterfs/gv0")
    yield
    host.run(f"iptables -D OUTPUT {PORTS} -j REJECT --reject-with tcp-reset")


def test_the_nodes_whose_volumes_were_verified_have_the_label_since_the_first_run(host):
    assert labelled() == READY
    now = host.check_output(
        "docker volume inspect --format '{{ .Name }} {{ .CreatedAt }}' shared scratch; "
        "docker node inspect --format '{{ .ID }} {{ .Spec.Labels }}' node1 node2 node3"
    )
    assert now == host.check_output("cat /root/first_made")


def test_without_the_constraint_a_task_gets_an_empty_local_volume_on_the_node_that_lacks_it(fourth_node, host):
    service = serve("trap", "--mode global", command="sh -c 'hostname >/d/$(hostname); sleep 86400'")
    try:
        assert wait_for(lambda: set(runs_on(service)) == {*READY, "node4"}, seconds=60), runs_on(service)
        assert wait_for(lambda: len(host.check_output("ls /data/gv0/shared").split()) == 3, seconds=10)
        assert host.check_output("ls /data/gv0/shared").split() == sorted(READY)
        (local,) = docker_json(node("node4"), "volume", "inspect", "shared")
        assert not local["Options"]
        assert node("node4").check_output(f"ls {local['Mountpoint']}") == "node4"
    finally:
        host.check_output("docker service rm trap")
        wait_for(lambda: node("node4").run("docker volume rm shared").rc == 0, seconds=20)


def test_with_the_constraint_no_task_runs_on_the_node_that_lacks_it(fourth_node, constrained):
    assert wait_for(lambda: sum(runs_on(constrained).values()) == 8, seconds=60), runs_on(constrained)
    assert set(runs_on(constrained)) == READY
    assert node("node4").check_output("docker ps --all -q") == ""
    assert node("node4").check_output("docker volume ls -q") == ""


def test_a_declaration_that_differs_stops_no_service(constrained):
    assert wait_for(lambda: sum(runs_on(constrained).values()) == 8, seconds=60), runs_on(constrained)
    shared = {"name": "shared", "glusterfs": {"volume": "gv0", "path": "shared"}}

    refused = volumes_on("node2", docker_volumes_list=[shared, {"name": "scratch", "tmpfs": {"size": "20m"}}])

    assert refused.returncode != 0
    assert "scratch, size: the volume exists and differs" in in_one_line(refused)
    assert "keeps it" in in_one_line(refused)
    assert labelled() == READY
    # One that is missing beside it is another matter: a service that needs it would get an empty one.
    lacks = [shared, {"name": "scratch", "tmpfs": {"size": "20m"}}, {"name": "later", "tmpfs": {}}]
    assert volumes_on("node2", docker_volumes_list=lacks).returncode != 0
    assert labelled() == READY - {"node2"}
    assert volumes_on("node2").returncode == 0
    assert labelled() == READY


def test_a_node_whose_backend_breaks_loses_the_label_and_its_tasks_until_it_is_mended(
    fourth_node, constrained, broken_backend
):
    assert wait_for(lambda: sum(runs_on(constrained).values()) == 8, seconds=60), runs_on(constrained)

    # Of the play, the worker alone: the manager that takes the label away is outside of it.
    failed = volumes_on("node3")

    assert failed.returncode != 0
    assert "the volume cannot be mounted from node1" in in_one_line(failed)
    assert f"docker_volumes_ready_label: this node lost the label {LABEL}" in in_one_line(failed)
    assert labelled() == READY - {"node3"}
    assert wait_for(lambda: runs_on(constrained).total() == 8 and "node3" not in runs_on(constrained), seconds=60)
    assert "node4" not in runs_on(constrained)
    assert wait_for(lambda: node("node3").check_output("docker ps -q") == "", seconds=30)

    node("node3").check_output(f"iptables -D OUTPUT {PORTS} -j REJECT --reject-with tcp-reset")
    mended = volumes_on("node3")

    assert mended.returncode == 0, mended.stdout
    assert "shared glusterfs keep, verified" in in_one_line(mended)
    assert labelled() == READY


def test_passwords_of_volumes_that_cannot_be_mounted_are_in_no_output_at_any_verbosity(tmp_path):
    # sshd takes the connection, so that the engine is asked to mount them.
    options = {"username": "u", "password": PASSWORD}
    raw = {"type": "cifs", "device": "//127.0.0.1/s", "o": f"addr=127.0.0.1,port=22,username=u,password={PASSWORD}"}
    declared = [
        {"name": "office", "cifs": {"server": "127.0.0.1", "share": "s", "options": ["port=22"], **options}},
        {"name": "raw", "driver_opts": raw},
    ]
    # From a file: of -e on its command line ansible-playbook itself shows all with -vvv.
    secrets = tmp_path / "secrets.json"
    secrets.write_text(json.dumps({"docker_volumes_list": declared}))

    failed = volumes_on("node2", "-vvvv", "--diff", "-e", f"@{secrets}")

    assert failed.returncode != 0
    assert "office, cifs: it cannot be mounted" in failed.stdout
    assert "raw, cifs: it cannot be mounted" in failed.stdout
    assert PASSWORD not in failed.stdout
    assert labelled() == READY - {"node2"}


def test_a_node_whose_engine_does_not_answer_loses_the_label():
    host = node("node3")
    host.check_output("systemctl stop docker.socket docker")
    try:
        broken = volumes_on("node3")
    finally:
        host.check_output("systemctl start docker")
    assert broken.returncode != 0
    assert "this node lost the label" in in_one_line(broken)
    assert "node3" not in labelled()
    assert volumes_on("node3").returncode == 0
    assert "node3" in labelled()


def test_check_mode_says_that_the_label_would_come_back_and_then_it_does():
    foreseen = volumes_on("node2", "--check")
    assert "Label the node as ready] ***" in foreseen.stdout
    assert "changed: [node2 -> node1" in foreseen.stdout
    assert labelled() == READY - {"node2"}

    assert "changed: [node2 -> node1" in volumes_on("node2").stdout
    assert labelled() == READY


def test_a_label_that_no_manager_sets_is_refused_before_anything_is_done():
    refused = volumes_on("node2", berthage_managers_group="nobody", docker_volumes_managers=[])
    assert refused.returncode != 0
    assert "only a manager sets the labels of nodes, this host is none" in in_one_line(refused)
    assert labelled() == READY


def test_verify_names_different_backends_under_one_name_and_a_dead_mount_under_a_running_container():
    host = node("node2")
    host.check_output("docker volume rm scratch; docker volume create scratch")
    host.check_output("docker run --detach --init --name user --network none --volume shared:/d box:1 sleep 86400")
    host.check_output("systemctl kill --signal KILL mnt-glusterfs-gv0.mount")

    broken = in_one_line(playbook("berthage.swarm.verify"))

    assert (
        "scratch: the hosts have different volumes under this name: backend is tmpfs on node1 and node3, local on node2"
        in broken
    )
    assert "volume shared on node2: the mount on /mnt/glusterfs/gv0 is dead" in broken
    remedies = (
        "umount --lazy /mnt/glusterfs/gv0",
        "systemctl start 'mnt-glusterfs-gv0.mount'",
        "docker stop user",
        "docker start user",
    )
    for remedy in remedies:
        assert remedy in broken
        host.check_output(remedy)
    assert host.check_output("docker exec user ls /d").split() == sorted(READY)
    # A worker's module is told by a manager what services use, before it recreates anything.
    recreated = volumes_on("node2", docker_volumes_on_drift="recreate")
    assert "scratch tmpfs recreate, verified" in in_one_line(recreated)

    mended = playbook("berthage.swarm.verify")

    assert mended.returncode == 0, mended.stdout
    assert " 0 failed" in mended.stdout
