# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making one network anew under those who use it, or putting the former one back.

Each part looks first and does only what is missing, so that a run which finds the journal of one that was killed goes
the same way from wherever that one came to.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Callable, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._drift import in_words
from ansible_collections.berthage.swarm.plugins.module_utils._engine import Engine, EngineError, EngineRefusal
from ansible_collections.berthage.swarm.plugins.module_utils._networks import compare, making, reattach
from ansible_collections.berthage.swarm.plugins.module_utils._networks.attachments import Pending
from ansible_collections.berthage.swarm.plugins.module_utils._networks.consumers import Containers, Services
from ansible_collections.berthage.swarm.plugins.module_utils._networks.journal import (
    Busy,
    Journal,
    Keeper,
    wait_for_others,
)
from ansible_collections.berthage.swarm.plugins.module_utils._networks.observe import ActualNetwork, Observed, settled
from ansible_collections.berthage.swarm.plugins.module_utils._networks.reattach import Attached
from ansible_collections.berthage.swarm.plugins.module_utils._networks.spec import Declaration, Network
from ansible_collections.berthage.swarm.plugins.module_utils._plan import Halfway


class NotReplaced(EngineError):
    """A network could not be recreated, and the former one is there again, with everybody on it."""


class Lost(Halfway, EngineError):
    """A network could not be recreated, and what was there before could not be restored in full."""


@dataclass(frozen=True)
class Recreated:
    """The network that is there now, who was attached to it again, and whether another run had been faster."""

    network: ActualNetwork
    reattached: tuple[Mapping[str, Any], ...] = ()
    by_another_run: bool = False
    message: str = ""


def recreate(
    engine: Engine, network: Network, declaration: Declaration, observed: Observed, pending: Pending
) -> Recreated:
    """Bring one network to what is declared, from whatever is there of it.

    Raises:
        NotReplaced: it could not be done, and everything is as it was.
        Lost: it could not be done, nor undone.
        EngineError: it was not begun.
    """
    may_replace = declaration.on_drift == "recreate"
    return _Recreation(engine, network, declaration.owner, may_replace, observed, pending).carry_out()


