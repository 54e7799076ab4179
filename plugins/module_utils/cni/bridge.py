# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plain pod network for nodes in one segment: a bridge on each, and a route to every other node's pods. Pure.

No overlay and no policy, so it is for labs and small clusters whose nodes share a layer 2.
"""

from __future__ import annotations

import ipaddress
from typing import Any, Dict, List, Mapping, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.cni.settings import pod_subnets
from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError

#: Marks our routes (ip-route(8): a number without a name is fine), so that others' are never touched. Return routes have 178.
PROTOCOL = 177


def bridge_data(settings: Mapping[str, Any]) -> Dict[str, Any]:
    """Of one node: ``conflist`` (the CNI configuration), ``routes`` ("ipv4" and "ipv6", commands for ``ip -batch``) and ``rules``
    (lines for the role's kubernetes-pod-network.sh).

    :param settings: node_name, nodes [{name, address(es), pod_cidrs}], pod_subnet, mtu, masquerade.
    :raises SettingError: the node is unknown to the cluster, or has no pod network.
    """
    subnets = [subnet for subnet in pod_subnets(str(settings["pod_subnet"])) if subnet]
    nodes: Sequence[Mapping[str, Any]] = settings["nodes"]
    own = [node for node in nodes if node["name"] == settings["node_name"]]
    if not own or not own[0]["pod_cidrs"]:
        raise SettingError(
            "node_name %s" % settings["node_name"],
            "the cluster knows no pod network for it (nodes: %s)" % (", ".join(str(node["name"]) for node in nodes) or "none"),
            "let the node join first, and give the cluster a podSubnet (cluster_pod_subnet)",
        )
    return {
        "conflist": _conflist(own[0]["pod_cidrs"], int(settings["mtu"])),
        "routes": _routes([node for node in nodes if node["name"] != settings["node_name"]]),
        "rules": _rules(subnets, bool(settings["masquerade"])),
    }


def _conflist(pod_cidrs: Sequence[str], mtu: int) -> Dict[str, Any]:
    networks = [ipaddress.ip_network(cidr) for cidr in pod_cidrs]
    bridge: Dict[str, Any] = {
        "type": "bridge",
        "bridge": "cni0",
        "isDefaultGateway": True,
        # A pod that reaches itself through its own service comes back by the port it left.
        "hairpinMode": True,
        "ipam": {"type": "host-local", "ranges": [[{"subnet": str(network)}] for network in networks]},
    }
    if mtu:
        bridge["mtu"] = mtu
    return {
        "cniVersion": "0.3.1",
        "name": "pods",
        "plugins": [bridge, {"type": "portmap", "capabilities": {"portMappings": True}}],
    }


def _routes(others: Sequence[Mapping[str, Any]]) -> Dict[str, str]:
    texts = {"ipv4": "", "ipv6": ""}
    for node in sorted(others, key=lambda node: str(node["name"])):
        gateways = {ipaddress.ip_address(address).version: address for address in reversed(node["addresses"])}
        for cidr in node["pod_cidrs"]:
            network = ipaddress.ip_network(cidr)
            if network.version in gateways:
                gateway = ipaddress.ip_address(gateways[network.version])
                texts["ipv%d" % network.version] += "route replace %s via %s protocol %d\n" % (network, gateway, PROTOCOL)
    return texts


def _rules(subnets: Sequence[str], masquerade: bool) -> List[str]:
    lines = []
    for subnet in subnets:
        version = ipaddress.ip_network(subnet).version
        lines.append("forward %d %s" % (version, subnet))
        if masquerade:
            lines.append("masquerade %d %s" % (version, subnet))
    return lines
