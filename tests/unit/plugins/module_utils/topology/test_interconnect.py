# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The private link in the plan: before there is a cluster, and under one."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.interconnect import DEFAULTS
from yaml_files import read_yaml

HOSTS = ("cp1", "cp2", "cp3", "worker1")


@pytest.fixture(name="cluster")
def _cluster(stacked_ha: Any) -> Any:
    """On public addresses, with a mesh of WireGuard to come; a load balancer elsewhere has the endpoint's name."""
    stacked_ha.set(vip="", endpoint="api.example.org:6443")
    stacked_ha.data["playbook"] = "interconnect"
    for number, host in enumerate(HOSTS, 11):
        stacked_ha.host(host)["vars"].update(
            interconnect_type="wireguard", interconnect_address="10.20.0.%d/24" % number, node_address="10.20.0.%d" % number
        )
        stacked_ha.facts(host)["interfaces"] = {"lo": 65536, "eth0": 1500}
    return stacked_ha


def up(cluster: Any, mtu: int = 1440) -> Any:
    cluster.data["playbook"] = "stacked_ha"
    for number, host in enumerate(HOSTS, 11):
        cluster.facts(host)["interfaces"]["wg0"] = mtu
        cluster.facts(host)["addresses"].append({"interface": "wg0", "address": "10.20.0.%d" % number, "prefix": 24, "family": 4})
    return cluster


def test_the_defaults_are_those_of_the_role() -> None:
    path = pathlib.Path(__file__).resolve().parents[5] / "roles" / "interconnect" / "defaults" / "main.yml"
    role = {name[len("interconnect_") :]: value for name, value in read_yaml(path).items()}
    assert {name: value for name, value in role.items() if "{{" not in str(value)} == DEFAULTS


def test_before_the_cluster_only_the_link_is_looked_at_and_all_hosts_have_a_part(cluster: Any) -> None:
    assert cluster.problems == []
    plan = cluster.outcome().plan
    assert {entry["group"] for entry in plan["work"]} == {"plan_interconnect"}
    assert cluster.group("plan_interconnect") == list(HOSTS)
    assert (plan["interconnect"]["cp1"]["mtu"], plan["interconnect"]["cp1"]["endpoint"]) == (1440, "10.89.79.11")
    assert plan["interconnect"]["cp1"]["in_use"] is False


def test_a_cluster_on_a_link_that_is_not_up_is_refused_with_the_playbook_to_run(cluster: Any) -> None:
    cluster.data["playbook"] = "stacked_ha"
    assert cluster.refused("interconnect_type", "not up", "baremetal.kubernetes.interconnect").hosts == HOSTS


def test_a_cluster_on_its_link_gives_pods_what_it_carries(cluster: Any) -> None:
    up(cluster)
    assert cluster.problems == []
    assert cluster.outcome().plan["pod_mtu"] == 1440
    cluster.set_all(cni_mtu=1300)
    assert cluster.problems == [] and cluster.outcome().plan["pod_mtu"] == 1300
    cluster.set_all(cni_mtu=1500)
    cluster.refused("cni_mtu", "carries 1440 bytes")


def test_without_a_link_the_plugin_is_left_alone(stacked_ha: Any) -> None:
    assert stacked_ha.outcome().plan["pod_mtu"] == 0
    stacked_ha.data["playbook"] = "interconnect"
    stacked_ha.refused("interconnect_type", "no host has a link")


def test_a_link_with_another_mtu_than_its_settings_is_said(cluster: Any) -> None:
    up(cluster, 1420)
    cluster.warned("interconnect_mtu", "another MTU")


def test_one_narrow_host_narrows_the_mesh(cluster: Any) -> None:
    cluster.facts("worker1")["interfaces"]["eth0"] = 1450
    assert {end["mtu"] for end in cluster.outcome().plan["interconnect"].values()} == {1390}


def test_hosts_that_differ_or_have_no_part_are_refused(cluster: Any) -> None:
    cluster.host("worker1")["vars"]["interconnect_type"] = "none"
    cluster.refused("interconnect_type", "wireguard on cp1, cp2 and cp3; none on worker1")
    cluster.host("worker1")["vars"]["interconnect_type"] = "wireguard"
    cluster.host("worker1")["vars"]["interconnect_port"] = 51901
    cluster.refused("interconnect_port", "51900 on cp1, cp2 and cp3; 51901 on worker1")


def test_a_cluster_that_would_talk_past_its_link_is_refused(cluster: Any) -> None:
    del cluster.host("cp2")["vars"]["node_address"]
    assert cluster.refused("node_address", "10.20.0.12 on the link", "interconnect_address").hosts == ("cp2",)


def test_addresses_that_do_not_belong_together_are_refused(cluster: Any) -> None:
    cluster.host("cp2")["vars"].update(interconnect_address="10.20.0.11/24", node_address="10.20.0.11")
    cluster.refused("interconnect_address", "cp1 and cp2 have 10.20.0.11")
    cluster.host("cp2")["vars"].update(interconnect_address="10.21.0.12/24", node_address="10.21.0.12")
    cluster.refused("interconnect_address", "in different networks")


def test_a_links_network_within_the_pods_is_refused(cluster: Any) -> None:
    cluster.set(pod_subnet="10.20.0.0/16")
    cluster.refused("interconnect_address", "overlaps cluster_pod_subnet")


def test_a_port_of_another_program_is_refused(cluster: Any) -> None:
    cluster.set_all(interconnect_port=51871)
    assert cluster.problems == []
    cluster.set(cni="cilium")
    cluster.refused("interconnect_port", "Cilium's WireGuard", "51900")


def test_pod_networks_that_a_mesh_would_not_carry_are_refused(cluster: Any) -> None:
    cluster.set(cni="bridge")
    cluster.refused("cluster_cni", "pods' own addresses")
    cluster.set(cni="flannel")
    cluster.set_all(cni_flannel_backend="host-gw")
    cluster.refused("cni_flannel_backend", "pods' own addresses", "vxlan")
    cluster.set_all(cni_flannel_backend="wireguard")
    cluster.warned("cni_flannel_backend", "encrypted twice")


def test_a_vip_that_could_not_move_is_refused(cluster: Any) -> None:
    up(cluster).set(vip="10.20.0.100", endpoint="10.20.0.100:8443")
    cluster.refused("cluster_vip", "no ARP", "failover IP")


def test_a_vlan_is_made_on_a_card_that_is_there(cluster: Any) -> None:
    cluster.set_all(interconnect_type="vlan", interconnect_vlan_id=4000, interconnect_parent="eno2")
    assert cluster.refused("interconnect_parent", "no interface eno2").hosts == HOSTS
    for host in HOSTS:
        cluster.facts(host)["interfaces"]["eno2"] = 9000
    assert cluster.problems == []
    assert cluster.outcome().plan["interconnect"]["cp1"]["interface"] == "vlan4000"


def test_a_member_of_a_cluster_is_in_use(cluster: Any) -> None:
    cluster.live(*HOSTS)
    assert all(end["in_use"] for end in cluster.outcome().plan["interconnect"].values())
