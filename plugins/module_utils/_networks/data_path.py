# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What calls over the overlays, and the frames seen at both ends, say about each way between two nodes.

The observations are those of playbooks/files/verify_networks.py. What is broken is told with its likely cause.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterator, Mapping

from .encryption import REMEDY_FOR_ENGINES, disagree

Answers = Mapping[str, Any]
Facts = Mapping[str, Any]

PAGE = 64 * 1024  # what verify_networks.py has its servers serve
ENCAPSULATION = {False: 50, True: 76}  # bytes around a container's packet: VXLAN, and with ESP (1500 leaves 1424)


@dataclass(frozen=True)
class Way:
    """From one node to another over a network. `outcome` is `verified`, `skipped` or `FAILED`."""

    origin: str
    target: str
    outcome: str
    reason: str = ""


@dataclass(frozen=True)
class Network:
    """`reason` is what holds for the network as a whole, `detail` how its traffic was seen."""

    name: str
    driver: str
    kind: str
    outcome: str
    reason: str = ""
    detail: str = ""
    ways: tuple[Way, ...] = ()


def judged(by_host: Mapping[str, Answers]) -> tuple[Network, ...]:
    return tuple(_network(declared, by_host) for declared in _declared(by_host))


def warnings(by_host: Mapping[str, Answers]) -> list[str]:
    """What is known to break traffic, whether or not this time's did. One line each."""
    return [*_engine_warnings(by_host), *_mtu_warnings(by_host)]


def _declared(by_host: Mapping[str, Answers]) -> list[Facts]:
    """Each network once. Hosts that are no nodes declare the same ones, or none."""
    found: dict[str, Facts] = {}
    for answer in by_host.values():
        for network in answer.get("prepare", {}).get("networks", ()):
            found.setdefault(network["name"], network)
    return list(found.values())


def _nodes(by_host: Mapping[str, Answers]) -> dict[str, Answers]:
    return {host: answer for host, answer in by_host.items() if "listening" in answer.get("prepare", {})}


def _network(declared: Facts, by_host: Mapping[str, Answers]) -> Network:
    name, flags = declared["name"], ("attachable", "encrypted", "internal")
    kind = ", ".join(flag for flag in flags if declared[flag]) or "-"
    nodes = _nodes(by_host)
    beyond_us = _beyond_us(declared, nodes)
    if beyond_us:
        return Network(name, declared["driver"], kind, "skipped", beyond_us)
    ways = tuple(_way(declared, here, there, nodes) for here in nodes for there in nodes if here != there)
    outcome = "FAILED" if any(way.outcome == "FAILED" for way in ways) else "verified"
    vni = next((facts["vni"] for facts in _listening(nodes, name) if facts.get("vni")), None)
    detail = f"as ESP alone, none as clear VXLAN {vni}" if declared["encrypted"] else f"as clear VXLAN {vni}"
    return Network(name, declared["driver"], kind, outcome, "", detail, ways)


def _beyond_us(declared: Facts, nodes: Mapping[str, Answers]) -> str:
    """Why this network cannot be tried at all."""
    if declared["driver"] != "overlay":
        return f"a {declared['driver']} network does not lead from one host to another"
    if not declared["attachable"]:
        return "not attachable: only services can join it"
    if len(nodes) < 2:
        return "takes two hosts"
    lacking = [answer["prepare"].get("kernel_lacks", "") for answer in nodes.values()]
    if declared["encrypted"] and all(lacking):
        return f"kernel without {lacking[0]}"
    return ""


def _listening(nodes: Mapping[str, Answers], name: str) -> list[Facts]:
    return [answer["prepare"]["listening"].get(name, {}) for answer in nodes.values()]


def _way(declared: Facts, here: str, there: str, nodes: Mapping[str, Answers]) -> Way:
    name = declared["name"]
    # In one order, so that the same is said of both ways between two nodes.
    ends = (here, there) if list(nodes).index(here) < list(nodes).index(there) else (there, here)
    for host in ends:
        wrong = _wrong_on(host, declared, nodes)
        if wrong:
            return Way(here, there, "FAILED", wrong)
    mine = _seen(nodes, name, here, there)
    if mine is None:
        return Way(here, there, "FAILED", f"{here} did not call; see what is said of it")
    reason = _bad_wire(declared, here, there, mine, nodes) if mine["large"] >= PAGE else ""
    if mine["large"] < PAGE:
        reason = _too_large(declared, ends, nodes) if mine["small"] else _cause(declared, here, there, ends, nodes)
    return Way(here, there, "FAILED" if reason else "verified", reason)


def _wrong_on(host: str, declared: Facts, nodes: Mapping[str, Answers]) -> str:
    said = nodes[host]["prepare"]
    facts = said["listening"].get(declared["name"], {})
    if declared["encrypted"] and said.get("kernel_lacks"):
        return f"the kernel of {host} is without {said['kernel_lacks']}, and those of others are not"
    if facts.get("wrong"):
        return f"on {host}: {facts['wrong']}"
    return "" if facts.get("address") else f"no container is on it on {host}"


def _seen(nodes: Mapping[str, Answers], name: str, here: str, there: str) -> Facts | None:
    networks: Mapping[str, Any] = nodes[here].get("exchange", {}).get("networks", {})
    found: Facts | None = networks.get(name, {}).get("ways", {}).get(there)
    return found


