# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module against real members of etcd, and its refusals."""

from __future__ import annotations

import base64
import fcntl
import io
import json
import os
import pathlib
import shutil
import stat
from contextlib import redirect_stdout
from typing import Any, Callable, Dict, Mapping

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.client import EtcdClient
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot import restore as restoring
from ansible_collections.baremetal.kubernetes.plugins.modules import etcd_snapshot
from module_arguments import patch_module_args
from real_etcd import Files, Node, make_files, needs_etcd, running, wait_for

needs_tools = pytest.mark.skipif(
    shutil.which("etcdctl") is None, reason="no etcdctl is installed (Debian: etcd-client): no snapshot can be taken"
)
pytestmark = [needs_etcd, needs_tools]
Run = Callable[..., Dict[str, Any]]
PEER_URL = "https://127.0.0.1:2380"


@pytest.fixture(name="files", scope="module")
def _files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return make_files(tmp_path_factory.mktemp("pki"))


@pytest.fixture(name="run")
def _run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the module as Ansible does; gives its answer."""

    def run(check: bool = False, **options: Any) -> Dict[str, Any]:
        capsys.readouterr()
        with patch_module_args({**options, "_ansible_check_mode": check, "_ansible_diff": True}), pytest.raises(SystemExit):
            etcd_snapshot.main()
        answer: Dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    return run


def restoring_of(taken: Mapping[str, Any], data: pathlib.Path, peer_url: str = PEER_URL, **more: Any) -> Dict[str, Any]:
    """Options that restore the snapshot, or another ``path``, as the only member cp1."""
    options = {
        "state": "restored",
        "path": taken["answer"]["path"],
        "data_directory": str(data),
        "name": "cp1",
        "initial_cluster": {"cp1": peer_url},
    }
    return {**options, **more}


def put(client: EtcdClient, key: str, value: str) -> None:
    words = [base64.b64encode(word.encode()).decode() for word in (key, value)]
    client._call("kv/put", {"key": words[0], "value": words[1]})


def get(client: EtcdClient, key: str) -> str:
    answer = client._call("kv/range", {"key": base64.b64encode(key.encode()).decode()})
    return base64.b64decode(answer["kvs"][0]["value"]).decode() if answer.get("kvs") else ""


def of(node: Node) -> Dict[str, str]:
    files = node.files
    return {"endpoint": node.client_url, "ca_file": files.ca, "certificate_file": files.certificate, "key_file": files.key}


@pytest.fixture(name="taken", scope="module")
def _taken(tmp_path_factory: pytest.TempPathFactory, files: Files) -> Dict[str, Any]:
    """A snapshot of a member that held one key, and the data directory that the member left."""
    folder = tmp_path_factory.mktemp("taken")
    node = Node("cp1", folder, files)
    with running(node.start([node])):
        wait_for(node.client().health, lambda health: health.healthy)
        put(node.client(), "/registry/a", "before")
        said = io.StringIO()
        with patch_module_args({"directory": str(folder / "backup"), **of(node)}), redirect_stdout(said), pytest.raises(SystemExit):
            etcd_snapshot.main()
        put(node.client(), "/registry/a", "after")
    return {"answer": json.loads(said.getvalue()), "node": node, "data": folder / "cp1"}


def test_a_snapshot_is_saved_for_root_alone_with_what_is_known_of_it(taken: Dict[str, Any], run: Run) -> None:
    answer = taken["answer"]
    assert answer["changed"] is True
    path = pathlib.Path(answer["path"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert answer["snapshot"]["total_keys"] >= 1 and answer["snapshot"]["revision"] >= 2
    assert sorted(os.listdir(path.parent)) == [path.name, path.name + ".json"]
    proven = run(state="status", path=str(path))
    assert proven["changed"] is False
    assert {key: answer["snapshot"][key] for key in proven["snapshot"]} == proven["snapshot"]
    listed = run(state="listed", directory=str(path.parent))
    assert [(one["path"], one["cut"]) for one in listed["snapshots"]] == [(str(path), False)]


@pytest.mark.parametrize(
    "damage, words",
    [
        (lambda data: data[:-100], "it is cut"),
        (lambda data: data[:-32], "ends without a checksum"),
        (lambda data: data[: len(data) // 2 - len(data) // 2 % 512], "ends without a checksum"),
        (lambda data: data[:5000] + b"\x00garbage" + data[5008:], "it is damaged"),
        (lambda data: b"", "too few"),
        (lambda data: b"not a snapshot", "too few"),
    ],
    ids=["cut", "no checksum", "half", "changed", "empty", "text"],
)
def test_a_damaged_snapshot_is_refused_before_anything_is_touched(
    taken: Dict[str, Any], run: Run, tmp_path: pathlib.Path, damage: Callable[[bytes], bytes], words: str
) -> None:
    bad = tmp_path / "etcd-20260101T000000Z.db"
    bad.write_bytes(damage(pathlib.Path(taken["answer"]["path"]).read_bytes()))
    data = tmp_path / "data"
    (data / "member").mkdir(parents=True)
    assert words in run(state="status", path=str(bad))["msg"]
    answer = run(**restoring_of(taken, data, path=str(bad), replace_data_directory=True))
    assert answer["failed"] and words in answer["msg"] and "What to do: " in answer["msg"]
    assert sorted(os.listdir(tmp_path)) == ["data", bad.name] and os.listdir(data) == ["member"]


def test_a_restored_member_has_the_keys_of_then_and_the_former_data_is_kept(
    taken: Dict[str, Any], run: Run, tmp_path: pathlib.Path, files: Files
) -> None:
    node = Node("cp1", tmp_path, files)
    shutil.copytree(taken["data"], tmp_path / "cp1")
    wanted = restoring_of(taken, tmp_path / "cp1", node.peer_url, operation="night")
    refused = run(**wanted)
    assert "replace_data_directory" in refused["msg"]
    looked = run(check=True, replace_data_directory=True, **wanted)
    assert looked["changed"] and not os.path.exists(looked["kept_data"])
    assert os.listdir(tmp_path) == ["cp1"]
    done = run(replace_data_directory=True, **wanted)
    assert done["changed"] and os.path.isdir(done["kept_data"] + "/member")
    assert stat.S_IMODE((tmp_path / "cp1").stat().st_mode) == 0o700
    again = run(replace_data_directory=True, **wanted)
    assert (again["changed"], again["kept_data"]) == (False, "")
    with running(node.start([node])):
        wait_for(node.client().health, lambda health: health.healthy)
        assert get(node.client(), "/registry/a") == "before"
        busy = run(replace_data_directory=True, **{**wanted, "operation": "another"})
        assert "an etcd member runs on it" in busy["msg"]
        assert get(node.client(), "/registry/a") == "before"


def test_a_restore_killed_between_its_two_renames_is_finished_by_the_next(
    taken: Dict[str, Any], run: Run, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(taken["data"], tmp_path / "cp1")
    wanted = restoring_of(taken, tmp_path / "cp1", operation="night", replace_data_directory=True)
    rename = os.rename

    def killed(origin: str, target: str) -> None:
        if origin.endswith(".restoring"):
            raise KeyboardInterrupt
        rename(origin, target)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(restoring.os, "rename", killed)
        with patch_module_args(wanted):
            etcd_snapshot.main()
    assert not (tmp_path / "cp1").exists()
    done = run(**wanted)
    assert done["changed"] and done["kept_data"] == ""
    assert (tmp_path / "cp1" / "member").is_dir()
    assert len([name for name in os.listdir(tmp_path) if name.startswith("cp1.before-")]) == 1
    assert not (tmp_path / "cp1.restoring").exists()


def test_a_data_directory_that_is_a_mount_point_is_changed_from_within(
    taken: Dict[str, Any], run: Run, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(taken["data"], tmp_path / "cp1")
    monkeypatch.setattr(restoring.os.path, "ismount", lambda path: str(path) == str(tmp_path / "cp1"))
    done = run(**restoring_of(taken, tmp_path / "cp1", replace_data_directory=True))
    assert done["changed"] and os.path.isdir(done["kept_data"] + "/member")
    assert os.path.dirname(done["kept_data"]) == str(tmp_path / "cp1")
    assert (tmp_path / "cp1" / "member" / "snap" / "db").exists()
    assert not (tmp_path / "cp1" / "restoring").exists()


def test_everything_wrong_with_a_restore_is_said_at_once(run: Run) -> None:
    answer = run(
        state="restored",
        path="/none",
        data_directory="/var/lib",
        name="cp9",
        initial_cluster={"cp1": "10.0.0.1:2380", "cp2": "10.0.0.1:2380"},
        bump_revision=-1,
    )
    assert [error["setting"] for error in answer["errors"]] == [
        "data_directory", "name", "initial_cluster", "initial_cluster", "initial_cluster", "bump_revision"
    ]  # fmt: skip
    assert all(error["remedy"] for error in answer["errors"])


def test_saving_says_who_does_not_answer_and_leaves_nothing(run: Run, tmp_path: pathlib.Path, files: Files) -> None:
    node = Node("cp1", tmp_path, files)
    answer = run(directory=str(tmp_path / "backup"), **of(node))
    assert answer["failed"] and node.client_url in answer["msg"] and "refused" in answer["msg"]
    assert not (tmp_path / "backup").exists()


def test_check_mode_saves_nothing_and_two_savers_do_not_meet(run: Run, tmp_path: pathlib.Path, files: Files) -> None:
    node, backup = Node("cp1", tmp_path, files), tmp_path / "backup"
    with running(node.start([node])):
        wait_for(node.client().health, lambda health: health.healthy)
        assert run(check=True, directory=str(backup), **of(node))["changed"] is True
        assert not backup.exists()
        backup.mkdir()
        # What a run that was killed left behind goes; what is not ours stays.
        (backup / "etcd-20260101T000000Z.db.saving.part").write_text("half")
        (backup / "mine.db.saving").write_text("whole")
        handle = os.open(backup, os.O_RDONLY)
        fcntl.flock(handle, fcntl.LOCK_EX)
        assert "another process" in run(directory=str(backup), **of(node))["msg"]
        os.close(handle)
        saved = run(directory=str(backup), **of(node))
        name = os.path.basename(saved["path"])
        assert sorted(os.listdir(backup)) == sorted([name, name + ".json", "mine.db.saving"])


def test_without_a_program_of_etcd_it_says_what_to_install(
    taken: Dict[str, Any], run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    monkeypatch.setattr("ansible_collections.baremetal.kubernetes.plugins.module_utils.runner.SEARCH_PATH", str(tmp_path))
    answer = run(state="status", path=taken["answer"]["path"])
    assert answer["failed"] and "etcdutl" in answer["msg"] and "etcd-client" in answer["msg"]


def test_pruning_deletes_by_age_and_nothing_else(run: Run, tmp_path: pathlib.Path, taken: Dict[str, Any]) -> None:
    whole = pathlib.Path(taken["answer"]["path"]).read_bytes()
    for name in ("etcd-20261119T010000Z.db", "etcd-20261119T230000Z.db", "etcd-20261120T010000Z.db", "other-20200101T000000Z.db"):
        (tmp_path / name).write_bytes(whole)
    (tmp_path / "etcd-20261120T020000Z.db").write_bytes(whole[:-7])
    (tmp_path / "notes.txt").write_text("mine")
    before = sorted(os.listdir(tmp_path))
    options = {"state": "pruned", "directory": str(tmp_path), "keep": {"daily": 2}}
    looked = run(check=True, **options)
    assert looked["changed"] and sorted(os.listdir(tmp_path)) == before
    done = run(**options)
    assert [os.path.basename(path) for path in done["pruned"]] == ["etcd-20261119T010000Z.db"]
    # The damaged one is the newest: until a whole one is newer, it stays, and takes no other's place.
    assert [os.path.basename(one["path"]) for one in done["snapshots"]] == [
        "etcd-20261119T230000Z.db", "etcd-20261120T010000Z.db", "etcd-20261120T020000Z.db"
    ]  # fmt: skip
    assert run(**options)["changed"] is False
    assert {"notes.txt", "other-20200101T000000Z.db"} <= set(os.listdir(tmp_path))
    assert "keep" in run(state="pruned", directory=str(tmp_path), keep={"last": 0})["msg"]
