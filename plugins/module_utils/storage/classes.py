# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Classes of volumes and snapshots, as all drivers have them. Pure."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError

NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")
RECLAIM = ("Delete", "Retain")


def check_names(settings: Mapping[str, Any], prefix: str, keys: Sequence[str]) -> None:
    """:raises SettingError: a class's name that Kubernetes does not take. An empty one is a class that is not wanted."""
    for key in keys:
        name = str(settings[key])
        if name and not NAME.match(name):
            raise SettingError(
                prefix + key, "%r can't name a class" % name, "write small letters, digits and hyphens, like fast-local-zfs"
            )


def check_given(settings: Mapping[str, Any], prefix: str, key: str, example: str) -> None:
    """:raises SettingError: nothing where a name has to be."""
    if not settings[key]:
        raise SettingError(prefix + key, "it is empty", "write a name, like %s" % example)


def check_choice(settings: Mapping[str, Any], prefix: str, key: str, choices: Sequence[str]) -> None:
    """:raises SettingError: none of the choices."""
    if str(settings[key]) not in choices:
        raise SettingError(prefix + key, "%r is none of them" % (settings[key],), "write %s" % " or ".join(choices))


def storage_class(
    name: str, provisioner: str, parameters: Mapping[str, str], default: bool, reclaim: str, binding: str, **more: Any
) -> Dict[str, Any]:
    """A StorageClass. Kubernetes lets nobody change its parameters afterwards: they need a class with another name."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": name,
            # Also where it is false: else a class that was the default once would stay so.
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true" if default else "false"},
        },
        "provisioner": provisioner,
        "parameters": dict(parameters),
        "reclaimPolicy": reclaim,
        "volumeBindingMode": binding,
        "allowVolumeExpansion": True,
        **more,
    }


def snapshot_class(name: str, driver: str, parameters: Mapping[str, str]) -> List[Dict[str, Any]]:
    """A VolumeSnapshotClass; none without a name."""
    if not name:
        return []
    made: Dict[str, Any] = {
        "apiVersion": "snapshot.storage.k8s.io/v1",
        "kind": "VolumeSnapshotClass",
        "metadata": {"name": name},
        "driver": driver,
        "deletionPolicy": "Delete",
    }
    return [{**made, "parameters": dict(parameters)} if parameters else made]
