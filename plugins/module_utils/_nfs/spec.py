# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is declared: exports and their clients, checked as a whole and brought to one spelling."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import Any, Iterator, Mapping, Sequence

from ansible_collections.berthage.swarm.plugins.module_utils._nfs import clients, options
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem, refuse_if_any

KERNEL = "kernel"
GANESHA = "ganesha"

EXPORTS_ARGUMENTS: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "default": "berthage"},
    "exports": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "path": {"type": "str", "required": True},
            "clients": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "host": {"type": "str", "required": True},
                    "access": {"type": "str", "choices": ["ro", "rw"], "default": "rw"},
                    "squash": {"type": "str", "choices": ["root", "all", "none"], "default": "root"},
                    "sec": {
                        "type": "list",
                        "elements": "str",
                        "choices": ["sys", "krb5", "krb5i", "krb5p", "none"],
                        "default": ["sys"],
                    },
                    "xprtsec": {
                        "type": "list",
                        "elements": "str",
                        "choices": list(options.TRANSPORTS),
                        "default": [],
                    },
                    "sync": {"type": "bool", "default": True},
                    "subtree_check": {"type": "bool", "default": False},
                    "options": {"type": "list", "elements": "str", "default": []},
                },
            },
            "fsid": {"type": "str"},
            "quota": {"type": "str"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
    },
    "implementation": {"type": "str", "choices": [KERNEL, GANESHA], "default": KERNEL},
    "allow_world": {"type": "bool", "default": False},
}

# The kernel's limit for a path, and exportfs' for one client with its options (nfs-utils, support/nfs/exports.c).
_LONGEST_PATH = 1023
_LONGEST_CLIENT = 500

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")
_UUID_DIGITS = 32
_QUOTA = re.compile(r"(?P<number>[1-9][0-9]{0,9})(?P<suffix>[KMGT])\Z")


@dataclass(frozen=True)
class Client:
    """Who may mount an export, and how. `host` is in canonical spelling (see `clients.canonical`)."""

    host: str
    access: str
    squash: str
    sec: tuple[str, ...]
    xprtsec: tuple[str, ...]
    sync: bool
    subtree_check: bool
    options: tuple[str, ...]


@dataclass(frozen=True)
class Export:
    """`quota` is in bytes; None is none of ours."""

    path: str
    clients: tuple[Client, ...]
    fsid: str | None
    quota: int | None = None


@dataclass(frozen=True)
class Declaration:
    """One drop-in: all that it is to hold, and the paths that it is not to hold any more."""

    name: str
    implementation: str
    exports: tuple[Export, ...]
    absent: tuple[str, ...]


def declaration(arguments: Mapping[str, Any]) -> Declaration:
    """The checked declaration.

    Raises:
        Refused: with every problem found in it.
    """
    declared = [
        (export, canonical_path(export["path"]), export["state"] == "present") for export in arguments["exports"]
    ]
    refuse_if_any(_problems(arguments, declared))
    return Declaration(
        name=arguments["name"],
        implementation=arguments["implementation"],
        exports=tuple(
            Export(path, _clients(export), canonical_fsid(export["fsid"]), size_of(export["quota"]))
            for export, path, present in declared
            if present
        ),
        absent=tuple(path for _export, path, present in declared if not present),
    )


def canonical_path(path: str) -> str:
    """One spelling for one path: no double slash, no slash at the end."""
    return "/" + posixpath.normpath(path).lstrip("/") if path.startswith("/") else path


def canonical_fsid(fsid: str | None) -> str | None:
    """`root` is 0, a number is decimal, and of a UUID only the digits count. Anything else is returned as it is."""
    if fsid is None or fsid == "":
        return None
    if fsid == "root":
        return "0"
    if re.fullmatch(r"0[xX][0-9a-fA-F]{1,8}|[0-9]{1,10}", fsid):
        # exportfs reads it as strtoul(3) does, so 010 is eight.
        is_octal = len(fsid) > 1 and fsid.isdigit() and fsid.startswith("0")
        try:
            return str(int(fsid, 8 if is_octal else 0))
        except ValueError:
            return fsid
    digits = "".join(re.findall(r"[0-9a-fA-F]", fsid)).lower()
    return digits if len(digits) == _UUID_DIGITS else fsid


def size_of(quota: str | None) -> int | None:
    """The bytes of a declared quota; None where there is none, or where it is no size (which is refused)."""
    found = _QUOTA.match(quota or "")
    if not found:
        return None
    power: int = "KMGT".index(found.group("suffix")) + 1
    return int(found.group("number")) << 10 * power


def _clients(export: Mapping[str, Any]) -> tuple[Client, ...]:
    return clients.in_order(
        [
            Client(
                host=clients.canonical(client["host"]),
                access=client["access"],
                squash=client["squash"],
                sec=tuple(dict.fromkeys(client["sec"])),
                xprtsec=tuple(dict.fromkeys(client["xprtsec"])),
                sync=client["sync"],
                subtree_check=client["subtree_check"],
                options=tuple(client["options"]),
            )
            for client in export["clients"]
        ],
        host_of=lambda client: client.host,
    )


