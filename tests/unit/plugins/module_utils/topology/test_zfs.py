# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pools in the plan: who has work, and layouts that cost data refused before a host is touched."""

from __future__ import annotations

from typing import Any, Dict, List

import pytest

BY_ID = "/dev/disk/by-id/"
MIRROR = {"type": "mirror", "disks": [BY_ID + "nvme-A", BY_ID + "nvme-B"]}
POOL = {"name": "tank", "vdevs": [MIRROR]}
DISKS = [
    {"name": "nvme0n1", "by_id": [BY_ID + "nvme-A"], "mountpoints": []},
    {"name": "nvme1n1", "by_id": [BY_ID + "nvme-B"], "mountpoints": []},
    {"name": "sda", "by_id": [BY_ID + "ata-SYSTEM"], "mountpoints": ["/", "/boot"]},
]


@pytest.fixture(name="server")
def _server(single: Any) -> Any:
    single.host("cp1")["facts"]["disks"] = DISKS
    single.host("cp1")["facts"]["memory_mb"] = 16384
    single.host("cp1")["vars"]["zfs_pools"] = [POOL]
    return single


def put(server: Any, **variables: Any) -> None:
    server.host("cp1")["vars"].update(variables)


def pool(**changes: Any) -> List[Dict[str, Any]]:
    return [{**POOL, **changes}]


def test_hosts_with_pools_have_work(server: Any) -> None:
    assert server.problems == [] and server.warnings == []
    work = server.outcome().plan["work"]
    assert {"group": "plan_zfs", "host": "cp1"} in work
    put(server, zfs_pools=[])
    assert all(one["group"] != "plan_zfs" for one in server.outcome().plan["work"])


@pytest.mark.parametrize(
    ("variables", "setting", "words"),
    [
        ({"zfs_pools": pool(name="mirror")}, "zfs_pools[0].name", "a word that ZFS keeps for itself"),
        ({"zfs_pools": [POOL, POOL]}, "zfs_pools[1].name", "there are two pools called tank"),
        ({"zfs_pools": [POOL, {**POOL, "name": "b"}]}, "zfs_pools[1].vdevs", "nvme-A is in two pools"),
        ({"zfs_pools": pool(vdevs=[])}, "zfs_pools[0].vdevs", "there is no vdev for data"),
        ({"zfs_pools": pool(vdevs=[{"type": "raidz2", "disks": MIRROR["disks"]}])}, "zfs_pools[0].vdevs[0]", "needs 3 disks"),
        (
            {"zfs_pools": pool(vdevs=[{"type": "mirror", "disks": [BY_ID + "nvme-A", BY_ID + "ata-SYSTEM"]}])},
            "zfs_pools[0].vdevs",
            "ata-SYSTEM has file systems mounted at / and /boot",
        ),
        (
            {"zfs_pools": pool(vdevs=[{"type": "mirror", "disks": ["/dev/nvme0n1", "/dev/sda"]}])},
            "zfs_pools[0].vdevs",
            "/dev/sda has file systems mounted at",
        ),
        (
            {"zfs_pools": pool(root_properties={"sync": "disabled"})},
            "zfs_pools[0].root_properties.sync",
            "loses what etcd has promised",
        ),
        ({"zfs_etcd_properties": {"sync": "disabled"}}, "zfs_etcd_properties.sync", "loses what it has promised"),
        ({"zfs_cluster_pool": "tnak"}, "zfs_cluster_pool", "there is no pool tnak in zfs_pools"),
        ({"zfs_datasets": [{"name": "tnak/x"}]}, "zfs_datasets[0].name", "there is no pool tnak in zfs_pools"),
        (
            {"zfs_cluster_pool": "tank", "zfs_datasets": [{"name": "tank/x", "properties": {"mountpoint": "/var/lib/etcd"}}]},
            "zfs_datasets[0]",
            "tank/etcd and tank/x have the same mount point",
        ),
        ({"zfs_arc_max_mib": 9000}, "zfs_arc_max_mib", "9000 MiB of 16384 are more than half"),
    ],
)
def test_wrong_input_is_refused_in_words(server: Any, variables: Dict[str, Any], setting: str, words: str) -> None:
    put(server, **variables)
    server.refused(setting, words)


