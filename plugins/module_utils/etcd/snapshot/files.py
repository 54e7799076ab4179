# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files: how they are named, whether one is whole, and what is known of each.

``etcdctl snapshot save`` writes etcd's database, whose pages fill whole sectors of 512 bytes, and behind it the SHA-256 of all that
(etcd-io/etcd clientv3/snapshot/v3_snapshot.go, ``hasChecksum``). So a cut or changed file is known without etcd's programs.
"""

from __future__ import annotations

import calendar
import hashlib
import os
import re
import time
from typing import Any, Dict, List, NamedTuple, Optional

from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.errors import SnapshotError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import object_or_empty

#: Bytes of the checksum at the end, and of the sectors that the database before it fills.
CHECKSUM = hashlib.sha256().digest_size
SECTOR = 512
#: bbolt's first two pages are its meta pages, so nothing smaller is a database.
SMALLEST = 2 * 4096
CHUNK = 1024 * 1024
#: The time at the end of a name, in UTC: sorting by name is sorting by time.
STAMP = "%Y%m%dT%H%M%SZ"
NAME = re.compile(r"^(?P<prefix>[A-Za-z0-9][A-Za-z0-9._-]*)-(?P<stamp>\d{8}T\d{6}Z)\.db\Z")
PREFIX = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*\Z")


class Snapshot(NamedTuple):
    """A file of a directory of snapshots.

    ``taken`` in seconds since the epoch, ``size`` in bytes; ``facts`` is what ``save`` wrote beside it.
    """

    path: str
    taken: float
    size: int
    facts: Dict[str, Any]

    @property
    def cut(self) -> bool:
        """Whether its size alone shows that it is not whole."""
        known = self.facts.get("size")
        return self.size < SMALLEST + CHECKSUM or self.size % SECTOR != CHECKSUM or (isinstance(known, int) and known != self.size)


def file_name(prefix: str, taken: float) -> str:
    """``prefix-20261121T140419Z.db``.

    :raises SnapshotError: the prefix has characters that a name could not be told apart by.
    """
    if not PREFIX.match(prefix):
        raise SnapshotError("prefix", "%r is no beginning of a file's name" % prefix, "write letters, digits, dots, dashes")
    return "%s-%s.db" % (prefix, time.strftime(STAMP, time.gmtime(taken)))


def taken_at(name: str) -> Optional[float]:
    """The time in a name, or None where it is not one of ours."""
    found = NAME.match(name)
    if not found:
        return None
    try:
        return float(calendar.timegm(time.strptime(found.group("stamp"), STAMP)))
    except (ValueError, OverflowError):
        return None


def facts_path(path: str) -> str:
    """Where ``save`` writes what it knows of a snapshot."""
    return path + ".json"


def read_facts(path: str) -> Dict[str, Any]:
    """What ``save`` wrote of a snapshot; empty where it is missing or unreadable, since the snapshot itself is what counts."""
    return object_of(facts_path(path))


def object_of(path: str) -> Dict[str, Any]:
    """The object of a JSON file; empty where it is missing, unreadable or something else."""
    try:
        with open(path, encoding="utf-8") as stream:
            return object_or_empty(stream.read())
    except (OSError, UnicodeError):
        return {}


def listing(directory: str, prefix: str = "") -> List[Snapshot]:
    """The snapshots of a directory, oldest first; other files are passed over. With ``prefix`` only those that begin so.

    :raises SnapshotError: there is such a directory, and it can't be read.
    """
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise SnapshotError(directory, "it can't be read: %s" % error.strerror, "name a directory that root can read")
    found: List[Snapshot] = []
    for name in names:
        taken, match = taken_at(name), NAME.match(name)
        path = os.path.join(directory, name)
        if taken is None or match is None or (prefix and match.group("prefix") != prefix) or not os.path.isfile(path):
            continue
        found.append(Snapshot(path, taken, os.path.getsize(path), read_facts(path)))
    return sorted(found, key=lambda snapshot: (snapshot.taken, snapshot.path))


def check_whole(path: str, without_checksum: bool = False) -> str:
    """The SHA-256 of the whole file, in hexadecimal, once its own checksum has been found right.

    ``without_checksum``: the file is a copy of a member's ``member/snap/db``, which has none.

    :raises SnapshotError: it is missing, cut, changed, or no snapshot.
    """
    try:
        size = os.path.getsize(path)
        with open(path, "rb") as stream:
            return _sum(path, stream, size, without_checksum)
    except FileNotFoundError:
        raise SnapshotError(path, "there is no such file", "name a snapshot that exists; state listed shows those of a directory")
    except OSError as error:
        raise SnapshotError(path, "it can't be read: %s" % error.strerror, "name a file that root can read")


def _sum(path: str, stream: Any, size: int, without_checksum: bool) -> str:
    if size < SMALLEST:
        raise SnapshotError(path, "it has %d bytes, too few for a database of etcd" % size, "take another snapshot")
    if without_checksum:
        if size % SECTOR:
            raise SnapshotError(
                path, "its size of %d bytes is none of a copied database" % size, "copy member/snap/db again, etcd stopped"
            )
    elif size % SECTOR == 0:
        raise SnapshotError(
            path,
            "it ends without a checksum, as a copy of member/snap/db does, or a cut file",
            "take another; only for such a copy, set skip_hash_check",
        )
    elif size % SECTOR != CHECKSUM:
        raise SnapshotError(
            path, "it is cut: %d bytes are no database with its checksum" % size, "take another snapshot, or copy this one again"
        )
    of_all, of_database = hashlib.sha256(), hashlib.sha256()
    left = size if without_checksum else size - CHECKSUM
    while left:
        chunk = stream.read(min(CHUNK, left))
        if not chunk:
            raise SnapshotError(path, "it became shorter while it was read", "wait until nobody writes to it")
        of_database.update(chunk)
        of_all.update(chunk)
        left -= len(chunk)
    if not without_checksum:
        written = stream.read(CHECKSUM)
        of_all.update(written)
        if written != of_database.digest():
            raise SnapshotError(
                path, "it is damaged: its checksum is not that of its content", "take another snapshot, or copy this one again"
            )
    return of_all.hexdigest()
