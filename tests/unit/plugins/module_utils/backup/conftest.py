# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A member of etcd that runs, with files to back up beside it."""

from __future__ import annotations

import base64
import pathlib
import shutil
import time
from typing import Any, Dict, Iterator

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup import content, take
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.member import Member
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.settings import Settings
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.retention import Keep
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.tools import Certificates
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner
from real_etcd import Files, Node, make_files, running, wait_for
from s3_server import server, until  # noqa: F401 - a fixture

PASSPHRASE = "correct horse battery staple"


class Host:
    """A member that runs, and the settings of its backup."""

    def __init__(self, folder: pathlib.Path, node: Node, files: Files) -> None:
        self.folder, self.node = folder, node
        self.ended = 0
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
        """A run in another second than the end of the one before, since names go by seconds."""
        until(lambda: int(time.time()) != self.ended)
        run = take.Run(self.settings._replace(**changes), HostRunner(), state=str(self.folder / "state"))
        if run.bucket is not None:
            run.bucket._pause = lambda seconds: None
        report = run.carry_out()
        self.ended = int(time.time())
        return report


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
