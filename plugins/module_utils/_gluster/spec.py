# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is declared: the arguments of gluster_volumes as dataclasses, every mistake found at once, nobody asked."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, Iterable, Iterator, Mapping, Sequence

from ansible_collections.berthage.swarm.plugins.module_utils._gluster import options as volume_options
from ansible_collections.berthage.swarm.plugins.module_utils._gluster import quota, snapshots
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.hosts import is_host, is_loopback
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.snapshots import SnapshotSpec
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem, refuse_if_any

ABSENT = "absent"
STARTED = "started"
STOPPED = "stopped"

ARGUMENTS: dict[str, dict[str, Any]] = {
    "volumes": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "replica": {"type": "int", "default": 0},
            "arbiter": {"type": "int", "default": 0},
            "disperse": {"type": "int", "default": 0},
            "redundancy": {"type": "int", "default": 0},
            "bricks": {"type": "list", "elements": "str", "default": []},
            "profile": {"type": "str", "choices": list(volume_options.PROFILES)},
            "options": {"type": "dict", "default": {}},
            "reset_options": {"type": "bool", "default": False},
            "quota": {"type": "dict"},
            "snapshots": {"type": "list", "elements": "dict", "default": [], "options": snapshots.ARGUMENTS},
            "tls": {"type": "bool", "default": False},
            "tls_allow": {"type": "list", "elements": "str", "default": []},
            "auth_allow": {"type": "list", "elements": "str", "default": []},
            "accept_split_brain": {"type": "bool", "default": False},
            "state": {"type": "str", "default": STARTED, "choices": [STARTED, STOPPED, ABSENT]},
        },
    },
    "allow": {
        "type": "list",
        "elements": "str",
        "default": [],
        "choices": ["shrink", "replace_brick", "delete"],
    },
    "force": {"type": "bool", "default": False},
    "heal_timeout": {"type": "int", "default": 600},
    "rebalance_timeout": {"type": "int", "default": 3600},
}

# cli-cmd-parser.c, cli_validate_volname; a volume's name is also that of a directory, which ends at 255 bytes.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,254}")
_RESERVED = frozenset(
    {
        "activate-on-create",
        "all",
        "auto-delete",
        "description",
        "end-volume",
        "force",
        "help",
        "option",
        "snap-max-hard-limit",
        "snap-max-soft-limit",
        "subvolumes",
        "type",
        "volume",
        "volume_not_in_ring",
    }
)
_OPTION = re.compile(r"[a-z0-9_]+([.-][a-z0-9_]+)*")
_CERTIFICATE_NAME = re.compile(r"[^\s,*/]{1,64}")
_PATH = re.compile(r"/[^\s,:\"'\\]*")


@dataclass(frozen=True)
class BrickSpec:
    """A brick as it is declared: a host, by whatever name, and a directory on it."""

    host: str
    path: str

    def __str__(self) -> str:
        return f"{self.host}:{self.path}"


@dataclass(frozen=True)
class Layout:
    """How files are spread over bricks. Zero is *not*: no replica and no disperse is a distributed volume."""

    replica: int = 0
    arbiter: int = 0
    disperse: int = 0
    redundancy: int = 0

    @property
    def set_size(self) -> int:
        """How many bricks hold one file together."""
        return self.replica or self.disperse or 1

    @property
    def words(self) -> tuple[str, ...]:
        """As `gluster volume create` takes it."""
        if self.disperse:
            return ("disperse", str(self.disperse), "redundancy", str(self.redundancy))
        if self.replica:
            arbiter = ("arbiter", str(self.arbiter)) if self.arbiter else ()
            return ("replica", str(self.replica), *arbiter)
        return ()

    def __str__(self) -> str:
        return " ".join(self.words) or "distributed"


@dataclass(frozen=True)
class VolumeSpec:
    """One declared volume. `options` are those of the profile, of `auth_allow` and of `options` together."""

    name: str
    layout: Layout
    bricks: tuple[BrickSpec, ...]
    options: Mapping[str, str]
    reset_options: bool
    state: str
    quota: Mapping[str, int] | None = None  # bytes by directory
    snapshots: tuple[SnapshotSpec, ...] = ()

    @property
    def sets(self) -> tuple[tuple[BrickSpec, ...], ...]:
        size = self.layout.set_size
        return tuple(self.bricks[start : start + size] for start in range(0, len(self.bricks), size))


