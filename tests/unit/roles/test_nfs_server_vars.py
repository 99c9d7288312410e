# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role makes of a declaration, as Ansible itself templates it."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

VARIABLES = Path(__file__).parents[3] / "roles/nfs_server/vars/main.yml"


@pytest.mark.parametrize(
    ("sec", "wanted"),
    [
        (["sys"], False),
        ("sys,none", False),
        (["sys", "krb5p"], True),
        ("sys,krb5p", True),
        ("krb5i", True),
        (None, False),
    ],
)
def test_kerberos_is_seen_however_the_flavors_are_written(sec: Any, wanted: bool) -> None:
    client = {"host": "10.0.0.0/24", **({} if sec is None else {"sec": sec})}
    exports = [{"path": "/a", "clients": [{"host": "10.0.0.1"}, client]}, {"path": "/b", "state": "absent"}]
    variables = {**loaded(), "nfs_server_exports": exports}
    templar = Templar(loader=DataLoader(), variables=variables)
    assert templar.template(variables["__nfs_server_uses_kerberos"]) is wanted


def loaded() -> dict[str, Any]:
    loader = DataLoader()
    # ansible-core 2.19 templates only what comes from where templates may come from.
    trusted = "trusted_as_template" in inspect.signature(loader.load_from_file).parameters
    return dict(loader.load_from_file(str(VARIABLES), **({"trusted_as_template": True} if trusted else {})))
