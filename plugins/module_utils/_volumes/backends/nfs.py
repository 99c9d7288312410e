# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories that an NFS server exports."""

from __future__ import annotations

from typing import Any, Iterator, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.mount_options import (
    MountOptions,
    misplaced,
    split_options,
)
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.shared import (
    POINTS,
    Endpoint,
    Meaning,
    address,
    bare_host,
    canonical_host,
    is_host,
    kernel_number,
    local_path,
)

NFS_PORT = 2049


class Nfs:
    """`type=nfs`, mounted by the kernel's client.

    The option names, aliases and defaults are those of Linux' fs/nfs/fs_context.c.
    """

    key = "nfs"
    arguments: Mapping[str, Any] = {
        "server": {"type": "str", "required": True},
        "path": {"type": "str", "required": True},
        "version": {"type": "str", "choices": ["3", "4", "4.0", "4.1", "4.2"]},
        "preset": {"type": "str", "choices": ["efs"]},
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

    # What the provider recommends: the version, and the options.
    _PRESETS: Mapping[str, tuple[str, tuple[str, ...]]] = {
        # docs.aws.amazon.com/efs/latest/ug/mounting-fs-nfs-mount-settings.html
        "efs": ("4.1", ("rsize=1048576", "wsize=1048576", "hard", "timeo=600", "retrans=2", "noresvport")),
    }
    _VERSION = "4.2"

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
        for option in split_options(given["options"]):
            if option.partition("=")[0] in cls._OWN:
                yield Problem(
                    name,
                    "nfs.options",
                    f"{option!r} is set by a field of its own",
                    "leave it out, and use nfs.server, nfs.version or nfs.read_only",
                )
        for message, remedy in misplaced(split_options(given["options"])):
            yield Problem(name, "nfs.options", message, remedy)
        if given["preset"] == "efs" and given["version"] not in (None, "4", "4.0", "4.1"):
            yield Problem(
                name,
                "nfs.version",
                f"Amazon EFS does not offer NFS {given['version']}",
                "leave it out, which makes it 4.1",
            )

    @classmethod
    def driver_opts(cls, given: Mapping[str, Any]) -> dict[str, str]:
        version, preset = cls._PRESETS.get(given["preset"], (cls._VERSION, ()))
        options = [
            f"addr={bare_host(given['server'])}",
            f"nfsvers={given['version'] or version}",
            *(["ro"] if given["read_only"] else []),
            # Before those given by hand, since the last of two wins.
            *preset,
            *split_options(given["options"]),
        ]
        return {"type": "nfs", "device": f":{given['path']}", "o": ",".join(options)}

    @classmethod
    def unmountable(cls, kind: str, device: str, text: str) -> Iterator[tuple[str, str, str]]:
        """What the engine accepts and can never mount: the option it is in, what is wrong, and what to do."""
        server = cls.meaning(kind, device, MountOptions(text)).fields["server"]
        for message, remedy in misplaced(text.split(",")):
            yield "o", message, remedy
        if not server:
            yield (
                "o",
                "addr= is missing (without it mount(2) refuses, whatever the device says)",
                "add addr=SERVER, or use `nfs`",
            )
        elif not is_host(server):
            yield "o", f"{server!r} is neither an address nor a host name", "mend addr=, or use `nfs`"
        elif kind == "nfs4" and address(server) is None:
            yield (
                "o",
                f"the engine looks up the host name {server!r} for type nfs only",
                "use type nfs with nfsvers=4, or use `nfs`",
            )

    @staticmethod
    def mounts(kind: str, _options: MountOptions) -> bool:
        return kind in ("nfs", "nfs4")

    @classmethod
    def meaning(cls, kind: str, device: str, options: MountOptions) -> Meaning:
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
                server = canonical_host(str(meant))
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
            (Endpoint(server, port if isinstance(port, int) and port else NFS_PORT),)
            if server and fields["proto"] == "tcp"
            else (),
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
        return name, kernel_number(cls._SPELLINGS.get((name, value), value))


def _nfs_path(device: str) -> str:
    """The exported directory of `:/path` and of `server:/path`, where addr= is what counts as server."""
    _server, colon, path = device.partition(":/")
    return local_path("/" + path) if colon else device