def volume_specs(declared: Sequence[Mapping[str, Any]]) -> tuple[VolumeSpec, ...]:
    """The declared volumes.

    Raises:
        Refused: with every problem of every volume.
    """
    problems = list(_duplicate_names(declared))
    specs = []
    for arguments in declared:
        problems += _problems(arguments)
        specs.append(_spec(arguments))
    problems += _shared_bricks(specs)
    problems += snapshots.taken_twice((spec.name, snapshot) for spec in specs for snapshot in spec.snapshots)
    refuse_if_any(problems)
    return tuple(specs)


def parse_brick(text: str) -> BrickSpec | None:
    """`HOST:/absolute/path`, its path without needless slashes; `None` for what is not that."""
    host, separator, path = text.strip().partition(":/")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    path = "/" + re.sub(r"/+", "/", path).strip("/")
    if not separator or not is_host(host) or not _PATH.fullmatch(path) or path == "/":
        return None
    return None if {".", ".."} & set(path.split("/")) else BrickSpec(host, path)


def client_problem(entry: str) -> str:
    """What is wrong with an entry of `auth_allow`, or an empty text."""
    if entry == "*" or re.fullmatch(r"(\d{1,3}\.){1,3}\*", entry) or is_host(entry):
        return ""
    if "%" in entry:
        return f"{entry!r} names a scope, which is the name of an interface on one host only"
    try:
        ipaddress.ip_network(entry, strict=True)
    except ValueError as error:
        return f"{entry!r} is no address, network or host name" + (f" ({error})" if "/" in entry else "")
    return ""


def _spec(arguments: Mapping[str, Any]) -> VolumeSpec:
    replica = arguments["replica"] if arguments["replica"] != 1 else 0
    return VolumeSpec(
        name=arguments["name"],
        layout=Layout(replica, arguments["arbiter"], arguments["disperse"], arguments["redundancy"]),
        bricks=tuple(brick for brick in map(parse_brick, arguments["bricks"]) if brick),
        options=_options(arguments, replica),
        reset_options=arguments["reset_options"],
        state=arguments["state"],
        quota=quota.declared_limits(arguments["quota"]) if arguments["state"] == STARTED else None,
        snapshots=snapshots.specs(arguments["snapshots"]),
    )


def _options(arguments: Mapping[str, Any], replica: int) -> dict[str, str]:
    """What is declared wins over the profile, also by a short name."""
    profile = volume_options.profile_options(arguments["profile"], replica)
    texts = {name: volume_options.as_text(value) for name, value in arguments["options"].items()}
    declared = {name: text for name, text in texts.items() if text is not None}
    clients = {"auth.allow": ",".join(arguments["auth_allow"])} if arguments["auth_allow"] else {}
    tls = _tls_options(arguments)
    return {**profile, **clients, **tls, **volume_options.in_full(declared, {**profile, **clients, **tls})}


def _tls_options(arguments: Mapping[str, Any]) -> dict[str, str]:
    """Both ends at once: a volume whose bricks talk TLS and whose clients do not is one that nobody can mount."""
    if not arguments["tls"]:
        return {}
    allowed = {"auth.ssl-allow": ",".join(arguments["tls_allow"])} if arguments["tls_allow"] else {}
    return {"client.ssl": "on", "server.ssl": "on", **allowed}


def _problems(arguments: Mapping[str, Any]) -> Iterator[Problem]:
    name = arguments["name"]
    if not _NAME.fullmatch(name) or name in _RESERVED:
        yield Problem(
            name or "(no name)",
            "name",
            "gluster takes no such name for a volume",
            "use letters, digits, - and _, not a leading - and none of gluster's own words (all, force, help, ...)",
        )
    yield from snapshots.problems(name, arguments["snapshots"], is_absent=arguments["state"] == ABSENT)
    if arguments["state"] == ABSENT:
        return
    layout = _layout_problems(arguments)
    yield from layout
    yield from _brick_problems(arguments, count_matters=not layout)
    yield from _option_problems(arguments)
    yield from quota.problems(name, arguments["quota"], arguments["options"], is_running=arguments["state"] == STARTED)
    yield from _tls_problems(arguments)


