# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one table of what differs between Kubernetes versions. Nothing else in this collection tests version numbers.

Sources are named as in the project's fact sheet: SR-1.NN is that release's notes in kubernetes/sig-release with the
number of the pull request, MK is kubernetes/minikube pkg/minikube/constants/constants_kubeadm_images.go (generated from
``kubeadm config images list`` of every release), K8S a path in kubernetes/kubernetes, WEB one in kubernetes/website.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

_VERSION = re.compile(r"v?([0-9]{1,9})\.([0-9]{1,9})\.([0-9]{1,9})(?:-(alpha|beta|rc)\.([0-9]{1,9}))?\Z")

#: Read-only kinds of words that kubeadm itself would look up on the internet (K8S cmd/kubeadm/app/util/version.go).
_LABEL = re.compile(r"(stable|latest|ci)([-/].*)?\Z")

API_VERSIONS = ("v1beta2", "v1beta3", "v1beta4")


class VersionError(ValueError):
    """Text that is no full Kubernetes version; ``remedy`` says what to write instead."""

    def __init__(self, value: object, problem: str, remedy: str) -> None:
        self.value = value
        self.problem = problem
        self.remedy = remedy
        super().__init__("%s %s" % (problem, remedy))


class Version(NamedTuple):
    """A full Kubernetes version; compares by major, minor, patch (a pre-release counts as its release)."""

    major: int
    minor: int
    patch: int
    prerelease: str = ""

    @classmethod
    def parse(cls, value: object) -> "Version":
        """The version in "1.28.7" or "v1.28.7". Raises VersionError for a minor, a number, or a label."""
        text = str(value).strip()
        match = _VERSION.match(text)
        if match and match.group(1) == "1":
            suffix = "%s.%s" % (match.group(4), match.group(5)) if match.group(4) else ""
            return cls(1, int(match.group(2)), int(match.group(3)), suffix)
        if re.match(r"v?1\.\d+$", text):
            raise VersionError(
                value,
                "%s names a minor, so every run could bring another patch." % text,
                'Write a full version in quotes, as in "%s.3".' % text.lstrip("v"),
            )
        if _LABEL.match(text):
            raise VersionError(
                value,
                "%s is looked up on the internet and moves." % text,
                'Write a full version in quotes, as in "%s".' % NEWEST_EXAMPLE,
            )
        raise VersionError(
            value, "%r is no Kubernetes version." % text, 'Write a full version in quotes, as in "%s".' % NEWEST_EXAMPLE
        )

    @property
    def minor_text(self) -> str:
        return "%d.%d" % (self.major, self.minor)

    @property
    def text(self) -> str:
        """The bare version, as packages have it: 1.28.7."""
        return "%d.%d.%d%s" % (self.major, self.minor, self.patch, "-" + self.prerelease if self.prerelease else "")

    @property
    def tag(self) -> str:
        """The version as images and kubernetesVersion have it: v1.28.7."""
        return "v" + self.text


NEWEST_EXAMPLE = "1.36.3"

#: Minors that this collection builds clusters of; the tables below also know the images of those between.
SUPPORTED_MINORS = (20,) + tuple(range(24, 38))

# --- ranges of minors: (first minor, value), the last entry that starts at or before a minor holds ------------------

#: The API that we write. v1beta2 1.15-1.21 (SR-1.22 #101129), v1beta3 1.22-1.30, v1beta4 usable since 1.31 (SR-1.31 #125029).
_KUBEADM_API = ((15, "v1beta2"), (22, "v1beta3"), (31, "v1beta4"))

#: The APIs that kubeadm of a minor reads. v1beta2 removed in 1.27 (SR-1.27), v1beta3 in 1.37 (SR-1.37 #136016).
#: v1beta4 in 1.28-1.30 is experimental, refused by init and join (K8S 1.28 cmd/kubeadm/app/util/config/common.go L77-98).
_READABLE_APIS = (
    (15, ("v1beta2",)),
    (22, ("v1beta2", "v1beta3")),
    (27, ("v1beta3",)),
    (31, ("v1beta3", "v1beta4")),
    (37, ("v1beta4",)),
)

