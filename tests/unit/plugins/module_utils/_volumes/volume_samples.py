# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declarations as the module gets them, and engines' volumes as they are read back."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.berthage.swarm.plugins.module_utils._arguments import as_given
from ansible_collections.berthage.swarm.plugins.module_utils._volumes import observe, spec


def parameters(*volumes: dict[str, Any], **options: Any) -> dict[str, Any]:
    """The module's parameters after Ansible has filled in the defaults."""
    checked = ArgumentSpecValidator(spec.ARGUMENTS).validate(as_given({"volumes": list(volumes), **options}))
    assert not checked.error_messages, checked.error_messages
    return checked.validated_parameters


def declaration(*volumes: dict[str, Any], **options: Any) -> spec.Declaration:
    return spec.read(parameters(*volumes, **options))


def volume(**fields: Any) -> spec.Volume:
    return declaration({"name": "data", **fields}).volumes[0]


def actual(
    name: str = "data",
    driver: str = "local",
    options: dict[str, str] | None = None,
    labels: dict[str, str] | None = None,
) -> observe.Actual:
    return observe.Actual(name, driver, options or {}, labels or {})


def seen(*volumes: observe.Actual, **more: Any) -> observe.Observation:
    return observe.Observation(volumes={found.name: found for found in volumes}, **more)
