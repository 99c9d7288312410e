# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""File systems on a device of the host."""

from __future__ import annotations

import re
from typing import Any, Iterator, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.mount_options import (
    MountOptions,
    misplaced,
    split_options,
    switch,
)
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.shared import (
    POINTS,
    Meaning,
    kernel_number,
    kernel_size,
    local_path,
)

_EXT = ("ext2", "ext3", "ext4")
_FILE_SYSTEMS = (
    *_EXT,
    "btrfs",
    "erofs",
    "exfat",
    "f2fs",
    "iso9660",
    "jfs",
    "nilfs2",
    "ntfs3",
    "squashfs",
    "udf",
    "vfat",
    "xfs",
)
_TAG = re.compile(r"^(UUID|LABEL|PARTUUID|PARTLABEL|ID)=", re.IGNORECASE)
_LINKS = {
    "UUID": "by-uuid",
    "LABEL": "by-label",
    "PARTUUID": "by-partuuid",
    "PARTLABEL": "by-partlabel",
    "ID": "by-id",
}


class Block:
    """A file system on a device, mounted by the kernel.

    Names and defaults of the options are those of Linux' fs/ext4/super.c, fs/xfs/xfs_super.c and fs/btrfs/super.c. What
    has no default there, because it depends on the file system or the device, differs from every value that is given.
    Of other file systems each option counts as it is written.
    """

    key = "block"
    arguments: Mapping[str, Any] = {
        "device": {"type": "str", "required": True},
        "fs_type": {"type": "str", "required": True},
        "options": {"type": "list", "elements": "str", "default": []},
    }

    _SWITCHES: Mapping[str, frozenset[str]] = {
        **dict.fromkeys(
            _EXT,
            frozenset(
                [
                    "acl",
                    "auto_da_alloc",
                    "barrier",
                    "block_validity",
                    "delalloc",
                    "discard",
                    "init_itable",
                    "user_xattr",
                ]
            ),
        ),
        "xfs": frozenset(["align", "attr2", "discard", "grpid", "ikeep", "largeio", "quota", "recovery", "uuid"]),
        "btrfs": frozenset(
            [
                "acl",
                "autodefrag",
                "barrier",
                "datacow",
                "datasum",
                "discard",
                "enospc_debug",
                "flushoncommit",
                "space_cache",
                "ssd",
                "ssd_spread",
                "treelog",
            ]
        ),
        "f2fs": frozenset(
            ["acl", "barrier", "discard", "extent_cache", "heap", "inline_data", "inline_dentry", "user_xattr"]
        ),
    }
    _DEFAULTS: Mapping[str, Mapping[str, Any]] = {
        **{
            kind: {
                "acl": True,
                "auto_da_alloc": True,
                "barrier": True,
                "commit": 5,
                "discard": False,
                "user_xattr": True,
            }
            for kind in _EXT
        },
        "xfs": {
            "align": True,
            "discard": False,
            "filestreams": False,
            "grpid": False,
            "ikeep": False,
            "inodes": 64,
            "largeio": False,
            "logbufs": 8,
            "quota": False,
            "recovery": True,
            "uuid": True,
            "wsync": False,
        },
        "btrfs": {
            "acl": True,
            "autodefrag": False,
            "barrier": True,
            "commit": 30,
            "compress": "no",
            "compress_always": False,
            "datacow": True,
            "datasum": True,
            "degraded": False,
            "enospc_debug": False,
            "flushoncommit": False,
            "max_inline": 2048,
            "treelog": True,
            "user_subvol_rm_allowed": False,
        },
    }
    # One and the same, by file system.
    _ALIASES: Mapping[str, Mapping[str, str]] = {
        **{kind: {"bsdgroups": "grpid", "sysvgroups": "nogrpid", "norecovery": "noload"} for kind in _EXT},
        "xfs": {
            "bsdgroups": "grpid",
            "sysvgroups": "nogrpid",
            "usrquota": "uquota",
            "quota": "uquota",
            "grpquota": "gquota",
            "prjquota": "pquota",
            "qnoenforce": "uqnoenforce",
        },
        "btrfs": {"recovery": "usebackuproot"},
    }
    _SIZES = frozenset({"allocsize", "logbsize", "max_inline"})

    @staticmethod
    def problems(name: str, given: Mapping[str, Any]) -> Iterator[Problem]:
        for field, message, remedy in _problems_of_device(given["device"]):
            yield Problem(name, f"block.{field}", message, remedy)
        if given["fs_type"] not in _FILE_SYSTEMS:
            yield Problem(
                name,
                "block.fs_type",
                f"{given['fs_type']!r} is no file system of a block device that is known here",
                f"see `lsblk -f` on the host; known are {', '.join(sorted(_FILE_SYSTEMS))}",
            )
        for message, remedy in misplaced(split_options(given["options"])):
            yield Problem(name, "block.options", message, remedy)

    @staticmethod
    def driver_opts(given: Mapping[str, Any]) -> dict[str, str]:
        options = ",".join(split_options(given["options"]))
        return {"type": given["fs_type"], "device": given["device"], **({"o": options} if options else {})}

    @staticmethod
    def mounts(kind: str, _options: MountOptions) -> bool:
        return kind in _FILE_SYSTEMS

    @staticmethod
    def unmountable(_kind: str, device: str, text: str) -> Iterator[tuple[str, str, str]]:
        """What the engine accepts and can never mount: the option it is in, what is wrong, and what to do."""
        if not device.startswith("/"):
            yield from _problems_of_device(device)
        for message, remedy in misplaced(text.split(",")):
            yield "o", message, remedy

    @classmethod
    def meaning(cls, kind: str, device: str, options: MountOptions) -> Meaning:
        fields: dict[str, Any] = dict(cls._DEFAULTS.get(kind, {}))
        for option, value in options.own:
            name, meant = cls._option(kind, option, value)
            fields.update({name: meant} if kind != "btrfs" else _of_btrfs(name, meant))
        fields.update(device=local_path(device), fs_type=kind, **options.flags())
        return Meaning("block", fields, POINTS)

    @classmethod
    def _option(cls, kind: str, option: str, value: str | None) -> tuple[str, Any]:
        option = cls._ALIASES.get(kind, {}).get(option, option)
        if value is None:
            return _flag(kind, option) or switch(option, cls._SWITCHES.get(kind, frozenset())) or (option, True)
        if kind in _EXT and option in ("barrier", "auto_da_alloc") and value in ("0", "1"):
            return option, value == "1"
        if kind in _EXT and option == "commit" and value == "0":
            return option, cls._DEFAULTS[kind]["commit"]
        if kind == "btrfs" and option == "subvol":
            return option, value.strip("/") or "/"
        return option, kernel_size(value) if option in cls._SIZES else kernel_number(value)


