# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One root file system for both kinds of hosts, built from Debian packages and kept until its recipe changes."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Sequence

from lab import aptconf, sshkeys
from lab.locks import lock
from lab.model import all_labs
from lab.paths import FILES, Paths
from lab.progress import say, step
from lab.recipe import Recipe, recipe_files
from lab.shell import run

_BUILDING = "building-"


def current_recipe(paths: Paths, base: str, release: str, extra: Sequence[str]) -> Recipe:
    """The recipe as of now: this checkout's files, this machine's apt configuration, this lab's keys."""
    sshkeys.ensure_keys(paths)
    return Recipe(
        base=base,
        release=release,
        extra=tuple(sorted(extra)),
        sources=aptconf.machine_sources(release),
        apt_conf=aptconf.machine_transport(),
        authorities=tuple(sorted(aptconf.machine_authorities().items())),
        authorized_key=sshkeys.public(paths, "id_ed25519"),
        host_key=sshkeys.public(paths, "host_ed25519"),
        files=recipe_files(),
    )


def ensure_rootfs(paths: Paths, recipe: Recipe) -> Path:
    """The tar of the recipe's root file system; built if it is not there yet."""
    tar = paths.images / recipe.image / "rootfs.tar"
    with lock(paths, f"image-{recipe.variant}"):
        if not tar.exists():
            _remove_outdated(paths, recipe)
            with step(f"Building the root file system {recipe.image} from Debian packages; it is kept"):
                _build(paths, recipe, tar)
    return tar


def _build(paths: Paths, recipe: Recipe, tar: Path) -> None:
    tar.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=paths.images, prefix=f"{_BUILDING}{recipe.variant}-") as directory:
        stage = Path(directory)
        _fill_stage(paths, recipe, stage)
        # A set of apt configuration of the machine may hide the package cache (slim containers do); only the transport
        # settings are carried over.
        # In a mount namespace of its own: what a killed build had mounted (/proc, /sys) goes with it, so that no later
        # removal of its directory walks into them.
        command: list[str] = ["unshare", "--mount", "--propagation", "private"]
        command += ["mmdebstrap", "--quiet", "--mode=root", "--format=tar", "--variant=minbase"]
        command += [f"--include={','.join(recipe.packages)}", f"--aptopt={stage / 'apt.conf'}"]
        command += ['--aptopt=Acquire::Languages "none"', "--skip=cleanup/apt,cleanup/reproducible"]
        command += [f'--customize-hook=sh {FILES / "customize.sh"} "$1"']
        command += [recipe.release, str(stage / "rootfs.tar"), *(str(stage / name) for name, _ in recipe.sources)]
        environment = {
            **os.environ,
            "STAGE": str(stage),
            "EXTRA": " ".join(recipe.extra),
            "TMPDIR": str(stage),
            "DEBIAN_FRONTEND": "noninteractive",
            "SOURCE_DATE_EPOCH": str(int(time.time())),
        }
        run(command, env=environment)
        (stage / "rootfs.tar").rename(tar)


def _fill_stage(paths: Paths, recipe: Recipe, stage: Path) -> None:
    # mmdebstrap lets apt's unprivileged user read from here.
    stage.chmod(0o755)
    for name, text in recipe.sources:
        (stage / name).write_text(text)
    (stage / "apt.conf").write_text(recipe.apt_conf)
    (stage / "authorized_keys").write_text(f"{recipe.authorized_key}\n")
    for name in ("host_ed25519", "host_ed25519.pub"):
        shutil.copy(paths.ssh / name, stage / name)
    if recipe.authorities:
        (stage / "authorities").mkdir()
        for name, text in recipe.authorities:
            (stage / "authorities" / name).write_text(text)
    shutil.copytree(FILES / "rootfs", stage / "rootfs")


def _remove_outdated(paths: Paths, recipe: Recipe) -> None:
    """Earlier images of the same variant, unless a lab still stands on one; and what a killed build left."""
    for directory in paths.images.glob(f"{_BUILDING}{recipe.variant}-*"):
        shutil.rmtree(directory, ignore_errors=True)
    in_use = {host.image for lab in all_labs(paths) for host in lab.hosts}
    for directory in paths.images.glob(f"{recipe.variant}-*"):
        if directory.name not in in_use:
            say(f"removing {directory.name}, which the recipe has changed since")
            shutil.rmtree(directory)
