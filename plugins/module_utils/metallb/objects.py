# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a role's settings to MetalLB's objects and the values of its Helm chart. Pure.

Sources: config/crd/bases and charts/metallb/values.yaml of MetalLB v0.16.1, its pages on installation and troubleshooting.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.namespace import privileged_namespace
from ansible_collections.baremetal.kubernetes.plugins.module_utils.network.addresses import Address, Network
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import is_digits, merged

NAMESPACE = "metallb-system"
#: How a pool's addresses are made known. "routed": the provider routes them to a server, and announcing them moves nothing.
ADVERTISEMENTS = ("l2", "bgp", "routed")
NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,51}[a-z0-9])?$")
AS_NUMBERS = range(1, 1 << 32)
POOLS = "metallb_address_pools"
PEERS = "metallb_bgp_peers"


def metallb_data(settings: Mapping[str, Any]) -> Dict[str, Any]:
    """``namespaces``, ``values`` of the chart, ``objects`` for all to read, and ``secrets`` with the passwords of BGP's peers.

    :param settings: address_pools, bgp_peers, load_balancer_class, ignore_exclude_label, bgp_backend, values.
    :raises SettingError: the first setting that MetalLB would refuse, or take and never serve.
    """
    pools = [_pool(number, pool) for number, pool in enumerate(settings["address_pools"], 1)]
    check_names(POOLS, [pool["name"] for pool in pools])
    check_overlaps(pools)
    peers = [_peer(number, peer) for number, peer in enumerate(settings["bgp_peers"], 1)]
    check_names(PEERS, [peer["name"] for peer in peers])
    by_bgp = [pool["name"] for pool in pools if pool["advertise"] == "bgp"]
    if by_bgp and not peers:
        raise SettingError(
            PEERS,
            "pool %s is to be announced by BGP, and no router is named" % by_bgp[0],
            "write the routers, like [{name: tor, address: 192.0.2.1, my_as: 64512, peer_as: 64511}]",
        )
    objects: List[Dict[str, Any]] = []
    for pool in pools:
        objects += _pool_objects(pool)
    objects += [_peer_object(peer) for peer in peers]
    secrets = [_secret(peer) for peer in peers if peer["password"]]
    return {
        "namespaces": [privileged_namespace(NAMESPACE)],
        "values": _values(settings, bool(peers)),
        "objects": objects,
        "secrets": secrets,
    }


def ranges(addresses: Sequence[Any], setting: str = POOLS) -> List[Tuple[Address, Address]]:
    """First and last address of each entry, which is a network or a range, as MetalLB takes them.

    :raises SettingError: an entry is neither.
    """
    found: List[Tuple[Address, Address]] = []
    for entry in addresses:
        first, dash, last = str(entry).partition("-")
        try:
            if dash:
                begin, end = ipaddress.ip_address(first.strip()), ipaddress.ip_address(last.strip())
                if begin.version != end.version or int(begin) > int(end):
                    raise ValueError("a range has a first and a last address")
            else:
                if "/" not in first:
                    raise ValueError("MetalLB takes no address without a prefix length")
                network: Network = ipaddress.ip_network(first.strip())
                begin, end = network[0], network[-1]
        except ValueError as error:
            raise SettingError(
                setting,
                "%r is neither a network nor a range (%s)" % (entry, error),
                "write like 203.0.113.11/32, 203.0.113.8/30 or 192.0.2.10-192.0.2.20",
            )
        found.append((begin, end))
    return found


def check_names(setting: str, names: Sequence[str]) -> None:
    """:raises SettingError: a name that Kubernetes does not take, or one that two have."""
    for name in names:
        if not NAME.match(name):
            raise SettingError(
                setting, "%r can't name an object" % name[:60], "write small letters, digits and hyphens, like public"
            )
        if list(names).count(name) > 1:
            raise SettingError(setting, "two are called %s" % name, "give each a name of its own")


def check_overlaps(pools: Sequence[Mapping[str, Any]]) -> None:
    """:raises SettingError: an address lies in two pools, which MetalLB refuses by its webhook, or at its next start."""
    held = [(pool["name"], part) for pool in pools for part in ranges(pool["addresses"])]
    for position, (name, (begin, end)) in enumerate(held):
        for other, (first, last) in held[:position]:
            if begin.version == first.version and int(begin) <= int(last) and int(first) <= int(end):
                raise SettingError(
                    POOLS,
                    "%s and %s share addresses (%s to %s)" % (other, name, max(begin, first), min(end, last)),
                    "name each address once",
                )


