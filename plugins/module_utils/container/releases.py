# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Release archives of container runtimes: where they are, what is in them, and the one table of their checksums."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Sequence, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError

SETTING = "container_runtime_releases"
GITHUB = "https://github.com"


class ReleaseError(SettingError):
    """A release that can't be installed."""

    def __init__(self, program: str, problem: str, remedy: str) -> None:
        super().__init__("%s.%s" % (SETTING, program), problem, remedy)


class Archive(NamedTuple):
    """How a program is released."""

    version: str
    url: str
    #: Parts of the paths in the archive to leave out below the folder of programs; -1 for a program that is no archive.
    strip: int
    #: What of the archive is wanted; empty for all.
    only: Tuple[str, ...] = ()
    #: What the file is called on the node where it is no archive.
    name: str = ""


#: Program -> its release. The versions are those that go together in August 2026; CRI-O's follows Kubernetes (see crio_version).
ARCHIVES = {
    "containerd": Archive(
        *("2.3.4", GITHUB + "/containerd/containerd/releases/download/v{version}/containerd-{version}-linux-{architecture}.tar.gz"),
        1,
    ),
    "runc": Archive("1.4.3", GITHUB + "/opencontainers/runc/releases/download/v{version}/runc.{architecture}", -1, (), "runc"),
    "cri-dockerd": Archive(
        *("0.3.26", GITHUB + "/Mirantis/cri-dockerd/releases/download/v{version}/cri-dockerd-{version}.{architecture}.tgz"), 1
    ),
    "crio": Archive(
        *("", "https://storage.googleapis.com/cri-o/artifacts/cri-o.{architecture}.v{version}.tar.gz"), 2, ("cri-o/bin",)
    ),
}
#: Runtime -> the programs that a node needs of its release. Docker's own comes from packages; cri-dockerd has no repository.
PROGRAMS: Dict[str, Tuple[str, ...]] = {"containerd": ("containerd", "runc"), "crio": ("crio",), "docker": ("cri-dockerd",)}

#: (program, version, architecture) -> SHA256, as kubernetes-sigs/kubespray's checksums.yml of 2026-08-21 has them.
SHA256: Mapping[Tuple[str, str, str], str] = {
    ("containerd", "2.3.4", "amd64"): "9d68969855fbf676cdb8ed758e420fb048d61f984f61de3e53eddfebe484d168",
    ("containerd", "2.3.4", "arm64"): "a985fbb7e18fc0362d31a055338f5d7b0e087a3e27f14c70d1c5965399a29f95",
    ("containerd", "2.2.7", "amd64"): "91cd216ea26a1b8b512219d3f205375c967e7b7de4dae571bc3dd16bfacd34b5",
    ("containerd", "2.2.7", "arm64"): "84eb0a161e20ad45465202fa2d6d93b3d9b74666c363e9908706d590a86e2618",
    ("containerd", "2.0.11", "amd64"): "249457e108b64f8c44bcf5928acc1d3300253c922414f5a8329a754303019d50",
    ("containerd", "2.0.11", "arm64"): "a8261bd5cc78cc46f01bbc229320b9781f8c03dcfedcbff25dfd4f12e43e5d74",
    ("containerd", "1.7.34", "amd64"): "640f989745020ea4897ad0a3d7d977863a7279d3f2e132792fc62c25a45bda50",
    ("containerd", "1.7.34", "arm64"): "824cbd16af3bdfc1b1836338350630ae1b6a58c7466636a4bed10549790090ab",
    ("runc", "1.4.3", "amd64"): "f6ae8efc0fa40079e1475e97cbe9d1bd3f106a28d6af78a11d9f1bd565515e60",
    ("runc", "1.4.3", "arm64"): "633301e2e32f8a5ad54031aab4901eb00308bec677dd15faa2751e8f9dab5ca4",
    ("runc", "1.3.6", "amd64"): "3f3921dbbee7723e9868f97e88e51ffc910206e3ba55646e74d93d24ea76023c",
    ("runc", "1.3.6", "arm64"): "6be27a061ef89bb14c6cb495405bba80f46cea213b8f79378a6086b1bac6b747",
    ("cri-dockerd", "0.3.26", "amd64"): "87f31c964d974cdce9c883c79b69e355c3c323e51d3a7d36cda140e6df7b8d5a",
    ("cri-dockerd", "0.3.26", "arm64"): "d33e46e0d7ce28b22fdf7fa6327961cf0220ec3814fd7cc482f8cb77e7fd986a",
    ("crio", "1.36.3", "amd64"): "fc2ece7cc22a505cca5e100438e4e58f7786f17b64467022e2d2019239c88349",
    ("crio", "1.36.3", "arm64"): "749e5e5393a09ec93af6723410cf3554fb4b3b2fd7df2cb36a9acc427c3392cf",
    ("crio", "1.35.6", "amd64"): "481c1de44de8a71dc299b3605c7b5f6044f656207cf5d39c14d4c840653bb7f5",
    ("crio", "1.35.6", "arm64"): "90142d24760afe66fd082a58d2ce752f01aef58b5a2bb96e03dca23e96cff834",
    ("crio", "1.34.11", "amd64"): "412d3f0490a37c45933134f4c899cc5b97faf9408a35daf562f672c277d37a0b",
    ("crio", "1.34.11", "arm64"): "8c8080cb799155b7a40d706c48fcced6869d8942f321042fc16502b42fcbec26",
}


