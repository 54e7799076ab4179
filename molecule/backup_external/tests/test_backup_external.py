"""External etcd loses all its data, and comes back from a backup with the API servers around it."""

from __future__ import annotations

import json
import re
from typing import Any, Dict

CONFIRM = "restore_confirm=backup-external"


def last(cluster: Any, name: str) -> Dict[str, Any]:
    report: Dict[str, Any] = json.loads(cluster.host(name).file("/var/lib/baremetal-kubernetes/backup/last.json").content_string)
    return report


def put(cluster: Any, name: str) -> None:
    cluster.kubectl("create configmap %s --from-literal=a=b" % name)


def names(cluster: Any) -> "list[str]":
    return [entry["metadata"]["name"] for entry in cluster.kubectl("get configmaps -o json")["items"]]


def test_members_back_up_their_data_and_control_planes_their_keys(cluster: Any) -> None:
    cluster.playbook("backup")
    for name in cluster.etcd:
        assert last(cluster, name)["keys"] > 50 and "-etcd-" in last(cluster, name)["path"]
    (control_plane,) = cluster.control_planes
    assert "-files-" in last(cluster, control_plane)["path"] and "keys" not in last(cluster, control_plane)
    assert cluster.playbook("backup")["changed"] == 0


def test_all_members_lost_come_back_and_the_api_servers_with_them(cluster: Any) -> None:
    put(cluster, "before")
    cluster.playbook("backup", "-e", "backup_now=true")
    put(cluster, "after")
    for name in cluster.etcd:
        cluster.host(name).run_test("rm -rf /var/lib/etcd/member; systemctl kill --signal=SIGKILL etcd || :")
    run = cluster.run("restore", "-e", CONFIRM)
    assert run.returncode == 0, run.stdout[-8000:]
    seconds = float(re.findall(r"The API was ready ([0-9.]+) s after", run.stdout)[0])
    print("external etcd: restored in %.1f s" % seconds)
    there = names(cluster)
    assert "before" in there and "after" not in there
    cluster.playbook("verify")
    assert cluster.playbook("external_etcd")["changed"] == 0
    assert seconds <= 60
