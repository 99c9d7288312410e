# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nfs-ganesha has, in files and in service, against what is declared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Iterator, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils import _plan as plans
from ansible_collections.berthage.swarm.plugins.module_utils._drift import Difference, differences
from ansible_collections.berthage.swarm.plugins.module_utils._nfs import clients, ganesha_config
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.dropin import DropIn
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.errors import no_such_directory
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.ganesha_config import FiledExport
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.links import Way
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.spec import Declaration, Export
from ansible_collections.berthage.swarm.plugins.module_utils._plan import Step, refused
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem


@dataclass(frozen=True)
class Served:
    """An export that the running server has, as it names it on D-Bus. Of a client given by name it has the address.

    `rights` are those of all clients in the server's own numbers, which only tell whether they are the same as before.
    `at_start` says that the server had it from the start on.
    """

    number: int
    path: str
    pseudo: str
    clients: frozenset[str]
    rights: str = ""
    at_start: bool = field(default=False, compare=False)

    def holds(self, path: str) -> bool:
        """Whether this place of the pseudo file system lies in it, so that the server mounts it there."""
        return path.startswith(self.pseudo.rstrip("/") + "/") and path != self.pseudo


@dataclass(frozen=True)
class Foreign:
    """An export of a file that is not ours."""

    file: str
    export: FiledExport


@dataclass(frozen=True)
class State:
    """The server as it was observed. `served` is None while it does not run, and in the order in which it got them.

    `addresses` gives for a host name the networks that the server may have made of it; `ways` are those to the declared
    directories, and `exported` what is exported by now, by anyone, both for `links.problems`.
    """

    drop_in: DropIn
    served: tuple[Served, ...] | None = None
    foreign: tuple[Foreign, ...] = ()
    addresses: Mapping[str, frozenset[str]] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()
    included: bool = True
    ways: Mapping[str, Way] = field(default_factory=dict)
    exported: frozenset[str] = frozenset()

    @property
    def is_serving(self) -> bool:
        return self.served is not None


@dataclass(frozen=True)
class Plan:
    """`problems` are those of the drop-in as a whole; `text` is the drop-in to be (empty: no file).

    `numbers` gives each declared export its number; `withdrawn` are the exports in service that are to go, the deepest
    first: nfs-ganesha keeps one for as long as it holds another.
    """

    steps: tuple[Step, ...]
    problems: tuple[Problem, ...]
    text: str
    numbers: Mapping[str, int]
    withdrawn: tuple[Served, ...]


def plan(declared: Declaration, state: State) -> Plan:
    text = state.drop_in.text or ""
    filed = {export.path: export for export in ganesha_config.all_exports(text)}
    is_readable = ganesha_config.is_readable(text)
    numbers = _numbers(declared, filed, state)
    present = {export.path for export in declared.exports}
    dropped = [path for path in filed if path not in present and path not in declared.absent]
    steps = [_present(export, filed.get(export.path), is_readable, state, numbers) for export in declared.exports]
    gone = [*declared.absent, *dropped]
    steps += [_gone(path, filed.get(path), state) for path in gone]
    unfinished = [path for path in state.drop_in.unfinished if path not in present and path not in gone]
    steps += [_unfinished(path, state) for path in unfinished]
    withdrawn = {one.number: one for path in [*gone, *unfinished] for one in _own_served(path, state)}
    return Plan(
        steps=tuple(_with_problems(step, declared, numbers, withdrawn, state) for step in steps),
        problems=(*state.drop_in.problems, *_inclusion_problems(state)),
        text=ganesha_config.drop_in(declared, numbers),
        numbers=numbers,
        withdrawn=tuple(sorted(withdrawn.values(), key=lambda one: len(one.pseudo), reverse=True)),
    )


def not_served(
    declared: Declaration, numbers: Mapping[str, int], state: State
) -> tuple[tuple[Export, tuple[Difference, ...]], ...]:
    """Of the declared exports, those that the running server has not, or has otherwise."""
    compared = ((export, tuple(_against_served(export, numbers[export.path], state))) for export in declared.exports)
    return tuple((export, drift) for export, drift in compared if drift)


