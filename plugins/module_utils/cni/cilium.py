# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values of Cilium's Helm chart. Pure.

Sources: cilium/cilium Documentation/network/kubernetes/kubeproxy-free.rst, install/kubernetes/cilium/values.yaml of 1.19 and 1.20.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping

from ansible_collections.baremetal.kubernetes.plugins.module_utils.cni.settings import pod_subnets
from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import merged


def cilium_values(settings: Mapping[str, Any]) -> Dict[str, Any]:
    """The chart's values.

    :param settings: proxy_mode, endpoint ("host:port"), pod_subnet, nodes (how many), mtu, values (merged last).
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
        host, port = _endpoint(str(settings["endpoint"]))
        values.update(k8sServiceHost=host, k8sServicePort=port)
    if int(settings["mtu"]):
        values["MTU"] = int(settings["mtu"])
    return merged(values, settings["values"])


def _endpoint(endpoint: str) -> "tuple[str, int]":
    host, colon, port = endpoint.rpartition(":")
    if not colon or not host.strip("[]") or not port.isdigit():
        raise SettingError(
            "cluster_endpoint",
            "%r: without kube-proxy nothing but this leads Cilium to the API" % endpoint,
            "set it to HOST:PORT, or let kube-proxy run (cluster_proxy_mode)",
        )
    return host.strip("[]"), int(port)
