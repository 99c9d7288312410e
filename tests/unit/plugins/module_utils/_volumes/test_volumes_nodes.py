# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends import recognise
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.nodes import Split, splits


def nfs(options: str, device: str = ":/srv/app") -> dict[str, str]:
    return {"type": "nfs", "device": device, "o": options}


def found(**by_node: Any) -> list[Split]:
    meanings = {
        node: {"app": recognise(*(options if isinstance(options, tuple) else ("local", options)))}
        for node, options in by_node.items()
    }
    return list(splits(meanings))


def test_the_same_meaning_in_other_words_is_no_difference() -> None:
    assert (
        found(node1=nfs("addr=10.0.0.5,hard,nfsvers=4.2"), node2=nfs("vers=4.2,rw,addr=10.0.0.5", ":/srv/app/")) == []
    )


def test_another_server_is_other_data_and_each_value_names_its_nodes() -> None:
    (split,) = found(node1=nfs("addr=10.0.0.5"), node2=nfs("addr=10.0.0.6"), node3=nfs("addr=10.0.0.5"))
    assert split.elsewhere
    assert str(split) == "server is 10.0.0.5 on node1 and node3, 10.0.0.6 on node2"


def test_of_other_backends_only_the_backend_is_told() -> None:
    (split,) = found(node1=nfs("addr=10.0.0.5"), node2={})
    assert split.elsewhere
    assert str(split) == "backend is nfs on node1, local on node2"


def test_the_same_data_mounted_otherwise_is_a_difference_and_not_elsewhere() -> None:
    (split,) = found(node1=nfs("addr=10.0.0.5,soft"), node2=nfs("addr=10.0.0.5,ro"))
    assert not split.elsewhere
    assert "read_only is False on node1, True on node2" in str(split)


def test_other_options_of_a_plugin_may_mean_other_data() -> None:
    (split,) = found(node1=("rclone", {"remote": "a:x"}), node2=("rclone:latest", {"remote": "a:y"}))
    assert split.elsewhere


def test_a_secret_that_differs_is_found_and_not_shown() -> None:
    cifs = {"type": "cifs", "device": "//10.0.0.5/s"}
    (split,) = found(node1={**cifs, "o": "username=u,password=one"}, node2={**cifs, "o": "username=u,password=two"})
    assert "password" in str(split)
    assert "one" not in str(split).replace("on node1", "")
    assert "two" not in str(split)
    assert not split.elsewhere


def test_volumes_that_only_one_node_has_are_no_difference() -> None:
    assert splits({"node1": {"app": recognise("local", {})}, "node2": {}}) == ()
