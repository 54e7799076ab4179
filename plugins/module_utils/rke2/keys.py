# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of RKE2's config.yaml: which there are, of what kind, which the playbook decides, and which there are no more.

RKE2 itself skips a key that it does not know, with a line in its log: a slip of the pen is then a cluster with other settings than
were written. Source: pkg/cli/cmds of rancher/rke2 at v1.36.4+rke2r1 and the server and agent reference of its documentation.
"""

from __future__ import annotations

from typing import Dict, List, Mapping, NamedTuple, Optional, Tuple

#: Components that RKE2 runs as static pods; each has keys of its own.
COMPONENTS = ("kube-apiserver", "kube-scheduler", "kube-controller-manager", "kube-proxy", "etcd", "cloud-controller-manager")
IMAGES = (
    "kube-apiserver",
    "kube-controller-manager",
    "cloud-controller-manager",
    "kube-proxy",
    "kube-scheduler",
    "pause",
    "runtime",
    "etcd",
)


def _kinds(**named: str) -> Dict[str, str]:
    return {key: kind for kind, keys in named.items() for key in keys.split()}


#: Keys that servers and agents take -> kind.
COMMON: Dict[str, str] = dict(
    _kinds(
        str="""config vmodule log data-dir token token-file node-name image-credential-provider-bin-dir
        image-credential-provider-config container-runtime-endpoint default-runtime private-registry system-default-registry
        resolv-conf server snapshotter bind-address kubelet-path cloud-provider-name cloud-provider-config profile audit-policy-file
        pod-security-admission-config-file""",
        bool="""debug alsologtostderr with-node-id disable-default-registry-endpoint nonroot-devices protect-kernel-defaults selinux
        enable-pprof node-name-from-cloud-provider-metadata""",
        int="v lb-server-port",
        list="""node-label node-taint node-ip node-external-ip node-internal-dns node-external-dns kubelet-arg kube-proxy-arg
        airgap-extra-registry control-plane-resource-requests control-plane-resource-limits control-plane-probe-configuration""",
    ),
    **{"%s-image" % name: "str" for name in IMAGES},
    **{"%s-extra-%s" % (name, what): "list" for name in COMPONENTS for what in ("mount", "env")},
)
#: Keys that servers alone take -> kind.
SERVER: Dict[str, str] = _kinds(
    str="""advertise-address service-node-port-range cluster-domain egress-selector-mode servicelb-namespace write-kubeconfig
    write-kubeconfig-mode write-kubeconfig-group write-kubeconfig-name agent-token agent-token-file cluster-reset-restore-path
    datastore-endpoint datastore-cafile datastore-certfile datastore-keyfile etcd-snapshot-name etcd-snapshot-schedule-cron
    etcd-snapshot-reconcile-interval etcd-snapshot-dir etcd-s3-endpoint etcd-s3-endpoint-ca etcd-s3-access-key etcd-s3-secret-key
    etcd-s3-session-token etcd-s3-bucket etcd-s3-bucket-lookup-type etcd-s3-region etcd-s3-folder etcd-s3-proxy
    etcd-s3-config-secret etcd-s3-timeout secrets-encryption-provider helm-job-image""",
    bool="""tls-san-security cluster-reset etcd-expose-metrics etcd-disable-snapshots etcd-snapshot-compress etcd-s3
    etcd-s3-skip-ssl-verify etcd-s3-insecure disable-scheduler disable-cloud-controller disable-kube-proxy disable-apiserver
    disable-controller-manager disable-etcd disable-agent embedded-registry enable-servicelb supervisor-metrics secrets-encryption
    prime""", int="etcd-snapshot-retention etcd-s3-retention",
    list="""tls-san cluster-cidr service-cidr cluster-dns cni ingress-controller helm-controller-arg kube-apiserver-arg etcd-arg
    kube-controller-manager-arg kube-scheduler-arg kube-cloud-controller-manager-arg disable""",
)


def keys_of(role: str) -> Mapping[str, str]:
    """Key -> kind (str, bool, int or list) of a V(server) or an V(agent)."""
    return dict(COMMON, **SERVER) if role == "server" else COMMON


class Refused(NamedTuple):
    """A key or value that is not to be written: since when or why, and what takes its place."""

    why: str
    instead: str


#: Keys of config.yaml that roles and plays decide -> the setting that a person writes instead.
DECIDED: Dict[str, str] = {
    "server": "nothing: the first server is built without it, the others join by cluster_endpoint",
    "token": "rke2_token, from a vault; config.yaml names a file of mode 0600 that holds it",
    "token-file": "rke2_token",
    "agent-token": "rke2_agent_token",
    "agent-token-file": "rke2_agent_token",
    "node-name": "node_name, for the host",
    "node-ip": "node_address, for the host",
    "tls-san": "cluster_certificate_sans; those of nodes, VIP and endpoint are in it anyway",
    "cluster-cidr": "cluster_pod_subnet",
    "service-cidr": "cluster_service_subnet",
    "cluster-dns": "cluster_service_subnet, whose tenth address it is",
    "cluster-domain": "cluster_dns_domain",
    "cni": "rke2_cni",
    "profile": "rke2_profile",
    "private-registry": "rke2_registries",
    "system-default-registry": "cluster_image_repository",
    "cluster-reset": "nothing: playbook restore does it once, and a config.yaml with it would do it at each start",
    "cluster-reset-restore-path": "restore_from, with playbook restore",
    "config": "nothing: the file is /etc/rancher/rke2/config.yaml",
    "data-dir": "nothing: the roles look for RKE2 in /var/lib/rancher/rke2; mount a disk there",
    "write-kubeconfig": "cluster_kubeconfig, on the controller",
    "write-kubeconfig-mode": "nothing: it is 0600, for it is the administrator's",
    "etcd-snapshot-schedule-cron": "rke2_snapshot_schedule",
    "etcd-snapshot-retention": "rke2_snapshot_retention",
    "etcd-snapshot-dir": "nothing: playbook restore looks for snapshots in /var/lib/rancher/rke2/server/db/snapshots",
    "disable-etcd": "nothing: each server is a member of etcd",
    "disable-apiserver": "nothing: each server is a control plane",
    "disable-agent": "nothing: each server is a node",
}
#: As above, where the key begins so.
DECIDED_PREFIXES: Dict[str, str] = {
    "etcd-s3": "rke2_snapshot_storage",
    "datastore-": "nothing: servers keep etcd, which these playbooks snapshot and restore",
}

#: Keys of K3s that RKE2 drops, and older ones of RKE2.
REMOVED: Dict[str, Refused] = {
    "cluster-init": Refused("RKE2 never had it (it is K3s')", "nothing: the first server is the one that has no server key"),
    "cluster-secret": Refused("it was removed with Kubernetes 1.21", "rke2_token"),
    "no-deploy": Refused("it was removed with Kubernetes 1.22", "disable"),
    "flannel-backend": Refused("RKE2 never had it (it is K3s')", "rke2_cni: [flannel], and a HelmChartConfig of rke2-flannel"),
    "flannel-iface": Refused("RKE2 never had it (it is K3s')", "node_address, for the host"),
    "flannel-conf": Refused("RKE2 never had it (it is K3s')", "a HelmChartConfig of the CNI's chart"),
    "flannel-cni-conf": Refused("RKE2 never had it (it is K3s')", "a HelmChartConfig of the CNI's chart"),
    "flannel-external-ip": Refused("RKE2 never had it (it is K3s')", "a HelmChartConfig of the CNI's chart"),
    "flannel-ipv6-masq": Refused("RKE2 never had it (it is K3s')", "a HelmChartConfig of the CNI's chart"),
    "docker": Refused("RKE2 never had it, and Kubernetes 1.24 removed dockershim", "container-runtime-endpoint, for a CRI socket"),
    "rootless": Refused("RKE2 never had it (it is K3s')", "nothing: RKE2 runs as root"),
    "https-listen-port": Refused("RKE2 has fixed ports", "nothing: the API is at 6443; another port is the load balancer's"),
    "apiserver-port": Refused("RKE2 has fixed ports", "nothing: the API is at 6443; another port is the load balancer's"),
    "supervisor-port": Refused("RKE2 has fixed ports", "nothing: the supervisor is at 9345"),
    "advertise-port": Refused("RKE2 has fixed ports", "nothing: the API is at 6443"),
    "apiserver-bind-address": Refused("RKE2 never had it", "bind-address"),
    "disable-network-policy": Refused("RKE2 never had it (it is K3s')", "rke2_cni, whose plugin decides on policies"),
    "disable-helm-controller": Refused("RKE2 never had it: its own components are charts", "nothing"),
    "disable-apiserver-lb": Refused("RKE2 never had it (it is K3s')", "nothing"),
    "default-local-storage-path": Refused("RKE2 has no local provisioner", "a storage driver of playbook volumes"),
    "kine-tls": Refused("RKE2 never had it (it is K3s')", "nothing: servers keep etcd"),
    "image-service-endpoint": Refused("RKE2 never had it (it is K3s')", "container-runtime-endpoint"),
    "prefer-bundled-bin": Refused("RKE2 never had it (it is K3s')", "nothing"),
    "vpn-auth": Refused("RKE2 never had it (it is K3s')", "playbook interconnect, for a private link"),
    "vpn-auth-file": Refused("RKE2 never had it (it is K3s')", "playbook interconnect, for a private link"),
    "kube-controller-arg": Refused("it is an old spelling", "kube-controller-manager-arg"),
    "kube-cloud-controller-arg": Refused("it is an old spelling", "kube-cloud-controller-manager-arg"),
}

PROFILES = ("", "cis", "etcd")
#: Values of profile that there were -> since which minor of Kubernetes 1 RKE2 refuses them.
REMOVED_PROFILES: Dict[str, int] = {"cis-1.5": 25, "cis-1.6": 25, "cis-1.23": 30}
CNIS = ("none", "calico", "canal", "cilium", "flannel")
#: Ingress controller -> the first minor without it, None where there is none.
INGRESS_CONTROLLERS: Dict[str, Optional[int]] = {"none": None, "traefik": None, "ingress-nginx": 37}
DISABLE_ITEMS = (
    "rke2-coredns",
    "rke2-metrics-server",
    "rke2-snapshot-controller",
    "rke2-snapshot-controller-crd",
    "rke2-snapshot-validation-webhook",
    "rke2-security-responder",
)
#: Values of disable that another key took over -> what to write.
DISABLE_ELSEWHERE: Dict[str, str] = {
    "rke2-ingress-nginx": "ingress-controller: [none]",
    "rke2-traefik": "ingress-controller: [none]",
    "rke2-kube-proxy": "disable-kube-proxy: true",
}
#: Oldest minor whose API server takes anonymous requests for chosen paths alone, by which load balancers learn whether it is ready.
OLDEST_MINOR = 33
#: First minor with each version of AuthenticationConfiguration, newest first.
AUTHENTICATION_VERSIONS: List[Tuple[int, str]] = [
    (34, "apiserver.config.k8s.io/v1"),
    (33, "apiserver.config.k8s.io/v1beta1"),
]
