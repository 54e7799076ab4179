# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes of a Ceph cluster that is elsewhere: block devices (RBD) and shared file systems (CephFS). Pure."""

from __future__ import annotations

import base64
import re
from typing import Any, Dict, List, Mapping

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.namespace import privileged_namespace
from ansible_collections.baremetal.kubernetes.plugins.module_utils.storage.classes import (
    RECLAIM,
    check_choice,
    check_names,
    snapshot_class,
    storage_class,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import merged

PREFIX = "ceph_csi_"
#: Kind -> driver; each chart has a namespace of its own, for both have a ConfigMap ceph-csi-config.
DRIVERS = {"rbd": "rbd.csi.ceph.com", "cephfs": "cephfs.csi.ceph.com"}
CLUSTER = re.compile(r"[A-Za-z0-9-]{1,36}$")
MONITOR = re.compile(r"(\[(v[12]:)?[0-9a-fA-F:.]+\](:[0-9]+)?|[A-Za-z0-9.-]+(:[0-9]+)?)$")


def ceph_csi_data(settings: Mapping[str, Any]) -> Dict[str, Any]:
    """``kinds`` that are wanted, ``namespaces``, ``values`` by kind, ``objects``, and ``secrets``.

    ``settings`` are those of role ceph_csi without its prefix.

    :raises SettingError: one of them makes no sense.
    """
    check(settings)
    wanted = kinds(settings)
    data: Dict[str, Any] = {"kinds": wanted, "namespaces": [], "values": {}, "objects": [], "secrets": []}
    for kind in wanted:
        place = "ceph-csi-" + kind
        cluster = {"clusterID": str(settings["cluster_id"]), "monitors": [str(one) for one in settings["monitors"]]}
        data["namespaces"].append(privileged_namespace(place))
        data["values"][kind] = merged({"csiConfig": [cluster], "logLevel": 1}, settings[kind + "_values"] or {})
        data["secrets"].append(_secret(settings, kind, place))
        data["objects"] += _classes(settings, kind, place)
    return data


def kinds(settings: Mapping[str, Any]) -> List[str]:
    """Which of the two are wanted: those whose pool or file system is named."""
    return [kind for kind, key in (("rbd", "rbd_pool"), ("cephfs", "cephfs_name")) if settings[key]]


def check(settings: Mapping[str, Any]) -> None:
    """:raises SettingError: a setting that makes no sense. Keys are in no text."""
    if not CLUSTER.match(str(settings["cluster_id"])):
        raise SettingError(
            PREFIX + "cluster_id", "%r is no ID of a cluster" % settings["cluster_id"], "write what `ceph fsid` says"
        )
    if not settings["monitors"]:
        raise SettingError(PREFIX + "monitors", "it is empty", "write the addresses of Ceph's monitors, like [192.0.2.21:6789]")
    for monitor in settings["monitors"]:
        if not MONITOR.match(str(monitor)):
            raise SettingError(PREFIX + "monitors", "%r is no address" % (monitor,), "write ADDRESS or ADDRESS:PORT")
    wanted = kinds(settings)
    if not wanted:
        raise SettingError(
            PREFIX + "rbd_pool", "neither it nor ceph_csi_cephfs_name is set", "write a pool or a file system of Ceph"
        )
    for kind in wanted:
        for key in ("user", "key", "class"):
            if not settings["%s_%s" % (kind, key)]:
                raise SettingError("%s%s_%s" % (PREFIX, kind, key), "it is empty", "write it (docs/operations/volumes.md)")
        if str(settings[kind + "_user"]).startswith("client."):
            raise SettingError("%s%s_user" % (PREFIX, kind), "the driver adds client. itself", "write the name without it")
        if re.search(r"\s", str(settings[kind + "_key"])):
            raise SettingError("%s%s_key" % (PREFIX, kind), "there is white space in it", "write what `ceph auth get-key` says")
        check_names(settings, PREFIX, (kind + "_class", kind + "_snapshot_class"))
    if len(wanted) == 2 and settings["rbd_class"] == settings["cephfs_class"]:
        raise SettingError(PREFIX + "cephfs_class", "it is the name of RBD's class, too", "write another one")
    check_choice(settings, PREFIX, "reclaim_policy", RECLAIM)


def _secret_name(kind: str) -> str:
    return "csi-%s-secret" % kind


def _secret(settings: Mapping[str, Any], kind: str, place: str) -> Dict[str, Any]:
    given = {"userID": str(settings[kind + "_user"]), "userKey": str(settings[kind + "_key"])}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": _secret_name(kind), "namespace": place},
        "type": "Opaque",
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in given.items()},
    }


def _classes(settings: Mapping[str, Any], kind: str, place: str) -> List[Dict[str, Any]]:
    secret = {}
    for use in ("provisioner", "controller-expand", "node-stage"):
        secret["csi.storage.k8s.io/%s-secret-name" % use] = _secret_name(kind)
        secret["csi.storage.k8s.io/%s-secret-namespace" % use] = place
    parameters = {"clusterID": str(settings["cluster_id"]), **secret}
    more: Dict[str, Any] = {}
    if kind == "rbd":
        parameters.update(
            {
                "pool": str(settings["rbd_pool"]),
                "imageFeatures": "layering",
                "csi.storage.k8s.io/fstype": str(settings["rbd_fstype"]),
            }
        )
        # What a file system frees goes back to the pool.
        more["mountOptions"] = ["discard"]
    else:
        parameters["fsName"] = str(settings["cephfs_name"])
    snapshots = {
        "clusterID": str(settings["cluster_id"]),
        "csi.storage.k8s.io/snapshotter-secret-name": _secret_name(kind),
        "csi.storage.k8s.io/snapshotter-secret-namespace": place,
    }
    made = storage_class(
        str(settings[kind + "_class"]),
        DRIVERS[kind],
        parameters,
        bool(settings[kind + "_default_class"]),
        str(settings["reclaim_policy"]),
        "Immediate",
        **more,
    )
    return [made] + snapshot_class(str(settings[kind + "_snapshot_class"]), DRIVERS[kind], snapshots)