def _tls_problems(arguments: Mapping[str, Any]) -> Iterator[Problem]:
    name, allowed = arguments["name"], arguments["tls_allow"]
    names = {option for option in arguments["options"] if isinstance(option, str)}
    if arguments["tls"] and names & {"client.ssl", "server.ssl"}:
        yield Problem(
            name, "tls", "the same is said by options.client.ssl and options.server.ssl", "keep one of the two"
        )
    if arguments["tls"] and not allowed and not names & {"auth.ssl-allow", "ssl-allow"}:
        yield Problem(
            name,
            "tls_allow",
            "is empty, which would let in every certificate that the pool's authority has ever signed",
            'list the names in the certificates of the pool and of the clients, or say "*" when all are meant',
        )
    if allowed and not arguments["tls"]:
        yield Problem(name, "tls_allow", "means nothing without tls: true", "add that, or leave tls_allow out")
    if allowed and names & {"auth.ssl-allow", "ssl-allow"}:
        yield Problem(name, "tls_allow", "the same is said by options.auth.ssl-allow", "keep one of the two")
    for entry in allowed:
        if entry != "*" and not _CERTIFICATE_NAME.fullmatch(entry):
            yield Problem(
                name,
                "tls_allow",
                f"{entry!r} is no name in a certificate",
                "give its common name (CN), at most 64 characters",
            )


