# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is healthy in a cluster and what is not: read in one round, judged on data, and repeated while waiting may help."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.client import EtcdClient
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.errors import EtcdError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.members import describe as describe_member
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.members import ghosts
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.quorum import quorum
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.settings import KUBEADM_CLIENTS
from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import object_or_empty
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.versions import Version, VersionError, image_tag, release
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import Kubectl, KubernetesError, said
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

PAUSE = 3.0


class Check(NamedTuple):
    """One judged thing. ``remedy`` is where to look; ``waits`` says whether time may mend it."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""
    waits: bool = True

    def line(self) -> str:
        """The check as a line of the report."""
        text = "%s %s: %s" % ("ok     " if self.ok else "NOT OK ", self.name, self.detail)
        return text if self.ok or not self.remedy else "%s. What to do: %s." % (text.rstrip("."), self.remedy.rstrip("."))


class Expectation(NamedTuple):
    """What the cluster should be."""

    nodes: Sequence[str] = ()
    endpoint: str = ""
    namespaces: Sequence[str] = ("kube-system", "kube-flannel")
    dns: bool = True
    etcd_endpoints: Sequence[str] = ()
    certificates: Sequence[Mapping[str, Any]] = ()
    certificate_days: int = 14


class EtcdState(NamedTuple):
    """What etcd said: members (name, healthy, why not), ghosts by description, and an error if nobody answered."""

    members: Sequence[Tuple[str, bool, str]] = ()
    unstarted: Sequence[str] = ()
    voters: int = 0
    error: str = ""


class Seen(NamedTuple):
    """One round's raw data; an error text where the API did not answer."""

    readyz: str = ""
    readyz_error: str = ""
    endpoint_error: str = ""
    version: str = ""
    nodes: Sequence[Mapping[str, Any]] = ()
    pods: Sequence[Mapping[str, Any]] = ()
    deployments: Sequence[Mapping[str, Any]] = ()
    stateful_sets: Sequence[Mapping[str, Any]] = ()
    objects_error: str = ""
    etcd: Optional[EtcdState] = None


Connect = Callable[[str, str, str, str], EtcdClient]


def read(
    runner: Runner, kubectl: Kubectl, endpoint: Optional[Kubectl], expected: Expectation, connect: Connect = EtcdClient
) -> Seen:
    """Everything once. Nothing raises: what does not answer is part of the picture."""
    # Side by side: each start of kubectl takes longer than its question.
    with ThreadPoolExecutor(max_workers=5) as executor:
        ready_job = executor.submit(kubectl.run, ["get", "--raw", "/readyz?verbose"], timeout=20)
        version_job = executor.submit(kubectl.run, ["get", "--raw", "/version"], timeout=20)
        through_job = executor.submit(endpoint.run, ["get", "--raw", "/readyz"], timeout=20) if endpoint else None
        etcd_job = executor.submit(read_etcd, runner, expected.etcd_endpoints, connect)
        items: List[Mapping[str, Any]] = []
        error = ""
        try:
            items = list(kubectl.objects("nodes,pods,deployments,statefulsets", "--all-namespaces"))
        except KubernetesError as problem:
            error = problem.problem
        ready, version = ready_job.result(), version_job.result()
        through = through_job.result() if through_job else None
        etcd = etcd_job.result()
    return Seen(
        readyz=ready.stdout + ready.stderr,
        readyz_error="" if ready.rc == 0 else said(ready),
        endpoint_error="" if through is None or through.rc == 0 else said(through),
        version=_git_version(version.stdout),
        nodes=[item for item in items if item.get("kind") == "Node"],
        pods=[item for item in items if item.get("kind") == "Pod"],
        deployments=[item for item in items if item.get("kind") == "Deployment"],
        stateful_sets=[item for item in items if item.get("kind") == "StatefulSet"],
        objects_error=error,
        etcd=etcd,
    )


def read_etcd(runner: Runner, endpoints: Sequence[str], connect: Connect = EtcdClient) -> EtcdState:
    """Every member's own word; each is asked at its own address."""
    files = next((triple for triple in KUBEADM_CLIENTS if all(runner.exists(path) for path in triple)), None)
    if files is None:
        return EtcdState(error="this host has no client certificate for etcd (%s)" % KUBEADM_CLIENTS[0][1])
    errors = []
    for address in list(endpoints) or ["https://127.0.0.1:2379"]:
        try:
            members = connect(address, *files).member_list()
            break
        except EtcdError as error:
            errors.append("%s: %s" % (address, error.cause))
    else:
        return EtcdState(error="; ".join(errors))
    judged = []
    for member in members:
        if not member.started:
            continue
        healthy, reason = False, "it has no client address"
        for address in member.client_urls[:1]:
            try:
                healthy, reason = connect(address, *files).health()
            except EtcdError as error:
                healthy, reason = False, error.cause
        judged.append((member.name, healthy, reason))
    return EtcdState(
        judged, [describe_member(member) for member in ghosts(members)], sum(1 for member in members if not member.learner)
    )