def _problems_of_device(device: str) -> Iterator[tuple[str, str, str]]:
    tag = _TAG.match(device)
    if tag:
        name = device.partition("=")[2].strip('"')
        yield (
            "device",
            f"{device!r} is a tag that mount(8) looks up, and mount(8) never runs here",
            f"give the link that udev makes of it, /dev/disk/{_LINKS[tag.group(1).upper()]}/{name}",
        )
    elif not device.startswith("/dev/") or ".." in device.split("/"):
        yield (
            "device",
            f"{device!r} is no device below /dev (the kernel mounts block devices, no plain files)",
            "give a name that lasts, such as /dev/disk/by-id/..., see `ls -l /dev/disk/by-id`",
        )


def _flag(kind: str, option: str) -> tuple[str, Any] | None:
    """Flags that are one field with several values."""
    if kind == "xfs" and option in ("inode32", "inode64"):
        return "inodes", int(option[-2:])
    if kind == "btrfs" and option in ("compress", "compress-force"):
        return option, "zlib"
    return None


def _of_btrfs(name: str, meant: Any) -> dict[str, Any]:
    """What an option sets, and what it takes back: compression, copy on write and checksums depend on one another."""
    if name in ("compress", "compress-force"):
        # With the level that a method has when none is named.
        method = {"none": "no", "zlib": "zlib:3", "zstd": "zstd:3"}.get(meant, meant)
        if method == "no":
            return {"compress": method, "compress_always": False}
        return {"compress": method, "compress_always": name == "compress-force", "datacow": True, "datasum": True}
    if name == "datacow" and not meant:
        return {"datacow": False, "datasum": False, "compress": "no", "compress_always": False}
    if name == "datasum" and meant:
        return {"datasum": True, "datacow": True}
    return {name: meant}
