# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module's own answers: what it lists, how it fails, and that it hides secrets and nothing else."""

from __future__ import annotations

import json
import pathlib
import time
from typing import Any, Callable, Dict, List, Tuple

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup import names, restore, stage
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.errors import BackupError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.health import Answer
from ansible_collections.baremetal.kubernetes.plugins.modules import cluster_restore
from fakes import FakeRunner
from module_arguments import patch_module_args

Run = Callable[..., Dict[str, Any]]


@pytest.fixture(name="run")
def _run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> Run:
    monkeypatch.setattr(stage, "FOLDER", str(tmp_path / "restore"))

    def run(**options: Any) -> Dict[str, Any]:
        capsys.readouterr()
        with patch_module_args({"cluster_name": "lab", **options}), pytest.raises(SystemExit):
            cluster_restore.main()
        answer: Dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    return run


def test_what_is_on_the_host_is_listed_with_its_whole_path_whatever_the_bucket_is_called(
    run: Run, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "backups" / "kubernetes"
    folder.mkdir(parents=True)
    name = names.archive_name(1_800_000_000, "etcd", "cp1", "aes")
    for end in ("", ".json"):
        (folder / (name + end)).write_text("x")
    monkeypatch.setattr(stage.Bucket, "list", lambda bucket, prefix: [])
    storage = {"endpoint": "http://s3", "bucket": "backups", "prefix": "kubernetes", "access_key": "etcd", "secret_key": "a secret"}
    answer = run(state="listed", directory=str(folder), storage=storage)
    (found,) = answer["archives"]
    assert (found["path"], found["name"], found["where"]) == (str(folder / name), name, "host")
    assert "a secret" not in json.dumps(answer)
    assert [found["path"] for found in run(state="listed", directory=str(folder), storage={})["archives"]] == [str(folder / name)]


def test_what_is_missing_is_said_in_fields(run: Run, tmp_path: pathlib.Path) -> None:
    answer = run(state="staged", archive="20260101T000000Z-etcd-cp1.tar.gz.aes", key="a passphrase")
    assert answer["failed"] and answer["subject"] == "backup_storage" and "restore_from" in answer["remedy"]
    assert "a passphrase" not in json.dumps(answer)
    assert run(state="restored", archive="x")["msg"].endswith("operation")


def test_a_control_plane_is_back_when_its_own_server_and_the_endpoint_answer() -> None:
    runner = FakeRunner(commands={("systemctl", "is-active", "kubelet"): "active"})
    asked: List[Tuple[str, int]] = []

    def ask(address: str, port: int, _runner: Any) -> Answer:
        asked.append((address, port))
        return Answer(address != "127.0.0.1" or asked.count(("127.0.0.1", 6443)) > 5, "not yet")

    done = restore.start(runner, True, 6443, 30, "10.0.0.100:8443", lambda _seconds: time.sleep(0.05), ask)
    assert done.changes == [] and done.answered >= 0.2 and ("10.0.0.100", 8443) in asked
    with pytest.raises(BackupError, match="endpoint 10.0.0.100:8443: it is not ready"):
        restore.start(runner, True, 6443, 0, "10.0.0.100:8443", ask=lambda address, *_more: Answer(address == "127.0.0.1", "no"))
