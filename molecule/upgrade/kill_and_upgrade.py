#!/usr/bin/env python3
"""Upgrades the cluster while its API is probed and written to, killed at each step and started again.

Usage: kill_and_upgrade.py INVENTORY. The version is that of which the inventory's nodes have a bundle besides. Fails unless the
last run converges, one more changes nothing, no acknowledged write is lost, and an upgrade that asks for what can't be is refused
before anything is touched.
"""

from __future__ import annotations

import json
import pathlib
import sys

import yaml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "shared"))

from watch import Watch  # noqa: E402

from playbooks import Playbooks, changed, check, on_node  # noqa: E402

#: What the way back is taken with, see molecule/shared/way_back.py.
BACKUP = {"backup_passphrase": "the lab's passphrase, known to all", "backup_every_member": True, "backup_schedule": "monthly"}

#: Task, and how many seconds of it may pass: before anything stops, inside kubeadm, on a closed node, and between two nodes.
KILLS = [
    ("Take a snapshot of etcd before", 0.5),
    ("Bring kubeadm-config to the settings", 0.5),
    ("Bring programs, images and the", 2.0),
    ("Upgrade the control plane with kubeadm", 12.0),
    ("Empty the node", 1.0),
    ("Start the new kubelet", 1.0),
    ("Let the node take pods again", 0.2),
    ("Upgrade the control plane with kubeadm", 5.0),
    ("Upgrade the node's configuration", 1.0),
    ("Empty the node", 0.5),
]


def main() -> None:
    inventory = sys.argv[1]
    playbooks = Playbooks(inventory)
    nodes = yaml.safe_load((playbooks.inventory / "hosts.yml").read_text())["all"]
    version = nodes["vars"]["lab_bundle_versions"][0]
    wanted = ["-e", "cluster_kubernetes_version=" + version, "-e", "packages_bundle_path=/opt/kubernetes-bundle-" + version]

    settings = yaml.safe_load((playbooks.inventory / "group_vars/all.yml").read_text())
    minor = int(settings["cluster_kubernetes_version"].split(".")[1])
    refused = playbooks.start("upgrade", "-e", "cluster_kubernetes_version=1.%d.0" % (minor + 3))
    output, _ = refused.communicate()
    words = "go through 1.%d, 1.%d, 1.%d" % (minor + 1, minor + 2, minor + 3)
    check(refused.returncode != 0 and words in output, "three minors at once were not refused", output)
    check(changed(output) == 0, "a refused upgrade changed something", output)
    looked = playbooks.run("upgrade", "--check", "--diff", *wanted)
    check("kubeadm upgrade apply to " + version in looked, "the plan does not say what it would do", looked)

    first = nodes["children"]["control_plane"]["hosts"]["cp1"]["ansible_host"]
    on_node(first, "kubectl --kubeconfig /etc/kubernetes/admin.conf create configmap before-the-upgrade")
    playbooks.run("backup", "-e", json.dumps(BACKUP))

    with Watch(playbooks.inventory / ("kubeconfig-%s.cfg" % settings["cluster_name"])) as watch:
        for task, after in KILLS:
            playbooks.kill_inside(task, after, "upgrade", *wanted)
        playbooks.run("upgrade", *wanted)
    check(not watch.result["lost"], "acknowledged writes were lost", watch.result)
    check(watch.result["acknowledged"] > 100, "hardly anything was written", watch.result)

    again = playbooks.run("upgrade", *wanted)
    check(changed(again) == 0, "the run after that one still changed something", again)
    # Last: how busy the machine was must not hide what else is wrong.
    check(watch.result["outage"] <= 10, "the API was away for more than ten seconds", watch.result)


if __name__ == "__main__":
    main()
