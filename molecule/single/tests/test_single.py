"""One server that is control plane and worker at once."""

from __future__ import annotations

from typing import Any


def test_the_only_server_takes_workloads(cluster: Any) -> None:
    (node,) = cluster.kubectl("get nodes -o json")["items"]
    assert not node["spec"].get("taints")


def test_the_programs_come_from_packages_that_are_held(cluster: Any) -> None:
    host = cluster.host(cluster.control_planes[0])
    for name in ("kubeadm", "kubelet", "kubectl"):
        assert host.package(name).version.startswith(cluster.setting("cluster_kubernetes_version"))
    held = host.run("apt-mark showhold").stdout.split()
    pinned = host.run("grep -rhs Package: /etc/apt/preferences.d").stdout
    assert {"kubeadm", "kubelet", "kubectl"} <= set(held) or "kubeadm" in pinned
