# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong with a server, in the operator's words."""

from __future__ import annotations

import os
from typing import Iterable

from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem


class ServerError(Exception):
    """The server, or the program that talks to it, cannot be used at all. Nothing was changed."""


class ServerRefused(Exception):
    """The server did not take the exports. `restored` says whether the former ones are in force again."""

    def __init__(self, problems: Iterable[Problem], restored: bool, how: str = "") -> None:
        self.problems = tuple(problems)
        self.restored = restored
        outcome = (
            "The former exports are in force again."
            if restored
            else f"THE FORMER EXPORTS COULD NOT BE PUT BACK ({how}): look at the server now."
        )
        super().__init__("\n".join([*map(str, self.problems), outcome]))


class QuotaFailed(Exception):
    """The file system did not take a quota. `changed` says whether something is not as it was before."""

    def __init__(self, what: str, changed: bool) -> None:
        self.changed = changed
        super().__init__(what)


def refuse_without_rights() -> None:
    """Files and tables of an NFS server are root's.

    Raises:
        ServerError: the task runs as somebody else, whose attempt would look like a failed change.
    """
    if os.geteuid() != 0:
        raise ServerError("only root can change the exports of this host; run the task with `become: true`")


def no_such_directory(path: str) -> Problem:
    return Problem(
        path,
        "path",
        "no such directory on this server",
        "make it (the role berthage.swarm.nfs_server does), or mount it",
    )
