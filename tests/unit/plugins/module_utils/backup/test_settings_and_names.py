# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person may write, which archives stay, who takes the backup, and what Prometheus reads."""

from __future__ import annotations

import json
from typing import Any, Dict, List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup import names, report, take
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.errors import BackupError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.member import Candidate, Member, rank
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.settings import (
    Settings,
    Storage,
    complaints,
    read_settings,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.retention import Keep
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.tools import Certificates
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner

GOOD: Dict[str, Any] = {"backup_passphrase": "sixteen letters!"}
STORAGE = {"endpoint": "https://s3.example.com", "bucket": "b", "access_key": "a", "secret_key": "s"}
HOUR = 3600.0


def wrong(**settings: Any) -> List[str]:
    return [setting for setting, _problem, _remedy in complaints({**GOOD, **settings})]


def test_good_settings_are_taken() -> None:
    assert wrong() == []
    assert wrong(backup_storage={**STORAGE, "prefix": "a/b", "region": "de"}, backup_keep={"last": 1, "weekly": 0}) == []
    assert wrong(backup_passphrase="", backup_encryption="age", backup_age_recipients=["age1xyz", "ssh-ed25519 AAAA"]) == []


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"backup_passphrase": ""}, "backup_passphrase"),
        ({"backup_passphrase": "short"}, "backup_passphrase"),
        ({"backup_passphrase": "two lines\nof a passphrase"}, "backup_passphrase"),
        ({"backup_encryption": "age"}, "backup_age_recipients"),
        ({"backup_encryption": "age", "backup_age_recipients": ["AGE-SECRET-KEY-1"]}, "backup_age_recipients"),
        ({"backup_keep": {"hourly": 0}}, "backup_keep"),
        ({"backup_keep": {"last": -1, "daily": 3}}, "backup_keep"),
        ({"backup_storage_keep": {"yearly": 1}}, "backup_storage_keep"),
        ({"backup_storage": {**STORAGE, "secret_key": ""}}, "backup_storage.secret_key"),
        ({"backup_storage": {**STORAGE, "endpoint": "s3.example.com"}}, "backup_storage.endpoint"),
        ({"backup_storage": {**STORAGE, "endpoint": "https://s3.example.com/bucket"}}, "backup_storage.endpoint"),
        ({"backup_storage": {**STORAGE, "bucket": "b/folder"}}, "backup_storage.bucket"),
        ({"backup_storage": {**STORAGE, "acces_key": "x"}}, "backup_storage"),
    ],
)
def test_bad_settings_are_named(settings: Dict[str, Any], name: str) -> None:
    assert wrong(**settings) == [name]


def test_all_that_is_wrong_is_said_at_once() -> None:
    assert len(wrong(backup_passphrase="", backup_keep={}, backup_storage={"endpoint": "x"})) >= 5


def test_the_hosts_file_is_read_back() -> None:
    text = json.dumps(
        {"cluster_name": "c", "host": "h", "keep": {"last": 2}, "storage": STORAGE, "paths": ["/a"], "storage_keep": {}}
    )
    settings = read_settings(text)
    assert settings.keep == Keep(last=2) and settings.storage == Storage(**STORAGE) and settings.paths == ("/a",)
    for damaged in (None, "", "[]", '{"host": "h"}', '{"cluster_name": "c", "host": "h", "more": 1}'):
        with pytest.raises(BackupError, match="run the playbook backup"):
            read_settings(damaged)


def archive(hours: int, kind: str = names.ETCD, host: str = "cp1") -> names.Archive:
    name = names.archive_name(1_800_000_000 + hours * HOUR, kind, host, "aes")
    found = names.parse("/b/" + name, 1)
    assert found is not None
    return found


def test_an_archive_counts_once_what_is_beside_it_is_there() -> None:
    one, two = archive(1), archive(2)
    assert names.whole([(one.path, 1), (two.path, 1), (two.path + ".json", 1), ("/b/other", 1)]) == [two]
    assert names.parse("/b/20261399T000000Z-etcd-cp1.tar.gz.aes") is None


