# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What role zfs makes of its settings: datasets for each use, services that wait for them, and packages of each distribution."""

from __future__ import annotations

from typing import Any, Dict, List

import pytest
import yaml
from ansible_collections.baremetal.kubernetes.plugins.modules import zfs_pool
from roles_render import ROOT, expression, role_variables, template
from yaml_files import read_yaml


def node(system: str = "debian", version: str = "2.1.11", **more: Any) -> Dict[str, Any]:
    family = "redhat" if system == "rocky" else "debian"
    packages = {"zfsutils-linux": version, "zfs-dkms": version, "zfs-zed": version} if family == "debian" else {"zfs": version}
    facts: Dict[str, Any] = {
        "os": {"id": system, "family": family, "codename": "bookworm", "version_id": "9.4"},
        "kernel": "6.1.0-41-cloud-amd64",
        "memory_mb": 65536,
        "packages": packages,
        "kernel_modules": ["zfs"],
        **more,
    }
    known = {"ansible_facts": {"kubernetes_node": facts}, "group_names": ["control_plane"], "cluster_etcd_mode": "stacked"}
    return {**role_variables("container_runtime"), **role_variables("zfs"), **known}


def datasets(**given: Any) -> Dict[str, Dict[str, Any]]:
    return {one["name"]: one["properties"] for one in expression("zfs", "{{ _zfs_layout }}", **given)}


def test_without_a_pool_for_it_the_cluster_stays_where_it_is() -> None:
    assert datasets(**node()) == {}
    assert expression("zfs", "{{ _zfs_waiting_files }}", **node()) == []


def test_each_use_has_a_dataset_with_properties_for_it() -> None:
    made = datasets(**node(version="2.2.2"), zfs_cluster_pool="tank")
    assert sorted(made) == ["tank/containerd", "tank/etcd", "tank/volumes"]
    assert made["tank/containerd"]["mountpoint"] == "/var/lib/containerd"
    assert (made["tank/etcd"]["mountpoint"], made["tank/etcd"]["sync"]) == ("/var/lib/etcd", "standard")
    assert made["tank/volumes"]["mountpoint"] == "none"


def test_before_openzfs_2_2_containerd_gets_the_snapshotter_and_its_dataset() -> None:
    made = datasets(**node(), zfs_cluster_pool="tank")
    assert made["tank/containerd/snapshots"] == {"mountpoint": "/var/lib/containerd/io.containerd.snapshotter.v1.zfs"}
    chosen = "{{ container_runtime_snapshotter }}"
    assert expression("container_runtime", chosen, **node(), zfs_cluster_pool="tank") == "zfs"
    assert expression("container_runtime", chosen, **node(version="2.2.2"), zfs_cluster_pool="tank") == ""
    assert expression("container_runtime", chosen, **node()) == ""
    assert expression("container_runtime", chosen, **node(), zfs_cluster_pool="tank", zfs_cluster_datasets=["etcd"]) == ""


def test_etcd_has_its_dataset_only_where_it_has_a_member() -> None:
    worker = dict(node(), group_names=["workers"])
    assert "tank/etcd" not in datasets(**worker, zfs_cluster_pool="tank")
    external = dict(node(), cluster_etcd_mode="external")
    assert "tank/etcd" not in datasets(**external, zfs_cluster_pool="tank")
    assert "tank/etcd" in datasets(**dict(external, group_names=["etcd"]), zfs_cluster_pool="tank")


def test_services_wait_for_what_they_have_their_data_on() -> None:
    files = expression("zfs", "{{ _zfs_waiting_files }}", **node(), zfs_cluster_pool="tank")
    lines = {one["path"].split("/")[4]: one["content"].splitlines()[-1] for one in files}
    assert lines == {
        "containerd.service.d": "ExecStartPre=mountpoint -q /var/lib/containerd",
        "kubelet.service.d": "ExecStartPre=mountpoint -q /var/lib/etcd",
        "etcd.service.d": "ExecStartPre=mountpoint -q /var/lib/etcd",
    }


@pytest.mark.parametrize(("memory", "given", "limit"), [(65536, 0, 8192), (1024, 0, 256), (1 << 20, 0, 16384), (65536, 1000, 1000)])
def test_the_cache_has_a_limit(memory: int, given: int, limit: int) -> None:
    unit = template("zfs", "arc.service.j2", **node(memory_mb=memory), zfs_arc_max_mib=given)
    assert "echo %d > /sys/module/zfs/parameters/zfs_arc_max" % (limit << 20) in unit


