# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What kubeadm has done on this host: its state, the cluster it belongs to, and its static pods."""

from __future__ import annotations

import re
from typing import Any, Dict, List, NamedTuple, Optional

from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import from_json, object_or_empty
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import is_digits

#: Written by module kubeadm_node before an operation, removed after it.
MARKER = "/etc/kubernetes/baremetal-operation.json"
#: Written by module kubeadm_token while a token of ours may be valid. The token itself is not in it.
JOIN_TOKEN_MARKER = "/run/baremetal-kubernetes/join-token"
FOLDER = "/etc/kubernetes"
MANIFESTS = "/etc/kubernetes/manifests"
ETCD_DATA = "/var/lib/etcd"
#: Of the kubeconfigs that name the cluster, the one that nobody has a reason to edit. A worker has none.
CONTROLLER_MANAGER = FOLDER + "/controller-manager.conf"
#: Where a package's unit reads KUBELET_EXTRA_ARGS from, of either family.
KUBELET_ARGUMENTS = ("/etc/default/kubelet", "/etc/sysconfig/kubelet")
CONTROL_PLANE_KUBECONFIGS = ("controller-manager.conf", "scheduler.conf")
#: kubeadm's own static pods. Others (a local load balancer, kube-vip) may run on any node.
CONTROL_PLANE_MANIFESTS = ("etcd.yaml", "kube-apiserver.yaml", "kube-controller-manager.yaml", "kube-scheduler.yaml")


class Traces(NamedTuple):
    """What an installation leaves behind; names only."""

    kubeconfigs: List[str]
    manifests: List[str]
    etcd_data: List[str]
    started: Optional[Dict[str, Any]]


class State(NamedTuple):
    """The state by name, and which files it was told by."""

    name: str
    why: str


def read(runner: Runner, kubeadm_version: Optional[str]) -> Dict[str, Any]:
    """kubeadm, static_pods, and name and endpoint of the cluster."""
    traces = read_traces(runner)
    state = decide(traces)
    manifests = [runner.read("%s/%s" % (MANIFESTS, name)) or "" for name in traces.manifests]
    endpoint = None
    # A control plane's kubelet may talk to its own API server (from 1.31), admin.conf always names the cluster's endpoint.
    for name in ("admin.conf", "kubelet.conf"):
        endpoint = endpoint or parse_endpoint(runner.read("%s/%s" % (FOLDER, name)) or "")
    return {
        "kubeadm": {
            "state": state.name,
            "version": kubeadm_version,
            "started": traces.started,
            "why": state.why,
            "join_token": runner.exists(JOIN_TOKEN_MARKER),
            "running": traces.started is not None and kubeadm_runs(runner),
        },
        "static_pods": [pod for pod in map(parse_static_pod, manifests) if pod is not None],
        "endpoint": endpoint,
        "cluster_name": parse_cluster_name(runner.read(CONTROLLER_MANAGER) or ""),
    }


def kubeadm_runs(runner: Runner) -> bool:
    """Whether a kubeadm works here, as one does that outlived the run that began it."""
    return any(runner.read("/proc/%s/comm" % entry) == "kubeadm\n" for entry in runner.list_dir("/proc") if is_digits(entry))


def read_kubelet_arguments(runner: Runner) -> List[str]:
    """Names of the arguments that an administrator gave the kubelet; kubeadm never changes them. Their values are left out."""
    text = "\n".join(runner.read(path) or "" for path in KUBELET_ARGUMENTS)
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    return sorted({name for line in lines for name in re.findall(r"--([a-z0-9-]+)", line)})


def read_traces(runner: Runner) -> Traces:
    """The names of files that tell the state."""
    return Traces(
        kubeconfigs=[name for name in runner.list_dir(FOLDER) if name.endswith(".conf")],
        # The kubelet takes every file here but hidden ones.
        manifests=[name for name in runner.list_dir(MANIFESTS) if not name.startswith(".")],
        # A file system of its own has a lost+found.
        etcd_data=[name for name in runner.list_dir(ETCD_DATA) if name != "lost+found"],
        started=parse_marker(runner.read(MARKER)),
    )


