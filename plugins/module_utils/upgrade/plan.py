# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the cluster can go to a version in one step, and what is left to do where. Pure; versions' facts have their one table."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.versions import (
    Release,
    Version,
    VersionError,
    release,
    supported,
    supported_text,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem, listed
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import is_digits

#: Whose mark a node has that this playbook closed.
OPERATION = "upgrade"
COMPONENTS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
SETTING = "cluster_kubernetes_version"
FIRST, CONTROL_PLANES = "first_control_plane", "control_planes"


class Node(NamedTuple):
    """One node: what its files say (static pods, etcd, kubelet's arguments), and what the API says of its kubelet."""

    host: str
    name: str
    control_plane: bool
    kubelet: str
    static_pods: Mapping[str, str] = {}
    cordoned_by: str = ""
    ready: bool = True
    #: As node_facts has it, and dockershim where the kubelet speaks to Docker by itself.
    runtime: str = "containerd"
    kubelet_arguments: Sequence[str] = ()
    etcd_arguments: Sequence[str] = ()


class Cluster(NamedTuple):
    """All that the plan looks at. Versions are texts as Kubernetes has them (v1.36.3)."""

    nodes: Sequence[Node]
    config_version: str
    proxy_version: str = ""
    removed_apis: Sequence[Mapping[str, str]] = ()
    api_host: str = ""
    #: Versions of external etcd's members; empty where it is stacked.
    external_etcd: Sequence[str] = ()


class Wanted(NamedTuple):
    """What is wanted: the version, where to stop (empty for the end), and what may be passed over."""

    version: str
    until: str = ""
    allow_removed_apis: bool = False
    #: etcd's own image tag where the settings name one.
    etcd_tag: str = ""
    #: How many workers at once: a number, or a share as 20%.
    batch: str = "1"


class Plan(NamedTuple):
    problems: List[Problem]
    warnings: List[Problem]
    summary: List[str]
    #: The version that the control planes come from; the target itself where all have it.
    running: str
    apply: Optional[str]
    control_planes: List[str]
    workers: List[str]
    addons: bool
    batch: int = 1

    @property
    def nodes(self) -> List[str]:
        return self.control_planes + self.workers

    @property
    def nothing(self) -> bool:
        return not self.nodes and not self.addons


def make_plan(wanted: Wanted, cluster: Cluster) -> Plan:
    """The plan, and everything that speaks against it."""
    try:
        target = release(wanted.version)
    except VersionError as error:
        return Plan([Problem(SETTING, error.problem, error.remedy)], [], [], "", None, [], [], False)
    found = list(_check(wanted, cluster, target))
    pending = [node for node in cluster.nodes if not done(node, target)]
    applying = _version(cluster.config_version) != target.version
    first = _first(cluster, target) if applying else None
    control_planes = [node.host for node in pending if node.control_plane and node.host != first]
    workers = [node.host for node in pending if not node.control_plane]
    if first is not None:
        control_planes.insert(0, first)
    addons = bool(control_planes) or _stale_proxy(cluster, target)
    control_planes, workers, addons, stop = _cut(wanted.until, cluster, first, control_planes, workers, addons)
    found += stop
    plan = Plan(
        problems=[problem for problem in found if not problem.warning],
        warnings=[problem for problem in found if problem.warning],
        summary=[],
        running=_running(cluster, target),
        apply=first,
        control_planes=control_planes,
        workers=workers,
        addons=addons,
        batch=batch_size(wanted.batch, len(workers)) or 1,
    )
    return plan._replace(summary=_summary(plan, cluster, target))


def done(node: Node, target: Release) -> bool:
    """Whether nothing is left to do on the node: its static pods and its kubelet have the version, and it is not closed by us."""
    if _version(node.kubelet) != target.version or node.cordoned_by == OPERATION:
        return False
    return not node.control_plane or _control_plane_done(node, target)


def _control_plane_done(node: Node, target: Release) -> bool:
    return all(_version(node.static_pods.get(name, "")) == target.version for name in COMPONENTS)


