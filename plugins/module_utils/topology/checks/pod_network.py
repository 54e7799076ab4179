# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What role cni would refuse in the middle of a run, refused before it; and who keeps no NetworkPolicy."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, Mapping

from ansible_collections.baremetal.kubernetes.plugins.module_utils.cni.calico import calico_data
from ansible_collections.baremetal.kubernetes.plugins.module_utils.cni.cilium import cilium_objects, cilium_values
from ansible_collections.baremetal.kubernetes.plugins.module_utils.cni.flannel import WARNINGS, flannel_data
from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.interconnect import plan_pod_mtu
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import Node, Topology, text
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.plan import endpoint
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import truth

#: cluster_cni -> the settings cni_NAME_* of the role with its defaults (a test compares them).
DEFAULTS: Dict[str, Dict[str, Any]] = {
    "flannel": {
        "version": "v0.28.10",
        "plugin_version": "v1.9.1-flannel3",
        "registry": "ghcr.io/flannel-io",
        "backend": "vxlan",
        "backend_settings": {},
        "interface": "",
        "interface_regex": "",
        "can_reach": "",
        "nftables": False,
    },
    "cilium": {
        "registry": "",
        "l2_announcements": False,
        "l2_interfaces": [],
        "load_balancer_pools": [],
        "bgp": False,
        "bgp_as_number": 0,
        "bgp_peers": [],
        "values": {},
    },
    "calico": {
        "registry": "",
        "encapsulation": "vxlan",
        "dataplane": "iptables",
        "bgp": False,
        "bgp_as_number": 0,
        "bgp_node_mesh": True,
        "bgp_peers": [],
        "block_size": 0,
        "values": {},
    },
}


#: Who speaks BGP, and keeps NetworkPolicies.
ROUTING = ("calico", "cilium")


def check(topology: Topology) -> Iterator[Problem]:
    cni, nodes = topology.settings.cni, topology.control_planes
    if nodes:
        yield from _of_others(cni, nodes[0])
    if cni not in DEFAULTS or not nodes:
        return
    try:
        _make(topology, cni, _settings(cni, nodes[0]))
    except SettingError as error:
        if error.subject not in ("cni_pod_subnet", "cluster_endpoint"):  # said of cluster_pod_subnet and cluster_endpoint elsewhere
            yield Problem(error.subject, error.problem, error.remedy)
    except (KeyError, TypeError, ValueError, AttributeError):
        return  # the role's argument specification says what is wrong with its form
    backend = text(nodes[0].setting("cni_flannel_backend")) or "vxlan"
    if cni == "flannel" and backend in WARNINGS:
        yield Problem("cni_flannel_backend", WARNINGS[backend], "write vxlan, host-gw or wireguard", warning=True)


def _of_others(cni: str, node: Node) -> Iterator[Problem]:
    """Settings of another pod network, which nobody reads."""
    for other in DEFAULTS:
        names = sorted(name for name in node.variables if name.startswith("cni_%s_" % other)) if other != cni else []
        if names:
            lacks = "" if cni in ROUTING else ", which speaks to no routers and keeps no NetworkPolicy" if cni == "flannel" else ""
            which = "it is" if len(names) == 1 else ", ".join(names) + " are"
            yield Problem(
                names[0],
                "%s set for %s, and cluster_cni is %s%s" % (which, other, cni, lacks),
                "write cluster_cni: %s, or remove %s" % (other, "it" if len(names) == 1 else "them"),
                (node.host,),
                warning=True,
            )


def _settings(cni: str, node: Node) -> Dict[str, Any]:
    """The role's settings on a control plane, without their prefix."""
    found = {}
    for name, default in DEFAULTS[cni].items():
        value = node.setting("cni_%s_%s" % (cni, name))
        if isinstance(default, bool):
            value = truth(value)
        found[name] = default if value is None else value
    return found


def _make(topology: Topology, cni: str, own: Mapping[str, Any]) -> None:
    common = {
        "pod_subnet": topology.settings.pod_subnet,
        "mtu": plan_pod_mtu(topology),
        "proxy_mode": topology.settings.proxy_mode,
        "endpoint": endpoint(topology),
        "nodes": len(topology.cluster_nodes),
    }
    made: Dict[str, Callable[[Mapping[str, Any]], Any]] = {"flannel": flannel_data, "cilium": cilium_values, "calico": calico_data}
    names = {"bgp_as_number": "as_number", "bgp_peers": "peers", "bgp_node_mesh": "node_mesh"} if cni == "calico" else {}
    made[cni]({**common, **{names.get(name, name): value for name, value in own.items()}})
    if cni == "cilium":
        cilium_objects({**own, "pools": own["load_balancer_pools"], "interfaces": own["l2_interfaces"]})
