# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run will do where. Chosen by what was read off the nodes, never by a host's place in the inventory alone. Pure."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

from ansible_collections.baremetal.kubernetes.plugins.module_utils.network.addresses import join_endpoint, parse_address
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.external_etcd import plan_etcd
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.external_etcd import summary as etcd_summary
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import (
    Node,
    Topology,
    entries,
    mapping,
    text,
)

#: keepalived's priorities go down from here in steps of one; 255 would mean the owner of the address.
HIGHEST_PRIORITY = 150
ETCD_PORT = 2379


def make_plan(topology: Topology) -> Dict[str, Any]:
    """The plan as plain data. It is made of whatever is known: where there are problems it is for reading only."""
    init = _init(topology)
    join_control_planes = [node.host for node in topology.control_planes if node.host != init and _joins(node)]
    join_workers = [node.host for node in topology.workers if "control_plane" not in node.groups and _joins(node)]
    ask = _ask(topology)
    etcd = plan_etcd(topology)
    return {
        "kubernetes_version": topology.release.version.text if topology.release else topology.settings.kubernetes_version,
        "endpoint": endpoint(topology, init),
        "nodes": {node.host: _node(node) for node in topology.nodes.values()},
        # Hosts of etcd and load balancers are no nodes of Kubernetes.
        "node_names": [node.name for node in topology.cluster_nodes],
        "hosts_entries": _hosts_entries(topology),
        "init": init,
        "ask": ask,
        # Who answers for the cluster once the run has come to it: the one that can be asked now, or the one to initialise.
        "api_host": ask or init,
        "join_control_planes": join_control_planes,
        "join_workers": join_workers,
        "work": _work(topology, init, ask, join_control_planes, join_workers, etcd) + _endpoint_work(topology),
        "summary": etcd_summary(topology, etcd) + _summary(topology, init, join_control_planes, join_workers),
        "certificates": [first for node in topology.nodes.values() for first in _first_to_expire(node)],
        "keepalived": _keepalived(topology, init),
        "load_balancer_backends": [
            {"name": node.name, "address": str(node.address or ""), "port": topology.settings.api_port}
            for node in topology.control_planes
        ],
        "lvs_real_servers": [
            {"name": node.name, "address": str(node.address or ""), "weight": node.setting("lvs_weight")}
            for node in topology.real_servers
        ],
        "lvs_peer_mac_addresses": _peer_mac_addresses(topology),
        "etcd_endpoints": etcd["endpoints"]
        or [
            "https://%s" % join_endpoint(str(node.address), ETCD_PORT)
            for node in topology.etcd_members
            if node.address is not None
        ],
        "external_etcd": etcd,
    }


def _work(
    topology: Topology,
    init: Optional[str],
    ask: Optional[str],
    control_planes: List[str],
    workers: List[str],
    etcd: Mapping[str, Any],
) -> List[Dict[str, str]]:
    """The groups that the plays are for, a host each. A play without hosts costs nothing, one full of skipped tasks does."""
    api_host = ask or init
    groups: Dict[str, List[Optional[str]]] = {
        "plan_init": [init],
        "plan_compare": [ask if init is None else None],
        "plan_api_host": [api_host],
        "plan_host_of_credentials": [api_host if control_planes or workers else None],
        "plan_join_control_planes": list(control_planes),
        "plan_join_workers": list(workers),
        "plan_revoke": [node.host for node in topology.control_planes if _holds_token(node)],
        "plan_etcd_pods": etcd["pods"],
        "plan_etcd_authority": [etcd["authority"]],
        "plan_etcd_together": etcd["together"],
        "plan_etcd_one_by_one": etcd["one_by_one"],
        "plan_etcd_clients": etcd["clients"],
        "plan_etcd_sign": [etcd["authority"] if etcd["clients"] else None],
        "plan_etcd_given": etcd["given"],
    }
    return [{"group": group, "host": host} for group, hosts in groups.items() for host in hosts if host is not None]


def _holds_token(node: Node) -> bool:
    """Whether a run that was killed may have left a token for joins."""
    ready = mapping(node.facts.get("apiserver")).get("ready") is True
    return ready and node.state == "control_plane" and node.kubeadm.get("join_token") is True


def _endpoint_work(topology: Topology) -> List[Dict[str, str]]:
    """Who has a part in the endpoint. A single API server without a VIP is its own endpoint."""
    alone = len(topology.control_planes) == 1 and topology.vip is None and not topology.group("load_balancers")
    groups = {
        "plan_balancers": [] if alone else topology.balancers,
        "plan_keepalived": topology.vip_nodes if topology.vip is not None and not topology.directors else [],
        "plan_directors": topology.directors,
        "plan_real_servers": topology.real_servers if topology.lvs_mode == "dr" else [],
    }
    return [{"group": group, "host": node.host} for group, nodes in groups.items() for node in nodes]


def _peer_mac_addresses(topology: Topology) -> Dict[str, List[str]]:
    """Each director's peers by their MACs, where a director is a real server; else empty lists: IPVS goes by address and port."""
    shared = any(node in topology.real_servers for node in topology.directors)
    return {
        node.host: [text(peer.setting("lvs_mac_address")) for peer in topology.directors if peer.host != node.host]
        if shared
        else []
        for node in topology.directors
    }


