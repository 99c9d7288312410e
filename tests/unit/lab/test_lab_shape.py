# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from lab.lifecycle import refuse_another_shape
from lab.model import Lab, load, save
from lab.paths import Paths
from lab.shell import LabError


def test_a_lab_is_read_as_it_was_written(three_hosts: Lab, tmp_path: Path) -> None:
    with_packages = replace(three_hosts, packages=("samba", "xfsprogs"))
    save(Paths(tmp_path), with_packages)
    assert load(Paths(tmp_path), "trial") == with_packages


def test_a_lab_whose_images_have_changed_since_keeps_those_it_has(three_hosts: Lab) -> None:
    hosts = tuple(replace(host, image="full-bookworm-ba9876543210") for host in three_hosts.hosts)
    refuse_another_shape(three_hosts, replace(three_hosts, hosts=hosts))


def test_another_release_of_one_host_is_refused(three_hosts: Lab) -> None:
    node1, node2, node3 = three_hosts.hosts
    wanted = replace(three_hosts, hosts=(node1, replace(node2, release="trixie"), node3))
    with pytest.raises(LabError, match="node2=bookworm, node3=bookworm, not node1=bookworm, node2=trixie"):
        refuse_another_shape(three_hosts, wanted)


def test_other_packages_are_refused(three_hosts: Lab) -> None:
    with pytest.raises(LabError, match="lab trial is there with the packages none, not samba; `lab down trial` first"):
        refuse_another_shape(three_hosts, replace(three_hosts, packages=("samba",)))
