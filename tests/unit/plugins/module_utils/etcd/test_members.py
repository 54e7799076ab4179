"""Which changes of a membership leave a cluster that can write."""

from __future__ import annotations

from typing import List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.members import (
    Member,
    ghosts,
    has_quorum,
    may_add,
    may_remove,
    voters,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.quorum import quorum
from hypothesis import given
from hypothesis import strategies as st


def member(number: int, learner: bool = False, started: bool = True) -> Member:
    client_urls = ["https://10.0.0.%d:2379" % number] if started else []
    return Member(number, "cp%d" % number if started else "", ["https://10.0.0.%d:2380" % number], client_urls, learner)


def cluster(size: int) -> List[Member]:
    return [member(number) for number in range(1, size + 1)]


def test_a_member_without_a_name_was_added_and_never_started() -> None:
    members = cluster(2) + [member(3, started=False)]
    assert [ghost.id for ghost in ghosts(members)] == [3]
    assert members[2].started is False


def test_ids_are_written_as_etcdctl_writes_them() -> None:
    assert member(10276657743932975437).hex_id == "8e9e05c52164694d"


def test_learners_do_not_vote() -> None:
    assert len(voters(cluster(3) + [member(4, learner=True)])) == 3
    assert has_quorum(cluster(1) + [member(2, learner=True)], {1})


@pytest.mark.parametrize(
    ("size", "healthy", "gone", "safe"),
    [
        (3, {1, 2, 3}, 3, True),
        (3, {1, 2}, 3, True),
        (3, {1, 2}, 1, False),
        (3, {1}, 3, False),
        (2, {1, 2}, 2, True),
        (2, {1}, 2, False),
        (1, {1}, 1, False),
        (5, {1, 2, 3}, 5, True),
        (5, {1, 2, 3}, 1, False),
        (3, {1, 2, 3}, 9, False),
    ],
)
def test_a_removal_needs_a_quorum_before_and_after(size: int, healthy: "set[int]", gone: int, safe: bool) -> None:
    verdict = may_remove(cluster(size), healthy, gone)
    assert verdict.safe is safe
    assert verdict.reason
    assert bool(verdict.remedy) is not safe


def test_a_ghost_may_go_although_it_is_not_healthy() -> None:
    assert may_remove(cluster(2) + [member(3, started=False)], {1, 2}, 3).safe


def test_a_refused_removal_names_the_unhealthy_members() -> None:
    assert "member 3 (cp3)" in may_remove(cluster(3), {1, 2}, 1).remedy


@pytest.mark.parametrize(
    ("size", "healthy", "learner", "safe"),
    [
        (1, {1}, False, False),
        (1, {1}, True, True),
        (2, {1, 2}, False, True),
        (3, {1, 2, 3}, False, True),
        (3, {1, 2}, False, False),
        (3, {1, 2}, True, True),
        (3, {1}, True, False),
        (5, {1, 2, 3}, False, False),
    ],
)
def test_a_voting_member_is_only_added_where_it_may_stay_absent(size: int, healthy: "set[int]", learner: bool, safe: bool) -> None:
    assert may_add(cluster(size), healthy, learner).safe is safe


def test_a_dead_member_is_removed_before_another_is_added() -> None:
    assert may_add(cluster(3), {1, 2}, learner=False).remedy == "remove the dead member (member 3 (cp3)) first"
    assert "learner" in may_add(cluster(1), {1}, learner=False).remedy


def test_nothing_is_added_beside_a_ghost_or_a_second_learner_beside_a_first() -> None:
    assert "never started" in may_add(cluster(2) + [member(3, started=False)], {1, 2}, learner=True).reason
    assert "still a learner" in may_add(cluster(3) + [member(4, learner=True)], {1, 2, 3, 4}, learner=True).reason


@given(st.integers(1, 9), st.sets(st.integers(1, 9)), st.booleans())
def test_no_change_that_is_called_safe_takes_the_quorum_away(size: int, healthy: "set[int]", learner: bool) -> None:
    members = cluster(size)
    alive = healthy & {one.id for one in members}
    for gone in members:
        if may_remove(members, healthy, gone.id).safe:
            assert len(alive - {gone.id}) >= quorum(size - 1) > 0
    if may_add(members, healthy, learner).safe:
        assert len(alive) >= quorum(size if learner else size + 1)
