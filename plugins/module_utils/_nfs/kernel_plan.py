# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel's server has, against what is declared: one plan for the drop-in and the active table together."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Iterable, Iterator, Mapping, Sequence

from ansible_collections.berthage.swarm.plugins.module_utils._drift import Difference, differences
from ansible_collections.berthage.swarm.plugins.module_utils._nfs import clients, dropin, exports, links
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.dropin import DropIn
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.errors import no_such_directory
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.exports import Entry
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.links import Way
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.spec import Declaration, Export
from ansible_collections.berthage.swarm.plugins.module_utils._plan import (
    CREATE,
    KEEP,
    NONE,
    REMOVE,
    UPDATE,
    Step,
    refused,
)
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem


@dataclass(frozen=True)
class Foreign:
    """An entry of a file that is not ours."""

    file: str
    entry: Entry


@dataclass(frozen=True)
class State:
    """The server as it was observed.

    `real` gives the directory that a path leads to, as the active table names it; `names` gives for a host name its
    canonical name and its addresses, by any of which the table may have it; `missing` are the declared directories that
    do not exist; `without_tls` says what this host lacks for RPC with TLS, and `remedy_for_tls` what to do; `ways` are
    those to the declared directories, and `exported` is what is exported by now, by anyone, both for `links.problems`.
    """

    drop_in: DropIn
    active: tuple[Entry, ...] = ()
    foreign: tuple[Foreign, ...] = ()
    real: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, frozenset[str]] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()
    is_serving: bool = True
    without_tls: str = ""
    remedy_for_tls: str = ""
    ways: Mapping[str, Way] = field(default_factory=dict)
    exported: frozenset[str] = frozenset()

    def real_path(self, path: str) -> str:
        return self.real.get(path, path)

    def same_client(self, one: str, other: str) -> bool:
        """Of two names for one host exportfs keeps the one that it meets first."""
        nothing: frozenset[str] = frozenset()
        return bool({one, *self.names.get(one, nothing)} & {other, *self.names.get(other, nothing)})


@dataclass(frozen=True)
class Plan:
    """`problems` are those of the drop-in as a whole; `text` is the drop-in to be (empty: no file); `stale` are the
    active entries that are to go, `withdrawn` the directories that nothing of ours exports afterwards."""

    steps: tuple[Step, ...]
    problems: tuple[Problem, ...]
    text: str
    stale: tuple[Entry, ...]
    withdrawn: tuple[str, ...]


def plan(declared: Declaration, state: State) -> Plan:
    filed = exports.by_path(state.drop_in.text or "")
    why_unreadable = exports.why_unreadable(state.drop_in.text or "")
    maybe_foreign = _maybe_foreign(declared, filed, state)
    problems = (*state.drop_in.problems, *_undecided(declared, filed, maybe_foreign, state))
    state = replace(state, active=tuple(one for one in state.active if one not in maybe_foreign))
    present = {export.path: export for export in declared.exports}
    dropped = [path for path in filed if path not in present and path not in declared.absent]
    steps = [_present(export, filed.get(export.path, ()), why_unreadable, state) for export in declared.exports]
    steps += [_gone(path, filed.get(path), state) for path in [*declared.absent, *dropped]]
    known = {state.real_path(path) for path in [*present, *declared.absent, *dropped]}
    steps += [_unfinished(path, state) for path in state.drop_in.unfinished if path not in known]
    stale = _stale(declared, filed, state)
    exported = {state.real_path(path) for path in present}
    links = {path: state.real_path(path) for path in present if state.real_path(path) != path}
    others = _of_others(declared, filed, state)
    return Plan(
        steps=tuple(_with_problems(step, declared, others, state) for step in steps),
        problems=problems,
        text=dropin.recording(exports.drop_in(declared), links),
        stale=stale,
        withdrawn=tuple(sorted({entry.path for entry in stale} - exported)),
    )


def missing_from(declared: Declaration, state: State) -> Iterator[tuple[Export, Entry, Entry | None]]:
    """Of the declared entries, those that the active table has not, or has with another meaning (the last value)."""
    for export in declared.exports:
        active = _active(export.path, state)
        for entry in exports.declared_entries(export):
            found = next((one for one in active if state.same_client(entry.client, one.client)), None)
            if found is None or found.meaning != entry.meaning:
                yield export, entry, found


