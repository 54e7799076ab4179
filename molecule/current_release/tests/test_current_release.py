"""What only a Kubernetes of today shows: kubeadm's v1beta4, super-admin.conf, etcd 3.6, CRI v1, Pod Security."""

from __future__ import annotations

import json
import re
from typing import Any

ARCHIVES = "file:///opt/kubernetes-bundle/releases/"
CONTAINERD_2 = {
    "container_runtime_source": "release",
    "container_runtime_releases": {
        program: {"version": version, "url": ARCHIVES + name, "sha256": ARCHIVES + "SHA256SUMS"}
        for program, version, name in (
            ("containerd", "2.3.7", "containerd-{version}-linux-{architecture}.tar.gz"),
            ("runc", "1.1.5", "runc.{architecture}"),
        )
    },
}


def test_the_cluster_keeps_its_configuration_in_v1beta4(cluster: Any) -> None:
    kept = cluster.kubectl("-n kube-system get configmap kubeadm-config -o json")["data"]["ClusterConfiguration"]
    assert "apiVersion: kubeadm.k8s.io/v1beta4" in kept
    assert "controlPlaneEndpoint: %s" % cluster.setting("cluster_endpoint") in kept


def test_only_the_first_control_plane_has_the_key_of_the_super_administrator(cluster: Any) -> None:
    path = "/etc/kubernetes/super-admin.conf"
    having = [name for name in cluster.control_planes if cluster.host(name).file(path).exists]
    assert having == cluster.control_planes[:1]
    assert cluster.host(having[0]).file(path).mode == 0o600


def test_etcd_is_that_of_the_release_and_has_every_member_voting(cluster: Any) -> None:
    members = [line.split(", ") for line in cluster.etcdctl("member list").splitlines()]
    assert sorted(member[2] for member in members) == sorted(cluster.control_planes)
    assert {(member[1], member[5]) for member in members} == {("started", "false")}
    assert re.search(r"etcdctl version: 3\.6\.", cluster.etcdctl("version"))


def test_a_second_run_and_check_mode_change_nothing(cluster: Any) -> None:
    assert cluster.playbook("stacked_ha")["changed"] == 0
    assert cluster.playbook("stacked_ha", "--check", "--diff")["changed"] == 0
    cluster.playbook("verify")


def test_pod_security_is_enforced_where_it_is_asked_for(cluster: Any) -> None:
    cluster.playbook("security", "-e", "cluster_pod_security=baseline")
    refused = cluster.host(cluster.control_planes[0]).run(
        "kubectl --kubeconfig /etc/kubernetes/admin.conf run bad --image=%s --privileged --restart=Never -- true"
        % cluster.setting("verify_image")
    )
    assert refused.rc != 0 and "violates PodSecurity" in refused.stderr
    assert cluster.playbook("security", "-e", "cluster_pod_security=baseline")["changed"] == 0


def test_every_node_is_taken_to_containerd_2_while_the_cluster_serves(cluster: Any) -> None:
    words = ["-e", json.dumps(CONTAINERD_2)]
    before = cluster.kubectl("get nodes -o json")["items"]
    assert all(node["status"]["nodeInfo"]["containerRuntimeVersion"].startswith("containerd://1.") for node in before)
    cluster.playbook("container_runtime", *words)
    for node in cluster.kubectl("get nodes -o json")["items"]:
        assert node["status"]["nodeInfo"]["containerRuntimeVersion"] == "containerd://2.3.7"
        assert not node["spec"].get("unschedulable")
        assert "version = 4" in cluster.host(node["metadata"]["name"]).file("/etc/containerd/config.toml").content_string
    assert cluster.playbook("container_runtime", *words)["changed"] == 0
    assert cluster.playbook("stacked_ha", *words)["changed"] == 0
    cluster.playbook("verify", "-e", "verify_network=true")
