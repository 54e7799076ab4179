# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RKE2's service brought up and waited for, by a systemd that is played."""

from __future__ import annotations

import os
import pathlib
import time
from typing import Any, Dict, List, Optional, Sequence

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2 import credentials, snapshot
from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2.errors import Rke2Error
from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2.service import WantedNode, bring_up, telling
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner, Result

LOG = 'level=info msg=starting\nlevel=fatal msg="token is not valid"\nlevel=fatal msg="token is not valid"\nbye\n'


class Systemd(HostRunner):
    """One unit, which is active after some looks, or fails each time."""

    def __init__(self, state: str = "inactive", started: float = 0, looks: int = 1, fails: bool = False) -> None:
        self.state, self.started, self.looks, self.fails, self.restarts = state, started, looks, fails, 0
        self.verbs: List[str] = []

    def now(self) -> float:
        return 2000.0

    def run(self, argv: Sequence[str], timeout: Optional[float] = None, stdin: Any = None, env: Any = None) -> Result:
        verb = argv[1]
        if argv[0] == "journalctl":
            return Result(0, LOG, "")
        if verb in ("start", "restart"):
            assert "--no-block" in argv
            self.state = "activating"
        if verb in ("start", "restart", "enable"):
            self.verbs.append(verb)
        if verb == "show" and self.state == "activating":
            self.looks -= 1
            self.restarts += self.fails
            self.state = "active" if self.looks < 0 and not self.fails else "activating"
        said = "Id=u\nLoadState=loaded\nActiveState=%s\nUnitFileState=disabled\nNRestarts=%d\n" % (self.state, self.restarts)
        # The clock of zero is 2000 s before now, see monotonic below.
        moment = int(self.started * 1e6)
        said += "ActiveEnterTimestampMonotonic=%d\nStateChangeTimestampMonotonic=%d\n" % (moment, moment)
        return Result(0, said, "")


def up(systemd: Systemd, not_ready: Any = lambda: "", check: bool = False, **given: Any) -> List[str]:
    clock = iter(range(0, 10_000, 5))
    wanted = WantedNode(given.pop("role", "server"), timeout=60, **given)
    return bring_up(wanted, systemd, check, not_ready, lambda _seconds: None, lambda: float(next(clock)))


def test_a_server_that_does_not_run_is_enabled_started_and_waited_for() -> None:
    answers = iter(["port 6443 does not answer", "port 6443 answers /readyz with 500", ""])
    systemd = Systemd(looks=3)
    assert len(up(systemd, lambda: next(answers))) == 2 and systemd.verbs == ["enable", "start"]
    assert next(answers, None) is None


def test_check_mode_does_nothing_and_says_what_it_would() -> None:
    systemd = Systemd()
    assert [line.split()[2] for line in up(systemd, check=True)] == ["enable", "start"] and systemd.verbs == []


def test_a_file_that_is_newer_than_the_start_is_a_reason_to_restart(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "clock_gettime", lambda _clock: 2000.0)
    path = tmp_path / "config.yaml"
    path.write_text("a")
    for changed_at, restarts in ((900.0, False), (1100.0, True)):
        os.utime(path, (changed_at, changed_at))
        systemd = Systemd("active", started=1000)
        up(systemd, restart_on=[str(path)])
        assert ("restart" in systemd.verbs) is restarts
    os.utime(path, (900.0, 900.0))
    assert not [line for line in up(Systemd("active", 1000), check=True, restart_on=[str(path)]) if "restart" in line]
    said = up(Systemd("active", 1000), check=True, restart_on=[str(path)], changed=True)
    assert [line for line in said if "restart" in line], "a file that check mode would have written"


def test_a_service_that_fails_again_and_again_ends_the_wait_with_what_it_says() -> None:
    with pytest.raises(Rke2Error, match="it failed 3 times") as caught:
        up(Systemd(fails=True))
    assert str(caught.value).count("token is not valid") == 1


def test_the_wait_has_an_end() -> None:
    with pytest.raises(Rke2Error, match="not ready after 60 seconds: port 6443 does not answer"):
        up(Systemd(), lambda: "port 6443 does not answer")


def test_the_lines_that_tell_are_those_that_are_bad() -> None:
    assert telling(LOG) == 'level=fatal msg="token is not valid"'
    assert telling("a\nb\n") == "a\nb"


