# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between the ClusterConfiguration that a running cluster keeps and the one that is wanted."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import from_json
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.check import duration_seconds
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.yaml_reader import YamlError, load
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

#: What kubeadm fills in by itself (K8S v1beta4/defaults.go): of no interest where the wanted configuration is silent.
_FILLED_IN = {
    "apiServer.timeoutForControlPlane",
    "certificatesDir",
    "clusterName",
    "dns.type",
    "encryptionAlgorithm",
    "certificateValidityPeriod",
    "caCertificateValidityPeriod",
    "etcd.local.dataDir",
    "imageRepository",
    "networking.dnsDomain",
    "networking.serviceSubnet",
    "dns.disabled",
    "proxy.disabled",
    "apiServer.extraArgs.authorization-mode",
    "apiVersion",
    "kind",
}


class CompareError(Exception):
    """The running cluster's configuration can't be had; ``problem`` says why, ``remedy`` what to do."""

    def __init__(self, problem: str, remedy: str) -> None:
        self.problem = problem
        self.remedy = remedy
        super().__init__("%s %s" % (problem, remedy))


class Difference(NamedTuple):
    """A field that differs; None stands for a side that doesn't have it."""

    field: str
    cluster: Any
    wanted: Any

    def data(self) -> Dict[str, Any]:
        return dict(self._asdict())


FORM = {"data": {"ClusterConfiguration": str}}


def read_cluster(runner: Runner, kubeconfig: str) -> Dict[str, Any]:
    """The ClusterConfiguration in kube-system/kubeadm-config. Raises CompareError."""
    argv = ["kubectl", "--kubeconfig", kubeconfig, "--request-timeout=20s", "-n", "kube-system"]
    result = runner.run(argv + ["get", "configmap", "kubeadm-config", "-o", "json"], timeout=30)
    if result.rc != 0:
        raise CompareError(
            "kubectl can't read kubeadm-config with %s: %s" % (kubeconfig, result.stderr.strip() or "exit code %d" % result.rc),
            "Compare on a control plane of a running cluster, or name its kubeconfig.",
        )
    try:
        document = parse(from_json(result.stdout, FORM)["data"]["ClusterConfiguration"])
    except ValueError as error:
        raise CompareError("kubeadm-config has no ClusterConfiguration that can be read: %s" % error, "Look at it with kubectl.")
    if not isinstance(document, dict):
        raise CompareError("kubeadm-config has no ClusterConfiguration that can be read.", "Look at it with kubectl.")
    return document


def parse(text: str) -> Any:
    """The text as data: by PyYAML where there is one, else by our own reader. Raises YamlError or ValueError."""
    try:
        import yaml
    except ImportError:
        return load(text)
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise YamlError(0, str(error))


def flatten(document: Mapping[str, Any]) -> Dict[str, Any]:
    """Every value by its path; arguments by name in either form, so that v1beta3 and v1beta4 compare."""
    found: Dict[str, Any] = {}

    def walk(path: Tuple[str, ...], value: Any) -> None:
        if isinstance(value, Mapping):
            for name, inner in value.items():
                walk(path + (str(name),), inner)
        elif path and path[-1] == "extraArgs" and isinstance(value, list):
            for item in value:
                if isinstance(item, Mapping):
                    key = ".".join(path + (str(item.get("name")),))
                    known = found.get(key)
                    found[key] = item.get("value") if known is None else "%s %s" % (known, item.get("value"))
        elif value not in (None, "", []):
            found[".".join(path)] = value

    walk((), document)
    return found


def differences(cluster: Mapping[str, Any], wanted: Mapping[str, Any]) -> List[Difference]:
    """Fields that differ, by name; without what kubeadm fills in where nothing is wanted."""
    ours, theirs = flatten(wanted), flatten(cluster)
    found = []
    for field in sorted(set(ours) | set(theirs)):
        left, right = theirs.get(field), ours.get(field)
        if left == right or (right is None and field in _FILLED_IN) or field in ("apiVersion", "kind"):
            continue
        seconds = duration_seconds(left)
        if seconds is not None and seconds == duration_seconds(right):
            continue
        if right is False and left is None:
            continue
        found.append(Difference(field, left, right))
    return found
