# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far the cluster is by its own word: what a run that was killed has done stands here and in no file of ours."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping

from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.compare import CompareError, read_cluster
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.versions import image_tag
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.drain import ANNOTATION
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import Kubectl, KubernetesError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

#: Each API server counts requests to APIs that a later release takes away, and says which (K8S staging/src/k8s.io/apiserver/pkg/
#: endpoints/metrics: apiserver_requested_deprecated_apis, since 1.19).
REQUESTED = re.compile(r"^apiserver_requested_deprecated_apis\{([^}]*)\} 1$", re.MULTILINE)
LABEL = re.compile(r'([a-z_]+)="([^"]*)"')


def read(runner: Runner, kubectl: Kubectl, kubeconfig: str) -> Dict[str, Any]:
    """config_version, proxy_version (empty where there is no kube-proxy), nodes by name, removed_apis that were asked for, and
    local_volumes: PersistentVolumes on nodes' own disks.

    :raises KubernetesError: the API does not answer.
    """
    try:
        config = read_cluster(runner, kubeconfig)
    except CompareError as error:
        raise KubernetesError("kubeadm-config", error.problem, error.remedy)
    proxies = kubectl.objects("daemonsets", "--namespace=kube-system")
    return {
        "config_version": str(config.get("kubernetesVersion", "")),
        "proxy_version": proxy_version(proxies),
        "nodes": {str(node["metadata"]["name"]): parse_node(node) for node in kubectl.objects("nodes")},
        "local_volumes": [str(one["metadata"]["name"]) for one in kubectl.objects("persistentvolumes") if _is_local(one)],
        "removed_apis": requested(kubectl.run(["get", "--raw", "/metrics"], timeout=60).stdout),
    }


def parse_node(node: Mapping[str, Any]) -> Dict[str, Any]:
    """kubelet (the version that runs), ready, cordoned, and cordoned_by (our mark)."""
    status, metadata = node.get("status") or {}, node["metadata"]
    conditions = {one.get("type"): one.get("status") for one in status.get("conditions") or []}
    return {
        "kubelet": str((status.get("nodeInfo") or {}).get("kubeletVersion", "")),
        "ready": conditions.get("Ready") == "True",
        "cordoned": bool((node.get("spec") or {}).get("unschedulable")),
        "cordoned_by": str((metadata.get("annotations") or {}).get(ANNOTATION, "")),
    }


def _is_local(volume: Mapping[str, Any]) -> bool:
    """Whether a volume lies on one node's own disk, and is lost with it."""
    spec = volume.get("spec") or {}
    return "local" in spec or "hostPath" in spec


def proxy_version(daemon_sets: List[Dict[str, Any]]) -> str:
    """The tag of kube-proxy's image; empty where there is none."""
    for one in daemon_sets:
        if one["metadata"]["name"] == "kube-proxy":
            pod = ((one.get("spec") or {}).get("template") or {}).get("spec") or {}
            return image_tag(next((str(each.get("image", "")) for each in pod.get("containers") or []), ""))
    return ""


def requested(metrics: str) -> List[Dict[str, str]]:
    """APIs that somebody has asked this API server for since it started, each with the release that takes it away."""
    found: Dict[Any, Dict[str, str]] = {}
    for labels in REQUESTED.findall(metrics):
        one = dict(LABEL.findall(labels))
        if one.get("removed_release"):
            name = "/".join(part for part in (one.get("group", ""), one.get("version", "")) if part)
            entry = {"api": name, "resource": one.get("resource", ""), "removed_release": one["removed_release"]}
            found[tuple(entry.values())] = entry
    return [found[key] for key in sorted(found)]