def _version(text: str) -> Optional[Version]:
    try:
        return Version.parse(text.split("+")[0])
    except VersionError:
        return None


def _running(cluster: Cluster, target: Release) -> str:
    """The oldest version among the control planes and kubeadm-config."""
    known = [_version(node.static_pods.get("kube-apiserver", "")) for node in cluster.nodes if node.control_plane]
    versions = [version for version in known + [_version(cluster.config_version)] if version is not None]
    return min(versions).text if versions else target.version.text


def _first(cluster: Cluster, target: Release) -> str:
    """Where ``kubeadm upgrade apply`` runs: on the one where it was begun, else on the healthy one that is asked."""
    planes = [node for node in cluster.nodes if node.control_plane]
    begun = [node.host for node in planes if _version(node.static_pods.get("kube-apiserver", "")) == target.version]
    return (begun or [node.host for node in planes if node.host == cluster.api_host] or [node.host for node in planes])[0]


def _stale_proxy(cluster: Cluster, target: Release) -> bool:
    return bool(cluster.proxy_version) and _version(cluster.proxy_version) != target.version


def _cut(
    until: str, cluster: Cluster, first: Optional[str], control_planes: List[str], workers: List[str], addons: bool
) -> Tuple[List[str], List[str], bool, List[Problem]]:
    """The work up to where it is to stop."""
    if not until:
        return control_planes, workers, addons, []
    if until == FIRST:
        return ([first] if first else []), [], False, []
    if until == CONTROL_PLANES:
        return control_planes, [], addons, []
    names = [node.host for node in cluster.nodes]
    if until not in names:
        problem = "there is no node %r" % until
        remedy = "write %s, %s, a host of the inventory, or nothing" % (FIRST, CONTROL_PLANES)
        return control_planes, workers, addons, [Problem("upgrade_until", problem, remedy)]
    order = control_planes + workers
    kept = order[: order.index(until) + 1] if until in order else []
    return [host for host in control_planes if host in kept], [host for host in workers if host in kept], False, []


def _summary(plan: Plan, cluster: Cluster, target: Release) -> List[str]:
    """A line for each node in the order of the work."""
    nodes = {node.host: node for node in cluster.nodes}
    lines = []
    for host in plan.nodes:
        node = nodes[host]
        step = "kubeadm upgrade apply" if host == plan.apply else "kubeadm upgrade node"
        state = "kubelet %s" % (node.kubelet.lstrip("v") or "unknown")
        if node.control_plane:
            state = "API server %s, %s" % (node.static_pods.get("kube-apiserver", "unknown").lstrip("v"), state)
        begun = ", closed by an earlier run" if node.cordoned_by == OPERATION else ""
        lines.append("%s: %s to %s, drain, kubelet, uncordon (%s%s)" % (host, step, target.version.text, state, begun))
    left = [node.host for node in cluster.nodes if node.host not in plan.nodes]
    for host in left:
        finished = done(nodes[host], target)
        lines.append("%s: %s" % (host, "nothing to do (%s)" % target.version.text if finished else "left for a later run"))
    if plan.addons and not plan.nodes:
        lines.append("%s: kube-proxy and CoreDNS to %s" % (cluster.api_host, target.version.text))
    return lines


# --- what speaks against it ------------------------------------------------------------------------------------------------------


def _check(wanted: Wanted, cluster: Cluster, target: Release) -> Iterator[Problem]:
    if not supported(target.version):
        yield Problem(
            SETTING, "%s is no version that this collection builds" % target.version.text, "write one of %s" % supported_text()
        )
    if not cluster.api_host:
        yield Problem(
            "control_plane", "no API server answers", "bring the cluster to health first: playbook verify says what is wrong"
        )
    yield from batch_problems(wanted.batch)
    yield from _check_control_planes(cluster, target)
    yield from _check_kubelets(cluster, target)
    yield from _check_etcd(wanted, cluster, target)
    yield from _check_arguments(cluster, target)
    yield from _check_apis(wanted, cluster, target)


