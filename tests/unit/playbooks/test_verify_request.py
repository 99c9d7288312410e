# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What verify.yml asks of a host, as Ansible itself templates it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import ansible.template
import pytest
from ansible.parsing.dataloader import DataLoader

TEMPLATE = Path(__file__).parents[3] / "playbooks/templates/verify_request.json.j2"


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, {"path": "/a", "client": "c (NOT ACTIVE)", "active": False}),
        ({"nfs_server_implementation": "ganesha"}, {"path": "/a", "client": "c (as declared)", "active": True}),
    ],
)
def test_only_a_server_without_a_table_is_shown_as_declared(variables: dict[str, str], wanted: dict[str, Any]) -> None:
    exports = [{"path": "/a", "clients": [{"host": "c"}]}, {"path": "/b", "state": "absent"}]
    (shown,) = requested(nfs_server_exports=exports, **variables)["declared_exports"]
    assert shown == wanted


def requested(**variables: Any) -> dict[str, Any]:
    """The request of one host that is only a server."""
    of_the_play = {
        "inventory_hostname": "server",
        "hostvars": {},
        "__verify_round": "prepare",
        "__verify_nodes": [],
        "__verify_nfs_servers": ["server"],
        "__verify_first": "",
        "__verify_last": "",
        "__verify_said": {},
        **variables,
    }
    text = TEMPLATE.read_text(encoding="utf-8")
    # ansible-core 2.19 templates only what is said to be one.
    trusted = getattr(ansible.template, "trust_as_template", str)(text)
    answer = ansible.template.Templar(loader=DataLoader(), variables=of_the_play).template(trusted)
    return dict(json.loads(answer) if isinstance(answer, str) else answer)
