"""Where the controller dies: playbook -> its task, and how many seconds of the task may pass."""

from __future__ import annotations

KILLS = {
    "remove": [
        ("Take nodes out of the cluster, drained", 0.5),
        ("Let kubeadm reset the node", 1.0),
        ("Take nodes out of the cluster, absent", 0.8),
        ("Enter the names of nodes", 0.3),
    ],
    "replace": [
        ("Bring programs, images", 2.0),
        ("Take nodes out of the cluster, out of etcd", 1.0),
        ("Take nodes out of the cluster, absent", 0.8),
        ("Join the cluster as control plane", 5.0),
        ("Give the node its bridge", 0.3),
    ],
}
