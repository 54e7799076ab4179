# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kube-vip in the plan: who has a part in it, and each wrong inventory refused with its own words before a host is touched."""

from __future__ import annotations

from typing import Any

import pytest

HOSTS = ("cp1", "cp2", "cp3")


@pytest.fixture(name="cluster")
def _cluster(stacked_ha: Any) -> Any:
    return stacked_ha.set(vip_provider="kube_vip", endpoint="10.89.79.100:6443")


def test_kube_vip_takes_keepaliveds_place_and_the_first_control_plane_has_it_from_the_first_moment_on(cluster: Any) -> None:
    assert cluster.problems == [] and cluster.warnings == []
    assert cluster.group("plan_kube_vip") == list(HOSTS) and cluster.group("plan_kube_vip_first") == ["cp1"]
    assert cluster.group("plan_keepalived") == []
    plan = cluster.outcome().plan
    assert plan["static_pods"] == ["/etc/kubernetes/kube-vip/kube-vip.yaml"]
    assert plan["kube_vip"]["cp2"] == {"interface": "eth0"}


def test_with_keepalived_nobody_has_a_part_in_kube_vip(stacked_ha: Any) -> None:
    assert stacked_ha.group("plan_keepalived") == list(HOSTS) and stacked_ha.group("plan_kube_vip") == []
    plan = stacked_ha.outcome().plan
    assert plan["static_pods"] == [] and plan["kube_vip"] == {}


def test_where_the_vip_leads_to_api_servers_themselves_nothing_stands_before_them(cluster: Any) -> None:
    assert cluster.group("plan_balancers") == []
    cluster.set(endpoint="10.89.79.100:8443")
    assert cluster.group("plan_balancers") == list(HOSTS)
    cluster.warned("cluster_endpoint", "HAProxy is dead keeps the VIP", "write port 6443")


def test_a_running_cluster_whose_holder_is_kube_vip_is_at_rest(cluster: Any) -> None:
    cluster.live(*HOSTS, "worker1")
    for host in HOSTS:
        cluster.facts(host)["static_pods"].append({"name": "kube-vip", "image": "ghcr.io/kube-vip/kube-vip:v1.2.3"})
        cluster.facts(host)["packages"]["keepalived"] = None
    held = {"interface": "eth0", "address": "10.89.79.100", "prefix": 32, "family": 4}
    cluster.facts("cp2")["addresses"].append(held)
    assert cluster.problems == []
    assert cluster.group("plan_kube_vip_first") == []
    # By BGP each of them has it.
    cluster.set_all(kube_vip_mode="bgp", kube_vip_bgp_peers=[{"address": "10.89.79.1", "as": 64512}])
    for host in HOSTS:
        cluster.facts(host)["addresses"].append(dict(held, interface="lo"))
    assert cluster.problems == []


def test_a_leaving_control_plane_gives_the_address_away_first(cluster: Any) -> None:
    cluster.live(*HOSTS, "worker1")
    cluster.facts("cp3")["static_pods"].append({"name": "kube-vip", "image": "x"})
    cluster.data.update(playbook="remove", leaving=["cp3"])
    assert cluster.group("plan_leaving_kube_vip") == ["cp3"]


def test_a_vip_is_needed(stacked_ha: Any) -> None:
    stacked_ha.set(vip_provider="kube_vip", vip="", endpoint="api.example.org:6443")
    stacked_ha.refused("cluster_vip_provider", "cluster_vip is not set")


def test_an_endpoint_is_needed(single: Any) -> None:
    single.set(vip_provider="kube_vip", vip="10.89.79.100")
    single.refused("cluster_endpoint", "nobody would use it", "10.89.79.100:6443")


def test_hosts_that_run_no_pods_hold_no_vip_by_kube_vip(lvs: Any) -> None:
    lvs.set(vip_provider="kube_vip")
    lvs.refused("cluster_vip_provider", "load_balancers and directors", "keepalived holds")


def test_another_word_is_refused_with_what_was_meant(stacked_ha: Any) -> None:
    stacked_ha.set(vip_provider="kube-vip")
    stacked_ha.refused("cluster_vip_provider", "none of keepalived, kube_vip", "write kube_vip")


def test_a_daemon_set_needs_one_interface_name(cluster: Any) -> None:
    cluster.set_all(kube_vip_run_as="daemon_set")
    assert cluster.problems == []
    cluster.facts("cp3")["addresses"][1]["interface"] = "eno1"
    cluster.refused("kube_vip_run_as", "eth0 on cp1 and cp2; eno1 on cp3", "static_pod")


def test_control_planes_that_would_hold_it_in_two_ways_are_refused(cluster: Any) -> None:
    cluster.host("cp2")["vars"]["kube_vip_lease_name"] = "another"
    cluster.refused("kube_vip_lease_name", "plndr-cp-lock on cp1 and cp3; another on cp2")


def test_what_the_role_would_refuse_is_refused_here_once_for_all_hosts(cluster: Any) -> None:
    cluster.set_all(kube_vip_mode="bgp")
    assert cluster.refused("kube_vip_bgp_peers", "no router is named").hosts == HOSTS


def test_ipvs_without_strict_arp_is_refused(cluster: Any) -> None:
    cluster.set(proxy_mode="ipvs")
    cluster.refused("cluster_kube_proxy_settings.ipvs.strictARP", "every node answer ARP")
    cluster.set(kube_proxy_settings={"ipvs": {"strictARP": True}})
    assert cluster.problems == []


def test_a_change_of_holders_with_both_on_the_nodes_is_refused_either_way(cluster: Any) -> None:
    cluster.live(*HOSTS, "worker1")
    cluster.facts("cp1")["addresses"].append({"interface": "eth0", "address": "10.89.79.100", "prefix": 32, "family": 4})
    assert cluster.refused("cluster_vip_provider", "keepalived holds 10.89.79.100", "state=stopped").hosts == ("cp1",)
    cluster.facts("cp1")["static_pods"].append({"name": "kube-vip", "image": "x"})
    assert cluster.problems == []
    cluster.set(vip_provider="keepalived")
    assert cluster.refused("cluster_vip_provider", "a static pod kube-vip is on cp1", "kube-vip.yaml").hosts == ("cp1",)


def test_kube_vip_and_metallb_share_no_class_of_services(cluster: Any) -> None:
    cluster.set_all(kube_vip_services=True, metallb_address_pools=[{"name": "public", "addresses": ["203.0.113.11/32"]}])
    cluster.refused("kube_vip_load_balancer_class", "both serve Services without a loadBalancerClass")
    cluster.set_all(kube_vip_load_balancer_class="kube-vip.io/kube-vip-class")
    assert [one for one in cluster.problems if one.setting.startswith("kube_vip")] == []


def test_the_failover_ips_agent_follows_kube_vips_lease(cluster: Any) -> None:
    failover = {"failover_ip_provider": "hetzner_cloud", "failover_ip_credentials": {"token": "t"}}
    for number, host in enumerate(HOSTS):
        cluster.host(host)["vars"].update(failover, failover_ip_target=str(40 + number), failover_ip_addresses=["10.89.79.100"])
    assert cluster.problems == [] and cluster.warnings == []
    cluster.set_all(failover_ip_addresses=["203.0.113.10"])
    cluster.refused("failover_ip_held_addresses", "203.0.113.10", "brings cluster_vip (10.89.79.100) only")
    cluster.set_all(failover_ip_held_addresses=["10.89.79.100"])
    assert cluster.problems == []
    cluster.set_all(failover_ip_follow="keepalived")
    cluster.refused("failover_ip_follow", "kube-vip holds the VIP", "lease")
