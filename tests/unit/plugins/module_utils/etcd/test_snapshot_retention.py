# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every set of snapshots and every rule to keep them."""

from __future__ import annotations

import calendar
import time
from typing import List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.errors import SnapshotError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.files import Snapshot, file_name, taken_at
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.retention import Keep, sort_out
from hypothesis import given
from hypothesis import strategies as st

WHOLE = 3 * 8192 + 32


def at(*times: str, size: int = WHOLE) -> List[Snapshot]:
    stamps = [calendar.timegm(time.strptime(text, "%Y-%m-%d %H:%M")) for text in times]
    return [Snapshot("/b/etcd-%d.db" % stamp, stamp, size, {}) for stamp in stamps]


snapshots = st.lists(
    st.builds(
        lambda taken, size: Snapshot("/b/etcd-%d.db" % taken, float(taken), size, {}),
        st.integers(0, 4 * 10**9),
        st.sampled_from([WHOLE, WHOLE - 1, 0]),
    ),
    unique_by=lambda snapshot: snapshot.taken,
    max_size=40,
)
keeps = st.builds(Keep, *[st.integers(0, 9)] * 4).filter(any)


@given(snapshots, keeps)
def test_every_snapshot_stays_or_goes_and_the_newest_whole_one_always_stays(found: List[Snapshot], keep: Keep) -> None:
    stays, goes = sort_out(found, keep)
    assert sorted(stays + goes) == sorted(found)
    whole = sorted((one for one in found if not one.cut), key=lambda one: one.taken)
    if whole:
        assert whole[-1] in stays
    assert len([one for one in stays if not one.cut]) <= sum(keep)
    assert len([one for one in stays if not one.cut]) >= min(keep.last, len(whole))
    if not whole:
        assert not goes, "as long as there is nothing whole, nothing is thrown away"


@given(snapshots, keeps)
def test_pruning_twice_prunes_nothing_more(found: List[Snapshot], keep: Keep) -> None:
    stays, _goes = sort_out(found, keep)
    assert sort_out(stays, keep) == (stays, [])


@given(snapshots, keeps, st.sampled_from(Keep._fields))
def test_a_rule_that_keeps_more_deletes_no_more(found: List[Snapshot], keep: Keep, name: str) -> None:
    more = keep._replace(**{name: getattr(keep, name) + 1})
    gone = {one.path for one in sort_out(found, keep)[1]}
    assert {one.path for one in sort_out(found, more)[1]} <= gone


def test_the_newest_of_each_hour_day_and_week_stays() -> None:
    # 2026-11-16 is a Monday.
    found = at(
        "2026-11-14 12:00", "2026-11-15 23:59", "2026-11-16 00:00", "2026-11-18 10:10", "2026-11-18 10:50", "2026-11-18 11:05"
    )
    assert sort_out(found, Keep(hourly=2))[0] == found[4:]
    assert sort_out(found, Keep(daily=2))[0] == [found[2], found[5]]
    assert sort_out(found, Keep(weekly=2))[0] == [found[1], found[5]]
    assert sort_out(found, Keep(last=3))[0] == found[3:]


@pytest.mark.parametrize("keep, word", [(Keep(), "at least one"), (Keep(last=-1), "negative")])
def test_a_rule_that_keeps_nothing_is_refused(keep: Keep, word: str) -> None:
    with pytest.raises(SnapshotError, match=word):
        sort_out(at("2026-11-18 10:10"), keep)


@given(st.integers(0, 253402300799))
def test_a_name_tells_its_time(taken: int) -> None:
    assert taken_at(file_name("etcd-cp1.example", taken)) == taken


@given(st.text())
def test_any_other_name_is_passed_over(name: str) -> None:
    taken = taken_at(name)
    assert taken is None or file_name(name.rpartition("-")[0], taken) == name


@pytest.mark.parametrize("prefix", ["", "-a", "a/b", "../a", ".hidden", "a b"])
def test_a_prefix_that_is_no_name_is_refused(prefix: str) -> None:
    with pytest.raises(SnapshotError, match="prefix"):
        file_name(prefix, 0)
