# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which removals are refused, in which words, and what is planned for the others."""

from __future__ import annotations

from typing import Any, List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.removal.plan import Leaver, Wanted, problems, steps
from ansible_collections.baremetal.kubernetes.plugins.module_utils.removal.seen import read
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem
from removal_data import FakeCluster, member


@pytest.fixture(name="cluster")
def fixture_cluster() -> FakeCluster:
    return FakeCluster()


def alive(name: str) -> Leaver:
    return Leaver(name, host=name, condition="alive")


def found(cluster: FakeCluster, *leavers: Leaver, stacked: bool = True, **more: Any) -> List[Problem]:
    seen = read(cluster.kubectl, [leaver.name for leaver in leavers], stacked, cluster.connect)  # type: ignore[arg-type]
    return problems(seen, Wanted(leavers, **more))


def planned(cluster: FakeCluster, *leavers: Leaver, **more: Any) -> List[str]:
    seen = read(cluster.kubectl, [leaver.name for leaver in leavers], True, cluster.connect)  # type: ignore[arg-type]
    return steps(seen, Wanted(leavers, **more))


def refused(issues: List[Problem], *words: str) -> None:
    assert len(issues) == 1, issues
    text = "%s | %s | %s" % (issues[0].setting, issues[0].problem, issues[0].remedy)
    assert all(word in text for word in words), text


def test_a_dead_worker_leaves_without_a_question(cluster: FakeCluster) -> None:
    cluster.kill("worker2")
    assert not found(cluster, Leaver("worker2"))
    assert planned(cluster, Leaver("worker2")) == [
        "worker2: delete its Node object and its lease",
        "worker2: delete what is left of its pods",
    ]


def test_a_dead_control_plane_leaves_with_its_member_and_kubeadms_note(cluster: FakeCluster) -> None:
    cluster.kill("cp1")
    assert not found(cluster, Leaver("cp1"))
    assert planned(cluster, Leaver("cp1")) == [
        "cp1: remove member 1 (cp1) from etcd",
        "cp1: remove its entry from kubeadm-config",
        "cp1: delete its Node object and its lease",
        "cp1: delete what is left of its pods",
    ]


def test_an_unknown_name_is_refused_with_the_one_that_was_meant(cluster: FakeCluster) -> None:
    refused(found(cluster, Leaver("wroker2")), "remove_nodes", "neither the cluster nor the inventory", "did you mean worker2?")


def test_a_host_of_the_inventory_that_the_cluster_does_not_know_is_done(cluster: FakeCluster) -> None:
    assert not found(cluster, Leaver("worker9", host="worker9", condition="alive"))
    assert not planned(cluster, Leaver("worker9", host="worker9", condition="alive"))


def test_a_node_that_reports_is_not_dead_though_nobody_reaches_it(cluster: FakeCluster) -> None:
    refused(found(cluster, Leaver("worker2")), "is not dead", "the inventory does not have it", "put it back into the inventory")
    refused(found(cluster, Leaver("worker2", host="worker2")), "is not dead", "Ansible can't reach it", "power it off")


def test_a_member_that_answers_is_not_dead_though_its_kubelet_is(cluster: FakeCluster) -> None:
    cluster.kill("cp3")
    cluster.dead.clear()
    refused(found(cluster, Leaver("cp3")), "cp3 is not dead", "of etcd answers")


def test_two_of_three_control_planes_at_once_are_refused(cluster: FakeCluster) -> None:
    refused(found(cluster, alive("cp1"), alive("cp2")), "2 of 3 voting members", "can lose 1 (its quorum is 2)", "remove one, join")


def test_a_healthy_one_of_three_is_refused_until_the_loss_of_tolerance_is_allowed(cluster: FakeCluster) -> None:
    refused(found(cluster, alive("cp1")), "all of them are needed", "-e remove_lose_tolerance=cp1")
    assert not found(cluster, alive("cp1"), lose_tolerance=["cp1"])
    assert not found(cluster, alive("cp1")._replace(successor=True), operation="replace")


def test_a_healthy_member_is_refused_while_another_is_dead(cluster: FakeCluster) -> None:
    cluster.kill("cp3")
    refused(found(cluster, alive("cp1"), lose_tolerance=["cp1"]), "only 1 of 2 voting members would be healthy", "cp3")


def test_two_dead_of_five_leave_in_one_run() -> None:
    cluster = FakeCluster(control_planes=5)
    cluster.kill("cp1")
    cluster.kill("cp5")
    assert not found(cluster, Leaver("cp1"), Leaver("cp5"))


def test_two_healthy_of_five_need_the_opt_in_and_three_are_refused() -> None:
    cluster = FakeCluster(control_planes=5)
    assert not found(cluster, alive("cp1"), alive("cp2"))
    refused(found(cluster, alive("cp1"), alive("cp2"), alive("cp3")), "3 of 5 voting members", "can lose 2")


