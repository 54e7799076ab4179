# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Failover IPs that a provider routes: an agent that could never act, or could move the address to the wrong server, is refused."""

from __future__ import annotations

import ipaddress
from typing import Dict, Iterator, List, Set, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.failover.settings import Settings, problems
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.credentials import NEEDS
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.ovh import ENDPOINTS
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.checks.names import NODE_NAME
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import Node, Topology, entries, mapping, text
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import (
    Problem,
    did_you_mean,
    differing,
    grouped,
    listed,
    of_hosts,
)

TIMES = tuple("failover_ip_" + name for name in ("backoff", "backoff_max", "unfit_after", "timeout", "check_interval"))
#: What all nodes have to say alike: they move the same addresses, by one claim.
OF_THE_CLUSTER = ("failover_ip_provider", "failover_ip_addresses", "failover_ip_follow", "failover_ip_claim_name")


def routed_addresses(topology: Topology) -> Set[str]:
    """The single addresses that a provider routes to one of the control planes."""
    nodes = [node for node in topology.control_planes if text(node.setting("failover_ip_provider"))]
    return {str(address).split("/", maxsplit=1)[0] for node in nodes for address in entries(node.setting("failover_ip_addresses"))}


def check(topology: Topology) -> Iterator[Problem]:
    nodes = [node for node in topology.control_planes if text(node.setting("failover_ip_provider"))]
    if not nodes:
        yield from _without_provider(topology)
        return
    yield from _alike(topology)
    yield from _addresses(nodes)
    yield from _targets(nodes)
    yield from _credentials(nodes)
    yield from of_hosts((one, node.host) for node in nodes for one in _agent(node))
    follows = text(nodes[0].setting("failover_ip_follow")) or ("lease" if topology.kube_vip else "keepalived")
    if follows == "keepalived" and topology.kube_vip:
        yield Problem(
            "failover_ip_follow",
            "keepalived is to be followed, and kube-vip holds the VIP (cluster_vip_provider)",
            "leave it out, or write lease",
            tuple(node.host for node in nodes),
        )
    elif follows == "keepalived":
        yield from _keepalived(topology, nodes)
    elif topology.kube_vip:
        yield from _kube_vip(topology, nodes)


def _without_provider(topology: Topology) -> Iterator[Problem]:
    known = "failover_ip_credentials"
    hosts = [node.host for node in topology.control_planes if node.setting(known) and not node.awaits("failover_ip_provider")]
    if hosts:
        yield Problem(
            "failover_ip_provider",
            "it is not set, and so nobody moves the failover IP that %s are for" % known,
            "write one of %s" % ", ".join(NEEDS),
            tuple(hosts),
            warning=True,
        )


def _alike(topology: Topology) -> Iterator[Problem]:
    for name in OF_THE_CLUSTER:
        values = {node.host: node.setting(name) for node in topology.control_planes}
        yield from differing(name, values, "the control planes", "set it once, for the group control_plane")


def _addresses(nodes: List[Node]) -> Iterator[Problem]:
    addresses = entries(nodes[0].setting("failover_ip_addresses"))
    if not addresses:
        yield Problem(
            "failover_ip_addresses", "failover_ip_provider is set, and there is no address to move", "write the failover IPs"
        )
    for address in addresses:
        try:
            ipaddress.ip_interface(text(address))
        except ValueError:
            yield Problem(
                "failover_ip_addresses",
                "%r is no IP address" % (address,),
                "write one like 203.0.113.10, or a block like 203.0.113.8/30",
            )


def _targets(nodes: List[Node]) -> Iterator[Problem]:
    targets = grouped((str(node.setting("failover_ip_target") or ""), node.host) for node in nodes)
    lacking = targets.pop("", [])
    if lacking:
        yield Problem(
            "failover_ip_target",
            "it is missing on %s, or its template can't be resolved there" % listed(lacking),
            "write what the provider calls each server, in its host variables",
            tuple(lacking),
        )
    for target, hosts in targets.items():
        if len(hosts) > 1:
            yield Problem(
                "failover_ip_target",
                "%s are said to be one server, %s" % (listed(hosts), target),
                "write what the provider calls each of them, in its host variables",
                tuple(hosts),
            )


