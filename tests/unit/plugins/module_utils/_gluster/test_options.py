# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._gluster.options import (
    AMBIGUOUS,
    SET_AT_CREATION,
    as_text,
    full_name,
    meaning,
    profile_options,
    to_reset,
    to_set,
)

NEW_VOLUME = {
    "cluster.granular-entry-heal": "on",
    "storage.fips-mode-rchecksum": "on",
    "transport.address-family": "inet",
    "nfs.disable": "on",
    "performance.client-io-threads": "off",
}


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("nfs.disable", "on", "enable"),
        ("nfs.disable", "yes", "TRUE"),
        ("nfs.disable", "1", "on"),
        ("nfs.disable", "off", "disable"),
        ("nfs.disable", "0", "No"),
        ("performance.cache-size", "64MB", "67108864"),
        ("performance.cache-size", "1.5GB", "1536mb"),
        ("network.frame-timeout", "30min", "1800"),
        ("client.event-threads", "04", "4"),
        ("auth.allow", "10.0.0.1,10.0.0.2", "10.0.0.2, 10.0.0.1"),
    ],
)
def test_another_spelling_of_a_value_means_the_same(name, one, other):
    assert meaning(name, one) == meaning(name, other)


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("nfs.disable", "on", "off"),
        ("network.ping-timeout", "10", "42"),
        ("network.ping-timeout", "1", "10"),
        ("performance.cache-size", "64MB", "64"),
        ("cluster.quorum-type", "auto", "none"),
        ("auth.allow", "10.0.0.1", "10.0.0.1,10.0.0.2"),
        ("diagnostics.client-log-level", "INFO", "WARNING"),
    ],
)
def test_another_value_means_something_else(name, one, other):
    assert meaning(name, one) != meaning(name, other)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "on"),
        (False, "off"),
        (10, "10"),
        (0.5, "0.5"),
        (" auto ", "auto"),
        (["10.0.0.1", "10.0.0.2"], "10.0.0.1,10.0.0.2"),
        ("", None),
        (None, None),
        ({"a": 1}, None),
        ("a\nb", None),
        (["a", None], None),
        ([], None),
    ],
)
def test_what_yaml_makes_of_a_value_becomes_text_or_is_no_value(value, text):
    assert as_text(value) == text


def test_nothing_is_set_when_every_option_means_what_is_declared():
    actual = {**NEW_VOLUME, "network.ping-timeout": "10"}

    assert to_set({"network.ping-timeout": "10", "nfs.disable": "true", "ping-timeout": "10"}, actual) == {}


def test_an_option_that_was_never_set_is_set_even_if_the_default_is_the_same_today():
    assert to_set({"network.ping-timeout": "42"}, NEW_VOLUME) == {"network.ping-timeout": "42"}


def test_a_short_name_stands_for_the_option_that_is_set():
    assert full_name("ping-timeout", ["network.ping-timeout"]) == "network.ping-timeout"
    assert to_set({"ping-timeout": "5"}, {"network.ping-timeout": "10"}) == {"network.ping-timeout": "5"}


def test_a_short_name_that_nobody_knows_is_left_to_gluster():
    assert to_set({"md-cache-timeout": "60"}, NEW_VOLUME) == {"md-cache-timeout": "60"}


def test_every_ambiguous_short_name_is_the_end_of_several_options():
    for short, options in AMBIGUOUS.items():
        assert len(options) > 1
        assert {option.split(".", 1)[1] for option in options} == {short}


def test_resetting_leaves_what_gluster_sets_itself_and_what_is_declared():
    actual = {
        **NEW_VOLUME,
        "network.ping-timeout": "10",
        "performance.cache-size": "64MB",
        "features.quota": "on",
        "client.ssl": "on",
        "old.auth.allow": "10.0.0.1",  # what replace-brick keeps for itself
        # Without these, everybody may use the volume.
        "auth.allow": "10.0.0.1",
        "auth.reject": "10.0.0.2",
    }

    assert set(NEW_VOLUME) == SET_AT_CREATION
    assert to_reset({"ping-timeout": "10"}, actual) == ("performance.cache-size",)
    assert to_reset({}, actual) == ("network.ping-timeout", "performance.cache-size")


@pytest.mark.parametrize(
    "name",
    [
        # The pool's own, which gluster resets for no single volume.
        "cluster.brick-multiplex",
        "cluster.enable-shared-storage",
        "glusterd.vol_count_per_thread",
        # Without its changelog a session of geo-replication copies nothing more.
        "changelog.changelog",
        "geo-replication.indexing",
        "geo-replication.ignore-pid-check",
        # Without it, the files are unreadable.
        "features.shard",
        # Clients that keep things for long need to be told what others change.
        "features.cache-invalidation",
    ],
)
def test_what_is_not_this_volumes_own_or_others_rely_on_is_never_reset(name):
    assert to_reset({}, {name: "on", "performance.cache-size": "64MB"}) == ("performance.cache-size",)


def test_the_profile_asks_for_a_majority_only_where_there_is_one():
    assert profile_options("containers", 3)["cluster.quorum-type"] == "auto"
    assert profile_options("containers", 3)["cluster.heal-timeout"] == "60"
    assert "cluster.heal-timeout" not in profile_options("containers", 0)
    assert "cluster.quorum-type" not in profile_options("containers", 2)
    assert profile_options("containers", 0)["network.ping-timeout"] == "5"
    assert profile_options(None, 3) == {}
