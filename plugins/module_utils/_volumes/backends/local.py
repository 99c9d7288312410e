# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Raw options: of the local driver, and of a plugin."""

from __future__ import annotations

from typing import Any, Iterator, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.bind import Bind
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.mount_options import MountOptions
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.nfs import Nfs
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.shared import (
    EPHEMERAL,
    HOLDS,
    POINTS,
    Meaning,
    address,
    as_boolean,
    is_host,
    secret_names,
    size_in_bytes,
)

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
    """Options without a device: nothing is mounted, the data is in the volume."""
    size = size_in_bytes(options["size"]) if options.get("size") else None
    return Meaning("local", {"size": size, **_others(options, "size")}, HOLDS)


def plugin(driver: str, options: Mapping[str, str]) -> Meaning:
    # The engine stores a managed plugin's name with its tag, and what stands for `latest` without one.
    name = driver[: -len(":latest")] if driver.endswith(":latest") else driver
    fields: dict[str, Any] = {"driver": name, **{f"driver_opts.{key}": as_boolean(options[key]) for key in options}}
    return Meaning("plugin", fields, HOLDS, (), secret_names(fields))


def any_mount(kind: str, device: str, options: MountOptions) -> Meaning:
    fields: dict[str, Any] = {"type": kind, "device": device, **options.others(), **options.flags()}
    return Meaning("mount", fields, EPHEMERAL if kind == "ramfs" else POINTS, (), secret_names(fields))


def _never_mountable(name: str, options: Mapping[str, str]) -> Iterator[Problem]:
    """What the engine accepts when a volume is created, and can never mount."""
    kind = options.get("type", "")
    mount_options = MountOptions(options.get("o", ""))
    if Bind.mounts(kind, mount_options):
        return
    if kind in ("glusterfs", "sshfs", "fuse") or kind.startswith("fuse."):
        yield Problem(
            name,
            "driver_opts.type",
            f"{kind!r} can never be mounted (the local driver calls mount(2), which runs no FUSE helper)",
            "use `glusterfs`, or mount it on the host and use `bind`",
        )
    if kind not in ("nfs", "nfs4"):
        return
    server = Nfs.meaning(kind, options.get("device", ""), mount_options).fields["server"]
    if not server:
        yield Problem(
            name,
            "driver_opts.o",
            "addr= is missing (without it mount(2) refuses, whatever the device says)",
            "add addr=SERVER, or use `nfs`",
        )
    elif not is_host(server):
        yield Problem(
            name, "driver_opts.o", f"{server!r} is neither an address nor a host name", "mend addr=, or use `nfs`"
        )
    elif kind == "nfs4" and address(server) is None:
        yield Problem(
            name,
            "driver_opts.o",
            f"the engine looks up the host name {server!r} for type nfs only",
            "use type nfs with nfsvers=4, or use `nfs`",
        )


def _others(options: Mapping[str, str], *known: str) -> dict[str, str]:
    return {name: value for name, value in options.items() if name not in known and value}