@pytest.mark.parametrize(
    ("system", "kernel", "missing", "headers"),
    [
        (
            "debian",
            "6.1.0-41-cloud-amd64",
            ["zfs-dkms", "zfs-zed", "zfsutils-linux"],
            ["linux-headers-6.1.0-41-cloud-amd64", "linux-headers-cloud-amd64"],
        ),
        (
            "debian",
            "6.12.9+bpo-amd64",
            ["zfs-dkms", "zfs-zed", "zfsutils-linux"],
            ["linux-headers-6.12.9+bpo-amd64", "linux-headers-amd64"],
        ),
        ("ubuntu", "6.8.0-31-generic", ["zfs-zed", "zfsutils-linux"], []),
        ("rocky", "5.14.0-570.el9.x86_64", ["zfs"], []),
    ],
)
def test_each_distribution_has_its_packages(system: str, kernel: str, missing: List[str], headers: List[str]) -> None:
    blank = node(system, kernel=kernel, packages={})
    assert expression("zfs", "{{ _zfs_missing }}", **blank) == missing
    assert expression("zfs", "{{ _zfs_headers }}", **blank) == headers
    assert expression("zfs", "{{ zfs_unprepared }}", **blank) is True
    assert expression("zfs", "{{ zfs_unprepared }}", **node(system, kernel=kernel)) is False
    assert expression("zfs", "{{ zfs_unprepared }}", **node(system, kernel=kernel, kernel_modules=[])) is True


def test_settings_of_zed_are_quoted_for_its_shell() -> None:
    assert template(
        "zfs", "zed.rc.j2", **node(), zfs_zed_email="a@b", zfs_zed_settings={"ZED_SLACK_WEBHOOK_URL": "https://x/$y'"}
    ) == ("ZED_EMAIL_ADDR=a@b\nZED_SLACK_WEBHOOK_URL='https://x/$y'\"'\"''\n")


def test_one_call_brings_all_files_and_services() -> None:
    state = expression("zfs", "{{ _zfs_state }}", **node(), zfs_cluster_pool="tank", zfs_zed_email="a@b")
    paths = [one["path"] for one in state["files"]]
    assert paths == [
        "/etc/modules-load.d/kubernetes-zfs.conf",
        "/etc/systemd/system/kubernetes-zfs-arc.service",
        "/etc/systemd/system/containerd.service.d/50-zfs.conf",
        "/etc/systemd/system/kubelet.service.d/50-zfs.conf",
        "/etc/systemd/system/etcd.service.d/50-zfs.conf",
        "/etc/zfs/zed.d/zed.rc",
        "/var/lib/etcd",
    ]
    zed = next(one for one in state["services"] if one["name"] == "zfs-zed")
    assert zed["restart_on"] == ["/etc/zfs/zed.d/zed.rc"]
    plain = expression("zfs", "{{ _zfs_state }}", **node())
    assert [one["path"] for one in plain["files"]] == paths[:2]
    assert next(one for one in plain["services"] if one["name"] == "zfs-zed")["restart_on"] == []


def test_check_mode_says_what_is_missing_and_no_more() -> None:
    (said,) = (task for task in read_yaml(ROOT / "roles" / "zfs" / "tasks" / "prepare.yml") if "ansible.builtin.debug" in task)
    text = said["ansible.builtin.debug"]["msg"]
    assert expression("zfs", text, **node("rocky", packages={})) == "Would install zfs, and load the kernel's module zfs"
    assert expression("zfs", text, **node(kernel_modules=[])) == "Would load the kernel's module zfs"


def test_what_a_pool_says_reaches_the_module_and_what_it_does_not_say_is_left_out() -> None:
    tasks = read_yaml(ROOT / "roles" / "zfs" / "tasks" / "main.yml")
    (call,) = (task["baremetal.kubernetes.zfs_pool"] for task in tasks if "baremetal.kubernetes.zfs_pool" in task)
    vdevs = [{"type": "mirror", "disks": ["/dev/a", "/dev/b"]}]
    pool = {"name": "tank", "vdevs": vdevs, "root_properties": {"atime": False}, "offline_disks": [], "lower_redundancy_to": 0}
    given = {name: expression("zfs", text, **node(), item=pool, omit="LEFT OUT") for name, text in call.items()}
    assert (given["vdevs"], given["offline_disks"], given["lower_redundancy_to"]) == (vdevs, [], 0)
    assert given["root_properties"]["atime"] is False
    assert given["root_properties"]["org.debian:periodic-scrub"] == "disable"
    bare = {
        name: expression("zfs", text, **node(), item={"name": "tank", "vdevs": vdevs}, omit="LEFT OUT")
        for name, text in call.items()
    }
    assert [name for name, value in bare.items() if value == "LEFT OUT"] == ["offline_disks", "lower_redundancy_to"]
    assert (bare["scrub"], bare["trim"], bare["overwrite_disks"]) == ("monthly", "weekly", [])
    options = set(yaml.safe_load(zfs_pool.DOCUMENTATION)["options"])
    assert set(call) == options - {"state"}