def _problems(
    arguments: Mapping[str, Any], declared: Sequence[tuple[Mapping[str, Any], str, bool]]
) -> Iterator[Problem]:
    yield from _name_problems(arguments["name"])
    yield from _duplicates(declared)
    for export, path, present in declared:
        yield from _path_problems(export["path"])
        if not present:
            continue
        if not export["clients"]:
            yield Problem(path, "clients", "is empty, so nobody could mount it", "name at least one client")
        yield from _fsid_problems(path, export["fsid"], arguments["implementation"])
        if export["quota"] and size_of(export["quota"]) is None:
            yield Problem(
                path, "quota", f"{export['quota']!r} is no size", "give a whole number with K, M, G or T, such as 10G"
            )
        yield from _client_list_problems(path, export["clients"], arguments["allow_world"])
        for client in export["clients"]:
            yield from options.problems(path, client, arguments["implementation"])
        if arguments["implementation"] == GANESHA:
            yield from _ganesha_path_problems(path)


def _name_problems(name: str) -> Iterator[Problem]:
    if not _NAME.match(name) or len(name) > 200:
        yield Problem(
            "nfs_exports",
            "name",
            f"{name!r} cannot be the name of a drop-in file",
            "use letters, digits, `_`, `-` and `.`, not beginning with a dot or a dash",
        )


def _duplicates(declared: Sequence[tuple[Mapping[str, Any], str, bool]]) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    numbers: dict[str, str] = {}
    for export, path, present in declared:
        if path in seen:
            yield Problem(path, "path", "is declared more than once", "declare it once, with all of its clients")
        seen[path] = path
        fsid = canonical_fsid(export["fsid"])
        if not present or fsid is None:
            continue
        if fsid in numbers:
            yield Problem(
                path, "fsid", f"{fsid} is that of {numbers[fsid]} as well", "give each file system a number of its own"
            )
        numbers[fsid] = path


def _path_problems(path: str) -> Iterator[Problem]:
    if not path.startswith("/"):
        yield Problem(path or "''", "path", "is not absolute", "begin it with a slash")
    if ".." in path.split("/"):
        yield Problem(path, "path", "goes up with `..`", "write the directory that is meant")
    if any(ord(character) < 32 or ord(character) == 127 for character in path):
        yield Problem(repr(path), "path", "has a control character in it", "rename the directory")
    if len(path.encode(errors="surrogateescape")) > _LONGEST_PATH:
        yield Problem(path[:40] + "...", "path", f"is longer than {_LONGEST_PATH} bytes", "use a shorter one")


def _ganesha_path_problems(path: str) -> Iterator[Problem]:
    if '"' in path or "\\" in path:
        yield Problem(
            path,
            "path",
            "has a quote or a backslash in it, which the configuration of nfs-ganesha cannot express",
            "rename the directory, or use implementation: kernel",
        )


def _fsid_problems(path: str, fsid: str | None, implementation: str) -> Iterator[Problem]:
    canonical = canonical_fsid(fsid)
    if canonical is None:
        return
    is_number = canonical.isdigit() and len(canonical) < _UUID_DIGITS
    is_uuid = re.fullmatch(r"[0-9a-f]{32}", canonical) is not None
    if not is_uuid and not (is_number and int(canonical) < 2**32):
        yield Problem(
            path,
            "fsid",
            f"{fsid!r} is neither a number, `root`, nor a UUID",
            "give a number below 4294967296 or a UUID",
        )
    elif implementation == GANESHA:
        # Its Filesystem_Id cannot change while it runs: the export would be withdrawn instead.
        yield Problem(
            path,
            "fsid",
            "nfs-ganesha identifies file systems by itself, and has no counterpart of it",
            "leave it out, or use implementation: kernel",
        )


def _client_list_problems(path: str, declared: Sequence[Mapping[str, Any]], allow_world: bool) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for client in declared:
        host = client["host"]
        wrong = clients.problem(host)
        if wrong is not None:
            yield Problem(path, f"clients, host {host!r}", wrong.what, wrong.remedy)
            continue
        canonical = clients.canonical(host)
        if canonical in seen:
            yield Problem(
                path,
                "clients",
                f"{host!r} and {seen[canonical]!r} are the same client",
                "declare it once, with the options that are meant",
            )
        seen[canonical] = host
        if not client["sec"]:
            yield Problem(path, f"clients, host {host!r}, sec", "is empty", "leave it out, or name a security flavor")
        if len(canonical) + sum(len(option) + 1 for option in client["options"]) > _LONGEST_CLIENT:
            yield Problem(
                path, f"clients, host {host[:40]!r}", "is too long with its options for exportfs", "use fewer options"
            )
    everyone = clients.world(seen)
    if everyone and not allow_world:
        yield Problem(
            path,
            "clients",
            f"{', '.join(repr(seen[host]) for host in everyone)} opens the export to every host that reaches this "
            "server; with sec=sys an NFS server believes whatever user the client claims to be",
            "name the network that is meant, such as 10.0.0.0/24, or set allow_world: true",
        )
