#!/usr/bin/env python3
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-in of what a bundle is fetched from: the lab's own programs over HTTP, laid out as Kubernetes, cri-tools and the CNI
plugins publish theirs, and its images in a real registry. On this machine's loopback only: no node reaches it."""

from __future__ import annotations

import argparse
import functools
import hashlib
import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import urllib.request
from pathlib import Path

from cache import product
from host import LabError, run

WEB_PORT = 18600
REGISTRY_PORT = 18601
CNI_VERSION = "v1.1.1"


def docker_registry() -> Path:
    """The program of the distribution registry, out of Debian's package; nothing is installed."""
    installed = shutil.which("docker-registry")
    if installed:
        return Path(installed)

    def build(out: Path) -> None:
        run(["apt-get", "download", "--quiet", "docker-registry"], "Is the Debian mirror reachable?", cwd=out)
        (package,) = out.glob("*.deb")
        run(["dpkg-deb", "--extract", package, out])
        package.unlink()

    return product("docker-registry", ["bookworm"], build) / "usr" / "bin" / "docker-registry"


def lay_out(bundle: Path, web: Path) -> str:
    """Programs as their publishers have them, each with its checksum; Kubernetes' version."""
    version = f"v{json.loads((bundle / 'bundle.json').read_text())['kubernetes_version']}"
    crictl = f"{version.rpartition('.')[0]}.0"
    kubernetes = web / "kubernetes" / version / "bin" / "linux" / "amd64"
    kubernetes.mkdir(parents=True)
    for name in ("kubeadm", "kubelet", "kubectl"):
        shutil.copy2(bundle / "bin" / name, kubernetes / name)
    archives = {
        web / "cri-tools" / crictl / f"crictl-{crictl}-linux-amd64.tar.gz": [bundle / "bin" / "crictl"],
        web / "cni" / CNI_VERSION / f"cni-plugins-linux-amd64-{CNI_VERSION}.tgz": sorted((bundle / "cni").iterdir()),
    }
    for path, members in archives.items():
        path.parent.mkdir(parents=True)
        with tarfile.open(path, "w:gz", compresslevel=1) as archive:
            for member in members:
                archive.add(member, f"./{member.name}")
    for path in [*kubernetes.iterdir(), *archives]:
        # As dl.k8s.io writes them, and as the others do.
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        path.with_name(path.name + ".sha256").write_text(digest if path.parent == kubernetes else f"{digest}  {path.name}\n")
    return version


def push(archive: Path, reference: str, registry: str) -> None:
    """An image of a docker-archive into a registry without TLS, under its whole name."""
    target = f"docker://{registry}/{reference}"
    run(
        ["skopeo", "copy", "--quiet", "--dest-tls-verify=false", f"docker-archive:{archive}:{reference}", target], "Install skopeo."
    )


def start_registry(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """A registry without TLS on the loopback, and what it has in the folder; returns when it answers."""
    configuration = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(folder / "images")}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    (folder / "registry.yml").write_text(json.dumps(configuration))
    with (folder / "registry.log").open("wb") as log:
        argv = [docker_registry(), "serve", folder / "registry.yml"]
        process = subprocess.Popen(
            [str(word) for word in argv], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    for _attempt in range(100):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=5).close()
            return process
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.1)
    raise LabError(f"the registry does not answer on port {port}: read {folder / 'registry.log'}")


def start(folder: Path) -> None:
    """Everything, in the background; the folder keeps what to stop."""
    import products

    stop(folder)
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "web").mkdir(parents=True)
    bundle = products.bundle()
    lay_out(bundle, folder / "web")
    registry = start_registry(folder, REGISTRY_PORT)
    (folder / "pids").write_text(f"{registry.pid}\n")
    # It holds none of our streams: whoever reads them to their end would wait for it.
    silent = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    web = subprocess.Popen([sys.executable, __file__, "serve", str(folder)], start_new_session=True, **silent)
    (folder / "pids").write_text(f"{registry.pid}\n{web.pid}\n")
    for entry in json.loads((bundle / "bundle.json").read_text())["images"]:
        for reference in entry["references"]:
            push(bundle / entry["archive"], reference, f"127.0.0.1:{REGISTRY_PORT}")


def stop(folder: Path) -> None:
    """End what was started, by its number, and only where that is still what it was."""
    pids = folder / "pids"
    for pid in pids.read_text().split() if pids.exists() else []:
        command = Path(f"/proc/{pid}/cmdline")
        if command.exists() and str(folder).encode() in command.read_bytes():
            os.kill(int(pid), signal.SIGTERM)
    pids.unlink(missing_ok=True)


def serve(folder: Path) -> None:
    """The programs over HTTP, until it is ended."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder / "web"))
    http.server.ThreadingHTTPServer(("127.0.0.1", WEB_PORT), handler).serve_forever()


def main() -> int:
    """Exit code of the program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=["start", "stop", "serve"])
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    try:
        {"start": start, "stop": stop, "serve": serve}[arguments.action](folder)
    except LabError as error:
        print(f"upstream: {re.sub(r'//[^/@]*@', '//', str(error))}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
