# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rolling playbooks learn of a host, from stand-ins for its package manager and its service manager."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

FILES = Path(__file__).parents[3] / "playbooks" / "files"


@pytest.fixture
def ask(tmp_path):
    """Runs a script on a host with these packages, as dpkg tells them, and this daemon, and reads what it says."""

    def run(script, *, packages=("installed glusterfs glusterfs-server",), enabled=True, active=True):
        is_enabled, is_active = int(not enabled), 3 * int(not active)
        answers = {
            "dpkg-query": f"cat <<'END'\n{chr(10).join(packages)}\nEND",
            "apt-get": "echo 'Conf glusterfs-server (11.1-5 lab)'",
            "systemctl": f"case $* in *is-enabled*) exit {is_enabled} ;; *is-active*) exit {is_active} ;; esac",
            "pidof": "exit 1",
        }
        for name, answer in answers.items():
            (tmp_path / name).write_text(f"#!/bin/sh\n{answer}\n")
            (tmp_path / name).chmod(0o755)
        text = (FILES / script).read_text().replace("\nPATH=", f"\nPATH={tmp_path}:", 1)
        said = subprocess.run(["/bin/sh", "-s"], input=text, stdout=subprocess.PIPE, text=True, check=True).stdout
        assert said.splitlines()[-1] == "end="
        return {name: value.split() for name, value in (line.split("=", 1) for line in said.splitlines())}

    return run


def test_a_host_that_is_whole_has_nothing_to_be_done(ask):
    packages = (
        "installed glusterfs glusterfs-server",
        "installed glusterfs libglusterfs0:amd64",
        "config-files glusterfs glusterfs-cli",
        "half-configured nginx nginx",
    )
    assert ask("glusterfs_packages.sh", packages=packages) == {
        "installed": ["glusterfs-server", "libglusterfs0:amd64"],
        "broken": [],
        "newer": [],
        "replaced": [],
        "stopped": [],
        "end": [],
    }


@pytest.mark.parametrize("state", ["unpacked", "half-configured", "half-installed", "triggers-pending"])
def test_a_package_that_is_there_by_half_is_not_taken_for_none(ask, state):
    found = ask("glusterfs_packages.sh", packages=(f"{state} glusterfs glusterfs-server", "installed glusterfs gfapi"))

    assert (found["broken"], found["installed"]) == (["glusterfs-server"], ["glusterfs-server", "gfapi"])


@pytest.mark.parametrize("script", ["glusterfs_packages.sh", "glusterfs_reboot.sh"])
@pytest.mark.parametrize(
    ("enabled", "active", "stopped"),
    [(True, False, ["glusterd.service"]), (True, True, []), (False, False, []), (False, True, [])],
)
def test_a_daemon_that_is_to_run_and_does_not_is_told(ask, script, enabled, active, stopped):
    assert ask(script, enabled=enabled, active=active)["stopped"] == stopped
