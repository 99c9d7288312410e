# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of a volume mean.

Two questions are answered here, both without an engine:

* `BACKENDS`: which options does the engine get for a declared backend, and what is wrong with the declaration?
* `recognise`: what does a driver with such options *mean*? Spelling, order and defaults do not matter to it, so that a
  volume made by hand or by Compose equals the declaration that means the same.

The local driver hands its options to `mount(2)` (moby, daemon/volume/local), so the kernel's own reading of them is the
measure, not that of `mount.nfs` and its kin, which never run.
"""

from __future__ import annotations

import ipaddress
import posixpath
import re
from dataclasses import dataclass, field
from typing import Any, Iterable, Iterator, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem, not_supported_yet

HOLDS = "holds"  # the data is in the volume: gone when the volume is removed
POINTS = "points"  # the data is elsewhere: removing the volume leaves it there
EPHEMERAL = "ephemeral"  # the data is gone whenever the last container stops

HIDDEN = "(hidden)"
NFS_PORT = 2049

_SECRET = re.compile(r"pass|secret|token|credential|key$", re.IGNORECASE)
_LOCAL_OPTIONS = ("type", "device", "o", "size")
_BLOCK_FILE_SYSTEMS = frozenset({"btrfs", "erofs", "ext2", "ext3", "ext4", "f2fs", "iso9660", "squashfs", "xfs"})
_HOST_LABEL = re.compile(r"^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)$")


@dataclass(frozen=True)
class Endpoint:
    """Where a server must be reachable for a volume to be mounted."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Meaning:
    """A volume's options, brought to where equal meaning is an equal value. Defaults are spelled out."""

    backend: str
    fields: Mapping[str, Any]
    data: str
    server: Endpoint | None = None
    secrets: frozenset[str] = field(default_factory=frozenset)


def recognise(driver: str, options: Mapping[str, Any] | None) -> Meaning:
    """What this driver with these options means. What is not recognised compares option by option."""
    given = {str(name): _text(value) for name, value in (options or {}).items()}
    if driver != "local":
        return _plugin(driver, given)
    if not given.get("device"):
        size = _bytes(given["size"]) if given.get("size") else None
        return Meaning("local", {"size": size, **_other(given, "size")}, HOLDS)
    kind = given.get("type", "")
    mount_options = _MountOptions(given.get("o", ""))
    for backend in (Bind, Nfs, Tmpfs, Cifs, Cephfs, Block):
        if backend.mounts(kind, mount_options):
            return backend.meaning(kind, given["device"], mount_options)
    return _mount(kind, given["device"], mount_options)


def redacted(options: Mapping[str, Any]) -> dict[str, str]:
    """The engine's options as they may be shown: without the values of what is a secret by its name."""
    return {name: _redacted(name, _text(value)) for name, value in sorted(options.items())}


def secret_values(options: Mapping[str, Any]) -> set[str]:
    """The values that `redacted` hides."""
    pairs = [(name, _text(value)) for name, value in options.items()]
    pairs += [(option, value or "") for option, value in _MountOptions(_text(options.get("o"))).own]
    return {value for name, value in pairs if value and name != "o" and _SECRET.search(name)}


def is_secret(name: str) -> bool:
    """Whether what goes by this name is not to be shown."""
    return _SECRET.search(name) is not None


def is_host(text: str) -> bool:
    """Whether this is an IP address or could be a host's name."""
    return _address(text) is not None or _is_host_name(text)


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


