"""The table is that of https://etcd.io/docs/v3.6/faq/#what-is-failure-tolerance."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.quorum import quorum, tolerance

TABLE = [(0, 0, 0), (1, 1, 0), (2, 2, 0), (3, 2, 1), (4, 3, 1), (5, 3, 2), (6, 4, 2), (7, 4, 3), (8, 5, 3), (9, 5, 4)]


@pytest.mark.parametrize(("members", "majority", "losses"), TABLE)
def test_quorum_and_tolerance_are_those_of_etcds_own_table(members: int, majority: int, losses: int) -> None:
    assert (quorum(members), tolerance(members)) == (majority, losses)


def test_a_negative_number_of_members_is_refused() -> None:
    with pytest.raises(ValueError, match="-1"):
        quorum(-1)
