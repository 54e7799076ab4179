# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be unique or well-formed about each node: names, addresses, machine-ids, product UUIDs."""

from __future__ import annotations

import re
from typing import Callable, Iterable, Iterator, Set, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.network.addresses import is_host_address, parse_address
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import Node, Topology, text
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem, grouped, listed

#: A DNS-1123 subdomain, which is what the API server takes as a node's name.
NODE_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*\Z")


def check(topology: Topology) -> Iterator[Problem]:
    nodes = topology.cluster_nodes
    for node in nodes:
        yield from _name(node)
    for node in topology.nodes.values():
        yield from _address(node)
    for name, hosts in _shared(nodes, lambda node: node.name):
        yield Problem(
            "node_name",
            "%s are all called %s: the second to join would take over the first one's Node object" % (listed(hosts), name),
            "give each host a node_name of its own (the default is its name in the inventory)",
            hosts,
        )
    twice: Set[str] = set()
    for _known_by, hosts in _shared(topology.nodes.values(), _machine):
        twice.update(hosts)
        yield Problem(
            "ansible_host",
            "%s are one machine: they have the same machine-id and the same addresses (%s)"
            % (listed(hosts), topology.nodes[hosts[0]].address or "unknown"),
            "correct ansible_host of %s, or take all but one of them out of the inventory" % listed(hosts[1:]),
            hosts,
        )
    for address, hosts in _shared(topology.nodes.values(), lambda node: str(node.address or "")):
        if twice.issuperset(hosts):
            continue
        yield Problem(
            "node_address",
            "%s have the same address %s" % (listed(hosts), address),
            "give each host its own node_address",
            hosts,
        )
    for machine_id, hosts in _shared(nodes, lambda node: text(node.facts.get("machine_id"))):
        if twice.issuperset(hosts):
            continue
        yield Problem(
            "/etc/machine-id",
            "%s have the same machine-id %s, as machines cloned from one image do" % (listed(hosts), machine_id),
            "on all but one of them: rm /etc/machine-id && systemd-machine-id-setup, then reboot",
            hosts,
        )
    for uuid, hosts in _shared(nodes, lambda node: text(node.facts.get("product_uuid"))):
        if len({topology.nodes[host].machine for host in hosts}) > 1 and not twice.issuperset(hosts):
            yield Problem(
                "product_uuid",
                "%s have the same product UUID %s: they are one physical machine, or clones of a virtual one"
                % (listed(hosts), uuid),
                "if they share a machine, say so with physical_host; else give the clones UUIDs of their own",
                hosts,
                warning=True,
            )


def _machine(node: Node) -> str:
    """By what a machine is known under whatever name it is read; empty where that is not known."""
    machine_id = text(node.facts.get("machine_id"))
    addresses = sorted(str(held.address) for held in node.addresses if not held.address.is_loopback)
    return " ".join([machine_id, *addresses]) if machine_id and addresses else ""


def _shared(nodes: Iterable[Node], key: Callable[[Node], str]) -> Iterator[Tuple[str, Tuple[str, ...]]]:
    """Values that more than one host has, with these hosts; an empty value is no value."""
    for value, hosts in grouped((key(node), node.host) for node in nodes).items():
        if value and len(hosts) > 1:
            yield value, tuple(hosts)


def _name(node: Node) -> Iterator[Problem]:
    source = "node_name" if node.variables.get("node_name") else "inventory name"
    if parse_address(node.name) is not None:
        yield Problem(
            "node_name",
            "the node would be called %s, which is an IP address: certificates and tools take it for one, and it is wrong "
            "as soon as the address changes" % node.name,
            "set node_name to a host name, like cp1 (and ansible_host to the address)",
            (node.host,),
        )
    elif not NODE_NAME.match(node.name) or len(node.name) > 253:
        yield Problem(
            "node_name",
            "%s %r can't be a node's name" % (source, node.name[:80]),
            "set node_name to lower-case letters, digits and hyphens, like %s" % _suggestion(node.name),
            (node.host,),
        )


def _suggestion(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63].strip("-") or "worker1"


def _address(node: Node) -> Iterator[Problem]:
    if not node.readable and not node.address_text:
        return
    if node.address is None:
        yield Problem(
            "node_address",
            "%r is no IP address" % node.address_text
            if node.address_text
            else "it is not set and the host has no default route to take it from",
            "set node_address to the address that the other nodes reach this host by",
            (node.host,),
        )
        return
    if node.address.is_loopback or node.address.is_unspecified or node.address.is_multicast or node.address.is_link_local:
        yield Problem(
            "node_address",
            "%s can't be reached from other hosts" % node.address,
            "set node_address to the address that the other nodes reach this host by",
            (node.host,),
        )
    elif node.readable and node.network is None:
        yield Problem(
            "node_address",
            "no interface of the host has %s; it has %s"
            % (
                node.address,
                listed([str(held.address) for held in node.addresses if not held.address.is_loopback]) or "none",
            ),
            "correct node_address, or bring the interface up",
            (node.host,),
        )
    elif node.network is not None and not is_host_address(node.address, node.network):
        yield Problem(
            "node_address",
            "%s is the network or broadcast address of %s" % (node.address, node.network),
            "correct it",
            (node.host,),
        )
