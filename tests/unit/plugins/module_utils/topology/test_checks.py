# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each check refuses what it is for, says so in words, and leaves a right inventory alone."""

from __future__ import annotations

import pathlib
from typing import Any, Callable, Dict

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.clock import ahead
from yaml_files import read_yaml

ROLES = pathlib.Path(__file__).resolve().parents[5] / "roles"


def test_right_inventories_pass_without_a_word(single: Any, stacked_ha: Any) -> None:
    for inventory in (single, stacked_ha):
        assert inventory.problems == []
        assert inventory.warnings == []


def test_a_live_cluster_passes_with_its_own_routes_and_interfaces(stacked_ha: Any) -> None:
    stacked_ha.live("cp1", "cp2", "cp3", "worker1")
    assert stacked_ha.problems == []
    assert stacked_ha.warnings == []


# groups and reachability


def test_no_control_plane_is_refused(inventory: Callable[..., Any]) -> None:
    inventory({}, 0, 2).refused("group control_plane", "no host is in it")


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        ({"masters": ["cp1"]}, ("group masters (cp1) is none of ours", "call it control_plane")),
        ({"control-plane": ["cp1", "cp2"]}, ("group control-plane (cp1 and cp2)", "call it control_plane")),
        ({"ungrouped": ["cp1"], "all": ["cp1"]}, ("cp1 would be passed over", "put the hosts that are to run the API server")),
        ({"ungrouped": [], "all": []}, ("the inventory is empty, or it could not be read", "-i")),
    ],
)
def test_an_inventory_without_hosts_for_us_is_refused_by_that_alone(
    inventory: Callable[..., Any], groups: Any, words: Any
) -> None:
    nobody = inventory({"cluster_kubernetes_version": ""}, 0, 0)
    nobody.data["groups"] = groups
    nobody.refused("group control_plane", *words)
    assert len(nobody.problems) == 1


def test_servers_on_which_no_pod_of_users_could_run_are_told_before_they_are_built(stacked_ha: Any) -> None:
    del stacked_ha.data["hosts"]["worker1"]
    stacked_ha.warned("cluster_control_plane_schedulable", "nothing of yours would run")
    stacked_ha.set(control_plane_schedulable=True)
    assert stacked_ha.warnings == []
    stacked_ha.set(control_plane_schedulable=False).live("cp1", "cp2", "cp3")
    assert stacked_ha.warnings == []


def test_hosts_that_no_playbook_would_touch_are_told(stacked_ha: Any) -> None:
    stacked_ha.data["groups"] = {"worker": ["w1"], "ungrouped": ["spare", "localhost"], "databases": ["db1"]}
    assert stacked_ha.problems == []
    assert stacked_ha.warned("group worker", "did you mean workers?").hosts == ("w1",)
    assert stacked_ha.warned("inventory", "in no group").hosts == ("spare",)
    assert len(stacked_ha.warnings) == 2


def test_hosts_of_ours_may_be_in_groups_of_other_tools_as_well(stacked_ha: Any) -> None:
    stacked_ha.data["groups"] = {"masters": ["cp1", "cp2", "cp3"], "kube_node": ["worker1"]}
    assert stacked_ha.warnings == []


@pytest.mark.parametrize("playbook", ["stackedha", "stacked_ha.yml", "playbooks/stacked_ha.yml"])
def test_a_playbook_that_there_is_not_is_refused(stacked_ha: Any, playbook: str) -> None:
    stacked_ha.data.update(playbook=playbook, playbooks=["single", "stacked_ha"])
    stacked_ha.refused("preflight_playbook", "did you mean stacked_ha?", "write stacked_ha")


def test_a_host_that_is_control_plane_and_worker_is_refused(stacked_ha: Any) -> None:
    stacked_ha.host("cp2")["groups"].append("workers")
    assert stacked_ha.refused("group workers", "cluster_control_plane_schedulable").hosts == ("cp2",)


def test_a_host_that_is_down_is_named_with_its_reason(stacked_ha: Any) -> None:
    stacked_ha.host("cp2").update(unreachable=True, msg="Connection timed out", facts=None)
    problem = stacked_ha.refused("host cp2", "can't be reached", "Connection timed out")
    assert problem.hosts == ("cp2",)
    assert len(stacked_ha.problems) == 1, "nothing else is said about a host of which nothing is known"


def test_facts_of_an_earlier_run_do_not_hide_that_a_host_is_down(stacked_ha: Any) -> None:
    stacked_ha.host("worker1").update(unreachable=True, msg="No route to host")
    stacked_ha.refused("host worker1", "No route to host")


def test_a_host_whose_state_could_not_be_read_is_named(stacked_ha: Any) -> None:
    stacked_ha.host("worker1").update(failed=True, msg="No space left on device", facts=None)
    stacked_ha.refused("host worker1", "reading its state failed", "No space left on device")


def test_a_host_that_was_left_out_is_named(stacked_ha: Any) -> None:
    stacked_ha.host("worker1")["facts"] = None
    stacked_ha.refused("host worker1", "not read in this run", "--limit")


def test_hosts_that_disagree_on_a_cluster_setting_are_named(stacked_ha: Any) -> None:
    for host in ("cp1", "cp2", "cp3"):
        stacked_ha.host(host)["vars"]["cluster_pod_subnet"] = "10.244.0.0/16"
    stacked_ha.host("worker1")["vars"]["cluster_pod_subnet"] = "10.245.0.0/16"
    assert stacked_ha.refused("cluster_pod_subnet", "2 values", "10.245.0.0/16").hosts == ("worker1",)


def test_the_vip_interface_may_differ_between_hosts(stacked_ha: Any) -> None:
    stacked_ha.facts("cp2")["addresses"][1]["interface"] = "enp1s0"
    for host, interface in (("cp1", "eth0"), ("cp2", "enp1s0"), ("cp3", "eth0")):
        stacked_ha.host(host)["vars"]["cluster_vip_interface"] = interface
    assert stacked_ha.problems == []
    assert stacked_ha.outcome().plan["keepalived"]["cp2"]["interface"] == "enp1s0"


