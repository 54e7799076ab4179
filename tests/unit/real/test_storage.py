"""Classes of volumes and snapshots on a real API server.

SNAPSHOT_CRDS names client/config/crd of kubernetes-csi/external-snapshotter (v8.6.0 was tried), which is not part of this
collection. Without it only classes of volumes are tried.
"""

from __future__ import annotations

import json
import os
import pathlib
import time
from typing import Any, Dict, List

import pytest
import yaml
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.apply import apply, plan_apply
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import Kubectl
from ansible_collections.baremetal.kubernetes.plugins.module_utils.storage.ceph_csi import ceph_csi_data
from ansible_collections.baremetal.kubernetes.plugins.module_utils.storage.longhorn import longhorn_data
from ansible_collections.baremetal.kubernetes.plugins.module_utils.storage.openebs_zfs import openebs_zfs_data
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.checks.storage import DEFAULTS

CEPH: Dict[str, Any] = {
    "cluster_id": "b9127830-b0cc-4e34-aa47-9d1a2e9949a8",
    "monitors": ["192.0.2.21:6789"],
    "rbd_pool": "p",
    "rbd_user": "u",
    "rbd_key": "hunter2",
    "rbd_fstype": "ext4",
    "rbd_values": {},
    "rbd_snapshot_class": "ceph-rbd",
    "cephfs_name": "f",
    "cephfs_user": "u",
    "cephfs_key": "hunter2",
    "cephfs_values": {},
}


def objects() -> List[Dict[str, Any]]:
    zfs = {"pool": "tank/volumes", "nodes": ["w1"], "parameters": {"compression": "lz4"}, "values": {}, "default_class": True}
    made: List[Dict[str, Any]] = [
        openebs_zfs_data({**DEFAULTS["openebs_zfs"], **zfs}),
        longhorn_data({**DEFAULTS["longhorn"], "values": {}, "snapshot_class": "slow-replicated"}),
        ceph_csi_data({**DEFAULTS["ceph_csi"], **CEPH}),
    ]
    found: List[Dict[str, Any]] = []
    for data in made:
        found += data["namespaces"] + data.get("secrets", []) + data["objects"]
    return found


def test_classes_are_taken_twice_without_a_change_and_no_key_is_shown(kubectl: Kubectl) -> None:
    wanted = [one for one in objects() if one["kind"] != "VolumeSnapshotClass"]
    apply(kubectl, [one for one in wanted if one["kind"] == "Namespace"])
    plan = plan_apply(kubectl, wanted)
    assert plan.differs and "hunter2" not in plan.diff and "aHVudGVyMg==" not in plan.diff
    apply(kubectl, wanted)
    assert not plan_apply(kubectl, wanted).differs, "a second run would change it"
    stored = {item["metadata"]["name"]: item for item in kubectl.objects("storageclasses")}
    assert set(stored) == {"fast-local-zfs", "slow-replicated", "ceph-rbd", "ceph-fs"}
    for one in wanted:
        if one["kind"] == "StorageClass":
            kept = stored[one["metadata"]["name"]]
            assert {key: kept.get(key) for key in one if key != "metadata"} == {key: one[key] for key in one if key != "metadata"}
            assert kept["metadata"]["annotations"] == one["metadata"]["annotations"]


def test_classes_of_snapshots_are_such_as_their_definition_has(kubectl: Kubectl) -> None:
    folder = os.environ.get("SNAPSHOT_CRDS")
    if not folder:
        pytest.skip("SNAPSHOT_CRDS is not set: the definitions of snapshots are not here to try the classes against")
    definition = yaml.safe_load((pathlib.Path(folder) / "snapshot.storage.k8s.io_volumesnapshotclasses.yaml").read_text())
    kubectl.checked("x", ["create", "--validate=false", "--filename=-"], stdin=json.dumps(definition))
    kind = "volumesnapshotclasses.snapshot.storage.k8s.io"
    while kubectl.run(["get", kind]).rc != 0:
        time.sleep(1)
    wanted = [one for one in objects() if one["kind"] == "VolumeSnapshotClass"]
    apply(kubectl, wanted)
    assert not plan_apply(kubectl, wanted).differs
    stored = {item["metadata"]["name"]: item for item in kubectl.objects(kind)}
    for one in wanted:
        assert {key: stored[one["metadata"]["name"]].get(key) for key in one if key != "metadata"} == {
            key: one[key] for key in one if key != "metadata"
        }
