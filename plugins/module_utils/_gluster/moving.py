# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Data on its way from brick to brick: how far a rebalance or the draining of bricks is, and whether it went well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable, Mapping
from xml.etree import ElementTree

from ansible_collections.berthage.swarm.plugins.module_utils._gluster.cli import number_of, text_of

REBALANCE = "Rebalance"
REMOVE_BRICK = "Remove brick"
IN_PROGRESS = "in progress"
COMPLETED = "completed"

# What stands in a volume's options from before bricks are added until their rebalance has completed, so that the next
# run sees that one was cut short in between. Gluster keeps options of this kind on every host and gives them no
# meaning. They can be set, and not be reset one by one.
MARK = "user.berthage-rebalance"
OWED = "owed"
DONE = "done"

# gf_defrag_status_t: what may still end well by itself.
_RUNNING = frozenset({IN_PROGRESS, "not started", "fix-layout in progress"})


@dataclass(frozen=True)
class NodeProgress:
    """What one host has moved. `skipped` are files that it left where they are."""

    name: str
    peer: str
    status: str
    files: int
    failures: int
    skipped: int


@dataclass(frozen=True)
class Progress:
    nodes: tuple[NodeProgress, ...]

    def silent(self, expected: Iterable[str]) -> tuple[str, ...]:
        """The UUIDs of hosts that take part and of which nothing is known (not connected)."""
        known = {node.peer for node in self.nodes}
        return tuple(sorted(set(expected) - known))

    def is_running(self, expected: Iterable[str]) -> bool:
        return not self.trouble() and (
            bool(self.silent(expected)) or any(node.status in _RUNNING for node in self.nodes) or not self.nodes
        )

    def trouble(self) -> str:
        """What went wrong, host by host; empty as long as nothing did. Skipped files are no trouble to a rebalance."""
        return "; ".join(
            f"{node.name}: {node.status}, {node.failures} failures"
            for node in self.nodes
            if node.failures or (node.status not in _RUNNING and node.status != COMPLETED)
        )

    def left_behind(self) -> str:
        """Which hosts have left files on bricks that are to be removed; empty when none has."""
        return "; ".join(f"{node.name}: {node.skipped} files skipped" for node in self.nodes if node.skipped)

    def __str__(self) -> str:
        return ", ".join(f"{node.name} {node.status} ({node.files} files)" for node in self.nodes) or "no host answered"


def owes(options: Mapping[str, str]) -> bool:
    """Whether bricks were added to a volume, and no rebalance has completed since."""
    return options.get(MARK) == OWED


def progress_in(answer: ElementTree.Element) -> Progress:
    """The hosts in an answer to `rebalance NAME status` or `remove-brick NAME BRICKS status`."""
    nodes = (*answer.iterfind("volRebalance/node"), *answer.iterfind("volRemoveBrick/node"))
    return Progress(tuple(_node(node) for node in nodes))


def _node(element: ElementTree.Element) -> NodeProgress:
    return NodeProgress(
        name=text_of(element, "nodeName"),
        peer=text_of(element, "id"),
        status=text_of(element, "statusStr"),
        files=number_of(element, "files"),
        failures=number_of(element, "failures"),
        skipped=number_of(element, "skipped"),
    )
