# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kube-vip as the holder of the VIP: where it could not run, would hold nothing, or would fight another program for an address."""

from __future__ import annotations

from typing import Dict, Iterator, List

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kube_vip.settings import DEFAULTS, kube_vip_data
from ansible_collections.baremetal.kubernetes.plugins.module_utils.network.addresses import join_endpoint
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import Node, Topology, entries, mapping, text
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem, differing, grouped, listed
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import truth

#: What all control planes have to say alike: they hold one address together.
OF_THE_CLUSTER = ("mode", "run_as", "lease_name", "services", "load_balancer_class")


def setting(node: Node, name: str) -> object:
    """A setting of role kube_vip, which has its default where the host says nothing."""
    value = node.setting("kube_vip_" + name)
    return DEFAULTS[name] if value is None else value


def check(topology: Topology) -> Iterator[Problem]:
    if topology.settings.vip_provider == "kube_vip":
        yield from _place(topology)
        yield from _alike(topology)
        yield from _settings(topology)
        yield from _strict_arp(topology)
    yield from _two_holders(topology)


def _place(topology: Topology) -> Iterator[Problem]:
    settings = topology.settings
    if not settings.vip:
        yield Problem(
            "cluster_vip_provider",
            "kube_vip has no address to hold: cluster_vip is not set",
            "set cluster_vip to a free address of the nodes' network, or leave cluster_vip_provider out",
        )
    elsewhere = [name for name in ("load_balancers", "directors") if topology.group(name)]
    if elsewhere:
        yield Problem(
            "cluster_vip_provider",
            "the VIP belongs on the group %s, whose hosts run no pods" % " and ".join(elsewhere),
            "leave it out: keepalived holds the VIP there",
        )
        return
    if topology.vip is None:
        return
    if not settings.endpoint:
        yield Problem(
            "cluster_endpoint",
            "kube-vip is to hold %s, and nobody would use it: without it kubeconfigs name a control plane's own address"
            % settings.vip,
            "write cluster_endpoint: %s" % join_endpoint(settings.vip, settings.api_port),
        )
    elif topology.balanced and len(topology.control_planes) > 1:
        yield Problem(
            "cluster_endpoint",
            "kube-vip looks at its node's API server only: a holder whose HAProxy is dead keeps the VIP, and the endpoint is dead",
            "write port %d, which needs no HAProxy: kube-vip holds the VIP where an API server lives" % settings.api_port,
            warning=True,
        )
    interfaces = grouped((topology.vip_interface(node), node.host) for node in topology.control_planes if node.readable)
    first = topology.control_planes[:1]
    one_for_all = bool(first) and setting(first[0], "run_as") == "daemon_set" and setting(first[0], "mode") == "arp"
    if one_for_all and len(interfaces) > 1:
        yield Problem(
            "kube_vip_run_as",
            "a DaemonSet has one interface for all nodes, and they differ: %s"
            % "; ".join("%s on %s" % (name, listed(hosts, 3)) for name, hosts in interfaces.items()),
            "write static_pod",
        )


def _alike(topology: Topology) -> Iterator[Problem]:
    for name in OF_THE_CLUSTER:
        values = {node.host: setting(node, name) for node in topology.control_planes}
        yield from differing("kube_vip_" + name, values, "the control planes", "set it once, for the group control_plane")


def _settings(topology: Topology) -> Iterator[Problem]:
    """What the role itself would refuse, told before any host is touched."""
    found: Dict[SettingError, List[str]] = {}
    for node in topology.control_planes:
        values = {name: setting(node, name) for name in DEFAULTS}
        router_id = node.setting("kube_vip_bgp_router_id") or str(node.address or "192.0.2.1")
        values.update(
            {
                "node_name": node.name,
                "address": topology.settings.vip or "192.0.2.1",
                "port": topology.settings.api_port if 1 <= topology.settings.api_port <= 65535 else 6443,
                "interface": "",
                "bgp_router_id": router_id,
                "services": truth(values["services"]) is True,
            }
        )
        if topology.vip is None:
            values["address"] = "192.0.2.1"
        try:
            kube_vip_data(values)
        except SettingError as error:
            same = next((known for known in found if known.fields() == error.fields()), error)
            found.setdefault(same, []).append(node.host)
    for refused, hosts in found.items():
        yield Problem(refused.subject, refused.problem, refused.remedy, tuple(hosts))


def _strict_arp(topology: Topology) -> Iterator[Problem]:
    settings = topology.settings
    arp = any(setting(node, "mode") == "arp" for node in topology.control_planes)
    if arp and settings.proxy_mode == "ipvs" and mapping(settings.kube_proxy_settings.get("ipvs")).get("strictARP") is not True:
        yield Problem(
            "cluster_kube_proxy_settings.ipvs.strictARP",
            "in mode ipvs kube-proxy has every node answer ARP for the VIP",
            "write cluster_kube_proxy_settings: {ipvs: {strictARP: true}}, or cluster_proxy_mode: iptables",
        )


def _two_holders(topology: Topology) -> Iterator[Problem]:
    """Two programs that both hold the VIP, on one node or on two, and Services that two programs announce."""
    if topology.vip is not None and not topology.kube_vip and not topology.directors and not topology.group("load_balancers"):
        left = [node.host for node in topology.control_planes if topology.runs_kube_vip(node)]
        if left:
            yield Problem(
                "cluster_vip_provider",
                "it is keepalived, and a static pod kube-vip is on %s: both would hold %s" % (listed(left), topology.vip),
                "write kube_vip; or take /etc/kubernetes/manifests/kube-vip.yaml off these hosts first (the VIP is then away until "
                "the run has brought keepalived)",
                tuple(left),
            )
    if topology.kube_vip:
        left = [
            node.host
            for node in topology.control_planes
            if node.package("keepalived")
            and node.address != topology.vip
            and any(held.address == topology.vip for held in node.addresses)
            and not topology.runs_kube_vip(node)
        ]
        if left:
            yield Problem(
                "cluster_vip_provider",
                "it is kube_vip, and keepalived holds %s on %s: both would hold it" % (topology.vip, listed(left)),
                "write keepalived; or stop it first (the VIP is then away until the run has brought kube-vip): "
                "ansible control_plane -b -m systemd_service -a 'name=keepalived state=stopped enabled=false'",
                tuple(left),
            )
        yield from _services(topology)


def _services(topology: Topology) -> Iterator[Problem]:
    serving = [node for node in topology.control_planes if truth(setting(node, "services")) is True]
    pools = [node for node in topology.control_planes if entries(node.setting("metallb_address_pools"))]
    if not serving or not pools:
        return
    own = text(setting(serving[0], "load_balancer_class"))
    other = text(pools[0].setting("metallb_load_balancer_class"))
    if own == other:
        yield Problem(
            "kube_vip_load_balancer_class",
            "kube-vip and MetalLB would both serve Services %s, and announce their addresses from two nodes"
            % ("of class %s" % own if own else "without a loadBalancerClass"),
            "write a class of kube-vip's own, like kube-vip.io/kube-vip-class, or kube_vip_services: false",
            tuple(node.host for node in serving),
        )