def _present(
    export: Export, filed: FiledExport | None, is_readable: bool, state: State, numbers: Mapping[str, int]
) -> Step:
    wanted = ganesha_config.declared_meaning(export)
    lines = [ganesha_config.client_line(client) for client in export.clients]
    after = {"clients": lines}
    details = {"clients": lines}
    if filed is None:
        return Step(export.path, plans.CREATE, None, after, details=details)
    before = {"clients": [_line(host, meaning) for host, meaning in filed.clients]}
    in_file = tuple(_against_file(wanted, filed, numbers[export.path]))
    if in_file:
        return Step(export.path, plans.UPDATE, before, after, in_file, details=details)
    in_service = tuple(_against_served(export, numbers[export.path], state))
    if in_service:
        return Step(
            export.path,
            plans.UPDATE,
            {"served": str(in_service[0].actual or "not served")},
            {"served": str(in_service[0].declared)},
            in_service,
            details=details,
            message="the file was right, the running server was not: exported again",
        )
    wrong = "" if is_readable else "could not be read by nfs-ganesha"
    wrong = wrong if state.drop_in.sound else "could be written by others"
    if wrong:
        return Step(
            export.path,
            plans.UPDATE,
            {"file": wrong},
            {"file": "owned by root, mode 0644, readable"},
            details=details,
            message=f"{state.drop_in.path} {wrong}: written anew",
        )
    if export.path in state.drop_in.unfinished:
        return Step(
            export.path,
            plans.UPDATE,
            {"file": "noted as being changed or withdrawn"},
            {"file": "declared"},
            details=details,
            message="a run that was cut short was changing or withdrawing it: exported again",
        )
    return Step(export.path, plans.KEEP, before, after, details=details)


def _gone(path: str, filed: FiledExport | None, state: State) -> Step:
    if filed is None and _own_served(path, state):
        return Step(path, plans.REMOVE, {"served": path}, None, message="it was served although no file declared it")
    if filed is None:
        return Step(path, plans.NONE)
    return Step(path, plans.REMOVE, {"clients": [_line(host, meaning) for host, meaning in filed.clients]}, None)


def _unfinished(path: str, state: State) -> Step:
    before = {"served": path} if _own_served(path, state) else {"file": "noted as being withdrawn"}
    return Step(path, plans.REMOVE, before, None, message="a run that was cut short was withdrawing it")


def _with_problems(
    step: Step, declared: Declaration, numbers: Mapping[str, int], withdrawn: Mapping[int, Served], state: State
) -> Step:
    problems = (
        *_problems(step, declared, numbers, state),
        *_left_in_it(step, withdrawn, state),
        *_hidden_by_it(step, numbers, withdrawn, state),
    )
    return refused(step, *problems) if problems else step


def _problems(step: Step, declared: Declaration, numbers: Mapping[str, int], state: State) -> Iterator[Problem]:
    if not any(export.path == step.name for export in declared.exports):
        return
    if step.name in state.missing:
        yield no_such_directory(step.name)
    for foreign in state.foreign:
        if step.name in (foreign.export.path, foreign.export.meaning["pseudo"]):
            yield Problem(
                step.name,
                "path",
                f"{foreign.file} exports it as well, and the server takes only one of the two",
                "remove it there or here",
            )
        elif foreign.export.number == numbers[step.name]:
            yield Problem(
                step.name,
                "Export_Id",
                f"{foreign.export.number} is that of {foreign.export.path} in {foreign.file} as well, and the server "
                "takes only one of the two when it starts",
                "give that one another",
            )


def _left_in_it(step: Step, withdrawn: Mapping[int, Served], state: State) -> Iterator[Problem]:
    """What keeps the server from withdrawing an export. To withdraw and export that again as well would break what its
    clients have open."""
    for one in withdrawn.values():
        if step.name not in (one.path, one.pseudo):
            continue
        left = [other.pseudo for other in _mounted_in(one, state) if other.number not in withdrawn]
        if left:
            yield Problem(
                step.name,
                "path",
                f"nfs-ganesha cannot withdraw it while it serves {', '.join(left)} inside of it",
                "keep it declared, for fewer clients if need be; or leave out what lies in it as well, and declare "
                "that again in the next run (its clients lose what they have open)",
            )


