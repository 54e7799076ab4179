from __future__ import annotations

import copy
from typing import Any, Dict, List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.client import Health
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.errors import EtcdUnreachable
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.members import Member
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.settings import KUBEADM_CLIENTS
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.health import (
    Check,
    EtcdState,
    Expectation,
    Seen,
    judge,
    read,
    read_etcd,
    report,
    wait_until_healthy,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import Kubectl
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Result
from fakes import FakeRunner


def node(name: str, ready: str = "True", version: str = "v1.20.2", message: str = "") -> Dict[str, Any]:
    return {
        "kind": "Node",
        "metadata": {"name": name},
        "status": {"conditions": [{"type": "Ready", "status": ready, "message": message}], "nodeInfo": {"kubeletVersion": version}},
    }


def pod(name: str, **status: Any) -> Dict[str, Any]:
    found = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    found.update(status)
    return {"kind": "Pod", "metadata": {"name": name, "namespace": "kube-system"}, "status": found}


DNS: Dict[str, Any] = {
    "kind": "Deployment",
    "metadata": {"name": "coredns", "namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}},
    "spec": {"replicas": 2},
    "status": {"availableReplicas": 2},
}
HEALTHY = Seen(
    version="v1.20.2",
    nodes=[node("cp1"), node("worker1")],
    pods=[pod("kube-proxy-x")],
    deployments=[DNS],
    etcd=EtcdState([("cp1", True, "")], [], 1),
)
EXPECTED = Expectation(nodes=["cp1", "worker1"], endpoint="10.89.79.100:8443")


def bad(seen: Seen, expected: Expectation = EXPECTED) -> List[str]:
    return ["%s: %s" % (check.name, check.detail) for check in judge(seen, expected) if not check.ok]


def test_a_healthy_cluster_has_nothing_to_complain_about() -> None:
    assert bad(HEALTHY) == []


def test_every_unhealthy_thing_is_named_with_where_to_look() -> None:
    seen = HEALTHY._replace(
        readyz="[+]ping ok\n[-]etcd failed: reason withheld\n",
        readyz_error="error",
        endpoint_error="no route to host",
        nodes=[node("cp1", "False", message="container runtime is down")],
        etcd=EtcdState([("cp1", False, "no leader")], [], 1),
    )
    assert bad(seen) == [
        "API server: not ready: etcd",
        "endpoint 10.89.79.100:8443: no route to host",
        "etcd: 0 of 1 members healthy, 1 needed; cp1: no leader",
        "nodes: worker1 is not in the cluster; cp1: container runtime is down",
    ]
    assert all(check.remedy for check in judge(seen, EXPECTED) if not check.ok)


def test_a_node_that_the_inventory_does_not_know_is_told_and_is_no_failure() -> None:
    checks = judge(HEALTHY._replace(nodes=[node("cp1"), node("worker1"), node("other", "False")]), EXPECTED)
    assert [check.detail for check in checks if check.name == "nodes"] == ["2 Ready; not in the inventory: other"]
    assert all(check.ok for check in checks)


def test_a_crashing_pod_is_told_with_the_runtimes_words() -> None:
    crashing = pod(
        "coredns-1",
        conditions=[{"type": "Ready", "status": "False"}],
        containerStatuses=[{"state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}}}],
    )
    assert bad(HEALTHY._replace(pods=[crashing])) == ["system pods: kube-system/coredns-1: CrashLoopBackOff back-off 5m0s"]


def test_a_finished_job_is_healthy_and_other_namespaces_are_not_ours() -> None:
    other = copy.deepcopy(pod("x", phase="Failed", conditions=[]))
    other["metadata"]["namespace"] = "default"
    assert bad(HEALTHY._replace(pods=[pod("job", phase="Succeeded", conditions=[]), other])) == []


def test_an_unschedulable_pod_says_why() -> None:
    waiting = pod("coredns-1", phase="Pending", conditions=[{"type": "PodScheduled", "status": "False", "message": "0/1 nodes"}])
    assert bad(HEALTHY._replace(pods=[waiting])) == ["system pods: kube-system/coredns-1: 0/1 nodes"]


def test_a_kubelet_newer_than_the_api_server_is_wrong() -> None:
    assert bad(HEALTHY._replace(nodes=[node("cp1", version="v1.21.0"), node("worker1")])) == [
        "versions: cp1: kubelet v1.21.0 with API server v1.20.2"
    ]


def test_a_member_that_is_listed_twice_is_named_though_its_address_answers() -> None:
    state = EtcdState([("cp1", True, ""), ("cp2", True, ""), ("cp1", True, "")], [], 3)
    assert bad(HEALTHY._replace(etcd=state)) == ["etcd: 3 of 3 members healthy, 2 needed; cp1 is a member 2 times"]


def test_while_api_servers_differ_kubelets_are_held_against_the_newest() -> None:
    # In an upgrade the endpoint leads to the old one as well as to the new one.
    servers = [
        dict(pod("kube-apiserver-" + name), spec={"containers": [{"image": "registry.k8s.io/kube-apiserver:" + version}]})
        for name, version in (("cp1", "v1.34.4"), ("cp2", "v1.33.13@sha256:ab"), ("cp3", "latest"))
    ]
    seen = HEALTHY._replace(
        version="v1.33.13", pods=servers, nodes=[node("cp1", version="v1.34.4"), node("worker1", version="v1.33.13")]
    )
    assert bad(seen) == []
    (versions,) = [check.detail for check in judge(seen, EXPECTED) if check.name == "versions"]
    assert versions == "API servers v1.33.13, v1.34.4, kubelets v1.33.13, v1.34.4"
    assert bad(seen._replace(nodes=[node("cp1", version="v1.35.1"), node("worker1")])) == [
        "versions: cp1: kubelet v1.35.1 with API server v1.34.4; worker1: kubelet v1.20.2 with API server v1.34.4"
    ]


@pytest.mark.parametrize(("kubelet", "problems"), [("v1.33.1", 0), ("v1.32.0", 1)])
def test_a_kubelet_may_be_three_minors_behind(kubelet: str, problems: int) -> None:
    assert (
        len(bad(HEALTHY._replace(version="v1.36.3", nodes=[node("cp1", version=kubelet), node("worker1", version="v1.36.3")])))
        == problems
    )


def test_a_ghost_of_etcd_is_named() -> None:
    state = EtcdState([("cp1", True, "")], ["member 2a (unstarted, https://10.0.0.2:2380)"], 2)
    assert bad(HEALTHY._replace(etcd=state)) == [
        "etcd: 1 of 2 members healthy, 2 needed; member 2a (unstarted, https://10.0.0.2:2380) never started"
    ]


def test_missing_dns_is_not_waited_for() -> None:
    checks = [check for check in judge(HEALTHY._replace(deployments=[]), EXPECTED) if not check.ok]
    assert [(check.name, check.waits) for check in checks] == [("cluster DNS", False)]
    assert bad(HEALTHY._replace(deployments=[]), EXPECTED._replace(dns=False)) == []


def test_the_first_certificate_to_expire_decides() -> None:
    certificates = [{"path": "/a", "days_left": 300}, {"path": "/b", "days_left": 5, "node": "cp2"}]
    assert bad(HEALTHY, EXPECTED._replace(certificates=certificates)) == [
        "certificates: the first to expire is /b on cp2, in 5 days"
    ]


def test_waiting_ends_when_all_is_healthy_and_says_what_it_waited_for() -> None:
    rounds = [
        [Check("nodes", False, "cp1: not Ready")],
        [Check("nodes", False, "cp1: not Ready")],
        [Check("nodes", True, "1 Ready")],
    ]
    times = iter(range(0, 100, 3))
    checks, waited = wait_until_healthy(lambda: rounds.pop(0), 60, lambda seconds: None, lambda: float(next(times)))
    assert checks[0].ok
    assert waited == ["after 3 s: nodes (cp1: not Ready)"]


def test_what_time_can_not_mend_is_not_waited_for() -> None:
    slept: List[float] = []
    wait_until_healthy(lambda: [Check("certificates", False, "expired", waits=False)], 60, slept.append)
    assert slept == []


def test_waiting_ends_at_its_limit() -> None:
    times = iter(range(0, 1000, 30))
    checks, waited = wait_until_healthy(lambda: [Check("nodes", False, "x")], 60, lambda seconds: None, lambda: float(next(times)))
    assert not checks[0].ok
    assert "Waited for:" in report(checks, waited)


def test_the_report_has_what_is_wrong_last() -> None:
    lines = report([Check("a", False, "broken.", "mend it"), Check("b", True, "fine")], []).splitlines()
    assert lines == ["ok      b: fine", "NOT OK  a: broken. What to do: mend it."]


class FakeEtcd:
    def __init__(self, endpoint: str, *files: str) -> None:
        self.endpoint = endpoint

    def member_list(self) -> List[Member]:
        if self.endpoint == "https://dead:2379":
            raise EtcdUnreachable(self.endpoint, "timed out", "look")
        return [
            Member(1, "cp1", ["https://a:2380"], ["https://a:2379"], False),
            Member(2, "cp2", ["https://b:2380"], ["https://b:2379"], False),
            Member(3, "", ["https://c:2380"], [], False),
        ]

    def health(self) -> Health:
        if self.endpoint == "https://b:2379":
            raise EtcdUnreachable(self.endpoint, "connection refused", "look")
        return Health(True, "")


def test_every_member_of_etcd_is_asked_itself() -> None:
    runner = FakeRunner(files=dict.fromkeys(KUBEADM_CLIENTS[0], ""))
    state = read_etcd(runner, ["https://dead:2379", "https://a:2379"], FakeEtcd)  # type: ignore[arg-type]
    assert state.members == [("cp1", True, ""), ("cp2", False, "connection refused")]
    assert state.unstarted == ["member 3 (unstarted, https://c:2380)"]
    assert state.voters == 3


def test_no_etcd_that_answers_is_an_error_and_no_exception() -> None:
    runner = FakeRunner(files=dict.fromkeys(KUBEADM_CLIENTS[0], ""))
    assert "timed out" in read_etcd(runner, ["https://dead:2379"], FakeEtcd).error  # type: ignore[arg-type]
    assert "no client certificate" in read_etcd(FakeRunner(), []).error


def test_a_dead_api_is_part_of_the_picture_and_no_exception() -> None:
    refused = Result(1, "", "The connection to the server 10.0.0.1:6443 was refused")
    commands = {
        ("kubectl", "get", "--raw", "/readyz?verbose"): refused,
        ("kubectl", "get", "--raw", "/version"): refused,
        ("kubectl", "get", "nodes,pods,deployments", "--output=json", "--all-namespaces"): refused,
    }
    runner = FakeRunner(commands=commands)
    complaints = bad(read(runner, Kubectl(runner), None, Expectation(), FakeEtcd), Expectation())  # type: ignore[arg-type]
    assert complaints[0] == "API server: The connection to the server 10.0.0.1:6443 was refused"
    assert any(complaint.startswith("nodes and pods:") for complaint in complaints)


def test_external_etcd_is_looked_for_in_systemds_journal() -> None:
    seen = HEALTHY._replace(etcd=EtcdState([("etcd1", True, ""), ("etcd2", False, "no leader"), ("etcd3", True, "")], [], 3))
    external = Expectation(etcd_endpoints=["https://10.0.0.31:2379"])
    found = next(check for check in judge(seen, external) if check.name == "etcd")
    assert found.detail == "2 of 3 members healthy, 2 needed; etcd2: no leader"
    assert "journalctl -u etcd" in found.remedy


def test_certificates_of_external_etcd_are_renewed_by_the_playbook_and_not_by_kubeadm() -> None:
    expected = Expectation(certificates=[{"path": "/etc/etcd/pki/server.crt", "node": "etcd1", "days_left": 3}])
    found = next(check for check in judge(HEALTHY, expected) if check.name == "certificates")
    assert (found.ok, "external_etcd" in found.remedy, "kubeadm" in found.remedy) == (False, True, False)