@dataclass
class _Recreation:
    engine: Engine
    network: Network
    owner: str
    may_replace: bool
    observed: Observed
    pending: Pending
    removed: set[str] = field(default_factory=set, init=False)

    def carry_out(self) -> Recreated:
        seen = next(iter(self.observed.named(self.network.name)), None)
        now = self._present()
        if self._is_another(now, seen):
            return self._made_by_another_run()
        given_back = self.pending.to_give_back()
        if given_back is None:
            return self._of_nobody(now)
        found = self.pending.found
        if found is not None and not found.in_swarm and seen is not None and given_back != found.attached:
            given_back, found = self._for_newcomers_too(seen, given_back, found), None
        in_swarm = bool(given_back.services) or self.network.swarm or (seen is not None and seen.swarm)
        keeper = Keeper(self.engine, given_back, in_swarm, found)
        try:
            keeper.write()
        except Busy:
            wait_for_others(self.engine, [self.network.name], self.observed.swarm.is_manager)
            return self._made_by_another_run()
        # A journal that was found kept others away, and is all that tells who waits to be attached.
        if found is None and self._is_another(self._present(), seen):
            # Another run has come and gone between our look and our journal.
            keeper.remove()
            return self._made_by_another_run()
        return self._under_its_users(given_back, keeper)

    # ---- the ways

    def _of_nobody(self, there: ActualNetwork | None) -> Recreated:
        """Nobody is attached, so nothing has to be remembered: killed halfway, the next run makes what is missing."""
        if there is None:
            return Recreated(self._make())
        former = making.request_that_made(self.engine, there.id)
        if there.ingress:
            making.wait_until_left(self.engine, there)
        making.remove(self.engine, there.id)
        self.removed.add(there.id)
        try:
            self._present()
            return Recreated(self._make())
        except EngineError as error:
            self._or_lost(error, lambda: self._put_back(former))
            raise NotReplaced(f"{error}; the former network was put back") from error

    def _under_its_users(self, attached: Attached, keeper: Keeper) -> Recreated:
        containers, services = self._consumers(attached, keeper)
        try:
            made = self._replaced(containers, services)
            containers.attach(made.id)
            services.attach(made.id)
        except Busy:
            raise  # it is in another run's hands now
        except EngineError as error:
            self._or_lost(error, lambda: self._restore(attached, containers, services, keeper))
            who = reattach.in_words(attached) or "nobody"
            raise NotReplaced(f"{error}; the former network was restored, with {who} on it as before") from error
        reattached = (*services.outcomes(), *containers.outcomes())
        return Recreated(made, reattached, message=self._finish(attached, keeper))

    def _replaced(self, containers: Containers, services: Services) -> ActualNetwork:
        """The network as declared. What was there is taken away first, unless it means the same, or is to be kept."""
        there = self._present()
        if there is not None:
            if not self.may_replace or not making.failure_of(self.network, there):
                return there
            services.detach((there.id, there.name))
            containers.detach()
            services.remove_network(there.id)
            self.removed.add(there.id)
            self._present()
        return self._make()

    def _restore(self, attached: Attached, containers: Containers, services: Services, keeper: Keeper) -> None:
        """The former network, and everybody on it as before."""
        there = self._present()
        if there is not None and there.id != attached.former_id:
            services.detach((there.id, there.name))
            containers.detach()
            services.remove_network(there.id)
            self.removed.add(there.id)
            there = self._present()
        network_id = self._put_back(attached.former) if there is None else there.id
        containers.attach(network_id)
        services.attach(network_id)
        self._finish(attached, keeper)

    def _put_back(self, former: Mapping[str, Any]) -> str:
        """Make the former network again; its id."""
        self._present()
        made = making.patiently(lambda: self.engine.post("/networks/create", former))
        settled(self.engine, [self.network.name])
        return str(made["Id"])

    def _finish(self, attached: Attached, keeper: Keeper) -> str:
        """End the journal, but for what only other nodes can give back; what there is to say of that."""
        elsewhere = attached.elsewhere(self.observed.swarm.node_id)
        if not elsewhere.containers:
            keeper.remove()
            return ""
        keeper.keep_only(elsewhere)
        hosts = ", ".join(sorted({each.host for each in elsewhere.containers}))
        return f"{reattach.in_words(elsewhere)} can be attached again only on {hosts}: run this there as well"

    def _for_newcomers_too(self, seen: ActualNetwork, given_back: Attached, found: Journal) -> Attached:
        """An engine's journal cannot be changed. Where somebody has come since, the old one is brought to its end on
        the network that is there, and what is told is of a new one."""
        keeper = Keeper(self.engine, found.attached, in_swarm=False, found=found)
        containers, _services = self._consumers(found.attached, keeper)
        containers.attach(seen.id)
        keeper.remove()
        former = making.request_that_made(self.engine, seen.id)
        return replace(given_back, former_id=seen.id, former=former)

    # ---- parts of them

    def _consumers(self, attached: Attached, keeper: Keeper) -> tuple[Containers, Services]:
        node = self.observed.swarm.node_id
        here = [each for each in attached.containers if each.node in ("", node)]
        return (
            Containers(self.engine, attached.network, here, keeper.renew),
            Services(self.engine, attached.services, keeper.renew),
        )

    def _make(self) -> ActualNetwork:
        """The declared network. What the engine makes otherwise than asked for is removed again."""
        name = self.network.name
        try:
            made = making.patiently(
                lambda: self.engine.post("/networks/create", making.creation_request(self.network, self.owner))
            )
        except EngineRefusal as refusal:
            there = self._present() if making.is_name_conflict(refusal) else None
            if there is None or making.failure_of(self.network, there):
                raise
            return there  # an answer was lost, or somebody else was faster
        there = next((each for each in settled(self.engine, [name]) if each.id == made["Id"]), None)
        failure = making.failure_of(self.network, there)
        if failure or there is None:
            making.remove(self.engine, made["Id"])
            self.removed.add(made["Id"])
            raise EngineError(failure)
        return there

    def _present(self) -> ActualNetwork | None:
        return making.present(self.engine, self.network.name, self.removed)

    def _is_another(self, now: ActualNetwork | None, seen: ActualNetwork | None) -> bool:
        """Whether another run has made it anew, or has taken it away, since we looked."""
        if now is None and self.pending.attached is None:
            # What a killed run had removed is listed a moment longer, with nobody on it.
            return False
        return (now.id if now else "") != (seen.id if seen else "")

    def _made_by_another_run(self) -> Recreated:
        there = self._present()
        if there is None:
            raise EngineError("another run removed it meanwhile; run again")
        drift = compare.drift(self.network, there)
        if drift:
            raise EngineError(f"another run made it anew meanwhile, as another one ({in_words(drift)}); run again")
        return Recreated(there, by_another_run=True, message="another run made it anew meanwhile, as declared")

    def _or_lost(self, error: EngineError, undo: Callable[[], Any]) -> None:
        try:
            undo()
        except EngineError as second:
            raise Lost(
                f"{error}; what was there before could not be restored ({second}); run again, which goes on from here"
            ) from error
