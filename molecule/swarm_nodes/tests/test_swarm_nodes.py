# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of a Swarm of three managers and a worker become what is declared, and what must not be done is not.

The tests run in this order, and each leaves the nodes as the next one needs them. A run of the play takes long, so one
run does what several tests look at. The last test holds what all of them printed against the secrets.
"""

from __future__ import annotations

import ipaddress
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any

import pytest
from checks import docker_json, node, run_playbook, wait_for
from testinfra.host import Host

testinfra_hosts = ["ansible://node1"]

HERE = Path(__file__).resolve().parents[1]
NAMES = ["node1", "node2", "node3", "node4"]
MANAGERS = {"node1", "node2", "node3"}
LOUD = ("-vvvv", "--diff")
KEY = "/root/unlock_key"

Outcome = subprocess.CompletedProcess[str]

# What the play printed, each time it ran, and what it must never print.
printed: list[str] = []
secrets: set[str] = set()


def swarm(*arguments: str, **variables: object) -> Outcome:
    """Run the scenario's play as a user does."""
    outcome = run_playbook(HERE / "converge.yml", "-e", json.dumps(variables), *arguments)
    printed.append(outcome.stdout)
    return outcome


def without(name: str) -> dict[str, str]:
    """The variables of a run in which one host is to be out."""
    return {"docker_swarm_state": f"{{{{ 'absent' if inventory_hostname == '{name}' else 'present' }}}}"}


def in_one_line(outcome: Outcome) -> str:
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


def declared(host: Host) -> dict[str, tuple[str, Any]]:
    """What a declaration makes of each node. Managers that are locked become other versions without it."""
    return {each["Description"]["Hostname"]: (each["ID"], each["Spec"]) for each in nodes(host)}


def ids(host: Host) -> set[str]:
    return {each["ID"] for each in nodes(host)}


def managers(host: Host) -> set[str]:
    """The managers that answer; nobody while the Swarm elects a leader."""
    told = host.run("docker node ls --format '{{ .Hostname }} {{ .ManagerStatus }}'").stdout
    return {name for name, *status in map(str.split, told.splitlines()) if status in (["Leader"], ["Reachable"])}


def running(host: Host, service: str) -> list[str]:
    """The nodes on which the service's tasks run."""
    tasks = host.check_output(f"docker service ps -q --filter desired-state=running {service}").split()
    names = {each["ID"]: each["Description"]["Hostname"] for each in nodes(host)}
    told = docker_json(host, "inspect", "--type", "task", *tasks) if tasks else []
    return [names.get(task.get("NodeID", ""), "") for task in told if task["Status"]["State"] == "running"]


def membership(host: Host) -> dict[str, Any]:
    return docker_json(host, "info", "--format", "{{ json .Swarm }}")


def remember_secrets(manager: Host) -> None:
    for role in ("manager", "worker"):
        secrets.add(manager.check_output(f"docker swarm join-token -q {role}"))
    key = manager.run("docker swarm unlock-key -q").stdout.strip()
    secrets.update({key} if key else set())


# ---- what is there


def test_three_managers_of_two_versions_and_a_worker_are_ready(host):
    assert sorted(identities(host)) == NAMES
    assert {each["Status"]["State"] for each in nodes(host)} == {"ready"}
    assert wait_for(lambda: managers(host) == MANAGERS, seconds=60), managers(host)
    versions = {each["Description"]["Engine"]["EngineVersion"].split("+")[0] for each in nodes(host)}
    assert versions == {"20.10.24", "26.1.5"}


def test_converging_again_left_every_node_the_very_same(host):
    """Versions change with a node's state, too, soon after it joined; the last run holds them against each other."""
    first = [line.split() for line in host.check_output("cat /root/first_nodes").splitlines()]

    assert {name: identity for identity, _, name in first} == {
        name: identity for name, (identity, _) in identities(host).items()
    }


def test_labels_and_availability_are_as_declared(host):
    assert named(host, "node2")["Spec"]["Labels"] == {"disk": "ssd", "rack": "7", "backup": "true"}
    assert named(host, "node1")["Spec"].get("Labels", {}) == {}
    assert [named(host, name)["Spec"]["Availability"] for name in NAMES] == ["active", "active", "pause", "active"]


# ---- a change of labels, of the lock, and a worker that leaves


