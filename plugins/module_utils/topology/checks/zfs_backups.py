# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of the playbooks zfs_backup and zfs_backup_restore, which are refused before a host is touched."""

from __future__ import annotations

from typing import Iterator

from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import Topology
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem, of_hosts
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.settings import complaints, restore_complaints

BACKUP, RESTORE = "zfs_backup", "zfs_backup_restore"


def check(topology: Topology) -> Iterator[Problem]:
    if topology.playbook not in (BACKUP, RESTORE):
        return
    wrong = complaints if topology.playbook == BACKUP else restore_complaints
    yield from of_hosts((one, node.host) for node in topology.nodes.values() for one in wrong(node.variables))
    if topology.playbook == BACKUP and not any(node.setting("zfs_backup_datasets") for node in topology.nodes.values()):
        yield Problem("zfs_backup_datasets", "no host has any", "name the datasets, like [{name: tank/volumes}]")
    wanted = {str(node.setting("zfs_backup_restore_on") or "") for node in topology.nodes.values()}
    if topology.playbook == RESTORE and not wanted & set(topology.nodes):
        yield Problem(
            "zfs_backup_restore_on",
            "%s is no host of this inventory" % (" or ".join(sorted(filter(None, wanted))) or "it is not set, and nothing"),
            "write -e zfs_backup_restore_on=HOST",
        )
