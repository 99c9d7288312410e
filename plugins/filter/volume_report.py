# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The summary of playbooks/volumes.yml: the volumes by node, and where nodes differ."""

from __future__ import annotations

from typing import Any, Iterator, Mapping, Sequence

from ansible_collections.berthage.swarm.plugins.module_utils import _declared
from ansible_collections.berthage.swarm.plugins.module_utils._report import table, text_of
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends import Meaning
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.nodes import Split, splits

DOCUMENTATION = r"""
name: volume_report
short_description: The Docker volumes of several nodes side by side, as aligned lines
version_added: 0.1.0
author: "berthage contributors (@berthage)"
description:
  - Turns what the role P(berthage.swarm.docker_volumes#role) left on each host into one table, and names the volumes
    that are not the same on all of them.
  - Volumes are compared by what their declarations mean. Passwords and keys are not shown.
options:
  _input:
    description:
      - One mapping for each host, with its name as C(host), the list of volumes as C(declared), and the module's
        result as C(result).
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the volumes of two hosts
  ansible.builtin.debug:
    msg: "{{ [first, second] | berthage.swarm.volume_report }}"
  vars:
    first: {host: node1, declared: "{{ docker_volumes_list }}", result: "{{ hostvars.node1.docker_volumes_result }}"}
    second: {host: node2, declared: "{{ docker_volumes_list }}", result: "{{ hostvars.node2.docker_volumes_result }}"}
"""

RETURN = r"""
_value:
  description: The text, line by line.
  type: list
  elements: str
"""

Answer = Mapping[str, Any]
_VERIFIED = {True: ", verified", False: ", FAILED", None: ""}


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"volume_report": volume_report}


def volume_report(answers: Sequence[Answer]) -> list[str]:
    outcomes = {answer["host"]: _outcomes(answer) for answer in answers}
    found = splits({answer["host"]: _meanings(answer) for answer in answers})
    return text_of(
        (
            ("DOCKER VOLUMES", table(("volume", "backend", *outcomes), list(_rows(outcomes, found)))),
            ("DIFFERENCES BETWEEN NODES", list(_differences(outcomes, found))),
            ("MESSAGES", list(_messages(outcomes))),
            ("NO RESULT", [f"{host}: see the failed task above" for host, of_host in outcomes.items() if not of_host]),
        )
    )


def _outcomes(answer: Answer) -> dict[str, Mapping[str, Any]]:
    return {outcome["name"]: outcome for outcome in answer["result"].get("volumes", ())}


def _meanings(answer: Answer) -> dict[str, Meaning]:
    try:
        declared = _declared.volumes(answer["declared"]).volumes
    except _declared.NotWellDeclared:
        # Refused by the role, in more words than fit here.
        return {}
    return {volume.name: volume.meaning for volume in declared if volume.present}


def _rows(outcomes: Mapping[str, Mapping[str, Answer]], found: Sequence[Split]) -> Iterator[tuple[str, ...]]:
    marked = {split.name for split in found}
    for name in _names(outcomes):
        backends = dict.fromkeys(of_host[name]["backend"] for of_host in outcomes.values() if name in of_host)
        cells = (_cell(of_host.get(name)) for of_host in outcomes.values())
        yield (f"{name} (!)" if name in marked else name, " / ".join(backends), *cells)


def _names(outcomes: Mapping[str, Mapping[str, Answer]]) -> list[str]:
    return list(dict.fromkeys(name for of_host in outcomes.values() for name in of_host))


def _cell(outcome: Answer | None) -> str:
    if outcome is None:
        return "-"
    # One that is recreated has been as declared since.
    differs = outcome["drift"] and outcome["action"] == "keep"
    return f"{outcome['action']}{', differs' if differs else ''}{_VERIFIED[outcome['verified']]}"


def _differences(outcomes: Mapping[str, Mapping[str, Answer]], found: Sequence[Split]) -> Iterator[str]:
    for split in found:
        yield f"{split.name}: {split}"
    answering = {host: of_host for host, of_host in outcomes.items() if of_host}
    for name in _names(answering):
        lacking = [host for host, of_host in answering.items() if name not in of_host]
        if lacking:
            yield f"{name}: not on {', '.join(lacking)}"


def _messages(outcomes: Mapping[str, Mapping[str, Answer]]) -> Iterator[str]:
    for host, of_host in outcomes.items():
        for name, message in ((name, outcome["message"]) for name, outcome in of_host.items()):
            if message:
                yield f"{host}: {message}" if message.startswith(name) else f"{host}: {name}: {message}"