def test_a_disk_that_is_not_there_may_have_died_and_is_a_warning(server: Any) -> None:
    put(server, zfs_pools=pool(vdevs=[{"type": "mirror", "disks": [BY_ID + "nvme-A-part2", BY_ID + "nvme-C"]}]))
    assert server.problems == []
    (warning,) = server.warnings
    assert warning.problem == BY_ID + "nvme-C is not on this host"
    assert "there are %sata-SYSTEM, %snvme-A and %snvme-B" % (BY_ID, BY_ID, BY_ID) in warning.remedy


@pytest.mark.parametrize(
    "disks", [[BY_ID + "nvme-…1", BY_ID + "nvme-…2"], ["/dev/nvme7n1", "/dev/nvme8n1"], [BY_ID + "nvme-X-part3", "/dev/sdz"]]
)
def test_a_blank_server_without_any_disk_of_a_pool_is_refused(server: Any, disks: List[str]) -> None:
    put(server, zfs_pools=pool(vdevs=[{"type": "mirror", "disks": disks}]))
    assert [one.problem for one in server.problems] == ["%s is not on this host" % disk for disk in disks]
    server.live("cp1")
    assert server.problems == []
    assert len(server.warnings) == 2


def test_pools_that_are_not_known_yet_are_not_missed(server: Any) -> None:
    del server.host("cp1")["vars"]["zfs_pools"]
    put(server, zfs_cluster_pool="tank")
    server.refused("zfs_cluster_pool", "there is no pool tank")
    server.host("cp1")["later"] = ["zfs_pools"]
    assert server.problems == []


def test_of_other_names_of_disks_nothing_is_known(server: Any) -> None:
    put(server, zfs_pools=pool(vdevs=[{"type": "mirror", "disks": ["/dev/mapper/a", "/dev/disk/by-partlabel/b"]}]))
    assert (server.problems, server.warnings) == ([], [])


def test_a_pool_of_one_disk_is_a_warning(server: Any) -> None:
    put(server, zfs_pools=pool(vdevs=[{"disks": [BY_ID + "nvme-A"]}]))
    assert server.problems == []
    assert "if it dies, all data of the pool are lost" in server.warnings[0].problem


def test_where_nodes_join_the_disks_of_the_others_are_left_alone(stacked_ha: Any) -> None:
    stacked_ha.live("cp1", "cp2")
    for host in ("cp1", "cp2", "cp3"):
        stacked_ha.host(host)["facts"]["disks"] = DISKS
        stacked_ha.host(host)["vars"]["zfs_pools"] = [POOL]
    for playbook, hosts in (("", ["cp1", "cp2", "cp3"]), ("join", ["cp3"]), ("remove", [])):
        stacked_ha.data["playbook"] = playbook
        assert stacked_ha.group("plan_zfs") == hosts


def test_data_of_etcd_are_not_hidden_below_a_dataset(server: Any) -> None:
    put(server, zfs_cluster_pool="tank")
    facts = server.host("cp1")["facts"]
    server.live("cp1")
    facts["etcd"]["data_present"] = True
    server.refused("zfs_cluster_pool", "etcd has data in /var/lib/etcd", "zfs_cluster_datasets: [volumes]")
    put(server, zfs_cluster_datasets=["volumes"])
    assert server.problems == []
    put(server, zfs_cluster_datasets=["etcd"])
    facts["filesystems"] = [
        *facts["filesystems"],
        {"mount": "/var/lib/etcd", "fstype": "zfs", "size_bytes": 1 << 40, "free_bytes": 1 << 40},
    ]
    assert server.problems == []