def _credentials(nodes: List[Node]) -> Iterator[Problem]:
    provider = text(nodes[0].setting("failover_ip_provider"))
    lacking: Dict[str, List[str]] = {}
    for node in nodes:
        if node.awaits("failover_ip_credentials"):
            continue
        given = mapping(node.setting("failover_ip_credentials"))
        for want in NEEDS.get(provider, []):
            if not given.get(want.name) and not want.default:
                lacking.setdefault(want.name, []).append(node.host)
    for name, hosts in lacking.items():
        yield Problem(
            "failover_ip_credentials",
            "%s has no %s" % (provider, name),
            "write it, encrypted with ansible-vault; the agent takes nothing from environment or files of the provider's tools",
            tuple(hosts),
        )
    endpoints = grouped((text(mapping(node.setting("failover_ip_credentials")).get("endpoint")), node.host) for node in nodes)
    for endpoint, hosts in endpoints.items() if provider == "ovh" else ():
        if endpoint and endpoint not in ENDPOINTS:
            yield Problem(
                "failover_ip_credentials.endpoint",
                "OVH has no endpoint %r" % endpoint[:40],
                "write %s" % (did_you_mean(endpoint, list(ENDPOINTS)) or "one of %s" % ", ".join(ENDPOINTS)),
                tuple(hosts),
            )


def _agent(node: Node) -> Iterator[Tuple[str, str, str]]:
    """Numbers and names with which the agent would not start, or never act."""
    for name in TIMES:
        value = node.number_setting(name)
        if value is not None and value < 0:
            yield name, "%g is no time" % value, "write seconds, 0 or more"
    claim = text(node.setting("failover_ip_claim_name"))
    if claim and not NODE_NAME.match(claim):
        yield (
            "failover_ip_claim_name",
            "%r can't be the name of a Lease" % claim[:60],
            "write lower-case letters, digits and hyphens, like failover-ip",
        )
    agent = Settings(node.name, "of no interest", "here", ["either"])
    seconds, interval = node.number_setting("failover_ip_claim_seconds"), node.number_setting("failover_ip_interval")
    agent.claim_seconds = agent.claim_seconds if seconds is None else int(seconds)
    agent.interval = agent.interval if interval is None else interval
    for error in problems(agent):
        yield "failover_ip_" + error.subject, error.problem, error.remedy


def _kube_vip(topology: Topology, nodes: List[Node]) -> Iterator[Problem]:
    """kube-vip brings one address to its holder, the VIP; the agent moves nothing while others that it looks for are not there."""
    never: Dict[str, List[str]] = {}
    for node in nodes:
        held = node.setting("failover_ip_held_addresses")
        for address in entries(node.setting("failover_ip_addresses") if held is None else held):
            if str(address).split("/", maxsplit=1)[0] != str(topology.vip):
                never.setdefault(str(address), []).append(node.host)
    for address, hosts in never.items():
        yield Problem(
            "failover_ip_held_addresses",
            "%s has to be on the node that holds the Lease, and kube-vip brings cluster_vip (%s) only" % (address, topology.vip),
            "write [%s], and give every control plane the failover IPs on an interface of its own, such as lo; or make the "
            "failover IP cluster_vip; or write cluster_vip_provider: keepalived, which holds all of them" % topology.vip,
            tuple(hosts),
        )


def _keepalived(topology: Topology, nodes: List[Node]) -> Iterator[Problem]:
    if topology.vip is None or topology.directors or topology.group("load_balancers"):
        where = "no cluster_vip" if topology.vip is None else "it is not on the control planes"
        yield Problem(
            "failover_ip_follow",
            "keepalived is to be followed, and holds nothing there: %s" % where,
            "set cluster_vip and leave the groups load_balancers and directors empty, or write failover_ip_follow: lease",
        )
    lacking: Dict[str, List[str]] = {}
    for node in nodes:
        held = node.setting("keepalived_virtual_addresses")
        there = {str(address).split("/", maxsplit=1)[0] for address in entries(held)}
        for address in entries(node.setting("failover_ip_addresses")) if held is not None else []:
            if str(address).split("/", maxsplit=1)[0] not in there:
                lacking.setdefault(str(address), []).append(node.host)
    for address, hosts in lacking.items():
        yield Problem(
            "keepalived_virtual_addresses",
            "%s is not in it, so no node would ever hold it" % address,
            "add it, or leave the setting out",
            tuple(hosts),
        )
    if any(node.setting("keepalived_preempt") not in (False, "false", "no", "False") for node in nodes):
        yield Problem(
            "keepalived_preempt",
            "a node that comes back takes the address back, which costs users the provider's time once more",
            "write false",
            tuple(node.host for node in nodes),
            warning=True,
        )
