# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kubeadm's static pods: which files each has read at its start, whether it runs with the newest of them, and its restart.

A container is ended by a signal to its process, and the kubelet starts the next one from the same pod: that takes seconds, where
a manifest that is moved away and back takes a minute. What was killed between a renewal and a restart shows by the process being
older than the file, so no note of it has to be kept.
"""

from __future__ import annotations

import os
import re
import signal
import time
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates import served
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.waiting import wait_for
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.health import EtcdState, read_etcd
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.health import local_address
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.kubernetes import MANIFESTS, parse_flags
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.processes import Process, running
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.readyz import ask_readyz
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import number_or

#: What modules that restart an API server take. Documented in plugins/doc_fragments/api_servers.py.
_SERVER = {"name": {"type": "str"}, "address": {"type": "str", "required": True}, "port": {"type": "int", "default": 6443}}
API_SERVERS: Dict[str, Any] = {"api_servers": {"type": "list", "elements": "dict", "default": [], "options": _SERVER}}
PKI = "/etc/kubernetes/pki"
#: Seconds that a process has to end by itself: an API server lets its requests end first.
GRACE = 75
#: Seconds in which the kubelet starts a container again that ended for the first time in a while. After that it waits longer each
#: time, up to five minutes, and only a kubelet that is started anew does not.
BACK_OFF = 5


class Component(NamedTuple):
    """A static pod: the files that it reads at its start, and the certificates that it shows, by its port's flag."""

    name: str
    files: Sequence[str]
    shows: Sequence[Tuple[str, str]] = ()


#: In the order of a restart: what is below comes first.
COMPONENTS = (
    Component(
        "etcd",
        (PKI + "/etcd/server.crt", PKI + "/etcd/peer.crt", PKI + "/etcd/ca.crt"),
        (("listen-client-urls", PKI + "/etcd/server.crt"), ("listen-peer-urls", PKI + "/etcd/peer.crt")),
    ),
    Component(
        "kube-apiserver",
        (
            PKI + "/apiserver.crt",
            PKI + "/apiserver-kubelet-client.crt",
            PKI + "/apiserver-etcd-client.crt",
            PKI + "/front-proxy-client.crt",
            PKI + "/front-proxy-ca.crt",
            PKI + "/ca.crt",
            PKI + "/etcd/ca.crt",
            PKI + "/sa.pub",
            PKI + "/sa.key",
        ),
        (("secure-port", PKI + "/apiserver.crt"),),
    ),
    Component(
        "kube-controller-manager",
        ("/etc/kubernetes/controller-manager.conf", PKI + "/ca.crt", PKI + "/front-proxy-ca.crt", PKI + "/sa.key"),
    ),
    Component("kube-scheduler", ("/etc/kubernetes/scheduler.conf",)),
    # Not kubeadm's, but it logs in with what kubeadm renews. Ended by a signal it gives the address to another node.
    Component("kube-vip", ("/etc/kubernetes/admin.conf",)),
)
#: Where the last two answer /healthz, unless their flags say otherwise.
HEALTH_PORTS = {"kube-controller-manager": 10257, "kube-scheduler": 10259}
#: A client of etcd has to show a certificate before it sees the server's.
ETCD_CLIENT = (PKI + "/etcd/healthcheck-client.crt", PKI + "/etcd/healthcheck-client.key")


def present(runner: Runner) -> List[Component]:
    """The static pods that belong to this host."""
    return [component for component in COMPONENTS if runner.exists("%s/%s.yaml" % (MANIFESTS, component.name))]


def stale(component: Component, runner: Runner, modified: Callable[[str], Optional[float]]) -> str:
    """Why this static pod has to be started anew, or an empty text. One that does not run is the kubelet's business."""
    processes = running(runner, component.name)
    if not processes:
        return ""
    for path in component.files:
        changed = modified(path)
        # A time that lies ahead tells of a clock that was set back, and not of a change.
        if changed is not None and processes[-1].started < changed <= runner.now():
            return "%s is newer than its process" % path
    for flag, path in component.shows:
        if _shows(component, flag, runner) not in (None, served.in_file(runner.read(path) or "")):
            return "it shows another certificate than %s" % path
    return ""


def _flags(component: Component, runner: Runner) -> Mapping[str, str]:
    return parse_flags(runner.read("%s/%s.yaml" % (MANIFESTS, component.name)) or "")


def _place(component: Component, flag: str, runner: Runner) -> Tuple[str, int]:
    """Address and port on this host where the certificate that belongs to a flag is shown."""
    flags = _flags(component, runner)
    if component.name == "kube-apiserver":
        return local_address(flags.get("bind-address", "")), number_or(flags.get(flag), 6443)
    match = re.match(r"https://(.+):([0-9]{1,5})$", flags.get(flag, "").split(",")[-1])
    return (local_address(match.group(1).strip("[]")), int(match.group(2))) if match else ("127.0.0.1", 0)


