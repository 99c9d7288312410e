# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be done so that the networks are as declared, and what must not be done."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Network, ip_address
from typing import Any, Iterator, Mapping, Sequence

from ansible_collections.berthage.swarm.plugins.module_utils._drift import in_words
from ansible_collections.berthage.swarm.plugins.module_utils._networks import compare
from ansible_collections.berthage.swarm.plugins.module_utils._networks.observe import (
    ActualNetwork,
    Consumer,
    Observed,
    SwarmState,
)
from ansible_collections.berthage.swarm.plugins.module_utils._networks.spec import (
    Declaration,
    IPNetwork,
    Network,
    overlap,
    underlay_to_effective_mtu,
)
from ansible_collections.berthage.swarm.plugins.module_utils._plan import CREATE, KEEP, NONE, REMOVE, Step, refused
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem


def plan(declaration: Declaration, observed: Observed) -> tuple[Step, ...]:
    """One step for each declared network, removals first: they may free addresses that a new network wants."""
    steps = [_step(network, declaration, observed) for network in declaration.networks]
    steps = _refuse_without_manager(steps, declaration.networks, observed.swarm)
    return tuple(sorted(steps, key=lambda step: step.action != REMOVE))


def details(network: Network | ActualNetwork, network_id: str | None, consumers: Sequence[Consumer]) -> dict[str, Any]:
    """What is returned for a network besides the plan."""
    return {
        "id": network_id,
        "driver": network.driver,
        "scope": "swarm" if network.swarm else "local",
        "attachable": network.attachable,
        "encrypted": network.encrypted,
        "internal": network.internal,
        "subnets": [subnet.as_dict() for subnet in network.subnets],
        "effective_mtu": underlay_to_effective_mtu(network.driver, network.mtu, network.encrypted),
        "consumers": [consumer.as_dict() for consumer in consumers],
    }


def consumers_in_words(consumers: Sequence[Consumer]) -> str:
    """The consumers for one line of an error message, the first ten by name."""
    listed = ", ".join(str(consumer) for consumer in consumers[:10])
    return listed + (f" and {len(consumers) - 10} more" if len(consumers) > 10 else "")


def _step(network: Network, declaration: Declaration, observed: Observed) -> Step:
    existing = observed.named(network.name)
    if len(existing) > 1:
        return refused(Step(network.name, KEEP, details=details(network, None, ())), _ambiguous(network, existing))
    if not existing:
        return _step_for_a_missing(network, declaration, observed)
    actual = existing[0]
    consumers = observed.consumers_of(actual)
    step = Step(
        network.name,
        KEEP,
        before=_shown(actual),
        after=_shown(actual),
        details=details(actual, actual.id, consumers),
    )
    if not network.present:
        return _step_for_an_unwanted(step, network, actual, declaration.owner, consumers)
    return _step_for_an_existing(step, network, actual, declaration.on_drift, consumers)


def _step_for_a_missing(network: Network, declaration: Declaration, observed: Observed) -> Step:
    step = Step(network.name, NONE, details=details(network, None, ()))
    if not network.present:
        return step
    step = replace(step, action=CREATE, after=_shown(network))
    problems = [*_overlaps(network, declaration, observed), *_engine_problems(network, observed)]
    return refused(step, *problems) if problems else step


def _step_for_an_unwanted(
    step: Step, network: Network, actual: ActualNetwork, owner: str, consumers: Sequence[Consumer]
) -> Step:
    problems = []
    if actual.owner is not None and actual.owner != owner:
        problems.append(
            Problem(
                network.name,
                "owner",
                f"belongs to `{actual.owner}`, not to `{owner}`",
                f"remove it where it is managed, or set `owner: {actual.owner}`",
            )
        )
    if actual.swarm != network.swarm:
        problems.append(
            Problem(
                network.name,
                "driver",
                f"what is there is a {actual.driver} network of {_scope(actual.swarm)}, and {_scope(network.swarm)} "
                "is what is declared absent",
                f"set `driver: {actual.driver}` to mean that one",
            )
        )
    if consumers:
        problems.append(
            Problem(
                network.name,
                "state",
                f"is in use, by {consumers_in_words(consumers)}",
                "stop and remove, or disconnect, those first",
            )
        )
    return refused(step, *problems) if problems else replace(step, action=REMOVE, after=None)


def _step_for_an_existing(
    step: Step, network: Network, actual: ActualNetwork, on_drift: str, consumers: Sequence[Consumer]
) -> Step:
    if actual.swarm and not actual.subnets:
        return refused(step, _without_addresses(network))
    drift = compare.drift(network, actual)
    labels = compare.label_differences(network, actual)
    step = replace(step, drift=(*drift, *labels))
    if drift and on_drift != "warn":
        return refused(
            step,
            Problem(
                network.name,
                ", ".join(difference.field for difference in drift),
                f"the network that is there is another ({in_words(drift)})" + _in_use(consumers),
                "declare what is there, or remove it with `state: absent` first; a network cannot be changed",
            ),
        )
    if step.drift:
        # A difference in labels alone is never worth a connection.
        return replace(step, message=f"left as it is, which is not as declared ({in_words(step.drift)})")
    return step


def _in_use(consumers: Sequence[Consumer]) -> str:
    return f"; in use by {consumers_in_words(consumers)}" if consumers else ""


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


def _overlaps(network: Network, declaration: Declaration, observed: Observed) -> Iterator[Problem]:
    leaving = {other.name for other in declaration.networks if not other.present}
    for subnet in network.subnets:
        for other in observed.networks:
            if other.name in leaving or other.config_only:
                continue
            for taken in other.subnets:
                if overlap(subnet.network, taken.network):
                    yield Problem(
                        network.name,
                        "subnets",
                        f"{subnet.network} overlaps {taken.network} of the existing network `{other.name}`",
                        "choose a subnet that is free",
                    )
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


def _engine_problems(network: Network, observed: Observed) -> Iterator[Problem]:
    """What this engine's version cannot do."""
    has_ipv6_subnet = any(isinstance(subnet.network, IPv6Network) for subnet in network.subnets)
    if network.ipv6 and not has_ipv6_subnet and _major(observed.engine_version) < 27:
        yield Problem(
            network.name,
            "subnets",
            f"engine {observed.engine_version} has no IPv6 addresses of its own to give (27 and newer have)",
            "declare an IPv6 subnet, such as fd00:20::/64",
        )


def _major(version: str) -> int:
    digits = version.split(".", maxsplit=1)[0]
    return int(digits) if digits.isdigit() else 0


# ---- for people


def _shown(network: Network | ActualNetwork) -> Mapping[str, Any]:
    """How a network looks in a diff."""
    return {
        "driver": network.driver,
        "scope": "swarm" if network.swarm else "local",
        "attachable": network.attachable,
        "encrypted": network.encrypted,
        "internal": network.internal,
        "ipv6": network.ipv6,
        "mtu": network.mtu,
        "subnets": [subnet.as_dict() for subnet in network.subnets],
        "driver_opts": dict(network.driver_opts),
        "labels": dict(network.labels),
    }
