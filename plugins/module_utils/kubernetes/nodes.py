# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of a cluster as the API knows them."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, List, Mapping, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import Kubectl, KubernetesError

PAUSE = 2.0


def pod_network(node: Mapping[str, Any]) -> Dict[str, Any]:
    """``name``, ``addresses`` (InternalIP, the kubelet's first one first) and ``pod_cidrs`` of a node object."""
    spec, status = node.get("spec") or {}, node.get("status") or {}
    cidrs = spec.get("podCIDRs") or ([spec["podCIDR"]] if spec.get("podCIDR") else [])
    return {
        "name": str(node["metadata"]["name"]),
        "addresses": [str(entry["address"]) for entry in status.get("addresses") or [] if entry.get("type") == "InternalIP"],
        "pod_cidrs": [str(cidr) for cidr in cidrs],
    }


def pod_networks(
    kubectl: Kubectl, expected: Sequence[str], seconds: float, sleep: Callable[[float], None] = time.sleep
) -> List[Dict[str, Any]]:
    """The pod networks of all nodes, once each expected one has its own.

    :raises KubernetesError: which nodes have none after ``seconds``.
    """
    waited = 0.0
    while True:
        networks = sorted((pod_network(node) for node in kubectl.objects("nodes")), key=lambda network: str(network["name"]))
        missing = sorted(set(expected) - {network["name"] for network in networks if network["pod_cidrs"]})
        if not missing:
            return networks
        if waited >= seconds:
            raise KubernetesError(
                "pod networks of %s" % ", ".join(missing),
                "the cluster gave them none within %d s" % seconds,
                "check that these nodes have joined, and that the cluster has a podSubnet that is large enough for all nodes "
                "(cluster_pod_subnet, cluster_node_mask): kubectl get nodes, kubectl --namespace kube-system logs -l component="
                "kube-controller-manager",
            )
        sleep(PAUSE)
        waited += PAUSE
