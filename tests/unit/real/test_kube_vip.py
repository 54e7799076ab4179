"""kube-vip's manifests on a real API server: pod, DaemonSet, rights and label are what it takes."""

from __future__ import annotations

import copy
import json
from typing import Any, Dict, List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kube_vip.settings import DEFAULTS, kube_vip_data
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.apply import apply, plan_apply
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import Kubectl

OF_A_HOST = {"node_name": "vip1", "address": "192.0.2.100", "port": 6443, "interface": "eth0", "bgp_router_id": "192.0.2.11"}
BY_BGP = {"mode": "bgp", "bgp_peers": [{"address": "192.0.2.1", "as": 64512}], "interface": ""}
WITH_SERVICES = {"metrics_address": "", "services": True, "load_balancer_class": "kube-vip.io/kube-vip-class"}


def stored(kubectl: Kubectl, *arguments: str) -> Dict[str, Any]:
    found: Dict[str, Any] = json.loads(kubectl.checked("x", ["get", *arguments, "--output=json"]))
    return found


def without_kubelet(pod: Dict[str, Any]) -> Dict[str, Any]:
    """The pod as a person would create it: the kubelet that mirrors a static one is missing here, and so is its account."""
    made = copy.deepcopy(pod)
    made["spec"].update(nodeName="vip1", automountServiceAccountToken=False)
    return made


@pytest.mark.parametrize("given", [{}, BY_BGP, WITH_SERVICES], ids=["arp", "bgp", "services"])
def test_the_static_pod_is_taken_with_every_field_that_it_has(kubectl: Kubectl, given: Dict[str, Any]) -> None:
    wanted = without_kubelet(kube_vip_data({**DEFAULTS, **OF_A_HOST, **given})["pod"])
    # Strict: a field that the API does not know is an error, and not left out in silence.
    kubectl.checked("x", ["create", "--validate=true", "--filename=-"], stdin=json.dumps(wanted))
    try:
        found = stored(kubectl, "-n", "kube-system", "pod", "kube-vip")
        container = found["spec"]["containers"][0]
        assert {one["name"]: one.get("value", "") for one in container["env"] if "valueFrom" not in one} == {
            one["name"]: one.get("value", "") for one in wanted["spec"]["containers"][0]["env"] if "valueFrom" not in one
        }
        assert found["spec"]["hostAliases"] == wanted["spec"]["hostAliases"] and found["spec"]["hostNetwork"] is True
        assert container["securityContext"] == {"capabilities": {"add": ["NET_ADMIN", "NET_RAW"], "drop": ["ALL"]}}
    finally:
        kubectl.checked("x", ["-n", "kube-system", "delete", "pod", "kube-vip", "--force", "--grace-period=0"])


@pytest.mark.parametrize("given", [{}, BY_BGP, WITH_SERVICES], ids=["arp", "bgp", "services"])
def test_the_daemon_set_and_its_rights_are_applied_once_and_the_node_keeps_its_other_labels(
    kubectl: Kubectl, given: Dict[str, Any]
) -> None:
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "vip1", "labels": {"mine": "stays"}}}
    kubectl.run(["create", "--filename=-"], stdin=json.dumps(node))
    objects: List[Dict[str, Any]] = kube_vip_data({**DEFAULTS, **OF_A_HOST, **given})["objects"]
    apply(kubectl, objects)
    assert not plan_apply(kubectl, objects).differs, "a second run would change something"
    labels = stored(kubectl, "node", "vip1")["metadata"]["labels"]
    assert (labels["mine"], labels["baremetal.kubernetes/kube-vip"]) == ("stays", "daemon-set")
    for verb, what, allowed in (("update", "leases", True), ("get", "secrets", False), ("list", "services", "services" in given)):
        said = kubectl.run(["auth", "can-i", verb, what, "-n", "kube-system", "--as=system:serviceaccount:kube-system:kube-vip"])
        assert (said.stdout.strip() == "yes") is allowed, (verb, what)
    kubectl.run(["delete", "clusterrole", "system:kube-vip", "--ignore-not-found"])
