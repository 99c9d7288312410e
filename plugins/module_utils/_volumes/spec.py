# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is declared: the module's options, read into values, and everything that is wrong with them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Iterator, Mapping, Sequence

from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem, refuse_if_any
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends import (
    BACKENDS,
    HOLDS,
    Glusterfs,
    Local,
    Meaning,
    recognise,
    secret_values,
)

OWNER_LABEL = "berthage.swarm.owner"
DECLARED_LABEL = "berthage.swarm.declared"
OWN_LABELS = "berthage.swarm."
DEFAULT_OWNER = "default"

# As the engine checks it: moby, daemon/names.
_NAME = re.compile(r"^[a-zA-Z0-9][a-zA-Z0-9_.-]+$")
_LONGEST_NAME = 255  # the engine makes a directory of that name

VOLUME_ARGUMENTS: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    **{key: {"type": "dict", "options": dict(backend.arguments)} for key, backend in BACKENDS.items()},
    "driver": {"type": "str"},
    "driver_opts": {"type": "dict"},
    "labels": {"type": "dict", "default": {}},
    "create_path": {
        "type": "dict",
        "options": {"owner": {"type": "str"}, "group": {"type": "str"}, "mode": {"type": "str", "default": "0755"}},
    },
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    "discard_data": {"type": "bool", "default": False},
}

ARGUMENTS: dict[str, dict[str, Any]] = {
    "volumes": {"type": "list", "elements": "dict", "required": True, "options": VOLUME_ARGUMENTS},
    "on_drift": {"type": "str", "default": "fail", "choices": ["fail", "warn", "recreate"]},
    "verify": {"type": "bool", "default": True},
    "verify_timeout": {"type": "int", "default": 15},
    "owner": {"type": "str", "default": DEFAULT_OWNER},
    "purge": {"type": "bool", "default": False},
    "services_in_use": {"type": "list", "elements": "str"},
}


@dataclass(frozen=True)
class GlusterMount:
    """The host's mount that a volume stands on."""

    volume: str
    mount_point: str


@dataclass(frozen=True)
class NewDirectory:
    """How a missing directory is to be made."""

    owner: str | None
    group: str | None
    mode: int


@dataclass(frozen=True)
class Volume:
    """One declared volume. `backend` is the key that declared it: `local` stands for no key, `driver` for a driver."""

    name: str
    present: bool
    backend: str
    driver: str
    driver_opts: Mapping[str, str]
    labels: Mapping[str, str]
    declared: tuple[str, ...]
    discard_data: bool = False
    mount: GlusterMount | None = None
    directory: str | None = None
    create_path: NewDirectory | None = None

    @cached_property
    def meaning(self) -> Meaning:
        return recognise(self.driver, self.driver_opts)


@dataclass(frozen=True)
class Declaration:
    """A whole call. `services_in_use` is `None` where nobody said which volumes services use."""

    volumes: tuple[Volume, ...]
    on_drift: str
    verify: bool
    verify_timeout: int
    owner: str
    purge: bool
    services_in_use: frozenset[str] | None


def read(parameters: Mapping[str, Any]) -> Declaration:
    """The module's parameters as values.

    Raises:
        Refused: with everything that is wrong with them.
    """
    refuse_if_any([*_problems_of_call(parameters), *_problems_of_volumes(parameters)])
    services = parameters["services_in_use"]
    return Declaration(
        volumes=tuple(map(_volume, parameters["volumes"])),
        on_drift=parameters["on_drift"],
        verify=parameters["verify"],
        verify_timeout=parameters["verify_timeout"],
        owner=parameters["owner"],
        purge=parameters["purge"],
        services_in_use=None if services is None else frozenset(services),
    )


def secrets(parameters: Mapping[str, Any]) -> set[str]:
    """The declared values that must appear in no output, not even in what Ansible itself shows of the options.

    Also of parameters that nobody has checked yet: a call that is refused shows them as well.
    """
    return {
        value
        for given in _dictionaries(parameters.get("volumes"))
        for field, part in given.items()
        if field != "labels" and isinstance(part, Mapping)
        for value in secret_values({str(name): option for name, option in {**part, **_further(part)}.items()})
    }


def _further(backend: Mapping[str, Any]) -> dict[str, str]:
    """The further mount options of a declared backend, as raw ones. A secret has an option of its own, and may be here
    all the same."""
    options = backend.get("options")
    return {"o": ",".join(map(str, options))} if isinstance(options, list) else {}


def _dictionaries(values: Any) -> list[Mapping[str, Any]]:
    return [value for value in values if isinstance(value, Mapping)] if isinstance(values, list) else []


def _problems_of_call(parameters: Mapping[str, Any]) -> Iterator[Problem]:
    if parameters["purge"] and parameters["owner"] == DEFAULT_OWNER:
        yield Problem(
            "volumes",
            "purge",
            f"{DEFAULT_OWNER!r} is everybody who names no owner, and their volumes are not yours to purge",
            "set owner to a name that only this list of volumes has",
        )
    if parameters["verify_timeout"] < 1:
        yield Problem("volumes", "verify_timeout", "it is no time", "give whole seconds from 1")
    if not parameters["owner"].strip():
        yield Problem("volumes", "owner", "it is empty", "leave it out, or name who declares these volumes")


