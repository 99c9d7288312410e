# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A declaration as a role is given it, read on the controller exactly as the module will read it on the hosts."""

from __future__ import annotations

from typing import Any, Callable, Mapping, TypeVar

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values

from ansible_collections.berthage.swarm.plugins.module_utils._arguments import argument_errors, as_given
from ansible_collections.berthage.swarm.plugins.module_utils._networks import spec as networks_spec
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Refused
from ansible_collections.berthage.swarm.plugins.module_utils._volumes import spec as volumes_spec

_Declaration = TypeVar("_Declaration")


class NotWellDeclared(Exception):
    """What the module would refuse whatever it finds on a host. `texts` has one text for each reason, no secrets."""

    def __init__(self, texts: list[str]) -> None:
        self.texts = texts
        super().__init__("\n".join(texts))


def volumes(given: Any, **call: Any) -> volumes_spec.Declaration:
    """The volumes of a call of the module with these options; one that is `None` counts as left out.

    Raises:
        NotWellDeclared: with everything that is wrong.
    """
    parameters = _parameters("volumes", given, call)
    return _read("volumes", volumes_spec.ARGUMENTS, parameters, volumes_spec.read, volumes_spec.secrets)


def networks(given: Any, **call: Any) -> networks_spec.Declaration:
    """The same for networks."""
    parameters = _parameters("networks", given, call)
    return _read("networks", networks_spec.ARGUMENTS, parameters, networks_spec.declaration)


def _read(
    items: str,
    arguments: Mapping[str, Any],
    parameters: Mapping[str, Any],
    read: Callable[[Mapping[str, Any]], _Declaration],
    secrets: Callable[[Mapping[str, Any]], set[str]] = lambda _parameters: set(),
) -> _Declaration:
    checked = ArgumentSpecValidator(arguments).validate(as_given(parameters))
    valid = checked.validated_parameters
    # What a module would hide. Ansible's own part of it is public only in a whole AnsibleModule.
    hidden = checked._no_log_values | secrets(parameters) | secrets(valid)
    if checked.error_messages:
        texts = argument_errors(items, arguments, parameters) or checked.error_messages
        raise NotWellDeclared(remove_values(texts, hidden))
    try:
        return read(valid)
    except Refused as refusal:
        raise NotWellDeclared(remove_values([str(problem) for problem in refusal.problems], hidden)) from None


def _parameters(items: str, given: Any, call: Mapping[str, Any]) -> dict[str, Any]:
    options = {name: value for name, value in call.items() if value is not None}
    return {name: _as_sent(value) for name, value in {items: given, **options}.items()}


def _as_sent(value: Any) -> Any:
    """A value of a template as a module gets it, by JSON: only that, and nothing that is templated when looked at."""
    if isinstance(value, Mapping):
        return {str(name): _as_sent(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_sent(part) for part in value]
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)