def _bad_wire(declared: Facts, here: str, there: str, mine: Facts, nodes: Mapping[str, Answers]) -> str:
    """A page came; now how: the wire must have carried at least its bytes in the way declared."""
    clear = mine["clear_in"] + mine["clear_out"]
    if not declared["encrypted"]:
        short = mine["clear_in"] < PAGE
        return f"only {mine['clear_in']} bytes of clear VXLAN seen on {here} for a page of {PAGE}" if short else ""
    if clear:
        return f"{clear} bytes in clear VXLAN between {here} and {there}"
    # ESP does not tell its network: what came must do for the pages of all encrypted ones.
    pages = sum(
        (_seen(nodes, network["name"], here, there) or {}).get("large", 0)
        for network in _declared(nodes)
        if network["encrypted"]
    )
    return f"only {mine['esp_in']} bytes of ESP seen on {here} for pages of {pages}" if mine["esp_in"] < pages else ""


def _too_large(declared: Facts, ends: tuple[str, str], nodes: Mapping[str, Answers]) -> str:
    """Small packets passed, and large ones did not."""
    found = "; ".join(line for host in ends for line in _mtu_of(declared, host, nodes))
    reason = found or (
        "the path between them carries less than their interfaces' MTU; find it with `ping -M do -s 1472`, and declare "
        "it as the network's `mtu`"
    )
    return f"small packets pass and large ones do not: {reason}"


def _mtu_of(declared: Facts, host: str, nodes: Mapping[str, Answers]) -> list[str]:
    """Where the containers' MTU does not fit into that of the interfaces to the peers."""
    mtu = nodes[host]["prepare"]["listening"].get(declared["name"], {}).get("mtu", 0)
    needed = mtu + ENCAPSULATION[declared["encrypted"]]
    underlays = nodes[host].get("exchange", {}).get("underlay", {}).values()
    interfaces = {facts["interface"]: facts["mtu"] for facts in underlays}
    return [
        f"MTU {mtu} of its containers takes {needed} on the wire, and {interface} on {host} has {available}; declare "
        f"`mtu: {available}`"
        for interface, available in interfaces.items()
        if mtu and available and needed > available
    ]


def _mtu_warnings(by_host: Mapping[str, Answers]) -> Iterator[str]:
    nodes = _nodes(by_host)
    for declared in _declared(by_host):
        for host in nodes:
            yield from (f"{declared['name']}: {line}" for line in _mtu_of(declared, host, nodes))


def _engine_warnings(by_host: Mapping[str, Answers]) -> Iterator[str]:
    nodes = list(_nodes(by_host).items())
    if not any(network["encrypted"] for network in _declared(by_host)):
        return
    for index, (one, answer) in enumerate(nodes):
        for other, another in nodes[index + 1 :]:
            if disagree(answer["prepare"]["engine"], another["prepare"]["engine"]):
                yield _of_engines((one, other), dict(nodes))


def _of_engines(ends: tuple[str, str], nodes: Mapping[str, Answers]) -> str:
    versions = " and ".join(f"{nodes[host]['prepare']['engine']} on {host}" for host in ends)
    return f"the engines {versions} disagree about encrypted overlays (moby#51798); {REMEDY_FOR_ENGINES}"


def _cause(declared: Facts, here: str, there: str, ends: tuple[str, str], nodes: Mapping[str, Answers]) -> str:
    """Why no packet gets through, as far as both ends' observations tell."""
    name = declared["name"]
    mine = _seen(nodes, name, here, there) or {}
    if mine.get("known") is False:
        tcp = nodes[here]["exchange"].get("gossip", {}).get(there)
        port = f"no answer from {tcp} either" if tcp else "7946/tcp answers, so see 7946/udp"
        return f"{here} was never told where the container on {there} is: no gossip between the engines; {port}"
    if declared["encrypted"] and disagree(*(nodes[host]["prepare"]["engine"] for host in ends)):
        return _of_engines(ends, nodes)
    broken = [_broken(declared, origin, target, nodes) for origin, target in (ends, ends[::-1])]
    parts = [part for part in broken if part] or [str(mine.get("said", "")) or "no answer"]
    return "; ".join([*parts, *_of_plain_ones(declared, ends, nodes)])


def _broken(declared: Facts, origin: str, target: str, nodes: Mapping[str, Answers]) -> str:
    """Where packets from one node to the other end, or nothing where they got into the other's container."""
    sent, got = (
        _seen(nodes, declared["name"], one, other) or {} for one, other in ((origin, target), (target, origin))
    )
    if got.get("heard") or got.get("small") or not (sent and got):
        return ""
    wire, what = ("esp", "ESP (protocol 50)") if declared["encrypted"] else ("clear", "VXLAN")
    if not sent[f"{wire}_out"]:
        return f"no {what} leaves {origin} for {target}: its own firewall drops it, or its engine does not send it"
    if not got[f"{wire}_in"]:
        return f"{what} leaves {origin} and never comes to {target}: a firewall between them drops it"
    other = ", or it cannot decrypt it" if declared["encrypted"] else ""
    return f"{what} from {origin} comes to {target} and no further: the firewall of {target} drops it{other}"


def _of_plain_ones(declared: Facts, ends: tuple[str, str], nodes: Mapping[str, Answers]) -> list[str]:
    """Whether plain overlays carry between the same nodes, which tells a cause of encryption from one of the path."""
    if not declared["encrypted"]:
        return []
    plain = [network["name"] for network in _declared(nodes) if not network["encrypted"]]
    seen = [facts["small"] for name in plain for facts in [_seen(nodes, name, *ends)] if facts]
    if not seen:
        return []
    return ["plain overlays between them work" if all(seen) else "plain overlays between them do not work either"]
