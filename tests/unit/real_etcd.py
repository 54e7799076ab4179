# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real etcd members with TLS, each a process of its own, for tests."""

from __future__ import annotations

import contextlib
import pathlib
import shutil
import socket
import subprocess
import time
from typing import Callable, Iterator, List, NamedTuple, Sequence, TypeVar

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.client import EtcdClient
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.errors import EtcdError

T = TypeVar("T")

needs_etcd = pytest.mark.skipif(
    shutil.which("etcd") is None, reason="no etcd program is installed (Debian: etcd-server): not tried against a real one"
)


class Files(NamedTuple):
    ca: str
    certificate: str
    key: str


def openssl(*words: str) -> None:
    subprocess.run(["openssl"] + list(words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)


def make_files(folder: pathlib.Path) -> Files:
    """A CA, and one certificate for server, peer and client, as kubeadm's healthcheck-client and server are."""
    found = Files(str(folder / "ca.crt"), str(folder / "node.crt"), str(folder / "node.key"))
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *curve, "-keyout", str(folder / "ca.key"), "-out", found.ca, "-subj", "/CN=etcd-ca", "-days", "2")
    openssl("req", *curve, "-keyout", found.key, "-out", str(folder / "node.csr"), "-subj", "/CN=node")
    (folder / "extensions").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n")
    sign = ["-CA", found.ca, "-CAkey", str(folder / "ca.key"), "-CAcreateserial", "-days", "2"]
    sign += ["-extfile", str(folder / "extensions")]
    openssl("x509", "-req", "-in", str(folder / "node.csr"), *sign, "-out", found.certificate)
    return found


def free_ports(count: int) -> List[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(contextlib.closing(socket.socket())) for _number in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def wait_for(read: Callable[[], T], accept: Callable[[T], bool], seconds: float = 40) -> T:
    """The first accepted answer; the last error where none comes in time."""
    end = time.monotonic() + seconds
    while True:
        try:
            answer = read()
            if accept(answer):
                return answer
            problem: object = answer
        except EtcdError as error:
            problem = error
        if time.monotonic() > end:
            raise AssertionError("not in time; the last was: %s" % (problem,))
        time.sleep(0.1)


class Node:
    """An etcd member as a process of its own."""

    def __init__(self, name: str, folder: pathlib.Path, files: Files) -> None:
        self.name, self.folder, self.files = name, folder, files
        client, peer = free_ports(2)
        self.client_url, self.peer_url = "https://127.0.0.1:%d" % client, "https://127.0.0.1:%d" % peer

    def start(self, initial: Sequence["Node"], existing: bool = False) -> "subprocess.Popen[bytes]":
        tls = []
        for prefix in ("", "peer-"):
            tls += ["--%scert-file" % prefix, self.files.certificate, "--%skey-file" % prefix, self.files.key]
            tls += ["--%strusted-ca-file" % prefix, self.files.ca, "--%sclient-cert-auth" % prefix]
        argv = ["etcd", "--name", self.name, "--data-dir", str(self.folder / self.name)]
        argv += ["--listen-client-urls", self.client_url, "--advertise-client-urls", self.client_url]
        argv += ["--listen-peer-urls", self.peer_url, "--initial-advertise-peer-urls", self.peer_url]
        argv += ["--initial-cluster", ",".join("%s=%s" % (node.name, node.peer_url) for node in initial)]
        argv += ["--initial-cluster-state", "existing" if existing else "new"]
        with open(self.folder / (self.name + ".log"), "wb") as log:
            return subprocess.Popen(argv + tls, stdout=log, stderr=log)

    def client(self, timeout: float = 5.0) -> EtcdClient:
        return EtcdClient(self.client_url, *self.files, timeout=timeout)


@contextlib.contextmanager
def running(*processes: "subprocess.Popen[bytes]") -> Iterator[None]:
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait(timeout=30)
