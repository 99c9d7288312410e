# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network of User-Mode Linux hosts: a namespace with a bridge and taps, and one cable out of it."""

from __future__ import annotations

import os
import signal
import time

from lab import machine
from lab.model import Host, Lab
from lab.paths import Paths
from lab.shell import LabError, installed, run, succeeds

_PREFIX = "berthage-"
_END_TIMEOUT = 20.0


def ensure_network(paths: Paths, lab: Lab) -> None:
    """Namespace, bridge and the cable to the machine; forwarding and address translation for the way out."""
    space = _PREFIX + lab.name
    if space not in _spaces():
        run(["ip", "netns", "add", space])
    if not succeeds(["ip", "-n", space, "link", "show", "br0"]):
        run(["ip", "-n", space, "link", "set", "lo", "up"])
        run(["ip", "-n", space, "link", "add", "br0", "type", "bridge"])
        run(["ip", "-n", space, "link", "set", "br0", "up"])
    if not succeeds(["ip", "link", "show", lab.bridge]):
        run(["ip", "link", "add", lab.bridge, "type", "veth", "peer", "name", "uplink", "netns", space])
        run(["ip", "-n", space, "link", "set", "uplink", "master", "br0", "up"])
        run(["ip", "address", "add", f"{lab.gateway}/24", "dev", lab.bridge])
        run(["ip", "link", "set", lab.bridge, "up"])
    machine.enable_forwarding(paths)
    _ensure_rules(lab)


def ensure_tap(lab: Lab, host: Host) -> None:
    space, name = _PREFIX + lab.name, tap(lab, host)
    if not succeeds(["ip", "-n", space, "link", "show", name]):
        run(["ip", "-n", space, "tuntap", "add", "dev", name, "mode", "tap"])
        run(["ip", "-n", space, "link", "set", name, "up", "master", "br0"])
    # User-Mode Linux loses frames larger than its MTU, and TCP crawls from one retransmission to the next: this side
    # hands over no frame of more than one segment.
    run(["ip", "-n", space, "link", "set", name, "gso_max_segs", "1"])


def inside(name: str) -> list[str]:
    """The words before a command that shall run in the lab's namespace."""
    return ["ip", "netns", "exec", _PREFIX + name]


def tap(lab: Lab, host: Host) -> str:
    return f"tap{lab.hosts.index(host) + 1}"


def mac(lab: Lab, host: Host) -> str:
    """A locally administered address, unlike that of any other host of any lab."""
    return f"02:00:0a:4d:{lab.subnet_index:02x}:{11 + lab.hosts.index(host):02x}"


def remove(name: str) -> None:
    """End what runs in the namespace, and delete it: bridge, taps and cable go with it. Then the firewall rules."""
    space = _PREFIX + name
    if space in _spaces():
        _end_processes(space)
        run(["ip", "netns", "delete", space])
    if not installed("iptables"):
        return
    for table, chain in (("filter", "FORWARD"), ("nat", "POSTROUTING")):
        for rule in run(["iptables", "-t", table, "-S", chain]).stdout.splitlines():
            words = [word.strip('"') for word in rule.split()]
            if words[0] == "-A" and _comment(name) in words:
                run(["iptables", "-t", table, "-D", *words[1:]])


def labs() -> tuple[str, ...]:
    """The names of labs that have a namespace, also those whose files are gone."""
    return tuple(space[len(_PREFIX) :] for space in _spaces() if space.startswith(_PREFIX))


def rules(lab: Lab) -> list[list[str]]:
    """The firewall rules of a lab, as iptables' words after the table: an engine's policy may be to drop."""
    mark = ["-m", "comment", "--comment", _comment(lab.name)]
    return [
        ["filter", "FORWARD", "-i", lab.bridge, *mark, "-j", "ACCEPT"],
        ["filter", "FORWARD", "-o", lab.bridge, *mark, "-j", "ACCEPT"],
        ["nat", "POSTROUTING", "-s", lab.subnet, "!", "-o", lab.bridge, *mark, "-j", "MASQUERADE"],
    ]


def _ensure_rules(lab: Lab) -> None:
    for table, chain, *words in rules(lab):
        if not succeeds(["iptables", "-t", table, "-C", chain, *words]):
            run(["iptables", "-t", table, "-I", chain, "1", *words])


def _end_processes(space: str) -> None:
    end = time.monotonic() + _END_TIMEOUT
    while processes := run(["ip", "netns", "pids", space]).stdout.split():
        if time.monotonic() > end:
            raise LabError(f"{space}: processes {', '.join(processes)} do not end")
        for process in processes:
            try:
                os.kill(int(process), signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.1)


def _spaces() -> tuple[str, ...]:
    if not installed("ip"):
        return ()
    return tuple(line.split()[0] for line in run(["ip", "netns", "list"]).stdout.splitlines() if line.strip())


def _comment(name: str) -> str:
    return f"berthage-lab:{name}"
