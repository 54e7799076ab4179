# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a node's own static pods are ready after their manifests changed, and help for one that its kubelet has started twice."""

from __future__ import annotations

import calendar
import os
import signal
import time
from typing import Any, Callable, Dict, Mapping, NamedTuple, Sequence, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import Kubectl, KubernetesError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.kubernetes import MANIFESTS
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.processes import running
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

NAMES = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
PAUSE = 2.0
#: The kubelet sees no container of the pod run; a process that is older than this all the same is one that it has forgotten.
BACKS_OFF, FORGOTTEN = "CrashLoopBackOff", 20.0


class Unready(NamedTuple):
    """Why a static pod is not ready, and when the last container that its kubelet knows of ended (0 where it does not say)."""

    reason: str
    ended: float = 0.0


def settle(
    runner: Runner,
    kubectl: Kubectl,
    node: str,
    timeout: float,
    pause: Callable[[float], None] = time.sleep,
    kill: Callable[[int, int], None] = os.kill,
) -> Tuple[bool, Dict[str, str]]:
    """Wait for the static pods of this host; whether one had to be helped, and those that are not ready after all, with the reason.

    A busy kubelet may start the container of a new static pod twice within a second. It then knows the second one only, which never
    gets the port that the first one has, and backs off from it for ever. The first one is ended, which nobody counts on any more.
    """
    names = [name for name in NAMES if runner.exists("%s/%s.yaml" % (MANIFESTS, name))]
    deadline, helped = runner.now() + timeout, False
    while names:
        seen = _look(kubectl, names, node)
        left = {name: one.reason for name, one in seen.items() if one.reason}
        if not left or runner.now() > deadline:
            return helped, left
        for name in (name for name, reason in left.items() if reason == BACKS_OFF):
            for process in running(runner, name):
                # One that began after that end is the next try itself, of which a busy kubelet has not told the API yet.
                if runner.now() - process.started > FORGOTTEN and process.started < seen[name].ended:
                    kill(process.pid, signal.SIGTERM)
                    helped = True
        pause(PAUSE)
    return helped, {}


def _look(kubectl: Kubectl, names: Sequence[str], node: str) -> Dict[str, Unready]:
    """What the API says of these static pods of the node. One call: a start of kubectl takes longer than its question."""
    try:
        pods = kubectl.objects("pods", "--namespace=kube-system", "--field-selector=spec.nodeName=" + node, "--request-timeout=20s")
    except KubernetesError as error:
        return dict.fromkeys(names, Unready(str(error)))
    known = {str(pod["metadata"]["name"]): pod.get("status") or {} for pod in pods}
    return {name: _not_ready(known.get("%s-%s" % (name, node), {})) for name in names}


def _not_ready(status: Mapping[str, Any]) -> Unready:
    """Why a static pod is not ready by its status, or an empty reason."""
    containers = status.get("containerStatuses") or []
    if containers and all(one.get("ready") for one in containers):
        return Unready("")
    waits = [str(((one.get("state") or {}).get("waiting") or {}).get("reason") or "") for one in containers]
    return Unready(next((reason for reason in waits if reason), "not ready"), max(map(_ended, containers), default=0.0))


def _ended(container: Mapping[str, Any]) -> float:
    """When the container before this one ended, in seconds since the epoch."""
    moment = str(((container.get("lastState") or {}).get("terminated") or {}).get("finishedAt") or "")
    try:
        return float(calendar.timegm(time.strptime(moment, "%Y-%m-%dT%H:%M:%SZ")))
    except ValueError:
        return 0.0
