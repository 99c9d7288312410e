# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace
from unittest.mock import Mock

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._gluster import cli
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.cli import (
    IN_CLUSTER,
    Gluster,
    GlusterBusy,
    GlusterError,
    answer_in,
    clients_in,
    members_in,
    volumes_in,
    with_status,
)

G1 = "1ddce673-38f0-4fda-af38-97a88cfc0c0d"
G2 = "da59815d-7eeb-4d82-afba-cb7a1195b0c7"


def test_a_pool_is_read_with_every_name_of_its_members(members):
    g2, g3, own = members

    assert g2.hostnames == ("g2", "g2.example.test")
    assert (g2.uuid, g2.connected, g2.state, g2.usable) == (G2, True, IN_CLUSTER, True)
    assert (g3.name, g3.connected, g3.usable) == ("10.99.0.13", False, False)
    assert (own.uuid, own.is_local, own.usable) == (G1, True, True)


def test_a_host_without_peers_is_a_pool_of_one(answer):
    (own,) = members_in(answer("pool_list_alone"))

    assert own.is_local


def test_volumes_are_read_with_their_layout_bricks_and_options(volumes):
    assert {name: volume.kind for name, volume in volumes.items()} == {
        "arb": "Replicate",
        "disp": "Disperse",
        "dist": "Distribute",
        "distrep": "Distributed-Replicate",
        "gv0": "Replicate",
        "gv1": "Replicate",
    }
    assert [brick.arbiter for brick in volumes["arb"].bricks] == [False, False, True]
    assert (volumes["disp"].disperse, volumes["disp"].redundancy) == (3, 1)
    assert [str(brick) for brick in volumes["gv0"].bricks] == [
        "g1:/data/brick1/gv0",
        "g2:/data/brick1/gv0",
        "10.99.0.13:/data/brick1/gv0",
    ]
    assert volumes["gv0"].bricks[1].key == (G2, "/data/brick1/gv0")
    assert volumes["gv0"].options["network.ping-timeout"] == "10"


def test_only_bricks_of_started_volumes_are_online_or_offline(volumes):
    assert [brick.online for brick in volumes["gv0"].bricks] == [True, True, True]
    assert [brick.online for brick in volumes["arb"].bricks] == [None, None, None]
    assert volumes["arb"].offline == ()


def test_a_killed_brick_is_offline(answer):
    volumes = with_status(volumes_in(answer("volume_info_all")), answer("volume_status_brick_killed"))

    assert [str(brick) for brick in volumes["gv0"].offline] == ["g2:/data/brick1/gv0"]


def test_a_brick_of_a_host_that_is_gone_is_missing_from_the_status_and_offline(answer):
    volumes = with_status(volumes_in(answer("volume_info_all")), answer("volume_status_host_gone"))

    assert [brick.host for brick in volumes["gv0"].offline] == ["g2", "10.99.0.13"]


def test_a_volume_that_is_locked_and_so_left_out_is_asked_for_by_itself(recorded, monkeypatch):
    asked = []

    def run(_self, words, xml, limit):
        asked.append(" ".join(words))
        answers = {"volume info all": "volume_info_all", "volume status all": "status_none"}
        return recorded(answers.get(asked[-1], "volume_status_all"))

    monkeypatch.setattr(Gluster, "_run", run)
    volumes = Gluster().volumes()

    assert asked == ["volume info all", "volume status all", "volume status dist", "volume status gv0"]
    assert volumes["gv0"].offline == ()
    assert [brick.online for brick in volumes["gv0"].bricks] == [True, True, True]


def test_a_question_that_takes_its_time_has_a_longer_limit_and_never_a_shorter_one(recorded, monkeypatch):
    limits = []

    def run(command, timeout, **_options):
        limits.append((command[2], timeout))
        return Mock(stdout=recorded("volume_info_all").encode(), stderr=b"", returncode=0)

    monkeypatch.setattr(cli.subprocess, "run", run)
    for limit in (600.0, 30.0, -5.0):
        Gluster().ask("volume", "heal", "gv0", "info", limit=limit)
    Gluster().ask("volume", "info")

    assert limits == [("--timeout=600", 605), *([("--timeout=120", 125)] * 3)]


