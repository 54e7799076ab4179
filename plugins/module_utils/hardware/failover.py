# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What control planes do about a node whose hardware is failing: which one node, which steps, and why not. Pure.

The API's conditions are the only evidence, and only one that is True and fresh: what is unknown, old or missing moves nothing. One
node at a time, by a Lease that names it, until it is well again or a person has opened it. Nothing is ever opened from here.
"""

from __future__ import annotations

import calendar
import time
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.findings import CONDITIONS
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.settings import Settings
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.drain import ANNOTATION

#: Whose mark a node gets that is closed from here.
OPERATION = "hardware"
NAMESPACE = "kube-system"
LEASE = "hardware-failover"
CONTROL_PLANE = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
#: node-problem-detector and kubelet repeat every condition each five minutes; what is older than three times that is nobody's word
#: any more. Without a controller manager a node that is dead stays Ready for ever.
FRESH_SECONDS = 900.0
#: So many nodes of all are not failing at once; a threshold is wrong, or the room is on fire. Either is a person's work.
MANY = 0.34

KINDS_NOTE = "hardware.baremetal.kubernetes/kinds"
CLOSED_NOTE = "hardware.baremetal.kubernetes/closed"
CORDON, DRAIN, MOVE = "cordon", "drain", "move_address"


class Node(NamedTuple):
    """A node as the API has it."""

    name: str
    ready: bool = True
    cordoned: bool = False
    #: The mark of the operation that closed it, ours among them.
    mark: str = ""
    control_plane: bool = False
    #: Whether pods that tolerate nothing may run there.
    takes_pods: bool = True
    #: Kind -> whether its condition is True; None where it is Unknown, old or missing.
    states: Mapping[str, Optional[bool]] = {}
    #: When the first of what is failing began, and what was said of it.
    since: float = 0.0
    message: str = ""

    @property
    def failing(self) -> List[str]:
        return [kind for kind, state in self.states.items() if state]

    @property
    def healthy(self) -> bool:
        # Unknown is no fault: memory without ECC is unknown for ever.
        return self.ready and not self.cordoned and not self.failing


class Hold(NamedTuple):
    """What the Lease says: the node in hand, what was failing, and whether it was closed from here."""

    node: str = ""
    kinds: Sequence[str] = ()
    closed: bool = False


class Step(NamedTuple):
    """``allowed`` is whether it was opted into."""

    action: str
    node: str
    allowed: bool
    text: str


class Decision(NamedTuple):
    """``target`` is the node in hand, "" for none; ``why`` are sentences; ``release`` is whether the Lease is to be given up.

    ``keeps_address``: no other control plane could have the addresses, so that this one must not give them away.
    """

    target: str
    steps: List[Step]
    why: List[str]
    kinds: Sequence[str] = ()
    release: bool = False
    keeps_address: bool = False


def read_nodes(items: Sequence[Mapping[str, Any]], kinds: Sequence[str], now: float) -> List[Node]:
    """The nodes of ``kubectl get nodes --output=json``; only conditions of these kinds count."""
    return [_node(item, kinds, now) for item in items]


def _node(item: Mapping[str, Any], kinds: Sequence[str], now: float) -> Node:
    metadata, spec = item["metadata"], item.get("spec") or {}
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    conditions = {str(one.get("type")): one for one in (item.get("status") or {}).get("conditions") or []}
    states: Dict[str, Optional[bool]] = {}
    begun: List[float] = []
    message = ""
    for kind in kinds:
        condition: Mapping[str, Any] = conditions.get(CONDITIONS[kind].type) or {}
        # Without the time when it began nobody knows whether it lasts.
        told = _fresh(condition, now) and _moment(condition.get("lastTransitionTime")) > 0
        states[kind] = {"True": True, "False": False}.get(str(condition.get("status"))) if told else None
        if states[kind]:
            begun.append(_moment(condition.get("lastTransitionTime")))
            message = message or str(condition.get("message") or "")
    ready: Mapping[str, Any] = conditions.get("Ready") or {}
    taints = [one for one in spec.get("taints") or [] if one.get("effect") in ("NoSchedule", "NoExecute")]
    return Node(
        name=str(metadata["name"]),
        ready=ready.get("status") == "True" and _fresh(ready, now),
        cordoned=bool(spec.get("unschedulable")),
        mark=str(annotations.get(ANNOTATION) or ""),
        control_plane=any(label in labels for label in CONTROL_PLANE),
        # A cordon has a taint of its own, which says nothing about what the node is for.
        takes_pods=not [one for one in taints if one.get("key") != "node.kubernetes.io/unschedulable"],
        states=states,
        since=min(begun) if begun else 0.0,
        message=message,
    )


def _fresh(condition: Mapping[str, Any], now: float) -> bool:
    return abs(now - _moment(condition.get("lastHeartbeatTime"))) <= FRESH_SECONDS


def decide(nodes: Sequence[Node], hold: Hold, settings: Settings, now: float) -> Decision:
    """What is to be done now."""
    if hold.node:
        return _held(nodes, hold, settings)
    failing = [node for node in nodes if node.failing]
    if not failing:
        return Decision("", [], [])
    many = _many(nodes)
    if many:
        return Decision("", [], [many])
    why: List[str] = []
    for node in sorted(failing, key=lambda one: (one.since, one.name)):
        left = settings.failover_after - (now - node.since)
        if left > 0:
            why.append("%s: %s. It is waited for another %d s, in case that passes" % (node.name, node.message, left))
            continue
        decision = _steps(node, nodes, settings)
        if decision.steps:
            return decision._replace(why=why + decision.why)
        why += decision.why
    return Decision("", [], why)


def _many(nodes: Sequence[Node]) -> str:
    """What is said of so many failing nodes that it can't be true; empty where they are few."""
    names = [node.name for node in nodes if node.failing]
    if len(names) < 2 or len(names) <= MANY * len(nodes):
        return ""
    words = "%d of %d nodes are failing at once (%s): nothing is done, look whether a threshold is wrong"
    return words % (len(names), len(nodes), ", ".join(names))


