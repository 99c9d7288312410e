# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Power cuts of the client and of the server, while a container uses volumes of both backends."""

from __future__ import annotations

import pytest
from checks import docker_json, make_box_image, node, power_cut, power_on, wait_for

testinfra_hosts = ["ansible://client"]

BACK_WITHIN = 120.0
# Appends to a file of each volume every second, and lets the disks have it.
WRITER = "while true; do for v in /app /media; do date +%s >> $v/ticks && sync $v/ticks; done; sleep 1; done"


@pytest.fixture(scope="module", autouse=True)
def writer() -> None:
    """A container that uses both volumes, and that the engine starts again by itself."""
    client = node("client")
    make_box_image(client)
    client.check_output(
        "docker inspect --format ok writer 2>/dev/null || docker run --detach --name writer --restart always "
        f"-v app-data:/app -v media:/media box:1 sh -c '{WRITER}'"
    )
    assert wait_for(lambda: all(count > 2 for count in ticks().values()), seconds=60, pause=3)


def test_after_a_power_cut_of_the_client_its_mounts_and_its_containers_are_back_with_their_data() -> None:
    before, identity = ticks(), volumes()
    boot = boot_id("client")
    power_cut("client")
    power_on("client")
    assert boot_id("client") != boot
    assert wait_for(lambda: writes_on(before), seconds=BACK_WITHIN, pause=5), (before, ticks())
    assert volumes() == identity
    assert "fuse.glusterfs" in node("client").check_output("findmnt --noheadings --output FSTYPE /mnt/glusterfs/gv0")


def test_after_a_power_cut_of_the_server_the_same_container_goes_on() -> None:
    started = docker_json(node("client"), "inspect", "writer")[0]["State"]["StartedAt"]
    boot = boot_id("server")
    power_cut("server")
    power_on("server")
    assert boot_id("server") != boot
    before = wait_for(ticks_on_the_server, seconds=BACK_WITHIN, pause=5)
    assert before, "no export or no brick"
    assert wait_for(lambda: grown(before, ticks_on_the_server()), seconds=BACK_WITHIN, pause=5), (
        before,
        ticks_on_the_server(),
    )
    assert docker_json(node("client"), "inspect", "writer")[0]["State"]["StartedAt"] == started


def ticks() -> dict[str, int]:
    """Lines in each volume's file, as the container sees them; empty while it does not run."""
    seen = node("client").run("timeout 20 docker exec writer wc -l /app/ticks /media/ticks")
    if seen.rc != 0:
        return {}
    return {line.split()[1]: int(line.split()[0]) for line in seen.stdout.splitlines() if "total" not in line}


def ticks_on_the_server() -> dict[str, int]:
    """The same from the server's own files, once it exports and serves them again."""
    serving = "exportfs -s | grep -q /srv/nfs/app && gluster volume status gv0 server:/data/brick1/gv0 >/dev/null"
    seen = node("server").run(f"{serving} && wc -l /srv/nfs/app/ticks /data/brick1/gv0/media/ticks")
    if seen.rc != 0:
        return {}
    return {line.split()[1]: int(line.split()[0]) for line in seen.stdout.splitlines() if "total" not in line}


def writes_on(before: dict[str, int]) -> bool:
    return grown(before, ticks())


def grown(before: dict[str, int], after: dict[str, int]) -> bool:
    return bool(after) and all(after[file] > before[file] for file in before)


def volumes() -> dict[str, str]:
    return {
        each["Name"]: each["CreatedAt"]
        for each in docker_json(node("client"), "volume", "inspect", "app-data", "media")
    }


def boot_id(name: str) -> str:
    return node(name).check_output("cat /proc/sys/kernel/random/boot_id")
