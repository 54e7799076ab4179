# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes for answers: what came in by an interface with a gateway of its own goes out by it, from pods as well. Pure.

A Service's connection is translated to a pod, and its answer gets the Service's address back only after it was routed. So a rule
for the address alone never sees it: the connection is marked where it comes in, and its answers are routed by the mark.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Dict, List, Mapping, NamedTuple, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.network.addresses import Address, Network

SETTING = "metallb_return_routes"
FOLDER = "/etc/kubernetes-return-routes"
SERVICE = "kubernetes-return-routes"
#: Bits of the mark that are neither kube-proxy's (bits 14 and 15), nor Cilium's (8 to 11, 16 to 31), nor Calico's (16 to 31).
MASK = 0x3000
STEP = 0x1000
MOST = MASK // STEP
FIRST_TABLE = 200
#: The kernel's own tables: unspec, compat, default, main, local.
KERNEL_TABLES = (0, 252, 253, 254, 255)
#: The mark of our routes and rules, by which they are found again; the pod network's is 177.
PROTOCOL = 178
#: Before the rule of the main table (32766), after the local one (0).
PRIORITY = 1000
INTERFACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,14}$")


class ReturnRoute(NamedTuple):
    """One way out: for connections to ``addresses`` that came in by ``interface``."""

    addresses: List[Network]
    interface: str
    gateway: Address
    onlink: bool
    table: int
    mark: int


def return_routes(settings: Sequence[Mapping[str, Any]]) -> List[ReturnRoute]:
    """The ways out, with a table and a mark each.

    :param settings: the entries of metallb_return_routes of one host: addresses, interface, gateway, onlink, table.
    :raises SettingError: the first entry that the kernel would refuse, or whose answers would take another way.
    """
    if len(settings) > MOST:
        raise SettingError(
            SETTING,
            "%d ways out, and the free bits of a packet's mark tell %d apart" % (len(settings), MOST),
            "join those of one gateway",
        )
    made = [_route(number, entry) for number, entry in enumerate(settings, 1)]
    for route in made:
        if sum(other.table == route.table for other in made) > 1:
            raise SettingError(SETTING, "two have the table %d" % route.table, "leave table out, or give each one of its own")
    return made


def _route(number: int, entry: Mapping[str, Any]) -> ReturnRoute:
    place = "%s[%d]" % (SETTING, number)
    try:
        addresses = [ipaddress.ip_network(str(address)) for address in entry.get("addresses") or []]
    except ValueError as error:
        raise SettingError(place + ".addresses", str(error), "write networks, like 203.0.113.8/29 or 203.0.113.11/32")
    if not addresses:
        raise SettingError(place + ".addresses", "no address is named", "write those that come in by this interface")
    try:
        gateway = ipaddress.ip_address(str(entry.get("gateway")))
    except ValueError:
        raise SettingError(
            place + ".gateway", "%r is no IP address" % (entry.get("gateway"),), "write the gateway of these addresses"
        )
    if any(network.version != gateway.version for network in addresses):
        raise SettingError(
            place + ".gateway", "%s is of another family than the addresses" % gateway, "write one entry for each family"
        )
    interface = str(entry.get("interface") or "")
    if not INTERFACE.match(interface):
        raise SettingError(
            place + ".interface", "%r is no name of an interface" % interface, "write the one that these addresses come in by"
        )
    table = int(entry.get("table") or FIRST_TABLE + number - 1)
    if table in KERNEL_TABLES or not 0 < table < 1 << 31:
        raise SettingError(place + ".table", "%d is a table of the kernel's own, or none" % table, "leave it out, or write 200")
    return ReturnRoute(addresses, interface, gateway, entry.get("onlink") is True, table, number * STEP)


def files(routes: Sequence[ReturnRoute]) -> Dict[str, str]:
    """Path -> text: commands of ip for each family, and the marks in nftables' language."""
    return {
        FOLDER + "/ipv4": batch([route for route in routes if route.gateway.version == 4]),
        FOLDER + "/ipv6": batch([route for route in routes if route.gateway.version == 6]),
        FOLDER + "/marks.nft": marks(routes),
    }


def batch(routes: Sequence[ReturnRoute]) -> str:
    """For ``ip -batch``: what stood there of us before goes, and what is wanted comes, so that it may be run at any time."""
    lines = ["rule flush protocol %d" % PROTOCOL]
    for route in routes:
        onlink = " onlink" if route.onlink else ""
        lines.append(
            "route replace default via %s dev %s%s table %d protocol %d"
            % (route.gateway, route.interface, onlink, route.table, PROTOCOL)
        )
        lines.append(
            "rule add fwmark 0x%x/0x%x lookup %d priority %d protocol %d" % (route.mark, MASK, route.table, PRIORITY + 1, PROTOCOL)
        )
        for network in route.addresses:
            # What the host itself sends from such an address: to its neighbours and pods as ever, to all else by the gateway.
            lines.append(
                "rule add from %s lookup main suppress_prefixlength 0 priority %d protocol %d" % (network, PRIORITY, PROTOCOL)
            )
            lines.append("rule add from %s lookup %d priority %d protocol %d" % (network, route.table, PRIORITY + 1, PROTOCOL))
    return "".join(line + "\n" for line in lines)


def marks(routes: Sequence[ReturnRoute]) -> str:
    """The whole table: made anew in one transaction each time."""
    table = "inet %s" % SERVICE.replace("-", "_")
    arriving, answering, leaving = [], [], []
    for route in routes:
        family = "ip" if route.gateway.version == 4 else "ip6"
        addresses = ", ".join(str(network) for network in route.addresses)
        # The other bits are other programs'.
        change = "and 0x%08x or 0x%08x" % (0xFFFFFFFF ^ MASK, route.mark)
        arriving.append(
            'iifname "%s" %s daddr { %s } ct state new ct mark set ct mark %s' % (route.interface, family, addresses, change)
        )
        answer = "ct direction reply ct mark and 0x%08x == 0x%08x meta mark set meta mark %s" % (MASK, route.mark, change)
        answering.append('iifname != "%s" %s' % (route.interface, answer))
        leaving.append(answer)
    lines = ["table %s {}" % table, "delete table %s" % table]
    if routes:
        lines += ["table %s {" % table]
        # After conntrack (-200) knows the connection, before kube-proxy (-100) changes its address.
        lines += ["  chain arrive {", "    type filter hook prerouting priority -150; policy accept;"]
        lines += ["    " + line for line in arriving + answering]
        lines += ["  }", "  chain leave {", "    type route hook output priority -150; policy accept;"]
        lines += ["    " + line for line in leaving]
        lines += ["  }", "}"]
    return "".join(line + "\n" for line in lines)


def sysctls(routes: Sequence[ReturnRoute]) -> Dict[str, str]:
    """Loose reverse path filters: the main table leads to most senders by another interface than the one that they come in by."""
    return {"net.ipv4.conf.%s.rp_filter" % route.interface.replace(".", "/"): "2" for route in routes if route.gateway.version == 4}
