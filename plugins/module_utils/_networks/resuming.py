# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is planned where an earlier run was killed, and left somebody to be attached again."""

from __future__ import annotations

from dataclasses import replace
from typing import Iterator

from ansible_collections.berthage.swarm.plugins.module_utils._networks import reattach
from ansible_collections.berthage.swarm.plugins.module_utils._networks.attachments import Pending
from ansible_collections.berthage.swarm.plugins.module_utils._networks.observe import Observed
from ansible_collections.berthage.swarm.plugins.module_utils._networks.reattach import Attached
from ansible_collections.berthage.swarm.plugins.module_utils._networks.spec import Network
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem


def concerns_this_node(attached: Attached, observed: Observed) -> bool:
    """Whether an interrupted run left something to this one, rather than to other nodes alone."""
    elsewhere = attached.elsewhere(observed.swarm.node_id)
    return bool(attached.services) or len(elsewhere.containers) < len(attached.containers) or not attached.anything


def finishing(attached: Attached) -> str:
    what = f", and attaches {reattach.in_words(attached)} again" if attached.anything else ""
    return f"this finishes what an interrupted run began{what}"


def left_to_other_nodes(attached: Attached) -> str:
    hosts = ", ".join(sorted({container.host for container in attached.containers}))
    return (
        f"an interrupted run detached {reattach.in_words(attached)} on {hosts}, where alone they can be attached "
        "again: run this on that node as well"
    )


def unfinished(network: Network, pending: Pending) -> Iterator[Problem]:
    """An absent network that is half way through its recreation."""
    if pending.found is not None and pending.found.attached.anything:
        yield Problem(
            network.name,
            "state",
            f"an interrupted run was recreating it, and {reattach.in_words(pending.found.attached)} may wait for it",
            f"declare it present once, or remove {pending.found.whereabouts} if nobody waits any more",
        )


def interrupted(problem: Problem, pending: Pending) -> Problem:
    """The same problem, with what it means that a run had been interrupted before."""
    if pending.found is None:
        return problem
    return replace(
        problem,
        message=f"{problem.message} (an interrupted run was recreating it, and "
        f"{reattach.in_words(pending.found.attached) or 'nobody'} may be detached)",
    )
