# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Members of a real etcd that leave: a dead one, a ghost, and one that lives."""

from __future__ import annotations

import pathlib
from typing import Any, List

from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.client import EtcdClient
from ansible_collections.baremetal.kubernetes.plugins.module_utils.removal.apply import Patience, Remover
from ansible_collections.baremetal.kubernetes.plugins.module_utils.removal.plan import Leaver, Wanted, problems
from ansible_collections.baremetal.kubernetes.plugins.module_utils.removal.seen import ETCD_HERE
from real_etcd import Node, make_files, needs_etcd, running, wait_for
from removal_data import FakeCluster

pytestmark = needs_etcd


def names(node: Node) -> List[str]:
    return sorted(member.name for member in node.client().member_list())


def test_a_dead_member_then_a_ghost_then_a_living_one_leave_and_the_last_is_kept(tmp_path: pathlib.Path) -> None:
    files = make_files(tmp_path)
    first, second, third = (Node(name, tmp_path, files) for name in ("cp1", "cp2", "cp3"))
    nodes = [first, second, third]
    cluster = FakeCluster()

    def connect(url: str, ca: str, certificate: str, key: str, timeout: float) -> EtcdClient:
        return EtcdClient(third.client_url if url == ETCD_HERE else url, *files, timeout=timeout)

    def remover(*leavers: Leaver, **more: Any) -> Remover:
        return Remover(cluster.kubectl, Wanted(leavers, **more), True, Patience(etcd=40), False, connect)

    processes = [node.start(nodes) for node in nodes]
    with running(*processes):
        for node in nodes:
            wait_for(lambda node=node: node.client().health().healthy, bool)
        processes[0].kill()
        cluster.kill("cp1")
        assert remover(Leaver("cp1")).leave_etcd()[0].startswith("removed member")
        assert names(third) == ["cp2", "cp3"]
        # The rest is as if cp1's new machine had been added and its kubeadm killed before it was started.
        wait_for(lambda: third.client().member_add(["https://10.0.0.11:2380"], learner=True), bool)
        assert names(third) == ["", "cp2", "cp3"]
        begun = Leaver("cp1", "cp1", "begun", "10.0.0.11", True)
        assert "unstarted, https://10.0.0.11:2380" in remover(begun, operation="replace").leave_etcd()[0]
        assert remover(Leaver("cp2", "cp2", "alive")).leave_etcd()
        assert names(third) == ["cp3"]
        last = remover(Leaver("cp3", "cp3", "alive"))
        assert any("the last voting member" in one.problem for one in problems(last.look(), last.wanted))
