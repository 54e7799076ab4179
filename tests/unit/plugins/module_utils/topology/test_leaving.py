# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters that live, and nodes that come and go: who is planned for what, and what is refused."""

from __future__ import annotations

from typing import Any, Dict

import pytest
from topology_data import Inventory, hosts_of

ALL = ("cp1", "cp2", "cp3", "worker1")


@pytest.fixture(name="live")
def fixture_live(stacked_ha: Inventory) -> Inventory:
    """All of stacked_ha in the cluster."""
    stacked_ha.live(*ALL)
    for name in ALL[:3]:
        stacked_ha.facts(name)["etcd"]["members"] = [{"name": member, "started": True} for member in ALL[:3]]
    return stacked_ha


def change(inventory: Inventory, playbook: str, *leaving: str) -> Dict[str, Any]:
    """The plan of a playbook that must not be refused."""
    inventory.data.update(playbook=playbook, leaving=list(leaving))
    outcome = inventory.outcome()
    assert not outcome.problems, outcome.problems
    return outcome.plan


def unreachable(inventory: Inventory, name: str) -> None:
    inventory.host(name).update(facts={}, unreachable=True, msg="No route to host")


def lost_disk(inventory: Inventory, name: str) -> None:
    """A machine with the same name and address, and nothing on its disk."""
    entry = inventory.host(name)
    fresh = Inventory({}, 3, 1).facts(name)
    entry["facts"] = fresh


def test_a_worker_that_is_alive_leaves_and_the_others_forget_it(live: Inventory) -> None:
    plan = change(live, "remove", "worker1")
    assert plan["leaving"][0]["condition"] == "alive"
    assert hosts_of(plan, "plan_leaving_reached") == hosts_of(plan, "plan_leaving") == ["worker1"]
    assert hosts_of(plan, "plan_staying") == ["cp1", "cp2", "cp3"]
    assert plan["node_names"] == ["cp1", "cp2", "cp3"]
    assert "worker1" not in str(plan["hosts_entries"])


def test_a_control_plane_that_leaves_is_nobodys_backend_or_peer(live: Inventory) -> None:
    plan = change(live, "remove", "cp1")
    assert [backend["name"] for backend in plan["load_balancer_backends"]] == ["cp2", "cp3"]
    assert sorted(plan["keepalived"]) == ["cp2", "cp3"]
    assert all("10.89.79.11" not in entry["peers"] for entry in plan["keepalived"].values())
    assert hosts_of(plan, "plan_balancers") == ["cp2", "cp3"]
    assert hosts_of(plan, "plan_leaving_keepalived") == hosts_of(plan, "plan_leaving_reached") == ["cp1"]
    assert hosts_of(plan, "plan_leave_host") == [plan["api_host"]]
    assert plan["api_host"] in ("cp2", "cp3")
    assert plan["api_server"] == "https://10.89.79.%s:6443" % {"cp2": 12, "cp3": 13}[plan["api_host"]]


def test_a_dead_host_of_the_inventory_is_not_connected_to(live: Inventory) -> None:
    unreachable(live, "cp1")
    plan = change(live, "remove", "cp1")
    assert plan["leaving"][0]["condition"] == "dead"
    assert hosts_of(plan, "plan_leaving") == ["cp1"]
    assert not hosts_of(plan, "plan_leaving_reached") + hosts_of(plan, "plan_leaving_keepalived")


def test_a_name_that_the_inventory_does_not_have_is_left_to_the_cluster_to_know(live: Inventory) -> None:
    plan = change(live, "remove", "worker7")
    assert plan["leaving"] == [
        {"name": "worker7", "host": "", "condition": "dead", "address": "", "control_plane": False, "successor": False}
    ]
    assert not hosts_of(plan, "plan_leaving")


def test_another_dead_host_ends_the_run_before_it_begins(live: Inventory) -> None:
    unreachable(live, "worker1")
    live.data.update(playbook="remove", leaving=["cp1"])
    live.refused("host worker1", "can't be reached")


def test_remove_joins_nobody(live: Inventory) -> None:
    lost_disk(live, "worker1")
    plan = change(live, "remove", "cp1")
    assert not plan["join_workers"] + plan["join_control_planes"] + hosts_of(plan, "plan_arriving")


def test_a_lost_disk_makes_room_for_its_own_machine(live: Inventory) -> None:
    lost_disk(live, "cp1")
    plan = change(live, "replace", "cp1")
    assert [(one["name"], one["condition"], one["successor"]) for one in plan["leaving"]] == [("cp1", "blank", True)]
    assert plan["join_control_planes"] == hosts_of(plan, "plan_arriving") == ["cp1"]
    assert plan["init"] is None
    assert not hosts_of(plan, "plan_leaving")
    assert hosts_of(plan, "plan_balancers") == ["cp1", "cp2", "cp3"]


