# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes with replicas on several nodes, by Longhorn. Pure."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.namespace import privileged_namespace
from ansible_collections.baremetal.kubernetes.plugins.module_utils.storage.classes import (
    RECLAIM,
    check_choice,
    check_given,
    check_names,
    snapshot_class,
    storage_class,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import merged

PREFIX = "longhorn_"
NAMESPACE = "longhorn-system"
DRIVER = "driver.longhorn.io"
LOCALITIES = ("disabled", "best-effort", "strict-local")
FILE_SYSTEMS = ("ext4", "xfs")
#: A node needs them for its engine and for encrypted and shared volumes (Longhorn's installation requirements).
KERNEL_MODULES = ("iscsi_tcp", "dm_crypt")


def longhorn_data(settings: Mapping[str, Any]) -> Dict[str, Any]:
    """``namespaces``, ``values`` of the chart, and ``objects``; ``settings`` are those of role longhorn without its prefix.

    :raises SettingError: one of them makes no sense.
    """
    check(settings)
    values = {
        # The class is this role's own.
        "persistence": {"createStorageClass": False, "defaultClass": False},
        "defaultSettings": {
            "defaultDataPath": str(settings["data_path"]),
            "defaultReplicaCount": int(settings["replicas"]),
            "allowCollectingLonghornUsageMetrics": False,
        },
    }
    made = storage_class(
        str(settings["class"]),
        DRIVER,
        {
            "numberOfReplicas": str(int(settings["replicas"])),
            # Minutes until a replica that can't be reached is thrown away and made anew.
            "staleReplicaTimeout": "2880",
            "fsType": str(settings["fstype"]),
            "dataLocality": str(settings["data_locality"]),
        },
        bool(settings["default_class"]),
        str(settings["reclaim_policy"]),
        "WaitForFirstConsumer" if settings["data_locality"] == "strict-local" else "Immediate",
    )
    return {
        "namespaces": [privileged_namespace(NAMESPACE)],
        "values": merged(values, settings["values"] or {}),
        # Within Longhorn, beside the volume: a snapshot, where type bak would be a backup elsewhere.
        "objects": [made] + snapshot_class(str(settings["snapshot_class"]), DRIVER, {"type": "snap"}),
    }


def check(settings: Mapping[str, Any]) -> None:
    """:raises SettingError: a setting that makes no sense."""
    replicas = int(settings["replicas"])
    if not 1 <= replicas <= 20:
        raise SettingError(PREFIX + "replicas", "%d is no number of replicas" % replicas, "write 1 to 20, at best 3")
    if settings["data_locality"] == "strict-local" and replicas != 1:
        raise SettingError(
            PREFIX + "data_locality", "strict-local is for a single replica, and there are %d" % replicas, "write best-effort"
        )
    if not str(settings["data_path"]).startswith("/") or str(settings["data_path"]) == "/":
        raise SettingError(
            PREFIX + "data_path", "%r is no directory" % settings["data_path"], "write a path, like /var/lib/longhorn"
        )
    check_names(settings, PREFIX, ("class", "snapshot_class"))
    check_given(settings, PREFIX, "class", "slow-replicated")
    check_choice(settings, PREFIX, "data_locality", LOCALITIES)
    check_choice(settings, PREFIX, "fstype", FILE_SYSTEMS)
    check_choice(settings, PREFIX, "reclaim_policy", RECLAIM)
