# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Argument errors name the item."""

from __future__ import annotations

from ansible_collections.berthage.swarm.plugins.module_utils._arguments import argument_errors

SPEC = {
    "volumes": {
        "type": "list",
        "elements": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "nfs": {"type": "dict", "options": {"server": {"type": "str", "required": True}}},
        },
    },
}


def errors(*volumes):
    return argument_errors("volumes", SPEC, {"volumes": list(volumes)})


def test_an_unknown_key_and_a_missing_one_are_told_with_the_name_of_their_item():
    missing, unknown = errors({"name": "fine"}, {"name": "app", "nfs": {"sever": "x"}})
    assert missing == "app: missing required arguments: server found in volumes -> nfs"
    assert unknown.startswith("app: unknown argument volumes.nfs.sever. Supported parameters include: server")


def test_a_missing_argument_that_ansible_has_set_to_nothing_is_still_missing():
    assert errors({"name": "app", "nfs": {"server": None}}) == [
        "app: missing required arguments: server found in volumes -> nfs"
    ]


def test_every_item_with_an_error_is_named():
    assert [message.partition(":")[0] for message in errors({"name": "a", "x": 1}, {"name": "b", "y": 1})] == ["a", "b"]


def test_an_item_without_a_name_is_named_by_its_number():
    assert errors({"name": "a"}, {})[0].startswith("item 2: missing required arguments: name")


def test_what_is_no_list_is_left_to_ansible():
    assert argument_errors("volumes", SPEC, {"volumes": "text"}) == []