#: kubeadm's default imageRepository: registry.k8s.io since 1.25 (SR-1.25; backported to late patches, see _REPOSITORY_PATCHES).
_IMAGE_REPOSITORY = ((15, "k8s.gcr.io"), (25, "registry.k8s.io"))

#: Older minors whose late patches default to registry.k8s.io too. Output of kubeadm 1.24.9 and 1.24.17 shows it; the first
#: patches of 1.22 and 1.23 were not looked up, and these minors are not supported anyway.
_REPOSITORY_PATCHES = {22: 18, 23: 15, 24: 9}

#: ``kubeadm config validate`` (SR-1.28).
_CONFIG_VALIDATE = ((15, False), (28, True))

#: kubeadm calls crictl for the runtime; since 1.31 it speaks CRI by itself (SR-1.31), the package no longer depends on it.
_CRICTL_NEEDED = ((15, True), (31, False))

#: super-admin.conf is made by init (SR-1.29 #121305).
_SUPER_ADMIN_CONF = ((15, False), (29, True))

#: What the kubelet does on a cgroup v1 host: 1.31 maintenance mode (a warning), failCgroupV1 true from 1.35 (SR-1.35 #134298).
_CGROUP_V1 = ((15, "supported"), (31, "deprecated"), (35, "refused"))

#: What a kubelet needs on its command line to talk to containerd without kubeadm: --container-runtime=remote until dockershim went
#: (1.24), the endpoint until KubeletConfiguration took it (containerRuntimeEndpoint, 1.27; WEB setup-ha-etcd-with-kubeadm).
_KUBELET_RUNTIME_FLAGS: Tuple[Tuple[int, Tuple[str, ...]], ...] = (
    (15, ("container-runtime=remote", "container-runtime-endpoint")),
    (24, ("container-runtime-endpoint",)),
    (27, ()),
)

#: kube-proxy modes on Linux: userspace removed 1.26 (SR-1.26 #112133); nftables alpha 1.29, beta 1.31, GA 1.33 (section 1.4).
_PROXY_MODES = (
    (15, ("iptables", "ipvs", "userspace")),
    (26, ("iptables", "ipvs")),
    (29, ("iptables", "ipvs", "nftables")),
)

#: Modes that still work but warn: userspace from 1.23, ipvs from 1.35 (SR-1.35 #134539, SR-1.37 #139397).
_PROXY_MODES_DEPRECATED = ((15, ()), (23, ("userspace",)), (26, ()), (35, ("ipvs",)))

#: Feature gates without which a mode is refused by kube-proxy itself: nftables is alpha in 1.29 and 1.30.
_PROXY_MODE_GATES: Tuple[Tuple[int, Dict[str, str]], ...] = (
    (15, {}),
    (29, {"nftables": "NFTablesProxyMode"}),
    (31, {}),
)

#: The gate that dual stack needs in ClusterConfiguration.featureGates: alpha in 1.20, on since 1.21, gone by 1.25.
_DUAL_STACK_GATE = ((15, "IPv6DualStack"), (21, ""))

#: The API of the Eviction object: policy/v1 since 1.22 (SR-1.22 #100724), policy/v1beta1 gone with 1.25 (SR-1.25).
_EVICTION_API = ((15, "policy/v1beta1"), (22, "policy/v1"))

#: The API of the defaults of Pod Security: beta, and on, since 1.23 (SR-1.23 #106089), v1 since 1.25 (SR-1.25 #110459).
_POD_SECURITY_API = ((15, ""), (23, "v1beta1"), (25, "v1"))

#: Chart -> the oldest minor that the version of a role's default takes (its kubeVersion, read in August 2026).
_OLDEST_FOR_CHART = {"kube-prometheus-stack": 25, "longhorn": 25, "snapshot-controller": 25}

