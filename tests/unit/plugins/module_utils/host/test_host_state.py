"""host_state against real files in a folder of the test's own, with systemctl played by a script of answers."""

from __future__ import annotations

import grp
import os
import pwd
import time
from typing import Any, Dict, List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host import files, services, swap
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.errors import HostStateError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.state import WantedState, bring_to_state
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner, Result
from fakes import FakeRunner

USER = pwd.getpwuid(os.getuid()).pw_name
GROUP = grp.getgrgid(os.getgid()).gr_name


class Host(HostRunner):
    """The real file system, and a systemd of one service."""

    def __init__(self, **properties: str) -> None:
        self.calls: List[List[str]] = []
        self.properties = dict(
            {"LoadState": "loaded", "ActiveState": "active", "UnitFileState": "enabled", "NeedDaemonReload": "no"}, **properties
        )
        self.refuse: Dict[str, str] = {}

    def run(self, argv: Any, timeout: Any = None, stdin: Any = None, env: Any = None) -> Result:
        self.calls.append(list(argv))
        if argv[0] == "systemctl" and argv[1] == "show":
            return Result(0, "\n".join("%s=%s" % pair for pair in self.properties.items()) + "\n", "")
        if argv[1] in self.refuse:
            return Result(1, "", self.refuse[argv[1]])
        return Result(0, "the last line of the log", "") if argv[0] != "false" else Result(1, "", "line 3: no such keyword")

    def verbs(self) -> List[str]:
        return [call[1] for call in self.calls if call[0] == "systemctl" and call[1] not in ("show", "reset-failed")]


def wanted_file(path: Any, content: str = "new\n", **options: Any) -> files.WantedFile:
    return files.WantedFile(str(path), content=content, owner=USER, group=GROUP, **options)


def seconds_ago(seconds: float) -> str:
    return str(int((time.clock_gettime(time.CLOCK_MONOTONIC) - seconds) * 1e6))


def test_a_file_is_written_with_its_mode_and_a_second_call_changes_nothing(tmp_path: Any) -> None:
    wanted = WantedState(files=[wanted_file(tmp_path / "deep" / "file", mode="0600")])
    assert bring_to_state(wanted, Host(), check=False).changes == ["%s: new" % (tmp_path / "deep" / "file")]
    assert (tmp_path / "deep" / "file").read_text() == "new\n"
    assert (tmp_path / "deep" / "file").stat().st_mode & 0o777 == 0o600
    assert bring_to_state(wanted, Host(), check=False).changes == []


def test_check_mode_says_the_same_and_writes_nothing(tmp_path: Any) -> None:
    wanted = WantedState(files=[wanted_file(tmp_path / "file")])
    outcome = bring_to_state(wanted, Host(), check=True)
    assert outcome.changes and outcome.diff[0]["after"] == "new\n"
    assert not (tmp_path / "file").exists()


def test_a_wrong_mode_alone_is_mended_without_a_new_content(tmp_path: Any) -> None:
    (tmp_path / "file").write_text("new\n")
    (tmp_path / "file").chmod(0o666)
    before = (tmp_path / "file").stat().st_mtime_ns
    bring_to_state(WantedState(files=[wanted_file(tmp_path / "file")]), Host(), check=False)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "file").stat().st_mtime_ns == before


def test_the_old_file_stays_when_its_program_refuses_the_new_one(tmp_path: Any) -> None:
    (tmp_path / "file").write_text("old\n")
    wanted = WantedState(files=[wanted_file(tmp_path / "file", validate="false -f %s")])
    with pytest.raises(HostStateError, match="no such keyword"):
        bring_to_state(wanted, Host(), check=False)
    assert (tmp_path / "file").read_text() == "old\n"
    assert os.listdir(str(tmp_path)) == ["file"]


def test_a_sensitive_text_is_not_in_the_diff(tmp_path: Any) -> None:
    outcome = bring_to_state(WantedState(files=[wanted_file(tmp_path / "key", "s3cret", sensitive=True)]), Host(), check=True)
    assert "s3cret" not in repr(outcome.diff)


def test_a_directory_where_a_file_is_wanted_is_an_error_and_not_removed(tmp_path: Any) -> None:
    (tmp_path / "file").mkdir()
    with pytest.raises(HostStateError, match="it is a directory"):
        bring_to_state(WantedState(files=[wanted_file(tmp_path / "file")]), Host(), check=False)


def test_a_block_leaves_the_other_lines_alone_and_can_be_removed() -> None:
    text = "127.0.0.1 localhost\n# a comment\n"
    once = files.with_block(text, "hosts", "192.0.2.1 cp1\n")
    assert once.startswith(text) and "192.0.2.1 cp1" in once
    assert files.with_block(once, "hosts", "192.0.2.1 cp1\n") == once
    assert files.with_block(once + "tail\n", "hosts", "") == text + "tail\n"


def test_a_block_without_its_last_marker_is_refused_and_not_guessed() -> None:
    with pytest.raises(HostStateError, match="first marker stands without its last"):
        files.with_block("# BEGIN baremetal.kubernetes hosts\n192.0.2.1 cp1\n", "hosts", "x")