def _layout_problems(arguments: Mapping[str, Any]) -> list[Problem]:
    name = arguments["name"]
    replica, arbiter = arguments["replica"], arguments["arbiter"]
    disperse, redundancy = arguments["disperse"], arguments["redundancy"]
    found = []
    for field in ("replica", "arbiter", "disperse", "redundancy"):
        if arguments[field] < 0:
            found.append(Problem(name, field, f"{arguments[field]} is negative", "use 0 for none"))
    if found:
        return found
    if replica > 1 and disperse:
        found.append(
            Problem(
                name, "disperse", "a volume is either replicated or dispersed", "give only one of replica and disperse"
            )
        )
    if arbiter and (arbiter, replica) != (1, 3):
        found.append(
            Problem(
                name,
                "arbiter",
                f"replica {replica} arbiter {arbiter} is nothing that gluster has",
                "use replica: 3 with arbiter: 1, where each third brick holds no data",
            )
        )
    if replica == 2 and not arbiter and not arguments["accept_split_brain"]:
        found.append(
            Problem(
                name,
                "replica",
                "two copies cannot outvote each other: after a broken link a file may differ for good (split brain)",
                "use replica: 3, or replica: 3 with arbiter: 1, or say accept_split_brain: true",
            )
        )
    if redundancy and not disperse:
        found.append(
            Problem(
                name, "redundancy", "belongs to a dispersed volume", "set disperse to the number of bricks of a set"
            )
        )
    if disperse and (disperse < 3 or not 0 < redundancy <= (disperse - 1) // 2):
        found.append(
            Problem(
                name,
                "disperse",
                f"of {disperse} bricks, {redundancy} cannot be redundant",
                f"set disperse to 3 or more, and redundancy to 1 ... {max(1, (disperse - 1) // 2)}, "
                "the number of bricks that may fail",
            )
        )
    return found


def _brick_problems(arguments: Mapping[str, Any], count_matters: bool) -> Iterator[Problem]:
    name, texts = arguments["name"], arguments["bricks"]
    if not texts:
        yield Problem(name, "bricks", "none is given", "list HOST:/absolute/path for each brick")
        return
    for text in texts:
        brick = parse_brick(text)
        if brick is None:
            yield Problem(
                name, "bricks", f"{text!r} is no brick", "write HOST:/absolute/path, such as g1:/data/brick1/gv0"
            )
        elif is_loopback(brick.host):
            yield Problem(
                name,
                "bricks",
                f"{text}: this name means another host on every host",
                "use the name or address by which the other members of the pool reach it",
            )
    spec = _spec(arguments)
    if len(spec.bricks) < len(texts) or not count_matters:
        return
    yield from _count_problem(spec)
    for members in spec.sets:
        for host, times in Counter(brick.host.lower() for brick in members).items():
            if times > 1:
                yield same_host(name, host, members)


def same_host(name: str, host: str, members: Iterable[object]) -> Problem:
    return Problem(
        name,
        "bricks",
        f"{host} has several bricks of one set ({', '.join(map(str, members))}), and would take them all down with it",
        "give each brick of a set a host of its own; bricks belong to sets in the order of the list",
    )


def _count_problem(spec: VolumeSpec) -> Iterator[Problem]:
    count, size = len(spec.bricks), spec.layout.set_size
    if count % size:
        more = size - count % size
        fewer = f" or remove {count % size}" if count > size else ""
        yield Problem(
            spec.name,
            "bricks",
            f"{count} of them make no whole sets of {size} ({spec.layout})",
            f"add {more}{fewer}, or change {'disperse' if spec.layout.disperse else 'replica'}",
        )


def _option_problems(arguments: Mapping[str, Any]) -> Iterator[Problem]:
    name, options = arguments["name"], arguments["options"]
    for option, value in options.items():
        where = f"options.{option}"
        if not isinstance(option, str) or not _OPTION.fullmatch(option) or option in {"group", "help"}:
            yield Problem(name, where, "is no name of an option", "see `gluster volume set help` for the names")
        elif option in volume_options.AMBIGUOUS:
            several = ", ".join(volume_options.AMBIGUOUS[option])
            yield Problem(name, where, f"is short for several options ({several})", "write the name in full")
        elif volume_options.full_name(option, volume_options.POOL_WIDE) in volume_options.POOL_WIDE:
            yield Problem(
                name,
                where,
                "is an option of the whole pool, which gluster takes for no single volume",
                f"leave it out here, and set it for all volumes (gluster volume set all {option} VALUE)",
            )
        elif volume_options.as_text(value) is None:
            yield Problem(
                name,
                where,
                f"{value!r} is no value",
                "give text, a number or a boolean; to go back to the default, leave it out with reset_options: true",
            )
    for entry in arguments["auth_allow"]:
        wrong = client_problem(entry)
        if wrong:
            yield Problem(name, "auth_allow", wrong, "write 10.0.0.5, 10.0.0.0/24, 10.0.0.* or a host's name")
    names = [option for option in options if isinstance(option, str)]
    if arguments["auth_allow"] and {"auth.allow", "allow"} & set(names):
        yield Problem(name, "auth_allow", "the same is said by options.auth.allow", "keep one of the two")
    in_full = [volume_options.full_name(option, names) for option in names]
    for option, times in Counter(in_full).items():
        if times > 1:
            yield Problem(
                name, f"options.{option}", "is given twice, in full and by its short name", "keep one of the two"
            )


def _duplicate_names(declared: Iterable[Mapping[str, Any]]) -> Iterator[Problem]:
    for name, times in Counter(arguments["name"] for arguments in declared).items():
        if times > 1:
            yield Problem(name, "name", f"is declared {times} times", "declare each volume once")


def _shared_bricks(specs: Iterable[VolumeSpec]) -> Iterator[Problem]:
    owners: dict[tuple[str, str], str] = {}
    for spec in specs:
        for brick in spec.bricks:
            key = (brick.host.lower(), brick.path)
            if spec.state != ABSENT and key in owners:
                yield shared_brick(spec.name, brick, owners[key])
            elif spec.state != ABSENT:
                owners[key] = spec.name


def shared_brick(name: str, brick: object, owner: str) -> Problem:
    who = "this volume" if owner == name else owner
    return Problem(name, "bricks", f"{brick} is already a brick of {who}", "give each brick a directory of its own")
