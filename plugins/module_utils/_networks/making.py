# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking an engine for a network, and looking whether it made the one that it was asked for."""

from __future__ import annotations

import re
import time
from typing import Any, Callable, Collection, Mapping, TypeVar

from ansible_collections.berthage.swarm.plugins.module_utils._drift import in_words
from ansible_collections.berthage.swarm.plugins.module_utils._engine import Engine, EngineError, EngineRefusal
from ansible_collections.berthage.swarm.plugins.module_utils._networks import compare
from ansible_collections.berthage.swarm.plugins.module_utils._networks.addresses import Subnet
from ansible_collections.berthage.swarm.plugins.module_utils._networks.drivers import ENCRYPTED_OPTION, MTU_OPTION
from ansible_collections.berthage.swarm.plugins.module_utils._networks.observe import (
    ALLOCATION_SECONDS,
    FINISHED,
    ActualNetwork,
    settled,
)
from ansible_collections.berthage.swarm.plugins.module_utils._networks.spec import DECLARED_LABEL, OWNER_LABEL, Network

T = TypeVar("T")

_ELECTION_SECONDS = 30.0  # a Swarm that lost its leader has a new one within a few seconds
_LET_GO = 30.0  # seconds for an engine to see that a network of the Swarm has gone
_LAST_TASKS = 60.0  # seconds for the tasks of services that were removed to end
_PAUSE = 0.2


def creation_request(network: Network, owner: str) -> Mapping[str, Any]:
    """The body of `POST /networks/create`."""
    options = dict(network.driver_opts)
    if network.encrypted:
        options[ENCRYPTED_OPTION] = "true"  # its presence counts, so an unencrypted network never has the key
    if network.mtu is not None:
        options[MTU_OPTION] = str(network.mtu)
    request: dict[str, Any] = {
        "Name": network.name,
        "CheckDuplicate": True,
        "Driver": "bridge" if network.config_only else network.driver,  # ignored there, and it has to be one
        "Attachable": network.attachable,
        "Internal": network.internal,
        "EnableIPv6": network.ipv6,
        "Ingress": network.ingress,
        "ConfigOnly": network.config_only,
    }
    if network.swarm and network.driver != "overlay":
        request["Scope"] = "swarm"
    if network.config_from:
        # Engines refuse everything else here, labels too, so that such a network has no owner written on it.
        return {**request, "ConfigFrom": {"Network": network.config_from}}
    return {
        **request,
        "Options": options,
        "IPAM": {"Driver": "default", "Config": [_ipam(subnet) for subnet in network.subnets]},
        "Labels": {**network.labels, OWNER_LABEL: owner, DECLARED_LABEL: ",".join(network.declared)},
    }


def request_that_made(engine: Engine, network_id: str) -> Mapping[str, Any]:
    """The same of a network that is there, so that it can be made once more.

    Read from the list: asked for one network of the Swarm, an engine may answer with its own part of it, and of the
    routing mesh's that has no labels.

    Raises:
        EngineError: it has gone.
    """
    for raw in engine.get("/networks"):
        if raw["Id"] == network_id:
            return former_request(raw)
    raise EngineError("it has gone meanwhile; run again")


