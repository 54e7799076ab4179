# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kube-vip's manifests: what it is told, and what it would misread is refused."""

from __future__ import annotations

import pathlib
from typing import Any, Dict

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kube_vip.settings import DEFAULTS, kube_vip_data
from yaml_files import read_yaml

OF_A_HOST = {"node_name": "cp1", "address": "192.0.2.100", "port": 6443, "interface": "eth0", "bgp_router_id": "192.0.2.11"}


def made(**given: Any) -> Dict[str, Any]:
    return kube_vip_data({**DEFAULTS, **OF_A_HOST, **given})


def spec(data: Dict[str, Any], daemon_set: bool = False) -> Dict[str, Any]:
    if not daemon_set:
        return data["pod"]["spec"]
    return next(one for one in data["objects"] if one["kind"] == "DaemonSet")["spec"]["template"]["spec"]


def environment(data: Dict[str, Any], daemon_set: bool = False) -> Dict[str, Any]:
    variables = spec(data, daemon_set)["containers"][0]["env"]
    assert len({one["name"] for one in variables}) == len(variables)
    return {one["name"]: one.get("value", one.get("valueFrom", "")) for one in variables}


def refused(setting: str, words: str, **given: Any) -> None:
    with pytest.raises(SettingError, match=words) as caught:
        made(**given)
    assert caught.value.setting == setting


def test_the_defaults_are_those_of_the_role() -> None:
    path = pathlib.Path(__file__).resolve().parents[5] / "roles" / "kube_vip" / "defaults" / "main.yml"
    role = {name[len("kube_vip_") :]: value for name, value in read_yaml(path).items()}
    assert {name: value for name, value in role.items() if "{{" not in str(value)} == DEFAULTS


def test_by_arp_one_node_holds_the_address_while_its_lease_and_its_own_api_server_live() -> None:
    variables = environment(made())
    assert variables["address"] == "192.0.2.100" and variables["vip_interface"] == "eth0" and variables["port"] == "6443"
    assert (variables["vip_arp"], variables["vip_leaderelection"], variables["cp_enable"]) == ("true", "true", "true")
    assert [variables["vip_" + name] for name in ("leaseduration", "renewdeadline", "retryperiod")] == ["5", "3", "1"]
    assert variables["vip_nodename"] == {"fieldRef": {"fieldPath": "spec.nodeName"}}
    assert spec(made())["hostAliases"] == [{"ip": "127.0.0.1", "hostnames": ["kubernetes"]}]
    assert "bgp_enable" not in variables and variables["svc_enable"] == "false"


def test_its_metrics_are_for_the_host_only_and_can_be_off() -> None:
    assert environment(made())["prometheus_server"] == "127.0.0.1:2112"
    # Without the variable kube-vip would show them on every address.
    assert environment(made(metrics_address=""))["prometheus_server"] == ""


def test_the_static_pod_waits_for_the_kubeconfig_that_kubeadm_is_about_to_write() -> None:
    pod = spec(made(kubeconfig="/etc/kubernetes/super-admin.conf"))
    assert pod["volumes"] == [{"name": "kubeconfig", "hostPath": {"path": "/etc/kubernetes/super-admin.conf", "type": "File"}}]
    assert pod["containers"][0]["volumeMounts"] == [
        {"name": "kubeconfig", "mountPath": "/etc/kubernetes/admin.conf", "readOnly": True}
    ]


def test_the_daemon_set_asks_its_own_nodes_api_server_and_runs_where_the_static_pod_has_gone() -> None:
    data = made()
    variables = environment(data, daemon_set=True)
    assert (variables["KUBERNETES_SERVICE_HOST"], variables["KUBERNETES_SERVICE_PORT"]) == ("kubernetes", "6443")
    assert spec(data, daemon_set=True)["nodeSelector"] == {"baremetal.kubernetes/kube-vip": "daemon-set"}
    assert "volumes" not in spec(data, daemon_set=True)
    assert data["objects"][-1]["metadata"] == {"name": "cp1", "labels": {"baremetal.kubernetes/kube-vip": "daemon-set"}}
    assert "ClusterRole" not in [one["kind"] for one in data["objects"]], "leases in its own namespace are enough"


