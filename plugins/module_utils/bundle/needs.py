# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an inventory needs from outside, and what of it a bundle lacks. Pure: data in, data out."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional

from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.manifest import Manifest

#: Programs that every node has of a bundle.
PROGRAMS = ("kubeadm", "kubelet", "kubectl")
_IMAGE = re.compile(r"^[ \t]*(?:- )?image:\s*[\"']?([^\s\"']+)[\"']?\s*$", re.MULTILINE)


class Needs(NamedTuple):
    """All that the hosts of an inventory take from outside."""

    kubernetes_version: str
    binaries: List[str]
    cni: bool
    #: Reference -> roles of the nodes that need it.
    images: Dict[str, List[str]]
    #: Each with name, version, repository and sha256 (which may be empty).
    charts: List[Dict[str, str]]
    #: System, as debian-12 -> packages, without what they depend on.
    packages: Dict[str, List[str]]

    def lines(self) -> List[str]:
        """For a person."""
        programs = self.binaries + (["the CNI plugins"] if self.cni else [])
        found = ["Kubernetes %s" % self.kubernetes_version]
        found += ["programs: %s" % ", ".join(programs)] if programs else []
        found += ["image %s (%s)" % (name, ", ".join(roles)) for name, roles in sorted(self.images.items())]
        found += ["chart %s %s and its images" % (chart["name"], chart["version"]) for chart in self.charts]
        for system, names in sorted(self.packages.items()):
            found.append("packages of %s, and what they depend on: %s" % (system, ", ".join(names)))
        return found


class Missing(NamedTuple):
    """One item that is needed and not there."""

    item: str
    problem: str


def system_name(system: Mapping[str, Any]) -> str:
    """debian-12, ubuntu-24.04, rocky-9: systems that take the same packages have the same name; empty where it is not known."""
    identity, version = str(system.get("id") or ""), str(system.get("version_id") or "")
    if system.get("family") == "redhat":
        version = version.partition(".")[0]
    return "%s-%s" % (identity, version) if identity and version else ""


def system_of(name: str) -> Dict[str, str]:
    """What ``system_name`` named, as node_facts has it."""
    identity, _dash, version = name.partition("-")
    family = "debian" if identity in ("debian", "ubuntu", "linuxmint", "raspbian") else "redhat"
    return {"id": identity, "version_id": version, "family": family, "codename": "", "pretty": name}


def images_in(objects: str) -> List[str]:
    """The images that rendered objects of Kubernetes name."""
    return sorted(set(_IMAGE.findall(objects)))


def missing(needs: Needs, manifest: Manifest, sizes: Optional[Mapping[str, int]] = None) -> List[Missing]:
    """What the bundle lacks; ``sizes`` (path in it -> bytes) are the files that there really are, None where nobody looked."""
    if manifest.kubernetes_version != needs.kubernetes_version:
        versions = (manifest.kubernetes_version, needs.kubernetes_version)
        return [Missing("Kubernetes", "the bundle holds %s, and %s is wanted" % versions)]
    found = [Missing("program %s" % name, "not in the bundle") for name in needs.binaries if name not in manifest.binaries]
    if needs.cni and not manifest.cni:
        found.append(Missing("CNI plugins", "not in the bundle"))
    held = _held(manifest)
    for reference, roles in sorted(needs.images.items()):
        found += _image(reference, roles, held)
    charts = {(chart.name, chart.version): chart for chart in manifest.charts}
    for wanted in needs.charts:
        chart = charts.get((wanted["name"], wanted["version"]))
        if chart is None:
            found.append(Missing("chart %s %s" % (wanted["name"], wanted["version"]), "not in the bundle"))
            continue
        for reference in chart.images:
            found += _image(reference, [], held)
    repositories = {repository.system: repository.names for repository in manifest.packages}
    for system, names in sorted(needs.packages.items()):
        absent = sorted(set(names) - set(repositories.get(system, [])))
        found += [Missing("package %s of %s" % (name, system), "not in the bundle") for name in absent]
    return found + _files(manifest, sizes)


def _held(manifest: Manifest) -> Dict[str, List[str]]:
    """Reference -> the roles whose nodes get it; an archive without roles is for all."""
    return {reference: archive.roles for archive in manifest.images for reference in archive.references}


def _image(reference: str, roles: Iterable[str], held: Mapping[str, List[str]]) -> List[Missing]:
    if reference not in held:
        return [Missing("image %s" % reference, "not in the bundle")]
    absent = sorted(set(roles) - set(held[reference])) if held[reference] else []
    return [Missing("image %s" % reference, "not for nodes that are %s" % role) for role in absent]


def _files(manifest: Manifest, sizes: Optional[Mapping[str, int]]) -> List[Missing]:
    if sizes is None:
        return []
    found = []
    for path in sorted(manifest.files()):
        expected = manifest.sizes.get(path)
        if path not in sizes:
            found.append(Missing(path, "bundle.json lists it, and there is no such file"))
        elif expected is not None and sizes[path] != expected:
            found.append(Missing(path, "it has %d bytes, and bundle.json says %d" % (sizes[path], expected)))
    return found
