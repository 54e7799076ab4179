# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What zfs_pool says of what it does, would do, and refuses."""

from __future__ import annotations

import json
from typing import Any, Dict, Iterator, List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.services import ServiceState
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import NOT_FOUND, Result
from ansible_collections.baremetal.kubernetes.plugins.modules import zfs_pool
from module_arguments import patch_module_args
from zfs_machine import BY_ID, Machine

MIRROR = [{"type": "mirror", "disks": [BY_ID + "a", BY_ID + "b"]}]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[Machine]:
    machine = Machine()
    machine.add("a", "b", "c")
    monkeypatch.setattr(zfs_pool, "HostRunner", lambda: machine)
    monkeypatch.setattr(zfs_pool, "LOCK", str(tmp_path / "lock"))
    yield machine


def call(capsys: Any, check: bool = False, **options: Any) -> Dict[str, Any]:
    arguments = {"name": "tank", "vdevs": MIRROR, "_ansible_check_mode": check, "_ansible_diff": True, **options}
    with patch_module_args(arguments), pytest.raises(SystemExit):
        zfs_pool.main()
    answer: Dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def texts(answer: Dict[str, Any]) -> List[str]:
    return [step["text"] for step in answer["steps"]]


def test_check_mode_returns_the_steps_and_the_diff(machine: Machine, capsys: Any) -> None:
    machine.disks["b"].content = "ext4"
    answer = call(capsys, check=True, overwrite_disks=[BY_ID + "b"])
    assert answer["changed"] is True
    assert answer["pool"] is None
    assert [(step["action"], step["destructive"]) for step in answer["steps"]] == [("wipe", True), ("create", False)]
    assert answer["diff"]["before"] == ""
    assert answer["diff"]["after"].splitlines()[0] == "overwrite %sb: ext4 (LOSS, allowed by overwrite_disks)" % BY_ID
    assert machine.changes == []


def test_a_run_returns_the_pool_and_the_next_one_no_change(machine: Machine, capsys: Any) -> None:
    answer = call(capsys)
    assert (answer["changed"], answer["pool"]["state"], answer["pool"]["may_lose"]) == (True, "ONLINE", 1)
    assert answer["steps"][0]["commands"] == [["zpool", "create", "tank", "mirror", BY_ID + "a", BY_ID + "b"]]
    again = call(capsys)
    assert (again["changed"], again["steps"]) == (False, [])
    assert again["diff"]["before"] == again["diff"]["after"]
    assert again["diff"]["before"].startswith("pool tank: ONLINE\n  mirror-0 ONLINE\n    %sa-part1 ONLINE\n" % BY_ID)


def test_a_refusal_says_everything_and_changes_nothing(machine: Machine, capsys: Any) -> None:
    machine.disks["a"].content = "ext4"
    machine.disks["b"].mounted = "/data"
    for check in (True, False):
        answer = call(capsys, check=check)
        assert answer["failed"] is True
        assert answer["msg"].startswith("2 problems found, all listed here; nothing was changed.\n1. overwrite_disks: ")
        assert [error["setting"] for error in answer["errors"]] == ["overwrite_disks", "vdevs"]
    assert machine.changes == []


NO_PROGRAMS = Result(NOT_FOUND, "", "zfs: not found")
NO_MODULE = Result(1, "", "The ZFS modules cannot be auto-loaded.\nTry running 'modprobe zfs' as root to manually load them.\n")


@pytest.mark.parametrize(
    ("said", "step", "problem"),
    [
        (NO_PROGRAMS, "install zfsutils-linux (Debian, Ubuntu) or zfs (EL), as role zfs does; ", "programs are not on this host"),
        (NO_MODULE, "run `modprobe zfs`, as role zfs does ", "programs are on this host, but the kernel's module is not loaded"),
    ],
    ids=["programs", "module"],
)
def test_without_zfs_check_mode_says_what_is_to_come_and_a_run_fails(
    machine: Machine, capsys: Any, monkeypatch: pytest.MonkeyPatch, said: Result, step: str, problem: str
) -> None:
    monkeypatch.setattr(machine, "run", lambda argv, **more: said)
    answer = call(capsys, check=True)
    assert answer["changed"] is True
    (text,) = texts(answer)
    assert text.startswith(step) and text.endswith("; then it is seen what pool tank needs")
    assert ("install" in text) is (said is NO_PROGRAMS)
    answer = call(capsys)
    assert answer["failed"] is True
    assert problem in answer["msg"] and answer["remedy"] in text


def test_another_fault_of_its_programs_is_none_of_zfs_missing(
    machine: Machine, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = Result(1, "", "Permission denied the ZFS utilities must be run as root.")
    monkeypatch.setattr(machine, "run", lambda argv, **more: said)
    answer = call(capsys, check=True)
    assert answer["failed"] is True
    assert "Permission denied" in answer["msg"] and "modprobe" not in answer["msg"]


def test_a_time_that_systemd_does_not_know_is_refused_with_all_else(machine: Machine, capsys: Any) -> None:
    machine.disks["a"].content = "ext4"
    answer = call(capsys, scrub="someday")
    assert [error["setting"] for error in answer["errors"]] == ["scrub", "overwrite_disks"]
    assert machine.changes == []


def test_schedules_are_timers(machine: Machine, capsys: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr(zfs_pool.schedules, "FOLDER", "%s/" % tmp_path)
    monkeypatch.setattr(Machine, "_systemd_analyze", lambda self, words: "", raising=False)
    state = {"active": False}

    def read(_runner: Any, names: List[str], _monotonic: Any = None) -> Dict[str, ServiceState]:
        active = state["active"]
        return {
            name: ServiceState(True, active, False, active, False, 9e9 if active else 0.0, 9e9 if active else 0.0) for name in names
        }

    module = "ansible_collections.baremetal.kubernetes.plugins.module_utils.host.state"
    monkeypatch.setattr(module + ".read_services", read)
    monkeypatch.setattr(module + ".apply_step", lambda _runner, _name, verb: state.update(active=verb in ("enable", "start")))
    run = machine.run
    words = ("systemd-analyze", "calendar", "monthly")
    monkeypatch.setattr(machine, "run", lambda argv, **more: Result(0, "", "") if tuple(argv) == words else run(argv, **more))
    answer = call(capsys, scrub="monthly")
    assert texts(answer)[1:] == [
        "%s/zpool-scrub-tank.service: new" % tmp_path,
        "%s/zpool-scrub-tank.timer: new" % tmp_path,
        "service zpool-scrub-tank.timer: enable",
        "service zpool-scrub-tank.timer: start",
    ]
    assert "OnCalendar=monthly\n" in (tmp_path / "zpool-scrub-tank.timer").read_text()
    assert "ExecStart=zpool scrub tank\n" in (tmp_path / "zpool-scrub-tank.service").read_text()
    assert call(capsys, scrub="monthly")["changed"] is False
    assert call(capsys)["changed"] is False
    answer = call(capsys, scrub="")
    assert [text.rpartition(": ")[2] for text in texts(answer)] == ["disable", "stop", "removed", "removed"]
    assert list(tmp_path.glob("zpool-*")) == []
