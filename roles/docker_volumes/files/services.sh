#!/bin/sh
# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# The names of the volumes that the services of a Swarm use, each on a line, and a line with END. Runs on a manager.
set -eu
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

services=$(docker service ls --quiet)
if [ -z "$services" ]; then
    echo END
    exit
fi
# Not in one pipeline, whose status would be that of its end: of services that could not be read, nobody would hear, and
# their volumes would count as unused.
# shellcheck disable=SC2086 # one argument for each service
used=$(docker service inspect --format \
    '{{ with .Spec.TaskTemplate.ContainerSpec }}{{ range .Mounts }}{{ if eq .Type "volume" }}{{ println .Source }}{{ end }}{{ end }}{{ end }}' \
    $services)
printf '%s\n' "$used" | sort -u | sed '/^$/d'
# Without this line the answer is not whole: Ansible may lose the end of what a slow host says.
echo END
