# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm import compare
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.config import render
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.yaml_writer import dump
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Result
from fakes import FakeRunner

GET = (
    "kubectl",
    "--kubeconfig",
    "/k",
    "--request-timeout=20s",
    "-n",
    "kube-system",
    "get",
    "configmap",
    "kubeadm-config",
    "-o",
    "json",
)

#: What kubeadm 1.28 keeps in the cluster after an init with our file (its defaults filled in).
KEPT = """\
apiServer:
  extraArgs:
    authorization-mode: Node,RBAC
    profiling: "false"
  timeoutForControlPlane: 4m0s
apiVersion: kubeadm.k8s.io/v1beta3
certificatesDir: /etc/kubernetes/pki
clusterName: kubernetes
controlPlaneEndpoint: 10.0.0.100:8443
controllerManager: {}
dns: {}
etcd:
  local:
    dataDir: /var/lib/etcd
imageRepository: registry.k8s.io
kind: ClusterConfiguration
kubernetesVersion: v1.28.7
networking:
  dnsDomain: cluster.local
  podSubnet: 10.244.0.0/16
  serviceSubnet: 10.96.0.0/12
scheduler: {}
"""


def wanted(version="1.28.7", **changes):
    cluster = {
        "control_plane_endpoint": "10.0.0.100:8443",
        "networking": {"pod_subnet": "10.244.0.0/16"},
        "api_server": {"extra_args": {"profiling": False}},
    }
    cluster.update(changes)
    return render(version, ["cluster"], {"cluster": cluster}).documents[0]


def cluster_with(text):
    return FakeRunner(commands={GET: json.dumps({"data": {"ClusterConfiguration": text}})})


def test_a_cluster_made_from_the_description_shows_no_difference():
    assert compare.differences(compare.read_cluster(cluster_with(KEPT), "/k"), wanted()) == []


def test_the_arguments_of_v1beta3_and_v1beta4_compare_by_name():
    found = compare.differences(compare.read_cluster(cluster_with(KEPT), "/k"), wanted("1.31.0"))
    assert [each.field for each in found] == ["kubernetesVersion"]


def test_each_difference_names_the_field_and_both_sides():
    found = compare.differences(
        compare.read_cluster(cluster_with(KEPT), "/k"), wanted(networking={"pod_subnet": "10.245.0.0/16"}, cluster_name="other")
    )
    assert [each.data() for each in found] == [
        {"field": "clusterName", "cluster": "kubernetes", "wanted": "other"},
        {"field": "networking.podSubnet", "cluster": "10.244.0.0/16", "wanted": "10.245.0.0/16"},
    ]


def test_without_pyyaml_the_own_reader_gives_the_same(monkeypatch):
    expected = compare.parse(KEPT)
    monkeypatch.setitem(__import__("sys").modules, "yaml", None)
    assert compare.parse(KEPT) == expected
    assert dump(compare.parse(KEPT))


@pytest.mark.parametrize(
    "answer",
    [
        Result(1, "", "connection refused"),
        "no json",
        json.dumps({"data": {}}),
        json.dumps({"data": {"ClusterConfiguration": "- a"}}),
    ],
)
def test_a_cluster_that_does_not_answer_is_an_error_with_a_remedy(answer):
    with pytest.raises(compare.CompareError) as refused:
        compare.read_cluster(FakeRunner(commands={GET: answer}), "/k")
    assert refused.value.remedy
