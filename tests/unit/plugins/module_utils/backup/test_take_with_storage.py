# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that upload to a real S3 server: what arrives, what stays, and what is lost when something goes wrong, which is nothing."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
from typing import Any, Iterator, List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup import names, stage
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.errors import BackupError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.settings import Storage
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.retention import Keep
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner


@pytest.fixture(name="storage")
def _storage(server: Any, tmp_path: pathlib.Path) -> Storage:
    """A prefix of the test's own."""
    found: Storage = server.storage._replace(prefix=tmp_path.name)
    return found


def there(server: Any, storage: Storage) -> List[str]:
    return sorted(path.name for path in (server.folder / "backups" / storage.prefix).rglob("*.aes"))


def here(host: Any) -> List[str]:
    return [archive.name for archive in names.in_directory(host.settings.directory)]


def test_what_arrives_is_restored_from_and_pruned_there_as_here(host: Any, server: Any, storage: Storage) -> None:
    for _number in range(3):
        report = host.run(storage=storage, storage_keep=Keep(last=2), keep=Keep(last=1))
        assert (report["outcome"], report["error"]) == ("taken", "")
        assert report["uploaded"] == [os.path.basename(report["path"])]
    assert len(there(server, storage)) == 2 and here(host) == there(server, storage)[1:]
    found = stage.find(host.settings.directory, storage, "lab")
    assert [entry["where"] for entry in found] == ["storage", "host", "storage"]
    done = stage.stage(HostRunner(), here(host)[0], "lab", storage, "", host.key.read_text(), str(host.folder / "staged"))
    assert done.manifest["trial"]["keys"] == 5


def test_wrong_credentials_fail_the_run_and_the_next_one_uploads_what_waited(host: Any, server: Any, storage: Storage) -> None:
    report = host.run(storage=storage._replace(secret_key="not the secret key"))
    assert report["outcome"] == "failed" and "backup_storage.secret_key" in report["error"]
    assert "not the secret key" not in str(report)
    assert len(here(host)) == 1 and there(server, storage) == []
    report = host.run(storage=storage)
    assert report["outcome"] == "taken" and len(report["uploaded"]) == 2
    assert there(server, storage) == here(host) and len(here(host)) == 2


def test_a_storage_that_is_away_fails_the_run_and_prunes_nothing(host: Any, server: Any, storage: Storage) -> None:
    host.run(storage=storage)
    report = host.run(storage=storage._replace(endpoint="http://127.0.0.1:9"), keep=Keep(last=1))
    assert report["outcome"] == "failed" and "the next run uploads it" in report["error"]
    assert len(here(host)) == 2 and len(there(server, storage)) == 1


@pytest.fixture(name="full")
def _full(tmp_path: pathlib.Path) -> Iterator[str]:
    """A file system of its own that is too small."""
    folder = tmp_path / "full"
    folder.mkdir()
    if os.geteuid() or shutil.which("mount") is None:
        pytest.skip("only root can mount a small file system")
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True, text=True)
    if made.returncode:
        pytest.skip("no file system can be mounted here: %s" % made.stderr.strip())
    try:
        yield str(folder)
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_fails_the_run_and_leaves_nothing_half(host: Any, full: str) -> None:
    report = host.run(directory=full)
    assert report["outcome"] == "failed" and "make room" in report["error"]
    assert os.listdir(full) == []


def test_a_restore_from_a_storage_that_lacks_it_says_so(host: Any, storage: Storage) -> None:
    with pytest.raises(BackupError, match="HTTP 404"):
        name = "20260101T000000Z-etcd-cp1.tar.gz.aes"
        stage.stage(HostRunner(), name, "lab", storage, "", "key", str(host.folder / "staged"))
    assert os.listdir(host.folder / "staged") == []


def name_cluster(host: Any, uid: str) -> None:
    host.put("/registry/namespaces/kube-system", "k8s\0 kube-system \x12$%s more" % uid)


def test_an_empty_cluster_that_a_member_began_by_itself_does_not_become_the_newest_backup(
    host: Any, server: Any, storage: Storage
) -> None:
    ours, anothers = "0a1b2c3d-0000-4000-8000-00000000000a", "0a1b2c3d-0000-4000-8000-00000000000b"
    name_cluster(host, ours)
    report = host.run(storage=storage)
    assert report["identity"] == ours
    name_cluster(host, anothers)
    # Known from the storage, where this host has taken none itself, ...
    report = host.run(storage=storage)
    assert report["outcome"] == "failed" and "it holds another cluster than the backups before" in report["error"]
    # ... and from the host's own last one.
    (host.folder / "state" / "last-taken.json").write_text(json.dumps({"identity": ours}))
    assert "it holds another cluster" in host.run()["error"]
    assert len(there(server, storage)) == len(here(host)) == 1
    name_cluster(host, ours)
    assert host.run(storage=storage)["outcome"] == "taken"
