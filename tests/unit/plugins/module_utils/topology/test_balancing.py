# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directors and load balancers: each wrong inventory is refused with its own words, and the plan gives everybody a part."""

from __future__ import annotations

from typing import Any

import pytest


def test_two_directors_before_two_load_balancers_pass_without_a_word(lvs: Any) -> None:
    assert lvs.problems == []
    assert lvs.warnings == []


def test_everybody_gets_the_part_that_the_group_says(lvs: Any) -> None:
    plan = lvs.outcome().plan
    parts: "dict[str, list[str]]" = {}
    for entry in plan["work"]:
        parts.setdefault(entry["group"], []).append(entry["host"])
    assert parts["plan_balancers"] == parts["plan_real_servers"] == ["lb1", "lb2"]
    assert parts["plan_directors"] == ["dir1", "dir2"]
    assert "plan_keepalived" not in parts, "the directors' keepalived comes with their role"
    assert plan["keepalived"]["dir1"]["peers"] == ["10.89.79.42"]
    assert {host: entry["priority"] for host, entry in plan["keepalived"].items()} == {"dir1": 150, "dir2": 149}
    assert plan["lvs_real_servers"] == [
        {"name": "lb1", "address": "10.89.79.31", "weight": None},
        {"name": "lb2", "address": "10.89.79.32", "weight": None},
    ]


def test_a_real_server_may_have_a_weight_of_its_own(lvs: Any) -> None:
    lvs.host("lb2")["vars"]["lvs_weight"] = 20
    assert lvs.problems == []
    assert lvs.outcome().plan["lvs_real_servers"][1]["weight"] == 20


def test_two_directors_on_one_machine_are_refused(lvs: Any) -> None:
    lvs.host("dir2")["vars"]["physical_host"] = "m1"
    problem = lvs.refused("physical_host", "all directors (dir1 and dir2) are on machine m1", "two machines")
    assert problem.hosts == ("dir1", "dir2")


def test_one_director_is_refused(lvs: Any) -> None:
    del lvs.data["hosts"]["dir2"]
    assert lvs.refused("group directors", "dir1 is the only director", "add a second").hosts == ("dir1",)


def test_the_playbook_without_directors_is_refused(lvs: Any) -> None:
    for host in ("dir1", "dir2"):
        del lvs.data["hosts"][host]
    lvs.refused("group directors", "needs two directors", "stacked_ha")


def test_a_director_that_is_its_own_real_server_is_refused(lvs: Any) -> None:
    lvs.host("dir1")["groups"].append("load_balancers")
    problem = lvs.refused("group directors", "dir1 would be a director and one of its own real servers", "take it out of one")
    assert problem.hosts == ("dir1",)


def test_it_may_where_the_directors_know_each_others_macs(lvs: Any) -> None:
    lvs.host("dir1")["groups"].append("load_balancers")
    lvs.host("dir1")["vars"]["lvs_mac_address"] = "52:54:00:00:00:01"
    assert lvs.refused("lvs_mac_address", "dir2 is missing").hosts == ("dir2",)
    lvs.host("dir2")["vars"]["lvs_mac_address"] = "52:54:00:00:00:01"
    assert lvs.refused("lvs_mac_address", "another director's").hosts == ("dir1", "dir2")
    lvs.host("dir2")["vars"]["lvs_mac_address"] = "52:54:00:00:00:02"
    assert lvs.problems == []
    macs = lvs.outcome().plan["lvs_peer_mac_addresses"]
    assert macs == {"dir1": ["52:54:00:00:00:02"], "dir2": ["52:54:00:00:00:01"]}


def test_directors_that_are_no_real_servers_go_by_address_and_port(lvs: Any) -> None:
    lvs.host("dir1")["vars"]["lvs_mac_address"] = "52:54:00:00:00:01"
    assert lvs.outcome().plan["lvs_peer_mac_addresses"] == {"dir1": [], "dir2": []}


def test_so_is_a_control_plane_with_its_own_load_balancer(stacked_ha: Any) -> None:
    stacked_ha.host("cp1")["groups"].append("directors")
    stacked_ha.add("dir2", "directors", "10.89.79.42")
    problem = stacked_ha.refused("group directors", "one of its own real servers (group control_plane)", "hosts of their own")
    assert problem.hosts == ("cp1",)


def test_a_control_plane_may_direct_to_load_balancers_elsewhere(lvs: Any) -> None:
    for host in ("dir1", "dir2"):
        del lvs.data["hosts"][host]
    for host in ("cp1", "cp2"):
        lvs.host(host)["groups"].append("directors")
    assert lvs.problems == []