def test_etcd_hosts_beside_stacked_etcd_are_refused(stacked_ha: Any) -> None:
    stacked_ha.add("etcd1", "etcd", "10.89.79.31")
    stacked_ha.refused("group etcd", "cluster_etcd_mode: external")


def test_external_etcd_needs_hosts(stacked_ha: Any) -> None:
    stacked_ha.set(etcd_mode="external").refused("group etcd", "no host is in the group")


@pytest.mark.parametrize(("playbook", "control_planes", "word"), [("single", 3, "stacked_ha"), ("stacked_ha", 1, "single")])
def test_a_playbook_refuses_the_other_topology(
    inventory: Callable[..., Any], playbook: str, control_planes: int, word: str
) -> None:
    wrong = inventory({"cluster_vip": "10.89.79.100", "cluster_endpoint": "10.89.79.100:8443"}, control_planes, 0)
    wrong.data["playbook"] = playbook
    wrong.refused("group control_plane", word)


# quorum and failure domains


def test_two_members_are_called_worse_than_one(inventory: Callable[..., Any]) -> None:
    two = inventory({"cluster_vip": "10.89.79.100", "cluster_endpoint": "10.89.79.100:8443"}, 2, 0)
    two.refused("group control_plane", "2 etcd members are worse than 1", "add a third")


@pytest.mark.parametrize(("members", "tolerates"), [(4, 1), (6, 2)])
def test_an_even_number_of_members_is_refused(inventory: Callable[..., Any], members: int, tolerates: int) -> None:
    even = inventory({"cluster_vip": "10.89.79.100", "cluster_endpoint": "10.89.79.100:8443"}, members, 0)
    even.refused(
        "group control_plane", "%d etcd members tolerate the loss of %d, as %d do" % (members, tolerates, members - 1)
    )


def test_nine_members_are_warned_about(inventory: Callable[..., Any]) -> None:
    many = inventory({"cluster_vip": "10.89.79.100", "cluster_endpoint": "10.89.79.100:8443"}, 9, 0)
    assert many.problems == []
    many.warned("group control_plane", "9 etcd members")


def test_three_members_on_two_machines_are_refused(stacked_ha: Any) -> None:
    stacked_ha.host("cp1")["vars"]["physical_host"] = "rack1"
    stacked_ha.host("cp2")["vars"]["physical_host"] = "rack1"
    problem = stacked_ha.refused("physical_host", "machine rack1 holds 2 of 3 etcd members", "1 stay and 2 are needed")
    assert problem.hosts == ("cp1", "cp2")


def test_five_members_may_share_machines_two_by_two(inventory: Callable[..., Any]) -> None:
    five = inventory({"cluster_vip": "10.89.79.100", "cluster_endpoint": "10.89.79.100:8443"}, 5, 0)
    for host, machine in (("cp1", "a"), ("cp2", "a"), ("cp3", "b"), ("cp4", "b"), ("cp5", "c")):
        five.host(host)["vars"]["physical_host"] = machine
    assert five.problems == []
    five.host("cp5")["vars"]["physical_host"] = "b"
    five.refused("physical_host", "machine b holds 3 of 5")


def test_external_members_are_those_that_count(inventory: Callable[..., Any]) -> None:
    external = inventory(
        {"cluster_etcd_mode": "external", "cluster_vip": "10.89.79.100", "cluster_endpoint": "10.89.79.100:8443"}, 2, 0
    )
    for number in (1, 2, 3):
        external.add("etcd%d" % number, "etcd", "10.89.79.3%d" % number)
    assert external.problems == [], "two control planes are fine when etcd has three hosts of its own"
    assert external.outcome().plan["etcd_endpoints"][0] == "https://10.89.79.31:2379"


# names and addresses


def test_two_nodes_with_one_name_are_refused(stacked_ha: Any) -> None:
    stacked_ha.host("cp3")["vars"]["node_name"] = "cp2"
    assert stacked_ha.refused("node_name", "all called cp2", "Node object").hosts == ("cp2", "cp3")


def test_a_name_that_kubernetes_refuses_gets_one_that_it_takes(stacked_ha: Any) -> None:
    stacked_ha.host("cp3")["vars"]["node_name"] = "CP_3"
    stacked_ha.refused("node_name", "'CP_3'", "like cp-3")


def test_two_nodes_with_one_address_are_refused(stacked_ha: Any) -> None:
    stacked_ha.host("worker1")["vars"]["node_address"] = "10.89.79.11"
    stacked_ha.refused("node_address", "cp1 and worker1 have the same address 10.89.79.11")
    stacked_ha.refused("node_address", "no interface of the host has 10.89.79.11; it has 10.89.79.21")


@pytest.mark.parametrize(
    ("address", "words"), [("server1", "is no IP address"), ("127.0.0.1", "can't be reached from other hosts")]
)
def test_an_address_that_is_none_is_refused(stacked_ha: Any, address: str, words: str) -> None:
    stacked_ha.host("worker1")["vars"]["node_address"] = address
    stacked_ha.refused("node_address", words)


def test_a_host_without_a_default_route_must_name_its_address(stacked_ha: Any) -> None:
    stacked_ha.facts("worker1")["default_address"] = None
    stacked_ha.refused("node_address", "not set and the host has no default route")


def test_clones_with_one_machine_id_are_refused(stacked_ha: Any) -> None:
    stacked_ha.facts("cp2")["machine_id"] = stacked_ha.facts("cp1")["machine_id"]
    stacked_ha.refused("/etc/machine-id", "cp1 and cp2", "systemd-machine-id-setup")


def test_clones_with_one_product_uuid_are_warned_about_unless_they_share_a_machine(stacked_ha: Any) -> None:
    for host in ("cp1", "worker1"):
        stacked_ha.facts(host)["product_uuid"] = "4c4c4544"
    stacked_ha.warned("product_uuid", "cp1 and worker1")
    for host in ("cp1", "worker1"):
        stacked_ha.host(host)["vars"]["physical_host"] = "rack1"
    assert stacked_ha.warnings == []