@dataclass(frozen=True)
class Change:
    """A change of much at once: foreseen, made, and looked for again.

    `nodes` are as they were before it, and after each of the three; so are `keys`, which the run handed out. `left` is
    the id of the node that left, and `watched` has a line for each look at the nodes and the tasks while it did.
    """

    foreseen: Outcome
    made: Outcome
    again: Outcome
    nodes: tuple[dict[str, tuple[str, Any]], ...]
    left: str
    watched: list[str]
    keys: tuple[str, ...]


@pytest.fixture(scope="module")
def change(host: Host) -> Change:
    host.check_output("docker node update --label-add disk=hdd --label-add former=1 --label-add hand=made node2")
    run_tasks_on_node2_and_node4(host)
    wanted: dict[str, object] = {**without("node4"), "docker_swarm_autolock": True}
    left, seen, keys = named(host, "node4")["ID"], [declared(host)], [handed_out(host)]

    def run(*arguments: str, **variables: object) -> Outcome:
        outcome = swarm(*arguments, **wanted, **variables)
        seen.append(declared(host))
        keys.append(handed_out(host))
        return outcome

    foreseen = run("--check")
    watch_nodes_and_tasks(host)
    try:
        made = run(*LOUD, docker_swarm_autolock_key_fact=True)
    finally:
        host.check_output("systemctl stop watch-nodes")
    watched = host.check_output("cat /root/watched").splitlines()
    host.check_output(f"rm -f {KEY}")
    again = run()
    remember_secrets(host)
    return Change(foreseen, made, again, tuple(seen), left, watched, tuple(keys))


def run_tasks_on_node2_and_node4(host: Host) -> None:
    host.check_output("docker node update --availability drain node1")
    host.check_output(
        "docker service create --detach --name web --replicas 2 --network host --stop-grace-period 1s box:1 sleep 86400"
    )
    assert wait_for(lambda: sorted(running(host, "web")) == ["node2", "node4"], seconds=120), running(host, "web")
    host.check_output("docker node update --availability active node1")


def watch_nodes_and_tasks(host: Host) -> None:
    there = "docker node ls --format '{{ .Hostname }}={{ .Status }}/{{ .Availability }}'"
    tasks = "docker service ps --format '{{ .Node }}:{{ .CurrentState }}' web"
    host.check_output(
        "systemd-run --unit watch-nodes sh -c "
        + quote(f"while :; do echo $({there}) $({tasks}); sleep 0.2; done > /root/watched")
    )


def handed_out(host: Host) -> str:
    """What the play's last task made of the fact."""
    return host.run(f"cat {KEY}").stdout.strip()


def test_check_mode_foresees_the_change_and_makes_none(change):
    assert change.foreseen.returncode == 0, change.foreseen.stdout
    assert "changed: [node2 -> node1" in change.foreseen.stdout
    assert "changed: [node4]" in change.foreseen.stdout
    assert change.nodes[1] == change.nodes[0]


def test_changed_labels_are_set_those_named_are_removed_and_others_are_left(host, change):
    assert change.made.returncode == 0, change.made.stdout
    assert named(host, "node2")["Spec"]["Labels"] == {"disk": "ssd", "rack": "7", "backup": "true", "hand": "made"}
    before, after = change.nodes[1], change.nodes[2]
    assert {name for name in after if after[name] != before[name]} == {"node2"}


def test_a_node_is_emptied_before_it_leaves_and_its_entry_goes(host, change):
    last = [line for line in change.watched if "node4=Ready" in line][-1]
    assert "node4=Ready/Drain" in last
    assert "node4:Running" not in last
    assert change.left not in ids(host)
    assert membership(node("node4"))["LocalNodeState"] == "inactive"
    assert [line for line in change.watched if ":Running" not in line] == []
    assert wait_for(lambda: len(running(host, "web")) == 2, seconds=60), running(host, "web")
    host.check_output("docker service rm web")


def test_managers_are_locked_and_the_key_is_handed_out_only_where_it_was_asked_for(host, change):
    key = host.check_output("docker swarm unlock-key -q")
    assert key.startswith("SWMKEY-")
    assert change.keys == ("", "", key, "")


def test_a_second_run_changes_nothing(change):
    assert change.again.stdout.count("changed=0") == len(NAMES), change.again.stdout
    assert change.nodes[3] == change.nodes[2]


# ---- a Swarm of its own


