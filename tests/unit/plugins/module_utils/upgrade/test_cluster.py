from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.versions import image_tag
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import Kubectl, KubernetesError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.upgrade.cluster import proxy_version, read, requested
from ansible_collections.baremetal.kubernetes.plugins.module_utils.upgrade.node import forbidden
from fakes import FakeRunner

CONFIG = (
    *("kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf", "--request-timeout=20s", "-n", "kube-system"),
    *("get", "configmap", "kubeadm-config", "-o", "json"),
)
METRICS = """# TYPE apiserver_requested_deprecated_apis gauge
apiserver_requested_deprecated_apis{group="policy",removed_release="1.25",resource="podsecuritypolicies",version="v1beta1"} 1
apiserver_requested_deprecated_apis{group="",removed_release="",resource="componentstatuses",subresource="",version="v1"} 1
apiserver_request_total{code="200"} 12
"""


def answers(**more: str) -> FakeRunner:
    proxy = {
        "metadata": {"name": "kube-proxy"},
        "spec": {"template": {"spec": {"containers": [{"image": "r/kube-proxy:v1.20.2"}]}}},
    }
    node = {
        "metadata": {"name": "cp1", "annotations": {"baremetal.kubernetes/cordoned-by": "upgrade"}},
        "spec": {"unschedulable": True},
        "status": {"nodeInfo": {"kubeletVersion": "v1.20.2"}, "conditions": [{"type": "Ready", "status": "True"}]},
    }
    return FakeRunner(
        commands={
            CONFIG: json.dumps({"data": {"ClusterConfiguration": "kubernetesVersion: v1.20.3\n"}}),
            ("kubectl", "get", "daemonsets", "--output=json", "--namespace=kube-system"): json.dumps({"items": [proxy]}),
            ("kubectl", "get", "nodes", "--output=json"): json.dumps({"items": [node]}),
            ("kubectl", "get", "--raw", "/metrics"): METRICS,
            ("kubectl", "get", "persistentvolumes", "--output=json"): json.dumps(
                {
                    "items": [
                        {"metadata": {"name": "disk"}, "spec": {"local": {"path": "/srv"}}},
                        {"metadata": {"name": "net"}, "spec": {"nfs": {}}},
                    ]
                }
            ),
        }
    )


def test_a_cluster_says_how_far_it_is() -> None:
    runner = answers()
    assert read(runner, Kubectl(runner), "/etc/kubernetes/admin.conf") == {
        "config_version": "v1.20.3",
        "proxy_version": "v1.20.2",
        "nodes": {"cp1": {"kubelet": "v1.20.2", "ready": True, "cordoned": True, "cordoned_by": "upgrade"}},
        "local_volumes": ["disk"],
        "removed_apis": [{"api": "policy/v1beta1", "resource": "podsecuritypolicies", "removed_release": "1.25"}],
    }


def test_an_api_that_does_not_answer_is_an_error_and_no_empty_cluster() -> None:
    runner = FakeRunner()
    with pytest.raises(KubernetesError, match="kubeadm-config"):
        read(runner, Kubectl(runner), "/etc/kubernetes/admin.conf")


def test_only_apis_that_a_release_takes_away_are_counted() -> None:
    assert [entry["resource"] for entry in requested(METRICS)] == ["podsecuritypolicies"]


@pytest.mark.parametrize("image", ["registry.k8s.io/kube-proxy:v1.36.3", "10.0.0.1:5000/k/kube-proxy:v1.36.3@sha256:ab"])
def test_an_images_tag_is_read_past_ports_and_digests(image: str) -> None:
    assert image_tag(image) == "v1.36.3"


def test_what_was_settled_when_the_cluster_was_made_is_not_changed_by_an_upgrade() -> None:
    differences = [
        {"field": "networking.podSubnet", "cluster": "10.244.0.0/16", "wanted": "10.0.0.0/16"},
        {"field": "apiServer.extraArgs.profiling", "cluster": None, "wanted": "false"},
    ]
    assert forbidden(differences) == ['networking.podSubnet (the cluster has "10.244.0.0/16", the settings "10.0.0.0/16")']


@pytest.mark.parametrize("spec", [None, {}, {"template": {"spec": {}}}, {"template": {"spec": {"containers": [{}]}}}])
def test_a_daemon_set_without_an_image_has_no_version(spec: Any) -> None:
    assert proxy_version([{"metadata": {"name": "kube-proxy"}, "spec": spec}]) == ""
