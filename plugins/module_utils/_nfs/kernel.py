# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge to the kernel's NFS server: drop-ins in /etc/exports.d, `exportfs`, and the active table (etab).

`exportfs -r` is never used. It would also withdraw what an administrator, or a cluster manager, has exported by command
and without a file. `exportfs -a` adds and updates; what is to go is withdrawn entry by entry.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from dataclasses import replace
from typing import Container, Iterable, Iterator

from ansible_collections.berthage.swarm.plugins.module_utils._nfs import (
    clients,
    complaints,
    dropin,
    exports,
    files,
    kernel_plan,
    links,
)
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.errors import (
    ServerError,
    ServerRefused,
    refuse_without_rights,
)
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.exports import Entry
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.kernel_plan import Foreign, Plan, State
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.spec import Declaration
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem

EXPORTS = "/etc/exports"
EXPORTS_D = "/etc/exports.d"
_STATE_DIRECTORY = "/var/lib/nfs"
# A resolver that does not answer is what makes exportfs slow; it gives up by itself well before this.
_TIMEOUT = 120
_PATH = "/usr/sbin:/sbin:/usr/bin:/bin"
_FIRST_KERNEL_WITH_TLS = (6, 5)


def observe(declared: Declaration, will_apply: bool) -> State:
    """The drop-in, the active table, and what the files of others declare for the same directories.

    In check mode directories may be missing, and exportfs itself: another task of the play would have seen to them.

    Raises:
        ServerError: there is no kernel server to apply anything to, or no right to.
    """
    if will_apply:
        _program()
        refuse_without_rights()
    path = f"{EXPORTS_D}/{declared.name}.exports"
    drop_in = files.read(path)
    foreign = tuple(_foreign(path))
    filed = exports.by_path(drop_in.text or "")
    ours = [*(export.path for export in declared.exports), *declared.absent, *filed]
    ways = {one: links.way(one) for one in ours}
    real = {one: way.place for one, way in ways.items()}
    places = {*real.values(), *drop_in.unfinished, *drop_in.links.values()}
    active = _active_table()
    hosts = {
        *(client.host for export in declared.exports for client in export.clients),
        *(one.client for entries in filed.values() for one in entries),
        *(one.entry.client for one in foreign if one.entry.path in places),
        *(one.client for one in active if one.path in places),
    }
    without_tls, remedy_for_tls = _without_tls(will_apply)
    return State(
        drop_in=drop_in,
        active=active,
        foreign=foreign,
        real=real,
        ways={export.path: ways[export.path] for export in declared.exports},
        exported=frozenset({*(one.path for one in active), *(one.entry.path for one in foreign)}),
        names=_all_names(hosts),
        is_serving=_threads() > 0,
        missing=frozenset(one.path for one in declared.exports if will_apply and not os.path.isdir(one.path)),
        without_tls=without_tls,
        remedy_for_tls=remedy_for_tls,
    )


plan = kernel_plan.plan


def apply(declared: Declaration, planned: Plan, state: State) -> tuple[str, ...]:
    """Make the plan true, as a whole or not at all. Returns what exportfs complained about in the files of others.

    Raises:
        ServerRefused: the server did not take it. The former exports are in force again, unless it says otherwise.
    """
    # What is new comes before what is stale goes: should the server refuse, nothing has been withdrawn from anyone.
    try:
        noted = dropin.noting(planned.text, declared.name, planned.withdrawn)
        files.put(state.drop_in.path, noted)
        said = _exportfs("-a")
        problems, of_others = complaints.sorted_out(said, declared, state)
        now = _active_table()
        problems += [*_not_active(declared, replace(state, active=now), of_others), *_led_astray(declared, state, now)]
        if not problems:
            for entry in planned.stale:
                problems += complaints.of_withdrawal(entry, _withdraw(entry))
        if not problems and noted != planned.text:
            files.put(state.drop_in.path, planned.text)
    except (OSError, ServerError) as error:
        problems, of_others = [Problem(state.drop_in.path, "", str(error), "see to that, then run again")], []
    if problems:
        raise _taken_back(problems, declared, planned, state)
    if not state.is_serving:
        of_others = [*of_others, f"the NFS server does not run: {state.drop_in.path} is in force once it does"]
    return tuple(of_others)


