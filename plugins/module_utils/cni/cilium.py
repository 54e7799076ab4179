# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values of Cilium's Helm chart. Pure.

Sources: cilium/cilium Documentation/network/kubernetes/kubeproxy-free.rst, install/kubernetes/cilium/values.yaml of 1.19 and 1.20.
"""

from __future__ import annotations

import ipaddress
from typing import Any, Dict, List, Mapping

from ansible_collections.baremetal.kubernetes.plugins.module_utils.cni.settings import pod_subnets
from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import is_digits, merged

#: What the agents may ask of the API in a second: each announced Service has a Lease that is renewed (l2-announcements.rst).
L2_CLIENT = {"qps": 50, "burst": 100}

#: Where the chart names the images of quay.io/cilium, those of what values may switch on among them.
IMAGES = {
    "image": "cilium",
    "operator.image": "operator",
    "envoy.image": "cilium-envoy",
    "certgen.image": "certgen",
    "encryption.ztunnel.image": "ztunnel",
    "hubble.relay.image": "hubble-relay",
    "hubble.ui.backend.image": "hubble-ui-backend",
    "hubble.ui.frontend.image": "hubble-ui",
    "clustermesh.apiserver.image": "clustermesh-apiserver",
    "nodeinit.image": "startup-script",
    "preflight.image": "cilium",
    "preflight.envoy.image": "cilium-envoy",
}


def cilium_values(settings: Mapping[str, Any]) -> Dict[str, Any]:
    """The chart's values.

    :param settings: proxy_mode, endpoint ("host:port"), pod_subnet, nodes (how many), mtu, l2_announcements, bgp, registry (where
        all of Cilium's images are, as quay.io/cilium has them; empty for that), values (merged last).
    :raises SettingError: a setting with which Cilium would start and not work.
    """
    ipv4, ipv6 = pod_subnets(str(settings["pod_subnet"]))
    values: Dict[str, Any] = {
        # The chart's own default hands out 10.0.0.0/8, which overlaps with nearly everything; this takes each node's podCIDR.
        "ipam": {"mode": "kubernetes"},
        "ipv4": {"enabled": ipv4 is not None},
        "ipv6": {"enabled": ipv6 is not None},
        # Two operators on one node would wait for each other's port.
        "operator": {"replicas": 1 if int(settings["nodes"]) < 2 else 2},
        # A boolean: strict, partial and probe are gone.
        "kubeProxyReplacement": settings["proxy_mode"] == "disabled",
    }
    if values["kubeProxyReplacement"]:
        host, port = api_endpoint(str(settings["endpoint"]), "Cilium")
        values.update(k8sServiceHost=host, k8sServicePort=port)
    if int(settings["mtu"]):
        values["MTU"] = int(settings["mtu"])
    if settings["l2_announcements"]:
        if not values["kubeProxyReplacement"]:
            problem = "Cilium announces addresses of Services only where it does kube-proxy's work"
            raise SettingError("cni_cilium_l2_announcements", problem, "set cluster_proxy_mode: disabled, or use role metallb")
        values.update(l2announcements={"enabled": True}, k8sClientRateLimit=dict(L2_CLIENT))
    if settings["bgp"]:
        values["bgpControlPlane"] = {"enabled": True}
    if settings["registry"]:
        registry = str(settings["registry"]).rstrip("/")
        for path, name in IMAGES.items():
            place: Dict[str, Any] = values
            for part in path.split("."):
                place = place.setdefault(part, {})
            place["repository"] = "%s/%s" % (registry, name)
    result = merged(values, settings["values"])
    _within(result, [subnet for subnet in (ipv4, ipv6) if subnet])
    return result


def _within(values: Mapping[str, Any], subnets: List[str]) -> None:
    """Refuse pools that a user's values take from elsewhere: only the pod subnet is known to overlap with nothing.

    :raises SettingError: the first that does.
    """
    ipam = values["ipam"]
    if ipam.get("mode") == "kubernetes":
        return
    if ipam.get("mode") != "cluster-pool":
        problem = "mode %s takes addresses from where nothing here looks" % ipam.get("mode")
        raise SettingError("cni_cilium_values.ipam.mode", problem, "leave it out (kubernetes), or write cluster-pool")
    operator = ipam.get("operator") or {}
    for family, name in ((4, "clusterPoolIPv4PodCIDRList"), (6, "clusterPoolIPv6PodCIDRList")):
        own = [ipaddress.ip_network(subnet) for subnet in subnets if (":" in subnet) == (family == 6)]
        setting = "cni_cilium_values.ipam.operator." + name
        listed = operator.get(name)
        if own and not listed:
            # The chart's own would be 10.0.0.0/8 or fd00::/104.
            raise SettingError(setting, "it is missing, and the chart's own overlaps with nearly everything", "write [%s]" % own[0])
        for text in listed or []:
            try:
                inside = any(ipaddress.ip_network(str(text)).subnet_of(subnet) for subnet in own)  # type: ignore[arg-type]
            except (ValueError, TypeError) as error:
                raise SettingError(setting, str(error), "write networks within cluster_pod_subnet")
            if not inside:
                raise SettingError(setting, "%s lies outside of cluster_pod_subnet" % text, "write networks within it")


def cilium_objects(settings: Mapping[str, Any]) -> List[Dict[str, Any]]:
    """Pools of addresses for Services, who announces them on the segment, and who to by BGP.

    :param settings: l2_announcements, bgp, pools [{name, addresses}], bgp_as_number, bgp_peers [{name, address, as_number}],
        interfaces.
    :raises SettingError: pools without a way out, a way out without pools, or a peer that is none.
    """
    pools, peers = settings["pools"], settings["bgp_peers"]
    if pools and not settings["l2_announcements"] and not settings["bgp"]:
        problem = "nobody would announce these addresses"
        raise SettingError("cni_cilium_load_balancer_pools", problem, "set cni_cilium_l2_announcements or cni_cilium_bgp to true")
    if settings["bgp"] and (not peers or not int(settings["bgp_as_number"])):
        raise SettingError(
            "cni_cilium_bgp", "it has no peers or no number of its own", "set cni_cilium_bgp_as_number and cni_cilium_bgp_peers"
        )
    found = [
        _object("CiliumLoadBalancerIPPool", "v2", str(pool["name"]), {"blocks": [_block(text) for text in pool["addresses"]]})
        for pool in pools
    ]
    if settings["l2_announcements"]:
        spec: Dict[str, Any] = {"loadBalancerIPs": True, "externalIPs": True}
        if settings["interfaces"]:
            spec["interfaces"] = list(settings["interfaces"])
        found.append(_object("CiliumL2AnnouncementPolicy", "v2alpha1", "default", spec))
    if settings["bgp"]:
        labels = {"matchLabels": {"advertise": "bgp"}}
        families = [{"afi": afi, "safi": "unicast", "advertisements": labels} for afi in ("ipv4", "ipv6")]
        found.append(_object("CiliumBGPPeerConfig", "v2", "default", {"families": families}))
        services = {"advertisementType": "Service", "service": {"addresses": ["LoadBalancerIP", "ExternalIP"]}}
        # A selector that selects all: without one Cilium advertises no Service.
        services["selector"] = {"matchExpressions": [{"key": "baremetal-kubernetes/not-advertised", "operator": "DoesNotExist"}]}
        advertisement = _object(
            "CiliumBGPAdvertisement", "v2", "default", {"advertisements": [services, {"advertisementType": "PodCIDR"}]}
        )
        advertisement["metadata"]["labels"] = {"advertise": "bgp"}
        found.append(advertisement)
        listed = [
            {
                "name": str(peer["name"]),
                "peerASN": int(peer["as_number"]),
                "peerAddress": _address(peer),
                "peerConfigRef": {"name": "default"},
            }
            for peer in peers
        ]
        instance = {"name": "default", "localASN": int(settings["bgp_as_number"]), "peers": listed}
        found.append(_object("CiliumBGPClusterConfig", "v2", "default", {"bgpInstances": [instance]}))
    return found


def _address(peer: Mapping[str, Any]) -> str:
    try:
        return str(ipaddress.ip_address(str(peer["address"])))
    except ValueError as error:
        raise SettingError("cni_cilium_bgp_peers", str(error), "write the router's address")


def _block(text: str) -> Dict[str, str]:
    """A network, or the first and the last address with a hyphen between."""
    first, hyphen, last = str(text).partition("-")
    try:
        if hyphen:
            return {"start": str(ipaddress.ip_address(first.strip())), "stop": str(ipaddress.ip_address(last.strip()))}
        return {"cidr": str(ipaddress.ip_network(first.strip()))}
    except ValueError as error:
        raise SettingError("cni_cilium_load_balancer_pools", str(error), "write 192.0.2.0/28, or 192.0.2.1-192.0.2.14")


def _object(kind: str, version: str, name: str, spec: Mapping[str, Any]) -> Dict[str, Any]:
    return {"apiVersion": "cilium.io/" + version, "kind": kind, "metadata": {"name": name}, "spec": dict(spec)}


def api_endpoint(endpoint: str, who: str) -> "tuple[str, int]":
    """Host and port of the API for a pod network that has no kube-proxy to lead it there."""
    host, colon, port = endpoint.rpartition(":")
    if not colon or not host.strip("[]") or not is_digits(port):
        raise SettingError(
            "cluster_endpoint",
            "%r: without kube-proxy nothing but this leads %s to the API" % (endpoint, who),
            "set it to HOST:PORT, or let kube-proxy run (cluster_proxy_mode)",
        )
    return host.strip("[]"), int(port)