def test_a_service_restarts_when_a_file_is_newer_than_its_start_even_if_this_run_wrote_nothing(tmp_path: Any) -> None:
    (tmp_path / "file").write_text("new\n")
    # Whatever umask a module that another test ran has left.
    (tmp_path / "file").chmod(0o644)
    host = Host(ActiveEnterTimestampMonotonic=seconds_ago(60), StateChangeTimestampMonotonic=seconds_ago(60))
    service = services.WantedService("containerd", "started", True, restart_on=[str(tmp_path / "file")])
    outcome = bring_to_state(WantedState(files=[wanted_file(tmp_path / "file")], services=[service]), host, check=False)
    assert host.verbs() == ["restart"]
    assert outcome.changes == ["service containerd: restart"]


def test_a_service_that_started_after_the_file_is_left_alone(tmp_path: Any) -> None:
    (tmp_path / "file").write_text("new\n")
    os.utime(str(tmp_path / "file"), (1, 1))
    host = Host(ActiveEnterTimestampMonotonic=seconds_ago(60), StateChangeTimestampMonotonic=seconds_ago(60))
    service = services.WantedService("containerd", "started", True, restart_on=[str(tmp_path / "file")])
    assert bring_to_state(WantedState(services=[service]), host, check=False).changes == []


def test_a_reload_is_due_after_the_last_reload_not_after_the_start(tmp_path: Any) -> None:
    (tmp_path / "file").write_text("new\n")
    service = services.WantedService("haproxy", "started", True, reload_on=[str(tmp_path / "file")])
    os.utime(str(tmp_path / "file"), None)
    reloaded = Host(ActiveEnterTimestampMonotonic=seconds_ago(600), StateChangeTimestampMonotonic=seconds_ago(-5))
    assert bring_to_state(WantedState(services=[service]), reloaded, check=False).changes == []
    due = Host(ActiveEnterTimestampMonotonic=seconds_ago(600), StateChangeTimestampMonotonic=seconds_ago(60))
    assert bring_to_state(WantedState(services=[service]), due, check=False).changes == ["service haproxy: reload"]


def test_a_service_that_does_not_come_up_shows_its_last_log_lines() -> None:
    host = Host(ActiveState="failed")
    host.refuse["start"] = "Job for containerd.service failed"
    service = services.WantedService("containerd", "started", True)
    with pytest.raises(HostStateError, match="the last line of the log"):
        bring_to_state(WantedState(services=[service]), host, check=False)


def test_a_missing_unit_is_an_error_when_acting_and_a_plan_when_checking() -> None:
    service = services.WantedService("haproxy", "started", True)
    with pytest.raises(HostStateError, match="no such unit"):
        bring_to_state(WantedState(services=[service]), Host(LoadState="not-found", ActiveState="inactive"), check=False)
    missing = Host(LoadState="not-found", ActiveState="inactive", UnitFileState="")
    assert bring_to_state(WantedState(services=[service]), missing, check=True).changes == [
        "service haproxy: enable",
        "service haproxy: start",
    ]


def test_only_fstab_entries_of_type_swap_are_commented_out() -> None:
    # facts.md section 10, trap 56: sed '/swap/d' deletes comments and paths that merely name swap.
    fstab = (
        "# swap was on /dev/sda5\n"
        "UUID=1 / ext4 defaults 0 1\n"
        "/dev/sda5 none swap sw 0 0\n"
        "/dev/sdb1 /srv/swapfiles ext4 defaults 0 2\n"
        "/swapfile\tswap\tswap\tdefaults\t0 0\n"
    )
    assert swap.fstab_without_swap(fstab).splitlines() == [
        "# swap was on /dev/sda5",
        "UUID=1 / ext4 defaults 0 1",
        swap.DISABLED + "/dev/sda5 none swap sw 0 0",
        "/dev/sdb1 /srv/swapfiles ext4 defaults 0 2",
        swap.DISABLED + "/swapfile\tswap\tswap\tdefaults\t0 0",
    ]
    assert swap.fstab_without_swap(swap.fstab_without_swap(fstab)) == swap.fstab_without_swap(fstab)


def test_swap_units_zram_and_devices_are_all_in_the_plan() -> None:
    host = FakeRunner(
        {
            "/proc/swaps": "Filename Type Size Used Priority\n/dev/zram0 partition 1024 0 100\n",
            "/usr/lib/systemd/zram-generator.conf": "[zram0]\n",
            "/run/systemd/generator/dev-sda5.swap": "",
            "/run/systemd/generator/dev-sdb5.swap": "",
            swap.ZRAM_SERVICE_LINK: "",
        },
        links={"/etc/systemd/system/dev-sdb5.swap": "/dev/null"},
    )
    plan = swap.plan_swap_off(host)
    assert plan.devices == ["/dev/zram0"]
    assert plan.mask == ["dev-sda5.swap"]
    assert plan.disable_zram_service
    assert [wanted.path for wanted in plan.files] == ["/etc/systemd/zram-generator.conf"]


def test_a_host_without_swap_has_an_empty_plan() -> None:
    assert swap.plan_swap_off(FakeRunner({"/proc/swaps": "Filename Type Size Used Priority\n", "/etc/fstab": "# none\n"})).empty
