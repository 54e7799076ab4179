"""What an upgrade leaves, by the nodes' and the API's own word."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def version(cluster: Any) -> str:
    """To which it was upgraded."""
    return str(cluster.setting("lab_bundle_versions")[0])


def test_every_node_runs_the_version_and_takes_pods(cluster: Any, version: str) -> None:
    for node in cluster.kubectl("get nodes -o json")["items"]:
        assert node["status"]["nodeInfo"]["kubeletVersion"] == "v" + version
        assert not node["spec"].get("unschedulable")
        assert "baremetal.kubernetes/cordoned-by" not in (node["metadata"].get("annotations") or {})
        assert [one["status"] for one in node["status"]["conditions"] if one["type"] == "Ready"] == ["True"]


def test_every_static_pod_and_kube_proxy_run_the_version(cluster: Any, version: str) -> None:
    pods = cluster.kubectl("-n kube-system get pods -o json")["items"]
    components = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")
    found = {pod["metadata"]["name"]: pod for pod in pods if pod["metadata"]["name"].startswith(components)}
    assert len(found) == 3 * len(cluster.control_planes) + len(cluster.nodes)
    for name, pod in found.items():
        status = pod["status"]["containerStatuses"][0]
        assert status["ready"] and status["image"].endswith(":v" + version), name


def test_the_configuration_in_the_cluster_has_the_version(cluster: Any, version: str) -> None:
    assert "kubernetesVersion: v" + version in cluster.kubectl("-n kube-system get configmap kubeadm-config -o yaml")


def test_a_snapshot_from_before_is_kept_and_whole(cluster: Any, version: str) -> None:
    kept = [
        cluster.host(name).run("ls /var/lib/baremetal-kubernetes/snapshots/before-%s-*.db" % version)
        for name in cluster.control_planes
    ]
    assert any(answer.rc == 0 for answer in kept)


def test_certificates_are_those_of_an_upgrade(cluster: Any, version: str) -> None:
    # kubeadm upgrade renews them, and what serves must serve them.
    assert cluster.playbook("certificates", "-e", "cluster_kubernetes_version=" + version)["changed"] == 0
