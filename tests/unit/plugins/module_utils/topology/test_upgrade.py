"""What the plan's check says where the playbook is an upgrade: another version is no mistake then."""

from __future__ import annotations

from topology_data import Inventory


def cluster() -> Inventory:
    inventory = Inventory({"cluster_vip": "10.89.79.100", "cluster_endpoint": "10.89.79.100:8443"}, 3, 1)
    inventory.live("cp1", "cp2", "cp3", "worker1")
    inventory.data["playbook"] = "upgrade"
    return inventory.set(kubernetes_version="1.34.10")


def settings_of(inventory: Inventory) -> "list[str]":
    return [problem.setting for problem in inventory.problems]


def test_another_version_is_what_an_upgrade_is_for() -> None:
    assert settings_of(cluster()) == []


def test_any_other_playbook_refuses_it() -> None:
    inventory = cluster()
    inventory.data["playbook"] = ""
    assert "cluster_kubernetes_version" in settings_of(inventory)


def test_an_upgrade_begins_with_an_api_server_that_answers() -> None:
    inventory = cluster()
    for name in ("cp1", "cp2", "cp3"):
        inventory.facts(name)["apiserver"] = {"ready": False, "message": "etcd failed"}
    assert "group control_plane" in settings_of(inventory)


def test_a_node_that_is_not_in_the_cluster_is_named() -> None:
    inventory = cluster()
    inventory.facts("worker1")["kubeadm"] = {"state": "blank", "version": None, "started": None, "why": ""}
    (problem,) = [problem for problem in inventory.problems if problem.setting == "upgrade"]
    assert problem.hosts == ("worker1",)


def test_arguments_that_the_wanted_version_has_not_are_refused_with_what_to_write() -> None:
    inventory = cluster().set(controller_manager_args={"pod-eviction-timeout": "1m"}, api_server_args={"profiling": "false"})
    problem = inventory.refused("cluster_controller_manager_args.pod-eviction-timeout", "does not start")
    assert "default-unreachable-toleration-seconds" in problem.remedy
    assert len(inventory.problems) == 1


def test_the_same_arguments_are_right_for_a_version_that_has_them() -> None:
    inventory = Inventory({"cluster_kubernetes_version": "1.26.15"}, 1, 0)
    inventory.set(controller_manager_args={"pod-eviction-timeout": "1m"})
    assert not [problem for problem in inventory.problems if "pod-eviction" in problem.setting]
    inventory.set(scheduler_args={"logtostderr": "true"})
    assert [problem for problem in inventory.problems if problem.setting == "cluster_scheduler_args.logtostderr"]


def test_a_version_that_is_too_far_is_refused_with_what_else_is_wrong_and_without_what_it_would_ask_of_nodes() -> None:
    inventory = cluster().set(kubernetes_version="1.36.3")
    for name in ("cp1", "cp2", "cp3", "worker1"):
        inventory.facts(name)["cgroup_version"] = 1
        inventory.data["hosts"][name]["vars"]["upgrade_batch"] = "many"
    found = {problem.setting: problem.problem for problem in inventory.problems}
    assert "go through 1.34, 1.35, 1.36" in found["cluster_kubernetes_version"]
    assert "neither a number nor a share" in found["upgrade_batch"]
    assert "cgroup version" not in found
