# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes out of a ZFS pool of the node that the pod is on, by OpenEBS' ZFS LocalPV. Pure."""

from __future__ import annotations

import re
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

PREFIX = "openebs_zfs_"
NAMESPACE = "openebs"
DRIVER = "zfs.csi.openebs.io"
POOL = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]*(/[A-Za-z0-9_.:-]+)*$")
FILE_SYSTEMS = ("zfs", "ext4", "xfs", "btrfs")
#: Parameter -> values that the driver takes (openebs/zfs-localpv, docs/storageclasses.md); sizes are powers of two up to 128k.
SIZE = re.compile(r"(512|1k|2k|4k|8k|16k|32k|64k|128k)$")
SWITCH = re.compile(r"(on|off)$")
DECISION = re.compile(r"(yes|no)$")
COMPRESSION = re.compile(r"(on|off|lzjb|zle|lz4|gzip(-[1-9])?|zstd(-([1-9]|1[0-9]))?)$")
PARAMETERS = {
    "compression": COMPRESSION,
    "dedup": SWITCH,
    "thinprovision": DECISION,
    "shared": DECISION,
    "recordsize": SIZE,
    "volblocksize": SIZE,
}
#: What only data sets have, and what only block devices have.
OF_DATA_SETS, OF_DEVICES = ("recordsize", "shared"), ("volblocksize",)


def openebs_zfs_data(settings: Mapping[str, Any]) -> Dict[str, Any]:
    """``namespaces``, ``values`` of the chart, and ``objects``; ``settings`` are those of role openebs_zfs without its prefix.

    :raises SettingError: one of them makes no sense.
    """
    check(settings)
    parameters = {key: str(value) for key, value in (settings["parameters"] or {}).items()}
    parameters.update({"poolname": str(settings["pool"]), "fstype": str(settings["fstype"])})
    more: Dict[str, Any] = {}
    if settings["nodes"]:
        # The driver gives nodes this label; only there is the pool.
        chosen = {"key": "openebs.io/nodename", "values": [str(node) for node in settings["nodes"]]}
        more["allowedTopologies"] = [{"matchLabelExpressions": [chosen]}]
    made = storage_class(
        str(settings["class"]),
        DRIVER,
        parameters,
        bool(settings["default_class"]),
        str(settings["reclaim_policy"]),
        # A volume is where its pod is, so the pod has to be placed first.
        "WaitForFirstConsumer",
        **more,
    )
    values = {"analytics": {"enabled": False}}
    return {
        "namespaces": [privileged_namespace(NAMESPACE)],
        "values": merged(values, settings["values"] or {}),
        "objects": [made] + snapshot_class(str(settings["snapshot_class"]), DRIVER, {}),
    }


def check(settings: Mapping[str, Any]) -> None:
    """:raises SettingError: a setting that makes no sense."""
    if not POOL.match(str(settings["pool"])):
        raise SettingError(
            PREFIX + "pool", "%r is no pool or data set" % settings["pool"], "write its name as zfs list has it, like tank/volumes"
        )
    check_names(settings, PREFIX, ("class", "snapshot_class"))
    check_given(settings, PREFIX, "class", "fast-local-zfs")
    check_choice(settings, PREFIX, "fstype", FILE_SYSTEMS)
    check_choice(settings, PREFIX, "reclaim_policy", RECLAIM)
    unfit = OF_DEVICES if settings["fstype"] == "zfs" else OF_DATA_SETS
    for name, value in (settings["parameters"] or {}).items():
        place = "%sparameters.%s" % (PREFIX, name)
        if name not in PARAMETERS:
            raise SettingError(place, "the driver has no such parameter", "write some of %s" % ", ".join(PARAMETERS))
        if name in unfit:
            raise SettingError(place, "with fstype %s there is no %s" % (settings["fstype"], name), "remove it, or change fstype")
        # YAML reads on, off, yes and no as truth values.
        if isinstance(value, bool) or not PARAMETERS[name].match(str(value)):
            raise SettingError(place, "%r is none of its values" % (value,), 'write it in quotes, like "%s"' % _example(name))


def _example(name: str) -> str:
    return {"compression": "lz4", "dedup": "off", "recordsize": "16k", "volblocksize": "16k"}.get(name, "yes")
