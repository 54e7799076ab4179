# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that people write for settings and groups, and what they most likely meant. Pure."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Sequence, Set, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem, did_you_mean

#: Words of kubeadm, kubespray, K3s and others -> ours, without the prefix cluster_.
OTHER_WORDS = {
    "pod_cidr": "pod_subnet",
    "pods_cidr": "pod_subnet",
    "pods_subnet": "pod_subnet",
    "pod_network": "pod_subnet",
    "pod_network_cidr": "pod_subnet",
    "cidr": "pod_subnet",
    "service_cidr": "service_subnet",
    "services_cidr": "service_subnet",
    "services_subnet": "service_subnet",
    "service_addresses": "service_subnet",
    "version": "kubernetes_version",
    "k8s_version": "kubernetes_version",
    "kube_version": "kubernetes_version",
    "control_plane_endpoint": "endpoint",
    "api_endpoint": "endpoint",
    "virtual_ip": "vip",
    "virtual_address": "vip",
    "api_vip": "vip",
    "apiserver_port": "api_port",
    "api_server_port": "api_port",
    "lb_port": "load_balancer_port",
    "network_plugin": "cni",
    "runtime": "container_runtime",
    "container_manager": "container_runtime",
    "kube_proxy_mode": "proxy_mode",
    "domain": "dns_domain",
    "sans": "certificate_sans",
    "cert_sans": "certificate_sans",
    "apiserver_cert_sans": "certificate_sans",
    "registry": "image_repository",
}
PREFIX = "cluster_"
#: How alike the parts of two names behind their common prefix have to be.
ALIKE = 0.7
#: One word that may be anybody's is no misspelt setting, unless it is one of these.
SHORT = ("vip", "cni")

#: Names of other tools for our groups.
OTHER_GROUPS = {
    "master": "control_plane",
    "masters": "control_plane",
    "kube_master": "control_plane",
    "kube_control_plane": "control_plane",
    "control_planes": "control_plane",
    "controlplane": "control_plane",
    "controllers": "control_plane",
    "managers": "control_plane",
    "servers": "control_plane",
    "server": "control_plane",
    "worker": "workers",
    "kube_node": "workers",
    "node": "workers",
    "nodes": "workers",
    "agent": "workers",
    "agents": "workers",
    "etcds": "etcd",
    "etcd_cluster": "etcd",
    "lb": "load_balancers",
    "lbs": "load_balancers",
    "loadbalancer": "load_balancers",
    "loadbalancers": "load_balancers",
    "load_balancer": "load_balancers",
    "haproxy": "load_balancers",
    "director": "directors",
    "lvs": "directors",
}


def plain(name: str) -> str:
    """The name as a variable or group has it: ``Control-Plane`` is ``control_plane``."""
    return name.strip().lower().replace("-", "_").replace(" ", "_").replace(".", "_")


def meant_group(name: str, groups: Sequence[str]) -> str:
    """Which of our groups a group of another name most likely is, or an empty text."""
    spelt = plain(name)
    return spelt if spelt in groups else OTHER_GROUPS.get(spelt) or did_you_mean(spelt, groups)


def meant_setting(name: str, known: Sequence[str], prefix: str) -> str:
    """Which setting with this prefix was most likely meant, or an empty text."""
    spelt = plain(name)
    if spelt in known:
        return spelt
    tail = spelt[len(prefix) :] if spelt.startswith(prefix) else spelt
    for candidate in (prefix + tail, PREFIX + tail, prefix + OTHER_WORDS.get(tail, "") if prefix == PREFIX else ""):
        if candidate in known:
            return candidate
    # The whole names would be alike by their prefix alone.
    tails = {one[len(prefix) :]: one for one in known if one.startswith(prefix)}
    close = did_you_mean(tail, list(tails), ALIKE)
    return tails[close] if close else ""


def stray_settings(found: Mapping[str, Tuple[Any, Sequence[str]]], known: Set[str], given: Set[str]) -> Iterator[Problem]:
    """Variables of nobody's that look like settings, which would be passed over in silence.

    :param found: name -> value and the hosts that have it, of variables without a prefix of ours.
    :param given: the settings that somebody wrote. Who wrote one knows its name, and may take its value from a variable of his own.
    """
    words: Dict[str, List[str]] = {}
    for name in known:
        words.setdefault(name.partition("_")[0], []).append(name)
    for name, (value, hosts) in found.items():
        for written, meant in _stray(name, value, known, words):
            if meant not in given:
                yield Problem(
                    written,
                    "nothing reads a variable of this name, did you mean %s?" % meant,
                    "write %s; a variable of your own may stay" % meant,
                    tuple(hosts),
                    warning=True,
                )


def _stray(name: str, value: Any, known: Set[str], words: Mapping[str, List[str]]) -> Iterator[Tuple[str, str]]:
    spelt = plain(name)
    if isinstance(value, Mapping):
        for key in value:
            if "%s_%s" % (spelt, plain(str(key))) in known:
                yield "%s.%s" % (name, key), "%s_%s" % (spelt, plain(str(key)))
        return
    if "_" not in spelt and spelt not in SHORT:
        return
    for candidate in (spelt, PREFIX + spelt, PREFIX + OTHER_WORDS.get(spelt, "")):
        if candidate in known:
            yield name, candidate
            return
    first, _line, _rest = spelt.partition("_")
    word = first if first in words else did_you_mean(first, list(words))
    close = did_you_mean(spelt, words[word], 0.85) if word else ""
    if close:
        yield name, close
