#!/bin/sh
# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# Whether the engine would start with this daemon.json. Does not touch the engine that runs.
# Usage: validate.sh CANDIDATE
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# With the unit's own flags: an option given both there and in the file keeps the engine from starting.
[ -r /etc/default/docker ] && . /etc/default/docker
arguments=$(systemctl show --property=ExecStart --value docker.service |
    sed -n 's/.*argv\[\]=[^ ]* \(.*\) ; ignore_errors=.*/\1/p' | head -n 1)
eval "set -- --config-file '$1' $arguments"

if dockerd --help | grep -q -e '--validate'; then
    exec dockerd "$@" --validate
fi

# Before version 23 there is no such flag. The engine reads and checks its configuration first, then gives up when its PID
# file names a process that runs, as 1 always does.
pidfile=$(mktemp)
echo 1 >"$pidfile"
output=$(dockerd "$@" --pidfile "$pidfile" 2>&1)
rm -f "$pidfile"
case $output in
*"pid file found"*) exit 0 ;;
esac
echo "$output" >&2
exit 1