def test_load_balancers_on_one_machine_are_refused(lvs: Any) -> None:
    lvs.host("lb2")["vars"]["physical_host"] = "m1"
    problem = lvs.refused("physical_host", "all load balancers (lb1 and lb2) are on machine m1")
    assert problem.hosts == ("lb1", "lb2")


def test_one_load_balancer_is_refused(lvs: Any) -> None:
    del lvs.data["hosts"]["lb2"]
    lvs.refused("group load_balancers", "lb1 is the only load balancer", "add a second")


def test_load_balancers_without_an_address_that_moves_are_refused(lvs: Any) -> None:
    for host in ("dir1", "dir2"):
        del lvs.data["hosts"][host]
    lvs.data["playbook"] = "stacked_ha"
    lvs.set(vip="", endpoint="10.89.79.31:8443").refused("cluster_vip", "no address moves between the load balancers")


def test_directors_need_an_address(lvs: Any) -> None:
    lvs.set(vip="", endpoint="api.example.org:8443").refused("cluster_vip", "no address to hold")


def test_a_director_with_a_router_id_of_its_own_is_refused(lvs: Any) -> None:
    lvs.host("dir2")["vars"]["keepalived_router_id"] = 60
    assert lvs.refused("keepalived_router_id", "directors", "would not vote").hosts == ("dir2",)


def test_another_vrrp_group_with_the_directors_router_id_is_refused(lvs: Any) -> None:
    lvs.host("cp1")["vars"]["keepalived_router_id"] = 51
    assert lvs.refused("cluster_router_id", "51 is the router id of cp1 too").hosts == ("cp1",)


@pytest.mark.parametrize("name", ["lvs_mode", "lvs_scheduler", "lvs_sync_id", "lvs_idle_timeout"])
def test_directors_that_differ_are_refused(lvs: Any, name: str) -> None:
    lvs.host("dir1")["vars"][name] = {"lvs_mode": "dr", "lvs_scheduler": "wlc"}.get(name, 4000)
    lvs.refused(name, "the directors differ")


def test_real_servers_of_another_mode_are_refused(lvs: Any) -> None:
    lvs.host("lb1")["vars"]["lvs_mode"] = "nat"
    assert lvs.refused("lvs_mode", "it is dr for the directors and nat for their real servers").hosts == ("lb1",)


def test_the_endpoint_has_to_be_a_port_that_is_passed_on(lvs: Any) -> None:
    lvs.set(endpoint="10.89.79.100:6443").refused("cluster_endpoint", "the directors pass on port 8443, and not 6443")


def test_on_hosts_of_their_own_load_balancers_may_have_the_api_servers_port(lvs: Any) -> None:
    lvs.set(endpoint="10.89.79.100:6443", load_balancer_port=6443)
    assert lvs.problems == []


def test_a_port_that_nobody_behind_listens_on_is_no_use(lvs: Any) -> None:
    for host in ("dir1", "dir2"):
        lvs.host(host)["vars"]["lvs_services"] = [{"port": 6443}, {"port": 9345, "check": "tcp"}]
    lvs.set(endpoint="10.89.79.100:6443").refused("lvs_services", "the load balancers listen on 8443", "{port: 8443")


def with_supervisor(lvs: Any) -> Any:
    for host in ("dir1", "dir2"):
        lvs.host(host)["vars"]["lvs_services"] = [{"port": 8443}, {"port": 9345, "check": "tcp"}]
    for host in ("lb1", "lb2"):
        lvs.host(host)["vars"]["load_balancer_additional_ports"] = [9345]
    return lvs


def test_a_second_port_that_the_load_balancers_pass_on_too_passes(lvs: Any) -> None:
    assert with_supervisor(lvs).problems == []


def test_a_second_port_that_one_load_balancer_does_not_listen_on_is_refused(lvs: Any) -> None:
    del with_supervisor(lvs).host("lb2")["vars"]["load_balancer_additional_ports"]
    problem = lvs.refused("lvs_services", "nothing listens on port 9345 of lb2", "load_balancer_additional_ports: [9345]")
    assert problem.hosts == ("lb2",)


def test_a_port_of_another_program_on_the_real_servers_passes(lvs: Any) -> None:
    for host in ("lb1", "lb2"):
        del with_supervisor(lvs).host(host)["vars"]["load_balancer_additional_ports"]
    for host in ("lb1", "lb2"):
        lvs.facts(host)["listening"] = [22, 9345]
    assert lvs.problems == []


