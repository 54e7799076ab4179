# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kubelet taken from one container runtime to another, on a node that is empty and has both.

A marker on the node says that it was begun. Whoever finds it goes on: each step is one that may be done twice.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional

from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.pods import remove_docker_pods, remove_pods
from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.runtime import RUNTIMES
from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import ProblemError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.replace import replace_file
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.services import apply_step, read_services
from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import object_or_empty
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.forms import OBJECT
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.runtime import ENDPOINT, KUBELET_FILES, kubelet_socket
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

MARKER = "/var/lib/baremetal-kubernetes/container-runtime.json"
KUBELET_KUBECONFIG = "/etc/kubernetes/kubelet.conf"
FLAGS = KUBELET_FILES[-1]
#: kubeadm's own note of a node's socket, up to Kubernetes 1.33.
ANNOTATION = "kubeadm.alpha.kubernetes.io/cri-socket"
#: A kubelet that names no socket speaks to Docker by itself (up to Kubernetes 1.23).
DOCKERSHIM = "dockershim"
#: Starts Docker whenever somebody speaks to its socket.
DOCKER_SOCKET = "docker.socket"
DOCKER_LINK = "docker0"
ADDRESSES = "/var/lib/cni/networks"


class ChangeError(ProblemError):
    """A kubelet that could not be taken to another runtime."""


class Node(NamedTuple):
    """What decides what is left to do."""

    #: The kubelet's files that there are, by path.
    files: Mapping[str, str]
    socket: Optional[str]
    #: from and to of a change that was begun; empty where there is none.
    begun: Mapping[str, str]

    @property
    def runtime(self) -> str:
        """Whose socket the kubelet has."""
        return next((name for name in RUNTIMES if name in (self.socket or "")), DOCKERSHIM if not self.socket else "")


def read(runner: Runner) -> Node:
    """The kubelet's files, the socket that they name, and the marker."""
    texts = {path: runner.read(path) for path in KUBELET_FILES}
    files = {path: text for path, text in texts.items() if text is not None}
    begun = object_or_empty(runner.read(MARKER))
    known = begun.get("to") in RUNTIMES and isinstance(begun.get("from"), str)
    return Node(files, kubelet_socket(list(files.values())), begun if known else {})


def plan(node: Node, wanted: str) -> List[str]:
    """What is to be done, in words and in order; empty where the kubelet has the wanted runtime, or there is no kubelet."""
    if not node.files or (not node.begun and node.runtime == wanted):
        return []
    old = node.begun.get("from") or node.runtime
    return [
        "stop the kubelet, and end all containers of %s" % (old or node.socket),
        "stop and disable %s" % (", ".join(leaves(old, wanted)) or "nothing else"),
        "give the kubelet %s, start it, and wait until the node is Ready with %s" % (RUNTIMES[wanted].socket, wanted),
    ]


def leaves(old: str, wanted: str) -> List[str]:
    """Units of the old runtime that nothing needs any more, the last to start first. Docker runs containers by containerd."""
    name = "docker" if old == DOCKERSHIM else old
    if name not in RUNTIMES or (name == "containerd" and wanted == "docker"):
        return []
    units = [DOCKER_SOCKET] if name == "docker" else []
    return units + [unit for unit in reversed(RUNTIMES[name].services) if unit not in RUNTIMES[wanted].services]


def with_socket(path: str, text: str, socket: str) -> str:
    """The text of one of the kubelet's files with another socket, where it names one."""
    return ENDPOINT.sub(lambda found: found.group(0).replace(found.group(1), socket), text)


def with_flags(text: str, socket: str) -> str:
    """kubeadm-flags.env of a kubelet that spoke to Docker by itself, with a socket."""
    added = '="--container-runtime=remote --container-runtime-endpoint=%s ' % socket
    return re.sub(r'^(KUBELET_KUBEADM_ARGS)="', lambda found: found.group(1) + added, text, count=1, flags=re.MULTILINE)


