# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What playbooks zfs_backup and zfs_backup_restore do where, and what they refuse."""

from __future__ import annotations

from typing import Any, Dict, List

STORAGE = {"endpoint": "https://s3.example.com", "bucket": "b", "access_key": "a", "secret_key": "s"}
SECRETS = {"backup_passphrase": "sixteen letters!", "backup_storage": STORAGE}
RESTORE = {"zfs_backup_restore_dataset": "tank/a", "zfs_backup_restore_target": "tank/b", "zfs_backup_restore_on": "cp2"}


def prepared(inventory: Any, playbook: str, **variables: Any) -> Any:
    inventory.data["playbook"] = playbook
    for entry in inventory.data["hosts"].values():
        entry["vars"].update(SECRETS, **variables)
    return inventory


def hosts_of(outcome: Any, group: str) -> List[str]:
    return [entry["host"] for entry in outcome.plan["work"] if entry["group"] == group]


def test_hosts_with_datasets_have_work_and_others_have_none(stacked_ha: Any) -> None:
    prepared(stacked_ha, "zfs_backup")
    assert [problem.setting for problem in stacked_ha.outcome().problems] == ["zfs_backup_datasets"]
    stacked_ha.host("cp2")["vars"]["zfs_backup_datasets"] = [{"name": "tank/volumes"}]
    outcome = stacked_ha.outcome()
    assert outcome.problems == [] and hosts_of(outcome, "plan_zfs_backup") == ["cp2"]


def test_what_can_not_work_is_refused_with_its_hosts_by_its_own_playbook_alone(stacked_ha: Any) -> None:
    prepared(stacked_ha, "zfs_backup", zfs_backup_datasets=[{"name": "tank"}])
    stacked_ha.host("cp1")["vars"]["zfs_backup_datasets"] = [{"name": "tank/volumes"}]
    problems: Dict[str, Any] = {problem.setting: problem.hosts for problem in stacked_ha.outcome().problems}
    assert problems == {"zfs_backup_datasets[0]": ("cp2", "cp3", "worker1")}
    stacked_ha.data["playbook"] = "stacked_ha"
    assert stacked_ha.outcome().problems == []


def test_a_restore_is_for_one_host_that_is_named(stacked_ha: Any) -> None:
    prepared(stacked_ha, "zfs_backup_restore", **RESTORE)
    outcome = stacked_ha.outcome()
    assert outcome.problems == [] and hosts_of(outcome, "plan_zfs_backup_restore") == ["cp2"]
    prepared(stacked_ha, "zfs_backup_restore", zfs_backup_restore_on="cp9")
    assert [problem.setting for problem in stacked_ha.outcome().problems] == ["zfs_backup_restore_on"]
