# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot be written is told before anything else is tried."""

from __future__ import annotations

import os

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._nfs import ganesha
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.dropin import DropIn
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.errors import (
    ServerError,
    ServerRefused,
    refuse_without_rights,
)
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.ganesha_plan import State
from ansible_collections.berthage.swarm.tests.unit.plugins.module_utils._nfs.declarations import declared, export


def test_only_root_may_try(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ServerError, match="become: true"):
        refuse_without_rights()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    refuse_without_rights()


def test_a_file_that_cannot_be_written_is_a_refusal_that_changed_nothing(tmp_path):
    (tmp_path / "file").write_text("no directory")
    declaration = declared(export(), implementation="ganesha")
    state = State(DropIn(f"{tmp_path}/file/berthage.conf"))
    with pytest.raises(ServerRefused) as refusal:
        ganesha.apply(declaration, ganesha.plan(declaration, state), state)
    assert refusal.value.restored
    assert f"{tmp_path}/file" in str(refusal.value)
