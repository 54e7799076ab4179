"""What is really on every node, by the node's own word."""

from __future__ import annotations

import json
import os
import stat
from typing import Any


def test_every_node_is_ready_and_has_the_wanted_version(cluster: Any) -> None:
    nodes = cluster.kubectl("get nodes -o json")["items"]
    ready = {
        node["metadata"]["name"]: node["status"]["nodeInfo"]["kubeletVersion"]
        for node in nodes
        for condition in node["status"]["conditions"]
        if condition["type"] == "Ready" and condition["status"] == "True"
    }
    assert ready == {name: "v" + cluster.setting("cluster_kubernetes_version") for name in cluster.nodes}


def test_every_node_forwards_packets_and_uses_the_systemd_cgroup_driver(cluster: Any) -> None:
    for name in cluster.nodes:
        host = cluster.host(name)
        assert host.sysctl("net.ipv4.ip_forward") == 1
        assert host.file("/etc/sysctl.d/90-kubernetes.conf").exists
        assert "SystemdCgroup = true" in host.file("/etc/containerd/config.toml").content_string
        assert "cgroupDriver: systemd" in host.file("/var/lib/kubelet/config.yaml").content_string
        assert host.service("containerd").is_running and host.service("containerd").is_enabled
        assert host.service("kubelet").is_running and host.service("kubelet").is_enabled


def test_no_secret_of_the_join_is_left_on_a_node(cluster: Any) -> None:
    for name in cluster.nodes:
        host = cluster.host(name)
        assert not host.file("/etc/kubernetes/baremetal-operation.json").exists
        join_file = "/run/baremetal-kubernetes/kubeadm-join.yaml"
        for path in ("/etc/kubernetes/kubeadm-init.yaml", "/etc/kubernetes/admin.conf", join_file):
            file = host.file(path)
            assert not file.exists or file.mode == 0o600, path
    tokens = cluster.host(cluster.control_planes[0]).run("kubeadm token list --kubeconfig /etc/kubernetes/admin.conf").stdout
    assert "baremetal.kubernetes join" not in tokens


def test_the_kubeconfig_on_the_controller_is_private_and_works_by_the_endpoint(cluster: Any) -> None:
    path = cluster.inventory / ("kubeconfig-" + (cluster.setting("cluster_name") or "kubernetes") + ".cfg")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    endpoint = cluster.setting("cluster_endpoint") or cluster.address(cluster.control_planes[0]) + ":6443"
    assert "server: https://%s" % endpoint in path.read_text()


def test_pods_of_a_deployment_talk_to_each_other_by_service_name(cluster: Any) -> None:
    image = cluster.setting("verify_image") or "docker.io/library/busybox:1.35.0"
    manifest = {
        "apiVersion": "v1",
        "kind": "List",
        "items": [
            {
                "apiVersion": "apps/v1",
                "kind": "DaemonSet",
                "metadata": {"name": "talk", "namespace": "default"},
                "spec": {
                    "selector": {"matchLabels": {"app": "talk"}},
                    "template": {
                        "metadata": {"labels": {"app": "talk"}},
                        "spec": {
                            "tolerations": [{"operator": "Exists"}],
                            "terminationGracePeriodSeconds": 0,
                            "containers": [
                                {
                                    "name": "httpd",
                                    "image": image,
                                    "command": ["sh", "-c", "mkdir /w; hostname > /w/index.html; exec httpd -f -p 8080 -h /w"],
                                    "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1},
                                }
                            ],
                        },
                    },
                },
            },
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "talk", "namespace": "default"},
                "spec": {"selector": {"app": "talk"}, "ports": [{"port": 80, "targetPort": 8080}]},
            },
        ],
    }
    host = cluster.host(cluster.control_planes[0])
    kubectl = "kubectl --kubeconfig /etc/kubernetes/admin.conf "
    assert host.run("echo '%s' | %s apply -f -" % (json.dumps(manifest), kubectl)).rc == 0
    try:
        host.run_test(kubectl + "rollout status daemonset/talk --timeout=120s")
        pods = [pod for pod in cluster.kubectl("get pods -l app=talk -o json")["items"] if pod["status"].get("podIP")]
        assert {pod["spec"]["nodeName"] for pod in pods} == set(cluster.nodes)
        first = pods[0]["metadata"]["name"]
        for pod in pods:
            answer = cluster.kubectl("exec %s -- timeout 5 wget -q -O - http://%s:8080/" % (first, pod["status"]["podIP"]))
            assert answer.strip() == pod["metadata"]["name"]
        # kube-proxy learns of a Service after its pods are ready; until then its address leads out of the node, to anybody.
        ask = "for try in $(seq 30); do timeout 9 wget -q -O - http://talk.default.svc.cluster.local && exit; sleep 1; done; exit 1"
        by_name = host.run(kubectl + "exec %s -- sh -c '%s'" % (first, ask))
        assert by_name.stdout.strip() in {pod["metadata"]["name"] for pod in pods}, by_name.stderr
    finally:
        host.run(kubectl + "delete daemonset,service talk --wait=false")
