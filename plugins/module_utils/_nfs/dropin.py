# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our file among the configuration of an NFS server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable, Iterator, Mapping
from urllib.parse import quote, unquote

from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem

_HEADER = "# Managed by Ansible, module berthage.swarm.nfs_exports"
# What is being withdrawn is in no declaration any more. Were it in no file either, nobody would ever close what a run
# that was killed in between has left open.
_WITHDRAWN = "# Being withdrawn: "
# Where only rights change, file and server differ until the server has taken them, and nfs-ganesha does not tell rights
# in words that could be compared. A run that was killed in between would look like one that is done.
_CHANGED = "# Being changed: "
# The server's table names the directory behind a symbolic link. Once the link leads elsewhere, nothing else tells which
# directory was exported because of it.
_LINK = "# Leads to: "


@dataclass(frozen=True)
class DropIn:
    """The file as it is. `text` is None where there is none; `sound` means owned by root and writable by root only."""

    path: str
    text: str | None = None
    sound: bool = True

    @property
    def unfinished(self) -> tuple[str, ...]:
        """The paths that a run was withdrawing or changing when it was killed."""
        return (*self._noted(_WITHDRAWN), *self._noted(_CHANGED))

    @property
    def links(self) -> dict[str, str]:
        """The directory that each exported path led to by symbolic links when the file was written."""
        pairs = (line[len(_LINK) :].split() for line in (self.text or "").splitlines() if line.startswith(_LINK))
        return {_unquoted(pair[0]): _unquoted(pair[1]) for pair in pairs if len(pair) == 2}

    def _noted(self, mark: str) -> tuple[str, ...]:
        lines = (self.text or "").splitlines()
        return tuple(_unquoted(line[len(mark) :]) for line in lines if line.startswith(mark))

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


def recording(text: str, links: Mapping[str, str]) -> str:
    """The drop-in with a record of where exported paths lead to that are not the directory itself."""
    return text + "".join(f"{_LINK}{_quoted(path)} {_quoted(real)}\n" for path, real in links.items())


def noting(text: str, name: str, withdrawn: Iterable[str], changed: Iterable[str] = ()) -> str:
    """The drop-in with a note of the paths that are about to be withdrawn or changed, so that the next run ends what
    this one may not live to end. At the end of the file: servers name the lines before it in their complaints."""
    notes = "".join([*_notes(_WITHDRAWN, withdrawn), *_notes(_CHANGED, changed)])
    return (text or header(name)) + notes if notes else text


def _notes(mark: str, paths: Iterable[str]) -> Iterator[str]:
    return (f"{mark}{_quoted(path)}\n" for path in paths)


def _quoted(path: str) -> str:
    return quote(path, errors="surrogateescape")


def _unquoted(path: str) -> str:
    return unquote(path, errors="surrogateescape")
