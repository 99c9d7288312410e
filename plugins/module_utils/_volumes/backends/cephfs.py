# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories of CephFS."""

from __future__ import annotations

import base64
import binascii
import posixpath
import re
from typing import Any, Iterable, Iterator, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.mount_options import (
    MountOptions,
    misplaced,
    split_options,
    switch,
)
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.shared import (
    POINTS,
    Endpoint,
    Meaning,
    address,
    kernel_number,
    secret_names,
)

_LEGACY_PORT = 6789  # the kernel's default, whatever ms_mode says
_PORT = 3300
_SHORTEST_KEY = 12  # its type, its date and its length
_ON_THE_HOST = "mount it on the host, and use `bind`"


class Cephfs:
    """`type=ceph`, mounted by the kernel's client, without mount.ceph.

    The option names and defaults are those of Linux' fs/ceph/super.c and net/ceph/ceph_common.c. The volume gets the
    device of the old syntax, `monitors:path`, which every kernel knows; the new one, `user@fsid.name=path`, is
    recognised.
    """

    key = "cephfs"
    arguments: Mapping[str, Any] = {
        "monitors": {"type": "list", "elements": "str", "required": True},
        "path": {"type": "str", "default": "/"},
        "user": {"type": "str", "default": "admin"},
        "secret": {"type": "str", "no_log": True},
        "options": {"type": "list", "elements": "str", "default": []},
    }

    _SWITCHES = frozenset(
        [
            "acl",
            "asyncreaddir",
            "copyfrom",
            "dcache",
            "dirstat",
            "fsc",
            "ino32",
            "poolperm",
            "quotadf",
            "rbytes",
            "require_active_mds",
            "wsync",
            "share",
            "crc",
            "cephx_require_signatures",
            "cephx_sign_messages",
            "tcp_nodelay",
            "sparseread",
            "pagecache",
        ]
    )
    _DEFAULTS: Mapping[str, Any] = {
        "user": "guest",
        "secret": None,
        "ms_mode": "legacy",
        "acl": True,
        "asyncreaddir": True,
        "copyfrom": False,
        "dcache": True,
        "dirstat": False,
        "fsc": False,
        "ino32": False,
        "poolperm": True,
        "quotadf": True,
        "rbytes": False,
        "require_active_mds": True,
        "share": True,
        "crc": True,
        "cephx_require_signatures": True,
        "cephx_sign_messages": True,
        "tcp_nodelay": True,
        "abort_on_full": False,
        "wsize": 64 << 20,
        "rsize": 64 << 20,
        "rasize": 8 << 20,
        "caps_max": 0,
        "caps_wanted_delay_min": 5,
        "caps_wanted_delay_max": 60,
        "readdir_max_entries": 1024,
        "readdir_max_bytes": 512 << 10,
        "snapdirname": ".snap",
        "recover_session": "no",
        "mount_timeout": 60,
        "osdkeepalive": 5,
        "osd_idle_ttl": 60,
        "osd_request_timeout": 0,
        "read_from_replica": "no",
    }
    _ALIASES: Mapping[str, str] = {"name": "user"}
    _TEXTS = ("user", "secret", "key", "fsid", "mds_namespace", "snapdirname", "fsc", "ms_mode", "recover_session")
    _FIELDS: Mapping[str, str] = {
        "name": "cephfs.user",
        "secret": "cephfs.secret",
        "source": "cephfs.monitors and cephfs.path",
        "mon_addr": "cephfs.monitors",
    }

    @classmethod
    def problems(cls, name: str, given: Mapping[str, Any]) -> Iterator[Problem]:
        options = split_options(given["options"])
        if not given["monitors"]:
            yield Problem(name, "cephfs.monitors", "there is none", "give the addresses, see `ceph mon dump`")
        for monitor in given["monitors"]:
            for message, remedy in _problems_of_monitor(monitor, _mode(options)):
                yield Problem(name, "cephfs.monitors", message, remedy)
        if not given["path"].startswith("/"):
            yield Problem(
                name, "cephfs.path", f"{given['path']!r} is not absolute", "give it from the root, such as /app"
            )
        if not re.match(r"^[^,\s]+$", given["user"]) or given["user"].startswith("client."):
            yield Problem(
                name,
                "cephfs.user",
                f"{given['user']!r} is no name of a Ceph user (it counts without `client.`)",
                "give it as in name=admin",
            )
        if given["secret"] is not None and not _is_key(given["secret"]):
            yield Problem(
                name,
                "cephfs.secret",
                "it is no key of Ceph",
                f"give what `ceph auth get-key client.{given['user']}` says",
            )
        for option in options:
            field = cls._FIELDS.get(option.partition("=")[0])
            if field is not None:
                yield Problem(
                    name,
                    "cephfs.options",
                    f"{option.partition('=')[0]!r} is set by a field of its own",
                    f"leave it out, and use {field}",
                )
        for message, remedy in _misunderstood(options):
            yield Problem(name, "cephfs.options", message, remedy)

    @staticmethod
    def driver_opts(given: Mapping[str, Any]) -> dict[str, str]:
        further = split_options(given["options"])
        options = [
            f"name={given['user']}",
            *([f"secret={given['secret']}"] if given["secret"] else []),
            *further,
        ]
        default = "" if _mode(further) == "legacy" else f":{_PORT}"
        monitors = []
        for monitor in given["monitors"]:
            host, port = _host_and_port(monitor)
            monitors.append(f"{'[' + host + ']' if ':' in host else host}{':' + port if port else default}")
        return {"type": "ceph", "device": f"{','.join(monitors)}:{given['path']}", "o": ",".join(options)}

    @staticmethod
    def mounts(kind: str, _options: MountOptions) -> bool:
        return kind == "ceph"

    @classmethod
    def unmountable(cls, _kind: str, device: str, text: str) -> Iterator[tuple[str, str, str]]:
        """What the engine accepts and can never mount: the option it is in, what is wrong, and what to do."""
        options = MountOptions(text).own
        words = [name if value is None else f"{name}={value}" for name, value in options]
        for message, remedy in _misunderstood(words):
            yield "o", message, remedy
        place = _place(device, dict(options))
        if place is None:
            yield "device", f"{device!r} is no place in CephFS", "give it as MONITOR,MONITOR:/path, or use `cephfs`"
            return
        if place["new"] and not place["fsid"]:
            yield (
                "device",
                "the cluster's fsid is missing (mount.ceph would add it)",
                "see `ceph fsid`, or use `cephfs`",
            )
        if not place["monitors"]:
            yield "o", "mon_addr= is missing (mount.ceph would add it)", "add mon_addr=ADDRESS, or use `cephfs`"
        for monitor in place["monitors"]:
            for message, remedy in _problems_of_monitor(monitor, _mode(words)):
                yield "o" if place["new"] else "device", message, remedy

    @classmethod
    def meaning(cls, _kind: str, device: str, options: MountOptions) -> Meaning:
        fields: dict[str, Any] = dict(cls._DEFAULTS)
        for option, value in options.own:
            if value is None:
                name, meant = switch(option, cls._SWITCHES) or (option, True)
                fields[name] = meant
            elif option not in ("mon_addr", "source", "fsid"):
                # The fsid only makes sure that the monitors are those of that cluster.
                name = cls._ALIASES.get(option, option)
                fields[name] = value if name in cls._TEXTS else kernel_number(value)
        place = _place(device, dict(options.own))
        if place is None:
            return Meaning("cephfs", {**fields, "device": device, **options.flags()}, POINTS, (), secret_names(fields))
        if place["new"]:
            fields["mds_namespace"] = place["mds_namespace"]
            if not options.has_value("name"):
                fields["user"] = place["user"]
        servers = sorted({_endpoint(monitor) for monitor in place["monitors"]}, key=str)
        fields.update(monitors=[str(server) for server in servers], path=place["path"])
        return Meaning("cephfs", {**fields, **options.flags()}, POINTS, tuple(servers), secret_names(fields))


