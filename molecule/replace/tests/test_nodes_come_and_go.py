"""Nodes are refused, joined, killed, removed by name and replaced, in this order; each test leaves the cluster whole."""

from __future__ import annotations

import pathlib
import re
import sys
import time
from typing import Any, Dict, List, Tuple

import pytest
from kills import KILLS
from writer import Writer

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "molecule" / "shared"))

from playbooks import Playbooks  # noqa: E402

PLAYBOOKS = Playbooks("replace")
WORKER2 = ROOT / "molecule" / "replace" / "inventory" / "worker2.yml"
ETCDCTL = (
    "ETCDCTL_API=3 etcdctl --endpoints https://127.0.0.1:2379 --cacert /etc/kubernetes/pki/etcd/ca.crt "
    "--cert /etc/kubernetes/pki/etcd/healthcheck-client.crt --key /etc/kubernetes/pki/etcd/healthcheck-client.key "
)


def members(cluster: Any, ask: str) -> List[Tuple[str, str]]:
    """Name and state of each member of etcd."""
    listed = cluster.host(ask).run(ETCDCTL + "member list")
    assert listed.rc == 0, listed.stderr
    rows = [[field.strip() for field in line.split(",")] for line in listed.stdout.strip().splitlines()]
    return sorted((row[2], row[1]) for row in rows)


def names(cluster: Any, ask: str, kind: str = "nodes") -> List[str]:
    return sorted(cluster.kubectl("get %s -o name" % kind, ask).replace("node/", "").split())


def traces(cluster: Any, ask: str, name: str) -> Dict[str, str]:
    """Where the cluster still knows the name, with what it says there."""
    host = cluster.host(ask)
    kubectl = "kubectl --kubeconfig /etc/kubernetes/admin.conf "
    asked = {
        "node": kubectl + "get nodes -o name",
        "lease": kubectl + "get leases -n kube-node-lease -o name",
        "pods": kubectl + "get pods -A -o wide --field-selector spec.nodeName=%s --no-headers" % name,
        "kubeadm": kubectl + "get configmap kubeadm-config -n kube-system -o jsonpath={.data.ClusterStatus}",
        "etcd": ETCDCTL + "member list",
        "hosts": "cat /etc/hosts",
        "haproxy": "cat /etc/haproxy/haproxy.cfg",
    }
    answers = {what: host.run(command).stdout for what, command in asked.items()}
    return {what: text for what, text in answers.items() if re.search(r"\b%s\b" % name, text)}


def untouched(output: str) -> bool:
    return not [count for count in re.findall(r"changed=(\d+)", output) if count != "0"]


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["remove_nodes=cp1,cp2"], ["remove_nodes", "2 of 3 voting members of etcd", "remove one, join another"]),
        (["remove_nodes=cp1"], ["all of them are needed", "-e remove_lose_tolerance=cp1"]),
        (["remove_nodes=cp1,cp2,cp3"], ["no control plane would be left"]),
        (["remove_nodes=wroker1"], ["neither the cluster nor the inventory has a node wroker1", "did you mean worker1?"]),
        ([], ["remove_nodes: it is not set"]),
    ],
)
def test_a_removal_that_may_not_be_is_refused_before_anything_is_touched(
    cluster: Any, arguments: List[str], words: List[str]
) -> None:
    before = members(cluster, "cp1")
    said = cluster.refusal("remove", *[part for argument in arguments for part in ("-e", argument)])
    assert all(word in said for word in words), said[-3000:]
    assert untouched(said)
    assert members(cluster, "cp1") == before


def test_data_on_a_node_and_pods_without_a_controller_need_their_opt_ins(cluster: Any) -> None:
    image = cluster.setting("verify_image")
    pod = (
        '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "keeper"}, "spec": {"nodeName": "worker1", '
        '"terminationGracePeriodSeconds": 0, "volumes": [{"name": "data", "emptyDir": {}}], '
        '"containers": [{"name": "main", "image": "%s", "command": ["sleep", "3600"]}]}}' % image
    )
    host = cluster.host("cp1")
    host.run_test("echo '%s' | kubectl --kubeconfig /etc/kubernetes/admin.conf apply -f -" % pod)
    try:
        said = cluster.refusal("remove", "-e", "remove_nodes=worker1")
        assert "remove_lose_local_data=worker1" in said and "remove_delete_bare_pods=worker1" in said
        assert untouched(said)
        assert "SchedulingDisabled" not in cluster.kubectl("get nodes", "cp1")
    finally:
        host.run("kubectl --kubeconfig /etc/kubernetes/admin.conf delete pod keeper --wait=false")


def test_a_new_worker_joins_and_of_the_others_only_names_and_routes_change(cluster: Any) -> None:
    run = cluster.run("join", "--inventory", str(WORKER2))
    assert run.returncode == 0, run.stdout[-6000:]
    assert "worker2" in names(cluster, "cp1")
    changes = dict(re.findall(r"^(\w+)\s+: .*changed=(\d+)", run.stdout, re.MULTILINE))
    assert int(changes["worker2"]) > 3
    # Its name, its pods' network; on the one that is asked also the token that was made and revoked.
    assert sorted(int(changes[name]) for name in ("cp1", "cp2", "cp3", "worker1")) == [2, 2, 2, 4]
    assert cluster.playbook("join", "--inventory", str(WORKER2))["changed"] == 0