def _pool(number: int, pool: Mapping[str, Any]) -> Dict[str, Any]:
    place = "%s[%d]" % (POOLS, number)
    made: Dict[str, Any] = {
        "name": str(pool.get("name") or ""),
        "addresses": [str(entry) for entry in pool.get("addresses") or []],
        "advertise": pool.get("advertise") or "l2",
        "auto_assign": pool.get("auto_assign") is not False,
        "interfaces": list(pool.get("interfaces") or []),
        "nodes": [str(node) for node in pool.get("nodes") or []],
        "peers": [str(peer) for peer in pool.get("peers") or []],
    }
    if not made["addresses"]:
        raise SettingError(place + ".addresses", "the pool is empty", "write its addresses, or remove it")
    ranges(made["addresses"], place + ".addresses")
    if made["advertise"] not in ADVERTISEMENTS:
        raise SettingError(place + ".advertise", "%r is no way to announce" % made["advertise"], "write l2, bgp or routed")
    if made["interfaces"] and made["advertise"] != "l2":
        raise SettingError(place + ".interfaces", "only advertise: l2 has interfaces", "remove it")
    if made["peers"] and made["advertise"] != "bgp":
        raise SettingError(place + ".peers", "only advertise: bgp has peers", "remove it")
    return made


def _pool_objects(pool: Mapping[str, Any]) -> List[Dict[str, Any]]:
    objects = [
        _object("v1beta1", "IPAddressPool", pool["name"], {"addresses": pool["addresses"], "autoAssign": pool["auto_assign"]})
    ]
    if pool["advertise"] == "routed":
        return objects
    spec: Dict[str, Any] = {"ipAddressPools": [pool["name"]]}
    if pool["nodes"]:
        chosen = {"key": "kubernetes.io/hostname", "operator": "In", "values": pool["nodes"]}
        spec["nodeSelectors"] = [{"matchExpressions": [chosen]}]
    for key in ("interfaces", "peers"):
        if pool[key]:
            spec[key] = pool[key]
    kind = "L2Advertisement" if pool["advertise"] == "l2" else "BGPAdvertisement"
    return objects + [_object("v1beta1", kind, pool["name"], spec)]


def _peer(number: int, peer: Mapping[str, Any]) -> Dict[str, Any]:
    place = "%s[%d]" % (PEERS, number)
    try:
        address = str(ipaddress.ip_address(str(peer.get("address"))))
    except ValueError:
        raise SettingError(place + ".address", "%r is no IP address" % (peer.get("address"),), "write the router's address")
    for key in ("my_as", "peer_as"):
        if not is_digits(str(peer.get(key))) or int(str(peer[key])) not in AS_NUMBERS:
            raise SettingError(
                "%s.%s" % (place, key),
                "%r is no number of an autonomous system" % (peer.get(key),),
                "write 1 to 4294967295, like 64512",
            )
    return {
        "name": str(peer.get("name") or ""),
        "address": address,
        "my_as": int(str(peer["my_as"])),
        "peer_as": int(str(peer["peer_as"])),
        "port": int(str(peer.get("port") or 179)),
        "multihop": bool(peer.get("multihop")),
        "source_address": str(peer.get("source_address") or ""),
        "nodes": [str(node) for node in peer.get("nodes") or []],
        "password": str(peer.get("password") or ""),
    }


def _peer_object(peer: Mapping[str, Any]) -> Dict[str, Any]:
    spec: Dict[str, Any] = {
        "myASN": peer["my_as"],
        "peerASN": peer["peer_as"],
        "peerAddress": peer["address"],
        "peerPort": peer["port"],
        "ebgpMultiHop": peer["multihop"],
    }
    if peer["source_address"]:
        spec["sourceAddress"] = peer["source_address"]
    if peer["nodes"]:
        chosen = {"key": "kubernetes.io/hostname", "operator": "In", "values": peer["nodes"]}
        spec["nodeSelectors"] = [{"matchExpressions": [chosen]}]
    if peer["password"]:
        spec["passwordSecret"] = {"name": _secret_name(peer), "namespace": NAMESPACE}
    return _object("v1beta2", "BGPPeer", peer["name"], spec)


def _secret_name(peer: Mapping[str, Any]) -> str:
    return "bgp-" + str(peer["name"])


def _secret(peer: Mapping[str, Any]) -> Dict[str, Any]:
    # MetalLB takes this type only (config validation of passwordSecret).
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": _secret_name(peer), "namespace": NAMESPACE},
        "type": "kubernetes.io/basic-auth",
        "data": {"password": base64.b64encode(peer["password"].encode()).decode()},
    }


def _object(version: str, kind: str, name: str, spec: Dict[str, Any]) -> Dict[str, Any]:
    return {
        "apiVersion": "metallb.io/" + version,
        "kind": kind,
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": spec,
    }


def _values(settings: Mapping[str, Any], bgp: bool) -> Dict[str, Any]:
    """The chart's values: its default brings frr-k8s, which nobody needs who has no BGP."""
    values: Dict[str, Any] = {
        "loadBalancerClass": str(settings["load_balancer_class"]),
        "speaker": {"ignoreExcludeLB": bool(settings["ignore_exclude_label"]), "frr": {"enabled": False}},
        "frrk8s": {"enabled": bgp and settings["bgp_backend"] == "frr-k8s"},
    }
    return merged(values, settings["values"])
