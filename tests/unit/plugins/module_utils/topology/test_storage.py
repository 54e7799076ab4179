# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Storage in the plan, and what could never work refused before a host is touched."""

from __future__ import annotations

from typing import Any

import pytest

HOSTS = ("cp1", "cp2", "cp3", "worker1")
GROUPS = ("plan_snapshot_controller", "plan_openebs_zfs", "plan_longhorn", "plan_longhorn_nodes", "plan_ceph_csi")
CEPH = {
    "ceph_csi_cluster_id": "b9127830-b0cc-4e34-aa47-9d1a2e9949a8",
    "ceph_csi_monitors": ["192.0.2.21:6789"],
    "ceph_csi_rbd_pool": "kubernetes",
    "ceph_csi_rbd_user": "kubernetes",
    "ceph_csi_rbd_key": "AQD0SECRET==",
}
LONGHORN = {"longhorn_enabled": True, "longhorn_replicas": 1}


def with_zfs(cluster: Any) -> None:
    for host in HOSTS:
        if host in cluster.data["hosts"]:
            cluster.host(host)["facts"].setdefault("packages", {})["zfsutils-linux"] = "2.2.2"


def test_nobody_gets_storage_that_was_not_asked_for(stacked_ha: Any) -> None:
    assert [stacked_ha.group(name) for name in GROUPS] == [[], [], [], [], []]


def test_each_is_brought_where_it_is_asked_for(stacked_ha: Any) -> None:
    with_zfs(stacked_ha)
    stacked_ha.set_all(openebs_zfs_pool="tank/volumes", **LONGHORN, **CEPH)
    assert stacked_ha.problems == [] and stacked_ha.warnings == []
    assert [stacked_ha.group(name) for name in GROUPS] == [[], ["cp1"], ["cp1"], list(HOSTS), ["cp1"]]


def test_only_nodes_that_come_are_prepared_where_nodes_join(stacked_ha: Any) -> None:
    stacked_ha.set_all(**LONGHORN)
    stacked_ha.data["playbook"] = "join"
    joining = stacked_ha.group("plan_join_control_planes") + stacked_ha.group("plan_join_workers")
    assert sorted(stacked_ha.group("plan_longhorn_nodes")) == sorted(joining)


def test_what_the_roles_would_refuse_is_refused_here_without_a_key(stacked_ha: Any) -> None:
    stacked_ha.set_all(**{**CEPH, "ceph_csi_rbd_key": "AQD0SECRET =="})
    assert "SECRET" not in str(stacked_ha.refused("ceph_csi_rbd_key", "white space"))
    stacked_ha.set_all(**CEPH, openebs_zfs_pool="/dev/sda")
    stacked_ha.refused("openebs_zfs_pool", "no pool or data set")


def test_control_planes_that_differ_are_refused_without_their_keys(stacked_ha: Any) -> None:
    stacked_ha.set_all(**CEPH)
    stacked_ha.host("cp2")["vars"]["ceph_csi_rbd_key"] = "AQD1SECRET=="
    assert "SECRET" not in str(stacked_ha.refused("ceph_csi_rbd_key", "the control planes differ in it"))


def test_two_default_classes_and_two_of_one_name_are_refused(stacked_ha: Any) -> None:
    stacked_ha.set_all(openebs_zfs_pool="tank", openebs_zfs_default_class="yes", longhorn_default_class=True, **LONGHORN)
    stacked_ha.refused("longhorn_default_class", "claims can have one default")
    stacked_ha.set_all(openebs_zfs_default_class="no", longhorn_class="fast-local-zfs")
    stacked_ha.refused("longhorn_class", "fast-local-zfs is the name of openebs_zfs_class, too")


def test_snapshots_have_one_controller(stacked_ha: Any) -> None:
    stacked_ha.set_all(longhorn_snapshot_class="slow", **LONGHORN)
    stacked_ha.refused("longhorn_snapshot_class", "nobody brings the controller", "snapshot_controller_enabled: true")
    stacked_ha.set_all(snapshot_controller_enabled=True)
    assert [one for one in stacked_ha.problems if "snapshot" in one.setting] == []
    assert stacked_ha.group("plan_snapshot_controller") == ["cp1"]
    stacked_ha.set_all(openebs_zfs_pool="tank")
    stacked_ha.refused("snapshot_controller_enabled", "two get in each other's way")
    stacked_ha.set_all(snapshot_controller_enabled=False)
    assert [one for one in stacked_ha.problems if "snapshot" in one.setting] == []


def test_more_replicas_than_nodes_that_take_pods_are_refused(stacked_ha: Any) -> None:
    stacked_ha.set_all(longhorn_enabled=True)
    stacked_ha.refused("longhorn_replicas", "3 replicas of each volume are wanted, and 1 nodes take pods", "write 1")
    stacked_ha.set(control_plane_schedulable=True)
    assert [one for one in stacked_ha.problems if one.setting.startswith("longhorn")] == []
    for host in HOSTS:
        stacked_ha.host(host)["vars"]["physical_host"] = "m1" if host in ("cp1", "cp2", "cp3") else "m2"
    assert [one.setting for one in stacked_ha.warnings if "physical hosts" in one.problem] == ["longhorn_replicas"]


@pytest.mark.parametrize(("kind", "refused"), [("zfs", True), ("btrfs", True), ("xfs", False)])
def test_longhorns_replicas_need_a_file_system_that_it_can_use(stacked_ha: Any, kind: str, refused: bool) -> None:
    stacked_ha.set_all(**LONGHORN)
    stacked_ha.host("worker1")["facts"]["filesystems"].append({"mount": "/var/lib", "fstype": kind})
    # Another mount whose name only begins alike says nothing.
    stacked_ha.host("worker1")["facts"]["filesystems"].append({"mount": "/var/lib/long", "fstype": "zfs"})
    if refused:
        assert stacked_ha.refused("longhorn_data_path", "/var/lib/longhorn is on %s" % kind).hosts == ("worker1",)
    else:
        assert stacked_ha.problems == []


def test_multipath_and_old_releases_are_said(stacked_ha: Any, inventory: Any) -> None:
    stacked_ha.set_all(**LONGHORN)
    stacked_ha.host("worker1")["facts"].setdefault("packages", {})["multipath-tools"] = "0.9.4"
    assert [one.hosts for one in stacked_ha.warnings if "multipath" in one.problem] == [("worker1",)]
    stacked_ha.set(kubernetes_version="1.20.2")
    stacked_ha.set_all(monitoring_mode="stack", snapshot_controller_enabled=True)
    for setting, chart in (
        ("longhorn_enabled", "longhorn"),
        ("monitoring_mode", "kube-prometheus-stack"),
        ("snapshot_controller_enabled", "snapshot-controller"),
    ):
        stacked_ha.refused(setting, "the chart %s takes Kubernetes 1.25 and newer, and this is 1.20.2" % chart)


def test_nodes_without_zfs_are_named(stacked_ha: Any) -> None:
    stacked_ha.set_all(openebs_zfs_pool="tank")
    (warning,) = [one for one in stacked_ha.warnings if one.setting == "openebs_zfs_nodes"]
    assert warning.hosts == ("worker1",) and "no ZFS on these nodes yet" in warning.problem
    stacked_ha.set_all(zfs_pools=[{"name": "tank"}])
    assert [one for one in stacked_ha.warnings if one.setting == "openebs_zfs_nodes"] == []
    stacked_ha.set_all(openebs_zfs_nodes=["worker9"])
    stacked_ha.refused("openebs_zfs_nodes", "worker9 is no node of this inventory")
