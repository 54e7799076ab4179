"""A control plane's own static pods after their manifests changed, among them one that its kubelet has started twice."""

from __future__ import annotations

import json
import time
from typing import Any, Dict, List

from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import Kubectl
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.static_pods import settle
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Result
from fakes import FakeRunner

READY: Dict[str, Any] = {"ready": True, "state": {"running": {}}}
BACKS_OFF = "CrashLoopBackOff"


class ControlPlane(FakeRunner):
    """A host with a scheduler; its kubelet sees the pod run once no process of old has the port any more."""

    def __init__(self, age: float, ended: float = 5.0) -> None:
        manifest = {"/etc/kubernetes/manifests/kube-scheduler.yaml": "x", "/proc/uptime": "1000.0 9.0"}
        super().__init__(files=manifest)
        ticks = (1000.0 - age) * 100
        self.files["/proc/100/cmdline"] = "kube-scheduler\0"
        self.files["/proc/100/cgroup"] = "0::/kubepods/burstable/x"
        self.files["/proc/100/stat"] = "100 (kube-scheduler) S %s %d 0 0" % (" ".join(["1"] * 18), ticks)
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._now - ended))
        self.backs_off = {
            "ready": False,
            "state": {"waiting": {"reason": BACKS_OFF}},
            "lastState": {"terminated": {"finishedAt": moment}},
        }
        self.killed: List[int] = []
        self.ready_by_itself = self.silent = False

    def run(self, argv: Any, *_more: Any, **_options: Any) -> Result:
        assert argv[:3] == ["kubectl", "get", "pods"] and "--field-selector=spec.nodeName=cp1" in argv
        if self.silent:
            return Result(1, "", "Unable to connect to the server")
        status = READY if self.killed or self.ready_by_itself else self.backs_off
        pod = {"metadata": {"name": "kube-scheduler-cp1"}, "status": {"containerStatuses": [status]}}
        return Result(0, json.dumps({"items": [{"metadata": {"name": "kube-proxy-x"}}, pod]}), "")

    def kill(self, pid: int, _signal: int) -> None:
        self.killed.append(pid)
        del self.files["/proc/100/cmdline"]

    def pause(self, seconds: float) -> None:
        self._now += seconds
        self.files["/proc/uptime"] = "%.1f 9.0" % (float(str(self.files["/proc/uptime"]).split()[0]) + seconds)


def look(host: ControlPlane, timeout: float = 60) -> Any:
    return settle(host, Kubectl(host), "cp1", timeout, host.pause, host.kill)


def test_pods_that_are_ready_are_left_alone() -> None:
    host = ControlPlane(age=600)
    host.ready_by_itself = True
    assert look(host) == (False, {}) and host.killed == []


def test_a_container_that_its_kubelet_has_forgotten_is_ended() -> None:
    host = ControlPlane(age=60)
    assert look(host) == (True, {}) and host.killed == [100]


def test_a_process_that_has_just_begun_may_be_the_one_that_the_kubelet_means() -> None:
    host = ControlPlane(age=1)
    assert look(host, timeout=10) == (False, {"kube-scheduler": BACKS_OFF}) and host.killed == []


def test_the_next_try_runs_on_though_the_api_still_tells_of_the_one_before() -> None:
    host = ControlPlane(age=60, ended=70)
    assert look(host, timeout=10) == (False, {"kube-scheduler": BACKS_OFF}) and host.killed == []


def test_an_api_that_does_not_answer_is_named_and_nothing_is_ended() -> None:
    host = ControlPlane(age=600)
    host.silent = True
    helped, left = look(host, timeout=4)
    assert not helped and "Unable to connect" in left["kube-scheduler"] and host.killed == []


def test_a_host_without_static_pods_asks_nobody() -> None:
    runner = FakeRunner()
    assert settle(runner, Kubectl(runner), "worker1", 5) == (False, {}) and runner.calls == []