def led_astray(declared: Declaration, added: Iterable[Entry], state: State) -> list[Entry]:
    """Of what is active since this call, what is no declared directory, although it was exported as one: by a link that
    a client of the export around it made after the directory was looked at. By its rights it is told from what somebody
    else exports at the same time."""
    places = {export.path: state.real_path(export.path) for export in declared.exports}
    outer = {*places.values(), *state.exported}
    inner = [
        one for one in declared.exports if any(links.is_inside(places[one.path], outer_place) for outer_place in outer)
    ]
    entries = [entry for export in inner for entry in exports.declared_entries(export)]
    return [
        one
        for one in added
        if one.path not in places.values()
        and any(state.same_client(entry.client, one.client) and entry.meaning == one.meaning for entry in entries)
    ]


def not_as_before(declared: Declaration, stale: Iterable[Entry], state: State, now: Iterable[Entry]) -> list[Entry]:
    """The entries where this call may have changed something that are gone now, or mean something else than before."""
    ours = {*(state.real_path(export.path) for export in declared.exports), *(entry.path for entry in stale)}
    meaning = {(entry.path, entry.client): entry.meaning for entry in now}
    former = without_foreign([entry for entry in state.active if entry.path in ours], state)
    return [entry for entry in former if meaning.get((entry.path, entry.client)) != entry.meaning]


def without_foreign(entries: Iterable[Entry], state: State) -> list[Entry]:
    """Those that no file of others gives rise to."""
    return [
        entry
        for entry in entries
        if not any(
            foreign.entry.path == entry.path and state.same_client(foreign.entry.client, entry.client)
            for foreign in state.foreign
        )
    ]


def _present(export: Export, filed: Sequence[Entry], why_unreadable: str, state: State) -> Step:
    declared = exports.declared_entries(export)
    in_file = tuple(_compared(declared, filed, State(state.drop_in)))
    out_of_order = [entry.client for entry in filed] != [entry.client for entry in declared]
    if filed and not in_file and out_of_order and _order_counts(declared, filed):
        in_file = (Difference("order of clients", _clients(declared), _clients(filed)),)
    in_table = tuple(_compared(declared, _active_and_not_foreign(export.path, state), state))
    after = {"export": exports.line(export)}
    details = {"clients": [entry.line for entry in declared]}
    if not filed:
        return Step(export.path, CREATE, None, after, message="", details=details)
    before = {"export": _line(export.path, filed)}
    if in_file:
        return Step(export.path, UPDATE, before, after, in_file, details=details)
    again = _why_again(export, bool(in_table), why_unreadable, state)
    if again is not None:
        as_it_was, as_it_is, message = again
        return Step(export.path, UPDATE, as_it_was, as_it_is, in_table, details=details, message=message)
    return Step(export.path, KEEP, before, after, details=details)


def _why_again(
    export: Export, table_differs: bool, why_unreadable: str, state: State
) -> tuple[Mapping[str, Any], Mapping[str, Any], str] | None:
    """What is not as it should be although the file declares the right thing: before, after, and in words."""
    led_to, leads_to = state.drop_in.links.get(export.path, export.path), state.real_path(export.path)
    if led_to != leads_to:
        message = (
            f"it leads to {leads_to}, which the file did not note"
            if led_to == export.path
            else f"it led to {led_to}, which is exported because of it no more"
        )
        return {"leads to": led_to}, {"leads to": leads_to}, message
    if table_differs:
        return (
            {"active": _line(export.path, _active_and_not_foreign(export.path, state)) or "not exported"},
            {"active": exports.line(export)},
            "the file was right, the active table of the server was not: exported again",
        )
    if why_unreadable:
        return (
            {"file": "not readable for exportfs"},
            {"file": "readable"},
            f"exportfs stops within {state.drop_in.path} ({why_unreadable}): written anew",
        )
    if not state.drop_in.sound:
        return (
            {"file": "not owned by root, or writable by others"},
            {"file": "owned by root, mode 0644"},
            f"{state.drop_in.path} could be written by others: written anew",
        )
    if leads_to in state.drop_in.unfinished:
        return (
            {"file": "noted as being withdrawn"},
            {"file": "declared"},
            "a run that was cut short was withdrawing it: the note of that is gone",
        )
    return None


