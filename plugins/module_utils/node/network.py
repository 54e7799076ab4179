# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses, routes, interfaces and listening ports."""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Dict, List, Optional, Tuple, Union

from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import from_json
from ansible_collections.baremetal.kubernetes.plugins.module_utils.network.interfaces import OWN_INTERFACE, POD_LINK
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.problems import Problems
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

ANYWHERE = {4: "0.0.0.0/0", 6: "::/0"}
#: TCP_LISTEN of include/net/tcp_states.h, as /proc/net/tcp prints it.
LISTEN = "0A"


def read(runner: Runner, timeout: float, problems: Problems) -> Dict[str, Any]:
    """addresses, interfaces, routes, default_address, default_interface, listening, nameservers and resolved."""
    links = _ip(runner, ["ip", "-json", "address", "show"], timeout, problems)
    routes = []
    raw = []
    for version in (4, 6):
        table = _ip(runner, ["ip", "-json", "-%d" % version, "route", "show", "table", "main"], timeout, problems)
        raw.extend(default_routes(table, version))
        routes.extend(parse_routes(table, version))
    addresses = parse_addresses(links)
    interface, address = default_source(raw, addresses)
    ports = listening_ports(runner.read("/proc/net/tcp") or "") + listening_ports(runner.read("/proc/net/tcp6") or "")
    return {
        "addresses": addresses,
        "interfaces": parse_mtus(links),
        "routes": routes,
        "default_address": address,
        "default_interface": interface,
        "listening": sorted(set(ports)),
        "nameservers": nameservers(runner.read("/etc/resolv.conf") or ""),
        # What the kubelet gives to pods in the place of systemd-resolved's own address (kubeadm writes it so).
        "resolved": runner.exists("/run/systemd/resolve/resolv.conf"),
    }


def nameservers(text: str) -> List[str]:
    """The servers of /etc/resolv.conf that are addresses."""
    words = (line.split() for line in text.splitlines())
    found = [line[1].partition("%")[0] for line in words if len(line) > 1 and line[0] == "nameserver"]
    return [server for server in found if _address(server) is not None]


def _ip(runner: Runner, argv: List[str], timeout: float, problems: Problems) -> List[Dict[str, Any]]:
    result = runner.run(argv, timeout=timeout)
    if result.rc != 0:
        # A kernel without IPv6 has no such table, and nothing is missing.
        if "-6" not in argv:
            problems.add("network", "%s: %s" % (" ".join(argv), result.stderr.strip() or "exit code %d" % result.rc))
        return []
    return parse_json_list(result.stdout)


def parse_json_list(text: str) -> List[Dict[str, Any]]:
    """The objects of a JSON list; ip prints empty ones, or nothing at all, for what it left out."""
    try:
        data = from_json(text or "[]")
    except ValueError:
        return []
    return [entry for entry in data if isinstance(entry, dict) and entry] if isinstance(data, list) else []


def parse_addresses(links: List[Dict[str, Any]]) -> List[Dict[str, Any]]:
    """interface, address, prefix and family (4 or 6) of every address that other hosts can reach."""
    found = []
    for link in links:
        interface = _text(link.get("ifname"))
        if not interface or POD_LINK.match(interface):
            continue
        for entry in _objects(link.get("addr_info")):
            address, prefix = _address(entry.get("local")), entry.get("prefixlen")
            if address is None or not isinstance(prefix, int) or entry.get("scope") in ("host", "link"):
                continue
            found.append({"interface": interface, "address": str(address), "prefix": prefix, "family": address.version})
    return found


def parse_mtus(links: List[Dict[str, Any]]) -> Dict[str, int]:
    """interface -> MTU"""
    mtus = {}
    for link in links:
        name, mtu = _text(link.get("ifname")), link.get("mtu")
        if name and isinstance(mtu, int) and not POD_LINK.match(name):
            mtus[name] = mtu
    return mtus


def parse_routes(table: List[Dict[str, Any]], version: int) -> List[Dict[str, Any]]:
    """destination (a network, default is 0.0.0.0/0 or ::/0), gateway, interface and source of each route.

    Without those that the cluster's own network made: it has one to each other node, a million of them on a thousand nodes.
    """
    routes = []
    for route in table:
        destination = _destination(route.get("dst"), version)
        interface = _text(route.get("dev")) or _text(_first_hop(route).get("dev"))
        own = interface and OWN_INTERFACE.match(interface) and destination != ANYWHERE[version]
        if destination is None or own:
            continue
        gateway = _address(route.get("gateway")) or _address(_first_hop(route).get("gateway"))
        source = _address(route.get("prefsrc"))
        routes.append(
            {
                "destination": destination,
                "gateway": str(gateway) if gateway else None,
                "interface": interface,
                "source": str(source) if source else None,
            }
        )
    return routes


def default_routes(table: List[Dict[str, Any]], version: int) -> List[Dict[str, Any]]:
    """The default routes in the kernel's order of preference."""
    found = [route for route in parse_routes_with_metric(table, version) if route["destination"] == ANYWHERE[version]]
    return sorted(found, key=lambda route: int(route["metric"]))


def parse_routes_with_metric(table: List[Dict[str, Any]], version: int) -> List[Dict[str, Any]]:
    """Like parse_routes, for the choice of the default route."""
    routes = []
    for entry in table:
        metric = entry.get("metric")
        for route in parse_routes([entry], version):
            routes.append(dict(route, metric=metric if isinstance(metric, int) else 0))
    return routes


def default_source(routes: List[Dict[str, Any]], addresses: List[Dict[str, Any]]) -> Tuple[Optional[str], Optional[str]]:
    """(interface, source address) of the best default route: IPv4's where there is one, as kubeadm chooses."""
    for route in routes:
        version = 6 if ":" in route["destination"] else 4
        held = [a for a in addresses if a["interface"] == route["interface"] and a["family"] == version]
        near = [a for a in held if route["gateway"] and _same_network(a, route["gateway"])]
        address = route["source"] or next((a["address"] for a in near or held), None)
        if address:
            return route["interface"], address
    return None, None


def listening_ports(text: str) -> List[int]:
    """The ports of listening sockets, from /proc/net/tcp or tcp6."""
    ports = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 3 and fields[3] == LISTEN:
            match = re.match(r"^[0-9A-F]+:([0-9A-F]{4})$", fields[1])
            if match:
                ports.append(int(match.group(1), 16))
    return ports


def _destination(value: object, version: int) -> Optional[str]:
    """A route's destination as a network; None for what never leaves the link."""
    if value == "default":
        return ANYWHERE[version]
    try:
        network = ipaddress.ip_network(_text(value) or "", strict=False)
    except ValueError:
        return None
    return None if network.is_link_local or network.is_multicast else str(network)


def _same_network(held: Dict[str, Any], gateway: str) -> bool:
    try:
        network = ipaddress.ip_network("%s/%d" % (held["address"], held["prefix"]), strict=False)
        return ipaddress.ip_address(gateway) in network
    except ValueError:
        return False


def _address(value: object) -> Optional[Union[ipaddress.IPv4Address, ipaddress.IPv6Address]]:
    try:
        return ipaddress.ip_address(_text(value) or "")
    except ValueError:
        return None


def _first_hop(route: Dict[str, Any]) -> Dict[str, Any]:
    return next(iter(_objects(route.get("nexthops"))), {})


def _objects(value: object) -> List[Dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _text(value: object) -> Optional[str]:
    return value if isinstance(value, str) and value else None
