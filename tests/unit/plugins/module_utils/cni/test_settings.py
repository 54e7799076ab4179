from __future__ import annotations

from typing import Any, Dict

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.cni.bridge import bridge_data
from ansible_collections.baremetal.kubernetes.plugins.module_utils.cni.cilium import cilium_values
from ansible_collections.baremetal.kubernetes.plugins.module_utils.cni.flannel import flannel_data
from ansible_collections.baremetal.kubernetes.plugins.module_utils.cni.settings import pod_subnets
from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError

FLANNEL: Dict[str, Any] = {
    "backend": "vxlan",
    "backend_settings": {},
    "pod_subnet": "10.244.0.0/16",
    "mtu": 0,
    "interface": "",
    "interface_regex": "",
    "can_reach": "",
    "nftables": False,
    "registry": "ghcr.io/flannel-io",
    "version": "v0.28.9",
    "plugin_version": "v1",
}
CILIUM: Dict[str, Any] = {
    "proxy_mode": "iptables",
    "endpoint": "",
    "pod_subnet": "10.244.0.0/16",
    "nodes": 1,
    "mtu": 0,
    "l2_announcements": False,
    "bgp": False,
    "registry": "",
    "values": {},
}


@pytest.mark.parametrize("backend", ["aws-vpc", "gce", "ali-vpc"])
def test_backends_that_flannel_removed_are_refused_with_the_release(backend: str) -> None:
    with pytest.raises(SettingError, match=r"removed the \S+ backend in v0\.20\.0"):
        flannel_data(dict(FLANNEL, backend=backend))


@pytest.mark.parametrize("backend", ["udp", "alloc", "tencent-vpc", "ipsec", "none", "calico"])
def test_other_backends_are_refused_with_what_to_write(backend: str) -> None:
    with pytest.raises(SettingError, match="What to do: (use|write|set)"):
        flannel_data(dict(FLANNEL, backend=backend))


def test_ipip_comes_with_its_warning_and_without_ipv6() -> None:
    assert "experimental" in flannel_data(dict(FLANNEL, backend="ipip"))["warnings"][0]
    with pytest.raises(SettingError, match="carries IPv4 only"):
        flannel_data(dict(FLANNEL, backend="ipip", pod_subnet="10.244.0.0/16,fd00::/48"))


def test_dual_stack_names_both_networks() -> None:
    net_conf = flannel_data(dict(FLANNEL, pod_subnet="10.244.0.0/16,fd00::/48", mtu=1400))["net_conf"]
    assert (net_conf["Network"], net_conf["EnableIPv6"], net_conf["IPv6Network"]) == ("10.244.0.0/16", True, "fd00::/48")
    assert net_conf["Backend"] == {"Type": "vxlan", "MTU": 1400}


def test_ipv6_alone_switches_ipv4_off() -> None:
    net_conf = flannel_data(dict(FLANNEL, pod_subnet="fd00::/48"))["net_conf"]
    assert net_conf["EnableIPv4"] is False
    assert "Network" not in net_conf


@pytest.mark.parametrize(
    ("given", "argument"),
    [
        ({"interface": "eth1"}, "--iface=eth1"),
        ({"interface_regex": "^10\\."}, "--iface-regex=^10\\."),
        ({"can_reach": "10.0.0.1"}, "--iface-can-reach=10.0.0.1"),
    ],
)
def test_the_interface_may_be_chosen(given: Dict[str, str], argument: str) -> None:
    assert flannel_data(dict(FLANNEL, **given))["arguments"][-1] == argument


def test_backend_settings_pass_through_but_for_our_own() -> None:
    given = dict(FLANNEL, backend_settings={"DirectRouting": True})
    assert flannel_data(given)["net_conf"]["Backend"] == {"Type": "vxlan", "DirectRouting": True}
    with pytest.raises(SettingError, match="setting of its own"):
        flannel_data(dict(FLANNEL, backend_settings={"MTU": 1}))


