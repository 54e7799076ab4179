# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian packages of the lab's binaries, and a signed repository of them, named and laid out as pkgs.k8s.io does."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

from host import run

HERE = Path(__file__).parent
CNI_VERSION = "1.1.1-1.1"
# package -> (version, or the empty text for Kubernetes' own, dependencies, files in the package -> kind/name of the file)
PACKAGES = {
    "kubelet": (
        "",
        "iptables (>= 1.4.21), kubernetes-cni (>= 0.8.7), iproute2, socat, util-linux, mount, ebtables, ethtool, "
        "conntrack",
        {"usr/bin/kubelet": "bin/kubelet", "usr/lib/systemd/system/kubelet.service": "files/kubelet.service"},
    ),
    "kubeadm": (
        "",
        "kubelet (>= 1.13.0), kubectl (>= 1.13.0), kubernetes-cni (>= 0.8.6), cri-tools (>= 1.13.0)",
        {
            "usr/bin/kubeadm": "bin/kubeadm",
            "usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf": "files/10-kubeadm.conf",
        },
    ),
    "kubectl": ("", "", {"usr/bin/kubectl": "bin/kubectl"}),
    "cri-tools": ("1.20.0-1.1", "", {"usr/bin/crictl": "bin/crictl"}),
    "kubernetes-cni": (CNI_VERSION, "", {"opt/cni/bin": "cni"}),
}


def write_repository(bundle: Path, kubernetes_version: str, architecture: str) -> None:
    """bundle/repository/deb: packages of the bundle's binaries, Packages, InRelease and the key (Release.key)."""
    target = bundle / "repository" / "deb"
    target.mkdir(parents=True)
    index = []
    for name, (version, dependencies, files) in PACKAGES.items():
        package = _build(bundle, target, name, version or f"{kubernetes_version}-1.1", dependencies, files, architecture)
        control = run(["dpkg-deb", "--field", package]).rstrip("\n")
        content = package.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        index.append(f"{control}\nFilename: ./{package.name}\nSize: {len(content)}\nSHA256: {digest}\n")
    packages = "\n".join(index)
    (target / "Packages").write_text(packages)
    digest = hashlib.sha256(packages.encode()).hexdigest()
    (target / "Release").write_text(
        f"Origin: baremetal.kubernetes lab\nLabel: lab\nArchitectures: {architecture}\n"
        f"Date: {run(['date', '--utc', '--rfc-email']).strip().replace('+0000', 'UTC')}\n"
        f"SHA256:\n {digest} {len(packages.encode())} Packages\n"
    )
    _sign(target)


def _build(
    bundle: Path, target: Path, name: str, version: str, dependencies: str, files: dict[str, str], architecture: str
) -> Path:
    with tempfile.TemporaryDirectory(dir=bundle) as folder:
        root = Path(folder) / name
        for destination, source in files.items():
            place = root / destination
            place.parent.mkdir(parents=True, exist_ok=True)
            origin = HERE / source if source.startswith("files/") else bundle / source
            if origin.is_dir():
                shutil.copytree(origin, place)
            else:
                shutil.copy2(origin, place)
        for path in [root, *root.rglob("*")]:
            path.chmod(0o755 if path.is_dir() or "bin" in path.parts[-2:] else 0o644)
        control = root / "DEBIAN" / "control"
        control.parent.mkdir()
        depends = f"Depends: {dependencies}\n" if dependencies else ""
        control.write_text(
            f"Package: {name}\nVersion: {version}\nArchitecture: {architecture}\n{depends}"
            f"Maintainer: The lab <lab@localhost>\nSection: admin\nPriority: optional\n"
            f"Description: {name} for the lab of baremetal.kubernetes\n"
        )
        package = target / f"{name}_{version}_{architecture}.deb"
        run(["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", root, package])
    return package


def _sign(target: Path) -> None:
    """Signs with a key that is thrown away: a repository that is built anew brings its new key along."""
    with tempfile.TemporaryDirectory() as home:
        gpg = ["gpg", "--homedir", home, "--batch", "--quiet", "--yes"]
        run([*gpg, "--passphrase", "", "--quick-generate-key", "lab of baremetal.kubernetes", "rsa3072", "sign", "never"])
        run([*gpg, "--clearsign", "--output", target / "InRelease", target / "Release"])
        run([*gpg, "--detach-sign", "--armor", "--output", target / "Release.gpg", target / "Release"])
        run([*gpg, "--armor", "--output", target / "Release.key", "--export"])
        run(["gpgconf", "--homedir", home, "--kill", "all"])