@pytest.fixture
def root(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """Paths of RKE2 below a folder of the test."""
    for module, names in ((credentials, ("TOKEN", "SERVER_TOKEN")), (snapshot, ("DATABASE", "SNAPSHOTS", "RESET_DONE", "RECORD"))):
        for name in names:
            monkeypatch.setattr(module, name, str(tmp_path) + getattr(module, name))
    return tmp_path


def test_a_token_is_made_once_and_kept_before_anybody_uses_it(root: pathlib.Path) -> None:
    runner = HostRunner()
    assert credentials.settle_token(runner, "", True)[1] and not list(root.iterdir()), "check mode keeps nothing"
    token, changed = credentials.settle_token(runner, "", False)
    assert changed and len(token) == 64 and os.stat(credentials.TOKEN).st_mode & 0o777 == 0o600
    assert credentials.settle_token(runner, "", False) == (token, False)


def test_the_servers_own_token_counts_and_another_one_is_refused(root: pathlib.Path) -> None:
    os.makedirs(os.path.dirname(credentials.SERVER_TOKEN))
    pathlib.Path(credentials.SERVER_TOKEN).write_text("K10abc::server:the-secret\n")
    assert credentials.settle_token(HostRunner(), "", False) == ("the-secret", True)
    assert credentials.settle_token(HostRunner(), "K10abc::server:the-secret", False) == ("the-secret", False)
    with pytest.raises(Rke2Error, match="rke2 token rotate") as caught:
        credentials.settle_token(HostRunner(), "another-secret", False)
    assert "secret" not in str(caught.value)


class Tool(HostRunner):
    """rke2 itself, as far as snapshots go."""

    def __init__(self) -> None:
        self.calls: List[List[str]] = []
        self.rc = 0

    def run(self, argv: Sequence[str], timeout: Optional[float] = None, stdin: Any = None, env: Any = None) -> Result:
        self.calls.append(list(argv))
        if self.rc == 0 and "save" in argv:
            os.makedirs(snapshot.SNAPSHOTS, exist_ok=True)
            pathlib.Path(snapshot.SNAPSHOTS + "/" + argv[-1] + "-cp1-1").write_text("data")
        if self.rc == 0 and "--cluster-reset" in argv:
            pathlib.Path(snapshot.RESET_DONE).write_text("")
        return Result(self.rc, "", 'level=fatal msg="no"' if self.rc else "")


def test_a_snapshot_is_looked_at_after_it_was_taken(root: pathlib.Path) -> None:
    tool = Tool()
    assert snapshot.save(tool, "drill", 5) == (snapshot.SNAPSHOTS + "/drill-cp1-1", 4)
    tool.rc = 1
    with pytest.raises(Rke2Error, match="no"):
        snapshot.save(tool, "drill", 5)


def test_a_reset_that_was_done_and_not_used_is_not_done_again(root: pathlib.Path) -> None:
    tool = Tool()
    with pytest.raises(Rke2Error, match="there is no snapshot"):
        snapshot.reset(tool, "", 5)
    snapshot.save(tool, "drill", 5)
    os.makedirs(os.path.dirname(snapshot.RECORD), exist_ok=True)
    first = snapshot.reset(tool, "", 5)
    assert first["changed"] and tool.calls[-1][1:3] == ["server", "--cluster-reset"]
    # Killed here. The same words again: nothing is done; another snapshot is.
    assert snapshot.reset(tool, "", 5) == dict(first, changed=False) and len(tool.calls) == 2
    snapshot.save(tool, "other", 5)
    assert snapshot.reset(tool, "other-cp1-1", 5)["id"] != first["id"] and len(tool.calls) == 4


def test_other_servers_set_their_data_aside_once_in_each_restore_and_keep_their_snapshots(root: pathlib.Path) -> None:
    tool = Tool()
    snapshot.save(tool, "drill", 5)
    member: Dict[str, Any] = {"path": pathlib.Path(snapshot.DATABASE) / "etcd" / "member"}
    member["path"].mkdir(parents=True)
    assert snapshot.set_aside(tool, "one") and not member["path"].exists()
    assert os.listdir(snapshot.SNAPSHOTS) == ["drill-cp1-1"]
    member["path"].mkdir(parents=True)
    assert not snapshot.set_aside(tool, "one") and member["path"].exists()
    assert snapshot.set_aside(tool, "two")
