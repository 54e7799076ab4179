"""What the playbooks do to a cluster that is as it should be: nothing, and they say so."""

from __future__ import annotations

from typing import Any


def test_check_mode_on_the_live_cluster_finds_nothing_to_change(cluster: Any) -> None:
    recap = cluster.playbook(cluster.scenario, "--check", "--diff")
    assert recap["ok"] > 0 and recap["changed"] == 0


def test_a_second_run_changes_nothing_within_twenty_tasks_a_host(cluster: Any) -> None:
    recap = cluster.playbook(cluster.scenario)
    assert recap["changed"] == 0
    assert recap["ok"] <= 20 * len(cluster.variables)


def test_the_verify_playbook_finds_the_cluster_healthy_and_its_pod_network_working(cluster: Any) -> None:
    healthy = cluster.playbook("verify")
    tried = cluster.playbook("verify", "-e", "verify_network=true")
    assert healthy["changed"] == tried["changed"] == 0
    assert tried["ok"] == healthy["ok"] + 1, "the pod network was not tried"
    assert "baremetal-verify" not in cluster.kubectl("get namespaces -o name")
