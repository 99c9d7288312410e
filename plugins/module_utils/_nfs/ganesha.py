# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge to nfs-ganesha: drop-ins in /etc/ganesha/exports.d for its start, and D-Bus while it runs.

Its export manager adds, updates and removes single exports, so that neither the clients nor the exports of others
notice anything; a reload (SIGHUP) would withdraw what others have added by D-Bus. It answers at once; of some refusals
only its log gives the reason, so that is read too.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import time
from typing import Any, Iterable, Iterator, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._nfs import (
    clients,
    dropin,
    files,
    ganesha_config,
    ganesha_errors,
    ganesha_plan,
    links,
)
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.errors import (
    ServerError,
    ServerRefused,
    refuse_without_rights,
)
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.ganesha_plan import Foreign, Plan, Served, State
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.spec import Declaration
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem

CONFIGURATION = "/etc/ganesha/ganesha.conf"
EXPORTS_D = "/etc/ganesha/exports.d"
_SERVICE = "nfs-ganesha.service"
_MANAGER = ("org.ganesha.nfsd", "/org/ganesha/nfsd/ExportMgr", "org.ganesha.nfsd.exportmgr")
_DEFAULT_LOG = "/var/log/ganesha/ganesha.log"
# Seconds for the server to answer after it was started.
_ANSWERS_WITHIN = 15.0
# FSALs whose paths are no directories of this host.
_CLUSTER_FILE_SYSTEMS = ("ceph", "gluster", "rgw", "proxy_v3", "proxy_v4")
# It makes one change at a time, and refuses what is asked meanwhile.
_BUSY = "another export admin operation is in progress"
_PATH = "/usr/sbin:/sbin:/usr/bin:/bin"

plan = ganesha_plan.plan


def observe(declared: Declaration, will_apply: bool) -> State:
    """The drop-in, what is served, and what the files of others export.

    In check mode directories may be missing, and nfs-ganesha itself: another task of the same play would have seen to
    them.

    Raises:
        ServerError: there is no nfs-ganesha to apply anything to, no right to, or it does not answer.
    """
    if will_apply and shutil.which("ganesha.nfsd", path=_PATH) is None:
        raise ServerError(
            "nfs-ganesha is not installed; install it with its VFS back end (Debian: nfs-ganesha, nfs-ganesha-vfs), "
            "which the role berthage.swarm.nfs_server does"
        )
    if will_apply:
        refuse_without_rights()
    path = f"{EXPORTS_D}/{declared.name}.conf"
    hosts = {client.host for export in declared.exports for client in export.clients}
    served = _served() if _main_process() else None
    foreign = tuple(_foreign(path))
    return State(
        drop_in=files.read(path),
        served=served,
        foreign=foreign,
        addresses={host: _addresses(host) for host in hosts if clients.kind(host) == clients.NAME},
        missing=frozenset(one.path for one in declared.exports if will_apply and not os.path.isdir(one.path)),
        included=not will_apply or _is_included(path),
        ways={export.path: links.way(export.path) for export in declared.exports},
        exported=frozenset(_exported(served or (), foreign)),
    )


def apply(declared: Declaration, planned: Plan, state: State) -> tuple[str, ...]:
    """Make the plan true, as a whole or not at all. Returns what is to be said besides.

    Raises:
        ServerRefused: the server did not take it. The former exports are in force again, unless it says otherwise.
    """
    served = {one.number for one in state.served or ()}
    changed = [step.name for step in planned.steps if step.changes]
    noted = dropin.noting(
        planned.text,
        declared.name,
        withdrawn=dict.fromkeys(one.path for one in planned.withdrawn),
        changed=[path for path in changed if planned.numbers.get(path) in served],
    )
    try:
        _put(state, noted)
    except OSError as error:
        # The former file is still there, whole.
        raise ServerRefused(
            [Problem(state.drop_in.path, "", str(error), "see to that, then run again")], True
        ) from error
    if state.served is None:
        return (f"nfs-ganesha does not run: the exports in {state.drop_in.path} are served once it does",)
    log = _log_file()
    start = os.path.getsize(log) if log else 0
    said: list[str] = []
    # What is new comes before what is to go: should the server refuse, nothing has been withdrawn from anyone. Only
    # what holds the place of something new goes first, since it could not go any more with that in it; and before that,
    # what lies in it as well.
    made = [export.path for export in declared.exports if planned.numbers[export.path] not in served]
    holders = [one for one in planned.withdrawn if any(one.holds(path) for path in made)]
    first = [one for one in planned.withdrawn if one in holders or any(outer.holds(one.pseudo) for outer in holders)]
    answers: dict[int, list[str]] = {}
    try:
        answers.update({one.number: _tell("RemoveExport", "q", str(one.number)) for one in first})
        # One that lies in another is not to be seen in it unless it comes after that.
        for export in sorted(declared.exports, key=lambda one: len(one.path)):
            if export.path in changed:
                said += _export(state.drop_in.path, planned.numbers[export.path])
        problems = ganesha_errors.problems([*said, *_read_from(log, start)], state.drop_in.path, planned.text)
        if not problems:
            later = [one for one in planned.withdrawn if one not in first]
            answers.update({one.number: _tell("RemoveExport", "q", str(one.number)) for one in later})
            problems = [*_still_served(planned, answers), *_not_served(declared, planned, state)]
        if not problems and noted != planned.text:
            _put(state, planned.text)
    except (OSError, ServerError) as error:
        problems = [Problem(state.drop_in.path, "", str(error), "see to that, then run again")]
    if problems:
        raise _taken_back(problems, declared, changed, planned, state)
    return ()


