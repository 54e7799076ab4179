# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kubeadm init, join and reset on one node, so that they can be stopped anywhere and started again.

A marker file says that this collection began an operation on a node that was blank before. While it stands, what is on
the node is ours and unfinished: it may be completed or started over. Without it, a half-installed node is never touched.
"""

from __future__ import annotations

import calendar
import contextlib
import json
import os
import re
import shutil
import time
from typing import Callable, ContextManager, List, NamedTuple, Optional, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.pods import remove_pods
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.client import EtcdClient
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.errors import EtcdError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.members import ghosts
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.settings import KUBEADM_CLIENTS
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.lock import hold
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.replace import replace_file
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.kubernetes import (
    MANIFESTS,
    MARKER,
    decide,
    parse_flags,
    read_traces,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.symptoms import (
    NAME_TAKEN,
    Finding,
    find_symptoms,
    preflight_errors,
    redact,
)

LOCK = "/run/baremetal-kubernetes.lock"
LOG = "/var/log/baremetal-kubernetes/kubeadm-%s.log"
ADMIN = "/etc/kubernetes/admin.conf"
CA_CERTIFICATE = "/etc/kubernetes/pki/ca.crt"
ETCD_DATA = "/var/lib/etcd"
ETCD_MANIFEST = "/etc/kubernetes/manifests/etcd.yaml"
API_SERVER_MANIFEST = "/etc/kubernetes/manifests/kube-apiserver.yaml"
#: CA, certificate and key by which a control plane's tools talk to etcd.
ETCD_CREDENTIALS = KUBEADM_CLIENTS[0]
KUBELET_KUBECONFIG = "/etc/kubernetes/kubelet.conf"

#: What kubeadm's preflight finds on a node whose own init was cut off; its phases take over what is there.
UNFINISHED_INIT = (
    "DirAvailable--etc-kubernetes-manifests",
    "DirAvailable--var-lib-etcd",
    "FileAvailable--etc-kubernetes-manifests-etcd.yaml",
    "FileAvailable--etc-kubernetes-manifests-kube-apiserver.yaml",
    "FileAvailable--etc-kubernetes-manifests-kube-controller-manager.yaml",
    "FileAvailable--etc-kubernetes-manifests-kube-scheduler.yaml",
    "FileAvailable--etc-kubernetes-kubelet.conf",
    "Port-2379",
    "Port-2380",
    "Port-6443",
    "Port-10250",
    "Port-10257",
    "Port-10259",
)

#: An endpoint of external etcd in a kubeadm file.
ETCD_ENDPOINT = re.compile(r"""^[ \t]+-\s+["']?(https://[^\s"']+:2379)["']?\s*$""", re.MULTILINE)

#: Lines worth showing where no symptom is known, and those that stand in every kubelet's log before the API answers.
NEWS = re.compile(r"error|fail|fatal|denied|refused|timed out", re.IGNORECASE)
NOISE = re.compile(r'node "[^"]*" not found|Failed to watch|nodes? "[^"]*" is forbidden')

#: Seconds between two looks at the kubelet's journal, and how far back each look goes.
LOOK_EVERY = 5
LOOK_BACK = 12

#: Seconds after which a cluster has called a kubelet that is gone NotReady: its controller manager's node-monitor-grace-period
#: (40, from 1.32 on 50), the look every 5, and what a restored cluster takes to begin with that.
GONE = 90


class KubeadmError(Exception):
    """``operation`` failed because of ``cause``; ``evidence`` are the log lines that show it."""

    def __init__(self, operation: str, cause: str, remedy: str, evidence: Sequence[str] = (), log: str = "") -> None:
        lines = "".join("\n  %s" % line for line in evidence)
        where = "\nThe whole output: %s on this node." % log if log else ""
        super().__init__(
            "%s: %s.%s\nWhat to do: %s.%s" % (operation, cause.rstrip("."), lines, remedy.rstrip("."), where)
        )
        self.operation = operation
        self.cause = cause
        self.remedy = remedy
        self.evidence = list(evidence)
        self.log = log
        self.notes: List[str] = []

    def add(self, note: str) -> None:
        """Say one thing more, such as what was cleaned up after the failure."""
        self.notes.append(note)

    def __str__(self) -> str:
        return "\n".join([super().__str__()] + self.notes)


class Wanted(NamedTuple):
    """What the node is to become; ``config`` is the kubeadm file and ``flags`` what that file's API can't say."""

    state: str
    role: str
    node_name: str
    cluster_name: str
    config: str
    flags: Sequence[str] = ()
    ignore_preflight_errors: Sequence[str] = ()
    cri_socket: str = "unix:///run/containerd/containerd.sock"
    api_port: int = 6443
    keep_etcd_data: bool = True
    #: Manifests on the node that the kubelet runs beside the control plane's own from the first moment on.
    static_pods: Sequence[str] = ()
    kubeadm: str = "kubeadm"
    timeout: float = 600


class Node(NamedTuple):
    """What is on the node: node_facts' kubeadm state, and how far an unfinished operation got."""

    state: str
    why: str
    operation: Optional[str]
    etcd_manifest: bool
    kubelet_kubeconfig: bool
    #: Whether the API server is told of another external etcd than the kubeadm file names.
    other_etcd: bool = False