def _gone(path: str, filed: Sequence[Entry] | None, state: State) -> Step:
    active = _active_and_not_foreign(path, state)
    if filed is not None:
        return Step(path, REMOVE, {"export": _line(path, filed) or f"{path}, without a readable client"}, None)
    if active:
        return Step(
            path, REMOVE, {"active": _line(path, active)}, None, message="it was active although no file declared it"
        )
    return Step(path, NONE)


def _unfinished(path: str, state: State) -> Step:
    before = {"active": _line(path, _active_and_not_foreign_at(path, state)) or "noted as being withdrawn"}
    return Step(path, REMOVE, before, None, message="a run that was cut short was withdrawing it")


def _with_problems(step: Step, declared: Declaration, others: Sequence[tuple[str, Entry]], state: State) -> Step:
    problems = tuple(_problems(step, declared, others, state))
    return refused(step, *problems) if problems else step


def _problems(
    step: Step, declared: Declaration, others: Sequence[tuple[str, Entry]], state: State
) -> Iterator[Problem]:
    export = next((one for one in declared.exports if one.path == step.name), None)
    if export is None:
        return
    if export.path in state.missing:
        yield no_such_directory(export.path)
    real = state.real_path(export.path)
    for other in declared.exports:
        if other.path < export.path and state.real_path(other.path) == real:
            yield Problem(export.path, "path", f"is the same directory as {other.path}", "declare it once")
    yield from _same_identity(export, real, others)
    for client in export.clients:
        if client.xprtsec and state.without_tls:
            yield Problem(
                export.path,
                f"clients, host {client.host!r}, xprtsec",
                f"this host cannot do RPC with TLS: {state.without_tls}",
                state.remedy_for_tls,
            )
    for position, client in enumerate(export.clients):
        for other_client in export.clients[:position]:
            if state.same_client(client.host, other_client.host):
                yield Problem(
                    export.path,
                    "clients",
                    f"{client.host!r} and {other_client.host!r} are one host, and exportfs takes only one of the two",
                    "declare it once",
                )
        for foreign in _foreign(export.path, state):
            if state.same_client(client.host, foreign.entry.client):
                yield Problem(
                    export.path,
                    f"clients, host {client.host!r}",
                    f"{foreign.file} exports it to the same client, and exportfs takes only one of the two",
                    "remove it there or here",
                )


def _of_others(
    declared: Declaration, filed: Mapping[str, Sequence[Entry]], state: State
) -> tuple[tuple[str, Entry], ...]:
    """What others export, by files or by command, each with who says so."""
    paths = (*(export.path for export in declared.exports), *declared.absent, *filed)
    ours = {*map(state.real_path, paths), *state.drop_in.unfinished, *state.drop_in.links.values()}
    return (
        *((foreign.file, foreign.entry) for foreign in state.foreign),
        *(("the active table", entry) for entry in state.active if entry.path not in ours),
    )


def _same_identity(export: Export, place: str, others: Iterable[tuple[str, Entry]]) -> Iterator[Problem]:
    """Another directory that the file handles of this one name as well. With a UUID they name the directory besides, so
    that all exports of one file system, each inside of another, may have the same."""
    entry = exports.declared_entries(export)[0]
    for said_by, other in others:
        inside = links.is_inside(place, other.path) or links.is_inside(other.path, place)
        for name in ("fsid",) if inside else ("fsid", "uuid"):
            if other.path != place and entry.meaning[name] is not None and entry.meaning[name] == other.meaning[name]:
                yield Problem(
                    export.path,
                    "fsid",
                    f"{entry.meaning[name]} is that of {other.path} in {said_by} as well, and the server would give "
                    "clients of the one the files of the other",
                    "give one of the two another",
                )
                return


def _maybe_foreign(declared: Declaration, filed: Mapping[str, Sequence[Entry]], state: State) -> list[Entry]:
    """Active entries that a file of others may give rise to: it names a host of which the resolver does not tell now by
    which name the table has it. What this call or our own file names is ours."""
    ours = {*_declared_clients(declared, state), *_filed_clients(filed, state)}
    active = {(one.path, one.client) for one in state.active}
    untold = {
        one.entry.path
        for one in state.foreign
        if _is_untold(one.entry.client, state) and (one.entry.path, one.entry.client) not in active
    }
    return [
        one
        for one in without_foreign([one for one in state.active if one.path in untold], state)
        if clients.kind(one.client) == clients.NAME
        and not any(place == one.path and state.same_client(client, one.client) for place, client in ours)
    ]


