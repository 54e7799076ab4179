# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines as the programs write them, each with a cause and something to do."""

# Lines as programs write them.
# ruff: noqa: E501
from __future__ import annotations

import pathlib
import re
from typing import Any, Dict, List, Set, Tuple

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.symptoms import SYMPTOMS, find_symptoms, told
from conftest import ROOT
from yaml_files import read_yaml

#: What a program says, a word of the cause, and one of what to do.
LINES: List[Tuple[str, str, str]] = [
    # kubeadm and its file
    ('experimental API spec: "kubeadm.k8s.io/v1beta4" (kind: "InitConfiguration") is not allowed', "experiments", "api_version"),
    ('your configuration file uses an old API spec: "kubeadm.k8s.io/v1beta2" (kind: "ClusterConfiguration")', "no longer", "api"),
    (
        "json: cannot unmarshal array into Go struct field ClusterConfiguration.apiServer.extraArgs of type map[string]string",
        "another API",
        "cluster_api_server_args",
    ),
    ('KubeProxyConfiguration.Mode: Invalid value: "none": must be iptables,ipvs or blank', "no such mode", "disabled"),
    ("[ERROR Swap]: running with swap on is not supported. Please disable swap", "swap", "host_swap"),
    (
        "[ERROR FileContent--proc-sys-net-bridge-bridge-nf-call-iptables]: /proc/sys/net/bridge/bridge-nf-call-iptables does not exist",
        "br_netfilter",
        "role host",
    ),
    ("[ERROR DirAvailable--var-lib-etcd]: /var/lib/etcd is not empty", "earlier cluster", "reset"),
    ("[ERROR Port-10250]: Port 10250 is in use", "another program listens", "ss -ltnp"),
    ("[ERROR CRI]: container runtime is not running: output: time=...", "does not answer", "journalctl"),
    ("[ERROR KubeletVersion]: the kubelet version is higher than the control plane version", "newer", "pins"),
    ('secrets "kubeadm-certs": secret "kubeadm-certs" was not found in the "kube-system" Namespace', "two hours", "anew"),
    ('could not find a JWS signature in the cluster-info ConfigMap for token ID "abcdef"', "expired", "new one"),
    ("cluster CA found in cluster-info ConfigMap is invalid: none of the public keys are pinned", "another cluster", "cluster_endpoint"),
    (
        'failed to request the cluster-info ConfigMap: Get "https://192.168.6.159:6443/api": dial tcp: connect: connection refused',
        "nobody answers",
        "ip address",
    ),
    ('a Node with name "m2" and status "Ready" already exists in the cluster', "of this name", "node_name"),
    ('nodes "k8s-master03" is forbidden: node "k8s-master02" is not allowed to modify node "k8s-master03"', "another name", "node_name"),
    ("level=error msg=\"Node password rejected, duplicate hostname or contents of '/etc/rancher/node/password'\"", "its name", "remove"),
    ("level=fatal msg=\"token CA hash does not match the Cluster CA certificate hash\"", "another cluster", "rke2_token"),
    # kubelet
    ("kubelet is configured to not run on a host using cgroup v1", "cgroup v1", "failCgroupV1"),
    ('Failed to admit pod etcd: Node had ephemeral-storage pressure', "ephemeral storage", "/var"),
    ('misconfiguration: kubelet cgroup driver: "systemd" is different from docker cgroup driver: "cgroupfs"', "cgroup drivers", "systemd"),
    ("unknown service runtime.v1.RuntimeService", "without CRI", "disabled_plugins"),
    ("failed to parse kubelet flag: unknown flag: --pod-infra-container-image", "does not understand", "cluster_kubelet_settings"),
    ("dial unix /var/run/dockershim.sock: connect: no such file or directory", "dockershim", "cri-dockerd"),
    ("tls: failed to verify certificate: x509: certificate has expired or is not yet valid", "clock", "date"),
    ("fork/exec /usr/bin/runc: too many open files", "limits", "inotify"),
    # images and runtimes
    ('failed to pull image "registry.k8s.io/pause:3.10": i/o timeout', "can't be pulled", "cluster_image_repository"),
    ("http: server gave HTTP response to HTTPS client", "plain HTTP", "container_runtime_registries"),
    ("tls: failed to verify certificate: x509: certificate signed by unknown authority", "authority", "CA"),
    ('"192.168.6.164:5000/well-known/coredns/coredns:v1.11.1": not found: manifest unknown', "does not have it", "REPOSITORY/coredns"),
    ("dial tcp: lookup registry.k8s.io on 127.0.0.53:53: server misbehaving", "DNS", "resolv.conf"),
    ("curl: (7) Couldn't connect to server: Network is unreachable", "no route", "ip route"),
    ("Error starting daemon: overlay2: unknown option overlay2.override_kernel_check", "daemon.json", "24.0"),
    ("containerd: failed to load TOML: /etc/containerd/config.toml: (3, 1): parsing error", "its configuration", "line"),
    ('failed to mount overlay: invalid argument: "overlayfs" is not supported', "ZFS before 2.2", "role zfs"),
    ('plugin type="flannel" failed (add): failed to setup network for sandbox "1": open /run/flannel/subnet.env', "sandbox was made", "net.d"),
    ("Error running ProxyServer: can't use the IPVS proxier: no such file or directory", "ip_vs", "nftables"),
    # etcd
    ("etcdserver: request timed out, possibly due to connection lost", "no quorum", "endpoint status"),
    ('"msg":"request cluster ID mismatch","local-member-id":"8e9e05c52164694d"', "init phase etcd local", "replace"),
    ("the member has been permanently removed from the cluster", "removed while", "replace"),
    ("error validating peerURLs: unmatched member while checking PeerURLs", "other members", "member list"),
    ("etcdserver: mvcc: database space exceeded", "database is full", "alarm disarm"),
    ("panic: wal: crc mismatch", "damaged", "replace"),
    ("flag provided but not defined: -experimental-initial-corrupt-check", "does not know", "cluster_etcd_args"),
    ('Error: unknown command "restore" for "etcdctl snapshot"', "3.6", "etcdutl"),
    # load balancing
    ("Keepalived_vrrp[1]: (/etc/keepalived/keepalived.conf: Line 10) Truncating auth_pass to 8 characters", "8 characters", "hmac"),
    ("(VI_1) bogus VRRP packet received on eth0 !!!", "same router id", "keepalived_router_id"),
    # pods
    ("0/1 nodes are available: 1 node(s) didn't match pod topology spread constraints", "spreads pods", "ScheduleAnyway"),
    (
        "0/1 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }",
        "control planes",
        "cluster_control_plane_schedulable",
    ),
    # packages, disks
    ("E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 812 (unattended-upgr)", "at work", "never delete"),
    ("E: dpkg was interrupted, you must manually run 'dpkg --configure -a'", "cut off", "dpkg --configure"),
    ("E: The repository 'https://apt.kubernetes.io kubernetes-xenial Release' does not have a Release file.", "shut down", "sources.list.d"),
    ("The following signatures couldn't be verified: NO_PUBKEY 234654DA9A296436", "key", "packages_repository_key"),
    ("write /var/lib/etcd/member/snap/db: no space left on device", "disk is full", "free space"),
    ("open /etc/kubernetes/manifests/x: read-only file system", "read-only", "dmesg"),
    ("eviction manager: must evict pod(s) to reclaim ephemeral-storage", "nearly full", "/var"),
    ("mkdir /srv/x: disk quota exceeded", "quota", "raise"),
]  # fmt: skip
STANDING: List[Tuple[str, str, str]] = [
    ("container runtime network not ready: NetworkReady=false message:cni config uninitialized", "no pod network", "role cni"),
    ('"msg":"slow fdatasync","took":"1.2s"', "too slow", "NVMe"),
]