def test_a_control_plane_that_comes_is_backed_up_where_the_settings_have_backups(live: Inventory) -> None:
    lost_disk(live, "cp1")
    assert hosts_of(change(live, "replace", "cp1"), "plan_backup_arriving") == []
    live.host("cp1").setdefault("vars", {})["backup_passphrase"] = "a long passphrase of the lab"
    assert hosts_of(change(live, "replace", "cp1"), "plan_backup_arriving") == ["cp1"]


def test_a_new_name_takes_the_place_of_a_dead_one(live: Inventory) -> None:
    unreachable(live, "cp1")
    live.add("cp4", "control_plane", "10.89.79.14")
    plan = change(live, "replace", "cp1")
    assert [(one["condition"], one["successor"]) for one in plan["leaving"]] == [("dead", True)]
    assert plan["join_control_planes"] == ["cp4"]
    assert sorted(plan["keepalived"]) == ["cp2", "cp3", "cp4"]


def test_a_new_worker_is_no_successor_of_a_control_plane(live: Inventory) -> None:
    unreachable(live, "cp1")
    live.add("worker9", "workers", "10.89.79.29")
    assert not change(live, "replace", "cp1")["leaving"][0]["successor"]


def test_a_node_that_works_is_replaced_only_if_there_is_a_machine_for_its_place(live: Inventory) -> None:
    assert change(live, "replace", "cp1")["leaving"] == []
    live.add("cp4", "control_plane", "10.89.79.14")
    plan = change(live, "replace", "cp1")
    assert [one["condition"] for one in plan["leaving"]] == ["alive"]
    assert hosts_of(plan, "plan_leaving_reached") == ["cp1"]


def test_a_replacement_that_was_killed_goes_on_where_it_was(live: Inventory) -> None:
    lost_disk(live, "cp1")
    live.facts("cp1")["kubeadm"].update(state="started", started={"operation": "join", "cluster": "kubernetes"})
    plan = change(live, "replace", "cp1")
    assert [one["condition"] for one in plan["leaving"]] == ["begun"]
    live.facts("cp1")["kubeadm"]["running"] = True
    assert change(live, "replace", "cp1")["leaving"] == []
    live.facts("cp1")["kubeadm"]["running"] = False
    live.facts("cp1")["static_pods"] = [{"name": "etcd", "image": "etcd"}]
    plan = change(live, "replace", "cp1")
    assert plan["leaving"] == []
    assert plan["join_control_planes"] == ["cp1"]


def test_a_machine_that_was_reset_before_the_kill_does_not_come_back_in_its_own_place(live: Inventory) -> None:
    live.add("cp4", "control_plane", "10.89.79.14")
    lost_disk(live, "cp1")
    plan = change(live, "replace", "cp1")
    assert [(one["condition"], one["successor"]) for one in plan["leaving"]] == [("blank", True)]
    assert plan["join_control_planes"] == ["cp4"]
    assert hosts_of(plan, "plan_leaving_reached") == ["cp1"]


def test_a_machine_with_remains_of_others_is_not_cleaned_up_for_a_replacement(live: Inventory) -> None:
    live.facts("cp1")["kubeadm"].update(state="foreign", why="found /etc/kubernetes/manifests/x.yaml")
    live.data.update(playbook="replace", leaving=["cp1"])
    live.refused("Kubernetes on cp1", "this collection did not leave")


def test_a_blank_machine_that_is_removed_is_not_drained(live: Inventory) -> None:
    lost_disk(live, "worker1")
    plan = change(live, "remove", "worker1")
    assert [one["condition"] for one in plan["leaving"]] == ["blank"]
    assert hosts_of(plan, "plan_leaving") == hosts_of(plan, "plan_leaving_reached") == ["worker1"]


def test_names_are_wanted_and_for_a_replacement_one(live: Inventory) -> None:
    live.data.update(playbook="remove", leaving=[])
    live.refused("remove_nodes", "it is not set", "-e remove_nodes=NAME")
    live.data.update(playbook="replace", leaving=["cp1", "cp2"])
    live.refused("replace_node", "one at a time")


def test_all_control_planes_are_refused(live: Inventory) -> None:
    live.data.update(playbook="remove", leaving=["cp1", "cp2", "cp3"])
    live.refused("remove_nodes", "no control plane would be left", "baremetal.kubernetes.reset")


@pytest.mark.parametrize("playbook", ["join", "remove", "replace"])
def test_without_a_cluster_there_is_nothing_to_change(stacked_ha: Inventory, playbook: str) -> None:
    stacked_ha.data.update(playbook=playbook, leaving=["worker1"] if playbook != "join" else [])
    stacked_ha.refused("control planes", "no API server answers", "run its topology's playbook")


