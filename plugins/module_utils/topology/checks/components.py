# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of components whose wrong values kubeadm takes without a word, or which never worked."""

from __future__ import annotations

import re
from typing import Dict, Iterator, Mapping, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.network.addresses import parse_address, split_endpoint
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.checks.names import NODE_NAME
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import Topology, entries, text
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem, did_you_mean

CHOICES: Dict[str, Tuple[str, ...]] = {
    "vip_provider": ("keepalived", "kube_vip"),
    "cni": ("flannel", "cilium", "calico", "bridge", "none"),
    "packages_source": ("repository", "bundle"),
}

PROXY_MODES = ("iptables", "nftables", "ipvs", "disabled")
#: What people write who want no kube-proxy, or a mode that was (facts: kube-proxy validation; SR-1.26 #112133; Windows).
PROXY_MODE_WORDS = {
    "none": ("none is a word of kind's configuration, not a mode of kube-proxy", "write disabled to have no kube-proxy"),
    "false": ("false is no mode of kube-proxy", "write disabled to have no kube-proxy"),
    "off": ("off is no mode of kube-proxy", "write disabled to have no kube-proxy"),
    "userspace": ("userspace was removed from kube-proxy in Kubernetes 1.26", "write iptables, or nftables from 1.33 on"),
    "kernelspace": ("kernelspace is kube-proxy's mode on Windows", "write iptables, or nftables from 1.33 on"),
}

PUBLIC_ADDRESSES = ("0.0.0.0", "::", "[::]")


def check(topology: Topology) -> Iterator[Problem]:
    yield from _choices(topology)
    yield from _names(topology)
    yield from _proxy_mode(topology)
    yield from _cni(topology)
    yield from _registry(topology)
    yield from _exposed(topology)
    yield from _arguments(topology)


def _arguments(topology: Topology) -> Iterator[Problem]:
    """Arguments that the wanted version has not: kubeadm passes them on, and the component does not start."""
    settings = topology.settings
    given = {
        "kube-apiserver": ("cluster_api_server_args", settings.api_server_args),
        "kube-controller-manager": ("cluster_controller_manager_args", settings.controller_manager_args),
        "kube-scheduler": ("cluster_scheduler_args", settings.scheduler_args),
    }
    for component, (setting, arguments) in given.items():
        removed = topology.release.removed_flags(component) if topology.release else {}
        for name in sorted(set(map(str, arguments)) & set(removed)):
            yield Problem(
                "%s.%s" % (setting, name),
                "%s of %s has no such argument any more, and does not start with it"
                % (component, topology.release.version.minor_text if topology.release else ""),
                "remove it. %s" % removed[name],
            )


def _choices(topology: Topology) -> Iterator[Problem]:
    for name, choices in CHOICES.items():
        value = getattr(topology.settings, name)
        if value in choices:
            continue
        meant = did_you_mean(value.lower(), choices)
        problem = "%r is none of %s" % (value[:60], ", ".join(choices))
        remedy = "write %s" % (meant or choices[0])
        if name == "cni" and value.lower() in ("canal", "weave"):
            remedy = (
                "write none and install %s yourself after the nodes have joined (its pool within cluster_pod_subnet), or flannel"
                % value
            )
        yield Problem("cluster_%s" % name, problem, remedy)


