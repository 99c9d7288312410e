# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits for directories of a volume: what they are, and how much of them is used."""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Iterable, Iterator, Mapping
from xml.etree import ElementTree

from ansible_collections.berthage.swarm.plugins.module_utils._drift import Difference
from ansible_collections.berthage.swarm.plugins.module_utils._gluster import mounting
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.cli import Gluster, GlusterError, Volume
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.options import full_name, meaning
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem

# Gluster's own units (gf_string2bytesize), without which a number is one of bytes.
_UNITS = {"": 1, "B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40, "PB": 1 << 50}
_SIZE = re.compile(r"(?P<number>[0-9]+(\.[0-9]+)?)\s*(?P<unit>[KMGTP]?B)?", re.IGNORECASE)
_LARGEST = 1 << 63  # what gluster keeps a limit in, is signed
# Gluster's command takes a path as one word, and prints it so.
_PATH = re.compile(r"/[^\s'\"\\]*")
# Options that gluster resets when it disables quota (glusterd_quota_disable), by the last part of their names.
_FORGOTTEN = frozenset({"alert-time", "default-soft-limit", "hard-timeout", "quota-deem-statfs", "soft-timeout"})
# The one option that gluster takes only while quota is on (validate_quota of 10.3 and 11.1).
_DEEM_STATFS = "features.quota-deem-statfs"
# How often limits that gluster does not list are looked for: its quota daemon may have just been started.
_ATTEMPTS = 3
_PAUSE = 1.0

_NONE_SET = "No quota configured on volume"


class NothingListed(GlusterError):
    """There are limits, and gluster finds no directory for any of them."""


@dataclass(frozen=True)
class Limit:
    """The limit of one directory, in bytes. What gluster could not find out is `None`."""

    path: str
    hard: int
    soft: int | None
    used: int | None
    available: int | None
    exceeded: bool

    def as_dict(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "limit": self.hard,
            "soft_limit": self.soft,
            "used": self.used,
            "available": self.available,
            "exceeded": self.exceeded,
        }


def is_on(volume: Volume) -> bool:
    """Whether the volume counts what its directories hold, which it has to before it can limit them."""
    return meaning("features.quota", volume.options.get("features.quota", "off")) is True


def needing_quota(options: Mapping[str, str]) -> dict[str, str]:
    """Those of the options that gluster refuses, with all that are set by the same command, while quota is off."""
    return {name: value for name, value in options.items() if full_name(name, [_DEEM_STATFS]) == _DEEM_STATFS}


def limits(gluster: Gluster, volume: str) -> tuple[Limit, ...]:
    """The limits of a started volume whose quota is on, by path.

    Gluster mounts the volume for this question, below /run/gluster, and unmounts it again.

    Raises:
        GlusterError: also where too few bricks are up for that mount.
    """
    try:
        return limits_in(gluster.ask("volume", "quota", volume, "list"))
    except GlusterError as error:
        if _NONE_SET in str(error):
            return ()
        if "said nothing" in str(error):
            # Seen with 10.3 and 11.1, with exit status 0.
            raise NothingListed(
                f"gluster lists no limit of {volume}, and does not say that there is none either: directories that had "
                "limits were removed, or its quota daemon has just been started"
            ) from error
        raise


def limits_in(answer: ElementTree.Element) -> tuple[Limit, ...]:
    """The limits in an answer to `volume quota NAME list`."""
    found = [_limit(element) for element in answer.iterfind("volQuota/limit")]
    return tuple(sorted(found, key=lambda limit: limit.path))


def _limit(element: ElementTree.Element) -> Limit:
    path = (element.findtext("path") or "").strip()
    hard = _bytes(element, "hard_limit")
    if not path or hard is None:
        raise GlusterError("`gluster volume quota NAME list` printed a limit without a path or a size")
    return Limit(
        path=path,
        hard=hard,
        soft=_bytes(element, "soft_limit_value"),
        used=_bytes(element, "used_space"),
        available=_bytes(element, "avail_space"),
        exceeded=(element.findtext("hl_exceeded") or "").strip().lower() == "yes",
    )


def _bytes(element: ElementTree.Element, name: str) -> int | None:
    text = (element.findtext(name) or "").strip()
    return int(text) if text.isascii() and text.isdigit() else None


@dataclass(frozen=True)
class Change:
    """What is to be done about a volume's limits. Sizes are in bytes."""

    enable: bool = False
    disable: bool = False
    set: Mapping[str, int] = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    before: Mapping[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.enable or self.disable or self.set or self.remove)

    @property
    def drift(self) -> tuple[Difference, ...]:
        switched = [Difference("quota", "on", "off")] if self.enable else []
        switched += [Difference("quota", "off", "on")] if self.disable else []
        return (
            *switched,
            *(Difference(f"quota.{path}", size, self.before.get(path)) for path, size in self.set.items()),
            *(Difference(f"quota.{path}", None, self.before.get(path)) for path in self.remove),
        )


def declared_limits(declared: Mapping[Any, Any] | None) -> dict[str, int] | None:
    """The declared limits in bytes, by path; `None` where nothing is said of them. Only for what has no `problems`."""
    if declared is None:
        return None
    sizes = {_clean(str(path)): size_in_bytes(size) for path, size in declared.items()}
    return {path: size for path, size in sizes.items() if size is not None}


def problems(
    name: str, declared: Mapping[Any, Any] | None, options: Iterable[Any], is_running: bool
) -> Iterator[Problem]:
    """What is wrong with declared limits. `options` are the names of the options that are declared besides."""
    if declared is None:
        return
    forgotten = [] if declared else [option for option in options if str(option).rpartition(".")[2] in _FORGOTTEN]
    if forgotten:
        yield Problem(
            name,
            "quota",
            f"no limits are declared, and gluster forgets {', '.join(forgotten)} when it disables quota",
            "leave these options out",
        )
    if not is_running:
        yield Problem(
            name,
            "quota",
            "the limits of a volume that does not run can neither be read nor set",
            "leave quota out while the volume is stopped; its limits stay",
        )
    for path, size in declared.items():
        if not isinstance(path, str) or not _PATH.fullmatch(path) or {".", ".."} & set(path.split("/")):
            yield Problem(
                name,
                "quota",
                f"{path!r} is no directory of the volume that gluster can limit",
                "write its path from the volume's root, without spaces, such as /media, or / for the whole volume",
            )
        elif size_in_bytes(size) is None:
            yield Problem(
                name,
                f"quota.{path}",
                f"{size!r} is no size",
                "write a number of bytes, or such as 500MB, 10GB or 1.5TB",
            )
    times = Counter(_clean(path) for path in declared if isinstance(path, str))
    for path, count in times.items():
        if count > 1:
            yield Problem(name, f"quota.{path}", f"is given {count} times, in other spellings", "keep one of them")


def size_in_bytes(size: Any) -> int | None:
    """A size as gluster reads it, in units of 1024, or `None` for what is none."""
    match = None if isinstance(size, bool) else _SIZE.fullmatch(str(size).strip())
    if not match:
        return None
    number = float(match["number"]) if "." in match["number"] else int(match["number"])
    size = int(number * _UNITS[(match["unit"] or "").upper()])
    return size if 0 < size < _LARGEST else None


def change(declared: Mapping[str, int] | None, is_on: bool, actual: Iterable[Limit]) -> Change:
    """From what is to what is declared, which are all limits: others are removed. None at all is no quota."""
    before = {limit.path: limit.hard for limit in actual}
    if declared is None or (not declared and not is_on):
        return Change()
    if not declared:
        # Gluster forgets the limits with it.
        return Change(disable=True, remove=tuple(before), before=before)
    return Change(
        enable=not is_on,
        set={path: size for path, size in declared.items() if before.get(path) != size},
        remove=tuple(path for path in before if path not in declared),
        before=before,
    )


def observed_limits(gluster: Gluster, volume: Volume) -> tuple[Limit, ...]:
    """The limits of a volume that exists. Those that cannot be had, since it is stopped or since their directories are
    gone, are set again."""
    if not volume.started or not is_on(volume):
        return ()
    for _attempt in range(_ATTEMPTS):
        try:
            return limits(gluster, volume.name)
        except NothingListed:
            time.sleep(_PAUSE)
    return ()


def converge(gluster: Gluster, name: str, declared: Mapping[str, int]) -> dict[str, int]:
    """Bring a started volume's limits to what is declared, and return them as they are then.

    A directory that is not there is made. Then the limit is set, so that nothing is written to it before.
    """
    volume = gluster.volumes()[name]
    wanted = change(declared, is_on(volume), observed_limits(gluster, volume))
    if wanted.disable:
        gluster.change("volume", "quota", name, "disable")
        return {}
    if wanted.enable:
        gluster.change("volume", "quota", name, "enable")
    try:
        _make_directories(name, [path for path in wanted.set if path not in wanted.before and path != "/"])
        for path, size in wanted.set.items():
            gluster.change("volume", "quota", name, "limit-usage", path, str(size))
        for path in wanted.remove:
            gluster.change("volume", "quota", name, "remove", path)
        now = {limit.path: limit.hard for limit in observed_limits(gluster, gluster.volumes()[name])}
    finally:
        _unmount_what_gluster_left(name)
    if now != dict(declared):
        raise GlusterError(f"the limits of {name} are {now} after they were set to {dict(declared)}; run it again")
    return now


def _clean(path: str) -> str:
    return "/" + re.sub(r"/+", "/", path).strip("/")


def _make_directories(name: str, paths: Iterable[str]) -> None:
    """Make directories of a volume by way of a mount of its own, for as long as that takes."""
    paths = list(paths)
    if not paths:
        return
    with mounting.mounted(name) as mount_point:
        for path in paths:
            mounting.run("sh", "-c", 'umask 022 && mkdir -p -- "$1"', "sh", mount_point + path)


def _unmount_what_gluster_left(name: str) -> None:
    """Setting a limit leaves a mount of gluster's on this host, which would count as a user of the volume."""
    mount_point = f"/run/gluster/{name}_quota_limit"
    if os.path.ismount(mount_point):
        mounting.run("umount", "--lazy", mount_point)
