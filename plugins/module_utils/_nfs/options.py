# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of exports(5): what they mean, and which of them may be declared."""

from __future__ import annotations

import re
from typing import Any, Iterator, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem

# Every switch of exports(5) with the field that it sets and the value. Two names of one thing give one meaning.
SWITCHES: dict[str, tuple[str, Any]] = {
    "ro": ("access", "ro"),
    "rw": ("access", "rw"),
    "sync": ("sync", True),
    "async": ("sync", False),
    "root_squash": ("root_squash", True),
    "no_root_squash": ("root_squash", False),
    "all_squash": ("all_squash", True),
    "no_all_squash": ("all_squash", False),
    "subtree_check": ("subtree_check", True),
    "no_subtree_check": ("subtree_check", False),
    "secure": ("secure", True),
    "insecure": ("secure", False),
    "wdelay": ("wdelay", True),
    "no_wdelay": ("wdelay", False),
    "hide": ("hide", True),
    "nohide": ("hide", False),
    "crossmnt": ("crossmnt", True),
    "nocrossmnt": ("crossmnt", False),
    "secure_locks": ("secure_locks", True),
    "auth_nlm": ("secure_locks", True),
    "insecure_locks": ("secure_locks", False),
    "no_auth_nlm": ("secure_locks", False),
    "acl": ("acl", True),
    "no_acl": ("acl", False),
    "nordirplus": ("readdirplus", False),
    "security_label": ("security_label", True),
    "pnfs": ("pnfs", True),
    "no_pnfs": ("pnfs", False),
    "mountpoint": ("mountpoint", ""),
    "mp": ("mountpoint", ""),
}

# Options that take a value, with the field that they set.
VALUES: dict[str, str] = {
    "anonuid": "anonuid",
    "anongid": "anongid",
    "mountpoint": "mountpoint",
    "mp": "mountpoint",
    "refer": "refer",
    "replicas": "replicas",
    "xprtsec": "xprtsec",
}

# How a client may be connected: without RPC with TLS, with it, with it and a certificate of its own.
TRANSPORTS = ("none", "tls", "mtls")

# What exportfs takes for granted where a line does not say (nfs-utils, support/nfs/exports.c).
DEFAULTS: dict[str, Any] = {
    "access": "ro",
    "sync": True,
    "root_squash": True,
    "all_squash": False,
    "subtree_check": False,
    "secure": True,
    "wdelay": True,
    "hide": True,
    "crossmnt": False,
    "secure_locks": True,
    "acl": True,
    "readdirplus": True,
    "security_label": False,
    "pnfs": False,
    "anonuid": 65534,
    "anongid": 65534,
    "mountpoint": None,
    "refer": None,
    "replicas": None,
    "xprtsec": None,
    "fsid": None,
    "uuid": None,
}

# The option of this module that says it, for what is a field of its own there.
_OWN_FIELDS = {
    **dict.fromkeys(("ro", "rw"), "access"),
    **dict.fromkeys(("sync", "async"), "sync"),
    **dict.fromkeys(("root_squash", "no_root_squash", "all_squash", "no_all_squash"), "squash"),
    **dict.fromkeys(("subtree_check", "no_subtree_check"), "subtree_check"),
    "sec": "sec",
    "xprtsec": "xprtsec",
    "fsid": "fsid",
}

# Those that nfs-ganesha has a counterpart for.
GANESHA_OPTIONS = ("secure", "insecure", "anonuid", "anongid")


def problems(path: str, client: Mapping[str, Any], implementation: str) -> Iterator[Problem]:
    """What is wrong with the options of one client."""
    host = client["host"]
    where = f"clients, host {host!r}, options"
    fields: dict[str, str] = {}
    for option in client["options"]:
        name, _equals, _value = option.partition("=")
        problem = _problem(path, where, option)
        if problem is not None:
            yield problem
            continue
        field = SWITCHES[option][0] if option in SWITCHES else VALUES[name]
        if field in fields:
            yield Problem(path, where, f"{fields[field]!r} and {option!r} set the same thing", "keep one of them")
        fields[field] = option
        if implementation == "ganesha" and name not in GANESHA_OPTIONS:
            yield Problem(
                path,
                where,
                f"nfs-ganesha has no counterpart of {name!r}",
                "leave it out, or use implementation: kernel",
            )
    if implementation == "ganesha":
        yield from _ganesha_problems(path, f"clients, host {host!r}", client)


def _problem(path: str, where: str, option: str) -> Problem | None:
    name, equals, value = option.partition("=")
    if name in _OWN_FIELDS:
        return Problem(path, where, f"{option!r} has a field of its own", f"declare it as `{_OWN_FIELDS[name]}`")
    if name not in VALUES if equals else option not in SWITCHES:
        return Problem(
            path, where, f"{option!r} is no option of exports(5)", f"use of these: {', '.join(_declarable())}"
        )
    if name in ("anonuid", "anongid") and not (re.fullmatch("[0-9]{1,10}", value) and int(value) < 2**32 - 1):
        return Problem(path, where, f"{option!r} is no user or group number", "give a number from 0 to 4294967294")
    if equals and not re.fullmatch(r"[^\s,()\"'#\\]+", value):
        return Problem(path, where, f"the value of {option!r} cannot be written in exports(5)", "use a plain value")
    return None


def _ganesha_problems(path: str, where: str, client: Mapping[str, Any]) -> Iterator[Problem]:
    if not client["sync"]:
        yield Problem(
            path,
            f"{where}, sync",
            "nfs-ganesha has no asynchronous exports",
            "leave it out, or use implementation: kernel",
        )
    if client["subtree_check"]:
        yield Problem(
            path,
            f"{where}, subtree_check",
            "nfs-ganesha has no such check",
            "leave it out, or use implementation: kernel",
        )
    if client["xprtsec"]:
        yield Problem(
            path,
            f"{where}, xprtsec",
            "nfs-ganesha has no RPC with TLS",
            "leave it out and protect the network otherwise, or use implementation: kernel",
        )


def _declarable() -> list[str]:
    switches = [name for name in SWITCHES if name not in _OWN_FIELDS]
    return sorted({*switches, *(f"{name}=" for name in VALUES if name not in _OWN_FIELDS)})
