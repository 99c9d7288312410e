# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits as part of what is planned for each volume."""

from __future__ import annotations

from dataclasses import replace
from typing import Mapping, Sequence

from ansible_collections.berthage.swarm.plugins.module_utils._gluster.cli import Volume
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.plan import Planned
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.quota import (
    Limit,
    change,
    is_on,
    needing_quota,
)
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.spec import VolumeSpec
from ansible_collections.berthage.swarm.plugins.module_utils._plan import CREATE, KEEP, UPDATE, refused
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem


def with_quota(
    planned: Sequence[Planned],
    specs: Sequence[VolumeSpec],
    volumes: Mapping[str, Volume],
    limits: Mapping[str, Sequence[Limit]],
) -> list[Planned]:
    """The same plan, with what is to be done about the limits of each volume that declares some, or none."""
    return [
        _with_quota(item, spec.quota, volumes.get(spec.name), limits.get(spec.name, ()))
        for item, spec in zip(planned, specs)
    ]


def _with_quota(
    item: Planned, declared: Mapping[str, int] | None, volume: Volume | None, actual: Sequence[Limit]
) -> Planned:
    on = volume is not None and is_on(volume)
    too_early = [] if on or declared else list(needing_quota(item.work.set_options))
    if too_early:
        return replace(item, step=refused(item.step, *item.step.problems, _without_quota(item.step.name, too_early[0])))
    if declared is None:
        return item
    wanted = change(declared, on, actual)
    step = item.step
    if not wanted or step.action not in (CREATE, KEEP, UPDATE):
        return item
    if step.action == CREATE:
        step = replace(step, after={**(step.after or {}), "quota": dict(declared)})
    else:
        step = replace(
            step,
            action=UPDATE,
            before={**(step.before or {}), "quota": dict(wanted.before)},
            after={**(step.after or {}), "quota": dict(declared)},
            drift=(*step.drift, *wanted.drift),
        )
    return replace(item, step=step, work=replace(item.work, quota=declared))


def _without_quota(name: str, option: str) -> Problem:
    return Problem(
        name,
        f"options.{option}",
        "gluster takes it only where quota is on, and here it is off",
        "declare limits as well (quota: {/: 10GB}, with state: started), or leave the option out",
    )
