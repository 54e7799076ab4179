# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flannel's settings turned into the data of its manifests. Pure.

Sources: flannel-io/flannel v0.28.9, Documentation/backends.md and configuration.md.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

from ansible_collections.baremetal.kubernetes.plugins.module_utils.cni.settings import pod_subnets
from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError

#: Backends that this collection installs, and the families of addresses that each carries.
BACKENDS: Mapping[str, str] = {"vxlan": "46", "host-gw": "46", "wireguard": "46", "ipip": "4"}
#: Backends that people ask for in vain: what is wrong, what to write.
REFUSED: Mapping[str, "tuple[str, str]"] = {
    "udp": ("it is for debugging only and copies every packet through a process", "use vxlan"),
    **{
        name: ("Flannel removed the %s backend in v0.20.0 (2022)" % name, "write vxlan, or host-gw where all nodes share a segment")
        for name in ("aws-vpc", "gce", "ali-vpc")
    },
    "extension": ("it is experimental, and runs commands of your own on every change", "use vxlan"),
    "alloc": ("it only hands out subnets and forwards nothing", "use vxlan"),
    "tencent-vpc": ("it is for one cloud's route tables, not for bare metal", "use vxlan"),
    "ipsec": ("it is experimental and needs a secret in the ConfigMap", "use wireguard, which encrypts, too"),
    "none": ("flannel has no such backend", "set cluster_cni: none if no pod network is wanted"),
}
WARNINGS: Mapping[str, str] = {"ipip": "flannel calls the backend ipip experimental and unsupported; it carries IPv4 unicast only"}
#: Keys of Backend that we set ourselves; the others pass through cni_flannel_backend_settings.
OWN_KEYS = ("Type", "MTU")


def flannel_data(settings: Mapping[str, Any]) -> Dict[str, Any]:
    """``net_conf``, ``cni_conf``, ``arguments``, ``image``, ``plugin_image`` and ``warnings`` for the template.

    :param settings: backend, backend_settings, pod_subnet, mtu, interface, interface_regex, can_reach, nftables, registry, version,
        plugin_version.
    :raises SettingError: the first setting that flannel refuses, or takes and then does not work with.
    """
    backend = str(settings["backend"])
    if backend in REFUSED:
        problem, remedy = REFUSED[backend]
        raise SettingError("cni_flannel_backend", "%s: %s" % (backend, problem), remedy)
    if backend not in BACKENDS:
        raise SettingError("cni_flannel_backend", "flannel has no backend %r" % backend, "write one of %s" % ", ".join(BACKENDS))
    ipv4, ipv6 = pod_subnets(str(settings["pod_subnet"]))
    if ipv6 and "6" not in BACKENDS[backend]:
        raise SettingError("cni_flannel_backend", "%s carries IPv4 only, and cni_pod_subnet has IPv6" % backend, "use vxlan")
    return {
        "net_conf": _net_conf(backend, ipv4, ipv6, settings),
        "cni_conf": {
            "name": "cbr0",
            "cniVersion": "0.3.1",
            "plugins": [
                {"type": "flannel", "delegate": {"hairpinMode": True, "isDefaultGateway": True}},
                {"type": "portmap", "capabilities": {"portMappings": True}},
            ],
        },
        "arguments": _arguments(settings),
        "image": "%s/flannel:%s" % (str(settings["registry"]).rstrip("/"), settings["version"]),
        "plugin_image": "%s/flannel-cni-plugin:%s" % (str(settings["registry"]).rstrip("/"), settings["plugin_version"]),
        "warnings": [WARNINGS[backend]] if backend in WARNINGS else [],
    }


def _net_conf(backend: str, ipv4: object, ipv6: object, settings: Mapping[str, Any]) -> Dict[str, Any]:
    backend_settings: Dict[str, Any] = {"Type": backend}
    if int(settings["mtu"]):
        if backend == "host-gw":
            raise SettingError("cni_mtu", "host-gw has no header of its own and takes no MTU", "leave it at 0")
        backend_settings["MTU"] = int(settings["mtu"])
    for key, value in settings["backend_settings"].items():
        if key in OWN_KEYS:
            raise SettingError(
                "cni_flannel_backend_settings", "%s has a setting of its own" % key, "use cni_flannel_backend or cni_mtu"
            )
        backend_settings[key] = value
    net_conf: Dict[str, Any] = {"EnableNFTables": bool(settings["nftables"]), "Backend": backend_settings}
    if ipv4:
        net_conf["Network"] = ipv4
    else:
        net_conf["EnableIPv4"] = False
    if ipv6:
        net_conf.update(EnableIPv6=True, IPv6Network=ipv6)
    return net_conf


def _arguments(settings: Mapping[str, Any]) -> List[str]:
    arguments = ["--ip-masq", "--kube-subnet-mgr", "--healthz-ip=127.0.0.1", "--healthz-port=8081"]
    if settings["interface_regex"]:
        return arguments + ["--iface-regex=%s" % settings["interface_regex"]]
    if settings["can_reach"]:
        return arguments + ["--iface-can-reach=%s" % settings["can_reach"]]
    # The address that the kubelet told the cluster is the one by which other nodes reach this one, whatever the default route is.
    return arguments + ["--iface=%s" % (settings["interface"] or "$(NODE_ADDRESS)")]
