# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a volume is not what is declared: in what it means, and in its labels. Secrets are never shown."""

from __future__ import annotations

from typing import Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._drift import Difference, differences
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends import HIDDEN, Meaning, is_secret
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.spec import DECLARED_LABEL, Volume


def compare(declared: Meaning, actual: Meaning) -> tuple[Difference, ...]:
    """The differences in meaning, without secrets. Volumes of two backends differ in that one field."""
    if declared.backend != actual.backend:
        return (Difference("backend", declared.backend, actual.backend),)
    secrets = declared.secrets | actual.secrets
    return tuple(
        _hidden(difference) if difference.field in secrets else difference
        for difference in differences(declared.fields, actual.fields)
    )


def compare_labels(volume: Volume, labels: Mapping[str, str]) -> tuple[Difference, ...]:
    """Only what is declared counts, and what was declared when the volume was made and no longer is."""
    once = (field.partition(".") for field in labels.get(DECLARED_LABEL, "").split(","))
    names = {*volume.labels, *(name for kind, _dot, name in once if kind == "labels")}
    drift = differences(volume.labels, {name: value for name, value in labels.items() if name in names})
    return tuple(_hidden(difference) if is_secret(difference.field) else difference for difference in drift)


def _hidden(difference: Difference) -> Difference:
    return Difference(
        difference.field,
        None if difference.declared is None else HIDDEN,
        None if difference.actual is None else HIDDEN,
    )
