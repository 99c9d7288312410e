#!/bin/sh
# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# Why this host wants a reboot: `wanted=` with the reason, or nothing behind it; what `stopped=` names is to run and does not; the
# last line is `end=`.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

wanted=''
[ ! -e /run/reboot-required ] || wanted='/run/reboot-required'

# Kernels of the running one's kind (amd64, cloud-amd64, generic), by what is behind the numbers.
kind() { echo "$1" | sed -E 's/^[0-9.~+-]*//'; }
running=$(uname -r)
newest=$(for file in /boot/vmlinuz-[0-9]*; do
    release=${file#/boot/vmlinuz-}
    [ ! -e "$file" ] || [ "$(kind "$release")" != "$(kind "$running")" ] || echo "$release"
    echo "$running"
done | sort -V | tail -n 1)
[ "$newest" = "$running" ] || wanted="$wanted kernel $newest"

echo "wanted=$wanted"

# A daemon that is to run and does not: a run that lost its connection here has not come to starting it again.
stopped=''
if systemctl --quiet is-enabled glusterd.service 2>/dev/null && ! systemctl --quiet is-active glusterd.service; then
    stopped=glusterd.service
fi
echo "stopped=$stopped"

echo "end="
