# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of a Swarm of three managers and a worker become what is declared, and what must not be done is not.

The tests run in this order. Each leaves the nodes as the next one needs them: three managers that answer, and a worker.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any, Iterator

import pytest
from checks import docker_json, inventory, make_box_image, node, wait_for
from testinfra.host import Host

testinfra_hosts = ["ansible://node1"]

HERE = Path(__file__).resolve().parents[1]
ROOT = HERE.parents[1]
NAMES = ["node1", "node2", "node3", "node4"]


def swarm(*arguments: str, **variables: object) -> subprocess.CompletedProcess[str]:
    """Run the scenario's play as a user does."""
    return subprocess.run(
        ["ansible-playbook", str(HERE / "converge.yml"), "-i", inventory(), "-e", json.dumps(variables), *arguments],
        env={
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "collections"),
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
            "ANSIBLE_NOCOLOR": "1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def in_one_line(outcome: subprocess.CompletedProcess[str]) -> str:
    return " ".join(outcome.stdout.split())


def nodes(host: Host) -> list[dict[str, Any]]:
    return docker_json(host, "node", "inspect", *host.check_output("docker node ls -q").split())


def named(host: Host, name: str) -> dict[str, Any]:
    """The one node of this name that is ready."""
    (found,) = [
        each for each in nodes(host) if each["Description"]["Hostname"] == name and each["Status"]["State"] == "ready"
    ]
    return found


def identities(host: Host) -> dict[str, tuple[str, int]]:
    """What changes whenever a node's declaration does."""
    return {each["Description"]["Hostname"]: (each["ID"], each["Version"]["Index"]) for each in nodes(host)}


def managers(host: Host) -> set[str]:
    return {
        each["Description"]["Hostname"]
        for each in nodes(host)
        if each.get("ManagerStatus", {}).get("Reachability") == "reachable"
    }


def running(host: Host, service: str) -> list[str]:
    """The nodes on which the service's tasks run."""
    ids = host.check_output(f"docker service ps -q --filter desired-state=running {service}").split()
    names = {each["ID"]: each["Description"]["Hostname"] for each in nodes(host)}
    tasks = docker_json(host, "inspect", "--type", "task", *ids) if ids else []
    return [names.get(task.get("NodeID", ""), "") for task in tasks if task["Status"]["State"] == "running"]


def secrets(host: Host) -> list[str]:
    """What no output may show."""
    tokens = [host.check_output(f"docker swarm join-token -q {role}") for role in ("manager", "worker")]
    key = host.run("docker swarm unlock-key -q").stdout.strip()
    return [*tokens, *([key] if key else [])]


def shows(outcome: subprocess.CompletedProcess[str], *hidden: str) -> list[str]:
    return [each for each in hidden if each in outcome.stdout]


# ---- what is there


def test_three_managers_of_two_versions_and_a_worker_are_ready(host):
    assert sorted(identities(host)) == NAMES
    assert {each["Status"]["State"] for each in nodes(host)} == {"ready"}
    assert wait_for(lambda: managers(host) == {"node1", "node2", "node3"}, seconds=20), managers(host)
    versions = {each["Description"]["Engine"]["EngineVersion"].split("+")[0] for each in nodes(host)}
    assert versions == {"20.10.24", "26.1.5"}


def test_converging_again_left_every_node_the_very_same(host):
    """Versions change with a node's state, too, soon after it joined; the last test holds them against each other."""
    first = [line.split() for line in host.check_output("cat /root/first_nodes").splitlines()]

    assert {name: identity for identity, _, name in first} == {
        name: identity for name, (identity, _) in identities(host).items()
    }


def test_labels_and_availability_are_as_declared(host):
    assert named(host, "node2")["Spec"]["Labels"] == {"disk": "ssd", "rack": "7", "backup": "true"}
    assert named(host, "node1")["Spec"].get("Labels", {}) == {}
    assert [named(host, name)["Spec"]["Availability"] for name in NAMES] == ["active", "active", "pause", "active"]


# ---- labels


def test_changed_labels_are_set_those_named_are_removed_and_others_are_left(host):
    host.check_output("docker node update --label-add disk=hdd --label-add former=1 --label-add hand=made node2")
    before = identities(host)

    foreseen = swarm("--check")
    assert identities(host) == before
    assert "changed: [node2 -> node1" in foreseen.stdout
    outcome = swarm()

    assert outcome.returncode == 0, outcome.stdout
    assert named(host, "node2")["Spec"]["Labels"] == {"disk": "ssd", "rack": "7", "backup": "true", "hand": "made"}
    after = identities(host)
    assert {name for name in NAMES if after[name] != before[name]} == {"node2"}
    assert identities(host) == after


def test_the_label_of_verified_volumes_is_refused(host):
    before = identities(host)
    refused = swarm(docker_volumes_ready_label="disk")
    assert refused.returncode != 0
    assert "disk says that the volumes of the node were verified" in in_one_line(refused)
    assert identities(host) == before


# ---- roles


def test_a_changed_role_is_refused_unless_asked_for(host):
    before = identities(host)
    refused = swarm(docker_swarm_managers=["node1", "node3"], docker_swarm_workers=["node2", "node4"])
    assert refused.returncode != 0
    assert "node2: is listed in docker_swarm_workers, and is a manager; demote it" in in_one_line(refused)
    assert identities(host) == before


def test_a_worker_is_promoted_and_the_first_manager_demoted_in_one_run(host):
    other = node("node2")
    lists = {"docker_swarm_managers": ["node4", "node2", "node3"], "docker_swarm_workers": ["node1"]}
    try:
        outcome = swarm(docker_swarm_change_roles=True, **lists)
        assert outcome.returncode == 0, outcome.stdout
        assert wait_for(lambda: managers(other) == {"node2", "node3", "node4"}, seconds=20), managers(other)
        again = swarm(docker_swarm_change_roles=True, **lists)
        assert "changed=1" not in again.stdout, again.stdout
    finally:
        back = swarm(docker_swarm_change_roles=True)
    assert back.returncode == 0, back.stdout
    assert wait_for(lambda: managers(other) == {"node1", "node2", "node3"}, seconds=20), managers(other)


def test_a_demotion_that_costs_the_quorum_is_refused(host):
    node("node3").check_output("systemctl stop docker.socket docker.service")
    try:
        assert wait_for(lambda: managers(host) == {"node1", "node2"}, seconds=60), managers(host)
        refused = swarm(
            "--limit",
            "node1,node2,node4",
            docker_swarm_change_roles=True,
            docker_swarm_managers=["node1", "node3"],
            docker_swarm_workers=["node2", "node4"],
        )
        assert refused.returncode != 0
        assert (
            "node2: docker_swarm_change_roles: cannot become a worker, since of the 2 managers that would stay 1 answer"
            in in_one_line(refused)
        )
    finally:
        node("node3").check_output("systemctl start docker.socket docker.service")
    assert wait_for(lambda: managers(host) == {"node1", "node2", "node3"}, seconds=60), managers(host)


# ---- locks


def test_locked_managers_are_named_and_the_key_and_the_tokens_are_in_no_output(host):
    outcome = swarm("-vvvv", "--diff", docker_swarm_autolock=True, docker_swarm_autolock_key_fact=True)
    assert outcome.returncode == 0, outcome.stdout
    key = host.check_output("docker swarm unlock-key -q")
    assert key.startswith("SWMKEY-")
    assert shows(outcome, *secrets(host)) == []
    assert swarm(docker_swarm_autolock=True).stdout.count("changed=0") == len(NAMES)

    there = node("node3")
    there.check_output("systemctl restart docker.service")
    locked = swarm("--limit", "node1,node3")

    assert "node3: this manager is locked, as its engine was started" in in_one_line(locked)
    assert shows(locked, key) == []
    there.check_output(f"echo {key} | script -q -c 'docker swarm unlock' /dev/null")
    assert wait_for(lambda: managers(host) == {"node1", "node2", "node3"}, seconds=60), managers(host)

    opened = swarm("-vvvv", docker_swarm_autolock=False)
    assert opened.returncode == 0, opened.stdout
    assert shows(opened, key, *secrets(host)) == []
    assert host.run("docker swarm unlock-key -q").stdout.strip() == ""


# ---- going and coming


@pytest.fixture
def service(host: Host) -> Iterator[str]:
    """Two tasks, one of them on the node that is to leave."""
    host.check_output("docker node update --availability drain node1")
    host.check_output(
        "docker service create --detach --name web --replicas 2 --network host --stop-grace-period 1s box:1 sleep 86400"
    )
    assert wait_for(lambda: sorted(running(host, "web")) == ["node2", "node4"], seconds=60), running(host, "web")
    host.check_output("docker node update --availability active node1")
    yield "web"
    host.run("docker service rm web")


def test_a_node_is_emptied_before_it_leaves_and_comes_back(host, service):
    gone = named(host, "node4")["ID"]
    watch = "while :; do docker service ls --format '{{ .Name }} {{ .Replicas }}'; sleep 0.3; done"
    host.check_output(f'systemd-run --unit watch-replicas sh -c "{watch} > /root/replicas"')
    try:
        foreseen = swarm("--check", **without("node4"))
        assert named(host, "node4")["Spec"]["Availability"] == "active"
        assert foreseen.returncode == 0, foreseen.stdout
        outcome = swarm("-vvvv", **without("node4"))
    finally:
        host.check_output("systemctl stop watch-replicas")

    assert outcome.returncode == 0, outcome.stdout
    assert shows(outcome, *secrets(host)) == []
    assert gone not in [each["ID"] for each in nodes(host)]
    assert docker_json(node("node4"), "info", "--format", "{{ json .Swarm.LocalNodeState }}") == "inactive"
    seen = {line.split()[1] for line in host.check_output("cat /root/replicas").splitlines() if "web" in line}
    assert seen and "0/2" not in seen
    assert wait_for(lambda: len(running(host, service)) == 2, seconds=30), running(host, service)
    assert swarm(**without("node4")).stdout.count("changed=0") == len(NAMES)

    back = swarm()
    assert back.returncode == 0, back.stdout
    assert named(host, "node4")["ID"] != gone


def without(name: str) -> dict[str, str]:
    """The variables of a run in which one host is to be out."""
    return {"docker_swarm_state": f"{{{{ 'absent' if inventory_hostname == '{name}' else 'present' }}}}"}


def test_the_last_manager_is_not_taken_out(host):
    before = identities(host)
    refused = swarm("--limit", "node1", docker_swarm_state="absent")
    assert "docker_swarm_state: is to leave, and no manager that stays is in this play" in in_one_line(refused)
    assert identities(host) == before


def test_a_rebuilt_manager_rejoins_and_what_it_left_behind_is_named_and_then_removed_when_asked(host):
    there, old = node("node3"), named(host, "node3")["ID"]
    there.check_output("systemctl stop docker.socket docker.service && rm -rf /var/lib/docker/swarm")
    there.check_output("systemctl start docker.socket docker.service")
    assert wait_for(lambda: "node3" not in managers(host), seconds=60), managers(host)

    rejoined = swarm()

    assert rejoined.returncode == 0, rejoined.stdout
    assert named(host, "node3")["ID"] != old
    assert f"docker node rm --force {old}" in in_one_line(rejoined)
    assert old in [each["ID"] for each in nodes(host)]

    limited = swarm("--limit", "node1,node3", docker_swarm_remove_left_behind=True)
    assert "the role does not: node2, node4 did not answer" in in_one_line(limited)
    assert old in [each["ID"] for each in nodes(host)]

    removed = swarm(docker_swarm_remove_left_behind=True)

    assert removed.returncode == 0, removed.stdout
    assert sorted(identities(host)) == NAMES
    assert old not in [each["ID"] for each in nodes(host)]
    assert wait_for(lambda: managers(host) == {"node1", "node2", "node3"}, seconds=30), managers(host)
    assert swarm(docker_swarm_remove_left_behind=True).stdout.count("changed=0") == len(NAMES)


# ---- ports


def test_a_closed_port_is_named_before_the_node_joins(host):
    there = node("node4")
    taken = swarm(**without("node4"))
    assert taken.returncode == 0, taken.stdout
    host.check_output("iptables -I INPUT -p tcp --dport 7946 -s node4 -j REJECT --reject-with tcp-reset")
    try:
        refused = swarm()
        assert "does not reach node1 at" in in_one_line(refused)
        assert "port 7946/tcp" in in_one_line(refused)
        assert "port 2377/tcp" not in in_one_line(refused)
        assert docker_json(there, "info", "--format", "{{ json .Swarm.LocalNodeState }}") == "inactive"
    finally:
        host.check_output("iptables -D INPUT -p tcp --dport 7946 -s node4 -j REJECT --reject-with tcp-reset")
    assert swarm().returncode == 0
    make_box_image(there)


def test_a_run_that_finds_all_as_declared_asks_each_host_and_one_manager_and_writes_nothing(host):
    before = identities(host)
    outcome = swarm()
    assert outcome.stdout.count("changed=0") == len(NAMES), outcome.stdout
    assert identities(host) == before
