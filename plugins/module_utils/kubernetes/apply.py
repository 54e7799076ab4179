# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects of a cluster brought to their manifests by server-side apply: compared first, changed only where they differ."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Set

from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import (
    Kubectl,
    KubernetesError,
    remedy_for,
    said,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Result

FIELD_MANAGER = "baremetal-kubernetes"
#: Conflicts are forced: what the manifest says is wanted, whoever wrote the field before (a manual apply of the same add-on).
SERVER_SIDE = ["--server-side", "--force-conflicts", "--field-manager=" + FIELD_MANAGER, "--filename=-"]
#: How many pods of a workload are new already (kubectl's pkg/polymorphichelpers/rollout_status.go).
UPDATED = re.compile(r"([0-9]{1,9}) out of \d+ new (?:pods|replicas)")
#: Kinds that kubectl rollout status knows.
ROLLOUTS = ("DaemonSet", "Deployment", "StatefulSet")

NAMESPACE_MISSING = re.compile(r'namespaces "([^"]+)" not found')
#: kubectl diff gives each object a file named GROUP.VERSION.KIND.NAMESPACE.NAME (kubectl/pkg/cmd/diff/diff.go).
#: A line that differs, headers aside; and one that only says when a manager set its fields, which 1.20 notes anew for some kinds.
DIFFERENCE = re.compile(r"^(?:\+(?!\+\+ )|-(?!-- )).*$", re.MULTILINE)
NOTED = re.compile(r"[+-]\s+time: \"[0-9TZ:.-]+\"")
DIFF_HEADER = re.compile(r"^\+\+\+ \S*/([^/\s]+)", re.MULTILINE)


class ApplyPlan(NamedTuple):
    """``differs`` says whether anything has to be done, ``diff`` what, ``objects`` which ones as far as kubectl tells."""

    differs: bool
    diff: str
    objects: List[str]


def describe(manifest: Mapping[str, Any]) -> str:
    """An object as a person names it: ``DaemonSet kube-flannel/kube-flannel-ds``."""
    metadata = manifest.get("metadata") or {}
    namespace = metadata.get("namespace")
    return "%s %s%s" % (manifest.get("kind", "?"), namespace + "/" if namespace else "", metadata.get("name", "?"))


def check_manifests(manifests: Sequence[Mapping[str, Any]]) -> None:
    """Refuse what is no named object.

    :raises KubernetesError: with the number of the first one that is not.
    """
    for number, manifest in enumerate(manifests, 1):
        metadata = manifest.get("metadata")
        if not manifest.get("apiVersion") or not manifest.get("kind") or not isinstance(metadata, dict) or not metadata.get("name"):
            raise KubernetesError(
                "manifest %d of %d" % (number, len(manifests)),
                "it is no Kubernetes object: apiVersion, kind or metadata.name is missing",
                "check the YAML, above all its indentation and its --- lines",
            )


def plan_apply(kubectl: Kubectl, manifests: Sequence[Mapping[str, Any]]) -> ApplyPlan:
    """Ask the server what applying would change; it fills in the defaults, so nothing is compared by guesswork."""
    result = kubectl.run(["diff"] + SERVER_SIDE, stdin=_as_list(manifests))
    if result.rc == 0:
        return ApplyPlan(False, "", [])
    differing = DIFFERENCE.findall(result.stdout)
    if result.rc == 1 and differing and all(map(NOTED.fullmatch, differing)):
        return ApplyPlan(False, "", [])
    if result.rc == 1 and "+++ " in result.stdout:
        shown = _without_secrets(_without_temporary_paths(result.stdout))
        return ApplyPlan(True, shown, sorted(set(DIFF_HEADER.findall(result.stdout))))
    if _only_lacks_own_namespace(result, manifests):
        return all_new(manifests)
    raise KubernetesError(_named_in(result, manifests), said(result), remedy_for(result))


def all_new(manifests: Sequence[Mapping[str, Any]]) -> ApplyPlan:
    """The plan for a cluster that has none of these objects, or that does not exist yet."""
    names = [describe(manifest) for manifest in manifests]
    return ApplyPlan(True, "".join("+%s\n" % name for name in names), names)


def apply(kubectl: Kubectl, manifests: Sequence[Mapping[str, Any]]) -> None:
    """Apply all of them in their order.

    :raises KubernetesError: the server refused one; those before it are applied.
    """
    result = kubectl.run(["apply"] + SERVER_SIDE, stdin=_as_list(manifests), timeout=120)
    if result.rc != 0:
        raise KubernetesError(_named_in(result, manifests), said(result), remedy_for(result))


def wait_for_rollouts(kubectl: Kubectl, manifests: Sequence[Mapping[str, Any]], seconds: int) -> List[str]:
    """Wait until each workload runs on every node it belongs on, and return kubectl's last word about each.

    :raises KubernetesError: none of a workload's pods followed for ``seconds``.
    """
    words = []
    for manifest in manifests:
        if manifest.get("kind") not in ROLLOUTS:
            continue
        metadata: Dict[str, Any] = manifest["metadata"]
        namespace = str(metadata.get("namespace", "default"))
        target = "%s/%s" % (str(manifest["kind"]).lower(), metadata["name"])
        result = wait_for_rollout(kubectl, namespace, target, seconds)
        last = _last_line(result.stdout)
        if result.rc != 0:
            raise KubernetesError(
                describe(manifest),
                "not ready after %d s: %s" % (seconds, last or said(result)),
                "look at its pods: kubectl --namespace %s get pods --output wide, and kubectl --namespace %s describe %s"
                % (namespace, namespace, target),
            )
        words.append(last)
    return words


def wait_for_rollout(kubectl: Kubectl, namespace: str, target: str, seconds: float) -> Result:
    """kubectl's answer about a workload: that it is rolled out, or that no pod of it followed for ``seconds``.

    A DaemonSet takes its nodes one after another: on many nodes that is no matter of one timeout.
    """
    while True:
        argv = ["rollout", "status", target, "--namespace", namespace, "--timeout=%ds" % seconds]
        result = kubectl.run(argv, timeout=seconds + 15)
        counts = [int(count) for count in UPDATED.findall(result.stdout)]
        if result.rc == 0 or not counts or counts[-1] <= counts[0]:
            return result


def _as_list(manifests: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)})


