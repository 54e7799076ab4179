from __future__ import annotations

from typing import Any, Dict

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.apply import (
    SERVER_SIDE,
    apply,
    check_manifests,
    describe,
    plan_apply,
    wait_for_rollout,
    wait_for_rollouts,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import Kubectl, KubernetesError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Result
from fakes import FakeRunner

NAMESPACE: Dict[str, Any] = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-flannel"}}
DAEMON_SET: Dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "DaemonSet",
    "metadata": {"name": "kube-flannel-ds", "namespace": "kube-flannel"},
}
DIFF = ("kubectl", "diff", *SERVER_SIDE)
APPLY = ("kubectl", "apply", *SERVER_SIDE)

# kubectl 1.20.2 against kube-apiserver 1.20.2, one label changed.
CHANGED = """\
diff -u -N /tmp/LIVE-277151367/v1.Namespace..kube-flannel /tmp/MERGED-093316026/v1.Namespace..kube-flannel
--- /tmp/LIVE-277151367/v1.Namespace..kube-flannel\t2026-11-21 11:40:00.000000000 +0000
+++ /tmp/MERGED-093316026/v1.Namespace..kube-flannel\t2026-11-21 11:40:00.000000000 +0000
@@ -4,6 +4,8 @@
+  labels:
+    k8s-app: flannel
"""


def kubectl(answer: Any, command: Any = DIFF) -> Kubectl:
    return Kubectl(FakeRunner(commands={command: answer}))


def test_objects_as_wanted_are_left_alone() -> None:
    assert plan_apply(kubectl(Result(0, "", "")), [NAMESPACE]).differs is False


def test_the_diff_names_the_object_and_no_temporary_file() -> None:
    plan = plan_apply(kubectl(Result(1, CHANGED, "")), [NAMESPACE])
    assert plan.differs
    assert plan.objects == ["v1.Namespace..kube-flannel"]
    assert "/tmp" not in plan.diff
    assert "+    k8s-app: flannel" in plan.diff


def test_when_fields_were_set_is_no_difference() -> None:
    # kube-apiserver 1.20.2 notes another time for an Installation of Calico's operator in which nothing changes.
    head = CHANGED.split("@@")[0]
    times = '-    time: "2026-11-22T14:40:29Z"\n+    time: "2026-11-22T14:40:30Z"\n'
    noted = head + "@@ -25,7 +25,7 @@\n     operation: Apply\n" + times + "   name: x\n"
    assert not plan_apply(kubectl(Result(1, noted, "")), [NAMESPACE]).differs
    assert plan_apply(kubectl(Result(1, noted + "+  labels:\n", "")), [NAMESPACE]).differs


def test_a_namespace_that_the_same_manifests_bring_is_no_error() -> None:
    refused = Result(1, "", 'Error from server (NotFound): namespaces "kube-flannel" not found\n')
    plan = plan_apply(kubectl(refused), [NAMESPACE, DAEMON_SET])
    assert plan.objects == ["Namespace kube-flannel", "DaemonSet kube-flannel/kube-flannel-ds"]


def test_a_namespace_that_nobody_brings_is_an_error() -> None:
    with pytest.raises(KubernetesError, match="not found"):
        plan_apply(kubectl(Result(1, "", 'Error from server (NotFound): namespaces "kube-flannel" not found\n')), [DAEMON_SET])


def test_a_refused_object_is_named_with_what_the_server_said() -> None:
    said = 'The DaemonSet "kube-flannel-ds" is invalid: spec.selector: Invalid value: field is immutable'
    with pytest.raises(KubernetesError) as caught:
        apply(kubectl(Result(1, "", said), APPLY), [NAMESPACE, DAEMON_SET])
    assert caught.value.subject == "DaemonSet kube-flannel/kube-flannel-ds"
    assert "field is immutable" in str(caught.value)


def test_no_api_server_leads_to_where_to_look() -> None:
    said = "The connection to the server 10.89.79.100:8443 was refused - did you specify the right host or port?"
    with pytest.raises(KubernetesError, match="look whether an API server runs"):
        plan_apply(kubectl(Result(1, "", said)), [NAMESPACE])


@pytest.mark.parametrize("manifest", [{}, {"apiVersion": "v1", "kind": "Namespace"}, {"kind": "X", "metadata": {"name": "x"}}])
def test_what_is_no_object_is_refused(manifest: Dict[str, Any]) -> None:
    with pytest.raises(KubernetesError, match="manifest 2 of 2"):
        check_manifests([NAMESPACE, manifest])


def test_a_rollout_that_hangs_says_how_far_it_came() -> None:
    command = ("kubectl", "rollout", "status", "daemonset/kube-flannel-ds", "--namespace", "kube-flannel", "--timeout=5s")
    progress = "Waiting for daemon set spec update to be observed...\nWaiting: 1 of 3 updated pods are available...\n"
    with pytest.raises(KubernetesError, match="1 of 3 updated pods are available"):
        wait_for_rollouts(kubectl(Result(1, progress, "error: timed out"), command), [NAMESPACE, DAEMON_SET], 5)


def test_an_object_is_named_as_a_person_does() -> None:
    assert describe(DAEMON_SET) == "DaemonSet kube-flannel/kube-flannel-ds"


def test_a_rollout_is_waited_for_while_pods_follow() -> None:
    # kubectl 1.20.2, a DaemonSet of three nodes of which one is replaced at a time.
    line = 'Waiting for daemon set "kube-proxy" rollout to finish: %d out of 3 new pods have been updated...\n'
    timed_out = "error: timed out waiting for the condition"
    answers = [Result(1, line % 0 + line % 1, timed_out), Result(1, line % 1 + line % 2, timed_out), Result(0, "rolled out", "")]
    asked = []

    class Rollout:
        def run(self, argv: Any, timeout: float) -> Result:
            asked.append(argv)
            return answers[len(asked) - 1]

    assert wait_for_rollout(Rollout(), "kube-system", "daemonset/kube-proxy", 5).rc == 0  # type: ignore[arg-type]
    assert len(asked) == 3
    del asked[:]
    answers[1] = Result(1, line % 1 + line % 1, timed_out)
    assert wait_for_rollout(Rollout(), "kube-system", "daemonset/kube-proxy", 5).rc == 1  # type: ignore[arg-type]
    assert len(asked) == 2
