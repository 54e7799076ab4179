# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan follows from what was read off the hosts, never from a host's place in a group alone."""

from __future__ import annotations

from typing import Any

from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.plan import host_groups
from topology_data import hosts_of

BEGUN_INIT = {"state": "started", "started": {"operation": "init", "role": "control_plane", "cluster": "kubernetes"}}
BEGUN_JOIN = {"state": "started", "started": {"operation": "join", "role": "control_plane", "cluster": "kubernetes"}}


def test_on_blank_hosts_one_is_initialised_and_all_others_join(stacked_ha: Any) -> None:
    plan = stacked_ha.outcome().plan
    assert (plan["init"], plan["ask"]) == ("cp1", None)
    assert (plan["join_control_planes"], plan["join_workers"]) == (["cp2", "cp3"], ["worker1"])
    assert plan["api_host"] == "cp1"
    assert plan["summary"] == [
        "cp1: kubeadm init (blank)",
        "cp2: join as control plane",
        "cp3: join as control plane",
        "worker1: join as worker",
    ]


def test_what_is_prepared_for_the_nodes_is_told_before_them(lvs: Any) -> None:
    mirror = {"type": "mirror", "disks": ["/dev/mapper/a", "/dev/mapper/b"]}
    lvs.host("cp1")["vars"]["zfs_pools"] = [{"name": "tank", "vdevs": [mirror]}]
    assert lvs.outcome().plan["summary"][:6] == [
        "cp1: ZFS tank, made or brought to the settings",
        "lb1: load balancer, brought to the settings",
        "lb2: load balancer, brought to the settings",
        "dir1: director, brought to the settings",
        "dir2: director, brought to the settings",
        "cp1: kubeadm init (blank)",
    ]


def test_on_a_live_cluster_there_is_nothing_to_do(stacked_ha: Any) -> None:
    plan = stacked_ha.live("cp1", "cp2", "cp3", "worker1").outcome().plan
    assert (plan["init"], plan["join_control_planes"], plan["join_workers"]) == (None, [], [])
    assert plan["summary"][0] == "cp1: nothing to do (control plane 1.33.6)"
    assert plan["summary"][3] == "worker1: nothing to do (worker 1.33.6)"


def test_pod_networks_are_known_from_the_plan_where_every_node_has_its_own(stacked_ha: Any) -> None:
    stacked_ha.live("cp1", "cp2", "cp3", "worker1")
    names = list(stacked_ha.outcome().plan["node_names"])
    nodes = [{"name": name, "addresses": [], "pod_cidrs": ["10.244.%d.0/24" % i]} for i, name in enumerate(names + ["old"])]
    for host in ("cp1", "cp2", "cp3"):
        stacked_ha.facts(host)["apiserver"]["nodes"] = nodes
    assert stacked_ha.outcome().plan["pod_networks"] == nodes
    nodes[0]["pod_cidrs"] = []
    assert stacked_ha.outcome().plan["pod_networks"] == []


def test_pod_networks_are_left_to_be_asked_for_where_a_node_joins(stacked_ha: Any) -> None:
    stacked_ha.live("cp1", "cp2", "cp3")
    names = list(stacked_ha.outcome().plan["node_names"])
    nodes = [{"name": name, "addresses": [], "pod_cidrs": ["10.244.0.0/24"]} for name in names]
    stacked_ha.facts("cp1")["apiserver"]["nodes"] = nodes
    assert stacked_ha.outcome().plan["pod_networks"] == []


def test_nodes_of_the_cluster_get_all_in_one_call_and_those_who_come_get_it_in_turn(stacked_ha: Any) -> None:
    assert stacked_ha.group("plan_members") == []
    stacked_ha.live("cp1", "cp2", "cp3")
    joining = stacked_ha.outcome()
    assert (hosts_of(joining.plan, "plan_members"), hosts_of(joining.plan, "plan_routed")) == (["cp1", "cp2", "cp3"], [])
    stacked_ha.live("worker1")
    nodes = [{"name": name, "addresses": [], "pod_cidrs": ["10.244.0.0/24"]} for name in joining.plan["node_names"]]
    stacked_ha.facts("cp1")["apiserver"]["nodes"] = nodes
    settled = stacked_ha.outcome()
    assert hosts_of(settled.plan, "plan_members") == hosts_of(settled.plan, "plan_routed") == ["cp1", "cp2", "cp3", "worker1"]


