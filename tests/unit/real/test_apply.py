from __future__ import annotations

import json
from typing import Any, Dict, List

import pytest
import yaml
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.apply import apply, plan_apply
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import Kubectl, KubernetesError
from roles_render import ROOT, expression, template
from yaml_files import read_yaml


def flannel(**given: Any) -> List[Dict[str, Any]]:
    text = read_yaml(ROOT / "roles/cni/tasks/flannel.yml")[0]["vars"]["_cni_flannel"]
    return list(yaml.safe_load_all(template("cni", "flannel.yaml.j2", flannel=expression("cni", text, **given), **given)))


def test_flannel_is_applied_once_and_a_change_is_seen(kubectl: Kubectl) -> None:
    first = flannel()
    assert plan_apply(kubectl, first).differs
    apply(kubectl, first)
    assert not plan_apply(kubectl, first).differs

    changed = flannel(cni_mtu=1400)
    plan = plan_apply(kubectl, changed)
    assert any("kube-flannel-cfg" in name for name in plan.objects)
    assert '+        "MTU": 1400' in plan.diff
    apply(kubectl, changed)
    assert not plan_apply(kubectl, changed).differs
    stored = json.loads(kubectl.checked("x", ["get", "-n", "kube-flannel", "configmap", "kube-flannel-cfg", "-o", "json"]))
    assert json.loads(stored["data"]["net-conf.json"])["Backend"] == {"Type": "vxlan", "MTU": 1400}


def test_a_field_that_someone_changed_by_hand_is_put_back(kubectl: Kubectl) -> None:
    wanted: Dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "by-hand", "namespace": "default"},
        "data": {"a": "1"},
    }
    apply(kubectl, [wanted])
    kubectl.checked("x", ["patch", "configmap", "by-hand", "--patch", '{"data":{"a":"2"}}'])
    assert plan_apply(kubectl, [wanted]).differs
    apply(kubectl, [wanted])
    assert not plan_apply(kubectl, [wanted]).differs


def test_what_the_server_refuses_is_named(kubectl: Kubectl) -> None:
    wrong = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "wrong", "namespace": "default"}, "spec": {"ports": []}}
    with pytest.raises(KubernetesError) as caught:
        plan_apply(kubectl, [wrong])
    assert caught.value.subject == "Service default/wrong"
    assert "spec.ports" in caught.value.problem


def test_a_kind_without_its_definition_says_so(kubectl: Kubectl) -> None:
    unknown = {"apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool", "metadata": {"name": "p", "namespace": "default"}}
    with pytest.raises(KubernetesError, match="install the CustomResourceDefinition first"):
        plan_apply(kubectl, [unknown])
