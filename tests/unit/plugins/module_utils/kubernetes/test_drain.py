from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping, Optional, Sequence

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.drain import (
    ANNOTATION,
    Drainer,
    Limits,
    selects,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import Kubectl, KubernetesError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Result

BUDGET = "Error from server (TooManyRequests): Cannot evict pod as it would violate the pod's disruption budget."


def pod(
    name: str, owner: str = "ReplicaSet", volumes: Sequence[str] = (), phase: str = "Running", **metadata: Any
) -> Dict[str, Any]:
    owners = [{"kind": owner, "name": "of-" + name, "controller": True}] if owner else []
    return {
        "metadata": {"namespace": "default", "name": name, "uid": "uid-" + name, "ownerReferences": owners, **metadata},
        "spec": {"volumes": [{"name": kind, kind: {}} for kind in volumes]},
        "status": {"phase": phase},
    }


class FakeCluster:
    """A runner whose kubectl talks to a node with pods; an evicted pod is gone at the second look after it."""

    def __init__(self, pods: Sequence[Dict[str, Any]], version: str = "v1.20.2") -> None:
        self.pods = {item["metadata"]["name"]: item for item in pods}
        self.node: Dict[str, Any] = {"metadata": {"name": "worker1"}, "spec": {}}
        self.version = version
        self.refusals: Dict[str, int] = {}
        self.evictions: List[Dict[str, Any]] = []
        self.patches: List[Dict[str, Any]] = []
        self.budgets: List[Dict[str, Any]] = []

    def run(
        self,
        argv: Sequence[str],
        timeout: Optional[float] = None,
        stdin: Optional[str] = None,
        env: Optional[Mapping[str, str]] = None,
    ) -> Result:
        words = list(argv[1:])
        if words[:3] == ["get", "--raw", "/version"]:
            return Result(0, json.dumps({"gitVersion": self.version}), "")
        if words[:2] == ["get", "node"]:
            if words[2] != "worker1":
                return Result(1, "", 'Error from server (NotFound): nodes "%s" not found' % words[2])
            return Result(0, json.dumps(self.node), "")
        if words[:2] == ["get", "pods"]:
            answer = json.dumps({"items": list(self.pods.values())})
            self.pods = {name: item for name, item in self.pods.items() if not item["metadata"].get("deletionTimestamp")}
            return Result(0, answer, "")
        if words[:2] == ["get", "poddisruptionbudgets"]:
            return Result(0, json.dumps({"items": self.budgets}), "")
        if words[:2] == ["patch", "node"]:
            patch = json.loads(words[-1].partition("=")[2])
            self.patches.append(patch)
            self.node["spec"]["unschedulable"] = patch["spec"]["unschedulable"]
            self.node["metadata"].setdefault("annotations", {}).update(patch["metadata"]["annotations"])
            return Result(0, "", "")
        if words[:2] == ["create", "--raw"]:
            assert stdin is not None
            name = words[2].split("/")[-2]
            if self.refusals.get(name, 0) > 0:
                self.refusals[name] -= 1
                return Result(1, "", BUDGET)
            self.evictions.append(json.loads(stdin))
            self.pods[name]["metadata"]["deletionTimestamp"] = "now"
            return Result(0, "", "")
        raise AssertionError(words)


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    def __call__(self) -> float:
        return self.time


def drainer(cluster: FakeCluster, **limits: Any) -> Drainer:
    clock = Clock()
    return Drainer(Kubectl(cluster), Limits(**limits), "upgrade", clock.sleep, clock)  # type: ignore[arg-type]


def test_a_drain_closes_the_node_with_its_mark_in_one_request_and_evicts_what_can_live_elsewhere() -> None:
    cluster = FakeCluster(
        [pod("web"), pod("agent", owner="DaemonSet"), pod("etcd", annotations={"kubernetes.io/config.mirror": "x"})]
    )
    done = drainer(cluster).drain("worker1")
    assert done.evicted == ["default/web"] and done.cordoned
    assert cluster.patches == [{"metadata": {"annotations": {ANNOTATION: "upgrade"}}, "spec": {"unschedulable": True}}]
    assert [entry["metadata"]["name"] for entry in cluster.evictions] == ["web"]


def test_check_mode_says_what_would_go_and_touches_nothing() -> None:
    cluster = FakeCluster([pod("web")])
    done = drainer(cluster).drain("worker1", check=True)
    assert done.evicted == ["default/web"] and done.cordoned
    assert cluster.patches == [] and cluster.evictions == []


def test_a_node_that_is_empty_and_closed_is_left_as_it_is() -> None:
    cluster = FakeCluster([pod("agent", owner="DaemonSet")])
    cluster.node["spec"]["unschedulable"] = True
    done = drainer(cluster).drain("worker1")
    assert not done.cordoned and done.evicted == [] and cluster.patches == []


def test_pods_that_would_lose_something_for_good_are_all_named_before_anything_is_touched() -> None:
    cluster = FakeCluster([pod("bare", owner=""), pod("cache", volumes=["emptyDir"]), pod("web")])
    with pytest.raises(KubernetesError) as raised:
        drainer(cluster).drain("worker1")
    text = str(raised.value)
    assert (
        "default/bare has no controller" in text and "default/cache has data in an emptyDir" in text and "default/web" not in text
    )
    assert cluster.patches == [] and cluster.evictions == []


def test_what_was_allowed_or_has_finished_goes() -> None:
    cluster = FakeCluster([pod("bare", owner=""), pod("cache", volumes=["emptyDir"]), pod("job", owner="", phase="Succeeded")])
    done = drainer(cluster, evict_unmanaged=True, delete_empty_dir_data=True).drain("worker1")
    assert done.evicted == ["default/bare", "default/cache", "default/job"]


def test_a_budget_is_waited_for() -> None:
    cluster = FakeCluster([pod("web")])
    cluster.refusals["web"] = 3
    assert drainer(cluster, timeout=60).drain("worker1").evicted == ["default/web"]


def test_a_budget_that_never_gives_way_is_named_at_the_time_limit_and_the_node_stays_closed() -> None:
    cluster = FakeCluster([pod("web", labels={"app": "web"}), pod("other", labels={"app": "other"})])
    cluster.refusals["web"] = 10**6
    cluster.budgets = [
        {
            "metadata": {"namespace": "default", "name": "keep-web"},
            "spec": {"selector": {"matchLabels": {"app": "web"}}},
            "status": {"disruptionsAllowed": 0, "currentHealthy": 1, "desiredHealthy": 1},
        }
    ]
    with pytest.raises(KubernetesError) as raised:
        drainer(cluster, timeout=10).drain("worker1")
    text = str(raised.value)
    assert "default/web: its disruption budget keep-web allows no disruption now (1 of 1 wanted pods are healthy)" in text
    assert "default/other" not in text
    assert cluster.node["spec"]["unschedulable"] is True


def test_a_pod_that_does_not_end_is_named() -> None:
    cluster = FakeCluster([pod("slow", deletionTimestamp="now")])
    held = cluster.pods
    original = cluster.run

    def run(argv: Sequence[str], *rest: Any, **more: Any) -> Result:
        cluster.pods = dict(held)
        return original(argv, *rest, **more)

    cluster.run = run  # type: ignore[method-assign]
    with pytest.raises(KubernetesError, match="default/slow: it has been told to end and has not"):
        drainer(cluster, timeout=6).drain("worker1")


@pytest.mark.parametrize("version, api", [("v1.20.2", "policy/v1beta1"), ("v1.36.3", "policy/v1"), ("v1.99.0", "policy/v1")])
def test_the_eviction_speaks_the_clusters_api(version: str, api: str) -> None:
    cluster = FakeCluster([pod("web")], version)
    drainer(cluster, grace_period=5).drain("worker1")
    assert cluster.evictions[0]["apiVersion"] == api
    assert cluster.evictions[0]["deleteOptions"] == {"preconditions": {"uid": "uid-web"}, "gracePeriodSeconds": 5}


def test_only_what_this_operation_closed_is_opened() -> None:
    cluster = FakeCluster([])
    cluster.node["spec"]["unschedulable"] = True
    assert drainer(cluster).uncordon("worker1") is False
    cluster.node["metadata"]["annotations"] = {ANNOTATION: "replace"}
    assert drainer(cluster).uncordon("worker1") is False
    cluster.node["metadata"]["annotations"] = {ANNOTATION: "upgrade"}
    assert drainer(cluster).uncordon("worker1", check=True) is True and cluster.patches == []
    assert drainer(cluster).uncordon("worker1") is True
    assert cluster.patches == [{"metadata": {"annotations": {ANNOTATION: None}}, "spec": {"unschedulable": None}}]


def test_an_unknown_node_is_named() -> None:
    with pytest.raises(KubernetesError, match="node ghost"):
        drainer(FakeCluster([])).drain("ghost")


@pytest.mark.parametrize(
    "selector, wanted",
    [
        (None, False),
        ({}, True),
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "db"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "db"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}, True),
        ({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}, False),
    ],
)
def test_a_budgets_selector_is_read_as_kubernetes_does(selector: Any, wanted: bool) -> None:
    assert selects(selector, {"app": "web"}) is wanted
