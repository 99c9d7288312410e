# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.berthage.swarm.plugins.module_utils._drift import Difference, differences, in_words

FIELDS = st.dictionaries(st.text(min_size=1), st.one_of(st.booleans(), st.text(), st.integers()))


@given(FIELDS)
def test_equal_values_have_no_difference(fields):
    assert differences(fields, dict(reversed(list(fields.items())))) == ()


@given(FIELDS, FIELDS)
def test_a_difference_is_seen_from_both_sides(declared, actual):
    there = differences(declared, actual)
    back = differences(actual, declared)

    assert {(d.field, repr(d.declared), repr(d.actual)) for d in there} == {
        (d.field, repr(d.actual), repr(d.declared)) for d in back
    }


def test_a_field_that_is_declared_no_longer_is_a_difference():
    assert differences({}, {"hard": True}) == (Difference("hard", None, True),)


def test_differences_read_as_a_sentence_in_the_order_of_their_fields():
    drift = differences({"version": "4.2", "path": "/a"}, {"version": "3", "path": "/a", "hard": True})

    assert in_words(drift) == "hard: declared nothing, actual True; version: declared '4.2', actual '3'"


def test_an_option_that_is_set_differs_from_the_number_1():
    assert differences({"ro": True}, {"ro": 1}) == (Difference("ro", True, 1),)
