"""One fault after another, on blank nodes first, then on what stands: refused or survived, in words, and mended by the playbook."""

from __future__ import annotations

import contextlib
import socket
import time
from typing import Any

import pytest

SERVER, WORKER = "server1", "worker1"
RESET = ["baremetal.kubernetes.reset", "--limit", "reset_confirm=faults"]
#: What a person writes who makes a cluster by hand on these nodes.
BY_HAND = """
cat >/root/by-hand.yaml <<'EOT'
apiVersion: kubeadm.k8s.io/v1beta2
kind: InitConfiguration
localAPIEndpoint:
  advertiseAddress: %(address)s
---
apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterConfiguration
clusterName: %(name)s
kubernetesVersion: v1.20.2
controlPlaneEndpoint: %(address)s:6443
networking:
  podSubnet: 10.244.0.0/16
scheduler:
  extraArgs:
    feature-gates: LocalStorageCapacityIsolation=false
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: systemd
failSwapOn: false
featureGates:
  LocalStorageCapacityIsolation: false
---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
conntrack:
  maxPerCore: 0
  min: 0
EOT
"""
INIT = "kubeadm init --config=/root/by-hand.yaml --ignore-preflight-errors=all"
CUT_OFF = """
%s >/root/by-hand.log 2>&1 &
until grep -q wait-control-plane /root/by-hand.log; do sleep 0.1; done
kill -9 $!
"""


# --- before anything is there: refused, and no host changed


@pytest.mark.parametrize(
    ("how", "words"), [("DROP", "timed out"), ("REJECT --reject-with tcp-reset", "onnection re")], ids=["silent", "refusing"]
)
def test_a_host_that_nobody_reaches_is_named(scene: Any, how: str, words: str) -> None:
    with scene.cut_off(WORKER, how):
        scene.refused("host worker1: it can't be reached", words, "What to do: bring it back, correct ansible_host")


@pytest.mark.parametrize("offset", [3600, -3600], ids=["ahead", "behind"])
def test_the_host_whose_clock_is_wrong_is_named_and_not_the_other_one(scene: Any, offset: int) -> None:
    with scene.clock(WORKER, offset):
        said = scene.refused("clock of worker1: it is 3", "s ahead of" if offset > 0 else "s behind", "chronyc makestep")
    assert "clock of server1" not in said


def test_full_disks_are_named_with_what_is_free(scene: Any) -> None:
    with scene.small_disk(SERVER, "/var/lib/etcd", 120), scene.small_disk(WORKER, "/var/lib/containerd", 121):
        said = scene.refused(
            "/var/lib/etcd: server1 has 0.1 GiB free", "/var/lib/containerd: worker1 has 0.1 GiB free", "free space there"
        )
    assert "2 problems found" in said


def test_remains_of_another_distribution_are_named_with_what_takes_them_away(scene: Any) -> None:
    scene.sh(WORKER, "mkdir -p /etc/rancher/k3s /var/lib/rancher/k3s/agent; echo token: x >/etc/rancher/k3s/config.yaml")
    try:
        scene.refused(
            "Kubernetes on worker1: the host holds k3s", "/etc/rancher/k3s, /var/lib/rancher/k3s", "k3s-agent-uninstall.sh"
        )
    finally:
        scene.sh(WORKER, "rm -r /etc/rancher /var/lib/rancher")


# --- while it builds


def test_a_package_manager_that_never_ends_is_waited_for_and_then_named(scene: Any) -> None:
    with scene.locked(WORKER, 3600) as process:
        said = scene.fails(
            "Packages on worker1 (",
            "another package manager is at work",
            "python3 (process %s)" % process,
            "never delete the lock",
            within=900,
        )
    # The plan had said it, too.
    assert "package manager (worker1): python3 (process %s) is at work" % process in said


def test_a_lock_that_goes_is_waited_for_and_a_disk_that_fills_up_is_told_and_without_dns_it_is_built(scene: Any) -> None:
    with scene.without_dns(SERVER), scene.without_dns(WORKER):
        # Large enough for the plan, and full when containerd has begun to work.
        begun_to_work = "/var/lib/containerd/io.containerd.metadata.v1.bolt/meta.db"
        with contextlib.ExitStack() as both:
            both.enter_context(scene.small_disk(WORKER, "/var/lib/containerd", 620))
            both.enter_context(scene.filling(WORKER, "/var/lib/containerd", begun_to_work))
            process = both.enter_context(scene.locked(WORKER, 120))
            scene.fails("worker1", "no space left on device", "a disk is full", "What to do: free space")
            assert not scene.sh(WORKER, "ls -d /proc/%s" % process, check=False)
        assert "ii  kubeadm" in scene.sh(WORKER, "dpkg --list kubeadm")
        scene.converges()


