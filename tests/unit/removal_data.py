# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster in memory that nodes can be taken out of: as much of the API by kubectl, and of etcd, as a removal asks for."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.client import Health
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.errors import EtcdRefused, EtcdUnreachable
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.members import Member
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import Kubectl
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Result

STATUS = """apiEndpoints:
  cp1:
    advertiseAddress: 10.0.0.11
    bindPort: 6443
  cp2:
    advertiseAddress: 10.0.0.12
    bindPort: 6443
  cp3:
    advertiseAddress: 10.0.0.13
    bindPort: 6443
apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterStatus
"""


class FakeCluster:
    """Nodes, pods, volumes, leases and kubeadm-config in dictionaries; it is the runner that a Kubectl calls."""

    def __init__(self, control_planes: int = 3, workers: int = 2) -> None:
        self.nodes: Dict[str, Dict[str, Any]] = {}
        self.pods: List[Dict[str, Any]] = []
        self.volumes: List[Dict[str, Any]] = []
        self.status: Optional[str] = STATUS
        self.version = 7
        self.conflicts = 0
        self.calls: List[str] = []
        self.members: List[Member] = []
        self.dead: set = set()
        self.refusals: List[str] = []
        for number in range(1, control_planes + 1):
            self.add("cp%d" % number, "10.0.0.%d" % (10 + number), True)
        for number in range(1, workers + 1):
            self.add("worker%d" % number, "10.0.0.%d" % (20 + number), False)

    def add(self, name: str, address: str, control_plane: bool) -> None:
        self.nodes[name] = {
            "metadata": {"name": name, "labels": {"node-role.kubernetes.io/master": ""} if control_plane else {}},
            "spec": {},
            "status": {
                "conditions": [{"type": "Ready", "status": "True"}],
                "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
            },
        }
        self.pod(name, "kube-proxy-" + name, owner="DaemonSet", namespace="kube-system")
        if control_plane:
            self.members.append(member(len(self.members) + 1, name, address))

    def pod(self, node: str, name: str, owner: str = "ReplicaSet", namespace: str = "default", empty_dir: bool = False) -> None:
        references = [{"kind": owner, "name": "of-" + name, "controller": True}] if owner else []
        self.pods.append(
            {
                "metadata": {"name": name, "namespace": namespace, "uid": name, "ownerReferences": references},
                "spec": {"nodeName": node, "volumes": [{"name": "data", "emptyDir": {}}] if empty_dir else []},
                "status": {"phase": "Running"},
            }
        )

    def volume(self, name: str, node: str) -> None:
        terms = [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]}]
        self.volumes.append(
            {
                "metadata": {"name": name},
                "spec": {
                    "local": {"path": "/data"},
                    "claimRef": {"namespace": "shop", "name": "db-0"},
                    "nodeAffinity": {"required": {"nodeSelectorTerms": terms}},
                },
                "status": {"phase": "Bound"},
            }
        )

    def kill(self, name: str) -> None:
        """The machine lost its power, and the cluster has noticed."""
        self.nodes[name]["status"]["conditions"][0]["status"] = "Unknown"
        self.dead.add(name)

    # --- kubectl ---

    @property
    def kubectl(self) -> Kubectl:
        return Kubectl(self)  # type: ignore[arg-type]

    def run(self, argv: Sequence[str], timeout: Any = None, stdin: Optional[str] = None, env: Any = None) -> Result:
        words = list(argv)[1:]
        self.calls.append(" ".join(words))
        return getattr(self, "_" + words[0])(words, stdin)  # type: ignore[no-any-return]

    def _get(self, words: List[str], stdin: Optional[str]) -> Result:
        if words[1] == "--raw":
            return Result(0, '{"gitVersion": "v1.20.2"}', "")
        if words[1] == "node":
            node = self.nodes.get(words[2])
            return Result(0, json.dumps(node), "") if node else Result(1, "", "(NotFound)")
        bound = next((word.rpartition("=")[2] for word in words if "spec.nodeName" in word), None)
        config: Dict[str, Any] = {"metadata": {"name": "kubeadm-config", "resourceVersion": str(self.version)}, "data": {}}
        if self.status is not None:
            config["data"]["ClusterStatus"] = self.status
        items = {
            "nodes": list(self.nodes.values()),
            "pods": [pod for pod in self.pods if bound is None or pod["spec"]["nodeName"] == bound],
            "persistentvolumes": self.volumes,
            "leases.coordination.k8s.io": [{"metadata": {"name": name}} for name in self.nodes],
            "configmaps": [config],
            "poddisruptionbudgets": [],
        }[words[1]]
        return Result(0, json.dumps({"items": items}), "")

    def _patch(self, words: List[str], stdin: Optional[str]) -> Result:
        patch = json.loads(next(word for word in words if word.startswith("--patch=")).partition("=")[2])
        if words[1] == "node":
            node = self.nodes[words[2]]
            node["spec"]["unschedulable"] = patch["spec"]["unschedulable"]
            node["metadata"].setdefault("annotations", {}).update(patch["metadata"]["annotations"])
            return Result(0, "", "")
        if self.conflicts or patch["metadata"]["resourceVersion"] != str(self.version):
            self.conflicts -= 1
            self.version += 1
            return Result(1, "", "Error from server (Conflict): the object has been modified")
        self.status = patch["data"]["ClusterStatus"]
        return Result(0, "", "")

    def _create(self, words: List[str], stdin: Optional[str]) -> Result:
        evicted = json.loads(stdin or "{}")["metadata"]["name"]
        self.pods = [pod for pod in self.pods if pod["metadata"]["name"] != evicted]
        return Result(0, "", "")

    def _delete(self, words: List[str], stdin: Optional[str]) -> Result:
        if words[1] == "node":
            self.nodes.pop(words[2], None)
        elif words[1] == "pods":
            bound = next(word.rpartition("=")[2] for word in words if "spec.nodeName" in word)
            self.pods = [pod for pod in self.pods if pod["spec"]["nodeName"] != bound]
        return Result(0, "", "")

    # --- etcd ---

    def connect(self, url: str, ca: str, certificate: str, key: str, timeout: float) -> "FakeEtcd":
        return FakeEtcd(self, url)


class FakeEtcd:
    """One endpoint of the cluster's etcd."""

    def __init__(self, cluster: FakeCluster, url: str) -> None:
        self.cluster = cluster
        self.url = url
        names = [member.name for member in cluster.members if url in member.client_urls]
        self.name = names[0] if names else ""

    def member_list(self) -> List[Member]:
        if "here" in self.cluster.dead:
            raise EtcdUnreachable(self.url, "connection refused", "look")
        return list(self.cluster.members)

    def health(self) -> Health:
        if self.name in self.cluster.dead:
            raise EtcdUnreachable(self.url, "no route to host", "look")
        return Health(True, "")

    def member_remove(self, member_id: int) -> List[Member]:
        if self.cluster.refusals:
            raise EtcdRefused(self.url, self.cluster.refusals.pop(), 14, "wait")
        self.cluster.members = [member for member in self.cluster.members if member.id != member_id]
        return self.cluster.members


def member(number: int, name: str, address: str, learner: bool = False) -> Member:
    urls = ["https://%s:2379" % address] if name else []
    return Member(number, name, ["https://%s:2380" % address], urls, learner)
