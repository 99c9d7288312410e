#!/bin/sh
# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# What the role has to know of a host, in one go: NAME=VALUE lines.
# Usage: probe.sh IMPLEMENTATION SERVICE OTHER-SERVICE "V3-UNIT..." "FILE=UNIT..." [DIRECTORY...]
# FILE is one that the role writes, UNIT the one that reads it at its start.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
implementation=$1 service=$2 other=$3 units=$4 files=$5
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

unmasked='' running=''
for unit in $units; do
    [ "$(set_of LoadState "$unit")" = masked ] || unmasked="$unmasked $unit"
    [ "$(set_of ActiveState "$unit")" = active ] && running="$running $unit"
done
echo "unmasked=$unmasked"
echo "running=$running"

# Whether a firewall may be in use, or have been: the module nfs_firewall looks closer.
has_firewall() {
    systemctl is-active --quiet firewalld.service && return
    grep -qs '^ENABLED=yes' /etc/ufw/ufw.conf && return
    ls /etc/berthage/nfs-firewall-* >/dev/null 2>&1 && return
    command -v nft >/dev/null && nft list ruleset 2>/dev/null | grep -q 'hook input'
}
echo "firewall=$(has_firewall && echo yes)"

# Whether a file is as its package brought it.
is_stock() {
    if command -v dpkg-query >/dev/null; then
        package=$(dpkg-query --search "$1" 2>/dev/null | cut -d: -f1)
        [ -n "$package" ] && dpkg-query --show --showformat='${Conffiles}\n' "$package" |
            grep -qF " $1 $(md5sum <"$1" | cut -d' ' -f1)"
    elif command -v rpm >/dev/null; then
        rpm --query --file "$1" >/dev/null 2>&1 && ! rpm --verify --file "$1" 2>/dev/null | grep -qF " $1"
    else
        false
    fi
}

number=0
for file in $files; do
    unit=${file#*=} file=${file%%=*}
    echo "file_$number=$([ -r "$file" ] && base64 -w0 "$file")"
    echo "home_$number=$([ -d "${file%/*}" ] && echo yes)"
    foreign='' unread=''
    if [ -s "$file" ] && ! grep -qF 'role berthage.swarm.nfs_server' "$file" && ! is_stock "$file"; then
        foreign=yes
    fi
    echo "foreign_$number=$foreign"
    # A unit that started before its file was written does not know it (a run that was cut short in between).
    if [ -e "$file" ] && [ "$(set_of ActiveState "$unit")" = active ]; then
        started=$(systemctl show --timestamp=unix --property=ActiveEnterTimestamp --value "$unit" 2>/dev/null | tr -d @)
        case $started in
        '' | *[!0-9]*) ;;
        *) [ "$(stat -c %Y "$file")" -gt "$started" ] && unread=yes ;;
        esac
    fi
    echo "unread_$number=$unread"
    number=$((number + 1))
done
echo "exports_directory=$([ "$implementation" = kernel ] || [ -d /etc/ganesha/exports.d ] && echo yes)"

# The units of the server that systemd would leave dead after a crash.
case $implementation in
kernel) units='nfs-mountd.service nfsdcld.service' ;;
ganesha) units=nfs-ganesha.service ;;
esac
mortal=''
for unit in $units; do
    [ -n "$installed" ] && [ "$(set_of LoadState "$unit")" = not-found ] && continue
    [ "$(set_of Restart "$unit")" = no ] && mortal="$mortal $unit"
done
echo "mortal=$mortal"

number=0
for directory in "$@"; do
    # Type last, since it may have a space in it.
    echo "directory_$number=$(stat -L -c '%u %U %g %G %a %F' "$directory" 2>/dev/null)"
    number=$((number + 1))
done

# Without this line the answer is not whole: Ansible may lose the end of what a slow host says.
echo "end="
