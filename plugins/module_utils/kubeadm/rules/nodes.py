# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the node's own part: names, addresses, sockets, tokens, keys, phases and patches."""

from __future__ import annotations

import re
from typing import Any, Dict, Mapping, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.errors import did_you_mean
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.rules.context import (
    CLUSTER,
    INIT,
    JOIN,
    RESET,
    UPGRADE,
    Context,
    is_subdomain,
    port_of,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.versions import (
    KUBELET_FLAGS_SET_BY_KUBEADM,
    Version,
    VersionError,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.network.addresses import (
    parse_address,
    split_endpoint,
)

_TOKEN = re.compile(r"[a-z0-9]{6}\.[a-z0-9]{16}\Z")
_CERTIFICATE_KEY = re.compile(r"[0-9a-fA-F]{64}\Z")
_CA_HASH = re.compile(r"sha256:[0-9a-fA-F]{64}\Z")
_UNMOUNT_FLAGS = ("MNT_FORCE", "MNT_DETACH", "MNT_EXPIRE", "UMOUNT_NOFOLLOW")

#: Every phase that kubeadm has had since 1.20, under whatever name (facts section 2.1).
_CERTIFICATES = (
    "ca",
    "apiserver",
    "apiserver-kubelet-client",
    "front-proxy-ca",
    "front-proxy-client",
    "etcd-ca",
    "etcd-server",
    "etcd-peer",
    "etcd-healthcheck-client",
    "apiserver-etcd-client",
    "sa",
)
_PHASES: Dict[str, Dict[str, Tuple[str, ...]]] = {
    INIT: {
        "preflight": (),
        "certs": _CERTIFICATES,
        "kubeconfig": ("admin", "super-admin", "kubelet", "controller-manager", "scheduler"),
        "etcd": ("local",),
        "control-plane": ("apiserver", "controller-manager", "scheduler"),
        "kubelet-start": (),
        "wait-control-plane": (),
        "upload-config": ("kubeadm", "kubelet"),
        "upload-certs": (),
        "mark-control-plane": (),
        "bootstrap-token": (),
        "kubelet-finalize": ("enable-client-cert-rotation", "experimental-cert-rotation"),
        "addon": ("coredns", "kube-proxy"),
        "show-join-command": (),
    },
    JOIN: {
        "preflight": (),
        "control-plane-prepare": ("download-certs", "certs", "kubeconfig", "control-plane"),
        "check-etcd": (),
        "kubelet-start": (),
        "etcd-join": (),
        "control-plane-join-etcd": (),
        "kubelet-wait-bootstrap": (),
        "control-plane-join": ("etcd", "update-status", "mark-control-plane"),
        "wait-control-plane": (),
    },
    RESET: {"preflight": (), "update-cluster-status": (), "remove-etcd-member": (), "cleanup-node": ()},
}


def node_names(context: Context) -> None:
    for kind in (INIT, JOIN):
        path = "nodeRegistration.name"
        name = context.text(kind, path)
        if not name:
            continue
        if parse_address(name) is not None:
            context.wrong(
                kind,
                path,
                "%s is an address. As a node's name it passes kubeadm but not what reads names." % name,
                "Write the host's name, as in server1.",
            )
        elif not is_subdomain(name):
            context.wrong(
                kind,
                path,
                "%r is no node name (RFC 1123)." % name,
                "Write lower-case letters, digits, dashes and dots, beginning and ending with a letter or digit.",
            )


DOCKERSHIM_SOCKET = "/var/run/dockershim.sock"


def sockets(context: Context) -> None:
    for kind, path in (
        (INIT, "nodeRegistration.criSocket"),
        (JOIN, "nodeRegistration.criSocket"),
        (RESET, "criSocket"),
    ):
        socket = context.text(kind, path)
        if not socket:
            continue
        if "dockershim" in socket and "network-plugin" in context.release.removed_kubelet_flags:
            context.wrong(
                kind,
                path,
                "Docker has no CRI socket since dockershim left Kubernetes in 1.24.",
                "Write unix:///run/containerd/containerd.sock, or run cri-dockerd: unix:///run/cri-dockerd.sock.",
            )
        elif socket == DOCKERSHIM_SOCKET:
            continue  # Before 1.24 kubeadm knows dockershim by this very path.
        elif socket.startswith("/"):
            context.wrong(kind, path, "%s has no scheme." % socket, "Write unix://%s." % socket)
        elif not re.match(r"unix:///[^/]", socket):
            context.wrong(kind, path, "%r is no socket." % socket, "Write unix:///run/containerd/containerd.sock.")


def local_endpoints(context: Context) -> None:
    for kind, prefix in ((INIT, "localAPIEndpoint"), (JOIN, "controlPlane.localAPIEndpoint")):
        path = prefix + ".advertiseAddress"
        text = context.text(kind, path)
        address = parse_address(text) if text else None
        if text and address is None:
            context.wrong(kind, path, "%r is no IP address." % text, "Write the address that the other nodes reach this one by.")
        elif address is not None and (address.is_unspecified or address.is_loopback or address.is_multicast):
            context.wrong(
                kind,
                path,
                "the other nodes can't reach %s." % address,
                "Write the node's own address in the cluster's network.",
            )
        port = context.integer(kind, prefix + ".bindPort")
        if port is not None and not 1 <= port <= 65535:
            context.wrong(kind, prefix + ".bindPort", "%d is no port." % port, "Write a number from 1 to 65535, as in 6443.")


def certificate_keys(context: Context) -> None:
    for kind, path in ((INIT, "certificateKey"), (JOIN, "controlPlane.certificateKey")):
        key = context.text(kind, path)
        if key and not _CERTIFICATE_KEY.match(key):
            context.wrong(
                kind,
                path,
                "a certificate key is 64 hexadecimal digits (an AES key of 32 bytes), this has %d characters." % len(key),
                "Make one with: kubeadm certs certificate-key.",
            )
    if isinstance(context.get(JOIN, "controlPlane"), Mapping) and not context.text(JOIN, "controlPlane.certificateKey"):
        context.warn(JOIN, "controlPlane", "without a certificate_key the cluster's certificates have to be on the node already.")


def bootstrap_tokens(context: Context) -> None:
    for index, token in enumerate(context.items(INIT, "bootstrapTokens")):
        if not isinstance(token, Mapping):
            continue
        here = "bootstrapTokens.[%d]." % index
        _token(context, INIT, here + "token", token.get("token"))
        if token.get("ttl") and token.get("expires"):
            context.wrong(INIT, here + "ttl", "a token has ttl or expires, not both.", "Leave one out.")
        usages = token.get("usages")
        for usage in usages if isinstance(usages, (list, tuple)) else ():
            if usage not in ("signing", "authentication"):
                context.wrong(INIT, here + "usages", "%r is no usage." % (usage,), "Write signing, authentication, or both.")
        if isinstance(usages, (list, tuple)) and usages and "authentication" not in usages:
            # kubeadm gives every token the default group, which it then refuses itself (seen with 1.20.2).
            context.wrong(
                INIT,
                here + "usages",
                "kubeadm refuses a token that has groups and no authentication, and it always adds a group.",
                "Write [signing, authentication], or leave it out.",
            )
        groups = token.get("groups")
        for group in groups if isinstance(groups, (list, tuple)) else ():
            if not re.match(r"system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$", str(group)):
                context.wrong(INIT, here + "groups", "%r is no group of a token." % (group,), "Write system:bootstrappers:<name>.")


def _token(context: Context, kind: str, path: str, value: Any, required: bool = False) -> None:
    if value in (None, "") and not required:
        return
    if not isinstance(value, str) or not _TOKEN.match(value):
        context.wrong(
            kind,
            path,
            "this is no bootstrap token.",
            "Its form is [a-z0-9]{6}.[a-z0-9]{16}; kubeadm token generate makes one.",
        )


def discovery(context: Context) -> None:
    if JOIN not in context.documents:
        return
    token = context.mapping(JOIN, "discovery.bootstrapToken")
    file = context.text(JOIN, "discovery.file.kubeConfigPath")
    if token and file:
        context.wrong(JOIN, "discovery", "there is a token and a file; kubeadm takes one of them.", "Leave token or file out.")
    if not token and not file:
        context.wrong(
            JOIN,
            "discovery",
            "nothing says how to find the cluster.",
            "Write token, api_server_endpoint and ca_cert_hashes, or file.",
        )
    if token:
        _token(context, JOIN, "discovery.bootstrapToken.token", token.get("token"), required=True)
        endpoint = token.get("apiServerEndpoint")
        if isinstance(endpoint, str) and endpoint:
            _endpoint(context, JOIN, "discovery.bootstrapToken.apiServerEndpoint", endpoint, True)
        elif not endpoint:
            context.wrong(
                JOIN,
                "discovery.bootstrapToken.apiServerEndpoint",
                "it is missing.",
                "Write the cluster's endpoint, host:port.",
            )
        hashes = context.texts(JOIN, "discovery.bootstrapToken.caCertHashes")
        if not hashes and token.get("unsafeSkipCAVerification") is not True:
            context.wrong(
                JOIN,
                "discovery.bootstrapToken.caCertHashes",
                "without it any machine could pose as the cluster, and kubeadm refuses.",
                "Write sha256: and the hash of the CA's public key.",
            )
        for each in hashes:
            if not _CA_HASH.match(each):
                context.wrong(
                    JOIN,
                    "discovery.bootstrapToken.caCertHashes",
                    "%r is no hash of a CA." % each,
                    "Write sha256: and 64 hexadecimal digits.",
                )


def control_plane_endpoint(context: Context) -> None:
    endpoint = context.text(CLUSTER, "controlPlaneEndpoint")
    if endpoint:
        _endpoint(context, CLUSTER, "controlPlaneEndpoint", endpoint, False)


def _endpoint(context: Context, kind: str, path: str, endpoint: str, port_needed: bool) -> None:
    if "://" in endpoint:
        context.wrong(kind, path, "%s is a URL." % endpoint, "Write host:port, without %s://." % endpoint.split("://")[0])
        return
    host, port = split_endpoint(endpoint)
    if (port is not None and port_of(port) is None) or (port is None and port_needed):
        context.wrong(
            kind,
            path,
            "%r has no port from 1 to 65535." % endpoint,
            "Write host:port, as in %s:6443." % (host or "api"),
        )
    address = parse_address(host)
    if address is not None and (address.is_unspecified or address.is_loopback):
        context.wrong(kind, path, "no other node reaches %s." % host, "Write the VIP or the name that all nodes reach.")
    elif address is None and not is_subdomain(host):
        context.wrong(kind, path, "%r is no address and no DNS name." % host, "Write host:port, as in 10.0.0.100:6443.")


def preflight_errors(context: Context) -> None:
    paths = [(INIT, "nodeRegistration"), (JOIN, "nodeRegistration"), (RESET, ""), (UPGRADE, "apply"), (UPGRADE, "node")]
    for kind, prefix in paths + [(UPGRADE, "plan")]:
        path = (prefix + "." if prefix else "") + "ignorePreflightErrors"
        for name in context.texts(kind, path):
            if name.lower() == "all":
                context.wrong(kind, path, "all hides every problem, also those to come.", "Name the checks, as in [NumCPU, Mem].")


def phases(context: Context) -> None:
    for kind, known in _PHASES.items():
        names = list(known) + ["%s/%s" % (phase, inner) for phase, inners in known.items() for inner in inners]
        for phase in context.texts(kind, "skipPhases"):
            if phase.lower() not in names:
                context.wrong(kind, "skipPhases", "%r is no phase." % phase, did_you_mean(phase, names))


def directories(context: Context) -> None:
    paths = [
        (INIT, "patches.directory"),
        (JOIN, "patches.directory"),
        (JOIN, "caCertPath"),
        (CLUSTER, "certificatesDir"),
        (CLUSTER, "etcd.local.dataDir"),
        (RESET, "certificatesDir"),
        (UPGRADE, "apply.patches.directory"),
        (UPGRADE, "node.patches.directory"),
    ]
    for kind, path in paths:
        text = context.text(kind, path)
        if text and not text.startswith("/"):
            context.wrong(kind, path, "%r is no absolute path." % text, "Begin it with /.")


def kubelet_arguments(context: Context) -> None:
    release = context.release
    for kind in (INIT, JOIN):
        path = "nodeRegistration.kubeletExtraArgs"
        for name, _value in context.arguments(kind, path):
            if name in release.removed_kubelet_flags:
                context.wrong(
                    kind,
                    path,
                    "the kubelet %s has no flag --%s and would not start." % (release.version.minor_text, name),
                    "Remove it. " + release.removed_kubelet_flags[name],
                )
            elif name in KUBELET_FLAGS_SET_BY_KUBEADM:
                context.wrong(kind, path, "--%s is not set here." % name, "Remove it. " + KUBELET_FLAGS_SET_BY_KUBEADM[name])


def unmount_flags(context: Context) -> None:
    for flag in context.texts(RESET, "unmountFlags"):
        if flag not in _UNMOUNT_FLAGS:
            context.wrong(RESET, "unmountFlags", "%r is no flag." % flag, did_you_mean(flag, _UNMOUNT_FLAGS))


def upgrade_versions(context: Context) -> None:
    for command in ("apply", "plan", "diff"):
        path = command + ".kubernetesVersion"
        text = context.text(UPGRADE, path)
        if text:
            try:
                Version.parse(text)
            except VersionError as error:
                context.wrong(UPGRADE, path, error.problem, error.remedy)


RULES = (
    node_names,
    sockets,
    local_endpoints,
    certificate_keys,
    bootstrap_tokens,
    discovery,
    control_plane_endpoint,
    preflight_errors,
    phases,
    directories,
    kubelet_arguments,
    unmount_flags,
    upgrade_versions,
)
