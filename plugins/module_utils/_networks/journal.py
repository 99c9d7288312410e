# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a recreation under way has to give back, kept where the network is, so that a later run can finish it.

Of a network of one host it is kept by that engine, as the label of a configuration-only network, which nothing can
be attached to. Of a network of the Swarm it is kept by the Swarm, as the label of a config, which every manager sees
and no two of them can write at once. It is written before the first change, and removed after the last one; while it
is there, no other run changes that network.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import time
from dataclasses import dataclass
from typing import Any, Iterable, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._engine import Engine, EngineError, EngineRefusal
from ansible_collections.berthage.swarm.plugins.module_utils._networks import reattach
from ansible_collections.berthage.swarm.plugins.module_utils._networks.observe import ActualNetwork, settled
from ansible_collections.berthage.swarm.plugins.module_utils._networks.reattach import Attached
from ansible_collections.berthage.swarm.plugins.module_utils._networks.spec import LABEL_PREFIX
from ansible_collections.berthage.swarm.plugins.module_utils._process_mark import is_left_behind, mark

PREFIX = "berthage-reattach-"
LABEL = LABEL_PREFIX + "reattach"

# Seconds after which a writer elsewhere, who has not renewed the Swarm's journal meanwhile, counts as gone.
LEASE = 20.0
_RENEWAL = 4.0
_LONGEST = 600  # seconds after which a writer whom we cannot see counts as gone in any case
_PATIENCE = 300.0  # seconds for another run to finish
_PAUSE = 0.5


class Busy(EngineError):
    """Another run changes the network at this moment."""


@dataclass(frozen=True)
class Journal:
    """One journal as it was found. `writer` tells the process that keeps it (see `_process_mark.mark`)."""

    attached: Attached
    writer: str
    id: str
    version: int | None  # None of one that is kept by an engine

    @property
    def network(self) -> str:
        return self.attached.network

    @property
    def in_swarm(self) -> bool:
        return self.version is not None

    @property
    def whereabouts(self) -> str:
        """For a remedy: where the operator finds it."""
        return f"the {'config' if self.in_swarm else 'network'} {name_of(self.network)}"


def name_of(network: str) -> str:
    """A config's name has at most 64 characters, a network's up to 63."""
    name = PREFIX + network
    return name if len(name) <= 64 else PREFIX + hashlib.sha256(network.encode()).hexdigest()[:32]


def read(engine: Engine, networks: Iterable[ActualNetwork], is_manager: bool) -> dict[str, Journal]:
    """The journals by the name of their network. `networks` are all that the engine knows."""
    found = [
        _parsed(network.labels, network.id, None)
        for network in networks
        if network.config_only and LABEL in network.labels
    ]
    for raw in engine.get("/configs", filters={"label": [LABEL]}) if is_manager else ():
        found.append(_parsed((raw.get("Spec") or {}).get("Labels") or {}, raw["ID"], raw["Version"]["Index"]))
    return {journal.network: journal for journal in found if journal is not None}


def may_be_at_work(journal: Journal) -> bool:
    """Whether its writer may still be running, as far as this host can tell."""
    return not is_left_behind(journal.writer)


def wait_for_others(engine: Engine, networks: Iterable[str], is_manager: bool) -> bool:
    """Wait until no other run is at work on these. Whether there was anything to wait for.

    Raises:
        Busy: one does not come to its end.
    """
    wanted = frozenset(networks)
    started = time.monotonic()
    seen: dict[str, tuple[int | None, float]] = {}
    waited = False
    while True:
        journals = read(engine, settled(engine, ()), is_manager)
        at_work = [journals[name] for name in sorted(wanted & journals.keys()) if may_be_at_work(journals[name])]
        now = time.monotonic()
        for journal in at_work:
            if seen.get(journal.id, (None, 0.0))[0] != journal.version or journal.id not in seen:
                seen[journal.id] = (journal.version, now)
        at_work = [journal for journal in at_work if not (journal.in_swarm and now - seen[journal.id][1] > LEASE)]
        if not at_work:
            return waited
        if now - started > _PATIENCE:
            raise Busy(_still_at_work(at_work[0]))
        waited = True
        time.sleep(_PAUSE)


