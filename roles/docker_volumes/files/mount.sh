#!/bin/sh
# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# Mount GlusterFS volumes by their units, now and at boot; on failure say why.
# Usage: mount.sh MOUNT_POINT...
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

failed=0
systemctl daemon-reload || exit 1
for point in "$@"; do
    name=$(systemd-escape --path "$point")
    systemctl --quiet enable "$name.mount" "berthage-remount@$name.service" || failed=1
    if ! systemctl start "$name.mount" 2>/dev/null; then
        failed=1
        # What the client says is in its log of that name, what mount says in the journal.
        reason=$(grep -h ' E ' "/var/log/glusterfs/$(echo "${point#/}" | tr / -).log" 2>/dev/null | tail -n 1 | sed 's/^\[.*\] [0-9]*-//')
        [ -n "$reason" ] || reason=$(journalctl --unit="$name.mount" --identifier=mount --lines=1 --output=cat --no-pager)
        echo "$point: $reason" >&2
    fi
    systemctl --quiet start "berthage-remount@$name.service" || failed=1
done
exit $failed