def read_node(runner: Runner, config: str = "") -> Node:
    """node_facts' verdict on the node, and what decides how an unfinished operation goes on."""
    traces = read_traces(runner)
    state = decide(traces)
    wanted = ETCD_ENDPOINT.findall(runner.read(config) or "") if config else []
    told = parse_flags(runner.read(API_SERVER_MANIFEST) or "").get("etcd-servers", "")
    return Node(
        state.name,
        state.why,
        None if traces.started is None else traces.started["operation"],
        "etcd.yaml" in traces.manifests,
        "kubelet.conf" in traces.kubeconfigs,
        bool(wanted) and bool(told) and sorted(wanted) != sorted(told.split(",")),
    )


def plan(wanted: Wanted, node: Node) -> List[str]:
    """The steps from what is to what is wanted: of init, resume_init, reset, join, finish_join, finish, rebuild,
    point_to_etcd.

    :raises KubeadmError: the node holds something that is not ours to change.
    """
    if wanted.state == "reset":
        return [] if node.state == "blank" else ["reset"]
    if wanted.state == "initialized":
        return _plan_init(wanted, node)
    if wanted.state == "restored":
        return _plan_restored(wanted, node)
    return _plan_join(wanted, node)


def _plan_init(wanted: Wanted, node: Node) -> List[str]:
    if node.state == "control_plane":
        return []
    if node.state == "blank":
        return ["init"]
    if node.state == "started" and node.operation != "join":
        return ["resume_init"]
    raise _not_ours(wanted, node)


def _plan_restored(wanted: Wanted, node: Node) -> List[str]:
    if node.state == "control_plane":
        return ["point_to_etcd"] if node.other_etcd else []
    # What lies there of etcd is the restored data, so a blank machine looks like half an installation by now.
    if node.state == "blank" or (node.state == "started" and node.operation == "restore"):
        return ["rebuild"]
    raise _not_ours(wanted, node)


def _plan_join(wanted: Wanted, node: Node) -> List[str]:
    if node.state == wanted.role:
        return []
    if node.state == "blank":
        return ["join"]
    if node.state != "started" or node.operation == "init":
        raise _not_ours(wanted, node)
    if wanted.role == "control_plane" and node.etcd_manifest:
        # Its etcd member is in the cluster: from here on the only way is forward.
        return ["finish_join"]
    if wanted.role == "worker" and node.kubelet_kubeconfig:
        return ["finish"]
    return ["reset", "join"]


def _not_ours(wanted: Wanted, node: Node) -> KubeadmError:
    held = "an unfinished %s" % node.operation if node.state == "started" else "%s (%s)" % (node.state, node.why)
    return KubeadmError(
        "kubeadm on %s" % wanted.node_name,
        "the node should become %s of cluster %s, but it already holds %s" % (wanted.role, wanted.cluster_name, held),
        "look at it; if nothing on it is needed, run the playbook reset for this host (it asks for reset_confirm)",
    )


def mark(runner: Runner, operation: str, role: str, cluster: str) -> None:
    """Say on the node that an operation begins; what is on it from now on is ours and unfinished."""
    os.makedirs(os.path.dirname(MARKER), exist_ok=True)
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(runner.now()))
    replace_file(MARKER, json.dumps({"operation": operation, "role": role, "cluster": cluster, "at": at}))