def test_a_host_of_another_cluster_is_not_reset(live: Inventory) -> None:
    live.facts("worker1")["cluster"]["id"] = "sha256:" + "cd" * 32
    live.data.update(playbook="remove", leaving=["worker1"])
    live.refused("host worker1", "another cluster")


def test_a_host_that_answers_and_can_not_be_read_is_not_taken_for_dead(live: Inventory) -> None:
    live.host("worker1").update(facts={}, failed=True, msg="no Python")
    live.data.update(playbook="remove", leaving=["worker1"])
    live.refused("host worker1", "no Python")


def test_a_new_worker_joins_and_no_load_balancer_is_touched(live: Inventory) -> None:
    live.add("worker2", "workers", "10.89.79.22")
    plan = change(live, "join")
    assert hosts_of(plan, "plan_arriving") == plan["join_workers"] == ["worker2"]
    assert hosts_of(plan, "plan_staying") == list(ALL)
    assert not hosts_of(plan, "plan_balancers") + hosts_of(plan, "plan_keepalived")


def test_a_new_control_plane_is_put_behind_every_load_balancer(live: Inventory) -> None:
    live.add("cp4", "control_plane", "10.89.79.14")
    live.add("cp5", "control_plane", "10.89.79.15")
    plan = change(live, "join")
    assert plan["join_control_planes"] == ["cp4", "cp5"]
    assert hosts_of(plan, "plan_balancers") == ["cp1", "cp2", "cp3", "cp4", "cp5"]


@pytest.mark.parametrize("playbook", ["stacked_ha", "join", ""])
def test_a_control_plane_whose_disk_was_lost_is_sent_to_replace(live: Inventory, playbook: str) -> None:
    lost_disk(live, "cp1")
    live.data["playbook"] = playbook
    live.refused("control plane cp1", "etcd has the member cp1", "baremetal.kubernetes.replace -e replace_node=cp1")


def test_two_members_that_run_are_a_fact_and_two_that_are_planned_an_error(live: Inventory) -> None:
    del live.data["hosts"]["cp3"]
    live.warned("group control_plane", "2 etcd members are worse than 1")
    assert not live.problems
    lost_disk(live, "cp2")
    live.refused("group control_plane", "2 etcd members are worse than 1")


def test_a_route_to_the_pods_of_a_node_that_left_the_inventory_is_the_clusters_own(live: Inventory) -> None:
    live.facts("cp1")["routes"].append(
        {"destination": "10.244.6.0/24", "gateway": "10.89.79.99", "interface": "eth0", "source": None}
    )
    assert not live.problems
    lost_disk(live, "worker1")
    live.facts("worker1")["routes"].append(
        {"destination": "10.244.6.0/24", "gateway": "10.89.79.99", "interface": "eth0", "source": None}
    )
    live.refused("cluster_pod_subnet", "overlaps route 10.244.6.0/24 of worker1")


def test_the_pod_networks_that_were_read_with_a_node_that_leaves_are_not_used(live: Inventory) -> None:
    for name in ALL[:3]:
        live.facts(name)["apiserver"]["nodes"] = [
            {"name": node, "addresses": ["10.89.79.11"], "pod_cidrs": ["10.244.0.0/24"]} for node in ALL
        ]
    assert change(live, "join")["pod_networks"]
    assert change(live, "remove", "worker1")["pod_networks"] == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("cp*", ("is no name, and patterns stand for nothing", "cp1, cp2, cp3 and worker1")),
        ("cp3 cp2", ("is no name", "with commas between")),
        ("workers", ("is a group",)),
        ("all", ("is a group",)),
        ("CP3", ("can't be the name of a node", "write cp3")),
        ("10.89.79.13", ("is an address", "write cp3")),
        ("10.9.9.9", ("is an address", "the nodes are cp1")),
        ({"cp3": None}, ("it is a mapping, and a list is needed",)),
    ],
)
def test_what_can_be_no_node_is_refused_before_the_cluster_is_asked(live: Inventory, given: Any, words: Any) -> None:
    live.data.update(playbook="remove", leaving=given)
    live.refused("remove_nodes", *words)


def test_names_may_stand_in_one_text_with_commas(live: Inventory) -> None:
    live.data.update(playbook="remove", leaving=" worker1 , worker9")
    assert [one["name"] for one in live.outcome().plan["leaving"]] == ["worker1", "worker9"]


def test_the_plan_says_why_a_node_is_not_replaced(live: Inventory) -> None:
    plan = change(live, "replace", "cp1")
    assert plan["leaving"] == []
    assert any(line.startswith("cp1: stays as it is") for line in plan["summary"])
    live.add("cp4", "control_plane", "10.89.79.14")
    assert not any("stays as it is" in line for line in change(live, "replace", "cp1")["summary"])
