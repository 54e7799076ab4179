"""Real kube-apiservers on a real etcd, from the lab's cache: what they take, they take."""

from __future__ import annotations

import contextlib
import json
import pathlib
import shutil
import socket
import subprocess
import time
from typing import Iterator, List, NamedTuple

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import Kubectl
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner
from lab_programs import current_kubernetes, kubernetes

MADE = ("namespace/default", "namespace/kube-system", "priorityclass/system-node-critical")


class Cluster(NamedTuple):
    """How to reach the API."""

    kubectl: str
    kubeconfig: str


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Kubernetes 1.20.2, the oldest that the roles install."""
    if not kubernetes("kube-apiserver").exists() or not kubernetes("kubectl").exists() or shutil.which("etcd") is None:
        pytest.skip("no kube-apiserver 1.20.2 in the lab's cache, or no etcd here: nothing is tried against a real API")
    with _serving(kubernetes("kube-apiserver"), kubernetes("kubectl"), tmp_path_factory.mktemp("cluster")) as found:
        yield found


@pytest.fixture(scope="session")
def current_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The newest Kubernetes that the lab has built."""
    server, kubectl = current_kubernetes("kube-apiserver"), current_kubernetes("kubectl")
    if not server.exists() or not kubectl.exists() or shutil.which("etcd") is None:
        pytest.skip("no kube-apiserver of 1.30 or newer in the lab's cache (`lab.py up inventories/lab/current_release` makes one)")
    with _serving(server, kubectl, tmp_path_factory.mktemp("current")) as found:
        yield found


@contextlib.contextmanager
def _serving(server: pathlib.Path, kubectl: pathlib.Path, folder: pathlib.Path) -> Iterator[Cluster]:
    clients, peers, port = _free_port(), _free_port(), _free_port()
    subprocess.run(["openssl", "genrsa", "-out", str(folder / "sa.key"), "2048"], check=True, capture_output=True)
    (folder / "tokens.csv").write_text("token,admin,admin,system:masters\n")
    etcd_url = "http://127.0.0.1:%d" % clients
    commands: List[List[str]] = [
        [
            "etcd",
            "--data-dir",
            str(folder / "etcd"),
            "--listen-client-urls",
            etcd_url,
            "--advertise-client-urls",
            etcd_url,
            "--listen-peer-urls",
            "http://127.0.0.1:%d" % peers,
            "--initial-advertise-peer-urls",
            "http://127.0.0.1:%d" % peers,
            "--initial-cluster",
            "default=http://127.0.0.1:%d" % peers,
        ],
        [
            str(server),
            "--etcd-servers",
            etcd_url,
            "--secure-port",
            str(port),
            "--bind-address",
            "127.0.0.1",
            "--cert-dir",
            str(folder / "certs"),
            "--service-account-key-file",
            str(folder / "sa.key"),
            "--service-account-signing-key-file",
            str(folder / "sa.key"),
            "--service-account-issuer",
            "https://kubernetes.default",
            "--token-auth-file",
            str(folder / "tokens.csv"),
            "--service-cluster-ip-range",
            "10.96.0.0/16",
            "--authorization-mode",
            "RBAC",
            # As kubeadm has it.
            "--allow-privileged=true",
            "--disable-admission-plugins",
            "ServiceAccount",
        ],
    ]
    (folder / "kubeconfig").write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "x",
                "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:%d" % port, "insecure-skip-tls-verify": True}}],
                "users": [{"name": "u", "user": {"token": "token"}}],
                "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            }
        )
    )
    with open(folder / "log", "wb") as log:
        processes = [subprocess.Popen(command, stdout=log, stderr=log, cwd=folder) for command in commands]
    found = Cluster(str(kubectl), str(folder / "kubeconfig"))
    try:
        for _ in range(240):
            # What the API server makes some seconds after it is ready.
            argv = [found.kubectl, "--kubeconfig", found.kubeconfig, "get", *MADE]
            if subprocess.run(argv, capture_output=True, check=False).returncode == 0:
                break
            time.sleep(0.25)
        else:
            raise RuntimeError((folder / "log").read_text()[-2000:])
        yield found
    finally:
        # Told to end, an API server waits for its etcd, which ends as well; nobody needs what they hold.
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()


@pytest.fixture
def kubectl(cluster: Cluster) -> Kubectl:
    return Kubectl(HostRunner(), cluster.kubeconfig, cluster.kubectl)