class Nfs:
    """`type=nfs`, mounted by the kernel's client.

    The option names, aliases and defaults are those of Linux' fs/nfs/fs_context.c.
    """

    key = "nfs"
    arguments: Mapping[str, Any] = {
        "server": {"type": "str", "required": True},
        "path": {"type": "str", "required": True},
        "version": {"type": "str", "default": "4.2", "choices": ["3", "4", "4.0", "4.1", "4.2"]},
        "options": {"type": "list", "elements": "str", "default": []},
        "read_only": {"type": "bool", "default": False},
    }

    # Flags that exclude one another are one field with several values.
    _FLAGS: Mapping[str, tuple[str, Any]] = {
        "hard": ("recovery", "hard"),
        "soft": ("recovery", "soft"),
        "softerr": ("recovery", "softerr"),
        "tcp": ("proto", "tcp"),
        "udp": ("proto", "udp"),
        "rdma": ("proto", "rdma"),
        "nosharecache": ("sharecache", False),
        "v2": ("vers", "2"),
        "v3": ("vers", "3"),
        "v4": ("vers", "4"),
        "v4.0": ("vers", "4.0"),
        "v4.1": ("vers", "4.1"),
        "v4.2": ("vers", "4.2"),
    }
    _SWITCHES = ("ac", "acl", "cto", "lock", "rdirplus", "resvport", "sharecache", "softreval", "migration", "posix")
    _DEFAULTS: Mapping[str, Any] = {
        "recovery": "hard",
        "proto": "tcp",
        "ac": True,
        "acl": True,
        "cto": True,
        "lock": True,
        "rdirplus": True,
        "resvport": True,
        "sharecache": True,
        "softreval": False,
        "migration": False,
        "posix": False,
        "fsc": False,
        "timeo": 600,
        "retrans": 2,
        "acregmin": 3,
        "acregmax": 60,
        "acdirmin": 30,
        "acdirmax": 60,
        "local_lock": "none",
        "lookupcache": "all",
        "nconnect": 1,
    }
    _ALIASES: Mapping[str, str] = {"nfsvers": "vers"}
    _SPELLINGS: Mapping[tuple[str, str], str] = {
        # How the protocol is written when the address is IPv6.
        ("proto", "tcp6"): "tcp",
        ("proto", "udp6"): "udp",
        ("proto", "rdma6"): "rdma",
        ("lookupcache", "pos"): "positive",
    }
    # Read and dropped by the kernel.
    _WITHOUT_MEANING = frozenset({"bg", "fg", "intr", "nointr", "retry", "sloppy"})
    # What version 4 ignores: it has its own locking and access lists, and needs no mount protocol.
    _ONLY_VERSION_3 = frozenset({"lock", "acl", "local_lock", "mountport", "mountproto", "mountvers"})
    _OWN = frozenset({"addr", "nfsvers", "vers", "minorversion", "ro", "rw", "v2", "v3", "v4", "v4.0", "v4.1", "v4.2"})

    @classmethod
    def problems(cls, name: str, given: Mapping[str, Any]) -> Iterator[Problem]:
        if not is_host(given["server"]):
            yield Problem(
                name,
                "nfs.server",
                f"{given['server']!r} is neither an address nor a host name",
                "give the server alone, such as 10.0.0.5 or files.example.net; the directory goes into nfs.path",
            )
        if not given["path"].startswith("/"):
            yield Problem(
                name,
                "nfs.path",
                f"{given['path']!r} is not absolute",
                "give the exported directory from its root, such as /srv/nfs/app",
            )
        for option in _split(given["options"]):
            if option.partition("=")[0] in cls._OWN:
                yield Problem(
                    name,
                    "nfs.options",
                    f"{option!r} is set by a field of its own",
                    "leave it out, and use nfs.server, nfs.version or nfs.read_only",
                )

    @staticmethod
    def driver_opts(given: Mapping[str, Any]) -> dict[str, str]:
        options = [
            f"addr={_bare_host(given['server'])}",
            f"nfsvers={given['version']}",
            *(["ro"] if given["read_only"] else []),
            *_split(given["options"]),
        ]
        return {"type": "nfs", "device": f":{given['path']}", "o": ",".join(options)}

    @staticmethod
    def mounts(kind: str, _options: _MountOptions) -> bool:
        return kind in ("nfs", "nfs4")

    @classmethod
    def meaning(cls, kind: str, device: str, options: _MountOptions) -> Meaning:
        fields: dict[str, Any] = dict(cls._DEFAULTS)
        major, minor = ("4" if kind == "nfs4" else "3"), 0
        server = ""
        for option, value in options.own:
            name, meant = cls._option(option, value)
            if name == "vers":
                major, _dot, given_minor = str(meant).partition(".")
                minor = int(given_minor) if given_minor.isdigit() else minor
            elif name == "minorversion":
                minor = int(meant) if isinstance(meant, int) else 0
            elif name == "addr":
                server = _canonical_host(str(meant))
            elif name == "actimeo":
                fields.update(acregmin=meant, acregmax=meant, acdirmin=meant, acdirmax=meant)
            elif name not in cls._WITHOUT_MEANING:
                fields[name] = meant
        version = f"4.{minor}" if major == "4" else major
        if major == "4":
            fields = {name: value for name, value in fields.items() if name not in cls._ONLY_VERSION_3}
            fields.update({name: cls._DEFAULTS[name] for name in cls._ONLY_VERSION_3 if name in cls._DEFAULTS})
            if fields.get("port") == NFS_PORT:
                del fields["port"]
        port = fields.get("port")
        return Meaning(
            "nfs",
            {"server": server, "path": _nfs_path(device), "version": version, **fields, **options.flags()},
            POINTS,
            # Only over TCP can be asked whether anybody listens.
            Endpoint(server, port if isinstance(port, int) and port else NFS_PORT)
            if server and fields["proto"] == "tcp"
            else None,
        )

    @classmethod
    def _option(cls, option: str, value: str | None) -> tuple[str, Any]:
        if value is None:
            if option in cls._FLAGS:
                return cls._FLAGS[option]
            negated = option.startswith("no") and option[2:] in cls._SWITCHES
            return (option[2:], False) if negated else (option, True)
        name = cls._ALIASES.get(option, option)
        if name in ("vers", "addr"):
            return name, value
        return name, _number(cls._SPELLINGS.get((name, value), value))


