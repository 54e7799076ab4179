"""The failover plan carried out on a real API server: Lease, cordon, eviction, and the file that keepalived looks at."""

from __future__ import annotations

import json
import pathlib
import time
from typing import Any, Dict, Iterator, List, Optional

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware import act
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.act import FASTER, Failover, Outcome
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.failover import LEASE, Hold, read_lease
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.settings import Settings
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.replace import replace_file
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.drain import read_node
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import Kubectl, KubernetesError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner

CONTROL_PLANES, WORKERS = ("cp1", "cp2", "cp3"), ("w1", "w2", "w3")
ALL = Settings(
    "cp2", cordon=True, drain=True, move_address=True, dry_run=False, failover_after=0, drain_timeout=20, drain_grace_period=0
)
NOBODY = Hold("", [], False)
CONTROL_PLANE = "node-role.kubernetes.io/control-plane"


def set_conditions(kubectl: Kubectl, name: str, disk: str, ago: int = 30) -> None:
    """As node-problem-detector does: by a patch of the node's status."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - ago))
    times = {"lastHeartbeatTime": stamp, "lastTransitionTime": stamp}
    conditions = [
        {"type": "Ready", "status": "True", "reason": "x", "message": "x", **times},
        {"type": "DiskFailing", "status": disk, "reason": "DiskIsFailing", "message": "/dev/sda: it has gone read-only", **times},
    ]
    path = "/api/v1/nodes/" + name
    stored = json.loads(kubectl.checked("x", ["get", "--raw", path]))
    stored["status"]["conditions"] = conditions
    kubectl.checked("x", ["replace", "--raw", path + "/status", "--filename=-"], stdin=json.dumps(stored))


def pod(name: str, node: str, owner: str = "ReplicaSet") -> Dict[str, Any]:
    owners = [{"apiVersion": "apps/v1", "kind": owner, "name": "of-" + name, "uid": "1", "controller": True}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": "default", "name": name, "ownerReferences": owners},
        "spec": {"nodeName": node, "containers": [{"name": "c", "image": "x"}]},
    }


@pytest.fixture
def kubectl(cluster: Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kubectl]:
    made = Kubectl(HostRunner(), cluster.kubeconfig, cluster.kubectl)
    while made.run(["get", "namespace", "default"]).rc != 0 or made.run(["get", "namespace", "kube-system"]).rc != 0:
        time.sleep(0.5)
    monkeypatch.setattr(act, "UNFIT", str(tmp_path / "unfit"))
    for name in CONTROL_PLANES + WORKERS:
        node: Dict[str, Any] = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}
        if name in CONTROL_PLANES:
            node["metadata"]["labels"] = {CONTROL_PLANE: ""}
            node["spec"] = {"taints": [{"key": CONTROL_PLANE, "effect": "NoSchedule"}]}
        made.checked("x", ["create", "--filename=-"], stdin=json.dumps(node))
        set_conditions(made, name, "False")
    yield made
    made.run(["delete", "pods", "--all", "--force", "--grace-period=0"])
    made.run(["delete", "nodes", *CONTROL_PLANES, *WORKERS])
    made.run(["delete", "lease", LEASE, "--namespace=kube-system"])


def step(kubectl: Kubectl, said: Optional[List[str]] = None, **settings: Any) -> Outcome:
    log = said if said is not None else []
    return Failover(ALL._replace(**settings), kubectl, HostRunner(), replace_file, log.append).step()


def hold(kubectl: Kubectl) -> Hold:
    text = kubectl.checked("x", ["get", "lease", LEASE, "--namespace=kube-system", "--ignore-not-found", "--output=json"])
    return read_lease(json.loads(text) if text.strip() else None)


def pods(kubectl: Kubectl) -> List[str]:
    return sorted(str(item["metadata"]["name"]) for item in kubectl.objects("pods"))


def state(kubectl: Kubectl, name: str) -> Any:
    return read_node(kubectl, name)[1:]


def test_a_failing_worker_is_emptied_and_a_second_one_waits_for_it(kubectl: Kubectl) -> None:
    for document in (pod("web", "w1"), pod("agent", "w1", "DaemonSet"), pod("other", "w2")):
        kubectl.checked("x", ["create", "--filename=-"], stdin=json.dumps(document))
    assert step(kubectl).done == [] and hold(kubectl) == NOBODY
    set_conditions(kubectl, "w1", "True")
    said: List[str] = []
    dry = step(kubectl, said, dry_run=True)
    assert dry.done == [] and "w1: cordon, close it for new pods: would be done (hardware_watch_dry_run)" in said
    assert state(kubectl, "w1") == (False, "") and hold(kubectl) == NOBODY and len(pods(kubectl)) == 3
    assert step(kubectl).done == ["w1: closed", "w1: evicted default/web"]
    assert state(kubectl, "w1") == (True, "hardware") and pods(kubectl) == ["agent", "other"]
    assert hold(kubectl) == Hold("w1", ["disk"], True)
    set_conditions(kubectl, "w2", "True")
    again = step(kubectl)
    assert again.done == [] and again.decision.target == "w1" and state(kubectl, "w2") == (False, "")
    # The disk of the first is replaced, and a person opens it: then the second has its turn.
    set_conditions(kubectl, "w1", "False")
    assert step(kubectl).done == [] and hold(kubectl).node == "w1"
    kubectl.checked("x", ["uncordon", "w1"])
    kubectl.checked("x", ["annotate", "node", "w1", "baremetal.kubernetes/cordoned-by-"])
    step(kubectl)
    assert step(kubectl).done[:1] == ["w2: closed"] or state(kubectl, "w2") == (True, "hardware")
    assert hold(kubectl).node == "w2" and state(kubectl, "w1") == (False, "")


def test_only_the_control_plane_itself_gives_its_addresses_away(kubectl: Kubectl, tmp_path: pathlib.Path) -> None:
    unfit = tmp_path / "unfit"
    set_conditions(kubectl, "cp2", "True")
    only_move = {"cordon": False, "drain": False}
    assert step(kubectl, node_name="cp1", **only_move).done == [] and hold(kubectl).node == "cp2" and not unfit.exists()
    assert step(kubectl, **only_move).done == ["cp2: keepalived gives the addresses away"]
    assert unfit.read_text() == "1\n" and step(kubectl, **only_move).done == []
    assert state(kubectl, "cp2") == (False, "")
    # Nobody else is left who could have them.
    for name in ("cp1", "cp3"):
        set_conditions(kubectl, name, "True")
    assert step(kubectl, **only_move).done == ["cp2: keepalived may have the addresses"] and unfit.read_text() == "0\n"
    set_conditions(kubectl, "cp1", "False")
    step(kubectl, **only_move)
    assert unfit.read_text() == "1\n"
    # Silence changes nothing; health ends it.
    set_conditions(kubectl, "cp2", "Unknown")
    assert step(kubectl, **only_move).done == [] and unfit.read_text() == "1\n"
    set_conditions(kubectl, "cp2", "False")
    set_conditions(kubectl, "cp3", "False")
    assert step(kubectl, **only_move).done == ["cp2: keepalived may have the addresses"] and hold(kubectl).node == ""


def test_a_dry_run_takes_back_what_was_ordered_before_it(kubectl: Kubectl, tmp_path: pathlib.Path) -> None:
    (tmp_path / "unfit").write_text("1\n")
    step(kubectl, dry_run=True)
    assert (tmp_path / "unfit").read_text() == "0\n"


def test_of_two_control_planes_that_see_two_failing_nodes_one_gets_its_way(
    kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_conditions(kubectl, "w1", "True", ago=60)
    slow = Failover(ALL, kubectl, HostRunner(), replace_file, lambda _line: None)
    before = slow._lease()
    assert step(kubectl, node_name="cp1").done[:1] == ["w1: closed"]
    set_conditions(kubectl, "w1", "False")
    kubectl.checked("x", ["uncordon", "w1"])
    set_conditions(kubectl, "w2", "True", ago=60)
    kubectl.checked("x", ["annotate", "node", "w1", "baremetal.kubernetes/cordoned-by-"])
    # It looked before the other one wrote.
    monkeypatch.setattr(slow, "_lease", lambda: before)
    outcome = slow.step()
    assert outcome.failed == [FASTER] and outcome.done == []
    assert state(kubectl, "w2") == (False, "") and hold(kubectl).node == "w1"


def test_a_run_that_was_killed_between_the_lease_and_the_cordon_goes_on(kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch) -> None:
    set_conditions(kubectl, "w1", "True")
    killed = Failover(ALL, kubectl, HostRunner(), replace_file, lambda _line: None)

    def kill(*_arguments: Any) -> List[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr(killed, "_close", kill)
    with pytest.raises(KeyboardInterrupt):
        killed.step()
    assert hold(kubectl) == Hold("w1", ["disk"], False) and state(kubectl, "w1") == (False, "")
    assert step(kubectl).done == ["w1: closed"] and hold(kubectl).closed


def test_a_pod_that_would_lose_data_keeps_the_node_closed_and_is_named(kubectl: Kubectl) -> None:
    document = pod("scratch", "w1")
    document["spec"]["volumes"] = [{"name": "tmp", "emptyDir": {}}]
    kubectl.checked("x", ["create", "--filename=-"], stdin=json.dumps(document))
    set_conditions(kubectl, "w1", "True")
    outcome = step(kubectl)
    assert outcome.done == ["w1: closed"] and "default/scratch has data in an emptyDir" in outcome.failed[0]
    assert pods(kubectl) == ["scratch"] and hold(kubectl).node == "w1"
    assert step(kubectl, delete_empty_dir_data=True).done == ["w1: evicted default/scratch"]


def test_an_api_that_does_not_answer_changes_nothing(cluster: Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(act, "UNFIT", str(tmp_path / "unfit"))
    (tmp_path / "unfit").write_text("1\n")
    nobody = tmp_path / "kubeconfig"
    nobody.write_text(pathlib.Path(cluster.kubeconfig).read_text().replace("127.0.0.1:", "127.0.0.1:1"))
    silent = Failover(ALL, Kubectl(HostRunner(), str(nobody), cluster.kubectl), HostRunner(), replace_file, lambda _line: None)
    with pytest.raises(KubernetesError):
        silent.step()
    assert (tmp_path / "unfit").read_text() == "1\n"
    assert silent.blind() == ["cp2: keepalived may have the addresses"] and (tmp_path / "unfit").read_text() == "0\n"
