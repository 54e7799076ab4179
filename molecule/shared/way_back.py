"""The way back from an upgrade: reset, the old packages, and the backup from before."""

from __future__ import annotations

import json
import re
from typing import Any

#: As molecule/upgrade/kill_and_upgrade.py took it.
BACKUP = {"backup_passphrase": "the lab's passphrase, known to all"}


def go_back(cluster: Any) -> None:
    cluster.kubectl("create configmap after-the-upgrade")
    name = cluster.setting("cluster_name")
    assert cluster.playbook("reset", "--limit", "all", "-e", "reset_confirm=" + name)["changed"] > 0
    restored = cluster.run("restore", "-e", json.dumps(BACKUP), "-e", "restore_confirm=" + name)
    assert restored.returncode == 0, restored.stdout[-8000:]
    print(re.findall(r"The API was ready .*", restored.stdout))
    version = "v" + cluster.setting("cluster_kubernetes_version")
    nodes = cluster.kubectl("get nodes -o json")["items"]
    assert {node["metadata"]["name"]: node["status"]["nodeInfo"]["kubeletVersion"] for node in nodes} == dict.fromkeys(
        cluster.nodes, version
    )
    assert "kubernetesVersion: " + version in cluster.kubectl("-n kube-system get configmap kubeadm-config -o yaml")
    names = [one["metadata"]["name"] for one in cluster.kubectl("get configmaps -o json")["items"]]
    assert "before-the-upgrade" in names and "after-the-upgrade" not in names
    pods = cluster.kubectl("-n kube-system get pods -o json")["items"]
    images = {one["image"] for pod in pods for one in pod["spec"]["containers"] if "/kube-" in one["image"]}
    assert images and all(image.endswith(":" + version) for image in images)
    cluster.playbook("verify", "-e", "verify_network=true")
    assert cluster.playbook("stacked_ha")["changed"] == 0
