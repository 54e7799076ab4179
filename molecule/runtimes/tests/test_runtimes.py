"""A worker with Docker: refused for a newer runtime's settings, then emptied and taken to containerd while the cluster serves."""

from __future__ import annotations

import json
from typing import Any, Dict

import pytest

IMAGE = "docker.io/library/busybox:1.35.0"
SLEEPERS = (
    """
apiVersion: apps/v1
kind: Deployment
metadata: {name: sleepers, namespace: default}
spec:
  replicas: 3
  selector: {matchLabels: {app: sleepers}}
  template:
    metadata: {labels: {app: sleepers}}
    spec:
      terminationGracePeriodSeconds: 1
      tolerations: [{operator: Exists, effect: NoSchedule}]
      containers: [{name: sleep, image: "%s", command: [sleep, "100000"]}]
"""
    % IMAGE
)


def node(cluster: Any, name: str) -> Dict[str, Any]:
    asked = kubectl(cluster, "get node %s --output=json" % name)
    return dict(json.loads(asked))


def kubectl(cluster: Any, words: str) -> str:
    asked = cluster.host("cp1").run("kubectl --kubeconfig /etc/kubernetes/admin.conf " + words)
    assert asked.rc == 0, asked.stderr
    return str(asked.stdout)


def runtime(cluster: Any, name: str) -> str:
    return str(node(cluster, name)["status"]["nodeInfo"]["containerRuntimeVersion"])


def test_the_worker_runs_its_pods_by_docker_first(cluster: Any) -> None:
    assert runtime(cluster, "worker1").startswith("docker://")
    assert runtime(cluster, "cp1").startswith("containerd://")
    path = "/tmp/sleepers.yaml"
    cluster.host("cp1").check_output("cat > %s <<'END'%sEND" % (path, SLEEPERS))
    kubectl(cluster, "apply --filename=" + path)
    kubectl(cluster, "rollout status deployment/sleepers --timeout=180s")
    assert cluster.host("worker1").run("docker ps --quiet --filter name=k8s_sleep").stdout.split()


def test_other_playbooks_name_the_one_that_changes_it(cluster: Any) -> None:
    assert "run playbook container_runtime" in cluster.refusal("single")


@pytest.mark.parametrize("name", ["docker", "crio"])
def test_a_kubelet_of_1_20_gets_no_runtime_that_it_can_t_speak_to(cluster: Any, name: str) -> None:
    assert "CRI v1alpha2" in cluster.refusal("container_runtime", "-e", "container_runtime_name=" + name)


def test_a_check_says_what_would_be_done_and_touches_nothing(cluster: Any) -> None:
    assert cluster.playbook("container_runtime", "--check", "--diff")["changed"] > 0
    assert runtime(cluster, "worker1").startswith("docker://")


def test_the_worker_is_taken_to_containerd(cluster: Any) -> None:
    cluster.playbook("container_runtime")
    assert runtime(cluster, "worker1").startswith("containerd://")
    found = node(cluster, "worker1")
    assert "unschedulable" not in found["spec"]
    assert found["metadata"]["annotations"]["kubeadm.alpha.kubernetes.io/cri-socket"] == "unix:///run/containerd/containerd.sock"
    host = cluster.host("worker1")
    for unit in ("docker", "docker.socket"):
        assert host.run("systemctl is-active " + unit).rc != 0 and host.run("systemctl is-enabled " + unit).rc != 0
    assert not host.file("/sys/class/net/docker0").exists
    assert not host.file("/var/lib/baremetal-kubernetes/container-runtime.json").exists
    assert host.run("crictl info").rc == 0
    assert host.run("crictl ps --quiet").stdout.split()
    kubectl(cluster, "rollout status deployment/sleepers --timeout=180s")


def test_a_second_run_changes_nothing_and_the_cluster_is_built_on_as_ever(cluster: Any) -> None:
    assert cluster.playbook("container_runtime")["changed"] == 0
    assert cluster.playbook("single")["changed"] == 0


def test_a_change_that_was_killed_is_finished_before_anything_else(cluster: Any) -> None:
    """As a run leaves it that is killed while the kubelet is down."""
    host = cluster.host("worker1")
    host.check_output("systemctl stop kubelet")
    marker = "/var/lib/baremetal-kubernetes/container-runtime.json"
    host.check_output('printf \'%%s\' \'{"from": "docker", "to": "containerd"}\' > %s' % marker)
    cluster.playbook("container_runtime")
    assert host.service("kubelet").is_running and not host.file(marker).exists
    assert cluster.playbook("container_runtime")["changed"] == 0
