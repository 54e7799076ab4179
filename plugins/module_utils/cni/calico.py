# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calico by its operator: the values of the chart tigera-operator, with the Installation in them, and BGP objects. Pure.

Sources: docs.tigera.io/calico reference/installation/api and getting-started/kubernetes/helm; tigera/operator
config/crd/bases/operator.tigera.io_installations.yaml; projectcalico/calico charts/tigera-operator/values.yaml.
"""

from __future__ import annotations

import ipaddress
from typing import Any, Dict, List, Mapping

from ansible_collections.baremetal.kubernetes.plugins.module_utils.cni.cilium import api_endpoint
from ansible_collections.baremetal.kubernetes.plugins.module_utils.cni.settings import pod_subnets
from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import is_digits, merged

#: Our word -> the operator's, and what its header takes of a packet over IPv4 and IPv6 (None: it can't carry the family).
ENCAPSULATIONS: Mapping[str, Any] = {
    "vxlan": ("VXLAN", {4: 50, 6: 70}),
    "vxlan-cross-subnet": ("VXLANCrossSubnet", {4: 50, 6: 70}),
    "ipip": ("IPIP", {4: 20, 6: None}),
    "ipip-cross-subnet": ("IPIPCrossSubnet", {4: 20, 6: None}),
    "none": ("None", {4: 0, 6: 0}),
}
DATAPLANES = {"iptables": "Iptables", "nftables": "Nftables", "ebpf": "BPF"}
#: What people write who followed pages of other releases.
REFUSED_DATAPLANES = {
    "vpp": ("Calico's VPP dataplane is a project of its own and needs huge pages and a driver of the card", "write ebpf"),
    "bpf": ("the setting calls it ebpf", "write ebpf"),
}
BLOCK_SIZES = {4: (20, 32, 26), 6: (116, 128, 122)}


def calico_data(settings: Mapping[str, Any]) -> Dict[str, Any]:
    """``values`` of the chart, and ``objects`` of BGP for after it.

    :param settings: encapsulation, dataplane, bgp, as_number, peers [{address, as_number, node_selector}], node_mesh, block_size,
        pod_subnet, mtu (what the way between nodes carries; 0 leaves it to Calico), registry, proxy_mode, endpoint, nodes (how
        many), values.
    :raises SettingError: a setting with which Calico would not start, or start and carry nothing.
    """
    check(settings)
    families = {4 if ":" not in subnet else 6: subnet for subnet in pod_subnets(str(settings["pod_subnet"])) if subnet}
    name, headers = ENCAPSULATIONS[settings["encapsulation"]]
    network: Dict[str, Any] = {
        "bgp": "Enabled" if settings["bgp"] else "Disabled",
        "linuxDataplane": DATAPLANES[settings["dataplane"]],
        "ipPools": [
            {
                "name": "default-ipv%d-ippool" % family,
                "cidr": subnet,
                "encapsulation": name,
                "natOutgoing": "Enabled",
                "nodeSelector": "all()",
                "blockSize": _block_size(settings, family, subnet),
            }
            for family, subnet in families.items()
        ],
    }
    for family in families:
        # The address that the kubelet told the cluster, whatever other networks a host has.
        network["nodeAddressAutodetectionV%d" % family] = {"kubernetes": "NodeInternalIP"}
    if int(settings["mtu"]):
        network["mtu"] = int(settings["mtu"]) - max(headers[family] for family in families)
    installation: Dict[str, Any] = {
        "variant": "Calico",
        "calicoNetwork": network,
        # Two Typhas for one node would leave one Pending for ever.
        **({"controlPlaneReplicas": 1} if int(settings["nodes"]) < 2 else {}),
    }
    values: Dict[str, Any] = {"installation": installation, "apiServer": {"enabled": True}}
    if settings["registry"]:
        registry = str(settings["registry"]).rstrip("/")
        # The operator wants the slash at the end, the chart none.
        installation["registry"] = registry + "/"
        values["tigeraOperator"] = {"registry": registry}
    if settings["proxy_mode"] == "disabled":
        host, port = api_endpoint(str(settings["endpoint"]), "Calico")
        values["kubernetesServiceEndpoint"] = {"host": host, "port": str(port)}
    return {"values": merged(values, settings["values"]), "objects": _objects(settings)}


def check(settings: Mapping[str, Any]) -> None:
    """Refuse what can't work.

    :raises SettingError: the first of it.
    """
    word, plane, bgp = str(settings["encapsulation"]), str(settings["dataplane"]), bool(settings["bgp"])
    if word not in ENCAPSULATIONS:
        raise SettingError(
            "cni_calico_encapsulation", "Calico has no encapsulation %r" % word, "write one of %s" % ", ".join(ENCAPSULATIONS)
        )
    if plane in REFUSED_DATAPLANES:
        raise SettingError("cni_calico_dataplane", "%s: %s" % (plane, REFUSED_DATAPLANES[plane][0]), REFUSED_DATAPLANES[plane][1])
    if plane not in DATAPLANES:
        raise SettingError("cni_calico_dataplane", "there is no dataplane %r" % plane, "write one of %s" % ", ".join(DATAPLANES))
    ipv4, ipv6 = pod_subnets(str(settings["pod_subnet"]))
    if ipv6 and word.startswith("ipip"):
        raise SettingError("cni_calico_encapsulation", "IP in IP carries no IPv6, and cni_pod_subnet has it", "write vxlan")
    if word.startswith("ipip") and not bgp:
        raise SettingError(
            "cni_calico_bgp",
            "IP in IP takes its routes from BGP, and that is off",
            "set it to true, or cni_calico_encapsulation: vxlan",
        )
    if word == "none" and not bgp:
        raise SettingError(
            "cni_calico_bgp", "without BGP and without encapsulation nobody knows the way to a pod", "set it to true"
        )
    if settings["peers"] and not bgp:
        raise SettingError("cni_calico_bgp_peers", "there are peers, and BGP is off", "set cni_calico_bgp: true")
    if not settings["node_mesh"] and not settings["peers"]:
        raise SettingError(
            "cni_calico_bgp_node_mesh", "without the mesh and without peers no node knows another", "name cni_calico_bgp_peers"
        )
    if plane == "ebpf" and settings["proxy_mode"] != "disabled":
        raise SettingError(
            "cni_calico_dataplane",
            "ebpf does kube-proxy's work, and both would be in each other's way",
            "set cluster_proxy_mode: disabled",
        )
    if plane != "ebpf" and settings["proxy_mode"] == "disabled":
        raise SettingError(
            "cluster_proxy_mode",
            "it is disabled, and Calico replaces kube-proxy by its dataplane ebpf alone",
            "write cni_calico_dataplane: ebpf",
        )
    if plane == "nftables" and settings["proxy_mode"] != "nftables":
        raise SettingError(
            "cni_calico_dataplane",
            "nftables works beside kube-proxy's own nftables mode only",
            "set cluster_proxy_mode: nftables, or write iptables",
        )
    for position, peer in enumerate(settings["peers"]):
        where = "cni_calico_bgp_peers[%d]" % position
        fields = peer if isinstance(peer, Mapping) else {}
        try:
            ipaddress.ip_address(str(fields.get("address", "")))
        except ValueError as error:
            raise SettingError(where + ".address", str(error), "write the router's address")
        if not is_digits(str(fields.get("as_number", ""))):
            raise SettingError(where + ".as_number", "it is missing", "write the router's number, like 64512")


def _block_size(settings: Mapping[str, Any], family: int, subnet: str) -> int:
    least, most, usual = BLOCK_SIZES[family]
    size = int(settings["block_size"]) if family == 4 and int(settings["block_size"]) else usual
    if not max(least, ipaddress.ip_network(subnet).prefixlen) <= size <= most:
        problem = "/%d is no block of %s: Calico takes from /%d to /%d, within the pool" % (size, subnet, least, most)
        raise SettingError("cni_calico_block_size", problem, "write %d" % usual)
    return size


def _objects(settings: Mapping[str, Any]) -> List[Dict[str, Any]]:
    if not settings["bgp"] or not (settings["peers"] or int(settings["as_number"])):
        return []
    spec: Dict[str, Any] = {"nodeToNodeMeshEnabled": bool(settings["node_mesh"])}
    if int(settings["as_number"]):
        spec["asNumber"] = int(settings["as_number"])
    found = [_object("BGPConfiguration", "default", spec)]
    for peer in settings["peers"]:
        selector = {"nodeSelector": str(peer["node_selector"])} if peer.get("node_selector") else {}
        address = str(ipaddress.ip_address(str(peer["address"])))
        name = "peer-" + address.replace(".", "-").replace(":", "-").strip("-")
        found.append(_object("BGPPeer", name, {"peerIP": address, "asNumber": int(peer["as_number"]), **selector}))
    return found


def _object(kind: str, name: str, spec: Mapping[str, Any]) -> Dict[str, Any]:
    # The API server of the chart serves this group; its own crd.projectcalico.org is nobody's to write.
    return {"apiVersion": "projectcalico.org/v3", "kind": kind, "metadata": {"name": name}, "spec": dict(spec)}
