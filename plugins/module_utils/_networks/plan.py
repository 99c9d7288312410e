# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be done so that the networks are as declared, and what must not be done."""

from __future__ import annotations

from dataclasses import replace
from typing import Iterator, Mapping, Sequence

from ansible_collections.berthage.swarm.plugins.module_utils._drift import Difference, in_words
from ansible_collections.berthage.swarm.plugins.module_utils._networks import (
    capacity,
    compare,
    reattach,
    removal,
    resuming,
)
from ansible_collections.berthage.swarm.plugins.module_utils._networks.attachments import Pending
from ansible_collections.berthage.swarm.plugins.module_utils._networks.observe import (
    ActualNetwork,
    Consumer,
    Observed,
)
from ansible_collections.berthage.swarm.plugins.module_utils._networks.obstacles import no_manager, obstacles
from ansible_collections.berthage.swarm.plugins.module_utils._networks.outcome import details, shown
from ansible_collections.berthage.swarm.plugins.module_utils._networks.outcome import in_words as consumers_in_words
from ansible_collections.berthage.swarm.plugins.module_utils._networks.reattach import Attached
from ansible_collections.berthage.swarm.plugins.module_utils._networks.spec import Declaration, Network
from ansible_collections.berthage.swarm.plugins.module_utils._plan import (
    CREATE,
    KEEP,
    NONE,
    RECREATE,
    REMOVE,
    Step,
    refused,
)
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem

NOTHING_PENDING = Pending()


def plan(
    declaration: Declaration, observed: Observed, pending: Mapping[str, Pending] | None = None
) -> tuple[Step, ...]:
    """One step for each declared network and each purged one. Removals of declared ones come first, since they may free
    addresses that a new network wants, and purged ones go last, when everything else is there.

    `pending` tells, by name, who is to be attached again to what is recreated.
    """
    known = pending or {}
    steps = [
        _step(network, declaration, observed, known.get(network.name, NOTHING_PENDING))
        for network in declaration.networks
    ]
    in_swarm = [network.name for network in declaration.networks if network.swarm]
    steps = _refused_together(steps, in_swarm, no_manager(in_swarm, observed.swarm))
    made = [step.name for step in steps if step.action in (CREATE, RECREATE)]
    for names, problem in capacity.pool_problems(declaration, made, observed):
        steps = _refused_together(steps, names, problem)
    configurations = {network.name for network in declaration.networks if network.config_only}
    waiting = {name: reattach.in_words(each.found.attached) for name, each in known.items() if each.found is not None}
    return (
        *sorted(steps, key=lambda step: _turn(step, step.name in configurations)),
        *removal.purge(declaration, observed, waiting),
    )


def _refused_together(steps: Sequence[Step], names: Sequence[str], problem: Problem | None) -> list[Step]:
    """These refused for the same reason, which is listed once, at the first of them."""
    if problem is None:
        return list(steps)
    return [
        refused(step, problem)
        if step.name == names[0]
        else replace(refused(step), message=str(problem))
        if step.name in names
        else step
        for step in steps
    ]


def _turn(step: Step, is_configuration: bool) -> tuple[bool, bool]:
    """A configuration is there before the networks that take it, and goes after them."""
    return (False, is_configuration) if step.action == REMOVE else (True, not is_configuration)


def _step(network: Network, declaration: Declaration, observed: Observed, pending: Pending) -> Step:
    existing = observed.named(network.name)
    if len(existing) > 1:
        return refused(Step(network.name, KEEP, details=details(network, None, ())), _ambiguous(network, existing))
    if not existing:
        return _step_for_a_missing(network, declaration, observed, pending)
    actual = existing[0]
    consumers = observed.consumers_of(actual)
    step = Step(
        network.name,
        KEEP,
        before=shown(actual),
        after=shown(actual),
        details=details(actual, actual.id, consumers),
    )
    if not network.present:
        problems = [
            *removal.problems_of_absent(network, actual, declaration.owner, consumers),
            *resuming.unfinished(network, pending),
        ]
        return refused(step, *problems) if problems else replace(step, action=REMOVE, after=None)
    return _step_for_an_existing(step, network, actual, declaration, observed, pending)


def _step_for_a_missing(network: Network, declaration: Declaration, observed: Observed, pending: Pending) -> Step:
    step = Step(network.name, NONE, details=details(network, None, ()))
    if not network.present:
        problems = [*resuming.unfinished(network, pending)]
        return refused(step, *problems) if problems else step
    given_back = pending.to_give_back()
    step = replace(step, action=CREATE if given_back is None else RECREATE, after=shown(network))
    problems = [*obstacles(network, declaration, observed)]
    if given_back is not None:
        problems += reattach.problems(network, (), given_back, observed.engine_major)
        step = replace(step, message=resuming.finishing(given_back))
    return refused(step, *(resuming.interrupted(problem, pending) for problem in problems)) if problems else step