@pytest.mark.parametrize(("line", "cause", "remedy"), LINES)
def test_a_line_is_translated_with_itself_as_evidence(line: str, cause: str, remedy: str) -> None:
    found = find_symptoms("something before\n%s\nsomething after" % line)
    assert [one for one in found if cause in one.cause and remedy in one.remedy and one.evidence == line], found


@pytest.mark.parametrize(("line", "cause", "remedy"), STANDING)
def test_what_a_node_that_is_being_made_says_anyway_counts_later_only(line: str, cause: str, remedy: str) -> None:
    assert find_symptoms(line) == []
    (found,) = find_symptoms(line, standing=True)
    assert cause in found.cause and remedy in found.remedy


def test_every_symptom_has_a_line_here() -> None:
    silent = [one.pattern.pattern for one in SYMPTOMS if not any(one.pattern.search(line) for line, _c, _r in LINES + STANDING)]
    assert silent == []


def test_a_remedy_names_settings_and_playbooks_that_there_are() -> None:
    settings = _settings() | {path.name for path in (ROOT / "roles").iterdir()}
    playbooks = {path.stem for path in (ROOT / "playbooks").glob("*.yml")}
    prefixes = "|".join(sorted({name.split("_")[0] for name in settings}, key=len, reverse=True))
    for one in SYMPTOMS:
        words = set(re.findall(r"\b(?:%s)_[a-z_0-9]+\b" % prefixes, "%s %s" % (one.cause, one.remedy)))
        assert words - settings <= NO_SETTINGS, one.remedy
        named = re.findall(r"playbook (?!begins|that)([a-z_0-9]+)", one.remedy)
        assert set(named) <= playbooks, one.remedy


#: Names of kernel modules and settings of other programs that only look like ours.
NO_SETTINGS: Set[str] = {"node_name"}


def _settings() -> Set[str]:
    found: Set[str] = set()
    for path in pathlib.Path(ROOT / "roles").glob("*/meta/argument_specs.yml"):
        specification: Dict[str, Any] = read_yaml(path)
        for point in specification["argument_specs"].values():
            found |= set(point.get("options") or {})
    return found


def test_an_error_has_its_cause_its_lines_and_what_to_do_and_no_secret() -> None:
    problem, remedy = told("systemctl start failed", "token abcdef.0123456789abcdef\nno space left on device\n")
    assert problem.startswith("systemctl start failed: a disk is full\nIts last lines:\n")
    assert "0123456789abcdef" not in problem and "no space left on device" in problem
    assert remedy == "free space on the file system that the line names"
    assert told("it ended", "", "look yourself") == ("it ended\nIts last lines:\n(none)", "look yourself")