# VIP and endpoint


def test_several_control_planes_need_an_endpoint(stacked_ha: Any) -> None:
    stacked_ha.set(endpoint="").refused("cluster_endpoint", "3 control planes need one address", "10.89.79.100:8443")


@pytest.mark.parametrize("endpoint", ["https://10.89.79.100:8443", "10.89.79.100/24", "my api", ":8443"])
def test_an_endpoint_is_host_and_port(stacked_ha: Any, endpoint: str) -> None:
    stacked_ha.set(endpoint=endpoint).refused("cluster_endpoint", "is not host:port")


@pytest.mark.parametrize("port", ["0", "70000", "api", "\u00b2"])
def test_an_endpoint_needs_a_real_port(stacked_ha: Any, port: str) -> None:
    stacked_ha.set(endpoint="10.89.79.100:" + port).refused("cluster_endpoint", "is no TCP port")


def test_a_port_that_nobody_serves_is_refused(stacked_ha: Any) -> None:
    stacked_ha.set(endpoint="10.89.79.100:9443").refused("cluster_endpoint", "nobody listens on port 9443", "write port 8443")


def test_an_endpoint_at_one_control_plane_is_refused(stacked_ha: Any) -> None:
    stacked_ha.set(endpoint="10.89.79.12:6443").refused("cluster_endpoint", "the address of cp2 alone")


def test_a_name_for_the_vip_needs_no_dns(stacked_ha: Any) -> None:
    stacked_ha.set(endpoint="api.example.org:8443")
    assert stacked_ha.problems == []
    assert {"address": "10.89.79.100", "names": ["api.example.org"]} in stacked_ha.outcome().plan["hosts_entries"]


def test_a_name_without_a_vip_must_resolve(stacked_ha: Any) -> None:
    stacked_ha.set(endpoint="api.example.org:443", vip="")
    stacked_ha.data["resolved"] = {"api.example.org": []}
    stacked_ha.refused("cluster_endpoint", "resolves to nothing")
    stacked_ha.data["resolved"] = {"api.example.org": ["10.89.79.11"]}
    stacked_ha.refused("cluster_endpoint", "which is cp1 alone")
    stacked_ha.data["resolved"] = {"api.example.org": ["203.0.113.5"]}
    assert stacked_ha.problems == [], "a load balancer outside of the inventory"


def test_load_balancers_of_the_inventory_serve_the_endpoint(stacked_ha: Any) -> None:
    stacked_ha.add("lb1", "load_balancers", "10.89.79.40")
    stacked_ha.add("lb2", "load_balancers", "10.89.79.41")
    assert stacked_ha.problems == []
    plan = stacked_ha.outcome().plan
    assert list(plan["keepalived"]) == ["lb1", "lb2"]
    work = {(entry["group"], entry["host"]) for entry in plan["work"]}
    assert {("plan_balancers", "lb1"), ("plan_keepalived", "lb2")} <= work
    assert ("plan_balancers", "cp1") not in work


def test_haproxy_and_api_server_can_not_share_a_port(stacked_ha: Any) -> None:
    stacked_ha.set(load_balancer_port=6443, endpoint="10.89.79.100:6443").refused(
        "cluster_load_balancer_port", "can't listen on one port"
    )


@pytest.mark.parametrize(
    ("vip", "words"),
    [
        ("10.89.79.300", "is no IP address"),
        ("10.89.79.100/24", "without a prefix length"),
        ("10.89.80.100", "is not in the segment of eth0 on cp1, cp2 and cp3 (10.89.79.0/24)"),
        ("10.89.79.21", "is an address of worker1 already"),
        ("10.89.79.0", "network or broadcast address"),
        ("10.89.79.255", "network or broadcast address"),
        ("10.244.3.1", "lies in cluster_pod_subnet"),
        ("10.96.0.100", "lies in cluster_service_subnet"),
    ],
)
def test_a_vip_that_can_not_work_is_refused(stacked_ha: Any, vip: str, words: str) -> None:
    stacked_ha.set(vip=vip, endpoint="api.example.org:8443")
    found = [
        problem
        for problem in stacked_ha.problems
        if problem.setting == "cluster_vip" and words in problem.problem + problem.remedy
    ]
    assert found


def test_the_vip_on_a_control_plane_with_keepalived_is_its_own(stacked_ha: Any) -> None:
    stacked_ha.live("cp1", "cp2", "cp3", "worker1")
    stacked_ha.facts("cp2")["addresses"].append({"interface": "eth0", "address": "10.89.79.100", "prefix": 32, "family": 4})
    assert stacked_ha.problems == []
    stacked_ha.facts("cp2")["packages"]["keepalived"] = None
    stacked_ha.refused("cluster_vip", "is an address of cp2 already")


def test_control_planes_with_different_masks_on_the_vips_interface_are_refused(stacked_ha: Any) -> None:
    stacked_ha.facts("cp2")["addresses"][1]["prefix"] = 16
    stacked_ha.refused("cluster_vip_interface", "10.89.0.0/16 on cp2")


def test_an_interface_that_a_control_plane_lacks_is_refused(stacked_ha: Any) -> None:
    stacked_ha.set(vip_interface="eth7")
    assert stacked_ha.refused("cluster_vip_interface", "have no interface eth7").hosts == ("cp1", "cp2", "cp3")


@pytest.mark.parametrize("router_id", [0, 256])
def test_a_router_id_is_one_byte(stacked_ha: Any, router_id: int) -> None:
    stacked_ha.set(router_id=router_id).refused("cluster_router_id", "1 to 255")


def test_two_vrrp_groups_in_a_segment_need_two_router_ids(stacked_ha: Any) -> None:
    stacked_ha.host("worker1")["vars"]["keepalived_router_id"] = 51
    stacked_ha.refused("cluster_router_id", "the router id of worker1 too")


# subnets


