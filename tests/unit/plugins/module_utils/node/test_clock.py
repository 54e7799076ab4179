# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import List, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.clock import Ahead, ahead, apart
from hypothesis import given
from hypothesis import strategies as st

SECONDS = st.floats(0, 600)


def test_the_bounds_are_the_call_without_the_time_that_the_reading_took() -> None:
    assert ahead(clock=1003.0, reading_seconds=6.0, asked=1000.0, answered=1010.0) == Ahead(-1.0, 3.0)


def test_a_controllers_clock_that_was_set_back_meanwhile_gives_no_bounds_the_wrong_way_round() -> None:
    bounds = ahead(clock=1003.0, reading_seconds=6.0, asked=1000.0, answered=990.0)
    assert bounds.least <= bounds.most


@given(st.lists(st.tuples(SECONDS, SECONDS, SECONDS, SECONDS), min_size=1, max_size=20))
def test_clocks_that_agree_are_never_apart_however_slowly_they_are_read(calls: List[Tuple[float, ...]]) -> None:
    known = {}
    for number, (asked, connecting, reading, answering) in enumerate(calls):
        clock = asked + connecting
        known["host%d" % number] = ahead(clock, reading, asked, clock + reading + answering)
    # Bounds are rounded to milliseconds.
    assert all(abs(difference) < 0.01 for _host, difference in apart(known))


def test_of_two_hosts_that_differ_the_controllers_clock_says_which_is_wrong() -> None:
    right, wrong = Ahead(-0.5, 0.5), Ahead(3599.5, 3600.5)
    assert apart({"a": right, "b": wrong}) == [("a", 0.0), ("b", 3599.0)]
    assert apart({"a": Ahead(-3600.5, -3599.5), "b": right}) == [("a", -3599.0), ("b", 0.0)]


def test_a_controller_whose_clock_is_wrong_makes_no_host_wrong() -> None:
    assert apart({"a": Ahead(900.0, 901.0), "b": Ahead(900.2, 901.2)}) == [("a", 0.0), ("b", 0.0)]
    assert apart({"a": Ahead(900.0, 901.0)}) == [("a", 0.0)]


@given(st.lists(st.tuples(SECONDS, SECONDS), min_size=2, max_size=20), st.floats(2000, 1e9), st.booleans())
def test_the_one_that_is_wrong_by_more_than_the_calls_took_is_found_and_no_other(
    calls: List[Tuple[float, float]], wrong: float, behind: bool
) -> None:
    known = {"host%d" % number: ahead(before, 0, 0, before + after) for number, (before, after) in enumerate(calls)}
    offset = -wrong if behind else wrong
    known["wrong"] = ahead(offset, 0, 0, 600)
    apart_by = dict(apart(known))
    found = apart_by.pop("wrong")
    assert abs(found) >= wrong - 1201 and (found < 0) == behind
    assert all(abs(difference) < 0.01 for difference in apart_by.values())