class Change:
    """Does it. ``pause`` is what waiting calls."""

    def __init__(self, runner: Runner, node_name: str, timeout: float = 300, pause: Callable[[float], None] = time.sleep) -> None:
        self.runner = runner
        self.node_name = node_name
        self.timeout = timeout
        self.pause = pause

    def apply(self, node: Node, wanted: str) -> None:
        """:raises ChangeError: the new runtime does not run, or the node does not become Ready with it."""
        new = RUNTIMES[wanted]
        old = node.begun.get("from") or node.runtime
        socket = new.socket.partition("://")[2]
        if not self.runner.exists(socket):
            raise ChangeError(
                wanted, "%s is not there, so nothing was changed" % socket, "read `journalctl -u %s` on the node" % new.services[-1]
            )
        os.makedirs(os.path.dirname(MARKER), mode=0o755, exist_ok=True)
        replace_file(MARKER, json.dumps({"from": old, "to": wanted}), 0o644)
        self.runner.run(["systemctl", "stop", "kubelet"], timeout=120)
        self._end_containers(old, node.socket)
        self._leave(old, wanted)
        self._give_socket(node, new.socket)
        apply_step(self.runner, "kubelet", "start")
        self._wait(wanted)
        with contextlib.suppress(FileNotFoundError):
            os.remove(MARKER)

    def _end_containers(self, old: str, socket: Optional[str]) -> None:
        if old == DOCKERSHIM:
            remove_docker_pods(self.runner)
            # Nobody told the CNI plugins: what host-local holds is for pods that are all gone.
            self.runner.run(["rm", "-r", "-f", "--one-file-system", "--", ADDRESSES], timeout=60)
        elif old in RUNTIMES:
            remove_pods(self.runner, RUNTIMES[old].socket)
        elif socket:
            remove_pods(self.runner, socket)

    def _leave(self, old: str, wanted: str) -> None:
        units = leaves(old, wanted)
        if not units:
            return
        states = read_services(self.runner, units)
        for unit in units:
            if states[unit].active:
                apply_step(self.runner, unit, "stop")
            if states[unit].exists and states[unit].enabled:
                self.runner.run(["systemctl", "disable", "--", unit], timeout=60)
        if old in ("docker", DOCKERSHIM) and self.runner.exists("/sys/class/net/" + DOCKER_LINK):
            # Its network would stay in the way of others until the next boot.
            self.runner.run(["ip", "link", "delete", DOCKER_LINK], timeout=30)

    def _give_socket(self, node: Node, socket: str) -> None:
        for path, text in node.files.items():
            changed = with_socket(path, text, socket)
            if changed == text and path == FLAGS and node.runtime == DOCKERSHIM:
                changed = with_flags(text, socket)
            if changed != text:
                replace_file(path, changed, 0o644)

    def _wait(self, wanted: str) -> None:
        deadline = self.runner.now() + self.timeout
        seen = "the API does not answer"
        while self.runner.now() < deadline:
            found = self._object()
            if found:
                self._annotate(found, RUNTIMES[wanted].socket)
                version, ready = status_of(found)
                if ready and version.startswith(RUNTIMES[wanted].kubelet_name + "://"):
                    return
                seen = "it is %sReady, with %s" % ("" if ready else "not ", version or "no runtime")
            self.pause(2)
        raise ChangeError(
            "node %s" % self.node_name,
            "it is not Ready with %s after %d seconds: %s" % (wanted, self.timeout, seen),
            "read `journalctl -u kubelet` and `crictl info` on the node; the next run goes on from here",
        )

    def _object(self) -> Dict[str, Any]:
        result = self._kubectl("get", "node", self.node_name, "--output=json")
        return object_or_empty(result, OBJECT)

    def _annotate(self, found: Mapping[str, Any], socket: str) -> None:
        """kubeadm reads it at every upgrade; since 1.34 it has a file of its own in its place."""
        if ((found.get("metadata") or {}).get("annotations") or {}).get(ANNOTATION, socket) != socket:
            self._kubectl("annotate", "node", self.node_name, "%s=%s" % (ANNOTATION, socket), "--overwrite")

    def _kubectl(self, *words: str) -> str:
        """As the kubelet itself, which may read and annotate its own node."""
        argv = ["kubectl", "--kubeconfig", KUBELET_KUBECONFIG, "--request-timeout=10s"] + list(words)
        return self.runner.run(argv, timeout=20).stdout


def status_of(found: Mapping[str, Any]) -> "tuple[str, bool]":
    """The runtime's name with its version as the kubelet says it, and whether the node is Ready."""
    status = found.get("status") or {}
    conditions = {one.get("type"): one.get("status") for one in status.get("conditions") or []}
    return str((status.get("nodeInfo") or {}).get("containerRuntimeVersion") or ""), conditions.get("Ready") == "True"