@pytest.mark.parametrize(
    ("settings", "setting", "words"),
    [
        ({"pod_subnet": "10.244.0.0"}, "cluster_pod_subnet", "no prefix length"),
        ({"pod_subnet": "10.244.0.0/255.255.0.0"}, "cluster_pod_subnet", "write 10.244.0.0/16"),
        ({"pod_subnet": "10.244.1.0/16"}, "cluster_pod_subnet", "write 10.244.0.0/16"),
        ({"pod_subnet": ""}, "cluster_pod_subnet", "it is empty"),
        ({"service_subnet": "172.32.0.0/16"}, "cluster_service_subnet", "ends at 172.31.255.255"),
        ({"service_subnet": "10.244.128.0/20"}, "cluster_service_subnet", "overlaps cluster_pod_subnet 10.244.0.0/16"),
        (
            {"service_subnet": "10.89.0.0/16"},
            "cluster_service_subnet",
            "overlaps network of the nodes 10.89.79.0/24 of cp1, cp2, cp3",
        ),
        ({"service_subnet": "10.32.0.0/11"}, "cluster_service_subnet", "/12 or longer"),
        ({"service_subnet": "10.96.0.0/29"}, "cluster_service_subnet", "fewer than 10 addresses"),
        ({"pod_subnet": "10.244.0.0/24", "node_mask": 23}, "cluster_node_mask", "larger than all of cluster_pod_subnet"),
        ({"pod_subnet": "10.0.0.0/8", "node_mask": 25}, "cluster_node_mask", "kubeadm allows 16"),
        ({"node_mask": 64}, "cluster_node_mask", "no prefix length of IPv4"),
        ({"pod_subnet": "10.244.0.0/16,10.245.0.0/16"}, "cluster_pod_subnet", "exactly one IPv4 and one IPv6"),
        ({"pod_subnet": "10.244.0.0/16,fd00:1::/56"}, "cluster_service_subnet", "pods have IPv4 and IPv6 and services IPv4"),
        ({"pod_subnet": "10.244.0.0/24"}, "cluster_pod_subnet", "holds 1 node network of /24, and the inventory has 4 nodes"),
        (
            {"reserved_subnets": [{"name": "office", "subnet": "10.244.7.0/24"}]},
            "cluster_pod_subnet",
            "reserved network office",
        ),
        ({"reserved_subnets": [{"name": "office"}]}, "cluster_reserved_subnets[0]", "no subnet"),
        ({"reserved_subnets": [{"name": "office", "subnet": "x"}]}, "cluster_reserved_subnets[0]", "no prefix length"),
    ],
)
def test_subnets_that_can_not_work_are_refused(stacked_ha: Any, settings: Any, setting: str, words: str) -> None:
    stacked_ha.set(**settings).refused(setting, words)


def test_dual_stack_in_one_order_is_right(stacked_ha: Any) -> None:
    stacked_ha.set(pod_subnet="10.244.0.0/16,fd00:1::/56", service_subnet="10.96.0.0/16,fd00:2::/112")
    assert stacked_ha.problems == []
    stacked_ha.set(service_subnet="fd00:2::/112,10.96.0.0/16").refused("cluster_service_subnet", "the same order")


def test_a_route_of_one_host_into_the_pod_subnet_is_refused(stacked_ha: Any) -> None:
    stacked_ha.facts("worker1")["routes"].append(
        {"destination": "10.244.16.0/20", "gateway": "10.89.79.1", "interface": "eth0"}
    )
    assert stacked_ha.refused("cluster_pod_subnet", "overlaps route 10.244.16.0/20 of worker1").hosts == ("worker1",)


def test_a_vpns_interface_within_the_service_subnet_is_refused(stacked_ha: Any) -> None:
    stacked_ha.facts("cp1")["addresses"].append({"interface": "wg0", "address": "10.96.7.1", "prefix": 24, "family": 4})
    stacked_ha.refused("cluster_service_subnet", "network on wg0 10.96.7.0/24 of cp1")


def test_a_vpn_that_takes_all_traffic_is_a_default_route(stacked_ha: Any) -> None:
    for half in ("0.0.0.0/1", "128.0.0.0/1"):
        stacked_ha.facts("cp1")["routes"].append({"destination": half, "gateway": "10.8.0.1", "interface": "tun0"})
    assert stacked_ha.problems == []


def test_dockers_network_and_pools_are_seen(stacked_ha: Any) -> None:
    stacked_ha.set(pod_subnet="172.17.0.0/16")
    stacked_ha.facts("worker1")["addresses"].append(
        {"interface": "docker0", "address": "172.17.0.1", "prefix": 16, "family": 4}
    )
    stacked_ha.refused("cluster_pod_subnet", "Docker network docker0 172.17.0.0/16 of worker1", "default-address-pools")


def test_a_node_mask_with_fewer_addresses_than_pods_is_warned_about(stacked_ha: Any) -> None:
    stacked_ha.set(node_mask=26).warned("cluster_node_mask", "61 pods", "maxPods: 61")
    stacked_ha.set(kubelet_settings={"maxPods": 60})
    assert stacked_ha.warnings == []


# versions


@pytest.mark.parametrize(
    ("version", "words"), [("", "it is not set"), ("1.33", "minor"), ("stable", "full version"), ("1.99.0", "not in this")]
)
def test_a_version_that_is_none_is_refused(single: Any, version: str, words: str) -> None:
    single.set(kubernetes_version=version).refused("cluster_kubernetes_version", words)


def test_a_version_that_yaml_reads_as_a_number_is_explained(single: Any) -> None:
    single.set(kubernetes_version=1.30).refused("cluster_kubernetes_version", "turns 1.30 into 1.3", "in quotes")
    assert len(single.problems) == 1


def test_a_newer_kubelet_than_wanted_is_refused_in_a_cluster_and_replaced_on_a_blank_host(stacked_ha: Any) -> None:
    stacked_ha.facts("worker1")["packages"]["kubelet"] = "1.34.2-1.1"
    assert stacked_ha.problems == []
    stacked_ha.warned("package kubelet", "1.34.2 is installed on worker1 and will be replaced by 1.33.6")
    stacked_ha.live("cp1", "cp2", "cp3", "worker1")
    stacked_ha.facts("worker1")["packages"]["kubelet"] = "1.34.2-1.1"
    stacked_ha.refused("cluster_kubernetes_version", "kubelet 1.34.2 is installed on worker1", "write 1.34.2")


