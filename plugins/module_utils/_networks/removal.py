# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may go: a network declared absent, one that is recreated, and one that is purged. One set of rules for all.

A network in use stays, and so does another owner's.
"""

from __future__ import annotations

from typing import Iterator, Mapping, Sequence

from ansible_collections.berthage.swarm.plugins.module_utils._networks.observe import (
    ActualNetwork,
    Consumer,
    Observed,
)
from ansible_collections.berthage.swarm.plugins.module_utils._networks.outcome import details, in_words, shown
from ansible_collections.berthage.swarm.plugins.module_utils._networks.spec import OWNER_LABEL, Declaration, Network
from ansible_collections.berthage.swarm.plugins.module_utils._plan import KEEP, REMOVE, Step
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem


def problems_of_absent(
    network: Network, actual: ActualNetwork, owner: str, consumers: Sequence[Consumer]
) -> Iterator[Problem]:
    """Why a network that is declared absent must stay."""
    yield from another_owners("state", network.name, actual, owner)
    if actual.swarm != network.swarm:
        yield Problem(
            network.name,
            "driver",
            f"what is there is a {actual.driver} network of {_scope(actual.swarm)}, and {_scope(network.swarm)} "
            "is what is declared absent",
            f"set `driver: {actual.driver}` to mean that one",
        )
    if consumers:
        yield Problem(
            network.name,
            "state",
            f"it is in use by {in_words(consumers)}",
            "stop and remove, or disconnect, those first",
        )


def another_owners(field: str, name: str, actual: ActualNetwork, owner: str) -> Iterator[Problem]:
    """That somebody else has a say in it. `field` is what asks for the network to go."""
    if actual.owner is not None and actual.owner != owner:
        yield Problem(
            name,
            field,
            f"it is owned by {actual.owner!r}, not by {owner!r} (label {OWNER_LABEL})",
            f"{'remove' if field == 'state' else 'change'} it where it is declared, or set owner: {actual.owner}",
        )


def purge(
    declaration: Declaration, observed: Observed, interrupted: Mapping[str, str] | None = None
) -> tuple[Step, ...]:
    """A step for each network of this owner that is not listed. One in use is kept, with the reason as its message.

    Only a manager manages the networks of the Swarm; on a worker those that it happens to see are left alone, and so
    they are where another host's call has them in its list (`purge_scope`). `interrupted` tells, by name, who waits for
    a network to be attached to it again.
    """
    if not declaration.purge:
        return ()
    listed = {network.name for network in declaration.networks}
    may_purge_swarm = declaration.purge_scope == "all" and observed.swarm.is_manager
    return tuple(
        _purged(actual, observed.consumers_of(actual), (interrupted or {}).get(actual.name, ""))
        for actual in sorted(observed.networks, key=lambda actual: (actual.name, actual.id))
        if actual.name not in listed and actual.owner == declaration.owner and (may_purge_swarm or not actual.swarm)
    )


def _purged(actual: ActualNetwork, consumers: Sequence[Consumer], waiting: str) -> Step:
    seen, what = shown(actual), details(actual, actual.id, consumers)
    if not consumers and not waiting:
        return Step(actual.name, REMOVE, before=seen, message="it is not listed any more", details=what)
    why = (
        f"it is in use by {in_words(consumers)}"
        if consumers
        else f"an interrupted run was recreating it, and {waiting} may wait for it; declare it present once"
    )
    message = f"it is not listed, and was not purged: {why}"
    return Step(actual.name, KEEP, before=seen, after=seen, message=message, details=what)


def _scope(swarm: bool) -> str:
    return "the Swarm" if swarm else "this host"
