# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Raw options: of the local driver, and of a plugin."""

from __future__ import annotations

import re
from typing import Any, Iterator, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.bind import Bind
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.block import Block
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.cephfs import Cephfs
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.cifs import Cifs
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.mount_options import (
    MountOptions,
    mounts_nothing,
)
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.nfs import Nfs
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.shared import (
    EPHEMERAL,
    HOLDS,
    POINTS,
    Meaning,
    as_boolean,
    secret_names,
)
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.tmpfs import Tmpfs

_LOCAL_OPTIONS = ("type", "device", "o", "size")


class Local:
    """The keys `driver` and `driver_opts`: a plain local volume, raw options as in a Compose file, or a plugin."""

    key = "driver"

    @staticmethod
    def problems(name: str, driver: str, options: Mapping[str, str]) -> Iterator[Problem]:
        if driver != "local":
            return
        for option in options:
            if option not in _LOCAL_OPTIONS:
                yield Problem(
                    name,
                    f"driver_opts.{option}",
                    "the local driver has no such option",
                    f"it takes {', '.join(_LOCAL_OPTIONS)}; mount options go into `o`, separated by commas",
                )
        for option, needed in (("device", ("type",)), ("type", ("device",)), ("o", ("type", "device"))):
            missing = [other for other in needed if not options.get(other)]
            if options.get(option) and missing:
                yield Problem(
                    name,
                    f"driver_opts.{option}",
                    f"it says nothing without {' and '.join(missing)} (the engine refuses it)",
                    f"set driver_opts.{missing[0]} as well",
                )
        yield from _never_mountable(name, options)


def local(options: Mapping[str, str]) -> Meaning:
    """Options for which nothing is mounted: the data is in the volume."""
    size = _engine_size(options["size"]) if options.get("size") else None
    return Meaning("local", {"size": size, **_others(options, "type", "device", "o", "size")}, HOLDS)


def plugin(driver: str, options: Mapping[str, str]) -> Meaning:
    # The engine stores a managed plugin's name with its tag, and what stands for `latest` without one.
    name = driver[: -len(":latest")] if driver.endswith(":latest") else driver
    name = name[len("docker.io/") :] if name.startswith("docker.io/") else name
    fields: dict[str, Any] = {"driver": name, **{f"driver_opts.{key}": as_boolean(options[key]) for key in options}}
    return Meaning("plugin", fields, HOLDS, (), secret_names(fields))


def any_mount(kind: str, device: str, options: MountOptions) -> Meaning:
    fields: dict[str, Any] = {"type": kind, "device": device, **options.others(), **options.flags()}
    return Meaning("mount", fields, EPHEMERAL if kind == "ramfs" else POINTS, (), secret_names(fields))


def _never_mountable(name: str, options: Mapping[str, str]) -> Iterator[Problem]:
    """What the engine accepts when a volume is created, and can never mount as it is meant."""
    kind, device, text = (options.get(option, "") for option in ("type", "device", "o"))
    mount_options = MountOptions(text)
    if device and mounts_nothing(device, text):
        yield Problem(
            name,
            "driver_opts.device",
            f"for the device {device!r} with these options the engine mounts nothing (data would land on its own disk)",
            f"give another device, such as {kind}",
        )
    elif _needs_a_helper(kind) and not Bind.mounts(kind, mount_options):
        yield Problem(
            name,
            "driver_opts.type",
            f"{kind!r} can never be mounted (the local driver calls mount(2), which runs no FUSE helper)",
            "use `glusterfs`, or mount it on the host and use `bind`",
        )
    else:
        kinds = (Bind, Nfs, Tmpfs, Cifs, Cephfs, Block)
        backend = next((backend for backend in kinds if backend.mounts(kind, mount_options)), None)
        for option, message, remedy in backend.unmountable(kind, device, text) if backend else ():
            yield Problem(name, f"driver_opts.{option}", message, remedy)


def _needs_a_helper(kind: str) -> bool:
    return kind in ("glusterfs", "sshfs", "fuse") or kind.startswith("fuse.")


def _engine_size(text: str) -> Any:
    """A size in bytes as the engine reads it (go-units, RAMInBytes): 1.5g, 10GB and 10GiB count in powers of 1024."""
    found = re.match(r"^(\d+(?:\.\d+)?) ?([kmgtp]?)i?b?$", text.strip().lower())
    return int(float(found.group(1)) * 1024 ** " kmgtp".index(found.group(2) or " ")) if found else text


def _others(options: Mapping[str, str], *known: str) -> dict[str, str]:
    return {name: value for name, value in options.items() if name not in known and value}
