# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of the playbooks backup and restore, which are refused before a host is touched."""

from __future__ import annotations

from typing import Iterator

from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.settings import complaints
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import Topology, mapping, text
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem, grouped, of_hosts
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.restoring import PLAYBOOKS

BACKUP = "backup"
#: Settings that may name a file on the controller, and what the file that describes it is called.
FILES = ("restore_from", "restore_files_from")
DESCRIPTION = ".json"


def check(topology: Topology) -> Iterator[Problem]:
    if topology.playbook == BACKUP:
        yield from _backup(topology)
        yield from _schedules(topology)
    if topology.playbook in PLAYBOOKS:
        yield from _key(topology)
        yield from _named_file(topology)


def _backup(topology: Topology) -> Iterator[Problem]:
    yield from of_hosts((one, host.host) for host in topology.backup_hosts for one in complaints(host.variables))
    if not topology.backup_hosts:
        yield Problem(
            "group control_plane", "no host has a cluster to back up", "build it first, with the playbook of its topology"
        )
    elif not any(mapping(host.setting("backup_storage")) or host.setting("backup_every_member") for host in topology.backup_hosts):
        yield Problem(
            "backup_storage",
            "it is not set, so the only copy of a backup is on the disk of the member that took it",
            "set it to a bucket elsewhere; without one, at least set backup_every_member: true",
            warning=True,
        )


def _schedules(topology: Topology) -> Iterator[Problem]:
    """Who leads is looked at when the timers fire, so they have to fire together."""
    schedules = grouped((text(node.setting("backup_schedule")) or "hourly", node.host) for node in topology.backup_hosts)
    if len(schedules) > 1:
        few = min(schedules.values(), key=len)
        yield Problem("backup_schedule", "it has %d values" % len(schedules), "set it once for all hosts", tuple(few))


def _key(topology: Topology) -> Iterator[Problem]:
    for node in topology.etcd_members + topology.control_planes:
        keys = [text(node.setting(name)) for name in ("restore_passphrase", "backup_passphrase", "restore_age_identity")]
        if not any(keys):
            yield Problem(
                "restore_passphrase",
                "neither it nor backup_passphrase nor restore_age_identity is set, so no backup could be read",
                "write the passphrase that backups were taken with, in a vault",
                (node.host,),
            )
            return


def _named_file(topology: Topology) -> Iterator[Problem]:
    """What has a slash in it is a path on the controller; whatever else it is a name, hosts and storage know."""
    named = grouped(
        ((name, text(node.setting(name))), node.host)
        for node in topology.etcd_members + topology.control_planes
        for name in FILES
        if "/" in text(node.setting(name))
    )
    for (name, path), hosts in named.items():
        lacking = [file for file in (path, path + DESCRIPTION) if not text(topology.files.get(file))]
        if lacking:
            yield Problem(
                name,
                "there is no readable file %s on this computer" % lacking[0],
                "correct the path; the archive and its %s are beside each other" % DESCRIPTION
                if lacking[0] == path
                else "bring it from where the archive comes from: it says what is in that",
                tuple(dict.fromkeys(hosts)),
            )
