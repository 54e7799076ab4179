# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The container runtime, and the networks that Docker would give to its own containers."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Optional, Set

from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.runtime import (
    RUNTIMES,
    RuntimeVersionError,
    config_schema,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import object_or_empty
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

#: Where the kubelet's socket stands: since 1.34 in the first, since 1.27 in the second, before that on the command line.
KUBELET_FILES = ("/var/lib/kubelet/instance-config.yaml", "/var/lib/kubelet/config.yaml", "/var/lib/kubelet/kubeadm-flags.env")
ENDPOINT = re.compile(r"""(?:container-runtime-endpoint=|containerRuntimeEndpoint:\s*)["']?([^\s"']+)""")


def read(runner: Runner, active: Set[str], packages: Mapping[str, Optional[str]]) -> Dict[str, Any]:
    """runtime (None where there is none) and docker_pools."""
    texts = [runner.read(path) or "" for path in KUBELET_FILES]
    configured = kubelet_socket(texts)
    installed = [name for name, one in RUNTIMES.items() if runner.which(one.programs[0])]
    # A kubelet that kubeadm has set up and that names no socket speaks to Docker by itself (dockershim, up to 1.23).
    name = "docker" if texts[-1] and not configured and "docker" in installed else choose(installed, active, configured)
    pools = docker_pools(runner.read("/etc/docker/daemon.json") or "")
    if name is None:
        return {"runtime": None, "docker_pools": pools}
    one = RUNTIMES[name]
    version = next((packages[key] for key in one.programs[:1] + one.packages if packages.get(key)), None)
    return {
        "runtime": {
            "name": name,
            "version": version,
            "socket": configured or one.socket,
            "active": any(unit in active for unit in one.services),
            "config_schema": _schema(version) if name == "containerd" else None,
        },
        "docker_pools": pools,
    }


def choose(installed: List[str], active: Set[str], configured: Optional[str]) -> Optional[str]:
    """The runtime that Kubernetes uses or would use: the kubelet's own, else one that runs, else one that is there.

    Docker brings containerd with it, so Docker is only meant where cri-dockerd runs or nothing else is installed.
    """
    for name in RUNTIMES:
        if configured and name in configured:
            return name
    order = ["docker"] if "cri-docker" in active else []
    order += [name for name in ("containerd", "crio") if name in active] + ["containerd", "crio", "docker"]
    return next((name for name in order if name in installed), None)


def kubelet_socket(texts: List[str]) -> Optional[str]:
    """The CRI socket as a URL that the first of these kubelet files names."""
    for text in texts:
        match = ENDPOINT.search(text)
        if match:
            return match.group(1) if "://" in match.group(1) else "unix://" + match.group(1)
    return None


def _schema(version: Optional[str]) -> Optional[int]:
    try:
        return config_schema(version)
    except RuntimeVersionError:
        return None


def docker_pools(daemon_json: str) -> List[str]:
    """The subnets that Docker's daemon.json gives to networks."""
    data = object_or_empty(daemon_json)
    listed = data.get("default-address-pools")
    pools = [pool.get("base") for pool in listed if isinstance(pool, dict)] if isinstance(listed, list) else []
    values = [data.get("bip"), data.get("fixed-cidr"), data.get("fixed-cidr-v6")] + pools
    return [value for value in values if isinstance(value, str) and value]