def _problems_of_volumes(parameters: Mapping[str, Any]) -> Iterator[Problem]:
    volumes: Sequence[Mapping[str, Any]] = parameters["volumes"]
    for name, times in Counter(given["name"] for given in volumes).items():
        if times > 1:
            yield Problem(name, "name", f"it is listed {times} times", "declare each volume once")
    for given in volumes:
        yield from _problems_of_name(given["name"])
        yield from _problems_of_labels(given["name"], given["labels"])
        yield from _problems_of_backend(given)
        yield from _problems_of_path(given)
        # Where volumes are recreated, one that holds data may be in the way of a volume that only points at it.
        if parameters["on_drift"] != "recreate":
            yield from _problems_of_discarding(given)


def _problems_of_name(name: str) -> Iterator[Problem]:
    if not _NAME.match(name):
        yield Problem(
            name or "(unnamed)",
            "name",
            "the engine takes no such name",
            "use two characters or more of a-z A-Z 0-9 _ . - and start with a letter or a digit",
        )
    elif len(name) > _LONGEST_NAME:
        yield Problem(name, "name", f"it is longer than {_LONGEST_NAME} characters", "shorten it")


def _problems_of_labels(name: str, labels: Mapping[str, Any]) -> Iterator[Problem]:
    for label in labels:
        if str(label).startswith(OWN_LABELS):
            yield Problem(
                name, f"labels.{label}", f"labels that start with {OWN_LABELS} are this collection's own", "rename it"
            )


def _problems_of_backend(given: Mapping[str, Any]) -> Iterator[Problem]:
    name = given["name"]
    keys = [key for key in BACKENDS if given[key] is not None]
    raw = [key for key in ("driver", "driver_opts") if given[key] is not None]
    if len(keys) > 1 or (keys and raw):
        yield Problem(
            name,
            " and ".join(keys + raw),
            "a volume has one backend",
            f"keep one of them, {keys[0]} for instance",
        )
    elif given["state"] == "absent":
        # What is to go may be of any kind, also of one that this release cannot create.
        return
    elif keys:
        yield from BACKENDS[keys[0]].problems(name, given[keys[0]])
    else:
        yield from Local.problems(name, given["driver"] or "local", _strings(given["driver_opts"]))


def _problems_of_path(given: Mapping[str, Any]) -> Iterator[Problem]:
    name, backend = given["name"], _backend_key(given)
    if given["create_path"] is not None:
        if backend not in ("glusterfs", "bind"):
            yield Problem(name, "create_path", "only glusterfs and bind have a directory on this host", "leave it out")
        if not re.match(r"^[0-7]{3,4}$", given["create_path"]["mode"]):
            yield Problem(
                name,
                "create_path.mode",
                f"{given['create_path']['mode']!r} is no octal mode",
                'give it as a quoted string, such as "0750"',
            )


def _problems_of_discarding(given: Mapping[str, Any]) -> Iterator[Problem]:
    if given["discard_data"] and given["state"] == "present" and not _may_hold(given):
        backend = _backend_key(given)
        yield Problem(
            given["name"],
            "discard_data",
            f"there is no data in a volume of backend {backend} that could be discarded (it points elsewhere)",
            "leave it out, or set on_drift: recreate if such a volume is in the way",
        )


def _may_hold(given: Mapping[str, Any]) -> bool:
    if _backend_key(given) in BACKENDS:
        return False
    return recognise(given["driver"] or "local", given["driver_opts"]).data == HOLDS


def _volume(given: Mapping[str, Any]) -> Volume:
    key = _backend_key(given)
    options = given[key] if key in BACKENDS else None
    present = given["state"] == "present"
    return Volume(
        name=given["name"],
        present=present,
        backend=key,
        driver=given["driver"] or "local",
        driver_opts=_driver_opts(key, given) if present else {},
        labels=_strings(given["labels"]),
        declared=_declared(key, given),
        discard_data=given["discard_data"],
        mount=_gluster_mount(given["glusterfs"]),
        directory=_directory(key, options),
        create_path=_new_directory(given["create_path"]),
    )


def _backend_key(given: Mapping[str, Any]) -> str:
    for key in BACKENDS:
        if given[key] is not None:
            return key
    return "driver" if given["driver"] not in (None, "local") or given["driver_opts"] else "local"


def _driver_opts(key: str, given: Mapping[str, Any]) -> dict[str, str]:
    if key in BACKENDS:
        options: dict[str, str] = BACKENDS[key].driver_opts(given[key])
        return options
    return _strings(given["driver_opts"])


def _gluster_mount(options: Mapping[str, Any] | None) -> GlusterMount | None:
    return None if options is None else GlusterMount(options["volume"], Glusterfs.mount_point(options))


def _directory(key: str, options: Mapping[str, Any] | None) -> str | None:
    if options is None:
        return None
    if key == "glusterfs":
        return Glusterfs.directory(options)
    return str(options["path"]) if key == "bind" else None


def _new_directory(given: Mapping[str, Any] | None) -> NewDirectory | None:
    return None if given is None else NewDirectory(given["owner"], given["group"], int(given["mode"], 8))


def _declared(key: str, given: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the fields that the declaration sets, never their values."""
    fields = (
        [f"{key}.{name}" for name, value in given[key].items() if value not in (None, [])] if key in BACKENDS else []
    )
    fields += ["driver"] if given["driver"] else []
    fields += [f"driver_opts.{name}" for name in given["driver_opts"] or ()]
    fields += [f"labels.{name}" for name in given["labels"]]
    return tuple(sorted(fields))


def _strings(given: Mapping[str, Any] | None) -> dict[str, str]:
    """Values as the engine stores them. What is given as nothing is not set."""
    return {
        str(name): str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in (given or {}).items()
        if value is not None
    }
