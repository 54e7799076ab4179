# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Load balancers on hosts of their own and directors in front of them: no single machine, and no setting, may take the endpoint."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.lvs.settings import LEAST_IDLE_TIMEOUT, MAC_ADDRESS
from ansible_collections.baremetal.kubernetes.plugins.module_utils.network.addresses import parse_address
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import (
    Node,
    Topology,
    entries,
    mapping,
    text,
    within,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import (
    Problem,
    differing,
    grouped,
    listed,
    of_hosts,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import is_digits

#: What all directors have to say alike, since each of them may become the active one.
OF_THE_PAIR = ("lvs_mode", "lvs_services", "lvs_scheduler", "lvs_sync", "lvs_sync_id", "lvs_gateway", "lvs_idle_timeout")


#: What listens on a control plane beside its API server (Kubernetes, "Ports and Protocols").
OF_A_CONTROL_PLANE = {2379: "etcd's own", 2380: "etcd's own", 10250: "the kubelet's own"}


def check(topology: Topology) -> Iterator[Problem]:
    yield from _load_balancers(topology)
    yield from _engine(topology)
    yield from _additional_ports(topology)
    yield from of_hosts((one, node.host) for node in topology.balancers for one in _values(node))
    if topology.playbook == "lvs_haproxy" and not topology.directors:
        yield Problem(
            "group directors",
            "playbook lvs_haproxy needs two directors, and no host is in the group",
            "put two hosts in group directors, or use the playbook baremetal.kubernetes.stacked_ha",
        )
    if topology.directors:
        yield from _directors(topology)
        yield from _own_real_servers(topology)
        yield from _pair(topology)
        yield from _endpoint(topology)
        yield from _reach(topology)


def _one_machine(nodes: List[Node]) -> Optional[str]:
    machines = {node.machine for node in nodes}
    return machines.pop() if len(nodes) > 1 and len(machines) == 1 else None


def _load_balancers(topology: Topology) -> Iterator[Problem]:
    nodes = topology.group("load_balancers")
    hosts = tuple(node.host for node in nodes)
    machine = _one_machine(nodes)
    if machine is not None:
        yield Problem(
            "physical_host",
            "all load balancers (%s) are on machine %s, and the endpoint dies with it" % (listed(hosts), machine),
            "put them on two machines at least",
            hosts,
        )
    if len(nodes) == 1 and len(topology.control_planes) > 1:
        yield Problem(
            "group load_balancers",
            "%s is the only load balancer, so the whole cluster depends on that host" % hosts[0],
            "add a second one on another machine, or leave the group empty to have them on the control planes",
            hosts,
        )
    if nodes and not topology.directors and topology.vip is None and parse_address(topology.endpoint_host) is not None:
        yield Problem(
            "cluster_vip",
            "no address moves between the load balancers, so the endpoint %s dies with one host" % topology.endpoint_host,
            "set cluster_vip and use it in cluster_endpoint, or add group directors",
            hosts,
        )


def _engine(topology: Topology) -> Iterator[Problem]:
    """nginx without its commercial part checks nobody; the person who chose it should hear it once."""
    passive = [node.host for node in topology.balancers if text(node.setting("load_balancer_engine")) == "nginx"]
    if passive:
        yield Problem(
            "load_balancer_engine",
            "open-source nginx notices an API server that hangs or is not ready only by connections that "
            "fail: it never asks /readyz",
            "write haproxy, unless nginx is what you have to use",
            tuple(passive),
            warning=True,
        )


def _further_ports(node: Node) -> List[str]:
    return [text(port) for port in entries(node.setting("load_balancer_additional_ports"))]


def _additional_ports(topology: Topology) -> Iterator[Problem]:
    wrong: Dict[Tuple[str, str], List[str]] = {}
    for node in topology.balancers:
        ports = _further_ports(node)
        taken = {str(topology.settings.load_balancer_port): "the port of the API already (cluster_load_balancer_port)"}
        if "control_plane" in node.groups:
            taken.update({str(port): what for port, what in OF_A_CONTROL_PLANE.items()})
            taken[str(topology.settings.api_port)] = "the API server's own on a control plane"
        for port in ports:
            if not is_digits(port) or not 1 <= int(port) <= 65535:
                wrong.setdefault((port, "no TCP port"), []).append(node.host)
            elif port in taken:
                wrong.setdefault((port, taken[port]), []).append(node.host)
            elif ports.count(port) > 1:
                wrong.setdefault((port, "in it twice"), []).append(node.host)
    for (port, why), hosts in wrong.items():
        yield Problem(
            "load_balancer_additional_ports",
            "%s is %s" % (port or "an empty entry", why),
            "write other ports that the API servers' hosts listen on, such as [9345], or take it out",
            tuple(dict.fromkeys(hosts)),
        )


def _values(node: Node) -> Iterator[Tuple[str, str, str]]:
    idle = node.number_setting("load_balancer_idle_timeout")
    if idle is not None and idle < LEAST_IDLE_TIMEOUT:
        yield (
            "load_balancer_idle_timeout",
            "%g s would cut watches and kubectl exec" % idle,
            "write %d or more" % LEAST_IDLE_TIMEOUT,
        )
    for address in entries(node.setting("load_balancer_bind_addresses")):
        if text(address) != "*" and parse_address(text(address)) is None:
            problem = "%r is no IP address" % (address,)
            yield "load_balancer_bind_addresses", problem, "write addresses of the host, like [192.0.2.11]"


def _directors(topology: Topology) -> Iterator[Problem]:
    hosts = tuple(node.host for node in topology.directors)
    if len(hosts) == 1:
        yield Problem(
            "group directors",
            "%s is the only director, so the whole cluster depends on that host" % hosts[0],
            "add a second director on another machine, or leave the group empty and have keepalived on the load balancers",
            hosts,
        )
    machine = _one_machine(topology.directors)
    if machine is not None:
        yield Problem(
            "physical_host",
            "all directors (%s) are on machine %s, and the endpoint dies with it" % (listed(hosts), machine),
            "put them on two machines",
            hosts,
        )
    if topology.vip is None and not topology.settings.vip:
        yield Problem(
            "cluster_vip",
            "the directors have no address to hold",
            "set it to a free address of their network, and use it in cluster_endpoint",
        )


def _own_real_servers(topology: Topology) -> Iterator[Problem]:
    both = [node.host for node in topology.directors if node in topology.real_servers]
    if not both:
        return
    macs = {node.host: text(node.setting("lvs_mac_address")).lower() for node in topology.directors}
    if not any(macs.values()):
        own = bool(topology.group("load_balancers"))
        yield Problem(
            "group directors",
            "%s would be a director and one of its own real servers (group %s): a standby director passes what the active one "
            "gives it on once more, and connections go round in a circle"
            % (listed(both), "load_balancers" if own else "control_plane"),
            "%s; or let directors tell each other's frames by lvs_mac_address, set on each of them"
            % (
                "take it out of one of the two groups"
                if own
                else "put the load balancers on hosts of their own (group load_balancers), or take it out of directors"
            ),
            tuple(both),
        )
        return
    wrong = [host for host, mac in macs.items() if not MAC_ADDRESS.fullmatch(mac) or list(macs.values()).count(mac) > 1]
    if wrong:
        yield Problem(
            "lvs_mac_address",
            "a director is a real server, and the MAC address of %s is missing, no MAC address or another director's"
            % listed(wrong),
            "write what `ip link show` says of the interface of each director, such as 52:54:00:12:34:56",
            tuple(wrong),
        )
    if topology.lvs_mode != "dr":
        yield Problem(
            "lvs_mode",
            "with %s a director can't be a real server" % topology.lvs_mode,
            "write dr, or take the hosts out of one of the groups",
            tuple(both),
        )


def _pair(topology: Topology) -> Iterator[Problem]:
    for name in OF_THE_PAIR:
        values = {node.host: node.setting(name) for node in topology.directors}
        yield from differing(name, values, "the directors", "set it once, for the group directors")
    modes = grouped((text(node.setting("lvs_mode")) or "dr", node.host) for node in topology.real_servers)
    modes.pop(topology.lvs_mode, None)
    for mode, hosts in modes.items():
        yield Problem(
            "lvs_mode",
            "it is %s for the directors and %s for their real servers" % (topology.lvs_mode, mode),
            "set it once for all hosts, in group_vars/all.yml",
            tuple(hosts),
        )


def _ports(topology: Topology) -> List[Tuple[int, Mapping[str, Any]]]:
    services = next((node.setting("lvs_services") for node in topology.directors if node.setting("lvs_services")), None)
    if services is None:
        return [(topology.settings.load_balancer_port, {})]
    found = []
    for service in entries(services):
        port = text(mapping(service).get("port"))
        if is_digits(port):
            found.append((int(port), mapping(service)))
    return found


def _endpoint(topology: Topology) -> Iterator[Problem]:
    ports = [port for port, _service in _ports(topology)]
    wanted = topology.endpoint_port or str(topology.settings.api_port)
    if topology.settings.endpoint and ports and wanted not in [str(port) for port in ports]:
        yield Problem(
            "cluster_endpoint",
            "the directors pass on port %s, and not %s" % (listed([str(port) for port in ports]), wanted),
            "write port %d, or put %s into lvs_services" % (ports[0], wanted),
        )
    if ports and topology.settings.load_balancer_port not in ports:
        yield Problem(
            "lvs_services",
            "the load balancers listen on %d (cluster_load_balancer_port), which is not in it, and a director "
            "can't change a port" % topology.settings.load_balancer_port,
            "add {port: %d, check: readyz}" % topology.settings.load_balancer_port,
        )
    for port in ports:
        deaf = [
            node.host
            for node in topology.real_servers
            if port != topology.settings.load_balancer_port
            and str(port) not in _further_ports(node)
            and port not in entries(node.facts.get("listening"))
        ]
        if deaf:
            yield Problem(
                "lvs_services",
                "nothing listens on port %d of %s, and a director can't change a port" % (port, listed(deaf)),
                "write load_balancer_additional_ports: [%d] for all load balancers, or take the port out of lvs_services" % port,
                tuple(deaf),
            )


def _reach(topology: Topology) -> Iterator[Problem]:
    """DR hands a frame to a neighbour; NAT needs the answers to come back the same way."""
    networks = [network for node in topology.directors for network in node.networks_on(topology.vip_interface(node))]
    if topology.lvs_mode == "dr":
        far = [
            node
            for node in topology.real_servers
            if node.address is not None and networks and within(networks, node.address) is None
        ]
        if far:
            yield Problem(
                "lvs_mode",
                "dr hands packets on within a segment, and %s not in the directors' (%s)"
                % (
                    listed(["%s (%s)" % (node.host, node.address) for node in far]) + (" is" if len(far) == 1 else " are"),
                    listed(sorted({str(network) for network in networks})),
                ),
                "give them an address there and name it in node_address",
                tuple(node.host for node in far),
            )
        return
    gateway = next((text(node.setting("lvs_gateway")) for node in topology.directors), "")
    around = [node.host for node in topology.real_servers if node.readable and gateway and _default_gateway(node) != gateway]
    if around:
        yield Problem(
            "lvs_gateway",
            "the default route of %s is not %s, so their answers would pass the directors by and reach no client"
            % (listed(around), gateway),
            "give them that default route, or write lvs_mode: dr",
            tuple(around),
        )
    behind = {node.network for node in topology.real_servers if node.network is not None}
    real = [node.host for node in topology.real_servers]
    near = [node.host for node in topology.cluster_nodes if node.host not in real and node.network in behind]
    if near:
        yield Problem(
            "lvs_mode",
            "nat answers no client of the real servers' own network, and %s in it"
            % (listed(near) + (" is" if len(near) == 1 else " are")),
            "write dr, or put the load balancers into a network of their own",
            tuple(near),
        )


def _default_gateway(node: Node) -> str:
    for route in entries(node.facts.get("routes")):
        if text(mapping(route).get("destination")) == "default":
            return text(mapping(route).get("gateway"))
    return ""
