from __future__ import annotations

import json
from typing import Any, Dict, List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import Kubectl, KubernetesError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.nodes import pod_network, pod_networks
from fakes import FakeRunner

GET = ("kubectl", "get", "nodes", "--output=json")


def node(name: str, **spec: Any) -> Dict[str, Any]:
    addresses = [{"type": "InternalIP", "address": "10.0.0.1"}, {"type": "Hostname", "address": name}]
    return {"metadata": {"name": name}, "spec": spec, "status": {"addresses": addresses}}


def kubectl(*nodes: Dict[str, Any]) -> Kubectl:
    return Kubectl(FakeRunner(commands={GET: json.dumps({"kind": "List", "items": list(nodes)})}))


def test_a_node_has_its_addresses_and_its_pod_networks() -> None:
    assert pod_network(node("cp1", podCIDR="10.244.0.0/24", podCIDRs=["10.244.0.0/24", "fd00::/64"])) == {
        "name": "cp1",
        "addresses": ["10.0.0.1"],
        "pod_cidrs": ["10.244.0.0/24", "fd00::/64"],
    }


def test_a_cluster_without_a_pod_subnet_gives_none() -> None:
    assert pod_network(node("cp1"))["pod_cidrs"] == []


def test_a_node_that_is_waited_for_is_named_when_it_does_not_come() -> None:
    slept: List[float] = []
    with pytest.raises(KubernetesError, match="pod networks of cp2, worker1"):
        pod_networks(kubectl(node("cp1", podCIDR="10.244.0.0/24"), node("cp2")), ["cp1", "cp2", "worker1"], 4, slept.append)
    assert slept == [2.0, 2.0]


def test_nodes_are_sorted_by_name() -> None:
    found = pod_networks(kubectl(node("b", podCIDR="10.244.1.0/24"), node("a", podCIDR="10.244.0.0/24")), ["a"], 0)
    assert [network["name"] for network in found] == ["a", "b"]
