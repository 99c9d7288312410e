#!/bin/sh
# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# Ends the servers on this host so that their clients know at once, and leaves the mounts on this host alone.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
set -eu

systemctl stop glusterd.service

# Bricks, those of active snapshots too, and the daemons that heal, count and scrub, by their files: a mount's process is
# called as those are.
servers=''
for file in /run/gluster/vols/*/*.pid /run/gluster/vols/*/run/*.pid /run/gluster/snaps/*/*/*.pid \
    /run/gluster/shd/*/*.pid /run/gluster/glustershd/*.pid /run/gluster/quotad/*.pid /run/gluster/bitd/*.pid \
    /run/gluster/scrub/*.pid; do
    [ -s "$file" ] || continue
    process=$(cat "$file")
    case $(tr '\0' '\n' 2>/dev/null < "/proc/$process/cmdline" | head -n 1) in
        */glusterfsd | */glusterfs) servers="$servers $process" ;;
    esac
done
for process in $servers; do kill -TERM "$process" 2>/dev/null || true; done

seconds=0
while :; do
    left=''
    for process in $servers; do [ ! -e "/proc/$process" ] || left="$left $process"; done
    [ -n "$left" ] || break
    if [ $seconds -ge 60 ]; then
        echo "after 60 s these servers have not ended: $left" >&2
        exit 1
    fi
    sleep 1
    seconds=$((seconds + 1))
done
