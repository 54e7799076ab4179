# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one control plane has to do: read off its files, its manifests' flags and its processes alone; a killed run goes on."""

from __future__ import annotations

import pathlib
from typing import Any, Callable, Dict, List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.components import Component
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.errors import CertificateError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Result
from ansible_collections.baremetal.kubernetes.plugins.module_utils.security import control_plane
from ansible_collections.baremetal.kubernetes.plugins.module_utils.security.control_plane import apply, plan
from ansible_collections.baremetal.kubernetes.plugins.module_utils.security.settings import ENCRYPTION_FILE
from fakes import FakeRunner

FLAG = "    - --encryption-provider-config=%s\n" % ENCRYPTION_FILE
ARGUMENTS = {"kube-apiserver": {"encryption-provider-config": ENCRYPTION_FILE}, "kube-scheduler": {}}
PHASE = ("kubeadm", "init", "phase", "control-plane", "apiserver", "--config", "/c")


def host(flag: str = FLAG, text: str = "keys", started: float = 100.0) -> FakeRunner:
    files: Dict[str, Any] = {
        "/etc/kubernetes/manifests/kube-apiserver.yaml": "  - command:\n    - kube-apiserver\n" + flag,
        "/etc/kubernetes/manifests/kube-scheduler.yaml": "  - command:\n    - kube-scheduler\n",
        "/proc/uptime": "1000.0 9.0",
        "/proc/7/cmdline": "kube-apiserver\0",
        "/proc/7/cgroup": "0::/kubepods/x",
        "/proc/7/stat": "7 (kube) S %s %d 0 0" % (" ".join(["1"] * 18), started * 100),
        ENCRYPTION_FILE: text,
    }
    return FakeRunner(files, {PHASE: ""}, now=2000.0)


@pytest.fixture(autouse=True)
def _no_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.components._shows", lambda *_: None
    )


def texts(runner: FakeRunner, wanted: str = "keys", written_at: float = 1000.0) -> List[str]:
    return [step.text for step in plan(runner, {ENCRYPTION_FILE: wanted}, ARGUMENTS, lambda _path: written_at)]


def test_at_rest_there_is_nothing_to_do() -> None:
    assert texts(host()) == []


def test_another_file_means_another_process() -> None:
    assert texts(host(), "new keys") == ["write %s" % ENCRYPTION_FILE, "restart kube-apiserver: its files change"]


def test_a_restart_that_a_killed_run_owed_shows_by_the_process() -> None:
    assert texts(host(), written_at=1500.0) == ["restart kube-apiserver: %s is newer than its process" % ENCRYPTION_FILE]


def test_a_flag_comes_by_kubeadms_manifest_which_is_restart_enough() -> None:
    assert texts(host(flag=""), "new keys") == [
        "write %s" % ENCRYPTION_FILE,
        "kube-apiserver gets encryption-provider-config",
    ]


def test_before_there_is_a_control_plane_only_files_come() -> None:
    assert [step.text for step in plan(FakeRunner(), {ENCRYPTION_FILE: "keys"}, {})] == ["write %s" % ENCRYPTION_FILE]


class Restarter:
    """Notes what it is asked for."""

    def __init__(self) -> None:
        self.done: List[str] = []

    def restart(self, component: Component) -> None:
        self.done.append("restart " + component.name)

    def replace(self, component: Component, write: Callable[[], None]) -> None:
        write()
        self.done.append("replace " + component.name)


def test_files_are_there_before_what_reads_them_starts(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "security" / "encryption.json")
    monkeypatch.setattr(control_plane, "FOLDER", str(tmp_path / "security"))
    runner, restarter = host(flag=""), Restarter()
    steps = plan(runner, {path: "keys"}, ARGUMENTS, lambda _path: None)
    apply(steps, {path: "keys"}, runner, restarter, "/c")  # type: ignore[arg-type]
    assert restarter.done == ["replace kube-apiserver"] and PHASE in runner.calls
    assert pathlib.Path(path).read_text() == "keys" and pathlib.Path(path).stat().st_mode & 0o777 == 0o600


def test_what_kubeadm_says_is_told() -> None:
    runner = host(flag="")
    runner.commands[PHASE] = Result(1, "", "no such field")
    with pytest.raises(CertificateError, match="no such field"):
        apply(plan(runner, {}, ARGUMENTS), {}, runner, Restarter(), "/c")  # type: ignore[arg-type]
