# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nfs-ganesha writes into its log while it reads its exports, in the operator's words."""

from __future__ import annotations

import re
from typing import Iterable, Iterator

from ansible_collections.berthage.swarm.plugins.module_utils._nfs import ganesha_config
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem

_THROUGH = ("Reread exports complete", "Error while parsing new configuration file")
_ABOUT_A_FILE = re.compile(r"Config File \((?P<file>.+?):(?P<line>[0-9]+)\): (?P<words>.+)")
# These only say that something was said before.
_SUMMARY = re.compile(
    r"[0-9]+ .*(errors? (found )?|while processing)|Errors processing block|Configuration syntax errors"
)
_LOOKUP_FAILED = re.compile(r"ExportId=[0-9]+ Path=(?P<path>.+) FSAL_ERROR=\((?P<words>[^,]+)")
_CREATE_FAILED = re.compile(r"resolve_posix_filesystem\((?P<path>.+)\) returned (?P<words>.+?) \([0-9]+\)")
_NOT_FOUND = re.compile(r"Client \((?P<host>.+?)\) not found because (?P<words>.+)")


def is_through(said: Iterable[str]) -> bool:
    """Whether the server has read its exports, for better or worse."""
    return any(mark in line for line in said for mark in _THROUGH)


def sorted_out(said: Iterable[str], own: str, text: str) -> tuple[list[Problem], list[str]]:
    """The problems with our drop-in (`own`, with this text), and the complaints about the files of others."""
    said = list(said)
    owner = ganesha_config.lines_of(text)
    problems = [*_about_paths(said, set(owner.values()))]
    explained = {problem.item for problem in problems}
    of_others: list[str] = []
    summaries: dict[str, str] = {}
    for line in said:
        found = _ABOUT_A_FILE.search(line)
        if not found:
            continue
        words = found.group("words").strip()
        if found.group("file") != own:
            if not _SUMMARY.match(words):
                of_others.append(f"{found.group('file')}, line {found.group('line')}: {words}")
            continue
        path = owner.get(int(found.group("line")), own)
        if _SUMMARY.match(words):
            summaries.setdefault(path, words)
        elif path not in explained:
            problems.append(_as_problem(path, words))
    explained = {problem.item for problem in problems}
    problems += [
        Problem(path, "", f"nfs-ganesha does not take it ({words})", "see its log, /var/log/ganesha/ganesha.log")
        for path, words in summaries.items()
        if path not in explained and path != own
    ]
    if not problems and any(_THROUGH[1] in line for line in said):
        problems.append(
            Problem(
                own,
                "",
                f"nfs-ganesha cannot read its configuration ({'; '.join(of_others) or 'see its log'})",
                "correct that file, then run again",
            )
        )
    return problems, of_others


def _about_paths(said: Iterable[str], ours: set[str]) -> Iterator[Problem]:
    for line in said:
        for pattern in (_LOOKUP_FAILED, _CREATE_FAILED):
            found = pattern.search(line)
            if found and found.group("path") in ours:
                yield _about_a_path(found.group("path"), found.group("words"))


def _about_a_path(path: str, words: str) -> Problem:
    if "not supported" in words:
        return Problem(
            path,
            "path",
            f"its file system cannot be exported (overlayfs, some FUSE file systems; nfs-ganesha: {words})",
            "put the directory on a file system such as ext4 or xfs",
        )
    return Problem(path, "path", f"nfs-ganesha cannot export it ({words})", "make the directory, or mount it")


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
