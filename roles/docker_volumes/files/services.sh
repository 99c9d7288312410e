#!/bin/sh
# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# The names of the volumes that the services of a Swarm use, each on a line. Runs on a manager.
set -eu
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

services=$(docker service ls --quiet)
[ -n "$services" ] || exit 0
# shellcheck disable=SC2086 # one argument for each service
docker service inspect --format \
    '{{ range .Spec.TaskTemplate.ContainerSpec.Mounts }}{{ if eq .Type "volume" }}{{ println .Source }}{{ end }}{{ end }}' \
    $services | sort -u | grep . || true
