# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lab.cli import from_platforms, from_words
from lab.inventory import control_directory, render
from lab.model import Lab
from lab.paths import Paths
from lab.shell import LabError


def test_both_kinds_of_hosts_get_the_same_shape(three_hosts: Lab) -> None:
    rendered: Any = render(Paths(Path("/c")), three_hosts, {"managers": ["node1"], "workers": ["node2", "node3"]})
    everyone = rendered["all"]
    assert everyone["hosts"]["node2"] == {"ansible_host": "10.77.7.12", "lab_release": "bookworm"}
    assert everyone["children"]["workers"] == {"hosts": {"node2": {}, "node3": {}}}
    assert everyone["vars"]["lab_subnet"] == "10.77.7.0/24"
    assert everyone["vars"]["lab_kind"] == "uml"
    assert everyone["vars"]["lab_interface"] == "vec0"


def test_the_hosts_key_is_pinned_and_never_learnt(three_hosts: Lab) -> None:
    rendered: Any = render(Paths(Path("/c")), three_hosts, {})
    arguments = rendered["all"]["vars"]["ansible_ssh_common_args"]
    assert "-o StrictHostKeyChecking=yes" in arguments
    assert "-o UserKnownHostsFile=/c/ssh/known_hosts" in arguments


def test_a_deep_checkout_keeps_its_sockets_where_their_path_is_short_enough() -> None:
    deep = Paths(Path("/home/somebody/with/a/very/long/path/to/the/checkout/.cache/lab"))
    assert control_directory(Paths(Path("/c")), "trial") == Path("/c/trial/cp")
    assert len(str(control_directory(deep, "trial"))) <= 48


def test_platforms_become_hosts_and_groups() -> None:
    platforms = [
        {"name": "node1", "groups": ["managers", "docker"]},
        {"name": "node2", "groups": ["docker"], "release": "trixie"},
        {"name": "node3"},
    ]
    hosts, groups = from_platforms(platforms, "bookworm")
    assert hosts == {"node1": "bookworm", "node2": "trixie", "node3": "bookworm"}
    assert groups == {"managers": ["node1"], "docker": ["node1", "node2"]}


def test_hosts_on_the_command_line_name_a_release_where_it_is_another() -> None:
    assert from_words("node1,node2=trixie,node3", "bookworm") == {
        "node1": "bookworm",
        "node2": "trixie",
        "node3": "bookworm",
    }


def test_a_host_that_is_named_twice_is_refused() -> None:
    with pytest.raises(LabError, match="node1: this host is named twice"):
        from_words("node1,node1=trixie", "bookworm")


def test_a_release_that_the_lab_does_not_know_is_refused() -> None:
    with pytest.raises(LabError, match="node2: no release sid here; there are bookworm, trixie"):
        from_platforms([{"name": "node1"}, {"name": "node2", "release": "sid"}], "bookworm")