#: How many minors a kubelet may be behind the API server (WEB: releases/version-skew-policy; 3 since 1.28).
_KUBELET_SKEW = ((15, 2), (28, 3))

#: The taint of control planes: both in 1.24, only /control-plane from 1.25 (SR-1.25 #110095), /master before.
_CONTROL_PLANE_TAINTS = (
    (15, ("node-role.kubernetes.io/master",)),
    (24, ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")),
    (25, ("node-role.kubernetes.io/control-plane",)),
)

#: Oldest etcd that kubeadm of the minor takes: 3.5.11 for /livez and /readyz (SR-1.31 #124465), 3.6.0 from 1.36 (SR-1.36 #135701).
_ETCD_MINIMUM = ((15, "3.2.18"), (31, "3.5.11"), (36, "3.6.0"))

#: What etcd's own upgrade pages ask of every member before a minor (etcd docs upgrade_3_6.md, upgrade_3_7.md): 3.5.24 is the first
#: patch with what 3.6 needs that kubeadm ships (1.33.6; etcd advises 3.5.32), and 3.7 needs 3.6.11.
_ETCD_BEFORE = {(3, 6): "3.5.24", (3, 7): "3.6.11"}

#: --experimental-* arguments of etcd are no longer passed or sensible from 1.36 (SR-1.36 #135701).
_ETCD_EXPERIMENTAL_ARGUMENTS = ((15, True), (36, False))

#: Whether etcdctl can still restore a snapshot: etcd 3.6 (Kubernetes 1.34) leaves it to etcdutl.
_ETCD_RESTORE_PROGRAM = ((15, "etcdctl"), (34, "etcdutl"))

#: What names a file for the targets in patches.directory (kubeletconfiguration SR-1.25, corednsdeployment SR-1.31,
#: kubeproxydaemonset SR-1.37 #138090).
_STATIC_PODS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd")
_PATCH_TARGETS = (
    (15, _STATIC_PODS),
    (25, _STATIC_PODS + ("kubeletconfiguration",)),
    (31, _STATIC_PODS + ("kubeletconfiguration", "corednsdeployment")),
    (37, _STATIC_PODS + ("kubeletconfiguration", "corednsdeployment", "kubeproxydaemonset")),
)

#: Oldest containerd of each line that upstream recommends (containerd RELEASES.md, 2026-08); before 1.32 the 1.6/1.7 lines do.
_CONTAINERD: Tuple[Tuple[int, Tuple[str, ...]], ...] = (
    (15, ("1.4.0",)),
    (24, ("1.6.4",)),
    (32, ("1.7.24", "2.0.1")),
    (33, ("1.7.24", "2.0.4")),
    (34, ("1.7.28", "2.0.6", "2.1.3")),
    (35, ("1.7.28", "2.1.5", "2.2.0")),
    (36, ("2.2.0", "2.3.0")),
)

#: ECDSA-P384 since 1.34 (SR-1.34 #131677); the field itself is v1beta4's.
_ENCRYPTION_ALGORITHMS = (
    (15, ()),
    (31, ("RSA-2048", "RSA-3072", "RSA-4096", "ECDSA-P256")),
    (34, ("RSA-2048", "RSA-3072", "RSA-4096", "ECDSA-P256", "ECDSA-P384")),
)

#: SR-1.37: the kubelet refuses to start with any of them.
_CADVISOR_FLAGS = (
    *("application-metrics-count-limit", "boot-id-file", "container-hints", "containerd", "containerd-namespace"),
    *("enable-load-reader", "event-storage-age-limit", "event-storage-event-limit", "global-housekeeping-interval"),
    *("log-cadvisor-usage", "machine-id-file", "storage-driver-user", "storage-driver-password", "storage-driver-host"),
    *("storage-driver-db", "storage-driver-table", "storage-driver-secure", "storage-driver-buffer-duration"),
)

_DOCKERSHIM = "It went with dockershim."
#: Kubelet flags by the minor that lacks them: (minor, flag, what to do). 1.24 is K8S #106907 and #107094 (dockershim),
#: 1.27 SR-1.27 (--container-runtime), 1.35 SR-1.35 #133778 (--pod-infra-container-image).
_REMOVED_KUBELET_FLAGS = (
    (24, "network-plugin", _DOCKERSHIM),
    (24, "network-plugin-mtu", _DOCKERSHIM),
    (24, "cni-conf-dir", _DOCKERSHIM + " The runtime's own configuration has it."),
    (24, "cni-bin-dir", _DOCKERSHIM + " The runtime's own configuration has it."),
    (24, "cni-cache-dir", _DOCKERSHIM),
    (24, "docker-endpoint", _DOCKERSHIM),
    (24, "experimental-dockershim-root-directory", _DOCKERSHIM),
    (24, "image-pull-progress-deadline", _DOCKERSHIM),
    (24, "dynamic-config-dir", "Dynamic kubelet configuration is gone."),
    (27, "container-runtime", "Every runtime is a remote one now."),
    (35, "pod-infra-container-image", "Set the sandbox (pause) image in the container runtime's configuration."),
    # SR-1.23 #103941, SR-1.24 #104732 #107096, SR-1.25 #109388, SR-1.27 #116015, SR-1.31 #122363, SR-1.34 #130161 #122384.
    (23, "experimental-bootstrap-kubeconfig", "Write bootstrap-kubeconfig."),
    (23, "seccomp-profile-root", "Profiles lie in the kubelet's own directory."),
    (24, "experimental-check-node-capabilities-before-mount", "Nothing takes its place."),
    (24, "non-masquerade-cidr", "The network plugin decides what is masqueraded."),
    (25, "experimental-kernel-memcg-notification", "Write kernel-memcg-notification."),
    (27, "master-service-namespace", "It has had no effect for long."),
    (31, "iptables-masquerade-bit", "It has had no effect since 1.28."),
    (31, "iptables-drop-bit", "It has had no effect since 1.28."),
    (34, "cloud-config", "Cloud providers are outside of the kubelet."),
    (34, "register-schedulable", "Write registerWithTaints in cluster_kubelet_settings."),
    *((37, flag, "The kubelet has no such setting of cAdvisor any more.") for flag in _CADVISOR_FLAGS),
)

#: klog's own flags, which no component takes from 1.26 on (SR-1.26 #112120).
_KLOG_FLAGS = (
    *("add-dir-header", "alsologtostderr", "log-backtrace-at", "log-dir", "log-file", "log-file-max-size", "logtostderr"),
    *("one-output", "skip-headers", "skip-log-headers", "stderrthreshold"),
)
_COMPONENTS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
#: The same of the control plane's components: (minor, component, flag, what to do). SR-1.22 #102805 #90368 #102239,
#: SR-1.23 #105424, SR-1.24 #106859 #106860 #106865 #108423 #108457 #108448, SR-1.25 #108624 #109612 #108476,
#: SR-1.27 #115840 #114446, SR-1.28 #119130, SR-1.33 (in-tree cloud providers), SR-1.37 #138002.
_REMOVED_COMPONENT_FLAGS = (
    (22, "kube-scheduler", "hard-pod-affinity-symmetric-weight", "Write it into a KubeSchedulerConfiguration."),
    (22, "kube-scheduler", "scheduler-name", "Write it into a KubeSchedulerConfiguration."),
    (22, "kube-scheduler", "algorithm-provider", "Write the plugins into a KubeSchedulerConfiguration."),
    (22, "kube-controller-manager", "horizontal-pod-autoscaler-use-rest-clients", "The metrics API is the only way now."),
    (23, "kube-scheduler", "policy-config-file", "Write a KubeSchedulerConfiguration."),
    (23, "kube-scheduler", "policy-configmap", "Write a KubeSchedulerConfiguration."),
    (23, "kube-scheduler", "policy-configmap-namespace", "Write a KubeSchedulerConfiguration."),
    (23, "kube-scheduler", "use-legacy-policy-config", "Write a KubeSchedulerConfiguration."),
    *((24, name, "port", "Only the secure port is left: secure-port.") for name in _COMPONENTS),
    *((24, name, "address", "Write bind-address.") for name in _COMPONENTS),
    (24, "kube-apiserver", "insecure-port", "Only the secure port is left: secure-port."),
    (24, "kube-apiserver", "insecure-bind-address", "Write bind-address."),
    (24, "kube-apiserver", "experimental-encryption-provider-config", "Write encryption-provider-config."),
    (24, "kube-apiserver", "target-ram-mb", "Nothing takes its place."),
    (24, "kube-apiserver", "deserialization-cache-size", "Nothing takes its place."),
    (25, "kube-apiserver", "service-account-api-audiences", "Write api-audiences."),
    (25, "kube-controller-manager", "deleting-pods-qps", "Nothing takes its place."),
    (25, "kube-controller-manager", "deleting-pods-burst", "Nothing takes its place."),
    (25, "kube-controller-manager", "register-retry-count", "Nothing takes its place."),
    (25, "kube-controller-manager", "experimental-cluster-signing-duration", "Write cluster-signing-duration."),
    *((26, name, flag, "Only v and vmodule are left of klog's own.") for name in _COMPONENTS for flag in _KLOG_FLAGS),
    (27, "kube-controller-manager", "enable-taint-manager", "It is always on."),
    (
        *(27, "kube-controller-manager", "pod-eviction-timeout"),
        "Write default-not-ready-toleration-seconds and default-unreachable-toleration-seconds into cluster_api_server_args.",
    ),
    (27, "kube-apiserver", "master-service-namespace", "It has had no effect for long."),
    (28, "kube-scheduler", "lock-object-namespace", "Write leader-elect-resource-namespace."),
    (28, "kube-scheduler", "lock-object-name", "Write leader-elect-resource-name."),
    (33, "kube-apiserver", "cloud-provider", "Cloud providers are outside of the API server."),
    (33, "kube-apiserver", "cloud-config", "Cloud providers are outside of the API server."),
    (37, "kube-controller-manager", "concurrent-service-syncs", "It has had no effect since 1.31."),
)

#: Kubelet flags that name what nodeRegistration or KubeletConfiguration decides; never right in kubelet_extra_args.
KUBELET_FLAGS_SET_BY_KUBEADM = {
    "config": "kubeadm sets it.",
    "kubeconfig": "kubeadm sets it.",
    "bootstrap-kubeconfig": "kubeadm sets it.",
    "container-runtime-endpoint": "Write cri_socket.",
    "hostname-override": "Write node_name.",
}

# --- images: minor -> ((first patch, tag), …) (MK) ------------------------------------------------------------------

_Tags = Tuple[Tuple[int, str], ...]

_ETCD: Dict[int, _Tags] = {
    20: ((0, "3.4.13-0"),),
    21: ((0, "3.4.13-0"),),
    22: ((0, "3.5.0-0"), (17, "3.5.6-0")),
    23: ((0, "3.5.1-0"), (14, "3.5.5-0"), (15, "3.5.6-0")),
    24: ((0, "3.5.3-0"), (8, "3.5.5-0"), (9, "3.5.6-0")),
    25: ((0, "3.5.4-0"), (4, "3.5.5-0"), (5, "3.5.6-0"), (15, "3.5.9-0")),
    26: ((0, "3.5.6-0"), (10, "3.5.9-0"), (13, "3.5.10-0")),
    27: ((0, "3.5.7-0"), (7, "3.5.9-0"), (10, "3.5.10-0"), (12, "3.5.12-0")),
    28: ((0, "3.5.9-0"), (6, "3.5.10-0"), (8, "3.5.12-0"), (14, "3.5.15-0")),
    29: ((0, "3.5.10-0"), (3, "3.5.12-0"), (9, "3.5.15-0"), (11, "3.5.16-0")),
    30: ((0, "3.5.12-0"), (5, "3.5.15-0")),
    31: ((0, "3.5.15-0"), (14, "3.5.24-0")),
    32: ((0, "3.5.16-0"), (10, "3.5.24-0")),
    33: ((0, "3.5.21-0"), (6, "3.5.24-0")),
    34: ((0, "3.6.4-0"), (2, "3.6.5-0")),
    35: ((0, "3.6.6-0"),),
    36: ((0, "3.6.8-0"),),
    37: ((0, "3.7.0-0"),),  # MK: rc.0, the newest that was seen
}

_COREDNS: Dict[int, _Tags] = {
    20: ((0, "1.7.0"),),
    21: ((0, "v1.8.0"),),
    22: ((0, "v1.8.4"),),
    23: ((0, "v1.8.6"),),
    24: ((0, "v1.8.6"),),
    25: ((0, "v1.9.3"),),
    26: ((0, "v1.9.3"),),
    27: ((0, "v1.10.1"),),
    28: ((0, "v1.10.1"),),
    29: ((0, "v1.11.1"),),
    30: ((0, "v1.11.1"), (5, "v1.11.3")),
    31: ((0, "v1.11.1"), (1, "v1.11.3")),
    32: ((0, "v1.11.3"),),
    33: ((0, "v1.12.0"),),
    34: ((0, "v1.12.1"),),
    35: ((0, "v1.13.1"),),
    36: ((0, "v1.14.2"),),
    37: ((0, "v1.14.6"),),  # MK: rc.0
}

_PAUSE: Dict[int, str] = {
    20: "3.2",
    21: "3.4.1",
    22: "3.5",
    23: "3.6",
    24: "3.7",
    25: "3.8",
    26: "3.9",
    27: "3.9",
    28: "3.9",
    29: "3.9",
    30: "3.9",
    31: "3.10",
    32: "3.10",
    33: "3.10",
    34: "3.10.1",
    35: "3.10.1",
    36: "3.10.2",
    37: "3.10.2",
}

#: Where CoreDNS lies in kubeadm's default repository: <repo>/coredns up to 1.20, <repo>/coredns/coredns since 1.21 (MK).
_COREDNS_NAME = ((15, "coredns"), (21, "coredns/coredns"))


def _since(table: Tuple[Tuple[int, Any], ...], minor: int) -> Any:
    value = table[0][1]
    for first, entry in table:
        if first <= minor:
            value = entry
    return value


def _tag(tags: _Tags, patch: int) -> str:
    return [tag for first, tag in tags if first <= patch][-1]


class Release:
    """The facts of one Kubernetes version. Make it with ``release``."""

    def __init__(self, version: Version) -> None:
        minor = version.minor
        self.version = version
        self.minor = minor
        self.kubeadm_api: str = _since(_KUBEADM_API, minor)
        self.readable_apis: Tuple[str, ...] = _since(_READABLE_APIS, minor)
        self.etcd_tag = _tag(_ETCD[minor], version.patch)
        self.coredns_tag = _tag(_COREDNS[minor], version.patch)
        self.pause_tag = _PAUSE[minor]
        self.default_image_repository: str = _since(_IMAGE_REPOSITORY, minor)
        if version.patch >= _REPOSITORY_PATCHES.get(minor, version.patch + 1):
            self.default_image_repository = "registry.k8s.io"
        self.config_validate: bool = _since(_CONFIG_VALIDATE, minor)
        self.crictl_needed: bool = _since(_CRICTL_NEEDED, minor)
        self.super_admin_conf: bool = _since(_SUPER_ADMIN_CONF, minor)
        self.kubelet_runtime_flags: Tuple[str, ...] = _since(_KUBELET_RUNTIME_FLAGS, minor)
        self.cgroup_v1: str = _since(_CGROUP_V1, minor)
        self.proxy_modes: Tuple[str, ...] = _since(_PROXY_MODES, minor)
        self.proxy_modes_deprecated: Tuple[str, ...] = _since(_PROXY_MODES_DEPRECATED, minor)
        self.proxy_mode_gates: Dict[str, str] = _since(_PROXY_MODE_GATES, minor)
        self.dual_stack_gate: str = _since(_DUAL_STACK_GATE, minor)
        self.kubelet_skew: int = _since(_KUBELET_SKEW, minor)
        self.eviction_api: str = _since(_EVICTION_API, minor)
        self.pod_security_api: str = _since(_POD_SECURITY_API, minor)
        self.control_plane_taints: Tuple[str, ...] = _since(_CONTROL_PLANE_TAINTS, minor)
        self.etcd_minimum: str = _since(_ETCD_MINIMUM, minor)
        self.etcd_experimental_arguments: bool = _since(_ETCD_EXPERIMENTAL_ARGUMENTS, minor)
        self.etcd_restore_program: str = _since(_ETCD_RESTORE_PROGRAM, minor)
        self.patch_targets: Tuple[str, ...] = _since(_PATCH_TARGETS, minor)
        self.containerd_minimum: Tuple[str, ...] = _since(_CONTAINERD, minor)
        self.encryption_algorithms: Tuple[str, ...] = _since(_ENCRYPTION_ALGORITHMS, minor)
        self.removed_kubelet_flags: Dict[str, str] = {
            flag: remedy for gone, flag, remedy in _REMOVED_KUBELET_FLAGS if gone <= minor
        }

    def removed_flags(self, component: str) -> Dict[str, str]:
        """The flags that a component of the control plane, as kube-apiserver, no longer has, with what to do about each."""
        return {flag: remedy for gone, name, flag, remedy in _REMOVED_COMPONENT_FLAGS if name == component and gone <= self.minor}

    def etcd_needed_before(self, running: Tuple[int, ...]) -> str:
        """The oldest etcd from which a member that runs another minor can take up this release's; empty where any will do."""
        target = tuple(int(part) for part in self.etcd_tag.split("-")[0].split("."))
        return "" if running[:2] >= target[:2] else _ETCD_BEFORE.get((target[0], target[1]), "")

    @property
    def kubeadm_minors_below(self) -> int:
        """How many minors older a control plane may be than its kubeadm (K8S cmd/kubeadm/app/constants: skew -1)."""
        return 1

    def proxy_mode_removed_in(self, mode: str) -> Optional[str]:
        """The minor that took a kube-proxy mode away, or None where this release has it or never had it."""
        if mode in self.proxy_modes:
            return None
        seen = False
        for first, modes in _PROXY_MODES:
            if first > self.minor:
                break
            if seen and mode not in modes:
                return "1.%d" % first
            seen = mode in modes
        return None

    def proxy_mode_added_in(self, mode: str) -> Optional[str]:
        """The minor that will bring a kube-proxy mode that this release lacks, or None."""
        for first, modes in _PROXY_MODES:
            if first > self.minor and mode in modes and mode not in self.proxy_modes:
                return "1.%d" % first
        return None

    def coredns_image(self, image_repository: str = "", dns_image_repository: str = "", dns_image_tag: str = "") -> str:
        """CoreDNS as kubeadm pulls it: the sub-path coredns/ only under the default repository.

        K8S cmd/kubeadm/app/images/images.go GetDNSImage: a custom imageRepository gives <repo>/coredns, and so does
        dns.imageRepository, which is taken as it is.
        """
        tag = dns_image_tag or self.coredns_tag
        if dns_image_repository:
            return "%s/coredns:%s" % (dns_image_repository, tag)
        if image_repository and image_repository != self.default_image_repository:
            return "%s/coredns:%s" % (image_repository, tag)
        return "%s/%s:%s" % (self.default_image_repository, _since(_COREDNS_NAME, self.minor), tag)

    def pause_image(self, image_repository: str = "") -> str:
        return "%s/pause:%s" % (image_repository or self.default_image_repository, self.pause_tag)

    def chart_refusal(self, chart: str) -> str:
        """Why a chart of our default version does not take this Kubernetes; empty where it does."""
        oldest = _OLDEST_FOR_CHART.get(chart, 0)
        if self.version.minor >= oldest:
            return ""
        return "the chart %s takes Kubernetes 1.%d and newer, and this is %s" % (chart, oldest, self.version.text)

    def images(self, image_repository: str = "", dns_image_repository: str = "", dns_image_tag: str = "") -> List[str]:
        """What ``kubeadm config images list`` prints for this version, in its order."""
        repository = image_repository or self.default_image_repository
        parts = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")
        dns = self.coredns_image(image_repository, dns_image_repository, dns_image_tag)
        etcd = "%s/etcd:%s" % (repository, self.etcd_tag)
        control_plane = ["%s/%s:%s" % (repository, part, self.version.tag) for part in parts]
        return control_plane + [dns, self.pause_image(image_repository), etcd]

    def upgrade_problem(self, target: "Release") -> Optional[str]:
        """Why a control plane can't go from this release to the target in one step, or None (one minor at a time)."""
        if target.version[:3] < self.version[:3]:
            return "%s is older than %s: kubeadm never goes back." % (target.version.tag, self.version.tag)
        if target.minor > self.minor + 1:
            steps = ", ".join("1.%d" % minor for minor in range(self.minor + 1, target.minor + 1))
            return "%s is %d minors ahead of %s: go through %s, one after another." % (
                target.version.tag,
                target.minor - self.minor,
                self.version.tag,
                steps,
            )
        return None

    def data(self, image_repository: str = "") -> Dict[str, Any]:
        """The facts as plain data for templates and roles."""
        return {
            "version": self.version.text,
            "tag": self.version.tag,
            "minor": self.version.minor_text,
            "kubeadm_api": self.kubeadm_api,
            "readable_apis": list(self.readable_apis),
            "etcd_tag": self.etcd_tag,
            "etcd_minimum": self.etcd_minimum,
            "etcd_restore_program": self.etcd_restore_program,
            "coredns_tag": self.coredns_tag,
            "coredns_image": self.coredns_image(image_repository),
            "pause_tag": self.pause_tag,
            "pause_image": self.pause_image(image_repository),
            "default_image_repository": self.default_image_repository,
            "images": self.images(image_repository),
            "containerd_minimum": list(self.containerd_minimum),
            "config_validate": self.config_validate,
            "crictl_needed": self.crictl_needed,
            "super_admin_conf": self.super_admin_conf,
            "kubelet_runtime_flags": list(self.kubelet_runtime_flags),
            "cgroup_v1": self.cgroup_v1,
            "proxy_modes": list(self.proxy_modes),
            "proxy_modes_deprecated": list(self.proxy_modes_deprecated),
            "kubelet_skew": self.kubelet_skew,
            "control_plane_taints": list(self.control_plane_taints),
            "patch_targets": list(self.patch_targets),
            "removed_kubelet_flags": sorted(self.removed_kubelet_flags),
        }


def image_tag(image: str) -> str:
    """v1.36.3 of registry.k8s.io/kube-proxy:v1.36.3; a digest behind it is left out."""
    return image.split("@")[0].rpartition(":")[2]


def supported(version: Version) -> bool:
    """Whether this collection builds clusters of the version."""
    return version.minor in SUPPORTED_MINORS


def supported_text() -> str:
    return "1.20 and 1.%d to 1.%d" % (SUPPORTED_MINORS[1], SUPPORTED_MINORS[-1])


def release(value: object) -> Release:
    """The facts of a version given as text or Version. Raises VersionError where it is none, or unknown here."""
    version = value if isinstance(value, Version) else Version.parse(value)
    if version.minor not in _ETCD:
        raise VersionError(
            value,
            "Kubernetes %s is not in this collection's tables." % version.minor_text,
            "Write a version of %s." % supported_text(),
        )
    return Release(version)
