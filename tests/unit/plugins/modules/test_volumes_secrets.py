# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a call of the module prints when it fails, as Ansible shows it at its highest verbosity: no secret is in it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

COLLECTIONS = Path(__file__).parents[4] / ".cache" / "collections"
RUN = """
import sys
sys.path.insert(0, sys.argv[1])
from ansible.module_utils import basic
basic._ANSIBLE_ARGS, basic._ANSIBLE_PROFILE = sys.stdin.buffer.read(), "legacy"
from ansible_collections.berthage.swarm.plugins.modules.volumes import main
main()
"""
CIFS = {"server": "files", "share": "office", "username": "u", "password": "hush-hush"}
CEPHFS = {"monitors": ["10.0.0.7"], "secret": "AQBhushhushhushhushhushhushhushhush0AA=="}
GOOD = {"name": "office", "cifs": CIFS}


def printed(*volumes) -> dict:
    """No engine is there to be asked. So it fails at the latest when it wants one."""
    arguments = {"volumes": list(volumes), "docker_host": "unix:///nowhere", "_ansible_verbosity": 4}
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(COLLECTIONS)],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "hush" not in done.stdout + done.stderr
    result: dict = json.loads(done.stdout)
    assert result["failed"]
    assert "invocation" in result
    return result


def test_a_call_that_gets_as_far_as_the_engine():
    result = printed(
        GOOD,
        {"name": "objects", "cephfs": CEPHFS},
        {"name": "home", "driver": "x/sshfs", "driver_opts": {"sshcmd": "u@h:/", "password": "hush-hush"}},
        {"name": "raw", "driver_opts": {"type": "cifs", "device": "//f/s", "o": "addr=f,username=u,pass=hush-hush"}},
    )
    assert "the socket does not exist" in result["msg"]


def test_a_declaration_that_is_refused():
    wrong = {
        "cifs.options": {"name": "office", "cifs": {**CIFS, "options": ["password=hush-hush"]}},
        "cephfs.options": {"name": "objects", "cephfs": {**CEPHFS, "options": ["secret=hush-hush", "noatime"]}},
        "nfs.server": {"name": "app", "nfs": {"server": "a b", "path": "/s", "options": ["password=hush-hush"]}},
        "one backend": {"name": "both", "cifs": CIFS, "cephfs": CEPHFS},
        "FUSE": {"name": "raw", "driver_opts": {"type": "sshfs", "device": "x", "o": "password=hush-hush"}},
    }
    message = printed(*wrong.values())["msg"]
    assert [why for why in wrong if why not in message] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "office", "cifs": {**CIFS, "passwrod": "hush-hush"}},
        {"name": "office", "cifs": {**CIFS, "options": "x", "unknown": 1}},
        {"cifs": CIFS},
        {"name": "office", "cifs": {"password": "hush-hush"}},
        {"name": "home", "driver": "x/y", "driver_opts": {"password": "hush-hush", 5: "x"}, "state": "odd"},
        {"name": "office", "cifs": ["password", "x"]},
    ],
)
def test_arguments_that_are_wrong_beside_a_volume_that_is_well_declared(wrong):
    assert printed(GOOD, wrong)["msg"]
