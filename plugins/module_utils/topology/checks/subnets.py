# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pod and service subnets: private, of the sizes that kubeadm takes, large enough, and disjoint from all else.

kubeadm itself checks sizes only (K8S cmd/kubeadm/app/apis/kubeadm/validation/validation.go); overlap is found by nobody
until packets are lost.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.docker import INTERFACE as DOCKER_INTERFACE
from ansible_collections.baremetal.kubernetes.plugins.module_utils.network.addresses import (
    DOCKER_DEFAULT_POOLS,
    NamedNetwork,
    Network,
    NetworkError,
    contains,
    is_private,
    node_capacity,
    overlaps,
    parse_address,
    parse_network,
    pods_per_node,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.network.interfaces import OWN_INTERFACE
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.checks.runtimes import moves_docker
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import (
    MEMBER_STATES,
    Node,
    Topology,
    entries,
    mapping,
    number,
    text,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem, counted, grouped, listed

#: kubeadm: a service subnet has at most 2^20 addresses, and a pod subnet at most 2^16 node networks.
SERVICE_BITS = 20
POD_NETWORK_BITS = 16
MINIMUM_SERVICE_ADDRESSES = 10
MINIMUM_POD_ADDRESSES = 14
#: The kubelet's default.
MAX_PODS = 110

#: Space that is the same on every host and never routed.
NOT_ROUTED: Tuple[Network, ...] = tuple(
    parse_network(text_) for text_ in ("127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "::1/128", "fe80::/10", "ff00::/8")
)
#: A VPN that takes all traffic has two halves of the Internet as routes; they are default routes in disguise.
DEFAULT_ROUTE_PREFIX = 1


def check(topology: Topology) -> Iterator[Problem]:
    yield from _families(topology)
    yield from _private(topology)
    yield from _sizes(topology)
    yield from _capacity(topology)
    yield from _disjoint(topology)


def _subnets(topology: Topology) -> Iterator[Tuple[str, Network]]:
    for network in topology.pod_subnets:
        yield "cluster_pod_subnet", network
    for network in topology.service_subnets:
        yield "cluster_service_subnet", network


def _families(topology: Topology) -> Iterator[Problem]:
    families = grouped((setting, network.version) for setting, network in _subnets(topology))
    for setting, versions in families.items():
        if len(versions) > 2 or len(set(versions)) != len(versions):
            yield Problem(
                setting,
                "it has %s, and dual stack is exactly one IPv4 and one IPv6 network" % counted(len(versions), "network"),
                "write one network, or one of each family separated by a comma",
            )
    if len(families) == 2 and set(families["cluster_pod_subnet"]) != set(families["cluster_service_subnet"]):
        yield Problem(
            "cluster_service_subnet",
            "pods have %s and services %s"
            % tuple(_family_words(families[one]) for one in ("cluster_pod_subnet", "cluster_service_subnet")),
            "give both the same families: with dual stack an IPv4 and an IPv6 network each",
        )
    elif len(families) == 2 and families["cluster_pod_subnet"][0] != families["cluster_service_subnet"][0]:
        yield Problem(
            "cluster_service_subnet",
            "its first network is of another family than that of cluster_pod_subnet, and the first one decides what is primary",
            "write the networks of both settings in the same order",
        )


def _family_words(versions: Sequence[int]) -> str:
    return " and ".join("IPv%d" % version for version in sorted(set(versions)))


def _private(topology: Topology) -> Iterator[Problem]:
    for setting, network in _subnets(topology):
        if not is_private(network):
            near = " (the private 172.16.0.0/12 ends at 172.31.255.255)" if str(network).startswith("172.") else ""
            yield Problem(
                setting,
                "%s is public address space%s: the cluster could not reach the hosts on the Internet that have it"
                % (network, near),
                "take a network within %s"
                % (
                    "fc00::/7, like fd00:10:244::/56"
                    if network.version == 6
                    else "10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or 100.64.0.0/10"
                ),
            )


def node_mask(topology: Topology, network: Network) -> Tuple[str, int]:
    """The setting that says how large a node's part of this pod subnet is, and its value."""
    settings = topology.settings
    return (
        ("cluster_node_mask", settings.node_mask)
        if network.version == 4
        else ("cluster_node_mask_ipv6", settings.node_mask_ipv6)
    )


def _sizes(topology: Topology) -> Iterator[Problem]:
    for network in topology.service_subnets:
        bits = network.max_prefixlen - network.prefixlen
        if bits > SERVICE_BITS:
            limit = network.max_prefixlen - SERVICE_BITS
            yield Problem(
                "cluster_service_subnet",
                "%s has more than 2^%d addresses, which kubeadm refuses" % (network, SERVICE_BITS),
                "make its mask /%d or longer" % limit,
            )
        if network.num_addresses < MINIMUM_SERVICE_ADDRESSES:
            yield Problem(
                "cluster_service_subnet",
                "%s has fewer than 10 addresses; the tenth is the DNS's" % network,
                "use a /24 or larger",
            )
    for network in topology.pod_subnets:
        setting, mask = node_mask(topology, network)
        if not 1 <= mask <= network.max_prefixlen:
            yield Problem(
                setting,
                "%d is no prefix length of IPv%d" % (mask, network.version),
                "write %d" % (24 if network.version == 4 else 64),
            )
        elif network.num_addresses < MINIMUM_POD_ADDRESSES:
            yield Problem(
                "cluster_pod_subnet", "%s has fewer than 14 addresses, which kubeadm refuses" % network, "use a /16 or so"
            )
        elif mask < network.prefixlen:
            yield Problem(
                setting,
                "a node would get a /%d, which is larger than all of cluster_pod_subnet %s" % (mask, network),
                "write a number from %d to %d"
                % (network.prefixlen, min(network.prefixlen + POD_NETWORK_BITS, network.max_prefixlen)),
            )
        elif mask - network.prefixlen > POD_NETWORK_BITS:
            yield Problem(
                setting,
                "/%d is %d bits longer than cluster_pod_subnet %s, and kubeadm allows %d"
                % (mask, mask - network.prefixlen, network, POD_NETWORK_BITS),
                "write %d or less, or a smaller cluster_pod_subnet" % (network.prefixlen + POD_NETWORK_BITS),
            )


def _capacity(topology: Topology) -> Iterator[Problem]:
    nodes = len(topology.cluster_nodes)
    configured = number(topology.settings.kubelet_settings.get("maxPods"))
    max_pods = int(configured) if configured is not None else MAX_PODS
    for network in topology.pod_subnets:
        setting, mask = node_mask(topology, network)
        capacity = node_capacity(network, mask)
        if not capacity:
            continue  # said in _sizes
        if nodes > capacity:
            yield Problem(
                "cluster_pod_subnet",
                "%s holds %s of /%d, and the inventory has %d nodes: %d would never get pods"
                % (network, counted(capacity, "node network"), mask, nodes, nodes - capacity),
                "use a larger network (/%d holds them), or a longer %s; neither can be changed later"
                % (max(1, mask - max(1, (nodes - 1).bit_length())), setting),
            )
        pods = pods_per_node(mask, network.version)
        if pods < max_pods:
            yield Problem(
                setting,
                "a /%d has addresses for %d pods, and the kubelet takes %d on a node" % (mask, pods, max_pods),
                "use a shorter mask, or set maxPods: %d in cluster_kubelet_settings" % pods,
                warning=True,
            )


def _disjoint(topology: Topology) -> Iterator[Problem]:
    networks = [NamedNetwork(setting, network, True) for setting, network in _subnets(topology)]
    if not networks:
        return
    problems, reserved = _reserved(topology)
    yield from problems
    networks += reserved
    owners: Dict[Tuple[str, Network], List[str]] = {}
    own = tuple(network for _setting, network in _subnets(topology))
    addresses = {node.address for node in topology.nodes.values() if node.address is not None}
    for node in topology.readable_nodes:
        for what, network in _networks_of(node, topology, own, addresses):
            hosts = owners.setdefault((what, network), [])
            if not hosts or hosts[-1] != node.host:
                hosts.append(node.host)
    networks += [NamedNetwork(what, network) for what, network in owners]
    for overlap in overlaps(networks):
        own_side, other = (overlap.inner, overlap.outer) if overlap.inner.own else (overlap.outer, overlap.inner)
        hosts = owners.get((other.name, other.network), [])
        yield Problem(
            own_side.name,
            "%s overlaps %s %s%s"
            % (own_side.network, other.name, other.network, " of %s" % listed(hosts, 3) if hosts else ""),
            _remedy(own_side, other, networks),
            tuple(hosts),
        )


def _remedy(own_side: NamedNetwork, other: NamedNetwork, networks: Sequence[NamedNetwork]) -> str:
    if other.own:
        return "take disjoint networks, like cluster_pod_subnet 10.244.0.0/16 and cluster_service_subnet 10.96.0.0/16"
    if other.name.startswith("Docker"):
        return "take another network, or move Docker's with default-address-pools and bip in /etc/docker/daemon.json"
    return "take a private network that no host of yours has a route to%s" % _free_network(own_side, networks)


def _free_network(own_side: NamedNetwork, networks: Sequence[NamedNetwork]) -> str:
    """A /16 that overlaps nothing that is known, as words; empty where there is none or for IPv6."""
    if own_side.network.version == 4:
        for octet in (244, 96, 42, 43, 112, 128, 200):
            candidate = parse_network("10.%d.0.0/16" % octet)
            if not any(contains(named.network, candidate) or contains(candidate, named.network) for named in networks):
                return ", like %s" % candidate
    return ""


def _reserved(topology: Topology) -> Tuple[List[Problem], List[NamedNetwork]]:
    problems: List[Problem] = []
    networks: List[NamedNetwork] = []
    for position, entry in enumerate(topology.settings.reserved_subnets):
        fields: Mapping[str, Any] = {"subnet": entry} if isinstance(entry, str) else mapping(entry)
        setting = "cluster_reserved_subnets[%d]" % position
        subnet = text(fields.get("subnet"))
        if not subnet:
            problems.append(Problem(setting, "it has no subnet", "write {name: office VPN, subnet: 10.8.0.0/24}"))
            continue
        try:
            networks.append(NamedNetwork("reserved network %s" % (text(fields.get("name")) or subnet), parse_network(subnet)))
        except NetworkError as error:
            problems.append(Problem(setting, "%s %s" % (error.text, error.problem), error.remedy))
    return problems, networks


def _networks_of(
    node: Node, topology: Topology, own: Tuple[Network, ...], addresses: "set[Any]"
) -> Iterator[Tuple[str, Network]]:
    """What a host has routes to, named for a person, without what the running cluster itself put there."""
    docker, moves = False, moves_docker(node, topology)
    for held in node.addresses:
        if (
            OWN_INTERFACE.match(held.interface)
            or held.interface == "lo"
            or held.address == topology.vip
            or _unrouted(held.network)
        ):
            continue
        if DOCKER_INTERFACE.match(held.interface):
            if moves:
                continue
            docker = True
            yield "Docker network %s" % held.interface, held.network
        else:
            yield "network of the nodes" if held.address == node.address else "network on %s" % held.interface, held.network
    seen = {held.network for held in node.addresses}
    for entry in entries(node.facts.get("routes")):
        route = mapping(entry)
        network = _destination(text(route.get("destination")))
        if moves and DOCKER_INTERFACE.match(text(route.get("interface"))):
            continue
        if network is None or network in seen or _is_own_route(route, network, own, addresses, node):
            continue
        yield "route", network
    if moves:
        return
    pools = [text(pool) for pool in entries(node.facts.get("docker_pools"))]
    if text(mapping(node.facts.get("runtime")).get("name")) == "docker" and not pools:
        docker = True
    for pool in pools or (DOCKER_DEFAULT_POOLS if docker else ()):
        network = _destination(pool)
        if network is not None:
            yield "Docker address pool", network


def _destination(value: str) -> Optional[Network]:
    """The network of a route; None for default routes, single addresses without a mask, and what is never routed."""
    if value == "default":
        return None
    address = parse_address(value)
    try:
        network = parse_network(value if address is None else "%s/%d" % (value, address.max_prefixlen))
    except NetworkError:
        return None
    return None if network.prefixlen <= DEFAULT_ROUTE_PREFIX or _unrouted(network) else network


def _unrouted(network: Network) -> bool:
    return any(contains(space, network) for space in NOT_ROUTED)


def _is_own_route(
    route: Mapping[str, Any], network: Network, own: Tuple[Network, ...], addresses: "set[Any]", node: Node
) -> bool:
    """Whether the running cluster made the route: by a CNI's interface, as a black hole, or to another node's pods."""
    interface = text(route.get("interface"))
    if not interface or interface == "lo" or interface == "*" or OWN_INTERFACE.match(interface):
        return True
    if not any(contains(subnet, network) for subnet in own):
        return False
    gateway = parse_address(text(route.get("gateway")))
    # To the pods of a node that the inventory no longer has: on members of the cluster, over their own network.
    left = node.state in MEMBER_STATES and gateway is not None and node.network is not None and gateway in node.network
    return gateway in addresses or left
