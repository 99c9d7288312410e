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
        echo "$point:" >&2
        # What mount.glusterfs says is in the journal; why it says so, in the client's log of that name.
        journalctl --unit="$name.mount" --lines=3 --output=cat --no-pager >&2
        grep -h ' E ' "/var/log/glusterfs/$(echo "${point#/}" | tr / -).log" 2>/dev/null | tail -n 3 >&2
    fi
    systemctl --quiet start "berthage-remount@$name.service" || failed=1
done
exit $failed
