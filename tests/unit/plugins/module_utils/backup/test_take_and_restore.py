# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of the backup on a real member of etcd, and the way back, with openssl; only the places are the test's own."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import time
from typing import Any, Dict

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup import names, program, restore, stage, take
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.errors import BackupError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.client import EtcdClient
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.restore import Wanted, is_restored
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.restore import restore as restore_data
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.retention import Keep
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.program import build
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner

PASSPHRASE = "correct horse battery staple"


def staged(host: Any, path: str, key: str = PASSPHRASE, cluster: str = "lab") -> stage.Staged:
    return stage.stage(HostRunner(), os.path.basename(path), cluster, None, path, key, str(host.folder / "staged"))


def test_a_backup_is_proven_by_a_restored_member_and_comes_back_whole(host: Any) -> None:
    report = host.run()
    assert (report["outcome"], report["error"]) == ("taken", "")
    assert (report["keys"], report["revision"]) == (5, 6)
    (archive,) = names.in_directory(host.settings.directory)
    assert archive.path == report["path"] and os.stat(archive.path).st_mode & 0o777 == 0o600
    assert sorted(os.listdir(host.settings.directory)) == [archive.name, archive.name + ".json"]
    beside = json.loads(pathlib.Path(archive.path + ".json").read_text())
    assert beside["trial"]["keys"] == 5 and PASSPHRASE not in json.dumps(beside)

    back = staged(host, archive.path)
    assert [entry["path"] for entry in back.manifest["files"] if entry["shared"]] == [str(host.kubernetes / "pki" / "ca.crt")]
    assert not [entry for entry in back.manifest["files"] if "/tmp/etcd-backup" in entry["path"]]
    wanted = Wanted(back.snapshot, str(host.folder / "new"), "cp1", {"cp1": host.node.peer_url}, "t", operation="one")
    assert not is_restored(wanted)
    assert restore_data(wanted, HostRunner(), only_look=False).changed
    assert is_restored(wanted) and not is_restored(wanted._replace(operation="two"))
    assert stage.stage(HostRunner(), archive.name, "lab", None, archive.path, "", str(host.folder / "staged")).changed is False


def test_openssl_alone_opens_it(host: Any) -> None:
    path = host.run()["path"]
    words = ["openssl", "enc", "-d", "-aes-256-cbc", "-pbkdf2", "-iter", "600000", "-pass", "file:%s" % host.key, "-in", path]
    packed = subprocess.run(words, capture_output=True, check=True).stdout
    listed = subprocess.run(["tar", "tzf", "-"], input=packed, capture_output=True, check=True).stdout.decode().split()
    assert listed[0] == "manifest.json" and "etcd/snapshot.db" in listed


def test_a_wrong_passphrase_a_damaged_or_cut_archive_and_another_clusters_are_refused(host: Any) -> None:
    path = host.run()["path"]
    with pytest.raises(BackupError, match="the passphrase is wrong"):
        staged(host, path, key="another horse battery staple")
    with pytest.raises(BackupError, match="it is of the cluster 'lab', and this is 'other'"):
        staged(host, path, cluster="other")
    whole = pathlib.Path(path).read_bytes()
    for damaged in (whole[:-1], whole[:100] + bytes([whole[100] ^ 1]) + whole[101:]):
        pathlib.Path(path).write_bytes(damaged)
        with pytest.raises(BackupError, match="it is cut or damaged"):
            staged(host, path)
    pathlib.Path(path + ".json").unlink()
    with pytest.raises(BackupError, match="it is missing or damaged"):
        staged(host, path)
    assert not list((host.folder / "staged").iterdir()), "nothing of a refused archive stays"


