# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disk of User-Mode Linux hosts: the same root file system, with the modules of their kernel."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from lab.locks import lock
from lab.paths import Paths
from lab.progress import step
from lab.recipe import Recipe
from lab.rootfs import ensure_rootfs
from lab.shell import LabError, run

MODULES = Path("/usr/lib/uml/modules")
# Sparse: they take what is written to them.
ROOT_SIZE = "24G"
DATA_SIZE = "8G"


def ensure_disk(paths: Paths, recipe: Recipe) -> Path:
    """The disk that all hosts share and none writes to; each has a copy-on-write file over it."""
    version = kernel_version()
    disk = disk_path(paths, recipe.image, version)
    tar = ensure_rootfs(paths, recipe)
    with lock(paths, f"image-{recipe.variant}"):
        if not disk.exists():
            with step(f"Making the disk {disk.name} of {recipe.image}; it is kept"):
                _make(tar, version, disk)
    return disk


def disk_path(paths: Paths, image: str, version: str) -> Path:
    return paths.images / image / f"disk-{version}.img"


def make_data_disk(file: Path) -> None:
    """An empty second disk, for bricks: GlusterFS wants them on a file system of their own."""
    run(["mke2fs", "-q", "-t", "ext4", "-F", str(file), DATA_SIZE])


def kernel_version() -> str:
    """The version of the installed User-Mode Linux, whose modules must be there."""
    version = run(["linux.uml", "--version"]).stdout.strip()
    if not (MODULES / version).is_dir():
        raise LabError(f"{MODULES / version}: missing; the hosts' kernel is {version}, reinstall user-mode-linux")
    return version


def _make(tar: Path, version: str, disk: Path) -> None:
    with tempfile.TemporaryDirectory(dir=disk.parent, prefix="unpacked-") as directory:
        root = Path(directory)
        root.chmod(0o755)
        run(["tar", "-C", directory, "--xattrs", "--xattrs-include=*", "-xf", str(tar)])
        shutil.copytree(MODULES / version, root / "usr/lib/modules" / version, symlinks=True)
        run(["depmod", "-b", directory, version])
        (root / "etc/fstab").unlink(missing_ok=True)
        # This kernel has no nf_tables.
        for tool in ("iptables", "ip6tables"):
            run(["chroot", directory, "update-alternatives", "--quiet", "--set", tool, f"/usr/sbin/{tool}-legacy"])
        (root / "data").mkdir(exist_ok=True)
        unfinished = disk.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        run(["mke2fs", "-q", "-t", "ext4", "-d", directory, str(unfinished), ROOT_SIZE])
        unfinished.rename(disk)
