# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MetalLB in the plan: who has work, and pools that could not serve refused with their own words before a host is touched."""

from __future__ import annotations

from typing import Any, List

import pytest

HOSTS = ("cp1", "cp2", "cp3")
POOL = {"name": "public", "addresses": ["10.89.79.200-10.89.79.210"]}


@pytest.fixture(name="cluster")
def _cluster(stacked_ha: Any) -> Any:
    stacked_ha.set_all(metallb_address_pools=[POOL])
    return stacked_ha


def test_one_control_plane_brings_the_pools(cluster: Any) -> None:
    assert cluster.problems == [] and cluster.warnings == []
    assert cluster.group("plan_metallb") == ["cp1"] and cluster.group("plan_return_routes") == []


def test_without_pools_nobody_does(stacked_ha: Any) -> None:
    assert stacked_ha.group("plan_metallb") == []


def test_on_a_single_server_the_label_that_would_silence_it_is_named(single: Any) -> None:
    single.set_all(metallb_address_pools=[POOL])
    single.set(control_plane_schedulable=False)
    single.refused("metallb_ignore_exclude_label", "nobody would announce public", "write true")
    single.set(control_plane_schedulable=True)
    assert [one for one in single.problems if one.setting.startswith("metallb")] == []
    single.set_all(metallb_ignore_exclude_label=False)
    single.refused("metallb_ignore_exclude_label", "nobody would announce")


@pytest.mark.parametrize(
    "addresses, words",
    [
        (["10.89.79.10-10.89.79.20"], "holds the address of cp1, cp2 and cp3"),
        (["10.89.79.100/32"], "which is cluster_vip"),
        (["10.244.3.0/24"], "lies in cluster_pod_subnet"),
        (["10.96.0.0/30"], "lies in cluster_service_subnet"),
    ],
)
def test_addresses_that_somebody_has_are_refused(cluster: Any, addresses: List[str], words: str) -> None:
    cluster.set_all(metallb_address_pools=[dict(POOL, addresses=addresses)])
    cluster.refused("metallb_address_pools", words)


def test_what_the_role_would_refuse_is_refused_here(cluster: Any) -> None:
    cluster.set_all(metallb_address_pools=[dict(POOL, addresses=["10.89.79.200"])])
    cluster.refused("metallb_address_pools[1].addresses", "without a prefix length")


def test_a_node_that_is_none_announces_nothing(cluster: Any) -> None:
    cluster.set_all(metallb_address_pools=[dict(POOL, nodes=["worker9"])])
    cluster.refused("metallb_address_pools", "worker9, which is no node")


def test_a_failover_ip_in_a_pool_has_to_be_moved_by_the_agent(cluster: Any) -> None:
    cluster.set_all(metallb_address_pools=[dict(POOL, addresses=["203.0.113.11/32"], advertise="routed")])
    cluster.refused("failover_ip_addresses", "203.0.113.11, which the provider sends to one server", "failover_ip_provider")
    for number, host in enumerate(HOSTS):
        cluster.host(host)["vars"].update(
            failover_ip_provider="hetzner_cloud",
            failover_ip_addresses=["203.0.113.10", "203.0.113.11"],
            failover_ip_credentials={"token": "t"},
            failover_ip_target=str(40 + number),
            keepalived_preempt=False,
        )
    assert cluster.problems == []
    cluster.set_all(metallb_address_pools=[dict(POOL, addresses=["203.0.113.11/32"])])
    cluster.refused("metallb_address_pools", "by ARP, and the provider sends it", "advertise: routed")


def test_a_single_server_has_its_failover_ips_without_an_agent(single: Any) -> None:
    single.set_all(metallb_address_pools=[dict(POOL, addresses=["203.0.113.11/32"], advertise="routed")])
    assert single.problems == []


def test_ipvs_without_strict_arp_is_refused_for_a_segment_only(cluster: Any) -> None:
    cluster.set(proxy_mode="ipvs")
    cluster.refused("cluster_kube_proxy_settings.ipvs.strictARP", "addresses of pool public")


def test_control_planes_that_differ_are_refused_without_a_peers_password(cluster: Any) -> None:
    peer = {"name": "tor", "address": "192.0.2.1", "my_as": 1, "peer_as": 2, "password": "hunter2"}
    cluster.host("cp2")["vars"]["metallb_bgp_peers"] = [peer]
    found = cluster.refused("metallb_bgp_peers", "differ in it")
    assert "hunter2" not in str(found)


def test_return_routes_belong_to_interfaces_and_gateways_that_are_there(stacked_ha: Any) -> None:
    route = {"addresses": ["203.0.113.8/29"], "interface": "eth0", "gateway": "10.89.79.1"}
    for host in (*HOSTS, "worker1"):
        stacked_ha.host(host)["vars"]["metallb_return_routes"] = [route]
    assert stacked_ha.problems == [] and stacked_ha.group("plan_return_routes") == [*HOSTS, "worker1"]
    stacked_ha.host("cp2")["vars"]["metallb_return_routes"] = [dict(route, interface="eno2")]
    assert stacked_ha.refused("metallb_return_routes[1]", "no interface eno2", "eth0").hosts == ("cp2",)
    far = dict(route, gateway="100.64.0.1")
    stacked_ha.host("cp2")["vars"]["metallb_return_routes"] = [far]
    stacked_ha.refused("metallb_return_routes[1]", "in no network of eth0", "onlink: true")
    stacked_ha.host("cp2")["vars"]["metallb_return_routes"] = [dict(far, onlink=True)]
    assert stacked_ha.problems == []
    stacked_ha.host("cp2")["vars"]["metallb_return_routes"] = [dict(route, table=254)]
    assert stacked_ha.refused("metallb_return_routes[1].table", "kernel's own").hosts == ("cp2",)
