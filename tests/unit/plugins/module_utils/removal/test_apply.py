# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes taken out of a cluster in memory: each step once, again without a change, and in check mode without any."""

from __future__ import annotations

from typing import Any, List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.yaml_reader import load
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import KubernetesError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.removal.apply import Patience, Remover
from ansible_collections.baremetal.kubernetes.plugins.module_utils.removal.plan import Leaver, Wanted, traces
from removal_data import FakeCluster, member


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: List[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)


@pytest.fixture(name="cluster")
def fixture_cluster() -> FakeCluster:
    return FakeCluster()


def remover(cluster: FakeCluster, *leavers: Leaver, check: bool = False, clock: Any = None, **more: Any) -> Remover:
    clock = clock or Clock()
    wanted = Wanted(leavers, **more)
    return Remover(cluster.kubectl, wanted, True, Patience(), check, cluster.connect, clock.sleep, clock)  # type: ignore[arg-type]


def changes(cluster: FakeCluster) -> List[str]:
    return [call for call in cluster.calls if not call.startswith("get")]


def names(cluster: FakeCluster) -> List[str]:
    return [one.name for one in cluster.members]


def test_a_dead_control_plane_leaves_no_trace(cluster: FakeCluster) -> None:
    cluster.kill("cp1")
    one = remover(cluster, Leaver("cp1"))
    assert one.leave_etcd() == ["removed member 1 (cp1) from etcd"]
    assert len(one.forget()) == 3
    assert names(cluster) == ["cp2", "cp3"]
    assert "cp1" not in cluster.nodes
    assert sorted(load(str(cluster.status))["apiEndpoints"]) == ["cp2", "cp3"]
    assert load(str(cluster.status))["kind"] == "ClusterStatus"
    assert not [pod for pod in cluster.pods if pod["spec"]["nodeName"] == "cp1"]


def test_a_second_run_does_nothing(cluster: FakeCluster) -> None:
    cluster.kill("cp1")
    first = remover(cluster, Leaver("cp1"))
    first.leave_etcd()
    first.forget()
    cluster.calls.clear()
    again = remover(cluster, Leaver("cp1"))
    assert again.drain() == again.leave_etcd() == again.forget() == []
    assert not changes(cluster)


def test_check_mode_says_the_same_and_changes_nothing(cluster: FakeCluster) -> None:
    cluster.pod("cp1", "web")
    one = remover(cluster, Leaver("cp1", "cp1", "alive"), check=True)
    assert one.drain() == ["cp1: closed for new pods", "cp1: evicted default/web"]
    assert one.leave_etcd() == ["removed member 1 (cp1) from etcd"]
    assert len(one.forget()) == 3
    assert not changes(cluster)
    assert names(cluster) == ["cp1", "cp2", "cp3"]


def test_only_nodes_that_are_alive_are_drained(cluster: FakeCluster) -> None:
    cluster.pod("worker1", "web")
    cluster.pod("worker2", "shop")
    cluster.kill("worker2")
    done = remover(cluster, Leaver("worker1", "worker1", "alive"), Leaver("worker2")).drain()
    assert done == ["worker1: closed for new pods", "worker1: evicted default/web"]


def test_a_node_whose_kubelet_is_silent_is_not_drained_since_nobody_would_end_its_pods(cluster: FakeCluster) -> None:
    cluster.pod("worker1", "web")
    cluster.kill("worker1")
    assert remover(cluster, Leaver("worker1", "worker1", "alive")).drain() == []
    assert not changes(cluster)


def test_members_go_one_at_a_time_the_dead_before_the_living() -> None:
    cluster = FakeCluster(control_planes=5)
    cluster.kill("cp4")
    done = remover(cluster, Leaver("cp1", "cp1", "alive"), Leaver("cp4")).leave_etcd()
    assert done == ["removed member 4 (cp4) from etcd", "removed member 1 (cp1) from etcd"]


def test_what_etcd_refuses_for_a_moment_is_tried_again(cluster: FakeCluster) -> None:
    cluster.kill("cp1")
    cluster.refusals = ["etcdserver: unhealthy cluster", "etcdserver: leader changed"]
    clock = Clock()
    remover(cluster, Leaver("cp1"), clock=clock).leave_etcd()
    assert names(cluster) == ["cp2", "cp3"]
    assert len(clock.slept) == 2


