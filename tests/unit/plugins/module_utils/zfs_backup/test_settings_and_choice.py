# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be set for sends of snapshots, what ZFS says is read, and which snapshot is sent upon which."""

from __future__ import annotations

from typing import Any, Dict, List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.errors import BackupError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Result
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.host import Dataset, Mark, Zfs
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.points import Point
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.send import NEW, choose
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.settings import (
    SCRATCH,
    Wanted,
    complaints,
    moment,
    restore_complaints,
)

STORAGE = {"endpoint": "https://s3.example.com", "bucket": "b", "access_key": "a", "secret_key": "s"}
GOOD: Dict[str, Any] = {
    "zfs_backup_datasets": [{"name": "tank/volumes"}],
    "backup_storage": STORAGE,
    "backup_passphrase": "sixteen letters!",
}
RESTORE = {**GOOD, "zfs_backup_restore_dataset": "tank/a", "zfs_backup_restore_target": "tank/b"}
START, DAY = 1_790_000_000, 86400


def test_backups_own_storage_and_passphrase_serve_and_a_host_without_datasets_needs_none() -> None:
    assert complaints(GOOD) == [] and complaints({}) == [] and restore_complaints(RESTORE) == []


@pytest.mark.parametrize(
    ("given", "setting"),
    [
        ({"zfs_backup_datasets": [{"name": "tank@x"}]}, "zfs_backup_datasets[0]"),
        ({"zfs_backup_datasets": [{"name": "tank/a b"}]}, "zfs_backup_datasets[0]"),
        ({"zfs_backup_datasets": [{"name": "tank"}]}, "zfs_backup_datasets[0]"),
        ({"zfs_backup_datasets": [{"name": "tank/" + SCRATCH}]}, "zfs_backup_datasets[0]"),
        ({"zfs_backup_datasets": [{"name": "tank/a"}, {"name": "tank/a/b"}]}, "zfs_backup_datasets[1]"),
        ({"zfs_backup_datasets": [{"name": "tank/a/b"}, {"name": "tank/a"}]}, "zfs_backup_datasets[1]"),
        ({"backup_storage": {}}, "zfs_backup_storage"),
        ({"zfs_backup_storage": {**STORAGE, "bucket": "A/b"}}, "zfs_backup_storage.bucket"),
        ({"zfs_backup_passphrase": "short"}, "zfs_backup_passphrase"),
        ({"backup_passphrase": ""}, "zfs_backup_passphrase"),
        ({"backup_encryption": "age", "backup_age_recipients": ["age1x"]}, "zfs_backup_trial_schedule"),
        ({"zfs_backup_encryption": "age", "zfs_backup_trial_schedule": ""}, "zfs_backup_age_recipients"),
        ({"zfs_backup_keep": {"daily": 0}}, "zfs_backup_keep"),
        ({"zfs_backup_keep": {"monthly": 3}}, "zfs_backup_keep"),
        ({"zfs_backup_snapshots": {"hourly": 0}}, "zfs_backup_snapshots"),
        ({"zfs_backup_full_every_days": 0}, "zfs_backup_full_every_days"),
        ({"zfs_backup_part_mib": 4096}, "zfs_backup_part_mib"),
    ],
)
def test_each_setting_that_can_not_work_is_named(given: Dict[str, Any], setting: str) -> None:
    assert [name for name, _problem, _remedy in complaints({**GOOD, **given})] == [setting]


@pytest.mark.parametrize(
    ("given", "setting"),
    [
        ({"zfs_backup_restore_dataset": ""}, "zfs_backup_restore_dataset"),
        ({"zfs_backup_restore_target": "/tank/b"}, "zfs_backup_restore_target"),
        ({"zfs_backup_restore_at": "yesterday"}, "zfs_backup_restore_at"),
        ({"zfs_backup_restore_replace": "tank/other"}, "zfs_backup_restore_replace"),
        ({"backup_passphrase": ""}, "zfs_backup_restore_passphrase"),
        ({"backup_storage": {}}, "zfs_backup_storage"),
    ],
)
def test_each_word_of_a_restore_that_can_not_work_is_named(given: Dict[str, Any], setting: str) -> None:
    assert [name for name, _problem, _remedy in restore_complaints({**RESTORE, **given})] == [setting]


