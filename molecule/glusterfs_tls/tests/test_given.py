# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and certificates that come from elsewhere."""

from __future__ import annotations

import json
import subprocess
from base64 import b64encode
from pathlib import Path
from typing import Callable

import pytest
from checks import node, run_playbook

testinfra_hosts = ["ansible://stranger"]

GIVEN = Path(__file__).parents[1] / "given.yml"
SCRIPT = Path(__file__).parents[3] / "roles/glusterfs/files/tls.sh"
# The files, their modes, and what else lies beside them.
INSTALLED = "cd /usr/lib/ssl && ls -lA && sha256sum glusterfs.*"


@pytest.fixture
def issue(tmp_path) -> Callable[[str], dict[str, str]]:
    """Makes a key with a certificate for `given`, always of the same authority, in a directory of the controller."""

    def tls(*words: str, said: str = "") -> str:
        done = subprocess.run(["/bin/sh", SCRIPT, *words], input=said, capture_output=True, text=True, check=True)
        return done.stdout

    def issued(directory: str) -> dict[str, str]:
        files, authority = str(tmp_path / directory), str(tmp_path / "ca")
        request = tls("request", files, "given")
        tls("keep", files, "given", said=tls("sign", authority, "given", "90", said=request))
        return {
            "glusterfs_tls_ca": f"{files}/glusterfs.ca",
            "glusterfs_tls_certificate": Path(files, "glusterfs.pem").read_text(),
            "glusterfs_tls_key": f"{files}/glusterfs.key",
            "glusterfs_tls_name": "given",
        }

    return issued


@pytest.fixture
def made(issue) -> dict[str, str]:
    return issue("files")


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
    assert b64encode(key.content).decode()[100:150] not in result.stdout
    again = run_playbook(GIVEN, "--extra-vars", json.dumps(made))
    assert again.returncode == 0 and "changed=0" in again.stdout, again.stdout


def test_a_certificate_under_another_name_or_without_its_key_is_refused(made):
    result = run_playbook(GIVEN, "--extra-vars", json.dumps({**made, "glusterfs_tls_name": "somebody"}))
    assert result.returncode != 0
    assert "what was given for somebody is not installed: it is not for somebody" in " ".join(result.stdout.split())

    result = run_playbook(GIVEN, "--extra-vars", json.dumps({**made, "glusterfs_tls_key": ""}))
    assert result.returncode != 0
    assert "both are needed for stranger" in " ".join(result.stdout.split())


def test_a_pair_that_does_not_belong_together_leaves_what_was_there_as_it_was(host, made, issue):
    """A renewal that was given with last year's key."""
    assert run_playbook(GIVEN, "--extra-vars", json.dumps(made)).returncode == 0
    before = host.check_output(INSTALLED)

    wrong = json.dumps({**issue("renewed"), "glusterfs_tls_key": made["glusterfs_tls_key"]})
    for mode in ((), ("--check",)):
        result = run_playbook(GIVEN, "--extra-vars", wrong, *mode)
        assert host.check_output(INSTALLED) == before
        assert result.returncode != 0
        assert "for given is not installed: it is not for the key beside it" in " ".join(result.stdout.split())
    missing = run_playbook(GIVEN, "--extra-vars", json.dumps({**made, "glusterfs_tls_certificate": "/not/there.pem"}))
    assert missing.returncode != 0 and "/not/there.pem" in missing.stdout
    assert host.check_output(INSTALLED) == before


def test_check_mode_tells_of_a_renewal_what_the_run_then_does(host, made, issue):
    # With the file that has management talk TLS.
    for mode in (("--check",), ()):
        first = run_playbook(GIVEN, "--extra-vars", json.dumps(made), *mode)
        assert first.returncode == 0 and "changed=2 " in first.stdout, first.stdout
    before = host.check_output(INSTALLED)

    renewed = issue("renewed")
    ahead = run_playbook(GIVEN, "--check", "--extra-vars", json.dumps(renewed))
    assert ahead.returncode == 0 and "changed=1 " in ahead.stdout, ahead.stdout
    assert host.check_output(INSTALLED) == before

    done = run_playbook(GIVEN, "--extra-vars", json.dumps(renewed))
    assert done.returncode == 0 and "changed=1 " in done.stdout, done.stdout
    assert "go on with the old one until they are restarted" in " ".join(done.stdout.split())
    assert host.file("/usr/lib/ssl/glusterfs.pem").content_string == renewed["glusterfs_tls_certificate"]
    assert host.file("/usr/lib/ssl/glusterfs.key").content_string == Path(renewed["glusterfs_tls_key"]).read_text()
    again = run_playbook(GIVEN, "--check", "--extra-vars", json.dumps(renewed))
    assert again.returncode == 0 and "changed=0" in again.stdout, again.stdout