def endpoint(topology: Topology, init: Optional[str] = None) -> str:
    """Where kubeconfigs point to: cluster_endpoint with its port, else the API server of the only control plane."""
    settings = topology.settings
    if settings.endpoint:
        port = topology.endpoint_port
        return join_endpoint(
            topology.endpoint_host, int(port) if port and port.isdigit() and port.isascii() else settings.api_port
        )
    candidates = [node for node in topology.control_planes if node.address is not None]
    chosen = [node for node in candidates if node.host == init] or candidates
    return join_endpoint(str(chosen[0].address), settings.api_port) if chosen else ""


def _joins(node: Node) -> bool:
    """Whether kubeadm join has to run: on a blank node, and on one where a join was begun (or an init that another host has)."""
    return node.state in ("blank", "started")


def _init(topology: Topology) -> Optional[str]:
    """The host to initialise: none where a cluster lives; the one that was half-way; else the first that is blank."""
    control_planes = topology.control_planes
    if any(node.state == "control_plane" and node.cluster_id for node in control_planes):
        return None
    for node in control_planes:
        if node.state == "started" and text(node.started.get("operation")) == "init":
            return node.host
    if any(node.cluster_id for node in topology.cluster_nodes if node.state in ("worker", "started")):
        return None  # some node belongs to a cluster whose control planes can't be seen: a second one would be a disaster
    for node in control_planes:
        if node.state == "blank":
            return node.host
    return None


def _ask(topology: Topology) -> Optional[str]:
    """A control plane that answers, of these the healthiest: its API server ready, its etcd member healthy, a leader known."""
    best: Optional[str] = None
    best_score = -1
    for node in topology.control_planes:
        if node.state != "control_plane" or mapping(node.facts.get("apiserver")).get("ready") is not True:
            continue
        etcd = mapping(node.facts.get("etcd"))
        score = 2 * (etcd.get("healthy") is True) + (1 if mapping(node.facts.get("kubelet")).get("active") is True else 0)
        if score > best_score:
            best, best_score = node.host, score
    return best


def _node(node: Node) -> Dict[str, Any]:
    return {
        "name": node.name,
        "address": str(node.address or ""),
        "interface": node.interface,
        "roles": list(node.groups),
        "state": node.state,
    }


def _first_to_expire(node: Node) -> List[Dict[str, Any]]:
    """The certificate on this node that expires first, with the node's name; empty where it has none."""
    known = map(mapping, entries(node.facts.get("certificates")))
    dated = [entry for entry in known if isinstance(entry.get("days_left"), int)]
    return [dict(min(dated, key=lambda entry: int(entry["days_left"])), node=node.name)] if dated else []


def _hosts_entries(topology: Topology) -> List[Dict[str, Any]]:
    """One line per address: the nodes, and the VIP under the endpoint's name, so that no DNS is needed to build a cluster."""
    names: Dict[str, List[str]] = {}
    for node in topology.nodes.values():
        if node.address is not None and node.name not in names.setdefault(str(node.address), []):
            names[str(node.address)].append(node.name)
    host = topology.endpoint_host
    if (
        topology.vip is not None
        and host
        and parse_address(host) is None
        and host not in names.setdefault(str(topology.vip), [])
    ):
        names[str(topology.vip)].append(host)
    return [{"address": address, "names": known} for address, known in names.items() if known]


def _keepalived(topology: Topology, init: Optional[str]) -> Dict[str, Any]:
    """Priorities fall in the group's order; the host to initialise leads, since only its API server will answer at first."""
    if topology.vip is None:
        return {}
    ordered = sorted(topology.vip_nodes, key=lambda node: node.host != init)
    sources = {node.host: _source(topology, node) for node in ordered}
    return {
        node.host: {
            "priority": max(1, HIGHEST_PRIORITY - position),
            "router_id": topology.settings.router_id,
            "interface": topology.vip_interface(node),
            "source": sources[node.host],
            "peers": [sources[peer.host] for peer in topology.vip_nodes if peer.host != node.host and sources[peer.host]],
        }
        for position, node in enumerate(ordered)
    }


def _source(topology: Topology, node: Node) -> str:
    """The address of a node on the VIP's interface, which VRRP adverts come from: the node's own where it is there."""
    interface = topology.vip_interface(node)
    on_interface = [held.address for held in node.addresses if held.interface == interface and held.address != topology.vip]
    if node.address in on_interface or not on_interface:
        return str(node.address or "")
    family = [address for address in on_interface if topology.vip is not None and address.version == topology.vip.version]
    return str((family or on_interface)[0])


def _summary(topology: Topology, init: Optional[str], control_planes: List[str], workers: List[str]) -> List[str]:
    """One line per Kubernetes node in the order in which things happen."""
    lines: List[str] = []
    nodes = topology.nodes
    if init:
        lines.append("%s: kubeadm init (%s)" % (init, "finish what was begun" if nodes[init].state == "started" else "blank"))
    for host in control_planes:
        lines.append("%s: join as control plane%s" % (host, _begun(nodes[host])))
    for host in workers:
        lines.append("%s: join as worker%s" % (host, _begun(nodes[host])))
    told = {init} | set(control_planes) | set(workers)
    for node in topology.cluster_nodes:
        if node.host in told:
            continue
        if node.state in ("control_plane", "worker"):
            work = "revoke a killed run's token" if _holds_token(node) else "nothing to do"
            lines.append("%s: %s (%s%s)" % (node.host, work, node.state.replace("_", " "), _version(node)))
        else:
            lines.append("%s: left alone (%s)" % (node.host, node.why_not or node.state))
    return lines


def _begun(node: Node) -> str:
    return " (finish what was begun)" if node.state == "started" else ""


def _version(node: Node) -> str:
    version = text(node.kubeadm.get("version")).lstrip("v")
    return " %s" % version if version else ""
