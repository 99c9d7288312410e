# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes `ansible_collections.berthage.swarm` importable, wherever pytest was started, and property tests patient."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
from hypothesis import settings

# The Makefile links the checkout into a tree laid out as Ansible demands.
sys.path.insert(0, str(Path(__file__).parents[2] / ".cache" / "collections"))

# What an example takes says more of what else the machine does than of the code: images are made at the same time.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture
def load_program(monkeypatch):
    """Loads anew one of the programs that roles and playbooks send to hosts, by its path in the collection."""

    def load(path):
        name = Path(path).stem
        spec = importlib.util.spec_from_file_location(name, Path(__file__).parents[2] / path)
        assert spec and spec.loader
        program = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, program)  # where its dataclasses look
        spec.loader.exec_module(program)
        return program

    return load