def test_a_running_cluster_of_another_version_points_to_the_upgrade(stacked_ha: Any) -> None:
    stacked_ha.live("cp1", "cp2", "cp3", "worker1").set(kubernetes_version="1.35.2")
    stacked_ha.refused("cluster_kubernetes_version", "the cluster runs 1.33.6, and 1.35.2 is wanted", "upgrade operation")
    stacked_ha.refused("cluster_kubernetes_version", "kubelet of cp1, cp2, cp3 and worker1 is 1.33.6, 2 minors behind")
    stacked_ha.set(kubernetes_version="1.32.2").refused(
        "cluster_kubernetes_version", "the cluster runs 1.33.6", "nothing goes back"
    )


def test_an_old_package_on_a_blank_host_is_only_warned_about(stacked_ha: Any) -> None:
    stacked_ha.facts("worker1")["packages"]["kubelet"] = "1.28.1-1.1"
    assert stacked_ha.problems == []
    stacked_ha.warned("package kubelet", "1.28.1 is installed on worker1")


def test_containerd_below_the_table_is_named_with_what_belongs_to_the_version(stacked_ha: Any) -> None:
    stacked_ha.facts("worker1")["runtime"] = {"name": "containerd", "version": "1.6.20", "active": True}
    stacked_ha.warned("containerd", "1.6.20 on worker1", "1.33", "1.7.24 or 2.0.4")
    stacked_ha.set(kubernetes_version="1.36.3").refused("containerd", "2.2.0 or 2.3.0")


def test_a_containerd_that_is_too_old_and_works_is_not_in_the_way_of_a_repair(stacked_ha: Any) -> None:
    stacked_ha.set(kubernetes_version="1.36.3").live("cp1", "cp2", "cp3", "worker1")
    for name in ("cp1", "cp2", "cp3", "worker1"):
        stacked_ha.facts(name)["runtime"] = {"name": "containerd", "version": "2.1.5", "active": True}
    stacked_ha.data.update(playbook="remove", leaving=["worker1"])
    assert stacked_ha.problems == []
    assert stacked_ha.warned("containerd", "2.1.5").hosts == ("cp1", "cp2", "cp3")
    stacked_ha.data["playbook"] = "stacked_ha"
    stacked_ha.refused("containerd", "2.1.5")


@pytest.mark.parametrize("version", ["1.7.24", "1.7.30", "2.0.4", "2.1.0", "2.3.4", "2.0.5-rc.1"])
def test_containerd_of_the_table_or_newer_passes(stacked_ha: Any, version: str) -> None:
    stacked_ha.facts("worker1")["runtime"] = {"name": "containerd", "version": version, "active": True}
    assert (stacked_ha.problems, stacked_ha.warnings) == ([], [])


def test_cgroup_v1_is_refused_from_1_35_on_and_a_warning_before(stacked_ha: Any) -> None:
    stacked_ha.facts("cp1")["cgroup_version"] = 1
    stacked_ha.warned("cgroup version", "cp1 has cgroup v1")
    stacked_ha.set(kubernetes_version="1.35.2").refused("cgroup version", "refuses to start", "failCgroupV1: false")
    stacked_ha.set(kubelet_settings={"failCgroupV1": False}, ignore_preflight_errors=["SystemVerification"])
    assert stacked_ha.problems == []
    stacked_ha.set(kubernetes_version="1.20.2", kubelet_settings={})
    assert (stacked_ha.problems, stacked_ha.warnings) == ([], [])


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("v1.33.6", 'write "1.33.6"'),
        (" 1.33.6", "blanks"),
        ("v1.36.3+rke2r2", 'write "1.36.3", and rke2_revision: 2'),
    ],
)
def test_a_version_is_written_as_packages_have_it(stacked_ha: Any, version: str, words: str) -> None:
    stacked_ha.set(kubernetes_version=version).refused("cluster_kubernetes_version", words)


# names


def test_one_machine_under_two_names_is_told_as_one(stacked_ha: Any) -> None:
    for fact in ("machine_id", "addresses", "default_address", "product_uuid"):
        stacked_ha.facts("cp2")[fact] = stacked_ha.facts("cp3")[fact]
    (problem,) = stacked_ha.problems
    assert problem.setting == "ansible_host"
    assert problem.hosts == ("cp2", "cp3")
    assert "one machine" in problem.problem


@pytest.mark.parametrize("name", ["node_address", "node_name", "physical_host"])
@pytest.mark.parametrize("value", [None, ["192.0.2.1"], {"a": 1}])
def test_what_is_each_hosts_own_is_a_text(stacked_ha: Any, name: str, value: Any) -> None:
    stacked_ha.host("cp2")["vars"][name] = value
    assert stacked_ha.refused(name).hosts == ("cp2",)


def test_an_address_that_the_host_has_not_is_said_once(stacked_ha: Any) -> None:
    stacked_ha.host("cp2")["vars"]["node_address"] = "10.0.0.12"
    assert [one.setting for one in stacked_ha.problems] == ["node_address"]


# machines


@pytest.mark.parametrize(("fact", "value", "name"), [("cpus", 1, "NumCPU"), ("memory_mb", 1000, "Mem")])
def test_a_control_plane_that_is_too_small_is_refused_unless_kubeadms_check_is_ignored(
    stacked_ha: Any, fact: str, value: int, name: str
) -> None:
    stacked_ha.facts("cp1")[fact] = value
    stacked_ha.facts("worker1")[fact] = value
    assert stacked_ha.refused("hardware", "a control plane needs", name).hosts == ("cp1",)
    stacked_ha.set(ignore_preflight_errors=[name])
    assert stacked_ha.problems == []
    stacked_ha.warned("hardware", "cp1")


def test_swap_is_told_and_refused_only_where_it_stays(stacked_ha: Any) -> None:
    stacked_ha.facts("cp1")["swap"] = [{"device": "/dev/zram0", "type": "partition", "size_kb": 1}]
    stacked_ha.warned("swap", "role host will turn it off")
    stacked_ha.host("cp1")["vars"]["host_swap"] = "unmanaged"
    stacked_ha.refused("host_swap", "failSwapOn: false")