def _step_for_an_existing(  # noqa: PLR0913, PLR0917 - what is declared, and what is there
    step: Step,
    network: Network,
    actual: ActualNetwork,
    declaration: Declaration,
    observed: Observed,
    pending: Pending,
) -> Step:
    if actual.lacks_addresses and (declaration.on_drift != "recreate" or pending.found is None):
        return refused(step, _without_addresses(network))
    drift = compare.drift(network, actual)
    labels = compare.label_differences(network, actual)
    step = replace(step, drift=(*drift, *labels))
    if drift and declaration.on_drift == "recreate":
        return _step_for_a_replaced(step, network, actual, declaration, observed, pending)
    if drift and declaration.on_drift == "fail":
        return refused(step, resuming.interrupted(_drifted(network, drift, observed.consumers_of(actual)), pending))
    given_back = pending.to_give_back()
    if given_back is not None and resuming.concerns_this_node(given_back, observed):
        return replace(step, action=RECREATE, message=resuming.finishing(given_back))
    if labels and not drift and declaration.on_drift == "recreate":
        return _step_for_other_labels(step, network, actual, declaration, observed)
    remarks = []
    if step.drift:
        # A difference in labels alone is never worth a connection.
        remarks.append(f"left as it is, which is not as declared ({in_words(step.drift)})")
    if given_back is not None:
        remarks.append(resuming.left_to_other_nodes(given_back))
    return replace(step, message="; ".join(remarks))


def _step_for_a_replaced(  # noqa: PLR0913, PLR0917 - what is declared, and what is there
    step: Step,
    network: Network,
    actual: ActualNetwork,
    declaration: Declaration,
    observed: Observed,
    pending: Pending,
) -> Step:
    problems = [
        *removal.another_owners("on_drift", network.name, actual, declaration.owner),
        *_reattachment_problems(network, actual, observed, declaration, pending),
        *obstacles(network, declaration, observed, besides=actual),
        *capacity.too_small_for_its_users(network, actual, observed),
    ]
    if problems:
        return refused(step, *(resuming.interrupted(problem, pending) for problem in problems))
    given_back = pending.to_give_back()
    message = "" if given_back is None else _reattaching(given_back)
    return replace(step, action=RECREATE, after=shown(network), message=message)


def _step_for_other_labels(
    step: Step, network: Network, actual: ActualNetwork, declaration: Declaration, observed: Observed
) -> Step:
    """Labels alone are never worth a connection, nor another owner's network."""
    labels, consumers = in_words(step.drift), observed.consumers_of(actual)
    why = [str(each) for each in removal.another_owners("on_drift", network.name, actual, declaration.owner)]
    why += [f"it is in use by {consumers_in_words(consumers)}"] if consumers else []
    if why:
        return replace(
            step,
            message=f"the labels differ from the declaration ({labels}); the engine cannot change the labels of a "
            f"network, and it is not recreated for them: {'; '.join(why)}",
        )
    return replace(step, action=RECREATE, after=shown(network), message=f"recreated for its labels ({labels})")


def _drifted(network: Network, drift: Sequence[Difference], consumers: Sequence[Consumer]) -> Problem:
    return Problem(
        network.name,
        ", ".join(difference.field for difference in drift),
        f"the network that is there is another ({in_words(drift)})" + _in_use(consumers),
        "declare what is there, or set on_drift: recreate; a network cannot be changed"
        if not consumers
        else "declare what is there, or set on_drift: recreate and reattach: true, which interrupts those; "
        "a network cannot be changed",
    )


def _in_use(consumers: Sequence[Consumer]) -> str:
    return f"; in use by {consumers_in_words(consumers)}" if consumers else ""


# ---- who is attached


def _reattachment_problems(
    network: Network,
    actual: ActualNetwork,
    observed: Observed,
    declaration: Declaration,
    pending: Pending,
) -> Iterator[Problem]:
    consumers = observed.consumers_of(actual)
    if consumers and (actual.ingress or actual.config_only):
        yield Problem(
            network.name,
            "on_drift",
            f"it is in use by {consumers_in_words(consumers)}, which cannot be attached again here",
            "publish the ports of those in mode host, or stop publishing them, first"
            if actual.ingress
            else "remove the networks that take this configuration first",
        )
        return
    if consumers and not declaration.reattach:
        yield Problem(
            network.name,
            "on_drift",
            f"it is in use by {consumers_in_words(consumers)}",
            "set reattach: true, which detaches and attaches them again (tasks of services are replaced), "
            "or disconnect them first",
        )
        return
    given_back = pending.to_give_back()
    if given_back is None:
        given_back = reattach.nobody(network.name, actual.id)
    yield from reattach.problems(network, consumers, given_back, observed.engine_major)


def _reattaching(attached: Attached) -> str:
    return f"recreated under {reattach.in_words(attached)}, which {_are(attached)} attached again"


def _are(attached: Attached) -> str:
    return "is" if len(attached.containers) + len(attached.services) == 1 else "are"


def _without_addresses(network: Network) -> Problem:
    return Problem(
        network.name,
        "subnets",
        "is there, and the Swarm has given it no addresses (its address pool is exhausted, or the subnet is taken)",
        "remove it with `state: absent`, and free addresses or choose a free subnet before making it again",
    )


def _ambiguous(network: Network, existing: Sequence[ActualNetwork]) -> Problem:
    ids = ", ".join(f"{actual.id[:12]} ({actual.driver}, {_scope(actual.swarm)})" for actual in existing)
    return Problem(
        network.name,
        "name",
        f"{len(existing)} networks have this name: {ids}",
        "remove all but one by id: docker network rm ID",
    )


def _scope(swarm: bool) -> str:
    return "the Swarm" if swarm else "this host"