def locked(timeout: float, path: str = LOCK, pause: Callable[[float], None] = time.sleep) -> ContextManager[int]:
    """Hold the node's lock; kubeadm inherits it, so that a new run waits for what a killed one left running.

    :raises KubeadmError: another run still works here after ``timeout`` seconds.
    """
    error = KubeadmError(
        "kubeadm",
        "another run has been working on this node for %d seconds" % timeout,
        "wait until it has ended (`fuser -v %s` on the node says which process)" % path,
    )
    return hold(path, timeout, error, pause)


def leave_no_ghost(runner: Runner, node_name: str) -> str:
    """Take this node's member out of etcd again if it never started, so that it does not weigh on the quorum.

    Works where the other members have a quorum without it; where they have none (one member that became two), only this
    node's start helps, and the next run goes on with that. Returns what was done, in words.
    """
    match = re.search(r"--initial-cluster=(\S+)", runner.read(ETCD_MANIFEST) or "")
    peers = dict(pair.split("=", 1) for pair in match.group(1).split(",") if "=" in pair) if match else {}
    own = peers.pop(node_name, None)
    for peer in peers.values():
        try:
            client = EtcdClient(peer.replace(":2380", ":2379"), *ETCD_CREDENTIALS)
            never_started = [member for member in ghosts(client.member_list()) if own in member.peer_urls]
            if not never_started:
                return "Its etcd member runs; the next run completes the join."
            client.member_remove(never_started[0].id)
        except EtcdError as error:
            return "Its etcd member was added but never started, and can't be taken out (%s); the next run goes on with it." % error
        # Without its manifest the join counts as not begun, and the next run starts it over.
        os.remove(ETCD_MANIFEST)
        return "Its etcd member, which never started, was taken out of etcd again."
    return "Which etcd members there are could not be read from %s." % ETCD_MANIFEST


