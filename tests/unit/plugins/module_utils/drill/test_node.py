"""What a fault does to a node, and that the script which undoes it does so for real, twice, and says when it can't."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
from typing import Any, Dict, List, Sequence, Tuple

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill import node
from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill.faults import CRASH_SERVICES, CRASH_STATIC_POD, ISOLATE
from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill.node import (
    Wanted,
    inject,
    plan,
    wait_until_gone,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.errors import HostStateError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Result
from fakes import FakeRunner

MANIFEST = (
    "spec:\n  containers:\n  - command:\n    - kube-apiserver\n    - --secure-port=6443\n    - --advertise-address=192.0.2.11\n"
)
ADDRESSES = '[{"ifname": "eth0", "addr_info": [{"family": "inet", "local": "192.0.2.100", "prefixlen": 32, "scope": "global"}]}]'


def apiserver_host(*arguments: str) -> FakeRunner:
    argv = (
        "\0".join(("/usr/local/bin/kube-apiserver",) + (arguments or ("--advertise-address=192.0.2.11", "--secure-port=6443")))
        + "\0"
    )
    files = {"/etc/kubernetes/manifests/kube-apiserver.yaml": MANIFEST, "/proc/7/cmdline": argv, "/proc/8/cmdline": "sleep\0009\0"}
    return FakeRunner(files)


def test_a_static_pod_is_killed_before_its_manifest_goes_so_that_it_does_not_end_in_good_order() -> None:
    planned = plan(apiserver_host(), Wanted("apiserver", CRASH_STATIC_POD, pod="kube-apiserver"))
    assert [argv[:3] for argv, _text in planned.commands] == [
        ["kill", "-KILL", "7"],
        ["mv", "--", "/etc/kubernetes/manifests/kube-apiserver.yaml"],
    ]


def test_a_process_of_the_same_name_with_other_flags_is_nobodys_to_kill() -> None:
    runner = apiserver_host("--advertise-address=192.0.2.99", "--secure-port=6443")
    with pytest.raises(HostStateError, match="no process runs"):
        plan(runner, Wanted("apiserver", CRASH_STATIC_POD, pod="kube-apiserver"))


def test_the_switch_is_armed_before_anything_is_killed_and_the_marker_comes_after_all_that_undoes_it() -> None:
    planned = plan(FakeRunner(), Wanted("vip_holder", CRASH_SERVICES, services=["keepalived"], revert_after=90))
    paths = [wanted.path for wanted in planned.files]
    for earlier in (node.SCRIPT, node.SERVICE_FILE, node.TIMER_FILE):
        assert paths.index(earlier) < paths.index(node.MARKER)
    timer = next(wanted for wanted in planned.files if wanted.path == node.TIMER_FILE)
    assert "OnActiveSec=90\n" in (timer.content or "")
    assert planned.arm[-1] == ["systemctl", "start", node.UNIT + ".timer"]
    assert planned.steps[0].startswith("undo everything after 90 s")


def test_the_holder_of_the_address_loses_it_where_it_has_it() -> None:
    runner = FakeRunner(commands={("ip", "-json", "address", "show"): ADDRESSES})
    planned = plan(runner, Wanted("vip_holder", CRASH_SERVICES, services=["keepalived"], addresses=["192.0.2.100"]))
    assert planned.commands[-1][0] == ["ip", "address", "delete", "192.0.2.100/32", "dev", "eth0"]


def test_a_fault_that_finds_nothing_to_kill_is_an_error() -> None:
    with pytest.raises(HostStateError, match="nothing to kill"):
        plan(FakeRunner(), Wanted("x", CRASH_SERVICES))


def test_without_a_program_for_it_no_node_is_cut_off() -> None:
    with pytest.raises(HostStateError, match="drill_power_off_command"):
        plan(FakeRunner(), Wanted("physical_host", ISOLATE))


def test_isolation_leaves_ssh_open_and_nothing_else_to_the_outside() -> None:
    rules = node.nft_rules([22, 2222])
    assert "tcp dport { 22, 2222 } accept" in rules and "tcp sport { 22, 2222 } accept" in rules
    assert rules.count("policy drop") == 2 and "inet " + node.TABLE in rules
    calls = node.iptables_rules("iptables", [22])
    # The jumps come last: until then the chains are without effect.
    assert [call[5] for call in calls[-2:]] == ["-I", "-I"] and all(call[5] != "-I" for call in calls[:-2])
    assert sum(call[-1] == "DROP" for call in calls) == 2


@pytest.mark.skipif(shutil.which("nft") is None or os.geteuid() != 0, reason="needs nft and root for its own parser")
def test_nft_itself_accepts_the_rules() -> None:
    checked = subprocess.run(["nft", "--check", "-f", "-"], input=node.nft_rules([22]), capture_output=True, text=True)
    if "Operation not permitted" in checked.stderr or "cache initialization" in checked.stderr:
        pytest.skip("this machine lets nobody ask nft")
    assert checked.returncode == 0, checked.stderr


def test_the_ports_of_our_own_connection_are_found_behind_sudo() -> None:
    files = {
        "/proc/self/environ": "HOME=/root\0",
        "/proc/self/status": "Name:\tpython3\nPPid:\t50\n",
        "/proc/50/environ": "SSH_CONNECTION=198.51.100.7 50000 192.0.2.11 2222\0",
        "/proc/50/status": "PPid:\t1\n",
    }
    assert node.ssh_ports(FakeRunner(files)) == [2222]
    assert node.ssh_ports(FakeRunner()) == []


class Host:
    """Paths of a node below a directory, and a systemctl that writes down what it is asked."""

    def __init__(self, root: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.log = root / "systemctl.log"
        for name in ("STATE", "MARKER", "SCRIPT", "SERVICE_FILE", "TIMER_FILE", "MANIFESTS"):
            monkeypatch.setattr(node, name, str(root) + getattr(node, name))
        for folder in (
            node.STATE,
            node.MANIFESTS,
            os.path.dirname(node.SERVICE_FILE),
            os.path.dirname(node.TIMER_FILE),
            str(root) + "/bin",
        ):
            os.makedirs(folder)
        self.program("systemctl", 'echo "$*" >> %s' % self.log)

    def program(self, name: str, text: str) -> None:
        path = self.root / "bin" / name
        path.write_text("#!/bin/sh\n%s\n" % text)
        path.chmod(0o755)

    def write(self, path: str, text: str) -> None:
        pathlib.Path(path).write_text(text)

    def undo(self, script: str) -> "subprocess.CompletedProcess[str]":
        self.write(
            node.SCRIPT,
            script.replace("export PATH=", "export PATH=%s/bin:" % self.root).replace(
                "/run/systemd/system/k", "%s/run/systemd/system/k" % self.root
            ),
        )
        return subprocess.run(["/bin/sh", node.SCRIPT], capture_output=True, text=True)


@pytest.fixture
def host(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(tmp_path, monkeypatch)


def pod_script(host: Host) -> str:
    runner = apiserver_host()
    runner.files[node.MANIFESTS + "/kube-apiserver.yaml"] = MANIFEST
    return plan(runner, Wanted("apiserver", CRASH_STATIC_POD, pod="kube-apiserver")).script


def test_undoing_brings_the_manifest_back_and_leaves_no_trace(host: Host) -> None:
    script = pod_script(host)
    host.write(node.STATE + "/kube-apiserver.yaml", MANIFEST)
    for path in (node.MARKER, node.SERVICE_FILE, node.TIMER_FILE):
        host.write(path, "{}")
    assert host.undo(script).returncode == 0
    assert pathlib.Path(node.MANIFESTS, "kube-apiserver.yaml").read_text() == MANIFEST
    assert os.listdir(node.STATE) == []
    assert not os.path.exists(node.SERVICE_FILE) and not os.path.exists(node.TIMER_FILE)
    assert host.undo(script).returncode == 0
    assert pathlib.Path(node.MANIFESTS, "kube-apiserver.yaml").read_text() == MANIFEST


def test_a_manifest_that_somebody_wrote_meanwhile_is_kept_and_the_old_one_put_aside(host: Host) -> None:
    script = pod_script(host)
    host.write(node.STATE + "/kube-apiserver.yaml", MANIFEST)
    host.write(node.MANIFESTS + "/kube-apiserver.yaml", "newer")
    assert host.undo(script).returncode == 0
    assert pathlib.Path(node.MANIFESTS, "kube-apiserver.yaml").read_text() == "newer"
    assert os.listdir(node.STATE) == ["kube-apiserver.yaml.superseded"]


def test_services_are_started_only_after_what_held_them_is_gone(host: Host) -> None:
    planned = plan(FakeRunner(), Wanted("vip_holder", CRASH_SERVICES, services=["keepalived"]))
    os.makedirs(str(host.root) + "/run/systemd/system/keepalived.service.d")
    held = str(host.root) + "/run/systemd/system/keepalived.service.d/zz-baremetal-kubernetes-drill.conf"
    host.write(held, "[Service]\n")
    host.write(node.MARKER, "{}")
    host.program("systemctl", 'ls %s %s >> %s 2>/dev/null; echo "$*" >> %s' % (held, node.MARKER, host.log, host.log))
    assert host.undo(planned.script).returncode == 0
    log = host.log.read_text()
    assert "start --no-block keepalived.service" in log
    assert held not in log and node.MARKER + "\n" not in log


def test_a_fault_that_can_not_be_undone_keeps_its_marker_for_the_next_drill(host: Host) -> None:
    planned = plan(FakeRunner(), Wanted("vip_holder", CRASH_SERVICES, services=["keepalived"]))
    host.write(node.MARKER, "{}")
    host.program("systemctl", 'case "$1" in start) exit 1;; esac')
    done = host.undo(planned.script)
    assert done.returncode == 1 and "could not be undone" in done.stderr
    assert os.path.exists(node.MARKER) and os.path.exists(node.SCRIPT)


class Recorder(FakeRunner):
    """Everything succeeds but the command that a test names."""

    def __init__(self, fails: str = "") -> None:
        super().__init__()
        self.fails = fails

    def run(self, argv: Sequence[str], timeout: Any = None, stdin: Any = None, env: Any = None) -> Result:
        self.calls.append(tuple(argv))
        return Result(1, "", "broken") if self.fails and self.fails in " ".join(argv) else Result(0, "", "")


def injected(monkeypatch: pytest.MonkeyPatch, fails: str) -> "tuple[Recorder, List[str]]":
    written: List[str] = []
    monkeypatch.setattr(node, "apply_now", lambda _runner, wanted: written.append(wanted.path))
    runner = Recorder(fails)
    with pytest.raises(HostStateError):
        inject(runner, plan(FakeRunner(), Wanted("vip_holder", CRASH_SERVICES, services=["keepalived"])))
    return runner, written


def test_without_a_timer_nothing_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    runner, written = injected(monkeypatch, "start " + node.UNIT)
    assert node.MARKER in written
    assert not any("SIGKILL" in " ".join(call) for call in runner.calls)
    assert runner.calls[-1] == ("/bin/sh", node.SCRIPT)


def test_a_fault_that_fails_half_way_is_undone_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    runner, _written = injected(monkeypatch, "SIGKILL")
    assert runner.calls[-1] == ("/bin/sh", node.SCRIPT)


def test_what_still_runs_after_the_kill_is_an_error_and_undone() -> None:
    show: Dict[Tuple[str, ...], str] = {
        (
            "systemctl",
            "show",
            "--property=Id,ActiveState",
            "--",
            "keepalived.service",
        ): "Id=keepalived.service\nActiveState=active\n"
    }
    runner = FakeRunner(commands=show)
    times = iter(range(100))
    with pytest.raises(HostStateError, match="keepalived still runs"):
        wait_until_gone(
            runner, Wanted("x", CRASH_SERVICES, services=["keepalived"]), 5, lambda _s: None, lambda: float(next(times))
        )
    assert ("/bin/sh", node.SCRIPT) in runner.calls


def test_a_look_names_what_can_be_killed_and_what_was_left() -> None:
    files = {"/etc/kubernetes/manifests/kube-apiserver.yaml": MANIFEST, node.MARKER: '{"name": "vip_holder"}'}
    units = ["etcd", "haproxy", "keepalived", "nginx"]
    commands = {
        ("ip", "-json", "address", "show"): ADDRESSES,
        ("systemctl", "show", "--property=Id,ActiveState", "--", *[name + ".service" for name in units]): (
            "Id=keepalived.service\nActiveState=active\n\nId=haproxy.service\nActiveState=failed\n"
        ),
        ("nft", "--version"): "",
    }
    seen = node.look(FakeRunner(files, commands), "192.0.2.100")
    assert seen == {
        "held_addresses": ["192.0.2.100"],
        "services": ["keepalived"],
        "static_pods": ["kube-apiserver"],
        "can_isolate": True,
        "etcd_leader": False,
        "left": {"name": "vip_holder"},
    }