def test_without_a_quorum_nothing_is_removed(cluster: FakeCluster) -> None:
    cluster.kill("cp2")
    cluster.kill("cp3")
    refused(found(cluster, Leaver("cp3")), "1 of 3 voting members are healthy", "restore from a snapshot")


def test_the_last_control_plane_is_refused() -> None:
    cluster = FakeCluster(control_planes=1)
    issues = found(cluster, alive("cp1"))
    assert any("no control plane that is Ready would be left" in one.problem for one in issues)
    assert any("the last voting member" in one.problem for one in issues)


def test_a_local_volume_needs_its_opt_in_by_the_nodes_name(cluster: FakeCluster) -> None:
    cluster.kill("worker2")
    cluster.volume("data-1", "worker2")
    refused(found(cluster, Leaver("worker2")), "volume data-1 (claim shop/db-0)", "-e remove_lose_local_data=worker2")
    assert not found(cluster, Leaver("worker2"), lose_local_data=["worker2"])
    assert found(cluster, Leaver("worker2"), lose_local_data=["worker1"])


def test_scratch_data_count_where_the_node_is_alive_and_are_lost_already_where_it_is_dead(cluster: FakeCluster) -> None:
    cluster.pod("worker2", "web", empty_dir=True)
    refused(found(cluster, alive("worker2")), "emptyDir of pod default/web", "remove_lose_local_data=worker2")
    cluster.kill("worker2")
    assert not found(cluster, Leaver("worker2"))


def test_a_pod_without_a_controller_needs_its_opt_in(cluster: FakeCluster) -> None:
    cluster.kill("worker2")
    cluster.pod("worker2", "by-hand", owner="")
    refused(found(cluster, Leaver("worker2")), "default/by-hand", "-e remove_delete_bare_pods=worker2")
    assert not found(cluster, Leaver("worker2"), delete_bare_pods=["worker2"])


def test_everything_that_is_wrong_is_said_at_once(cluster: FakeCluster) -> None:
    cluster.pod("worker1", "by-hand", owner="", empty_dir=True)
    assert len(found(cluster, alive("worker1"), Leaver("worker2"), Leaver("nobody"))) == 4


def test_nothing_is_replaced_by_nobody(cluster: FakeCluster) -> None:
    cluster.kill("cp1")
    refused(found(cluster, Leaver("cp1"), operation="replace"), "replace_node", "no blank machine")
    assert not found(cluster, Leaver("cp1", successor=True), operation="replace")


def test_a_blank_machine_under_the_old_name_proves_that_the_old_one_is_gone(cluster: FakeCluster) -> None:
    cluster.dead.add("cp1")
    new = Leaver("cp1", "cp1", "blank", "10.0.0.11", True)
    assert not found(cluster, new, operation="replace")
    assert "cp1: remove member 1 (cp1) from etcd" in planned(cluster, new, operation="replace")


def test_of_a_machine_that_joins_only_a_member_that_never_started_goes(cluster: FakeCluster) -> None:
    cluster.members[0] = member(1, "", "10.0.0.11")
    new = Leaver("cp1", "cp1", "begun", "10.0.0.11", True)
    assert planned(cluster, new, operation="replace") == ["cp1: remove member 1 (unstarted, https://10.0.0.11:2380) from etcd"]
    cluster.members[0] = member(1, "cp1", "10.0.0.11")
    assert not planned(cluster, new, operation="replace")


def test_a_ghost_is_known_by_the_nodes_address_or_by_kubeadms_note(cluster: FakeCluster) -> None:
    cluster.kill("cp3")
    cluster.members[2] = member(3, "", "10.0.0.13")
    del cluster.nodes["cp3"]
    assert planned(cluster, Leaver("cp3"))[0] == "cp3: remove member 3 (unstarted, https://10.0.0.13:2380) from etcd"


def test_what_is_left_after_a_kill_is_completed_without_a_node_object(cluster: FakeCluster) -> None:
    cluster.kill("cp3")
    del cluster.nodes["cp3"]
    cluster.members.pop()
    assert planned(cluster, Leaver("cp3")) == [
        "cp3: remove its entry from kubeadm-config",
        "cp3: delete what is left of its pods",
    ]


def test_with_external_etcd_no_member_is_looked_for(cluster: FakeCluster) -> None:
    cluster.dead.add("here")
    cluster.nodes["cp1"]["status"]["conditions"][0]["status"] = "Unknown"
    assert not found(cluster, Leaver("cp1"), stacked=False)


def test_a_silent_etcd_ends_it_in_words(cluster: FakeCluster) -> None:
    cluster.kill("worker2")
    cluster.dead.add("here")
    refused(found(cluster, Leaver("worker2")), "does not answer", "connection refused")
