# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a volume cannot be mounted: the engine's and the kernel's few words, as a cause and a remedy."""

from __future__ import annotations

import re
from typing import Mapping


def cause_of(backend: str, reason: str) -> tuple[str, str]:
    """What the engine's reason for not mounting a volume of this backend means, and what to do about it."""
    words = reason.rsplit(": ", 1)[-1].strip()
    for text, cause, remedy in (*_CAUSES.get(backend, ()), *_COMMON_CAUSES):
        if text in reason.lower():
            return f"{cause} ({words})", remedy
    # Without the options of the mount, which may have secrets among them.
    told = re.sub(r", data: .*(?=: )", "", reason)
    return told, "see the log of the engine and the kernel's on that host"


# What the kernel says, as errno's text in small letters, by backend. The first that fits counts.
_CAUSES: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "nfs": (
        (
            "no such device",
            "the kernel of this host has no NFS client",
            "load it (modprobe nfs), or install a kernel that has it; in a container the machine's kernel counts",
        ),
        (
            "no such file or directory",
            "the server exports no such directory to this host, or the directory is missing in it",
            "see `exportfs -v` on the server, and nfs.path; with NFSv4 it counts from the server's pseudo root",
        ),
        (
            "permission denied",
            "the server does not export that directory to this host",
            "see `exportfs -v` on the server: this host's address must be among the clients",
        ),
        (
            "access denied",
            "the server does not export that directory to this host",
            "see `exportfs -v` on the server: this host's address must be among the clients",
        ),
        (
            "operation not permitted",
            "the server, or this host, does not permit the mount",
            "see the export's clients and its option `secure`; a container may lack the right to mount",
        ),
        (
            "protocol not supported",
            "the server does not offer this version of NFS",
            "set nfs.version to one that it has, see `cat /proc/fs/nfsd/versions` there",
        ),
        (
            "stale file handle",
            "the export was replaced on the server",
            "run `exportfs -ra` there, or restart its NFS server",
        ),
        ("invalid argument", "the kernel knows one of the options not, or not with this version", "see nfs.options"),
        (
            "no such host",
            "the engine cannot find the server's address",
            "give nfs.server as an address, or mend the name service of this host",
        ),
        (
            "error resolving",
            "the engine cannot find the server's address",
            "give nfs.server as an address, or mend the name service of this host",
        ),
    ),
    "bind": (
        (
            "no such file or directory",
            "the directory does not exist on this host",
            "make it, or add create_path: {}; below a GlusterFS mount, see that this is mounted",
        ),
        (
            "transport endpoint is not connected",
            "the mount below it is dead",
            "unmount it (umount -l) and start its mount unit again",
        ),
        ("not a directory", "the path is no directory", "mend bind.path"),
    ),
    "tmpfs": (("invalid argument", "the kernel takes one of the options not", "see tmpfs.size and tmpfs.mode"),),
}
_COMMON_CAUSES = (
    ("connection timed out", "the server does not answer", "see that it runs and that no firewall is between"),
    ("connection refused", "nothing listens there on the server", "start the service on the server"),
    ("no route to host", "there is no way to the server", "see the address and the network of this host"),
    ("network is unreachable", "there is no way to the server", "see the address and the network of this host"),
    ("no such device", "the kernel of this host has no such file system", "load its module, or use another backend"),
    ("permission denied", "the mount is not permitted", "see the rights on what is mounted"),
    ("operation not permitted", "the mount is not permitted", "see the rights of the engine on this host"),
    ("no such file or directory", "what is to be mounted does not exist", "make it, or mend the options"),
    ("invalid argument", "the kernel takes one of the options not", "see the mount options"),
)
