# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The container runtime of each node: whether Kubernetes speaks to it, whether its settings exist, and how it is changed."""

from __future__ import annotations

from typing import Callable, Dict, Iterator, List, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.container import docker, removed
from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.releases import ARCHIVES, ReleaseError, release_files
from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.runtime import RUNTIMES, numbers
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import (
    MEMBER_STATES,
    Node,
    Topology,
    entries,
    mapping,
    text,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem, did_you_mean, listed, of_hosts

#: The playbook that takes live nodes from one runtime to another.
PLAYBOOK = "container_runtime"
#: What people write who mean something else.
WORDS = {
    "dockershim": ("Kubernetes 1.24 took dockershim away", "write docker, which brings cri-dockerd along, or containerd"),
    "cri-dockerd": ("cri-dockerd is what Docker needs beside it", "write docker, which brings cri-dockerd along"),
    "cri-o": ("it is spelled otherwise here", "write crio"),
    "podman": ("podman has no CRI, and CRI-O does not need it", "write crio"),
    "rkt": ("rkt was given up in 2019", "write containerd"),
}
SOURCES = {
    "containerd": ("docker", "distribution", "release"),
    "crio": ("crio", "distribution", "release"),
    "docker": ("docker", "distribution"),
}
#: A kubelet speaks CRI v1alpha2 alone up to 1.22, v1 too since 1.23 (SR-1.23). containerd 2.0 (RELEASES.md), CRI-O 1.34 and
#: cri-dockerd 0.4.3 (their sources) have v1 alone.
FIRST_MINOR_WITH_CRI_V1 = 23


def check(topology: Topology) -> Iterator[Problem]:
    yield from of_hosts((one, node.host) for node in topology.cluster_nodes for one in _of(node, topology))
    yield from _running(topology)


def wanted(node: Node, topology: Topology) -> str:
    """The runtime that the settings give to a node."""
    return text(node.setting("container_runtime_name")) or topology.settings.container_runtime


def data_path(node: Node, topology: Topology) -> str:
    """Where the node's runtime has its images and containers."""
    return RUNTIMES.get(wanted(node, topology), RUNTIMES["containerd"]).data


def moves_docker(node: Node, topology: Topology) -> bool:
    """Whether this run takes Docker's networks out of the way: by the daemon.json that it writes, or with Docker itself."""
    if not node.in_cluster:
        return False
    return wanted(node, topology) == "docker" or (topology.playbook == PLAYBOOK and _found(node) == "docker")


def _of(node: Node, topology: Topology) -> Iterator[Tuple[str, str, str]]:
    name = wanted(node, topology)
    if name not in RUNTIMES:
        setting = "container_runtime_name" if text(node.setting("container_runtime_name")) else "cluster_container_runtime"
        meant = did_you_mean(name.lower(), tuple(RUNTIMES)) or "containerd"
        unknown = ("%r is none of %s" % (name[:60], ", ".join(RUNTIMES)), "write %s" % meant)
        yield (setting, *WORDS.get(name.lower(), unknown))
        return
    yield from _versions(node, name, topology)
    yield from _source(node, name, topology)
    yield from SETTINGS[name](node, topology)


def _versions(node: Node, name: str, topology: Topology) -> Iterator[Tuple[str, str, str]]:
    release = topology.release
    if release is None or release.minor >= FIRST_MINOR_WITH_CRI_V1:
        return
    minor = release.version.minor_text
    if name != "containerd":
        problem = "the kubelet of %s speaks CRI v1alpha2, which neither CRI-O nor cri-dockerd has any more" % minor
        yield "cluster_container_runtime", problem, "write containerd (1.x), or a Kubernetes from 1.24 on"
        return
    pinned = numbers(text(node.setting("container_runtime_version")))
    if text(node.setting("container_runtime_source")) == "release":
        given = mapping(mapping(node.setting("container_runtime_releases")).get("containerd"))
        pinned = numbers(text(given.get("version")) or ARCHIVES["containerd"].version)
    installed = numbers(text(mapping(node.facts.get("runtime")).get("version")) if _found(node) == "containerd" else "")
    if (pinned or installed) >= (2,):
        problem = "the kubelet of %s speaks CRI v1alpha2, which containerd 2.0 took away" % minor
        yield "container_runtime_version", problem, "take containerd 1.7, or a Kubernetes from 1.24 on"


def _source(node: Node, name: str, topology: Topology) -> Iterator[Tuple[str, str, str]]:
    source = text(node.setting("container_runtime_source"))
    if source and source not in SOURCES[name]:
        problem = "%s does not come from %r" % (name, source[:40])
        yield "container_runtime_source", problem, "write %s" % " or ".join(SOURCES[name])
    given = node.setting("container_runtime_releases")
    if source == "release" or given or (name == "docker" and not mapping(node.facts.get("packages")).get("cri-dockerd")):
        try:
            release_files(
                name,
                text(node.facts.get("architecture")) or "amd64",
                topology.release.version.minor_text if topology.release else "",
                {str(key): mapping(value) for key, value in mapping(given).items()},
            )
        except ReleaseError as error:
            yield error.setting, error.problem, error.remedy


def _text_settings(node: Node, name: str) -> Iterator[Tuple[str, str, str]]:
    lines = node.setting("container_runtime_config_extra")
    runtime = mapping(node.facts.get("runtime"))
    version = numbers(text(runtime.get("version"))) if text(runtime.get("name")) == name else ()
    for problem, remedy in removed.refusals(name, lines if isinstance(lines, str) else "", version):
        yield "container_runtime_config_extra", problem, remedy


def _docker_settings(node: Node, topology: Topology) -> Iterator[Tuple[str, str, str]]:
    if text(node.setting("container_runtime_config_extra")):
        remedy = "write the keys into %s" % docker.SETTING
        yield "container_runtime_config_extra", "Docker's configuration is one JSON text, to which no lines can be added", remedy
    yield from docker.refusals(mapping(node.setting(docker.SETTING)))
    driver = text(node.setting("container_runtime_docker_storage_driver"))
    if driver:
        for refusal in docker.refusals({"storage-driver": driver}):
            if "took" in refusal.problem:
                yield "container_runtime_docker_storage_driver", refusal.problem, refusal.remedy
    settings = topology.settings
    try:
        docker.free_networks(
            [mapping(one) for one in entries(node.facts.get("addresses"))],
            [settings.pod_subnet, settings.service_subnet, *settings.reserved_subnets],
            text(node.setting("container_runtime_docker_bip")),
            [mapping(one) for one in entries(node.setting("container_runtime_docker_address_pools"))],
        )
    except docker.DockerSettingsError as error:
        yield from error.refusals


SETTINGS: Dict[str, Callable[[Node, Topology], Iterator[Tuple[str, str, str]]]] = {
    "containerd": lambda node, _topology: _text_settings(node, "containerd"),
    "crio": lambda node, _topology: _text_settings(node, "crio"),
    "docker": _docker_settings,
}


def _found(node: Node) -> str:
    return text(mapping(node.facts.get("runtime")).get("name"))


def _running(topology: Topology) -> Iterator[Problem]:
    """A node that is in the cluster changes its runtime when it is empty, and at no other time."""
    if topology.playbook in (PLAYBOOK, "upgrade", "remove", "restore", "restore_etcd"):
        return
    others: Dict[Tuple[str, str], List[str]] = {}
    for node in topology.cluster_nodes:
        name = wanted(node, topology)
        if node.state in MEMBER_STATES and name in RUNTIMES and _found(node) in RUNTIMES and _found(node) != name:
            others.setdefault((_found(node), name), []).append(node.host)
    for (found, name), hosts in others.items():
        yield Problem(
            "cluster_container_runtime",
            "%s is wanted, and %s run%s with %s" % (name, listed(hosts), "s" if len(hosts) == 1 else "", found),
            "run playbook container_runtime: it empties one node after the other and changes it; or write %s" % found,
            tuple(hosts),
        )
