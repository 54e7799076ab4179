"""The decisions of init, join and reset, and the watch over a kubeadm that a shell script plays."""

from __future__ import annotations

import os
import pathlib
import time
import types
from typing import Any, List, Optional

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm import operation
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.operation import (
    KubeadmError,
    Node,
    Operator,
    Wanted,
    plan,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.symptoms import find_symptoms, redact
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner, Result
from fakes import FakeRunner


def wanted(state: str = "joined", role: str = "control_plane", **options: Any) -> Wanted:
    return Wanted(state=state, role=role, node_name="cp2", cluster_name="lab", config="/kubeadm.yaml", **options)


def node(state: str, begun: Optional[str] = None, etcd: bool = False, kubelet: bool = False) -> Node:
    return Node(state, "files that say so", begun, etcd, kubelet)


@pytest.mark.parametrize(
    ("goal", "found", "steps"),
    [
        (wanted("initialized"), node("blank"), ["init"]),
        (wanted("initialized"), node("control_plane"), []),
        (wanted("initialized"), node("started", "init"), ["resume_init"]),
        (wanted(), node("blank"), ["join"]),
        (wanted(), node("control_plane"), []),
        (wanted(), node("started", "join"), ["reset", "join"]),
        (wanted(), node("started", "join", kubelet=True), ["reset", "join"]),
        (wanted(), node("started", "join", etcd=True, kubelet=True), ["finish_join"]),
        (wanted(role="worker"), node("blank"), ["join"]),
        (wanted(role="worker"), node("worker"), []),
        (wanted(role="worker"), node("started", "join"), ["reset", "join"]),
        (wanted(role="worker"), node("started", "join", kubelet=True), ["finish"]),
        (wanted("restored"), node("blank"), ["rebuild"]),
        (wanted("restored"), node("started", "restore", etcd=True), ["rebuild"]),
        (wanted("restored"), node("control_plane"), []),
        (wanted("restored"), node("control_plane")._replace(other_etcd=True), ["point_to_etcd"]),
        (wanted("reset"), node("blank"), []),
        (wanted("reset"), node("foreign"), ["reset"]),
    ],
)
def test_each_state_of_a_node_has_its_steps(goal: Wanted, found: Node, steps: List[str]) -> None:
    assert plan(goal, found) == steps


@pytest.mark.parametrize(
    ("goal", "found"),
    [
        (wanted("initialized"), node("worker")),
        (wanted("initialized"), node("foreign")),
        (wanted("initialized"), node("started", "join")),
        (wanted("restored"), node("worker")),
        (wanted("restored"), node("foreign")),
        (wanted("restored"), node("started", "join")),
        (wanted(), node("foreign")),
        (wanted(), node("worker")),
        (wanted(), node("started", "init")),
        (wanted(role="worker"), node("control_plane")),
    ],
)
def test_a_node_that_holds_something_else_is_refused_and_points_to_reset(goal: Wanted, found: Node) -> None:
    with pytest.raises(KubeadmError, match="(?s)already holds.*reset_confirm"):
        plan(goal, found)


def test_a_marker_makes_any_state_an_unfinished_operation() -> None:
    found = operation.read_node(FakeRunner({operation.MARKER: '{"operation": "join"}', operation.ETCD_MANIFEST: ""}))
    assert (found.state, found.operation, found.etcd_manifest, found.kubelet_kubeconfig) == ("started", "join", True, False)


class ScriptedHost(HostRunner):
    """A host whose kubeadm is a shell script and whose kubelet has said something."""

    def __init__(self, journal: str = "") -> None:
        self.journal = journal

    def run(self, argv: Any, timeout: Any = None, stdin: Any = None, env: Any = None) -> Result:
        return Result(0, self.journal if argv[0] == "journalctl" else "", "")


@pytest.fixture
def host(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(operation, "MARKER", str(tmp_path / "etc" / "marker.json"))
    monkeypatch.setattr(operation, "LOG", str(tmp_path / "log" / "kubeadm-%s.log"))
    monkeypatch.setattr(operation, "LOOK_EVERY", 0.3)

    def make(script: str, journal: str = "", **options: Any) -> Operator:
        kubeadm = tmp_path / "kubeadm"
        kubeadm.write_text("#!/bin/sh\n" + script)
        kubeadm.chmod(0o755)
        descriptor = os.open(str(tmp_path / "lock"), os.O_RDWR | os.O_CREAT)
        goal = wanted("initialized", kubeadm=str(kubeadm), **options)
        return Operator(goal, ScriptedHost(journal), descriptor, pause=lambda seconds: time.sleep(0.05))

    return make


def test_the_marker_stands_while_kubeadm_runs_and_is_gone_after_it(host: Any, tmp_path: Any) -> None:
    host("cat %s > %s/seen" % (tmp_path / "etc" / "marker.json", tmp_path)).carry_out(["init"])
    assert '"operation": "init"' in (tmp_path / "seen").read_text()
    assert not (tmp_path / "etc" / "marker.json").exists()


def test_a_pod_that_init_needs_is_there_before_kubeadm_and_only_under_the_marker(
    host: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifests = tmp_path / "manifests"
    monkeypatch.setattr(operation, "MANIFESTS", str(manifests))
    (tmp_path / "kube-vip.yaml").write_text("kind: Pod\n")
    seen = "test -e %s && cat %s/kube-vip.yaml" % (tmp_path / "etc" / "marker.json", manifests)
    host(seen, static_pods=[str(tmp_path / "kube-vip.yaml")]).carry_out(["init"])
    assert os.listdir(manifests) == ["kube-vip.yaml"], "the kubelet reads every file there that is not hidden"
    assert os.stat(manifests / "kube-vip.yaml").st_mode & 0o777 == 0o600
    # A run that was cut off may have had another text of it.
    (tmp_path / "kube-vip.yaml").write_text("kind: Pod  # changed\n")
    host(seen, static_pods=[str(tmp_path / "kube-vip.yaml")]).carry_out(["resume_init"])
    assert "changed" in (manifests / "kube-vip.yaml").read_text()


def test_the_marker_stays_when_kubeadm_fails(host: Any, tmp_path: Any) -> None:
    with pytest.raises(KubeadmError, match="exit code 3"):
        host("echo it broke; exit 3").carry_out(["init"])
    assert (tmp_path / "etc" / "marker.json").exists()


NAME_IS_TAKEN = 'echo "a Node with name \\"worker1\\" and status \\"Ready\\" already exists in the cluster."; exit 1'


def test_a_machine_that_was_made_blank_joins_when_its_former_kubelet_is_gone(host: Any, tmp_path: Any) -> None:
    # kubeadm 1.20.2 after a restore; the third time the controller manager has noticed.
    calls = tmp_path / "calls"
    script = "echo $1 >> %s\n[ $1 = reset ] || [ $(grep -c join %s) = 3 ] || { %s; }" % (calls, calls, NAME_IS_TAKEN)
    host(script).carry_out(["join"])
    assert calls.read_text().split() == ["join", "reset", "join", "reset", "join"]


def test_a_name_that_another_machine_has_is_refused(host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operation, "GONE", 0.2)
    with pytest.raises(KubeadmError, match="a node of this name is in the cluster already"):
        host("[ $1 = reset ] || { sleep 0.1; %s; }" % NAME_IS_TAKEN).carry_out(["join"])


def test_preflight_errors_are_the_evidence_and_their_checks_can_be_named(host: Any) -> None:
    with pytest.raises(KubeadmError) as caught:
        host("echo '\t[ERROR NumCPU]: the number of available CPUs 1 is less than the required 2'; exit 1").carry_out(["init"])
    assert caught.value.evidence == ["[ERROR NumCPU]: the number of available CPUs 1 is less than the required 2"]
    assert "cluster_ignore_preflight_errors" in str(caught.value)


def test_a_kubelet_that_can_not_mend_itself_ends_the_wait_at_once(host: Any) -> None:
    journal = 'Failed to admit pod "etcd-cp2": Unexpected error: ephemeral-storage'
    started = time.monotonic()
    with pytest.raises(KubeadmError, match="static pod for want of ephemeral storage"):
        host("sleep 60", journal).carry_out(["init"])
    assert time.monotonic() - started < 20


def test_a_kubeadm_that_does_not_end_is_stopped_with_all_that_it_started(host: Any) -> None:
    with pytest.raises(KubeadmError, match="did not end within 1 seconds"):
        host("sleep 61 & sleep 62", timeout=1).carry_out(["init"])


def test_a_second_run_waits_for_the_first_and_says_so(tmp_path: Any) -> None:
    lock = str(tmp_path / "lock")
    second = operation.locked(0, lock, pause=lambda seconds: None)
    with operation.locked(1, lock), pytest.raises(KubeadmError, match="another run has been working"), second:
        pass


@pytest.mark.parametrize(
    "harmless",
    [
        # Before init
        "failed to load Kubelet config file /var/lib/kubelet/config.yaml, error: open: no such file or directory",
        # A kubelet of 1.34 that runs
        'err="events is forbidden" Reason:CgroupV1,Message:cgroup v1 support is in maintenance mode, please migrate to cgroup v2',
    ],
)
def test_what_does_no_harm_is_no_symptom(harmless: str) -> None:
    assert find_symptoms(harmless) == []


def test_a_kubelet_that_refuses_cgroup_v1_is_known_by_its_words() -> None:
    words = "kubelet is configured to not run on a host using cgroup v1. cgroup v1 support is in maintenance mode"
    assert [finding.hopeless for finding in find_symptoms(words)] == [True]


def test_every_symptom_keeps_its_last_line_as_evidence() -> None:
    swap = "running with swap on is not supported, "
    found = find_symptoms(swap + "first\nno space left on device\n" + swap + "last")
    assert found[0].evidence == swap + "last"


def test_secrets_are_not_shown() -> None:
    text = redact("token abcdef.0123456789abcdef key " + "a1" * 32)
    assert "0123456789abcdef" not in text and "a1a1" not in text


def test_an_api_server_that_is_told_of_another_external_etcd_is_seen() -> None:
    config = "etcd:\n  external:\n    endpoints:\n      - https://192.0.2.2:2379\n      - https://192.0.2.1:2379\n"
    manifest = "    - --etcd-servers=https://192.0.2.1:2379,https://192.0.2.%d:2379\n"
    for last, other in ((2, False), (9, True)):
        runner = FakeRunner({"/kubeadm.yaml": config, operation.API_SERVER_MANIFEST: manifest % last})
        assert operation.read_node(runner, "/kubeadm.yaml").other_etcd is other
    assert operation.read_node(FakeRunner({"/kubeadm.yaml": "etcd: {}\n"}), "/kubeadm.yaml").other_etcd is False


def test_a_rebuilt_node_is_done_when_its_kubelet_has_told_the_api_of_the_new_machine() -> None:
    class Api(FakeRunner):
        heartbeats = ["", "2026-09-21T12:00:00Z", "2026-09-21T14:13:19Z", "2026-09-21T14:13:20Z"]

        def run(self, argv: Any, *_more: Any, **_options: Any) -> Result:
            assert argv[:6] == ["kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf", "get", "node", "cp2"]
            return Result(0, self.heartbeats.pop(0), "")

    runner = Api()
    Operator(wanted("restored"), runner, 0, pause=lambda _seconds: None)._wait_for_kubelet(1_790_000_000)
    assert runner.heartbeats == []


@pytest.mark.parametrize("mounted", [False, True])
def test_data_of_etcd_are_kept_beside_their_place_also_where_that_is_a_mount_point(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path, mounted: bool
) -> None:
    data = tmp_path / "etcd"
    (data / "member" / "wal").mkdir(parents=True)
    (data / "member" / "wal" / "0.wal").write_text("x")
    monkeypatch.setattr(operation, "ETCD_DATA", str(data))
    monkeypatch.setattr(operation.os.path, "ismount", lambda path: mounted and path == str(data))
    reset: Any = types.SimpleNamespace(runner=HostRunner())
    Operator._keep_etcd_data(reset)
    (aside,) = tmp_path.glob("etcd.removed-*")
    assert (aside / "member" / "wal" / "0.wal").read_text() == "x"
    assert data.exists() is mounted
    assert not mounted or list(data.iterdir()) == []
    Operator._keep_etcd_data(reset)
    assert list(tmp_path.glob("etcd.removed-*")) == [aside]
