# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes taken out of a cluster, step by step. Each looks at what is left to do, so that the next run completes a killed one."""

from __future__ import annotations

import json
import time
from typing import Callable, List, NamedTuple, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.client import EtcdClient
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.errors import EtcdError, EtcdRefused
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.members import (
    Member,
    describe,
    find,
    has_quorum,
    may_remove,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.yaml_reader import YamlError, load
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.yaml_writer import dump
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.drain import Drainer, Limits
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import Kubectl, KubernetesError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.removal.plan import Wanted, order, steps, still_ready, traces
from ansible_collections.baremetal.kubernetes.plugins.module_utils.removal.seen import (
    ETCD_FILES,
    ETCD_HERE,
    ETCD_SECONDS,
    Connect,
    Seen,
    read,
    read_etcd,
    read_status,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.leaving import ALIVE

PAUSE = 1.0


class Patience(NamedTuple):
    """Seconds: until a silent node counts as dead, for a drain, for a pod's end (below zero its own), for etcd to be well."""

    dead: float = 120
    drain: float = 300
    grace: int = -1
    etcd: float = 60


class Remover:
    """Takes nodes out, on a healthy control plane that stays. In check mode nothing but reading is done."""

    def __init__(
        self,
        kubectl: Kubectl,
        wanted: Wanted,
        stacked: bool,
        patience: Patience,
        check: bool = False,
        connect: Connect = EtcdClient,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.kubectl = kubectl
        self.wanted = wanted
        self.stacked = stacked
        self.patience = patience
        self.check = check
        self.connect = connect
        self.sleep = sleep
        self.clock = clock

    def look(self, etcd: bool = True) -> Seen:
        """What there is. etcd is asked where it matters: each member that is dead costs seconds.

        :raises KubernetesError: the API does not answer.
        """
        return read(self.kubectl, [leaver.name for leaver in self.wanted.leavers], self.stacked and etcd, self.connect)

    def look_patiently(self) -> Seen:
        """What there is, once the cluster has noticed that machines without power are gone (40 seconds by default)."""
        end = self.clock() + self.patience.dead
        while True:
            seen = self.look()
            if not still_ready(seen, self.wanted) or self.clock() >= end:
                return seen
            self.sleep(PAUSE)

    def drain(self) -> List[str]:
        """Evict what is on the nodes that are alive; what was done, a line each.

        :raises KubernetesError: something can't be moved within the time.
        """
        done: List[str] = []
        alive = [leaver for leaver in self.wanted.leavers if leaver.condition == ALIVE]
        nodes = self.look(etcd=False).nodes if alive else {}
        for leaver in alive:
            # Without a kubelet that reports nobody would end the pods: the reset does.
            if leaver.name not in nodes or not nodes[leaver.name].ready:
                continue
            limits = Limits(
                self.patience.drain,
                self.patience.grace,
                leaver.name in self.wanted.lose_local_data,
                leaver.name in self.wanted.delete_bare_pods,
            )
            drainer = Drainer(self.kubectl, limits, self.wanted.operation, self.sleep, self.clock)
            outcome = drainer.drain(leaver.name, self.check)
            done += ["%s: closed for new pods" % leaver.name] if outcome.cordoned else []
            done += ["%s: evicted %s" % (leaver.name, pod) for pod in outcome.evicted]
        return done

    def leave_etcd(self) -> List[str]:
        """Remove the members one at a time, each only while those that stay have a quorum; what was done, a line each.

        :raises KubernetesError: etcd can't lose the member now.
        """
        seen = self.look()
        done: List[str] = []
        for member in order(seen, self.wanted):
            done.append("removed %s from etcd" % describe(member))
            if not self.check:
                self._remove(member)
                self._until_well()
        return done

    def _remove(self, member: Member) -> None:
        end = self.clock() + self.patience.etcd
        while True:
            etcd = read_etcd(self.connect)
            reason, remedy = etcd.error, "look at the log of etcd on this control plane"
            if not etcd.error:
                if find(etcd.members, member.id) is None:
                    return
                verdict = may_remove(etcd.members, etcd.healthy, member.id)
                reason, remedy = verdict.reason, verdict.remedy
                if verdict.safe:
                    try:
                        self.connect(ETCD_HERE, *ETCD_FILES, ETCD_SECONDS).member_remove(member.id)
                        return
                    except EtcdRefused as error:
                        # Passes by itself: while it elects a leader, or until all voters have been connected for five seconds.
                        reason, remedy = error.cause, error.remedy
                    except EtcdError as error:
                        reason, remedy = error.cause, error.remedy
            if self.clock() >= end:
                raise KubernetesError("removal of %s from etcd" % describe(member), reason, remedy or "run again")
            self.sleep(PAUSE)

    def _until_well(self) -> None:
        """The gate between two changes: those that stay have a quorum, and a leader that took the last one."""
        end = self.clock() + self.patience.etcd
        while True:
            etcd = read_etcd(self.connect)
            if not etcd.error and has_quorum(etcd.members, etcd.healthy):
                return
            if self.clock() >= end:
                raise KubernetesError(
                    "etcd",
                    etcd.error or "%d of %d members are healthy after the removal" % (len(etcd.healthy), len(etcd.members)),
                    "look at the logs of etcd on the control planes; run again when a majority of them is healthy",
                )
            self.sleep(PAUSE)

    def forget(self) -> List[str]:
        """Delete what the API has of the nodes: their objects, kubeadm's notes, what is left of their pods.

        :raises KubernetesError: the API refuses, or something of them is still there after it.
        """
        seen = self.look(etcd=False)
        done = [line for line in steps(seen, self.wanted) if ": evict " not in line]
        if self.check or not done:
            return done
        for leaver in self.wanted.leavers:
            found = traces(seen, leaver)
            if found.status:
                self._forget_status(leaver.name)
            # Before its pods: while there is a node, the controllers of daemon sets make them again.
            if found.node:
                self.kubectl.checked(
                    "node %s" % leaver.name, ["delete", "node", leaver.name, "--ignore-not-found", "--timeout=60s"], timeout=90
                )
            if found.lease:
                argv = ["delete", "lease", leaver.name, "--namespace=kube-node-lease", "--ignore-not-found", "--timeout=30s"]
                self.kubectl.checked("lease of %s" % leaver.name, argv, timeout=60)
            if found.pods or found.node:
                selector = "--field-selector=spec.nodeName=" + leaver.name
                argv = ["delete", "pods", "--all-namespaces", selector, "--force", "--grace-period=0", "--wait=false"]
                self.kubectl.checked("pods of %s" % leaver.name, argv, timeout=120)
        return done

    def _forget_status(self, name: str) -> None:
        """Take one entry out of kubeadm's ClusterStatus; another that is written meanwhile is not lost."""
        for _attempt in range(5):
            endpoints, text, version = read_status(self.kubectl)
            if endpoints is None:
                return
            changed, after = without_endpoint(text, name)
            if not changed:
                return
            patch = {"metadata": {"resourceVersion": version}, "data": {"ClusterStatus": after}}
            argv = [
                "patch",
                "configmap",
                "kubeadm-config",
                "--namespace=kube-system",
                "--type=merge",
                "--patch=" + json.dumps(patch),
            ]
            answer = self.kubectl.run(argv)
            if answer.rc == 0:
                return
            if "(Conflict)" not in answer.stderr and "has been modified" not in answer.stderr:
                break
        self.kubectl.checked("kubeadm-config", argv)


def without_endpoint(status: str, name: str) -> Tuple[bool, str]:
    """ClusterStatus without one node's entry, and whether that is a change."""
    document = load(status)
    if not isinstance(document, dict) or not isinstance(document.get("apiEndpoints") or {}, dict):
        raise YamlError(0, "it is no ClusterStatus")
    endpoints = dict(document.get("apiEndpoints") or {})
    if name not in endpoints:
        return False, status
    del endpoints[name]
    return True, dump(dict(document, apiEndpoints=endpoints))
