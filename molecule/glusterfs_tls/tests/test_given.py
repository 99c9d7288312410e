# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and certificates that come from elsewhere."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from checks import node, run_playbook

testinfra_hosts = ["ansible://stranger"]

GIVEN = Path(__file__).parents[1] / "given.yml"
SCRIPT = Path(__file__).parents[3] / "roles/glusterfs/files/tls.sh"


@pytest.fixture
def made(tmp_path) -> dict[str, str]:
    """An authority, and a key with a certificate for `given` of it, on the controller."""

    def tls(*words: str, said: str = "") -> str:
        done = subprocess.run(["/bin/sh", SCRIPT, *words], input=said, capture_output=True, text=True, check=True)
        return done.stdout

    files, authority = str(tmp_path / "files"), str(tmp_path / "ca")
    request = tls("request", files, "given")
    tls("keep", files, "given", said=tls("sign", authority, "given", "90", said=request))
    return {
        "glusterfs_tls_ca": f"{files}/glusterfs.ca",
        "glusterfs_tls_certificate": Path(files, "glusterfs.pem").read_text(),
        "glusterfs_tls_key": f"{files}/glusterfs.key",
        "glusterfs_tls_name": "given",
    }


@pytest.fixture(autouse=True)
def _nothing_left():
    yield
    node("stranger").check_output("rm -f /usr/lib/ssl/glusterfs.* /var/lib/glusterd/secure-access")


def test_they_are_installed_from_files_and_from_text_and_the_key_is_shown_nowhere(host, made):
    result = run_playbook(GIVEN, "-vvv", "--diff", "--extra-vars", json.dumps(made))

    assert result.returncode == 0, result.stdout
    key = host.file("/usr/lib/ssl/glusterfs.key")
    assert (key.user, key.mode) == ("root", 0o600)
    assert key.content_string == Path(made["glusterfs_tls_key"]).read_text()
    assert host.file("/usr/lib/ssl/glusterfs.pem").content_string == made["glusterfs_tls_certificate"]
    for line in key.content_string.splitlines()[1:-1]:
        assert line not in result.stdout
    again = run_playbook(GIVEN, "--extra-vars", json.dumps(made))
    assert again.returncode == 0 and "changed=0" in again.stdout, again.stdout


def test_a_certificate_under_another_name_or_without_its_key_is_refused(made):
    result = run_playbook(GIVEN, "--extra-vars", json.dumps({**made, "glusterfs_tls_name": "somebody"}))
    assert result.returncode != 0
    assert "what was given for somebody cannot be used: it is not for somebody" in " ".join(result.stdout.split())

    result = run_playbook(GIVEN, "--extra-vars", json.dumps({**made, "glusterfs_tls_key": ""}))
    assert result.returncode != 0
    assert "both are needed for stranger" in " ".join(result.stdout.split())