def test_a_swarm_is_founded_with_its_address_pool_and_lock(change):
    there = node("node4")
    founded = swarm(
        "--limit",
        "node4",
        *LOUD,
        docker_swarm_managers=["node4"],
        docker_swarm_workers=[],
        docker_swarm_default_addr_pool=["10.99.0.0/20"],
        docker_swarm_subnet_size=26,
        docker_swarm_autolock=True,
        docker_swarm_autolock_key_fact=True,
    )

    assert founded.returncode == 0, founded.stdout
    remember_secrets(there)
    there.check_output("docker network create --driver overlay pooled")
    (allocated,) = docker_json(there, "network", "inspect", "pooled")[0]["IPAM"]["Config"]
    subnet = ipaddress.ip_network(allocated["Subnet"])
    assert subnet.prefixlen == 26
    assert subnet.subnet_of(ipaddress.ip_network("10.99.0.0/20"))
    assert handed_out(there) == there.check_output("docker swarm unlock-key -q") != ""


def test_a_locked_manager_and_a_node_of_another_swarm_are_refused_with_what_to_do(host, change):
    locked, foreign = node("node3"), node("node4")
    assert membership(foreign)["LocalNodeState"] == "active"
    locked.check_output("systemctl restart docker.service")
    before = declared(host)

    refused = swarm()

    said = in_one_line(refused)
    assert "node3: this manager is locked, as its engine was started and docker_swarm_autolock is on; unlock it" in said
    assert "`docker swarm unlock-key` on another manager shows it" in said
    assert "node4: belongs to another Swarm (managers: " in said
    assert "docker swarm leave --force, which ends what the other Swarm runs on it" in said
    assert declared(host) == before
    locked.check_output(f"echo {change.keys[2]} | script -q -c 'docker swarm unlock' /dev/null")
    assert wait_for(lambda: managers(host) == MANAGERS, seconds=120), managers(host)
    foreign.check_output("docker swarm leave --force")


# ---- coming back


@pytest.fixture(scope="module")
def rebuilt(host: Host, change: Change) -> str:
    """The id that node3 had before it lost all that it knew of the Swarm."""
    there, old = node("node3"), named(host, "node3")["ID"]
    there.check_output("systemctl stop docker.socket docker.service && rm -rf /var/lib/docker/swarm")
    there.check_output("systemctl start docker.socket docker.service")
    assert wait_for(lambda: "node3" not in managers(host), seconds=120), managers(host)
    return old


def test_a_rebuilt_manager_rejoins_under_its_name_and_a_closed_port_is_named_before_another_node_joins(host, rebuilt):
    closed = "INPUT -p tcp --dport 7946 -s node4 -j REJECT --reject-with tcp-reset"
    host.check_output(f"iptables -I {closed}")
    try:
        rejoined = swarm(*LOUD)
    finally:
        host.check_output(f"iptables -D {closed}")

    assert named(host, "node3")["ID"] != rebuilt
    assert wait_for(lambda: managers(host) == MANAGERS, seconds=120), managers(host)
    said = in_one_line(rejoined)
    assert f"docker node rm --force {rebuilt}, or set docker_swarm_remove_left_behind" in said
    assert rebuilt in ids(host)
    assert "node4: does not reach node1 at" in said
    assert "port 7946/tcp" in said
    assert "port 2377/tcp" not in said
    assert membership(node("node4"))["LocalNodeState"] == "inactive"


def test_what_a_rebuilt_node_left_behind_stays_while_a_host_did_not_answer(host, rebuilt, change):
    back = swarm(
        "--limit",
        "node1,node3,node4",
        *LOUD,
        docker_swarm_remove_left_behind=True,
        docker_swarm_autolock=False,
        docker_swarm_autolock_key_fact=True,
    )

    assert back.returncode == 0, back.stdout
    assert "the role does not: node2 did not answer" in in_one_line(back)
    assert rebuilt in ids(host)
    assert named(host, "node4")["ID"] != change.left
    assert host.run("docker swarm unlock-key -q").stdout.strip() == handed_out(host) == ""


def test_what_a_rebuilt_node_left_behind_is_removed_when_asked(host, rebuilt):
    removed = swarm(docker_swarm_remove_left_behind=True)

    assert removed.returncode == 0, removed.stdout
    assert rebuilt not in ids(host)
    assert sorted(identities(host)) == NAMES
    assert wait_for(lambda: managers(host) == MANAGERS, seconds=120), managers(host)


# ---- networks


