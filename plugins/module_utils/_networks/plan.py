# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be done so that the networks are as declared, and what must not be done."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Network, ip_address
from typing import Iterator, Mapping, Sequence

from ansible_collections.berthage.swarm.plugins.module_utils._drift import Difference, in_words
from ansible_collections.berthage.swarm.plugins.module_utils._networks import capacity, compare, reattach, removal
from ansible_collections.berthage.swarm.plugins.module_utils._networks.addresses import IPNetwork, overlap
from ansible_collections.berthage.swarm.plugins.module_utils._networks.attachments import Pending
from ansible_collections.berthage.swarm.plugins.module_utils._networks.observe import (
    ActualNetwork,
    Consumer,
    Observed,
    SwarmState,
)
from ansible_collections.berthage.swarm.plugins.module_utils._networks.outcome import details, shown
from ansible_collections.berthage.swarm.plugins.module_utils._networks.outcome import in_words as consumers_in_words
from ansible_collections.berthage.swarm.plugins.module_utils._networks.plugins import plugin_problems
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
    steps = _refuse_without_manager(steps, declaration.networks, observed.swarm)
    steps = _refuse_without_addresses(steps, declaration, observed)
    configurations = {network.name for network in declaration.networks if network.config_only}
    waiting = {name: reattach.in_words(each.found.attached) for name, each in known.items() if each.found is not None}
    return (
        *sorted(steps, key=lambda step: _turn(step, step.name in configurations)),
        *removal.purge(declaration, observed, waiting),
    )


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
            *_unfinished(network, pending),
        ]
        return refused(step, *problems) if problems else replace(step, action=REMOVE, after=None)
    return _step_for_an_existing(step, network, actual, declaration, observed, pending)


def _step_for_a_missing(network: Network, declaration: Declaration, observed: Observed, pending: Pending) -> Step:
    step = Step(network.name, NONE, details=details(network, None, ()))
    if not network.present:
        problems = [*_unfinished(network, pending)]
        return refused(step, *problems) if problems else step
    given_back = pending.to_give_back()
    step = replace(step, action=CREATE if given_back is None else RECREATE, after=shown(network))
    problems = [
        *_overlaps(network, declaration, observed),
        *_engine_problems(network, observed),
        *_configuration_problems(network, declaration, observed),
        *_another_ingress(network, declaration, observed),
        *plugin_problems(network, observed),
    ]
    if given_back is not None:
        problems += reattach.problems(network, (), given_back, observed.engine_major)
        step = replace(step, message=_finishing(given_back))
    return refused(step, *(_interrupted(problem, pending) for problem in problems)) if problems else step


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
        return refused(step, _interrupted(_drifted(network, drift, observed.consumers_of(actual)), pending))
    given_back = pending.to_give_back()
    if given_back is not None and _to_be_given_back_here(given_back, observed):
        return replace(step, action=RECREATE, message=_finishing(given_back))
    if labels and not drift and declaration.on_drift == "recreate":
        return _step_for_other_labels(step, network, actual, declaration, observed)
    remarks = []
    if step.drift:
        # A difference in labels alone is never worth a connection.
        remarks.append(f"left as it is, which is not as declared ({in_words(step.drift)})")
    if given_back is not None:
        remarks.append(_left_to_other_nodes(given_back))
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
        *_overlaps(network, declaration, observed, besides=actual),
        *_engine_problems(network, observed),
        *_configuration_problems(network, declaration, observed),
        *plugin_problems(network, observed),
        *capacity.too_small_for_its_users(network, actual, observed),
    ]
    if problems:
        return refused(step, *(_interrupted(problem, pending) for problem in problems))
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


def _to_be_given_back_here(attached: Attached, observed: Observed) -> bool:
    """Whether an interrupted run left something to this one, rather than to other nodes alone."""
    elsewhere = attached.elsewhere(observed.swarm.node_id)
    return bool(attached.services) or len(elsewhere.containers) < len(attached.containers) or not attached.anything


def _reattaching(attached: Attached) -> str:
    return f"recreated under {reattach.in_words(attached)}, which {_are(attached)} attached again"


def _finishing(attached: Attached) -> str:
    what = f", and attaches {reattach.in_words(attached)} again" if attached.anything else ""
    return f"this finishes what an interrupted run began{what}"


def _are(attached: Attached) -> str:
    return "is" if len(attached.containers) + len(attached.services) == 1 else "are"


def _left_to_other_nodes(attached: Attached) -> str:
    hosts = ", ".join(sorted({container.host for container in attached.containers}))
    return (
        f"an interrupted run detached {reattach.in_words(attached)} on {hosts}, where alone they can be attached "
        "again: run this on that node as well"
    )


def _unfinished(network: Network, pending: Pending) -> Iterator[Problem]:
    """An absent network that is half way through its recreation."""
    if pending.found is not None and pending.found.attached.anything:
        yield Problem(
            network.name,
            "state",
            f"an interrupted run was recreating it, and {reattach.in_words(pending.found.attached)} may wait for it",
            f"declare it present once, or remove {pending.found.whereabouts} if nobody waits any more",
        )


def _interrupted(problem: Problem, pending: Pending) -> Problem:
    """The same problem, with what it means that a run had been interrupted before."""
    if pending.found is None:
        return problem
    return replace(
        problem,
        message=f"{problem.message} (an interrupted run was recreating it, and "
        f"{reattach.in_words(pending.found.attached) or 'nobody'} may be detached)",
    )


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


