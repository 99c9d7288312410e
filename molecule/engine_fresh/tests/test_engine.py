# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine on a host that had none, and what keeps it alive."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from checks import inventory, wait_for
from module_calls import module
from testinfra.host import Host

testinfra_hosts = ["ansible://docker_hosts"]

DAEMON_JSON = "/etc/docker/daemon.json"


def play_with(options: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """The role once more, with these options of the engine."""
    return subprocess.run(
        [
            "ansible-playbook",
            f"--inventory={inventory()}",
            f"--extra-vars={json.dumps({'docker_engine_daemon_options': options})}",
            str(Path(__file__).parents[1] / "engine_only.yml"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )


def engine_pid(host: Host) -> str:
    return host.check_output("systemctl show --property=MainPID --value docker.service")


def test_the_engine_answers_and_starts_at_boot(host):
    assert host.check_output("docker info --format '{{ .ServerVersion }}'")
    assert host.service("docker").is_enabled
    assert host.service("docker").is_running


def test_the_modules_interpreter_has_the_sdk(host):
    assert host.check_output("/usr/bin/python3 -c 'import docker; print(docker.from_env().ping())'") == "True"


def test_the_engine_runs_with_the_declared_options(host):
    assert host.check_output("docker info --format '{{ .LoggingDriver }}'") == "local"


def test_converging_again_left_the_very_same_swarm(host):
    assert host.check_output("docker info --format '{{ .Swarm.Cluster.ID }}'") == host.check_output(
        "cat /root/first_swarm"
    )


def test_a_network_for_which_the_swarm_has_no_addresses_left_is_refused_before_it_is_made(host):
    """The engine itself accepts it, says nothing, and no container ever gets an address."""
    result = module(host, "networks", networks=[{"name": "one_too_many"}])

    assert "one_too_many, subnets: it declares none, and the default address pool of the Swarm" in result["msg"]
    assert "has 0 left" in result["msg"]
    assert not result["changed"]
    assert host.run("docker network inspect one_too_many").rc != 0


def test_a_network_that_was_made_by_hand_and_has_no_addresses_is_an_error(host):
    host.check_output("docker network create --driver overlay by_hand")
    try:
        result = module(host, "networks", networks=[{"name": "by_hand"}])
    finally:
        host.check_output("docker network rm by_hand")

    assert "by_hand, subnets: is there, and the Swarm has given it no addresses" in result["msg"]
    assert not result["changed"]


def test_an_option_that_the_engine_does_not_know_is_refused_and_the_engine_runs_on(host):
    pid, options = engine_pid(host), host.file(DAEMON_JSON).content_string

    play = play_with({"no-such-option": True})

    assert play.returncode != 0
    assert "docker_engine_daemon_options: the engine refuses them" in play.stdout + play.stderr
    assert "no-such-option" in play.stdout + play.stderr
    assert (engine_pid(host), host.file(DAEMON_JSON).content_string) == (pid, options)


def test_an_option_of_the_units_command_line_is_refused_and_the_engine_runs_on(host):
    pid, options = engine_pid(host), host.file(DAEMON_JSON).content_string

    play = play_with({"hosts": ["unix:///run/other.sock"]})

    assert play.returncode != 0
    assert "both as a flag and in the configuration file" in play.stdout + play.stderr
    assert (engine_pid(host), host.file(DAEMON_JSON).content_string) == (pid, options)


def test_an_option_that_fails_only_at_run_time_is_taken_back(host):
    options = host.file(DAEMON_JSON).content_string

    play = play_with({"storage-driver": "nonsense"})

    assert play.returncode != 0
    assert "docker_engine_daemon_options: the engine did not start with them" in play.stdout + play.stderr
    assert "driver not supported" in play.stdout + play.stderr
    assert host.file(DAEMON_JSON).content_string == options
    assert host.check_output("docker info --format '{{ .LoggingDriver }} {{ .Driver }}'").startswith("local overlay2")


def test_an_option_that_is_given_as_null_is_removed_and_others_stay(host):
    assert play_with({"max-concurrent-downloads": 2}).returncode == 0
    assert json.loads(host.file(DAEMON_JSON).content_string)["log-driver"] == "local"

    assert play_with({"max-concurrent-downloads": None}).returncode == 0

    assert json.loads(host.file(DAEMON_JSON).content_string) == {"log-driver": "local", "log-opts": {"max-size": "5m"}}


def test_the_swarm_and_its_network_survive_a_restart_of_the_engine(host):
    before = host.check_output("docker network inspect --format '{{ .Id }}' front")

    # Restarts of the tests above count towards systemd's limit of three in a minute.
    host.check_output("systemctl reset-failed docker.service && systemctl restart docker.service")

    assert wait_for(
        lambda: host.run("docker network inspect --format '{{ .Id }}' front").stdout.strip() == before, seconds=20
    )
