# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Helm release brought to a chart's version and values; Helm itself, 3 or 4, is asked what is installed."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Set

from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import from_json
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import (
    ADMIN_KUBECONFIG,
    Kubectl,
    KubernetesError,
    said,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import NOT_FOUND, TIMED_OUT, Result, Runner

#: States in which another helm works on a release, or one was killed (helm pkg/release/common/status.go).
PENDING = ("pending-install", "pending-upgrade", "pending-rollback")
#: Every state, by options that Helm 3 and 4 have both: 4 shows all by itself and refuses --all.
EVERY_STATE = ("--deployed", "--failed", "--pending", "--superseded", "--uninstalled", "--uninstalling")
#: From here on Helm applies on the server, and fails for a field that a controller has filled, like a webhook's CA bundle.
FIRST_MAJOR_THAT_APPLIES_ON_THE_SERVER = 4
#: What charts call a value that nobody may read; not the name of a Secret.
SECRET = re.compile(
    r"(passw(or)?d|passphrase|token|(?<!existing)secret|credentials?|(api|access|secret|private|user|admin|auth|encryption)_?key)$",
    re.IGNORECASE,
)


class WantedRelease(NamedTuple):
    """A release as the caller wants it; ``sha256`` is that of the chart's archive, empty for no check.

    ``crds_chart`` has the definitions of the chart's own kinds, where it is a chart of its own.
    """

    name: str
    namespace: str
    chart: str
    repository: str
    version: str
    sha256: str
    values: Mapping[str, Any]
    crds_chart: str = ""
    crds_sha256: str = ""


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

    def run(self, subject: str, arguments: List[str]) -> str:
        """One call's output.

        :raises KubernetesError: helm failed; the text is its own.
        """
        result = self.runner.run([self._program] + arguments, timeout=120.0, env={"KUBECONFIG": self._kubeconfig})
        return self._output(subject, result)

    def change(self, subject: str, arguments: List[str], stdin: str, seconds: int) -> None:
        """A call that changes a release.

        :raises KubernetesError: helm failed, or did not end in time.
        """
        # It counts for each hook anew. Killed it would leave the release pending; told to end it notes that it failed.
        argv = ["timeout", "--kill-after=60", str(seconds + 30), self._program] + arguments + ["--timeout", "%ds" % seconds]
        result = self.runner.run(argv, timeout=seconds + 120.0, stdin=stdin, env={"KUBECONFIG": self._kubeconfig})
        if result.rc == TIMED_OUT:
            last = said(result, "helm").splitlines()[-1]
            words = "helm did not end within %d seconds; %s" % (seconds, last)
            raise KubernetesError(subject, words, "see with kubectl what does not become ready, and run the play again")
        self._output(subject, result)

    def major(self, subject: str) -> int:
        """Which major version it is.

        :raises KubernetesError: helm failed, or does not say so.
        """
        text = self.run(subject, ["version", "--template", "{{.Version}}"]).strip()
        found = re.match(r"v?([0-9]{1,4})\.", text)
        if not found:
            raise KubernetesError(subject, "helm says that its version is %r" % text[:100], "install Helm 3 or 4")
        return int(found.group(1))

    def _output(self, subject: str, result: Result) -> str:
        if result.rc != 0:
            raise KubernetesError(subject, said(result, "helm"), _remedy(result))
        return result.stdout


def read_release(helm: Helm, wanted: WantedRelease) -> Optional[Release]:
    """What is installed under that name, or None."""
    subject = "release %s" % wanted.name
    argv = ["list", *EVERY_STATE, "--namespace", wanted.namespace, "--filter", "^%s$" % wanted.name, "--output", "json"]
    releases = _said(subject, helm.run(subject, argv) or "[]", [{"name?": str, "status?": str, "chart?": str}])
    # A dot in a name is any character of the filter's.
    releases = [release for release in releases if release.get("name") == wanted.name]
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
    subject, problem = "release %s" % wanted.name, "its state is %s: another helm works on it, or one was killed" % current.status
    if current.status in PENDING:
        # Nothing that runs is touched by that; what a first installation has made already is the next one's.
        forget = "kubectl --namespace %s delete secrets --selector owner=helm,name=%s,status=%s"
        remedy = "wait for the other one; if there is none, run `%s`, and the play again" % forget
        raise KubernetesError(subject, problem, remedy % (wanted.namespace, wanted.name, current.status))
    if current.status == "uninstalling":
        remedy = "wait for the other one; if there is none, run `helm uninstall %s --namespace %s`, and the play again"
        raise KubernetesError(subject, problem, remedy % (wanted.name, wanted.namespace))
    reasons = []
    if current.status != "deployed":
        reasons.append("its state is %s" % (current.status or "unknown"))
    if not current.chart.endswith("-" + wanted.version):
        reasons.append("chart %s, wanted version %s" % (current.chart, wanted.version))
    if _comparable(current.values) != _comparable(wanted.values):
        reasons.append("values differ")
    return reasons


def _comparable(values: Mapping[str, Any]) -> str:
    # As text, since True == 1 in Python; with numbers as Helm keeps them, which are floating.
    return json.dumps(json.loads(json.dumps(values), parse_int=float), sort_keys=True)


def values_file(values: Mapping[str, Any]) -> str:
    """The values as Helm reads them, which is YAML: it knows no escaped pairs of JSON's, and ends lines at more than JSON does."""
    return re.sub("[\x7f-\uffff]", lambda found: "\\u%04x" % ord(found.group()), json.dumps(values, ensure_ascii=False))


def secrets(values: Any, hidden: bool = False) -> Set[str]:
    """What in the values nobody may read, by the names that charts give it; also as JSON writes it."""
    found: Set[str] = set()
    if isinstance(values, Mapping):
        for name, inner in values.items():
            found |= secrets(inner, SECRET.search(str(name)) is not None)
    elif isinstance(values, (list, tuple)):
        for inner in values:
            found |= secrets(inner, hidden)
    elif hidden and isinstance(values, str) and values:
        found |= {values, json.dumps(values)[1:-1]}
    return found


def apply_release(helm: Helm, kubectl: Kubectl, wanted: WantedRelease, seconds: int) -> None:
    """Install or upgrade, from archives with the right version, and the right checksum where one is given."""
    subject = "release %s" % wanted.name
    folder = helm.runner.run(["mktemp", "--directory"]).stdout.strip()
    if not folder:
        raise KubernetesError(subject, "this host can't make a directory for its chart", "see whether /tmp is full")
    try:
        archive = _archive(helm, wanted, wanted.chart, wanted.sha256, folder + "/chart")
        if wanted.crds_chart:
            definitions = _archive(helm, wanted, wanted.crds_chart, wanted.crds_sha256, folder + "/crds")
            _define(helm, kubectl, wanted, definitions)
        # Without the last option Helm takes no values for the old ones.
        argv = ["upgrade", "--install", wanted.name, archive, "--namespace", wanted.namespace, "--values", "-", "--reset-values"]
        if helm.major(subject) >= FIRST_MAJOR_THAT_APPLIES_ON_THE_SERVER:
            argv.append("--server-side=false")
        helm.change(subject, argv, values_file(wanted.values), seconds)
    finally:
        helm.runner.run(["rm", "-r", "-f", "--", folder])


def _archive(helm: Helm, wanted: WantedRelease, chart: str, sha256: str, folder: str) -> str:
    """The path of the chart's archive, which is the one that is meant."""
    subject, path = "chart %s" % chart, chart
    if not chart.endswith(".tgz"):
        source = [chart, "--version", wanted.version] + (["--repo", wanted.repository] if wanted.repository else [])
        helm.runner.run(["mkdir", folder])
        helm.run(subject, ["pull"] + source + ["--destination", folder])
        archives = [name for name in helm.runner.list_dir(folder) if name.endswith(".tgz")]
        if len(archives) != 1:
            raise KubernetesError(subject, "helm pull left %d archives" % len(archives), "see whether the repository has it")
        path = "%s/%s" % (folder, archives[0])
    content = helm.runner.read_bytes(path)
    if content is None:
        raise KubernetesError(subject, "there is no such file on this host", "put it there, or name a chart that Helm can pull")
    found = hashlib.sha256(content).hexdigest()
    if sha256 and found != sha256.lower():
        problem = "its SHA-256 is %s, not %s" % (found, sha256)
        raise KubernetesError(subject, problem, "fetch it again, or correct the checksum if you trust it")
    said = re.search(r"^version: *[\"']?([^\"'\s]+)", helm.run(subject, ["show", "chart", path]), re.MULTILINE)
    version = said.group(1) if said else "not known"
    if version != wanted.version:
        # Helm takes 1.20, and v1.20.2 for 1.20.2; every later run would find another version than it wants.
        raise KubernetesError(subject, "its version is %s, not %s" % (version, wanted.version), "write that version")
    return path


def _define(helm: Helm, kubectl: Kubectl, wanted: WantedRelease, archive: str) -> None:
    """The chart's definitions as objects of no release: all of them are more than the one Secret that Helm keeps a release in."""
    subject = "definitions of release %s" % wanted.name
    objects = helm.run(subject, ["template", wanted.name, archive, "--namespace", wanted.namespace, "--include-crds"])
    # An operator that keeps its own definitions up to date is no reason to stop.
    argv = ["apply", "--server-side", "--force-conflicts", "--filename=-"]
    kubectl.checked(subject, argv, stdin=objects, timeout=120.0)
    kubectl.checked(subject, ["wait", "--for=condition=Established", "--timeout=60s", "--filename=-"], stdin=objects, timeout=90.0)


def _remedy(result: Result) -> str:
    if result.rc == NOT_FOUND:
        return "install helm on this node, or set the role's _helm_path, as cni_helm_path"
    return "mend what this message names and run the play again"
