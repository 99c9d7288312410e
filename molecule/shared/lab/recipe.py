# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes into a root file system, and the key that changes when any of it changes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

from lab.paths import FILES

BASES = ("full", "bare")
RELEASES = ("bookworm", "trixie")

# A small Debian server: what an installation has before any role of ours ran. python3-apt spares the apt module
# its own installation of it; iptables so that User-Mode Linux hosts can settle on its legacy variant at boot.
_BARE = (
    "systemd systemd-sysv dbus udev kmod procps sudo ca-certificates openssh-server iproute2 iptables "
    "python3 python3-apt debian-archive-keyring e2fsprogs less netbase iputils-ping"
)
# What the roles would install, and what the tests look with.
_FULL = (
    "docker.io python3-docker nfs-kernel-server nfs-common nfs-ganesha nfs-ganesha-vfs glusterfs-server "
    "glusterfs-client libnfs-utils busybox-static tcpdump attr xfsprogs"
)


# Debian 13 has the engine's command line in a package of its own.
_FULL_OF_RELEASE = {"trixie": "docker-cli"}


def packages(base: str, release: str) -> tuple[str, ...]:
    if base == "bare":
        return tuple(_BARE.split())
    return tuple(f"{_BARE} {_FULL} {_FULL_OF_RELEASE.get(release, '')}".split())


def variant(base: str, release: str, extra: Sequence[str]) -> str:
    """The first part of an image's name. Of each variant one image is kept, whatever others there are."""
    digest = hashlib.sha256(" ".join(sorted(extra)).encode()).hexdigest()[:6]
    return f"{base}-{release}" + (f".{digest}" if extra else "")


@dataclass(frozen=True)
class Recipe:
    """Everything a root file system is made from."""

    base: str
    release: str
    extra: tuple[str, ...]
    sources: tuple[tuple[str, str], ...]
    apt_conf: str
    authorities: tuple[tuple[str, str], ...]
    authorized_key: str
    host_key: str
    files: tuple[tuple[str, str], ...]

    @property
    def packages(self) -> tuple[str, ...]:
        return (*packages(self.base, self.release), *self.extra)

    @property
    def variant(self) -> str:
        return variant(self.base, self.release, self.extra)

    @property
    def key(self) -> str:
        """Twelve hexadecimal digits that stand for the content of this recipe."""
        return hashlib.sha256(repr((self, self.packages)).encode()).hexdigest()[:12]

    @property
    def image(self) -> str:
        return f"{self.variant}-{self.key}"


def recipe_files(directory: Path = FILES) -> tuple[tuple[str, str], ...]:
    """(relative path, text) of what is copied into a root file system, and of the script that does it."""
    found: dict[str, str] = {}
    for file in sorted(directory.rglob("*")):
        if file.is_file():
            found[str(file.relative_to(directory))] = file.read_text()
    return tuple(found.items())
