# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MetalLB's pools: addresses that somebody else has, that nobody would announce, or whose answers would take another way."""

from __future__ import annotations

import ipaddress
from typing import Any, Dict, Iterator, List, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.metallb.objects import POOLS, metallb_data, ranges
from ansible_collections.baremetal.kubernetes.plugins.module_utils.metallb.routes import SETTING as ROUTES
from ansible_collections.baremetal.kubernetes.plugins.module_utils.metallb.routes import ReturnRoute, return_routes
from ansible_collections.baremetal.kubernetes.plugins.module_utils.network.addresses import Address, contains
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import Node, Topology, entries, mapping, text
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem, differing, listed, of_hosts

#: What all hosts have to say alike: one control plane brings it to the cluster.
OF_THE_CLUSTER = (POOLS, "metallb_bgp_peers", "metallb_load_balancer_class")


def check(topology: Topology) -> Iterator[Problem]:
    nodes = topology.control_planes
    pools = [mapping(pool) for pool in entries(nodes[0].setting(POOLS))] if nodes else []
    yield from _alike(topology)
    if pools:
        try:
            metallb_data(_settings(topology, nodes[0], pools))
        except SettingError as error:
            yield Problem(error.subject, error.problem, error.remedy)
        else:
            yield from _taken(topology, pools)
            yield from _announced(topology, pools)
            yield from _routed(topology, pools)
    yield from _return_routes(topology)


def ignores_label(topology: Topology, node: Node) -> bool:
    """Whether control planes announce in spite of the label that kubeadm gives them."""
    name = "metallb_ignore_exclude_label"
    return topology.settings.control_plane_schedulable if node.setting(name) is None else node.says(name)


def _settings(topology: Topology, node: Node, pools: List[Any]) -> Dict[str, Any]:
    return {
        "address_pools": pools,
        "bgp_peers": [mapping(peer) for peer in entries(node.setting("metallb_bgp_peers"))],
        "bgp_backend": text(node.setting("metallb_bgp_backend")) or "frr-k8s",
        "load_balancer_class": text(node.setting("metallb_load_balancer_class")),
        "ignore_exclude_label": ignores_label(topology, node),
        "values": {},
    }


def _alike(topology: Topology) -> Iterator[Problem]:
    for name in OF_THE_CLUSTER:
        values = {node.host: node.setting(name) for node in topology.control_planes}
        # A peer's value has its password.
        yield from differing(name, values, "the control planes", "set it once, for the group control_plane", secret=True)


def _taken(topology: Topology, pools: List[Any]) -> Iterator[Problem]:
    """Addresses that are in use: by a host, as the VIP, or in the networks of pods and Services."""
    for pool in pools:
        for begin, end in ranges(pool["addresses"]):
            for setting, networks in (
                ("cluster_pod_subnet", topology.pod_subnets),
                ("cluster_service_subnet", topology.service_subnets),
            ):
                if any(contains(network, begin) or contains(network, end) for network in networks):
                    yield Problem(
                        POOLS,
                        "pool %s (%s to %s) lies in %s" % (pool["name"], begin, end, setting),
                        "take addresses that lead to the nodes from outside",
                    )
            if topology.vip is not None and _within(topology.vip, (begin, end)):
                yield Problem(
                    POOLS, "pool %s holds %s, which is cluster_vip" % (pool["name"], topology.vip), "take it out of the pool"
                )
            hosts = [
                node.host for node in topology.nodes.values() if node.address is not None and _within(node.address, (begin, end))
            ]
            if hosts:
                yield Problem(
                    POOLS,
                    "pool %s holds the address of %s" % (pool["name"], listed(hosts)),
                    "take it out of the pool, which a Service would take it from",
                    tuple(hosts),
                )


def _within(address: Address, span: Tuple[Address, Address]) -> bool:
    begin, end = span
    return address.version == begin.version and int(begin) <= int(address) <= int(end)