def test_host_gw_has_no_mtu() -> None:
    with pytest.raises(SettingError, match="cni_mtu"):
        flannel_data(dict(FLANNEL, backend="host-gw", mtu=1400))


@pytest.mark.parametrize("text", ["", "10.244.0.1/16", "10.244.0.0/16,10.245.0.0/16"])
def test_what_is_no_pod_subnet_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match="cni_pod_subnet"):
        pod_subnets(text)


def test_cilium_leaves_a_running_kube_proxy_alone() -> None:
    values = cilium_values(CILIUM)
    assert values["kubeProxyReplacement"] is False
    assert "k8sServiceHost" not in values
    assert values["operator"] == {"replicas": 1}
    assert values["ipam"] == {"mode": "kubernetes"}


def test_cilium_without_kube_proxy_needs_the_endpoint() -> None:
    with pytest.raises(SettingError, match="cluster_endpoint"):
        cilium_values(dict(CILIUM, proxy_mode="disabled"))
    values = cilium_values(dict(CILIUM, proxy_mode="disabled", endpoint="[fd00::1]:6443"))
    assert (values["k8sServiceHost"], values["k8sServicePort"]) == ("fd00::1", 6443)


def test_a_users_values_are_laid_over_ours() -> None:
    pool = {"mode": "cluster-pool", "operator": {"clusterPoolIPv4PodCIDRList": ["10.244.128.0/17"]}}
    values = cilium_values(dict(CILIUM, values={"operator": {"rollOutPods": True}, "ipam": pool}))
    assert values["operator"] == {"replicas": 1, "rollOutPods": True}
    assert values["ipam"] == pool


@pytest.mark.parametrize(
    ("ipam", "says"),
    [
        ({"mode": "cluster-pool"}, "is missing, and the chart's own overlaps"),
        ({"mode": "cluster-pool", "operator": {"clusterPoolIPv4PodCIDRList": ["10.0.0.0/8"]}}, "lies outside of"),
        ({"mode": "cluster-pool", "operator": {"clusterPoolIPv4PodCIDRList": ["x"]}}, "write networks within"),
        ({"mode": "multi-pool"}, "nothing here looks"),
    ],
)
def test_ciliums_addresses_lie_within_the_pod_subnet(ipam: Dict[str, Any], says: str) -> None:
    with pytest.raises(SettingError, match=says):
        cilium_values(dict(CILIUM, values={"ipam": ipam}))


def test_a_node_that_has_not_joined_has_no_bridge() -> None:
    with pytest.raises(SettingError, match=r"nodes: cp1"):
        bridge_data(
            {
                "node_name": "worker1",
                "pod_subnet": "10.244.0.0/16",
                "mtu": 0,
                "masquerade": True,
                "nodes": [{"name": "cp1", "addresses": ["10.0.0.1"], "pod_cidrs": ["10.244.0.0/24"]}],
            }
        )


def test_routes_of_both_families_go_to_the_address_of_their_family() -> None:
    data = bridge_data(
        {
            "node_name": "a",
            "pod_subnet": "10.244.0.0/16,fd00:10::/56",
            "mtu": 1400,
            "masquerade": False,
            "nodes": [
                {"name": "a", "addresses": ["10.0.0.1", "fd00::1"], "pod_cidrs": ["10.244.0.0/24", "fd00:10::/64"]},
                {"name": "b", "addresses": ["10.0.0.2", "fd00::2"], "pod_cidrs": ["10.244.1.0/24", "fd00:10:0:1::/64"]},
            ],
        }
    )
    assert data["routes"] == {
        "ipv4": "route replace 10.244.1.0/24 via 10.0.0.2 protocol 177\n",
        "ipv6": "route replace fd00:10:0:1::/64 via fd00::2 protocol 177\n",
    }
    assert data["rules"] == ["forward 4 10.244.0.0/16", "forward 6 fd00:10::/56"]
    bridge = data["conflist"]["plugins"][0]
    assert bridge["mtu"] == 1400
    assert bridge["ipam"]["ranges"] == [[{"subnet": "10.244.0.0/24"}], [{"subnet": "fd00:10::/64"}]]
