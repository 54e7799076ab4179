# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Helm release brought to a chart's version and values; Helm itself is asked what is installed."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import from_json
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import ADMIN_KUBECONFIG, KubernetesError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import NOT_FOUND, Result, Runner

#: States in which a release can't be upgraded (helm/pkg/release/status.go): another helm runs, or one was killed.
PENDING = ("pending-install", "pending-upgrade", "pending-rollback", "uninstalling")


class WantedRelease(NamedTuple):
    """A release as the caller wants it; ``sha256`` is that of the chart's archive, empty for no check."""

    name: str
    namespace: str
    chart: str
    repository: str
    version: str
    sha256: str
    values: Mapping[str, Any]


class Release(NamedTuple):
    """A release as Helm reports it. ``chart`` is name-version."""

    status: str
    chart: str
    values: Dict[str, Any]


class Helm:
    """helm with one kubeconfig."""

    def __init__(self, runner: Runner, kubeconfig: str = ADMIN_KUBECONFIG, program: str = "helm") -> None:
        self.runner = runner
        self._kubeconfig = kubeconfig
        self._program = program

    def usable(self) -> bool:
        """Whether this host has a kubeconfig at all."""
        return self.runner.exists(self._kubeconfig)

    def run(self, subject: str, arguments: List[str], stdin: Optional[str] = None, timeout: float = 120.0) -> str:
        """One call's output.

        :raises KubernetesError: helm failed; the text is its own.
        """
        result = self.runner.run([self._program] + arguments, timeout=timeout, stdin=stdin, env={"KUBECONFIG": self._kubeconfig})
        if result.rc != 0:
            raise KubernetesError(subject, result.stderr.strip() or result.stdout.strip() or "no message", _remedy(result))
        return result.stdout


def read_release(helm: Helm, wanted: WantedRelease) -> Optional[Release]:
    """What is installed under that name, or None."""
    subject = "release %s" % wanted.name
    listed = helm.run(
        subject, ["list", "--all", "--namespace", wanted.namespace, "--filter", "^%s$" % wanted.name, "--output", "json"]
    )
    releases = _said(subject, listed or "[]", [{"status?": str, "chart?": str}])
    if not releases:
        return None
    got = helm.run(subject, ["get", "values", wanted.name, "--namespace", wanted.namespace, "--output", "json"])
    values = None if got.strip() in ("", "null") else _said(subject, got, {})
    return Release(str(releases[0].get("status", "")), str(releases[0].get("chart", "")), values or {})


def _said(subject: str, text: str, form: Any) -> Any:
    try:
        return from_json(text, form)
    except ValueError as error:
        raise KubernetesError(subject, "helm printed %r: %s" % (text[:100], error), "run it by hand: is it Helm 3 or newer?")


def plan_release(wanted: WantedRelease, current: Optional[Release]) -> List[str]:
    """Why the release has to be installed or upgraded; empty where it is as wanted.

    :raises KubernetesError: it is in the middle of something.
    """
    if current is None:
        return ["not installed"]
    if current.status in PENDING:
        raise KubernetesError(
            "release %s" % wanted.name,
            "its state is %s: another helm works on it, or one was killed" % current.status,
            "wait for the other one, or go back with helm rollback %s --namespace %s" % (wanted.name, wanted.namespace),
        )
    reasons = []
    if current.status != "deployed":
        reasons.append("its state is %s" % (current.status or "unknown"))
    if not current.chart.endswith("-" + wanted.version):
        reasons.append("chart %s, wanted version %s" % (current.chart, wanted.version))
    if current.values != json.loads(json.dumps(wanted.values)):
        reasons.append("values differ")
    return reasons


def apply_release(helm: Helm, wanted: WantedRelease, seconds: int) -> None:
    """Install or upgrade, from an archive with the right checksum where one is given."""
    subject = "release %s" % wanted.name
    folder = ""
    try:
        source = [wanted.chart, "--version", wanted.version] + (["--repo", wanted.repository] if wanted.repository else [])
        if wanted.chart.endswith(".tgz"):
            _check_archive(helm.runner, wanted.chart, wanted.sha256)
            source = [wanted.chart]
        elif wanted.sha256:
            folder = helm.runner.run(["mktemp", "--directory"]).stdout.strip()
            helm.run(subject, ["pull"] + source + ["--destination", folder])
            archives = ["%s/%s" % (folder, name) for name in helm.runner.list_dir(folder) if name.endswith(".tgz")]
            if len(archives) != 1:
                raise KubernetesError(subject, "helm pull left %d archives" % len(archives), "check cni_cilium_chart")
            _check_archive(helm.runner, archives[0], wanted.sha256)
            source = archives
        helm.run(
            subject,
            ["upgrade", "--install", wanted.name] + source + ["--namespace", wanted.namespace, "--values", "-"],
            stdin=json.dumps(wanted.values),
            timeout=seconds,
        )
    finally:
        if folder:
            helm.runner.run(["rm", "-r", "-f", "--", folder])


def _check_archive(runner: Runner, path: str, sha256: str) -> None:
    content = runner.read_bytes(path)
    if content is None:
        raise KubernetesError(
            "chart %s" % path, "there is no such file on this host", "put it there, or name a chart that Helm can pull"
        )
    found = hashlib.sha256(content).hexdigest()
    if sha256 and found != sha256.lower():
        raise KubernetesError(
            "chart %s" % path,
            "its SHA-256 is %s, not %s" % (found, sha256),
            "fetch it again, or correct the checksum if you trust it",
        )


def _remedy(result: Result) -> str:
    if result.rc == NOT_FOUND:
        return "install helm on this node, or set cni_helm_path"
    return "mend what this message names and run the play again"
