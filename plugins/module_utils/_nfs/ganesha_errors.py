# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nfs-ganesha answers, and writes into its log, when it is given an export: in the operator's words."""

from __future__ import annotations

import re
from typing import Iterable, Iterator

from ansible_collections.berthage.swarm.plugins.module_utils._nfs import ganesha_config
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem

_ABOUT_A_FILE = re.compile(r"Config File \((?P<file>.+?):(?P<line>[0-9]+)\): (?P<words>.+)")
# These only say that something was said before.
_SUMMARY = re.compile(
    r"[0-9]+ .*(errors? (found )?|while processing)|Errors processing block|Configuration syntax errors"
)
_LOOKUP_FAILED = re.compile(r"ExportId=[0-9]+ Path=(?P<path>.+) FSAL_ERROR=\((?P<words>[^,]+)")
# With ELOOP, which the server has no name for.
_BY_A_LINK = "FSAL_ERROR=(Undefined server error,40)"
_CREATE_FAILED = re.compile(r"resolve_posix_filesystem\((?P<path>.+)\) returned (?P<words>.+?) \([0-9]+\)")
_NOT_FOUND = re.compile(r"Client \((?P<host>.+?)\) not found because (?P<words>.+)")


def problems(said: Iterable[str], own: str, text: str) -> list[Problem]:
    """The problems with our drop-in (`own`, with this text)."""
    said = list(said)
    owner = ganesha_config.lines_of(text)
    found = [*_about_paths(said, set(owner.values()))]
    explained = {problem.item for problem in found}
    summaries: dict[str, str] = {}
    for line in said:
        about = _ABOUT_A_FILE.search(line)
        if not about or about.group("file") != own:
            continue
        path, words = owner.get(int(about.group("line")), own), about.group("words").strip()
        if _SUMMARY.match(words):
            summaries.setdefault(path, words)
        elif path not in explained:
            found.append(_as_problem(path, words))
    explained = {problem.item for problem in found}
    found += [
        Problem(path, "", f"nfs-ganesha does not take it ({words})", "see its log, /var/log/ganesha/ganesha.log")
        for path, words in summaries.items()
        if path not in explained
    ]
    if not found and "Refused" in said:
        words = " ".join(line.strip() for line in said if line != "Refused")
        found.append(Problem(own, "", f"nfs-ganesha does not take it ({words})", "see its log"))
    return found


def _about_paths(said: Iterable[str], ours: set[str]) -> Iterator[Problem]:
    for line in said:
        for pattern in (_LOOKUP_FAILED, _CREATE_FAILED):
            found = pattern.search(line)
            if found and found.group("path") in ours and _BY_A_LINK in line:
                yield Problem(
                    found.group("path"),
                    "path",
                    "passes a symbolic link, and nfs-ganesha follows none",
                    "declare the directory that it leads to",
                )
            elif found and found.group("path") in ours:
                yield _about_a_path(found.group("path"), found.group("words"))


def _about_a_path(path: str, words: str) -> Problem:
    # That the directory exists was seen before; of a file system that it does not know the server says it is not there.
    return Problem(
        path,
        "path",
        f"its file system cannot be exported (overlayfs, proc, some FUSE file systems; nfs-ganesha: {words})",
        "put the directory on a file system such as ext4 or xfs",
    )


def _as_problem(path: str, words: str) -> Problem:
    found = _NOT_FOUND.match(words)
    if found:
        return Problem(
            path,
            f"clients, host {found.group('host')!r}",
            f"the server cannot resolve this host name ({found.group('words')})",
            "correct it, mend the resolver, or give the address",
        )
    return Problem(path, "", f"nfs-ganesha does not take it ({words})", "correct it")