def _still_served(planned: Plan, answers: Mapping[int, list[str]]) -> list[Problem]:
    left = {one.number for one in _served()}
    return [
        Problem(
            one.path,
            "",
            f"was withdrawn, and is served all the same (nfs-ganesha: {' '.join(answers[one.number])})",
            "run again; where that does not help, restart nfs-ganesha",
        )
        for one in planned.withdrawn
        if one.number in left
    ]


def _not_served(declared: Declaration, planned: Plan, state: State) -> list[Problem]:
    now = State(state.drop_in, _served(), state.foreign, state.addresses)
    return [
        Problem(export.path, "", f"is not served as declared ({'; '.join(map(str, drift))})", "see the server's log")
        for export, drift in ganesha_plan.not_served(declared, planned.numbers, now)
    ]


def _taken_back(
    problems: list[Problem], declared: Declaration, changed: list[str], planned: Plan, state: State
) -> ServerRefused:
    """Put the former file and the former exports back."""
    # The same refusal is often said twice: in the answer, and in the log.
    items = [*dict.fromkeys(problems)]
    before = {one.number: one for one in state.served or ()}
    try:
        former = state.drop_in.text or ""
        touched = {planned.numbers[path]: path for path in changed if path in planned.numbers}
        made = {number: path for number, path in touched.items() if number not in before}
        updated = {number: path for number, path in touched.items() if number in before}
        _put(state, dropin.noting(former, declared.name, made.values(), updated.values()))
        # As in the plan: what lies in another goes before it, and comes after it.
        for number in sorted(made, key=lambda one: len(made[one]), reverse=True):
            if number in {one.number for one in _served()}:
                _tell("RemoveExport", "q", str(number))
        for number in [*updated, *(one.number for one in reversed(planned.withdrawn))]:
            if number in updated or number not in {one.number for one in _served()}:
                _export(state.drop_in.path, number)
        now = {one.number: one for one in _served()}
        lost = [one.path for number, one in before.items() if now.get(number) != one]
        lost += [path for number, path in made.items() if number in now]
        if not lost:
            _put(state, former)
    except (OSError, ServerError) as error:
        return ServerRefused(items, False, str(error))
    return ServerRefused(items, not lost, f"not served as before: {', '.join(lost)}")


def _exported(served: Iterable[Served], foreign: Iterable[Foreign]) -> Iterator[str]:
    """The directories of this host that are exported. Of a cluster file system the path is one within that."""
    elsewhere = {one.export.number for one in foreign if one.export.meaning["fsal"] in _CLUSTER_FILE_SYSTEMS}
    numbered = [(one.number, one.path) for one in served]
    numbered += [(one.export.number, one.export.path) for one in foreign]
    for number, path in numbered:
        if number not in elsewhere and path:
            yield links.way(path).place


def _put(state: State, text: str) -> None:
    # nfs-ganesha reads every file of the directory when it starts, so a temporary one has no place there.
    files.put(state.drop_in.path, text, temporary=os.path.dirname(EXPORTS_D))


def _export(path: str, number: int) -> list[str]:
    """Have the server take one export from this file. Returns what it says, which may be complaints."""
    serves = number in {one.number for one in _served()}
    return _tell("UpdateExport" if serves else "AddExport", "ss", path, f"EXPORT(Export_Id = {number})")


