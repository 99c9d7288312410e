# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The trusted storage pool: who is declared, who is in it, and what is to be done about the difference."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Iterator, Mapping, Sequence

from ansible_collections.berthage.swarm.plugins.module_utils._gluster.cli import Member, Volume
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.hosts import (
    Names,
    between_hosts,
    is_host,
    is_loopback,
    member_of,
)
from ansible_collections.berthage.swarm.plugins.module_utils._plan import CREATE, KEEP, NONE, REMOVE, Step, refused
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem, refuse_if_any

PRESENT = "present"
ABSENT = "absent"

ARGUMENTS: dict[str, dict[str, Any]] = {
    "peers": {"type": "list", "elements": "str", "required": True},
    "state": {"type": "str", "default": PRESENT, "choices": [PRESENT, ABSENT]},
    "timeout": {"type": "int", "default": 60},
}


@dataclass(frozen=True)
class PoolSpec:
    peers: tuple[str, ...]
    state: str
    timeout: int


@dataclass(frozen=True)
class Pool:
    """What was observed. `unreachable` says of a declared host that is no member why no glusterd answers there."""

    members: tuple[Member, ...]
    names: Names
    unreachable: Mapping[str, str] = field(default_factory=dict)
    volumes: Mapping[str, Volume] = field(default_factory=dict)

    def member(self, host: str) -> Member | None:
        return member_of(host, self.members, self.names)


def pool_spec(arguments: Mapping[str, Any]) -> PoolSpec:
    """The declared pool.

    Raises:
        Refused: with every problem.
    """
    refuse_if_any(_problems(arguments))
    return PoolSpec(tuple(arguments["peers"]), arguments["state"], arguments["timeout"])


def pool_steps(spec: PoolSpec, pool: Pool) -> list[Step]:
    """What is to be done for each declared host, in their order."""
    if spec.state == ABSENT:
        return [_detach(host, pool) for host in spec.peers]
    steps: list[Step] = []
    new: dict[str, frozenset[str]] = {}  # the hosts to be probed, and their addresses
    for host in spec.peers:
        step = _probe(host, pool, new)
        if step.changes:
            new[host] = between_hosts(pool.names.addresses.get(host, frozenset()))
        steps.append(step)
    return steps


def unseen(pool: Pool, viewer: Member, view: Sequence[Member]) -> tuple[str, ...]:
    """The names of those members that another member does not count as connected members yet, though this host does.

    Each host learns of the others by itself, after this one: until all of them have, gluster refuses to create a volume
    ("Staging failed on ... Host ... not connected", seen with 10.3), and leaves its mark on the bricks of those hosts
    that had agreed.
    A view that is empty is not known, and held against nobody.
    """
    if not view:
        return ()
    known = {member.uuid for member in view if member.usable}
    return tuple(
        "this host" if member.is_local else member.name
        for member in pool.members
        if member.usable and member.uuid not in known | {viewer.uuid}
    )


def not_seen(host: str, others: Sequence[str], timeout: int) -> Problem:
    """Why a member is none for the others in time."""
    return Problem(
        host,
        "peers",
        f"is connected to this host, and has no connection to {', '.join(others)} after {timeout} s",
        f"see `gluster peer status` on {host}; open port 24007/tcp between all hosts, use names that each of them can "
        "resolve, or raise timeout",
    )


def shown(member: Member | None) -> dict[str, Any]:
    """A member as the diff and the return value show it."""
    if member is None:
        return {"uuid": None, "hostnames": [], "connected": False, "state": None}
    return {
        "uuid": member.uuid,
        "hostnames": list(member.hostnames),
        "connected": member.connected,
        "state": member.state,
    }


def not_connected(host: str, member: Member | None, unreachable: str, timeout: int) -> Problem:
    """Why a host that was added is no working member in time."""
    if member is not None and member.connected:
        return Problem(
            host,
            "peers",
            f"is in the state {member.state!r} after {timeout} s",
            "see /var/log/glusterfs/glusterd.log on both hosts; a rejected peer has other volume definitions",
        )
    why = unreachable or "its glusterd answers, yet does not count this host as a peer"
    return Problem(
        host,
        "peers",
        f"is not connected after {timeout} s: {why}",
        f"start glusterd on {host}, open port 24007/tcp between the hosts, or raise timeout",
    )


def _probe(host: str, pool: Pool, new: Mapping[str, frozenset[str]]) -> Step:
    member = pool.member(host)
    if member is not None:
        return Step(host, KEEP, shown(member), shown(member), details=shown(member), message=_also_known(host, member))
    mine = between_hosts(pool.names.addresses.get(host, frozenset()))
    for other, addresses in new.items():
        if mine & addresses:
            return Step(host, KEEP, details=shown(None), message=f"the same host as {other}")
    step = Step(host, CREATE, None, {"connected": True}, details=shown(None))
    reason = pool.unreachable.get(host, "")
    if not reason:
        return step
    remedy = (
        "use an address, or make the name known (DNS or /etc/hosts) on every host of the pool"
        if "does not resolve" in reason
        else f"install glusterfs-server on {host}, start glusterd there, and open port 24007/tcp between the hosts"
    )
    return refused(step, Problem(host, "peers", f"cannot be added: {reason}", remedy))


def _detach(host: str, pool: Pool) -> Step:
    member = pool.member(host)
    if member is None:
        return Step(host, NONE, details=shown(None))
    step = Step(host, REMOVE, shown(member), None, details=shown(member))
    if member.is_local:
        return refused(
            step, Problem(host, "peers", "a host cannot detach itself", "run this on another member of the pool")
        )
    bricks = [
        f"{volume.name} ({brick})"
        for volume in pool.volumes.values()
        for brick in volume.bricks
        if brick.peer == member.uuid
    ]
    if bricks:
        return refused(
            step,
            Problem(
                host,
                "peers",
                f"has bricks of {', '.join(bricks)}, whose data would go with it",
                "move or remove these bricks first",
            ),
        )
    if not member.connected:
        return refused(
            step,
            Problem(
                host,
                "peers",
                "is not connected, and would not learn that it was detached",
                "start glusterd there first",
            ),
        )
    return step


def _also_known(host: str, member: Member) -> str:
    if member.is_local:
        return "this host"
    return "" if host in member.hostnames else f"known to the pool as {member.name}"


def _problems(arguments: Mapping[str, Any]) -> Iterator[Problem]:
    peers: Sequence[str] = arguments["peers"]
    if not peers:
        yield Problem("peers", "", "the list is empty", "name every host of the pool")
    for host, times in Counter(peers).items():
        if not is_host(host):
            yield Problem(host, "peers", "is no host name or address", "write a name, or an address without a port")
        elif is_loopback(host):
            yield Problem(
                host,
                "peers",
                "this name means another host on every host",
                "use the name or address by which the other members reach it",
            )
        if times > 1:
            yield Problem(host, "peers", f"is listed {times} times", "list each host once")
    if arguments["timeout"] < 1:
        yield Problem("timeout", "", f"{arguments['timeout']} s is no time to wait", "use 1 or more")