def _names(topology: Topology) -> Iterator[Problem]:
    settings = topology.settings
    if not re.match(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$", settings.name):
        yield Problem(
            "cluster_name",
            "%r can't name a cluster" % settings.name[:80],
            "write letters, digits and hyphens, like kubernetes",
        )
    if not NODE_NAME.match(settings.dns_domain) or len(settings.dns_domain) > 253:
        yield Problem(
            "cluster_dns_domain",
            "%r is no DNS domain" % settings.dns_domain[:80],
            "write lower-case labels with dots, like cluster.local",
        )


def _proxy_mode(topology: Topology) -> Iterator[Problem]:
    mode = topology.settings.proxy_mode
    inner = text(topology.settings.kube_proxy_settings.get("mode"))
    for setting, value in (("cluster_proxy_mode", mode), ("cluster_kube_proxy_settings.mode", inner)):
        if value and value.lower() in PROXY_MODE_WORDS:
            problem, remedy = PROXY_MODE_WORDS[value.lower()]
            yield Problem(
                setting,
                problem,
                remedy if not inner or setting != "cluster_kube_proxy_settings.mode" else remedy + " in cluster_proxy_mode",
            )
        elif value and value not in PROXY_MODES:
            yield Problem(
                setting,
                "%r is no mode of kube-proxy" % value[:60],
                "write %s" % (did_you_mean(value.lower(), PROXY_MODES) or "iptables, nftables, ipvs or disabled"),
            )
    if inner and inner != mode and inner.lower() not in PROXY_MODE_WORDS:
        yield Problem(
            "cluster_kube_proxy_settings.mode",
            "it says %s and cluster_proxy_mode %s" % (inner, mode),
            "remove it, and set cluster_proxy_mode",
        )
    release = topology.release
    if release is None or mode not in PROXY_MODES or mode == "disabled":
        return
    if mode not in release.proxy_modes:
        added = release.proxy_mode_added_in(mode)
        yield Problem(
            "cluster_proxy_mode",
            "kube-proxy %s does not have %s%s"
            % (release.version.minor_text, mode, ", which came with %s" % added if added else ""),
            "write %s" % release.proxy_modes[0],
        )
    if mode in release.proxy_modes_deprecated:
        yield Problem(
            "cluster_proxy_mode",
            "%s is deprecated in Kubernetes %s and will be removed" % (mode, release.version.minor_text),
            "write nftables (or iptables, the default) for a new cluster",
            warning=True,
        )


def _cni(topology: Topology) -> Iterator[Problem]:
    settings = topology.settings
    if settings.proxy_mode == "disabled" and settings.cni in ("flannel", "bridge"):
        yield Problem(
            "cluster_proxy_mode",
            "it is disabled, and %s does not replace kube-proxy: no Service would have an address that works" % settings.cni,
            "write iptables, or cluster_cni: cilium",
        )


def _registry(topology: Topology) -> Iterator[Problem]:
    repository = topology.settings.image_repository
    if not repository:
        return
    if "://" in repository:
        yield Problem(
            "cluster_image_repository",
            "%s has a scheme, and an image name has none" % repository,
            "write %s, and put how it is reached in container_runtime_registries" % repository.partition("://")[2],
        )
        return
    host, port = split_endpoint(repository.partition("/")[0])
    if parse_address(host) is None and (port is None or port in ("443", "")):
        return
    mirrored = any(
        _has_registry(node.setting("container_runtime_registries"), repository.partition("/")[0])
        for node in topology.cluster_nodes
    )
    if not mirrored:
        yield Problem(
            "cluster_image_repository",
            "%s looks like a registry of your own: containerd speaks HTTPS with a known CA to it unless it is told otherwise"
            % repository.partition("/")[0],
            "if it is plain HTTP or has a CA of its own, say so in container_runtime_registries; CoreDNS is pulled as %s/coredns"
            % repository,
            warning=True,
        )


def _has_registry(registries: object, host: str) -> bool:
    """Whether the setting, a list of mappings or a mapping by name, names the registry anywhere."""
    if isinstance(registries, Mapping):
        return any(host in str(part) for part in registries.items())
    return any(host in str(entry) for entry in entries(registries))


def _exposed(topology: Topology) -> Iterator[Problem]:
    """etcd's metrics are plain HTTP without a password, and scheduler and controller manager need no visitors."""
    settings = topology.settings
    looked_at = (
        (
            "cluster_etcd_args",
            settings.etcd_args,
            "listen-metrics-urls",
            "etcd's metrics are plain HTTP that asks nobody for a password",
        ),
        (
            "cluster_scheduler_args",
            settings.scheduler_args,
            "bind-address",
            "the scheduler's port would be open on every address of the host",
        ),
        (
            "cluster_controller_manager_args",
            settings.controller_manager_args,
            "bind-address",
            "the controller manager's port would be open on every address of the host",
        ),
    )
    for setting, arguments, name, why in looked_at:
        value = text(arguments.get(name))
        if any("//%s:" % address in value or value == address for address in PUBLIC_ADDRESSES):
            yield Problem(
                "%s.%s" % (setting, name),
                "%s: %s" % (value, why),
                "write 127.0.0.1, or an address of a private network (and keep a firewall before it)",
                warning=True,
            )
