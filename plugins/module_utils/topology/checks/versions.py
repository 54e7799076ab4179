# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wanted Kubernetes version against what is installed and running. All facts come from module_utils/kubeadm/versions.py."""

from __future__ import annotations

from typing import Dict, Iterator, List, Optional, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.versions import (
    Release,
    Version,
    VersionError,
    image_tag,
    supported,
    supported_text,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.checks.runtimes import PLAYBOOK as RUNTIME_PLAYBOOK
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import (
    MEMBER_STATES,
    Node,
    Topology,
    entries,
    mapping,
    text,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem, listed
from ansible_collections.baremetal.kubernetes.plugins.module_utils.upgrade.plan import batch_problems, step_problems
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import number_or

#: Playbooks that take members of the cluster as they are.
REPAIRS = ("remove", "replace", "restore")
UPGRADE = "leave cluster_kubernetes_version at %s here, and change it with the upgrade operation, one minor at a time"


def check(topology: Topology) -> Iterator[Problem]:
    release = topology.release
    if release is None:
        return
    if not supported(release.version):
        yield Problem(
            "cluster_kubernetes_version",
            "%s is not a version that this collection builds" % release.version.text,
            "write a version of %s" % supported_text(),
        )
    if topology.playbook == "upgrade":
        yield from _answers(topology)
        far = list(step_problems(_running_versions(topology), release))
        yield from far
        batches = {str(node.setting("upgrade_batch")) for node in topology.cluster_nodes} - {"None"}
        for batch in sorted(batches):
            yield from batch_problems(batch)
        if far:
            # What another version asks of the nodes is asked when it can be had.
            return
    else:
        yield from _running(topology, release)
        yield from _installed(topology, release)
    yield from _kubectl(topology, release)
    yield from _containerd(topology, release)
    yield from _cgroup(topology, release)


def parse(value: str) -> Optional[Version]:
    try:
        return Version.parse(value)
    except VersionError:
        return None


def running_version(node: Node) -> Optional[Version]:
    """What the API server of a control plane runs, by its static pod's image; else what kubeadm's state says."""
    for entry in entries(node.facts.get("static_pods")):
        pod = mapping(entry)
        if text(pod.get("name")).startswith("kube-apiserver"):
            version = parse(image_tag(text(pod.get("image"))))
            if version is not None:
                return version
    return parse(text(node.kubeadm.get("version")))


def _running_versions(topology: Topology) -> Dict[Version, List[str]]:
    """Version to the control planes that run it."""
    found: Dict[Version, List[str]] = {}
    for node in topology.control_planes:
        running = running_version(node) if node.state == "control_plane" else None
        if running is not None:
            found.setdefault(running, []).append(node.host)
    return found


def _running(topology: Topology, release: Release) -> Iterator[Problem]:
    for running, hosts in sorted(_running_versions(topology).items()):
        if running == release.version:
            continue
        yield Problem(
            "cluster_kubernetes_version",
            "the cluster runs %s, and %s is wanted" % (running.text, release.version.text),
            "nothing goes back to an older version: write %s" % running.text
            if running > release.version
            else UPGRADE % running.text,
            tuple(hosts),
        )


def _answers(topology: Topology) -> Iterator[Problem]:
    if not any(mapping(node.facts.get("apiserver")).get("ready") is True for node in topology.control_planes):
        yield Problem(
            "group control_plane",
            "no API server answers, and an upgrade begins with a healthy cluster",
            "look what playbook diagnose says; certificates that have expired are renewed by playbook certificates",
        )
    blank = [node.host for node in topology.cluster_nodes if node.readable and node.state not in MEMBER_STATES]
    if blank:
        yield Problem(
            "upgrade",
            "%s not in the cluster, or not wholly" % (listed(blank) + (" is" if len(blank) == 1 else " are")),
            "finish the build with the version that the cluster has, or take them out of the inventory",
            tuple(blank),
        )


def _installed(topology: Topology, release: Release) -> Iterator[Problem]:
    found: Dict[Tuple[str, Version], List[Node]] = {}
    for node in topology.cluster_nodes:
        for program in ("kubeadm", "kubelet"):
            version = parse(node.package(program))
            if version is not None and version != release.version:
                found.setdefault((program, version), []).append(node)
    for (program, version), nodes in sorted(found.items(), key=lambda pair: pair[0]):
        members = [node.host for node in nodes if node.state in MEMBER_STATES]
        blank = [node.host for node in nodes if node.state not in MEMBER_STATES]
        wanted = release.version
        if members and version > wanted:
            yield Problem(
                "cluster_kubernetes_version",
                "%s %s is installed on %s, which is newer than %s: a %s newer than the API server is not supported"
                % (program, version.text, listed(members), wanted.text, program),
                "write %s, or remove the package there" % version.text,
                tuple(members),
            )
        elif members:
            behind = wanted.minor - version.minor
            yield Problem(
                "cluster_kubernetes_version",
                "%s of %s is %s, %s behind %s"
                % (program, listed(members), version.text, _minors(behind) if behind else "a patch", wanted.text),
                UPGRADE % version.text,
                tuple(members),
            )
        if blank and (version > wanted or wanted.minor - version.minor > 1):
            yield Problem(
                "package %s" % program,
                "%s is installed on %s and will be replaced by %s" % (version.text, listed(blank), wanted.text),
                "nothing, if no other cluster of yours needs it there",
                tuple(blank),
                warning=True,
            )


def _kubectl(topology: Topology, release: Release) -> Iterator[Problem]:
    """A distribution's own kubectl (package kubernetes-client) is of whatever version that distribution has."""
    far: Dict[Version, List[str]] = {}
    for node in topology.cluster_nodes:
        version = parse(node.package("kubectl"))
        if version is not None and abs(version.minor - release.version.minor) > 1:
            far.setdefault(version, []).append(node.host)
    for version, hosts in sorted(far.items()):
        yield Problem(
            "package kubectl",
            "%s on %s is %s from %s, and one is what works"
            % (version.text, listed(hosts), _minors(abs(version.minor - release.version.minor)), release.version.text),
            "remove it (or kubernetes-client, where that brought it): role packages installs the right one",
            tuple(hosts),
            warning=True,
        )


def _minors(number: int) -> str:
    return "1 minor" if number == 1 else "%d minors" % number


def _numbers(version: str) -> Tuple[int, ...]:
    numbers = []
    for part in version.split("."):
        digits = "".join(character for character in part if character.isdigit())
        numbers.append(number_or(digits, 0))
    return tuple(numbers[:3])


def _containerd(topology: Topology, release: Release) -> Iterator[Problem]:
    """Each entry of containerd_minimum is the oldest patch of its minor that was tested; a newer minor than all is fine."""
    minima = sorted(_numbers(version) for version in release.containerd_minimum)
    old: Dict[Tuple[str, bool], List[str]] = {}
    for node in topology.cluster_nodes:
        runtime = mapping(node.facts.get("runtime"))
        version = text(runtime.get("version")).lstrip("v") if text(runtime.get("name")) == "containerd" else ""
        numbers = _numbers(version) if version else ()
        if len(numbers) < 2 or not minima:
            continue
        same_minor = [minimum for minimum in minima if minimum[:2] == numbers[:2]]
        if numbers < (same_minor[0] if same_minor else minima[0]):
            # It works there already, and must not be in the way of a node that is to be replaced.
            works = topology.playbook in REPAIRS and node.state in MEMBER_STATES
            old.setdefault((version, works), []).append(node.host)
    for (version, works), hosts in old.items():
        yield Problem(
            "containerd",
            "%s on %s is older than what Kubernetes %s is paired with (%s)"
            % (version, listed(hosts), release.version.minor_text, " or ".join(release.containerd_minimum)),
            "write container_runtime_version, or container_runtime_source: release, and run playbook container_runtime; where there"
            " is no cluster yet, upgrade or remove its package",
            tuple(hosts),
            warning=works or topology.playbook == RUNTIME_PLAYBOOK or not release.containerd_minimum[0].startswith("2."),
        )


def _cgroup(topology: Topology, release: Release) -> Iterator[Problem]:
    hosts = [node.host for node in topology.cluster_nodes if node.facts.get("cgroup_version") == 1]
    if not hosts or release.cgroup_v1 == "supported":
        return
    refused = release.cgroup_v1 == "refused"
    allowed = topology.settings.kubelet_settings.get("failCgroupV1") is False and "SystemVerification" in [
        text(name) for name in topology.settings.ignore_preflight_errors
    ]
    yield Problem(
        "cgroup version",
        "%s %s cgroup v1, %s"
        % (
            listed(hosts),
            "has" if len(hosts) == 1 else "have",
            "with which the kubelet of %s refuses to start" % release.version.minor_text
            if refused
            else "which Kubernetes gives up with 1.35",
        ),
        "boot with systemd.unified_cgroup_hierarchy=1 (or a distribution that has cgroup v2)"
        + (
            "; or failCgroupV1: false in cluster_kubelet_settings with SystemVerification in cluster_ignore_preflight_errors"
            if refused
            else ""
        ),
        tuple(hosts),
        warning=not refused or allowed,
    )
