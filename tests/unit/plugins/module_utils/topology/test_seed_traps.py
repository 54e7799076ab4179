# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mistakes of the articles that this project grew from, as far as a plan can hold them: each is refused or warned of in words.

All of them, with the tests that prove what becomes of each, stand in tests/unit/traps/traps.yml; the numbers here are theirs.
"""

from __future__ import annotations

from typing import Any, Callable, Dict

import pytest

SETTINGS = [
    (3, {"proxy_mode": "none"}, "cluster_proxy_mode", ["kind", "write disabled"]),
    (3, {"kube_proxy_settings": {"mode": "none"}}, "cluster_kube_proxy_settings.mode", ["kind", "in cluster_proxy_mode"]),
    (
        15,
        {"pod_subnet": "10.0.0.0/8", "node_mask": 24},
        "cluster_service_subnet",
        ["10.96.0.0/16 overlaps cluster_pod_subnet"],
    ),
    (20, {"container_runtime": "dockershim"}, "cluster_container_runtime", ["took dockershim away", "write docker"]),
    (
        31,
        {"service_subnet": "172.32.0.0/16"},
        "cluster_service_subnet",
        ["public address space", "172.31.255.255", "172.16.0.0/12"],
    ),
    (
        35,
        {"endpoint": "10.89.79.159:6443", "vip": ""},
        "cluster_endpoint",
        ["nobody serves 10.89.79.159", "cluster_vip: 10.89.79.159"],
    ),
    (36, {"image_repository": "http://192.168.6.164:5000/well-known"}, "cluster_image_repository", ["has a scheme"]),
    (
        37,
        {"kubelet_settings": {"cgroupDriver": "cgroupfs"}},
        "cluster_kubelet_settings.cgroupDriver",
        ["fights systemd", "leave it out"],
    ),
    (40, {"proxy_mode": "userspace"}, "cluster_proxy_mode", ["removed from kube-proxy in Kubernetes 1.26", "write iptables"]),
    (41, {"proxy_mode": "kernelspace"}, "cluster_proxy_mode", ["on Windows"]),
    (53, {"cni": "canal"}, "cluster_cni", ["write none and install canal yourself", "cluster_pod_subnet"]),
]

WARNINGS = [
    (
        10,
        {"etcd_args": {"listen-metrics-urls": "http://0.0.0.0:2381"}},
        "cluster_etcd_args.listen-metrics-urls",
        ["127.0.0.1"],
    ),
    (10, {"scheduler_args": {"bind-address": "0.0.0.0"}}, "cluster_scheduler_args.bind-address", ["every address"]),
    (
        10,
        {"controller_manager_args": {"bind-address": "::"}},
        "cluster_controller_manager_args.bind-address",
        ["every address"],
    ),
    (
        36,
        {"image_repository": "192.168.6.164:5000/well-known"},
        "cluster_image_repository",
        ["container_runtime_registries", "/coredns"],
    ),
    (
        38,
        {"proxy_mode": "ipvs", "kubernetes_version": "1.35.2"},
        "cluster_proxy_mode",
        ["ipvs is deprecated in Kubernetes 1.35", "nftables"],
    ),
]


@pytest.mark.parametrize(("number", "settings", "setting", "words"), SETTINGS)
def test_a_trap_in_a_setting_is_refused(
    stacked_ha: Any, number: int, settings: Dict[str, Any], setting: str, words: Any
) -> None:
    stacked_ha.set(**settings).refused(setting, *words)


@pytest.mark.parametrize(("number", "settings", "setting", "words"), WARNINGS)
def test_a_trap_that_may_be_meant_is_warned_about(
    stacked_ha: Any, number: int, settings: Dict[str, Any], setting: str, words: Any
) -> None:
    stacked_ha.set(**settings)
    assert stacked_ha.problems == []
    stacked_ha.warned(setting, *words)


def test_5_two_nodes_are_no_high_availability(inventory: Callable[..., Any]) -> None:
    two = inventory({"cluster_vip": "10.89.79.100", "cluster_endpoint": "10.89.79.100:8443"}, 2, 0)
    two.refused("group control_plane", "2 etcd members are worse than 1", "add a third")


def test_23_centos_7_is_refused(single: Any) -> None:
    single.facts("cp1")["os"] = {"id": "centos", "version_id": "7", "family": "redhat", "pretty": "CentOS Linux 7 (Core)"}
    single.facts("cp1")["cgroup_version"] = 1
    single.refused("operating system", "cp1 runs CentOS or RHEL 7", "Rocky or RHEL 9")
    single.set(kubernetes_version="1.35.2").refused("cgroup version", "refuses to start")


def test_25_swap_that_is_on_is_said(single: Any) -> None:
    single.facts("cp1")["swap"] = [{"device": "/swapfile", "type": "file", "size_kb": 1}]
    single.warned("swap", "role host will turn it off")


def test_26_an_unpinned_kubelet_that_went_ahead_is_refused(single: Any) -> None:
    single.live("cp1")
    single.facts("cp1")["packages"]["kubelet"] = "1.35.0-150500.1.1"
    single.refused("cluster_kubernetes_version", "kubelet 1.35.0 is installed on cp1", "newer than 1.33.6")


@pytest.mark.parametrize(
    "facts", [{"docker_pools": ["172.16.0.0/12"]}, {"runtime": {"name": "docker", "version": "26.0", "active": True}}]
)
def test_32_a_pod_subnet_in_dockers_pools_is_refused(single: Any, facts: Dict[str, Any]) -> None:
    single.facts("cp1").update(facts)
    single.set(pod_subnet="172.31.0.0/16").refused(
        "cluster_pod_subnet", "172.31.0.0/16 overlaps Docker address pool", "default-address-pools"
    )


def test_34_an_address_as_a_nodes_name_is_refused(single: Any) -> None:
    single.host("cp1")["vars"]["node_name"] = "192.168.6.149"
    single.refused("node_name", "192.168.6.149, which is an IP address", "host name")


def test_35_a_vip_that_nothing_holds_yet_is_right_and_a_foreign_one_is_not(stacked_ha: Any) -> None:
    assert stacked_ha.problems == []
    stacked_ha.set(vip="192.168.6.159", endpoint="192.168.6.159:8443")
    assert stacked_ha.refused("cluster_vip", "not in the segment of eth0 on cp1, cp2 and cp3").hosts == ("cp1", "cp2", "cp3")
    assert len(stacked_ha.problems) == 1


def test_36_a_registry_that_containerd_knows_is_no_matter(stacked_ha: Any) -> None:
    stacked_ha.set(image_repository="192.168.6.164:5000/well-known")
    stacked_ha.host("cp1")["vars"]["container_runtime_registries"] = [{"name": "192.168.6.164:5000"}]
    assert (stacked_ha.problems, stacked_ha.warnings) == ([], [])


def test_42_ipvs_names_the_modules_that_a_host_lacks(stacked_ha: Any) -> None:
    stacked_ha.set(proxy_mode="ipvs", kube_proxy_settings={"ipvs": {"scheduler": "lblc"}})
    for host in ("cp1", "cp2", "cp3"):
        stacked_ha.facts(host)["kernel_modules"] += ["ip_vs", "ip_vs_rr", "ip_vs_wrr", "ip_vs_sh", "ip_vs_lblc"]
    stacked_ha.facts("worker1")["kernel_modules"] += ["ip_vs", "ip_vs_rr", "ip_vs_wrr", "ip_vs_sh"]
    assert stacked_ha.warned("cluster_proxy_mode", "ip_vs_lblc, which worker1 has not loaded").hosts == ("worker1",)


@pytest.mark.parametrize("backend", ["aws-vpc", "gce", "ali-vpc"])
def test_43_a_flannel_backend_that_was_removed_is_refused(stacked_ha: Any, backend: str) -> None:
    stacked_ha.host("cp1")["vars"]["cni_flannel_backend"] = backend
    stacked_ha.refused("cni_flannel_backend", "removed the %s backend in v0.20.0" % backend, "write vxlan")


def test_44_flannels_ipip_is_warned_about(stacked_ha: Any) -> None:
    stacked_ha.host("cp1")["vars"]["cni_flannel_backend"] = "ipip"
    stacked_ha.warned("cni_flannel_backend", "experimental and unsupported")


def test_45_a_flannel_backend_for_debugging_is_refused(stacked_ha: Any) -> None:
    stacked_ha.host("cp1")["vars"]["cni_flannel_backend"] = "udp"
    stacked_ha.refused("cni_flannel_backend", "for debugging only", "vxlan")


def test_48_two_masters_with_one_name_are_refused(stacked_ha: Any) -> None:
    stacked_ha.host("cp2")["vars"]["node_name"] = "k8s-master02"
    stacked_ha.host("cp3")["vars"]["node_name"] = "k8s-master02"
    assert stacked_ha.refused("node_name", "all called k8s-master02").hosts == ("cp2", "cp3")


def test_50_a_vrrp_password_is_refused_and_a_long_one_with_its_limit(stacked_ha: Any) -> None:
    stacked_ha.host("cp1")["vars"]["keepalived_auth_pass"] = "12345678"
    assert (
        "first 8 characters"
        not in stacked_ha.refused("keepalived_auth_pass", "clear text", "keepalived_authentication: hmac").problem
    )
    stacked_ha.host("cp1")["vars"]["keepalived_auth_pass"] = "123456789"
    stacked_ha.refused("keepalived_auth_pass", "only its first 8 characters")


def test_62_an_even_number_of_masters_is_refused(inventory: Callable[..., Any]) -> None:
    four = inventory({"cluster_vip": "10.89.79.100", "cluster_endpoint": "10.89.79.100:8443"}, 4, 0)
    four.refused("group control_plane", "an even number gains nothing", "use 3 or 5 members")


def test_65_five_members_on_two_machines_die_with_the_one_that_has_three(inventory: Callable[..., Any]) -> None:
    five = inventory({"cluster_vip": "10.89.79.100", "cluster_endpoint": "10.89.79.100:8443"}, 5, 0)
    for number in range(1, 6):
        five.host("cp%d" % number)["vars"]["physical_host"] = "a" if number < 4 else "b"
    five.refused("physical_host", "machine a holds 3 of 5 etcd members", "2 stay and 3 are needed")
