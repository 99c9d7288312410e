# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What exportfs says, told apart: what concerns our exports, as problems; what concerns those of others, as it is."""

from __future__ import annotations

import re
from typing import Iterable

from ansible_collections.berthage.swarm.plugins.module_utils._nfs.errors import no_such_directory
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.exports import Entry
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.kernel_plan import State
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.spec import Declaration
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem

# Pattern of the words (nfs-utils, utils/exportfs and support/export), what it means, what to do.
_ABOUT_A_PATH = (
    (r"Failed to stat (?P<path>.+): ", None, ""),
    (
        r"(?P<path>/.*) does not support NFS export",
        "its file system cannot be exported by the kernel (overlayfs, tmpfs without fsid, FUSE)",
        "put the directory on a file system such as ext4 or xfs, or use implementation: ganesha",
    ),
    (
        r"(?P<path>/.*) requires fsid= for NFS export",
        "its file system has no identity of its own",
        "give the export an `fsid`, a number that no other export has",
    ),
    (r"(?P<path>/.*) is not a directory", "is not a directory", "export the directory that it is in"),
)
_ABOUT_A_HOST = (
    (
        r"(Failed to resolve|Could not resolve|unable to resolve|can't resolve) (?P<host>\S+)",
        "the server cannot resolve this host name",
        "correct it, mend the resolver, or give the address",
    ),
    (r"Invalid (prefix|netmask|IP address) .*?(?P<host>[0-9A-Fa-f:.]+(/\S+)?)$", "is no valid network", "correct it"),
)


def lines(text: str) -> list[str]:
    """The complaints without the program's name, and without blank lines."""
    return [re.sub(r"^exportfs: *", "", line).strip() for line in text.splitlines() if line.strip()]


def sorted_out(said: Iterable[str], declared: Declaration, state: State) -> tuple[list[Problem], list[str]]:
    """The problems with our exports, and the complaints that are about others."""
    problems: list[Problem] = []
    of_others: list[str] = []
    for complaint in said:
        problem = (
            _about_a_path(complaint, declared, state)
            or _about_a_host(complaint, declared)
            or _about_the_file(complaint, state)
        )
        if problem is None:
            of_others.append(complaint)
        else:
            problems.append(problem)
    return problems, of_others


def of_withdrawal(entry: Entry, said: Iterable[str]) -> list[Problem]:
    """Complaints about withdrawing an entry. That it is gone already is none."""
    left = [complaint for complaint in said if "Could not find" not in complaint]
    return [
        Problem(entry.path, f"client {entry.client}", f"could not be withdrawn (exportfs: {complaint})", "see to that")
        for complaint in left
    ]


def _about_a_path(complaint: str, declared: Declaration, state: State) -> Problem | None:
    for pattern, what, remedy in _ABOUT_A_PATH:
        found = re.match(pattern, complaint)
        if not found:
            continue
        for export in declared.exports:
            if found.group("path") in (export.path, state.real_path(export.path)):
                if what is None:
                    return no_such_directory(export.path)
                return Problem(export.path, "path", f"{what} (exportfs: {complaint})", remedy)
    return None


def _about_a_host(complaint: str, declared: Declaration) -> Problem | None:
    for pattern, what, remedy in _ABOUT_A_HOST:
        found = re.search(pattern, complaint)
        if not found:
            continue
        for export in declared.exports:
            for client in export.clients:
                if client.host == found.group("host").strip("`'\"").lower():
                    return Problem(
                        export.path, f"clients, host {client.host!r}", f"{what} (exportfs: {complaint})", remedy
                    )
    return None


def _about_the_file(complaint: str, state: State) -> Problem | None:
    if not complaint.startswith(state.drop_in.path):
        return None
    words = complaint[len(state.drop_in.path) :].lstrip(": ")
    if "Neither 'subtree_check'" in words:
        return None
    return Problem(state.drop_in.path, "", f"exportfs does not take the file ({words})", "correct the options")