def test_each_host_is_added_once_and_every_group_keeps_its_order() -> None:
    work = [("a", "h1"), ("a", "h2"), ("b", "h3"), ("b", "h1"), ("c", "h2"), ("d", "elsewhere"), ("a", "h3")]
    entries = host_groups([{"group": group, "host": host} for group, host in work], ["h1", "h2", "h3"])
    assert entries == [
        {"host": "h1", "groups": ["a"]},
        {"host": "h2", "groups": ["a", "c"]},
        {"host": "h3", "groups": ["a"]},
        {"host": "h3", "groups": ["b"]},
        {"host": "h1", "groups": ["b"]},
        {"host": "elsewhere", "groups": ["d"]},
    ]


def test_where_the_api_is_silent_everybody_gets_it_in_turn(stacked_ha: Any) -> None:
    stacked_ha.live("cp1", "cp2", "cp3", "worker1")
    for host in ("cp1", "cp2", "cp3"):
        stacked_ha.facts(host)["apiserver"]["ready"] = False
    assert stacked_ha.group("plan_members") == []


def test_a_token_that_a_killed_run_left_is_revoked_where_the_api_answers(stacked_ha: Any) -> None:
    stacked_ha.live("cp1", "cp2", "cp3", "worker1")
    for host in ("cp1", "cp2"):
        stacked_ha.facts(host)["kubeadm"]["join_token"] = True
    stacked_ha.facts("cp1")["apiserver"]["ready"] = False
    plan = stacked_ha.outcome().plan
    assert hosts_of(plan, "plan_revoke") == ["cp2"]
    assert plan["summary"][1] == "cp2: revoke a killed run's token (control plane 1.33.6)"


def test_a_half_done_init_is_finished_where_it_was_begun_and_that_host_leads(stacked_ha: Any) -> None:
    stacked_ha.facts("cp2")["kubeadm"] = BEGUN_INIT
    plan = stacked_ha.outcome().plan
    assert plan["init"] == "cp2"
    assert plan["join_control_planes"] == ["cp1", "cp3"]
    assert {host: entry["priority"] for host, entry in plan["keepalived"].items()} == {"cp2": 150, "cp1": 149, "cp3": 148}
    assert plan["summary"][0] == "cp2: kubeadm init (finish what was begun)"


def test_a_half_done_join_goes_on(stacked_ha: Any) -> None:
    stacked_ha.live("cp1").facts("cp2")["kubeadm"] = BEGUN_JOIN
    plan = stacked_ha.outcome().plan
    assert (plan["init"], plan["ask"], plan["join_control_planes"]) == (None, "cp1", ["cp2", "cp3"])
    assert "cp2: join as control plane (finish what was begun)" in plan["summary"]


def test_a_blank_first_host_joins_the_cluster_that_the_others_have(stacked_ha: Any) -> None:
    plan = stacked_ha.live("cp2", "cp3", "worker1").outcome().plan
    assert (plan["init"], plan["ask"], plan["join_control_planes"]) == (None, "cp2", ["cp1"])


def test_the_control_plane_to_ask_is_one_that_answers_and_has_a_healthy_etcd(stacked_ha: Any) -> None:
    stacked_ha.live("cp1", "cp2", "cp3", "worker1")
    stacked_ha.facts("cp1")["apiserver"]["ready"] = False
    stacked_ha.facts("cp2")["etcd"]["healthy"] = False
    assert stacked_ha.outcome().plan["ask"] == "cp3"
    assert stacked_ha.outcome().plan["api_host"] == "cp3"
    stacked_ha.facts("cp3")["apiserver"]["ready"] = None
    assert stacked_ha.outcome().plan["ask"] == "cp2"