def test_a_run_that_fails_says_why_and_takes_nothing_away(host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first = host.run()["path"]
    monkeypatch.setattr(take, "write_archive", _full)
    report = host.run(keep=Keep(last=1))
    assert report["outcome"] == "failed" and "make room on that file system" in report["error"]
    assert [archive.path for archive in names.in_directory(host.settings.directory)] == [first]
    assert not [name for name in os.listdir(host.settings.directory) if name.startswith(".")]


def _full(path: str, *rest: Any) -> Dict[str, Any]:
    raise BackupError(path, "it could not be written: No space left on device", "make room on that file system")


def test_what_has_another_revision_than_it_says_is_no_backup(host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    real = EtcdClient.count
    # Asked in earnest, so that the member has come up when it is asked for more.
    monkeypatch.setattr(EtcdClient, "count", lambda client: (real(client)[0] - 3, 9))
    report = host.run()
    assert report["outcome"] == "failed" and "restored on trial it has 9 keys at revision 3" in report["error"]
    assert names.in_directory(host.settings.directory) == []


def test_a_file_that_a_person_named_and_that_is_not_there_fails_the_run(host: Any) -> None:
    report = host.run(paths=("/does/not/exist",))
    assert report["outcome"] == "failed" and "backup_paths: there is no /does/not/exist" in report["error"]


def test_the_program_runs_without_ansible(host: Any, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "backup.pyz"
    path.write_bytes(build(program.__name__))
    assert build(program.__name__) == path.read_bytes(), "equal modules make an equal file"
    done = subprocess.run([sys.executable, "-S", "-E", str(path)], capture_output=True, text=True, cwd="/")
    assert done.returncode == 2 and "usage" in done.stderr
    # Where no role has written settings; all its modules were imported by then.
    done = subprocess.run([sys.executable, "-S", "-E", str(path), "run"], capture_output=True, text=True, cwd="/")
    assert done.returncode == 1 and "run the playbook backup" in done.stderr


def test_a_host_of_another_cluster_and_one_at_another_address_are_refused(host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    back = staged(host, host.run()["path"])
    part = restore.Part("one", "archive", True, "cp1", {"cp1": "https://192.0.2.1:2380"})
    monkeypatch.setattr(restore, "CA", str(host.kubernetes / "pki" / "ca.crt"))
    restore.check(HostRunner(), part, back)
    manifests = host.folder / "manifests"
    manifests.mkdir()
    (manifests / "etcd.yaml").write_text("    - --initial-advertise-peer-urls=https://192.0.2.9:2380\n")
    monkeypatch.setattr(restore, "MANIFESTS", str(manifests))
    with pytest.raises(BackupError, match="was built for https://192.0.2.9:2380"):
        restore.check(HostRunner(), part, back)
    (host.kubernetes / "pki" / "ca.crt").write_text("another authority\n")
    with pytest.raises(BackupError, match="belongs to another cluster"):
        restore.check(HostRunner(), part, back)


def test_a_host_gets_back_what_it_lacks_once_and_keeps_what_it_had(host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    back = staged(host, host.run()["path"])
    authority, data, folder = host.kubernetes / "pki" / "ca.crt", host.folder / "member", host.folder / "staged"
    monkeypatch.setattr(restore, "CA", str(authority))
    monkeypatch.setattr(restore, "MANIFESTS", str(host.folder / "no-manifests"))
    stops = []
    monkeypatch.setattr(restore, "stop", lambda runner, pause: stops.append(1) or ["stop"])
    (data / "member").mkdir(parents=True)
    authority.unlink()
    part = restore.Part("one", "archive", True, "cp1", {"cp1": "https://127.0.0.1:2380"}, str(data))

    def call(operation: str = "one", only_look: bool = False) -> restore.Done:
        return restore.restore(HostRunner(), part._replace(operation=operation), back, only_look, folder=str(folder))

    looked = call(only_look=True)
    assert "%s: from the backup" % authority in looked.changes and not authority.exists() and not stops
    done = call()
    assert authority.read_text() == "the authority\n" and (data / "member" / "snap" / "db").exists()
    assert pathlib.Path(done.kept).is_dir() and stops == [1]
    assert stage.unfinished(HostRunner(), str(folder)) == {"operation": "one", "archive": "archive"}
    # A run that was killed comes again under the same name, and touches and stops nothing.
    assert call() == restore.Done([], "") and stops == [1]
    # Another restore from the same backup is another one; what is kept is named after the second.
    time.sleep(1)
    assert call("two").kept and stops == [1, 1]
    assert stage.end(str(folder)) and stage.unfinished(HostRunner(), str(folder)) == {}


def test_shared_files_that_differ_are_put_back_and_the_others_stay_beside_them(host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = host.kubernetes / "encryption.yaml"
    keys.write_text("of the backup\n")
    keys.chmod(0o600)
    back = staged(host, host.run(paths=(str(keys),))["path"])
    monkeypatch.setattr(restore, "CA", str(host.kubernetes / "pki" / "ca.crt"))
    monkeypatch.setattr(restore, "stop", lambda runner, pause: ["stop"])
    keys.write_text("of today\n")
    part = restore.Part("one", "archive", True)
    done = restore.restore(HostRunner(), part, back, False, folder=str(host.folder / "staged"))
    assert done.changes == ["stop", "%s: from the backup" % keys]
    assert keys.read_text() == "of the backup\n" and keys.stat().st_mode & 0o777 == 0o600
    (aside,) = host.kubernetes.glob("encryption.yaml.before-*")
    assert aside.read_text() == "of today\n"
