#!/bin/sh
# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# Make mount points, and let nothing be written into them while nothing is mounted. Prints those where something changed.
# Usage: close.sh MOUNT_POINT...
set -eu
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

for point in "$@"; do
    [ -d "$point" ] || { mkdir -p "$point" && echo "$point"; }
    # Not every file system knows the flag. Without it, the missing sub-directory still makes Docker refuse.
    chattr +i "$point" 2>/dev/null && echo "$point"
done
exit 0
