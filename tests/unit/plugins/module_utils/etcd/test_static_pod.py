# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a static pod of etcd may be started anew; with real members in tests/unit/real/test_etcd_members.py."""

from __future__ import annotations

from typing import List, Set, Tuple

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.members import Member
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.operation import Pod, Wanted
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.settings import Peer, Tuning
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.static_pod import LOOKS, PodOperator
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner

PEERS = [Peer("etcd%d" % number, "192.0.2.3%d" % number) for number in (1, 2, 3)]
MEMBERS = [Member(number, peer.name, [peer.peer_url], [peer.client_url], False) for number, peer in enumerate(PEERS, 1)]
NOBODY: Tuple[List[Member], Set[int]] = ([], set())


def operator(seen: List[Tuple[List[Member], Set[int]]], pauses: List[float]) -> PodOperator:
    wanted = Wanted(PEERS[0], PEERS[1:], "t", "/var/lib/etcd", "", Tuning(100, 1000), pod=Pod("", "", ""))
    made = PodOperator(wanted, HostRunner(), False, pause=pauses.append)
    made._others_alive = lambda: seen.pop(0) if len(seen) > 1 else seen[0]  # type: ignore[method-assign]
    return made


@pytest.mark.parametrize("healthy, enough", [({1, 2, 3}, True), ({2, 3}, True), ({1, 2}, False), ({3}, False)])
def test_the_others_alone_have_to_be_a_majority(healthy: Set[int], enough: bool) -> None:
    assert operator([(MEMBERS, healthy)], [])._others_suffice() is enough


def test_an_election_among_the_others_is_waited_for() -> None:
    pauses: List[float] = []
    assert operator([NOBODY, (MEMBERS, {2}), (MEMBERS, {2, 3})], pauses)._others_suffice()
    assert len(pauses) == 2


def test_a_founding_member_that_is_missing_is_not_waited_for_long() -> None:
    pauses: List[float] = []
    assert not operator([NOBODY], pauses)._others_suffice()
    assert len(pauses) == LOOKS - 1
