# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""File systems on a device of the host."""

from __future__ import annotations

from typing import Any, Iterator, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem, not_supported_yet
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.mount_options import MountOptions
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.shared import POINTS, Meaning, local_path

_BLOCK_FILE_SYSTEMS = frozenset({"btrfs", "erofs", "ext2", "ext3", "ext4", "f2fs", "iso9660", "squashfs", "xfs"})


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
    def mounts(kind: str, _options: MountOptions) -> bool:
        return kind in _BLOCK_FILE_SYSTEMS

    @staticmethod
    def meaning(kind: str, device: str, options: MountOptions) -> Meaning:
        fields = {"device": local_path(device), "fs_type": kind, **options.others(), **options.flags()}
        return Meaning("block", fields, POINTS)