def test_without_dns_a_repository_on_the_internet_is_refused_in_words(scene: Any) -> None:
    scene.sh(WORKER, "apt-get remove --yes --allow-change-held-packages kubectl >/dev/null && rm -f /etc/apt/sources.list.d/*")
    elsewhere = ["-e", "packages_repository_url=https://packages.example.org/deb/"]
    with scene.without_dns(WORKER):
        scene.fails("Packages on worker1", "a name can't be resolved", "/etc/resolv.conf", arguments=elsewhere)
    scene.converges()


# --- remains of clusters


def test_a_cluster_that_was_begun_by_hand_and_cut_off_is_refused(scene: Any) -> None:
    scene.reset(SERVER, WORKER)
    scene.sh(SERVER, BY_HAND % {"address": scene.cluster.address(SERVER), "name": "faults"})
    for phase in ("certs", "kubeconfig"):
        scene.sh(SERVER, "kubeadm init phase %s all --config /root/by-hand.yaml" % phase)
    scene.refused("Kubernetes on server1", "remains that this collection did not leave", "/etc/kubernetes/admin.conf", *RESET)
    scene.reset(SERVER)

    # Killed where it waits for the API server: all manifests are written, and nothing else of the cluster is.
    scene.sh(SERVER, CUT_OFF % INIT)
    # The kubelet goes on by itself.
    scene.sh(SERVER, "until kubectl --kubeconfig /etc/kubernetes/admin.conf get --raw /readyz; do sleep 1; done 2>/dev/null")
    scene.refused(
        "Kubernetes on server1: an API server runs there", "a kubeadm init that this collection did not begin was cut off", *RESET
    )


def test_a_whole_cluster_of_somebody_else_is_refused_on_either_node(scene: Any) -> None:
    scene.reset(SERVER)
    scene.sh(SERVER, BY_HAND % {"address": scene.cluster.address(SERVER), "name": "other"})
    scene.sh(SERVER, INIT + " >/root/by-hand.log 2>&1 || { tail /root/by-hand.log; false; }")
    scene.refused(
        "cluster_name: server1 is a control plane of the cluster 'other'",
        "write cluster_name: other if that cluster is meant",
        *RESET,
    )

    join = scene.sh(SERVER, "kubeadm token create --print-join-command 2>/dev/null").strip()
    scene.sh(WORKER, join + " --ignore-preflight-errors=all")
    scene.reset(SERVER)
    scene.refused("cluster of worker1: it has joined one at %s:6443" % scene.cluster.address(SERVER), *RESET)
    scene.reset(WORKER)


# --- bad links, and a node that is lost on the way


def test_a_cluster_is_built_over_slow_and_lossy_links_though_a_node_was_lost_on_the_way(scene: Any) -> None:
    with scene.slow_links(0.1, 0.05):
        begun = time.monotonic()
        for _count in range(3):
            socket.create_connection((scene.cluster.address(WORKER), 22), timeout=30).close()
        assert time.monotonic() - begun > 0.3, "the links are not slow"

        process = scene.playbooks.start("single")
        seen = []
        for line in process.stdout:
            seen.append(line)
            if line.startswith("TASK [") and "Initialise the cluster" in line:
                break
        else:
            pytest.fail("".join(seen)[-4000:])
        with scene.cut_off(WORKER):
            begun = time.monotonic()
            seen.append(process.communicate(timeout=900)[0])
        said = scene.said(
            process.returncode,
            "".join(seen),
            time.monotonic() - begun,
            ["worker1", "UNREACHABLE", "unreachable=1", "bring back worker1, which did not answer"],
            900,
        )
        assert "server1" in said
        scene.converges()


def test_all_of_it_left_nothing_behind(scene: Any) -> None:
    for node in (SERVER, WORKER):
        assert not scene.sh(node, "mount | grep small-", check=False)
        assert not scene.sh(node, "iptables -S INPUT | grep 'dport 22'; iptables -t mangle -S | grep NFQUEUE", check=False)
