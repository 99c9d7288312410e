#!/bin/sh
# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# What the role has to know of a host, in one go: NAME=VALUE lines.
# Usage: probe.sh ASK_SWARM [MOUNT_POINT...], where ASK_SWARM is yes when the host's place in its Swarm is wanted too.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ask_swarm=$1
shift

ID='' ID_LIKE=''
[ -r /etc/os-release ] && . /etc/os-release
echo "os=$ID"
echo "os_like=$ID_LIKE"

has=''
command -v mount.nfs >/dev/null && has="$has nfs"
command -v mount.glusterfs >/dev/null && has="$has glusterfs"
command -v cifs.upcall >/dev/null && command -v request-key >/dev/null && has="$has cifs"
echo "has=$has"

package_lists=''
for list in /var/lib/apt/lists/*Packages*; do
    [ -e "$list" ] && package_lists=yes
done
echo "package_lists=$package_lists"

echo "hostname=$(uname -n)"
echo "engine=$([ -S /run/docker.sock ] && echo yes)"

state='' node='' is_manager=''
if [ "$ask_swarm" = yes ]; then
    read -r state is_manager node <<EOF
$(timeout 20 docker info --format '{{ .Swarm.LocalNodeState }} {{ .Swarm.ControlAvailable }} {{ .Swarm.NodeID }}' 2>/dev/null)
EOF
fi
echo "swarm=$state"
echo "node=$node"
echo "is_manager=$is_manager"

hash_of() {
    [ -r "/etc/systemd/system/$1" ] && sha1sum "/etc/systemd/system/$1" | cut -d' ' -f1
}
echo "file berthage-remount@.service=$(hash_of berthage-remount@.service)"

# An attempt to mount shows a mount for a moment, also where it fails in the end.
wait_for_attempt() {
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        [ "$(systemctl is-active "$1")" = activating ] || return
        sleep 1
    done
}

full='' open='' unmounted='' not_running=''
for point in "$@"; do
    name=$(systemd-escape --path "$point")
    wait_for_attempt "$name.mount"
    echo "file $name.mount=$(hash_of "$name.mount")"
    for unit in "$name.mount" "berthage-remount@$name.service"; do
        [ "$(systemctl is-enabled "$unit" 2>/dev/null) $(systemctl is-active "$unit")" = 'enabled active' ] ||
            not_running="$not_running $unit"
    done

    # The table of mounts, never the mount itself: looking into a dead one hangs.
    grep -q " $point .* - fuse.glusterfs " /proc/self/mountinfo && continue
    unmounted="$unmounted $point"
    if [ -n "$(ls -A "$point" 2>/dev/null)" ]; then
        full="$full $point"
    elif ! lsattr -d "$point" 2>/dev/null | grep -q '^[^ ]*i'; then
        open="$open $point"
    fi
done
echo "full=$full"
echo "open=$open"
echo "unmounted=$unmounted"
echo "not_running=$not_running"

# Without this line the answer is not whole: Ansible may lose the end of what a slow host says.
echo "end="
