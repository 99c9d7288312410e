#!/bin/sh
# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# What an upgrade of GlusterFS has to do on this host: NAME=VALUE lines, the last one is `end=`.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

command -v apt-get >/dev/null || { echo "this host has no apt, and no other package manager is supported yet" >&2; exit 1; }

# What GlusterFS's source package makes, as far as it is installed, and what of it is so by half only.
present=$(dpkg-query --show --showformat='${db:Status-Status} ${source:Package} ${binary:Package}\n' |
    sed -n '/^config-files /d; /^not-installed /d; / glusterfs /p')
installed=$(echo "$present" | cut -d ' ' -f 3 | tr '\n' ' ')
broken=$(echo "$present" | sed -n '/^installed /d; s/.* //p' | tr '\n' ' ')
echo "installed=$installed"
echo "broken=$broken"

# shellcheck disable=SC2086
newer=$(LC_ALL=C apt-get --simulate --only-upgrade install $installed | sed -n 's/^Inst \([^ ]*\) .*/\1/p' | tr '\n' ' ')
echo "newer=$newer"

# Servers that still run what an earlier upgrade has replaced.
replaced=''
for process in $(pidof glusterd glusterfsd); do
    case $(readlink "/proc/$process/exe") in *' (deleted)') replaced="$replaced $process" ;; esac
done
echo "replaced=$replaced"

# A daemon that is to run and does not: a run that lost its connection here has not come to starting it again.
stopped=''
if systemctl --quiet is-enabled glusterd.service 2>/dev/null && ! systemctl --quiet is-active glusterd.service; then
    stopped=glusterd.service
fi
echo "stopped=$stopped"

echo "end="