def test_the_clock_that_is_wrong_is_named_and_not_its_victims(stacked_ha: Any) -> None:
    stacked_ha.facts("cp3")["clock_ahead"] = {"least": 30.0, "most": 30.0}
    assert stacked_ha.warned("clock of cp3", "30 s ahead of").hosts == ("cp3",)
    stacked_ha.facts("cp3")["clock_ahead"] = {"least": -600.0, "most": -600.0}
    stacked_ha.refused("clock of cp3", "600 s behind", "chronyc makestep")


def test_a_host_that_was_read_slowly_has_no_wrong_clock(stacked_ha: Any) -> None:
    # Asked in turns, and each took longer than the one before, up to three minutes before it came to read its clock.
    for number, host in enumerate(stacked_ha.data["hosts"]):
        bounds = ahead(1000.0 + 100 * number, 5.0, asked=999.0 + 60 * number, answered=1010.0 + 100 * number)
        stacked_ha.facts(host)["clock_ahead"] = bounds._asdict()
    assert stacked_ha.problems == []
    assert stacked_ha.warnings == []


def test_a_wrong_clock_is_refused_on_a_host_that_was_read_slowly_too(stacked_ha: Any) -> None:
    stacked_ha.facts("cp3")["clock_ahead"] = ahead(clock=400.0, reading_seconds=4.0, asked=1000.0, answered=1090.0)._asdict()
    stacked_ha.refused("clock of cp3", "600 s behind")
    stacked_ha.facts("cp3")["clock_ahead"] = ahead(clock=1660.0, reading_seconds=4.0, asked=1000.0, answered=1090.0)._asdict()
    # It was read at 1086 s at the latest.
    stacked_ha.refused("clock of cp3", "574 s ahead of")


def test_a_clock_that_nobody_sets_is_warned_about(stacked_ha: Any) -> None:
    stacked_ha.facts("cp3")["time_sync"] = {"synchronized": False, "service": None}
    assert stacked_ha.warned("time synchronisation").hosts == ("cp3",)


def test_a_full_disk_is_refused_and_a_tight_one_warned_about(stacked_ha: Any) -> None:
    stacked_ha.facts("cp1")["filesystems"].append({"mount": "/var/lib/etcd", "free_bytes": 1 << 30})
    stacked_ha.warned("/var/lib/etcd", "1.0 GiB free on /var/lib/etcd")
    stacked_ha.facts("worker1")["filesystems"][0]["free_bytes"] = 1 << 20
    assert stacked_ha.refused("/var/lib/containerd", "0.0 GiB free on /").hosts == ("worker1",)


def test_a_file_system_is_named_once_by_the_first_that_needs_it_and_others_are_looked_at_too(stacked_ha: Any) -> None:
    stacked_ha.facts("cp1")["filesystems"][0]["free_bytes"] = 1 << 20
    stacked_ha.facts("worker1")["filesystems"].append({"mount": "/usr", "free_bytes": 1 << 20})
    assert {(one.setting, one.hosts) for one in stacked_ha.problems} == {("/var/lib/etcd", ("cp1",)), ("/usr", ("worker1",))}
    # Packages are there once a node is in the cluster.
    stacked_ha.live("cp1", "cp2", "cp3", "worker1")
    assert {(one.setting, one.hosts) for one in stacked_ha.problems} == {("/var/lib/etcd", ("cp1",))}
    assert stacked_ha.warned("/usr", "worker1 has 0.0 GiB free").hosts == ("worker1",)


def test_a_port_that_is_taken_on_a_blank_host_is_refused(stacked_ha: Any) -> None:
    stacked_ha.facts("cp1")["listening"] += [2379, 6443]
    stacked_ha.facts("worker1")["listening"] += [10250, 6443]
    assert {(one.setting, one.hosts) for one in stacked_ha.problems} == {
        ("port 2379", ("cp1",)),
        ("port 6443", ("cp1",)),
        ("port 10250", ("worker1",)),
    }


def test_an_active_firewall_is_named_with_the_ports_to_open(stacked_ha: Any) -> None:
    stacked_ha.facts("cp1")["firewall"] = "firewalld"
    stacked_ha.warned("host_firewall", "firewalld is active on cp1", "10250/tcp", "protocol 112", "8472/udp")


# what kubeadm left


def test_foreign_remains_are_refused_with_the_way_to_reset(stacked_ha: Any) -> None:
    stacked_ha.facts("cp1")["kubeadm"] = {"state": "foreign", "why": "/etc/kubernetes/manifests/etcd.yaml without admin.conf"}
    stacked_ha.refused(
        "Kubernetes on cp1", "/etc/kubernetes/manifests/etcd.yaml", "baremetal.kubernetes.reset", "reset_confirm=kubernetes"
    )


def test_another_distribution_is_refused_with_its_own_way_to_go_and_left_alone_where_both_live(stacked_ha: Any) -> None:
    stacked_ha.facts("worker1")["other_kubernetes"] = {"k3s": ["/etc/rancher/k3s", "/var/lib/rancher/k3s"]}
    stacked_ha.refused("Kubernetes on worker1", "the host holds k3s", "/var/lib/rancher/k3s", "k3s-agent-uninstall.sh")
    stacked_ha.live("cp1", "cp2", "cp3", "worker1")
    assert stacked_ha.warned("Kubernetes on worker1", "the host holds k3s").hosts == ("worker1",)


def test_an_init_that_somebody_else_began_and_did_not_end_is_refused(stacked_ha: Any) -> None:
    stacked_ha.live("cp1", "cp2", "cp3", "worker1")
    stacked_ha.facts("cp1")["apiserver"]["initialised"] = False
    stacked_ha.refused("Kubernetes on cp1", "a kubeadm init", "was cut off", "upload-config", "reset_confirm")
    # An etcd without its data looks the same, and is what a restore is for.
    stacked_ha.data["playbook"] = "restore"
    assert not [one for one in stacked_ha.problems if one.setting == "Kubernetes on cp1"]
    stacked_ha.data["playbook"] = ""
    # What does not answer says nothing of that.
    stacked_ha.facts("cp1")["apiserver"]["ready"] = False
    assert not [one for one in stacked_ha.problems if one.setting == "Kubernetes on cp1"]


