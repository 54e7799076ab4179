# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What zfs_dataset says of what it does and refuses, and os_updates of a kernel that would boot without pools."""

from __future__ import annotations

import json
from typing import Any, Dict

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host import updates
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Result
from ansible_collections.baremetal.kubernetes.plugins.modules import os_updates, zfs_dataset
from fakes import FakeRunner
from module_arguments import patch_module_args

ETCD = {"name": "tank/etcd", "properties": {"mountpoint": "/var/lib/etcd"}}
ANSWERS: Dict[Any, Any] = {
    ("zfs", "version"): "zfs-2.1.11-1\n",
    ("zpool", "list", "-H", "-o", "name"): "tank\n",
    (
        "zfs",
        "get",
        "-Hp",
        "-r",
        "-t",
        "filesystem,volume",
        "-o",
        "name,property,value",
        "type,mountpoint,mounted,canmount,volsize",
        "tank",
    ): ("tank\ttype\tfilesystem\ntank\tmountpoint\tnone\n"),
    ("zfs", "create", "-o", "mountpoint=/var/lib/etcd", "tank/etcd"): "",
}


def answer_of(module: Any, runner: Any, capsys: Any, check: bool, **options: Any) -> Dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "HostRunner", lambda: runner)
        with patch_module_args({**options, "_ansible_check_mode": check, "_ansible_diff": True}), pytest.raises(SystemExit):
            module.main()
    answer: Dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def test_a_dataset_is_made_and_in_check_mode_only_said(capsys: Any) -> None:
    for check in (True, False):
        runner = FakeRunner({}, ANSWERS)
        answer = answer_of(zfs_dataset, runner, capsys, check, datasets=[ETCD])
        assert (answer["changed"], answer["steps"]) == (True, ["create dataset tank/etcd"])
        assert answer["diff"]["after"] == "create dataset tank/etcd\n"
        assert any(call[:2] == ("zfs", "create") for call in runner.calls) is not check


def test_files_below_a_mount_are_a_refusal(capsys: Any) -> None:
    answer = answer_of(zfs_dataset, FakeRunner({"/var/lib/etcd/member/x": ""}, ANSWERS), capsys, False, datasets=[ETCD])
    assert answer["failed"] and answer["msg"].startswith("1 problem found, all listed here; nothing was changed.\n1. datasets[0]: ")
    assert answer["errors"][0]["setting"] == "datasets[0]"


def test_without_zfs_a_check_says_what_is_to_come_and_a_run_fails(capsys: Any) -> None:
    answer = answer_of(zfs_dataset, FakeRunner(), capsys, True, datasets=[ETCD])
    assert (answer["changed"], answer["steps"]) == (True, ["create tank/etcd, once there is its pool"])
    assert answer_of(zfs_dataset, FakeRunner(), capsys, False, datasets=[ETCD])["failed"]


@pytest.mark.parametrize(("rc", "failed"), [(0, False), (1, True)])
def test_a_host_is_not_started_anew_into_a_kernel_without_its_pools(capsys: Any, rc: int, failed: bool) -> None:
    files = {"/sys/module/zfs/version": "2.1.11", "/lib/modules/6.1.0-41-amd64/x": "", "/boot/vmlinuz-6.1.0-41-amd64": ""}
    files["/proc/sys/kernel/osrelease"] = "6.1.0-9-amd64\n"
    files[updates.REBOOT_REQUIRED] = ""
    commands: Dict[Any, Any] = {
        tuple(updates.APT + ["update"]): "",
        ("apt-get", "--simulate", "dist-upgrade"): "",
        ("modinfo", "-k", "6.1.0-41-amd64", "-F", "version", "zfs"): Result(rc, "", ""),
    }
    answer = answer_of(os_updates, FakeRunner(files, commands), capsys, False, state="installed")
    assert bool(answer.get("failed")) is failed
    if failed:
        assert answer["subject"] == "kernel 6.1.0-41-amd64"
        assert "the next boot would leave this host without its pools" in answer["msg"]
