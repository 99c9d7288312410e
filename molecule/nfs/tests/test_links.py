# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that may write to an export may also put links into it."""

from __future__ import annotations

import json
from pathlib import Path

from checks import run_playbook

testinfra_hosts = ["ansible://server"]

CONVERGE = Path(__file__).parents[1] / "converge.yml"


def test_a_link_in_place_of_an_inner_export_gives_away_nothing_of_the_server_s_own(host):
    host.check_output(
        "mkdir -p /srv/nfs/linked /root/own && chmod 0700 /root/own && ln -sfn /root/own /srv/nfs/linked/inner"
    )
    clients = [{"host": "client"}]
    exports = [
        {"path": "/srv/nfs/linked", "clients": clients},
        {"path": "/srv/nfs/linked/inner", "owner": "nobody", "mode": "0777", "clients": clients},
    ]
    try:
        run = run_playbook(CONVERGE, "-e", json.dumps({"nfs_server_name": "links", "nfs_server_exports": exports}))

        assert run.returncode != 0
        why = "/srv/nfs/linked/inner, path: is /root/own, by the link /srv/nfs/linked/inner inside of the export"
        assert why in " ".join(run.stdout.split())
        assert (host.file("/root/own").user, host.file("/root/own").mode) == ("root", 0o700)
        assert not host.file("/etc/ganesha/exports.d/links.conf").exists
    finally:
        host.check_output("rm -r /srv/nfs/linked /root/own")
