# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replicas that one machine's death would take together, though there are more machines. Pure."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Sequence, Set

#: Who has replicas, and where a loss of all of them is looked for: StatefulSets everywhere, Deployments of the cluster's own.
OWN_NAMESPACE = "kube-system"
HOSTNAME = "kubernetes.io/hostname"


def advice(
    workloads: Sequence[Mapping[str, Any]],
    pods: Sequence[Mapping[str, Any]],
    nodes: Sequence[Mapping[str, Any]],
    machines: Mapping[str, str],
) -> List[str]:
    """A sentence for each workload all of whose replicas are on one machine, with what to do.

    :param workloads: StatefulSets and Deployments, as the API has them.
    :param machines: node -> physical host, where an inventory knows it; a node is its own machine else.
    """
    usable = {machines.get(name, name) for name in _usable(nodes)}
    if len(usable) < 2:
        return []
    return sorted(_sentences(workloads, pods, machines))


def _usable(nodes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Nodes that a pod without tolerations may be put on."""
    for node in nodes:
        spec = node.get("spec") or {}
        closed = [taint for taint in spec.get("taints") or [] if taint.get("effect") in ("NoSchedule", "NoExecute")]
        if not spec.get("unschedulable") and not closed:
            yield str(node["metadata"]["name"])


def _sentences(
    workloads: Sequence[Mapping[str, Any]], pods: Sequence[Mapping[str, Any]], machines: Mapping[str, str]
) -> Iterator[str]:
    for workload in workloads:
        kind, place = str(workload.get("kind")), str(workload["metadata"].get("namespace"))
        spec = workload.get("spec") or {}
        if int(spec.get("replicas") or 0) < 2 or (kind == "Deployment" and place != OWN_NAMESPACE):
            continue
        own = [pod for pod in pods if _belongs(pod, workload)]
        on = {machines.get(node, node) for node in (str((pod.get("spec") or {}).get("nodeName") or "") for pod in own) if node}
        placed = [pod for pod in own if (pod.get("spec") or {}).get("nodeName")]
        if len(placed) < 2 or len(on) != 1:
            continue
        name = "%s %s/%s" % (kind, place, workload["metadata"]["name"])
        yield "%s: all %d replicas are on %s and are lost with it. %s" % (name, len(own), on.pop(), _remedy(workload, place))


def _belongs(pod: Mapping[str, Any], workload: Mapping[str, Any]) -> bool:
    """Whether the pod is a replica: by its controller, and for a Deployment, whose ReplicaSets are not asked for, by its labels."""
    meta = pod["metadata"]
    if meta.get("namespace") != workload["metadata"].get("namespace"):
        return False
    if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return False
    if workload.get("kind") == "StatefulSet":
        owners = [(owner.get("kind"), owner.get("name")) for owner in meta.get("ownerReferences") or []]
        return ("StatefulSet", workload["metadata"]["name"]) in owners
    wanted: Dict[str, str] = ((workload.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
    labels = meta.get("labels") or {}
    return bool(wanted) and all(labels.get(key) == value for key, value in wanted.items())


def _remedy(workload: Mapping[str, Any], place: str) -> str:
    name = workload["metadata"]["name"]
    if workload.get("kind") == "Deployment":
        return "kubectl -n %s rollout restart deployment %s" % (place, name)
    asks = _asks(workload)
    if "required" in asks:
        return (
            "Its rule came after its pods, or its volumes are on that machine's disks: move the data, then delete one of its pods"
        )
    rule = "topologySpreadConstraints (maxSkew 1, topologyKey %s, whenUnsatisfiable DoNotSchedule)" % HOSTNAME
    wish = ", which now is only a wish" if asks else ""
    return (
        "Give its pod template %s or a podAntiAffinity%s, then delete one of its pods (one with a local volume stays with its disk)"
        % (rule, wish)
    )


def _asks(workload: Mapping[str, Any]) -> Set[str]:
    """Whether the pod template asks for spreading, as ``required`` or ``preferred``."""
    template = (((workload.get("spec") or {}).get("template") or {}).get("spec")) or {}
    anti = (template.get("affinity") or {}).get("podAntiAffinity") or {}
    found: Set[str] = set()
    if anti.get("requiredDuringSchedulingIgnoredDuringExecution"):
        found.add("required")
    if anti.get("preferredDuringSchedulingIgnoredDuringExecution"):
        found.add("preferred")
    for constraint in template.get("topologySpreadConstraints") or []:
        found.add("required" if constraint.get("whenUnsatisfiable") == "DoNotSchedule" else "preferred")
    return found