class Glusterfs:
    """A directory of a GlusterFS volume that the host mounts: the local driver runs no FUSE helper, so it cannot."""

    key = "glusterfs"
    arguments: Mapping[str, Any] = {
        "volume": {"type": "str", "required": True},
        "path": {"type": "str", "required": True},
        "mount_point": {"type": "str"},
        "via": {"type": "str", "default": "mount", "choices": ["mount", "plugin"]},
    }

    @classmethod
    def problems(cls, name: str, given: Mapping[str, Any]) -> Iterator[Problem]:
        if given["via"] == "plugin":
            yield not_supported_yet(
                name,
                "glusterfs.via",
                "a GlusterFS volume by a plugin",
                "use via: mount, or `driver` with the plugin's options",
            )
        if not re.match(r"^[A-Za-z0-9_][A-Za-z0-9_-]*$", given["volume"]):
            yield Problem(
                name,
                "glusterfs.volume",
                f"{given['volume']!r} is no name of a GlusterFS volume",
                "see `gluster volume list`",
            )
        parts = [part for part in given["path"].split("/") if part not in ("", ".")]
        if not parts or ".." in parts:
            yield Problem(
                name,
                "glusterfs.path",
                "it must be a sub-directory of the volume (were it the root, a container would write to the host's own "
                "disk whenever the mount is gone)",
                "name a directory below the volume's root, such as `path: media`",
            )
        if not cls.mount_point(given).startswith("/"):
            yield Problem(
                name,
                "glusterfs.mount_point",
                "it is not absolute",
                f"use {cls.mount_point({**given, 'mount_point': ''})}",
            )

    @staticmethod
    def mount_point(given: Mapping[str, Any]) -> str:
        return posixpath.normpath(given["mount_point"] or f"/mnt/glusterfs/{given['volume']}")

    @classmethod
    def directory(cls, given: Mapping[str, Any]) -> str:
        return posixpath.normpath(f"{cls.mount_point(given)}/{given['path']}")

    @classmethod
    def driver_opts(cls, given: Mapping[str, Any]) -> dict[str, str]:
        return {"type": "none", "device": cls.directory(given), "o": "bind"}


class Bind:
    """A directory of the host, under a volume's name."""

    key = "bind"
    arguments: Mapping[str, Any] = {"path": {"type": "str", "required": True}}

    @staticmethod
    def problems(name: str, given: Mapping[str, Any]) -> Iterator[Problem]:
        if not given["path"].startswith("/"):
            yield Problem(
                name,
                "bind.path",
                f"{given['path']!r} is not absolute",
                "give the directory from the root, such as /srv/www",
            )

    @staticmethod
    def driver_opts(given: Mapping[str, Any]) -> dict[str, str]:
        return {"type": "none", "device": given["path"], "o": "bind"}

    @staticmethod
    def mounts(_kind: str, options: _MountOptions) -> bool:
        # mount(2) does not look at the type when it binds.
        return options.has("bind") or options.has("rbind")

    @staticmethod
    def meaning(_kind: str, device: str, options: _MountOptions) -> Meaning:
        fields = {
            "path": _local_path(device),
            "recursive": options.has("rbind"),
            **options.others("bind", "rbind"),
            **options.flags(),
        }
        return Meaning("bind", fields, POINTS)


