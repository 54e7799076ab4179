# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that are built from Go's module proxy though `go install` refuses them: their go.mod replaces modules."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from host import LabError, say

KUBERNETES = "k8s.io/kubernetes"
KUBERNETES_PROGRAMS = (
    *("kubeadm", "kubelet", "kubectl"),
    *("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy"),
)
ETCD_PROGRAMS = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "etcdctl": "go.etcd.io/etcd/etcdctl/v3",
    "etcdutl": "go.etcd.io/etcd/etcdutl/v3",
}
CONTAINERD = "github.com/containerd/containerd/v2"


def build_kubernetes(go: str, version: str, out: Path) -> None:
    """The programs of a release into ``out``. Its parts under staging/ are modules of their own: 1.34.4 is made of v0.34.4."""
    module = f"{KUBERNETES}@v{version}"
    given = (Path(json.loads(_go(go, out, "mod", "download", "-json", module))["Dir"]) / "go.mod").read_text()
    minor, patch = version.split(".")[1:]
    parts = re.findall(r"^\s*(k8s\.io/\S+) => \./staging/", given, re.MULTILINE)
    lines = re.findall(r"^(?:go|godebug) [^(\n]+$", given, re.MULTILINE)
    stamp = {"gitVersion": f"v{version}", "gitMajor": "1", "gitMinor": minor, "gitTreeState": "clean"}
    flags = [
        f"-X k8s.io/{package}/version.{name}={value}"
        for package in ("component-base", "client-go/pkg")
        for name, value in stamp.items()
    ]
    packages = {name: f"{KUBERNETES}/cmd/{name}" for name in KUBERNETES_PROGRAMS}
    _build(go, out, packages, {KUBERNETES: f"v{version}"}, lines, dict.fromkeys(parts, f"v0.{minor}.{patch}"), flags)


def build_etcd(go: str, version: str, out: Path) -> None:
    """etcd, etcdctl and etcdutl of a release into ``out``; the clients of an earlier patch where the proxy lacks the release's."""
    required = {module: _at_most(go, out, module, version) for module in ETCD_PROGRAMS.values()}
    required[ETCD_PROGRAMS["etcd"]] = f"v{version}"
    _build(go, out, ETCD_PROGRAMS, required, ["go 1.23"], {}, [])


def _at_most(go: str, out: Path, module: str, version: str) -> str:
    """The newest patch of the version's minor that the module proxy has, up to that version itself."""
    minor, _, patch = version.rpartition(".")
    for number in range(int(patch), -1, -1):
        found = f"v{minor}.{number}"
        try:
            _go(go, out, "mod", "download", f"{module}@{found}")
        except LabError:
            continue
        if number != int(patch):
            say(f"not in the lab: {module} v{version}, which the module proxy lacks; {found} stands in")
        return found
    raise LabError(f"the module proxy has no {module} of {minor}")


def build_containerd(go: str, version: str, out: Path) -> None:
    """What is in a release archive of containerd into ``out``, but for the stress test."""
    packages = {name: f"{CONTAINERD}/cmd/{name}" for name in ("containerd", "containerd-shim-runc-v2", "ctr")}
    _build(go, out, packages, {CONTAINERD: f"v{version}"}, ["go 1.24"], {}, [f"-X {CONTAINERD}/version.Version=v{version}"])


def build_crictl(source: Path, go: str, version: str, out: Path) -> None:
    """The lab's own CRI client with the CRI of a release, which is v1, into ``out``."""
    folder = out / ".source"
    folder.mkdir()
    # Size_ is the older generator's name of a field.
    (folder / "main.go").write_text(source.read_text().replace("/runtime/v1alpha2", "/runtime/v1").replace(".Size_", ".Size"))
    minor, patch = version.split(".")[1:]
    (folder / "go.mod").write_text(f"module lab\ngo 1.23\nrequire k8s.io/cri-api v0.{minor}.{patch}\n")
    _go(go, folder, "mod", "tidy")
    _go(go, folder, "build", "-ldflags=-s -w", "-o", str(out / "crictl"), ".")
    shutil.rmtree(folder)


def _build(
    go: str,
    out: Path,
    packages: Mapping[str, str],
    required: Mapping[str, str],
    lines: Sequence[str],
    replaced: Mapping[str, str],
    flags: Sequence[str],
) -> None:
    source = out / ".source"
    source.mkdir()
    text = ["module lab", *lines]
    text += [f"require {module} {version}" for module, version in required.items()]
    text += [f"replace {module} => {module} {version}" for module, version in replaced.items()]
    (source / "go.mod").write_text("\n".join(text) + "\n")
    # Named here, or the modules that they need are not.
    imports = "".join(f'import _ "{package}"\n' for package in packages.values())
    (source / "tools.go").write_text(f"//go:build tools\n\npackage lab\n\n{imports}")
    _go(go, source, "mod", "tidy")
    for name, package in packages.items():
        _go(go, source, "build", f"-ldflags=-s -w {' '.join(flags)}", "-o", str(out / name), package)
    shutil.rmtree(source)


def _go(go: str, folder: Path, *arguments: str) -> str:
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod -trimpath", "GOTOOLCHAIN": "auto"}
    # As few shares of the processors as the builder's container gets: nodes may run meanwhile.
    done = subprocess.run(
        ["nice", "-n", "10", go, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise LabError(f"go {arguments[0]} in {folder.name}: {reason(done.stderr) or 'it gave no reason'}")
    return done.stdout


def reason(said: str) -> str:
    """Why Go failed, in a line without the address of whichever proxy this machine asks."""
    lines = [line for line in said.splitlines() if "go: downloading" not in line]
    return re.sub(r"https?://\S+", "the module proxy", " ".join(" ".join(lines[-2:]).split()))[:400]
