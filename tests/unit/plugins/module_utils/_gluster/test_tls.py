# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._gluster.hosts import Names
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.plan import Observed, plan
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.spec import volume_specs

NAMES = Names(
    {
        "g1": frozenset({"10.99.0.11"}),
        "g2": frozenset({"10.99.0.12"}),
        "10.99.0.13": frozenset({"10.99.0.13"}),
    },
    local=frozenset({"g1"}),
)
SPOKEN = {"client.ssl": "on", "server.ssl": "on", "auth.ssl-allow": "g2,g1"}


@pytest.fixture
def planned(members, volumes, declare):
    """The plan for gv0, running or not, with these options set besides its own."""

    def plan_for(actual, /, *, status="Started", **declared):
        gv0 = volumes["gv0"]
        seen = replace(gv0, status=status, options={**gv0.options, **actual})
        everybody = tuple(replace(member, connected=True) for member in members)
        observed = Observed(everybody, NAMES, {"gv0": seen})
        (only,) = plan(volume_specs([declare(**declared)]), observed, [])
        return only

    return plan_for


def test_both_ends_of_a_new_volume_talk_tls(declare):
    (spec,) = volume_specs([declare(tls=True, tls_allow=["g1", "g2"])])

    assert spec.options == {"client.ssl": "on", "server.ssl": "on", "auth.ssl-allow": "g1,g2"}


def test_a_volume_that_talks_tls_to_the_same_names_in_another_order_is_kept(planned):
    assert planned(SPOKEN, tls=True, tls_allow=["g1", "g2"]).step.action == "keep"


def test_another_client_is_let_in_while_the_volume_runs(planned):
    only = planned(SPOKEN, tls=True, tls_allow=["g1", "g2", "client"])

    assert (only.step.action, dict(only.work.set_options)) == ("update", {"auth.ssl-allow": "g1,g2,client"})


@pytest.mark.parametrize(
    ("options", "declared", "way"),
    [({}, {"tls": True, "tls_allow": ["g1"]}, "on"), (SPOKEN, {}, "off")],
)
def test_turning_it_on_or_off_under_running_bricks_is_refused(planned, options, declared, way):
    only = planned(options, **declared)

    assert only.step.action == "refused"
    assert f"gv0, tls: turning TLS {way} takes no effect" in only.step.message
    assert "state: stopped" in only.step.message


def test_it_is_turned_on_while_the_volume_is_stopped_and_before_it_starts(planned):
    only = planned({}, status="Stopped", tls=True, tls_allow=["g1"])

    assert only.step.action == "update"
    assert only.work.start
    assert dict(only.work.set_options) == {"client.ssl": "on", "server.ssl": "on", "auth.ssl-allow": "g1"}


def test_it_is_turned_off_while_the_volume_is_stopped(planned):
    only = planned(SPOKEN, status="Stopped")

    assert dict(only.work.set_options) == {"client.ssl": "off", "server.ssl": "off"}


def test_what_an_operator_sets_by_the_options_themselves_stays(planned):
    only = planned(SPOKEN, options={"client.ssl": "on", "server.ssl": "enable", "auth.ssl-allow": ["g1", "g2"]})

    assert only.step.action == "keep"
