# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How clients reach the API: the VIP that keepalived moves, the endpoint in every kubeconfig, ports, VRRP router ids."""

from __future__ import annotations

from typing import Dict, Iterator, List, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.network.addresses import (
    Network,
    is_host_address,
    join_endpoint,
    parse_address,
    same_segment,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.checks.failover import routed_addresses
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import (
    Node,
    Topology,
    entries,
    holders,
    text,
    within,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem, listed
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import is_digits

#: VRRPv2 authentication carries 8 bytes (RFC 2338); keepalived cuts what is longer.
PASSWORD_LENGTH = 8


def check(topology: Topology) -> Iterator[Problem]:
    yield from _ports(topology)
    yield from _vip(topology)
    yield from _endpoint(topology)
    yield from _router_id(topology)
    yield from _password(topology)


def _ports(topology: Topology) -> Iterator[Problem]:
    settings = topology.settings
    for name, port in (("cluster_api_port", settings.api_port), ("cluster_load_balancer_port", settings.load_balancer_port)):
        if not 1 <= port <= 65535:
            yield Problem(
                name,
                "%d is no TCP port" % port,
                "write a number from 1 to 65535, like %d" % (6443 if "api" in name else 8443),
            )
    if (
        settings.api_port == settings.load_balancer_port
        and len(topology.control_planes) > 1
        and not topology.group("load_balancers")
        # Directors pass on to its servers' own ports.
        and topology.settings.distribution == "kubeadm"
    ):
        yield Problem(
            "cluster_load_balancer_port",
            "it is %d like cluster_api_port, and on a control plane HAProxy and the API server can't listen on one port"
            % settings.api_port,
            "write another port, like 8443, here and in cluster_endpoint",
        )


def _vip(topology: Topology) -> Iterator[Problem]:
    settings = topology.settings
    vip = topology.vip
    if not settings.vip:
        return
    if vip is None:
        hint = " without a prefix length; keepalived takes that of the interface" if "/" in settings.vip else ""
        yield Problem("cluster_vip", "%r is no IP address" % settings.vip, "write an address%s, like 192.0.2.100" % hint)
        return
    for setting, networks in (
        ("cluster_pod_subnet", topology.pod_subnets),
        ("cluster_service_subnet", topology.service_subnets),
    ):
        network = within(networks, vip)
        if network is not None:
            yield Problem(
                "cluster_vip", "%s lies in %s %s" % (vip, setting, network), "take a free address of the nodes' own network"
            )
    for node in holders(topology.nodes.values(), vip):
        if not topology.holds_vip(node):
            yield Problem(
                "cluster_vip",
                "%s is an address of %s already, and not one that keepalived put there" % (vip, node.host),
                "take an address that no host has",
                (node.host,),
            )
    yield from _segment(topology)


def _segment(topology: Topology) -> Iterator[Problem]:
    vip = topology.vip
    # A provider routes such an address to one server, whatever network that is in.
    if vip is None or str(vip) in routed_addresses(topology):
        return
    segments: Dict[Network, List[str]] = {}
    lacking: Dict[str, List[str]] = {}
    elsewhere: Dict[Tuple[str, str], List[str]] = {}
    for node in topology.vip_nodes:
        if not node.readable:
            continue
        interface = topology.vip_interface(node)
        if not interface:
            continue  # none has its node_address, which is said elsewhere
        if not node.networks_on(interface):
            lacking.setdefault(interface, []).append(node.host)
            continue
        networks = [network for network in node.networks_on(interface) if network.version == vip.version]
        segment = same_segment(vip, networks)
        if segment is None:
            words = listed([str(network) for network in networks]) or "no network of its family"
            elsewhere.setdefault((interface, words), []).append(node.host)
        else:
            segments.setdefault(segment, []).append(node.host)
    for interface, hosts in lacking.items():
        yield Problem(
            "cluster_vip_interface",
            "%s %s no interface %s with an address" % (listed(hosts), "has" if len(hosts) == 1 else "have", interface),
            "name the interface that is in the VIP's segment; where hosts name it differently, set it per host",
            tuple(hosts),
        )
    for (interface, networks_there), hosts in elsewhere.items():
        yield Problem(
            "cluster_vip",
            "%s is not in the segment of %s on %s (%s): ARP would announce it to nobody"
            % (vip, interface, listed(hosts), networks_there),
            "take a free address of that network, or name another interface in cluster_vip_interface",
            tuple(hosts),
        )
    for segment in segments:
        if not is_host_address(vip, segment):
            yield Problem(
                "cluster_vip", "%s is the network or broadcast address of %s" % (vip, segment), "take a free address in it"
            )
            return
    if len(segments) > 1:
        yield Problem(
            "cluster_vip_interface",
            "%s see the VIP's segment differently: %s"
            % (
                _called(topology),
                "; ".join("%s on %s" % (network, listed(hosts, 3)) for network, hosts in segments.items()),
            ),
            "give their interfaces one prefix length: a VIP moves inside one segment only",
        )


def _called(topology: Topology) -> str:
    """What the hosts are called that the VIP moves between."""
    return (
        "the directors"
        if topology.directors
        else "the load balancers"
        if topology.group("load_balancers")
        else "the control planes"
    )


def _endpoint(topology: Topology) -> Iterator[Problem]:
    settings = topology.settings
    control_planes = topology.control_planes
    if not settings.endpoint:
        if len(control_planes) > 1:
            example = join_endpoint(settings.vip or "192.0.2.100", settings.load_balancer_port)
            yield Problem(
                "cluster_endpoint",
                "%d control planes need one address that clients and nodes use, whichever of them is alive"
                % len(control_planes),
                "set %scluster_endpoint: %s"
                % ("" if settings.vip else "cluster_vip to a free address of the nodes' network, and ", example),
            )
        return
    host, port = topology.endpoint_host, topology.endpoint_port
    if (
        "://" in settings.endpoint
        or "/" in settings.endpoint
        or not host
        or any(character.isspace() for character in settings.endpoint)
    ):
        yield Problem(
            "cluster_endpoint",
            "%r is not host:port" % settings.endpoint,
            "write it like 192.0.2.100:8443 or api.example.org:8443",
        )
        return
    if port is not None and not (is_digits(port) and 1 <= int(port) <= 65535):
        yield Problem(
            "cluster_endpoint",
            "%r is no TCP port" % port,
            "write a number from 1 to 65535, like %d" % settings.load_balancer_port,
        )
        return
    yield from _endpoint_port(topology)
    address = parse_address(host)
    if address is not None:
        yield from _endpoint_address(topology)
    else:
        yield from _endpoint_name(topology)


def _endpoint_port(topology: Topology) -> Iterator[Problem]:
    settings = topology.settings
    port = int(topology.endpoint_port or settings.api_port)
    if topology.directors:
        return  # what directors pass on stands in checks/balancing.py
    known = (
        [settings.api_port]
        if len(topology.control_planes) == 1 and topology.vip is None
        else [settings.load_balancer_port, settings.api_port]
    )
    if port in known or _served_elsewhere(topology):
        return
    yield Problem(
        "cluster_endpoint",
        "nobody listens on port %d: the API servers have %d and HAProxy has %d"
        % (port, settings.api_port, settings.load_balancer_port),
        "write port %d, or change %s" % (known[0], "cluster_load_balancer_port" if len(known) > 1 else "cluster_api_port"),
    )


def _served_elsewhere(topology: Topology) -> bool:
    """Whether the endpoint is a name beside no VIP: some load balancer that this inventory knows nothing of may serve it."""
    return topology.vip is None and parse_address(topology.endpoint_host) is None and len(topology.control_planes) > 1


def _endpoint_address(topology: Topology) -> Iterator[Problem]:
    address = parse_address(topology.endpoint_host)
    if address is None or address == topology.vip:
        return
    having = holders(topology.nodes.values(), address)
    if any("load_balancers" in node.groups for node in having):
        return
    control_planes = [node for node in having if "control_plane" in node.groups]
    if not control_planes:
        yield Problem(
            "cluster_endpoint",
            "nobody serves %s: it is neither cluster_vip (%s) nor an address of a control plane or load balancer"
            % (address, topology.settings.vip or "not set"),
            "set cluster_vip: %s to have keepalived keep it, or write the address of what serves the API; a load balancer outside "
            "of this inventory goes in by its DNS name" % address,
        )
    elif len(topology.control_planes) > 1:
        yield Problem(
            "cluster_endpoint",
            "%s is the address of %s alone, so the whole cluster depends on that host" % (address, control_planes[0].host),
            "set cluster_vip to a free address of the nodes' network and use it here",
            (control_planes[0].host,),
        )


def _endpoint_name(topology: Topology) -> Iterator[Problem]:
    host = topology.endpoint_host
    if topology.vip is not None or host not in topology.resolved:
        return  # the hosts files of all nodes get the VIP under this name, or the name was not looked up
    found = [text(address) for address in entries(topology.resolved.get(host))]
    if not found and len(topology.control_planes) == 1:
        yield Problem(
            "cluster_endpoint",
            "the name %s resolves to nothing here; the nodes get it in their hosts files" % host,
            "give it to whoever uses the kubeconfig, in DNS or in this computer's hosts file",
            warning=True,
        )
    elif not found:
        yield Problem(
            "cluster_endpoint",
            "the name %s resolves to nothing here, and no cluster_vip is set that the nodes' hosts files could give it"
            % host,
            "set cluster_vip, or have the name in DNS before the cluster is built",
        )
    elif len(topology.control_planes) > 1:
        alone = [node.host for node in topology.control_planes if [str(node.address)] == found]
        if alone:
            yield Problem(
                "cluster_endpoint",
                "%s resolves to %s, which is %s alone, so the whole cluster depends on that host"
                % (host, found[0], alone[0]),
                "set cluster_vip to a free address of the nodes' network: the nodes' hosts files then give it this name",
                tuple(alone),
            )


def _router_id(topology: Topology) -> Iterator[Problem]:
    own = topology.settings.router_id
    if not 1 <= own <= 255:
        yield Problem(
            "cluster_router_id",
            "%d is no VRRP router id" % own,
            "write a number from 1 to 255 that no other VRRP group in the segment has",
        )
    if topology.vip is None:
        return
    voters = [node.host for node in topology.vip_nodes]
    segments = {node.network for node in topology.vip_nodes if node.network is not None}
    different = [node.host for node in topology.vip_nodes if _own_router_id(node) not in ("", str(own))]
    if different:
        yield Problem(
            "keepalived_router_id",
            "these of %s have a router id of their own and would not vote with the others for the VIP"
            % _called(topology)[len("the ") :],
            "remove it and set cluster_router_id for all",
            tuple(different),
        )
    clash = [
        node.host
        for node in topology.nodes.values()
        if node.host not in voters and _own_router_id(node) == str(own) and node.network in segments
    ]
    if clash:
        yield Problem(
            "cluster_router_id",
            "%d is the router id of %s too, which is another VRRP group in the same segment" % (own, listed(clash)),
            "give each VRRP group of a segment its own number from 1 to 255",
            tuple(clash),
        )


def _own_router_id(node: Node) -> str:
    return text(node.setting("keepalived_router_id"))


def _password(topology: Topology) -> Iterator[Problem]:
    hosts = [node.host for node in topology.nodes.values() if node.setting("keepalived_auth_pass") not in (None, "")]
    long = any(len(text(topology.nodes[host].setting("keepalived_auth_pass"))) > PASSWORD_LENGTH for host in hosts)
    if hosts:
        yield Problem(
            "keepalived_auth_pass",
            "VRRP sends a password in clear text%s, so role keepalived has none"
            % (", and only its first %d characters, of which this one has more" % PASSWORD_LENGTH if long else ""),
            "remove it; adverts are unicast between the control planes, and keepalived_authentication: hmac signs them",
            tuple(hosts),
        )