def _shows(component: Component, flag: str, runner: Runner) -> Optional[bytes]:
    address, port = _place(component, flag, runner)
    client = ETCD_CLIENT if component.name == "etcd" and all(map(runner.exists, ETCD_CLIENT)) else None
    return served.shown(address, port, client) if port else None


class Restarter:
    """Starts one static pod of this host after another anew, each behind the gate that the cluster can do without it."""

    def __init__(
        self,
        runner: Runner,
        api_servers: Sequence[Tuple[str, int]],
        timeout: float,
        sleep: Callable[[float], None] = time.sleep,
        kill: Callable[[int, int], None] = os.kill,
        etcd: Callable[[Runner, Sequence[str]], EtcdState] = read_etcd,
        ready: Callable[[str, int, Runner], object] = ask_readyz,
    ) -> None:
        self.runner = runner
        self.api_servers = api_servers
        self.timeout = timeout
        self.sleep = sleep
        self.kill = kill
        self.etcd = etcd
        self.ready = ready
        self._gone, self._revived = 0.0, False

    def restart(self, component: Component) -> None:
        """End the process, and return when the next one runs and is well.

        :raises CertificateError: the cluster could not do without this one now, or the new one does not come up.
        """
        self._renew(component, lambda before: [self.kill(process.pid, signal.SIGTERM) for process in before], GRACE)

    def replace(self, component: Component, write: Callable[[], None]) -> None:
        """Have ``write`` change the manifest, and return when the kubelet runs that one and it is well.

        :raises CertificateError: as restart does.
        """
        self._renew(component, lambda _before: write(), 2 * GRACE)

    def _renew(self, component: Component, change: Callable[[List[Process]], object], grace: float) -> None:
        before = running(self.runner, component.name)
        if before and self._well(component) == "":
            # One that is not well serves nobody: its restart can only help.
            self.wait("%s before its restart" % component.name, lambda: self._others(component))
        change(before)
        old = {process.pid for process in before}
        ends = self.runner.now() + grace
        self._gone, self._revived = 0.0, False
        self.wait(component.name, lambda: self._again(component, old, ends))

    def _again(self, component: Component, old: "set[int]", ends: float) -> str:
        now: List[Process] = running(self.runner, component.name)
        if any(process.pid in old for process in now):
            for process in now if self.runner.now() > ends else ():
                # As the kubelet does with a container that has used up its time.
                self.kill(process.pid, signal.SIGKILL)
            return "its old process still runs"
        if not now:
            self._gone = self._gone or self.runner.now()
            if not self._revived and self.runner.now() - self._gone > BACK_OFF:
                self._revived = True
                self.runner.run(["systemctl", "restart", "kubelet"], timeout=120)
            return "the kubelet has not started it again"
        for flag, path in component.shows:
            if _shows(component, flag, self.runner) != served.in_file(self.runner.read(path) or ""):
                return "it does not show the certificate of %s" % path
        return self._well(component)

    def _well(self, component: Component) -> str:
        """Why the component on this host is not well, or an empty text."""
        if component.name == "etcd":
            state = self.etcd(self.runner, [])
            bad = ["%s: %s" % (name, reason) for name, healthy, reason in state.members if not healthy]
            return state.error or "; ".join(bad)
        if component.name == "kube-apiserver":
            answer = self.ready(*_place(component, "secure-port", self.runner), self.runner)
            return "" if answer.ready else answer.message  # type: ignore[attr-defined]
        if component.name not in HEALTH_PORTS:
            return ""
        flags = _flags(component, self.runner)
        port = number_or(flags.get("secure-port"), HEALTH_PORTS[component.name])
        return "" if served.healthz(port) else "it does not answer at 127.0.0.1:%d/healthz" % port

    def _others(self, component: Component) -> str:
        """Why the cluster could not do without this one now, or an empty text."""
        if component.name == "etcd":
            state = self.etcd(self.runner, [])
            bad = ["%s: %s" % (name, reason) for name, healthy, reason in state.members if not healthy]
            return "; ".join(bad + ["%s never started" % name for name in state.unstarted]) if state.voters > 1 else ""
        if component.name == "kube-apiserver" and self.api_servers:
            silent = []
            for address, port in self.api_servers:
                answer = self.ready(address, port, self.runner)
                if not answer.ready:  # type: ignore[attr-defined]
                    silent.append(answer.message)  # type: ignore[attr-defined]
            return "; ".join(silent)
        return ""

    def wait(self, what: str, why_not: Callable[[], str]) -> None:
        """Wait as long as a restart may take until there is no reason any more.

        :raises CertificateError: there still is one.
        """
        remedy = "look at the pod (crictl ps -a, /var/log/pods) and at journalctl -u kubelet; the next run goes on from here"
        wait_for(what, why_not, remedy, self.runner, self.timeout, self.sleep)