@pytest.mark.parametrize(
    ("ports", "words"),
    [
        ([8443], "8443 is the port of the API already"),
        ([9345, 9345], "9345 is in it twice"),
        ([70000], "70000 is no TCP port"),
        (["supervisor"], "supervisor is no TCP port"),
    ],
)
def test_an_additional_port_that_can_not_be_is_refused(lvs: Any, ports: "list[Any]", words: str) -> None:
    lvs.host("lb1")["vars"]["load_balancer_additional_ports"] = ports
    assert lvs.refused("load_balancer_additional_ports", words, "[9345]").hosts == ("lb1",)


@pytest.mark.parametrize(("port", "words"), [(6443, "the API server's own"), (2379, "etcd's own"), (10250, "the kubelet's own")])
def test_an_additional_port_that_a_control_plane_itself_needs_is_refused(stacked_ha: Any, port: int, words: str) -> None:
    stacked_ha.host("cp1")["vars"]["load_balancer_additional_ports"] = [port]
    stacked_ha.refused("load_balancer_additional_ports", words)


def test_direct_routing_needs_one_segment(lvs: Any) -> None:
    lvs.facts("lb2")["addresses"][1]["address"] = "10.89.80.32"
    lvs.facts("lb2")["default_address"] = "10.89.80.32"
    assert lvs.refused("lvs_mode", "dr hands packets on within a segment", "lb2 (10.89.80.32) is not").hosts == ("lb2",)


def test_the_vip_on_a_real_servers_loopback_and_on_the_active_director_is_the_clusters_own(lvs: Any) -> None:
    for host in ("lb1", "lb2"):
        lvs.facts(host)["addresses"].append({"interface": "lo", "address": "10.89.79.100", "prefix": 32, "family": 4})
    lvs.facts("dir1")["addresses"].append({"interface": "eth0", "address": "10.89.79.100", "prefix": 32, "family": 4})
    lvs.facts("dir1")["packages"]["keepalived"] = "2.2.7"
    assert lvs.problems == []
    lvs.facts("lb1")["addresses"][-1]["interface"] = "eth0"
    lvs.refused("cluster_vip", "is an address of lb1 already")


def nat(lvs: Any) -> Any:
    for host in ("dir1", "dir2", "lb1", "lb2"):
        lvs.host(host)["vars"].update(lvs_mode="nat", lvs_gateway="10.89.80.1")
        lvs.facts(host)["addresses"].append({"interface": "eth1", "address": "10.89.80.%s" % host[-1], "prefix": 24, "family": 4})
    for host in ("lb1", "lb2"):
        address = "10.89.80.3" + host[-1]
        lvs.facts(host)["addresses"][1:] = [{"interface": "eth0", "address": address, "prefix": 24, "family": 4}]
        lvs.facts(host).update(default_address=address)
        lvs.facts(host)["routes"] = [{"destination": "default", "gateway": "10.89.80.1", "interface": "eth0", "source": None}]
    return lvs


def test_nat_with_the_gateway_as_default_route_passes(lvs: Any) -> None:
    assert nat(lvs).problems == []
    assert all(entry["group"] != "plan_real_servers" for entry in lvs.outcome().plan["work"])


def test_nat_with_another_default_route_is_refused(lvs: Any) -> None:
    nat(lvs).facts("lb2")["routes"][0]["gateway"] = "10.89.80.254"
    assert lvs.refused("lvs_gateway", "the default route of lb2 is not 10.89.80.1", "lvs_mode: dr").hosts == ("lb2",)


def test_nat_for_clients_beside_the_real_servers_is_refused(lvs: Any) -> None:
    for host in ("dir1", "dir2", "lb1", "lb2"):
        lvs.host(host)["vars"].update(lvs_mode="nat", lvs_gateway="10.89.79.1")
    assert lvs.refused("lvs_mode", "nat answers no client", "cp1, cp2 and cp3 are in it").hosts == ("cp1", "cp2", "cp3")


def test_nginx_is_warned_about_because_it_checks_nobody(lvs: Any) -> None:
    for host in ("lb1", "lb2"):
        lvs.host(host)["vars"]["load_balancer_engine"] = "nginx"
    assert lvs.problems == []
    assert lvs.warned("load_balancer_engine", "never asks /readyz").hosts == ("lb1", "lb2")
