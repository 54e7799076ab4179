"""Ansible runs the roles of hardware, monitoring and storage: in check mode on this machine, and one that really writes."""

from __future__ import annotations

import pathlib
import subprocess
from typing import Any, Dict, List

import yaml
from playbook_run import run_playbook

GIVEN: Dict[str, Any] = {
    "hardware_watch_enabled": True,
    "hardware_watch_packages": [],
    "hardware_watch_cordon": True,
    "hardware_watch_metrics_directory": "",
    "monitoring_webhook_url": "https://hooks.example.org/services/the-secret",
    "openebs_zfs_pool": "tank/volumes",
    "ceph_csi_cluster_id": "b9127830",
    "ceph_csi_monitors": ["192.0.2.21"],
    "ceph_csi_rbd_pool": "p",
    "ceph_csi_rbd_user": "u",
    "ceph_csi_rbd_key": "AQDthe-secret==",
}


def role(name: str, **variables: Any) -> Dict[str, Any]:
    included = {"name": "baremetal.kubernetes." + name}
    return {"name": "Run role " + name, "ansible.builtin.include_role": included, "vars": variables}


def play(folder: pathlib.Path, tasks: List[Dict[str, Any]], *words: str) -> "subprocess.CompletedProcess[str]":
    facts = {"name": "Read this machine", "baremetal.kubernetes.node_facts": {}}
    written = {
        "hosts": "control_plane",
        "connection": "local",
        "gather_facts": False,
        "vars_files": ["kept.yml"],
        "tasks": [facts, *tasks],
    }
    (folder / "kept.yml").write_text(yaml.safe_dump(GIVEN))
    (folder / "play.yml").write_text(yaml.safe_dump([written]))
    (folder / "hosts.yml").write_text(yaml.safe_dump({"control_plane": {"hosts": {"localhost": {}}}}))
    return run_playbook(folder / "play.yml", "-i", str(folder / "hosts.yml"), "--diff", *words)


def test_the_roles_run_in_check_mode_on_a_host_without_a_cluster_and_show_no_secret(tmp_path: pathlib.Path) -> None:
    # No machine that runs the tests has this kubeconfig: then everything of the cluster is new.
    nowhere = {"baremetal.kubernetes.kubectl_apply": {}, "baremetal.kubernetes.helm_release": {}}
    kubeconfig = {name: {"kubeconfig": "/nonexistent/admin.conf"} for name in nowhere}
    # What somebody else installed only gets its classes.
    tasks = [role(name, **{name + "_install": False}) for name in ("openebs_zfs", "longhorn", "ceph_csi")]
    tasks += [role(name) for name in ("node_problem_detector", "openebs_zfs", "longhorn", "snapshot_controller", "ceph_csi")]
    tasks.append(role("monitoring", monitoring_mode="stack"))
    # Here may be no systemd.
    watch = {"name": "Watch", "ansible.builtin.import_role": {"name": "baremetal.kubernetes.hardware_watch"}, "ignore_errors": True}
    tasks.append(watch)
    run = play(tmp_path, [{"name": "All of them", "module_defaults": kubeconfig, "block": tasks}], "--check", "-vvv")
    said = run.stdout + run.stderr
    assert run.returncode == 0, [line[:2000] for line in said.splitlines() if "FAILED!" in line or "ERROR" in line]
    for words in (
        "DaemonSet kube-system/node-problem-detector",
        "StorageClass fast-local-zfs",
        "StorageClass slow-replicated",
        "StorageClass ceph-rbd",
        "defaultReplicaCount",
        "ruleSelectorNilUsesHelmValues",
        "kubernetes-hardware-watch.timer",
        "kubernetes-hardware-failover.timer",
        "/usr/local/lib/baremetal-kubernetes/hardware-watch.pyz",
    ):
        assert words in said, words
    assert "the-secret" not in said
    assert not pathlib.Path("/etc/kubernetes-hardware-watch").exists()


def test_files_for_a_prometheus_without_operator_are_written_once(tmp_path: pathlib.Path) -> None:
    tasks = [role("monitoring", monitoring_mode="files", monitoring_files_directory=str(tmp_path / "out"))]
    (tmp_path / "out").mkdir()
    first, second = play(tmp_path, tasks), play(tmp_path, tasks)
    assert first.returncode == 0 and second.returncode == 0, first.stdout[-3000:] + first.stderr
    assert "changed=1" in first.stdout and "changed=0" in second.stdout
    rules = yaml.safe_load((tmp_path / "out" / "kubernetes-hosts.rules.yml").read_text())
    names = [group["name"] for group in rules["groups"]]
    assert names == ["kubernetes-hardware", "kubernetes-failover-ip", "kubernetes-backup", "kubernetes-zfs-backup"]
    assert "the-secret" not in first.stdout + (tmp_path / "out" / "kubernetes-hosts.alertmanager.yml").read_text()
