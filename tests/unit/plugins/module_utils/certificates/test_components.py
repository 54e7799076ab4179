from __future__ import annotations

import signal
from typing import Any, Dict, List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates import components, renew
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.components import (
    COMPONENTS,
    Restarter,
    present,
    stale,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.errors import CertificateError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.health import EtcdState
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.processes import running
from fakes import FakeRunner

NOW = 1_790_000_000.0
SCHEDULER = COMPONENTS[3]
ETCD = COMPONENTS[0]


class Host(FakeRunner):
    """A host with processes, whose clock goes on with every look; a killed one is followed by the next."""

    def __init__(self, program: str, age: float, answers: bool = True) -> None:
        super().__init__(files={"/etc/kubernetes/manifests/%s.yaml" % program: "x", "/proc/uptime": "1000.0 9.0"}, now=NOW)
        self.program = program
        self.killed: List[int] = []
        self.started = answers
        self.process(100, age)

    def process(self, pid: int, age: float, cgroup: str = "0::/kubepods/burstable/x") -> None:
        start = (1000.0 - age) * 100
        self.files["/proc/%d/cmdline" % pid] = "/usr/local/bin/%s\0--flag\0" % self.program
        self.files["/proc/%d/cgroup" % pid] = cgroup
        self.files["/proc/%d/stat" % pid] = "%d (kube (x) y) S %s %d 0 0" % (pid, " ".join(["1"] * 18), start)

    def kill(self, pid: int, _signal: int) -> None:
        self.killed.append(pid)
        for name in ("cmdline", "cgroup", "stat"):
            del self.files["/proc/%d/%s" % (pid, name)]
        if self.started:
            self.process(pid + 1, 0)

    def now(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds
        self.files["/proc/uptime"] = "%.1f 9.0" % (1000.0 + self._now - NOW)


ALONE = EtcdState(voters=1)


def restarter(host: Host, monkeypatch: pytest.MonkeyPatch, state: EtcdState = ALONE) -> Restarter:
    monkeypatch.setattr(components.served, "healthz", lambda port: True)
    return Restarter(host, [], 20, host.sleep, host.kill, lambda _runner, _endpoints: state)


def test_only_processes_of_pods_count_and_the_kernel_says_when_they_began() -> None:
    host = Host("kube-scheduler", age=60)
    host.process(7, 500, cgroup="0::/system.slice/kube-scheduler.service")
    (process,) = running(host, "kube-scheduler")
    assert process.pid == 100 and abs(process.started - (NOW - 60)) < 0.1


@pytest.mark.parametrize("changed, is_stale", [(NOW - 90, False), (NOW - 30, True), (NOW + 3600, False), (None, False)])
def test_a_static_pod_is_stale_when_a_file_is_newer_than_its_process(changed: Any, is_stale: bool) -> None:
    host = Host("kube-scheduler", age=60)
    assert bool(stale(SCHEDULER, host, lambda _path: changed)) is is_stale


def test_a_static_pod_that_does_not_run_is_the_kubelets_business() -> None:
    host = Host("kube-scheduler", age=60, answers=False)
    host.kill(100, 15)
    assert stale(SCHEDULER, host, lambda _path: NOW) == ""


def test_only_static_pods_that_belong_here_are_looked_at() -> None:
    assert [component.name for component in present(Host("kube-scheduler", 1))] == ["kube-scheduler"]


def test_a_restart_ends_the_old_process_and_waits_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host("kube-scheduler", age=60)
    restarter(host, monkeypatch).restart(SCHEDULER)
    assert host.killed == [100] and running(host, "kube-scheduler")[0].pid == 101


def test_a_kube_vip_that_logs_in_with_an_older_certificate_is_ended_by_a_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host("kube-vip", 60)
    (kube_vip,) = present(host)
    told = stale(kube_vip, host, {"/etc/kubernetes/admin.conf": NOW - 30}.get)
    assert told == "/etc/kubernetes/admin.conf is newer than its process"
    assert stale(kube_vip, host, {"/etc/kubernetes/admin.conf": NOW - 90}.get) == ""
    # It has no page for its health; that it runs again is all that can be seen.
    restarter(host, monkeypatch).restart(kube_vip)
    assert host.killed == [100]


def test_a_static_pod_that_does_not_come_back_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host("kube-scheduler", age=60, answers=False)
    with pytest.raises(CertificateError, match="kube-scheduler: after 20 s: the kubelet has not started it again"):
        restarter(host, monkeypatch).restart(SCHEDULER)


def test_a_kubelet_that_backs_off_is_started_anew_once(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host("kube-scheduler", age=60, answers=False)
    with pytest.raises(CertificateError):
        restarter(host, monkeypatch).restart(SCHEDULER)
    assert host.calls.count(("systemctl", "restart", "kubelet")) == 1
    quick = Host("kube-scheduler", age=60)
    restarter(quick, monkeypatch).restart(SCHEDULER)
    assert quick.calls == []


def test_a_process_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host("kube-scheduler", age=60)
    signals: List[int] = []

    def kill(pid: int, number: int) -> None:
        signals.append(number)
        if number == signal.SIGKILL:
            host.kill(pid, number)

    held = restarter(host, monkeypatch)
    held.timeout, held.kill = 180, kill
    held.restart(SCHEDULER)
    assert signals == [signal.SIGTERM, signal.SIGKILL]


def test_a_member_of_etcd_is_not_stopped_while_another_is_unhealthy(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host("etcd", age=60)
    bad = EtcdState(members=[("cp1", True, ""), ("cp2", False, "no answer")], voters=3)
    monkeypatch.setattr(Restarter, "_well", lambda self, component: "")
    with pytest.raises(CertificateError, match="etcd before its restart: after 20 s: cp2: no answer"):
        restarter(host, monkeypatch, bad).restart(ETCD)
    assert host.killed == []


def test_a_member_that_is_alone_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host("etcd", age=60)
    monkeypatch.setattr(components, "_shows", lambda component, flag, runner: None)
    restarter(host, monkeypatch).restart(ETCD)
    assert host.killed == [100]


def test_an_api_server_is_not_stopped_while_another_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host("kube-apiserver", age=60)

    class Answer:
        def __init__(self, ready: bool) -> None:
            self.ready, self.message = ready, "10.0.0.2:6443 does not answer"

    def ready(address: str, _port: int, _runner: Any) -> Answer:
        return Answer(address != "10.0.0.2")

    held = Restarter(host, [("10.0.0.2", 6443)], 20, host.sleep, host.kill, lambda _runner, _endpoints: EtcdState(), ready)
    with pytest.raises(CertificateError, match="10.0.0.2:6443 does not answer"):
        held.restart(COMPONENTS[1])
    assert host.killed == []


def found(*days: int) -> List[Dict[str, Any]]:
    path = "/etc/kubernetes/pki/apiserver.crt"
    return [
        {"path": path, "subject": "", "not_before": "2026-01-01T00:00:00Z", "not_after": "2027-01-01T00:00:00Z", "days_left": left}
        for left in days
    ]


def test_a_renewal_restarts_every_static_pod_from_etcd_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renew, "read", lambda _runner: found(3))
    host = Host("kube-scheduler", age=60)
    host.files["/etc/kubernetes/manifests/etcd.yaml"] = "x"
    steps = renew.plan_control_plane(host, 30, lambda _path: None)
    assert [step.text.partition(":")[0] for step in steps] == [
        "renew kubeadm's certificates",
        "restart etcd",
        "restart kube-scheduler",
    ]


def test_what_a_killed_run_left_is_restarted_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renew, "read", lambda _runner: found(300))
    host = Host("kube-scheduler", age=60)
    assert [step.text for step in renew.plan_control_plane(host, 30, lambda _path: NOW - 5)] == [
        "restart kube-scheduler: /etc/kubernetes/scheduler.conf is newer than its process"
    ]
    assert renew.plan_control_plane(host, 30, lambda _path: NOW - 500) == []


def test_a_certificate_that_kubeadm_could_not_renew_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renew, "read", lambda _runner: found(3))
    host = Host("kube-scheduler", age=60)
    host.commands[("kubeadm", "certs", "renew", "all")] = ""
    steps = renew.plan_control_plane(host, 30, lambda _path: None)
    with pytest.raises(CertificateError, match="/etc/kubernetes/pki/apiserver.crt: kubeadm did not renew them"):
        renew.apply_control_plane(steps, host, 30, restarter(host, monkeypatch))
    assert host.killed == []