def batch_problems(text: str) -> Iterator[Problem]:
    """What is wrong with upgrade_batch."""
    if not batch_size(text, 1):
        yield Problem("upgrade_batch", "%r is neither a number nor a share" % text, "write a number as 2, or a share as 20%")


def batch_size(text: str, workers: int) -> int:
    """How many workers at once, at least one; 0 where the text is neither a number nor a share."""
    match = re.match(r"([1-9][0-9]{0,8})(%?)$", text.strip())
    if not match:
        return 0
    number = int(match.group(1))
    return max(1, workers * min(number, 100) // 100) if match.group(2) else number


def _check_control_planes(cluster: Cluster, target: Release) -> Iterator[Problem]:
    versions: Dict[Version, List[str]] = {}
    for node in cluster.nodes:
        if not node.control_plane:
            continue
        version = _version(node.static_pods.get("kube-apiserver", ""))
        if version is None:
            yield Problem(
                "kube-apiserver of %s" % node.host,
                "its version can't be told from the image tag %r" % node.static_pods.get("kube-apiserver", ""),
                "use images that are tagged with their version, as in v%s" % target.version.text,
                (node.host,),
            )
        else:
            versions.setdefault(version, []).append(node.host)
    yield from step_problems(versions, target)


def step_problems(versions: Mapping[Version, Sequence[str]], target: Release) -> Iterator[Problem]:
    """Why control planes, by the version that they run, can't go to the target in one step."""
    for version, hosts in sorted(versions.items()):
        problem = release(version).upgrade_problem(target) if _known(version) else "%s is in none of our tables" % version.tag
        if problem:
            back = version > target.version
            yield Problem(
                SETTING,
                problem.rstrip("."),
                "write %s; to go back, restore the snapshot that was taken before (docs/operations/upgrade.md)" % version.text
                if back
                else "write a version of 1.%d first, and go on from there" % (version.minor + 1),
                tuple(hosts),
            )
    minors = sorted({version.minor for version in versions})
    if minors and minors[-1] - minors[0] > 1:
        hosts = [host for version in sorted(versions) for host in versions[version]]
        yield Problem(
            "control_plane",
            "%s are more than one minor apart" % listed(hosts),
            "finish the upgrade to 1.%d first: write that version" % (minors[0] + 1),
            tuple(hosts),
        )


def _known(version: Version) -> bool:
    try:
        release(version)
    except VersionError:
        return False
    return True


def _check_kubelets(cluster: Cluster, target: Release) -> Iterator[Problem]:
    for node in cluster.nodes:
        version = _version(node.kubelet)
        if version is None:
            yield Problem(
                "kubelet of %s" % node.host,
                "the API knows no node %s, or not its kubelet's version" % node.name,
                "join it, or take it out of the inventory",
                (node.host,),
            )
        elif version > target.version:
            yield Problem(
                "kubelet of %s" % node.host,
                "it is %s, newer than %s, and a kubelet must not be newer than the API server"
                % (version.text, target.version.text),
                "write %s or newer" % version.text,
                (node.host,),
            )
        elif target.minor - version.minor > target.kubelet_skew:
            yield Problem(
                "kubelet of %s" % node.host,
                "it is %s, and %s takes kubelets of at most %d minors before"
                % (version.text, target.version.text, target.kubelet_skew),
                "bring it to the cluster's version first: run this playbook with that version",
                (node.host,),
            )
        if not node.ready:
            yield Problem(
                "node %s" % node.name,
                "it is not Ready",
                "mend it or take it out of the inventory (playbook remove): a node that does not work can't be upgraded in order",
                (node.host,),
            )
        if node.runtime == "dockershim" and target.minor >= 24:
            yield Problem(
                "container runtime of %s" % node.host,
                "Kubernetes %s has no dockershim, by which its kubelet speaks to Docker" % target.version.minor_text,
                "run playbook container_runtime first: it takes the nodes to cluster_container_runtime one at a time",
                (node.host,),
            )


def _check_etcd(wanted: Wanted, cluster: Cluster, target: Release) -> Iterator[Problem]:
    external = bool(cluster.external_etcd)
    running = list(cluster.external_etcd) or [node.static_pods["etcd"] for node in cluster.nodes if "etcd" in node.static_pods]
    minimum = _numbers(target.etcd_minimum)
    for text in sorted(set(running), key=_numbers):
        version = _numbers(text)
        if not version:
            continue
        before = target.etcd_needed_before(version) if not external else ""
        if before and version < _numbers(before):
            yield Problem(
                "etcd",
                "its members run %s, and etcd %s of Kubernetes %s asks for %s before it"
                % (text, wanted.etcd_tag or target.etcd_tag, target.version.minor_text, before),
                "upgrade within this minor first, to the newest patch; where that ships an older etcd, name its image in "
                "cluster_kubeadm_extra: {ClusterConfiguration: {etcd: {local: {imageTag: %s-0}}}}" % before,
            )
        if external and version < minimum:
            yield Problem(
                "etcd",
                "its members run %s, and Kubernetes %s takes %s or newer" % (text, target.version.minor_text, target.etcd_minimum),
                "upgrade etcd first, one minor at a time",
            )


def _numbers(text: str) -> Tuple[int, ...]:
    parts = text.lstrip("v").split("-")[0].split(".")
    return tuple(int(part) for part in parts) if all(is_digits(part) for part in parts) else ()


def _check_arguments(cluster: Cluster, target: Release) -> Iterator[Problem]:
    """Arguments of now that the new programs do not know, or that stand in files that kubeadm does not write."""
    for node in cluster.nodes:
        for argument in node.kubelet_arguments:
            name = argument.lstrip("-").split("=")[0]
            if name in target.removed_kubelet_flags:
                yield Problem(
                    "kubelet of %s" % node.host,
                    "--%s is gone in %s, and a kubelet with it does not start" % (name, target.version.minor_text),
                    "%s Remove it from KUBELET_EXTRA_ARGS." % target.removed_kubelet_flags[name],
                    (node.host,),
                )
        if not target.etcd_experimental_arguments:
            old = [name for name in node.etcd_arguments if name.lstrip("-").startswith("experimental-")]
            if old:
                yield Problem(
                    "cluster_etcd_args",
                    "etcd of %s has %s, which etcd of %s does not know" % (node.host, listed(old), target.version.minor_text),
                    "write each without experimental- (etcd 3.6 takes both), and upgrade within this minor first",
                    (node.host,),
                )


def _check_apis(wanted: Wanted, cluster: Cluster, target: Release) -> Iterator[Problem]:
    """APIs that the new release does not serve, and that somebody has asked for since the API servers started."""
    for entry in cluster.removed_apis:
        removed = _numbers(entry.get("removed_release", ""))
        if removed and removed[:2] <= (1, target.minor):
            yield Problem(
                "API %s %s" % (entry.get("api"), entry.get("resource")),
                "somebody asks for it, and %s does not serve it any more" % target.version.minor_text,
                "find who does (the audit log, or kubectl get --raw /metrics | grep requested_deprecated_apis) and move it to the "
                "newer version; or set upgrade_allow_removed_apis: true",
                warning=wanted.allow_removed_apis,
            )


def work(plan: Plan, api_host: str) -> List[Dict[str, Any]]:
    """The groups that the plays are for, a host each."""
    asked = [api_host] if api_host and not plan.nothing else []
    groups: Dict[str, List[str]] = {
        "plan_upgrade": plan.nodes,
        "plan_upgrade_ask": asked,
        "plan_upgrade_config": asked if plan.apply else [],
        "plan_upgrade_first": [host for host in plan.control_planes if host == plan.apply],
        "plan_upgrade_control_planes": [host for host in plan.control_planes if host != plan.apply],
        "plan_upgrade_workers": plan.workers,
        # Its size is the batch: a play's serial sees groups, and no variables of hosts.
        "plan_upgrade_batch": plan.workers[: plan.batch],
        "plan_upgrade_addons": asked if plan.addons else [],
    }
    return [{"group": group, "host": host} for group, hosts in groups.items() for host in hosts]
