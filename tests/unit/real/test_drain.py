"""Drain and the state of an upgrade against a real API server. Pods have no kubelet here: with no grace they go at once."""

from __future__ import annotations

import json
from typing import Any, Dict, Iterator, Optional

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.drain import Drainer, Limits, read_node
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import Kubectl, KubernetesError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.upgrade.cluster import read

CONFIG = 'apiVersion: "kubeadm.k8s.io/v1beta2"\nkind: ClusterConfiguration\nkubernetesVersion: v1.20.2\n'


class KubectlOnPath(HostRunner):
    """The host, with the lab's kubectl under its plain name."""

    def __init__(self, kubectl: str) -> None:
        self.kubectl = kubectl

    def run(self, argv: Any, timeout: Any = None, stdin: Optional[str] = None, env: Any = None) -> Any:
        program = self.kubectl if argv[0] == "kubectl" else argv[0]
        return super().run([program] + list(argv[1:]), timeout, stdin, env)


def create(kubectl: Kubectl, document: Dict[str, Any]) -> None:
    kubectl.checked("x", ["create", "--filename=-"], stdin=json.dumps(document))


def replace_status(kubectl: Kubectl, path: str, status: Dict[str, Any]) -> None:
    stored = json.loads(kubectl.checked("x", ["get", "--raw", path]))
    kubectl.checked("x", ["replace", "--raw", path + "/status", "--filename=-"], stdin=json.dumps(dict(stored, status=status)))


def pod(name: str, owner: str = "") -> Dict[str, Any]:
    owners = [{"apiVersion": "apps/v1", "kind": owner, "name": "of-" + name, "uid": "1", "controller": True}] if owner else []
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": "default", "name": name, "labels": {"app": name}, "ownerReferences": owners},
        "spec": {"nodeName": "worker1", "containers": [{"name": "c", "image": "x"}]},
    }


@pytest.fixture(autouse=True)
def _node(kubectl: Kubectl) -> Iterator[None]:
    create(kubectl, {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "worker1"}})
    yield
    for what in ("pods --all --force --grace-period=0", "poddisruptionbudgets --all", "node worker1"):
        kubectl.run(["delete", *what.split()])


def drainer(kubectl: Kubectl, **limits: Any) -> Drainer:
    return Drainer(kubectl, Limits(**dict({"timeout": 20, "grace_period": 0}, **limits)), "upgrade", sleep=lambda seconds: None)


def test_a_node_is_closed_with_its_mark_emptied_and_opened_again(kubectl: Kubectl) -> None:
    for document in (pod("web", "ReplicaSet"), pod("agent", "DaemonSet")):
        create(kubectl, document)
    done = drainer(kubectl).drain("worker1")
    assert done.evicted == ["default/web"] and done.cordoned
    assert [item["metadata"]["name"] for item in kubectl.objects("pods")] == ["agent"]
    node = read_node(kubectl, "worker1")
    assert (node.cordoned, node.cordoned_by) == (True, "upgrade")
    again = drainer(kubectl).drain("worker1")
    assert not again.cordoned and again.evicted == []
    assert drainer(kubectl).uncordon("worker1") and not drainer(kubectl).uncordon("worker1")
    assert read_node(kubectl, "worker1")[1:] == (False, "")


def test_a_disruption_budget_is_obeyed_and_named(kubectl: Kubectl) -> None:
    create(kubectl, pod("web", "ReplicaSet"))
    budget = {
        "apiVersion": "policy/v1beta1",
        "kind": "PodDisruptionBudget",
        "metadata": {"namespace": "default", "name": "keep-web"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
    }
    create(kubectl, budget)
    # A pod that is pending or not ready is no loss to its budget.
    running = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    replace_status(kubectl, "/api/v1/namespaces/default/pods/web", running)
    status = {"disruptionsAllowed": 0, "currentHealthy": 1, "desiredHealthy": 1, "expectedPods": 1, "observedGeneration": 1}
    replace_status(kubectl, "/apis/policy/v1beta1/namespaces/default/poddisruptionbudgets/keep-web", status)
    with pytest.raises(KubernetesError, match=r"default/web: its disruption budget keep-web .*\(1 of 1 wanted pods are healthy\)"):
        drainer(kubectl, timeout=2).drain("worker1")
    assert [item["metadata"]["name"] for item in kubectl.objects("pods")] == ["web"]


def test_the_state_of_an_upgrade_is_read_off_a_real_api(kubectl: Kubectl, cluster: Any) -> None:
    create(
        kubectl,
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"namespace": "kube-system", "name": "kubeadm-config"},
            "data": {"ClusterConfiguration": CONFIG},
        },
    )
    # An API that 1.22 takes away is counted by the API server once somebody asks for it.
    kubectl.checked("x", ["get", "--raw", "/apis/networking.k8s.io/v1beta1/ingresses"])
    found = read(KubectlOnPath(cluster.kubectl), kubectl, cluster.kubeconfig)
    assert found["config_version"] == "v1.20.2" and found["proxy_version"] == ""
    assert found["nodes"]["worker1"]["ready"] is False
    assert {"api": "networking.k8s.io/v1beta1", "resource": "ingresses", "removed_release": "1.22"} in found["removed_apis"]
