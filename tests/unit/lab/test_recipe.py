# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatch

import pytest
from lab.recipe import Recipe, packages, recipe_files

RECIPE = Recipe(
    base="full",
    release="bookworm",
    extra=(),
    sources=(("lab-main.list", "deb http://mirror.example/debian bookworm main\n"),),
    apt_conf='Acquire::Retries "3";\n',
    authorities=(("own.crt", "certificate"),),
    authorized_key="ssh-ed25519 AAAA",
    host_key="ssh-ed25519 BBBB",
    files=(("customize.sh", "true\n"),),
)


def test_the_same_recipe_has_the_same_key() -> None:
    assert replace(RECIPE).key == RECIPE.key


@pytest.mark.parametrize(
    "change",
    [
        {"base": "bare"},
        {"release": "trixie"},
        {"extra": ("samba",)},
        {"sources": ()},
        {"apt_conf": ""},
        {"authorities": ()},
        {"authorized_key": "ssh-ed25519 CCCC"},
        {"host_key": "ssh-ed25519 CCCC"},
        {"files": (("customize.sh", "false\n"),)},
    ],
)
def test_whatever_changes_in_a_recipe_changes_its_key(change: dict[str, object]) -> None:
    assert replace(RECIPE, **change).key != RECIPE.key  # type: ignore[arg-type]


def test_the_bare_base_has_none_of_what_the_roles_install() -> None:
    bare = set(packages("bare", "trixie"))
    assert bare < set(packages("full", "trixie"))
    assert not {"docker.io", "docker-cli", "nfs-kernel-server", "glusterfs-server", "python3-docker"} & bare


def test_a_scenarios_own_packages_are_installed_besides_those_of_the_base() -> None:
    with_samba = replace(RECIPE, extra=("samba",))
    assert with_samba.packages == (*RECIPE.packages, "samba")


def test_an_image_with_other_packages_is_kept_beside_the_one_without() -> None:
    # What is outdated is looked for by VARIANT-*.
    with_samba = replace(RECIPE, extra=("samba",))
    assert not fnmatch(with_samba.image, f"{RECIPE.variant}-*")
    assert not fnmatch(RECIPE.image, f"{with_samba.variant}-*")
    assert not fnmatch(replace(RECIPE, extra=("ceph-mon",)).image, f"{with_samba.variant}-*")
    assert fnmatch(replace(with_samba, apt_conf="").image, f"{with_samba.variant}-*")


def test_the_files_that_go_into_the_root_file_system_are_part_of_the_recipe() -> None:
    assert {"customize.sh", "rootfs/usr/local/sbin/lab-network"} <= {name for name, _ in recipe_files()}
