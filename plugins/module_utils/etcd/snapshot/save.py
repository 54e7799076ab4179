# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Saving: one endpoint, a file of another name until it is proven whole, then its own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from typing import Any, Dict, List, NamedTuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.client import EtcdClient
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.errors import EtcdError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.errors import SnapshotError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.files import (
    Snapshot,
    check_whole,
    facts_path,
    file_name,
    taken_at,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.tools import Certificates, Tools
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.files import nearest_directory
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.lock import hold
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.replace import replace_file, sync
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

#: Ends of the names of files that are not done. etcdctl itself adds the second one.
UNDONE = (".saving", ".saving.part")
#: What a full disk would cost is more than the snapshot: this share of the database's size must stay free beside it.
SPARE = 0.1


class Saved(NamedTuple):
    """A snapshot that was, or in check mode would be, saved."""

    path: str
    facts: Dict[str, Any]


def save(
    directory: str, prefix: str, endpoint: str, certificates: Certificates, runner: Runner, only_look: bool, timeout: float = 600
) -> Saved:
    """Save a snapshot of one member into ``directory``, which is made with mode 0700 where it is missing.

    :raises SnapshotError: it could not be saved whole; nothing of it is left.
    """
    path = os.path.join(directory, file_name(prefix, runner.now()))
    try:
        status = EtcdClient(endpoint, *certificates).status()
    except EtcdError as error:
        raise SnapshotError(endpoint, error.cause, error.remedy)
    # A learner, and a member that lost its leader, still serve a snapshot: of a past that nobody asked for.
    if status.learner or not status.leader:
        what = "this member is a learner" if status.learner else "this member knows no leader: the cluster has no quorum"
        raise SnapshotError(endpoint, what, "name the endpoint of a healthy voting member")
    facts: Dict[str, Any] = {"endpoint": endpoint, "etcd_version": status.version, "member_id": "%x" % status.member_id}
    tools = Tools(runner, timeout)
    saver, restorer = tools.saver(), tools.restorer()
    _check_room(directory, status.db_size)
    if only_look:
        return Saved(path, facts)
    os.makedirs(directory, mode=0o700, exist_ok=True)
    # Nobody else saves into the directory meanwhile.
    with hold(directory, 0, SnapshotError(directory, "another process saves a snapshot into it", "wait for it to end")):
        _clear(directory, prefix)
        if os.path.exists(path):
            raise SnapshotError(path, "it exists: one was saved within this second", "wait a second")
        undone = path + UNDONE[0]
        try:
            tools.save(saver, endpoint, certificates, undone)
            os.chmod(undone, 0o600)
            facts["sha256"] = check_whole(undone)
            facts.update(tools.status(restorer, undone))
            facts["size"] = os.path.getsize(undone)
            sync(undone)
            os.rename(undone, path)
        except OSError as error:
            raise SnapshotError(
                directory, "the snapshot could not be kept: %s" % error.strerror, "give root room and the right to write"
            )
        finally:
            for end in UNDONE:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path + end)
        replace_file(facts_path(path), json.dumps(facts, indent=1, sort_keys=True) + "\n", 0o600)
        sync(directory)
    return Saved(path, facts)


def remove(snapshots: List[Snapshot]) -> None:
    """Delete snapshots with what is known of them.

    :raises SnapshotError: the system does not let it.
    """
    for snapshot in snapshots:
        # What is known of it last: without its snapshot it does no harm.
        for path in (snapshot.path, facts_path(snapshot.path)):
            try:
                os.unlink(path)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise SnapshotError(
                    path, "it can't be deleted: %s" % error.strerror, "see who holds it, and whether it is mounted read-only"
                )


def _check_room(directory: str, size: int) -> None:
    try:
        free = shutil.disk_usage(nearest_directory(directory)).free
    except NotADirectoryError as error:
        raise SnapshotError(str(error.filename), "it is no directory", "name a directory")
    if free < size * (1 + SPARE):
        raise SnapshotError(
            directory,
            "%d MB are free, and the database has %d MB" % (free // 10**6, size // 10**6),
            "make room, keep fewer snapshots, or defragment etcd",
        )


def _clear(directory: str, prefix: str) -> None:
    """Remove what a killed run left undone."""
    for name in os.listdir(directory):
        for end in UNDONE:
            if name.startswith(prefix + "-") and name.endswith(end) and taken_at(name[: -len(end)]) is not None:
                os.unlink(os.path.join(directory, name))