def test_a_worker_that_answers_is_not_removed_as_if_it_were_dead(cluster: Any) -> None:
    said = cluster.refusal("remove", "-e", "remove_nodes=worker2", "-e", "remove_dead_timeout=1")
    assert "worker2 is not dead" in said and "put it back into the inventory" in said
    assert untouched(said)


def test_a_removal_of_a_living_worker_is_killed_at_its_steps_and_resumed(cluster: Any) -> None:
    arguments = ["--inventory", str(WORKER2), "-e", "remove_nodes=worker2"]
    for task, after in KILLS["remove"]:
        PLAYBOOKS.kill_inside(task, after, "remove", *arguments)
    cluster.playbook("remove", *arguments)
    assert not traces(cluster, "cp1", "worker2")
    assert cluster.playbook("remove", *arguments)["changed"] == 0
    blank = cluster.host("worker2").run("ls /etc/kubernetes/*.conf /etc/kubernetes/manifests/* /etc/cni/net.d/*")
    assert not blank.stdout.strip()


def test_a_dead_worker_is_removed_by_a_name_that_the_inventory_does_not_have(cluster: Any) -> None:
    cluster.playbook("join", "--inventory", str(WORKER2))
    cluster.lab("lose", "replace-worker2")
    try:
        assert cluster.playbook("remove", "-e", "remove_nodes=worker2")["changed"] > 0
    finally:
        cluster.lab("up", str(cluster.inventory))
    assert not traces(cluster, "cp1", "worker2")
    assert "neither the cluster nor the inventory" in cluster.refusal("remove", "-e", "remove_nodes=worker2")


def test_the_first_control_plane_is_replaced_after_its_disk_was_lost_while_others_write(cluster: Any) -> None:
    with Writer(cluster.inventory / "kubeconfig-replace.cfg") as writer:
        time.sleep(5)
        killed = time.monotonic()
        cluster.lab("lose", "replace-cp1")
        cluster.lab("up", str(cluster.inventory))
        # The death itself is the drill's to measure. A person needs longer to come, and the new node boots on the same cores.
        time.sleep(20)
        began = time.monotonic()
        cluster.playbook("replace", "-e", "replace_node=cp1")
        took = time.monotonic() - began
        time.sleep(5)
    whole, run = writer.since(killed - 1), writer.since(began)
    print(
        "replaced in %.0f s; without API at most %.1f s of the run, %.1f s from the kill on"
        % (took, run["longest"], whole["longest"])
    )
    lost = writer.lost()
    print(
        "%d writes acknowledged, %d lost; %d of %d failed from the kill on: %s"
        % (len(writer.acknowledged), len(lost), whole["failed"], whole["sent"], whole["errors"])
    )
    writer.clean()
    assert not lost
    assert run["longest"] <= 3
    assert members(cluster, "cp2") == [("cp1", "started"), ("cp2", "started"), ("cp3", "started")]
    status = cluster.kubectl("get configmap kubeadm-config -n kube-system -o jsonpath={.data.ClusterStatus}", "cp1")
    assert sorted(re.findall(r"^  (\w+):", status, re.MULTILINE)) == ["cp1", "cp2", "cp3"]
    assert cluster.playbook("replace", "-e", "replace_node=cp1")["changed"] == 0
    assert cluster.playbook("stacked_ha")["changed"] == 0


def test_a_worker_is_replaced_after_its_disk_was_lost(cluster: Any) -> None:
    cluster.lab("lose", "replace-worker1")
    cluster.lab("up", str(cluster.inventory))
    assert cluster.playbook("replace", "-e", "replace_node=worker1")["changed"] > 0
    assert names(cluster, "cp1") == ["cp1", "cp2", "cp3", "worker1"]
    assert cluster.playbook("replace", "-e", "replace_node=worker1")["changed"] == 0


def test_a_replacement_is_killed_at_its_steps_and_resumed(cluster: Any) -> None:
    cluster.lab("lose", "replace-cp2")
    cluster.lab("up", str(cluster.inventory))
    for task, after in KILLS["replace"]:
        PLAYBOOKS.kill_inside(task, after, "replace", "-e", "replace_node=cp2")
    cluster.playbook("replace", "-e", "replace_node=cp2")
    assert members(cluster, "cp1") == [("cp1", "started"), ("cp2", "started"), ("cp3", "started")]
    assert cluster.playbook("replace", "-e", "replace_node=cp2")["changed"] == 0


def test_a_dead_control_plane_is_removed_and_a_blank_machine_joins_in_its_place(cluster: Any) -> None:
    cluster.lab("lose", "replace-cp3")
    # Still in the inventory, and not reachable.
    cluster.playbook("remove", "-e", "remove_nodes=cp3")
    assert not traces(cluster, "cp1", "cp3")
    assert members(cluster, "cp1") == [("cp1", "started"), ("cp2", "started")]
    assert cluster.playbook("remove", "-e", "remove_nodes=cp3")["changed"] == 0
    cluster.lab("up", str(cluster.inventory))
    cluster.playbook("join")
    assert members(cluster, "cp1") == [("cp1", "started"), ("cp2", "started"), ("cp3", "started")]
    assert cluster.playbook("join")["changed"] == 0
