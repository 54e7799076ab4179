from __future__ import annotations

from typing import Any, Dict, Sequence, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import Kubectl
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.network_check import (
    Probe,
    manifests,
    plan_probes,
    try_probes,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Result
from fakes import FakeRunner


def pod(name: str, node: str, address: str) -> Dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"nodeName": node}, "status": {"podIP": address}}


PODS = [pod("probe-b", "cp2", "10.244.1.5"), pod("probe-a", "cp1", "10.244.0.5"), pod("probe-c", "cp3", "fd00::5")]


def test_every_node_sends_to_the_next_and_answers_one() -> None:
    probes = [probe for probe in plan_probes(PODS, "10.96.0.9", "cluster.local", False) if "service" not in probe.target]
    assert [(probe.node, probe.url) for probe in probes] == [
        ("cp1", "http://10.244.1.5:8080/"),
        ("cp2", "http://[fd00::5]:8080/"),
        ("cp3", "http://10.244.0.5:8080/"),
    ]


def test_every_node_reaches_a_service_by_address_and_by_name() -> None:
    urls = {probe.url for probe in plan_probes(PODS, "10.96.0.9", "example.org", True)}
    assert {"http://10.96.0.9:8080/", "http://probe.baremetal-verify.svc.example.org:8080/"} <= urls


class Time:
    """A clock that only a sleep, or a test, moves."""

    now = 0.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def exec_of(name: str, url: str) -> Tuple[str, ...]:
    return ("kubectl", "exec", "--namespace", "baremetal-verify", name, "--", "timeout", "5", "wget", "-q", "-O", "/dev/null", url)


def test_what_does_not_connect_is_told_from_where_to_where() -> None:
    probes = [Probe("a", "cp1", "the pod on cp2", "http://x:8080/"), Probe("b", "cp2", "the pod on cp1", "http://y:8080/")]
    commands: Dict[Tuple[str, ...], Any] = {
        exec_of("a", "http://x:8080/"): "",
        exec_of("b", "http://y:8080/"): Result(1, "", "wget: download timed out\n"),
    }
    time = Time()
    failed = try_probes(Kubectl(FakeRunner(commands=commands)), probes, 4, time.sleep, time.clock)
    assert failed == ["from a pod on cp2 to the pod on cp1 (http://y:8080/): wget: download timed out"]
    assert time.now == 4


def test_a_service_may_take_its_time_to_answer() -> None:
    answers = [Result(1, "", "wget: bad address"), Result(1, "", "wget: connection refused"), Result(0, "", "")]
    time = Time()

    class Runner(FakeRunner):
        def run(self, argv: Sequence[str], **_options: Any) -> Result:
            return answers.pop(0)

    assert try_probes(Kubectl(Runner()), [Probe("a", "cp1", "a service", "http://x:8080/")], 30, time.sleep, time.clock) == []
    assert time.now == 4 and not answers


def test_the_wait_is_bounded_by_the_clock_however_long_each_connection_takes() -> None:
    probes = [Probe(name, "cp1", "a service", "http://x:8080/") for name in "abcdefgh"]
    time = Time()

    class Runner(FakeRunner):
        def run(self, argv: Sequence[str], **_options: Any) -> Result:
            time.now += 15
            return Result(1, "", "wget: download timed out")

    assert len(try_probes(Kubectl(Runner()), probes, 30, time.sleep, time.clock)) == 8
    assert time.now <= 8 * 15 + 30 + 15


def test_the_pods_have_no_rights_and_run_on_every_node() -> None:
    pods = manifests("busybox")[1]["spec"]["template"]["spec"]
    assert pods["automountServiceAccountToken"] is False
    assert pods["tolerations"] == [{"operator": "Exists"}]
    assert pods["containers"][0]["securityContext"]["runAsNonRoot"] is True
