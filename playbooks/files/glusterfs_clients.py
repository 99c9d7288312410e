# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bricks lack a client that the other bricks of their volume have: one line for each, then `end=`.

A client that is not back at the brick of one host would lose the majority with the next one. Runs on a host of the
pool.
"""

from __future__ import annotations

import subprocess
import sys
from xml.etree import ElementTree

LIMIT = 60


def main() -> None:
    for volume in volumes_with_copies():
        answer = ask("volume", "status", volume, "clients")
        numbers = {
            f"{brick.findtext('hostname')}:{brick.findtext('path')}": len(brick.findall("clientsStatus/client"))
            for brick in answer.iter("node")
            if (brick.findtext("path") or "").startswith("/")
        }
        most = max(numbers.values()) if numbers else 0
        for brick, number in numbers.items():
            if number < most:
                print(f"{volume}: {number} of {most} clients are connected to {brick}")
    print("end=")


def volumes_with_copies() -> list[str]:
    """In others there is no majority to lose. (And gluster fails when asked of one host's volume without clients.)"""
    return [
        volume.findtext("name") or ""
        for volume in ask("volume", "info", "all").iter("volume")
        if volume.findtext("statusStr") == "Started"
        and (int(volume.findtext("replicaCount") or 1) > 1 or int(volume.findtext("disperseCount") or 0) > 0)
    ]


def ask(*words: str) -> ElementTree.Element:
    done = subprocess.run(
        ["gluster", "--mode=script", "--xml", *words], stdout=subprocess.PIPE, timeout=LIMIT, check=False
    )
    try:
        answer = ElementTree.fromstring(done.stdout)  # noqa: S314 - from gluster on this host
    except ElementTree.ParseError:
        sys.exit(f"gluster {' '.join(words)}: no answer that can be read")
    if answer.findtext("opRet") != "0":
        sys.exit(f"gluster {' '.join(words)}: {answer.findtext('opErrstr') or answer.findtext('opErrno')}")
    return answer


if __name__ == "__main__":
    main()
