# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pools and datasets of ZFS: layouts that ZFS has not, disks of somebody else, settings that cost data or memory."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List, Mapping, Set, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.checks.runtimes import data_path
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import Node, Topology, entries, mapping, text
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem, listed, of_hosts
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.disks import without_partition
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.layout import (
    Vdev,
    name_problem,
    read_vdevs,
    vdev_problems,
)

POOLS = "zfs_pools"
#: Whole disks as the kernel names them.
KERNEL_NAME = re.compile(r"/dev/(sd[a-z]+|vd[a-z]+|nvme[0-9]+n[0-9]+)\Z")
BY_ID = "/dev/disk/by-id/"
#: Of the memory: the rest is for pods, the kubelet and the system.
ARC_SHARE = 0.5

Found = Tuple[str, str, str, bool]


def check(topology: Topology) -> Iterator[Problem]:
    yield from of_hosts((one, node.host) for node in topology.nodes.values() for one in _of_node(topology, node))


def _of_node(topology: Topology, node: Node) -> Iterator[Found]:
    pools = [mapping(pool) for pool in entries(node.setting(POOLS))]
    names: List[str] = []
    disks: Set[str] = set()
    for number, pool in enumerate(pools):
        setting = "%s[%d]" % (POOLS, number)
        name = text(pool.get("name"))
        wrong = name_problem(name)
        if wrong:
            yield setting + ".name", wrong[0], wrong[1], False
        if name in names:
            yield setting + ".name", "there are two pools called %s" % name, "write one pool with all of its vdevs", False
        names.append(name)
        vdevs = _vdevs(pool)
        # What its specification misses is said by that.
        for where, problem, remedy in vdev_problems(vdevs) if "vdevs" in pool else ():
            yield "%s.vdevs%s" % (setting, where), problem, remedy, False
        mine = {disk for vdev in vdevs for disk in vdev.disks}
        for disk in sorted(mine & disks):
            yield setting + ".vdevs", "%s is in two pools" % disk, "name it in one of them", False
        disks |= mine
        yield from _disks(setting, node, vdevs)
        yield from _sync(topology, node, setting, pool)
    yield from _datasets(topology, node, names)
    yield from _memory(node, bool(pools))


def _vdevs(pool: Mapping[str, Any]) -> List[Vdev]:
    try:
        return read_vdevs([mapping(vdev) for vdev in entries(pool.get("vdevs"))])
    except (TypeError, ValueError):
        return []  # the role's argument specification says what is wrong with its form


def _disks(setting: str, node: Node, vdevs: List[Vdev]) -> Iterator[Found]:
    """A disk that is not there may have died; one that the system lives on is a mistake."""
    if not node.readable:
        return
    known = {text(path): mapping(disk) for disk in map(mapping, entries(node.facts.get("disks"))) for path in _names(disk)}
    for vdev in vdevs:
        missing = [disk for disk in vdev.disks if _is_missing(disk, known)]
        # Nobody has a pool of it, and nothing could be made of it.
        hopeless = node.state == "blank" and len(missing) == len(vdev.disks) and vdev.purpose == "data"
        for disk in vdev.disks:
            whole = known.get(disk)
            if whole is not None and entries(whole.get("mountpoints")):
                places = listed(sorted(map(str, entries(whole.get("mountpoints")))))
                yield setting + ".vdevs", "%s has file systems mounted at %s" % (disk, places), "name another disk", False
            elif disk in missing:
                others = listed(sorted(path for path in known if path.startswith(BY_ID)) or sorted(known), 4)
                remedy = "replace it, or mend its name; there are %s" % others
                yield setting + ".vdevs", "%s is not on this host" % disk, remedy, not hopeless
        if vdev.purpose in ("data", "special", "dedup") and vdev.type == "single":
            problem = "%s is alone: if it dies, all data of the pool are lost" % ", ".join(vdev.disks)
            yield setting + ".vdevs", problem, "write type: mirror and a second disk where there is one", True


def _is_missing(disk: str, known: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether none of the host's disks has the name, as far as disks were read. Of other names in /dev nothing is known."""
    named = disk.startswith(BY_ID) or KERNEL_NAME.match(disk) is not None
    return bool(known) and named and disk not in known and without_partition(disk) not in known


def _names(disk: Mapping[str, Any]) -> List[str]:
    return ["/dev/" + text(disk.get("name"))] + [text(path) for path in entries(disk.get("by_id"))]


def _sync(topology: Topology, node: Node, setting: str, pool: Mapping[str, Any]) -> Iterator[Found]:
    properties = mapping(pool.get("root_properties"))
    if text(properties.get("sync")) == "disabled" and node in topology.etcd_members:
        yield (
            setting + ".root_properties.sync",
            "disabled loses what etcd has promised to keep when the power goes, and the member with it",
            "leave it out",
            False,
        )


def _datasets(topology: Topology, node: Node, pools: List[str]) -> Iterator[Found]:
    pool = text(node.setting("zfs_cluster_pool"))
    if pool and pool not in pools and not node.awaits(POOLS):
        yield (
            "zfs_cluster_pool",
            "there is no pool %s in zfs_pools" % pool,
            "write %s" % (listed(pools) or "zfs_pools as well"),
            False,
        )
    yield from _hidden(node, pool)
    places: Dict[str, str] = {}
    if pool:
        places[data_path(node, topology)] = pool + "/containerd"
        places[text(node.setting("zfs_etcd_path")) or "/var/lib/etcd"] = pool + "/etcd"
    etcd = mapping(node.setting("zfs_etcd_properties"))
    if text(etcd.get("sync")) == "disabled":
        yield "zfs_etcd_properties.sync", "etcd loses what it has promised to keep when the power goes", "write standard", False
    for number, dataset in enumerate(map(mapping, entries(node.setting("zfs_datasets")))):
        setting = "zfs_datasets[%d]" % number
        name, place = text(dataset.get("name")), text(mapping(dataset.get("properties")).get("mountpoint"))
        if name.split("/")[0] not in pools:
            yield setting + ".name", "there is no pool %s in zfs_pools" % name.split("/")[0], "name the pool there", False
        if place.startswith("/") and places.setdefault(place, name) != name:
            yield setting, "%s and %s have the same mount point %s" % (places[place], name, place), "write another one", False


def _hidden(node: Node, pool: str) -> Iterator[Found]:
    """Data of etcd that a dataset would be mounted above. Those on a dataset already are right."""
    chosen = node.setting("zfs_cluster_datasets")
    path = text(node.setting("zfs_etcd_path")) or "/var/lib/etcd"
    if not pool or not node.readable or (chosen is not None and "etcd" not in entries(chosen)):
        return
    mounted = {text(one.get("mount")) for one in map(mapping, entries(node.facts.get("filesystems"))) if one.get("fstype") == "zfs"}
    if mapping(node.facts.get("etcd")).get("data_present") is True and path not in mounted:
        yield (
            "zfs_cluster_pool",
            "etcd has data in %s, which %s/etcd, mounted above them, would hide" % (path, pool),
            "write zfs_cluster_datasets: [volumes], or replace the node with playbook replace",
            False,
        )


def _memory(node: Node, has_pools: bool) -> Iterator[Found]:
    limit, memory = node.number_setting("zfs_arc_max_mib"), node.facts.get("memory_mb")
    if has_pools and limit and isinstance(memory, int) and memory > 0 and limit > memory * ARC_SHARE:
        yield (
            "zfs_arc_max_mib",
            "%d MiB of %d are more than half: the kubelet counts the cache as used, and evicts pods" % (limit, memory),
            "write at most %d, or 0 for an eighth" % (memory * ARC_SHARE),
            False,
        )
