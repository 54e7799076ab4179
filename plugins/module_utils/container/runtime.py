# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one table of container runtimes, and what differs between versions of containerd: what roles, facts and checks ask."""

from __future__ import annotations

import re
from typing import Any, Dict, NamedTuple, Tuple

_VERSION = re.compile(r"v?([0-9]{1,9})\.([0-9]{1,9})")

CNI_BINARIES_DEFAULT = "/opt/cni/bin"


class Runtime(NamedTuple):
    """A container runtime that speaks CRI."""

    #: What has to be on the node, the runtime itself first.
    programs: Tuple[str, ...]
    #: Packages that bring it, of whatever repository.
    packages: Tuple[str, ...]
    #: In the order in which they start; the last one serves CRI.
    services: Tuple[str, ...]
    socket: str
    #: What the kubelet calls it in a node's containerRuntimeVersion.
    kubelet_name: str
    #: Where its images and containers lie.
    data: str


#: Name in settings and facts -> the runtime. cri-dockerd and CRI-O by their packages' units and defaults.
RUNTIMES = {
    "containerd": Runtime(
        programs=("containerd",),
        packages=("containerd", "containerd.io"),
        services=("containerd",),
        socket="unix:///run/containerd/containerd.sock",
        kubelet_name="containerd",
        data="/var/lib/containerd",
    ),
    "crio": Runtime(
        programs=("crio",),
        packages=("cri-o",),
        services=("crio",),
        socket="unix:///var/run/crio/crio.sock",
        kubelet_name="cri-o",
        data="/var/lib/containers/storage",
    ),
    "docker": Runtime(
        programs=("dockerd", "cri-dockerd"),
        packages=("docker-ce", "docker.io", "moby-engine"),
        services=("docker", "cri-docker.socket", "cri-docker"),
        socket="unix:///var/run/cri-dockerd.sock",
        kubelet_name="docker",
        data="/var/lib/docker",
    ),
}

#: For a kubeadm that asks no runtime anything, and yet refuses a host with the sockets of two (Docker's containerd is one) unless
#: its file names one, whichever (K8S 1.28 cmd/kubeadm/app/util/config/initconfiguration.go).
ANY_SOCKET = RUNTIMES["containerd"].socket


def numbers(version: str) -> Tuple[int, ...]:
    """The numbers at the beginning of a version, two or more; empty where it is none."""
    match = re.match(r"v?([0-9]{1,9}(?:\.[0-9]{1,9})+)", version.strip())
    return tuple(int(part) for part in match.group(1).split(".")) if match else ()


def runtime_data(name: str) -> Dict[str, Any]:
    """The row as plain data for roles.

    :raises UnknownRuntimeError: there is no such runtime.
    """
    if name not in RUNTIMES:
        raise UnknownRuntimeError(name)
    row = RUNTIMES[name]
    return {key: list(value) if isinstance(value, tuple) else value for key, value in row._asdict().items()}


class UnknownRuntimeError(ValueError):
    """A name that no runtime has."""

    def __init__(self, name: object) -> None:
        self.name = name
        super().__init__("container_runtime_name: %r is no container runtime. Write %s." % (name, ", ".join(RUNTIMES)))


class RuntimeVersionError(ValueError):
    """A version that no configuration of ours fits; ``remedy`` says what to do."""

    def __init__(self, version: object, problem: str, remedy: str) -> None:
        self.version = version
        self.problem = problem
        self.remedy = remedy
        super().__init__("containerd %s: %s %s" % (version, problem, remedy))


class Generation(NamedTuple):
    """What the versions of containerd from ``since`` on have in common."""

    since: Tuple[int, int]
    #: The ``version`` of config.toml (containerd docs/man/containerd-config.toml.5.md, RELEASES.md).
    config_schema: int
    #: The key of the folders with CNI's programs: from 2.1 on bin_dirs, which has a default, and a file with both is refused
    #: (containerd internal/cri/config/config.go ValidateRuntimeConfig).
    cni_binaries_key: str


#: Newest first. Schema 1 (before 1.3) is not written: no such containerd serves the CRI that a supported kubelet speaks.
GENERATIONS = (
    Generation((2, 3), 4, "bin_dirs"),
    Generation((2, 1), 3, "bin_dirs"),
    Generation((2, 0), 3, "bin_dir"),
    Generation((1, 3), 2, "bin_dir"),
)


def generation(version: object) -> Generation:
    """The row for a version such as "1.7.24", "v2.1.3" or a package's "1.6.20~ds1-1".

    :raises RuntimeVersionError: it is no version, or older than all rows.
    """
    match = _VERSION.match(str(version).strip())
    if not match:
        raise RuntimeVersionError(version, "this is no version.", "Look at what `containerd --version` prints on the node.")
    numbers = (int(match.group(1)), int(match.group(2)))
    for row in GENERATIONS:
        if row.since <= numbers:
            return row
    raise RuntimeVersionError(version, "it is too old for Kubernetes.", "Install containerd 1.6 or newer.")


def config_schema(version: object) -> int:
    """The ``version`` that config.toml of this containerd should carry: 2, 3 or 4."""
    return generation(version).config_schema


def generation_data(version: object) -> Dict[str, Any]:
    """The row as plain data for templates."""
    row = generation(version)
    return {"config_schema": row.config_schema, "cni_binaries_key": row.cni_binaries_key}