def _problems_of_monitor(monitor: str, mode: str) -> Iterator[tuple[str, str]]:
    remedy = "give its address, such as 10.0.0.7, 10.0.0.7:6789 or [fd00::7]:6789, see `ceph mon dump`"
    host, port = _host_and_port(monitor)
    if address(host) is None:
        yield f"{monitor!r} is no address (neither the engine nor the kernel looks up a monitor's name)", remedy
    elif port and not (port.isdigit() and 0 < int(port) < 65536):
        yield f"{monitor!r} has no port from 1 to 65535", remedy
    elif port == str(_PORT) and mode == "legacy":
        yield (
            f"{monitor!r}: port {_PORT} does not speak the protocol that the kernel uses by default",
            f"add ms_mode=prefer-crc to the options, or use port {_LEGACY_PORT}",
        )
    elif port == str(_LEGACY_PORT) and mode != "legacy":
        yield (
            f"{monitor!r}: port {_LEGACY_PORT} does not speak ms_mode={mode}",
            f"use port {_PORT}, or leave ms_mode out",
        )


def _misunderstood(options: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Options that the kernel does not understand, since mount.ceph never runs."""
    options = list(options)
    yield from misplaced(options)
    for option in options:
        name, _equals, value = option.partition("=")
        if name in ("secretfile", "conf", "keyring"):
            yield (
                f"`{name}` is a file that mount.ceph reads, and the kernel does not (mount.ceph never runs)",
                f"give cephfs.secret, or {_ON_THE_HOST}",
            )
        elif name == "fs":
            yield "`fs` is mount.ceph's word, which the kernel does not know", f"use mds_namespace={value}"


def _mode(options: Iterable[str]) -> str:
    """The protocol, of which the last named counts."""
    named = [option.partition("=")[2] for option in options if option.startswith("ms_mode=")]
    return named[-1] if named else "legacy"


def _place(device: str, options: Mapping[str, str | None]) -> dict[str, Any] | None:
    """What `monitors:path` or `user@fsid.name=path` says, as ceph_parse_source reads it."""
    before, _slash, path = device.partition("/")
    place = {"path": posixpath.normpath("/" + path.lstrip("/")), "new": False, "user": ""}
    if before.endswith(":"):
        return {**place, "monitors": before[:-1].split(",")}
    found = re.match(r"^([^@]*)@([^.]*)\.(.*)=$", before)
    if not found:
        return None
    user, fsid, name = found.groups()
    monitors = [monitor for monitor in (options.get("mon_addr") or "").split("/") if monitor]
    return {**place, "new": True, "user": user, "fsid": fsid, "mds_namespace": name, "monitors": monitors}


def _endpoint(monitor: str) -> Endpoint:
    host, port = _host_and_port(monitor)
    found = address(host)
    return Endpoint(host if found is None else str(found), int(port) if port.isdigit() else _LEGACY_PORT)


def _host_and_port(monitor: str) -> tuple[str, str]:
    """Host and port of `host`, `host:port`, `[v6]`, `[v6]:port`, and a bare IPv6 address."""
    if address(monitor) is not None:
        return monitor.strip("[]"), ""
    host, _colon, port = monitor.rpartition(":")
    return (host.strip("[]"), port) if host else (monitor, "")


def _is_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) >= _SHORTEST_KEY
    except (binascii.Error, ValueError):
        return False