def _hidden_by_it(
    step: Step, numbers: Mapping[str, int], withdrawn: Mapping[int, Served], state: State
) -> Iterator[Problem]:
    """What the server already has inside of a new export. Seen with 4.3: until its next start it would serve that place
    by the new one, with the rights of that, so that who may only read in the inner one could write."""
    served = state.served or ()
    number = numbers.get(step.name)
    if number is None or number in {one.number for one in served}:
        return
    new = Served(number, step.name, step.name, frozenset())
    hidden = [one.pseudo for one in served if one.number not in withdrawn and new.holds(one.pseudo)]
    if hidden:
        yield Problem(
            step.name,
            "path",
            f"nfs-ganesha already serves {', '.join(hidden)} inside of it, and would give the rights of this one to "
            "the clients of that until it starts again",
            "withdraw what lies in it, and declare both in the next run (its clients lose what they have open)",
        )


def _mounted_in(one: Served, state: State) -> Iterator[Served]:
    """What the server mounted in an export: at its start whatever lies in it, later what comes after it."""
    came_before = not one.at_start
    for other in state.served or ():
        if other.number == one.number:
            came_before = False
        elif one.holds(other.pseudo) and not came_before:
            yield other


def _inclusion_problems(state: State) -> Iterator[Problem]:
    if not state.included:
        yield Problem(
            state.drop_in.path,
            "",
            "is not read by nfs-ganesha, since /etc/ganesha/ganesha.conf does not include its directory",
            "add the line `%dir /etc/ganesha/exports.d`, as the role berthage.swarm.nfs_server does",
        )


def _numbers(declared: Declaration, filed: Mapping[str, FiledExport], state: State) -> dict[str, int]:
    """The number of each export: the one that it has in service or in the file, else one that no other export has.

    A number must not pass from one path to another, which nfs-ganesha refuses.
    """
    taken = {
        *(one.number for one in filed.values()),
        *(one.export.number for one in state.foreign),
        *(one.number for one in state.served or ()),
    }
    numbers: dict[str, int] = {}
    for export in declared.exports:
        own = [one.number for one in _own_served(export.path, state)]
        own += [filed[export.path].number] if export.path in filed else []
        usable = [
            number for number in own if 0 < number <= ganesha_config.HIGHEST_ID and number not in numbers.values()
        ]
        numbers[export.path] = usable[0] if usable else ganesha_config.free_number(export.path, taken)
        taken.add(numbers[export.path])
    return numbers


def _own_served(path: str, state: State) -> list[Served]:
    """What is in service at this place, and comes from no file of others."""
    others = {one.export.number for one in state.foreign}
    return [one for one in state.served or () if path in (one.path, one.pseudo) and one.number not in others]


def _against_file(wanted: FiledExport, filed: FiledExport, number: int) -> Iterator[Difference]:
    yield from differences({**wanted.meaning, "number": number}, {**filed.meaning, "number": filed.number})
    actual = dict(filed.clients)
    for host, meaning in wanted.clients:
        if host not in actual:
            yield Difference(f"client {host}", _line(host, meaning), None)
            continue
        for difference in differences(meaning, actual[host]):
            yield Difference(f"client {host}, {difference.field}", difference.declared, difference.actual)
    declared = dict(wanted.clients)
    for host, meaning in filed.clients:
        if host not in declared:
            yield Difference(f"client {host}", None, _line(host, meaning))
    ordered = clients.in_order(filed.clients, host_of=lambda client: client[0])
    if set(declared) == set(actual) and list(dict(ordered)) != list(declared):
        yield Difference("order of clients", list(declared), list(actual))


def _against_served(export: Export, number: int, state: State) -> Iterator[Difference]:
    if state.served is None:
        return
    served = next((one for one in state.served if one.number == number), None)
    if served is None or (served.path, served.pseudo) != (export.path, export.path):
        yield Difference("served", export.path, None if served is None else served.path)
        return
    explained: set[str] = set()
    for client in export.clients:
        names = _names_in_service(client.host, state)
        if not names & served.clients:
            yield Difference(f"served client {client.host}", client.host, None)
        explained |= names
    for name in sorted(served.clients - explained):
        yield Difference(f"served client {name}", None, name)


def _names_in_service(host: str, state: State) -> frozenset[str]:
    network = clients.network_of(host)
    if network is not None:
        return frozenset({str(network)})
    if clients.kind(host) == clients.NAME:
        return state.addresses.get(host, frozenset())
    return frozenset({host.lstrip("@")})


def _line(host: str, meaning: Mapping[str, object]) -> str:
    return f"{host}({','.join(f'{name}={value}' for name, value in meaning.items())})"