def crio_version(kubernetes_minor: str) -> str:
    """The newest CRI-O in the table that goes with a minor of Kubernetes, which has to be its own; empty where there is none."""
    found = [
        version for program, version, _architecture in SHA256 if program == "crio" and version.startswith(kubernetes_minor + ".")
    ]
    return found[0] if found else ""


def release_files(
    runtime: str, architecture: str, kubernetes_minor: str, given: Mapping[str, Mapping[str, Any]]
) -> List[Dict[str, Any]]:
    """What to fetch for a runtime: program, version, url, checksum (as get_url takes it), strip, only and name.

    :param given: by program a version, url or sha256 (or the address of a list of them) of the user's own.
    :raises ReleaseError: an unknown program or key, or a version whose checksum is neither here nor given.
    """
    unknown = sorted(set(given) - set(ARCHIVES))
    if unknown:
        raise ReleaseError(unknown[0], "there is no such program", "write one of %s" % ", ".join(ARCHIVES))
    return [_file(program, architecture, kubernetes_minor, given.get(program) or {}) for program in PROGRAMS[runtime]]


def _file(program: str, architecture: str, kubernetes_minor: str, given: Mapping[str, Any]) -> Dict[str, Any]:
    archive = ARCHIVES[program]
    strange = sorted(set(given) - {"version", "url", "sha256"})
    if strange:
        raise ReleaseError(program, "it has no key %s" % strange[0], "write version, url and sha256")
    version = str(given.get("version") or archive.version or crio_version(kubernetes_minor)).lstrip("v")
    if not version:
        problem = "no release of it for Kubernetes %s is known here" % kubernetes_minor
        raise ReleaseError(program, problem, "write version and sha256, or take it from packages: container_runtime_source")
    checksum = str(given.get("sha256") or SHA256.get((program, version, architecture), ""))
    if not checksum:
        known = ", ".join(_known(program, architecture)) or "none"
        problem = "the checksum of %s for %s is not known here (known: %s)" % (version, architecture, known)
        raise ReleaseError(program, problem, "write sha256 from its release page beside the version")
    return {
        "program": program,
        "version": version,
        "url": str(given.get("url") or archive.url).format(version=version, architecture=architecture),
        "checksum": "sha256:" + checksum,
        "strip": archive.strip,
        "only": list(archive.only),
        "name": archive.name,
    }


def _known(program: str, architecture: str) -> Sequence[str]:
    return [version for name, version, built_for in SHA256 if (name, built_for) == (program, architecture)]
