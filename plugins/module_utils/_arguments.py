# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Argument errors that name the item: of a hundred volumes, the operator wants to know which one has the typo."""

from __future__ import annotations

from typing import Any, Callable, Mapping

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import UnsupportedError


class ModuleForItems(AnsibleModule):  # type: ignore[misc] # ansible-core is not typed
    """A module whose main option is a list of named items."""

    def __init__(
        self,
        items: str,
        argument_spec: Mapping[str, Any],
        secrets: Callable[[Mapping[str, Any]], set[str]] = lambda _parameters: set(),
        **options: Any,
    ) -> None:
        """`items` is the option's name: `volumes`, `networks`. `secrets` finds in the parameters, also in wrong ones,
        the values that must not be shown, beyond those of options that are secret as a whole."""
        self._items = items
        self._secrets = secrets
        self._arguments_are_checked = False
        super().__init__(argument_spec=dict(argument_spec), **options)
        self._arguments_are_checked = True
        self.no_log_values.update(secrets(self.params))

    def fail_json(self, msg: str, **result: Any) -> None:
        if not self._arguments_are_checked:
            self.no_log_values.update(self._secrets(self.params))
            msg = "\n".join(argument_errors(self._items, self.argument_spec, self.params)) or msg
        super().fail_json(msg, **result)


def argument_errors(items: str, argument_spec: Mapping[str, Any], parameters: Mapping[str, Any]) -> list[str]:
    """What Ansible finds wrong with each item, and with which: its name, or its number where the name is missing."""
    given = parameters.get(items)
    if not isinstance(given, list):
        return []
    validator = ArgumentSpecValidator({items: argument_spec[items]})
    return [
        f"{_name_of(item, number)}: {'unknown argument ' * isinstance(error, UnsupportedError)}{error.msg}"
        for number, item in enumerate(given, start=1)
        for error in validator.validate({items: [as_given(item)]}).errors.errors
    ]


def as_given(value: Any) -> Any:
    """Without what Ansible has set to nothing where an argument is missing, and with every part a value of its own.

    One that is used twice (a YAML anchor) would be filled with defaults twice, and nothing is no choice then.
    """
    if isinstance(value, dict):
        return {name: as_given(part) for name, part in value.items() if part is not None}
    return [as_given(part) for part in value] if isinstance(value, list) else value


def _name_of(item: Any, number: int) -> str:
    return str((isinstance(item, dict) and item.get("name")) or f"item {number}")