def _held(nodes: Sequence[Node], hold: Hold, settings: Settings) -> Decision:
    """About the node that the Lease names: the steps once more, until it is well and open."""
    node = next((one for one in nodes if one.name == hold.node), None)
    if node is None:
        return Decision("", [], ["%s is done with: it is gone" % hold.node], release=True)
    keeps = not _other_control_plane(node, nodes)
    # A Lease that has lost its notes says nothing about what was failing: then all has to be well.
    well = not node.failing and all(node.states.get(kind) is False for kind in hold.kinds or node.states)
    if well and node.mark != OPERATION:
        return Decision("", [], ["%s is done with: its hardware is well, and it is open" % node.name], release=True)
    words = ""
    if well:
        words = "its hardware is well again; a person opens it (kubectl uncordon), then others may have their turn"
    elif not node.failing:
        words = "nobody says any more what its hardware is like: all stays as it is"
    elif hold.closed and not node.cordoned:
        words = "a person has opened it though it is failing: it is left alone until it is well"
    else:
        words = _many(nodes)
    if words:
        return Decision(node.name, [], ["%s: %s" % (node.name, words)], hold.kinds, keeps_address=keeps)
    decision = _steps(node, nodes, settings)
    return decision._replace(target=node.name, kinds=sorted({*hold.kinds, *node.failing}))


