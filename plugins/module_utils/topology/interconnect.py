# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The private link between the hosts of an inventory, as the plan has it. Pure."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.interconnect.settings import Link, carried, link, pod_mtu
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import Node, Topology, mapping, number, text

PLAYBOOK = "interconnect"
#: The role's settings that are the same for every host, without their prefix (a test compares them).
DEFAULTS: Dict[str, Any] = {
    "type": "none",
    "address": "",
    "parent": "",
    "vlan_id": 0,
    "interface": "",
    "mtu": 0,
    "port": 51900,
    "keepalive": 0,
    "userspace_program": "",
}


def linked(topology: Topology) -> List[Node]:
    """The hosts that are to have a link."""
    return [node for node in topology.nodes.values() if text(node.setting("interconnect_type")) not in ("", "none")]


def settings(node: Node) -> Dict[str, Any]:
    """The role's settings of a host, by its own interfaces where it says nothing."""
    made: Dict[str, Any] = {}
    for name, default in DEFAULTS.items():
        said = node.setting("interconnect_" + name)
        made[name] = default if said is None else said
    made["endpoint"] = text(node.setting("interconnect_endpoint")) or text(node.facts.get("default_address"))
    holding = [held.interface for held in node.addresses if str(held.address) == made["endpoint"]]
    made["endpoint_interface"] = (holding or [text(node.facts.get("default_interface"))])[0]
    return made


def mtus(node: Node) -> Dict[str, int]:
    return {str(name): int(size) for name, size in mapping(node.facts.get("interfaces")).items() if number(size) is not None}


def links(topology: Topology) -> Tuple[Dict[str, Link], List[Tuple[str, SettingError]]]:
    """Host -> its end, and the hosts that can't have one, with the reason."""
    nodes = linked(topology)
    narrow: List[int] = []
    problems: List[Tuple[str, SettingError]] = []
    for node in nodes:
        if settings(node)["type"] == "wireguard" and node.readable:
            try:
                narrow.append(carried(settings(node), mtus(node)))
            except SettingError as error:
                problems.append((node.host, error))
    refused = {host for host, _error in problems}
    made: Dict[str, Link] = {}
    for node in nodes:
        if node.host in refused or not node.readable:
            continue
        try:
            made[node.host] = link(settings(node), mtus(node), narrow)
        except SettingError as error:
            problems.append((node.host, error))
        except (TypeError, ValueError):
            continue  # the role's argument specification says what is wrong with its form
    return made, problems


def plan_interconnect(topology: Topology) -> Dict[str, Dict[str, Any]]:
    """Host -> what its end needs and what the others need of it."""
    made, _problems = links(topology)
    found: Dict[str, Dict[str, Any]] = {}
    for host, end in made.items():
        of_host = settings(topology.nodes[host])
        found[host] = {
            **end._asdict(),
            "name": topology.nodes[host].name,
            "endpoint": of_host["endpoint"],
            "port": of_host["port"],
            "keepalive": of_host["keepalive"],
            "in_use": topology.nodes[host].state not in ("blank", "unknown")
            or bool(mapping(topology.nodes[host].facts.get("etcd"))),
        }
    return found


def link_mtu(topology: Topology) -> Optional[int]:
    """What the link carries between all nodes; None where there is none."""
    made, _problems = links(topology)
    sizes = [end.mtu for host, end in made.items() if topology.nodes[host].in_cluster]
    return min(sizes) if sizes else None


def plan_pod_mtu(topology: Topology) -> int:
    """What role cni gets as ``cni_mtu``: what is set, else what fits through the link, else 0."""
    nodes = topology.control_planes
    said = nodes[0].number_setting("cni_mtu") if nodes else None
    if said:
        return int(said)
    mtu = link_mtu(topology)
    backend = text(nodes[0].setting("cni_flannel_backend")) if nodes else ""
    return pod_mtu(mtu, topology.settings.cni, backend or "vxlan") if mtu else 0