def test_snapshots_are_one_row_whoever_took_them_and_files_are_a_row_for_each_host() -> None:
    snapshots = [archive(hours, host="cp%d" % (hours % 3)) for hours in range(6)]
    files = [archive(hours, names.FILES, host) for hours in range(3) for host in ("cp1", "cp2")]
    gone = names.to_prune(snapshots + files, Keep(last=2))
    assert [one for one in gone if one.kind == names.ETCD] == snapshots[:4]
    assert sorted(one.host for one in gone if one.kind == names.FILES) == ["cp1", "cp2"]
    assert names.to_prune([], Keep(last=2)) == []


def test_the_leader_comes_first_then_who_is_up_to_date() -> None:
    follower, leader = Candidate(1, "a", False, 5000), Candidate(9, "b", True, 4990)
    behind, level = Candidate(2, "c", False, 3000), Candidate(3, "d", False, 4900)
    assert [one.name for one in rank([behind, level, follower, leader])] == ["b", "a", "d", "c"]


MEMBER = Member("cp2", "https://127.0.0.1:2379", "/d", Certificates("a", "b", "c"), "d", "e", "")


class OfAnother:
    """A bucket in which the leader's backup appears at the third look, or never."""

    def __init__(self, looks: int) -> None:
        self.looks = looks

    def key(self, *parts: str) -> str:
        return "/".join(parts)

    def list(self, prefix: str) -> Any:
        self.looks -= 1
        name = "lab/" + names.archive_name(HostRunner().now(), names.ETCD, "cp1", "aes")
        return [(name, 1), (name + ".json", 1)] if self.looks == 0 else []


def row(monkeypatch: pytest.MonkeyPatch, *order: str) -> None:
    monkeypatch.setattr(take, "candidates", lambda own: [Candidate(1, name, False, 1) for name in order])


def test_the_first_takes_it_and_the_others_leave_it_to_him(monkeypatch: pytest.MonkeyPatch) -> None:
    run = take.Run(Settings("lab", "cp2"), HostRunner(), pause=lambda seconds: None)
    row(monkeypatch, "cp2", "cp1")
    assert run._left_to(MEMBER) == ""
    row(monkeypatch, "cp1", "cp2")
    assert run._left_to(MEMBER) == "cp1"
    row(monkeypatch, "cp1")
    assert run._left_to(MEMBER) == "cp1", "a member that is not fit leaves it to one that is"


def test_the_second_takes_it_where_the_first_ones_never_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    run = take.Run(Settings("lab", "cp2", takeover_seconds=60), HostRunner(), pause=lambda seconds: None)
    row(monkeypatch, "cp1", "cp2")
    run.bucket = OfAnother(3)  # type: ignore[assignment]
    assert run._left_to(MEMBER) == "cp1" and "took_over_from" not in run.report
    run = take.Run(Settings("lab", "cp2", takeover_seconds=0), HostRunner(), pause=lambda seconds: None)
    run.bucket = OfAnother(99)  # type: ignore[assignment]
    assert run._left_to(MEMBER) == "" and run.report["took_over_from"] == "cp1"


def test_metrics_keep_the_last_backup_when_a_run_fails() -> None:
    taken = {"outcome": "taken", "started": 100, "size": 7, "keys": 5, "revision": 6, "uploaded": ["x"], "seconds": 2.5}
    text = report.metrics({"outcome": "failed", "started": 200, "error": "e"}, taken, 'a"b')
    lines = dict(line.split(" ") for line in text.splitlines() if not line.startswith("#"))
    assert lines['kubernetes_backup_last_run_success{cluster="a\\"b"}'] == "0"
    assert lines['kubernetes_backup_last_run_timestamp_seconds{cluster="a\\"b"}'] == "200"
    assert lines['kubernetes_backup_last_taken_timestamp_seconds{cluster="a\\"b"}'] == "100"
    assert lines['kubernetes_backup_last_taken_keys{cluster="a\\"b"}'] == "5"
    first = report.metrics({"outcome": "left", "started": 200, "left_to": "cp1"}, None, "a")
    assert 'last_run_success{cluster="a"} 1' in first and "last_taken" not in first