def _announced(topology: Topology, pools: List[Any]) -> Iterator[Problem]:
    by_arp = [text(pool.get("name")) for pool in pools if (pool.get("advertise") or "l2") == "l2"]
    by_node = [text(pool.get("name")) for pool in pools if (pool.get("advertise") or "l2") != "routed"]
    settings = topology.settings
    if by_node and not topology.workers and not ignores_label(topology, topology.control_planes[0]):
        yield Problem(
            "metallb_ignore_exclude_label",
            "all nodes are control planes, whose label exclude-from-external-load-balancers MetalLB obeys: nobody would announce %s"
            % listed(by_node),
            "write true",
        )
    if by_arp and settings.proxy_mode == "ipvs" and mapping(settings.kube_proxy_settings.get("ipvs")).get("strictARP") is not True:
        yield Problem(
            "cluster_kube_proxy_settings.ipvs.strictARP",
            "in mode ipvs kube-proxy has every node answer ARP for the addresses of pool %s" % by_arp[0],
            "write cluster_kube_proxy_settings: {ipvs: {strictARP: true}}, or cluster_proxy_mode: iptables",
        )
    names = {node.name for node in topology.cluster_nodes}
    for pool in pools:
        unknown = [str(name) for name in entries(pool.get("nodes")) if str(name) not in names]
        if unknown:
            yield Problem(
                POOLS,
                "pool %s is to be announced by %s, which is no node of this inventory" % (pool["name"], listed(unknown)),
                "write names of nodes, like %s" % (sorted(names)[0] if names else "worker1"),
            )


def _routed(topology: Topology, pools: List[Any]) -> Iterator[Problem]:
    """Failover IPs are sent to one server: a pool of them works where the agent moves them to the holder of the VIP."""
    moved: List[Any] = []
    for node in topology.control_planes:
        given = entries(node.setting("failover_ip_addresses")) if text(node.setting("failover_ip_provider")) else []
        moved += [one for one in map(_network, given) if one is not None and one not in moved]
    for pool in pools:
        advertise = pool.get("advertise") or "l2"
        for begin, end in ranges(pool["addresses"]):
            known = any(contains(network, begin) and contains(network, end) for network in moved)
            if advertise == "routed" and not known and len(topology.cluster_nodes) > 1:
                yield Problem(
                    "failover_ip_addresses",
                    "pool %s has %s, which the provider sends to one server, and nobody would have it sent to another one"
                    % (pool["name"], begin if begin == end else "%s to %s" % (begin, end)),
                    "add it there (with failover_ip_provider), or write advertise: l2 where the address belongs to a segment",
                )
            if advertise == "l2" and known:
                yield Problem(
                    POOLS,
                    "pool %s announces %s by ARP, and the provider sends it to the holder of the VIP whatever ARP says"
                    % (pool["name"], begin if begin == end else "%s to %s" % (begin, end)),
                    "write advertise: routed",
                )


def _network(value: Any) -> Any:
    try:
        return ipaddress.ip_interface(str(value)).network
    except ValueError:
        return None  # checks/failover.py says so


def _return_routes(topology: Topology) -> Iterator[Problem]:
    found: List[Tuple[Tuple[str, str, str], str]] = []
    for node in topology.cluster_nodes:
        given = [mapping(entry) for entry in entries(node.setting(ROUTES))]
        try:
            for number, route in enumerate(return_routes(given), 1):
                for problem, remedy in _of_node(node, route):
                    found.append((("%s[%d]" % (ROUTES, number), problem, remedy), node.host))
        except SettingError as error:
            found.append(((error.subject, error.problem, error.remedy), node.host))
        except (TypeError, ValueError):
            continue  # the role's argument specification says what is wrong with its form
    yield from of_hosts(found)


def _of_node(node: Node, route: ReturnRoute) -> Iterator[Tuple[str, str]]:
    if not node.readable:
        return
    interfaces = mapping(node.facts.get("interfaces"))
    known = sorted(set(map(str, interfaces)) | {held.interface for held in node.addresses})
    if route.interface not in known:
        yield (
            "there is no interface %s" % route.interface,
            "write one of %s; where hosts name it differently, set it per host" % (listed(known) or "the host's"),
        )
        return
    if route.onlink:
        return
    near = any(contains(network, route.gateway) for network in node.networks_on(route.interface))
    if not near:
        yield (
            "the gateway %s is in no network of %s, and the kernel takes no such route" % (route.gateway, route.interface),
            "write onlink: true where the provider's router answers there all the same, else the right gateway",
        )
