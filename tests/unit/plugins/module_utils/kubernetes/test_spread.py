# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replicas that one machine's death would take together."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.spread import advice


def node(name: str, **spec: Any) -> Dict[str, Any]:
    return {"kind": "Node", "metadata": {"name": name}, "spec": spec}


def workload(
    kind: str = "StatefulSet", namespace: str = "shop", name: str = "db", replicas: int = 2, **template: Any
) -> Dict[str, Any]:
    return {
        "kind": kind,
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": {"spec": template}},
    }


def pod(number: int, on: Optional[str], namespace: str = "shop", owner: str = "db", phase: str = "Running") -> Dict[str, Any]:
    return {
        "metadata": {
            "namespace": namespace,
            "name": "%s-%d" % (owner, number),
            "labels": {"app": owner},
            "ownerReferences": [{"kind": "StatefulSet", "name": owner}],
        },
        "spec": {"nodeName": on} if on else {},
        "status": {"phase": phase},
    }


NODES = [node("n1"), node("n2")]
TOGETHER = [pod(0, "n1"), pod(1, "n1")]
SPREAD = {"whenUnsatisfiable": "DoNotSchedule", "topologyKey": "kubernetes.io/hostname", "maxSkew": 1}


def said(workloads: List[Any], pods: List[Any], nodes: List[Any] = NODES, machines: Dict[str, str] = {}) -> List[str]:  # noqa: B006
    return advice(workloads, pods, nodes, machines)


def test_a_stateful_set_with_all_replicas_on_one_node_is_named_with_what_to_write() -> None:
    (line,) = said([workload()], TOGETHER)
    assert line.startswith("StatefulSet shop/db: all 2 replicas are on n1 and are lost with it.")
    assert "topologySpreadConstraints" in line and "DoNotSchedule" in line


def test_one_that_is_spread_is_not() -> None:
    assert said([workload()], [pod(0, "n1"), pod(1, "n2")]) == []


def test_two_nodes_on_one_machine_are_one() -> None:
    on_two = [pod(0, "n1"), pod(1, "n2")]
    machines = {"n1": "metal1", "n2": "metal1", "n3": "metal2"}
    (line,) = said([workload()], on_two, NODES + [node("n3")], machines)
    assert "on metal1" in line


def test_where_there_is_only_one_machine_for_pods_nothing_can_be_done() -> None:
    taint = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
    assert said([workload()], TOGETHER, [node("n1")]) == []
    assert said([workload()], TOGETHER, [node("n1"), node("n2", taints=[taint])]) == []
    assert said([workload()], TOGETHER, [node("n1"), node("n2", unschedulable=True)]) == []
    assert said([workload()], TOGETHER, NODES, {"n1": "m", "n2": "m"}) == []


def test_a_wish_is_called_one_and_a_rule_that_came_late_as_well() -> None:
    wish = {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1}]}}
    assert "only a wish" in said([workload(affinity=wish)], TOGETHER)[0]
    assert "came after its pods" in said([workload(topologySpreadConstraints=[SPREAD])], TOGETHER)[0]


def test_one_replica_or_pods_that_do_not_run_are_no_loss_together() -> None:
    assert said([workload(replicas=1)], [pod(0, "n1")]) == []
    assert said([workload()], [pod(0, "n1"), pod(1, None)]) == []
    assert said([workload()], [pod(0, "n1"), pod(1, "n1", phase="Failed")]) == []
    assert said([workload()], [pod(0, "n1"), pod(1, "n1", namespace="other")]) == []


def test_the_clusters_dns_on_one_node_is_named_with_a_command_and_other_peoples_deployments_are_not() -> None:
    dns = workload("Deployment", "kube-system", "coredns")
    pods = [pod(number, "n1", "kube-system", "coredns") for number in (0, 1)]
    (line,) = said([dns], pods)
    assert "kubectl -n kube-system rollout restart deployment coredns" in line
    assert said([workload("Deployment", "shop", "web")], [pod(number, "n1", owner="web") for number in (0, 1)]) == []
