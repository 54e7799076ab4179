# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The private link: addresses that don't belong together, ports that another program has, pod networks that it can't carry."""

from __future__ import annotations

import ipaddress
from typing import Dict, Iterator, List

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.interconnect.settings import TYPES, check_port
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.interconnect import (
    PLAYBOOK,
    link_mtu,
    linked,
    links,
    mtus,
    settings,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import Topology, text
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem, differing, listed, of_hosts

#: What both ends of a link have to say alike.
OF_THE_LINK = ("type", "vlan_id", "port")


def check(topology: Topology) -> Iterator[Problem]:
    nodes = linked(topology)
    if not nodes:
        if topology.playbook == PLAYBOOK:
            yield Problem("interconnect_type", "no host has a link to bring up", "write vlan, untagged or wireguard, for all hosts")
        return
    yield from _alike(topology)
    made, refused = links(topology)
    yield from of_hosts(((error.subject, error.problem, error.remedy), host) for host, error in refused)
    yield from _addresses(topology)
    if any(end.type == "wireguard" for end in made.values()):
        yield from _wireguard(topology)
    yield from _mtu(topology)
    if topology.playbook != PLAYBOOK:
        yield from _is_up(topology)


def _alike(topology: Topology) -> Iterator[Problem]:
    for name in OF_THE_LINK:
        values = {node.host: settings(node)[name] for node in topology.nodes.values()}
        remedy = "set it once, for all hosts%s" % (" (%s)" % ", ".join(TYPES) if name == "type" else "")
        yield from differing("interconnect_" + name, values, "the hosts", remedy)


def _addresses(topology: Topology) -> Iterator[Problem]:
    networks: Dict[str, List[str]] = {}
    holders: Dict[str, List[str]] = {}
    for node in linked(topology):
        try:
            address = ipaddress.ip_interface(str(settings(node)["address"]))
        except ValueError:
            continue  # link() says so
        networks.setdefault(str(address.network), []).append(node.host)
        holders.setdefault(str(address.ip), []).append(node.host)
        if node.address_text != str(address.ip):
            yield Problem(
                "node_address",
                "%s has %s on the link, and the cluster would reach it at %s"
                % (node.host, address.ip, node.address_text or "no address"),
                "write node_address: \"{{ interconnect_address.split('/')[0] }}\"",
                (node.host,),
            )
    for address_text, hosts in holders.items():
        if len(hosts) > 1:
            yield Problem("interconnect_address", "%s have %s" % (listed(hosts), address_text), "give each its own", tuple(hosts))
    if len(networks) > 1:
        yield Problem(
            "interconnect_address",
            "the hosts are in different networks: %s"
            % "; ".join("%s on %s" % (network, listed(hosts, 3)) for network, hosts in networks.items()),
            "take all addresses from one network, with one prefix length",
        )
    for setting, others in (("cluster_pod_subnet", topology.pod_subnets), ("cluster_service_subnet", topology.service_subnets)):
        for network_text in networks:
            network = ipaddress.ip_network(network_text)
            if any(network.version == other.version and network.overlaps(other) for other in others):
                yield Problem(
                    "interconnect_address", "the link's network %s overlaps %s" % (network, setting), "take another network"
                )


def _wireguard(topology: Topology) -> Iterator[Problem]:
    cluster = topology.settings
    first = linked(topology)[0]
    backend = text(first.setting("cni_flannel_backend")) or "vxlan"
    try:
        check_port(settings(first)["port"], cluster.cni, backend)
    except SettingError as error:
        yield Problem(error.subject, error.problem, error.remedy)
    encapsulation = text(first.setting("cni_calico_encapsulation"))
    plain, setting = "", "cluster_cni"
    if cluster.cni == "bridge":
        plain = "bridge"
    elif (cluster.cni, backend) == ("flannel", "host-gw"):
        plain, setting = "flannel's host-gw", "cni_flannel_backend"
    elif cluster.cni == "calico" and (encapsulation == "none" or encapsulation.endswith("cross-subnet")):
        plain, setting = "Calico's %s" % encapsulation, "cni_calico_encapsulation"
    if plain:
        yield Problem(
            setting,
            "%s sends packets with pods' own addresses, and a WireGuard mesh passes the nodes' addresses only" % plain,
            "write flannel or calico with vxlan, or cilium; or take a VLAN (interconnect_type: vlan)",
        )
    if cluster.cni == "flannel" and backend == "wireguard":
        yield Problem(
            "cni_flannel_backend",
            "every packet would be encrypted twice, by Flannel and by the link",
            "write vxlan",
            warning=True,
        )
    vip = topology.vip
    for node in linked(topology):
        try:
            network = ipaddress.ip_interface(str(settings(node)["address"])).network
        except ValueError:
            continue
        if vip is not None and vip in network:
            yield Problem(
                "cluster_vip",
                "%s lies in the WireGuard mesh, which has no ARP and passes each address to one peer: it could not move" % vip,
                "take a failover IP that the provider moves (failover_ip_provider), or a VLAN for the link",
            )
            return


def _mtu(topology: Topology) -> Iterator[Problem]:
    mtu = link_mtu(topology)
    wide = [node.host for node in topology.cluster_nodes if mtu and (node.number_setting("cni_mtu") or 0) > mtu]
    if wide:
        yield Problem(
            "cni_mtu",
            "the link between the nodes carries %d bytes, and less with the pod network's own header" % (mtu or 0),
            "leave it out: it is computed",
            tuple(wide),
        )


def _is_up(topology: Topology) -> Iterator[Problem]:
    made, _refused = links(topology)
    down, narrow = [], []
    for host, end in made.items():
        known = mtus(topology.nodes[host])
        if not any(str(held.address) == end.address.split("/", maxsplit=1)[0] for held in topology.nodes[host].addresses):
            down.append(host)
        elif end.interface in known and known[end.interface] != end.mtu:
            narrow.append(host)
    if down:
        yield Problem(
            "interconnect_type",
            "the link is not up on %s" % listed(down),
            "run ansible-playbook baremetal.kubernetes.interconnect first, for all hosts together",
            tuple(down),
        )
    if narrow:
        yield Problem(
            "interconnect_mtu",
            "the link of %s has another MTU than its settings say" % listed(narrow),
            "run ansible-playbook baremetal.kubernetes.interconnect",
            tuple(narrow),
            warning=True,
        )