def _read_from(path: str | None, start: int) -> list[str]:
    if path is None:
        return []
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        file.seek(start)
        return file.read().splitlines()


def _log_file() -> str | None:
    try:
        with open(f"/proc/{_main_process()}/cmdline", encoding="utf-8", errors="surrogateescape") as file:
            words = file.read().split("\0")
    except OSError:
        return None
    log = next((after for word, after in zip(words, words[1:]) if word == "-L"), _DEFAULT_LOG)
    return log if os.path.isfile(log) else None


def _main_process() -> str:
    """The number of the server's process, empty while it does not run."""
    if shutil.which("systemctl", path=_PATH) is None:
        return ""
    done = subprocess.run(
        ["systemctl", "show", "--property=MainPID", _SERVICE], capture_output=True, check=False, text=True
    )
    shown = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    return shown["MainPID"] if shown.get("MainPID", "0") != "0" else ""


def _served() -> tuple[Served, ...]:
    """Every export that the server has, without the pseudo file system's root."""
    shown = _ask("ShowExports")
    numbers = [one[0] for one in shown[1]]
    # Of what it has from the start on, the root comes last.
    at_start = numbers[: numbers.index(0)] if 0 in numbers else []
    return tuple(
        _as_served(_ask("DisplayExport", "q", str(number)), number in at_start) for number in numbers if number != 0
    )


def _as_served(shown: list[Any], at_start: bool) -> Served:
    number, path, pseudo, _tag, listed = shown
    return Served(number, path, pseudo, frozenset(client[0] for client in listed), json.dumps(listed), at_start)


def _ask(method: str, *arguments: str) -> Any:
    """Call the export manager, with some patience for a server that has just been started."""
    deadline = time.monotonic() + _ANSWERS_WITHIN
    while True:
        done = _call(method, *arguments)
        if done.returncode == 0:
            return json.loads(done.stdout)["data"]
        if not _main_process():
            raise ServerError("nfs-ganesha has stopped by itself; see `journalctl -u nfs-ganesha` and its log")
        if time.monotonic() > deadline:
            raise ServerError(f"nfs-ganesha runs but does not answer on D-Bus: {done.stderr.strip()}")
        time.sleep(0.3)


def _tell(method: str, *arguments: str) -> list[str]:
    """Call the export manager to change something. Returns its answer or its complaint, line by line."""
    deadline = time.monotonic() + _ANSWERS_WITHIN
    done = _call(method, *arguments)
    while done.returncode != 0 and _BUSY in done.stderr and time.monotonic() < deadline:
        time.sleep(0.3)
        done = _call(method, *arguments)
    if done.returncode != 0:
        return ["Refused", *done.stderr.splitlines()]
    return "\n".join(str(part) for part in json.loads(done.stdout or "{}").get("data", [])).splitlines()


def _call(method: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["busctl", "--system", "--json=short", "--timeout=30", "call", *_MANAGER, method, *arguments],
            capture_output=True,
            check=False,
            text=True,
        )
    except FileNotFoundError as error:
        raise ServerError("the program busctl (systemd) is missing, so nfs-ganesha cannot be asked") from error


def _foreign(own: str) -> Iterator[Foreign]:
    for path in [CONFIGURATION, *_drop_ins()]:
        if path == own:
            continue
        try:
            with open(path, encoding="utf-8", errors="surrogateescape") as file:
                # nfs-ganesha will say what it dislikes in it; that is theirs to mend.
                found = ganesha_config.all_exports(file.read())
        except OSError:
            continue
        yield from (Foreign(path, export) for export in found)


def _drop_ins() -> list[str]:
    try:
        return [f"{EXPORTS_D}/{name}" for name in sorted(os.listdir(EXPORTS_D))]
    except FileNotFoundError:
        return []


def _is_included(path: str) -> bool:
    try:
        with open(CONFIGURATION, encoding="utf-8", errors="surrogateescape") as file:
            text = file.read()
    except FileNotFoundError:
        return False
    named = re.findall(r'^\s*%(dir|include)\s+"?([^"\n]+?)"?\s*$', text, re.MULTILINE)
    return any(one.rstrip("/") == (EXPORTS_D if how == "dir" else path) for how, one in named)


def _addresses(host: str) -> frozenset[str]:
    """The addresses of a host as the server writes them: networks of one address."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return frozenset()
    networks = (clients.network_of(str(one[4][0])) for one in found)
    return frozenset(str(network) for network in networks if network is not None)