class Tmpfs:
    """Memory of the host. Sizes are read as the kernel reads them: 100m and 104857600 are one."""

    key = "tmpfs"
    arguments: Mapping[str, Any] = {
        "size": {"type": "str"},
        "mode": {"type": "str"},
        "uid": {"type": "int"},
        "gid": {"type": "int"},
    }

    @staticmethod
    def problems(name: str, given: Mapping[str, Any]) -> Iterator[Problem]:
        if given["size"] is not None and not re.match(r"^\d+([kKmMgGtT]|%)?$", given["size"]):
            yield Problem(
                name,
                "tmpfs.size",
                f"{given['size']!r} is no size",
                "give bytes, or a number with k, m, g, t or %, such as 100m",
            )
        if given["mode"] is not None and not re.match(r"^[0-7]{1,5}$", given["mode"]):
            yield Problem(
                name, "tmpfs.mode", f"{given['mode']!r} is no octal mode", 'give it as a quoted string, such as "1777"'
            )
        for identity in ("uid", "gid"):
            if given[identity] is not None and given[identity] < 0:
                yield Problem(name, f"tmpfs.{identity}", "it is negative", "give a number from 0")

    @staticmethod
    def driver_opts(given: Mapping[str, Any]) -> dict[str, str]:
        options = [
            f"{option}={given[option]}" for option in ("size", "mode", "uid", "gid") if given[option] is not None
        ]
        return {"type": "tmpfs", "device": "tmpfs", **({"o": ",".join(options)} if options else {})}

    @staticmethod
    def mounts(kind: str, _options: _MountOptions) -> bool:
        return kind == "tmpfs"

    @staticmethod
    def meaning(_kind: str, _device: str, options: _MountOptions) -> Meaning:
        fields: dict[str, Any] = {"size": "50%", "mode": "1777", "uid": 0, "gid": 0}
        for option, value in options.own:
            if option == "size" and value is not None:
                fields["size"] = _bytes(value)
            elif option == "mode" and value is not None and re.match(r"^[0-7]+$", value):
                fields["mode"] = format(int(value, 8), "04o")
            else:
                fields[option] = True if value is None else _number(value)
        return Meaning("tmpfs", {**fields, **options.flags()}, EPHEMERAL)


class Cifs:
    """A share of a Windows or Samba server. Recognised; declaring it is left to a later release."""

    key = "cifs"
    arguments: Mapping[str, Any] = {
        "server": {"type": "str", "required": True},
        "share": {"type": "str", "required": True},
        "path": {"type": "str", "default": ""},
        "username": {"type": "str"},
        "password": {"type": "str", "no_log": True},
        "domain": {"type": "str"},
        "version": {"type": "str", "default": "3.1.1"},
        "options": {"type": "list", "elements": "str", "default": []},
    }
    _ALIASES: Mapping[str, str] = {
        "user": "username",
        "pass": "password",
        "dom": "domain",
        "workgroup": "domain",
        "ip": "addr",
    }

    @staticmethod
    def problems(name: str, _given: Mapping[str, Any]) -> Iterator[Problem]:
        yield not_supported_yet(
            name,
            "cifs",
            "a CIFS volume",
            "mount the share on the host and use `bind`, or give raw driver_opts of type cifs",
        )

    @staticmethod
    def mounts(kind: str, _options: _MountOptions) -> bool:
        return kind in ("cifs", "smb3")

    @classmethod
    def meaning(cls, _kind: str, device: str, options: _MountOptions) -> Meaning:
        host, _slash, path = device.replace("\\", "/").lstrip("/").partition("/")
        fields: dict[str, Any] = {"share": f"//{_canonical_host(host)}{posixpath.normpath('/' + path)}"}
        for option, value in options.own:
            fields[cls._ALIASES.get(option, option)] = True if value is None else value
        return Meaning("cifs", {**fields, **options.flags()}, POINTS, None, _secret_names(fields))


