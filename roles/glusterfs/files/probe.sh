#!/bin/sh
# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# What the role has to know of a host, in one go: NAME=VALUE lines.
# Usage: probe.sh [PACKAGE...]
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

ID='' ID_LIKE=''
[ -r /etc/os-release ] && . /etc/os-release
echo "os=$ID"
echo "os_like=$ID_LIKE"

has=''
for program in glusterd gluster mkfs.xfs openssl; do
    command -v "$program" >/dev/null && has="$has $program"
done
echo "has=$has"

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

echo "enabled=$(systemctl is-enabled glusterd.service 2>/dev/null)"
echo "active=$(systemctl is-active glusterd.service 2>/dev/null)"

# What the role adds to the unit, and whether systemd has read it.
unit=$(cat /etc/systemd/system/glusterd.service.d/berthage.conf 2>/dev/null | sha1sum)
echo "unit=${unit%% *} $(systemctl show --property=KillMode --value glusterd.service 2>/dev/null)"

# What starts bricks whose process has died: its files as one hash, and its state.
bricks_files=$(cat /usr/local/sbin/berthage-bricks /etc/systemd/system/berthage-bricks.service 2>/dev/null | sha1sum)
bricks_enabled=$(systemctl is-enabled berthage-bricks.service 2>/dev/null)
echo "restart_bricks=${bricks_files%% *} ${bricks_enabled:-absent} $(systemctl is-active berthage-bricks.service)"

set -- /var/lib/glusterd/peers/*
echo "peers=$([ -e "$1" ] && echo $# || echo 0)"

echo "secure=$([ -e /var/lib/glusterd/secure-access ] && echo yes)"
set -- /var/lib/glusterd/vols/*
echo "volumes=$([ -e "$1" ] && echo $# || echo 0)"

# The directories that gluster knows as bricks of this host. (The files hold all hosts' bricks.)
uuid=$(sed -n 's/^UUID=//p' /var/lib/glusterd/glusterd.info 2>/dev/null)
bricks=$(grep -lsxF "uuid=$uuid" /var/lib/glusterd/vols/*/bricks/* | xargs -r sed -n 's/^path=//p' | tr '\n' ' ')
echo "bricks=$bricks"
# Those among them in which nothing is that a brick has, most often because their disk is not there.
echo "bricks_without=$(for brick in $bricks; do [ -e "$brick/.glusterfs" ] || printf '%s ' "$brick"; done)"

echo "selinux=$(getenforce 2>/dev/null)"

# A host that was given back its place in the pool, and is not whole yet: see rebuild.py.
echo "rebuild=$([ -e /var/lib/glusterd/berthage-rebuild.json ] && echo yes)"

# Without this line the answer is not whole: Ansible may lose the end of what a slow host says.
echo "end="
