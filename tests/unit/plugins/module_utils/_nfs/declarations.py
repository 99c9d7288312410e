# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declarations as a module's arguments would give them."""

from __future__ import annotations

from typing import Any

from ansible_collections.berthage.swarm.plugins.module_utils._nfs.spec import Declaration, declaration


def client(host: str = "10.0.0.0/24", **fields: Any) -> dict[str, Any]:
    return {
        "host": host,
        "access": "rw",
        "squash": "root",
        "sec": ["sys"],
        "xprtsec": [],
        "sync": True,
        "subtree_check": False,
        "options": [],
        **fields,
    }


def export(path: str = "/srv/nfs/app", *clients: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "path": path,
        "clients": list(clients) or [client()],
        "fsid": None,
        "quota": None,
        "state": "present",
        **fields,
    }


def arguments(*exports: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"name": "berthage", "implementation": "kernel", "allow_world": False, "exports": list(exports), **fields}


def declared(*exports: dict[str, Any], **fields: Any) -> Declaration:
    return declaration(arguments(*exports, **fields))
