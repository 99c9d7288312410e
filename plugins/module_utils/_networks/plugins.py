# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network plugins: whether an engine has one, and what it means for a network that it has not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Iterator, Mapping, Sequence

from ansible_collections.berthage.swarm.plugins.module_utils._engine import Engine, EngineRefusal
from ansible_collections.berthage.swarm.plugins.module_utils._networks.drivers import is_plugin, plain_driver
from ansible_collections.berthage.swarm.plugins.module_utils._networks.observe import Observed
from ansible_collections.berthage.swarm.plugins.module_utils._networks.spec import Network
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem


def with_plugins(engine: Engine, networks: Sequence[Network], observed: Observed) -> Observed:
    """The same look, with what the engine knows of the plugins that these networks want."""
    wanting = [network for network in networks if network.present and not network.config_only]
    wanted = {plain_driver(network.driver) for network in wanting if is_plugin(network.driver)}
    listed = {plain_driver(driver) for driver in observed.drivers}
    missing = frozenset(name for name in sorted(wanted - listed) if not _answers(engine, name))
    managed: list[Any] = []
    if any(network.swarm and is_plugin(network.driver) for network in wanting):
        managed = engine.get("/plugins", filters={"capability": ["networkdriver"], "enabled": ["true"]})
    return replace(
        observed,
        missing_plugins=missing,
        managed_plugins=frozenset(plain_driver(str(plugin["Name"])) for plugin in managed),
    )


# A request that no engine fulfils, whatever the driver: this address management takes no subnet.
_IMPOSSIBLE = {"Driver": "null", "Config": [{"Subnet": "192.0.2.0/24"}]}
_LONGEST_SEARCH = 60.0  # seconds; an engine looks for a plugin again and again, for 15 s


def _answers(engine: Engine, name: str) -> bool:
    """Ask for a network that cannot be: the engine looks for the driver first, and says so when it finds none.

    Engines list the older kind of plugin, a socket, only once a network uses it, and know it by no other request.
    """
    request: Mapping[str, Any] = {"Name": "berthage-probe", "Driver": name, "IPAM": _IMPOSSIBLE}
    try:
        made = engine.post("/networks/create", request, timeout=_LONGEST_SEARCH)
    except EngineRefusal as refusal:
        return not (refusal.status == 404 and "not found" in refusal.reason and name in refusal.reason)
    engine.delete(f"/networks/{made['Id']}")
    return True


def plugin_problems(network: Network, observed: Observed) -> Iterator[Problem]:
    driver = plain_driver(network.driver)
    if network.config_only or not is_plugin(driver):
        return
    if driver in observed.missing_plugins:
        yield Problem(
            network.name,
            "driver",
            f"this engine finds no network plugin `{driver}`",
            "install and enable it first (`docker plugin ls`, or the plugin's own service), or correct its name",
        )
    elif network.swarm and driver not in observed.managed_plugins:
        yield Problem(
            network.name,
            "driver",
            f"`{driver}` is no plugin that Docker manages, and a Swarm takes no other",
            "install it with `docker plugin install` on every node, or leave `swarm` out",
        )
