# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a role's settings to the finished data of a director's virtual servers. Pure.

Sources: keepalived.conf(5) of keepalived 2.2.7, ipvsadm(8), Documentation/networking/ipvs-sysctl.rst of Linux 6.1.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Dict, List, Mapping, Optional, Union

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]

#: How a packet gets to a real server -> keepalived's name of it.
MODES: Mapping[str, str] = {"dr": "DR", "nat": "NAT"}
#: What tells whether a real server is alive -> what it proves.
CHECKS = ("readyz", "ssl", "tcp")
#: Schedulers of IPVS -> the kernel module of each is ip_vs_NAME.
SCHEDULERS = ("wlc", "lc", "wrr", "rr", "sh", "dh", "mh", "sed", "nq", "lblc", "lblcr", "fo", "ovf")
#: IPVS takes a weight as 31 bits; keepalived up to 65535. 0 would mean: no new connections.
WEIGHTS = range(1, 65536)
#: The sync daemon's number of a pair of directors is one byte.
SYNC_IDS = range(256)
#: Below this, silent watches and kubectl exec would be cut; IPVS' own value is 900 s.
LEAST_IDLE_TIMEOUT = 3600


#: Ethernet's, as `ip link` prints it.
MAC_ADDRESS = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", re.IGNORECASE)
#: Where directors are real servers, services are told by a mark of the packet, counted from here. kube-proxy uses 0x4000 and
#: 0x8000, Cilium 0xf00, Calico the upper half.
FIRST_MARK = 0x31


def finished_settings(settings: Mapping[str, Any]) -> Dict[str, Any]:
    """What the template needs and the settings don't say outright: services with their real servers, method, kernel modules.

    :param settings: the role's settings without their prefix.
    :raises SettingError: the first setting that IPVS or keepalived would misread or take without effect.
    """
    virtual = _address(
        "lvs_virtual_address", settings["virtual_address"], "write the VIP, such as 192.0.2.100, or set cluster_vip"
    )
    mode = str(settings["mode"])
    scheduler = str(settings["scheduler"])
    if mode not in MODES:
        raise SettingError("lvs_mode", "%r is no way to reach a real server here" % mode, "write dr or nat")
    if scheduler not in SCHEDULERS:
        raise SettingError(
            "lvs_scheduler", "%r is no scheduler of IPVS" % scheduler, "write wlc, or one of %s" % ", ".join(SCHEDULERS)
        )
    gateway = _gateway(mode, settings["gateway"], virtual)
    if int(settings["idle_timeout"]) < LEAST_IDLE_TIMEOUT:
        raise SettingError(
            "lvs_idle_timeout",
            "%s s would cut watches and kubectl exec" % settings["idle_timeout"],
            "write %d or more, and not less than load_balancer_idle_timeout" % LEAST_IDLE_TIMEOUT,
        )
    if int(settings["sync_id"]) not in SYNC_IDS:
        raise SettingError("lvs_sync_id", "%s does not fit into a byte" % settings["sync_id"], "write a number from 0 to 255")
    servers = _real_servers(settings["real_servers"], virtual, int(settings["weight"]))
    peers = _mac_addresses(settings["peer_mac_addresses"])
    services = _services(settings["services"])
    return {
        "method": MODES[mode],
        "virtual_addresses": [str(virtual)] + ([str(gateway)] if gateway else []),
        "prefix": virtual.max_prefixlen,
        "modules": ["ip_vs", "ip_vs_%s" % scheduler],
        "ipv6": virtual.version == 6,
        "peer_mac_addresses": peers,
        "services": [
            dict(service, real_servers=servers, mark=FIRST_MARK + position if peers else None)
            for position, service in enumerate(services)
        ],
    }


def _address(setting: str, value: object, remedy: str) -> Address:
    try:
        return ipaddress.ip_address(str(value))
    except ValueError:
        raise SettingError(setting, "%r is no IP address" % value, remedy)


def _gateway(mode: str, value: object, virtual: Address) -> Optional[Address]:
    if mode == "dr":
        if value not in ("", None):
            raise SettingError(
                "lvs_gateway",
                "with lvs_mode dr real servers answer clients themselves, and nobody uses it",
                "remove it, or write lvs_mode: nat",
            )
        return None
    gateway = _address(
        "lvs_gateway",
        value,
        "with lvs_mode nat write a free address of the real servers' network, and make it the default route of each of them",
    )
    if gateway.version != virtual.version:
        raise SettingError("lvs_gateway", "%s is of another family than %s" % (gateway, virtual), "use one family for both")
    return gateway


def _mac_addresses(wanted: List[object]) -> List[str]:
    for text in wanted:
        if not MAC_ADDRESS.fullmatch(str(text)):
            raise SettingError("lvs_peer_mac_addresses", "%r is no MAC address" % text, "write it as 52:54:00:12:34:56")
    return [str(text).lower() for text in wanted]


def _services(wanted: List[Mapping[str, Any]]) -> List[Dict[str, Any]]:
    if not wanted:
        raise SettingError("lvs_services", "it is empty", "name the ports to pass on, like [{port: 8443, check: readyz}]")
    found: Dict[int, Dict[str, Any]] = {}
    for service in wanted:
        port, check = int(service["port"]), str(service.get("check") or "readyz")
        if not 1 <= port <= 65535:
            raise SettingError("lvs_services", "%d is no TCP port" % port, "write a number from 1 to 65535")
        if check not in CHECKS:
            raise SettingError("lvs_services", "%r is no check of port %d" % (check, port), "write one of %s" % ", ".join(CHECKS))
        if port in found:
            raise SettingError("lvs_services", "port %d is in it twice" % port, "leave it in once")
        found[port] = {"port": port, "check": check}
    return list(found.values())


def _real_servers(wanted: List[Mapping[str, Any]], virtual: Address, weight: int) -> List[Dict[str, Any]]:
    if not wanted:
        raise SettingError("lvs_real_servers", "it is empty", "name the hosts behind the directors as {name, address}")
    found: Dict[Address, Dict[str, Any]] = {}
    for server in wanted:
        name = str(server["name"])
        address = _address("lvs_real_servers", server["address"], "write the address of %s in the directors' network" % name)
        if address.version != virtual.version:
            raise SettingError(
                "lvs_real_servers",
                "%s (%s) is of another family than the virtual address %s, and IPVS does not translate"
                % (address, name, virtual),
                "give it the address of that family",
            )
        if address == virtual:
            raise SettingError("lvs_real_servers", "%s has the virtual address itself" % name, "write its own address")
        if address in found:
            raise SettingError("lvs_real_servers", "%s is in it twice" % address, "leave it in once")
        own = server.get("weight")
        number = int(weight if own in (None, "") else own)
        if number not in WEIGHTS:
            raise SettingError(
                "lvs_weight",
                "%d is no weight of %s" % (number, name),
                "write 1 to %d; to take a server out, take it out of the group or stop its load balancer" % (WEIGHTS[-1]),
            )
        found[address] = {"name": name, "address": str(address), "ipv6": address.version == 6, "weight": number}
    return list(found.values())
