# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role has to know of a host's Kerberos: NAME=VALUE lines. Of a keytab only its principals are told, no keys.

Arguments: implementation (kernel, ganesha), the keytab's path. Standard input: the keytab to be, in base64, or nothing.
"""

import base64
import os
import re
import shutil
import socket
import struct
import subprocess
import sys

PATH = "/usr/sbin:/sbin:/usr/bin:/bin"


def main():
    implementation, path = sys.argv[1:3]
    given_text = sys.stdin.read().strip()
    status = os.stat(path) if os.path.isfile(path) else None
    there = read(path) if status else b""
    try:
        given = base64.b64decode(given_text, validate=True)
    except ValueError:
        given = b"no base64"
    service, program = gss_service(implementation)
    tell("fqdn", socket.getfqdn().lower())
    tell("realm", default_realm())
    tell("keytab", "yes" if status else "")
    tell("keytab_mode", format(status.st_mode & 0o777, "04o") if status else "")
    tell("keytab_owner", status.st_uid if status else "")
    tell("principals", " ".join(principals(there)))
    tell("given_principals", " ".join(principals(given)) if given_text else "")
    tell("same", "yes" if given == there else "")
    tell("service", service)
    tell("program", "yes" if shutil.which(program, path=PATH) else "")
    tell("active", "yes" if shown(service, "ActiveState") == "active" else "")
    tell("unread", "yes" if status and is_older(service, status.st_mtime) else "")
    tell("module", "yes" if implementation == "ganesha" or has_module("rpcsec_gss_krb5") else "")
    # Without this line the answer is not whole: Ansible may lose the end of what a slow host says.
    print("end=")


def tell(name, value):
    print(f"{name}={value}")


def read(path):
    with open(path, "rb") as file:
        return file.read()


def principals(keytab):
    """The principals of a keytab, each once (MIT krb5, doc/formats/keytab_file_format.rst); none if it is none."""
    if keytab[:2] != b"\x05\x02":
        return []
    found, position = [], 2
    try:
        while position < len(keytab):
            (size,) = struct.unpack_from(">i", keytab, position)
            position += 4
            if size > 0:
                found.append(principal(keytab, position))
            position += abs(size)
            if size == 0:
                break
    except struct.error:
        return []
    return list(dict.fromkeys(found))


def principal(keytab, position):
    (components,) = struct.unpack_from(">H", keytab, position)
    position += 2
    words = []
    for _component in range(components + 1):
        (length,) = struct.unpack_from(">H", keytab, position)
        position += 2
        words.append(keytab[position : position + length].decode(errors="replace"))
        position += length
    return "/".join(words[1:]) + "@" + words[0]


def default_realm():
    try:
        with open("/etc/krb5.conf", encoding="utf-8", errors="replace") as file:
            found = re.search(r"^\s*default_realm\s*=\s*(\S+)", file.read(), re.MULTILINE)
    except OSError:
        return ""
    return found.group(1) if found else ""


def gss_service(implementation):
    """The unit that opens the keytab, and its program."""
    if implementation == "ganesha":
        return "nfs-ganesha.service", "ganesha.nfsd"
    if shutil.which("gssproxy", path=PATH):
        return "gssproxy.service", "gssproxy"
    return "rpc-svcgssd.service", "rpc.svcgssd"


def is_older(service, changed):
    """Whether the service runs, and has been started before that time."""
    since = shown(service, "ActiveEnterTimestamp", "--timestamp=unix").lstrip("@")
    return shown(service, "ActiveState") == "active" and since.isdigit() and int(since) < int(changed)


def shown(service, what, *options):
    done = subprocess.run(
        ["systemctl", "show", "--property=" + what, "--value", *options, service],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return done.stdout.decode().strip()


def has_module(name):
    if os.path.isdir("/sys/module/" + name):
        return True
    done = subprocess.run(
        ["modprobe", "--dry-run", "--quiet", name],
        env={"PATH": PATH},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return done.returncode == 0


main()
