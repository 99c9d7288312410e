#!/bin/sh
# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# What the role has to know of a host, in one go: NAME=VALUE lines.
# Usage: probe.sh PYTHON [PACKAGE...], where PYTHON is the interpreter that Ansible's modules run with.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
python=$1
shift

ID='' ID_LIKE='' VERSION_ID=''
[ -r /etc/os-release ] && . /etc/os-release
echo "os=$ID"
echo "os_like=$ID_LIKE"
echo "os_version=${VERSION_ID:-9999}" # testing and unstable have none

has=''
for program in dockerd docker iptables; do
    command -v "$program" >/dev/null && has="$has $program"
done
# -I: a directory `docker` in the working directory is no SDK. Finding is enough, and importing takes seconds on a slow host.
modules=$("$python" -I -c '
from importlib.util import find_spec
for name in ("docker", "apt"):
    spec = find_spec(name)
    if spec is not None and spec.origin:
        print({"docker": "sdk", "apt": "apt_module"}[name])
')
echo "has=$has $(echo $modules)"

missing=''
for package in "$@"; do
    if command -v dpkg-query >/dev/null; then
        state=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null)
        [ "$state" = installed ] || missing="$missing $package"
    else
        rpm -q "$package" >/dev/null 2>&1 || missing="$missing $package"
    fi
done
echo "missing=$missing"

set -- /var/lib/apt/lists/*Packages*
echo "package_lists=$([ -e "$1" ] && echo yes)"

echo "enabled=$(systemctl is-enabled docker.service 2>/dev/null)"
echo "active=$(systemctl is-active docker.service 2>/dev/null)"
echo "users=$(getent group docker | cut -d: -f4)"

file=/etc/docker/daemon.json
echo "daemon_json=$([ -r $file ] && base64 -w0 $file)"
# An engine that started before its file was written does not know the file (a run that was cut short in between).
echo "unread=$([ $file -nt /run/docker.pid ] && [ -e /run/docker.pid ] && echo yes)"

# Without this line the answer is not whole: Ansible may lose the end of what a slow host says.
echo "end="
