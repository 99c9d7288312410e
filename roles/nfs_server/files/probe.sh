#!/bin/sh
# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# What the role has to know of a host, in one go: NAME=VALUE lines.
# Usage: probe.sh IMPLEMENTATION SERVICE OTHER-SERVICE SETTINGS-FILE "UNIT..." [DIRECTORY...]
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
implementation=$1 service=$2 other=$3 settings=$4 units=$5
shift 5

ID='' ID_LIKE=''
[ -r /etc/os-release ] && . /etc/os-release
echo "os=$ID"
echo "os_like=$ID_LIKE"

installed=''
case $implementation in
kernel) command -v exportfs >/dev/null && command -v rpc.nfsd >/dev/null && installed=yes ;;
ganesha)
    for library in /usr/lib/ganesha /usr/lib64/ganesha /usr/lib/*/ganesha; do
        [ -e "$library/libfsalvfs.so" ] && command -v ganesha.nfsd >/dev/null && installed=yes
    done
    ;;
esac
echo "installed=$installed"

nfsd=''
grep -qw nfsd /proc/filesystems && nfsd=yes
[ -z "$nfsd" ] && modprobe --dry-run --quiet nfsd 2>/dev/null && nfsd=yes
echo "nfsd=$nfsd"

set_of() { systemctl show --property="$1" --value "$2" 2>/dev/null; }
active=$(set_of ActiveState "$service")
echo "active=$active"
echo "enabled=$(systemctl is-enabled "$service" 2>/dev/null)"
echo "other=$(set_of ActiveState "$other")"

unmasked=''
for unit in $units; do
    [ "$(set_of LoadState "$unit")" = masked ] || unmasked="$unmasked $unit"
done
echo "unmasked=$unmasked"

echo "settings=$([ -r "$settings" ] && base64 -w0 "$settings")"
case $implementation in
kernel) directory=/etc/nfs.conf.d ;;
ganesha) directory=/etc/ganesha/exports.d ;;
esac
echo "settings_directory=$([ -d "$directory" ] && echo yes)"
# A server that started before its settings were written does not know them (a run that was cut short in between).
unread=''
if [ "$active" = active ] && [ -e "$settings" ]; then
    started=$(systemctl show --timestamp=unix --property=ActiveEnterTimestamp --value "$service" 2>/dev/null | tr -d @)
    case $started in
    '' | *[!0-9]*) ;;
    *) [ "$(stat -c %Y "$settings")" -gt "$started" ] && unread=yes ;;
    esac
fi
echo "unread=$unread"

number=0
for directory in "$@"; do
    # Type last, since it may have a space in it.
    echo "directory_$number=$(stat -L -c '%u %U %g %G %a %F' "$directory" 2>/dev/null)"
    number=$((number + 1))
done

# Without this line the answer is not whole: Ansible may lose the end of what a slow host says.
echo "end="
