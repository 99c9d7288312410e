# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import images
import molecule_files
import pytest
from molecule_files import Hosts


def test_a_scenario_that_asks_for_nothing_gets_what_all_share() -> None:
    assert molecule_files.hosts_of("glusterfs") == Hosts("container", "full", ("bookworm",), ())


def test_releases_are_those_of_the_hosts_and_packages_come_with_them() -> None:
    volumes = molecule_files.hosts_of("volumes")
    assert (volumes.releases, volumes.packages) == (("bookworm", "trixie"), ("docker-compose",))


def test_a_variable_of_the_environment_decides_as_it_does_for_molecule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NFS_LAB_KIND", raising=False)
    assert molecule_files.hosts_of("nfs").kind == "container"
    monkeypatch.setenv("NFS_LAB_KIND", "uml")
    assert molecule_files.hosts_of("nfs").kind == "uml"


def test_long_scenarios_are_left_out_unless_they_are_asked_for_or_named() -> None:
    long = molecule_files.listed("long.txt")
    assert long
    assert not long & set(molecule_files.scenarios_to_run([], with_long=False))
    assert long <= set(molecule_files.scenarios_to_run([], with_long=True))
    assert molecule_files.scenarios_to_run(sorted(long), with_long=False) == sorted(long)


def test_an_image_that_several_scenarios_want_is_made_once_and_the_first_wanted_first() -> None:
    a, b = (Hosts("uml", "full", (release,), ()) for release in ("trixie", "bookworm"))
    assert images.distinct([a, b, a, b]) == [a, b]
