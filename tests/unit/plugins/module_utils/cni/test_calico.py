# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calico's Installation, and Cilium's objects."""

from __future__ import annotations

import pathlib
from typing import Any, Dict

import pytest
import yaml
from ansible_collections.baremetal.kubernetes.plugins.module_utils.cni.calico import calico_data
from ansible_collections.baremetal.kubernetes.plugins.module_utils.cni.cilium import cilium_objects
from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.checks.pod_network import DEFAULTS

ROLE = pathlib.Path(__file__).resolve().parents[5] / "roles" / "cni" / "defaults" / "main.yml"
CALICO: Dict[str, Any] = {
    "encapsulation": "vxlan",
    "dataplane": "iptables",
    "bgp": False,
    "as_number": 0,
    "peers": [],
    "node_mesh": True,
    "block_size": 0,
    "pod_subnet": "10.244.0.0/16",
    "mtu": 0,
    "registry": "",
    "proxy_mode": "iptables",
    "endpoint": "10.0.0.100:8443",
    "nodes": 3,
    "values": {},
}
PEER = {"address": "10.0.0.1", "as_number": 64512}


def network(**given: Any) -> Dict[str, Any]:
    made: Dict[str, Any] = calico_data(dict(CALICO, **given))["values"]["installation"]["calicoNetwork"]
    return made


def test_the_checks_know_the_roles_defaults() -> None:
    defaults = yaml.safe_load(ROLE.read_text())
    for cni, settings in DEFAULTS.items():
        assert settings == {name: defaults["cni_%s_%s" % (cni, name)] for name in settings}


def test_pools_are_the_clusters_and_nodes_have_the_kubelets_address() -> None:
    made = network(pod_subnet="10.244.0.0/16,fd00:10::/56")
    assert [(pool["cidr"], pool["blockSize"]) for pool in made["ipPools"]] == [("10.244.0.0/16", 26), ("fd00:10::/56", 122)]
    assert made["nodeAddressAutodetectionV4"] == made["nodeAddressAutodetectionV6"] == {"kubernetes": "NodeInternalIP"}
    assert "mtu" not in made


@pytest.mark.parametrize(
    ("given", "mtu"),
    [
        ({}, 1390),
        ({"pod_subnet": "10.244.0.0/16,fd00:10::/56"}, 1370),
        ({"encapsulation": "ipip", "bgp": True}, 1420),
        ({"encapsulation": "none", "bgp": True}, 1440),
    ],
)
def test_the_header_is_taken_off_what_the_way_carries(given: Dict[str, Any], mtu: int) -> None:
    assert network(mtu=1440, **given)["mtu"] == mtu


def test_ebpf_has_the_endpoint_and_a_mirror_has_its_slash() -> None:
    values = calico_data(dict(CALICO, dataplane="ebpf", proxy_mode="disabled", registry="registry.example.org/m"))["values"]
    assert values["kubernetesServiceEndpoint"] == {"host": "10.0.0.100", "port": "8443"}
    assert values["installation"]["registry"] == "registry.example.org/m/"


def test_routers_become_peers() -> None:
    objects = calico_data(dict(CALICO, encapsulation="none", bgp=True, as_number=64513, peers=[PEER], node_mesh=False))["objects"]
    assert [(one["kind"], one["spec"]) for one in objects] == [
        ("BGPConfiguration", {"nodeToNodeMeshEnabled": False, "asNumber": 64513}),
        ("BGPPeer", {"peerIP": "10.0.0.1", "asNumber": 64512}),
    ]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"encapsulation": "gre"}, "no encapsulation"),
        ({"dataplane": "ovs"}, "no dataplane"),
        ({"encapsulation": "ipip", "bgp": True, "pod_subnet": "10.244.0.0/16,fd00::/56"}, "carries no IPv6"),
        ({"peers": [PEER]}, "BGP is off"),
        ({"bgp": True, "peers": [{"address": "router", "as_number": 1}]}, "peers.0..address"),
        ({"bgp": True, "peers": [{"address": "10.0.0.1"}]}, "as_number"),
        ({"bgp": True, "node_mesh": False}, "no node knows another"),
        ({"block_size": 8}, "is no block"),
    ],
)
def test_what_would_carry_nothing_is_refused(given: Dict[str, Any], says: str) -> None:
    with pytest.raises(SettingError, match=says):
        calico_data(dict(CALICO, **given))


def test_ciliums_objects_select_every_service() -> None:
    objects = cilium_objects(
        {
            "l2_announcements": True,
            "interfaces": ["^eth[0-9]+"],
            "bgp": True,
            "bgp_as_number": 64513,
            "bgp_peers": [{"name": "router", "address": "10.0.0.1", "as_number": 64512}],
            "pools": [{"name": "public", "addresses": ["192.0.2.0/28", "192.0.2.32-192.0.2.40"]}],
        }
    )
    assert objects[0]["spec"]["blocks"] == [{"cidr": "192.0.2.0/28"}, {"start": "192.0.2.32", "stop": "192.0.2.40"}]
    assert {one["kind"] for one in objects} == {
        *("CiliumLoadBalancerIPPool", "CiliumL2AnnouncementPolicy", "CiliumBGPPeerConfig"),
        *("CiliumBGPAdvertisement", "CiliumBGPClusterConfig"),
    }


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"pools": [{"name": "a", "addresses": ["192.0.2.0/28"]}]}, "nobody would announce"),
        ({"l2_announcements": True, "pools": [{"name": "a", "addresses": ["192.0.2.5/28"]}]}, "write 192.0.2.0/28"),
        ({"bgp": True, "bgp_as_number": 1, "bgp_peers": [{"name": "a", "address": "x", "as_number": 1}]}, "router's address"),
    ],
)
def test_ciliums_pools_and_peers_are_looked_at(given: Dict[str, Any], says: str) -> None:
    nothing: Dict[str, Any] = {
        "l2_announcements": False,
        "interfaces": [],
        "bgp": False,
        "bgp_as_number": 0,
        "bgp_peers": [],
        "pools": [],
    }
    with pytest.raises(SettingError, match=says):
        cilium_objects({**nothing, **given})