def test_no_volumes_are_no_volumes(answer):
    assert with_status(volumes_in(answer("volume_info_none")), answer("status_none")) == {}


def test_a_refusal_is_an_error_in_plain_words(recorded):
    with pytest.raises(GlusterError, match=r"g1:/srv/gv1 would lie on the root file system.*force: true"):
        answer_in(recorded("refused_root_partition"))


def test_a_refusal_counts_whatever_number_it_has(recorded):
    with pytest.raises(GlusterError, match="hosts one or more bricks"):
        answer_in(recorded("refused_detach"))


def test_a_lock_of_somebody_else_is_told_apart_since_it_passes(recorded):
    with pytest.raises(GlusterBusy, match="another gluster command holds the lock"):
        answer_in(recorded("refused_busy"))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_answer_is_an_error_and_no_empty_pool(recorded, share):
    document = recorded("volume_info_all")

    with pytest.raises(GlusterError, match="no XML document"):
        answer_in(document[: int(len(document.rstrip()) * share)])


@pytest.mark.parametrize(
    "document",
    [
        "<cliOutput/>",
        "<html><opRet>0</opRet></html>",
        "<cliOutput><opRet>yes</opRet></cliOutput>",
        "<cliOutput><opRet>-1</opRet></cliOutput>",
    ],
)
def test_a_document_that_does_not_say_that_it_worked_did_not_work(document):
    with pytest.raises(GlusterError):
        answer_in(document)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("<id>74b1efb8-d23d-486d-bbdf-a42f741b2299</id>", ""),
        ("<replicaCount>3</replicaCount>", "<replicaCount>three</replicaCount>"),
        ("<name>gv0</name>", "<name> </name>"),
        ("<hostUuid>da59815d-7eeb-4d82-afba-cb7a1195b0c7</hostUuid>", ""),
    ],
)
def test_a_volume_without_what_identifies_it_is_an_error_not_a_guess(recorded, good, bad):
    document = recorded("volume_info_all")
    assert good in document

    with pytest.raises(GlusterError, match="gluster --xml"):
        volumes_in(answer_in(document.replace(good, bad)))


def test_clients_are_counted_by_kind():
    table = """Client connections for volume gv0
Name                                                       count
-----                                                     ------
glustershd                                                     3
fuse                                                           2
gfapi.ganesha.nfsd                                             1

total clients for volume gv0 : 6
-----------------------------------------------------------------
"""

    assert clients_in(table) == {"glustershd": 3, "fuse": 2, "gfapi.ganesha.nfsd": 1}


@pytest.fixture
def asked_for_clients(monkeypatch, volumes):
    """What comes of the question for a volume's clients where gluster refuses it, and says this."""

    def ask(said, bricks_online):
        gluster = Gluster()
        monkeypatch.setattr(gluster, "_run", Mock(side_effect=GlusterError(said)))
        bricks = tuple(replace(brick, online=bricks_online) for brick in volumes["gv0"].bricks)
        monkeypatch.setattr(gluster, "volumes", lambda: {"gv0": replace(volumes["gv0"], bricks=bricks)})
        return gluster.clients("gv0")

    return ask


COMMIT_FAILED = "gluster says: Commit failed on 10.77.7.12. Please check log file for details."


def test_a_volume_without_clients_whose_bricks_are_on_other_hosts_has_no_clients(asked_for_clients):
    assert asked_for_clients(COMMIT_FAILED, bricks_online=True) == {}


@pytest.mark.parametrize(("said", "bricks_online"), [(COMMIT_FAILED, False), ("gluster says: no", True)])
def test_clients_that_cannot_be_counted_are_not_taken_for_none(asked_for_clients, said, bricks_online):
    with pytest.raises(GlusterError):
        asked_for_clients(said, bricks_online)