def test_two_datasets_beside_each_other_and_a_pool_alone_are_fine() -> None:
    datasets = [{"name": "tank/a"}, {"name": "tank/ab"}, {"name": "tank", "recursive": False}]
    assert complaints({**GOOD, "zfs_backup_datasets": datasets}) == []


def test_a_moment_is_utc() -> None:
    assert moment("1970-01-02T00:00:01Z") == DAY + 1 and moment("tomorrow") is None and moment("") == 1e12


class Says:
    def __init__(self, text: str) -> None:
        self.text = text

    def run(self, _argv: List[str], **_more: Any) -> Result:
        return Result(0, self.text, "")


LISTED = """\
tank/volumes\tfilesystem\t11\t10\t1789000000\toff\t-
tank/volumes@autosnap_2\tsnapshot\t22\t30\t1790000100\t-\t1
tank/volumes@autosnap_1\tsnapshot\t21\t20\t1790000000\t-\t0
tank/volumes#kubernetes-zfs-backup-21\tbookmark\t21\t20\t1790000000\t-\t-
tank/volumes/pvc\tvolume\t12\t15\t1789000000\taes-256-gcm\t-
tank/volumes/pvc@by-hand\tsnapshot\t31\t40\t1790000000\toff\t0
tank/volumes/kubernetes-zfs-backup-trial\tfilesystem\t13\t16\t1789000000\toff\t-
"""


def test_datasets_volumes_snapshots_and_bookmarks_are_read_in_the_order_of_their_making() -> None:
    first, second = Zfs(Says(LISTED)).read(Wanted("tank/volumes"))  # type: ignore[arg-type]
    assert [(mark.name, mark.held) for mark in first.snapshots] == [("autosnap_1", False), ("autosnap_2", True)]
    assert [mark.guid for mark in first.bookmarks] == ["21"] and not first.encrypted and not first.volume
    assert (second.name, second.volume, second.encrypted) == ("tank/volumes/pvc", True, True)
    (alone,) = Zfs(Says(LISTED)).read(Wanted("tank/volumes", recursive=False))  # type: ignore[arg-type]
    assert alone == first


def dataset(*days: int, bookmarks: Any = ()) -> Dataset:
    def mark(day: int, sign: str) -> Mark:
        return Mark("d%sautosnap_%d" % (sign, day), str(100 + day), 10 + day, START + day * DAY)

    return Dataset(
        "d", START, snapshots=tuple(mark(day, "@") for day in days), bookmarks=tuple(mark(day, "#") for day in bookmarks)
    )


def points(*days: int) -> List[Point]:
    """A chain."""
    return [
        Point("d", float(START + day * DAY), str(100 + day), str(100 + before) if before >= 0 else "")
        for before, day in zip((-1, *days), days)
    ]


def test_the_newest_point_that_the_host_knows_is_the_base_be_it_a_bookmark() -> None:
    chosen = choose(dataset(3, bookmarks=[2]), points(1, 2), True, 28, START)
    assert chosen is not None and chosen.base is not None and chosen.base.ref == "d#autosnap_2" and chosen.point.base == "102"
    chosen = choose(dataset(1, 3), points(1, 2), True, 28, START)
    assert chosen is not None and chosen.base is not None and chosen.base.ref == "d@autosnap_1"


def test_nothing_known_another_key_or_an_old_chain_makes_a_full_send() -> None:
    for chosen in (
        choose(dataset(3), points(1, 2), True, 28, START),
        choose(dataset(3, bookmarks=[2]), points(1, 2), False, 28, START),
        choose(dataset(29, bookmarks=[2]), points(1, 2), True, 28, START),
        choose(dataset(3, bookmarks=[2]), points(1, 2)[1:], True, 28, START),
    ):
        assert chosen is not None and chosen.base is None and chosen.point.base == ""


def test_a_bookmark_that_is_newer_than_the_snapshot_is_no_base() -> None:
    chosen = choose(dataset(2, bookmarks=[3]), points(1, 3), True, 28, START)
    assert chosen is not None and chosen.base is None


def test_snapshots_of_others_are_left_alone_and_sanoids_absence_is_an_error_only_after_a_while() -> None:
    assert choose(dataset(2), points(1, 2), True, 28, START) is None, "it is there already"
    other = Dataset("d", START, snapshots=(Mark("d@by-hand", "1", 1, START),))
    assert choose(other, [], True, 28, START + NEW - 1) is None
    with pytest.raises(BackupError, match="sanoid has taken no snapshot"):
        choose(other, [], True, 28, START + NEW)