def _still_at_work(journal: Journal) -> str:
    where = "docker config rm" if journal.in_swarm else "docker network rm"
    return (
        f"{journal.network}: another run is recreating it, and has not finished within {_PATIENCE:g} s; run again "
        f"later (its journal is {name_of(journal.network)}; `{where}` it only if what it tells was attached by hand)"
    )


class Keeper:
    """The journal of a recreation of ours, from `write` to `remove`."""

    def __init__(self, engine: Engine, attached: Attached, in_swarm: bool, found: Journal | None) -> None:
        """`found` is the journal of an earlier run, which this one finishes."""
        self._engine = engine
        self._attached = attached
        self._in_swarm = in_swarm if found is None else found.in_swarm
        self._found = found
        self._id = ""
        self._version = 0
        self._renewed = 0.0

    def write(self) -> None:
        """Begin.

        Raises:
            Busy: another run was faster.
        """
        if self._found is not None:
            self._id, self._version = self._found.id, self._found.version or 0
            if self._in_swarm:
                self._update()
        elif self._in_swarm:
            self._create_in_swarm()
        else:
            self._create_locally()
        self._renewed = time.monotonic()

    def renew(self) -> None:
        """Say that this run is still at work, where others cannot see it.

        Raises:
            Busy: another run has taken it for dead, and goes on in its place.
        """
        if self._in_swarm and time.monotonic() - self._renewed > _RENEWAL:
            self._update()
            self._renewed = time.monotonic()

    def keep_only(self, attached: Attached) -> None:
        """Leave what only other nodes can give back to runs there."""
        self._attached = attached
        self._update(by="")

    def remove(self) -> None:
        """The end: everybody is attached."""
        try:
            self._engine.delete(f"/configs/{self._id}" if self._in_swarm else f"/networks/{self._id}")
        except EngineRefusal as refusal:
            if refusal.status != 404:
                raise

    def _labels(self, by: str | None = None) -> dict[str, str]:
        writer = mark(os.getpid(), time.time() + _LONGEST) if by is None else by
        return {LABEL: json.dumps({"by": writer, "attached": reattach.to_json(self._attached)})}

    def _create_in_swarm(self) -> None:
        try:
            made = self._engine.post("/configs/create", self._config(self._labels()))
        except EngineRefusal as refusal:
            if refusal.status == 409 or "name conflicts with an existing object" in refusal.reason:
                raise Busy(f"another run is recreating {self._attached.network}") from refusal
            raise
        self._id = made["ID"]
        self._version = self._engine.get(f"/configs/{self._id}")["Version"]["Index"]

    def _update(self, by: str | None = None) -> None:
        try:
            self._engine.post(f"/configs/{self._id}/update", self._config(self._labels(by)), version=self._version)
            self._version = self._engine.get(f"/configs/{self._id}")["Version"]["Index"]
        except EngineRefusal as refusal:
            if refusal.status == 404 or "out of sequence" in refusal.reason:
                raise Busy(f"another run has taken over the recreation of {self._attached.network}") from refusal
            raise

    def _config(self, labels: Mapping[str, str]) -> dict[str, Any]:
        # The content cannot be changed later, the labels can.
        content = base64.b64encode(b"see the label " + LABEL.encode()).decode()
        return {"Name": name_of(self._attached.network), "Labels": dict(labels), "Data": content}

    def _create_locally(self) -> None:
        name = name_of(self._attached.network)
        request = {"Name": name, "CheckDuplicate": True, "ConfigOnly": True, "Labels": self._labels()}
        try:
            self._id = self._engine.post("/networks/create", request)["Id"]
        except EngineRefusal as refusal:
            if refusal.status == 409:
                raise Busy(f"another run is recreating {self._attached.network}") from refusal
            raise
        # An engine may let two of one name through. The older one stays, which both writers decide alike.
        named = [raw for raw in self._engine.get("/networks") if raw["Name"] == name]
        if min(named, key=lambda raw: (raw["Created"], raw["Id"]))["Id"] != self._id:
            self.remove()
            raise Busy(f"another run is recreating {self._attached.network}")


def _parsed(labels: Mapping[str, str], journal_id: str, version: int | None) -> Journal | None:
    try:
        read_back = json.loads(labels[LABEL])
        return Journal(reattach.from_json(read_back["attached"]), read_back["by"], journal_id, version)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # somebody else's, or of a release that we do not know
