# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our file among the configuration of an NFS server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable
from urllib.parse import quote, unquote

from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem

_HEADER = "# Managed by Ansible, module berthage.swarm.nfs_exports"
# What is being withdrawn is in no declaration any more. Were it in no file either, nobody would ever close what a run
# that was killed in between has left open.
_WITHDRAWN = "# Being withdrawn: "


@dataclass(frozen=True)
class DropIn:
    """The file as it is. `text` is None where there is none; `sound` means owned by root and writable by root only."""

    path: str
    text: str | None = None
    sound: bool = True

    @property
    def unfinished(self) -> tuple[str, ...]:
        """The paths that a run was withdrawing when it was killed."""
        lines = (self.text or "").splitlines()
        return tuple(
            unquote(line[len(_WITHDRAWN) :], errors="surrogateescape") for line in lines if line.startswith(_WITHDRAWN)
        )

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Why it must not be overwritten. An empty file holds nothing that could be lost."""
        if self.text is None or not self.text.strip() or self.text.startswith(_HEADER):
            return ()
        return (
            Problem(
                self.path,
                "",
                "exists and was not written by this module, so that overwriting it could close exports of others",
                "move what is in it to another file, or choose another `name`",
            ),
        )


def header(name: str) -> str:
    return f"{_HEADER} (name: {name}). Changes by hand are overwritten.\n"


def noting(text: str, name: str, withdrawn: Iterable[str]) -> str:
    """The drop-in with a note of the paths that are about to be withdrawn, so that the next run ends what this one may
    not live to end. At the end of the file: servers name the lines before it in their complaints."""
    notes = "".join(f"{_WITHDRAWN}{quote(path, errors='surrogateescape')}\n" for path in withdrawn)
    return (text or header(name)) + notes if notes else text
