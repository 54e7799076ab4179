# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Renews what kubeadm has issued on this control plane and has its static pods run with it, and mends a kubelet's certificates."""

from __future__ import annotations

import contextlib
import os
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.components import (
    Component,
    Restarter,
    present,
    stale,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.errors import CertificateError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.report import (
    KUBEADM,
    KUBELET,
    SERVING,
    is_due,
    kind_of,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.waiting import wait_for
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.replace import replace_file
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.certificates import read as read_certificates
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.kubernetes import MANIFESTS
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.problems import Problems
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import NOT_FOUND, Runner

CLIENT = "/var/lib/kubelet/pki/kubelet-client-current.pem"
#: What the kubelet makes by itself where it has none: signed by nobody, shown at port 10250.
SERVING_FILES = ("/var/lib/kubelet/pki/kubelet.crt", "/var/lib/kubelet/pki/kubelet.key")
BOOTSTRAP = "/etc/kubernetes/bootstrap-kubelet.conf"
#: kubeadm first asks the cluster for its configuration, and does without it after a minute.
KUBEADM_SECONDS = 180


class Step(NamedTuple):
    """One thing to do and why; ``component`` is the static pod that it restarts, if it is that."""

    text: str
    component: Optional[Component] = None


def modified(path: str) -> Optional[float]:
    """When a file was last changed, or None where there is none."""
    try:
        return os.stat(path).st_mtime
    except OSError:
        return None


def read(runner: Runner) -> List[Dict[str, Any]]:
    """The certificates of this host as node_facts has them.

    :raises CertificateError: one can't be read.
    """
    problems = Problems()
    found = read_certificates(runner, runner.now(), problems)["certificates"]
    if problems.texts:
        raise CertificateError("certificates", "; ".join(problems.texts), "restore these files from a backup, then run again")
    return list(found)


def due(certificates: Sequence[Mapping[str, Any]], days: int, *kinds: str, external_etcd: bool = False) -> List[Mapping[str, Any]]:
    """Those of these kinds about which something has to be done."""
    named = [(one, kind_of(str(one["path"]), bool(one.get("ca")), external_etcd)) for one in certificates]
    return [one for one, kind in named if kind in kinds and is_due(one, kind, days)]


# --- a control plane -------------------------------------------------------------------------------------------------------------


def plan_control_plane(runner: Runner, days: int, changed: Callable[[str], Optional[float]] = modified) -> List[Step]:
    """Renewal where one of kubeadm's certificates is due, then a restart of each static pod that runs with an older one."""
    late = due(read(runner), days, KUBEADM, external_etcd=_external_etcd(runner))
    pods = present(runner)
    if late:
        first = min(late, key=lambda one: str(one["not_after"]))
        renew = Step("renew kubeadm's certificates: %s ends %s" % (first["path"], first["not_after"]))
        return [renew] + [Step("restart %s" % pod.name, pod) for pod in pods]
    reasons = [(pod, stale(pod, runner, changed)) for pod in pods]
    return [Step("restart %s: %s" % (pod.name, reason), pod) for pod, reason in reasons if reason]


def _external_etcd(runner: Runner) -> bool:
    return not runner.exists(MANIFESTS + "/etcd.yaml")


def apply_control_plane(steps: Sequence[Step], runner: Runner, days: int, restarter: Restarter, kubeadm: str = "kubeadm") -> None:
    """Do the steps in order.

    :raises CertificateError: kubeadm could not renew all, or a static pod does not come up with the new certificate.
    """
    for step in steps:
        if step.component is not None:
            restarter.restart(step.component)
            continue
        answer = runner.run([kubeadm, "certs", "renew", "all"], timeout=KUBEADM_SECONDS)
        if answer.rc != 0:
            raise CertificateError(
                "kubeadm certs renew all",
                (answer.stderr.strip() or answer.stdout.strip() or "exit code %d" % answer.rc)[-1500:],
                "let role packages install kubeadm" if answer.rc == NOT_FOUND else "mend what this names, and run again",
            )
        left = due(read(runner), days, KUBEADM, external_etcd=_external_etcd(runner))
        if left:
            raise CertificateError(
                ", ".join(str(one["path"]) for one in left),
                "kubeadm did not renew them; where a CA's key is not on this host, it can't",
                "issue them where the CA's key is, or put the key (%s) here for the time of the renewal"
                % "/etc/kubernetes/pki/*ca.key",
            )


# --- a kubelet -------------------------------------------------------------------------------------------------------------------


def plan_kubelet(runner: Runner, days: int) -> List[Step]:
    """What has to be done about the kubelet's own certificates."""
    certificates = read(runner)
    steps = []
    for one in due(certificates, days, KUBELET):
        text = "expired" if int(one["days_left"]) < 0 else "ends"
        steps.append(Step("client certificate: its rotation is stuck, it %s %s" % (text, one["not_after"])))
    for one in due(certificates, days, SERVING):
        steps.append(Step("serving certificate %s: ends %s" % (one["path"], one["not_after"])))
    return steps


class KubeletMender:
    """Has the kubelet of this host make itself new certificates."""

    def __init__(
        self,
        runner: Runner,
        days: int,
        bootstrap_kubeconfig: str,
        timeout: float,
        sleep: Callable[[float], None],
    ) -> None:
        self.runner = runner
        self.days = days
        self.bootstrap_kubeconfig = bootstrap_kubeconfig
        self.timeout = timeout
        self.sleep = sleep

    def mend(self) -> None:
        """New certificates where they are due.

        :raises CertificateError: the kubelet got none.
        """
        certificates = read(self.runner)
        if any(one["path"] == SERVING_FILES[0] for one in due(certificates, self.days, SERVING)):
            for path in SERVING_FILES:
                aside(path)
        if not due(certificates, self.days, KUBELET):
            self._restart()
            self._wait("the kubelet's serving certificate", SERVING)
            return
        # kubelet.conf stays and names a file that is gone: the kubelet then asks anew with the bootstrap token.
        replace_file(BOOTSTRAP, self.bootstrap_kubeconfig, 0o600)
        try:
            aside(CLIENT)
            self._restart()
            self._wait("the kubelet's client certificate", KUBELET)
        finally:
            # The token is of no use to anybody else.
            with contextlib.suppress(FileNotFoundError):
                os.remove(BOOTSTRAP)
        self._wait("the kubelet's serving certificate", SERVING)

    def _restart(self) -> None:
        answer = self.runner.run(["systemctl", "restart", "kubelet"], timeout=120)
        if answer.rc != 0:
            raise CertificateError("kubelet", "it can't be restarted: %s" % answer.stderr.strip(), "read journalctl -u kubelet")

    def _wait(self, what: str, kind: str) -> None:
        def why_not() -> str:
            certificates = read(self.runner)
            there = kind != KUBELET or any(one["path"] == CLIENT for one in certificates)
            return "" if there and not due(certificates, self.days, kind) else "the kubelet has no new one"

        wait_for(
            what,
            why_not,
            "read journalctl -u kubelet here, and kubectl get certificatesigningrequests on a control plane: one that is "
            "Pending waits for the controller manager's approval, or for yours where serverTLSBootstrap is on",
            self.runner,
            self.timeout,
            self.sleep,
        )


def aside(path: str) -> None:
    """Let a file be out of the way, and be found by whoever misses it."""
    with contextlib.suppress(FileNotFoundError):
        os.rename(path, path + ".old")


def bootstrap_kubeconfig(endpoint: str, ca_certificate: str, token: str) -> str:
    """A kubeconfig with a bootstrap token, in YAML that is JSON."""
    import base64
    import json

    cluster = {"server": "https://" + endpoint, "certificate-authority-data": base64.b64encode(ca_certificate.encode()).decode()}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "bootstrap", "cluster": cluster}],
            "users": [{"name": "kubelet-bootstrap", "user": {"token": token}}],
            "contexts": [{"name": "bootstrap", "context": {"cluster": "bootstrap", "user": "kubelet-bootstrap"}}],
            "current-context": "bootstrap",
        }
    )
