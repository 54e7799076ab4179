# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The private link between servers: its sizes, ports and texts. Pure.

Sources: WireGuard's header (60 bytes over IPv4, 80 over IPv6: lists.zx2c4.com, 2016-12); wg(8); the ports that flannel, Calico and
Cilium document for their own WireGuard; Hetzner's page on vSwitch for its MTU.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.network.addresses import join_endpoint
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import is_digits

FOLDER = "/etc/kubernetes-interconnect"
PRIVATE_KEY = FOLDER + "/private.key"
TYPES = ("none", "untagged", "vlan", "wireguard")
#: What a packet grows by, by the IP version that carries it.
WIREGUARD_HEADER = {4: 60, 6: 80}
#: IPv6 asks for 1280 bytes on every link, and pods lose some of them to their own network's header.
LEAST_MTU = 1280
LONGEST_NAME = 15
INTERFACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*$")
#: Port -> whose WireGuard has it, and on which pod network (cluster_cni) that matters.
PORTS_OF_OTHERS: Mapping[int, Sequence[Any]] = {
    51820: (("flannel", "Flannel's backend wireguard, IPv4"), ("calico", "Calico's WireGuard"), ("none", "Calico's WireGuard")),
    51821: (("flannel", "Flannel's backend wireguard, IPv6"), ("calico", "Calico's WireGuard"), ("none", "Calico's WireGuard")),
    51871: (("cilium", "Cilium's WireGuard"),),
    8472: (("flannel", "Flannel's VXLAN"), ("cilium", "Cilium's VXLAN")),
    4789: (("calico", "Calico's VXLAN"), ("none", "Calico's VXLAN"),),
    6081: (("cilium", "Cilium's Geneve"),),
}
NODE_PORTS = range(30000, 32768)
#: Interfaces that pod networks make themselves.
NAMES_OF_OTHERS = re.compile(r"(flannel|cilium|cali|wireguard\.cali|cni|veth|lxc|kube-|docker|br-|tunl|vxlan\.calico)")


class Link(NamedTuple):
    """One host's end of the link. ``address`` has its prefix length; ``parent`` and ``vlan`` are for a VLAN."""

    type: str
    interface: str
    address: str
    mtu: int
    parent: str = ""
    vlan: int = 0
    userspace: str = ""


def link(settings: Mapping[str, Any], mtus: Mapping[str, Any], others: Iterable[int] = ()) -> Link:
    """A host's end, from its settings.

    :param settings: the role's settings without their prefix.
    :param mtus: interface -> MTU of this host.
    :param others: what the other hosts' ways carry, for WireGuard: a tunnel is as narrow as its narrowest end.
    :raises SettingError: the first setting with which there would be no link, or none that carries a cluster.
    """
    kind = settings["type"]
    if kind not in TYPES:
        raise SettingError("interconnect_type", "%r is no kind of link" % (kind,), "write vlan, untagged, wireguard or none")
    try:
        address = ipaddress.ip_interface(str(settings["address"]))
    except ValueError:
        address = None
    if address is None or "/" not in str(settings["address"]) or address.network.num_addresses < 4:
        raise SettingError(
            "interconnect_address",
            "%r is no address with the prefix length of the link's network" % (settings["address"],),
            "write one for each host, like 10.20.0.11/24",
        )
    parent = str(settings["parent"])
    if kind in ("vlan", "untagged"):
        if not parent:
            raise SettingError("interconnect_parent", "it is not set", "write the network card of the vRack or vSwitch, like eno2")
        if mtus and parent not in mtus:
            raise SettingError(
                "interconnect_parent", "there is no interface %s" % parent, "write one of %s" % ", ".join(sorted(mtus))
            )
    vlan = _number("interconnect_vlan_id", settings["vlan_id"], range(1, 4095)) if kind == "vlan" else 0
    interface = str(settings["interface"]) or {"vlan": "vlan%d" % vlan, "untagged": parent}.get(kind, "wg0")
    if kind == "untagged":
        interface = parent
    if not INTERFACE.match(interface) or len(interface) > LONGEST_NAME:
        raise SettingError(
            "interconnect_interface", "%r can't name an interface" % interface, "write at most 15 letters and digits"
        )
    if kind != "untagged" and NAMES_OF_OTHERS.match(interface):
        raise SettingError("interconnect_interface", "%s is a name that pod networks give" % interface, "leave it out")
    return Link(
        kind,
        interface,
        str(address),
        _mtu(settings, mtus, others),
        parent if kind == "vlan" else "",
        vlan,
        str(settings["userspace_program"]) if kind == "wireguard" else "",
    )


