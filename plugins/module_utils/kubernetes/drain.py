# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Empties a node by the eviction API, which minds disruption budgets, and marks what it closed so that nothing else is opened.

The mark is an annotation that is set in the same request as the cordon: whoever finds a cordoned node without it knows that
somebody else closed it.
"""

from __future__ import annotations

import json
import time
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import from_json
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.versions import VersionError, release
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import (
    Kubectl,
    KubernetesError,
    remedy_for,
    said,
)

ANNOTATION = "baremetal.kubernetes/cordoned-by"
MIRROR = "kubernetes.io/config.mirror"
PAUSE = 2.0
#: What a version that is not in our tables speaks: every one that is supported upstream.
NEWEST_EVICTION_API = "policy/v1"


class Limits(NamedTuple):
    """What may be lost, and how long it may take. ``grace_period`` below zero leaves each pod its own."""

    timeout: float = 300
    grace_period: int = -1
    delete_empty_dir_data: bool = False
    evict_unmanaged: bool = False


class Node(NamedTuple):
    """A node's own part in this: whether it takes pods, and who closed it by our mark."""

    name: str
    cordoned: bool
    cordoned_by: str


class Pod(NamedTuple):
    """A pod that a drain has to look at."""

    namespace: str
    name: str
    uid: str
    labels: Mapping[str, str]
    finished: bool
    terminating: bool
    controller: str
    empty_dir: bool

    @property
    def text(self) -> str:
        return "%s/%s" % (self.namespace, self.name)


class Plan(NamedTuple):
    """What a drain does: close the node, and which pods go."""

    cordon: bool
    evict: List[Pod]


class Outcome(NamedTuple):
    cordoned: bool
    evicted: List[str]
    seconds: float
    node: Node


# --- read ----------------------------------------------------------------------------------------------------------------------


def read_node(kubectl: Kubectl, name: str) -> Node:
    """The node.

    :raises KubernetesError: there is none of that name, or the API does not answer.
    """
    node = kubectl.object("node %s" % name, "node", name)
    annotations = node["metadata"].get("annotations") or {}
    return Node(name, bool((node.get("spec") or {}).get("unschedulable")), str(annotations.get(ANNOTATION, "")))


def read_pods(kubectl: Kubectl, node: str) -> List[Pod]:
    """The pods of a node that a drain has to move: without those of the node itself (static pods, daemon sets)."""
    found = [parse_pod(item) for item in kubectl.objects("pods", "--all-namespaces", "--field-selector=spec.nodeName=" + node)]
    return [pod for pod in found if pod is not None]


def parse_pod(item: Mapping[str, Any]) -> Optional[Pod]:
    """The pod, or None where it belongs to the node."""
    metadata, spec = item["metadata"], item.get("spec") or {}
    owner: Mapping[str, Any] = next((one for one in metadata.get("ownerReferences") or [] if one.get("controller")), {})
    if MIRROR in (metadata.get("annotations") or {}) or owner.get("kind") == "DaemonSet":
        return None
    return Pod(
        namespace=str(metadata.get("namespace") or ""),
        name=str(metadata["name"]),
        uid=str(metadata.get("uid", "")),
        labels=metadata.get("labels") or {},
        finished=(item.get("status") or {}).get("phase") in ("Succeeded", "Failed"),
        terminating=bool(metadata.get("deletionTimestamp")),
        controller="%s %s" % (owner["kind"], owner.get("name", "")) if owner.get("kind") else "",
        empty_dir=any("emptyDir" in volume for volume in spec.get("volumes") or []),
    )


def eviction_api(kubectl: Kubectl) -> str:
    """The API of the Eviction object that this cluster takes."""
    answer = kubectl.run(["get", "--raw", "/version"], timeout=20)
    try:
        return release(str(from_json(answer.stdout)["gitVersion"]).split("+", maxsplit=1)[0]).eviction_api
    except (ValueError, KeyError, TypeError, VersionError):
        return NEWEST_EVICTION_API


# --- plan ----------------------------------------------------------------------------------------------------------------------


def plan(node: Node, pods: Sequence[Pod], limits: Limits) -> Plan:
    """What is to be done.

    :raises KubernetesError: with every pod that would lose something for good, before anything is touched.
    """
    lost = []
    for pod in pods:
        if pod.finished or pod.terminating:
            continue
        if not pod.controller and not limits.evict_unmanaged:
            lost.append("%s has no controller that would make it again elsewhere (evict_unmanaged)" % pod.text)
        if pod.empty_dir and not limits.delete_empty_dir_data:
            lost.append("%s has data in an emptyDir, which would be deleted (delete_empty_dir_data)" % pod.text)
    if lost:
        raise KubernetesError(
            "drain of %s" % node.name,
            "%s\nNothing was touched" % "\n  ".join(["pods would lose something for good:"] + lost),
            "save what is needed, then move these pods by hand, or allow it by the setting in brackets",
        )
    return Plan(not node.cordoned, [pod for pod in pods if not pod.terminating])


# --- apply ---------------------------------------------------------------------------------------------------------------------