def former_request(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The body of `POST /networks/create` that makes a network of `GET /networks` once more, with its addresses."""
    request: dict[str, Any] = {"Name": raw["Name"], "CheckDuplicate": True, "Driver": raw.get("Driver") or ""}
    in_swarm = raw.get("Scope") == "swarm"
    if in_swarm and request["Driver"] != "overlay":
        request["Scope"] = "swarm"
    for key in ("Attachable", "Ingress", "Internal", "EnableIPv6", "ConfigOnly"):
        request[key] = bool(raw.get(key))
    configured_by = (raw.get("ConfigFrom") or {}).get("Network")
    if configured_by:
        request["ConfigFrom"] = {"Network": configured_by}
    labels = dict(raw.get("Labels") or {})
    if labels:
        request["Labels"] = labels
    if configured_by:
        return request  # everything else is that network's, and is refused here
    ipam = raw.get("IPAM") or {}
    request["Options"] = {
        key: value for key, value in (raw.get("Options") or {}).items() if key not in _CHOSEN_BY_THE_ENGINE
    }
    request["IPAM"] = {
        "Driver": ipam.get("Driver") or "default",
        "Config": [
            {**pool, **({"Gateway": str(pool["Gateway"]).split("/", maxsplit=1)[0]} if pool.get("Gateway") else {})}
            for pool in ipam.get("Config") or []
        ],
    }
    if ipam.get("Options"):
        request["IPAM"]["Options"] = ipam["Options"]
    return request


_CHOSEN_BY_THE_ENGINE = frozenset({"com.docker.network.driver.overlay.vxlanid_list"})


def failure_of(network: Network, made: ActualNetwork | None) -> str:
    """Why what the engine made is not what was asked for; nothing where it is."""
    if made is None:
        return "the engine accepted it, and does not list it"
    if made.lacks_addresses:
        return (
            f"the Swarm gave it no addresses within {ALLOCATION_SECONDS:g} s (its address pool is exhausted, or "
            "the subnet is taken); see `docker info` for the default address pool, and the manager's journal"
        )
    drift = compare.drift(network, made)
    return f"the engine made another one than asked for ({in_words(drift)})" if drift else ""


def is_name_conflict(refusal: EngineRefusal) -> bool:
    """Whether somebody made a network of this name since we looked.

    The engine looks first and answers 409. Of two requests that both came that far, the Swarm's store refuses the
    second, and its reason arrives as status 500 (swarmkit, manager/state/store: ErrNameConflict).
    """
    return refusal.status == 409 or "name conflicts with an existing object" in refusal.reason


def is_in_use(refusal: EngineRefusal) -> bool:
    """Whether a network stays because somebody is on it: local ones answer 403 or 409, the Swarm 400 or 500."""
    return "in use" in refusal.reason or "active endpoints" in refusal.reason


def remove(engine: Engine, network_id: str) -> bool:
    """Remove a network. False if it had gone already."""
    try:
        engine.delete(f"/networks/{network_id}")
    except EngineRefusal as refusal:
        if not has_gone(refusal, network_id):
            raise
        return False
    return True


def has_gone(refusal: EngineRefusal, network_id: str) -> bool:
    """Whether the network to be removed is not there. Of one that the Swarm removed a moment ago, and the engine still
    lists, it says so with status 500."""
    return refusal.status == 404 or f"network {network_id} not found" in refusal.reason


def wait_until_left(engine: Engine, mesh: ActualNetwork) -> None:
    """Wait until no task is on the routing mesh's network any more.

    The Swarm lets it go as soon as no service publishes by it. A node where a task of a removed one is still ending
    cannot, and then has both until its engine is restarted (seen on 26.1; moby, `daemon.setupIngress`).

    Raises:
        EngineError: they do not end in time.
    """
    deadline = time.monotonic() + _LAST_TASKS
    while True:
        tasks = [task for task in patiently(lambda: engine.get("/tasks")) if _is_on(task, mesh.id)]
        nodes = {node["ID"]: node for node in patiently(lambda: engine.get("/nodes"))} if tasks else {}
        # A lost node never tells that its tasks have ended.
        holding = sorted(
            {
                nodes[task["NodeID"]]["Description"]["Hostname"]
                for task in tasks
                if task.get("NodeID") in nodes and nodes[task["NodeID"]]["Status"]["State"] == "ready"
            }
        )
        if not holding:
            return
        if time.monotonic() > deadline:
            raise EngineError(
                f"tasks of services that are gone have not ended within {_LAST_TASKS:g} s on {', '.join(holding)}, and "
                "still publish by it; see `docker ps` there, and run again once they have ended"
            )
        time.sleep(_PAUSE)


def _is_on(task: Mapping[str, Any], network_id: str) -> bool:
    return (task.get("Status") or {}).get("State") not in FINISHED and any(
        (attached.get("Network") or {}).get("ID") == network_id for attached in task.get("NetworksAttachments") or ()
    )


def present(engine: Engine, name: str, removed: Collection[str] = ()) -> ActualNetwork | None:
    """The network of this name, the oldest where there are several, once it has its addresses.

    An engine lists a network of the Swarm a moment longer than the Swarm has it, and makes no other of that name
    meanwhile. So those whose ids are known to have been `removed` are waited for to go.
    """
    deadline = time.monotonic() + _LET_GO
    while True:
        named = [network for network in settled(engine, [name]) if network.name == name]
        if not any(network.id in removed for network in named):
            return min(named, key=lambda network: (network.created, network.id)) if named else None
        if time.monotonic() > deadline:
            raise EngineError(
                f"the network {name} was removed, and the engine still holds it after {_LET_GO:g} s; see "
                f"`docker network inspect {name}` for who is on it"
            )
        time.sleep(_PAUSE)


def has_no_leader(refusal: EngineRefusal) -> bool:
    """Whether the Swarm could not answer because it elects a leader (swarmkit, manager/state/raft)."""
    return refusal.status >= 500 and bool(_NO_LEADER.search(refusal.reason))


def explained(text: str) -> str:
    """An error's text, with what to do where the reason is that the Swarm has no leader."""
    if not _NO_LEADER.search(text):
        return text
    return (
        f"{text}. This manager does not reach enough of the others: see `docker node ls`, then run again, here or on a "
        "manager that does"
    )


_NO_LEADER = re.compile(
    r"does not have a leader|lost leader|DeadlineExceeded|context deadline exceeded|code = Unavailable"
)


def patiently(engine_call: Callable[[], T]) -> T:
    """Do it again while the Swarm elects a leader. Only for what may be done twice."""
    deadline = time.monotonic() + _ELECTION_SECONDS
    while True:
        try:
            return engine_call()
        except EngineRefusal as refusal:
            if not has_no_leader(refusal) or time.monotonic() > deadline:
                raise
        time.sleep(_PAUSE)


def _ipam(subnet: Subnet) -> dict[str, Any]:
    config: dict[str, Any] = {"Subnet": str(subnet.network)}
    if subnet.gateway is not None:
        config["Gateway"] = str(subnet.gateway)
    if subnet.ip_range is not None:
        config["IPRange"] = str(subnet.ip_range)
    if subnet.aux_addresses:
        config["AuxiliaryAddresses"] = {name: str(address) for name, address in subnet.aux_addresses}
    return config
