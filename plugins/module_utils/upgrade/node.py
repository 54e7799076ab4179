# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kubeadm upgrade and the kubelet's restart on one node. kubeadm outlives a run that is killed, and the next one waits for it."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.compare import Difference
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.operation import (
    ADMIN,
    KUBELET_KUBECONFIG,
    KubeadmError,
    Operator,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.versions import image_tag
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import Kubectl, KubernetesError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.static_pods import settle
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.kubernetes import MANIFESTS, parse_static_pod
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.security.settings import FOLDER as SECURITY_FOLDER
from ansible_collections.baremetal.kubernetes.plugins.module_utils.security.settings import OWNED as SECURITY_FLAGS
from ansible_collections.baremetal.kubernetes.plugins.module_utils.upgrade.cluster import parse_node, proxy_version

#: kubeadm's static pods that have the cluster's version; etcd has one of its own.
COMPONENTS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
#: What a running cluster can't change by a new kubeadm-config: addresses that are given out, where etcd is, the cluster's names.
FIXED = ("networking.", "controlPlaneEndpoint", "etcd.external.", "clusterName", "certificatesDir", "etcd.local.dataDir")
PAUSE = 2.0
#: kubeadm first has the cluster run a job, and gives it 15 seconds (K8S cmd/kubeadm/app/phases/upgrade/health.go), which are few
#: where much is going on.
SLOW_JOB, TRIES, BETWEEN_TRIES = "[ERROR CreateJob]", 4, 10.0


def forbidden(differences: Sequence[Mapping[str, Any]]) -> List[str]:
    """The fields among the differences that an upgrade does not change, each with both sides."""
    return [
        "%s (the cluster has %s, the settings %s)" % (one["field"], json.dumps(one["cluster"]), json.dumps(one["wanted"]))
        for one in differences
        if str(one["field"]).startswith(FIXED)
    ]


def missing_files(runner: Runner, differences: Sequence[Mapping[str, Any]]) -> List[str]:
    """Files that the API server would be told to read by these differences, and that this host has not."""
    flags = ["apiServer.extraArgs." + name for name in SECURITY_FLAGS]
    wanted = [str(one["wanted"]) for one in differences if one["field"] in flags and one["wanted"] is not None]
    return [path for path in wanted if path.startswith(SECURITY_FOLDER) and not runner.exists(path)]


class Upgrader(Operator):
    """The steps of an upgrade on this host."""

    def reconcile(self) -> None:
        """Put the wanted ClusterConfiguration into the cluster, under the version that it still has."""
        self._kubeadm("upload-config", ["init", "phase", "upload-config", "kubeadm", "--config", self.wanted.config])

    def apply(self, version: str) -> None:
        """Upgrade this control plane, kubeadm-config and, as far as this version's kubeadm does it here, the add-ons."""
        self._apply(version)
        self._static_pods("upgrade-apply", version)
        self.settle()

    def node(self, version: str) -> None:
        """Upgrade the static pods, if any, and the kubelet's configuration of this node."""
        self._kubeadm("upgrade-node", ["upgrade", "node"] + self._flags())
        self._static_pods("upgrade-node", version)
        self.settle()

    def settle(self) -> bool:
        """Wait until this node's own static pods are ready; whether one had to be helped."""
        started = self.runner.now()
        helped, left = settle(self.runner, Kubectl(self.runner, ADMIN), self.wanted.node_name, self.wanted.timeout, self.pause)
        if left:
            raise self._failure("upgrade", "; ".join("%s: %s" % pair for pair in sorted(left.items())), "", started, "")
        return helped

    def kubelet(self, version: str) -> None:
        """Start the kubelet anew and wait until the API has seen it with its new version, Ready."""
        reload = self.runner.run(["systemctl", "daemon-reload"], timeout=60)
        restart = self.runner.run(["systemctl", "restart", "kubelet"], timeout=120)
        if reload.rc != 0 or restart.rc != 0:
            raise KubeadmError(
                "kubelet on %s" % self.wanted.node_name,
                "it can't be restarted: %s" % (reload.stderr + restart.stderr).strip(),
                "read journalctl -u kubelet on the node; the next run goes on from here",
            )
        # Every node may read itself; a worker has no other credentials.
        kubectl = Kubectl(self.runner, ADMIN if self.runner.exists(ADMIN) else KUBELET_KUBECONFIG)
        started = self.runner.now()
        while True:
            seen = self._seen(kubectl)
            if seen.get("ready") and seen.get("kubelet") == "v" + version:
                self.settle()
                return
            if self.runner.now() - started > self.wanted.timeout:
                how = "the API sees its kubelet with %s, %s" % (
                    seen.get("kubelet") or "no version",
                    "Ready" if seen.get("ready") else "not Ready",
                )
                raise self._failure("kubelet", how, str(seen.get("error", "")), started, "")
            self.pause(PAUSE)

    def addons(self, version: str) -> bool:
        """Have kubeadm bring kube-proxy and CoreDNS to the version where it has not; whether it had to."""
        found = proxy_version(Kubectl(self.runner, ADMIN).objects("daemonsets", "--namespace=kube-system"))
        if not found or found == "v" + version:
            return False
        self._apply(version)
        return True

    def _apply(self, version: str) -> None:
        for attempt in range(1, TRIES + 1):
            try:
                self._kubeadm("upgrade-apply", ["upgrade", "apply", "v" + version, "--yes"] + self._flags())
                return
            except KubeadmError as error:
                # Preflight: nothing was touched.
                if attempt == TRIES or not any(line.startswith(SLOW_JOB) for line in error.evidence):
                    raise
            self.pause(BETWEEN_TRIES)

    def _seen(self, kubectl: Kubectl) -> Dict[str, Any]:
        try:
            return parse_node(kubectl.object("node", "node", self.wanted.node_name, timeout=20))
        except KubernetesError as error:
            return {"error": str(error)}

    def _static_pods(self, operation: str, version: str) -> None:
        """kubeadm waits for its static pods by itself; whether they are what was asked for is read off the manifests.

        :raises KubeadmError: they are not: kubeadm put the old ones back.
        """
        wrong = []
        for name in self.runner.list_dir(MANIFESTS):
            pod = parse_static_pod(self.runner.read("%s/%s" % (MANIFESTS, name)) or "")
            if pod and pod["name"] in COMPONENTS and image_tag(str(pod["image"])) != "v" + version:
                wrong.append("%s: %s" % (pod["name"], pod["image"]))
        if wrong:
            raise KubeadmError(
                "kubeadm %s on %s" % (operation.replace("-", " "), self.wanted.node_name),
                "the static pods are not %s: %s" % (version, ", ".join(wrong)),
                "read the log; kubeadm puts the old manifests back when the new ones do not come up",
                log="/var/log/baremetal-kubernetes/kubeadm-%s.log" % operation,
            )


def described(differences: Sequence[Difference]) -> Dict[str, str]:
    """The differences as Ansible's diff: the cluster's side before, the wanted one after."""
    lines: Dict[str, List[str]] = {"before": [], "after": []}
    for one in differences:
        for side, value in (("before", one.cluster), ("after", one.wanted)):
            if value is not None:
                lines[side].append("%s: %s\n" % (one.field, json.dumps(value)))
    return {side: "".join(text) for side, text in lines.items()}
