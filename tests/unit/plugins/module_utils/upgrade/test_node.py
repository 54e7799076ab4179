"""The steps of an upgrade on a node whose kubeadm a shell script plays."""

from __future__ import annotations

import json
import os
import time
from typing import Any, Dict, List, Mapping, Optional, Sequence

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm import operation
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.compare import Difference
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.operation import KubeadmError, Wanted
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.kubernetes import MANIFESTS
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner, Result
from ansible_collections.baremetal.kubernetes.plugins.module_utils.upgrade.node import Upgrader, described

POD = "metadata:\n  name: %s\nspec:\n  containers:\n  - image: k8s.gcr.io/%s:%s\n"


class Node(HostRunner):
    """A node of files and a clock; its kubectl answers what the test gives, one answer after another."""

    def __init__(self, version: str = "", answers: Sequence[Mapping[str, Any]] = ()) -> None:
        self.manifests = {"kube-apiserver.yaml": POD % ("kube-apiserver", "kube-apiserver", version)} if version else {}
        self.manifests.update({"etcd.yaml": POD % ("etcd", "etcd", "3.4.13-0")} if version else {})
        self.answers = list(answers)
        self.calls: List[Sequence[str]] = []
        self.clock = 0.0

    def run(
        self,
        argv: Sequence[str],
        timeout: Optional[float] = None,
        stdin: Optional[str] = None,
        env: Optional[Mapping[str, str]] = None,
    ) -> Result:
        self.calls.append(list(argv))
        if argv[0] == "kubectl":
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            return Result(0, json.dumps(answer), "") if answer else Result(1, "", "Unable to connect to the server")
        return Result(0, "", "")

    def list_dir(self, path: str) -> List[str]:
        return sorted(self.manifests) if path == MANIFESTS else []

    def read(self, path: str) -> Optional[str]:
        return self.manifests.get(path.rpartition("/")[2])

    def now(self) -> float:
        return self.clock


@pytest.fixture
def make(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(operation, "LOG", str(tmp_path / "kubeadm-%s.log"))

    def made(node: Node, script: str = "") -> Upgrader:
        kubeadm = tmp_path / "kubeadm"
        kubeadm.write_text('#!/bin/sh\necho "$@" >> %s/calls\n%s' % (tmp_path, script))
        kubeadm.chmod(0o755)
        wanted = Wanted("joined", "", "cp1", "", "/f", ignore_preflight_errors=["X"], kubeadm=str(kubeadm), timeout=20)
        lock = os.open(str(tmp_path / "lock"), os.O_RDWR | os.O_CREAT)

        def pause(seconds: float) -> None:
            node.clock += seconds
            time.sleep(0.05)

        return Upgrader(wanted, node, lock, pause)

    return made


def seen(kubelet: str, ready: str = "True") -> Dict[str, Any]:
    status = {"nodeInfo": {"kubeletVersion": kubelet}, "conditions": [{"type": "Ready", "status": ready}]}
    return {"metadata": {"name": "cp1"}, "status": status}


def proxy(tag: str) -> Dict[str, Any]:
    spec = {"template": {"spec": {"containers": [{"image": "k8s.gcr.io/kube-proxy:" + tag}]}}}
    return {"items": [{"metadata": {"name": "kube-proxy"}, "spec": spec}]}


def test_apply_asks_no_questions_and_names_the_checks_that_are_passed_over(make: Any, tmp_path: Any) -> None:
    make(Node("v1.20.3")).apply("1.20.3")
    assert (tmp_path / "calls").read_text() == "upgrade apply v1.20.3 --yes --ignore-preflight-errors=X\n"


def test_a_job_that_was_too_slow_for_kubeadm_is_tried_again_and_nothing_else_is(make: Any, tmp_path: Any) -> None:
    refusal = 'echo "[preflight] Some fatal errors occurred:\n\t[ERROR %s]: Job x did not complete in 15s"; exit 1\n'
    make(Node("v1.20.3"), "[ $(wc -l < %s/calls) -lt 3 ] || exit 0\n%s" % (tmp_path, refusal % "CreateJob")).apply("1.20.3")
    assert (tmp_path / "calls").read_text().count("upgrade apply") == 3
    with pytest.raises(KubeadmError, match="preflight refuses the node"):
        make(Node("v1.20.3"), refusal % "ControlPlaneNodesReady").apply("1.20.3")
    assert (tmp_path / "calls").read_text().count("upgrade apply") == 4


def test_a_kubeadm_that_put_the_old_manifests_back_is_no_success(make: Any) -> None:
    with pytest.raises(KubeadmError, match="the static pods are not 1.20.3: kube-apiserver: k8s.gcr.io/kube-apiserver:v1.20.2"):
        make(Node("v1.20.2")).node("1.20.3")


def test_a_worker_has_no_static_pods_to_look_at(make: Any, tmp_path: Any) -> None:
    make(Node()).node("1.20.3")
    assert (tmp_path / "calls").read_text().startswith("upgrade node")


def test_the_kubelet_is_waited_for_until_the_api_sees_its_version(make: Any) -> None:
    node = Node(answers=[{}, seen("v1.20.2"), seen("v1.20.3", "False"), seen("v1.20.3")])
    make(node).kubelet("1.20.3")
    assert ["systemctl", "restart", "kubelet"] in node.calls and node.clock == 6.0


def test_a_kubelet_that_does_not_come_back_is_named_with_what_the_api_sees(make: Any) -> None:
    with pytest.raises(KubeadmError, match=r"the API sees its kubelet with v1\.20\.2, Ready"):
        make(Node(answers=[seen("v1.20.2")])).kubelet("1.20.3")


@pytest.mark.parametrize("tag, needed", [("v1.20.2", True), ("v1.20.3", False)])
def test_add_ons_are_brought_only_where_kubeadm_has_not(make: Any, tmp_path: Any, tag: str, needed: bool) -> None:
    assert make(Node(answers=[proxy(tag)])).addons("1.20.3") is needed
    assert (tmp_path / "calls").exists() is needed


def test_differences_are_shown_with_both_sides() -> None:
    texts = described([Difference("apiServer.extraArgs.profiling", None, "false"), Difference("dns.imageTag", "1.7.0", None)])
    assert texts == {"before": 'dns.imageTag: "1.7.0"\n', "after": 'apiServer.extraArgs.profiling: "false"\n'}