def test_by_bgp_every_node_announces_the_address_on_its_loopback_while_its_api_server_is_ready() -> None:
    peers = [{"address": "192.0.2.1", "as": 64512}, {"address": "2001:db8::1", "as": 64513, "multihop": True, "port": 1790}]
    data = made(mode="bgp", bgp_peers=peers, interface="")
    variables = environment(data)
    assert variables["bgp_peers"] == "192.0.2.1:64512::false:179,[2001:db8::1]:64513::true:1790"
    assert (variables["vip_interface"], variables["vip_leaderelection"], variables["bgp_routerid"]) == ("lo", "false", "192.0.2.11")
    assert variables["control_plane_health_check_address"] == "https://kubernetes:6443/readyz"
    assert (variables["bgp_hold_time"], variables["bgp_keepalive_interval"]) == ("9", "3")
    assert "vip_arp" not in variables
    for pod in (spec(data), spec(data, daemon_set=True)):
        assert {"name": "ca", "hostPath": {"path": "/etc/kubernetes/pki/ca.crt", "type": "File"}} in pod["volumes"]
    assert environment(data, daemon_set=True)["bgp_routerid"] == {"fieldRef": {"fieldPath": "status.hostIP"}}


def test_services_of_one_class_only_and_the_rights_for_them() -> None:
    data = made(services=True, load_balancer_class="kube-vip.io/kube-vip-class", service_interface="eth1")
    variables = environment(data)
    assert (variables["svc_enable"], variables["lb_class_only"], variables["lb_class_name"]) == (
        "true",
        "true",
        "kube-vip.io/kube-vip-class",
    )
    assert variables["vip_servicesinterface"] == "eth1"
    assert "ClusterRole" in [one["kind"] for one in data["objects"]]


@pytest.mark.parametrize(
    "setting, words, given",
    [
        ("kube_vip_lease_duration", "each is longer than the next", {"renew_deadline": 5}),
        ("kube_vip_lease_duration", "each is longer than the next", {"retry_period": 3}),
        ("kube_vip_retry_period", "no whole number of seconds", {"retry_period": "0.5"}),
        ("kube_vip_mode", "no mode of this role", {"mode": "table"}),
        ("kube_vip_address", "no IP address", {"address": "192.0.2.100/24"}),
        ("kube_vip_port", "no TCP port", {"port": 70000}),
        ("kube_vip_bgp_peers", "no router is named", {"mode": "bgp"}),
        ("kube_vip_bgp_peers[1].as", "autonomous system", {"mode": "bgp", "bgp_peers": [{"address": "192.0.2.1", "as": 0}]}),
        ("kube_vip_load_balancer_class", "no name of a class", {"services": True, "load_balancer_class": "a class"}),
    ],
)
def test_what_kube_vip_would_end_at_or_misread_is_refused(setting: str, words: str, given: Dict[str, Any]) -> None:
    refused(setting, words, **given)


def test_a_password_that_everybody_could_read_is_refused_without_showing_it() -> None:
    peers = [{"address": "192.0.2.1", "as": 64512, "password": "hunter2"}]
    with pytest.raises(SettingError, match="everybody reads who may list pods") as caught:
        made(mode="bgp", bgp_peers=peers)
    assert "hunter2" not in str(caught.value)


def test_an_ipv6_router_id_is_refused() -> None:
    with pytest.raises(SettingError, match="32 bits"):
        kube_vip_data(
            dict(
                DEFAULTS, **dict(OF_A_HOST, bgp_router_id="2001:db8::1"), mode="bgp", bgp_peers=[{"address": "192.0.2.1", "as": 1}]
            )
        )