def test_a_cluster_of_another_name_is_not_taken_for_this_one(stacked_ha: Any) -> None:
    stacked_ha.live("cp1", "cp2", "cp3", "worker1")
    for host in ("cp1", "cp2", "cp3"):
        stacked_ha.facts(host)["cluster"]["name"] = "kubernetes"
    assert not stacked_ha.problems
    stacked_ha.facts("cp2")["cluster"]["name"] = "other"
    words = ("cp2 is a control plane of the cluster 'other'", "cluster_name: other", "reset")
    assert stacked_ha.refused("cluster_name", *words).hosts == ("cp2",)


def test_workers_of_a_cluster_that_is_not_to_be_begun_are_refused(stacked_ha: Any) -> None:
    stacked_ha.live("worker1")
    stacked_ha.facts("worker1")["cluster"]["endpoint"] = "192.0.2.9:6443"
    words = ("it has joined one at 192.0.2.9:6443", "no control plane of this inventory is in any", "reset_confirm=kubernetes")
    assert stacked_ha.refused("cluster of worker1", *words).hosts == ("worker1",)
    # Restored are the control planes of the cluster that it has joined.
    stacked_ha.data["playbook"] = "restore"
    assert not [one for one in stacked_ha.problems if one.setting == "cluster of worker1"]
    stacked_ha.data["playbook"] = ""
    # Of a control plane that nobody reaches it may be.
    stacked_ha.host("cp1")["unreachable"] = True
    assert not [one for one in stacked_ha.problems if one.setting == "cluster of worker1"]


def test_a_node_of_another_cluster_is_named(stacked_ha: Any) -> None:
    stacked_ha.live("cp1", "cp2", "cp3", "worker1")
    stacked_ha.facts("worker1")["cluster"]["id"] = "sha256:" + "cd" * 32
    assert stacked_ha.refused("cluster of worker1", "another cluster than cp1, cp2 and cp3", "CA's hash").hosts == (
        "worker1",
    )


def test_hosts_that_trust_a_ca_in_common_are_one_cluster_while_it_is_rotated(stacked_ha: Any) -> None:
    stacked_ha.live("cp1", "cp2", "cp3", "worker1")
    old, new = "sha256:" + "a" * 64, "sha256:" + "b" * 64
    for host, ids in (("cp1", [new]), ("cp2", [new, old]), ("cp3", [old, new]), ("worker1", [old])):
        cluster = {"id": ids[0], "ids": ids, "rotation": {"replaced": old, "has_new": True}}
        stacked_ha.facts(host)["cluster"].update(cluster)
    assert stacked_ha.problems == []
    stacked_ha.data["playbook"] = "upgrade"
    stacked_ha.refused("certificates_rotate_ca", "has not ended on cp1", "-e certificates_rotate_ca=" + old)


def test_a_node_in_another_part_than_it_plays_is_refused(stacked_ha: Any) -> None:
    stacked_ha.live("cp1", "cp2", "cp3", "worker1")
    stacked_ha.facts("cp3")["kubeadm"]["state"] = "worker"
    stacked_ha.refused("group control_plane", "cp3 has joined as a worker")
    stacked_ha.facts("worker1")["kubeadm"]["state"] = "control_plane"
    stacked_ha.refused("group workers", "worker1 runs a control plane")


def test_an_operation_for_another_cluster_is_refused(stacked_ha: Any) -> None:
    stacked_ha.facts("cp1")["kubeadm"] = {"state": "started", "started": {"operation": "init", "cluster": "blue"}}
    stacked_ha.refused("cluster_name", "'blue'", "cluster_name: blue")


def test_two_begun_inits_are_refused(stacked_ha: Any) -> None:
    for host in ("cp1", "cp2"):
        stacked_ha.facts(host)["kubeadm"] = {"state": "started", "started": {"operation": "init", "cluster": "kubernetes"}}
    stacked_ha.refused("kubeadm init", "begun on cp1 and cp2")


def test_an_init_that_was_begun_beside_a_cluster_is_refused(stacked_ha: Any) -> None:
    stacked_ha.live("cp1")
    stacked_ha.facts("cp2")["kubeadm"] = {"state": "started", "started": {"operation": "init", "cluster": "kubernetes"}}
    stacked_ha.refused("kubeadm init", "begun on cp2, but cp1 is in a cluster already")


# settings


def test_an_unknown_setting_is_refused_with_the_one_that_was_meant(stacked_ha: Any) -> None:
    stacked_ha.set(pod_subnets="10.0.0.0/8").refused("cluster_pod_subnets", "did you mean cluster_pod_subnet?")
    stacked_ha.set(colour="blue").refused("cluster_colour", "there is no such setting")


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("api_port", "https", "write digits alone, like 6443"),
        ("api_port", True, "true or false (YAML takes yes, no, on and off for it)"),
        ("pod_subnet", ["10.244.0.0/16"], "write 10.244.0.0/16"),
        ("kubelet_settings", "x", "a mapping of names to values is needed"),
        ("control_plane_schedulable", "perhaps", "write true or false"),
        ("ignore_preflight_errors", {"a": 1}, "it is a mapping, and a list is needed"),
        ("ignore_preflight_errors", "NumCPU, Mem", "write [NumCPU, Mem]"),
        ("certificate_sans", ["k8s.example.org", None], "nothing is written there"),
        ("pod_subnet", None, "without it, it is 10.244.0.0/16"),
        ("proxy_mode", False, 'put it in quotes, like "off"'),
    ],
)
def test_a_value_of_the_wrong_type_is_refused(stacked_ha: Any, setting: str, value: Any, words: str) -> None:
    outcome = stacked_ha.set(**{setting: value}).outcome()
    said = [one for one in outcome.problems if one.setting.startswith("cluster_" + setting)]
    assert [words in one.problem + " | " + one.remedy for one in said] == [True]