class Operator:
    """Carries out the steps of a plan on this host."""

    def __init__(self, wanted: Wanted, runner: Runner, lock: int, pause: Callable[[float], None] = time.sleep) -> None:
        self.wanted = wanted
        self.runner = runner
        self.lock = lock
        self.pause = pause

    def carry_out(self, steps: Sequence[str]) -> None:
        """Do the steps in order; the marker stands from before the first until after the last."""
        for step in steps:
            getattr(self, step)()

    def authority(self) -> None:
        """Make the cluster's CA alone, so that load balancers can know it before the API runs."""
        self._kubeadm("certificate-authority", ["init", "phase", "certs", "ca", "--config", self.wanted.config])

    def init(self) -> None:
        self._mark("init")
        self._place_static_pods()
        self._kubeadm("init", ["init", "--config", self.wanted.config, "--skip-token-print"] + self._flags())
        self._unmark()

    def resume_init(self) -> None:
        self._mark("init")
        # kubeadm starts it again with the settings of now; what it says until then is about those of the run before.
        self.runner.run(["systemctl", "stop", "kubelet"], timeout=120)
        self._place_static_pods()
        self._kubeadm("init", ["init", "--config", self.wanted.config, "--skip-token-print"] + self._flags(UNFINISHED_INIT))
        self._unmark()

    def join(self) -> None:
        self._mark("join")
        begun = self.runner.now()
        while not self._joined(begun + GONE):
            self.pause(LOOK_EVERY)
            self.reset()
        self._unmark()

    def _joined(self, deadline: float) -> bool:
        """False where the cluster still takes the kubelet that this machine had before it was blank for a living one."""
        try:
            self._kubeadm("join", ["join", "--config", self.wanted.config] + self._flags())
        except KubeadmError as error:
            if NAME_TAKEN in error.cause and self.runner.now() < deadline:
                return False
            if self.wanted.role == "control_plane" and self.runner.exists(ETCD_MANIFEST):
                error.add(leave_no_ghost(self.runner, self.wanted.node_name))
            raise
        return True

    def finish(self) -> None:
        self._unmark()

    def rebuild(self) -> None:
        """A control plane around keys and data that are there: init's phases, without those that begin a cluster."""
        self._mark("restore")
        begun = int(self.runner.now())
        self._place_static_pods()
        phases = [["certs", "all"], ["kubeconfig", "all"], ["control-plane", "all"], ["kubelet-start"]]
        if not re.search(r"^[ \t]+external:", self.runner.read(self.wanted.config) or "", re.MULTILINE):
            phases.insert(2, ["etcd", "local"])
        for phase in phases:
            self._phase(phase)
        self._wait_for_api_server()
        # What comes now goes by the endpoint, whose load balancers look at this server every few seconds.
        self._wait_for_api_server(by_endpoint=True)
        for phase in (["upload-config", "all"], ["mark-control-plane"], ["kubelet-finalize", "all"]):
            self._phase(phase)
        self._wait_for_kubelet(begun)
        self._unmark()

    def point_to_etcd(self) -> None:
        """Let the API server talk to an external etcd that has other addresses now."""
        self._phase(["control-plane", "apiserver"])
        self.runner.run(["systemctl", "start", "kubelet"], timeout=60)
        self._wait_for_api_server()
        self._wait_for_api_server(by_endpoint=True)
        self._phase(["upload-config", "kubeadm"])

    def _phase(self, phase: Sequence[str]) -> None:
        self._kubeadm("restore", ["init", "phase", *phase, "--config", self.wanted.config])

    def finish_join(self) -> None:
        """The member is in etcd and its static pods are written: bring them up and do what comes after them."""
        self.runner.run(["systemctl", "start", "kubelet"], timeout=60)
        self._wait_for_api_server()
        phases = ["mark-control-plane"]
        if "kubeadm.k8s.io/v1beta2" in (self.runner.read(self.wanted.config) or ""):
            phases.insert(0, "update-status")  # ClusterStatus is a kind of v1beta2 only
        for phase in phases:
            self._kubeadm("join", ["join", "phase", "control-plane-join", phase, "--config", self.wanted.config])
        self._unmark()

    def reset(self) -> None:
        """Take the node back to blank. Containers go first: kubeadm can't end them where there is no crictl."""
        if self.runner.exists(ADMIN) and self.runner.exists(KUBELET_KUBECONFIG) and self.wanted.state == "joined":
            # kubeadm join refuses a name that is still Ready in the cluster.
            self.runner.run(
                ["kubectl", "--kubeconfig", ADMIN, "delete", "node", self.wanted.node_name, "--ignore-not-found", "--timeout=30s"],
                timeout=60,
            )
        self.runner.run(["systemctl", "stop", "kubelet"], timeout=120)
        remove_pods(self.runner, self.wanted.cri_socket)
        if self.wanted.state == "reset" and self.wanted.keep_etcd_data:
            self._keep_etcd_data()
        self._kubeadm("reset", ["reset", "--force", "--cri-socket", self.wanted.cri_socket])
        if self.wanted.state == "reset":
            self._unmark()

    def _place_static_pods(self) -> None:
        """Under the marker, since a manifest alone would make a blank node look like half a cluster."""
        if self.wanted.static_pods:
            os.makedirs(MANIFESTS, exist_ok=True)
        for path in self.wanted.static_pods:
            with open(path, "rb") as stream:
                replace_file(os.path.join(MANIFESTS, os.path.basename(path)), stream.read(), 0o600)

    def _keep_etcd_data(self) -> None:
        kept = [name for name in self.runner.list_dir(ETCD_DATA) if name != "lost+found"]
        if not kept:
            return
        aside = "%s.removed-%s" % (ETCD_DATA, time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self.runner.now())))
        if not os.path.ismount(ETCD_DATA):
            os.rename(ETCD_DATA, aside)
            return
        # A mount point, as role zfs makes it, can't be renamed: what is in it goes to the disk beside it.
        os.makedirs(aside, mode=0o700, exist_ok=True)
        for name in kept:
            shutil.move(os.path.join(ETCD_DATA, name), os.path.join(aside, name))

    def _flags(self, unfinished: Sequence[str] = ()) -> List[str]:
        ignored = list(self.wanted.ignore_preflight_errors) + list(unfinished)
        return list(self.wanted.flags) + (["--ignore-preflight-errors=" + ",".join(ignored)] if ignored else [])

    def _mark(self, operation: str) -> None:
        mark(self.runner, operation, self.wanted.role, self.wanted.cluster_name)

    @staticmethod
    def _unmark() -> None:
        with contextlib.suppress(FileNotFoundError):
            os.remove(MARKER)

    def _kubeadm(self, operation: str, arguments: Sequence[str]) -> None:
        log = LOG % operation
        started = self.runner.now()
        try:
            process = self.runner.start([self.wanted.kubeadm] + list(arguments), log, keep_open=[self.lock])
        except OSError as error:
            raise KubeadmError("kubeadm " + operation, "kubeadm does not start: %s" % error, "let role packages install it first")
        hopeless: List[Finding] = []
        next_look = started + LOOK_EVERY
        while process.poll() is None:
            self.pause(0.25)
            now = self.runner.now()
            if now - started > self.wanted.timeout:
                process.stop()
                how = "it did not end within %d seconds" % self.wanted.timeout
                raise self._failure(operation, how, process.output(), started, log)
            if now >= next_look:
                next_look = now + LOOK_EVERY
                seen = [finding for finding in find_symptoms(self._kubelet_log(max(started, now - LOOK_BACK))) if finding.hopeless]
                if {finding.cause for finding in seen} & {finding.cause for finding in hopeless}:
                    process.stop()
                    raise self._failure(operation, "stopped, since waiting can't help", process.output(), started, log)
                hopeless = seen
        if process.poll() != 0:
            raise self._failure(operation, "exit code %s" % process.poll(), process.output(), started, log)

    def _kubelet_log(self, since: float) -> str:
        argv = ["journalctl", "--unit=kubelet", "--since=@%d" % since, "--output=cat", "--no-pager", "--lines=300"]
        return self.runner.run(argv, timeout=20).stdout

    def _failure(self, operation: str, how: str, output: str, started: float, log: str) -> KubeadmError:
        name = "kubeadm %s on %s" % (operation, self.wanted.node_name)
        refused = preflight_errors(output)
        if refused:
            known = find_symptoms("\n".join(refused))
            cause = "".join("; %s" % finding.cause for finding in known)
            remedy = "mend each on the node, or name the check in cluster_ignore_preflight_errors if it does not matter here"
            remedy = "; ".join([finding.remedy for finding in known] + [remedy])
            return KubeadmError(name, "preflight refuses the node" + cause, remedy, [redact(line) for line in refused], log)
        findings = find_symptoms(output + "\n" + self._kubelet_log(started))
        if findings:
            findings.sort(key=lambda finding: not finding.hopeless)
            cause = "; ".join(finding.cause for finding in findings)
            remedy = "; ".join(finding.remedy for finding in findings)
            return KubeadmError(name, "%s (%s)" % (cause, how), remedy, [finding.evidence for finding in findings], log)
        said = [line for line in output.splitlines() if NEWS.search(line)][-6:] or output.strip().splitlines()[-6:]
        kubelet = [line for line in self._kubelet_log(started).splitlines() if NEWS.search(line) and not NOISE.search(line)][-6:]
        evidence = [redact(line.strip())[:500] for line in said + kubelet]
        remedy = "read the lines above (kubeadm's, then the kubelet's); mend what they name, and the next run goes on from here"
        return KubeadmError(name, how, remedy, evidence, log)

    def _wait_for_kubelet(self, begun: int) -> None:
        """Until then the restored Node object has the addresses of the machine that was lost, and others would route there."""
        heartbeat = '{.status.conditions[?(@.type=="Ready")].lastHeartbeatTime}'
        argv = ["kubectl", "--kubeconfig", ADMIN, "get", "node", self.wanted.node_name, "--request-timeout=5s"]
        started = self.runner.now()
        while True:
            answer = self.runner.run(argv + ["--output=jsonpath=" + heartbeat], timeout=15)
            with contextlib.suppress(ValueError):
                if calendar.timegm(time.strptime(answer.stdout.strip(), "%Y-%m-%dT%H:%M:%SZ")) >= begun:
                    return
            if self.runner.now() - started > self.wanted.timeout:
                raise self._failure("restore", "its kubelet does not report to the API", answer.stderr, started, LOG % "restore")
            self.pause(1)

    def _wait_for_api_server(self, by_endpoint: bool = False) -> None:
        deadline = self.runner.now() + self.wanted.timeout
        # The local API server, not the endpoint: its readiness takes in its own etcd member.
        local = ["--server=https://127.0.0.1:%d" % self.wanted.api_port, "--tls-server-name=kubernetes"]
        server = [] if by_endpoint else local
        argv = ["kubectl", "--kubeconfig", ADMIN] + server + ["get", "--raw", "/readyz", "--request-timeout=5s"]
        started = self.runner.now()
        while True:
            answer = self.runner.run(argv, timeout=15)
            if answer.rc == 0:
                return
            if self.runner.now() > deadline:
                what = "the endpoint does not answer" if by_endpoint else "its API server did not get ready"
                raise self._failure("join", what, answer.stderr, started, LOG % "join")
            self.pause(1)
