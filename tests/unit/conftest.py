# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes `ansible_collections.berthage.swarm` importable, wherever pytest was started."""

from __future__ import annotations

import sys
from pathlib import Path

# The Makefile links the checkout into a tree laid out as Ansible demands.
sys.path.insert(0, str(Path(__file__).parents[2] / ".cache" / "collections"))