class Cephfs:
    """A directory of CephFS, mounted by the kernel's client. Recognised; declaring it is left to a later release."""

    key = "cephfs"
    arguments: Mapping[str, Any] = {
        "monitors": {"type": "list", "elements": "str", "required": True},
        "path": {"type": "str", "default": "/"},
        "user": {"type": "str", "default": "admin"},
        "secret": {"type": "str", "no_log": True},
        "options": {"type": "list", "elements": "str", "default": []},
    }

    @staticmethod
    def problems(name: str, _given: Mapping[str, Any]) -> Iterator[Problem]:
        yield not_supported_yet(
            name,
            "cephfs",
            "a CephFS volume",
            "mount it on the host and use `bind`, or give raw driver_opts of type ceph",
        )

    @staticmethod
    def mounts(kind: str, _options: _MountOptions) -> bool:
        return kind == "ceph"

    @staticmethod
    def meaning(_kind: str, device: str, options: _MountOptions) -> Meaning:
        monitors, _colon, path = device.rpartition(":/")
        fields: dict[str, Any] = {
            "monitors": sorted(filter(None, monitors.split(","))),
            "path": posixpath.normpath("/" + path),
            **options.others(),
        }
        return Meaning("cephfs", {**fields, **options.flags()}, POINTS, None, _secret_names(fields))


class Block:
    """A file system on a device of the host. Recognised; declaring it is left to a later release."""

    key = "block"
    arguments: Mapping[str, Any] = {
        "device": {"type": "str", "required": True},
        "fs_type": {"type": "str", "required": True},
        "options": {"type": "list", "elements": "str", "default": []},
    }

    @staticmethod
    def problems(name: str, _given: Mapping[str, Any]) -> Iterator[Problem]:
        yield not_supported_yet(
            name,
            "block",
            "a volume on a block device",
            "mount the device on the host and use `bind`, or give raw driver_opts",
        )

    @staticmethod
    def mounts(kind: str, _options: _MountOptions) -> bool:
        return kind in _BLOCK_FILE_SYSTEMS

    @staticmethod
    def meaning(kind: str, device: str, options: _MountOptions) -> Meaning:
        fields = {"device": _local_path(device), "fs_type": kind, **options.others(), **options.flags()}
        return Meaning("block", fields, POINTS)


# The backends that a declaration may name, each with a key of its own. One class more is one backend more.
BACKENDS: Mapping[str, Any] = {backend.key: backend for backend in (Nfs, Glusterfs, Cifs, Cephfs, Tmpfs, Bind, Block)}


class _MountOptions:
    """The `o` of a volume, split as the engine splits it (moby/sys/mount, parseOptions).

    Flags of mount(2) itself are taken out, whatever the file system; `own` are the file system's options, in order,
    where the last of two wins.
    """

    # What a flag sets, and what it takes back.
    _FLAGS: Mapping[str, tuple[str, bool]] = {
        "ro": ("read_only", True),
        "rw": ("read_only", False),
        "nosuid": ("nosuid", True),
        "suid": ("nosuid", False),
        "nodev": ("nodev", True),
        "dev": ("nodev", False),
        "noexec": ("noexec", True),
        "exec": ("noexec", False),
        "sync": ("sync", True),
        "async": ("sync", False),
        "dirsync": ("dirsync", True),
        "mand": ("mand", True),
        "nomand": ("mand", False),
        "noatime": ("noatime", True),
        "atime": ("noatime", False),
        "nodiratime": ("nodiratime", True),
        "diratime": ("nodiratime", False),
        "relatime": ("relatime", True),
        "norelatime": ("relatime", False),
        "strictatime": ("strictatime", True),
        "nostrictatime": ("strictatime", False),
    }

    def __init__(self, text: str) -> None:
        self._set: dict[str, bool] = {}
        own: list[tuple[str, str | None]] = []
        for option in _split([text]):
            if option == "defaults":
                continue
            if option in self._FLAGS:
                flag, value = self._FLAGS[option]
                self._set[flag] = value
            else:
                name, equals, text_value = option.partition("=")
                own.append((name, text_value if equals else None))
        self.own: tuple[tuple[str, str | None], ...] = tuple(own)

    def has(self, option: str) -> bool:
        return (option, None) in self.own

    def others(self, *known: str) -> dict[str, Any]:
        return {name: True if value is None else value for name, value in self.own if name not in known}

    def flags(self) -> dict[str, Any]:
        """The flags of mount(2), defaults included. Of those on access times the kernel lets one win: see mount(2)."""
        on = self._set.get
        return {
            **{flag: on(flag, False) for flag in ("read_only", "nosuid", "nodev", "noexec", "sync", "dirsync", "mand")},
            "nodiratime": on("nodiratime", False) and not on("strictatime", False),
            "access_time": "strictatime" if on("strictatime") else "noatime" if on("noatime") else "relatime",
        }


