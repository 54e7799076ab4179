# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Before a restore: the archive is brought to the host, decrypted and checked to the last part, while everything still runs.

What is unpacked stands below one folder of mode 0700 until the restore has ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup import names
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.archive import SNAPSHOT, read_archive
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.encryption import decrypt
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.errors import BackupError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.settings import Storage
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.storage import Bucket
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.files import check_whole
from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import object_or_empty
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

FOLDER = "/var/lib/baremetal-kubernetes/restore"
#: The restore that was begun on this host and has not ended: its name, which all hosts share, and its archive.
CURRENT = "current.json"
MANIFEST = "staged.json"


class Staged(NamedTuple):
    """An archive that is unpacked and proven; ``folder`` holds its parts."""

    changed: bool
    folder: str
    manifest: Dict[str, Any]

    @property
    def snapshot(self) -> str:
        return os.path.join(self.folder, SNAPSHOT) if self.manifest.get("snapshot") else ""


def find(directory: str, storage: Optional[Storage], cluster: str) -> List[Dict[str, Any]]:
    """What there is to restore from, oldest first: path, name, kind, host, taken, size, and where (host or storage)."""
    found: List[Tuple[str, names.Archive]] = [("host", archive) for archive in names.in_directory(directory)]
    if storage is not None:
        bucket = Bucket(storage)
        found += [("storage", archive) for archive in names.whole(bucket.list(bucket.key(cluster) + "/"))]
    found.sort(key=lambda pair: (pair[1].taken, pair[1].name, pair[0]))
    return [
        {
            "where": where,
            "path": archive.path,
            "name": archive.name,
            "kind": archive.kind,
            "host": archive.host,
            "taken": archive.taken,
            "size": archive.size,
        }
        for where, archive in found
    ]


def unfinished(runner: Runner, folder: str = FOLDER) -> Dict[str, Any]:
    """The restore that was begun here and did not end: ``operation`` and ``archive``; empty where there is none."""
    return object_or_empty(runner.read(os.path.join(folder, CURRENT)))


def make_room(folder: str = "") -> None:
    """The folder that an archive from elsewhere is brought to.

    :raises BackupError: it can't be made.
    """
    folder = folder or FOLDER
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        os.chmod(folder, 0o700)
        os.makedirs(os.path.join(folder, "incoming"), mode=0o700, exist_ok=True)
    except OSError as error:
        raise BackupError(folder, "it can't be made: %s" % (error.strerror or error), "make room on that file system")


def begin(operation: str, archive: str, folder: str = FOLDER) -> None:
    """Remember that a restore begins, before anything is stopped."""
    part = os.path.join(folder, "." + CURRENT)
    with open(part, "w", encoding="utf-8") as stream:
        json.dump({"operation": operation, "archive": archive}, stream)
        stream.flush()
        os.fsync(stream.fileno())
    os.rename(part, os.path.join(folder, CURRENT))


def end(folder: str = FOLDER) -> bool:
    """Throw away what was unpacked, and the memory of the restore; whether there was any."""
    there = os.path.isdir(folder)
    shutil.rmtree(folder, ignore_errors=True)
    return there


def stage(
    runner: Runner, name: str, cluster: str, storage: Optional[Storage], source: str, key: str, folder: str = FOLDER
) -> Staged:
    """Bring, decrypt and check an archive.

    :param source: its path on this host; empty where it comes from the storage.
    :param key: the passphrase, or age's identity.
    :raises BackupError: it is not to be restored from; nothing but the folder was touched.
    """
    target = os.path.join(folder, name)
    known = _staged(runner, target)
    if known:
        return Staged(False, target, known)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    os.chmod(folder, 0o700)
    work = target + ".unpacking"
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work, mode=0o700)
    try:
        path = source or work + "/" + name
        if not source:
            if storage is None:
                raise BackupError(
                    "backup_storage", "it is not set, and %s is not on this host" % name, "set it, or name a file in restore_from"
                )
            bucket = Bucket(storage)
            there = bucket.key(cluster, name)
            bucket.get(there, path)
            bucket.get(there + names.BESIDE, path + names.BESIDE)
        beside = names.read_beside(runner.read(path + names.BESIDE), path)
        if beside.get("cluster") != cluster:
            raise BackupError(
                name,
                "it is of the cluster %r, and this is %r" % (beside.get("cluster"), cluster),
                "choose a backup of this cluster",
            )
        packed = work + "/archive.tar.gz"
        with _key_file(work, key) as key_file:
            decrypt(runner, path, packed, beside, key_file)
        parts = work + "/parts"
        os.makedirs(parts, mode=0o700)
        manifest = read_archive(packed, parts)
        if manifest.get("snapshot"):
            check_whole(os.path.join(parts, SNAPSHOT))
        with open(os.path.join(parts, MANIFEST), "w", encoding="utf-8") as stream:
            json.dump(manifest, stream)
        shutil.rmtree(target, ignore_errors=True)
        os.rename(parts, target)
    except OSError as error:
        raise BackupError(folder, "it can't be unpacked there: %s" % (error.strerror or error), "make room on that file system")
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return Staged(True, target, manifest)


def staged(runner: Runner, target: str) -> Staged:
    """What stands in a folder.

    :raises BackupError: it was not staged, or is damaged by now.
    """
    manifest = _staged(runner, target)
    if not manifest:
        raise BackupError(target, "no archive was unpacked there", "run the playbook restore, which does it")
    return Staged(False, target, manifest)


def _staged(runner: Runner, target: str) -> Dict[str, Any]:
    """The manifest of an archive that an earlier run has unpacked, its snapshot still whole; else empty."""
    manifest = object_or_empty(runner.read(os.path.join(target, MANIFEST)))
    if manifest.get("snapshot"):
        check_whole(os.path.join(target, SNAPSHOT))
    return manifest


@contextlib.contextmanager
def _key_file(folder: str, key: str) -> Iterator[str]:
    path = folder + "/key"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(key.strip("\n") + "\n")
    try:
        yield path
    finally:
        os.unlink(path)