def _not_active(declared: Declaration, state: State, unexplained: list[str]) -> list[Problem]:
    words = f" (exportfs: {' '.join(unexplained)})" if unexplained else ""
    return [
        Problem(
            export.path,
            f"client {entry.client}",
            "is not in the active table after `exportfs -a`" if found is None else f"is active as {found.line}",
            f"see `exportfs -av`{words}",
        )
        for export, entry, found in kernel_plan.missing_from(declared, state)
    ]


def _led_astray(declared: Declaration, state: State, now: Iterable[Entry]) -> Iterator[Problem]:
    for entry in kernel_plan.led_astray(declared, _added(state, now), state):
        yield Problem(
            entry.path,
            f"client {entry.client}",
            "was exported although it is not declared, by a link that somebody has made inside of an export meanwhile",
            "look in the exports that hold another one who made it, and run again",
        )


def _taken_back(problems: Iterable[Problem], declared: Declaration, planned: Plan, state: State) -> ServerRefused:
    """Put the former file and the former table back."""
    # The same refusal is often said twice: by exportfs, and by the entry that is missing in the table because of it.
    items = [*dict.fromkeys(problems)]
    try:
        former = state.drop_in.text or ""
        now = _active_table()
        added = _added(state, now)
        other = kernel_plan.not_as_before(declared, planned.stale, state, now)
        notes = sorted({entry.path for entry in [*added, *other]})
        files.put(state.drop_in.path, dropin.noting(former, declared.name, notes))
        for entry in added:
            _withdraw(entry)
        _exportfs("-a")
        # What was active with other rights than a file gives it, or without a file.
        for entry in kernel_plan.not_as_before(declared, planned.stale, state, _active_table()):
            _exportfs("-o", entry.options, _in_words_of_exportfs(entry))
        lost = kernel_plan.not_as_before(declared, planned.stale, state, _active_table())
        filed = {state.real_path(one.path) for one in exports.taken(former)}
        # The former file itself exports another directory where somebody has turned a link since.
        for entry in _added(state, _active_table(), filed):
            _withdraw(entry)
        left = _added(state, _active_table(), filed)
        if lost or left:
            words = [f"not active as before: {', '.join(map(_in_words_of_exportfs, lost))}"] * bool(lost)
            words += [f"still active: {', '.join(map(_in_words_of_exportfs, left))}"] * bool(left)
            return ServerRefused(items, False, "; ".join(words))
        files.put(state.drop_in.path, former)
    except (OSError, ServerError) as error:
        return ServerRefused(items, False, str(error))
    return ServerRefused(items, True)


def _added(state: State, now: Iterable[Entry], filed: Container[str] = ()) -> list[Entry]:
    """What is active now, was not before, comes from no file of others, and is at no place in `filed`. That is told by
    the table alone, since where a path led to while exportfs read it nobody knows."""
    before = {(entry.path, entry.client) for entry in state.active}
    new = [entry for entry in now if (entry.path, entry.client) not in before and entry.path not in filed]
    places = {entry.path for entry in new}
    theirs = {one.entry.client for one in state.foreign if one.entry.path in places}
    # A name of which the resolver did not tell before is looked up again: exportfs has it in the table now.
    known = {host for host, others in state.names.items() if others}
    names = _all_names({*theirs, *(entry.client for entry in new)} - known)
    return kernel_plan.without_foreign(new, replace(state, names={**state.names, **names}))


def _withdraw(entry: Entry) -> list[str]:
    return _exportfs("-u", _in_words_of_exportfs(entry))


def _in_words_of_exportfs(entry: Entry) -> str:
    host = entry.host
    if ":" in host:
        address, slash, length = host.partition("/")
        host = f"[{address}]{slash}{length}"
    return f"{host}:{entry.path}"


