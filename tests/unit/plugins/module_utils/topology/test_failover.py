# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Failover IPs in the plan: each wrong inventory is refused with its own words before a host is touched."""

from __future__ import annotations

from typing import Any

import pytest

RIGHT = {
    "failover_ip_provider": "hetzner_cloud",
    "failover_ip_addresses": ["203.0.113.10"],
    "failover_ip_credentials": {"token": "t"},
    "keepalived_preempt": False,
}
HOSTS = ("cp1", "cp2", "cp3")


@pytest.fixture(name="cluster")
def _cluster(stacked_ha: Any) -> Any:
    for number, host in enumerate(HOSTS):
        stacked_ha.host(host)["vars"].update(RIGHT, failover_ip_target=str(40 + number))
    return stacked_ha


def test_a_right_one_passes_and_each_control_plane_gets_an_agent(cluster: Any) -> None:
    assert cluster.problems == [] and cluster.warnings == []
    assert cluster.group("plan_failover_ip") == list(HOSTS)


def test_without_a_provider_nobody_gets_one(stacked_ha: Any) -> None:
    assert stacked_ha.group("plan_failover_ip") == []


def test_a_vip_that_the_provider_routes_need_not_be_in_a_segment(cluster: Any) -> None:
    cluster.set_all(cluster_vip="203.0.113.10", cluster_endpoint="203.0.113.10:8443")
    cluster.data["settings"].update(cluster_vip="203.0.113.10", cluster_endpoint="203.0.113.10:8443")
    assert cluster.problems == []
    cluster.set_all(failover_ip_addresses=["203.0.113.11"])
    cluster.refused("cluster_vip", "is not in the segment")


def test_two_nodes_that_are_said_to_be_one_server_are_refused(cluster: Any) -> None:
    cluster.host("cp2")["vars"]["failover_ip_target"] = "40"
    assert cluster.refused("failover_ip_target", "one server, 40", "each of them").hosts == ("cp1", "cp2")


def test_a_node_that_the_provider_would_not_know_is_refused(cluster: Any) -> None:
    del cluster.host("cp3")["vars"]["failover_ip_target"]
    assert cluster.refused("failover_ip_target", "missing on cp3").hosts == ("cp3",)


@pytest.mark.parametrize(
    ("change", "setting", "word"),
    [
        ({"failover_ip_addresses": []}, "failover_ip_addresses", "no address to move"),
        ({"failover_ip_addresses": ["k8s.example.org"]}, "failover_ip_addresses", "is no IP address"),
        ({"failover_ip_credentials": {}}, "failover_ip_credentials", "has no token"),
        ({"failover_ip_credentials": None}, "failover_ip_credentials", "has no token"),
        ({"failover_ip_unfit_after": -1}, "failover_ip_unfit_after", "0 or more"),
        ({"failover_ip_claim_name": "Bad_Name"}, "failover_ip_claim_name", "name of a Lease"),
        ({"failover_ip_interval": 2}, "failover_ip_interval", "at most half of claim_seconds"),
        ({"keepalived_virtual_addresses": ["10.89.79.100"]}, "keepalived_virtual_addresses", "203.0.113.10 is not in it"),
    ],
)
def test_what_no_agent_can_work_with_is_refused(cluster: Any, change: Any, setting: str, word: str) -> None:
    cluster.set_all(**change)
    cluster.refused(setting, word)


def test_credentials_that_only_the_role_can_know_are_not_asked_for(cluster: Any) -> None:
    for name in ("cp1", "cp2", "cp3"):
        del cluster.host(name)["vars"]["failover_ip_credentials"]
        cluster.host(name)["later"] = ["failover_ip_credentials"]
    assert cluster.problems == []


def test_credentials_without_a_provider_are_told(cluster: Any) -> None:
    for name in ("cp1", "cp2", "cp3"):
        del cluster.host(name)["vars"]["failover_ip_provider"]
    assert cluster.warned("failover_ip_provider", "nobody moves").hosts == ("cp1", "cp2", "cp3")


def test_an_endpoint_that_ovh_has_not_is_refused(cluster: Any) -> None:
    keys = {"application_key": "k", "application_secret": "s", "consumer_key": "c"}
    cluster.set_all(failover_ip_provider="ovh", failover_ip_credentials={**keys, "endpoint": "ovh_eu"})
    cluster.refused("failover_ip_credentials.endpoint", "ovh_eu", "write ovh-eu")
    cluster.set_all(failover_ip_credentials={**keys, "endpoint": "kimsufi-eu"})
    assert cluster.problems == []


def test_control_planes_that_differ_are_refused(cluster: Any) -> None:
    cluster.host("cp3")["vars"]["failover_ip_addresses"] = ["203.0.113.11"]
    cluster.refused("failover_ip_addresses", "differ", "cp3")
    del cluster.host("cp3")["vars"]["failover_ip_provider"]
    cluster.refused("failover_ip_provider", "None on cp3")


def test_keepalived_that_is_elsewhere_can_not_be_followed(cluster: Any) -> None:
    cluster.add("lb1", "load_balancers", "10.89.79.31")
    cluster.add("lb2", "load_balancers", "10.89.79.32")
    cluster.refused("failover_ip_follow", "not on the control planes", "lease")


def test_taking_the_address_back_is_worth_a_warning(cluster: Any) -> None:
    cluster.set_all(keepalived_preempt=True)
    assert cluster.problems == []
    assert [warning.setting for warning in cluster.warnings] == ["keepalived_preempt"]
