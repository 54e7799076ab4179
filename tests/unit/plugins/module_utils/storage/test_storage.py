# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Classes of the three drivers, and settings that a driver or Kubernetes would refuse."""

from __future__ import annotations

from typing import Any, Dict

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.storage.ceph_csi import ceph_csi_data
from ansible_collections.baremetal.kubernetes.plugins.module_utils.storage.longhorn import longhorn_data
from ansible_collections.baremetal.kubernetes.plugins.module_utils.storage.openebs_zfs import openebs_zfs_data
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.checks.storage import DEFAULTS

DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
CEPH = {
    "cluster_id": "b9127830-b0cc-4e34-aa47-9d1a2e9949a8",
    "monitors": ["192.0.2.21:6789", "[v2:192.0.2.22:3300]", "mon3.example.org"],
    "rbd_pool": "kubernetes",
    "rbd_user": "kubernetes",
    "rbd_key": "AQD0SECRETSECRETSECRETSECRETSECRETSECRET==",
    "cephfs_name": "shared",
    "cephfs_user": "kubernetes-fs",
    "cephfs_key": "AQD1SECRETSECRETSECRETSECRETSECRETSECRET==",
    "rbd_fstype": "ext4",
    "rbd_values": {},
    "cephfs_values": {},
}


def openebs(**given: Any) -> Dict[str, Any]:
    return openebs_zfs_data({**DEFAULTS["openebs_zfs"], "pool": "tank/volumes", "values": {}, **given})


def longhorn(**given: Any) -> Dict[str, Any]:
    return longhorn_data({**DEFAULTS["longhorn"], "values": {}, **given})


def ceph(**given: Any) -> Dict[str, Any]:
    return ceph_csi_data({**DEFAULTS["ceph_csi"], **CEPH, **given})


def test_a_volume_of_a_pool_is_where_its_pod_is() -> None:
    made, snapshots = openebs(nodes=["w1", "w2"], parameters={"compression": "lz4", "recordsize": "16k"})["objects"]
    assert made["metadata"]["name"] == "fast-local-zfs" and made["volumeBindingMode"] == "WaitForFirstConsumer"
    assert made["parameters"] == {"compression": "lz4", "recordsize": "16k", "poolname": "tank/volumes", "fstype": "zfs"}
    assert made["allowedTopologies"] == [{"matchLabelExpressions": [{"key": "openebs.io/nodename", "values": ["w1", "w2"]}]}]
    assert snapshots["driver"] == made["provisioner"] == "zfs.csi.openebs.io"
    assert "allowedTopologies" not in openebs()["objects"][0] and len(openebs(snapshot_class="")["objects"]) == 1


def test_replicas_are_text_and_the_charts_own_class_is_not_made() -> None:
    data = longhorn(replicas=2, default_class=True, values={"defaultSettings": {"defaultDataPath": "/srv/x"}})
    (made,) = data["objects"]
    assert made["parameters"]["numberOfReplicas"] == "2" and made["metadata"]["annotations"] == {DEFAULT_CLASS: "true"}
    assert data["values"]["persistence"] == {"createStorageClass": False, "defaultClass": False}
    assert data["values"]["defaultSettings"]["defaultDataPath"] == "/srv/x"
    assert longhorn(replicas=1, data_locality="strict-local")["objects"][0]["volumeBindingMode"] == "WaitForFirstConsumer"


def test_keys_of_ceph_are_in_their_secrets_and_nowhere_else() -> None:
    data = ceph(rbd_snapshot_class="ceph-rbd")
    assert data["kinds"] == ["rbd", "cephfs"] and [one["kind"] for one in data["objects"]] == [
        "StorageClass", "VolumeSnapshotClass", "StorageClass"
    ]  # fmt: skip
    assert "SECRET" not in str({**data, "secrets": []}) and len(data["secrets"]) == 2
    for one, secret in zip([data["objects"][0], data["objects"][2]], data["secrets"]):
        for use in ("provisioner", "controller-expand", "node-stage"):
            assert one["parameters"]["csi.storage.k8s.io/%s-secret-name" % use] == secret["metadata"]["name"]
            assert one["parameters"]["csi.storage.k8s.io/%s-secret-namespace" % use] == secret["metadata"]["namespace"]
    assert [space["metadata"]["name"] for space in data["namespaces"]] == ["ceph-csi-rbd", "ceph-csi-cephfs"]
    assert data["values"]["rbd"]["csiConfig"] == [{"clusterID": CEPH["cluster_id"], "monitors": CEPH["monitors"]}]
    assert ceph(cephfs_name="")["kinds"] == ["rbd"]


@pytest.mark.parametrize(
    ("make", "given", "setting", "words"),
    [
        (openebs, {"pool": "tank/"}, "openebs_zfs_pool", "no pool or data set"),
        (openebs, {"pool": "/dev/sda"}, "openebs_zfs_pool", "no pool or data set"),
        (openebs, {"class": "Fast_Local"}, "openebs_zfs_class", "can't name a class"),
        (openebs, {"class": ""}, "openebs_zfs_class", "empty"),
        (openebs, {"fstype": "ntfs"}, "openebs_zfs_fstype", "none of them"),
        (openebs, {"parameters": {"atime": "off"}}, "openebs_zfs_parameters.atime", "no such parameter"),
        (openebs, {"parameters": {"recordsize": "100k"}}, "openebs_zfs_parameters.recordsize", "none of its values"),
        (openebs, {"parameters": {"recordsize": "1M"}}, "openebs_zfs_parameters.recordsize", "none of its values"),
        (openebs, {"parameters": {"dedup": False}}, "openebs_zfs_parameters.dedup", "in quotes"),
        (openebs, {"parameters": {"volblocksize": "16k"}}, "openebs_zfs_parameters.volblocksize", "with fstype zfs there is no"),
        (openebs, {"fstype": "ext4", "parameters": {"recordsize": "16k"}}, "openebs_zfs_parameters.recordsize", "with fstype ext4"),
        (longhorn, {"replicas": 0}, "longhorn_replicas", "no number of replicas"),
        (longhorn, {"data_locality": "strict-local"}, "longhorn_data_locality", "single replica"),
        (longhorn, {"data_path": "var/lib"}, "longhorn_data_path", "no directory"),
        (longhorn, {"reclaim_policy": "Recycle"}, "longhorn_reclaim_policy", "Delete or Retain"),
        (ceph, {"cluster_id": "my cluster"}, "ceph_csi_cluster_id", "ceph fsid"),
        (ceph, {"monitors": []}, "ceph_csi_monitors", "empty"),
        (ceph, {"monitors": ["http://x"]}, "ceph_csi_monitors", "no address"),
        (ceph, {"rbd_pool": "", "cephfs_name": ""}, "ceph_csi_rbd_pool", "neither"),
        (ceph, {"rbd_key": ""}, "ceph_csi_rbd_key", "empty"),
        (ceph, {"cephfs_user": "client.x"}, "ceph_csi_cephfs_user", "client. itself"),
        (ceph, {"rbd_key": "AQD0SECRET SECRET=="}, "ceph_csi_rbd_key", "white space"),
        (ceph, {"cephfs_class": "ceph-rbd"}, "ceph_csi_cephfs_class", "name of RBD's class"),
    ],
)
def test_what_would_be_refused_later_is_refused_here(make: Any, given: Dict[str, Any], setting: str, words: str) -> None:
    with pytest.raises(SettingError) as refused:
        make(**given)
    assert refused.value.setting == setting and words in str(refused.value) and "SECRET" not in str(refused.value)
