# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""On which file system there must be room."""

from __future__ import annotations

import pathlib
from typing import Callable, List, NamedTuple

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot import restore, save
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.errors import SnapshotError

GIB = 1 << 30
#: Called with a directory, gives the path whose file system was measured.
Measured = Callable[[pathlib.Path], str]


class Usage(NamedTuple):
    free: int


@pytest.fixture(name="measured")
def _measured(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Measured:
    (tmp_path / "snapshot.db").write_bytes(b"\0" * 1024)
    asked: List[str] = []

    def disk_usage(path: str) -> Usage:
        asked.append(str(path))
        return Usage(GIB)

    def measured(data: pathlib.Path) -> str:
        restore._check_room(restore.Wanted(str(tmp_path / "snapshot.db"), str(data), "cp1", {}))
        return asked.pop()

    monkeypatch.setattr(restore.shutil, "disk_usage", disk_usage)
    return measured


def test_new_data_needs_room_where_it_is_made_beside_the_former(measured: Measured, tmp_path: pathlib.Path) -> None:
    (tmp_path / "etcd").mkdir()
    assert measured(tmp_path / "etcd") == str(tmp_path)


def test_a_data_directory_that_is_missing_is_measured_in_the_directory_that_it_comes_into(
    measured: Measured, tmp_path: pathlib.Path
) -> None:
    assert measured(tmp_path / "etcd") == str(tmp_path)


def test_where_more_is_missing_the_nearest_directory_counts(measured: Measured, tmp_path: pathlib.Path) -> None:
    assert measured(tmp_path / "lib" / "etcd") == str(tmp_path)


def test_a_mounted_data_directory_is_changed_from_within_and_measured_itself(
    measured: Measured, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "etcd").mkdir()
    monkeypatch.setattr(restore.os.path, "ismount", lambda path: str(path) == str(tmp_path / "etcd"))
    assert measured(tmp_path / "etcd") == str(tmp_path / "etcd")


def test_too_little_room_is_refused(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "snapshot.db").write_bytes(b"\0" * 1024)
    monkeypatch.setattr(restore.shutil, "disk_usage", lambda path: Usage(restore.LOG_BYTES))
    with pytest.raises(SnapshotError, match="make room"):
        restore._check_room(restore.Wanted(str(tmp_path / "snapshot.db"), str(tmp_path / "etcd"), "cp1", {}))


def test_a_backup_directory_below_a_file_is_refused(tmp_path: pathlib.Path) -> None:
    (tmp_path / "backup").write_text("")
    with pytest.raises(SnapshotError, match="backup: it is no directory"):
        save._check_room(str(tmp_path / "backup" / "etcd"), 1)
