# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a volume cannot be mounted: the engine's and the kernel's few words, as a cause and a remedy."""

from __future__ import annotations

import re
from typing import Mapping


def cause_of(backend: str, reason: str) -> tuple[str, str]:
    """What the engine's reason for not mounting a volume of this backend means, and what to do about it.

    The reason has the options of the mount in it, and passwords among them: engine 20.10 masks none, later ones only
    what is called `password`. So no part of it is handed on but the kernel's own words at its end.
    """
    words = reason.rsplit(": ", 1)[-1].strip()
    if _NOT_RESOLVED in reason:
        return (
            f"the engine cannot find the server's address ({words})",
            f"give {backend}.server as an address, or mend the name service of this host",
        )
    for text, cause, remedy in (*_CAUSES.get(backend, ()), *_COMMON_CAUSES):
        if text in words.lower():
            return f"{cause} ({words})", remedy
    told = re.sub(r", data: .*(?=: )", "", reason, flags=re.DOTALL)
    return told, "see the log of the engine and the kernel's on that host"


# moby, daemon/volume/local
_NOT_RESOLVED = "error resolving passed in network volume address"

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
    ),
    "cifs": (
        (
            "no such device",
            "the kernel of this host has no CIFS client",
            "load it (modprobe cifs), or install a kernel that has it; in a container the machine's kernel counts",
        ),
        (
            "permission denied",
            "the server refuses the login, or this share to this user",
            "see cifs.username, cifs.password and cifs.domain, and who may use the share on the server",
        ),
        (
            "no such file or directory",
            "the server has no such share, or the share no such directory",
            "see cifs.share and cifs.path; `smbclient -L SERVER -U USER` lists the shares",
        ),
        (
            "operation not supported",
            "the server does not offer this version of the protocol, or not what an option asks for",
            "set cifs.version to one that it has, or to default",
        ),
        (
            "host is down",
            "the server closed the connection: it is going down, or does not speak this version of the protocol",
            "see that it runs, and set cifs.version to one that it has",
        ),
        (
            "invalid argument",
            "the kernel knows one of the options not, or nobody is named who logs in",
            "see cifs.options (no mount.cifs runs, only the kernel reads them) and cifs.username",
        ),
        (
            "required key not available",
            "this host has no Kerberos ticket for the server",
            "see keyutils, cifs-utils and the host's keytab, or use another sec= in cifs.options",
        ),
        (
            "key has expired",
            "the user's password has expired on the server",
            "set a new one there, and in cifs.password",
        ),
        (
            "key has been revoked",
            "the user is disabled on the server",
            "enable it there, or name another in cifs.username",
        ),
        (
            "no route to host",
            "there is no way to the server, or nobody has looked up its name",
            "see the address and the network of this host; in raw options add addr=SERVER",
        ),
    ),
    "cephfs": (
        (
            "no such device",
            "the kernel of this host has no CephFS client",
            "load it (modprobe ceph), or install a kernel that has it; in a container the machine's kernel counts",
        ),
        (
            # Said of every session that does not come about, never of a way that is missing.
            "no route to host",
            "Ceph did not accept the session: the user or the key is wrong, no MDS is active, there is no such file "
            "system, or no monitor speaks the protocol on that port",
            "see cephfs.user and cephfs.secret (`ceph auth get-key client.USER`), `ceph mds stat`, and mds_namespace "
            "and ms_mode in cephfs.options; the kernel's log on this host tells which",
        ),
        (
            "permission denied",
            "this user may not use this directory",
            "see the caps of cephfs.user (`ceph auth get client.USER`) for cephfs.path",
        ),
        (
            "operation not permitted",
            "this user may not use this directory",
            "see the caps of cephfs.user (`ceph auth get client.USER`) for cephfs.path",
        ),
        (
            "no such file or directory",
            "there is no such directory in the file system",
            "make it (mount the root elsewhere), or mend cephfs.path",
        ),
        (
            "connection timed out",
            "no monitor or no metadata server answered in time",
            "see `ceph -s`: a monitor must be reachable from this host, and an MDS active",
        ),
        (
            "input/output error",
            "no monitor answered",
            "see `ceph -s`, and that the monitors' addresses are right and reachable from this host",
        ),
        (
            "invalid argument",
            "the kernel knows one of the options not, or cannot read the key",
            "see cephfs.options (no mount.ceph runs, only the kernel reads them) and cephfs.secret",
        ),
    ),
    "block": (
        (
            "no such device or address",
            "the device is there by name, and no disk behind it",
            "see that the disk is attached to this host (`lsblk`)",
        ),
        (
            "no such device",
            "the kernel of this host has no such file system",
            "load its module, or mend block.fs_type (`lsblk -f` shows what is on the device)",
        ),
        (
            "no such file or directory",
            "this host has no such device",
            "see that the disk is attached to this host (`lsblk`, `ls -l /dev/disk/by-id`)",
        ),
        (
            "block device required",
            "that is no block device",
            "name the device that the file system is on; an image in a file needs a loop device (losetup)",
        ),
        (
            "structure needs cleaning",
            "the file system on it is damaged",
            "check it while nothing has it mounted: fsck, xfs_repair or btrfs check",
        ),
        (
            "bad message",
            "the file system on it is damaged",
            "check it while nothing has it mounted: fsck, xfs_repair or btrfs check",
        ),
        (
            "device or resource busy",
            "something on this host has the device in use otherwise (mounted as another file system, or with the other "
            "of ro and rw, as part of LVM or RAID, or as swap)",
            "see `lsblk`, and use the same option ro or rw, or another device",
        ),
        (
            "permission denied",
            "the device is write-protected",
            "add ro to block.options, or attach the disk for writing",
        ),
        (
            "read-only file system",
            "the device is write-protected, and the file system needs writing to be mounted",
            "attach the disk for writing once, or see the file system's option for it (noload, norecovery)",
        ),
        (
            "input/output error",
            "the device cannot be read",
            "see the kernel's log on this host, and whether the disk is still attached",
        ),
        (
            "invalid argument",
            "there is another file system on the device or none, or the kernel knows one of the options not (or, with "
            "xfs, a copy of it is mounted already: option nouuid)",
            "see `lsblk -f` on this host, and compare block.fs_type and block.options; it is never formatted here",
        ),
    ),
    "bind": (
        (
            "no such file or directory",
            "the directory does not exist on this host",
            "make it, or declare it as `bind` with create_path: {}; below a GlusterFS mount, see that this is mounted",
        ),
        (
            "transport endpoint is not connected",
            "the mount below it is dead",
            "unmount it (umount -l), start its mount unit again, and stop all containers that use the volume: "
            "the engine keeps its own mount while one runs",
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
    ("operation not supported", "the other side does not offer what an option asks for", "see the mount options"),
    ("no such file or directory", "what is to be mounted does not exist", "make it, or mend the options"),
    ("invalid argument", "the kernel takes one of the options not", "see the mount options"),
)
