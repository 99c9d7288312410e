#!/bin/sh
# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# Finishes what was begun with packages on this host, and cut short.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export DEBIAN_FRONTEND=noninteractive
conffiles='--force-confdef --force-confold'

# Waits for an apt that goes on by itself, and knows what a package that is there by half still lacks.
finish() {
    # shellcheck disable=SC2046
    apt-get -y $(printf ' -o Dpkg::Options::=%s' $conffiles) -o DPkg::Lock::Timeout=300 --no-install-recommends --fix-broken install
}

# apt does nothing where a dpkg was killed, until dpkg has read what that one had noted.
# shellcheck disable=SC2086
finish || { dpkg $conffiles --configure --pending; finish; }
