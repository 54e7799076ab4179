# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the components: etcd, the control plane's arguments, images, certificates, kube-proxy and the kubelet."""

from __future__ import annotations

import re
from typing import Any, Mapping
from urllib.parse import urlsplit

from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.check import duration_seconds
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.errors import did_you_mean
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.rules.context import (
    CLUSTER,
    INIT,
    JOIN,
    KUBE_PROXY,
    KUBELET,
    Context,
    is_everywhere,
    is_subdomain,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.versions import Version, VersionError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.network.addresses import parse_address

#: The schedulers of ip_vs; each but rr needs its kernel module ip_vs_<name>.
_IPVS_SCHEDULERS = ("rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "mh")
_METRICS_REMEDY = "Write 127.0.0.1 or a private address; with a firewall before it, allow_public_metrics: true."


def kubernetes_version(context: Context) -> None:
    text = context.text(CLUSTER, "kubernetesVersion")
    if not text:
        return
    path = "kubernetesVersion"
    try:
        version = Version.parse(text)
    except VersionError as error:
        context.wrong(CLUSTER, path, error.problem, error.remedy)
        return
    kubeadm = context.release.version
    newer = version[:3] > kubeadm[:3] if version.minor == kubeadm.minor else version.minor > kubeadm.minor
    if newer or version.minor < kubeadm.minor - context.release.kubeadm_minors_below:
        context.wrong(
            CLUSTER,
            path,
            "kubeadm %s makes control planes of its own minor or the one before, none newer than itself." % kubeadm.tag,
            "Write %s." % kubeadm.tag,
        )


def etcd(context: Context) -> None:
    local, external = context.get(CLUSTER, "etcd.local"), context.get(CLUSTER, "etcd.external")
    if isinstance(local, Mapping) and isinstance(external, Mapping):
        context.wrong(CLUSTER, "etcd", "etcd is local or external, not both.", "Leave one of them out.")
    for name, _value in context.arguments(CLUSTER, "etcd.local.extraArgs"):
        if name.startswith("experimental-") and not context.release.etcd_experimental_arguments:
            context.wrong(
                CLUSTER,
                "etcd.local.extraArgs",
                "etcd's --%s is gone for Kubernetes %s." % (name, context.release.version.minor_text),
                "Write %s, or the feature gate that replaced it." % name[len("experimental-") :],
            )
    if isinstance(external, Mapping):
        _external_etcd(context)


def _external_etcd(context: Context) -> None:
    files = {name: context.text(CLUSTER, "etcd.external." + name) for name in ("caFile", "certFile", "keyFile")}
    endpoints = context.texts(CLUSTER, "etcd.external.endpoints")
    if not endpoints:
        context.wrong(CLUSTER, "etcd.external.endpoints", "there are none.", "Write every member, as in https://10.0.0.31:2379.")
    for path in ("etcd.external.endpoints", "etcd.external.httpEndpoints"):
        for endpoint in context.texts(CLUSTER, path):
            scheme, host = _url(endpoint)
            if scheme not in ("http", "https") or not host:
                context.wrong(CLUSTER, path, "%r is no URL." % endpoint, "Write https://address:2379.")
            elif scheme == "http" and path.endswith(".endpoints") and any(files.values()):
                context.wrong(CLUSTER, path, "%s is without TLS, though there are certificates." % endpoint, "Write https.")
    if bool(files["certFile"]) != bool(files["keyFile"]):
        context.wrong(CLUSTER, "etcd.external", "the certificate and its key go together.", "Write cert_file and key_file.")
    if files["certFile"] and not files["caFile"]:
        context.wrong(CLUSTER, "etcd.external", "a client certificate needs the CA too.", "Write ca_file.")
    for name, path in files.items():
        if path and not path.startswith("/"):
            context.wrong(CLUSTER, "etcd.external." + name, "%r is no absolute path." % path, "Begin it with /.")


def _url(text: str) -> Any:
    try:
        parts = urlsplit(text)
        return parts.scheme, parts.hostname or ""
    except ValueError:
        return "", ""


def public_metrics(context: Context) -> None:
    """Nothing that answers without a client certificate, or need not be reached from afar, listens on a public address."""
    if context.allow_public_metrics:
        return
    for name, value in context.arguments(CLUSTER, "etcd.local.extraArgs"):
        if name == "listen-metrics-urls":
            for url in value.split(","):
                if is_everywhere(_url(url.strip())[1]):
                    context.wrong(
                        CLUSTER,
                        "etcd.local.extraArgs",
                        "listen-metrics-urls %s: etcd's metrics are plain HTTP for whoever reaches them." % url.strip(),
                        _METRICS_REMEDY,
                    )
    for component in ("controllerManager", "scheduler"):
        for name, value in context.arguments(CLUSTER, component + ".extraArgs"):
            if name in ("bind-address", "address") and is_everywhere(value):
                context.wrong(
                    CLUSTER,
                    component + ".extraArgs",
                    "%s %s listens on public addresses too." % (name, value),
                    _METRICS_REMEDY,
                )
    metrics = context.text(KUBE_PROXY, "metricsBindAddress")
    if metrics and is_everywhere(metrics.rpartition(":")[0] if parse_address(metrics) is None else metrics):
        context.wrong(KUBE_PROXY, "metricsBindAddress", "%s listens on public addresses too." % metrics, _METRICS_REMEDY)
    if context.integer(KUBELET, "readOnlyPort"):
        context.wrong(
            KUBELET,
            "readOnlyPort",
            "it shows every pod to whoever reaches the node, without a login.",
            "Write 0, or leave it out.",
        )


def images(context: Context) -> None:
    for path in ("imageRepository", "dns.imageRepository", "etcd.local.imageRepository"):
        repository = context.text(CLUSTER, path)
        if not repository:
            continue
        if "://" in repository:
            context.wrong(
                CLUSTER,
                path,
                "%s has a scheme; a registry's name has none." % repository,
                "Write %s. Plain HTTP is said in containerd's hosts.toml (http://)." % repository.split("://", 1)[1].rstrip("/"),
            )
        elif repository.endswith("/") or not re.match(r"[\w.-]+(:\d+)?(/[a-z0-9._-]+)*$", repository):
            context.wrong(
                CLUSTER,
                path,
                "%r is no repository." % repository,
                "Write host[:port]/path, in lower case, no / at the end.",
            )
    custom = context.text(CLUSTER, "imageRepository")
    if custom and "://" not in custom and custom != context.release.default_image_repository:
        context.warn(
            CLUSTER,
            "imageRepository",
            "kubeadm pulls CoreDNS as %s, and the runtime's pause image is set apart: %s."
            % (
                context.release.coredns_image(
                    custom, context.text(CLUSTER, "dns.imageRepository"), context.text(CLUSTER, "dns.imageTag")
                ),
                context.release.pause_image(custom),
            ),
        )


def certificates(context: Context) -> None:
    algorithm = context.text(CLUSTER, "encryptionAlgorithm")
    known = context.release.encryption_algorithms
    if algorithm and known and algorithm not in known:
        context.wrong(
            CLUSTER,
            "encryptionAlgorithm",
            "%r is none of this version's." % algorithm,
            "Write one of: %s." % ", ".join(known),
        )
    leaf = duration_seconds(context.get(CLUSTER, "certificateValidityPeriod"))
    authority = duration_seconds(context.get(CLUSTER, "caCertificateValidityPeriod"))
    for path, period in (("certificateValidityPeriod", leaf), ("caCertificateValidityPeriod", authority)):
        if period is not None and period <= 0:
            context.wrong(CLUSTER, path, "the certificates would have expired at birth.", 'Write hours, as in "8760h".')
    if (leaf or 8760 * 3600) > (authority or 87600 * 3600):
        context.wrong(
            CLUSTER,
            "certificateValidityPeriod",
            "certificates would outlive their CA.",
            "Write a shorter time, or a longer ca_certificate_validity_period.",
        )
    for path in ("apiServer.certSANs", "etcd.local.serverCertSANs", "etcd.local.peerCertSANs"):
        for name in context.texts(CLUSTER, path):
            bare = name[2:] if name.startswith("*.") else name
            if parse_address(name) is None and not is_subdomain(bare):
                context.wrong(CLUSTER, path, "%r is no address and no DNS name." % name, "Write it without scheme and port.")


def volumes(context: Context) -> None:
    for component in ("apiServer", "controllerManager", "scheduler"):
        for index, volume in enumerate(context.items(CLUSTER, component + ".extraVolumes")):
            if not isinstance(volume, Mapping):
                continue
            here = "%s.extraVolumes.[%d]" % (component, index)
            for name in ("name", "hostPath", "mountPath"):
                if not volume.get(name):
                    context.wrong(CLUSTER, "%s.%s" % (here, name), "it is missing.", "Write it.")
                elif name != "name" and not str(volume[name]).startswith("/"):
                    context.wrong(CLUSTER, "%s.%s" % (here, name), "%r is no absolute path." % volume[name], "Begin it with /.")


def kube_proxy(context: Context) -> None:
    mode = context.text(KUBE_PROXY, "mode")
    disabled = context.get(CLUSTER, "proxy.disabled") is True
    disabled = disabled or "addon/kube-proxy" in context.texts(INIT, "skipPhases")
    if disabled and context.documents.get(KUBE_PROXY):
        context.warn(KUBE_PROXY, "mode", "kube-proxy is disabled, so its settings have no effect.")
    if mode:
        _proxy_mode(context, mode)
    scheduler = context.text(KUBE_PROXY, "ipvs.scheduler")
    if scheduler:
        if scheduler not in _IPVS_SCHEDULERS:
            context.wrong(
                KUBE_PROXY,
                "ipvs.scheduler",
                "ip_vs has no scheduler %r." % scheduler,
                did_you_mean(scheduler, _IPVS_SCHEDULERS),
            )
        elif mode == "ipvs" and scheduler not in ("rr", "wrr", "sh"):
            context.warn(
                KUBE_PROXY,
                "ipvs.scheduler",
                "kube-proxy ends where the kernel module ip_vs_%s is not loaded; have every node load it." % scheduler,
            )
    if mode != "ipvs" and context.mapping(KUBE_PROXY, "ipvs"):
        context.warn(KUBE_PROXY, "ipvs", "these settings have no effect in mode %s." % (mode or "iptables"))
    for part in ("ipvs", "iptables", "nftables"):
        period = duration_seconds(context.get(KUBE_PROXY, part + ".syncPeriod"))
        shortest = duration_seconds(context.get(KUBE_PROXY, part + ".minSyncPeriod"))
        if period is not None and shortest is not None and 0 < period < shortest:
            context.wrong(
                KUBE_PROXY,
                part + ".syncPeriod",
                "it is shorter than minSyncPeriod.",
                "Write a longer one, or leave both out.",
            )


def _proxy_mode(context: Context, mode: str) -> None:
    release = context.release
    modes = ", ".join(release.proxy_modes)
    removed, added = release.proxy_mode_removed_in(mode), release.proxy_mode_added_in(mode)
    if mode in ("none", "disabled"):
        context.wrong(
            KUBE_PROXY,
            "mode",
            "kube-proxy has no mode %s (that is kind's word); it would not start." % mode,
            "Write cluster: {proxy: {disabled: true}} to go without kube-proxy, or a mode: %s." % modes,
        )
    elif mode == "kernelspace":
        context.wrong(KUBE_PROXY, "mode", "kernelspace is the mode of Windows nodes.", "Write one of: %s." % modes)
    elif removed:
        context.wrong(KUBE_PROXY, "mode", "%s was removed in Kubernetes %s." % (mode, removed), "Write one of: %s." % modes)
    elif added:
        context.wrong(KUBE_PROXY, "mode", "%s came with Kubernetes %s." % (mode, added), "Write one of: %s." % modes)
    elif mode not in release.proxy_modes:
        context.wrong(KUBE_PROXY, "mode", "there is no mode %r." % mode, did_you_mean(mode, release.proxy_modes))
    else:
        gate = release.proxy_mode_gates.get(mode)
        if gate and context.get(KUBE_PROXY, "featureGates." + gate) is not True:
            context.wrong(
                KUBE_PROXY,
                "mode",
                "%s is alpha in Kubernetes %s." % (mode, release.version.minor_text),
                "Write featureGates: {%s: true} beside it, or another mode." % gate,
            )
        if mode in release.proxy_modes_deprecated:
            context.warn(
                KUBE_PROXY,
                "mode",
                "%s is deprecated in Kubernetes %s and will go; nftables or iptables stay." % (mode, release.version.minor_text),
            )


def kubelet(context: Context) -> None:
    driver = context.text(KUBELET, "cgroupDriver")
    if driver == "cgroupfs":
        context.wrong(
            KUBELET,
            "cgroupDriver",
            "cgroupfs fights systemd over the cgroups of a host that systemd runs, and has to equal the runtime's driver.",
            "Write systemd (this collection sets the runtime to it), or leave it out.",
        )
    elif driver and driver != "systemd":
        context.wrong(KUBELET, "cgroupDriver", "there is no driver %r." % driver, "Write systemd.")
    pods = context.integer(KUBELET, "maxPods")
    if pods is not None and pods < 1:
        context.wrong(KUBELET, "maxPods", "a node with %d pods runs nothing." % pods, "Write a number such as 110.")
    if context.get(KUBELET, "authentication.anonymous.enabled") is True:
        context.wrong(
            KUBELET,
            "authentication.anonymous.enabled",
            "whoever reaches port 10250 could run commands in pods.",
            "Leave it out.",
        )
    _cgroup_v1(context)


def _cgroup_v1(context: Context) -> None:
    if context.cgroup_version != 1 or not (INIT in context.documents or JOIN in context.documents):
        return
    verdict = context.release.cgroup_v1
    if verdict == "deprecated":
        context.warnings.append(
            "The host has cgroup v1, which is in maintenance mode in Kubernetes %s: from 1.35 the kubelet refuses it."
            % context.release.version.minor_text
        )
    elif verdict == "refused" and KUBELET in context.documents:
        ignored = context.texts(INIT, "nodeRegistration.ignorePreflightErrors")
        if context.get(KUBELET, "failCgroupV1") is not False or "SystemVerification" not in ignored:
            context.wrong(
                KUBELET,
                "failCgroupV1",
                "the host has cgroup v1, where the kubelet %s does not start." % context.release.version.minor_text,
                "Boot with cgroup v2 (systemd.unified_cgroup_hierarchy=1), or write failCgroupV1: false and "
                "SystemVerification in ignore_preflight_errors.",
            )


RULES = (
    kubernetes_version,
    etcd,
    public_metrics,
    images,
    certificates,
    volumes,
    kube_proxy,
    kubelet,
)