def _exportfs(*arguments: str) -> list[str]:
    """Run exportfs. Returns what it complained about, line by line; its exit status says no more than that."""
    try:
        done = subprocess.run(
            [_program(), *arguments],
            capture_output=True,
            check=False,
            timeout=_TIMEOUT,
            env={"PATH": _PATH, "LC_ALL": "C"},
        )
    except subprocess.TimeoutExpired as error:
        raise ServerError(f"`exportfs {' '.join(arguments)}` did not end within {_TIMEOUT} s") from error
    said = done.stderr.decode(errors="surrogateescape").strip()
    if done.returncode != 0 and not said:
        said = f"exportfs {' '.join(arguments)} ended with status {done.returncode}"
    return complaints.lines(said)


def _program() -> str:
    program = shutil.which("exportfs", path=_PATH)
    if program is None:
        raise ServerError(
            "the program exportfs is not installed; install the NFS server (Debian: nfs-kernel-server), "
            "which the role berthage.swarm.nfs_server does"
        )
    return program


def _active_table() -> tuple[Entry, ...]:
    """The table that mountd serves from. `exportfs -s` would leave out some options that are off."""
    try:
        with open(f"{_state_directory()}/etab", encoding="utf-8", errors="surrogateescape") as file:
            return exports.entries(file.read())
    except FileNotFoundError:
        return ()
    except exports.Unreadable as error:
        raise ServerError(f"the active table of the server cannot be read: {error}") from error


def _threads() -> int:
    """How many threads of the kernel's server there are: none means that it does not run."""
    try:
        with open("/proc/fs/nfsd/threads", encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return 0


def _without_tls(will_apply: bool) -> tuple[str, str]:
    """What this host lacks for RPC with TLS, and what to do about it; nothing where it lacks nothing."""
    release = os.uname().release
    number = tuple(int(part) for part in re.findall("[0-9]+", release)[:2])
    if number < _FIRST_KERNEL_WITH_TLS:
        return (
            f"its kernel is {release}, and servers have it from {'.'.join(map(str, _FIRST_KERNEL_WITH_TLS))} on",
            "use a newer kernel, or leave it out and protect the network otherwise",
        )
    if will_apply and shutil.which("tlshd", path=_PATH) is None:
        return (
            "the program tlshd, which makes the connections for the kernel, is not installed",
            "install ktls-utils, and name the server's certificate in /etc/tlshd.conf",
        )
    return "", ""


def _state_directory() -> str:
    program = shutil.which("nfsconf", path=_PATH)
    if program is None:
        return _STATE_DIRECTORY
    for section in ("mountd", "exportd"):
        done = subprocess.run([program, "--get", section, "state-directory-path"], capture_output=True, check=False)
        if done.returncode == 0 and done.stdout.strip():
            return done.stdout.decode(errors="surrogateescape").strip()
    return _STATE_DIRECTORY


def _foreign(own: str) -> Iterator[Foreign]:
    for path in [EXPORTS, *_drop_ins()]:
        if path == own:
            continue
        try:
            with open(path, encoding="utf-8", errors="surrogateescape") as file:
                # exportfs will say what it dislikes in it; that is theirs to mend.
                found = exports.by_path(file.read())
        except FileNotFoundError:
            continue
        for entry in (one for entries in found.values() for one in entries):
            yield Foreign(path, Entry(os.path.realpath(entry.path), entry.host, entry.meaning, entry.line))


def _drop_ins() -> list[str]:
    try:
        names = os.listdir(EXPORTS_D)
    except FileNotFoundError:
        return []
    return [f"{EXPORTS_D}/{name}" for name in sorted(names) if name.endswith(".exports") and not name.startswith(".")]


def _all_names(hosts: Iterable[str]) -> dict[str, frozenset[str]]:
    return {host: _names(host) for host in hosts if clients.kind(host) == clients.NAME}


def _names(host: str) -> frozenset[str]:
    """Every other name of a host: the canonical one that the resolver gives, and its addresses."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_CANONNAME)
    except OSError:
        return frozenset()
    return frozenset(clients.canonical(str(name)) for one in found for name in (one[3], one[4][0]) if name)
