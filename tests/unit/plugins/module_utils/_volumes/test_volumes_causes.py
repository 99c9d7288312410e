# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What engines and kernels said when a mount failed, and what it meant.

Recorded on engines 20.10.24 and 26.1.5 with Linux 6.1, Samba 4.17 and Ceph 16.2, but for place and secrets. No server
was at hand that would make the kernel say `host is down`, nor a disk for `no such device or address` or `structure
needs cleaning`: these are errno's texts.
"""

from __future__ import annotations

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._volumes.causes import cause_of

DIRECTORY = "/var/lib/docker/volumes/app/_data"
BEGINNING = f"error while mounting volume '{DIRECTORY}': failed to mount local volume: mount "
CIFS = f"{BEGINNING}//10.77.4.11/office:{DIRECTORY}, data: addr=10.77.4.11,username=files,password=hush,vers=3.1.1: "
PASS = f"{BEGINNING}//10.77.4.11/office:{DIRECTORY}, data: addr=10.77.4.11,user=files,pass=hush,vers=3.1.1: "
COMMA = f"{BEGINNING}//10.77.4.11/office:{DIRECTORY}, data: username=comma,password=********,hush,vers=3.1.1: "
CEPH = f"{BEGINNING}10.77.6.11:6789:/app:{DIRECTORY}, data: name=app,secret=hush: "
EXT4 = f"{BEGINNING}/dev/loop0:{DIRECTORY}"

RECORDED = [
    ("cifs", f"{CIFS}permission denied", "the server refuses the login"),
    ("cifs", f"{PASS}permission denied", "the server refuses the login"),
    ("cifs", f"{CIFS}no such file or directory", "no such share, or the share no such directory"),
    ("cifs", f"{CIFS}operation not supported", "this version of the protocol"),
    ("cifs", f"{CIFS}invalid argument", "nobody is named who logs in"),
    ("cifs", f"{COMMA}invalid argument", "the kernel knows one of the options not"),
    ("cifs", f"{CIFS}no route to host", "nobody has looked up its name"),
    ("cifs", f"{CIFS}no such device", "the kernel of this host has no CIFS client"),
    ("cifs", f"{CIFS}host is down", "does not speak this version of the protocol"),
    (
        "cifs",
        f"error while mounting volume '{DIRECTORY}': error resolving passed in network volume address: "
        "lookup nosuchhost on 10.0.0.53:53: no such host",
        "the engine cannot find the server's address",
    ),
    (
        "nfs",
        f"error while mounting volume '{DIRECTORY}': error resolving passed in network volume address: lookup files on "
        "10.0.0.53:53: i/o timeout",
        "the engine cannot find the server's address",
    ),
    ("cephfs", f"{CEPH}no route to host", "the user or the key is wrong"),
    ("cephfs", f"{CEPH}invalid argument", "cannot read the key"),
    ("cephfs", f"{CEPH}permission denied", "may not use this directory"),
    ("cephfs", f"{CEPH}no such file or directory", "no such directory in the file system"),
    ("cephfs", f"{CEPH}no such device", "the kernel of this host has no CephFS client"),
    ("block", f"{EXT4}: invalid argument", "another file system on the device or none"),
    ("block", f"{EXT4}, data: nosuchopt: invalid argument", "one of the options"),
    ("block", f"{EXT4}: no such device", "the kernel of this host has no such file system"),
    ("block", f"{EXT4}: no such device or address", "no disk behind it"),
    ("block", f"{EXT4}: no such file or directory", "this host has no such device"),
    ("block", f"{EXT4}: block device required", "no block device"),
    ("block", f"{EXT4}, flags: 0x1: device or resource busy", "in use otherwise"),
    ("block", f"{EXT4}: permission denied", "write-protected"),
    ("block", f"{EXT4}: input/output error", "cannot be read"),
    ("block", f"{EXT4}: structure needs cleaning", "damaged"),
]


@pytest.mark.parametrize(("backend", "reason", "cause"), RECORDED)
def test_what_the_engine_says_becomes_a_cause_and_a_remedy(backend, reason, cause):
    told, remedy = cause_of(backend, reason)
    assert cause in told
    assert reason.rpartition(": ")[2] in told
    assert remedy
    assert "hush" not in told + remedy


@pytest.mark.parametrize("backend", ["cifs", "cephfs", "nfs", "block", "mount", "plugin"])
@pytest.mark.parametrize("beginning", [CIFS, PASS, COMMA, CEPH, CEPH.replace("hush", "hush: hush\nhush")])
def test_a_reason_that_nobody_knows_is_told_without_the_options(backend, beginning):
    told, _remedy = cause_of(backend, f"{beginning}something of tomorrow")
    assert "something of tomorrow" in told
    assert "hush" not in told


def test_a_cause_is_not_taken_from_the_name_of_what_is_mounted():
    reason = f"{BEGINNING}//f/permission denied:{DIRECTORY}, data: username=u: no such file or directory"
    assert "no such share" in cause_of("cifs", reason)[0]
