# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in the way of encrypted overlays on each node, told before any is made.

The answers are those of roles/docker_networks/files/encryption.py, by node; `heard` is by the address of the peer.
"""

from __future__ import annotations

import re
from typing import Any, Iterator, Mapping, Sequence

# Engines that derive another VXLAN port or key than all others for encrypted overlays: moby#51798.
DISAGREEING = (((29, 0, 0), (29, 2, 0)), ((25, 0, 13), (25, 0, 14)), ((28, 2, 2), (28, 2, 2)))
REMEDY_FOR_ENGINES = "give all nodes one version, none of 29.0.0 to 29.2.0, 25.0.13, 25.0.14, 28.2.2"


def problems(answers: Mapping[str, Mapping[str, Any]], mtus: Mapping[str, int]) -> dict[str, list[str]]:
    """By node, all that is wrong there. `mtus` are those of the underlay that each encrypted network counts on."""
    nodes = {node: answer for node, answer in answers.items() if answer.get("address")}
    return {
        node: [
            *_of_kernel(node, answer),
            *_of_mtu(node, answer, mtus),
            *_of_engines(node, nodes),
            *_of_packets(node, nodes),
        ]
        for node, answer in nodes.items()
    }


def disagree(one: str, other: str) -> bool:
    """Whether engines of these versions cannot read each other's encrypted overlays."""
    return _breed(one) != _breed(other)


def _breed(version: str) -> int:
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:3])
    return next((index for index, (first, last) in enumerate(DISAGREEING, 1) if first <= numbers <= last), 0)


def _of_kernel(node: str, answer: Mapping[str, Any]) -> Iterator[str]:
    if answer["kernel_lacks"]:
        yield (
            f"{node}, kernel: has no {answer['kernel_lacks'].rstrip('.')} (an encrypted overlay would lose every "
            "packet here, and say nothing); load the module esp4, or run a kernel that has it"
        )


def _of_mtu(node: str, answer: Mapping[str, Any], mtus: Mapping[str, int]) -> Iterator[str]:
    for network, mtu in mtus.items():
        if 0 < answer["mtu"] < mtu:
            yield (
                f"{node}, MTU: {answer['interface']} has {answer['mtu']}, and packets of {network} take up to {mtu} "
                f"(they would be cut into pieces, or lost); declare `mtu: {answer['mtu']}` for it, or raise that of "
                "the interface"
            )


def _of_engines(node: str, nodes: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Told of the later one of two nodes."""
    names = list(nodes)
    for other in names[: names.index(node)]:
        mine, theirs = nodes[node]["engine"], nodes[other]["engine"]
        if disagree(mine, theirs):
            yield (
                f"{node}, engine: {mine} and {theirs} on {other} disagree about encrypted overlays (moby#51798); "
                f"{REMEDY_FOR_ENGINES}"
            )
            return


def _of_packets(node: str, nodes: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    by_address = {answer["address"]: name for name, answer in nodes.items()}
    # One text for all peers of which the same is missing.
    peers: dict[tuple[str, ...], list[str]] = {}
    for address, missing in nodes[node].get("heard", {}).items():
        if missing:
            peers.setdefault(tuple(missing), []).append(by_address.get(address, address))
    for missing, names in peers.items():
        does = "do" if len(missing) > 1 else "does"
        yield (
            f"{node}, firewall: {_listed(missing)} from {_listed(names)} {does} not get here (a firewall drops it "
            "here, there, or between them); permit IP protocol 50, the data path's UDP port (4789), and 7946/tcp and "
            "udp between all nodes"
        )


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
