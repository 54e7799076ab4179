"""The failover plan carried out on a real API server: Lease, cordon, eviction, and the file that keepalived looks at."""

from __future__ import annotations

import json
import pathlib
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from typing import Any, Dict, Iterator, List, Optional

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware import act, program
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.act import FASTER, Failover, Outcome
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.detector import SCRIPT
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.failover import LEASE, Hold, read_lease
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.settings import CONDITIONS, Settings
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.smart import SCAN
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.replace import replace_file
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.drain import ANNOTATION
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import Kubectl, KubernetesError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import NOT_FOUND, HostRunner, Result

FIXTURES = pathlib.Path(__file__).resolve().parents[2] / "fixtures" / "smartctl"
CONTROL_PLANES, WORKERS = ("cp1", "cp2", "cp3"), ("w1", "w2", "w3")
ALL = Settings(
    "cp2", cordon=True, drain=True, move_address=True, dry_run=False, failover_after=0, drain_timeout=600, drain_grace_period=0
)
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"
NOBODY = Hold("", [], False)
CONTROL_PLANE = "node-role.kubernetes.io/control-plane"


class Api:
    """What the test itself does, without the processor time that each kubectl takes."""

    def __init__(self, kubeconfig: str) -> None:
        config = json.loads(pathlib.Path(kubeconfig).read_text())
        self.server = config["clusters"][0]["cluster"]["server"]
        self.token = config["users"][0]["user"]["token"]

    def __call__(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> Any:
        headers = {"Authorization": "Bearer " + self.token, "Content-Type": kind}
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(self.server + path, data, headers, method=method)
        with urllib.request.urlopen(asked, context=ssl._create_unverified_context(), timeout=60) as answer:
            return json.loads(answer.read())


def set_conditions(api: Api, name: str, disk: str, ago: int = 30) -> None:
    """As node-problem-detector does: by a patch of the node's status."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - ago))
    times = {"lastHeartbeatTime": stamp, "lastTransitionTime": stamp}
    conditions = [
        {"type": "Ready", "status": "True", "reason": "x", "message": "x", **times},
        {"type": "DiskFailing", "status": disk, "reason": "DiskIsFailing", "message": "/dev/sda: it has gone read-only", **times},
    ]
    patch = {"status": {"conditions": conditions}}
    api("PATCH", "/api/v1/nodes/%s/status" % name, patch, "application/merge-patch+json")


def uncordon(api: Api, name: str) -> None:
    """A person, who takes the mark off as well."""
    patch = {"metadata": {"annotations": {"baremetal.kubernetes/cordoned-by": None}}, "spec": {"unschedulable": None}}
    api("PATCH", "/api/v1/nodes/" + name, patch, "application/merge-patch+json")


def pod(name: str, node: str, owner: str = "ReplicaSet") -> Dict[str, Any]:
    owners = [{"apiVersion": "apps/v1", "kind": owner, "name": "of-" + name, "uid": "1", "controller": True}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": "default", "name": name, "ownerReferences": owners},
        "spec": {"nodeName": node, "containers": [{"name": "c", "image": "x"}]},
    }


@pytest.fixture
def api(cluster: Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    made = Api(cluster.kubeconfig)
    monkeypatch.setattr(act, "UNFIT", str(tmp_path / "unfit"))
    for name in CONTROL_PLANES + WORKERS:
        node: Dict[str, Any] = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}
        if name in CONTROL_PLANES:
            node["metadata"]["labels"] = {CONTROL_PLANE: ""}
            node["spec"] = {"taints": [{"key": CONTROL_PLANE, "effect": "NoSchedule"}]}
        made("POST", "/api/v1/nodes", node)
        set_conditions(made, name, "False")
    yield made
    made("DELETE", "/api/v1/namespaces/default/pods?gracePeriodSeconds=0")
    made("DELETE", "/api/v1/nodes")
    made("DELETE", LEASES)


def step(kubectl: Kubectl, said: Optional[List[str]] = None, **settings: Any) -> Outcome:
    log = said if said is not None else []
    return Failover(ALL._replace(**settings), kubectl, HostRunner(), replace_file, log.append).step()


def hold(api: Api) -> Hold:
    items = api("GET", LEASES)["items"]
    return read_lease(next((item for item in items if item["metadata"]["name"] == LEASE), None))


def pods(api: Api) -> List[str]:
    return sorted(item["metadata"]["name"] for item in api("GET", "/api/v1/namespaces/default/pods")["items"])


def state(api: Api, name: str) -> Any:
    node = api("GET", "/api/v1/nodes/" + name)
    return node["spec"].get("unschedulable", False), (node["metadata"].get("annotations") or {}).get(ANNOTATION, "")


def test_a_failing_worker_is_emptied_and_a_second_one_waits_for_it(api: Api, kubectl: Kubectl) -> None:
    for document in (pod("web", "w1"), pod("agent", "w1", "DaemonSet"), pod("other", "w2")):
        api("POST", "/api/v1/namespaces/default/pods", document)
    assert step(kubectl).done == [] and hold(api) == NOBODY
    set_conditions(api, "w1", "True")
    said: List[str] = []
    dry = step(kubectl, said, dry_run=True)
    assert dry.done == [] and "w1: cordon, close it for new pods: would be done (hardware_watch_dry_run)" in said
    assert state(api, "w1") == (False, "") and hold(api) == NOBODY and len(pods(api)) == 3
    assert step(kubectl).done == ["w1: closed", "w1: evicted default/web"]
    assert state(api, "w1") == (True, "hardware") and pods(api) == ["agent", "other"]
    assert hold(api) == Hold("w1", ["disk"], True)
    set_conditions(api, "w2", "True")
    again = step(kubectl)
    assert again.done == [] and again.decision.target == "w1" and state(api, "w2") == (False, "")
    # The disk of the first is replaced, and a person opens it: then the second has its turn.
    set_conditions(api, "w1", "False")
    assert step(kubectl).done == [] and hold(api).node == "w1"
    uncordon(api, "w1")
    step(kubectl)
    assert step(kubectl).done[:1] == ["w2: closed"] or state(api, "w2") == (True, "hardware")
    assert hold(api).node == "w2" and state(api, "w1") == (False, "")


def test_only_the_control_plane_itself_gives_its_addresses_away(api: Api, kubectl: Kubectl, tmp_path: pathlib.Path) -> None:
    unfit = tmp_path / "unfit"
    set_conditions(api, "cp2", "True")
    only_move = {"cordon": False, "drain": False}
    assert step(kubectl, node_name="cp1", **only_move).done == [] and hold(api).node == "cp2" and not unfit.exists()
    assert step(kubectl, **only_move).done == ["cp2: keepalived gives the addresses away"]
    assert unfit.read_text() == "1\n" and step(kubectl, **only_move).done == []
    assert state(api, "cp2") == (False, "")
    # Nobody else is left who could have them.
    for name in ("cp1", "cp3"):
        set_conditions(api, name, "True")
    assert step(kubectl, **only_move).done == ["cp2: keepalived may have the addresses"] and unfit.read_text() == "0\n"
    set_conditions(api, "cp1", "False")
    step(kubectl, **only_move)
    assert unfit.read_text() == "1\n"
    # Silence changes nothing; health ends it.
    set_conditions(api, "cp2", "Unknown")
    assert step(kubectl, **only_move).done == [] and unfit.read_text() == "1\n"
    set_conditions(api, "cp2", "False")
    set_conditions(api, "cp3", "False")
    assert step(kubectl, **only_move).done == ["cp2: keepalived may have the addresses"] and hold(api).node == ""


def test_a_dry_run_takes_back_what_was_ordered_before_it(api: Api, kubectl: Kubectl, tmp_path: pathlib.Path) -> None:
    (tmp_path / "unfit").write_text("1\n")
    step(kubectl, dry_run=True)
    assert (tmp_path / "unfit").read_text() == "0\n"


def test_of_two_control_planes_that_see_two_failing_nodes_one_gets_its_way(
    api: Api, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_conditions(api, "w1", "True", ago=60)
    slow = Failover(ALL, kubectl, HostRunner(), replace_file, lambda _line: None)
    before = slow._lease()
    assert step(kubectl, node_name="cp1").done[:1] == ["w1: closed"]
    set_conditions(api, "w1", "False")
    uncordon(api, "w1")
    set_conditions(api, "w2", "True", ago=60)
    # It looked before the other one wrote.
    monkeypatch.setattr(slow, "_lease", lambda: before)
    outcome = slow.step()
    assert outcome.failed == [FASTER] and outcome.done == []
    assert state(api, "w2") == (False, "") and hold(api).node == "w1"


def test_a_run_that_was_killed_between_the_lease_and_the_cordon_goes_on(
    api: Api, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_conditions(api, "w1", "True")
    killed = Failover(ALL, kubectl, HostRunner(), replace_file, lambda _line: None)

    def kill(*_arguments: Any) -> List[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr(killed, "_close", kill)
    with pytest.raises(KeyboardInterrupt):
        killed.step()
    assert hold(api) == Hold("w1", ["disk"], False) and state(api, "w1") == (False, "")
    assert step(kubectl).done == ["w1: closed"] and hold(api).closed


def test_a_pod_that_would_lose_data_keeps_the_node_closed_and_is_named(api: Api, kubectl: Kubectl) -> None:
    document = pod("scratch", "w1")
    document["spec"]["volumes"] = [{"name": "tmp", "emptyDir": {}}]
    api("POST", "/api/v1/namespaces/default/pods", document)
    set_conditions(api, "w1", "True")
    outcome = step(kubectl)
    assert outcome.done == ["w1: closed"] and "default/scratch has data in an emptyDir" in outcome.failed[0]
    assert pods(api) == ["scratch"] and hold(api).node == "w1"
    assert step(kubectl, delete_empty_dir_data=True).done == ["w1: evicted default/scratch"]


class Disks(HostRunner):
    """This machine with one disk, of which smartctl says what a fixture has."""

    def __init__(self, fixture: str) -> None:
        self.fixture = fixture

    def run(self, argv: Any, timeout: Any = None, stdin: Any = None, env: Any = None) -> Result:
        if argv[0] == "zpool":
            return Result(NOT_FOUND, "", "")
        if tuple(argv) == SCAN:
            return Result(0, '{"smartctl": {}, "devices": [{"name": "/dev/sda", "type": "scsi"}]}', "")
        return Result(0, (FIXTURES / self.fixture).read_text(), "")


def test_from_what_smartctl_says_to_a_node_that_is_empty(api: Api, kubectl: Kubectl, tmp_path: pathlib.Path) -> None:
    """The whole way; node-problem-detector's part, a condition for an exit code, is played (its Go code is not here)."""
    places = program.Places(str(tmp_path / "settings.json"), str(tmp_path / "state"), str(tmp_path / "run" / "conditions"))
    (tmp_path / "settings.json").write_text('{"node_name": "w1", "metrics_directory": ""}')
    plugin = tmp_path / "condition.sh"
    plugin.write_text(SCRIPT.replace(CONDITIONS, places.conditions))
    api("POST", "/api/v1/namespaces/default/pods", pod("web", "w1"))
    for fixture, code, done in (
        ("sata_healthy.json", 0, []),
        ("sata_worn_a_little.json", 0, []),
        ("permission_denied.json", 2, []),
        ("sata_failing.json", 1, ["w1: closed", "w1: evicted default/web"]),
    ):
        assert program.main(["run"], places, Disks(fixture)) == 0
        said = subprocess.run(["sh", str(plugin), "DiskFailing"], capture_output=True, text=True)
        assert said.returncode == code, (fixture, said.stdout)
        set_conditions(api, "w1", {0: "False", 1: "True"}.get(said.returncode, "Unknown"))
        assert step(kubectl).done == done, fixture
    assert "foretells its own failure" in said.stdout and state(api, "w1") == (True, "hardware") and pods(api) == []


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