def _mtu(settings: Mapping[str, Any], mtus: Mapping[str, Any], others: Iterable[int]) -> int:
    kind, wanted = settings["type"], int(settings["mtu"] or 0)
    if kind == "wireguard":
        possible = min([carried(settings, mtus)] + list(others))
    else:
        possible = int(mtus.get(str(settings["parent"])) or 1500)
    if wanted > possible:
        raise SettingError(
            "interconnect_mtu",
            "%d does not fit: the way below carries %d" % (wanted, possible),
            "leave it out, or write %d or less" % possible,
        )
    chosen = wanted or possible
    if chosen < LEAST_MTU:
        raise SettingError(
            "interconnect_mtu", "%d is less than the %d that IPv6 asks for" % (chosen, LEAST_MTU), "raise the MTU of the way below"
        )
    return chosen


def carried(settings: Mapping[str, Any], mtus: Mapping[str, Any]) -> int:
    """What is left of this host's way to the others for packets within WireGuard's."""
    version = ipaddress.ip_address(endpoint_address(settings)).version
    return int(mtus.get(str(settings["endpoint_interface"])) or 1500) - WIREGUARD_HEADER[version]


def endpoint_address(settings: Mapping[str, Any]) -> str:
    """Where the others reach this host's WireGuard.

    :raises SettingError: no address.
    """
    try:
        return str(ipaddress.ip_address(str(settings["endpoint"])))
    except ValueError:
        raise SettingError(
            "interconnect_endpoint",
            "%r is no IP address" % (settings["endpoint"],),
            "write the address by which the other servers reach this one, for each host",
        )


def check_port(port: Any, cni: str, flannel_backend: str = "") -> int:
    """The port.

    :raises SettingError: another program of this cluster has it.
    """
    number = _number("interconnect_port", port, range(1, 65536))
    if number in NODE_PORTS:
        raise SettingError("interconnect_port", "%d may become the port of a Service (NodePort)" % number, "write one like 51900")
    for where, whose in PORTS_OF_OTHERS.get(number, ()):
        wireguard_off = where == "flannel" and "wireguard" in whose and flannel_backend not in ("wireguard",)
        if where == cni and not wireguard_off:
            raise SettingError("interconnect_port", "%d is the port of %s" % (number, whose), "write another one, like 51900")
    return number


def pod_mtu(mtu: int, cni: str, flannel_backend: str = "vxlan") -> int:
    """What ``cni_mtu`` has to be where the way between nodes carries ``mtu``; 0 where the plugin takes none.

    Flannel, Cilium and Calico (in its role's data) are told what the way carries and take their own header off; a bridge has none.
    """
    if cni == "flannel" and flannel_backend == "host-gw":
        return 0
    return mtu if cni in ("flannel", "cilium", "calico", "bridge") else 0


class Peer(NamedTuple):
    """Another host's end of a WireGuard mesh."""

    name: str
    public_key: str
    endpoint: str
    address: str


def peers_text(port: int, keepalive: int, peers: Sequence[Mapping[str, Any]]) -> str:
    """What ``wg setconf`` reads after the private key: the rest of [Interface], and a [Peer] for each other host.

    :raises SettingError: a key that is none, as one of a host that has not made its own yet.
    """
    lines = ["ListenPort = %d" % port]
    for peer in sorted((Peer(**peer) for peer in peers), key=lambda one: one.name):
        if not is_key(peer.public_key):
            raise SettingError(
                "interconnect",
                "the public key of %s is not known" % peer.name,
                "run the playbook interconnect for all hosts together",
            )
        host = str(ipaddress.ip_interface(peer.address).ip)
        lines += [
            "",
            "# %s" % re.sub(r"[^\w.-]", "_", peer.name),
            "[Peer]",
            "PublicKey = %s" % peer.public_key,
            "Endpoint = %s" % join_endpoint(peer.endpoint, port),
            "AllowedIPs = %s/%d" % (host, ipaddress.ip_address(host).max_prefixlen),
        ]
        if keepalive:
            lines.append("PersistentKeepalive = %d" % keepalive)
    return "".join(line + "\n" for line in lines)


def is_key(text: Optional[str]) -> bool:
    """Whether it is a key as wg writes it: 32 bytes in base64."""
    try:
        return len(base64.b64decode(text or "", validate=True)) == 32
    except (binascii.Error, ValueError):
        return False


def link_text(made: Link) -> str:
    """What the program on the node reads: plain assignments, whose values were checked above."""
    fields: Dict[str, Any] = {
        "TYPE": made.type,
        "INTERFACE": made.interface,
        "PARENT": made.parent,
        "VLAN": made.vlan or "",
        "MTU": made.mtu,
        "ADDRESS": made.address,
        "USERSPACE": made.userspace,
    }
    lines: List[str] = ["%s='%s'" % (name, value) for name, value in fields.items()]
    return "".join(line + "\n" for line in lines)


def parse_link(text: str) -> Dict[str, str]:
    """The fields of such a text; empty where there is none."""
    return dict(re.findall(r"^([A-Z]+)='([^']*)'$", text, re.MULTILINE))


def _number(setting: str, value: Any, allowed: range) -> int:
    if not is_digits(str(value)) or int(str(value)) not in allowed:
        raise SettingError(setting, "%r is out of its range" % (value,), "write %d to %d" % (allowed[0], allowed[-1]))
    return int(str(value))