class Drainer:
    """Empties and opens one node."""

    def __init__(
        self,
        kubectl: Kubectl,
        limits: Limits,
        operation: str,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.kubectl = kubectl
        self.limits = limits
        self.operation = operation
        self.sleep = sleep
        self.clock = clock

    def drain(self, name: str, check: bool = False) -> Outcome:
        """Close the node, and evict what is on it until nothing is left.

        :raises KubernetesError: pods would lose something for good; or some are still there after the time limit, each named
            with what keeps it. The node stays closed then, with our mark, and the next call goes on.
        """
        started = self.clock()
        node, pods = read_node(self.kubectl, name), read_pods(self.kubectl, name)
        todo = plan(node, pods, self.limits)
        evicted = [pod.text for pod in todo.evict]
        if not check:
            if todo.cordon:
                self._patch(name, {ANNOTATION: self.operation}, True)
            if pods:
                evicted = self._empty(name, started)
        after = node._replace(cordoned=True, cordoned_by=self.operation if todo.cordon else node.cordoned_by)
        return Outcome(todo.cordon, evicted, self.clock() - started, after)

    def cordon(self, name: str) -> bool:
        """Close the node with this operation's mark; whether it was open."""
        if read_node(self.kubectl, name).cordoned:
            return False
        self._patch(name, {ANNOTATION: self.operation}, True)
        return True

    def uncordon(self, name: str, check: bool = False) -> bool:
        """Open the node where this operation closed it; whether it did."""
        node = read_node(self.kubectl, name)
        if node.cordoned_by != self.operation:
            return False
        if not check:
            self._patch(name, {ANNOTATION: None}, None)
        return True

    def _patch(self, name: str, annotations: Mapping[str, Optional[str]], unschedulable: Optional[bool]) -> None:
        # One request for both: a run that is killed here leaves either a closed node with its mark or an open one without.
        patch = {"metadata": {"annotations": annotations}, "spec": {"unschedulable": unschedulable}}
        self.kubectl.checked("node %s" % name, ["patch", "node", name, "--type=merge", "--patch=" + json.dumps(patch)])

    def _empty(self, name: str, started: float) -> List[str]:
        api = eviction_api(self.kubectl)
        asked: Dict[str, str] = {}
        while True:
            blocked: Dict[str, str] = {}
            pods = read_pods(self.kubectl, name)
            for pod in pods:
                if pod.terminating or pod.uid in asked:
                    continue
                refusal = self._evict(pod, api)
                if refusal:
                    blocked[pod.text] = refusal
                else:
                    asked[pod.uid] = pod.text
                if self.clock() - started > self.limits.timeout:
                    break
            left = read_pods(self.kubectl, name)
            if not left:
                return sorted(asked.values())
            if self.clock() - started > self.limits.timeout:
                raise self._too_long(name, left, blocked)
            self.sleep(PAUSE)

    def _evict(self, pod: Pod, api: str) -> str:
        """Why the API does not let the pod go now; empty where it does.

        :raises KubernetesError: it never will.
        """
        eviction: Dict[str, Any] = {
            "apiVersion": api,
            "kind": "Eviction",
            "metadata": {"namespace": pod.namespace, "name": pod.name},
            # The one that was looked at, not one of the same name that was made again meanwhile.
            "deleteOptions": {"preconditions": {"uid": pod.uid}},
        }
        if self.limits.grace_period >= 0:
            eviction["deleteOptions"]["gracePeriodSeconds"] = self.limits.grace_period
        path = "/api/v1/namespaces/%s/pods/%s/eviction" % (pod.namespace, pod.name)
        answer = self.kubectl.run(["create", "--raw", path, "--filename=-"], stdin=json.dumps(eviction), timeout=60)
        if answer.rc == 0 or "(NotFound)" in answer.stderr or "(Conflict)" in answer.stderr:
            return ""
        if "(Forbidden)" in answer.stderr and "is being terminated" not in answer.stderr:
            raise KubernetesError("eviction of %s" % pod.text, said(answer), remedy_for(answer))
        return said(answer)

    def _too_long(self, name: str, left: Sequence[Pod], blocked: Mapping[str, str]) -> KubernetesError:
        budgets = self.kubectl.objects("poddisruptionbudgets", "--all-namespaces") if blocked else []
        lines = ["%d s were not enough, and these pods are still there:" % self.limits.timeout]
        lines += ["%s: %s" % (pod.text, why(pod, blocked.get(pod.text, ""), budgets)) for pod in left]
        return KubernetesError(
            "drain of %s" % name,
            "\n  ".join(lines) + "\nThe node stays cordoned",
            "give the application another replica elsewhere or loosen its budget, and run again: it goes on from here. To open the "
            "node again: kubectl uncordon %s, then kubectl annotate node %s %s-" % (name, name, ANNOTATION),
        )


def why(pod: Pod, refusal: str, budgets: Sequence[Mapping[str, Any]]) -> str:
    """What keeps a pod, in words: the budgets that are used up, else what the API said, else that it takes its time to end."""
    if not refusal:
        return "it has been told to end and has not (terminationGracePeriodSeconds; kubectl describe says more)"
    exhausted = [
        "its disruption budget %s allows no disruption now (%s of %s wanted pods are healthy)"
        % (
            budget["metadata"]["name"],
            (budget.get("status") or {}).get("currentHealthy", "?"),
            (budget.get("status") or {}).get("desiredHealthy", "?"),
        )
        for budget in budgets
        if budget["metadata"].get("namespace") == pod.namespace
        and not (budget.get("status") or {}).get("disruptionsAllowed")
        and selects((budget.get("spec") or {}).get("selector"), pod.labels)
    ]
    return "; ".join(exhausted) or refusal


def selects(selector: Optional[Mapping[str, Any]], labels: Mapping[str, str]) -> bool:
    """Whether a label selector takes in these labels; one that says nothing takes in all."""
    if selector is None:
        return False
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    return all(_matches(expression, labels) for expression in selector.get("matchExpressions") or [])


def _matches(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = expression.get("key", ""), expression.get("values") or []
    present = {
        "In": labels.get(key) in values,
        "NotIn": labels.get(key) not in values,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }
    return present.get(str(expression.get("operator")), False)
