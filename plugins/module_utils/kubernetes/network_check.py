# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether pods talk to each other across nodes, find services by name, and reach them by their address. Leaves nothing behind."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.apply import apply, wait_for_rollouts
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import Kubectl, said

NAMESPACE = "baremetal-verify"
PORT = 8080
#: Seconds that a connection which fails at first may still take to work.
PATIENCE = 30
#: agnhost has a server of its own; every other image needs a shell, httpd, timeout and wget (busybox has them).
SERVE = (
    "if [ -x /agnhost ]; then exec /agnhost netexec --http-port=%(port)d; fi; "
    "mkdir -p /tmp/www && echo ok > /tmp/www/index.html && exec httpd -f -p %(port)d -h /tmp/www" % {"port": PORT}
)


class Probe(NamedTuple):
    """A connection that has to work: from a pod on ``node`` to ``target``, as a person calls it."""

    pod: str
    node: str
    target: str
    url: str


def manifests(image: str) -> List[Dict[str, Any]]:
    """A namespace, a pod on every node, and a service in front of them."""
    labels = {"app": NAMESPACE}
    container = {
        "name": "probe",
        "image": image,
        "command": ["sh", "-c", SERVE],
        "ports": [{"containerPort": PORT, "protocol": "TCP"}],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "runAsNonRoot": True,
            "runAsUser": 65534,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
        "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1},
    }
    pods = {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 0,
        "tolerations": [{"operator": "Exists"}],
        "containers": [container],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": {"app": NAMESPACE}}},
        {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": {"name": "probe", "namespace": NAMESPACE, "labels": labels},
            "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pods}},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "probe", "namespace": NAMESPACE, "labels": labels},
            "spec": {"selector": labels, "ports": [{"port": PORT, "targetPort": PORT, "protocol": "TCP"}]},
        },
    ]


def plan_probes(pods: Sequence[Mapping[str, Any]], service_address: str, domain: str, dns: bool) -> List[Probe]:
    """Each pod asks its neighbour on the next node, in a ring, and the service; so every node sends and answers."""
    placed = sorted(
        (str(pod["spec"]["nodeName"]), str(pod["metadata"]["name"]), str(pod["status"]["podIP"]))
        for pod in pods
        if (pod.get("status") or {}).get("podIP") and not pod["metadata"].get("deletionTimestamp")
    )
    probes = []
    for number, (node, name, _own) in enumerate(placed):
        next_node, _name, next_address = placed[(number + 1) % len(placed)]
        probes.append(Probe(name, node, "the pod on %s" % next_node, _url(next_address)))
        probes.append(Probe(name, node, "a service by its address", _url(service_address)))
        if dns:
            probes.append(Probe(name, node, "a service by its name", _url("probe.%s.svc.%s" % (NAMESPACE, domain))))
    return probes


def try_probes(
    kubectl: Kubectl,
    probes: Sequence[Probe],
    seconds: float,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> List[str]:
    """What does not work, a line each. All are tried once; for ``seconds`` after that, what failed is tried again and again.

    A service that is seconds old needs that: kube-proxy and the CNI plugin on each node learn of it in their own time.
    """
    failed = {probe: reason for probe, reason in ((probe, _try(kubectl, probe)) for probe in probes) if reason is not None}
    deadline = clock() + seconds
    while failed and clock() < deadline:
        sleep(2)
        for probe in list(failed):
            reason = _try(kubectl, probe) if clock() < deadline else failed[probe]
            if reason is None:
                del failed[probe]
            else:
                failed[probe] = reason
    return ["from a pod on %s to %s (%s): %s" % (probe.node, probe.target, probe.url, reason) for probe, reason in failed.items()]


def _try(kubectl: Kubectl, probe: Probe) -> Optional[str]:
    """Why the connection fails; None if it works."""
    # Not wget's own -T: BusyBox 1.35 crashes on it, and it would not bound the look-up of the name.
    argv = ["exec", "--namespace", NAMESPACE, probe.pod, "--", "timeout", "5", "wget", "-q", "-O", "/dev/null", probe.url]
    result = kubectl.run(argv, timeout=15)
    return None if result.rc == 0 else said(result)


def check_network(kubectl: Kubectl, image: str, domain: str, dns: bool, seconds: int) -> Tuple[List[str], int]:
    """What does not work, and how many connections were tried.

    :raises KubernetesError: the pods did not start.
    """
    wanted = manifests(image)
    try:
        apply(kubectl, wanted)
        wait_for_rollouts(kubectl, wanted, seconds)
        pods = kubectl.objects("pods", "--namespace", NAMESPACE)
        service = kubectl.objects("services", "--namespace", NAMESPACE)[0]
        probes = plan_probes(pods, str(service["spec"]["clusterIP"]), domain, dns)
        return try_probes(kubectl, probes, PATIENCE), len(probes)
    finally:
        kubectl.run(["delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=true", "--timeout=60s"], timeout=75)


def _url(host: str) -> str:
    return "http://%s:%d/" % ("[%s]" % host if ":" in host else host, PORT)