def decide(traces: Traces) -> State:
    """blank, started, control_plane, worker or foreign (half an installation that nobody of ours began)."""
    seen = (
        ["%s/%s" % (FOLDER, name) for name in traces.kubeconfigs]
        + ["%s/%s" % (MANIFESTS, name) for name in traces.manifests]
        + ["%s/%s" % (ETCD_DATA, name) for name in traces.etcd_data]
    )
    if traces.started is not None:
        return State("started", "%s says that %s began and did not end" % (MARKER, traces.started["operation"] or "an operation"))
    if not seen:
        return State("blank", "no kubeconfig, no static pod and no etcd data")
    apiserver = "kube-apiserver.yaml" in traces.manifests
    kubelet = "kubelet.conf" in traces.kubeconfigs
    if apiserver and (kubelet or "admin.conf" in traces.kubeconfigs):
        return State("control_plane", "a kubeconfig and %s/kube-apiserver.yaml are there" % MANIFESTS)
    # A kubeadm init that was cut off early has written the control plane's kubeconfigs, which no worker has.
    begun = any(name in CONTROL_PLANE_KUBECONFIGS for name in traces.kubeconfigs)
    if kubelet and not begun and not any(name in CONTROL_PLANE_MANIFESTS for name in traces.manifests):
        return State("worker", "%s/kubelet.conf is there, and no static pod of a control plane" % FOLDER)
    return State("foreign", "neither blank nor a whole node: found %s" % ", ".join(seen))


def parse_marker(text: Optional[str]) -> Optional[Dict[str, Any]]:
    """operation, role, cluster and at of an unfinished operation; a damaged marker still is one, with nothing known."""
    if text is None:
        return None
    fields = object_or_empty(text)
    return {key: fields[key] if isinstance(fields.get(key), str) else None for key in ("operation", "role", "cluster", "at")}


def parse_endpoint(kubeconfig: str) -> Optional[str]:
    """host:port of the first server in a kubeconfig."""
    match = re.search(r"""^[ \t"']*server["']?:\s*["']?https://([^\s"'/,]+)""", kubeconfig, re.MULTILINE)
    if not match:
        return None
    server = match.group(1)
    return server if re.search(r":[0-9]+$", server) and not server.endswith("::") else server + ":443"


def parse_cluster_name(kubeconfig: str) -> Optional[str]:
    """The cluster that a component's current context, as kubeadm writes it (USER@CLUSTER), is of."""
    match = re.search(r"""^current-context:[ \t]*["']?[^\s"'@]+@([^\s"']+)""", kubeconfig, re.MULTILINE)
    return match.group(1) if match else None


def parse_static_pod(manifest: str) -> Optional[Dict[str, Optional[str]]]:
    """name and first image of a pod's manifest, in YAML as Kubernetes writes it or in JSON; None for what is no pod."""
    try:
        data = from_json(manifest)
    except ValueError:
        return _pod_of_yaml(manifest)
    try:
        return {"name": str(data["metadata"]["name"]), "image": str(data["spec"]["containers"][0]["image"])}
    except (KeyError, IndexError, TypeError):
        return None


def _pod_of_yaml(manifest: str) -> Optional[Dict[str, Optional[str]]]:
    metadata = re.search(r"^metadata:[ \t]*\n((?:[ \t].*\n|\n)*)", manifest + "\n", re.MULTILINE)
    block = metadata.group(1) if metadata else ""
    # The first line's indentation tells the pod's own name from one among its annotations.
    indentation = len(block) - len(block.lstrip(" "))
    name = re.search(r"""^[ ]{%d}name:[ ]*["']?([^\s"']+)""" % indentation, block, re.MULTILINE)
    image = re.search(r"""^[ ]*(?:-[ ]+)?image:[ ]*["']?([^\s"']+)""", manifest, re.MULTILINE)
    if name is None:
        return None
    return {"name": name.group(1), "image": image.group(1) if image else None}


def parse_flags(manifest: str) -> Dict[str, str]:
    """--flag=value of a static pod's command line."""
    return dict(re.findall(r"""^[ \t]*-[ \t]+["']?--([a-z0-9-]+)=([^\s"']*)""", manifest, re.MULTILINE))