def judge(seen: Seen, expected: Expectation) -> List[Check]:
    """The checks of one round, in the order in which a person would look."""
    checks = [_api(seen)]
    if expected.endpoint:
        checks.append(_endpoint(seen, expected.endpoint))
    if seen.etcd is not None:
        checks.append(_etcd(seen.etcd, bool(expected.etcd_endpoints)))
    if seen.objects_error:
        checks.append(Check("nodes and pods", False, seen.objects_error, "kubectl get nodes; the API has to answer first"))
    else:
        checks += [_nodes(seen.nodes, expected.nodes), _pods(seen.pods, expected.namespaces)]
        if expected.dns:
            checks.append(_dns(seen.deployments))
        checks.append(_versions(seen.version, seen.pods, seen.nodes))
    if expected.certificates:
        checks.append(_certificates(expected.certificates, expected.certificate_days))
    return checks


def wait_until_healthy(
    look: Callable[[], List[Check]],
    seconds: float,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Tuple[List[Check], List[str]]:
    """The last round's checks, and what was waited for, a line each time that changed."""
    begin = clock()
    waited: List[str] = []
    while True:
        checks = look()
        bad = [check for check in checks if not check.ok]
        spent = clock() - begin
        if not any(check.waits for check in bad) or spent >= seconds:
            return checks, waited
        reasons = "; ".join("%s (%s)" % (check.name, check.detail) for check in bad)
        if not waited or not waited[-1].endswith(reasons):
            waited.append("after %d s: %s" % (spent, reasons))
        sleep(PAUSE)


def report(checks: Sequence[Check], waited: Sequence[str]) -> str:
    """The text for a person: every check, what is wrong last, and what was waited for."""
    lines = [check.line() for check in sorted(checks, key=lambda check: not check.ok)]
    if waited:
        lines += ["Waited for:"] + ["  " + text for text in waited]
    return "\n".join(lines)


def _git_version(text: str) -> str:
    return str(object_or_empty(text).get("gitVersion", ""))


def _api(seen: Seen) -> Check:
    failing = [line[3:].split(" ")[0] for line in seen.readyz.splitlines() if line.startswith("[-]")]
    if not seen.readyz_error:
        return Check("API server", True, "ready")
    detail = "not ready: %s" % ", ".join(failing) if failing else seen.readyz_error
    return Check("API server", False, detail, "crictl ps -a and crictl logs of kube-apiserver on the control planes")


def _endpoint(seen: Seen, endpoint: str) -> Check:
    if not seen.endpoint_error:
        return Check("endpoint %s" % endpoint, True, "answers")
    return Check(
        "endpoint %s" % endpoint,
        False,
        seen.endpoint_error,
        "find who holds the address (ip address on the control planes), then read the journals of keepalived and haproxy there",
    )


def _etcd(state: EtcdState, external: bool) -> Check:
    log = "journalctl -u etcd" if external else "crictl logs of etcd"
    if state.error:
        hosts = "host of etcd" if external else "control plane"
        return Check("etcd", False, state.error, "%s on each %s, and its port 2379" % (log, hosts))
    problems = ["%s: %s" % (name, reason) for name, healthy, reason in state.members if not healthy]
    problems += ["%s never started" % text for text in state.unstarted]
    names = [name for name, _healthy, _reason in state.members]
    # A restore by etcdctl 3.4 leaves the former ones, and etcd 3.6 finds them: each asks its peers for one that there is not.
    problems += ["%s is a member %d times" % (name, names.count(name)) for name in dict.fromkeys(names) if names.count(name) > 1]
    healthy = sum(1 for name, good, reason in state.members if good)
    detail = "%d of %d members healthy, %d needed" % (
        healthy,
        len(state.members) + len(state.unstarted),
        quorum(max(state.voters, 1)),
    )
    if not problems:
        return Check("etcd", True, detail)
    return Check("etcd", False, "%s; %s" % (detail, "; ".join(problems)), "%s on the hosts that are named" % log)


def _nodes(nodes: Sequence[Mapping[str, Any]], expected: Sequence[str]) -> Check:
    found = {str(node["metadata"]["name"]): _not_ready(node) for node in nodes}
    problems = ["%s is not in the cluster" % name for name in sorted(set(expected) - set(found))]
    problems += [
        "%s: %s" % (name, reason) for name, reason in sorted(found.items()) if reason and (not expected or name in expected)
    ]
    if problems:
        return Check("nodes", False, "; ".join(problems), "journalctl -u kubelet on these nodes, kubectl describe node NAME")
    others = sorted(set(found) - set(expected)) if expected else []
    detail = "%d Ready" % (len(found) - len(others)) + ("; not in the inventory: %s" % ", ".join(others) if others else "")
    return Check("nodes", bool(found), detail if found else "there are none", "journalctl -u kubelet on the control planes")


def _not_ready(node: Mapping[str, Any]) -> str:
    for condition in (node.get("status") or {}).get("conditions") or []:
        if condition.get("type") == "Ready":
            return (
                "" if condition.get("status") == "True" else str(condition.get("message") or condition.get("reason") or "not Ready")
            )
    return "its kubelet has not reported yet"


def _pods(pods: Sequence[Mapping[str, Any]], namespaces: Sequence[str]) -> Check:
    ours = [pod for pod in pods if pod["metadata"].get("namespace") in namespaces]
    problems = []
    for pod in sorted(ours, key=lambda pod: str(pod["metadata"]["name"])):
        reason = _pod_problem(pod)
        if reason:
            problems.append("%s/%s: %s" % (pod["metadata"].get("namespace"), pod["metadata"]["name"], reason))
    if problems:
        return Check("system pods", False, "; ".join(problems), "kubectl --namespace NAMESPACE describe pod NAME, and its logs")
    return Check("system pods", True, "%d run" % len(ours))


def _pod_problem(pod: Mapping[str, Any]) -> str:
    status = pod.get("status") or {}
    if status.get("phase") == "Succeeded":
        return ""
    containers = list(status.get("initContainerStatuses") or []) + list(status.get("containerStatuses") or [])
    for container in containers:
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting and waiting.get("reason") not in (None, "PodInitializing"):
            message = str(waiting.get("message") or "")
            return "%s %s" % (waiting["reason"], message) if message else str(waiting["reason"])
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return str(condition.get("message") or "not scheduled")
    ready = [condition.get("status") for condition in status.get("conditions") or [] if condition.get("type") == "Ready"]
    if ready == ["True"]:
        return ""
    return "%s, not ready" % (status.get("phase") or "Pending")


def _dns(deployments: Sequence[Mapping[str, Any]]) -> Check:
    found = [
        item
        for item in deployments
        if item["metadata"].get("namespace") == "kube-system"
        and (item["metadata"].get("labels") or {}).get("k8s-app") == "kube-dns"
    ]
    if not found:
        return Check(
            "cluster DNS",
            False,
            "there is no Deployment with the label k8s-app=kube-dns in kube-system",
            "kubeadm init phase addon coredns, or set verify_dns: false where another DNS serves the cluster",
            waits=False,
        )
    status = found[0].get("status") or {}
    available, wanted = int(status.get("availableReplicas") or 0), int((found[0].get("spec") or {}).get("replicas") or 0)
    detail = "%d of %d replicas available" % (available, wanted)
    return Check(
        "cluster DNS",
        available > 0 and available >= wanted,
        detail,
        "kubectl --namespace kube-system describe pod -l k8s-app=kube-dns",
    )


def _versions(api: str, pods: Sequence[Mapping[str, Any]], nodes: Sequence[Mapping[str, Any]]) -> Check:
    """Kubelets against the newest API server: which of them answered is chance while they differ, as in an upgrade."""
    try:
        servers = {_release_of(api), *_api_servers(pods)}
        newest = max(servers)
        allowed = release(newest).kubelet_skew
    except VersionError:
        return Check("versions", True, "API server %s (not in this collection's tables)" % (api or "unknown"))
    problems = []
    kubelets = set()
    for node in nodes:
        text = str(((node.get("status") or {}).get("nodeInfo") or {}).get("kubeletVersion", ""))
        kubelets.add(text)
        try:
            kubelet = _release_of(text)
        except VersionError:
            continue
        behind = newest.minor - kubelet.minor
        if behind < 0 or behind > allowed:
            problems.append("%s: kubelet %s with API server %s" % (node["metadata"]["name"], text, newest.tag))
    if problems:
        return Check(
            "versions",
            False,
            "; ".join(problems),
            "a kubelet may be up to %d minors older than the API server, and never newer" % allowed,
            waits=False,
        )
    found = "API server%s %s" % ("s" * (len(servers) > 1), ", ".join(version.tag for version in sorted(servers)))
    return Check("versions", True, "%s, kubelets %s" % (found, ", ".join(sorted(kubelets)) or "none"))


def _release_of(text: str) -> Version:
    """Without what a distribution adds to a release's name, such as +rke2r1."""
    return Version.parse(text.partition("-")[0].partition("+")[0])


def _api_servers(pods: Sequence[Mapping[str, Any]]) -> Iterator[Version]:
    """The versions of API servers that are kubeadm's static pods."""
    for pod in pods:
        if str(pod["metadata"]["name"]).startswith("kube-apiserver-"):
            for container in (pod.get("spec") or {}).get("containers") or []:
                try:
                    yield _release_of(image_tag(str(container.get("image", ""))))
                except VersionError:
                    continue


def _certificates(certificates: Sequence[Mapping[str, Any]], days: int) -> Check:
    earliest = min(certificates, key=lambda certificate: float(certificate["days_left"]))
    detail = "the first to expire is %s%s, in %d days" % (
        earliest["path"],
        " on %s" % earliest["node"] if earliest.get("node") else "",
        earliest["days_left"],
    )
    # kubeadm knows nothing of the certificates of external etcd.
    own = str(earliest["path"]).startswith("/etc/etcd/")
    remedy = "run the playbook external_etcd, which renews it" if own else "kubeadm certs renew all on that node"
    return Check("certificates", float(earliest["days_left"]) >= days, detail, remedy, waits=False)