def _without_secrets(diff: str) -> str:
    """The diff with the names of changed Secrets, and nothing of what is in them: kubectl 1.20 shows it (newer ones mask it)."""
    kept: List[str] = []
    secret = False
    for line in diff.splitlines():
        if line.startswith("--- "):
            secret = line.startswith("--- v1.Secret.")
        elif secret and not line.startswith("+++ "):
            continue
        kept.append(line)
        if secret and line.startswith("+++ "):
            kept.append("(what is in a Secret is not shown)")
    return "".join(line + "\n" for line in kept)


def _only_lacks_own_namespace(result: Result, manifests: Sequence[Mapping[str, Any]]) -> bool:
    missing: Set[str] = set(NAMESPACE_MISSING.findall(result.stderr))
    own = {str(manifest["metadata"]["name"]) for manifest in manifests if manifest.get("kind") == "Namespace"}
    return bool(missing) and missing <= own


def _named_in(result: Result, manifests: Sequence[Mapping[str, Any]]) -> str:
    for manifest in manifests:
        if '"%s"' % manifest["metadata"]["name"] in result.stderr:
            return describe(manifest)
    return ", ".join(describe(manifest) for manifest in manifests)


def _without_temporary_paths(text: str) -> str:
    return re.sub(r"^(---|\+\+\+|diff) .*$", _header, text, flags=re.MULTILINE)


def _header(match: "re.Match[str]") -> str:
    line = match.group(0)
    name: Optional[str] = line.split("\t")[0].split(" ")[-1].rsplit("/", 1)[-1]
    return "" if line.startswith("diff ") else "%s %s" % (match.group(1), name)


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
