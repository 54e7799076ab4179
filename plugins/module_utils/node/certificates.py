# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every certificate that Kubernetes keeps on a host. Keys are never returned, not even where a file holds both."""

from __future__ import annotations

from typing import Any, Dict, List

from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.problems import Problems
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.x509 import (
    Certificate,
    X509Error,
    iso,
    parse_kubeconfig,
    parse_pem,
    pem_blocks,
)

PKI = "/etc/kubernetes/pki"
CA = PKI + "/ca.crt"
#: Both sets of CAs with their keys while they are rotated, where the static pods can read them.
ROTATION = PKI + "/rotation"
OLD, NEW = ROTATION + "/old", ROTATION + "/new"
FOLDERS = (PKI, PKI + "/etcd", "/etc/etcd/pki")
KUBECONFIGS = "/etc/kubernetes"
#: Certificates that the kubelet rotates by itself.
KUBELET = ("/var/lib/kubelet/pki/kubelet-client-current.pem", "/var/lib/kubelet/pki/kubelet-server-current.pem")
#: What the kubelet signs itself where it has no such certificate from the cluster.
SELF_SIGNED = "/var/lib/kubelet/pki/kubelet.crt"
#: Copies of the CA that load balancers and keepalived check API servers against.
COPIES = ("/etc/haproxy/kubernetes-ca.crt", "/etc/keepalived/kubernetes-ca.crt")


def read(runner: Runner, now: float, problems: Problems) -> Dict[str, Any]:
    """certificates, ca_certificate (PEM), cluster_id (the hash that kubeadm join pins the CA by), and while the CA is rotated
    cluster_ids (two of them) and rotation: replaced (the old one's, or None) and has_new."""
    found: List[Dict[str, Any]] = []
    paths = ["%s/%s" % (folder, name) for folder in FOLDERS for name in runner.list_dir(folder) if name.endswith(".crt")]
    kubeconfigs = ["%s/%s" % (KUBECONFIGS, name) for name in runner.list_dir(KUBECONFIGS) if name.endswith(".conf")]
    cluster_ids: List[str] = []
    kubelet = list(KUBELET) if runner.exists(KUBELET[1]) else [KUBELET[0], SELF_SIGNED]
    for path in paths + kubeconfigs + kubelet + list(COPIES):
        text = runner.read(path)
        if text is None:
            continue
        try:
            certificates = parse_kubeconfig(text, path) if path in kubeconfigs else parse_pem(text, path)
        except X509Error as error:
            problems.add("certificates", str(error))
            continue
        found.extend(describe(path, certificate, now) for certificate in certificates)
        if path == CA:
            cluster_ids = [certificate.discovery_hash for certificate in certificates]
    return {
        "certificates": found,
        "ca_certificate": "".join(pem_blocks(runner.read(CA) or "")) or None,
        "cluster_id": cluster_ids[0] if cluster_ids else None,
        "cluster_ids": cluster_ids,
        "rotation": _rotation(runner, problems),
    }


def _rotation(runner: Runner, problems: Problems) -> Dict[str, Any]:
    text = runner.read(OLD + "/ca.crt")
    replaced = None
    if text is not None:
        try:
            replaced = parse_pem(text, OLD + "/ca.crt")[0].discovery_hash
        except X509Error as error:
            problems.add("certificates", str(error))
    return {"replaced": replaced, "has_new": runner.exists(NEW)}


def describe(path: str, certificate: Certificate, now: float) -> Dict[str, Any]:
    """A certificate as plain data."""
    return {
        "path": path,
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "not_before": iso(certificate.not_before),
        "not_after": iso(certificate.not_after),
        "days_left": certificate.days_left(now),
        "ca": certificate.is_ca,
        "sans": certificate.sans,
    }
