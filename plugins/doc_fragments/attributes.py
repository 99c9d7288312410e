# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The attributes that every module of this collection has."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Computes the same plan and reports it, without changing anything.
    support: full
  diff_mode:
    description: Shows each item before and after, without secrets.
    support: full
  idempotent:
    description: A second call with the same options changes nothing.
    support: full
"""