def _undecided(
    declared: Declaration, filed: Mapping[str, Sequence[Entry]], maybe_foreign: Sequence[Entry], state: State
) -> Iterator[Problem]:
    """Where what we have to withdraw may be among what may be theirs: the next run would know of neither."""
    going = {*_filed_clients(filed, state)} - {*_declared_clients(declared, state)}
    for place in sorted({one.path for one in maybe_foreign}):
        active = [one.client for one in state.active if one.path == place]
        untold = [
            client
            for where, client in going
            if where == place
            and _is_untold(client, state)
            and not any(state.same_client(client, other) for other in active)
        ]
        if untold or place in state.drop_in.unfinished:
            shown = ", ".join(one.client for one in maybe_foreign if one.path == place)
            theirs = sorted({one.file for one in state.foreign if one.entry.path == place})
            yield Problem(
                place,
                "clients",
                f"the resolver does not tell whether {shown} is to be withdrawn, or is what {', '.join(theirs)} "
                "exports it to by another name",
                "mend the resolver, or the name in that file, then run again",
            )


def _declared_clients(declared: Declaration, state: State) -> Iterator[tuple[str, str]]:
    """Place and client of each."""
    for export in declared.exports:
        yield from ((state.real_path(export.path), client.host) for client in export.clients)


def _filed_clients(filed: Mapping[str, Sequence[Entry]], state: State) -> Iterator[tuple[str, str]]:
    """Place and client of each, where a path leads to as well as where it led to."""
    for path, entries in filed.items():
        for place in sorted({state.real_path(path), state.drop_in.links.get(path, path)}):
            yield from ((place, entry.client) for entry in entries)


def _is_untold(host: str, state: State) -> bool:
    return clients.kind(host) == clients.NAME and not state.names.get(host)


def _stale(declared: Declaration, filed: Mapping[str, Sequence[Entry]], state: State) -> tuple[Entry, ...]:
    """Active entries of paths that are, or were, ours, which nothing declares: not this call, and no file of others."""
    wanted = {export.path: exports.declared_entries(export) for export in declared.exports}
    stale: dict[tuple[str, str], Entry] = {}
    places = {state.real_path(path) for path in (*wanted, *declared.absent, *filed)}
    for place in {*places, *state.drop_in.unfinished, *state.drop_in.links.values()}:
        for entry in _active_and_not_foreign_at(place, state):
            stale.setdefault((entry.path, entry.client), entry)
    for path, entries in wanted.items():
        for entry in entries:
            for key in [key for key in stale if key[0] == state.real_path(path)]:
                if state.same_client(entry.client, key[1]):
                    del stale[key]
    return tuple(stale.values())


def _active(path: str, state: State) -> list[Entry]:
    return [entry for entry in state.active if entry.path == state.real_path(path)]


def _foreign(path: str, state: State) -> list[Foreign]:
    return [foreign for foreign in state.foreign if foreign.entry.path == state.real_path(path)]


def _active_and_not_foreign(path: str, state: State) -> list[Entry]:
    return _active_and_not_foreign_at(state.real_path(path), state)


def _active_and_not_foreign_at(place: str, state: State) -> list[Entry]:
    """`place` is a directory as the active table names it. A path that is one may be a link to another by now."""
    return without_foreign([entry for entry in state.active if entry.path == place], state)


def _compared(declared: Iterable[Entry], actual: Sequence[Entry], state: State) -> Iterator[Difference]:
    left = list(actual)
    for entry in declared:
        found = next((one for one in left if state.same_client(entry.client, one.client)), None)
        if found is None:
            yield Difference(f"client {entry.client}", entry.line, None)
            continue
        left.remove(found)
        for difference in differences(entry.meaning, found.meaning):
            yield Difference(f"client {entry.client}, {difference.field}", difference.declared, difference.actual)
    for entry in left:
        yield Difference(f"client {entry.client}", None, entry.line)


def _order_counts(declared: Sequence[Entry], filed: Sequence[Entry]) -> bool:
    """Whether the two orders differ once each is brought to the canonical one, where only meaning is left of it."""
    return _clients(declared) != [
        entry.client for entry in clients.in_order(list(filed), host_of=lambda entry: entry.client)
    ]


def _clients(entries: Iterable[Entry]) -> list[str]:
    return [entry.client for entry in entries]


def _line(path: str, entries: Iterable[Entry]) -> str:
    return " ".join([path, *(entry.line for entry in entries)]) if entries else ""