def test_texts_from_the_command_line_are_taken_as_ansible_takes_them(stacked_ha: Any) -> None:
    stacked_ha.set(api_port="6443", control_plane_schedulable="yes")
    assert stacked_ha.problems == []


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("cni", "flanel", "write flannel"),
        ("cni", "canal", "write none and install canal yourself"),
        ("container_runtime", "containers", "write containerd"),
        ("container_runtime", "cri-o", "write crio"),
        ("packages_source", "bundel", "write bundle"),
        ("etcd_mode", "embedded", "no way to run etcd"),
        ("proxy_mode", "iptable", "write iptables"),
        ("name", "my cluster", "can't name a cluster"),
        ("dns_domain", "Cluster.Local", "is no DNS domain"),
    ],
)
def test_a_value_outside_its_range_is_refused_with_what_to_write(
    stacked_ha: Any, setting: str, value: str, words: str
) -> None:
    stacked_ha.set(**{setting: value}).refused("cluster_" + setting, words)


def test_flannel_does_not_replace_kube_proxy(stacked_ha: Any) -> None:
    stacked_ha.set(proxy_mode="disabled").refused("cluster_proxy_mode", "flannel does not replace kube-proxy")
    stacked_ha.set(cni="cilium")
    assert stacked_ha.problems == []


@pytest.mark.parametrize(
    ("given", "setting", "words"),
    [
        ({"cni_flannel_backend": "udp"}, "cni_flannel_backend", "for debugging only"),
        ({"cni_flannel_backend": "extension"}, "cni_flannel_backend", "commands of your own"),
        ({"cni_calico_encapsulation": "ipip"}, "cni_calico_bgp", "takes its routes from BGP"),
        ({"cni_calico_encapsulation": "none"}, "cni_calico_bgp", "nobody knows the way"),
        ({"cni_calico_dataplane": "vpp"}, "cni_calico_dataplane", "huge pages"),
        ({"cni_calico_dataplane": "ebpf"}, "cni_calico_dataplane", "kube-proxy's work"),
        ({"cni_calico_dataplane": "nftables"}, "cni_calico_dataplane", "own nftables mode"),
        ({"cni_cilium_l2_announcements": True}, "cni_cilium_l2_announcements", "kube-proxy's work"),
        ({"cni_cilium_values": {"ipam": {"mode": "cluster-pool"}}}, "clusterPoolIPv4PodCIDRList", "is missing"),
        ({"cni_cilium_bgp": True}, "cni_cilium_bgp", "no peers"),
    ],
)
def test_what_a_pod_network_would_refuse_is_refused_before_the_run(
    stacked_ha: Any, given: Dict[str, Any], setting: str, words: str
) -> None:
    name = next(iter(given))
    for host in ("cp1", "cp2", "cp3", "worker1"):
        stacked_ha.host(host)["vars"].update(given)
    stacked_ha.set(cni=name.split("_")[1])
    (problem,) = [one for one in stacked_ha.problems if setting in one.setting]
    assert words in problem.problem


def test_calico_replaces_kube_proxy_by_ebpf_alone(stacked_ha: Any) -> None:
    stacked_ha.set(cni="calico", proxy_mode="disabled").refused("cluster_proxy_mode", "dataplane ebpf alone")
    stacked_ha.host("cp1")["vars"]["cni_calico_dataplane"] = "ebpf"
    assert stacked_ha.problems == []


def test_nftables_needs_a_version_that_has_it(stacked_ha: Any) -> None:
    stacked_ha.set(proxy_mode="nftables", kubernetes_version="1.28.7").refused("cluster_proxy_mode", "which came with 1.29")


@pytest.mark.parametrize(
    ("settings", "setting", "words"),
    [
        ({"ignore_preflight_errors": ["all"]}, "cluster_ignore_preflight_errors", "name the checks"),
        ({"certificate_sans": ["https://k8s.example.org"]}, "cluster_certificate_sans", "without scheme"),
        ({"kubelet_settings": {"maxPods": "200"}}, "cluster_kubelet_settings.maxPods", "digits, without quotes"),
        ({"kubelet_settings": {"max_pods": 200}}, "cluster_kubelet_settings.max_pods", "did you mean maxPods"),
        (
            {"kubelet_settings": {"authentication": {"anonymous": {"enabled": True}}}},
            "cluster_kubelet_settings.authentication.anonymous.enabled",
            "10250",
        ),
        ({"kube_proxy_settings": {"nonsense": 1}}, "cluster_kube_proxy_settings.nonsense", "no such field"),
        ({"kubeadm_extra": {"ClusterConfig": {}}}, "cluster_kubeadm_extra.ClusterConfig", "no such kind"),
    ],
)
def test_what_kubeadms_file_could_not_take_is_refused_before_nodes_are_prepared(
    stacked_ha: Any, settings: Any, setting: str, words: str
) -> None:
    stacked_ha.set(**settings).refused(setting, words)


def test_what_the_check_only_warns_of_is_written_into_kubeadms_file(stacked_ha: Any) -> None:
    stacked_ha.set(etcd_args={"listen-metrics-urls": "http://0.0.0.0:2381"})
    assert stacked_ha.problems == []
    stacked_ha.warned("cluster_etcd_args.listen-metrics-urls")
    task = read_yaml(ROLES / "control_plane" / "tasks" / "configure.yml")[0]
    assert task["baremetal.kubernetes.kubeadm_config"]["allow_public_metrics"] is True


def test_everything_that_is_wrong_comes_at_once(stacked_ha: Any) -> None:
    stacked_ha.set(service_subnet="172.32.0.0/16", proxy_mode="none", vip="10.89.80.1")
    stacked_ha.host("worker1")["vars"]["node_name"] = "cp1"
    assert {"cluster_service_subnet", "cluster_proxy_mode", "cluster_vip", "node_name", "cluster_endpoint"} <= {
        one.setting for one in stacked_ha.problems
    }
