# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a GlusterFS volume is, by gluster's own words. What it does not answer now is answered with nothing."""

from __future__ import annotations

from xml.etree import ElementTree

from testinfra.host import Host


def ask(host: Host, *words: str) -> ElementTree.Element | None:
    """Gluster's answer, or None where it gives none: another host's transaction locks a volume, or glusterd starts."""
    found = host.run(f"timeout 60 gluster --mode=script --xml {' '.join(words)}")
    if found.rc != 0 or "<cliOutput>" not in found.stdout:
        return None
    answer = ElementTree.fromstring(found.stdout)  # noqa: S314 - from gluster on the lab's own host
    return answer if answer.findtext("opRet") == "0" else None


def connected(host: Host) -> list[bool]:
    """For each host of the pool, whether this one reaches it."""
    answer = ask(host, "pool", "list")
    return [] if answer is None else [element.text == "1" for element in answer.iter("connected")]


def online(host: Host, volume: str) -> dict[str, bool]:
    """The bricks by the names of their hosts' addresses, of those hosts that answer."""
    answer = ask(host, "volume", "status", volume)
    if answer is None:
        return {}
    return {
        element.findtext("hostname", ""): element.findtext("status") == "1"
        for element in answer.iter("node")
        if element.findtext("path", "").startswith("/")
    }


def pending(host: Host, volume: str) -> list[str]:
    """The number of heals that each brick waits for; `-` for one that is not there."""
    answer = ask(host, "volume", "heal", volume, "info")
    return [] if answer is None else [element.text or "-" for element in answer.iter("numberOfEntries")]


def split(host: Host, volume: str) -> list[str]:
    """The number of files in split brain for each brick."""
    answer = ask(host, "volume", "heal", volume, "info", "split-brain")
    return [] if answer is None else [element.text or "-" for element in answer.iter("numberOfEntries")]