def test_the_playbook_networks_ends_with_who_reaches_whom(host):
    for network in ("orders", "apart"):
        host.check_output(f"docker network create --driver overlay {network}")
    for name, network in (("shop", "orders"), ("cart", "orders"), ("mail", "apart")):
        host.check_output(f"docker service create --detach --name {name} --network {network} box:1 sleep 86400")
    groups = {"berthage_nodes_group": "docker_hosts", "berthage_managers_group": "managers"}
    try:
        told = run_playbook(HERE.parents[1] / "playbooks" / "networks.yml", "-e", json.dumps(groups))
    finally:
        host.check_output("docker service rm shop cart mail")
        for network in ("orders", "apart"):
            assert wait_for(lambda name=network: host.run(f"docker network rm {name}").succeeded, seconds=60)

    assert told.returncode == 0, told.stdout
    assert told.stdout.count("changed=0") == len(NAMES)
    lines = [line.replace("(not running)", "").split() for line in told.stdout.splitlines()]
    assert [line[2:] for line in lines if line[1:2] == ["service"]] == [
        ["mail", "-", ".", "."],
        ["cart", ".", "-", "+"],
        ["shop", ".", "+", "-"],
    ]


# ---- roles, and what must not be done


def test_all_that_must_not_be_done_is_said_at_once_and_an_odd_number_of_managers_is_advised(host):
    before = declared(host)
    refused = swarm(
        docker_swarm_managers=["node1", "node3"],
        docker_swarm_workers=["node2", "node4"],
        docker_volumes_ready_label="disk",
    )

    assert refused.returncode != 0
    said = in_one_line(refused)
    assert "node2: is listed in docker_swarm_workers, and is a manager; demote it" in said
    assert "disk says that the volumes of the node were verified" in said
    assert "2 managers survive no more failures than 1 do; an odd number is advised" in said
    assert declared(host) == before


def test_the_last_manager_is_not_taken_out_and_the_address_pool_does_not_change(host):
    before = declared(host)
    refused = swarm(
        "--limit",
        "node1",
        docker_swarm_state="absent",
        docker_swarm_default_addr_pool=["10.99.0.0/20"],
        docker_swarm_subnet_size=26,
    )

    said = in_one_line(refused)
    assert "docker_swarm_state: is to leave, and no manager that stays is in this play" in said
    assert "docker_swarm_default_addr_pool: the Swarm was founded with 10.0.0.0/8, which cannot change" in said
    assert "docker_swarm_subnet_size: the Swarm was founded with 24, which cannot change" in said
    assert declared(host) == before


def test_a_run_that_finds_all_as_declared_writes_nothing(host):
    """Who writes what is there already makes another version, too. Other nodes have one with each state of theirs."""
    before, versions = declared(host), identities(host)
    outcome = swarm(docker_swarm_remove_left_behind=True)
    assert outcome.stdout.count("changed=0") == len(NAMES), outcome.stdout
    assert declared(host) == before
    assert [identities(host)[name] for name in ("node2", "node3")] == [versions[name] for name in ("node2", "node3")]


def test_a_worker_is_promoted_and_the_first_manager_demoted_in_one_run(host):
    other = node("node2")
    lists = {"docker_swarm_managers": ["node4", "node2", "node3"], "docker_swarm_workers": ["node1"]}
    try:
        outcome = swarm(docker_swarm_change_roles=True, **lists)
        assert outcome.returncode == 0, outcome.stdout
        assert "an odd number is advised" not in in_one_line(outcome)
        assert wait_for(lambda: managers(other) == {"node2", "node3", "node4"}, seconds=60), managers(other)
        again = swarm(docker_swarm_change_roles=True, **lists)
        assert again.stdout.count("changed=0") == len(NAMES), again.stdout
    finally:
        back = swarm(docker_swarm_change_roles=True)
    assert back.returncode == 0, back.stdout
    assert wait_for(lambda: managers(other) == MANAGERS, seconds=60), managers(other)


def test_a_demotion_that_costs_the_quorum_is_refused(host):
    node("node3").check_output("systemctl stop docker.socket docker.service")
    try:
        assert wait_for(lambda: managers(host) == {"node1", "node2"}, seconds=120), managers(host)
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
    assert wait_for(lambda: managers(host) == MANAGERS, seconds=120), managers(host)


# ---- in the end


def test_no_run_printed_a_join_token_or_an_unlock_key(host, change):
    """Nodes joined, left and were locked at -vvvv, so the modules' arguments and results were printed."""
    remember_secrets(host)
    assert {secret.split("-")[0] for secret in secrets} == {"SWMTKN", "SWMKEY"}
    assert any("remote_addrs" in each and "join_token" in each for each in printed)

    assert [secret[:12] for secret in secrets for each in printed if secret in each] == []
