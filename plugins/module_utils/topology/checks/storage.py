# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Storage: settings that a driver would refuse, classes in each other's way, and nodes on which volumes could not be."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.storage import ceph_csi, longhorn, openebs_zfs
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import (
    Node,
    Topology,
    entries,
    mapping,
    text,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem, differing, listed
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import truth

#: Role -> its settings with the role's defaults, as far as the checks look at them (a test compares them).
DEFAULTS: Dict[str, Dict[str, Any]] = {
    "openebs_zfs": {
        "pool": "",
        "nodes": [],
        "class": "fast-local-zfs",
        "default_class": False,
        "fstype": "zfs",
        "parameters": {},
        "reclaim_policy": "Delete",
        "snapshot_class": "fast-local-zfs",
        "install": True,
    },
    "longhorn": {
        "enabled": False,
        "class": "slow-replicated",
        "default_class": False,
        "replicas": 3,
        "fstype": "ext4",
        "data_locality": "disabled",
        "data_path": "/var/lib/longhorn",
        "reclaim_policy": "Delete",
        "snapshot_class": "",
        "install": True,
    },
    "ceph_csi": {
        "cluster_id": "",
        "monitors": [],
        "reclaim_policy": "Delete",
        "rbd_pool": "",
        "rbd_user": "",
        "rbd_key": "",
        "rbd_class": "ceph-rbd",
        "rbd_default_class": False,
        "rbd_snapshot_class": "",
        "cephfs_name": "",
        "cephfs_user": "",
        "cephfs_key": "",
        "cephfs_class": "ceph-fs",
        "cephfs_default_class": False,
        "cephfs_snapshot_class": "",
        "install": True,
    },
    "snapshot_controller": {"enabled": False},
}
CHECKS: Dict[str, Callable[[Mapping[str, Any]], None]] = {
    "openebs_zfs": openebs_zfs.check,
    "longhorn": longhorn.check,
    "ceph_csi": ceph_csi.check,
}
#: Where each role's StorageClasses are named, and whether one is the default.
CLASSES = (
    ("openebs_zfs", "class", "default_class"),
    ("longhorn", "class", "default_class"),
    ("ceph_csi", "rbd_class", "rbd_default_class"),
    ("ceph_csi", "cephfs_class", "cephfs_default_class"),
)
GOOD_FOR_LONGHORN = ("ext4", "xfs")


def check(topology: Topology) -> Iterator[Problem]:
    if not topology.control_planes:
        return
    yield from one_value(topology, ("%s_%s" % (role, name) for role, known in DEFAULTS.items() for name in known))
    settings = {role: _settings(topology.control_planes[0], role) for role in DEFAULTS}
    wanted = [role for role in CHECKS if _wanted(role, settings[role])]
    hosts = tuple(node.host for node in topology.control_planes)
    for role in wanted:
        try:
            CHECKS[role](settings[role])
        except SettingError as error:
            yield Problem(error.subject, error.problem, error.remedy, hosts)
        except (TypeError, ValueError):
            continue  # the role's argument specification says what is wrong with its form
    if settings["longhorn"]["install"] and "longhorn" in wanted:
        yield from too_old(topology, "longhorn", "longhorn_enabled", "upgrade Kubernetes, or longhorn_install: false")
    if settings["snapshot_controller"]["enabled"]:
        yield from too_old(topology, "snapshot-controller", "snapshot_controller_enabled", "upgrade Kubernetes, or write false")
    yield from _classes(settings, wanted, hosts)
    yield from _snapshots(settings, wanted, hosts)
    if "openebs_zfs" in wanted:
        yield from _openebs_zfs(topology, settings["openebs_zfs"])
    if "longhorn" in wanted:
        yield from _longhorn(topology, settings["longhorn"])


def too_old(topology: Topology, chart: str, setting: str, remedy: str) -> Iterator[Problem]:
    """What a chart would refuse when it is installed."""
    refusal = topology.release.chart_refusal(chart) if topology.release else ""
    if refusal:
        yield Problem(setting, refusal, remedy, tuple(node.host for node in topology.control_planes))


def _settings(node: Node, role: str) -> Dict[str, Any]:
    """The role's settings on a node without prefix, with switches as truth values."""
    found: Dict[str, Any] = {}
    for name, default in DEFAULTS[role].items():
        value = node.setting("%s_%s" % (role, name))
        value = default if value is None else value
        found[name] = truth(value) is True if isinstance(default, bool) else value
    return found


def _wanted(role: str, settings: Mapping[str, Any]) -> bool:
    return bool(settings["enabled"] if role == "longhorn" else text(settings["pool" if role == "openebs_zfs" else "cluster_id"]))


def one_value(topology: Topology, names: Iterable[str]) -> Iterator[Problem]:
    """Settings of the cluster in which its control planes differ: one of them brings what they name. Some are keys."""
    for name in names:
        values = {node.host: node.setting(name) for node in topology.control_planes}
        yield from differing(name, values, "the control planes", "set it once, for the group control_plane", secret=True)


def _classes(settings: Mapping[str, Mapping[str, Any]], wanted: List[str], hosts: Tuple[str, ...]) -> Iterator[Problem]:
    names: Dict[str, str] = {}
    defaults: List[str] = []
    for role, name, default in CLASSES:
        if role not in wanted or (role == "ceph_csi" and name.split("_", maxsplit=1)[0] not in ceph_csi.kinds(settings[role])):
            continue
        setting, called = "%s_%s" % (role, name), str(settings[role][name])
        if called in names:
            yield Problem(
                setting, "%s is the name of %s, too" % (called, names[called]), "give each class a name of its own", hosts
            )
        names[called] = setting
        if settings[role][default]:
            defaults.append("%s_%s" % (role, default))
    if len(defaults) > 1:
        yield Problem(defaults[1], "%s are all set, and claims can have one default" % listed(defaults), "leave one of them", hosts)


def _snapshots(settings: Mapping[str, Mapping[str, Any]], wanted: List[str], hosts: Tuple[str, ...]) -> Iterator[Problem]:
    own = settings["snapshot_controller"]["enabled"]
    openebs = "openebs_zfs" in wanted and settings["openebs_zfs"]["install"]
    if own and openebs:
        yield Problem(
            "snapshot_controller_enabled",
            "OpenEBS' ZFS LocalPV brings a controller of snapshots, and two get in each other's way",
            "write false: the other drivers use that one, too",
            hosts,
        )
    if own or openebs:
        return
    for role in wanted:
        for name in ("snapshot_class", "rbd_snapshot_class", "cephfs_snapshot_class"):
            if role != "openebs_zfs" and text(settings[role].get(name)) and settings[role]["install"]:
                yield Problem(
                    "%s_%s" % (role, name),
                    "nobody brings the controller and the definitions of snapshots",
                    "write snapshot_controller_enabled: true, or remove it",
                    hosts,
                )


def _takes_pods(topology: Topology) -> List[Node]:
    """Nodes that pods without tolerations may be put on."""
    schedulable = topology.settings.control_plane_schedulable
    return [node for node in topology.cluster_nodes if schedulable or "control_plane" not in node.groups]


def _openebs_zfs(topology: Topology, settings: Mapping[str, Any]) -> Iterator[Problem]:
    names = {node.name for node in topology.cluster_nodes}
    chosen = [str(name) for name in entries(settings["nodes"])]
    unknown = [name for name in chosen if name not in names]
    if unknown:
        yield Problem(
            "openebs_zfs_nodes",
            "%s is no node of this inventory" % listed(unknown),
            "write names of nodes, like %s" % (sorted(names)[0] if names else "worker1"),
        )
    with_pool = [node for node in topology.cluster_nodes if node.name in chosen] if chosen else _takes_pods(topology)
    # Role zfs installs it where pools are set.
    without = tuple(
        node.host
        for node in with_pool
        if node.readable and not (node.package("zfsutils-linux") or node.package("zfs") or node.setting("zfs_pools"))
    )
    if without:
        yield Problem(
            "openebs_zfs_nodes",
            "there is no ZFS on these nodes yet, and no volume of %s can be there" % settings["pool"],
            "install ZFS and make the pool there, or name the nodes that have it",
            without,
            warning=True,
        )


def _longhorn(topology: Topology, settings: Mapping[str, Any]) -> Iterator[Problem]:
    nodes = _takes_pods(topology)
    try:
        replicas = int(settings["replicas"])
    except (TypeError, ValueError):
        return
    if replicas > len(nodes):
        yield Problem(
            "longhorn_replicas",
            "%d replicas of each volume are wanted, and %d nodes take pods: volumes would stay degraded" % (replicas, len(nodes)),
            "write %d" % max(1, len(nodes)),
        )
    machines = {node.machine for node in nodes}
    if 1 < replicas <= len(nodes) and len(machines) < replicas:
        yield Problem(
            "longhorn_replicas",
            "the nodes that take pods are on %d physical hosts: %d replicas may be lost with one of them"
            % (len(machines), replicas),
            "label the nodes with topology.kubernetes.io/zone by their machine, which Longhorn minds",
            warning=True,
        )
    unfit: Dict[str, List[str]] = {}
    multipath: List[str] = []
    for node in nodes:
        if not node.readable:
            continue
        kind = _file_system(node, text(settings["data_path"]))
        if kind and kind not in GOOD_FOR_LONGHORN:
            unfit.setdefault(kind, []).append(node.host)
        if node.package("multipath-tools") or node.package("device-mapper-multipath"):
            multipath.append(node.host)
    for kind, hosts in unfit.items():
        remedy = "mount ext4 or XFS there"
        remedy += ", as on a zvol: zfs create -V 200G tank/longhorn, then mkfs.ext4" if kind == "zfs" else ""
        yield Problem(
            "longhorn_data_path", "%s is on %s, which Longhorn can't use" % (settings["data_path"], kind), remedy, tuple(hosts)
        )
    if multipath:
        yield Problem(
            "longhorn_enabled",
            "multipath is installed on these nodes, and takes Longhorn's volumes for its own",
            "remove it where no disk has several paths, else blacklist Longhorn's devices in /etc/multipath.conf",
            tuple(multipath),
            warning=True,
        )


def _file_system(node: Node, path: str) -> str:
    """The kind of file system that a path is on, or will be; empty where the node does not say."""
    best, kind = "", ""
    for entry in entries(node.facts.get("filesystems")):
        mounted = text(mapping(entry).get("mount"))
        if mounted and (path == mounted or path.startswith(mounted.rstrip("/") + "/")) and len(mounted) > len(best):
            best, kind = mounted, text(mapping(entry).get("fstype"))
    return kind