# ---- what a Swarm needs


def _refuse_without_manager(steps: Sequence[Step], networks: Sequence[Network], swarm: SwarmState) -> list[Step]:
    """Only a manager knows the networks of the Swarm. One error for all of them, at the first."""
    names = [network.name for network in networks if network.swarm]
    if swarm.is_manager or not names:
        return list(steps)
    problem = _why_no_manager(", ".join(names), swarm)
    result = []
    for step in steps:
        if step.name not in names:
            result.append(step)
        elif step.name == names[0]:
            result.append(refused(step, problem))
        else:
            result.append(replace(refused(step), message=str(problem)))
    return result


def _why_no_manager(names: str, swarm: SwarmState) -> Problem:
    if swarm.state == "inactive":
        return Problem(
            names,
            "driver",
            "this engine is in no Swarm, and an overlay belongs to one",
            "run the role berthage.swarm.docker_swarm (or `docker swarm init`) first, or use `driver: bridge`",
        )
    if swarm.state == "locked":
        return Problem(names, "driver", "this manager is locked", "run `docker swarm unlock` on it first")
    if swarm.state != "active":
        return Problem(
            names,
            "driver",
            f"this engine's membership of the Swarm is `{swarm.state}`",
            "see `docker info` and the engine's journal on it, or run the task on another manager",
        )
    managers = ", ".join(swarm.managers) or "see `docker info` on this node"
    return Problem(
        names,
        "driver",
        "this node is a worker, and only a manager manages the Swarm's networks",
        f"run the task on a manager ({managers})",
    )


# ---- addresses


def _refuse_without_addresses(steps: Sequence[Step], declaration: Declaration, observed: Observed) -> list[Step]:
    """The pool is everybody's: the first of those for which it does not suffice is refused for all of them."""
    result = list(steps)
    made = [step.name for step in steps if step.action in (CREATE, RECREATE)]
    for names, problem in capacity.pool_problems(declaration, made, observed):
        for index, step in enumerate(result):
            if step.name == names[0]:
                result[index] = refused(step, problem)
            elif step.name in names:
                result[index] = replace(refused(step), message=str(problem))
    return result


def _overlaps(
    network: Network, declaration: Declaration, observed: Observed, besides: ActualNetwork | None = None
) -> Iterator[Problem]:
    """`besides` is the network that the declared one replaces."""
    if network.config_only:  # a text, which takes no addresses by itself
        return
    leaving = {other.name for other in declaration.networks if not other.present}
    for subnet in network.subnets:
        for other in observed.networks:
            if other.name in leaving or other.config_only or other is besides:
                continue
            for taken in other.subnets:
                if overlap(subnet.network, taken.network):
                    yield Problem(
                        network.name,
                        "subnets",
                        f"{subnet.network} overlaps {taken.network} of the existing network `{other.name}`",
                        "choose a subnet that is free",
                    )
        if network.driver not in ("overlay", "bridge"):
            continue  # containers there are in the hosts' own network
        for address in sorted({observed.swarm.node_address, *observed.swarm.managers} - {""}):
            if _holds(subnet.network, address):
                yield Problem(
                    network.name,
                    "subnets",
                    f"{subnet.network} contains {address}, where the nodes of the Swarm reach each other",
                    "choose a subnet outside the hosts' own network",
                )


def _holds(network: IPNetwork, address: str) -> bool:
    try:
        return ip_address(address.strip("[]")) in network
    except ValueError:  # a host name
        return False


def _configuration_problems(network: Network, declaration: Declaration, observed: Observed) -> Iterator[Problem]:
    """A Swarm's network finds its configuration on each node; a local one has to find it here."""
    name = network.config_from
    if not name or any(other.name == name and other.present and other.config_only for other in declaration.networks):
        return
    existing = observed.named(name)
    if existing and not any(other.config_only for other in existing):
        yield Problem(
            network.name, "config_from", f"`{name}` is a network, not a configuration", "name one that is config_only"
        )
    elif not existing:
        yield Problem(
            network.name,
            "config_from",
            f"there is no configuration `{name}` on this node",
            f"declare {{name: {name}, config_only: true, ...}} on every node",
        )


def _another_ingress(network: Network, declaration: Declaration, observed: Observed) -> Iterator[Problem]:
    """A Swarm has one routing mesh."""
    leaving = {other.name for other in declaration.networks if not other.present}
    for other in observed.networks:
        if network.ingress and other.ingress and other.name not in leaving:
            yield Problem(
                network.name,
                "ingress",
                f"the Swarm's routing mesh is the network `{other.name}`, and it has one only",
                f"call this one `{other.name}` too, or declare that one absent in the same call",
            )


def _engine_problems(network: Network, observed: Observed) -> Iterator[Problem]:
    """What this engine's version cannot do."""
    has_ipv6_subnet = any(isinstance(subnet.network, IPv6Network) for subnet in network.subnets)
    if network.ipv6 and not has_ipv6_subnet and observed.engine_major < 27:
        yield Problem(
            network.name,
            "subnets",
            f"engine {observed.engine_version} has no IPv6 addresses of its own to give (27 and newer have)",
            "declare an IPv6 subnet, such as fd00:20::/64",
        )