def test_a_member_stays_as_long_as_its_loss_would_cost_the_quorum(cluster: FakeCluster) -> None:
    cluster.kill("cp3")
    with pytest.raises(KubernetesError, match="only 1 of 2 voting members would be healthy"):
        remover(cluster, Leaver("cp1", "cp1", "alive")).leave_etcd()
    assert names(cluster) == ["cp1", "cp2", "cp3"]


def test_a_ghost_is_removed(cluster: FakeCluster) -> None:
    cluster.members.append(member(9, "", "10.0.0.14"))
    remover(cluster, Leaver("cp4", "cp4", "begun", "10.0.0.14", True), operation="replace").leave_etcd()
    assert names(cluster) == ["cp1", "cp2", "cp3"]


def test_kubeadms_note_is_kept_where_somebody_else_writes_it_at_once(cluster: FakeCluster) -> None:
    cluster.kill("cp1")
    cluster.conflicts = 2
    remover(cluster, Leaver("cp1")).forget()
    assert sorted(load(str(cluster.status))["apiEndpoints"]) == ["cp2", "cp3"]


def test_a_cluster_without_kubeadms_note_is_none_the_worse(cluster: FakeCluster) -> None:
    cluster.status = None
    cluster.kill("cp1")
    assert len(remover(cluster, Leaver("cp1")).forget()) == 2


def test_a_node_without_power_is_waited_for_until_the_cluster_has_noticed(cluster: FakeCluster) -> None:
    clock = Clock()

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        if clock.now > 35:
            cluster.kill("worker2")

    one = remover(cluster, Leaver("worker2"), clock=clock)
    one.sleep = sleep
    assert not one.look_patiently().nodes["worker2"].ready
    assert 35 < clock.now < 40


def test_the_wait_ends_for_a_node_that_lives_on(cluster: FakeCluster) -> None:
    clock = Clock()
    assert remover(cluster, Leaver("worker2"), clock=clock).look_patiently().nodes["worker2"].ready
    assert 59 < clock.now < 122


class Killed(BaseException):
    """The controller died here."""


class MortalCluster(FakeCluster):
    """Whoever changes it dies at the change of this number, before or after it has taken effect."""

    def __init__(self, number: int, after: bool) -> None:
        super().__init__()
        self.left = number
        self.after = after

    def _change(self, effect: Any) -> Any:
        self.left -= 1
        if self.left == 0 and not self.after:
            raise Killed
        answer = effect()
        if self.left == 0:
            raise Killed
        return answer

    def run(self, argv: Any, *rest: Any, **more: Any) -> Any:
        if argv[1] == "get":
            return super().run(argv, *rest, **more)
        return self._change(lambda: FakeCluster.run(self, argv, *rest, **more))

    def connect(self, *words: Any) -> Any:
        endpoint = super().connect(*words)
        remove = endpoint.member_remove
        endpoint.member_remove = lambda member_id: self._change(lambda: remove(member_id))  # type: ignore[method-assign]
        return endpoint


def take_out(cluster: FakeCluster, leaver: Leaver) -> None:
    one = remover(cluster, leaver)
    one.drain()
    one.leave_etcd()
    one.forget()


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("condition", ["alive", "dead", "blank"])
def test_killed_at_any_change_it_is_completed_by_the_next_run(condition: str, after: bool) -> None:
    kills = 0
    while True:
        cluster = MortalCluster(kills + 1, after)
        cluster.pod("cp1", "web")
        if condition != "alive":
            cluster.kill("cp1")
        leaver = Leaver("cp1", "cp1", condition, "10.0.0.11", True)
        try:
            take_out(cluster, leaver)
            break
        except Killed:
            kills += 1
        cluster.left = 0
        take_out(cluster, leaver)
        seen = remover(cluster, leaver).look()
        assert not traces(seen, leaver).any
        assert names(cluster) == ["cp2", "cp3"]
        cluster.calls.clear()
        take_out(cluster, leaver)
        assert not changes(cluster)
    # Its member, kubeadm's note, its node, lease and pods; where it is alive it is closed and emptied first.
    assert kills == (7 if condition == "alive" else 5)
