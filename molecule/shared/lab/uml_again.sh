#!/bin/bash
# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# linux.uml under this file's name. At a reboot User-Mode Linux runs again what it was called as, with its taps and disks
# still open, and then finds them taken: here they are closed in between.
for file in /proc/$$/fd/*; do
    number=${file##*/}
    [ "$number" -le 2 ] || eval "exec $number>&-"
done
exec -a "$0" linux.uml "$@"
