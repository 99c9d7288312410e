#!/bin/sh
# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# Written by the role berthage.swarm.glusterfs.
#
# Start bricks of this host whose process has died while their volume is started: glusterd notes that they are gone, and
# leaves them so until somebody says `volume start VOLUME force`, or until it starts itself. A brick that was ended by
# gluster (volume stop, remove-brick) leaves no file with its process behind; nor does a reboot, after which glusterd starts
# them once it has found the others.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
EVERY=15
# What dies at once again and again (a broken disk) is tried so often in a row, and then once in ten minutes.
IN_A_ROW=5
THEN_EVERY=40

main() {
    mkdir -p /run/berthage-bricks
    while sleep "$EVERY"; do
        for file in /var/run/gluster/vols/*/*.pid; do
            [ -e "$file" ] && look_at "$file"
        done
    done
}

look_at() {
    volume=$(basename "$(dirname "$1")")
    brick=$(basename "$1" .pid)
    count=/run/berthage-bricks/$volume--$brick
    if runs "$1"; then
        rm -f "$count"
    elif is_wanted "$volume" "$brick" && may_start "$volume"; then
        tried=$(($(cat "$count" 2>/dev/null || echo 0) + 1))
        echo "$tried" >"$count"
        if [ "$tried" -le "$IN_A_ROW" ] || [ $((tried % THEN_EVERY)) -eq 0 ]; then
            echo "volume $volume: the process of brick $brick is gone; starting what is not running"
            # Another host's transaction may be in the way: the next time will do.
            gluster --mode=script volume start "$volume" force
        fi
    fi
}

runs() {
    read -r process <"$1" && grep -q glusterfsd "/proc/$process/cmdline" 2>/dev/null
}

is_wanted() {
    # Without a word on a volume that is just coming or going
    grep -qsx status=1 "/var/lib/glusterd/vols/$1/info" || return 1
    # The same name as that of the file with the process, but for a colon behind the host.
    for known in "/var/lib/glusterd/vols/$1/bricks/"*; do
        [ "$(basename "$known" | sed 's/:-/-/')" = "$2" ] && return 0
    done
    return 1
}

# `start force` gives a directory that is there the mark of the volume: what is below a disk that has gone would pass for
# the brick.
may_start() {
    own=$(sed -n 's/^UUID=//p' /var/lib/glusterd/glusterd.info)
    grep -lsxF "uuid=$own" "/var/lib/glusterd/vols/$1/bricks/"* | xargs -r sed -n 's/^path=//p' >/run/berthage-bricks/paths
    while read -r path; do
        [ ! -d "$path" ] || is_marked "$path" && continue
        # Once, and again when it has been well in between
        [ -e "/run/berthage-bricks/$1--unmarked" ] ||
            echo "volume $1: $path is without the mark of its volume, so its disk may be missing; nothing is started"
        : >"/run/berthage-bricks/$1--unmarked"
        return 1
    done </run/berthage-bricks/paths
    rm -f "/run/berthage-bricks/$1--unmarked"
}

is_marked() {
    python3 -c 'import os, sys; os.getxattr(sys.argv[1], "trusted.glusterfs.volume-id")' "$1" 2>/dev/null
}

main
