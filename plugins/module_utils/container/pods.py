# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends every pod on a node, by crictl where there is one and by the runtime's own client where there is none."""

from __future__ import annotations

from typing import List

from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

NAMESPACE = "k8s.io"


def remove_pods(runner: Runner, cri_socket: str) -> int:
    """Stop and remove all of the kubelet's containers, and say how many there were. The kubelet must be stopped before."""
    if runner.which("crictl"):
        crictl = ["crictl", "--runtime-endpoint", cri_socket]
        pods = runner.run(crictl + ["pods", "--quiet"], timeout=60).stdout.split()
        if pods:
            runner.run(crictl + ["rmp", "--all", "--force"], timeout=300)
        return len(pods)
    if "docker" in cri_socket:
        return remove_docker_pods(runner)
    containers = _ctr(runner, "containers", "list", "--quiet")
    for task in _ctr(runner, "tasks", "list", "--quiet"):
        runner.run(["ctr", "--namespace", NAMESPACE, "tasks", "delete", "--force", task], timeout=60)
    if containers:
        runner.run(["ctr", "--namespace", NAMESPACE, "containers", "delete"] + containers, timeout=120)
    return len(containers)


def remove_docker_pods(runner: Runner) -> int:
    """The same by Docker's client: dockershim, which no crictl speaks to, named containers as cri-dockerd does."""
    listed = runner.run(["docker", "ps", "--all", "--quiet", "--filter", "name=^k8s_", "--no-trunc"], timeout=60).stdout.split()
    if listed:
        runner.run(["docker", "rm", "--force", "--volumes"] + listed, timeout=300)
    return len(listed)


def _ctr(runner: Runner, *words: str) -> List[str]:
    return runner.run(["ctr", "--namespace", NAMESPACE] + list(words), timeout=60).stdout.split()
