# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arithmetic of addresses and networks. Pure; text comes in, ipaddress objects and numbers go out."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Iterable, List, NamedTuple, Optional, Tuple, Union

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

#: RFC 1918, RFC 6598 (shared space of providers) and RFC 4193. 172.16.0.0/12 ends at 172.31.255.255, so 172.32.0.0 is public.
PRIVATE_SPACE: Tuple[Network, ...] = (
    ipaddress.ip_network("10.0.0.0/8"),
    ipaddress.ip_network("172.16.0.0/12"),
    ipaddress.ip_network("192.168.0.0/16"),
    ipaddress.ip_network("100.64.0.0/10"),
    ipaddress.ip_network("fc00::/7"),
)

#: Docker's built-in default-address-pools, and the network of docker0 itself.
#: https://github.com/moby/moby/blob/master/daemon/libnetwork/ipamutils/utils.go
DOCKER_DEFAULT_POOLS: Tuple[str, ...] = (
    "172.17.0.0/16",
    "172.18.0.0/16",
    "172.19.0.0/16",
    "172.20.0.0/14",
    "172.24.0.0/14",
    "172.28.0.0/14",
    "192.168.0.0/16",
)


class NetworkError(ValueError):
    """``text`` is no address or network for the reason ``problem``; ``remedy`` is what to write."""

    def __init__(self, text: str, problem: str, remedy: str) -> None:
        super().__init__("%r %s; %s" % (text, problem, remedy))
        self.text = text
        self.problem = problem
        self.remedy = remedy


class NamedNetwork(NamedTuple):
    """A network and what a person calls it. ``own`` marks those that the cluster hands out itself."""

    name: str
    network: Network
    own: bool = False


class Overlap(NamedTuple):
    """Two networks that share addresses; ``inner`` lies within ``outer`` (networks can't overlap in another way)."""

    outer: NamedNetwork
    inner: NamedNetwork


@lru_cache(maxsize=8192)
def parse_address(text: str) -> Optional[Address]:
    """The address that the text is, or None. IPv6 zones and prefix lengths are not addresses here."""
    try:
        return ipaddress.ip_address(text.strip()) if "%" not in text else None
    except ValueError:
        return None


@lru_cache(maxsize=8192)
def parse_network(text: str) -> Network:
    """The network that the text is; raises NetworkError where there is no mask or host bits are set."""
    stripped = text.strip()
    if "/" not in stripped:
        raise NetworkError(stripped, "has no prefix length", "write it like 10.244.0.0/16")
    try:
        network = ipaddress.ip_network(stripped)
    except ValueError:
        pass
    else:
        if not stripped.rpartition("/")[2].isdigit():
            raise NetworkError(stripped, "has a netmask, and Kubernetes takes prefix lengths alone", "write %s" % network)
        return network
    try:
        loose = ipaddress.ip_network(stripped, strict=False)
    except ValueError:
        raise NetworkError(stripped, "is not a network", "write it like 10.244.0.0/16 or fd00:10:244::/56")
    raise NetworkError(stripped, "is an address within a network, not the network", "write %s" % loose)


def parse_networks(text: str) -> List[Network]:
    """The networks of a comma-separated list; raises NetworkError for the first that is none. Empty text is an empty list."""
    return [parse_network(part) for part in text.split(",") if part.strip()]


def network_of(address: str, prefix: int) -> Optional[Network]:
    """The network that an interface with this address and prefix length is in, or None where they make no sense."""
    return _network_of(str(address), str(prefix))


@lru_cache(maxsize=8192)
def _network_of(address: str, prefix: str) -> Optional[Network]:
    try:
        return ipaddress.ip_network("%s/%s" % (address, prefix), strict=False)
    except ValueError:
        return None


def contains(outer: Network, inner: Union[Address, Network]) -> bool:
    """Whether an address or a whole network lies within a network; False across families."""
    if outer.version != inner.version:
        return False
    if isinstance(inner, (ipaddress.IPv4Address, ipaddress.IPv6Address)):
        return inner in outer
    return outer.prefixlen <= inner.prefixlen and inner.network_address in outer


def is_private(network: Network) -> bool:
    """Whether all of the network is space that nobody on the Internet has: RFC 1918, RFC 6598, RFC 4193."""
    return any(contains(space, network) for space in PRIVATE_SPACE)


def overlaps(networks: Iterable[NamedNetwork]) -> List[Overlap]:
    """Pairs of networks that share addresses where at least one of them is ``own``.

    CIDR networks are either disjoint or nested, so after sorting by first address (larger first) each network only has to be
    compared with the chain of those that it is nested in: O(n log n) for n networks and a bounded depth. A network is
    reported once, with the nearest that holds it, so the list is as long as there are things to change.
    """
    ordered = sorted(
        networks,
        key=lambda named: (named.network.version, int(named.network.network_address), named.network.prefixlen, named.name),
    )
    found: List[Overlap] = []
    chain: List[NamedNetwork] = []
    nearest_own: List[Optional[NamedNetwork]] = []
    for named in ordered:
        while chain and not contains(chain[-1].network, named.network):
            chain.pop()
            nearest_own.pop()
        outer = (chain[-1] if chain else None) if named.own else (nearest_own[-1] if nearest_own else None)
        if outer is not None:
            found.append(Overlap(outer, named))
        chain.append(named)
        nearest_own.append(named if named.own else (nearest_own[-1] if nearest_own else None))
    return found


def service_address(network: Network) -> Address:
    """The ClusterIP of the API server: the first address of the service subnet."""
    return network.network_address + 1


def dns_address(network: Network) -> Address:
    """The ClusterIP of the cluster's DNS: the tenth address of the service subnet (kubeadm constants.GetDNSIP)."""
    return network.network_address + 10


def node_capacity(pod_subnet: Network, node_mask: int) -> int:
    """How many nodes get a pod network of ``node_mask`` bits out of the pod subnet; 0 where the mask doesn't fit."""
    if node_mask < pod_subnet.prefixlen or node_mask > pod_subnet.max_prefixlen:
        return 0
    return 1 << (node_mask - pod_subnet.prefixlen)


def pods_per_node(node_mask: int, version: int) -> int:
    """How many pod addresses a node has: its network without the network's own, the gateway's and the broadcast address."""
    bits = (32 if version == 4 else 128) - node_mask
    return max(0, (1 << bits) - 3) if bits >= 0 else 0


def same_segment(address: Address, networks: Iterable[Network]) -> Optional[Network]:
    """The network, wider than a single address, in which the address lies; None where there is none."""
    for network in networks:
        if network.prefixlen < network.max_prefixlen and contains(network, address):
            return network
    return None


def is_host_address(address: Address, network: Network) -> bool:
    """Whether a host may have this address in the network: neither the network's own nor its broadcast address."""
    if network.prefixlen >= network.max_prefixlen - 1:
        return True
    return address != network.network_address and not (network.version == 4 and address == network.broadcast_address)


def split_endpoint(text: str) -> Tuple[str, Optional[str]]:
    """Host and port (as text, None where there is none) of ``host``, ``host:port``, ``[v6]:port`` or a bare IPv6 address."""
    stripped = text.strip()
    if stripped.startswith("["):
        host, _bracket, rest = stripped[1:].partition("]")
        return host, rest[1:] if rest.startswith(":") else None
    if parse_address(stripped) is not None:
        return stripped, None
    host, colon, port = stripped.rpartition(":")
    return (host, port) if colon else (stripped, None)


def join_endpoint(host: str, port: int) -> str:
    """``host:port``, with brackets around an IPv6 address."""
    return "[%s]:%d" % (host, port) if ":" in host else "%s:%d" % (host, port)
