# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kubectl as the one way to the API: it is on every control plane, knows the cluster's version and needs no Python library."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Optional, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import ProblemError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import from_json
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.forms import OBJECT
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import NOT_FOUND, TIMED_OUT, Result, Runner

ADMIN_KUBECONFIG = "/etc/kubernetes/admin.conf"

#: What modules that speak to the API take, by any program and by kubectl. Documented in plugins/doc_fragments/kubernetes_api.py.
KUBECONFIG_ARGUMENT: Dict[str, Any] = {"kubeconfig": {"type": "path", "default": ADMIN_KUBECONFIG}}
KUBECTL_ARGUMENTS: Dict[str, Any] = {**KUBECONFIG_ARGUMENT, "kubectl_path": {"type": "str", "default": "kubectl"}}


#: How a line of klog begins: severity, date and time. kubectl 1.27 and newer log every attempt before they say what is wrong.
_LOG_LINE = re.compile(r"[IWEF]\d{4} \d\d:\d\d:\d\d")


class KubernetesError(ProblemError):
    """``subject`` failed with ``problem`` (what kubectl or the API said); ``remedy`` is what a person does next."""


class Kubectl:
    """kubectl with one kubeconfig; ``server`` asks another address of the same cluster."""

    def __init__(
        self, runner: Runner, kubeconfig: str = ADMIN_KUBECONFIG, program: str = "kubectl", server: Optional[str] = None
    ) -> None:
        self._runner = runner
        self._kubeconfig = kubeconfig
        self._argv = [program] + (["--server", server] if server else [])

    @classmethod
    def from_options(cls, runner: Runner, options: Mapping[str, Any], server: Optional[str] = None) -> Kubectl:
        """kubectl as a module's KUBECTL_ARGUMENTS name it."""
        return cls(runner, options["kubeconfig"], options["kubectl_path"], server)

    def usable(self) -> bool:
        """Whether this host has a kubeconfig at all: before the first control plane it has none."""
        return self._runner.exists(self._kubeconfig)

    def run(self, arguments: Sequence[str], stdin: Optional[str] = None, timeout: float = 60.0) -> Result:
        """One call, whatever becomes of it."""
        environment: Mapping[str, str] = {"KUBECONFIG": self._kubeconfig, "KUBECTL_EXTERNAL_DIFF": "diff -u -N"}
        return self._runner.run(self._argv + list(arguments), timeout=timeout, stdin=stdin, env=environment)

    def checked(self, subject: str, arguments: Sequence[str], stdin: Optional[str] = None, timeout: float = 60.0) -> str:
        """One call's output.

        :raises KubernetesError: it failed; the text is kubectl's own.
        """
        result = self.run(arguments, stdin, timeout)
        if result.rc != 0:
            raise KubernetesError(subject, said(result), remedy_for(result))
        return result.stdout

    def objects(self, resource: str, *arguments: str, form: Any = None) -> List[Dict[str, Any]]:
        """The items of ``kubectl get RESOURCE``, all of which have the form (that of an object we know by default).

        :raises KubernetesError: it failed, or printed something else.
        """
        subject = "kubectl get %s" % resource
        answer = self._data(subject, ["get", resource, "--output=json", *arguments], {"items?": [form or OBJECT]})
        return list(answer.get("items") or [])

    def object(self, subject: str, *arguments: str, timeout: float = 60.0) -> Dict[str, Any]:
        """The one object of ``kubectl get ARGUMENTS``; empty where that may be missing (--ignore-not-found) and is."""
        found: Dict[str, Any] = self._data(subject, ["get", *arguments, "--output=json"], OBJECT, timeout)
        return found

    def _data(self, subject: str, arguments: Sequence[str], form: Any, timeout: float = 60.0) -> Any:
        text = self.checked(subject, arguments, timeout=timeout)
        if not text.strip() and "--ignore-not-found" in arguments:
            return {}
        try:
            return from_json(text, form)
        except ValueError as error:
            raise KubernetesError(subject, "kubectl printed %r: %s" % (text[:100], error), "run it by hand: what answers there?")


def said(result: Result, program: str = "kubectl") -> str:
    """What kubectl or another client of the API said when it failed; of its log only where it said nothing else."""
    lines = [line for line in result.stderr.splitlines() if line.strip() and "client-side throttling" not in line]
    words = [line for line in lines if not _LOG_LINE.match(line)]
    return "\n".join(words or lines) or result.stdout.strip() or "%s ended with code %d and without a word" % (program, result.rc)


def remedy_for(result: Result) -> str:
    """What to do about the commonest failures of kubectl."""
    text = result.stderr
    if result.rc == NOT_FOUND:
        return "install kubectl on this node (the packages role does)"
    if result.rc == TIMED_OUT or "Unable to connect to the server" in text or "was refused" in text:
        return "look whether an API server runs behind the endpoint: kubectl get --raw /readyz?verbose on a control plane"
    if "certificate" in text and ("expired" in text or "unknown authority" in text):
        return "check the certificates with kubeadm certs check-expiration, and that the kubeconfig is this cluster's"
    if "forbidden" in text or "Unauthorized" in text:
        return "use a kubeconfig with the rights for it, such as %s" % ADMIN_KUBECONFIG
    if "no matches for kind" in text:
        return "install the CustomResourceDefinition first, or write an API version that this cluster has"
    return "mend what this message names and run the play again"
