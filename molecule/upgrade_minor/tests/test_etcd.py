"""etcd after an upgrade that took it from 3.5 to 3.6, and what the topology's playbook says of the cluster."""

from __future__ import annotations

import json
from typing import Any


def test_every_member_votes_and_has_the_new_format(cluster: Any) -> None:
    members = json.loads(cluster.etcdctl("endpoint status --cluster --write-out json"))
    assert len(members) == len(cluster.control_planes)
    for member in members:
        status = member["Status"]
        assert status["version"].startswith("3.6.") and status["storageVersion"].startswith("3.6."), status
        assert not status.get("isLearner") and not status.get("errors"), status


def test_the_topology_s_playbook_has_nothing_to_do_for_the_new_version(cluster: Any) -> None:
    version = cluster.setting("lab_bundle_versions")[0]
    wanted = ["-e", "cluster_kubernetes_version=" + version, "-e", "packages_bundle_path=/opt/kubernetes-bundle-" + version]
    assert cluster.playbook("stacked_ha", *wanted)["changed"] == 0
    assert cluster.playbook("stacked_ha", "--check", "--diff", *wanted)["changed"] == 0
    cluster.playbook("verify", "-e", "verify_network=true", *wanted)