def _plugin(driver: str, options: Mapping[str, str]) -> Meaning:
    # The engine stores a managed plugin's name with its tag, and what stands for `latest` without one.
    name = driver[: -len(":latest")] if driver.endswith(":latest") else driver
    fields: dict[str, Any] = {"driver": name, **{f"driver_opts.{key}": _boolean(options[key]) for key in options}}
    return Meaning("plugin", fields, HOLDS, None, _secret_names(fields))


def _mount(kind: str, device: str, options: _MountOptions) -> Meaning:
    fields: dict[str, Any] = {"type": kind, "device": device, **options.others(), **options.flags()}
    return Meaning("mount", fields, EPHEMERAL if kind == "ramfs" else POINTS, None, _secret_names(fields))


def _never_mountable(name: str, options: Mapping[str, str]) -> Iterator[Problem]:
    """What the engine accepts when a volume is created, and can never mount."""
    kind = options.get("type", "")
    mount_options = _MountOptions(options.get("o", ""))
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
    elif kind == "nfs4" and _address(server) is None:
        yield Problem(
            name,
            "driver_opts.o",
            f"the engine looks up the host name {server!r} for type nfs only",
            "use type nfs with nfsvers=4, or use `nfs`",
        )


def _split(options: Iterable[str]) -> list[str]:
    return [option for text in options for option in text.split(",") if option]


def _other(options: Mapping[str, str], *known: str) -> dict[str, str]:
    return {name: value for name, value in options.items() if name not in known and value}


def _text(value: Any) -> str:
    """A value as the engine stores it: options are strings there."""
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


def _number(text: str) -> Any:
    """A number as such. One with a leading zero is none: the kernel may read it as octal, a password is a text."""
    return int(text) if re.match(r"^(0|[1-9]\d{0,17})$", text) else text


def _boolean(text: str) -> str:
    return text.lower() if text.lower() in ("true", "false") else text


def _bytes(text: str) -> Any:
    """A size in bytes, by the kernel's suffixes; a percentage, or what is no size, stays as it is."""
    found = re.match(r"^(\d+)\s*([kmgtp]?)(i?b)?$", text.strip().lower())
    return int(found.group(1)) << (10 * " kmgtp".index(found.group(2) or " ")) if found else text


def _local_path(path: str) -> str:
    return posixpath.normpath("/" + path.lstrip("/")) if path.startswith("/") else path


def _nfs_path(device: str) -> str:
    """The exported directory of `:/path` and of `server:/path`, where addr= is what counts as server."""
    _server, colon, path = device.partition(":/")
    return _local_path("/" + path) if colon else device


def _canonical_host(text: str) -> str:
    host = _bare_host(text)
    address = _address(host)
    return host.rstrip(".").lower() if address is None else str(address)


def _bare_host(text: str) -> str:
    return text[1:-1] if text.startswith("[") and text.endswith("]") else text


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(_bare_host(text))
    except ValueError:
        return None


def _is_host_name(text: str) -> bool:
    labels = text[:-1].split(".") if text.endswith(".") else text.split(".")
    # A name whose last part is a number is a mistyped address.
    return len(text) <= 253 and all(map(_HOST_LABEL.match, labels)) and not labels[-1].isdigit()


def _secret_names(fields: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(name for name in fields if _SECRET.search(name))


def _redacted(name: str, value: str) -> str:
    if name == "o":
        return ",".join(
            f"{option}={HIDDEN}" if equals and _SECRET.search(option) else option + equals + rest
            for option, equals, rest in (part.partition("=") for part in value.split(","))
        )
    return HIDDEN if _SECRET.search(name) else value