def test_a_cluster_whose_api_is_silent_is_waited_for_and_never_passed_over(stacked_ha: Any) -> None:
    stacked_ha.live("cp1", "cp2", "cp3", "worker1")
    for host in ("cp1", "cp2", "cp3"):
        stacked_ha.facts(host)["apiserver"]["ready"] = False
    stacked_ha.facts("cp1")["etcd"]["healthy"] = False
    plan = stacked_ha.outcome().plan
    assert (plan["init"], plan["ask"], plan["api_host"]) == (None, "cp2", "cp2")
    assert {"group": "plan_silent", "host": "cp2"} in plan["work"]
    assert "answers on no control plane" in plan["summary"][0]
    stacked_ha.facts("cp3")["apiserver"]["ready"] = True
    plan = stacked_ha.outcome().plan
    assert plan["ask"] == "cp3"
    assert "plan_silent" not in {entry["group"] for entry in plan["work"]}


def test_no_second_cluster_is_made_beside_workers_of_a_first(stacked_ha: Any) -> None:
    plan = stacked_ha.live("worker1").outcome().plan
    assert plan["init"] is None


def test_hosts_that_could_not_be_read_are_neither_initialised_nor_joined(stacked_ha: Any) -> None:
    stacked_ha.host("cp1").update(unreachable=True, msg="down", facts=None)
    outcome = stacked_ha.outcome()
    assert outcome.problems
    assert outcome.plan["init"] == "cp2"
    assert "cp1" not in outcome.plan["join_control_planes"]
    assert outcome.plan["summary"][-1] == "cp1: left alone (it can't be reached: down)"


def test_keepalived_gets_unicast_peers_and_the_interface_of_the_vip(stacked_ha: Any) -> None:
    assert stacked_ha.outcome().plan["keepalived"]["cp2"] == {
        "priority": 149,
        "router_id": 51,
        "interface": "eth0",
        "source": "10.89.79.12",
        "peers": ["10.89.79.11", "10.89.79.13"],
    }


def test_priorities_of_a_live_cluster_stay_in_the_groups_order(stacked_ha: Any) -> None:
    fresh = stacked_ha.outcome().plan["keepalived"]
    assert stacked_ha.live("cp1", "cp2", "cp3", "worker1").outcome().plan["keepalived"] == fresh, (
        "or a second run would change it"
    )


def test_adverts_come_from_the_vips_interface_where_that_is_another(stacked_ha: Any) -> None:
    for number in (1, 2, 3):
        stacked_ha.facts("cp%d" % number)["addresses"].append(
            {"interface": "eth1", "address": "192.168.7.%d" % number, "prefix": 24, "family": 4}
        )
    stacked_ha.set(vip="192.168.7.100", vip_interface="eth1", endpoint="192.168.7.100:8443")
    assert stacked_ha.problems == []
    assert stacked_ha.outcome().plan["keepalived"]["cp1"]["source"] == "192.168.7.1"
    assert stacked_ha.outcome().plan["keepalived"]["cp1"]["peers"] == ["192.168.7.2", "192.168.7.3"]


def test_a_single_server_is_its_own_endpoint(single: Any) -> None:
    plan = single.outcome().plan
    assert plan["endpoint"] == "10.89.79.11:6443"
    assert plan["keepalived"] == {}
    assert plan["etcd_endpoints"] == ["https://10.89.79.11:2379"]
    assert plan["load_balancer_backends"] == [{"name": "cp1", "address": "10.89.79.11", "port": 6443}]
    assert plan["nodes"]["cp1"] == {
        "name": "cp1",
        "address": "10.89.79.11",
        "interface": "eth0",
        "roles": ["control_plane"],
        "state": "blank",
    }


def test_an_endpoint_without_a_port_gets_the_api_servers(stacked_ha: Any) -> None:
    assert stacked_ha.set(endpoint="10.89.79.100").outcome().plan["endpoint"] == "10.89.79.100:6443"


def test_the_hosts_file_names_every_node_once(stacked_ha: Any) -> None:
    stacked_ha.host("worker1")["vars"]["node_name"] = "w1.example.org"
    assert stacked_ha.outcome().plan["hosts_entries"] == [
        {"address": "10.89.79.11", "names": ["cp1"]},
        {"address": "10.89.79.12", "names": ["cp2"]},
        {"address": "10.89.79.13", "names": ["cp3"]},
        {"address": "10.89.79.21", "names": ["w1.example.org"]},
    ]
