# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A member of etcd that runs, with files to back up beside it, and a real S3 server where the lab has built one."""

from __future__ import annotations

import base64
import os
import pathlib
import shutil
import socket
import subprocess
import time
from typing import Any, Callable, Dict, Iterator, NamedTuple

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup import content, take
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.member import Member
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.settings import Settings, Storage
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.retention import Keep
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.tools import Certificates
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner
from real_etcd import Files, Node, make_files, running, wait_for

PASSPHRASE = "correct horse battery staple"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "baremetal-kubernetes-lab"
SERVERS = sorted(CACHE.glob("go-versitygw-*/versitygw"))


class Host:
    """A member that runs, and the settings of its backup."""

    def __init__(self, folder: pathlib.Path, node: Node, files: Files) -> None:
        self.folder, self.node = folder, node
        self.key = folder / "key"
        self.key.write_text(PASSPHRASE + "\n")
        self.kubernetes = folder / "kubernetes"
        (self.kubernetes / "pki").mkdir(parents=True)
        (self.kubernetes / "pki" / "ca.crt").write_text("the authority\n")
        (self.kubernetes / "pki" / "apiserver.crt").write_text("this host's own\n")
        (self.kubernetes / "tmp").mkdir()
        (self.kubernetes / "tmp" / "etcd-backup").write_text("kubeadm's\n")
        self.settings = Settings(
            "lab",
            "cp1",
            directory=str(folder / "backups"),
            passphrase_file=str(self.key),
            keep=Keep(last=3),
            storage_keep=Keep(last=3),
            every_member=True,
        )
        self.member = Member(
            node.name,
            node.client_url,
            str(folder / "data"),
            Certificates(files.ca, files.certificate, files.key),
            files.certificate,
            files.key,
            "",
        )

    def put(self, key: str, value: str) -> None:
        words = [base64.b64encode(word.encode()).decode() for word in (key, value)]
        self.node.client()._call("kv/put", {"key": words[0], "value": words[1]})

    def run(self, **changes: Any) -> Dict[str, Any]:
        """A run a second after the one before, since names go by seconds."""
        time.sleep(1)
        run = take.Run(self.settings._replace(**changes), HostRunner(), state=str(self.folder / "state"))
        if run.bucket is not None:
            run.bucket._pause = lambda seconds: None
        return run.carry_out()


@pytest.fixture(name="host")
def _host(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    if shutil.which("etcd") is None or shutil.which("etcdctl") is None:
        pytest.skip("no etcd or no etcdctl is installed (Debian: etcd-server, etcd-client)")
    files = make_files(tmp_path)
    node = Node("cp1", tmp_path, files)
    host = Host(tmp_path, node, files)
    monkeypatch.setattr(content, "ROOTS", (str(host.kubernetes),))
    monkeypatch.setattr(content, "SHARED", frozenset([str(host.kubernetes / "pki" / "ca.crt")]))
    monkeypatch.setattr(take, "read_member", lambda runner: host.member)
    with running(node.start([node])):
        wait_for(node.client().health, lambda health: health.healthy)
        for number in range(5):
            host.put("/registry/%d" % number, "value")
        yield host


class Server(NamedTuple):
    """``folder`` holds the bucket ``backups``; ``storage`` leads there."""

    storage: Storage
    folder: pathlib.Path


@pytest.fixture(name="server", scope="module")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if not SERVERS:
        pytest.skip("no S3 server: `python3 tests/lab/lab.py s3-server` builds one")
    folder = tmp_path_factory.mktemp("s3")
    (folder / "backups").mkdir()
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    process = subprocess.Popen(
        [str(SERVERS[-1]), "--port", "127.0.0.1:%d" % port, "posix", str(folder)],
        env=dict(os.environ, ROOT_ACCESS_KEY="access", ROOT_SECRET_KEY="secret-key"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: _connects(port) or process.poll() is not None)
        assert process.poll() is None, "the S3 server does not start"
        yield Server(Storage("http://127.0.0.1:%d" % port, "backups", "access", "secret-key"), folder)
    finally:
        process.kill()
        process.wait()


def until(true: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.1)


def _connects(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
