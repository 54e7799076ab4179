"""What role kube_vip writes: manifests that node_facts knows, with the kubeconfig that has rights at that moment."""

from __future__ import annotations

from typing import Any, Dict, List

import yaml
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.kubernetes import parse_static_pod
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.plan import FIRST_MANIFEST
from roles_render import NODE, ROOT, expression
from yaml_files import read_yaml

ROLE = ROOT / "roles" / "kube_vip"
GIVEN: Dict[str, Any] = {
    "cluster_vip": "10.89.79.100",
    "cluster_endpoint": "10.89.79.100:6443",
    "cluster_kubernetes_version": "1.36.3",
    "kube_vip_interface": "eth0",
}


def files(name: str, **given: Any) -> List[Dict[str, Any]]:
    """The files of the first task of one of the role's task files, as host_state gets them."""
    task = read_yaml(ROLE / "tasks" / name)[0]
    own = {**read_yaml(ROLE / "vars" / "main.yml"), **task.get("vars", {})}
    found = task["baremetal.kubernetes.host_state"]["files"]
    return [{key: expression("kube_vip", value, **{**own, **GIVEN, **given}) for key, value in entry.items()} for entry in found]


def pod(name: str, **given: Any) -> Dict[str, Any]:
    made: Dict[str, Any] = yaml.safe_load(files(name, **given)[0]["content"])
    return made


def kubeconfig(made: Dict[str, Any]) -> str:
    return str(next(one["hostPath"]["path"] for one in made["spec"]["volumes"] if one["name"] == "kubeconfig"))


def test_at_init_the_first_one_logs_in_with_what_has_rights_before_any_binding_is_made() -> None:
    assert kubeconfig(pod("first.yml")) == "/etc/kubernetes/super-admin.conf"
    assert kubeconfig(pod("first.yml", cluster_kubernetes_version="1.28.15")) == "/etc/kubernetes/admin.conf"
    # join never makes super-admin.conf, and after init nobody needs it.
    assert kubeconfig(pod("static_pod.yml")) == "/etc/kubernetes/admin.conf"


def test_the_file_for_init_lies_where_the_plan_has_kubeadm_take_it_from_and_is_gone_afterwards() -> None:
    assert files("first.yml")[0]["path"] == FIRST_MANIFEST
    after = files("static_pod.yml")
    assert after[0]["path"] == "/etc/kubernetes/manifests/kube-vip.yaml" and after[0]["mode"] == "0600"
    assert (after[1]["path"], after[1]["state"]) == (FIRST_MANIFEST, "absent")


def test_node_facts_read_the_pod_off_the_manifest() -> None:
    text = files("static_pod.yml")[0]["content"]
    assert text.startswith("# Written by baremetal.kubernetes.kube_vip")
    assert parse_static_pod(text) == {"name": "kube-vip", "image": "ghcr.io/kube-vip/kube-vip:v1.2.3"}


def test_the_manifest_is_block_yaml_of_texts() -> None:
    text = files("static_pod.yml", kube_vip_services="true")[0]["content"]
    assert "\n{" not in text
    values = [one.get("value") for one in yaml.safe_load(text)["spec"]["containers"][0]["env"]]
    assert all(value is None or isinstance(value, str) for value in values), "Kubernetes refuses env values that are no texts"
    assert "true" in values


def test_an_ipv6_api_server_is_asked_by_its_url() -> None:
    apply = read_yaml(ROLE / "tasks" / "daemon_set.yml")[1]["baremetal.kubernetes.kubectl_apply"]
    assert expression("kube_vip", apply["server"], **GIVEN) == "https://10.89.79.11:6443"
    six = {"kubernetes_node": dict(NODE, default_address="2001:db8::11")}
    assert expression("kube_vip", apply["server"], **GIVEN, ansible_facts=six) == "https://[2001:db8::11]:6443"