def _steps(node: Node, nodes: Sequence[Node], settings: Settings) -> Decision:
    """The steps for one node, as far as the others can do without it."""
    others = [one for one in nodes if one.name != node.name]
    why = ["%s: %s" % (node.name, node.message or "its hardware is failing")]
    others_hold = _other_control_plane(node, nodes)
    nothing = Decision("", [], why, node.failing, keeps_address=not others_hold)
    busy = [one.name for one in others if one.mark]
    if busy:
        why.append("%s: not now, since an operation of this collection is under way on %s" % (node.name, ", ".join(busy)))
        return nothing
    if not node.ready:
        why.append("%s: it is not Ready, so that nothing could be drained; replace it (playbook replace)" % node.name)
        return nothing
    steps: List[Step] = []
    reason = _no_drain(node, others, settings)
    if reason:
        why.append("%s: it is not closed, since %s" % (node.name, reason))
    else:
        steps.append(Step(CORDON, node.name, settings.cordon, "close it for new pods"))
        steps.append(Step(DRAIN, node.name, settings.cordon and settings.drain, "evict its pods, minding disruption budgets"))
    if node.control_plane and others_hold:
        steps.append(Step(MOVE, node.name, settings.move_address, "have keepalived give the virtual and failover addresses away"))
    elif node.control_plane:
        why.append("%s: it keeps the addresses, since no other control plane is healthy" % node.name)
    return nothing._replace(target=node.name if steps else "", steps=steps)


def _other_control_plane(node: Node, nodes: Sequence[Node]) -> bool:
    """Whether somebody else could answer for the cluster. A cordon says nothing about that."""
    return any(one.control_plane and one.ready and not one.failing for one in nodes if one.name != node.name)


def _no_drain(node: Node, others: Sequence[Node], settings: Settings) -> str:
    """Why the node may not be closed; empty where it may."""
    least = max(1, settings.keep_healthy)
    left = [one for one in others if one.healthy and (one.takes_pods or not node.takes_pods)]
    if len(left) < least:
        return "%d healthy node%s would be left to take pods, and %d must be (hardware_watch_keep_healthy)" % (
            len(left),
            "" if len(left) == 1 else "s",
            least,
        )
    if node.control_plane and not _other_control_plane(node, others):
        return "no other control plane is healthy"
    return ""


def lines(decision: Decision, settings: Settings) -> List[str]:
    """The decision for a person."""
    found = list(decision.why)
    if decision.release:
        found.append("the Lease %s/%s is given up" % (NAMESPACE, LEASE))
    for step in decision.steps:
        if not step.allowed:
            verb = "not allowed (hardware_watch_%s)" % step.action
        else:
            verb = "would be done (hardware_watch_dry_run)" if settings.dry_run else "is done"
        found.append("%s: %s, %s: %s" % (step.node, step.action, step.text, verb))
    return found


def _moment(stamp: Any) -> float:
    """Seconds since the epoch of the API's time; 0 for none, which is never fresh."""
    try:
        return float(calendar.timegm(time.strptime(str(stamp), "%Y-%m-%dT%H:%M:%SZ")))
    except ValueError:
        return 0.0


def stamp(now: float) -> str:
    """The API's MicroTime."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(now))


def read_lease(found: Optional[Mapping[str, Any]]) -> Hold:
    """From the API's object; nobody where there is none."""
    data = found or {}
    notes = (data.get("metadata") or {}).get("annotations") or {}
    kinds = [kind for kind in str(notes.get(KINDS_NOTE) or "").split(",") if kind]
    return Hold(str((data.get("spec") or {}).get("holderIdentity") or ""), kinds, notes.get(CLOSED_NOTE) == "true")


def write_lease(hold: Hold, now: float, before: Optional[Mapping[str, Any]]) -> Dict[str, Any]:
    """To the API's object; with the version that was read, so that the API refuses it where somebody was faster.

    It is renewed by nobody: who is in hand stays so, whichever control plane looks next.
    """
    notes = {KINDS_NOTE: ",".join(hold.kinds), CLOSED_NOTE: "true" if hold.closed else "false"}
    metadata: Dict[str, Any] = {"namespace": NAMESPACE, "name": LEASE, "annotations": notes}
    old = before or {}
    version = (old.get("metadata") or {}).get("resourceVersion")
    if version:
        metadata["resourceVersion"] = version
    spec = {"holderIdentity": hold.node, "acquireTime": stamp(now)}
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
