# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a call says that added a host and then failed."""

from __future__ import annotations

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._gluster.cli import GlusterError, Member
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.hosts import Names
from ansible_collections.berthage.swarm.plugins.modules import gluster_pool

OWN = Member("uuid-of-g1", ("g1",), connected=True, is_local=True)
ADDED = Member("uuid-of-g2", ("g2",), connected=False)


class Gluster:
    """Has g2 once it was probed, and no connection to it; or refuses it."""

    def __init__(self, refuses):
        self.touched = False
        self.refuses = refuses

    def members(self):
        return (OWN, ADDED) if self.touched else (OWN,)

    def volumes(self):
        return {}

    def change(self, *_words):
        if self.refuses:
            raise GlusterError("g2 is part of another pool")
        self.touched = True


class Ended(Exception):
    pass


class Module:
    check_mode = False

    def __init__(self, **_options):
        self.params = {"peers": ["g1", "g2"], "state": "present", "timeout": 1}

    def fail_json(self, **result):
        raise Ended(result)


@pytest.fixture
def failed(monkeypatch):
    """The result of a call that fails."""

    def call(refuses=False):
        names = Names({"g1": frozenset(), "g2": frozenset({"10.99.0.12"})}, local=frozenset({"g1"}))
        monkeypatch.setattr(gluster_pool, "AnsibleModule", Module)
        monkeypatch.setattr(gluster_pool, "Gluster", lambda: Gluster(refuses))
        monkeypatch.setattr(gluster_pool, "look_up", lambda *_arguments: names)
        monkeypatch.setattr(gluster_pool, "why_unreachable", lambda *_arguments: "")
        monkeypatch.setattr(gluster_pool._host_lock, "take", lambda *_arguments: None)
        monkeypatch.setattr(gluster_pool, "PAUSE", 0.05)
        with pytest.raises(Ended) as ended:
            gluster_pool.main()
        return ended.value.args[0]

    return call


def test_a_host_that_was_added_and_is_not_connected_in_time_is_a_change_and_a_problem(failed):
    result = failed()

    assert "g2" in result["msg"] and "is not connected after 1 s" in result["msg"]
    assert result["changed"]
    assert [(problem["item"], problem["field"]) for problem in result["problems"]] == [("g2", "peers")]


def test_a_host_that_gluster_does_not_take_is_no_change(failed):
    result = failed(refuses=True)

    assert "g2 is part of another pool" in result["msg"]
    assert not result["changed"]
    assert "problems" not in result
